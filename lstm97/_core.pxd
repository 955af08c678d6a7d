"""Declaration of `Network`, for kernels that use it."""

from lstm97._kernels.adam cimport Moments
from lstm97._kernels.kernel cimport Kernel
from lstm97._kernels.net cimport Input, Sizes, State, Weights


cdef class Network:
    cdef const Kernel *kernel
    cdef Sizes n
    cdef Weights w, gradient_
    cdef State q
    cdef object topology
    cdef double[::1] memory
    cdef int[::1] indices
    cdef double[::1] tape
    cdef Py_ssize_t n_taped  # steps of the last sequence on the tape
    cdef double[::1] sensitivities
    cdef Moments moments
    cdef double[::1] moments_memory
    cdef list saved    # copies of the arrays, see _save
    cdef State saved_q

    cdef _allocate(self)
    cdef _set_constants(self)
    cdef _exchange(self, double[::1] flat, Weights *packed, bint inward)
    cdef _check_weights(self, double[::1] weights)
    cdef double *_tape_for(self, Py_ssize_t longest) except NULL
    cdef _allocate_sensitivities(self)
    cdef _clear(self, const Input *x)
    cdef _allocate_moments(self)
    cdef Moments *_moments_from(self, dict state) except? NULL
    cdef _exchange_moments(self, dict state, bint inward)
    cdef list _arrays(self)
    cdef _save(self)
    cdef _go_back(self)
    cdef bint _is_finite(self) noexcept nogil
    cdef void _clear_rows(self, Weights *packed) noexcept nogil
