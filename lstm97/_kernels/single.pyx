"""The functions that run a single net, for one vector width.

Where a register holds eight doubles, four.pyx compiles this file once more, with LANES set to four:
a small net then fills its registers. `_core.lanes_for` chooses.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.string cimport memcpy, memset

from lstm97._kernels.adam cimport Moments, move_weights
from lstm97._kernels.forward cimport step_hidden, step_output
from lstm97._kernels.gradient cimport (
    FULL_BACKWARD, NONE, Gradient, output_error, tape_width, transpose_feedback, unroll_tape,
    write_tape
)
from lstm97._kernels.kernel cimport Kernel
from lstm97._kernels.net cimport (
    Input, Sizes, State, Summary, Target, Weights, choose_step
)
from lstm97._kernels.sequence cimport (
    add_gradient, advance_derivatives, reset, run_ahead, target_at
)
from lstm97._kernels.vectors cimport LANES, squash_lanes


# ---- sequences -----------------------------------------------------------------------------------

cdef Summary learn_sequence(
    const Sizes *n, Weights *w, Weights *gradient, State *q,
    const Input *x, Py_ssize_t start, Py_ssize_t length, const Target *targets, Py_ssize_t i,
    Gradient form, double rate, bint per_step, Moments *moments, double *tape
) noexcept nogil:
    """Run sequence i and add its gradient; with a rate, move the weights by it.

    They move at each target or, without per_step, at the end; with moments, by Adam. The tape has
    room for the steps and, behind them, for transposed weights.
    """
    cdef Py_ssize_t t, first = 0
    cdef double weight = 1.0
    cdef double *transposed = NULL
    cdef const double *target
    cdef Summary r
    memset(&r, 0, sizeof(Summary))
    reset(n, x, q)
    if not targets.every:
        first = run_ahead(n, w, x, start, length - 1, form, q)
    for t in range(first, length):
        step_hidden(n, w, x, start + t, q)
        target = target_at(n, targets, i, t, t == length - 1, &weight)
        if form != NONE:
            advance_derivatives(n, w, x, start + t, form, target != NULL, q)
        if target != NULL:
            step_output(n, w, x, start + t, q)
            output_error(n, q, target, weight, &r)
            if form == NONE:
                continue
            add_gradient(n, w, x, start + t, form, q, gradient)
            if rate != 0.0 and per_step:
                move_weights(n, x, start + t, rate, q, w, gradient, moments)
        if tape != NULL:
            write_tape(n, q, target != NULL, tape + t * tape_width(n))
    if tape != NULL:
        if form == FULL_BACKWARD and n.n_feedback > 0:
            transposed = tape + length * tape_width(n)
            transpose_feedback(n, w, transposed)
        unroll_tape(n, x, start, length, tape, transposed, q, gradient)
    if rate != 0.0 and not per_step:
        move_weights(n, x, -1, rate, q, w, gradient, moments)
    return r


cdef double *run_sequence(
    const Sizes *n, const Weights *w, State *q, const Input *x,
    Py_ssize_t start, Py_ssize_t length, bint every, int width, double *out
) noexcept nogil:
    """Write the first `width` outputs at every step or at the last; return where they end."""
    cdef Py_ssize_t t, first = 0
    reset(n, x, q)
    if not every:
        first = run_ahead(n, w, x, start, length - 1, NONE, q)
    for t in range(first, length):
        step_hidden(n, w, x, start + t, q)
        if every or t == length - 1:
            step_output(n, w, x, start + t, q)
            out = append(q.output, width, out)
    return out


cdef inline double *append(const double *values, int n_values, double *out) noexcept nogil:
    """Copy values to out; return where they end."""
    memcpy(out, values, n_values * sizeof(double))
    return out + n_values


cdef double *record_sequence(
    const Sizes *n, const Weights *w, State *q, const Input *x,
    Py_ssize_t start, Py_ssize_t length, double *out
) noexcept nogil:
    """Write the values of the net after each step, one row each; return where the rows end."""
    cdef Py_ssize_t t
    cdef int first = n.first_cell
    reset(n, x, q)
    # The step of a small layer does not write its net inputs to memory.
    q.run_small = NULL
    for t in range(length):
        step_hidden(n, w, x, start + t, q)
        step_output(n, w, x, start + t, q)
        out = append(q.y, n.n_units, out)
        # g is not stored, so it is computed again, in place of its net inputs.
        squash_lanes(n.cell_lanes, q.net + first, q.low + first, q.high + first, q.net + first)
        out = append(q.net + first, n.n_cells, out)
        out = append(q.s, n.n_cells, out)
        out = append(q.output, n.n_outputs, out)
    choose_step(n, q)
    return out


# ---- the parts of a step -------------------------------------------------------------------------

cdef void step(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, Gradient form, State *q
) noexcept nogil:
    """Take step t, up to the activations of the hidden layer and their derivatives."""
    step_hidden(n, w, x, t, q)
    if form != NONE:
        advance_derivatives(n, w, x, t, form, True, q)  # a target may follow at any step


cdef void compare(
    const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, Gradient form,
    const double *target, double weight, State *q, Weights *gradient, Summary *r
) noexcept nogil:
    """Compare the outputs of step t with targets: add to the results and to the gradient."""
    output_error(n, q, target, weight, r)
    if form != NONE:
        add_gradient(n, w, x, t, form, q, gradient)


# ---- the table -----------------------------------------------------------------------------------

cdef Kernel table = Kernel(
    lanes=LANES, choose_step=choose_step, learn_sequence=learn_sequence,
    run_sequence=run_sequence, record_sequence=record_sequence, reset=reset, step=step,
    step_output=step_output, compare=compare, update=move_weights,
)
KERNEL = PyCapsule_New(&table, NULL, NULL)
