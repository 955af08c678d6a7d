"""The start of a sequence, the derivatives that its steps carry, and the targets that are due.

This is a .pxd file because three kernels inline its functions.
"""

from libc.math cimport NAN
from libc.stdint cimport int64_t

from lstm97._kernels.forward cimport is_one_call
from lstm97._kernels.gradient cimport (
    FULL_FORWARD, NONE, TRUNCATED_FORWARD, Gradient, add_hidden_gradient, add_output_gradient,
    backpropagate, carry_traces, is_target, touch
)
from lstm97._kernels.net cimport Input, Sizes, State, Summary, Target, Weights
from lstm97._kernels.rtrl cimport (
    add_sensitive_gradient, advance_sensitivities, forget_sensitivities
)
from lstm97._kernels.vectors cimport clear_lanes


cdef inline void reset(const Sizes *n, const Input *x, State *q) noexcept nogil:
    """Begin a sequence: set activations, states and traces to zero."""
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
    q.backlog.n_steps = 0


cdef inline Py_ssize_t run_ahead(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t start, Py_ssize_t n_steps,
    Gradient form, State *q
) noexcept nogil:
    """Take steps that have no targets, if one function can take them all; return how many."""
    if n_steps <= 0 or not is_one_call(x, q) or form not in (NONE, TRUNCATED_FORWARD):
        return 0
    q.run_small(n, w, q, x.dense + start * n.n_inputs, n_steps)
    return n_steps


cdef inline void advance_derivatives(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, Gradient form, bint due,
    State *q
) noexcept nogil:
    """Carry the derivatives that the gradient of step t, if it is due, or of a later step needs.

    This short function is inlined; the next one is not.
    """
    if not (form == TRUNCATED_FORWARD and is_one_call(x, q)):
        advance_outside(n, w, x, t, form, due, q)


cdef inline void advance_outside(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, Gradient form, bint due,
    State *q
) noexcept nogil:
    """Carry the derivatives that the step itself has not carried."""
    touch(q, x, t)
    if form == FULL_FORWARD:
        advance_sensitivities(n, w, x, t, q)
        return
    if form == TRUNCATED_FORWARD:
        carry_traces(n, x, t, due, q)


cdef inline void add_gradient(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, Gradient form, State *q,
    Weights *gradient
) noexcept nogil:
    """Add the gradient of step t from its errors; backward forms add a part at the end."""
    backpropagate(n, w, q)
    add_output_gradient(n, x, t, q, gradient)
    if form == TRUNCATED_FORWARD:
        add_hidden_gradient(n, x, t, q, gradient)
    elif form == FULL_FORWARD:
        add_sensitive_gradient(n, x, q, gradient)


cdef inline const double *target_at(
    const Sizes *n, const Target *targets, Py_ssize_t i, Py_ssize_t t, bint last, double *weight
) noexcept nogil:
    """Return the targets of sequence i at its step t, and set their weight; NULL if none is due."""
    cdef int64_t row
    if not (targets.every or last):
        return NULL
    row = targets.first[i] + (t if targets.every else 0)
    if not is_target(n, targets.values + row * n.n_outputs):
        return NULL
    weight[0] = targets.weight[row] if targets.weight != NULL else 1.0
    return targets.values + row * n.n_outputs


cdef inline void write_results(const Summary *r, double *results) noexcept nogil:
    """Write loss, largest and mean absolute error of a sequence; NaN without a target."""
    results[0] = r.loss
    results[1] = r.max_error if r.n_errors else NAN
    results[2] = r.sum_error / r.n_errors if r.n_errors else NAN
