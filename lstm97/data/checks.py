"""Arrays of numbers from what users give: checked, never converted silently, named in messages."""

import copy
import re
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse

# Columns, and entries, of a CSR matrix are counted in C integers.
MAX_INDEX = np.iinfo(np.intc).max


@contextmanager
def naming(name):
    """Put the name of an argument before an error's message, unless it is there already."""
    try:
        yield
    except (TypeError, ValueError, OverflowError, NotImplementedError) as error:
        kind = ValueError if isinstance(error, ValueError | OverflowError) else TypeError
        if isinstance(error, kind) and re.search(rf"\b{name}\b", str(error)):
            raise
        raise kind(f"{name}: {error}") from error


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
    """Raise a ValueError, if values are masked: what stands behind a mask is no data."""
    parts = x if isinstance(x, list | tuple) else [x]
    if any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in parts):
        raise ValueError(f"{name} holds masked values")


def refuse_strings(x, name):
    """Raise a TypeError, if a table holds strings or dates, which NumPy would convert."""
    try:
        x = np.asarray(x)
    except ValueError:
        return  # no table at all: others say so
    is_text = x.dtype.kind == "O" and any(isinstance(value, str | bytes) for value in x.ravel())
    if is_text or x.dtype.kind in "SUMm":
        raise TypeError(f"{name} must hold numbers, not strings or dates")


def as_numbers(x: Any, name: str) -> np.ndarray:
    """Convert to a float64 array, but from numbers only: never from strings or complex."""
    refuse_masked(x, name)
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{name} is no rectangular array: {error}") from None
    if x.dtype.kind == "c":
        raise ValueError(f"{name}: complex data not supported")
    if x.dtype.kind not in "biufO":
        raise TypeError(f"{name} must hold numbers, its dtype is {x.dtype}")
    if x.dtype.kind == "O" and any(isinstance(value, str | bytes) for value in x.ravel()):
        raise TypeError(f"{name} must hold numbers, it holds strings")
    try:
        return np.ascontiguousarray(x, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name} must hold numbers: {error}") from None


def as_integers(x: Any, name: str) -> np.ndarray:
    """Convert to a one-dimensional array of int64, but from integers only."""
    refuse_masked(x, name)
    with naming(name):
        x = np.asarray(x)
    if x.ndim != 1 or x.dtype.kind not in "iu":
        raise TypeError(f"{name} must be a one-dimensional array of integers")
    return x.astype(np.int64)


def check_sparse(matrix, name):
    """Refuse a sparse matrix without numbers, or one that leads SciPy beyond its arrays."""
    if matrix.dtype.kind == "c":
        raise ValueError(f"{name}: complex data not supported")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, its dtype is {matrix.dtype}")
    try:
        if hasattr(matrix, "check_format"):
            if not matrix.indices.dtype.kind == matrix.indptr.dtype.kind == "i":
                raise ValueError("indices are no integers")
            copy.copy(matrix).check_format(full_check=True)  # which may cut arrays to size
        else:
            places = matrix.tocoo()
            sparse.coo_array((places.data, places.coords), shape=matrix.shape)
    except ValueError as error:
        raise ValueError(f"{name} is no valid {matrix.format.upper()} matrix: {error}") from None
    if max(matrix.nnz, matrix.shape[-1]) > MAX_INDEX:
        raise ValueError(
            f"{name} is too large, of shape {matrix.shape} with {matrix.nnz} non-zeros"
        )


def _as_csr(part, name):
    """Check a sparse matrix; indices become C integers, entries of one place are added up."""
    check_sparse(part, name)
    part = sparse.csr_array(part, dtype=np.float64)
    if not part.has_canonical_format:
        part = part.copy()
        part.sum_duplicates()
    if part.indices.dtype != np.intc:
        part.indices, part.indptr = part.indices.astype(np.intc), part.indptr.astype(np.intc)
    return part


def as_steps(part, name):
    """Check one sequence: a 2-D array of numbers or a CSR matrix with at least one feature."""
    part = _as_csr(part, name) if sparse.issparse(part) else as_numbers(part, name)
    if part.ndim != 2:
        raise ValueError(
            f"{name} must be 2-D (steps, features), it is {part.ndim}-D; "
            "a series of single numbers is x.reshape(-1, 1)"
        )
    if part.shape[0] == 0:
        raise ValueError(f"{name} is empty: a sequence needs at least one step")
    if part.shape[1] == 0:
        raise ValueError(f"{name} has no features")
    return part
