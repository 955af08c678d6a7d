"""Several nets of one topology at a time, each on its own sequences, in the lanes of vectors.

How it is cut
    team.h     one step of all lanes, as _core.pyx takes it with one net
    here            which lane is where: a lane that is done with its sequences takes the next job

It is for dense inputs, the truncated gradient forward in time, updates at every target, squared
errors, logistic or linear outputs. Weights and results are those of `Network`, bit for bit, as long
as states and traces are finite: where one net moves, its neighbours move by zero times theirs.
"""

from libc.math cimport NAN, fabs, isfinite, isnan
from libc.stdint cimport INT64_MAX, int64_t, uintptr_t
from libc.string cimport memset

from lstm97._core cimport Steps, Summary, check_sequences, check_targets

import numpy as np


cdef extern from "team.h" nogil:
    enum:
        TEAM  # nets that go in lockstep

    ctypedef struct Lockstep:
        int n_inputs, n_gates, n_cells, n_hidden, n_units, n_outputs, block_size
        int input_gate, output_gate, linear_state, shortcut, output_bias, logistic_output
        int first_output_gate, first_feedback, n_feedback, n_sources
        double g_low, g_high, g_slope
        double *bias_mask
        double *w
        double *w_output
        double *x
        double *y
        double *previous
        double *s
        double *h
        double *u
        double *u_gate
        double *trace
        double *trace_gate
        double *output
        double *e
        double *e_s
        double *delta

    void lockstep_steps(
        Lockstep *q, int64_t n, const double **rows, const int *strides
    ) noexcept
    void lockstep_outputs(const Lockstep *q) noexcept
    void lockstep_update(const Lockstep *q, double rate, const int *is_due) noexcept


cdef struct Job:
    double *weights
    const double *x           # (n_steps, n_inputs)
    const int64_t *starts     # (n_sequences,)
    const int64_t *lengths
    const int64_t *first      # first row of values of each sequence
    const double *values      # (n_rows, n_outputs); NaN: no target
    double *results           # (n_sequences, 3)
    int64_t n_sequences
    int64_t n_done
    bint every                # a row of values per step, or one per sequence


cdef struct Lane:
    Job *job                  # NULL: nothing to do
    int64_t i, t              # sequence and step
    Summary sum
    const double *target


cdef inline void exchange(
    const Lockstep *q, const int64_t[::1] places, int lane, double *weights, bint inward
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(places.shape[0]):
        if inward:
            q.w[places[i] * TEAM + lane] = weights[i]
        else:
            weights[i] = q.w[places[i] * TEAM + lane]


cdef inline void clear_lane(double *p, Py_ssize_t n, int lane) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        p[i * TEAM + lane] = 0.0


cdef inline void begin_sequence(const Lockstep *q, Lane *at, int lane) noexcept nogil:
    clear_lane(q.y, q.n_units, lane)
    clear_lane(q.s, q.n_cells, lane)
    clear_lane(q.trace, q.n_sources * q.n_cells, lane)
    clear_lane(q.trace_gate, q.n_sources * q.n_cells, lane)
    memset(&at.sum, 0, sizeof(Summary))
    at.t = 0


cdef inline const double *row_of(const Lockstep *q, const Lane *at) noexcept nogil:
    """The inputs at this step of a lane."""
    return at.job.x + (at.job.starts[at.i] + at.t) * q.n_inputs


cdef inline const double *target_of(const Lockstep *q, const Lane *at) noexcept nogil:
    """What is due at this step of a lane; NULL: nothing."""
    cdef int k
    cdef const double *target
    if at.job == NULL or not (at.job.every or at.t == at.job.lengths[at.i] - 1):
        return NULL
    target = at.job.values
    target += (at.job.first[at.i] + (at.t if at.job.every else 0)) * q.n_outputs
    for k in range(q.n_outputs):
        if not isnan(target[k]):
            return target
    return NULL


cdef inline void output_error(const Lockstep *q, Lane *at, int lane) noexcept nogil:
    """Errors e at the outputs' net inputs (19); zero where nothing is due."""
    cdef int k
    cdef double error, y, loss = 0.0
    for k in range(q.n_outputs):
        q.e[k * TEAM + lane] = 0.0
        if at.target == NULL or isnan(at.target[k]):
            continue
        y = q.output[k * TEAM + lane]
        error = at.target[k] - y
        loss += 0.5 * error * error
        q.e[k * TEAM + lane] = error * y * (1.0 - y) if q.logistic_output else error
        if isnan(error) or fabs(error) > at.sum.max_error:
            at.sum.max_error = fabs(error)  # a NaN stays: nothing is larger
        at.sum.sum_error += fabs(error)
        at.sum.n_errors += 1
    at.sum.loss += loss


cdef inline bint end_sequence(Lane *at) noexcept nogil:
    """Write its results; tell whether the job goes on."""
    cdef double *results = at.job.results + 3 * at.i
    results[0] = at.sum.loss
    results[1] = at.sum.max_error if at.sum.n_errors else NAN
    results[2] = at.sum.sum_error / at.sum.n_errors if at.sum.n_errors else NAN
    if not isfinite(at.sum.loss):
        return False
    at.job.n_done += 1
    at.i += 1
    return at.i < at.job.n_sequences


cdef inline int64_t steps_before(const Lane *at) noexcept nogil:
    """How many steps from here on have no target, for sure."""
    return 0 if at.job.every else at.job.lengths[at.i] - 1 - at.t


cdef inline void begin_job(
    const Lockstep *q, const int64_t[::1] places, Lane *at, int lane, Job *job
) noexcept nogil:
    at.job = job
    at.i = 0
    exchange(q, places, lane, job.weights, True)
    begin_sequence(q, at, lane)


cdef inline void advance(
    const Lockstep *q, const int64_t[::1] places, Lane *at, int lane
) noexcept nogil:
    """To the next step, or sequence, or to the end of the job."""
    at.t += 1
    if at.t < at.job.lengths[at.i]:
        return
    if end_sequence(at):
        begin_sequence(q, at, lane)
    else:
        exchange(q, places, lane, at.job.weights, False)
        at.job = NULL


cdef void learn_jobs(
    Lockstep *q, const int64_t[::1] places, Job *jobs, Py_ssize_t n_jobs, double rate,
    const double *nothing
) noexcept nogil:
    """Do all jobs; an idle lane is fed with nothing."""
    cdef Lane lanes[TEAM]
    cdef const double *rows[TEAM]
    cdef int strides[TEAM]
    cdef Py_ssize_t next_job = 0
    cdef int64_t n_free
    cdef int lane
    cdef int is_due[TEAM]
    cdef bint is_idle, any_due
    memset(lanes, 0, sizeof(lanes))
    while True:
        n_free, is_idle, any_due = INT64_MAX, True, False
        for lane in range(TEAM):
            while next_job < n_jobs and jobs[next_job].n_sequences == 0:
                next_job += 1
            if lanes[lane].job == NULL and next_job < n_jobs:
                begin_job(q, places, &lanes[lane], lane, &jobs[next_job])
                next_job += 1
            rows[lane], strides[lane] = nothing, 0
            if lanes[lane].job != NULL:
                is_idle = False
                n_free = min(n_free, steps_before(&lanes[lane]))
                rows[lane], strides[lane] = row_of(q, &lanes[lane]), q.n_inputs
        if is_idle:
            return
        lockstep_steps(q, n_free + 1, rows, strides)
        for lane in range(TEAM):
            lanes[lane].t += n_free
            lanes[lane].target = target_of(q, &lanes[lane])
            is_due[lane] = lanes[lane].target != NULL
            any_due = any_due or is_due[lane]
        if any_due:
            lockstep_outputs(q)
            for lane in range(TEAM):
                output_error(q, &lanes[lane], lane)
            lockstep_update(q, rate, is_due)
        for lane in range(TEAM):
            if lanes[lane].job != NULL:
                advance(q, places, &lanes[lane], lane)


# ---- what Python calls ---------------------------------------------------------------------------

TEAM_SIZE = TEAM


def is_possible(topology):
    """Tell whether `Team` can train nets of a topology."""
    return (
        topology.loss == "squared_error"
        and topology.output_activation in ("logistic", "linear")
        and not topology.recurrent_outputs
    )


cdef class Team:
    """Memory for as many nets of one topology as a vector has lanes.

    Parameters
    ----------
    topology : lstm97.learning.topology.Topology
        One that `is_possible`.
    """

    cdef Lockstep q
    cdef object topology
    cdef int64_t[::1] places
    cdef double[::1] memory, bias_mask, nothing

    def __cinit__(self, topology):
        if not is_possible(topology):
            raise ValueError(f"nets of this kind do not go in lockstep: {topology}")
        self.topology = topology
        self._set_sizes()
        self._allocate()
        self.places = places_of(topology)

    cdef _set_sizes(self):
        cdef Lockstep *q = &self.q
        t = self.topology
        q.n_inputs, q.n_outputs, q.n_units = t.n_inputs, t.n_outputs, t.n_units
        q.n_cells, q.n_hidden, q.block_size = t.n_cells, t.n_hidden, t.block_size
        q.input_gate, q.output_gate = t.input_gate, t.output_gate
        q.first_output_gate = t.n_blocks * t.input_gate
        q.n_gates = q.first_output_gate + t.n_blocks * t.output_gate
        q.linear_state = t.state_activation == "identity"
        q.logistic_output = t.output_activation == "logistic"
        q.shortcut, q.output_bias = t.shortcut, t.output_bias
        q.first_feedback, q.n_feedback = t.first_feedback, t.n_feedback
        q.n_sources = q.n_inputs + q.n_feedback + 1
        q.g_low, q.g_high = t.cell_range
        q.g_slope = 1.0 / (q.g_high - q.g_low)

    cdef _allocate(self):
        """One zeroed array for all registers, on a cache line's border."""
        cdef Lockstep *q = &self.q
        cdef Py_ssize_t hidden = q.n_sources * q.n_units, traces = q.n_sources * q.n_cells
        cdef Py_ssize_t output = q.n_outputs * (
            q.n_inputs * q.shortcut + q.n_cells + q.n_hidden + 1
        )
        self.bias_mask, self.nothing = np.zeros(q.n_units + 1), np.zeros(q.n_inputs)
        for group in self.topology.hidden_groups:
            np.asarray(self.bias_mask)[group.first : group.first + group.n_units] = group.bias
        q.bias_mask = &self.bias_mask[0]
        self.memory = np.zeros(8 + TEAM * (
            hidden + output + q.n_inputs + 3 * q.n_units + 5 * q.n_cells + 2 * traces
            + 2 * q.n_outputs
        ))
        cdef double *p = &self.memory[0]
        p += (64 - <uintptr_t> p % 64) % 64 // sizeof(double)
        q.w, p = p, p + hidden * TEAM
        q.w_output, p = p, p + output * TEAM
        q.x, p = p, p + q.n_inputs * TEAM
        q.y, p = p, p + q.n_units * TEAM
        q.previous, p = p, p + q.n_units * TEAM
        q.delta, p = p, p + q.n_units * TEAM
        q.s, p = p, p + q.n_cells * TEAM
        q.h, p = p, p + q.n_cells * TEAM
        q.u, p = p, p + q.n_cells * TEAM
        q.u_gate, p = p, p + q.n_cells * TEAM
        q.e_s, p = p, p + q.n_cells * TEAM
        q.trace, p = p, p + traces * TEAM
        q.trace_gate, p = p, p + traces * TEAM
        q.output, p = p, p + q.n_outputs * TEAM
        q.e = p

    def learn(self, jobs, double learning_rate):
        """Train several nets, each on its own sequences, one after the other.

        Parameters
        ----------
        jobs : list of (weights, X, y)
            Weights of shape (n_weights,), changed in place; dense Sequences; Targets without
            weights.
        learning_rate : float

        Returns
        -------
        results : list of ndarray of shape (n_sequences, 3)
            As `Network.learn` writes them; shorter, if a loss was not finite.
        """
        cdef Py_ssize_t j, n_jobs = len(jobs)
        cdef unsigned char[::1] memory = np.zeros(max(1, n_jobs) * sizeof(Job), np.uint8)
        cdef Job *table = <Job *> &memory[0]
        results = [np.empty((len(X), 3)) for _, X, _ in jobs]
        kept = []  # what the table borrows
        for j, (weights, X, y) in enumerate(jobs):
            kept.append(self._set_job(&table[j], weights, X, y, results[j]))
        with nogil:
            learn_jobs(&self.q, self.places, table, n_jobs, learning_rate, &self.nothing[0])
        return [results[j][: table[j].n_done] for j in range(n_jobs)]

    cdef _set_job(self, Job *job, double[::1] weights, X, y, double[:, ::1] results):
        """Check one job and fill its row of the table; returns what must live until it is done."""
        cdef Steps steps = Steps(X.flat)
        cdef const int64_t[::1] starts = X.starts, lengths = X.lengths, first = y.first
        cdef const double[:, ::1] values = y.values
        if steps.input.dense == NULL or y.weight is not None:
            raise ValueError("nets in lockstep want dense inputs and targets without weights")
        check_sequences(self.topology, weights, steps, starts, lengths)
        check_targets(self.q.n_outputs, values, None, first, lengths, y.every)
        memset(job, 0, sizeof(Job))
        job.n_sequences, job.every = starts.shape[0], y.every
        if job.n_sequences > 0:
            job.weights, job.x, job.values = &weights[0], steps.input.dense, &values[0, 0]
            job.starts, job.lengths, job.first = &starts[0], &lengths[0], &first[0]
            job.results = &results[0, 0]
        return steps, starts, lengths, first, values


def places_of(topology):
    """Return where each weight of the flat vector stands among the registers: w, then w_output."""
    fan_in, n_units = topology.n_inputs + topology.n_feedback, topology.n_units
    register = np.arange((fan_in + 1) * n_units).reshape(fan_in + 1, n_units)
    parts = []
    for group in topology.hidden_groups:
        columns = register[:, group.first : group.first + group.n_units]
        parts.append(columns[: fan_in + group.bias])
    parts.append(register.size + np.arange(np.prod(topology.slices["output"].shape)))
    return np.concatenate([part.ravel() for part in parts]).astype(np.int64)
