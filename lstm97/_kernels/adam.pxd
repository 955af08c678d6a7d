"""The update of a net by gradient descent or by Adam; adam.h has Adam's formula for one weight.

This is a .pxd file because two kernels inline its functions.
"""

from libc.stdint cimport int64_t

from lstm97._kernels.gradient cimport clear_missing_biases, update
from lstm97._kernels.net cimport Input, Sizes, State, Weights


cdef extern from "adam.h" nogil:
    ctypedef struct AdamStep:
        pass

    AdamStep next_step(double learning_rate, double *powers) noexcept
    void move_by_adam(
        int64_t n, AdamStep step, double *gradient, double *mean, double *square, double *w
    ) noexcept
    bint stays_finite(
        int64_t n, AdamStep step, const double *gradient, const double *mean,
        const double *square, const double *w
    ) noexcept


# What Adam carries from update to update, besides the weights.
cdef struct Moments:
    Weights mean
    Weights square
    double *powers  # (2,) see `next_step`


cdef inline void move_weights(
    const Sizes *n, const Input *x, Py_ssize_t t, double rate, State *q, Weights *w,
    Weights *gradient, Moments *moments
) noexcept nogil:
    """Move the weights, and set the gradient to zero: by `update` or, with moments, by Adam.

    Adam moves all weights, those without a gradient too.
    """
    cdef AdamStep step
    if moments == NULL:
        update(n, x, t, rate, q, w, gradient)
        return
    clear_missing_biases(n, q, gradient)
    step = next_step(rate, moments.powers)
    move_by_adam(
        hidden_size(n), step, gradient.hidden, moments.mean.hidden, moments.square.hidden, w.hidden
    )
    move_by_adam(
        output_size(n), step, gradient.output, moments.mean.output, moments.square.output, w.output
    )


cdef inline bint adam_stays_finite(
    const Sizes *n, double rate, const State *q, const Weights *w, Weights *gradient,
    const Moments *moments
) noexcept nogil:
    """Tell whether Adam's update would leave all weights and moments finite."""
    cdef double[2] powers = [moments.powers[0], moments.powers[1]]
    cdef AdamStep step = next_step(rate, powers)
    clear_missing_biases(n, q, gradient)
    return stays_finite(
        hidden_size(n), step, gradient.hidden, moments.mean.hidden, moments.square.hidden, w.hidden
    ) and stays_finite(
        output_size(n), step, gradient.output, moments.mean.output, moments.square.output, w.output
    )


cdef inline Py_ssize_t hidden_size(const Sizes *n) noexcept nogil:
    """Return the length of all padded rows of weights to the hidden layer."""
    return <Py_ssize_t> n.hidden_rows * n.unit_lanes


cdef inline Py_ssize_t output_size(const Sizes *n) noexcept nogil:
    """Return the length of all padded rows of weights to the outputs."""
    return <Py_ssize_t> n.output_rows * n.output_lanes
