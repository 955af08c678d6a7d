"""The hidden layer for a batch of sequences side by side, forward and backward.

The rows of all arrays are packed steps: the first step of every sequence, then the second step of
all sequences that have one, and so on. The longest sequence comes first. So the sequences that
still run at step t are the first active[t], and no row is padding.

    z   sources of the layer: inputs x(t), unless they are sparse | fed-back y(t-1) | the constant 1
    a   gates' openings, cells' g(net), conventional activations; the backward pass replaces them by
        delta, the errors at the net inputs
    h   squashed states of the cells
    before  their states at the step before

Units are in the order of net.h, without padding. The BLAS computes the matrix products, whose last
digits depend on the processor. `adam` moves the weights by the gradient of a batch.
"""

from cython cimport floating
from scipy.linalg.cython_blas cimport dgemm, sgemm

from lstm97._kernels.adam cimport move_by_adam, next_step
from lstm97._kernels.net cimport Sizes, layout_of

import numpy as np


cdef extern from "batch.h" nogil:
    enum:
        ROOM

    void activate_float(
        const Sizes *n, float *a, float *s, float *before, float *h, float *room
    ) noexcept
    void activate_double(
        const Sizes *n, double *a, double *s, double *before, double *h, double *room
    ) noexcept
    void write_activations_float(
        const Sizes *n, bint with_gates, const float *a, const float *h, float *room, float *y
    ) noexcept
    void write_activations_double(
        const Sizes *n, bint with_gates, const double *a, const double *h, double *room, double *y
    ) noexcept
    void leave_units_float(
        const Sizes *n, const float *error, const float *h, float *a, float *e_s, float *room
    ) noexcept
    void leave_units_double(
        const Sizes *n, const double *error, const double *h, double *a, double *e_s, double *room
    ) noexcept
    void leave_states_float(
        const Sizes *n, const float *before, const float *error, float *a, float *e_s, float *room
    ) noexcept
    void leave_states_double(
        const Sizes *n, const double *before, const double *error, double *a, double *e_s,
        double *room
    ) noexcept


# ---- for both precisions: see row.h --------------------------------------------------------------

cdef inline void activate(
    const Sizes *n, floating *a, floating *s, floating *before, floating *h, floating *room
) noexcept nogil:
    """Go from net inputs, in a, to openings, states and squashed states; keep the states before."""
    if floating is float:
        activate_float(n, a, s, before, h, room)
    else:
        activate_double(n, a, s, before, h, room)


cdef inline void write_activations(
    const Sizes *n, bint with_gates, const floating *a, const floating *h, floating *room,
    floating *y
) noexcept nogil:
    """Write the activations of the layer to y."""
    if floating is float:
        write_activations_float(n, with_gates, a, h, room, y)
    else:
        write_activations_double(n, with_gates, a, h, room, y)


cdef inline void leave_units(
    const Sizes *n, const floating *error, const floating *h, floating *a, floating *e_s,
    floating *room
) noexcept nogil:
    """Go from errors at activations to net inputs of units, and to states."""
    if floating is float:
        leave_units_float(n, error, h, a, e_s, room)
    else:
        leave_units_double(n, error, h, a, e_s, room)


cdef inline void leave_states(
    const Sizes *n, const floating *before, const floating *error, floating *a, floating *e_s,
    floating *room
) noexcept nogil:
    """Go from errors at states to net inputs of cells and gates, and to the states before."""
    if floating is float:
        leave_states_float(n, before, error, a, e_s, room)
    else:
        leave_states_double(n, before, error, a, e_s, room)


cdef inline void multiply(
    int m, int n, int k, floating *a, int a_width, floating *b, int b_width, bint transposed,
    bint add, floating *c, int c_width
) noexcept nogil:
    """Write, or add, a (m, k) times b (k, n), or times the transpose of b (n, k), to c (m, n).

    Matrices are stored row by row. The BLAS expects columns: it sees them transposed.
    """
    cdef floating one = 1.0, beta = 1.0 if add else 0.0
    cdef char *b_form = b"T" if transposed else b"N"
    if floating is float:
        sgemm(b_form, b"N", &n, &m, &k, &one, b, &b_width, a, &a_width, &beta, c, &c_width)
    else:
        dgemm(b_form, b"N", &n, &m, &k, &one, b, &b_width, a, &a_width, &beta, c, &c_width)


cdef inline void add_scaled(int count, floating f, const floating *x, floating *y) noexcept nogil:
    """Add f x to y."""
    cdef int i
    for i in range(count):
        y[i] += f * x[i]


# ---- what Python calls ---------------------------------------------------------------------------

cdef int require(bint condition) except -1:
    """Refuse arrays that would lead the kernel out of them."""
    if not condition:
        raise ValueError("arrays of other shapes expected")
    return 0


def supports(topology):
    """Tell whether `HiddenLayer` supports a topology."""
    return not topology.recurrent_outputs


cdef class HiddenLayer:
    """The hidden layer of a net.

    Parameters
    ----------
    topology : lstm97.learning.topology.Topology
    """

    cdef Sizes n

    def __cinit__(self, topology):
        if not supports(topology):
            raise ValueError("batches need a net with a layer of outputs")
        self.n = layout_of(topology)

    cdef Py_ssize_t _checked(self, const Py_ssize_t[::1] active, Py_ssize_t n_rows) except -1:
        """Return the number of packed rows; refuse more than n_rows, and late sequences."""
        cdef Py_ssize_t t, total = 0
        for t in range(active.shape[0]):
            total += active[t]
            require(0 < active[t] <= active[0] and total <= n_rows)
        return total

    def forward(
        self,
        const Py_ssize_t[::1] active,   # IN    sequences that run at each step
        floating[:, ::1] w,             # IN    (sources in z, n_units)
        floating[:, ::1] z,             # INOUT fed-back activations, from the second step on
        Py_ssize_t fed,                 # IN    column of z where they begin
        bint keep,                      # IN    a, before and h have a row for every packed row;
                                        #       otherwise, for every sequence
        bint begun,                     # IN    a holds a part of the net inputs already
        floating[:, ::1] a,             # OUT   (rows, n_units)
        floating[:, ::1] before,        # OUT   (rows, n_cells or more)
        floating[:, ::1] h,             # OUT   (rows, n_cells or more)
        floating[:, ::1] s,             # INOUT (sequences, n_cells or more) states
        const Py_ssize_t[::1] due,      # IN    packed rows where outputs are wanted, ascending
        floating[:, ::1] y,             # OUT   cells' and conventional units' activations there
        Py_ssize_t column,              # IN    column of y where they begin
    ):
        """Run all steps forward."""
        cdef const Sizes *n = &self.n
        cdef Py_ssize_t b, i, m = 0, t, first = 0, n_next, row
        cdef int width = z.shape[1]
        cdef floating[::1] room = np.empty(ROOM * n.n_cells + 1, dtype=np.asarray(z).dtype)
        cdef Py_ssize_t n_rows = self._checked(active, z.shape[0])
        n_rows = n_rows if keep or n_rows == 0 else active[0]
        require(w.shape[0] == width and w.shape[1] == n.n_units == a.shape[1])
        require(0 <= fed and fed + n.n_feedback <= width)
        require(a.shape[0] >= n_rows and h.shape[0] >= n_rows and h.shape[1] >= n.n_cells)
        require(before.shape[0] >= n_rows and before.shape[1] >= n.n_cells)
        require(n_rows == 0 or s.shape[0] >= active[0] and s.shape[1] >= n.n_cells)
        require(y.shape[0] >= due.shape[0] and 0 <= column)
        require(y.shape[1] >= column + n.n_cells + n.n_hidden)
        with nogil:
            for t in range(active.shape[0]):
                b = active[t]
                n_next = active[t + 1] if t + 1 < active.shape[0] else 0
                row = first if keep else 0
                multiply(
                    <int> b, n.n_units, width, &z[first, 0], width, &w[0, 0], n.n_units, False,
                    begun, &a[row, 0], n.n_units,
                )
                for i in range(b):
                    activate(
                        n, &a[row + i, 0], &s[i, 0], &before[row + i, 0], &h[row + i, 0], &room[0]
                    )
                    if i < n_next and n.n_feedback > 0:
                        write_activations(
                            n, n.first_feedback == 0, &a[row + i, 0], &h[row + i, 0], &room[0],
                            &z[first + b + i, fed],
                        )
                    if m < due.shape[0] and due[m] == first + i:
                        write_activations(
                            n, False, &a[row + i, 0], &h[row + i, 0], &room[0], &y[m, column]
                        )
                        m += 1
                first += b

    def backward(
        self,
        const Py_ssize_t[::1] active,   # IN
        floating[:, ::1] a,             # INOUT activations; then delta, where there is an error
        floating[:, ::1] before,        # IN
        floating[:, ::1] h,             # IN
        floating[:, ::1] e_s,           # INOUT (sequences, n_cells or more) zeros
        floating[:, ::1] received,      # INOUT (sequences, n_units) zeros; not if truncated
        const Py_ssize_t[::1] due,      # IN    packed rows with an error at the outputs, ascending
        floating[:, ::1] error,         # IN    errors at the units' activations there
        floating[:, ::1] w=None,        # IN    (n_feedback, n_units); None: truncated
    ):
        """Replace activations by the errors at the net inputs, from the last step to the first.

        The error at a state reaches all earlier steps by the carousel. In the truncated form,
        output gates and conventional units have errors only in due rows; other rows keep
        activations.
        """
        cdef const Sizes *n = &self.n
        cdef Py_ssize_t b, i, m = due.shape[0] - 1, t, first = a.shape[0], n_next = 0
        cdef bint full = w is not None
        cdef floating *at_unit
        cdef floating[::1] room = np.empty(ROOM * n.n_cells + 1, dtype=np.asarray(a).dtype)
        require(self._checked(active, a.shape[0]) == a.shape[0] <= h.shape[0])
        require(a.shape[1] == n.n_units == error.shape[1] and h.shape[1] >= n.n_cells)
        require(before.shape[0] >= a.shape[0] and before.shape[1] >= n.n_cells)
        require(a.shape[0] == 0 or e_s.shape[0] >= active[0] and e_s.shape[1] >= n.n_cells)
        require(error.shape[0] >= due.shape[0])
        if full and a.shape[0] > 0:
            require(received.shape[0] >= active[0] and received.shape[1] == n.n_units)
            require(w.shape[0] == n.n_feedback and w.shape[1] == n.n_units)
        with nogil:
            for t in range(active.shape[0] - 1, -1, -1):
                b = active[t]
                first -= b
                if full and n_next > 0:
                    multiply(
                        <int> n_next, n.n_feedback, n.n_units, &a[first + b, 0], n.n_units,
                        &w[0, 0], n.n_units, True, False,
                        &received[0, n.first_feedback], n.n_units,
                    )
                for i in range(b - 1, -1, -1):
                    at_unit = &received[i, 0] if full else NULL
                    if m >= 0 and due[m] == first + i:
                        if full:
                            add_scaled(n.n_units, <floating> 1.0, &error[m, 0], at_unit)
                        else:
                            at_unit = &error[m, 0]
                        m -= 1
                    if at_unit != NULL:
                        leave_units(
                            n, at_unit, &h[first + i, 0], &a[first + i, 0], &e_s[i, 0], &room[0]
                        )
                    leave_states(
                        n, &before[first + i, 0], at_unit, &a[first + i, 0], &e_s[i, 0], &room[0]
                    )
                n_next = b


# Sparse inputs: rows `steps` of the CSR matrix x are the inputs of the packed rows.

def add_sparse_product(
    x,                              # IN    CSR matrix
    const Py_ssize_t[::1] steps,    # IN
    floating[:, ::1] w,             # IN    (columns of x or more, width)
    floating[:, ::1] y,             # INOUT (rows, width)
):
    """Add x[steps] w to y."""
    cdef const double[::1] data = x.data
    cdef const int[::1] columns = x.indices, indptr = x.indptr
    cdef Py_ssize_t i, k
    require(w.shape[0] >= x.shape[1] and w.shape[1] == y.shape[1])
    require(y.shape[0] == steps.shape[0])
    with nogil:
        for i in range(steps.shape[0]):
            for k in range(indptr[steps[i]], indptr[steps[i] + 1]):
                add_scaled(<int> y.shape[1], <floating> data[k], &w[columns[k], 0], &y[i, 0])


def add_sparse_errors(
    x,                              # IN    CSR matrix
    const Py_ssize_t[::1] steps,    # IN
    floating[:, ::1] delta,         # IN    (rows, width or more)
    Py_ssize_t first,               # IN    column of delta to begin with
    floating[:, ::1] gradient,      # INOUT (columns of x or more, width)
):
    """Add the transpose of x[steps] times delta to the gradient."""
    cdef const double[::1] data = x.data
    cdef const int[::1] columns = x.indices, indptr = x.indptr
    cdef Py_ssize_t i, k
    cdef int width = gradient.shape[1]
    require(gradient.shape[0] >= x.shape[1] and delta.shape[0] == steps.shape[0])
    require(0 <= first and first + width <= delta.shape[1])
    with nogil:
        for i in range(steps.shape[0]):
            for k in range(indptr[steps[i]], indptr[steps[i] + 1]):
                add_scaled(width, <floating> data[k], &delta[i, first], &gradient[columns[k], 0])


# Adam, on flat arrays: see adam.h.

def adam(
    double[::1] weights,    # INOUT
    double[::1] gradient,   # INOUT set to zero
    double[::1] mean,       # INOUT
    double[::1] square,     # INOUT
    double[::1] powers,     # INOUT (2,)
    double learning_rate,
):
    """Move weights by Adam."""
    cdef Py_ssize_t n = weights.shape[0]
    require(gradient.shape[0] == mean.shape[0] == square.shape[0] == n and powers.shape[0] == 2)
    move_by_adam(
        n, next_step(learning_rate, &powers[0]), &gradient[0], &mean[0], &square[0], &weights[0]
    )


def powers_after(n_updates):
    """Return Adam's `powers` after a number of updates."""
    cdef double[2] powers = [1.0, 1.0], before = [0.0, 0.0]
    while n_updates > 0 and (powers[0] != before[0] or powers[1] != before[1]):
        before = powers
        next_step(1.0, powers)
        n_updates -= 1
    return np.array([powers[0], powers[1]])
