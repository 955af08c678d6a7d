"""One time step of a net: hidden layer, then outputs. Numbers in brackets are the paper's.

This is a .pxd file because five kernels inline its functions.
"""

from lstm97._kernels.net cimport LINEAR, LOGISTIC, Input, Sizes, State, Weights, step_any
from lstm97._kernels.vectors cimport add_scaled, add_weighted, copy_lanes, exp_, log_, squash_lanes


cdef inline void step_hidden(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, State *q
) noexcept nogil:
    """Compute the activations of the hidden layer at step t, from x(t) and y(t-1)."""
    if is_one_call(x, q):
        q.run_small(n, w, q, x.dense + t * n.n_inputs, 1)
        return
    add_inputs(n, w, x, t, q)
    if q.run_small != NULL:
        q.run_small(n, w, q, NULL, 1)
        return
    q.previous, q.y = q.y, q.previous
    add_weighted(
        n.unit_lanes, n.n_feedback, w.hidden + n.n_inputs * n.unit_lanes,
        q.previous + n.first_feedback, q.net, q.net,
    )
    step_any(n, w, q)


cdef inline bint is_one_call(const Input *x, const State *q) noexcept nogil:
    """Tell whether one function takes whole steps, with their net inputs and traces."""
    return q.run_small != NULL and x.dense != NULL


cdef inline void add_inputs(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, State *q
) noexcept nogil:
    """Set the net inputs to what biases and inputs contribute."""
    cdef int i
    cdef const double *bias = w.hidden + (n.hidden_rows - 1) * n.unit_lanes
    if x.dense != NULL:
        add_weighted(n.unit_lanes, n.n_inputs, w.hidden, x.dense + t * n.n_inputs, bias, q.net)
        return
    copy_lanes(n.unit_lanes, bias, q.net)
    for i in range(x.indptr[t], x.indptr[t + 1]):
        add_scaled(n.unit_lanes, x.data[i], w.hidden + x.indices[i] * n.unit_lanes, q.net)


cdef inline void step_output(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, State *q
) noexcept nogil:
    """Compute the outputs at step t from the hidden layer's activations at t (Section 5)."""
    cdef int i, k
    cdef const double *row = w.output
    if n.recurrent_outputs:
        for k in range(n.n_outputs):
            q.output_net[k], q.output[k] = q.net[k], q.y[k]
        return
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
        n.output_lanes, n.n_cells + n.n_hidden, row, q.y + n.n_gates, q.output_net, q.output_net
    )
    activate_outputs(n, q)


cdef inline void activate_outputs(const Sizes *n, State *q) noexcept nogil:
    """Compute the outputs from their net inputs."""
    cdef int k
    cdef double largest, total
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
        q.log_total = largest + log_(total)
