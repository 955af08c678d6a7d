"""Sequences and targets as the kernels read them: checked once, and borrowed for a call.

The arrays are not copied. Values that would lead a kernel out of them are refused here.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset

import numpy as np


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
        self.x, self.n_inputs = &self.steps.input, self.steps.n_inputs
        self.starts, self.lengths, self.n_steps, self.longest = X.starts, X.lengths, 0, 0
        self.n_sequences, self.n_outputs = self.starts.shape[0], -1
        if self.lengths.shape[0] != self.n_sequences:
            raise ValueError("starts and lengths differ in length")
        for i in range(self.n_sequences):
            if not lies_inside(self.starts[i], self.lengths[i], self.steps.n_steps):
                raise ValueError(f"sequence {i} lies outside of the steps")
            if self.x.dense == NULL:
                self.steps.check_rows(self.starts[i], self.lengths[i])
            self.n_steps += self.lengths[i]
            self.longest = max(self.longest, self.lengths[i])
        memset(&self.target, 0, sizeof(Target))
        if y is not None:
            self._set_targets(y)

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
