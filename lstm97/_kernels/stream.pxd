"""Declaration of `Stepper`, for kernels that derive from it."""

from libc.stdint cimport int64_t

from lstm97._core cimport Network
from lstm97._kernels.adam cimport Moments
from lstm97._kernels.data cimport Scaler, Steps
from lstm97._kernels.gradient cimport Gradient
from lstm97._kernels.net cimport Input


cdef class Stepper:
    cdef Network net
    cdef Gradient form
    cdef Moments *moments  # NULL without Adam
    cdef Py_ssize_t n_weights
    cdef object last  # step in this sequence, as the net read it; None: there was none
    cdef Steps x      # the kernel's view of it
    cdef readonly bint is_due  # whether the last step may be learned from
    cdef readonly Py_ssize_t n_steps  # of all sequences
    cdef object row   # every dense step is copied to this array, in which the net reads it
    cdef Steps row_x  # the kernel's view of it
    cdef double[:, ::1] scratch  # a row for a step, and one for its target
    cdef Scaler x_scaler, y_scaler  # None: steps, or targets, stay as they are

    cdef _step(self, step, double[::1] out)
    cdef _step_dense(self, const double[::1] step, double[::1] out)
    cdef _check_kind(self, Steps x)
    cdef tuple _place(self)
    cdef _return_to(self, tuple place)
    cdef _learn_last(self, const double[::1] target, double weight, double learning_rate)
    cdef Steps _checked_place(
        self, double[::1] state, const int64_t[::1] touched, last, bint is_due
    )
    cdef bint _advance(self, const Input *x, Py_ssize_t t, double *out) noexcept nogil
    cdef double _learn(
        self, const Input *x, Py_ssize_t t, const double *target, double weight, double rate,
        bint guarded
    ) noexcept nogil
    cdef double *_scaled(self, const double *target, bint counts) except NULL
    cdef _check_scaling(
        self, Steps x, const double[:, ::1] targets, const double[::1] weights
    )
    cdef _run(
        self, steps, Steps x, double[:, ::1] out, const double[:, ::1] targets,
        const double[::1] weights, double learning_rate, double[::1] losses
    )
    cdef tuple _take(
        self, Steps x, Py_ssize_t first, double[:, ::1] out, const double[:, ::1] targets,
        const double[::1] weights, double learning_rate, double[::1] losses, bint guarded
    )
    cdef _check_many(self, Steps x, out, targets, weights, losses)
    cdef _forget(self)
    cdef Py_ssize_t _activations_size(self)
    cdef Py_ssize_t _state_size(self)
    cdef _exchange_state(self, double[::1] state, bint inward)
    cdef Steps _checked(self, step)
    cdef _check_values(self, const Input *x, Py_ssize_t count)
