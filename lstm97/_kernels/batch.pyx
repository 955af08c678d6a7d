"""The hidden layer over a batch of sequences side by side: activations, and errors going back.

The rows of all arrays are packed steps: the first step of every sequence, then the second of all
that have one, and so on. The longest sequence comes first, so that at step t the sequences that
still run are the first active[t], and no row is padding.

    z   sources of the layer: inputs x(t), unless they are sparse | fed-back y(t-1) | the constant 1
    a   gates' openings, cells' g(net), conventional activations; going back, they are replaced by
        delta, the errors at the net inputs
    h   squashed states of the cells

Units stand in the order of `_core.pxd`, without padding. Matrix products are the BLAS's, whose
bits depend on the processor; numbers in brackets are the paper's.
"""

from libc.string cimport memcpy
from scipy.linalg.cython_blas cimport dgemm, sgemm

from cython cimport floating

import numpy as np


cdef extern from "batch.h" nogil:
    void squash_floats(ptrdiff_t n, float low, float high, float *x) noexcept
    void squash_doubles(ptrdiff_t n, double low, double high, double *x) noexcept


cdef struct Layer:
    int n_blocks
    int block_size
    int n_cells
    int n_hidden
    int n_units
    bint input_gate
    bint output_gate
    bint linear_state
    int first_output_gate
    int first_cell
    int first_hidden
    int first_feedback
    int n_feedback
    double g_low
    double g_high


# ---- for all precisions --------------------------------------------------------------------------

cdef inline void squash(int n, double low, double high, floating *x) noexcept nogil:
    """x = logistic function of x, stretched to (low, high)."""
    if floating is float:
        squash_floats(n, <float> low, <float> high, x)
    else:
        squash_doubles(n, low, high, x)


cdef inline void multiply(
    int m, int n, int k, floating *a, int a_width, floating *b, int b_width, bint transposed,
    bint add, floating *c, int c_width
) noexcept nogil:
    """c (m, n) = a (m, k) b (k, n), or with b^T for b (n, k); or that is added.

    All go row by row. The BLAS goes column by column: it sees transposed matrices.
    """
    cdef floating one = 1.0, beta = 1.0 if add else 0.0
    cdef char *b_form = b"T" if transposed else b"N"
    if floating is float:
        sgemm(b_form, b"N", &n, &m, &k, &one, b, &b_width, a, &a_width, &beta, c, &c_width)
    else:
        dgemm(b_form, b"N", &n, &m, &k, &one, b, &b_width, a, &a_width, &beta, c, &c_width)


cdef inline const floating *openings(
    const Layer *n, bint gate, const floating *gates, floating *room
) noexcept nogil:
    """The opening of its block's gate for each cell; the room is used where it is needed."""
    cdef int c, j
    if gate and n.block_size == 1:
        return gates
    for j in range(n.n_blocks):
        for c in range(j * n.block_size, (j + 1) * n.block_size):
            room[c] = gates[j] if gate else <floating> 1.0
    return room


cdef inline void sum_blocks(const Layer *n, floating *x) noexcept nogil:
    """From a value per cell to one per block, in place."""
    cdef int c, j
    cdef floating total
    if n.block_size == 1:
        return
    for j in range(n.n_blocks):
        total = 0.0
        for c in range(j * n.block_size, (j + 1) * n.block_size):
            total += x[c]
        x[j] = total


cdef inline void add_scaled(int n, floating f, const floating *x, floating *y) noexcept nogil:
    """y += f x."""
    cdef int i
    for i in range(n):
        y[i] += f * x[i]


# ---- forward, one row ----------------------------------------------------------------------------

cdef inline void activate(
    const Layer *n, floating *a, floating *s, floating *h, floating *room
) noexcept nogil:
    """From net inputs, in a, to activations in a, states s and squashed states h."""
    cdef int c
    cdef floating *g = a + n.first_cell
    cdef const floating *opening
    squash(n.first_cell, 0.0, 1.0, a)
    squash(n.n_cells, n.g_low, n.g_high, g)
    squash(n.n_hidden, 0.0, 1.0, a + n.first_hidden)
    opening = openings(n, n.input_gate, a, room)
    for c in range(n.n_cells):
        s[c] += opening[c] * g[c]
        h[c] = s[c]
    if not n.linear_state:
        squash(n.n_cells, -1.0, 1.0, h)


cdef inline void write_activations(
    const Layer *n, bint with_gates, const floating *a, const floating *h, floating *room,
    floating *y
) noexcept nogil:
    """The layer's outputs: gates, if they are wanted, cells, conventional units."""
    cdef int c
    cdef const floating *opening = openings(n, n.output_gate, a + n.first_output_gate, room)
    if with_gates:
        memcpy(y, a, n.first_cell * sizeof(floating))
        y += n.first_cell
    for c in range(n.n_cells):
        y[c] = opening[c] * h[c]
    memcpy(y + n.n_cells, a + n.first_hidden, n.n_hidden * sizeof(floating))


# ---- backward, one row ---------------------------------------------------------------------------

cdef inline void leave_units(
    const Layer *n, const floating *error, const floating *h, floating *a, floating *e_s,
    floating *room
) noexcept nogil:
    """From errors at activations to output gates (21), states (23) and conventional units (20)."""
    cdef int c, i
    cdef const floating *at_cell = error + n.first_cell
    cdef const floating *opening = openings(n, n.output_gate, a + n.first_output_gate, room)
    cdef floating *through = room
    cdef floating *gate = a + n.first_output_gate
    cdef const floating *at_gate = error + n.first_output_gate
    if n.linear_state:
        for c in range(n.n_cells):
            e_s[c] += opening[c] * at_cell[c]
    else:
        for c in range(n.n_cells):
            e_s[c] += opening[c] * at_cell[c] * <floating> 0.5 * (1 - h[c]) * (1 + h[c])
    if n.output_gate:
        for c in range(n.n_cells):
            through[c] = h[c] * at_cell[c]
        sum_blocks(n, through)
        for i in range(n.n_blocks):
            gate[i] = gate[i] * (1 - gate[i]) * (through[i] + at_gate[i])
    for i in range(n.first_hidden, n.n_units):
        a[i] = a[i] * (1 - a[i]) * error[i]


cdef inline void leave_states(
    const Layer *n, const floating *e_s, const floating *error, floating *a, floating *room
) noexcept nogil:
    """From errors at states to cell inputs, by (27), and input gates, by (25).

    An input gate's own activation has an error only if it was fed back; NULL: it has none.
    """
    cdef int c, i
    cdef floating low = n.g_low, high = n.g_high, slope = 1.0 / (n.g_high - n.g_low)
    cdef floating *g = a + n.first_cell
    cdef const floating *opening = openings(n, n.input_gate, a, room)
    cdef floating *at_gate = room + n.n_cells
    for c in range(n.n_cells):
        at_gate[c] = e_s[c] * g[c]
        g[c] = e_s[c] * opening[c] * slope * (high - g[c]) * (g[c] - low)
    if not n.input_gate:
        return
    sum_blocks(n, at_gate)
    if error != NULL:
        add_scaled(n.n_blocks, <floating> 1.0, error, at_gate)
    for i in range(n.n_blocks):
        a[i] = a[i] * (1 - a[i]) * at_gate[i]


# ---- what Python calls ---------------------------------------------------------------------------

cdef class HiddenLayer:
    """The hidden layer of a net.

    Parameters
    ----------
    topology : lstm97.learning.topology.Topology
    """

    cdef Layer n

    def __cinit__(self, topology):
        cdef Layer *n = &self.n
        n.n_blocks, n.block_size = topology.n_blocks, topology.block_size
        n.n_cells, n.n_hidden = topology.n_cells, topology.n_hidden
        n.n_units = topology.n_units
        n.input_gate, n.output_gate = topology.input_gate, topology.output_gate
        n.linear_state = topology.state_activation == "identity"
        n.first_output_gate = n.n_blocks * n.input_gate
        n.first_cell = n.first_output_gate + n.n_blocks * n.output_gate
        n.first_hidden = n.first_cell + n.n_cells
        n.first_feedback, n.n_feedback = topology.first_feedback, topology.n_feedback
        n.g_low, n.g_high = topology.cell_range

    def forward(
        self,
        const Py_ssize_t[::1] active,   # IN    sequences that run at each step
        floating[:, ::1] w,             # IN    (sources in z, n_units)
        floating[:, ::1] z,             # INOUT fed-back activations, from the second step on
        Py_ssize_t fed,                 # IN    column of z where they begin
        bint keep,                      # IN    a and h have a row for every packed row; or per step
        bint begun,                     # IN    a holds a part of the net inputs already
        floating[:, ::1] a,             # OUT   (rows, n_units)
        floating[:, ::1] h,             # OUT   (rows, n_cells or more)
        floating[:, ::1] s,             # INOUT (sequences, n_cells or more) states
        const Py_ssize_t[::1] due,      # IN    packed rows where outputs are wanted, ascending
        floating[:, ::1] y,             # OUT   cells' and conventional units' activations there
        Py_ssize_t column,              # IN    column of y where they begin
    ):
        """Go through all steps."""
        cdef const Layer *n = &self.n
        cdef Py_ssize_t b, i, m = 0, t, first = 0, n_next, row
        cdef int width = z.shape[1]
        cdef floating[::1] room = np.empty(n.n_cells + 1, dtype=np.asarray(z).dtype)
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
                    activate(n, &a[row + i, 0], &s[i, 0], &h[row + i, 0], &room[0])
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
        floating[:, ::1] h,             # IN
        floating[:, ::1] e_s,           # INOUT (sequences, n_cells or more) zeros
        floating[:, ::1] received,      # INOUT (sequences, n_units) zeros; not if truncated
        const Py_ssize_t[::1] due,      # IN    packed rows with an error at the outputs, ascending
        floating[:, ::1] error,         # IN    what reaches each unit's activation there
        floating[:, ::1] w=None,        # IN    (n_feedback, n_units); None: truncated
    ):
        """Replace activations by the errors at the net inputs, from the last step to the first.

        The error at a state reaches all earlier steps unchanged. Truncated, output gates and
        conventional units have an error in due rows only: their activations stay in other rows.
        """
        cdef const Layer *n = &self.n
        cdef Py_ssize_t b, i, m = due.shape[0] - 1, t, first = a.shape[0], n_next = 0
        cdef bint full = w is not None
        cdef floating *at_unit
        cdef floating[::1] room = np.empty(2 * n.n_cells + 1, dtype=np.asarray(a).dtype)
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
                    leave_states(n, &e_s[i, 0], at_unit, &a[first + i, 0], &room[0])
                n_next = b


# Sparse inputs: rows `steps` of the CSR matrix x are the inputs of the packed rows.

def add_sparse_product(
    x,                              # IN    CSR matrix
    const Py_ssize_t[::1] steps,    # IN
    floating[:, ::1] w,             # IN    (columns of x or more, width)
    floating[:, ::1] y,             # INOUT (rows, width)
):
    """y += x[steps] w."""
    cdef const double[::1] data = x.data
    cdef const int[::1] columns = x.indices, indptr = x.indptr
    cdef Py_ssize_t i, k
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
    """gradient += x[steps]^T delta."""
    cdef const double[::1] data = x.data
    cdef const int[::1] columns = x.indices, indptr = x.indptr
    cdef Py_ssize_t i, k
    cdef int width = gradient.shape[1]
    with nogil:
        for i in range(steps.shape[0]):
            for k in range(indptr[steps[i]], indptr[steps[i] + 1]):
                add_scaled(width, <floating> data[k], &delta[i, first], &gradient[columns[k], 0])
