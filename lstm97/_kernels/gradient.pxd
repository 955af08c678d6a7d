"""The gradient of the 1997 LSTM, and the update. Numbers in brackets: the paper's.

The truncated gradient stands here twice, equal but for the order of the sums:
    forward in time   each cell carries ds/dw along (`advance_traces`, (25) and (27)); constant
                      memory for any length; weights may change at every step
    backward          a tape of the sequence is read from its end (`unroll_tape`); for updates at
                      the end of a sequence
Backward it may also be full: then an error goes on through all that is fed back, which is
back-propagation through time. Forward in time the full gradient is that of `rtrl.pxd`.
"""

from libc.math cimport fabs, isnan
from libc.string cimport memset

from lstm97._core cimport (
    LOGISTIC, SOFTMAX, SQUARED_ERROR, Input, Sizes, State, Summary, Weights
)
from lstm97._kernels.vectors cimport (
    add_outer, add_products, add_scaled, add_weighted, clear_lanes, copy_lanes, exp_, fma, log_,
    move_lanes
)


# ---- error at the outputs ------------------------------------------------------------------------

cdef inline double log_cost(const Sizes *n, const State *q, int k, double d) noexcept nogil:
    """Log loss of output k, from its net input, so that it stays finite for a sure output."""
    cdef double net = q.output_net[k]
    if n.output_activation == SOFTMAX:
        return d * (q.log_total - net)
    return (net if net > 0.0 else 0.0) - d * net + log_(1.0 + exp_(-fabs(net)))


cdef inline void output_error(
    const Sizes *n, State *q, const double *d, double weight, Summary *r
) noexcept nogil:
    """Errors e at the outputs' net inputs for the targets d (19); a NaN target has none."""
    cdef int k
    cdef double error, y, mean = 0.0, mass = 0.0, loss = 0.0
    for k in range(n.n_outputs):
        q.e[k] = 0.0
        if isnan(d[k]):
            continue
        y = q.output[k]
        error = d[k] - y
        if n.loss == SQUARED_ERROR:
            loss += 0.5 * error * error
            q.e[k] = error * y * (1.0 - y) if n.output_activation == LOGISTIC else error
            mean = fma(error, y, mean)
        else:
            loss += log_cost(n, q, k, d[k])
            q.e[k] = d[k] if n.output_activation == SOFTMAX else error
            mass += d[k]
        if isnan(error) or fabs(error) > r.max_error:
            r.max_error = fabs(error)  # a NaN stays: nothing is larger
        r.sum_error += fabs(error)
        r.n_errors += 1
    r.loss = fma(weight, loss, r.loss)
    for k in range(n.n_outputs):
        if n.output_activation == SOFTMAX:
            # Each net input moves all outputs.
            if n.loss == SQUARED_ERROR:
                q.e[k] = (q.e[k] - mean) * q.output[k]
            else:
                q.e[k] -= mass * q.output[k]
        q.e[k] *= weight


cdef inline bint is_target(const Sizes *n, const double *d) noexcept nogil:
    cdef int k
    for k in range(n.n_outputs):
        if not isnan(d[k]):
            return True
    return False


cdef inline double state_slope(const Sizes *n, double h) noexcept nogil:
    """h'(s) from h(s)."""
    return 1.0 if n.linear_state else 0.5 * (1.0 - h) * (1.0 + h)


cdef inline void backpropagate(const Sizes *n, const Weights *w, State *q) noexcept nogil:
    """From the outputs' errors to those of output gates (21), states (23), other units (20)."""
    cdef int c, i, j, k
    cdef double error, opening, through
    cdef const double *y
    cdef const double *row = w.output + (n.n_inputs * n.output_lanes if n.shortcut else 0)
    clear_lanes(n.unit_lanes, q.delta)
    if n.recurrent_outputs:
        for k in range(n.n_outputs):
            q.delta[k] = q.e[k]
        return
    for j in range(n.n_blocks):
        opening = q.a[n.first_output_gate + j] if n.output_gate else 1.0
        through = 0.0
        for c in range(j * n.block_size, (j + 1) * n.block_size):
            error = 0.0
            for k in range(n.n_outputs):
                error = fma(row[k], q.e[k], error)
            q.e_s[c] = opening * state_slope(n, q.h[c]) * error
            through = fma(q.h[c], error, through)
            row += n.output_lanes
        if n.output_gate:
            q.delta[n.first_output_gate + j] = opening * (1.0 - opening) * through
    y = q.y + n.n_gates + n.n_cells
    for i in range(n.n_hidden):
        error = 0.0
        for k in range(n.n_outputs):
            error = fma(row[k], q.e[k], error)
        q.delta[n.first_hidden + i] = y[i] * (1.0 - y[i]) * error
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


cdef inline void advance_traces(
    const Sizes *n, const Input *x, Py_ssize_t t, State *q
) noexcept nogil:
    """Carry ds/dw from step t-1 to step t, (25) and (27), where the layer's step has not."""
    cdef int i
    if not q.layer.small:
        add_sources(n, x, t, q.previous + n.first_feedback, n.trace_lanes, q.u, q.trace)
    elif x.dense == NULL:
        for i in range(x.indptr[t], x.indptr[t + 1]):
            add_scaled(n.trace_lanes, x.data[i], q.u, q.trace + x.indices[i] * n.trace_lanes)


cdef inline void add_output_gradient(
    const Sizes *n, const Input *x, Py_ssize_t t, const State *q, Weights *gradient
) noexcept nogil:
    """Weights to the output units: (22)."""
    cdef int i
    cdef double *row = gradient.output
    if n.recurrent_outputs:
        return
    if n.shortcut:
        if x.dense != NULL:
            add_outer(n.output_lanes, n.n_inputs, q.e, x.dense + t * n.n_inputs, row)
        else:
            for i in range(x.indptr[t], x.indptr[t + 1]):
                add_scaled(n.output_lanes, x.data[i], q.e, row + x.indices[i] * n.output_lanes)
        row += n.n_inputs * n.output_lanes
    add_outer(n.output_lanes, n.n_cells + n.n_hidden, q.e, q.y + n.n_gates, row)
    if n.output_bias:
        add_scaled(
            n.output_lanes, 1.0, q.e, gradient.output + (n.output_rows - 1) * n.output_lanes
        )


cdef inline void add_trace_row(
    const Sizes *n, const State *q, int m, Weights *gradient
) noexcept nogil:
    """(28) and (26) for source m: the error at the states times the carried ds/dw."""
    cdef int c, j
    cdef double sum
    cdef double *row = gradient.hidden + m * n.unit_lanes
    cdef const double *trace = q.trace + m * n.trace_lanes
    add_products(n.cell_lanes, q.e_s, trace, row + n.first_cell)
    if not n.input_gate:
        return
    trace += n.cell_lanes
    if n.block_size == 1:
        add_products(n.cell_lanes, q.e_s, trace, row)
        return
    for j in range(n.n_blocks):
        sum = row[j]
        for c in range(j * n.block_size, (j + 1) * n.block_size):
            sum = fma(q.e_s[c], trace[c], sum)
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


# A record of the tape, one per step: u, feedback y(t-1), e_s, delta, h.

cdef inline int tape_width(const Sizes *n) noexcept nogil:
    return n.trace_lanes + 2 * n.cell_lanes + 2 * n.unit_lanes


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
    copy_lanes(n.cell_lanes, q.h, record + n.cell_lanes + n.unit_lanes)


cdef inline void unroll_tape(
    const Sizes *n, const Input *x, Py_ssize_t start, Py_ssize_t length, double *tape,
    const double *transposed, State *q, Weights *gradient
) noexcept nogil:
    """The gradient backward: an error at a state reaches all earlier steps unchanged.

    Without `transposed` weights it is the truncated one, with them the full one.
    """
    cdef int c, j
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
        if transposed != NULL and t < length - 1:
            add_fed_back_error(n, transposed, <double *> u, q)
        for c in range(n.n_cells):
            q.e_s[c] += e_s[c]
        for j in range(n.n_blocks):
            for c in range(j * n.block_size, (j + 1) * n.block_size):
                delta[n.first_cell + c] = q.e_s[c] * u[c]
                if n.input_gate:
                    delta[j] = fma(q.e_s[c], u[n.cell_lanes + c], delta[j])
        add_sources(
            n, x, start + t, feedback + n.first_feedback, n.unit_lanes, delta, gradient.hidden
        )


cdef inline void add_fed_back_error(
    const Sizes *n, const double *transposed, double *record, State *q
) noexcept nogil:
    """What the errors of the next step's net inputs, in the next record, add to this record's."""
    cdef int c, i, j
    cdef double opening, through
    cdef double *e_s = record + n.trace_lanes + n.unit_lanes
    cdef double *delta = e_s + n.cell_lanes
    cdef const double *h = delta + n.unit_lanes
    cdef const double *y = record + tape_width(n) + n.trace_lanes
    cdef const double *next_delta = delta + tape_width(n)
    cdef double *error = q.net
    clear_lanes(n.unit_lanes, error)
    add_weighted(n.unit_lanes, n.unit_lanes, transposed, next_delta, error, error)
    for j in range(n.n_blocks):
        opening = y[n.first_output_gate + j] if n.output_gate else 1.0
        through = 0.0
        for c in range(j * n.block_size, (j + 1) * n.block_size):
            through = fma(h[c], error[n.first_cell + c], through)
            e_s[c] = fma(opening * state_slope(n, h[c]), error[n.first_cell + c], e_s[c])
        if n.output_gate:
            i = n.first_output_gate + j
            delta[i] = fma(opening * (1.0 - opening), through + error[i], delta[i])
        if n.input_gate:
            delta[j] = fma(y[j] * (1.0 - y[j]), error[j], delta[j])
    y += n.n_gates + n.n_cells
    for c in range(n.n_hidden):
        i = n.first_hidden + c
        delta[i] = fma(y[c] * (1.0 - y[c]), error[i], delta[i])


cdef inline int lane_of(const Sizes *n, int unit) noexcept nogil:
    """The lane of a unit of the hidden layer."""
    if unit < n.n_gates:
        return unit
    if unit < n.n_gates + n.n_cells:
        return n.first_cell + unit - n.n_gates
    return n.first_hidden + unit - n.n_gates - n.n_cells


cdef inline void transpose_feedback(
    const Sizes *n, const Weights *w, double *transposed
) noexcept nogil:
    """Recurrent weights with a row for each lane that they lead to: (unit_lanes, unit_lanes)."""
    cdef int i, lane, source
    cdef const double *row = w.hidden + n.n_inputs * n.unit_lanes
    memset(transposed, 0, <Py_ssize_t> n.unit_lanes * n.unit_lanes * sizeof(double))
    for source in range(n.first_feedback, n.first_feedback + n.n_feedback):
        lane = lane_of(n, source)
        for i in range(n.unit_lanes):
            transposed[i * n.unit_lanes + lane] = row[i]
        row += n.unit_lanes


# ---- update --------------------------------------------------------------------------------------

cdef inline void move_output_row(
    const Sizes *n, int m, double rate, Weights *w, Weights *gradient
) noexcept nogil:
    move_lanes(
        n.output_lanes, rate, gradient.output + m * n.output_lanes, w.output + m * n.output_lanes
    )


cdef inline void update(
    const Sizes *n, const Input *x, Py_ssize_t t, double rate,
    State *q, Weights *w, Weights *gradient
) noexcept nogil:
    """w += rate * gradient, and the gradient to zero.

    Of sparse inputs only the rows whose gradient may not be zero: at a step t, hidden units see
    all columns so far, by their traces, but outputs those of x(t); after a sequence, t = -1, both
    see all columns so far.
    """
    cdef int i, m
    cdef Py_ssize_t first_row = 0, first_output_row = 0
    cdef double *bias
    if x.dense == NULL:
        for i in range(q.n_touched):
            m = q.touched[i]
            move_lanes(
                n.unit_lanes, rate, gradient.hidden + m * n.unit_lanes, w.hidden + m * n.unit_lanes
            )
            if n.shortcut and t < 0:
                move_output_row(n, m, rate, w, gradient)
        if n.shortcut and t >= 0:
            for i in range(x.indptr[t], x.indptr[t + 1]):
                move_output_row(n, x.indices[i], rate, w, gradient)
        first_row = n.n_inputs * n.unit_lanes
        first_output_row = n.n_inputs * n.output_lanes if n.shortcut else 0
    # A unit without a bias keeps its weight of zero from the constant source.
    bias = gradient.hidden + (n.hidden_rows - 1) * n.unit_lanes
    for i in range(n.unit_lanes):
        if q.bias_mask[i] == 0.0:
            bias[i] = 0.0
    move_lanes(
        n.hidden_rows * n.unit_lanes - first_row, rate,
        gradient.hidden + first_row, w.hidden + first_row,
    )
    move_lanes(
        n.output_rows * n.output_lanes - first_output_row, rate,
        gradient.output + first_output_row, w.output + first_output_row,
    )
