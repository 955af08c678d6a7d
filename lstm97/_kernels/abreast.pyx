"""One net on many sequences, several of them side by side in vector lanes.

    abreast.h   one step of all lanes, forward and back, and the gradient
    this file   the sequences of a call: the longest first, ABREAST at a time

Outputs are those of `lstm97._core.Network`, bit for bit. The gradient of a batch has the same bits
for every number of lanes: each of MOST_ABREAST sums adds up every MOST_ABREAST-th sequence, and
the sums are then added in their order.
"""

from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

from lstm97._kernels.data cimport Data
from lstm97._kernels.forward cimport activate_outputs
from lstm97._kernels.gradient cimport output_error
from lstm97._kernels.net cimport (
    OUTPUT_GATE, Sizes, State, Summary, carousel_is_one, has_gate, layout_of
)
from lstm97._kernels.sequence cimport target_at, write_results

import numpy as np

from lstm97._kernels.net import places_of


cdef extern from "abreast.h" nogil:
    enum:
        LANES
        ABREAST
        MOST_ABREAST
        TILE
        PANEL

    ctypedef struct Abreast:
        Sizes n
        int width, n_sources, n_seen
        double *w
        double *w_output
        double *e_s
        double *error
        double *net
        double *panel

    ctypedef struct Step:
        double *z
        double *y
        double *a
        double *before
        double *s
        double *h
        double *e

    void abreast_inputs(const Abreast *a, const double **rows, double *x) noexcept
    void abreast_hidden(const Abreast *a, const Step *at) noexcept
    void abreast_outputs(const Abreast *a, const Step *at) noexcept
    void abreast_back(
        const Abreast *a, bint is_due, bint sees, const double *next_delta, const Step *at
    ) noexcept
    void add_gradients(
        const Abreast *a, int v, const int *steps, int n_steps, const double *z, int64_t z_step,
        int n_z, bint bias, const double *d, int64_t d_step, int n_d, double *sums, int n_row
    ) noexcept
    void add_lanes(int registers, int64_t n, const double *sums, double *totals) noexcept


# The sequences that run side by side, and where their results go.
cdef struct Crew:
    const Py_ssize_t *order    # (n_lanes,) their numbers
    int n_lanes
    const double *rows[ABREAST]
    int64_t lengths[ABREAST]
    Summary sums[ABREAST]


# The tape of their steps: step t has arrays at t times a stride. A net that does not learn uses the
# same memory for all steps, two of them for activations; so do states that are not kept.
cdef struct Tape:
    double *z
    double *a
    double *s
    double *h
    double *e
    int *steps                # (longest,) all steps
    int *due                  # those with a target
    int n_due
    bint learns, keeps_states


cdef inline int n_seen_units(const Sizes *n) noexcept nogil:
    """Return the number of units that others may see."""
    return n.n_units - n.first_feedback


cdef inline int64_t z_size(const Abreast *a) noexcept nogil:
    """Return the size of a step's z on the tape."""
    return <int64_t> (a.n.n_inputs + n_seen_units(&a.n)) * a.width


cdef inline Step step_at(const Abreast *a, const Tape *tape, int64_t t) noexcept nogil:
    """Return where the tape has a step."""
    cdef Step at
    cdef const Sizes *n = &a.n
    cdef int64_t room = t if tape.learns else 0
    cdef int64_t state = t if tape.keeps_states else 0
    at.z = tape.z + (t if tape.learns else t % 2) * z_size(a)
    at.y = tape.z + (t + 1 if tape.learns else (t + 1) % 2) * z_size(a) + n.n_inputs * a.width
    at.a = tape.a + room * n.n_units * a.width
    at.before = tape.s + state * n.n_cells * a.width
    at.s = at.before + (n.n_cells * a.width if tape.keeps_states else 0)
    at.h = tape.h + room * n.n_cells * a.width
    at.e = tape.e + room * n.n_outputs * a.width
    return at


cdef inline void clear(const Abreast *a, double *rows, Py_ssize_t n) noexcept nogil:
    """Set n rows to zero."""
    memset(rows, 0, n * a.width * sizeof(double))


cdef inline void take_outputs(const Abreast *a, int lane, State *q) noexcept nogil:
    """Compute the outputs of one lane from their net inputs."""
    cdef int k
    for k in range(a.n.n_outputs):
        q.output_net[k] = a.net[k * a.width + lane]
    activate_outputs(&a.n, q)


cdef bint judge(
    const Abreast *a, Data data, Crew *crew, int lane, int64_t t, State *q, double *e
) noexcept nogil:
    """Set the errors of a lane at a step; tell whether a target is due."""
    cdef int k
    cdef double weight = 1.0
    cdef bint last = t == crew.lengths[lane] - 1
    cdef const double *target = target_at(
        &a.n, &data.target, crew.order[lane], t, last, &weight
    )
    if target == NULL:
        return False
    take_outputs(a, lane, q)
    output_error(&a.n, q, target, weight, &crew.sums[lane])
    for k in range(a.n.n_outputs):
        e[k * a.width + lane] = q.e[k]
    return True


cdef bint any_due(const Abreast *a, Data data, Crew *crew, int n_active, int64_t t) noexcept nogil:
    """Tell whether any sequence has a target at a step."""
    cdef int lane
    cdef double weight
    for lane in range(n_active - 1, -1, -1):  # the shortest first: it may end here
        if not (data.target.every or t == crew.lengths[lane] - 1):
            return False
        if target_at(
            &a.n, &data.target, crew.order[lane], t, t == crew.lengths[lane] - 1, &weight
        ) != NULL:
            return True
    return False


cdef void write_outputs(
    const Abreast *a, const Crew *crew, int n_active, int64_t t, bint every,
    const int64_t *first, State *q, double *out
) noexcept nogil:
    """Write the outputs of the lanes that have a row at this step."""
    cdef int k, lane
    cdef double *row
    for lane in range(n_active - 1, -1, -1):
        if not (every or t == crew.lengths[lane] - 1):
            return
        take_outputs(a, lane, q)
        row = out + (first[crew.order[lane]] + (t if every else 0)) * a.n.n_outputs
        for k in range(a.n.n_outputs):
            row[k] = q.output[k]


cdef void run_crew(
    const Abreast *a, Data data, Crew *crew, Tape *tape, const double *nothing, State *q,
    bint every, const int64_t *first, double *out
) noexcept nogil:
    """Run the sequences, and write outputs to `out`; if it is NULL, compute errors."""
    cdef int lane, n_active = crew.n_lanes
    cdef int64_t t
    cdef int strides[ABREAST]
    cdef Step at = step_at(a, tape, 0)
    for lane in range(a.width):
        crew.rows[lane], strides[lane] = nothing, 0
        if lane < n_active:
            crew.rows[lane] = data.x.dense + data.starts[crew.order[lane]] * a.n.n_inputs
            crew.lengths[lane] = data.lengths[crew.order[lane]]
            strides[lane] = a.n.n_inputs
            memset(&crew.sums[lane], 0, sizeof(Summary))
    clear(a, at.z + a.n.n_inputs * a.width, n_seen_units(&a.n))
    clear(a, at.before, a.n.n_cells)
    tape.n_due = 0
    for t in range(crew.lengths[0]):
        while crew.lengths[n_active - 1] <= t:
            n_active -= 1
            crew.rows[n_active], strides[n_active] = nothing, 0
        at = step_at(a, tape, t)
        abreast_inputs(a, crew.rows, at.z)
        abreast_hidden(a, &at)
        for lane in range(a.width):
            crew.rows[lane] += strides[lane]
        if out != NULL:
            if every or t == crew.lengths[n_active - 1] - 1:
                abreast_outputs(a, &at)
                write_outputs(a, crew, n_active, t, every, first, q, out)
        elif any_due(a, data, crew, n_active, t):
            abreast_outputs(a, &at)
            clear(a, at.e, a.n.n_outputs)
            for lane in range(n_active):
                judge(a, data, crew, lane, t, q, at.e)
            if tape.learns:
                tape.due[tape.n_due] = <int> t
                tape.n_due += 1


cdef void add_hidden(
    const Abreast *a, const Tape *tape, int v, const int *steps, int n_steps, int unit, int end,
    double *sums
) noexcept nogil:
    """Add the gradient of the weights to some units of the hidden layer, over some steps."""
    cdef Step at = step_at(a, tape, 0)
    cdef int n_units = a.n.n_units
    add_gradients(
        a, v, steps, n_steps, at.z, z_size(a), a.n_sources, True,
        at.a + unit * a.width, n_units * a.width, end - unit, sums + unit * LANES, n_units,
    )


cdef void add_outputs(const Abreast *a, const Tape *tape, int v, double *sums) noexcept nogil:
    """Add the gradient of the weights to the outputs."""
    cdef Step at = step_at(a, tape, 0)
    cdef int n_k = a.n.n_outputs
    cdef const double *cells = at.y + (a.n.n_gates - a.n.first_feedback) * a.width
    if a.n.shortcut:
        add_gradients(
            a, v, tape.due, tape.n_due, at.z, z_size(a), a.n.n_inputs, False,
            at.e, n_k * a.width, n_k, sums, n_k,
        )
        sums += a.n.n_inputs * n_k * LANES
    add_gradients(
        a, v, tape.due, tape.n_due, cells, z_size(a), a.n.n_cells + a.n.n_hidden + 1, True,
        at.e, n_k * a.width, n_k, sums, n_k,
    )


cdef void unroll_crew(const Abreast *a, const Tape *tape, int length, bint full) noexcept nogil:
    """Replace activations on the tape by the errors at the net inputs."""
    cdef int t, n_due = tape.n_due
    cdef const double *next_delta = NULL
    cdef Step at
    cdef bint is_due
    clear(a, a.e_s, a.n.n_cells)
    for t in range(length - 1, -1, -1):
        at = step_at(a, tape, t)
        is_due = n_due > 0 and tape.due[n_due - 1] == t
        n_due -= is_due
        abreast_back(a, is_due, is_due or full, next_delta, &at)
        if full:
            next_delta = at.a


cdef void add_crew(
    const Abreast *a, const Tape *tape, int v, int length, bint full, double *sums
) noexcept nogil:
    """Add the gradients of the sequences of one register to the sums of its lanes."""
    cdef const Sizes *n = &a.n
    cdef int first_seen = n.first_gate[OUTPUT_GATE] if has_gate(n.gates, OUTPUT_GATE) else n.n_gates
    cdef int first_hidden = n.n_gates + n.n_cells
    add_outputs(a, tape, v, sums + <int64_t> a.n_sources * n.n_units * LANES)
    if full:
        add_hidden(a, tape, v, tape.steps, length, 0, n.n_units, sums)
        return
    # Output gates and conventional units have errors only where targets are due.
    add_hidden(a, tape, v, tape.steps, length, 0, first_seen, sums)
    add_hidden(a, tape, v, tape.due, tape.n_due, first_seen, n.n_gates, sums)
    add_hidden(a, tape, v, tape.steps, length, n.n_gates, first_hidden, sums)
    add_hidden(a, tape, v, tape.due, tape.n_due, first_hidden, n.n_units, sums)


# ---- what Python calls ---------------------------------------------------------------------------

N_ABREAST = ABREAST


def supports(topology):
    """Tell whether `AbreastNetwork` can run nets of a topology, on dense inputs."""
    return not topology.recurrent_outputs


def pays(Data data not None):
    """Tell whether the lanes are full enough to be faster than one sequence after the other."""
    if data.x.dense == NULL or data.n_sequences < LANES:
        return False
    # One step of all lanes takes about as long as a step of a single sequence, three quarters of
    # their number times. Both registers of a crew run as long as its longest sequence.
    first = _lengths_of_crews(data, ABREAST)
    second = first[: (data.n_sequences + LANES - 1) // LANES // 2]
    return 3 * LANES * int(first.sum() + second.sum()) <= 4 * data.n_steps


def fills(Data data not None):
    """Tell whether a batch is learned in lanes: if at least a quarter of MOST_ABREAST are full.

    The gradient of other batches is that of one sequence after the other, which has other last
    digits. So the answer may not depend on the number of lanes of this build.
    """
    return MOST_ABREAST * int(_lengths_of_crews(data, MOST_ABREAST).sum()) <= 4 * data.n_steps


def _lengths_of_crews(Data data, Py_ssize_t size):
    """Return the numbers of steps that crews of a size take, the longest sequences first."""
    return -np.sort(-np.asarray(data.lengths))[::size]


cdef class AbreastNetwork:
    """Memory and entry points of a net that runs on many sequences.

    Parameters
    ----------
    topology : lstm97.learning.topology.Topology
        Topology for which `supports` is true.
    """

    cdef Abreast a
    cdef Tape tape
    cdef State q
    cdef object topology
    cdef int64_t[::1] places
    cdef int[::1] steps
    cdef Py_ssize_t n_places
    cdef double[::1] memory, tape_memory, nothing, sums, totals

    def __cinit__(self, topology):
        if not supports(topology):
            raise ValueError(f"no sequences of this net can run side by side: {topology}")
        self.topology, self.tape_memory, self.steps = topology, None, None
        self.sums = None
        self.a.n = layout_of(topology)
        self.a.n_sources, self.a.n_seen = self.a.n.hidden_rows, self.a.n.output_rows - 1
        self.places = places_of(topology)
        self.n_places = self.a.n_sources * self.a.n.n_units
        self.n_places += (self.a.n_seen + 1) * self.a.n.n_outputs
        self.nothing = np.zeros(self.a.n.n_inputs)
        self._allocate()

    cdef _allocate(self):
        """Allocate one zeroed array for weights and states, aligned to a cache line."""
        cdef Abreast *a = &self.a
        cdef Sizes *n = &a.n
        cdef State *q = &self.q
        cdef Py_ssize_t hidden = a.n_sources * n.n_units
        cdef Py_ssize_t output = (a.n_seen + 1) * n.n_outputs
        cdef int i
        cdef Py_ssize_t panel = (max(a.n_sources, a.n_seen + 1) + TILE) * PANEL
        self.memory = np.zeros(
            8 + ABREAST * (n.n_cells + n_seen_units(n) + n.n_outputs)
            + panel + hidden + output + 5 * n.output_lanes
        )
        cdef double *p = &self.memory[0]
        p += (64 - <uintptr_t> p % 64) % 64 // sizeof(double)
        a.e_s, p = p, p + n.n_cells * ABREAST
        a.error, p = p, p + n_seen_units(n) * ABREAST
        a.net, p = p, p + n.n_outputs * ABREAST
        a.panel, p = p, p + panel
        q.output_net, p = p, p + n.output_lanes
        q.output, p = p, p + n.output_lanes
        q.e, p = p, p + n.output_lanes
        q.output_low, p = p, p + n.output_lanes
        q.output_high, p = p, p + n.output_lanes
        a.w, p = p, p + hidden
        a.w_output = p
        for i in range(n.n_outputs):
            q.output_high[i] = 1.0

    cdef _prepare_tape(self, Py_ssize_t longest, bint learns):
        """Make room for all steps of the longest sequence, or for one if nothing is learned."""
        cdef Sizes *n = &self.a.n
        cdef Tape *tape = &self.tape
        cdef Py_ssize_t t = longest if learns else 1
        cdef bint keeps_states = learns and not carousel_is_one(n.gates)
        cdef Py_ssize_t z = (t + 1) * (n.n_inputs + n_seen_units(n)) * ABREAST
        cdef Py_ssize_t s = (t + 1 if keeps_states else 1) * n.n_cells * ABREAST
        cdef Py_ssize_t size = 8 + z + s + t * (n.n_units + n.n_cells + n.n_outputs) * ABREAST
        if self.tape_memory is None or self.tape_memory.shape[0] < size:
            self.tape_memory = np.empty(size)
        if self.steps is None or self.steps.shape[0] < 2 * t:
            self.steps = np.tile(np.arange(t, dtype=np.intc), 2)
        cdef double *p = &self.tape_memory[0]
        p += (64 - <uintptr_t> p % 64) % 64 // sizeof(double)
        tape.learns, tape.keeps_states = learns, keeps_states
        tape.steps, tape.due = &self.steps[0], &self.steps[self.steps.shape[0] // 2]
        tape.z, p = p, p + z
        tape.a, p = p, p + t * n.n_units * ABREAST
        tape.s, p = p, p + s
        tape.h, p = p, p + t * n.n_cells * ABREAST
        tape.e = p

    cdef _open(self, const double[::1] weights, Data data, bint has_targets, bint learns):
        """Check the arguments of a call, and prepare weights and tape."""
        cdef Py_ssize_t i
        cdef Abreast *a = &self.a
        if weights.shape[0] != self.topology.n_weights:
            raise ValueError(f"{self.topology.n_weights} weights expected, got {weights.shape[0]}")
        data.check(a.n.n_inputs, a.n.n_outputs if has_targets else -1)
        if data.x.dense == NULL:
            raise ValueError("dense inputs expected")
        for i in range(self.places.shape[0]):
            a.w[self.places[i]] = weights[i]
        self._prepare_tape(data.longest, learns)

    cdef _pass(self, Data data, bint every, first, out, results, bint full):
        """Run all sequences, the longest first."""
        cdef Py_ssize_t i, j, n = data.n_sequences
        cdef int lane, v
        cdef const Py_ssize_t[::1] order = np.argsort(-np.asarray(data.lengths), kind="stable")
        cdef const int64_t[::1] first_rows = first
        cdef double[:, ::1] rows = out
        cdef double[:, ::1] table = results
        cdef double *to = NULL
        cdef Abreast *a = &self.a
        cdef Crew crew
        if out is not None:
            to = &rows[0, 0]
        with nogil:
            for j in range((n + ABREAST - 1) // ABREAST):
                i = j * ABREAST
                crew.order, crew.n_lanes = &order[i], <int> min(ABREAST, n - i)
                a.width = LANES if crew.n_lanes <= LANES else ABREAST
                run_crew(
                    a, data, &crew, &self.tape, &self.nothing[0], &self.q, every,
                    &first_rows[0] if to != NULL else NULL, to,
                )
                if to != NULL:
                    continue
                for lane in range(crew.n_lanes):
                    write_results(&crew.sums[lane], &table[order[i + lane], 0])
                if not self.tape.learns:
                    continue
                unroll_crew(a, &self.tape, <int> crew.lengths[0], full)
                for v in range(a.width // LANES):
                    add_crew(
                        a, &self.tape, v * LANES, <int> crew.lengths[0], full,
                        &self.sums[(i + v * LANES) % MOST_ABREAST * self.n_places],
                    )

    def learn(self, const double[::1] weights, Data data not None, bint full):
        """Return results and gradient as `BatchNetwork.learn` does, with bits that never differ."""
        cdef Py_ssize_t i
        cdef int used = <int> ((min(data.n_sequences, MOST_ABREAST) + LANES - 1) // LANES)
        self._open(weights, data, True, True)
        if self.sums is None:
            self.sums = np.empty(self.n_places * MOST_ABREAST)
            self.totals = np.empty(self.n_places)
        memset(&self.sums[0], 0, used * self.n_places * LANES * sizeof(double))
        cdef double[::1] gradient = np.empty(self.places.shape[0])
        results = np.empty((data.n_sequences, 3))
        self._pass(data, False, None, None, results, full and self.a.n.n_feedback > 0)
        add_lanes(used, self.n_places, &self.sums[0], &self.totals[0])
        for i in range(self.places.shape[0]):
            gradient[i] = self.totals[self.places[i]]
        return results, np.asarray(gradient)

    def evaluate(self, const double[::1] weights, Data data not None):
        """Return results as `learn` does."""
        self._open(weights, data, True, False)
        results = np.empty((data.n_sequences, 3))
        self._pass(data, False, None, None, results, False)
        return results

    def run(self, const double[::1] weights, Data data not None, bint every):
        """Return outputs at every step or at the last: one sequence after the other."""
        self._open(weights, data, False, False)
        lengths = np.asarray(data.lengths) if every else np.ones(data.n_sequences, np.int64)
        out = np.empty((lengths.sum(), self.a.n.n_outputs))
        self._pass(data, every, np.cumsum(lengths) - lengths, out, None, False)
        return out
