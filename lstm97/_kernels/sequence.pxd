"""What a sequence begins with, what its steps leave for a gradient, which targets are due."""

from libc.stdint cimport int64_t

from lstm97._core cimport (
    FORWARD, SENSITIVE, Gradient, Input, Sizes, State, Target, Weights
)
from lstm97._kernels.gradient cimport (
    add_hidden_gradient, add_output_gradient, advance_traces, backpropagate, is_target, touch
)
from lstm97._kernels.vectors cimport clear_lanes
from lstm97._kernels.rtrl cimport (
    add_sensitive_gradient, advance_sensitivities, forget_sensitivities
)


cdef inline void reset(const Sizes *n, const Input *x, State *q) noexcept nogil:
    """Before a sequence: activations, states and traces are zero."""
    cdef int i
    cdef Py_ssize_t first_row = 0
    clear_lanes(n.unit_lanes, q.y)
    clear_lanes(n.cell_lanes, q.s)
    if q.sensitivity != NULL:
        forget_sensitivities(n, x, q)
    if x.dense == NULL:
        for i in range(q.n_touched):
            clear_lanes(n.trace_lanes, q.trace + q.touched[i] * n.trace_lanes)
        first_row = n.n_inputs
    clear_lanes((n.hidden_rows - first_row) * n.trace_lanes, q.trace + first_row * n.trace_lanes)
    q.n_touched = 0


cdef inline void advance_derivatives(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, Gradient form, State *q
) noexcept nogil:
    """What the gradient of this step or a later one needs of step t."""
    touch(q, x, t)
    if form == SENSITIVE:
        advance_sensitivities(n, w, x, t, q)
        return
    if form == FORWARD:
        advance_traces(n, x, t, q)


cdef inline void add_gradient(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, Gradient form, State *q,
    Weights *gradient
) noexcept nogil:
    """The gradient of step t, once its errors are known; backward forms add a part at the end."""
    backpropagate(n, w, q)
    add_output_gradient(n, x, t, q, gradient)
    if form == FORWARD:
        add_hidden_gradient(n, x, t, q, gradient)
    elif form == SENSITIVE:
        add_sensitive_gradient(n, x, q, gradient)


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
