"""Recurrent cascade correlation (Fahlman 1991) over a batch of sequences.

Every array of a batch has one row per step, all sequences one after the other. Sources of a
hidden unit, frozen or still a candidate, one row of weights each:

    inputs x(t) | hidden units before it V(t) | its own V(t-1) | the constant 1 (bias)

Sources of the output layer, which is that of the LSTM's kernel with shortcuts and without cells:

    inputs x(t) | hidden units V(t) | the constant 1 (bias)

Each candidate and each output has a lane. Everything except the classes is plain C on structs,
without the GIL, random numbers or Python objects.
"""

from libc.limits cimport INT_MAX
from libc.math cimport NAN, isnan
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from lstm97._kernels.data cimport Data, lies_inside
from lstm97._kernels.forward cimport step_output
from lstm97._kernels.gradient cimport add_output_gradient, output_error
from lstm97._kernels.net cimport (
    LOGISTIC, SQUARED_ERROR, Input, Sizes, State, Summary, Target, Weights
)
from lstm97._kernels.sequence cimport target_at, write_results
from lstm97._kernels.vectors cimport (
    LANES, add_outer, add_scaled, add_weighted, clear_lanes, copy_lanes, fma, padded, squash_lanes
)

import numpy as np

from lstm97._kernels.net import LOSSES, OUTPUT_ACTIVATIONS


# ---- hidden units --------------------------------------------------------------------------------

cdef struct Units:
    # Units that see inputs, earlier units and themselves, but not each other.
    int n_inputs
    int n_before         # hidden units before them
    int n_outputs
    int lanes            # the units, padded
    double *w            # (n_inputs + n_before + 2, lanes)
    double *gradient     # the same shape: dS/dw
    double *correlation  # (n_outputs, lanes)
    double *sign         # (n_outputs, lanes) of the correlations
    double *low          # (lanes,) range of the squashing function: -1 to 1, padding 0
    double *high
    double *net          # (lanes,)
    double *push         # (lanes,) dS/dV(t) without what comes back from V(t+1)
    double *delta        # (lanes,) dS/dnet(t)


cdef inline double *own_row(const Units *u, double *w) noexcept nogil:
    """Return the row of weights to a unit's own last value; the bias follows."""
    return w + <Py_ssize_t> (u.n_inputs + u.n_before) * u.lanes


cdef void step_units(
    const Units *u, const Input *x, Py_ssize_t t, const double *before,
    const double *last, double *value
) noexcept nogil:
    """Compute the values V(t) of the units from x(t), the values of earlier units, and V(t-1)."""
    cdef int i, j
    cdef const double *own = own_row(u, u.w)
    if x.dense != NULL:
        add_weighted(u.lanes, u.n_inputs, u.w, x.dense + t * u.n_inputs, own + u.lanes, u.net)
    else:
        copy_lanes(u.lanes, own + u.lanes, u.net)
        for i in range(x.indptr[t], x.indptr[t + 1]):
            add_scaled(u.lanes, x.data[i], u.w + <Py_ssize_t> x.indices[i] * u.lanes, u.net)
    add_weighted(u.lanes, u.n_before, own - u.n_before * u.lanes, before, u.net, u.net)
    for j in range(u.lanes):
        u.net[j] = fma(own[j], last[j], u.net[j])
    squash_lanes(u.lanes, u.net, u.low, u.high, value)


cdef void add_gradient(
    const Units *u, const Input *x, Py_ssize_t t, const double *before, const double *last
) noexcept nogil:
    """Add delta times its sources to the gradient."""
    cdef int i, j
    cdef double *own = own_row(u, u.gradient)
    if x.dense != NULL:
        add_outer(u.lanes, u.n_inputs, u.delta, x.dense + t * u.n_inputs, u.gradient)
    else:
        for i in range(x.indptr[t], x.indptr[t + 1]):
            add_scaled(
                u.lanes, x.data[i], u.delta, u.gradient + <Py_ssize_t> x.indices[i] * u.lanes
            )
    add_outer(u.lanes, u.n_before, u.delta, before, own - u.n_before * u.lanes)
    for j in range(u.lanes):
        own[j] = fma(u.delta[j], last[j], own[j])
    add_scaled(u.lanes, 1.0, u.delta, own + u.lanes)


cdef void correlate_sequence(
    const Units *u, const Input *x, Py_ssize_t start, Py_ssize_t length, const double *before,
    int stride, const double *residual, double *tape
) noexcept nogil:
    """Add the share of a sequence to the correlations, and to the gradient of their total size.

    Residuals are centred, so the mean of the values does not matter. Fahlman carries dV/dw along.
    Here, a tape of the values is read backward, which gives the same sums at the cost of a second
    forward pass. The tape has length + 1 rows; the first holds V before the first step.
    """
    cdef int j
    cdef Py_ssize_t t
    cdef double *value
    cdef double slope
    cdef const double *own = own_row(u, u.w)
    clear_lanes(u.lanes, tape)
    for t in range(length):
        value = tape + t * u.lanes
        step_units(u, x, start + t, before + t * stride, value, value + u.lanes)
    clear_lanes(u.lanes, u.delta)
    for t in range(length - 1, -1, -1):
        value = tape + (t + 1) * u.lanes
        add_outer(u.lanes, u.n_outputs, value, residual + t * u.n_outputs, u.correlation)
        clear_lanes(u.lanes, u.push)
        add_weighted(u.lanes, u.n_outputs, u.sign, residual + t * u.n_outputs, u.push, u.push)
        for j in range(u.lanes):
            slope = 0.5 * (1.0 - value[j]) * (1.0 + value[j])
            u.delta[j] = slope * fma(own[j], u.delta[j], u.push[j])
        add_gradient(u, x, start + t, before + t * stride, value - u.lanes)


# ---- outputs -------------------------------------------------------------------------------------

cdef Summary learn_sequence(
    const Sizes *n, const Weights *w, Weights *gradient, State *q, const Input *x,
    Py_ssize_t start, Py_ssize_t length, const Target *targets, Py_ssize_t i, double offset,
    double *hidden, double *residual
) noexcept nogil:
    """Add the outputs' gradient for sequence i; write its residual errors, NaN for no target.

    The offset is added to the slope of logistic outputs under a squared error.
    """
    cdef int k
    cdef Py_ssize_t t
    cdef double weight = 1.0
    cdef const double *target
    cdef Summary r
    memset(&r, 0, sizeof(Summary))
    for t in range(length):
        for k in range(n.n_outputs):
            residual[t * n.n_outputs + k] = NAN
        target = target_at(n, targets, i, t, t == length - 1, &weight)
        if target == NULL:
            continue
        q.y = hidden + t * n.n_hidden
        step_output(n, w, x, start + t, q)
        output_error(n, q, target, weight, &r)
        for k in range(n.n_outputs):
            if not isnan(target[k]):
                if n.output_activation == LOGISTIC and n.loss == SQUARED_ERROR:
                    q.e[k] = fma(offset * weight, target[k] - q.output[k], q.e[k])
                residual[t * n.n_outputs + k] = q.e[k]
        add_output_gradient(n, x, start + t, q, gradient)
    return r


def centre(double[:, ::1] residual, const double[::1] weight):
    """Subtract the mean error of each output from its errors, in place; write 0 without a target.

    Parameters
    ----------
    residual : ndarray of shape (n_rows, n_outputs)
        Errors times weights; NaN where there is no target.
    weight : ndarray of shape (n_rows,)

    Returns
    -------
    squares : float
        Weighted sum of the squared errors before the subtraction.
    """
    cdef Py_ssize_t k, row
    cdef double sum, total, mean, squares = 0.0
    if weight.shape[0] != residual.shape[0]:
        raise ValueError("residual and weight differ in length")
    for k in range(residual.shape[1]):
        sum, total = 0.0, 0.0
        for row in range(residual.shape[0]):
            if not isnan(residual[row, k]) and weight[row] > 0.0:
                sum += residual[row, k]
                squares = fma(residual[row, k], residual[row, k] / weight[row], squares)
                total += weight[row]
        mean = sum / total if total > 0.0 else 0.0
        for row in range(residual.shape[0]):
            if isnan(residual[row, k]):
                residual[row, k] = 0.0
            else:
                residual[row, k] -= weight[row] * mean
    return squares


# ---- what Python calls ---------------------------------------------------------------------------

cdef class Piece:
    """Some sequences of a batch, and the places of their steps in the arrays of the batch.

    Parameters
    ----------
    data : Data
    rows : ndarray of int of shape (n_sequences,)
        Row of the first step of each sequence in the arrays of the batch.
    hidden : ndarray of shape (n_rows, n_hidden)
        Values of the hidden units.
    """

    cdef Data data
    cdef const int64_t[::1] rows
    cdef double[:, ::1] hidden
    cdef double *values  # those of hidden, or NULL if it is empty
    cdef int n_hidden

    def __cinit__(self, Data data not None, rows, hidden):
        cdef Py_ssize_t i
        self.data, self.rows = data, rows
        self.hidden, self.n_hidden = hidden, hidden.shape[1]
        self.values = &self.hidden[0, 0] if hidden.size else NULL
        if len(rows) != data.n_sequences:
            raise ValueError("sequences and rows differ in number")
        for i in range(data.n_sequences):
            if not lies_inside(self.rows[i], data.lengths[i], self.hidden.shape[0]):
                raise ValueError(f"sequence {i} lies outside of the rows")


cdef class Pool:
    """Hidden units that do not see each other: candidates, or one that is frozen.

    Parameters
    ----------
    n_inputs : int
    n_before : int
        Hidden units before them.
    n_units : int
    n_outputs : int
    """

    cdef Units u
    cdef int n_units
    cdef double[::1] memory

    def __cinit__(self, int n_inputs, int n_before, int n_units, int n_outputs):
        cdef Units *u = &self.u
        cdef Py_ssize_t rows = n_inputs + n_before + 2
        self.n_units = n_units
        u.n_inputs, u.n_before, u.n_outputs = n_inputs, n_before, n_outputs
        u.lanes = padded(n_units, LANES)
        self.memory = np.zeros((2 * rows + 2 * n_outputs + 5) * u.lanes)
        u.w = &self.memory[0]
        u.gradient = u.w + rows * u.lanes
        u.correlation = u.gradient + rows * u.lanes
        u.sign = u.correlation + n_outputs * u.lanes
        u.low = u.sign + n_outputs * u.lanes
        u.high, u.net = u.low + u.lanes, u.low + 2 * u.lanes
        u.push, u.delta = u.low + 3 * u.lanes, u.low + 4 * u.lanes
        for i in range(n_units):
            u.low[i], u.high[i] = -1.0, 1.0

    cdef _load(self, weights, Piece piece):
        if weights.shape != (self.u.n_inputs + self.u.n_before + 2, self.n_units):
            raise ValueError(f"weights of {self.n_units} units have shape {weights.shape}")
        if piece.data.n_inputs != self.u.n_inputs or piece.n_hidden < self.u.n_before:
            raise ValueError("the piece has other inputs, or too few hidden units")
        exchange(weights, self.u.w, self.u.lanes, True)

    def run(
        self,
        weights,                        # IN   (n_sources, 1)
        Piece piece not None,           # INOUT
    ):
        """Write the values of a single unit to its column of the piece's hidden units."""
        cdef Py_ssize_t i, t, row
        cdef int unit = self.u.n_before
        cdef double *value = self.u.delta
        self._load(weights, piece)
        if self.n_units != 1 or piece.n_hidden <= unit:
            raise ValueError("a single unit expected, and a column for it")
        with nogil:
            for i in range(piece.data.n_sequences):
                clear_lanes(self.u.lanes, value)
                for t in range(piece.data.lengths[i]):
                    row = (piece.rows[i] + t) * piece.n_hidden
                    step_units(
                        &self.u, piece.data.x, piece.data.starts[i] + t, piece.values + row,
                        value, value,
                    )
                    piece.values[row + unit] = value[0]

    def correlate(
        self,
        weights,                        # IN    (n_sources, n_units)
        Piece piece not None,           # IN
        double[:, ::1] residual,        # IN    (n_rows, n_outputs) centred
        sign,                           # IN    (n_outputs, n_units)
        correlation,                    # INOUT (n_outputs, n_units) sum of V E
        gradient,                       # INOUT (n_sources, n_units) of the sum of sign V E
    ):
        """Add the share of a piece to correlations, and to their gradient."""
        cdef Units *u = &self.u
        cdef Py_ssize_t i
        cdef double[::1] tape = np.empty((piece.data.longest + 1) * u.lanes)
        self._load(weights, piece)
        if residual.shape[0] != piece.hidden.shape[0] or residual.shape[1] != u.n_outputs:
            raise ValueError("a residual for each row and output expected")
        if not sign.shape == correlation.shape == (u.n_outputs, self.n_units):
            raise ValueError("a sign and a correlation for each output and unit expected")
        if gradient.shape != weights.shape:
            raise ValueError("a gradient for each weight expected")
        exchange(sign, u.sign, u.lanes, True)
        exchange(correlation, u.correlation, u.lanes, True)
        exchange(gradient, u.gradient, u.lanes, True)
        with nogil:
            for i in range(piece.data.n_sequences):
                correlate_sequence(
                    u, piece.data.x, piece.data.starts[i], piece.data.lengths[i],
                    piece.values + piece.rows[i] * piece.n_hidden, piece.n_hidden,
                    &residual[piece.rows[i], 0], &tape[0],
                )
        exchange(correlation, u.correlation, u.lanes, False)
        exchange(gradient, u.gradient, u.lanes, False)


cdef class Outputs:
    """The output layer.

    Parameters
    ----------
    n_inputs, n_hidden, n_outputs : int
    output_activation : {"logistic", "linear", "softmax"}
    loss : {"squared_error", "log_loss"}
    """

    cdef Sizes n
    cdef Weights w, gradient
    cdef State q
    cdef double[::1] memory

    def __cinit__(self, int n_inputs, int n_hidden, int n_outputs, output_activation, loss):
        cdef Sizes *n = &self.n
        cdef Py_ssize_t size
        n.n_inputs, n.n_hidden, n.n_outputs = n_inputs, n_hidden, n_outputs
        n.shortcut = n.output_bias = True
        n.output_lanes, n.output_rows = padded(n_outputs, LANES), n_inputs + n_hidden + 1
        n.output_activation, n.loss = OUTPUT_ACTIVATIONS[output_activation], LOSSES[loss]
        size = <Py_ssize_t> n.output_rows * n.output_lanes
        if size > INT_MAX:
            raise ValueError(f"the net is too large: {n.output_rows * n_outputs} output weights")
        self.memory = np.zeros(2 * size + 5 * n.output_lanes)
        self.w.output = &self.memory[0]
        self.gradient.output = self.w.output + size
        self.q.output_net = self.gradient.output + size
        self.q.output = self.q.output_net + n.output_lanes
        self.q.e = self.q.output + n.output_lanes
        self.q.output_low = self.q.e + n.output_lanes
        self.q.output_high = self.q.output_low + n.output_lanes
        for k in range(n_outputs):
            self.q.output_high[k] = 1.0

    cdef _load(self, weights, Piece piece, int n_outputs):
        """Load the weights; refuse arguments that would make the kernel read beyond its arrays."""
        if weights.shape != (self.n.output_rows, self.n.n_outputs):
            raise ValueError(f"weights of the outputs have shape {weights.shape}")
        piece.data.check(self.n.n_inputs, n_outputs)
        if piece.n_hidden != self.n.n_hidden:
            raise ValueError(f"the piece has {piece.n_hidden} hidden units")
        exchange(weights, self.w.output, self.n.output_lanes, True)

    def learn(
        self,
        weights,                        # IN    (n_sources, n_outputs)
        Piece piece not None,           # IN    with targets
        double offset,                  # added to the slope of logistic outputs
        double[:, ::1] results,         # OUT   loss, largest and mean absolute error per sequence
        double[:, ::1] residual,        # OUT   (n_rows, n_outputs), NaN for none
        gradient,                       # INOUT (n_sources, n_outputs) of minus the loss
    ):
        """Add the share of a piece to the gradient."""
        cdef Py_ssize_t i
        cdef Data data = piece.data
        cdef Summary r
        self._load(weights, piece, self.n.n_outputs)
        if results.shape[0] != data.n_sequences or results.shape[1] != 3:
            raise ValueError("three results for each sequence expected")
        if residual.shape[0] != piece.hidden.shape[0] or residual.shape[1] != self.n.n_outputs:
            raise ValueError("a residual for each row and output expected")
        if gradient.shape != weights.shape:
            raise ValueError("a gradient for each weight expected")
        if data.n_sequences == 0:
            return
        exchange(gradient, self.gradient.output, self.n.output_lanes, True)
        with nogil:
            for i in range(data.n_sequences):
                r = learn_sequence(
                    &self.n, &self.w, &self.gradient, &self.q, data.x, data.starts[i],
                    data.lengths[i], &data.target, i, offset,
                    piece.values + piece.rows[i] * self.n.n_hidden, &residual[piece.rows[i], 0],
                )
                write_results(&r, &results[i, 0])
        exchange(gradient, self.gradient.output, self.n.output_lanes, False)

    def run(
        self,
        weights,                        # IN   (n_sources, n_outputs)
        Piece piece not None,           # IN
        bint every,                     # outputs at every step, or at the last only
    ):
        """Return the outputs for a piece, one sequence after the other, without learning.

        Returns
        -------
        outputs : ndarray of shape (n_rows, n_outputs)
        """
        cdef Data data = piece.data
        cdef Py_ssize_t i, t, row = 0
        cdef double[:, ::1] out = np.empty(
            (data.n_steps if every else data.n_sequences, self.n.n_outputs)
        )
        self._load(weights, piece, -1)
        with nogil:
            for i in range(data.n_sequences):
                for t in range(0 if every else data.lengths[i] - 1, data.lengths[i]):
                    self.q.y = piece.values + (piece.rows[i] + t) * self.n.n_hidden
                    step_output(&self.n, &self.w, data.x, data.starts[i] + t, &self.q)
                    memcpy(&out[row, 0], self.q.output, self.n.n_outputs * sizeof(double))
                    row += 1
        return np.asarray(out)


cdef exchange(double[:, :] matrix, double *packed, int lanes, bint inward):
    """Copy a matrix to padded rows, or back."""
    cdef Py_ssize_t j, m
    for m in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            if inward:
                packed[m * lanes + j] = matrix[m, j]
            else:
                matrix[m, j] = packed[m * lanes + j]
