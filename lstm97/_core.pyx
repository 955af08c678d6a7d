"""The 1997 LSTM: forward pass, truncated gradient, update, over a block of sequences per call.

How it is cut
    A `Network` owns the memory of one net and is what Python calls; everything below it is plain C
    on the structs of _core.pxd, without the GIL, without randomness, without a Python object.
    `pack` and `unpack` carry the flat weight vector into padded rows and back, once per call.

The gradient stands here twice, equal but for the order of the sums:
    forward in time   each cell carries ds/dw along (`advance_traces`, paper (25) and (27));
                      constant memory for any length; weights may change at every step
    backward          a tape of the sequence is read from its end (`unroll_tape`); for updates at
                      the end of a sequence

Symbols are the paper's: net, y, s, g, h, e. Numbers in brackets are its equations.
"""

from libc.math cimport NAN, fabs, isfinite, isnan
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memcpy, memset

from lstm97._math cimport (
    add_outer, add_scaled, add_weighted, clear_lanes, copy_lanes, exp_, fma, log_, padded,
    squash_lanes,
)

import numpy as np


# ---- one time step -------------------------------------------------------------------------------

cdef inline void step_hidden(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, State *q
) noexcept nogil:
    """Activations of the hidden layer at step t, from x(t) and y(t-1): paper (7) to (9)."""
    cdef int c, i, j, v
    cdef double opening
    cdef double *y = q.previous
    q.previous = q.y
    q.y = y
    cdef const double *bias = w.hidden + (n.hidden_rows - 1) * n.unit_lanes
    if x.dense != NULL:
        add_weighted(n.unit_lanes, n.n_inputs, w.hidden, x.dense + t * n.n_inputs, bias, q.net)
    else:
        copy_lanes(n.unit_lanes, bias, q.net)
        for i in range(x.indptr[t], x.indptr[t + 1]):
            add_scaled(n.unit_lanes, x.data[i], w.hidden + x.indices[i] * n.unit_lanes, q.net)
    add_weighted(
        n.unit_lanes, n.n_feedback, w.hidden + n.n_inputs * n.unit_lanes,
        q.previous + n.first_feedback, q.net, q.net,
    )
    squash_lanes(n.unit_lanes, q.net, q.low, q.high, q.a)
    c = 0
    for j in range(n.n_blocks):
        opening = q.a[j] if n.input_gate else 1.0
        for v in range(n.block_size):
            q.s[c] = fma(opening, q.a[n.first_cell + c], q.s[c])
            c += 1
    if n.linear_state:
        copy_lanes(n.cell_lanes, q.s, q.h)
    else:
        squash_lanes(n.cell_lanes, q.s, q.h_low, q.h_high, q.h)
    copy_lanes(n.unit_lanes, q.a, y)
    c = 0
    for j in range(n.n_blocks):
        opening = q.a[n.first_output_gate + j] if n.output_gate else 1.0
        for v in range(n.block_size):
            y[n.first_cell + c] = opening * q.h[c]
            c += 1


cdef inline void step_output(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, State *q
) noexcept nogil:
    """Outputs at step t, from the hidden layer's new activations: paper (9), Section 5's order."""
    cdef int i, k
    cdef double largest, total
    cdef const double *row = w.output
    copy_lanes(n.output_lanes, row + (n.output_rows - 1) * n.output_lanes, q.output_net)
    if n.shortcut:
        if x.dense != NULL:
            add_weighted(
                n.output_lanes, n.n_inputs, row, x.dense + t * n.n_inputs,
                q.output_net, q.output_net,
            )
        else:
            for i in range(x.indptr[t], x.indptr[t + 1]):
                add_scaled(
                    n.output_lanes, x.data[i], row + x.indices[i] * n.output_lanes, q.output_net
                )
        row += n.n_inputs * n.output_lanes
    add_weighted(
        n.output_lanes, n.n_cells + n.n_hidden, row, q.y + n.first_cell, q.output_net, q.output_net
    )
    if n.output_activation == LOGISTIC:
        squash_lanes(n.output_lanes, q.output_net, q.output_low, q.output_high, q.output)
    elif n.output_activation == LINEAR:
        copy_lanes(n.output_lanes, q.output_net, q.output)
    else:
        largest = q.output_net[0]
        for k in range(1, n.n_outputs):
            largest = q.output_net[k] if q.output_net[k] > largest else largest
        total = 0.0
        for k in range(n.n_outputs):
            q.output[k] = exp_(q.output_net[k] - largest)
            total += q.output[k]
        for k in range(n.n_outputs):
            q.output[k] /= total


# ---- error at the outputs ------------------------------------------------------------------------

cdef inline double log_cost(const Sizes *n, const State *q, int k, double d) noexcept nogil:
    """Log loss of output k, from its net input, so that it stays finite for a sure output."""
    cdef double net = q.output_net[k]
    if n.output_activation == SOFTMAX:
        return -d * log_(q.output[k]) if d != 0.0 else 0.0
    return (net if net > 0.0 else 0.0) - d * net + log_(1.0 + exp_(-fabs(net)))


cdef inline void output_error(
    const Sizes *n, State *q, const double *d, double weight, Summary *r
) noexcept nogil:
    """Errors e at the outputs' net inputs for the targets d (19); a NaN target has none."""
    cdef int k
    cdef double error, y, mean = 0.0, loss = 0.0
    for k in range(n.n_outputs):
        q.e[k] = 0.0
        if isnan(d[k]):
            continue
        y = q.output[k]
        error = d[k] - y
        q.e[k] = error
        if n.loss == SQUARED_ERROR:
            loss += 0.5 * error * error
            if n.output_activation == LOGISTIC:
                q.e[k] = error * y * (1.0 - y)
            mean = fma(error, y, mean)
        else:
            loss += log_cost(n, q, k, d[k])
        r.max_error = fabs(error) if fabs(error) > r.max_error else r.max_error
        r.sum_error += fabs(error)
        r.n_errors += 1
    r.loss = fma(weight, loss, r.loss)
    for k in range(n.n_outputs):
        if n.output_activation == SOFTMAX and n.loss == SQUARED_ERROR:
            q.e[k] = (q.e[k] - mean) * q.output[k]
        q.e[k] *= weight


cdef inline bint is_target(const Sizes *n, const double *d) noexcept nogil:
    cdef int k
    for k in range(n.n_outputs):
        if not isnan(d[k]):
            return True
    return False


cdef inline void backpropagate(const Sizes *n, const Weights *w, State *q) noexcept nogil:
    """From the outputs' errors to those of output gates (21), states (23), other units (20)."""
    cdef int c, i, j, k, v
    cdef double error, opening, slope, through
    cdef const double *row = w.output + (n.n_inputs * n.output_lanes if n.shortcut else 0)
    clear_lanes(n.unit_lanes, q.delta)
    c = 0
    for j in range(n.n_blocks):
        opening = q.a[n.first_output_gate + j] if n.output_gate else 1.0
        through = 0.0
        for v in range(n.block_size):
            error = 0.0
            for k in range(n.n_outputs):
                error = fma(row[k], q.e[k], error)
            slope = 1.0 if n.linear_state else 0.5 * (1.0 - q.h[c]) * (1.0 + q.h[c])
            q.e_s[c] = opening * slope * error
            through = fma(q.h[c], error, through)
            row += n.output_lanes
            c += 1
        if n.output_gate:
            q.delta[n.first_output_gate + j] = opening * (1.0 - opening) * through
    for i in range(n.first_hidden, n.first_hidden + n.n_hidden):
        error = 0.0
        for k in range(n.n_outputs):
            error = fma(row[k], q.e[k], error)
        q.delta[i] = q.y[i] * (1.0 - q.y[i]) * error
        row += n.output_lanes


# ---- gradient ------------------------------------------------------------------------------------

cdef inline void touch(State *q, const Input *x, Py_ssize_t t) noexcept nogil:
    """Note the columns of x(t) that are not zero (sparse input only)."""
    cdef int column, i, p
    if x.dense != NULL:
        return
    for i in range(x.indptr[t], x.indptr[t + 1]):
        column = x.indices[i]
        p = q.position[column]
        if p >= q.n_touched or q.touched[p] != column:
            q.touched[q.n_touched] = column
            q.position[column] = q.n_touched
            q.n_touched += 1


cdef inline void add_sources(
    const Sizes *n, const Input *x, Py_ssize_t t, const double *feedback,
    int n_lanes, const double *u, double *d
) noexcept nogil:
    """d[m, l] += z_m(t) u[l], over all sources m of the hidden layer."""
    cdef int i
    if x.dense != NULL:
        add_outer(n_lanes, n.n_inputs, u, x.dense + t * n.n_inputs, d)
    else:
        for i in range(x.indptr[t], x.indptr[t + 1]):
            add_scaled(n_lanes, x.data[i], u, d + x.indices[i] * n_lanes)
    add_outer(n_lanes, n.n_feedback, u, feedback, d + n.n_inputs * n_lanes)
    add_scaled(n_lanes, 1.0, u, d + (n.hidden_rows - 1) * n_lanes)


cdef inline void state_derivatives(const Sizes *n, State *q) noexcept nogil:
    """What z(t) is multiplied by in ds/dw of cell inputs (27) and of input gates (25)."""
    cdef int c = 0, j, v
    cdef double g, opening
    for j in range(n.n_blocks):
        opening = q.a[j] if n.input_gate else 1.0
        for v in range(n.block_size):
            g = q.a[n.first_cell + c]
            q.u[c] = opening * n.g_slope * (n.g_high - g) * (g - n.g_low)
            if n.input_gate:
                q.u[n.cell_lanes + c] = g * opening * (1.0 - opening)
            c += 1


cdef inline void advance_traces(
    const Sizes *n, const Input *x, Py_ssize_t t, State *q
) noexcept nogil:
    """Carry ds/dw from step t-1 to step t: paper (25) and (27)."""
    add_sources(n, x, t, q.previous + n.first_feedback, n.trace_lanes, q.u, q.trace)


cdef inline void add_output_gradient(
    const Sizes *n, const Input *x, Py_ssize_t t, const State *q, Weights *gradient
) noexcept nogil:
    """Paper (22), output units."""
    cdef int i
    cdef double *row = gradient.output
    if n.shortcut:
        if x.dense != NULL:
            add_outer(n.output_lanes, n.n_inputs, q.e, x.dense + t * n.n_inputs, row)
        else:
            for i in range(x.indptr[t], x.indptr[t + 1]):
                add_scaled(n.output_lanes, x.data[i], q.e, row + x.indices[i] * n.output_lanes)
        row += n.n_inputs * n.output_lanes
    add_outer(n.output_lanes, n.n_cells + n.n_hidden, q.e, q.y + n.first_cell, row)
    if n.output_bias:
        add_scaled(
            n.output_lanes, 1.0, q.e, gradient.output + (n.output_rows - 1) * n.output_lanes
        )


cdef inline void add_trace_row(
    const Sizes *n, const State *q, int m, Weights *gradient
) noexcept nogil:
    """Paper (28) and (26) for source m: the error at the states times the carried ds/dw."""
    cdef int c, j, v
    cdef double sum
    cdef double *row = gradient.hidden + m * n.unit_lanes
    cdef double *cells = row + n.first_cell
    cdef const double *trace = q.trace + m * n.trace_lanes
    for c in range(n.n_cells):
        cells[c] = fma(q.e_s[c], trace[c], cells[c])
    if not n.input_gate:
        return
    trace += n.cell_lanes
    c = 0
    for j in range(n.n_blocks):
        sum = row[j]
        for v in range(n.block_size):
            sum = fma(q.e_s[c], trace[c], sum)
            c += 1
        row[j] = sum


cdef inline void add_hidden_gradient(
    const Sizes *n, const Input *x, Py_ssize_t t, const State *q, Weights *gradient
) noexcept nogil:
    """The gradient forward in time, at a step with a target."""
    cdef int i, m
    add_sources(
        n, x, t, q.previous + n.first_feedback, n.unit_lanes, q.delta, gradient.hidden
    )
    if x.dense != NULL:
        for m in range(n.n_inputs):
            add_trace_row(n, q, m, gradient)
    else:
        for i in range(q.n_touched):
            add_trace_row(n, q, q.touched[i], gradient)
    for m in range(n.n_inputs, n.hidden_rows):
        add_trace_row(n, q, m, gradient)


# A record of the tape, one per step: u, feedback y(t-1), e_s, delta.

cdef inline int tape_width(const Sizes *n) noexcept nogil:
    return n.trace_lanes + n.cell_lanes + 2 * n.unit_lanes


cdef inline void write_tape(
    const Sizes *n, const State *q, bint has_target, double *record
) noexcept nogil:
    copy_lanes(n.trace_lanes, q.u, record)
    record += n.trace_lanes
    copy_lanes(n.unit_lanes, q.previous, record)
    record += n.unit_lanes
    if has_target:
        copy_lanes(n.cell_lanes, q.e_s, record)
        copy_lanes(n.unit_lanes, q.delta, record + n.cell_lanes)
    else:
        clear_lanes(n.cell_lanes + n.unit_lanes, record)


cdef void unroll_tape(
    const Sizes *n, const Input *x, Py_ssize_t start, Py_ssize_t length, double *tape,
    State *q, Weights *gradient
) noexcept nogil:
    """The same gradient backward: an error at a state reaches all earlier steps unchanged."""
    cdef int c, j, v, l
    cdef Py_ssize_t t
    cdef const double *u
    cdef const double *feedback
    cdef const double *e_s
    cdef double *delta
    clear_lanes(n.cell_lanes, q.e_s)
    for t in range(length - 1, -1, -1):
        u = tape + t * tape_width(n)
        feedback = u + n.trace_lanes
        e_s = feedback + n.unit_lanes
        delta = <double *> e_s + n.cell_lanes
        for l in range(n.cell_lanes):
            q.e_s[l] += e_s[l]
        c = 0
        for j in range(n.n_blocks):
            for v in range(n.block_size):
                delta[n.first_cell + c] = q.e_s[c] * u[c]
                if n.input_gate:
                    delta[j] = fma(q.e_s[c], u[n.cell_lanes + c], delta[j])
                c += 1
        add_sources(
            n, x, start + t, feedback + n.first_feedback, n.unit_lanes, delta, gradient.hidden
        )


# ---- update --------------------------------------------------------------------------------------

cdef inline void move_rows(int n_values, double rate, double *w, double *gradient) noexcept nogil:
    add_scaled(n_values, rate, gradient, w)
    memset(gradient, 0, n_values * sizeof(double))


cdef inline void update(
    const Sizes *n, const Input *x, double rate, State *q, Weights *w, Weights *gradient
) noexcept nogil:
    """w += rate * gradient, and the gradient to zero; of sparse inputs, the touched rows only."""
    cdef int i, l, m
    cdef Py_ssize_t first_row = 0, first_output_row = 0
    cdef double *bias
    if x.dense == NULL:
        for i in range(q.n_touched):
            m = q.touched[i]
            move_rows(
                n.unit_lanes, rate, w.hidden + m * n.unit_lanes, gradient.hidden + m * n.unit_lanes
            )
            if n.shortcut:
                move_rows(
                    n.output_lanes, rate,
                    w.output + m * n.output_lanes, gradient.output + m * n.output_lanes,
                )
        first_row = n.n_inputs * n.unit_lanes
        first_output_row = n.n_inputs * n.output_lanes if n.shortcut else 0
    # A unit without a bias keeps its weight of zero from the constant source.
    bias = gradient.hidden + (n.hidden_rows - 1) * n.unit_lanes
    for l in range(n.unit_lanes):
        bias[l] *= q.bias_mask[l]
    move_rows(
        n.hidden_rows * n.unit_lanes - first_row, rate,
        w.hidden + first_row, gradient.hidden + first_row,
    )
    move_rows(
        n.output_rows * n.output_lanes - first_output_row, rate,
        w.output + first_output_row, gradient.output + first_output_row,
    )


# ---- sequences -----------------------------------------------------------------------------------

cdef void reset(const Sizes *n, const Input *x, State *q) noexcept nogil:
    """Before a sequence: activations, states and traces are zero."""
    cdef int i
    cdef Py_ssize_t first_row = 0
    memset(q.y, 0, n.unit_lanes * sizeof(double))
    memset(q.s, 0, n.cell_lanes * sizeof(double))
    if x.dense == NULL:
        for i in range(q.n_touched):
            memset(
                q.trace + q.touched[i] * n.trace_lanes, 0, n.trace_lanes * sizeof(double)
            )
        first_row = n.n_inputs
    memset(
        q.trace + first_row * n.trace_lanes, 0,
        (n.hidden_rows - first_row) * n.trace_lanes * sizeof(double),
    )
    q.n_touched = 0


cdef inline const double *target_at(
    const Sizes *n, const Target *d, Py_ssize_t i, Py_ssize_t t, bint last, double *weight
) noexcept nogil:
    """The targets of sequence i at its step t, and their weight; NULL where nothing is due."""
    cdef int64_t row
    if not (d.every or last):
        return NULL
    row = d.first[i] + (t if d.every else 0)
    if not is_target(n, d.values + row * n.n_outputs):
        return NULL
    weight[0] = d.weight[row] if d.weight != NULL else 1.0
    return d.values + row * n.n_outputs


cdef Summary learn_sequence(
    const Sizes *n, Weights *w, Weights *gradient, State *q,
    const Input *x, Py_ssize_t start, Py_ssize_t length, const Target *d, Py_ssize_t i,
    double step_rate, double *tape
) noexcept nogil:
    """Run sequence i and add its gradient; with a step_rate, move the weights at each target.

    Without a tape the gradient goes forward in time, with one backward.
    """
    cdef Py_ssize_t t
    cdef double weight = 1.0
    cdef const double *target
    cdef Summary r
    memset(&r, 0, sizeof(Summary))
    for t in range(length):
        step_hidden(n, w, x, start + t, q)
        state_derivatives(n, q)
        touch(q, x, start + t)
        if tape == NULL:
            advance_traces(n, x, start + t, q)
        target = target_at(n, d, i, t, t == length - 1, &weight)
        if target != NULL:
            step_output(n, w, x, start + t, q)
            output_error(n, q, target, weight, &r)
            backpropagate(n, w, q)
            add_output_gradient(n, x, start + t, q, gradient)
            if tape == NULL:
                add_hidden_gradient(n, x, start + t, q, gradient)
            if step_rate != 0.0:
                update(n, x, step_rate, q, w, gradient)
        if tape != NULL:
            write_tape(n, q, target != NULL, tape + t * tape_width(n))
    if tape != NULL:
        unroll_tape(n, x, start, length, tape, q, gradient)
    return r


cdef void run_sequence(
    const Sizes *n, const Weights *w, State *q, const Input *x,
    Py_ssize_t start, Py_ssize_t length, bint every, double *out
) noexcept nogil:
    """Outputs at every step, or at the last, to out (OUT)."""
    cdef Py_ssize_t t
    for t in range(length):
        step_hidden(n, w, x, start + t, q)
        if every or t == length - 1:
            step_output(n, w, x, start + t, q)
            memcpy(out, q.output, n.n_outputs * sizeof(double))
            out += n.n_outputs


# ---- what Python calls ---------------------------------------------------------------------------

cdef class Steps:
    """Borrowed view of the flat steps of a data set: a 2-D array or a CSR matrix."""

    cdef const double[:, ::1] dense
    cdef const double[::1] data
    cdef const int[::1] indices
    cdef const int[::1] indptr
    cdef Input input
    cdef readonly Py_ssize_t n_steps
    cdef readonly int n_inputs

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
    topology : lstm97._topology.Topology
    """

    cdef Sizes n
    cdef Weights w, gradient_
    cdef State q
    cdef object topology
    cdef double[::1] memory
    cdef int[::1] columns
    cdef double[::1] tape

    def __cinit__(self, topology):
        self.topology = topology
        self.n = sizes_of(topology)
        self._allocate()
        self._set_constants()

    cdef _allocate(self):
        """One zeroed array for everything, on a cache line's border; pointers into it."""
        cdef Sizes *n = &self.n
        cdef State *q = &self.q
        cdef Py_ssize_t hidden = n.hidden_rows * n.unit_lanes, output = n.output_rows * n.output_lanes
        cdef Py_ssize_t total = (
            2 * (hidden + output) + n.hidden_rows * n.trace_lanes + 8 * n.unit_lanes
            + 5 * n.cell_lanes + n.trace_lanes + 5 * n.output_lanes
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
        q.a, p = p, p + n.unit_lanes
        q.delta, p = p, p + n.unit_lanes
        q.low, p = p, p + n.unit_lanes
        q.high, p = p, p + n.unit_lanes
        q.bias_mask, p = p, p + n.unit_lanes
        q.s, p = p, p + n.cell_lanes
        q.h, p = p, p + n.cell_lanes
        q.e_s, p = p, p + n.cell_lanes
        q.h_low, p = p, p + n.cell_lanes
        q.h_high, p = p, p + n.cell_lanes
        q.u, p = p, p + n.trace_lanes
        q.output_net, p = p, p + n.output_lanes
        q.output, p = p, p + n.output_lanes
        q.e, p = p, p + n.output_lanes
        q.output_low, p = p, p + n.output_lanes
        q.output_high = p
        self.columns = np.zeros(2 * n.n_inputs, dtype=np.intc)
        q.touched = &self.columns[0]
        q.position = q.touched + n.n_inputs
        q.n_touched = 0

    cdef _set_constants(self):
        """Ranges of the squashing functions; which units have a bias. Padding stays zero."""
        cdef int l
        for l in range(self.n.n_units):
            self.q.high[l] = 1.0
        for l in range(self.n.first_cell, self.n.first_cell + self.n.n_cells):
            self.q.low[l], self.q.high[l] = self.n.g_low, self.n.g_high
        for l in range(self.n.n_cells):
            self.q.h_low[l], self.q.h_high[l] = -1.0, 1.0
        for l in range(self.n.n_outputs):
            self.q.output_high[l] = 1.0
        for group in self.topology.hidden_groups:
            for l in range(group.first, group.first + group.n_units):
                self.q.bias_mask[l] = group.bias

    cdef _exchange(self, double[::1] flat, Weights *packed, bint inward):
        """Copy between the flat vector and padded rows; a bias is its group's last row."""
        cdef Py_ssize_t at = 0
        cdef int rows
        for group in self.topology.hidden_groups:
            rows = self.n.hidden_rows - 1
            at = exchange_rows(
                &flat[0], at, rows + group.bias, group.n_units,
                packed.hidden + <int> group.first, self.n.unit_lanes, inward,
            )
        rows = self.n.output_rows - 1 + self.n.output_bias
        exchange_rows(
            &flat[0], at, rows, self.n.n_outputs, packed.output, self.n.output_lanes, inward
        )

    def _check(self, double[::1] weights, Steps x, const int64_t[::1] starts,
               const int64_t[::1] lengths):
        """Refuse what would make the kernel read beyond its arrays."""
        cdef Py_ssize_t i
        if weights.shape[0] != self.topology.n_weights:
            raise ValueError(f"{self.topology.n_weights} weights expected, got {weights.shape[0]}")
        if x.n_inputs != self.n.n_inputs:
            raise ValueError(f"{self.n.n_inputs} inputs expected, got {x.n_inputs}")
        if starts.shape[0] != lengths.shape[0]:
            raise ValueError("starts and lengths differ in length")
        for i in range(starts.shape[0]):
            if starts[i] < 0 or lengths[i] < 1 or starts[i] + lengths[i] > x.n_steps:
                raise ValueError(f"sequence {i} lies outside of the steps")

    cdef _check_targets(self, values, weight, const int64_t[::1] first,
                        const int64_t[::1] lengths, bint every):
        cdef Py_ssize_t i
        if values.shape[1] != self.n.n_outputs:
            raise ValueError(f"{self.n.n_outputs} outputs expected, got {values.shape[1]}")
        if weight is not None and len(weight) != len(values):
            raise ValueError("weight and values differ in length")
        if first.shape[0] != lengths.shape[0]:
            raise ValueError("first and lengths differ in length")
        for i in range(first.shape[0]):
            if first[i] < 0 or first[i] + (lengths[i] if every else 1) > len(values):
                raise ValueError(f"the targets of sequence {i} lie outside of the values")

    cdef double *_tape_for(self, const int64_t[::1] lengths):
        """Room for the longest sequence, kept for the next call."""
        cdef Py_ssize_t size = max(lengths) * tape_width(&self.n)
        if self.tape is None or self.tape.shape[0] < size:
            self.tape = np.empty(size)
        return &self.tape[0]

    def _clear(self):
        """Forget every sequence."""
        memset(self.q.trace, 0, self.n.hidden_rows * self.n.trace_lanes * sizeof(double))
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
        bint backward=False,            # form of the gradient; per_step goes forward
        bint carry=False,               # go on from the state that the last call left
    ):
        """Train on sequences, one after the other.

        Returns
        -------
        n : int
            The sequences before the first whose loss was not finite: all of them, if none was.
        """
        cdef Py_ssize_t i, n_done = 0, n_sequences = starts.shape[0]
        cdef double *tape = NULL
        cdef Target d
        cdef Summary r
        self._check(weights, x, starts, lengths)
        self._check_targets(values, weight, first, lengths, every)
        if results.shape[0] < n_sequences or results.shape[1] != 3:
            raise ValueError(f"results of shape ({n_sequences}, 3) expected")
        if n_sequences == 0:
            return 0
        if backward:
            tape = self._tape_for(lengths)
        d.values, d.first, d.every = &values[0, 0], &first[0], every
        d.weight = NULL if weight is None else &weight[0]
        self._exchange(weights, &self.w, True)
        if not carry:
            self._clear()
        with nogil:
            for i in range(n_sequences):
                if not (carry and i == 0):
                    reset(&self.n, &x.input, &self.q)
                r = learn_sequence(
                    &self.n, &self.w, &self.gradient_, &self.q, &x.input, starts[i], lengths[i],
                    &d, i, learning_rate if per_step else 0.0, tape,
                )
                if learning_rate != 0.0 and not per_step:
                    update(&self.n, &x.input, learning_rate, &self.q, &self.w, &self.gradient_)
                results[i, 0] = r.loss
                results[i, 1] = r.max_error if r.n_errors else NAN
                results[i, 2] = r.sum_error / r.n_errors if r.n_errors else NAN
                if not isfinite(r.loss):
                    break
                n_done += 1
        self._exchange(weights, &self.w, False)
        if gradient is not None:
            self._exchange(gradient, &self.gradient_, False)
        self._clear_gradient()
        return n_done

    cdef _clear_gradient(self):
        memset(self.gradient_.hidden, 0, self.n.hidden_rows * self.n.unit_lanes * sizeof(double))
        memset(self.gradient_.output, 0, self.n.output_rows * self.n.output_lanes * sizeof(double))

    def run(
        self,
        double[::1] weights,            # IN
        Steps x,                        # IN
        const int64_t[::1] starts,      # IN   first step of each sequence
        const int64_t[::1] lengths,     # IN
        bint every,                     # outputs at every step, or at the last only
        const int64_t[::1] first,       # IN   first row of out of each sequence
        double[:, ::1] out,             # OUT  (n_rows, n_outputs)
        bint carry=False,               # go on from the state that the last call left
    ):
        """Outputs for sequences, each from a state of zero; nothing is learned."""
        cdef Py_ssize_t i, n_sequences = starts.shape[0]
        self._check(weights, x, starts, lengths)
        self._check_targets(out, None, first, lengths, every)
        if n_sequences == 0:
            return
        self._exchange(weights, &self.w, True)
        if not carry:
            self._clear()
        with nogil:
            for i in range(n_sequences):
                if not (carry and i == 0):
                    reset(&self.n, &x.input, &self.q)
                run_sequence(
                    &self.n, &self.w, &self.q, &x.input, starts[i], lengths[i], every,
                    &out[first[i], 0],
                )


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


OUTPUT_ACTIVATIONS = {"logistic": LOGISTIC, "linear": LINEAR, "softmax": SOFTMAX}
LOSSES = {"squared_error": SQUARED_ERROR, "log_loss": LOG_LOSS}


cdef Sizes sizes_of(topology):
    """The struct for a Topology."""
    cdef Sizes n
    first = {group.name: group.first for group in topology.hidden_groups}
    n.n_inputs, n.n_outputs = topology.n_inputs, topology.n_outputs
    n.n_blocks, n.block_size = topology.n_blocks, topology.block_size
    n.n_cells, n.n_hidden = topology.n_cells, topology.n_hidden
    n.input_gate, n.output_gate = topology.input_gate, topology.output_gate
    n.shortcut, n.output_bias = topology.shortcut, topology.output_bias
    n.linear_state = topology.state_activation == "identity"
    n.first_output_gate, n.first_cell = first.get("output_gate", 0), first["cell"]
    n.first_hidden = n.first_cell + n.n_cells
    n.n_units = n.first_hidden + n.n_hidden
    n.first_feedback, n.n_feedback = topology.first_feedback, topology.n_feedback
    n.unit_lanes, n.cell_lanes = padded(n.n_units), padded(n.n_cells)
    n.trace_lanes = n.cell_lanes * (1 + n.input_gate)
    n.output_lanes = padded(n.n_outputs)
    n.hidden_rows = n.n_inputs + n.n_feedback + 1
    n.output_rows = (n.n_inputs if n.shortcut else 0) + n.n_cells + n.n_hidden + 1
    n.output_activation = OUTPUT_ACTIVATIONS[topology.output_activation]
    n.loss = LOSSES[topology.loss]
    n.g_low, n.g_high = topology.cell_range
    n.g_slope = 1.0 / (n.g_high - n.g_low)
    return n
