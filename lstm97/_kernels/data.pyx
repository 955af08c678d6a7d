"""Sequences and targets as the kernels read them: checked once, and borrowed for a call.

The arrays are not copied. Values that would lead a kernel out of them are refused here.
"""

from libc.math cimport fabs, isfinite, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

import numpy as np

TOO_LARGE = "values are too large to be standardised"


cdef class Steps:
    """A view of the flat steps of a data set.

    Parameters
    ----------
    flat : ndarray or CSR matrix of shape (n_steps, n_inputs)
    """

    def __cinit__(self, flat):
        self.n_steps, self.n_inputs = flat.shape
        memset(&self.input, 0, sizeof(Input))
        if isinstance(flat, np.ndarray):
            self.dense = flat
            self.input.dense = &self.dense[0, 0]
            return
        self.data, self.indices, self.indptr = flat.data, flat.indices, flat.indptr
        self.input.indptr = &self.indptr[0]
        if self.data.shape[0] > 0:
            self.input.data, self.input.indices = &self.data[0], &self.indices[0]
        if not self.indptr.shape[0] > self.n_steps or self.indices.shape[0] < self.data.shape[0]:
            raise ValueError("the arrays of a sparse matrix do not match")

    cdef check_rows(self, Py_ssize_t start, Py_ssize_t length):
        """Refuse sparse rows that lie outside of the arrays, or have columns that do not exist."""
        cdef Py_ssize_t row
        cdef int k
        for row in range(start, start + length):
            if not 0 <= self.indptr[row] <= self.indptr[row + 1] <= self.data.shape[0]:
                raise ValueError(f"row {row} of the sparse steps lies outside of their arrays")
            for k in range(self.indptr[row], self.indptr[row + 1]):
                if not 0 <= self.indices[k] < self.n_inputs:
                    raise ValueError(f"row {row} of the sparse steps has column {self.indices[k]}")


cdef class Data:
    """Sequences, with or without targets.

    Parameters
    ----------
    X : Sequences
    y : Targets, default=None
        None if there is nothing to learn.
    """

    def __cinit__(self, X, y=None):
        cdef Py_ssize_t i
        self.steps = Steps(X.flat)
        self.n_inputs = self.steps.n_inputs
        self.starts, self.lengths, self.n_steps, self.longest = X.starts, X.lengths, 0, 0
        self.n_sequences, self.n_outputs = self.starts.shape[0], -1
        if self.lengths.shape[0] != self.n_sequences:
            raise ValueError("starts and lengths differ in length")
        for i in range(self.n_sequences):
            if not lies_inside(self.starts[i], self.lengths[i], self.steps.n_steps):
                raise ValueError(f"sequence {i} lies outside of the steps")
            if self.steps.input.dense == NULL:
                self.steps.check_rows(self.starts[i], self.lengths[i])
            self.n_steps += self.lengths[i]
            self.longest = max(self.longest, self.lengths[i])
        if X.scaling is not None:
            self._standardize(X.scaling.mean, X.scaling.scale)
        self.x = &self.steps.input
        memset(&self.target, 0, sizeof(Target))
        if y is not None:
            self._set_targets(y)

    cdef _standardize(self, const double[::1] mean, const double[::1] scale):
        """Take a standardised copy of the sequences, one after the other."""
        cdef Py_ssize_t i, t, at = 0
        cdef double[:, ::1] rows = np.empty((max(1, self.n_steps), self.n_inputs))
        cdef int64_t[::1] starts = np.empty(self.n_sequences, dtype=np.int64)
        if mean.shape[0] != self.n_inputs or scale.shape[0] != self.n_inputs:
            raise ValueError(f"{self.n_inputs} means and scales expected")
        for i in range(self.n_sequences):
            starts[i] = at
            for t in range(self.starts[i], self.starts[i] + self.lengths[i]):
                standardize_row(
                    self.n_inputs, &self.steps.dense[t, 0], &mean[0], &scale[0], &rows[at, 0]
                )
                at += 1
        self.steps, self.starts = Steps(np.asarray(rows)), starts

    cdef _set_targets(self, y):
        cdef Py_ssize_t i
        self.values, self.first = y.values, y.first
        self.n_outputs, self.target.every = self.values.shape[1], y.every
        if self.first.shape[0] != self.n_sequences:
            raise ValueError("sequences and targets differ in number")
        for i in range(self.n_sequences):
            if not lies_inside(
                self.first[i], self.lengths[i] if y.every else 1, self.values.shape[0]
            ):
                raise ValueError(f"the targets of sequence {i} lie outside of the values")
        if y.weight is not None:
            self.weight = y.weight
            if self.weight.shape[0] != self.values.shape[0]:
                raise ValueError("weight and values differ in length")
        if self.n_sequences > 0:
            self.target.values, self.target.first = &self.values[0, 0], &self.first[0]
            if y.weight is not None:
                self.target.weight = &self.weight[0]

    cdef check(self, int n_inputs, int n_outputs):
        """Refuse data of another width than the net's; n_outputs is -1 if no target is needed."""
        if self.n_inputs != n_inputs:
            raise ValueError(f"{n_inputs} inputs expected, got {self.n_inputs}")
        if n_outputs >= 0 and self.n_outputs < 0:
            raise ValueError("targets expected")
        if n_outputs >= 0 and self.n_outputs != n_outputs:
            raise ValueError(f"{n_outputs} outputs expected, got {self.n_outputs}")


cdef bint lies_inside(int64_t start, int64_t length, int64_t n) noexcept nogil:
    """Tell whether a range with at least one row lies within n rows; no sum can overflow."""
    return 0 <= start < n and 1 <= length <= n - start


# -- standardisation, see learning/scaling.py ------------------------------------------------------


cdef inline void standardize_row(
    Py_ssize_t n, const double *x, const double *mean, const double *scale, double *out
) noexcept nogil:
    """Write one row of standardised values."""
    cdef Py_ssize_t k
    for k in range(n):
        out[k] = (x[k] - mean[k]) / scale[k]


cdef inline bint is_rounding(double deviation, double mean) noexcept nogil:
    """Tell whether a deviation is no more than errors of rounding, so that values are equal."""
    return fabs(deviation) <= max(1e-14 * fabs(mean), 1e-150)


def moments(
    const double[:, ::1] rows,      # IN   NaN for a missing value
    const int64_t[::1] starts,      # IN   (n_sequences,): the first row of each sequence,
    const int64_t[::1] lengths,     # IN   and how many rows it has
    const double[::1] weight,       # IN   None for weights of 1
    const int64_t[::1] first,       # IN   (n_sequences,): the first weight of each sequence
    bint every,                     # IN   whether there is a weight per row, or one per sequence
    double[::1] mean,               # OUT  (n_columns,)
    double[::1] scale,              # OUT  (n_columns,): standard deviations; 1 if all are equal
):
    """Compute the weighted mean and standard deviation of each column.

    A loop of its own, so that the sums have the same order, and so the same bits, everywhere.
    """
    cdef Py_ssize_t i, t, k, n = rows.shape[1]
    cdef double x, w
    cdef int is_second
    # Values are taken relative to the first one: equal values then have no deviation at all.
    cdef double[::1] origin = np.full(n, np.nan), total = np.zeros(n), added = np.zeros(n)
    cdef double[::1] square = np.zeros(n)
    with nogil:
        for is_second in range(2):
            for i in range(starts.shape[0]):
                for t in range(lengths[i]):
                    w = 1.0 if weight is None else weight[first[i] + (t if every else 0)]
                    if w == 0.0:
                        continue
                    for k in range(n):
                        x = rows[starts[i] + t, k]
                        if x != x:
                            continue
                        if is_second:
                            square[k] += w * ((x - mean[k]) * (x - mean[k]))
                            continue
                        if origin[k] != origin[k]:
                            origin[k] = x
                        total[k] += w
                        added[k] += w * (x - origin[k])
            for k in range(n):
                if total[k] == 0.0:
                    mean[k], scale[k] = 0.0, 1.0
                elif is_second:
                    scale[k] = sqrt(square[k] / total[k])
                    if is_rounding(scale[k], mean[k]):
                        scale[k] = 1.0
                else:
                    mean[k] = origin[k] + added[k] / total[k]


cdef inline bint run_row(
    Py_ssize_t n, const double *x, double enough, double *mean, double *scale, double *count
) noexcept nogil:
    """Let the statistics run with one row, see `Scaling`; tell whether they stay finite."""
    cdef Py_ssize_t k
    cdef double square, before
    for k in range(n):
        if x[k] != x[k] or count[k] >= enough:
            continue
        if count[k] == 1.0 and is_rounding(x[k] - mean[k], mean[k]):
            continue
        if count[k] == 0.0:
            mean[k], count[k] = x[k], 1.0
            continue
        square = scale[k] * scale[k] * count[k] if count[k] > 1.0 else 0.0
        count[k] += 1.0
        before = x[k] - mean[k]
        mean[k] += before / count[k]
        scale[k] = sqrt((square + before * (x[k] - mean[k])) / count[k])
        if not (isfinite(mean[k]) and isfinite(scale[k])):
            return False
    return True


def run_moments(
    const double[:, ::1] rows,      # IN   in the order of time; NaN for a missing value
    const unsigned char[::1] counts,    # IN   (n_rows,): 1 if a row counts; None if all do
    double enough,
    double[::1] mean,               # INOUT (n_columns,)
    double[::1] scale,              # INOUT
    double[::1] count,              # INOUT how many values each column has had, see `Scaling`
    double[:, ::1] out,             # OUT  standardised rows
):
    """Standardise each row by the statistics of the rows so far, until there are enough."""
    cdef Py_ssize_t t, n = rows.shape[1]
    for t in range(rows.shape[0]):
        if (counts is None or counts[t]) and not run_row(
            n, &rows[t, 0], enough, &mean[0], &scale[0], &count[0]
        ):
            raise ValueError(TOO_LARGE)
        standardize_row(n, &rows[t, 0], &mean[0], &scale[0], &out[t, 0])


cdef class Scaler:
    """Statistics that standardise the rows of a stream, and run with them until there are enough.

    Parameters
    ----------
    mean, scale, count : ndarray of shape (n_columns,)
        Those of a `Scaling`; copied.
    enough : float
    """

    def __cinit__(self, mean, scale, count, double enough):
        self.values, self.enough, self.n = np.array([mean, scale, count]), enough, len(mean)
        self.mean, self.scale = &self.values[0, 0], &self.values[1, 0]
        self.count = &self.values[2, 0]
        self.saved = self.values.copy()

    def arrays(self):
        """Return copies of mean, scale and count."""
        return tuple(np.array(self.values))

    def set(self, arrays):
        """Set mean, scale and count."""
        cdef double[:, ::1] values = np.array(arrays)
        self.values[:] = values

    cdef bint is_fixed(self) noexcept nogil:
        """Tell whether the statistics stay as they are, whatever rows come."""
        cdef Py_ssize_t k
        for k in range(self.n):
            if self.count[k] < self.enough:
                return False
        return True

    cdef bint is_none(self) noexcept nogil:
        """Tell whether all values stay as they are, now and later."""
        cdef Py_ssize_t k
        for k in range(self.n):
            if self.mean[k] != 0.0 or self.scale[k] != 1.0:
                return False
        return self.is_fixed()

    cdef bint is_untouched(self) noexcept nogil:
        """Tell whether no value has been counted."""
        cdef Py_ssize_t k
        for k in range(self.n):
            if self.count[k] > 0.0:
                return False
        return True

    cdef bint read(self, const double *x, bint counts, double *out) noexcept nogil:
        """Standardise a row by the statistics of the rows so far; False if they would overflow."""
        if counts and not run_row(self.n, x, self.enough, self.mean, self.scale, self.count):
            return False
        standardize_row(self.n, x, self.mean, self.scale, out)
        return True

    cdef void undo(self, double *x) noexcept nogil:
        """Give a standardised row its units back."""
        cdef Py_ssize_t k
        for k in range(self.n):
            x[k] = x[k] * self.scale[k] + self.mean[k]

    cdef void save(self) noexcept nogil:
        """Keep a copy of the statistics, for `go_back`."""
        memcpy(&self.saved[0, 0], self.mean, 3 * self.n * sizeof(double))

    cdef void go_back(self) noexcept nogil:
        """Go back to the copy."""
        memcpy(self.mean, &self.saved[0, 0], 3 * self.n * sizeof(double))
