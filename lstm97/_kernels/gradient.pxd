"""The gradient of a net, and the update. Numbers in brackets are the paper's.

The truncated gradient is computed in two ways, which differ only in the order of the sums:
    forward in time   each cell carries ds/dw along (`carry_traces`, (25) and (27)): memory is
                      constant for any length, and weights may move at every step
    backward          a tape of the sequence is read from its end (`unroll_tape`): for updates at
                      the end of a sequence
The backward form can also give the full gradient: errors then also travel back through the
feedback, as in back-propagation through time. The full gradient forward in time is in rtrl.pxd.

This is a .pxd file because three kernels inline its functions.
"""

from libc.math cimport fabs, isnan
from libc.string cimport memset

from lstm97._kernels.net cimport (
    LOGISTIC, N_GATES, N_STATE_GATES, OUTPUT_GATE, SOFTMAX, SQUARED_ERROR, STEPS, Backlog, Gates,
    Input, Sizes, State, Summary, Weights, add_deferred, add_trace_rows, carousel, carousel_is_one,
    defer_carousel, defer_lanes, defer_rows, has_gate, keep_rows, lane_of, logistic_slope,
    output_slope
)
from lstm97._kernels.vectors cimport (
    add_outer, add_scaled, add_weighted, clear_lanes, copy_lanes, exp_, fma, log_,
    move_lanes
)


cdef enum Gradient:
    NONE                # losses only
    TRUNCATED_FORWARD
    TRUNCATED_BACKWARD
    FULL_BACKWARD       # back-propagation through time
    FULL_FORWARD        # real-time recurrent learning


# ---- error at the outputs ------------------------------------------------------------------------

cdef inline double log_cost(const Sizes *n, const State *q, int k, double d) noexcept nogil:
    """Return the log loss of output k, from its net input: it stays finite where an output is 0."""
    cdef double net = q.output_net[k]
    if n.output_activation == SOFTMAX:
        return d * (q.log_total - net)
    return (net if net > 0.0 else 0.0) - d * net + log_(1.0 + exp_(-fabs(net)))


cdef inline void output_error(
    const Sizes *n, State *q, const double *d, double weight, Summary *r
) noexcept nogil:
    """Set the errors e at the outputs' net inputs for the targets d (19); zero where d is NaN."""
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
    """Tell whether a row holds a target for any output."""
    cdef int k
    for k in range(n.n_outputs):
        if not isnan(d[k]):
            return True
    return False


cdef inline void backpropagate(const Sizes *n, const Weights *w, State *q) noexcept nogil:
    """Carry the outputs' errors to output gates (21), states (23) and conventional units (20)."""
    cdef int c, i, j, k
    cdef double error, through
    cdef Gates gates
    cdef const double *y
    cdef const double *row = w.output + (n.n_inputs * n.output_lanes if n.shortcut else 0)
    clear_lanes(n.unit_lanes, q.delta)
    if n.recurrent_outputs:
        for k in range(n.n_outputs):
            q.delta[k] = q.e[k]
        return
    for j in range(n.n_blocks):
        gates = gates_of(n, q.a, j)
        through = 0.0
        for c in range(j * n.block_size, (j + 1) * n.block_size):
            error = 0.0
            for k in range(n.n_outputs):
                error = fma(row[k], q.e[k], error)
            q.e_s[c] = output_slope(&gates, n.linear_state, q.h[c]) * error
            through = fma(q.h[c], error, through)
            row += n.output_lanes
        if has_gate(n.gates, OUTPUT_GATE):
            q.delta[n.first_gate[OUTPUT_GATE] + j] = (
                logistic_slope(gates.y[OUTPUT_GATE]) * through
            )
    y = q.y + n.n_gates + n.n_cells
    for i in range(n.n_hidden):
        error = 0.0
        for k in range(n.n_outputs):
            error = fma(row[k], q.e[k], error)
        q.delta[n.first_hidden + i] = logistic_slope(y[i]) * error
        row += n.output_lanes


cdef inline Gates gates_of(const Sizes *n, const double *openings, int block) noexcept nogil:
    """Return the gates of a block; a missing one is open."""
    cdef Gates gates
    cdef int kind
    gates.kinds = n.gates
    for kind in range(N_GATES):
        gates.y[kind] = openings[n.first_gate[kind] + block] if has_gate(n.gates, kind) else 1.0
    return gates


# ---- gradient ------------------------------------------------------------------------------------

cdef inline void touch(State *q, const Input *x, Py_ssize_t t) noexcept nogil:
    """Add the columns of x(t) that are not zero to those touched so far (sparse input only)."""
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


cdef inline void add_sparse_inputs(
    const Input *x, Py_ssize_t t, int n_lanes, const double *u, double *sums
) noexcept nogil:
    """Add z_m(t) u[l] to sums[m, l] for the inputs m that are not zero (sparse input only)."""
    cdef int i
    for i in range(x.indptr[t], x.indptr[t + 1]):
        add_scaled(n_lanes, x.data[i], u, sums + x.indices[i] * n_lanes)


cdef inline void add_sources(
    const Sizes *n, const Input *x, Py_ssize_t t, const double *feedback,
    int n_lanes, const double *u, double *sums
) noexcept nogil:
    """Add z_m(t) u[l] to sums[m, l] for every source m of the hidden layer."""
    if x.dense != NULL:
        add_outer(n_lanes, n.n_inputs, u, x.dense + t * n.n_inputs, sums)
    else:
        add_sparse_inputs(x, t, n_lanes, u, sums)
    add_outer(n_lanes, n.n_feedback, u, feedback, sums + n.n_inputs * n_lanes)
    add_scaled(n_lanes, 1.0, u, sums + (n.hidden_rows - 1) * n_lanes)


cdef inline void defer_sources(
    const Sizes *n, const Input *x, Py_ssize_t t, const double *feedback,
    int n_lanes, const double *u, double *sums, Backlog *later
) noexcept nogil:
    """Do the same, but put it off, except for sparse inputs: see backlog.h."""
    cdef double one = 1.0
    if x.dense != NULL:
        defer_rows(later, 0, n.n_inputs, x.dense + t * n.n_inputs)
    else:
        add_sparse_inputs(x, t, n_lanes, u, sums)
    defer_rows(later, n.n_inputs, n.n_feedback, feedback)
    defer_rows(later, n.hidden_rows - 1, 1, &one)
    defer_lanes(later, n_lanes, u)
    later.n_steps += 1


cdef inline int first_dense(const Sizes *n, const Input *x) noexcept nogil:
    """Return the first source whose rows are visited at every step."""
    return 0 if x.dense != NULL else n.n_inputs


cdef inline void catch_up(const Sizes *n, const Input *x, State *q) noexcept nogil:
    """Carry the traces through all steps that were put off, up to the current one."""
    cdef int i, first = first_dense(n, x)
    cdef const double *kept = NULL if carousel_is_one(n.gates) else q.backlog.kept
    if q.backlog.n_steps == 0:
        return
    for i in range(n.n_traces):
        add_deferred(
            &q.backlog, first, n.hidden_rows - first, n.cell_lanes,
            q.backlog.u + i * n.cell_lanes * STEPS, kept, n.trace_lanes,
            q.trace + i * n.cell_lanes,
        )
    q.backlog.n_steps = 0


cdef inline void carry_traces(
    const Sizes *n, const Input *x, Py_ssize_t t, bint due, State *q
) noexcept nogil:
    """Carry ds/dw from step t-1 to step t, (25) and (27), where `q.run_small` has not.

    A large net puts this off until `catch_up`, unless the traces are due at this step.
    """
    cdef int i, first = first_dense(n, x)
    cdef const double *feedback = q.previous + n.first_feedback
    if x.dense == NULL and not carousel_is_one(n.gates):
        for i in range(q.n_touched):
            keep_rows(n, q, 1, q.trace + q.touched[i] * n.trace_lanes)
    if q.run_small != NULL:
        if x.dense == NULL:
            add_sparse_inputs(x, t, n.trace_lanes, q.u, q.trace)
    elif q.is_large and not (due and q.backlog.n_steps == 0):
        if q.backlog.n_steps == STEPS:
            catch_up(n, x, q)
        if not carousel_is_one(n.gates):
            defer_carousel(n, q)
        defer_sources(n, x, t, feedback, n.trace_lanes, q.u, q.trace, &q.backlog)
    else:
        keep_rows(n, q, n.hidden_rows - first, q.trace + first * n.trace_lanes)
        add_sources(n, x, t, feedback, n.trace_lanes, q.u, q.trace)


cdef inline void add_output_gradient(
    const Sizes *n, const Input *x, Py_ssize_t t, const State *q, Weights *gradient
) noexcept nogil:
    """Add the gradient of the weights to the output units: (22)."""
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


cdef inline void add_hidden_gradient(
    const Sizes *n, const Input *x, Py_ssize_t t, State *q, Weights *gradient
) noexcept nogil:
    """Add the gradient forward in time, at a step with a target."""
    cdef int n_touched = q.n_touched if x.dense == NULL else 0
    catch_up(n, x, q)
    add_sources(
        n, x, t, q.previous + n.first_feedback, n.unit_lanes, q.delta, gradient.hidden
    )
    add_trace_rows(n, q, n_touched, first_dense(n, x), gradient.hidden)


# A record of the tape, one per step: u, feedback y(t-1), e_s, delta, h.

cdef inline int tape_width(const Sizes *n) noexcept nogil:
    """Return the length of a record."""
    return n.trace_lanes + 2 * n.cell_lanes + 2 * n.unit_lanes


cdef inline void write_tape(
    const Sizes *n, const State *q, bint has_target, double *record
) noexcept nogil:
    """Write the record of the current step."""
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
    """Add the gradient backward: an error at a state reaches all earlier steps by the carousel.

    The gradient is full with `transposed` weights, and truncated without.
    """
    cdef int c, first = first_dense(n, x)
    cdef Py_ssize_t t
    cdef const double *u
    cdef const double *feedback
    cdef const double *e_s
    cdef const double *openings
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
        leave_states(n, q.e_s, u, delta)
        # The openings at step t are in the feedback of the next record; at the last step, in q.
        openings = feedback + tape_width(n)
        if t == length - 1:
            openings = q.y
        keep_errors(n, openings, q.e_s)
        feedback += n.first_feedback
        if not q.is_large:
            add_sources(n, x, start + t, feedback, n.unit_lanes, delta, gradient.hidden)
            continue
        defer_sources(
            n, x, start + t, feedback, n.unit_lanes, delta, gradient.hidden, &q.backlog
        )
        if q.backlog.n_steps == STEPS or t == 0:
            add_deferred(
                &q.backlog, first, n.hidden_rows - first, n.unit_lanes, q.backlog.u, NULL,
                n.unit_lanes, gradient.hidden,
            )
            q.backlog.n_steps = 0


cdef inline void keep_errors(
    const Sizes *n, const double *openings, double *e_s
) noexcept nogil:
    """Apply the carousel to the errors at the states, on their way to the step before."""
    cdef int c, j
    cdef Gates gates
    if carousel_is_one(n.gates):
        return
    for j in range(n.n_blocks):
        gates = gates_of(n, openings, j)
        for c in range(j * n.block_size, (j + 1) * n.block_size):
            e_s[c] = carousel(&gates, e_s[c])


cdef inline void leave_states(
    const Sizes *n, const double *e_s, const double *u, double *delta
) noexcept nogil:
    """Carry errors at the states to the net inputs of cells and of gates that act on states."""
    cdef int c, i, j
    cdef double *at_gates
    for c in range(n.n_cells):
        delta[n.first_cell + c] = e_s[c] * u[c]
    for i in range(1, n.n_traces):
        u += n.cell_lanes
        at_gates = delta + n.first_gate[n.trace_kind[i]]
        for j in range(n.n_blocks):
            for c in range(j * n.block_size, (j + 1) * n.block_size):
                at_gates[j] = fma(e_s[c], u[c], at_gates[j])


cdef inline void add_fed_back_error(
    const Sizes *n, const double *transposed, double *record, State *q
) noexcept nogil:
    """Add to a record the errors that the next step's net inputs send back to this step."""
    cdef int c, i, j, kind
    cdef double through
    cdef Gates gates
    cdef double *e_s = record + n.trace_lanes + n.unit_lanes
    cdef double *delta = e_s + n.cell_lanes
    cdef const double *h = delta + n.unit_lanes
    cdef const double *y = record + tape_width(n) + n.trace_lanes
    cdef const double *next_delta = delta + tape_width(n)
    cdef double *error = q.net
    clear_lanes(n.unit_lanes, error)
    add_weighted(n.unit_lanes, n.unit_lanes, transposed, next_delta, error, error)
    for j in range(n.n_blocks):
        gates = gates_of(n, y, j)
        through = 0.0
        for c in range(j * n.block_size, (j + 1) * n.block_size):
            through = fma(h[c], error[n.first_cell + c], through)
            e_s[c] = fma(
                output_slope(&gates, n.linear_state, h[c]), error[n.first_cell + c], e_s[c]
            )
        if has_gate(n.gates, OUTPUT_GATE):
            i = n.first_gate[OUTPUT_GATE] + j
            delta[i] = fma(logistic_slope(y[i]), through + error[i], delta[i])
        for kind in range(N_STATE_GATES):
            if has_gate(n.gates, kind):
                i = n.first_gate[kind] + j
                delta[i] = fma(logistic_slope(y[i]), error[i], delta[i])
    y += n.n_gates + n.n_cells
    for c in range(n.n_hidden):
        i = n.first_hidden + c
        delta[i] = fma(logistic_slope(y[c]), error[i], delta[i])


cdef inline void transpose_feedback(
    const Sizes *n, const Weights *w, double *transposed
) noexcept nogil:
    """Write the recurrent weights with a row for each lane that they lead to."""
    cdef int i, lane, source
    cdef const double *row = w.hidden + n.n_inputs * n.unit_lanes
    memset(transposed, 0, <Py_ssize_t> n.unit_lanes * n.unit_lanes * sizeof(double))
    for source in range(n.first_feedback, n.first_feedback + n.n_feedback):
        lane = lane_of(n, source)
        for i in range(n.unit_lanes):
            transposed[i * n.unit_lanes + lane] = row[i]
        row += n.unit_lanes


# ---- update --------------------------------------------------------------------------------------

cdef inline void clear_missing_biases(
    const Sizes *n, const State *q, Weights *gradient
) noexcept nogil:
    """Set the gradient of missing biases to zero: these weights from the constant 1 stay zero."""
    cdef int i
    cdef double *bias = gradient.hidden + (n.hidden_rows - 1) * n.unit_lanes
    for i in range(n.unit_lanes):
        if q.bias_mask[i] == 0.0:
            bias[i] = 0.0


cdef inline void move_output_row(
    const Sizes *n, int m, double rate, Weights *w, Weights *gradient
) noexcept nogil:
    """Move the weights from source m to the outputs."""
    move_lanes(
        n.output_lanes, rate, gradient.output + m * n.output_lanes, w.output + m * n.output_lanes
    )


cdef inline void update(
    const Sizes *n, const Input *x, Py_ssize_t t, double rate,
    State *q, Weights *w, Weights *gradient
) noexcept nogil:
    """Add rate * gradient to the weights, and set the gradient to zero.

    With sparse inputs, only rows that may have a gradient are visited. At a step t, the traces of
    hidden units reach all columns touched so far, but the outputs see those of x(t) only. After a
    sequence, at t = -1, both have all columns touched so far.
    """
    cdef int i, m
    cdef Py_ssize_t first_row = 0, first_output_row = 0
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
    clear_missing_biases(n, q, gradient)
    move_lanes(
        n.hidden_rows * n.unit_lanes - first_row, rate,
        gradient.hidden + first_row, w.hidden + first_row,
    )
    move_lanes(
        n.output_rows * n.output_lanes - first_output_row, rate,
        gradient.output + first_output_row, w.output + first_output_row,
    )
