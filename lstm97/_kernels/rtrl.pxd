"""Real-time recurrent learning of a net of conventional units (Williams and Zipser 1989).

For every unit k, the derivative of its net input by every weight to the layer is carried forward:

    dnet_k(t)/dw_im = sum over l of w_kl f'_l(t-1) dnet_l(t-1)/dw_im + (1 if i = k) z_m(t)

where w_im leads from source m to unit i. Nothing is truncated: if the weights do not change within
a sequence, the gradients of its steps add up to that of back-propagation through time.

This is a .pxd file because three kernels inline its functions.
"""

from libc.string cimport memset

from lstm97._kernels.net cimport Input, Sizes, State, Weights, logistic_slope
from lstm97._kernels.vectors cimport add_weighted, clear_lanes


cdef inline void advance_source(const Sizes *n, int m, double z, State *q) noexcept nogil:
    """Carry the derivatives by weights from source m, with activation z, from t-1 to t."""
    cdef int k
    cdef Py_ssize_t first = <Py_ssize_t> m * n.n_hidden * n.unit_lanes
    cdef const double *before = q.before + first
    cdef double *row = q.sensitivity + first
    for k in range(n.n_hidden):
        clear_lanes(n.unit_lanes, row)
        if n.n_feedback > 0:
            add_weighted(n.unit_lanes, n.n_hidden, before, q.coupling + k * n.n_hidden, row, row)
        row[k] += z
        row += n.unit_lanes


cdef inline void couple(const Sizes *n, const Weights *w, State *q) noexcept nogil:
    """Set w_kl f'_l(t-1), which carries an error from one step to the step before."""
    cdef int k, source
    cdef double slope
    cdef const double *row = w.hidden + n.n_inputs * n.unit_lanes
    for source in range(n.n_feedback):
        slope = logistic_slope(q.previous[source])
        for k in range(n.n_hidden):
            q.coupling[k * n.n_hidden + source] = row[k] * slope
        row += n.unit_lanes


cdef inline void advance_sensitivities(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, State *q
) noexcept nogil:
    """Carry all derivatives from t-1 to t; of sparse inputs, by the columns touched so far."""
    cdef int i, k, m
    cdef double *other = q.before
    q.before = q.sensitivity
    q.sensitivity = other
    couple(n, w, q)
    if x.dense != NULL:
        for m in range(n.n_inputs):
            advance_source(n, m, x.dense[t * n.n_inputs + m], q)
    else:
        for i in range(q.n_touched):
            advance_source(n, q.touched[i], 0.0, q)
        for i in range(x.indptr[t], x.indptr[t + 1]):
            m = x.indices[i]
            for k in range(n.n_hidden):
                q.sensitivity[(<Py_ssize_t> m * n.n_hidden + k) * n.unit_lanes + k] += x.data[i]
    for m in range(n.n_feedback):
        advance_source(n, n.n_inputs + m, q.previous[m], q)
    advance_source(n, n.hidden_rows - 1, 1.0, q)


cdef inline void add_sensitive_gradient(
    const Sizes *n, const Input *x, const State *q, Weights *gradient
) noexcept nogil:
    """Add the gradient by the weights to the hidden layer, at a step with a target."""
    cdef int i, m
    if x.dense != NULL:
        for m in range(n.n_inputs):
            add_source_gradient(n, m, q, gradient)
    else:
        for i in range(q.n_touched):
            add_source_gradient(n, q.touched[i], q, gradient)
    for m in range(n.n_inputs, n.hidden_rows):
        add_source_gradient(n, m, q, gradient)


cdef inline void add_source_gradient(
    const Sizes *n, int m, const State *q, Weights *gradient
) noexcept nogil:
    """Add the gradient by the weights from source m."""
    cdef double *row = gradient.hidden + m * n.unit_lanes
    add_weighted(
        n.unit_lanes, n.n_hidden, q.sensitivity + <Py_ssize_t> m * n.n_hidden * n.unit_lanes,
        q.delta, row, row,
    )


cdef inline void forget_source(const Sizes *n, int m, State *q) noexcept nogil:
    """Clear the derivatives by the weights from source m."""
    cdef Py_ssize_t width = n.n_hidden * n.unit_lanes
    memset(q.sensitivity + m * width, 0, width * sizeof(double))
    memset(q.before + m * width, 0, width * sizeof(double))


cdef inline void forget_sensitivities(const Sizes *n, const Input *x, State *q) noexcept nogil:
    """Clear all derivatives before a sequence: no activation depends on a weight yet."""
    cdef int i, m
    if x.dense != NULL:
        for m in range(n.n_inputs):
            forget_source(n, m, q)
    else:
        for i in range(q.n_touched):
            forget_source(n, q.touched[i], q)
    for m in range(n.n_inputs, n.hidden_rows):
        forget_source(n, m, q)
