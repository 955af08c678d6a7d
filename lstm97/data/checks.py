"""Checks that turn arguments into arrays of numbers; every message names the argument."""

import copy
import re
import reprlib
import sys
import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse

from lstm97.data.containers import as_array, as_floats, column_names

# The kernels count columns and entries of a CSR matrix in C integers.
MAX_INDEX = np.iinfo(np.intc).max
# Code that may be between the user's line and ours: this package, and scikit-learn's callbacks.
OURS = re.compile(r"(lstm97|sklearn\.callback)(\.|$)")


class _Brief(reprlib.Repr):
    """Short descriptions; unlike the built-in `repr`, of deeply nested lists as well."""

    def repr_ndarray(self, array, level):
        """Describe an array; NumPy prints one of many dimensions in full, which takes minutes."""
        if array.ndim > 2:
            return f"<array of shape {array.shape}>"
        return self.repr_instance(array, level)


brief = _Brief().repr


def counted(n, noun, plural=None):
    """Return a number with its noun: "1 step", "2 steps"."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


@contextmanager
def naming(name):
    """Put the name of an argument in front of errors that other libraries raise.

    Our own checks put the name in their messages, so they are not called within this context.
    """
    try:
        yield
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name}: {error}") from error
    except (TypeError, NotImplementedError) as error:
        raise TypeError(f"{name}: {error}") from error


def warn_user(message, category=UserWarning):
    """Warn, and name the line outside of this package that called it.

    As with scikit-learn's estimators, the default filters show the warning at every call.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and OURS.match(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    name = frame.f_globals.get("__name__", "")
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, name)


def locate(row, starts, lengths):
    """Return the sequence, and the step within it, of a row of the flat array."""
    i = int(np.argmax((starts <= row) & (row < starts + lengths)))
    return i, int(row - starts[i])


def one_hot(symbols, n_symbols):
    """Return the CSR matrix with a 1 in column `symbols[i]` of row i."""
    n = len(symbols)
    indices = np.asarray(symbols, dtype=np.intc)
    indptr = np.arange(n + 1, dtype=np.intc)
    return sparse.csr_array((np.ones(n), indices, indptr), shape=(n, n_symbols))


def refuse_masked(x, name):
    """Raise a ValueError if values are masked: NumPy would use the values behind the mask."""
    for part in x if isinstance(x, list | tuple) else [x]:
        if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part):
            raise ValueError(f"{name} holds masked values: fill them in with np.ma.filled")


def refuse_strings(x, name):
    """Raise a TypeError if a table holds strings or dates, which NumPy would convert."""
    try:
        array = np.asarray(x)
    except ValueError:
        return  # not a table; later checks refuse it
    if holds_strings(array) or array.dtype.kind in "Mm":
        where = _column_without_numbers(array, column_names(x))
        raise TypeError(f"{name} must hold numbers, not strings or dates{where}")


def _column_without_numbers(array, names):
    """Return words for the first column that holds no numbers; none if no column is to blame."""
    if array.ndim != 2 or array.dtype.kind in "Mm":
        return ""
    for k, column in enumerate(array.T):
        try:
            is_right = not holds_strings(column) and as_floats(column) is not None
        except (TypeError, ValueError, OverflowError):
            is_right = False
        if not is_right:
            return f" in column {k if names is None else names[k]!r}"
    return ""


def holds_strings(x):
    """Tell whether an array holds a string."""
    if x.dtype.kind != "O":
        return x.dtype.kind in "SU"
    return any(isinstance(value, str | bytes) for value in x.ravel())


def as_numbers(x: Any, name: str) -> np.ndarray:
    """Convert numbers to a float64 array; refuse strings and complex numbers."""
    if type(x) is np.ndarray and x.dtype == np.float64:
        return np.ascontiguousarray(x)
    refuse_masked(x, name)
    array = _as_rectangle(x, name)
    check_dtype(array, name, column_names(x))
    try:
        return np.ascontiguousarray(as_floats(array))
    except (TypeError, ValueError, OverflowError) as error:
        where = _column_without_numbers(array, column_names(x))
        raise TypeError(f"{name} must hold numbers{where}: {error}") from None


def _as_rectangle(x, name):
    """Convert to an array of any dtype; NumPy's own message on ragged lists is hard to read."""
    try:
        return as_array(x)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from None
    except (TypeError, NotImplementedError) as error:
        raise TypeError(f"{name} cannot be converted to an array: {error}") from None


def check_dtype(x, name, names=None):
    """Raise an error unless an array holds numbers, or objects that may be numbers."""
    if x.dtype.kind == "c":
        raise ValueError(f"{name}: complex data not supported")
    if x.dtype.kind not in "biufO":
        raise TypeError(f"{name} must hold numbers, but its dtype is {x.dtype}")
    if holds_strings(x):
        where = _column_without_numbers(x, names)
        raise TypeError(f"{name} must hold numbers, but it holds strings{where}")


def as_integers(x: Any, name: str) -> np.ndarray:
    """Convert integers to a one-dimensional array of int64; refuse everything else."""
    refuse_masked(x, name)
    with naming(name):
        x = np.asarray(x)
    if x.ndim != 1 or x.dtype.kind not in "iu":
        raise TypeError(f"{name} must be a one-dimensional array of integers")
    return x.astype(np.int64)


def repeated(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return one row of values per sequence once for each of its steps."""
    # On a machine of 32 bits, NumPy does not repeat by int64.
    return np.repeat(values, lengths.astype(np.intp, copy=False), axis=0)


def check_sparse(matrix, name):
    """Refuse a sparse matrix that holds no numbers, or whose indices lie outside its arrays."""
    if matrix.dtype.kind == "O":
        raise TypeError(f"{name} must hold numbers, but its dtype is {matrix.dtype}")
    check_dtype(matrix, name)
    try:
        _check_indices(matrix)
    except (TypeError, ValueError) as error:
        kind = matrix.format.upper()
        raise ValueError(f"{name} is not a valid {kind} matrix: {error}") from None
    if max(matrix.nnz, matrix.shape[-1]) > MAX_INDEX:
        raise ValueError(
            f"{name} has shape {matrix.shape} and {matrix.nnz} non-zeros, which is too large: "
            f"at most {MAX_INDEX} columns and non-zeros are supported"
        )


def _check_indices(matrix):
    """Raise a ValueError if indices would lead SciPy beyond its arrays."""
    if not hasattr(matrix, "check_format"):
        entries = matrix.tocoo()
        sparse.coo_array((entries.data, entries.coords), shape=matrix.shape)
        return
    if not matrix.indices.dtype.kind == matrix.indptr.dtype.kind == "i":
        raise ValueError("indices must be integers")
    # SciPy does not look at them if the last one is 0, and its differences overflow.
    if (matrix.indptr[1:] < matrix.indptr[:-1]).any():
        raise ValueError("indptr must not decrease")
    # A copy, because check_format may shorten the matrix's arrays.
    copy.copy(matrix).check_format(full_check=True)


def _as_csr(part, name):
    """Convert to a CSR array with C integers as indices and at most one entry per place."""
    check_sparse(part, name)
    with naming(name):
        part = sparse.csr_array(part, dtype=np.float64)
    if not part.has_canonical_format:
        part = part.copy()
        part.sum_duplicates()
    if part.indices.dtype != np.intc:
        part.indices, part.indptr = part.indices.astype(np.intc), part.indptr.astype(np.intc)
    return part


def as_steps(part, name):
    """Convert one sequence to a 2-D array or CSR matrix with at least one step and feature."""
    if type(part) is np.ndarray and part.dtype == np.float64:
        part = np.ascontiguousarray(part)
    elif sparse.issparse(part):
        part = _as_csr(part, name)
    else:
        part = as_numbers(part, name)
    if part.ndim != 2:
        raise ValueError(
            f"{name} must be 2-D (steps, features), but it is {part.ndim}-D; "
            "pass a series of single numbers as x.reshape(-1, 1)"
        )
    if part.shape[0] == 0:
        raise ValueError(f"{name} is empty: a sequence needs at least one step")
    if part.shape[1] == 0:
        raise ValueError(f"{name} has no features")
    return part
