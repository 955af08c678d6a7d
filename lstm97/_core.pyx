"""The 1997 LSTM over a block of sequences per call: training and prediction.

How it is cut
    _core.pxd       the data: structs, and the order of units and sources
    forward.pxd    one time step
    gradient.pxd   gradient, truncated or full, and update
    rtrl.pxd       the full gradient forward in time, without memory cells
    sequence.pxd   what a sequence begins with, what its steps leave; its targets
    here            sequences, and the `Network` that Python calls: it owns the memory

All but `Network` is plain C on the structs, without the GIL, without randomness, without a Python
object. The flat weight vector is copied to padded rows and back, once per call.
"""

from libc.limits cimport INT_MAX
from libc.math cimport NAN, isfinite
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memcpy, memset

from lstm97._kernels.forward cimport step_hidden, step_output
from lstm97._kernels.gradient cimport (
    output_error, lane_of, tape_width, transpose_feedback, unroll_tape, update, write_tape
)
from lstm97._kernels.layer cimport Layer, prepare
from lstm97._kernels.vectors cimport LANES, padded, squash_lanes
from lstm97._kernels.sequence cimport add_gradient, advance_derivatives, reset, target_at

import numpy as np


# ---- sequences -----------------------------------------------------------------------------------

cdef Summary learn_sequence(
    const Sizes *n, Weights *w, Weights *gradient, State *q,
    const Input *x, Py_ssize_t start, Py_ssize_t length, const Target *d, Py_ssize_t i,
    Gradient form, double step_rate, double *tape
) noexcept nogil:
    """Run sequence i and add its gradient; with a step_rate, move the weights at each target.

    The tape has room for the steps and, behind them, for transposed weights.
    """
    cdef Py_ssize_t t
    cdef double weight = 1.0
    cdef double *transposed = NULL
    cdef const double *target
    cdef Summary r
    memset(&r, 0, sizeof(Summary))
    for t in range(length):
        step_hidden(n, w, x, start + t, q)
        if form != NONE:
            advance_derivatives(n, w, x, start + t, form, q)
        target = target_at(n, d, i, t, t == length - 1, &weight)
        if target != NULL:
            step_output(n, w, x, start + t, q)
            output_error(n, q, target, weight, &r)
            if form == NONE:
                continue
            add_gradient(n, w, x, start + t, form, q, gradient)
            if step_rate != 0.0:
                update(n, x, start + t, step_rate, q, w, gradient)
        if tape != NULL:
            write_tape(n, q, target != NULL, tape + t * tape_width(n))
    if tape != NULL:
        if form == FULL and n.n_feedback > 0:
            transposed = tape + length * tape_width(n)
            transpose_feedback(n, w, transposed)
        unroll_tape(n, x, start, length, tape, transposed, q, gradient)
    return r


cdef void run_sequence(
    const Sizes *n, const Weights *w, State *q, const Input *x,
    Py_ssize_t start, Py_ssize_t length, bint every, int width, double *out
) noexcept nogil:
    """The first outputs, so many, at every step or at the last, to out (OUT)."""
    cdef Py_ssize_t t
    for t in range(length):
        step_hidden(n, w, x, start + t, q)
        if every or t == length - 1:
            step_output(n, w, x, start + t, q)
            memcpy(out, q.output, width * sizeof(double))
            out += width


cdef inline double *append(const double *values, int n_values, double *out) noexcept nogil:
    """Copy values to out (OUT); returns what comes behind them."""
    memcpy(out, values, n_values * sizeof(double))
    return out + n_values


cdef void record_sequence(
    const Sizes *n, const Weights *w, State *q, const Input *x,
    Py_ssize_t start, Py_ssize_t length, double *out
) noexcept nogil:
    """What the net holds after each step, to out (OUT), a row per step: see `Network.record`."""
    cdef Py_ssize_t t
    cdef int first = n.first_cell
    for t in range(length):
        step_hidden(n, w, x, start + t, q)
        step_output(n, w, x, start + t, q)
        out = append(q.y, n.n_units, out)
        # g is kept nowhere: it is made again, where its net inputs were.
        squash_lanes(n.cell_lanes, q.net + first, q.low + first, q.high + first, q.net + first)
        out = append(q.net + first, n.n_cells, out)
        out = append(q.s, n.n_cells, out)
        out = append(q.output, n.n_outputs, out)


# ---- what Python calls ---------------------------------------------------------------------------

cdef class Steps:
    """Borrowed view of the flat steps of a data set: a 2-D array or a CSR matrix."""

    def __cinit__(self, flat):
        self.n_steps, self.n_inputs = flat.shape
        memset(&self.input, 0, sizeof(Input))
        if isinstance(flat, np.ndarray):
            self.dense = flat
            self.input.dense = &self.dense[0, 0]
            return
        self.data, self.indices, self.indptr = flat.data, flat.indices, flat.indptr
        self.input.indptr = &self.indptr[0]
        if self.data.shape[0] > 0:
            self.input.data, self.input.indices = &self.data[0], &self.indices[0]


cdef class Network:
    """Memory and entry points of one net.

    Parameters
    ----------
    topology : lstm97.learning.topology.Topology
    """

    def __cinit__(self, topology):
        self.topology, self.tape, self.sensitivities = topology, None, None
        self.n = sizes_of(topology)
        self._allocate()
        self._set_constants()
        self._set_layer()

    cdef _allocate(self):
        """One zeroed array for everything, on a cache line's border; pointers into it."""
        cdef Sizes *n = &self.n
        cdef State *q = &self.q
        cdef Py_ssize_t hidden = n.hidden_rows * n.unit_lanes
        cdef Py_ssize_t output = n.output_rows * n.output_lanes
        cdef Py_ssize_t total = (
            2 * (hidden + output) + n.hidden_rows * n.trace_lanes + 7 * n.unit_lanes
            + n.gate_lanes + LANES + 3 * n.cell_lanes + n.trace_lanes + 5 * n.output_lanes
        )
        self.memory = np.zeros(total + 8)
        cdef double *p = &self.memory[0]
        p += (64 - <uintptr_t> p % 64) % 64 // sizeof(double)
        self.w.hidden, p = p, p + hidden
        self.w.output, p = p, p + output
        self.gradient_.hidden, p = p, p + hidden
        self.gradient_.output, p = p, p + output
        q.trace, p = p, p + n.hidden_rows * n.trace_lanes
        q.y, p = p, p + n.unit_lanes
        q.previous, p = p, p + n.unit_lanes
        q.net, p = p, p + n.unit_lanes
        q.a, p = p, p + n.gate_lanes + LANES
        q.delta, p = p, p + n.unit_lanes
        q.low, p = p, p + n.unit_lanes
        q.high, p = p, p + n.unit_lanes
        q.bias_mask, p = p, p + n.unit_lanes
        q.s, p = p, p + n.cell_lanes
        q.h, p = p, p + n.cell_lanes
        q.e_s, p = p, p + n.cell_lanes
        q.u, p = p, p + n.trace_lanes
        q.output_net, p = p, p + n.output_lanes
        q.output, p = p, p + n.output_lanes
        q.e, p = p, p + n.output_lanes
        q.output_low, p = p, p + n.output_lanes
        q.output_high = p
        self.indices = np.zeros(2 * n.n_inputs + 2 * n.cell_lanes, dtype=np.intc)
        q.touched = &self.indices[0]
        q.position = q.touched + n.n_inputs
        q.input_gate = q.position + n.n_inputs
        q.output_gate = q.input_gate + n.cell_lanes
        q.n_touched = 0
        q.sensitivity = NULL

    cdef _set_constants(self):
        """Ranges of the squashing functions; biases; gates of the cells. Padding stays zero."""
        cdef Sizes *n = &self.n
        cdef State *q = &self.q
        cdef int i, lane
        for group in self.topology.hidden_groups:
            lane = lane_of(n, group.first)
            for i in range(lane, lane + group.n_units):
                q.bias_mask[i] = group.bias
                q.low[i], q.high[i] = (n.g_low, n.g_high) if group.name == "cell" else (0.0, 1.0)
        for i in range(n.n_outputs):
            q.output_high[i] = 1.0
        q.a[n.gate_lanes] = 1.0
        for i in range(n.cell_lanes):
            q.input_gate[i] = q.output_gate[i] = n.gate_lanes
        for i in range(n.n_cells):
            if n.input_gate:
                q.input_gate[i] = i // n.block_size
            if n.output_gate:
                q.output_gate[i] = n.first_output_gate + i // n.block_size

    cdef _set_layer(self):
        """What layer.h knows of all this."""
        cdef Sizes *n = &self.n
        cdef State *q = &self.q
        cdef Layer *layer = &self.q.layer
        layer.gate_lanes, layer.cell_lanes = n.gate_lanes, n.cell_lanes
        layer.hidden_lanes = n.hidden_lanes
        layer.n_inputs, layer.n_feedback = n.n_inputs, n.n_feedback
        layer.n_gates, layer.n_cells = n.n_gates, n.n_cells
        layer.input_gate, layer.linear, layer.slope = n.input_gate, n.linear_state, n.g_slope
        layer.w, layer.low, layer.high = self.w.hidden, q.low, q.high
        layer.opens_in, layer.opens_out = q.input_gate, q.output_gate
        layer.net, layer.a, layer.s, layer.h = q.net, q.a, q.s, q.h
        layer.u, layer.trace = q.u, q.trace
        layer.learns = layer.traces = False
        prepare(layer)

    cdef _exchange(self, double[::1] flat, Weights *packed, bint inward):
        """Copy between the flat vector and padded rows; a bias is its group's last row."""
        cdef Py_ssize_t at = 0
        cdef int rows
        if inward:  # what is no weight is zero, whatever a training that diverged has left
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

    cdef double *_tape_for(self, const int64_t[::1] lengths):
        """Room for the longest sequence, and transposed weights, kept for the next call."""
        cdef Py_ssize_t size = max(lengths) * max(1, tape_width(&self.n))
        size += <Py_ssize_t> self.n.unit_lanes * self.n.unit_lanes
        if self.tape is None or self.tape.shape[0] < size:
            self.tape = np.empty(size)
        return &self.tape[0]

    cdef _allocate_sensitivities(self):
        """Room for real-time recurrent learning, which most nets do without."""
        cdef Py_ssize_t size = <Py_ssize_t> self.n.hidden_rows * self.n.n_hidden * self.n.unit_lanes
        if self.n.n_blocks > 0:
            raise ValueError("real-time recurrent learning is for nets without memory cells")
        if self.q.sensitivity == NULL:
            self.sensitivities = np.zeros(2 * size + self.n.n_hidden * self.n.n_hidden)
            self.q.sensitivity = &self.sensitivities[0]
            self.q.before = self.q.sensitivity + size
            self.q.coupling = self.q.before + size

    cdef _clear(self):
        """Forget every sequence."""
        memset(self.q.trace, 0, self.n.hidden_rows * self.n.trace_lanes * sizeof(double))
        if self.sensitivities is not None:
            self.sensitivities[:] = 0.0
        self.q.n_touched = 0

    def learn(
        self,
        double[::1] weights,            # INOUT, changed unless learning_rate is 0
        Steps x,                        # IN
        const int64_t[::1] starts,      # IN   first step of each sequence
        const int64_t[::1] lengths,     # IN
        const double[:, ::1] values,    # IN   targets, NaN for none
        const double[::1] weight,       # IN   of each row of values, or None
        const int64_t[::1] first,       # IN   first row of values of each sequence
        bint every,                     # a row per step, or one row per sequence
        double learning_rate,
        bint per_step,                  # move the weights at each target, or at each sequence's end
        double[:, ::1] results,         # OUT  loss, largest and mean absolute error per sequence
        double[::1] gradient=None,      # OUT  with learning_rate 0: the sum over all sequences
        str form="forward",             # of the gradient; per_step goes forward in time
        bint carry=False,               # go on from the state that the last call left
    ):
        """Train on sequences, one after the other.

        The forms of the gradient are "forward" and "backward", the same truncated one, "full" and
        "sensitive", the same full one, backward and forward in time; "none" gives losses only.

        Returns
        -------
        n : int
            The sequences before the first whose loss was not finite: all of them, if none was or
            nothing was to be learned.
        """
        cdef Py_ssize_t i, n_done = 0, n_sequences = starts.shape[0]
        cdef double *tape = NULL
        cdef Gradient which = GRADIENTS[form]
        cdef bint backward = which == BACKWARD or which == FULL
        cdef Target d
        cdef Summary r
        check_sequences(self.topology, weights, x, starts, lengths)
        check_targets(self.n.n_outputs, values, weight, first, lengths, every)
        if results.shape[0] < n_sequences or results.shape[1] != 3:
            raise ValueError(f"results of shape ({n_sequences}, 3) expected")
        if backward and (per_step or carry):
            raise ValueError(f"{form} needs whole sequences and weights that do not move in them")
        if n_sequences == 0:
            return 0
        if backward:
            tape = self._tape_for(lengths)
        if which == SENSITIVE:
            self._allocate_sensitivities()
        d.values, d.first, d.every, d.weight = &values[0, 0], &first[0], every, NULL
        if weight is not None:
            d.weight = &weight[0]
        self._exchange(weights, &self.w, True)
        if not carry:
            self._clear()
        self.q.layer.learns = which != NONE
        self.q.layer.traces = which == FORWARD
        with nogil:
            for i in range(n_sequences):
                if not (carry and i == 0):
                    reset(&self.n, &x.input, &self.q)
                r = learn_sequence(
                    &self.n, &self.w, &self.gradient_, &self.q, &x.input, starts[i], lengths[i],
                    &d, i, which, learning_rate if per_step else 0.0, tape,
                )
                if learning_rate != 0.0 and not per_step:
                    update(&self.n, &x.input, -1, learning_rate, &self.q, &self.w, &self.gradient_)
                results[i, 0] = r.loss
                results[i, 1] = r.max_error if r.n_errors else NAN
                results[i, 2] = r.sum_error / r.n_errors if r.n_errors else NAN
                if learning_rate != 0.0 and not isfinite(r.loss):
                    break
                n_done += 1
        self._exchange(weights, &self.w, False)
        if gradient is not None:
            self._exchange(gradient, &self.gradient_, False)
        self._clear_rows(&self.gradient_)
        return n_done

    def unrolled(self, Py_ssize_t length):
        """Return what a backward form has found in its last sequence, of this length.

        Returns
        -------
        previous : ndarray of shape (length, n_units)
            Activations y(t-1) of the hidden layer.
        delta : ndarray of shape (length, n_units)
            Errors of its net inputs, minus the loss's derivatives.
        """
        cdef Py_ssize_t t, width = tape_width(&self.n)
        cdef double[:, ::1] previous = np.empty((length, self.n.n_units))
        cdef double[:, ::1] delta = np.empty((length, self.n.n_units))
        cdef double *record
        cdef int unit
        if self.tape is None or self.tape.shape[0] < length * width:
            raise ValueError(f"no sequence of {length} steps was gone through backward")
        for t in range(length if self.n.n_units else 0):
            record = &self.tape[0] + t * width + self.n.trace_lanes
            memcpy(&previous[t, 0], record, self.n.n_units * sizeof(double))
            record += self.n.unit_lanes + self.n.cell_lanes
            for unit in range(self.n.n_units):
                delta[t, unit] = record[lane_of(&self.n, unit)]
        return np.asarray(previous), np.asarray(delta)

    cdef _clear_rows(self, Weights *packed):
        memset(packed.hidden, 0, self.n.hidden_rows * self.n.unit_lanes * sizeof(double))
        memset(packed.output, 0, self.n.output_rows * self.n.output_lanes * sizeof(double))

    def run(
        self,
        double[::1] weights,            # IN
        Steps x,                        # IN
        const int64_t[::1] starts,      # IN   first step of each sequence
        const int64_t[::1] lengths,     # IN
        bint every,                     # outputs at every step, or at the last only
        const int64_t[::1] first,       # IN   first row of out of each sequence
        double[:, ::1] out,             # OUT  (n_rows, n_outputs), or for the first outputs only
        bint carry=False,               # go on from the state that the last call left
    ):
        """Write the outputs for sequences; nothing is learned."""
        cdef Py_ssize_t i, n_sequences = starts.shape[0]
        check_sequences(self.topology, weights, x, starts, lengths)
        check_targets(min(self.n.n_outputs, out.shape[1]), out, None, first, lengths, every)
        if n_sequences == 0:
            return
        self._exchange(weights, &self.w, True)
        if not carry:
            self._clear()
        self.q.layer.learns = False
        with nogil:
            for i in range(n_sequences):
                if not (carry and i == 0):
                    reset(&self.n, &x.input, &self.q)
                run_sequence(
                    &self.n, &self.w, &self.q, &x.input, starts[i], lengths[i], every,
                    out.shape[1], &out[first[i], 0],
                )

    def record(
        self,
        double[::1] weights,            # IN
        Steps x,                        # IN
        const int64_t[::1] starts,      # IN   first step of each sequence
        const int64_t[::1] lengths,     # IN
        const int64_t[::1] first,       # IN   first row of out of each sequence
        double[:, ::1] out,             # OUT  (n_rows, n_units + 2 n_cells + n_outputs)
    ):
        """Write what the net holds after every step of sequences; nothing is learned.

        A row has the activations of the hidden layer, as fed back, the squashed inputs of the
        cells, their states, and the outputs. The values are those of `run`, bit for bit.
        """
        cdef Py_ssize_t i, n_sequences = starts.shape[0]
        cdef int width = self.n.n_units + 2 * self.n.n_cells + self.n.n_outputs
        check_sequences(self.topology, weights, x, starts, lengths)
        check_targets(width, out, None, first, lengths, True)
        if n_sequences == 0:
            return
        self._exchange(weights, &self.w, True)
        self._clear()
        self.q.layer.learns = False
        self.q.layer.small = False  # a small layer does not write its net inputs to memory
        with nogil:
            for i in range(n_sequences):
                reset(&self.n, &x.input, &self.q)
                record_sequence(
                    &self.n, &self.w, &self.q, &x.input, starts[i], lengths[i], &out[first[i], 0]
                )
        prepare(&self.q.layer)


cdef check_sequences(
    topology, double[::1] weights, Steps x, const int64_t[::1] starts, const int64_t[::1] lengths
):
    """Refuse what would make the kernel read beyond its arrays."""
    cdef Py_ssize_t i
    if weights.shape[0] != topology.n_weights:
        raise ValueError(f"{topology.n_weights} weights expected, got {weights.shape[0]}")
    if x.n_inputs != topology.n_inputs:
        raise ValueError(f"{topology.n_inputs} inputs expected, got {x.n_inputs}")
    if starts.shape[0] != lengths.shape[0]:
        raise ValueError("starts and lengths differ in length")
    for i in range(starts.shape[0]):
        # Written so that no sum can overflow.
        if not 0 <= starts[i] < x.n_steps or not 1 <= lengths[i] <= x.n_steps - starts[i]:
            raise ValueError(f"sequence {i} lies outside of the steps")


cdef check_targets(
    int n_outputs, values, weight, const int64_t[::1] first, const int64_t[::1] lengths, bint every
):
    """Refuse targets that would make the kernel read beyond its arrays."""
    cdef Py_ssize_t i, n_rows = len(values)
    if values.shape[1] != n_outputs:
        raise ValueError(f"{n_outputs} outputs expected, got {values.shape[1]}")
    if weight is not None and len(weight) != n_rows:
        raise ValueError("weight and values differ in length")
    if first.shape[0] != lengths.shape[0]:
        raise ValueError("first and lengths differ in length")
    for i in range(first.shape[0]):
        if first[i] < 0 or first[i] > n_rows - (lengths[i] if every else 1):
            raise ValueError(f"the targets of sequence {i} lie outside of the values")


cdef Py_ssize_t exchange_rows(
    double *flat, Py_ssize_t at, int rows, int width, double *packed, int stride, bint inward
) noexcept nogil:
    """Copy rows of one group of units; returns where the next group begins in flat."""
    cdef int m
    for m in range(rows):
        if inward:
            memcpy(packed + m * stride, flat + at, width * sizeof(double))
        else:
            memcpy(flat + at, packed + m * stride, width * sizeof(double))
        at += width
    return at


GRADIENTS = {
    "none": NONE, "forward": FORWARD, "backward": BACKWARD, "full": FULL, "sensitive": SENSITIVE,
}
OUTPUT_ACTIVATIONS = {"logistic": LOGISTIC, "linear": LINEAR, "softmax": SOFTMAX}
LOSSES = {"squared_error": SQUARED_ERROR, "log_loss": LOG_LOSS}


cdef Sizes sizes_of(topology):
    """The struct for a Topology."""
    cdef Sizes n
    n.n_inputs, n.n_outputs = topology.n_inputs, topology.n_outputs
    n.n_blocks, n.block_size = topology.n_blocks, topology.block_size
    n.n_cells, n.n_hidden = topology.n_cells, topology.n_hidden
    n.input_gate, n.output_gate = topology.input_gate, topology.output_gate
    n.shortcut, n.output_bias = topology.shortcut, topology.output_bias
    n.recurrent_outputs = topology.recurrent_outputs
    n.linear_state = topology.state_activation == "identity"
    n.n_gates = n.n_blocks * (n.input_gate + n.output_gate)
    n.n_units = n.n_gates + n.n_cells + n.n_hidden
    n.first_output_gate = n.n_blocks * n.input_gate
    n.gate_lanes, n.cell_lanes = padded(n.n_gates), padded(n.n_cells)
    n.hidden_lanes = padded(n.n_hidden)
    n.first_cell, n.first_hidden = n.gate_lanes, n.gate_lanes + n.cell_lanes
    n.unit_lanes = n.first_hidden + n.hidden_lanes
    n.first_feedback, n.n_feedback = topology.first_feedback, topology.n_feedback
    n.trace_lanes = n.cell_lanes * (1 + n.input_gate)
    n.output_lanes = padded(n.n_outputs)
    n.hidden_rows = n.n_inputs + n.n_feedback + 1
    n.output_rows = (n.n_inputs if n.shortcut else 0) + n.n_cells + n.n_hidden + 1
    if max(
        1.0 * n.hidden_rows * max(n.unit_lanes, n.trace_lanes),
        1.0 * n.output_rows * n.output_lanes,
        1.0 * n.unit_lanes * n.unit_lanes,
    ) > INT_MAX:
        raise ValueError(f"the net is too large: {topology.n_weights} weights")
    n.output_activation = OUTPUT_ACTIVATIONS[topology.output_activation]
    n.loss = LOSSES[topology.loss]
    n.g_low, n.g_high = topology.cell_range
    n.g_slope = 1.0 / (n.g_high - n.g_low)
    return n
