"""The kernel that Python calls: nets that learn from, and run on, many sequences per call.

Its parts are in _kernels/:
    cell.h          the formulas of the memory cell
    vectors.h       arithmetic on vector registers
    backlog.h       sums over many steps, put off
    net.h           the data: structs, and the order of units and sources
    data.pyx        sequences and targets
    layer.h         steps of the hidden layer
    forward.pxd     one time step of a net
    gradient.pxd    gradient, truncated or full, and update
    adam.pxd        update by gradient descent or by Adam
    rtrl.pxd        the full gradient forward in time, without memory cells
    sequence.pxd    the start of a sequence, carried derivatives, targets
    single.pyx      whole sequences: all of this, compiled for one or two vector widths
    kernel.pxd      the table of its functions

Everything except `Network` is plain C on these structs, without the GIL, random numbers or Python
objects. Each call copies the flat weight vector to padded rows, and back at its end.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport isfinite
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset

from lstm97._kernels.adam cimport Moments, hidden_size, output_size
from lstm97._kernels.data cimport Data
from lstm97._kernels.gradient cimport (
    FULL_BACKWARD, FULL_FORWARD, NONE, TRUNCATED_BACKWARD, TRUNCATED_FORWARD, Gradient, tape_width
)
from lstm97._kernels.kernel cimport Kernel
from lstm97._kernels.net cimport (
    N_GATES, STEPS, TILE_ROWS, Input, Sizes, State, Summary, Weights, exchange_rows, has_gate,
    lane_of, layout_of
)
from lstm97._kernels.sequence cimport write_results
from lstm97._kernels.vectors cimport LANES

import numpy as np

from lstm97._kernels import single

# The tables of functions, by their number of doubles per vector.
KERNELS = {LANES: single.KERNEL}
if LANES == 8:
    from lstm97._kernels import four
    KERNELS[4] = four.KERNEL

GRADIENTS = {
    "none": NONE,
    "truncated-forward": TRUNCATED_FORWARD,
    "truncated-backward": TRUNCATED_BACKWARD,
    "full-backward": FULL_BACKWARD,
    "full-forward": FULL_FORWARD,
}


def lanes_for(topology):
    """Return the number of doubles per vector that suits a net.

    Its gates, its cells and its conventional units begin registers of their own. If each of them
    fit into one of four doubles, then half of a register of eight would be padding. With a forget
    gate most of the work is that of the cells, which carry three traces per weight, so these
    decide.
    """
    cdef int fewest = min(KERNELS)
    if max(topology.n_cells, topology.n_hidden) > fewest:
        return max(KERNELS)
    if topology.n_gates <= fewest or topology.forget_gate:
        return fewest
    return max(KERNELS)


cdef bint are_finite(const double *values, Py_ssize_t n_values) noexcept nogil:
    """Tell whether every value is finite."""
    cdef Py_ssize_t i
    for i in range(n_values):
        if not isfinite(values[i]):
            return False
    return True


# ---- what Python calls ---------------------------------------------------------------------------

cdef class Network:
    """Memory and entry points of one net.

    Parameters
    ----------
    topology : lstm97.learning.topology.Topology
    lanes : int, default=None
        Number of doubles per vector, one of `KERNELS`; None: what `lanes_for` chooses.
    """

    def __cinit__(self, topology, lanes=None):
        table = KERNELS[lanes_for(topology) if lanes is None else lanes]
        self.kernel = <const Kernel *> PyCapsule_GetPointer(table, NULL)
        self.topology, self.tape, self.n_taped = topology, None, 0
        self.sensitivities = self.moments_memory = None
        self.n = layout_of(topology, self.kernel.lanes)
        self._allocate()
        self._set_constants()
        self.kernel.choose_step(&self.n, &self.q)

    @property
    def lanes(self):
        """Number of doubles per vector."""
        return self.kernel.lanes

    cdef _allocate(self):
        """Allocate one zeroed array, aligned to a cache line, and set the pointers into it."""
        cdef Sizes *n = &self.n
        cdef State *q = &self.q
        cdef int kind
        cdef Py_ssize_t rows = n.hidden_rows + TILE_ROWS - 1
        cdef Py_ssize_t hidden = rows * n.unit_lanes
        cdef Py_ssize_t output = n.output_rows * n.output_lanes
        cdef Py_ssize_t deferred = max(n.unit_lanes, n.trace_lanes)
        cdef Py_ssize_t total = (
            2 * (hidden + output) + rows * n.trace_lanes + 7 * n.unit_lanes
            + n.gate_lanes + 3 * n.cell_lanes + 2 * self.kernel.lanes + n.trace_lanes
            + 5 * n.output_lanes + STEPS * (rows + deferred + n.cell_lanes)
        )
        self.memory = np.zeros(total + 8)
        cdef double *p = &self.memory[0]
        p += (64 - <uintptr_t> p % 64) % 64 // sizeof(double)
        self.w.hidden, p = p, p + hidden
        self.w.output, p = p, p + output
        self.gradient_.hidden, p = p, p + hidden
        self.gradient_.output, p = p, p + output
        q.trace, p = p, p + rows * n.trace_lanes
        q.backlog.z, p = p, p + rows * STEPS
        q.backlog.u, p = p, p + deferred * STEPS
        q.backlog.kept, p = p, p + n.cell_lanes * STEPS
        q.y, p = p, p + n.unit_lanes
        q.previous, p = p, p + n.unit_lanes
        q.net, p = p, p + n.unit_lanes
        q.a, p = p, p + n.gate_lanes + self.kernel.lanes
        q.delta, p = p, p + n.unit_lanes
        q.low, p = p, p + n.unit_lanes
        q.high, p = p, p + n.unit_lanes
        q.bias_mask, p = p, p + n.unit_lanes
        q.s, p = p, p + n.cell_lanes
        q.h, p = p, p + n.cell_lanes
        q.e_s, p = p, p + n.cell_lanes + self.kernel.lanes
        q.u, p = p, p + n.trace_lanes
        q.output_net, p = p, p + n.output_lanes
        q.output, p = p, p + n.output_lanes
        q.e, p = p, p + n.output_lanes
        q.output_low, p = p, p + n.output_lanes
        q.output_high = p
        self.indices = np.zeros(2 * n.n_inputs + N_GATES * n.cell_lanes, dtype=np.intc)
        q.touched = &self.indices[0]
        q.position = q.touched + n.n_inputs
        for kind in range(N_GATES):
            q.opens[kind] = q.position + n.n_inputs + kind * n.cell_lanes
        q.n_touched, q.backlog.n_steps, q.learns, q.carries = 0, 0, False, False
        q.sensitivity = NULL

    cdef _set_constants(self):
        """Set ranges of squashing functions, biases and the gates of cells. Padding stays zero."""
        cdef Sizes *n = &self.n
        cdef State *q = &self.q
        cdef int i, kind, lane
        for group in self.topology.hidden_groups:
            lane = lane_of(n, group.first)
            for i in range(lane, lane + group.n_units):
                q.bias_mask[i] = group.bias
                q.low[i], q.high[i] = (n.g_low, n.g_high) if group.name == "cell" else (0.0, 1.0)
        for i in range(n.n_outputs):
            q.output_high[i] = 1.0
        for kind in range(N_GATES):
            for i in range(n.cell_lanes):
                q.opens[kind][i] = n.gate_lanes  # padding
            for i in range(n.n_cells if has_gate(n.gates, kind) else 0):
                q.opens[kind][i] = n.first_gate[kind] + i // n.block_size

    cdef _exchange(self, double[::1] flat, Weights *packed, bint inward):
        """Copy between the flat vector and padded rows; a bias is its group's last row."""
        cdef Py_ssize_t at = 0
        cdef int rows
        if inward:  # padding is zero, even after training that diverged
            self._clear_rows(packed)
        for group in self.topology.hidden_groups:
            rows = self.n.hidden_rows - 1
            at = exchange_rows(
                &flat[0], at, rows + group.bias, group.n_units,
                packed.hidden + lane_of(&self.n, group.first), self.n.unit_lanes, inward,
            )
        rows = 0 if self.n.recurrent_outputs else self.n.output_rows - 1 + self.n.output_bias
        exchange_rows(
            &flat[0], at, rows, self.n.n_outputs, packed.output, self.n.output_lanes, inward
        )

    cdef _check_weights(self, double[::1] weights):
        if weights.shape[0] != self.topology.n_weights:
            raise ValueError(f"{self.topology.n_weights} weights expected, got {weights.shape[0]}")

    cdef double *_tape_for(self, Py_ssize_t longest) except NULL:
        """Return memory for the longest sequence and transposed weights, kept for later calls."""
        cdef Py_ssize_t size = longest * max(1, tape_width(&self.n))
        size += <Py_ssize_t> self.n.unit_lanes * self.n.unit_lanes
        if self.tape is None or self.tape.shape[0] < size:
            self.tape = np.empty(size)
        return &self.tape[0]

    cdef _allocate_sensitivities(self):
        """Allocate memory that only real-time recurrent learning needs."""
        cdef Py_ssize_t size = <Py_ssize_t> self.n.hidden_rows * self.n.n_hidden * self.n.unit_lanes
        if self.n.n_blocks > 0:
            raise ValueError("real-time recurrent learning is for nets without memory cells")
        if self.q.sensitivity == NULL:
            self.sensitivities = np.zeros(2 * size + self.n.n_hidden * self.n.n_hidden)
            self.q.sensitivity = &self.sensitivities[0]
            self.q.before = self.q.sensitivity + size
            self.q.coupling = self.q.before + size

    cdef _clear(self, const Input *x):
        """Forget all sequences; with dense input, `reset` clears all derivatives anyway."""
        if x.dense == NULL:
            memset(self.q.trace, 0, self.n.hidden_rows * self.n.trace_lanes * sizeof(double))
            if self.sensitivities is not None:
                self.sensitivities[:] = 0.0
        self.q.n_touched = self.q.backlog.n_steps = 0

    cdef _allocate_moments(self):
        """Allocate memory that only Adam needs."""
        cdef Py_ssize_t hidden = hidden_size(&self.n), output = output_size(&self.n)
        cdef double *p
        if self.moments_memory is not None:
            return
        self.moments_memory = np.zeros(2 * (hidden + output) + 2)
        p = &self.moments_memory[0]
        self.moments.mean.hidden, p = p, p + hidden
        self.moments.mean.output, p = p, p + output
        self.moments.square.hidden, p = p, p + hidden
        self.moments.square.output, p = p, p + output
        self.moments.powers = p

    cdef Moments *_moments_from(self, dict state) except? NULL:
        """Copy a state of Adam, see solvers.py, to padded rows; return NULL if it is None."""
        if state is None:
            return NULL
        self._check_weights(state["mean"])
        self._check_weights(state["square"])
        if state["powers"].shape != (2,):
            raise ValueError("two powers expected")
        self._allocate_moments()
        self._exchange_moments(state, True)
        return &self.moments

    cdef _exchange_moments(self, dict state, bint inward):
        """Copy between a state of Adam and padded rows."""
        cdef double[::1] powers = state["powers"]
        self._exchange(state["mean"], &self.moments.mean, inward)
        self._exchange(state["square"], &self.moments.square, inward)
        exchange_rows(&powers[0], 0, 1, 2, self.moments.powers, 0, inward)

    cdef list _arrays(self):
        """Return the arrays that steps and updates change."""
        arrays = [self.memory, self.indices, self.sensitivities, self.moments_memory]
        return [np.asarray(each) for each in arrays if each is not None]

    cdef _save(self):
        """Keep a copy of weights and state, for `_go_back`."""
        self.saved, self.saved_q = [each.copy() for each in self._arrays()], self.q

    cdef _go_back(self):
        """Go back to the copy."""
        self.q = self.saved_q
        for array, saved in zip(self._arrays(), self.saved, strict=True):
            array[:] = saved

    cdef bint _is_finite(self) noexcept nogil:
        """Tell whether every weight is finite, and every moment of Adam."""
        return (
            are_finite(self.w.hidden, hidden_size(&self.n))
            and are_finite(self.w.output, output_size(&self.n))
            and (
                self.moments_memory is None
                or are_finite(self.moments.mean.hidden, self.moments_memory.shape[0])
            )
        )

    def learn(
        self,
        double[::1] weights,            # INOUT, changed unless learning_rate is 0
        Data data not None,             # IN    with targets
        double learning_rate,
        double[:, ::1] results,         # OUT   loss, largest and mean absolute error per sequence
        str form="truncated-forward",   # of the gradient
        bint per_step=False,            # move the weights at each target, not at a sequence's end
        double[::1] gradient=None,      # OUT   with learning_rate 0: the sum over all sequences
        dict moments=None,              # INOUT state of Adam, see solvers.py; None: descend
    ):
        """Train on sequences, one after the other.

        The gradient is truncated or full, and computed forward in time or backward; both directions
        give the same gradient. The form "none" computes losses only.

        Returns
        -------
        n : int
            Number of sequences before the first one whose loss is not finite. It is the number of
            all sequences if there is no such sequence, or if nothing is learned.
        """
        cdef Py_ssize_t i, n_done = 0
        cdef double *tape = NULL
        cdef Gradient which = GRADIENTS[form]
        cdef Moments *adam = NULL
        cdef Summary r
        self._check_weights(weights)
        data.check(self.n.n_inputs, self.n.n_outputs)
        if results.shape[0] < data.n_sequences or results.shape[1] != 3:
            raise ValueError(f"results of shape ({data.n_sequences}, 3) expected")
        if gradient is not None and gradient.shape[0] != weights.shape[0]:
            raise ValueError(f"a gradient of {weights.shape[0]} numbers expected")
        if data.n_sequences == 0:
            return 0
        if which == TRUNCATED_BACKWARD or which == FULL_BACKWARD:
            if per_step:
                raise ValueError(f"{form} needs weights that do not move within a sequence")
            tape = self._tape_for(data.longest)
            self.n_taped = data.lengths[data.n_sequences - 1]
        if which == FULL_FORWARD:
            self._allocate_sensitivities()
        adam = self._moments_from(moments)
        self._exchange(weights, &self.w, True)
        self._clear(data.x)
        self.q.learns, self.q.carries = which != NONE, which == TRUNCATED_FORWARD
        with nogil:
            for i in range(data.n_sequences):
                r = self.kernel.learn_sequence(
                    &self.n, &self.w, &self.gradient_, &self.q, data.x, data.starts[i],
                    data.lengths[i], &data.target, i, which, learning_rate, per_step, adam, tape,
                )
                write_results(&r, &results[i, 0])
                if learning_rate != 0.0 and not isfinite(r.loss):
                    break
                n_done += 1
        self._exchange(weights, &self.w, False)
        if moments is not None:
            self._exchange_moments(moments, False)
        if gradient is not None:
            self._exchange(gradient, &self.gradient_, False)
        if learning_rate == 0.0 or n_done < data.n_sequences:  # updates leave it clear
            self._clear_rows(&self.gradient_)
        return n_done

    def unrolled(self, Py_ssize_t length):
        """Return the errors of the last sequence that a backward form processed.

        Returns
        -------
        previous : ndarray of shape (length, n_units)
            Activations y(t-1) of the hidden layer.
        delta : ndarray of shape (length, n_units)
            Errors at its net inputs: the negative derivatives of the loss.
        """
        cdef Py_ssize_t t, width = tape_width(&self.n)
        cdef double[:, ::1] previous = np.empty((length, self.n.n_units))
        cdef double[:, ::1] delta = np.empty((length, self.n.n_units))
        cdef double *record
        cdef int unit
        if self.n_taped != length:
            raise ValueError(f"the last sequence had {self.n_taped} steps, not {length}")
        for t in range(length if self.n.n_units else 0):
            record = &self.tape[0] + t * width + self.n.trace_lanes
            memcpy(&previous[t, 0], record, self.n.n_units * sizeof(double))
            record += self.n.unit_lanes + self.n.cell_lanes
            for unit in range(self.n.n_units):
                delta[t, unit] = record[lane_of(&self.n, unit)]
        return np.asarray(previous), np.asarray(delta)

    cdef void _clear_rows(self, Weights *packed) noexcept nogil:
        """Set weights, or a gradient, to zero."""
        memset(packed.hidden, 0, self.n.hidden_rows * self.n.unit_lanes * sizeof(double))
        memset(packed.output, 0, self.n.output_rows * self.n.output_lanes * sizeof(double))

    def run(
        self,
        double[::1] weights,            # IN
        Data data not None,             # IN
        bint every,                     # outputs at every step, or at the last only
        n_outputs=None,                 # how many of the first outputs; None: all
    ):
        """Return the outputs for sequences, one after the other, without learning.

        Returns
        -------
        outputs : ndarray of shape (n_rows, n_outputs)
        """
        cdef int width = self.n.n_outputs if n_outputs is None else n_outputs
        cdef Py_ssize_t i
        cdef double[:, ::1] rows
        cdef double *out
        self._check_weights(weights)
        data.check(self.n.n_inputs, -1)
        if not 1 <= width <= self.n.n_outputs:
            raise ValueError(f"the net has {self.n.n_outputs} outputs, got n_outputs={width}")
        rows = np.empty((data.n_steps if every else data.n_sequences, width))
        if data.n_sequences == 0:
            return np.asarray(rows)
        self._exchange(weights, &self.w, True)
        self._clear(data.x)
        self.q.learns = False
        out = &rows[0, 0]
        with nogil:
            for i in range(data.n_sequences):
                out = self.kernel.run_sequence(
                    &self.n, &self.w, &self.q, data.x, data.starts[i], data.lengths[i], every,
                    width, out,
                )
        return np.asarray(rows)

    def record(
        self,
        double[::1] weights,            # IN
        Data data not None,             # IN
    ):
        """Return the values of the net after every step of sequences, without learning.

        They are bit-identical to those of `run`.

        Returns
        -------
        rows : ndarray of shape (n_steps, n_units + 2 n_cells + n_outputs)
            Activations of the hidden layer, as fed back, squashed inputs of the cells, their
            states, and the outputs.
        """
        cdef Py_ssize_t i
        cdef int width = self.n.n_units + 2 * self.n.n_cells + self.n.n_outputs
        cdef double[:, ::1] rows = np.empty((data.n_steps, width))
        cdef double *out
        self._check_weights(weights)
        data.check(self.n.n_inputs, -1)
        if data.n_sequences == 0:
            return np.asarray(rows)
        self._exchange(weights, &self.w, True)
        self._clear(data.x)
        self.q.learns = False
        out = &rows[0, 0]
        with nogil:
            for i in range(data.n_sequences):
                out = self.kernel.record_sequence(
                    &self.n, &self.w, &self.q, data.x, data.starts[i], data.lengths[i], out
                )
        return np.asarray(rows)
