"""The functions that run a single net, as one table for each vector width; see single.pyx."""

from lstm97._kernels.adam cimport Moments
from lstm97._kernels.gradient cimport Gradient
from lstm97._kernels.net cimport Input, Sizes, State, Summary, Target, Weights


ctypedef struct Kernel:
    int lanes  # doubles per vector; rows of the net are padded to a multiple of it

    # Chooses the function for the steps of a small hidden layer.
    void (*choose_step)(const Sizes *n, State *q) noexcept nogil

    # Whole sequences, for `Network`.
    Summary (*learn_sequence)(
        const Sizes *n, Weights *w, Weights *gradient, State *q,
        const Input *x, Py_ssize_t start, Py_ssize_t length, const Target *targets, Py_ssize_t i,
        Gradient form, double rate, bint per_step, Moments *moments, double *tape
    ) noexcept nogil
    double *(*run_sequence)(
        const Sizes *n, const Weights *w, State *q, const Input *x,
        Py_ssize_t start, Py_ssize_t length, bint every, int width, double *out
    ) noexcept nogil
    double *(*record_sequence)(
        const Sizes *n, const Weights *w, State *q, const Input *x,
        Py_ssize_t start, Py_ssize_t length, double *out
    ) noexcept nogil

    # The parts of a step, for streams.
    void (*reset)(const Sizes *n, const Input *x, State *q) noexcept nogil
    void (*step)(
        const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, Gradient form, State *q
    ) noexcept nogil
    void (*step_output)(
        const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, State *q
    ) noexcept nogil
    void (*compare)(
        const Sizes *n, const Weights *w, const Input *x, Py_ssize_t t, Gradient form,
        const double *target, double weight, State *q, Weights *gradient, Summary *r
    ) noexcept nogil
    void (*update)(
        const Sizes *n, const Input *x, Py_ssize_t t, double rate, State *q, Weights *w,
        Weights *gradient, Moments *moments
    ) noexcept nogil
