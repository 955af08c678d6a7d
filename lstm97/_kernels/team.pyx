"""Teams: several nets of one topology side by side, each on its own sequences, in vector lanes.

    team.h      one step of all lanes, as in _core.pyx for one net
    this file   the jobs of lanes: a lane that has finished its sequences takes the next job

A team learns from dense inputs by the truncated gradient forward in time, with updates at every
target, squared errors, and logistic or linear outputs. Weights and results are those of `Network`,
bit for bit, as long as states and traces are finite: where the weights of one net change, those of
its neighbours in the register change by zero times their traces.
"""

from libc.math cimport fabs, isfinite, isnan
from libc.stdint cimport INT64_MAX, int64_t, uintptr_t
from libc.string cimport memset

from lstm97._kernels.data cimport Data
from lstm97._kernels.net cimport LOGISTIC, Sizes, Summary, layout_of
from lstm97._kernels.sequence cimport write_results

import numpy as np

from lstm97._kernels.net import places_of


cdef extern from "team.h" nogil:
    enum:
        LANES
        TEAM_SIZE
        SPAN

    ctypedef struct Team:
        Sizes n
        int n_sources, n_seen
        double *bias_mask
        double *w
        double *w_output
        double *all_x
        double *all_y
        double *all_u
        double *y
        double *s
        double *h
        double *trace
        double *output
        double *e
        double *e_s
        double *delta

    void team_steps(
        Team *team, int width, int64_t n_steps, const double **rows, const int *strides
    ) noexcept
    void team_outputs(const Team *team, int width) noexcept
    void team_update(const Team *team, int width, double rate, const int *is_due) noexcept


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
    const Team *team, const int64_t[::1] places, int lane, double *weights, bint inward
) noexcept nogil:
    """Copy weights between a flat vector and a lane."""
    cdef Py_ssize_t i
    for i in range(places.shape[0]):
        if inward:
            team.w[places[i] * TEAM_SIZE + lane] = weights[i]
        else:
            weights[i] = team.w[places[i] * TEAM_SIZE + lane]


cdef inline void clear_lane(double *p, Py_ssize_t n, int lane) noexcept nogil:
    """Set a lane of n registers to zero."""
    cdef Py_ssize_t i
    for i in range(n):
        p[i * TEAM_SIZE + lane] = 0.0


cdef inline void begin_sequence(const Team *team, Lane *at, int lane) noexcept nogil:
    """Set activations, states and traces of a lane to zero."""
    clear_lane(team.y, team.n.n_units, lane)
    clear_lane(team.s, team.n.n_cells, lane)
    clear_lane(team.trace, <Py_ssize_t> team.n.n_traces * team.n_sources * team.n.n_cells, lane)
    memset(&at.sum, 0, sizeof(Summary))
    at.t = 0


cdef inline const double *row_of(const Team *team, const Lane *at) noexcept nogil:
    """Return the inputs of a lane at this step."""
    return at.job.x + (at.job.starts[at.i] + at.t) * team.n.n_inputs


cdef inline const double *target_of(const Team *team, const Lane *at) noexcept nogil:
    """Return the targets of a lane at this step, or NULL if nothing is due."""
    cdef int k
    cdef const double *target
    if at.job == NULL or not (at.job.every or at.t == at.job.lengths[at.i] - 1):
        return NULL
    target = at.job.values
    target += (at.job.first[at.i] + (at.t if at.job.every else 0)) * team.n.n_outputs
    for k in range(team.n.n_outputs):
        if not isnan(target[k]):
            return target
    return NULL


cdef inline void output_error(const Team *team, Lane *at, int lane) noexcept nogil:
    """Set the errors e at the outputs' net inputs (19); zero where nothing is due."""
    cdef int k
    cdef double error, y, loss = 0.0
    cdef bint is_logistic = team.n.output_activation == LOGISTIC
    for k in range(team.n.n_outputs):
        team.e[k * TEAM_SIZE + lane] = 0.0
        if at.target == NULL or isnan(at.target[k]):
            continue
        y = team.output[k * TEAM_SIZE + lane]
        error = at.target[k] - y
        loss += 0.5 * error * error
        team.e[k * TEAM_SIZE + lane] = error * y * (1.0 - y) if is_logistic else error
        if isnan(error) or fabs(error) > at.sum.max_error:
            at.sum.max_error = fabs(error)  # a NaN stays: nothing is larger
        at.sum.sum_error += fabs(error)
        at.sum.n_errors += 1
    at.sum.loss += loss


cdef inline bint end_sequence(Lane *at) noexcept nogil:
    """Write the results of a sequence; tell whether the job continues."""
    write_results(&at.sum, at.job.results + 3 * at.i)
    if not isfinite(at.sum.loss):
        return False
    at.job.n_done += 1
    at.i += 1
    return at.i < at.job.n_sequences


cdef inline int64_t steps_before(const Lane *at) noexcept nogil:
    """Return the number of steps from here on that certainly have no target."""
    return 0 if at.job.every else at.job.lengths[at.i] - 1 - at.t


cdef inline void begin_job(
    const Team *team, const int64_t[::1] places, Lane *at, int lane, Job *job
) noexcept nogil:
    """Give a lane its next job."""
    at.job = job
    at.i = 0
    exchange(team, places, lane, job.weights, True)
    begin_sequence(team, at, lane)


cdef inline void advance(
    const Team *team, const int64_t[::1] places, Lane *at, int lane
) noexcept nogil:
    """Go to the next step or sequence, or end the job."""
    at.t += 1
    if at.t < at.job.lengths[at.i]:
        return
    if end_sequence(at):
        begin_sequence(team, at, lane)
    else:
        exchange(team, places, lane, at.job.weights, False)
        at.job = NULL


cdef void learn_jobs(
    Team *team, const int64_t[::1] places, Job *jobs, Py_ssize_t n_jobs, double rate,
    const double *nothing
) noexcept nogil:
    """Do all jobs; an idle lane is fed with zeros. A few jobs need only one register."""
    cdef Lane lanes[TEAM_SIZE]
    cdef const double *rows[TEAM_SIZE]
    cdef int strides[TEAM_SIZE]
    cdef Py_ssize_t next_job = 0
    cdef int64_t n_free
    cdef int lane, width = LANES if n_jobs <= LANES else TEAM_SIZE
    cdef int is_due[TEAM_SIZE]
    cdef bint is_idle, any_due
    memset(lanes, 0, sizeof(lanes))
    while True:
        n_free, is_idle, any_due = INT64_MAX, True, False
        for lane in range(width):
            while next_job < n_jobs and jobs[next_job].n_sequences == 0:
                next_job += 1
            if lanes[lane].job == NULL and next_job < n_jobs:
                begin_job(team, places, &lanes[lane], lane, &jobs[next_job])
                next_job += 1
            rows[lane], strides[lane] = nothing, 0
            if lanes[lane].job != NULL:
                is_idle = False
                n_free = min(n_free, steps_before(&lanes[lane]))
                rows[lane], strides[lane] = row_of(team, &lanes[lane]), team.n.n_inputs
        if is_idle:
            return
        team_steps(team, width, n_free + 1, rows, strides)
        for lane in range(width):
            lanes[lane].t += n_free
            lanes[lane].target = target_of(team, &lanes[lane])
            is_due[lane] = lanes[lane].target != NULL
            any_due = any_due or is_due[lane]
        if any_due:
            team_outputs(team, width)
            for lane in range(width):
                output_error(team, &lanes[lane], lane)
            team_update(team, width, rate, is_due)
        for lane in range(width):
            if lanes[lane].job != NULL:
                advance(team, places, &lanes[lane], lane)


# ---- what Python calls ---------------------------------------------------------------------------

N_LANES, N_NETS = LANES, TEAM_SIZE  # of a register, and of a whole team


def supports(topology):
    """Tell whether `TeamNetwork` can train nets of a topology."""
    return (
        topology.loss == "squared_error"
        and topology.output_activation in ("logistic", "linear")
        and not topology.recurrent_outputs
    )


cdef class TeamNetwork:
    """Memory and entry point of a team.

    Parameters
    ----------
    topology : lstm97.learning.topology.Topology
        Topology for which `supports` is true.
    """

    cdef Team team
    cdef object topology
    cdef int64_t[::1] places
    cdef double[::1] memory, bias_mask, nothing

    def __cinit__(self, topology):
        if not supports(topology):
            raise ValueError(f"a team cannot train nets of this kind: {topology}")
        self.topology = topology
        self.team.n = layout_of(topology)
        self.team.n_sources = self.team.n.hidden_rows
        self.team.n_seen = self.team.n.output_rows - 1
        self._allocate()
        self.places = places_of(topology)

    cdef _allocate(self):
        """Allocate one zeroed array for all registers, aligned to a cache line."""
        cdef Team *team = &self.team
        cdef Sizes *n = &self.team.n
        cdef Py_ssize_t hidden = team.n_sources * n.n_units
        cdef Py_ssize_t output = (team.n_seen + 1) * n.n_outputs
        cdef Py_ssize_t traces = n.n_traces * team.n_sources * n.n_cells
        self.bias_mask, self.nothing = np.zeros(n.n_units + 1), np.zeros(n.n_inputs)
        for group in self.topology.hidden_groups:
            np.asarray(self.bias_mask)[group.first : group.first + group.n_units] = group.bias
        team.bias_mask = &self.bias_mask[0]
        self.memory = np.zeros(8 + TEAM_SIZE * (
            hidden + output + traces + SPAN * (n.n_inputs + n.n_traces * n.n_cells)
            + (SPAN + 2) * n.n_units + 3 * n.n_cells + 2 * n.n_outputs
        ))
        cdef double *p = &self.memory[0]
        p += (64 - <uintptr_t> p % 64) % 64 // sizeof(double)
        team.w, p = p, p + hidden * TEAM_SIZE
        team.w_output, p = p, p + output * TEAM_SIZE
        team.all_x, p = p, p + SPAN * n.n_inputs * TEAM_SIZE
        team.all_y, p = p, p + (SPAN + 1) * n.n_units * TEAM_SIZE
        team.all_u, p = p, p + SPAN * n.n_traces * n.n_cells * TEAM_SIZE
        team.y = team.all_y
        team.delta, p = p, p + n.n_units * TEAM_SIZE
        team.s, p = p, p + n.n_cells * TEAM_SIZE
        team.h, p = p, p + n.n_cells * TEAM_SIZE
        team.e_s, p = p, p + n.n_cells * TEAM_SIZE
        team.trace, p = p, p + traces * TEAM_SIZE
        team.output, p = p, p + n.n_outputs * TEAM_SIZE
        team.e = p

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
        kept = []  # the table borrows their arrays
        for j, (weights, X, y) in enumerate(jobs):
            kept.append(self._set_job(&table[j], weights, X, y, results[j]))
        with nogil:
            learn_jobs(&self.team, self.places, table, n_jobs, learning_rate, &self.nothing[0])
        return [results[j][: table[j].n_done] for j in range(n_jobs)]

    cdef _set_job(self, Job *job, double[::1] weights, X, y, double[:, ::1] results):
        """Check one job and fill its row of the table; return data to keep alive meanwhile."""
        cdef Data data = Data(X, y)
        if data.x.dense == NULL or y.weight is not None:
            raise ValueError("a team needs dense inputs and targets without weights")
        if weights.shape[0] != self.topology.n_weights:
            raise ValueError(f"{self.topology.n_weights} weights expected, got {weights.shape[0]}")
        data.check(self.team.n.n_inputs, self.team.n.n_outputs)
        memset(job, 0, sizeof(Job))
        job.n_sequences, job.every = data.n_sequences, data.target.every
        if job.n_sequences > 0:
            job.weights, job.x, job.values = &weights[0], data.x.dense, data.target.values
            job.starts, job.lengths, job.first = &data.starts[0], &data.lengths[0], &data.first[0]
            job.results = &results[0, 0]
        return data
