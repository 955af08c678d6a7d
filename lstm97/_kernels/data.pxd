"""Sequences and targets as the kernels read them."""

from libc.stdint cimport int64_t

from lstm97._kernels.net cimport Input, Target


cdef class Steps:
    cdef const double[:, ::1] dense
    cdef const double[::1] data
    cdef const int[::1] indices
    cdef const int[::1] indptr
    cdef Input input
    cdef readonly Py_ssize_t n_steps
    cdef readonly int n_inputs

    cdef check_rows(self, Py_ssize_t start, Py_ssize_t length)


cdef class Data:
    cdef Steps steps
    cdef const int64_t[::1] starts, lengths, first
    cdef const double[:, ::1] values
    cdef const double[::1] weight
    cdef Input *x
    cdef Target target
    cdef readonly Py_ssize_t n_sequences, n_steps
    cdef Py_ssize_t longest
    cdef readonly int n_inputs
    cdef readonly int n_outputs  # of the targets; -1 if there are none

    cdef _standardize(self, const double[::1] mean, const double[::1] scale)
    cdef _set_targets(self, y)
    cdef check(self, int n_inputs, int n_outputs)


cdef class Scaler:
    cdef double[:, ::1] values, saved
    cdef double *mean  # rows of `values`
    cdef double *scale
    cdef double *count
    cdef double enough
    cdef Py_ssize_t n

    cdef bint is_fixed(self) noexcept nogil
    cdef bint is_none(self) noexcept nogil
    cdef bint is_untouched(self) noexcept nogil
    cdef bint read(self, const double *x, bint counts, double *out) noexcept nogil
    cdef void undo(self, double *x) noexcept nogil
    cdef void save(self) noexcept nogil
    cdef void go_back(self) noexcept nogil


cdef bint lies_inside(int64_t start, int64_t length, int64_t n) noexcept nogil
