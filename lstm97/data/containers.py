"""Containers of any library as NumPy's arrays, by the protocols that they share.

These are `__array__`, DLPack, Python's buffers and sequences, and Arrow's streams of tables.
Nothing asks which library a container is from.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import narwhals as nw
import numpy as np
from scipy import sparse


class Ragged:
    """Base class of containers whose arrays have unequal lengths."""

    __slots__ = ()

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Sequences cannot become one array. Wrap a transformer of steps, or a FeatureUnion of "
            "several, in StepwiseTransformer. Meta-estimators that need a table, like "
            "OneVsOneClassifier, take sequences of one length as rows, with n_channels"
        )


# Sequences for Python, or containers of our own, but single values here.
SINGLE = (str, bytes, bytearray, Mapping, Ragged)
# Libraries that can read an Arrow stream, which NumPy cannot.
ARROW_READERS = ("pyarrow", "polars", "pandas")


def stated_ndim(x):
    """Return the number of dimensions that a container states, or None if it states none."""
    ndim, shape = getattr(x, "ndim", None), getattr(x, "shape", None)
    if isinstance(ndim, int):
        return ndim
    return len(shape) if isinstance(shape, tuple) else None


def depth(x):
    """Return the number of dimensions, judged by first elements; 0 for a single value."""
    if type(x) is np.ndarray and x.dtype.kind != "O":
        return x.ndim
    deep = 0
    while deep < 4:  # a list that holds itself is endlessly deep
        ndim = stated_ndim(x)
        if isinstance(x, SINGLE) or (ndim is None and not _has_items(x)):
            return deep + 2 * hasattr(x, "__arrow_c_stream__")  # a stream is taken as a table
        if ndim not in (None, 1) or sparse.issparse(x):
            return deep + ndim
        deep += 1
        if len(x) == 0 or (isinstance(x, np.ndarray) and x.dtype.kind != "O"):
            return deep
        x = x[0] if isinstance(x, list | tuple | np.ndarray) else next(iter(x))
    return deep


def _has_items(x):
    """Tell whether something that states no dimensions holds values in order."""
    return isinstance(x, Sequence) or (hasattr(x, "__array__") and hasattr(x, "__len__"))


def unpack(x):
    """Return X, y or weights with their outermost container as a list or an array.

    Parameters
    ----------
    x : object

    Returns
    -------
    x : object
        A list if the container holds other containers, and an array if it holds single values or
        has several dimensions. Lists, tuples, NumPy's arrays, sparse matrices, data frames and
        everything that is not a container are returned as they are.
    """
    if isinstance(x, list | tuple | np.ndarray) or sparse.issparse(x) or hasattr(x, "columns"):
        return x
    ndim = stated_ndim(x)
    if isinstance(x, SINGLE) or ndim == 0 or (ndim is None and not _has_items(x)):
        return x
    if ndim is None and isinstance(x, Sequence) and depth(x) > 1:
        return list(x)
    array = _to_numpy(x)
    if ndim in (None, 1) and depth(array) > 1:
        return list(array)
    return array


def as_array(x):
    """Convert a container to an array of any dtype; containers of equal ones are stacked."""
    array = x if type(x) is np.ndarray else _to_numpy(x)
    if array.ndim == 1 and array.dtype.kind == "O" and depth(array) > 1:
        return np.array([as_array(part) for part in array])
    return array


def _to_numpy(x):
    """Convert to an array by the first protocol that the container supports."""
    try:
        if isinstance(x, list | tuple) and len(x) and depth(x[0]) and not _is_plain(x[0]):
            return np.asarray([as_array(part) for part in x])
        if hasattr(x, "__array__"):
            return np.asarray(x)
        if hasattr(x, "__dlpack__"):
            return np.from_dlpack(x)
        if hasattr(x, "__arrow_c_stream__"):
            return nw.from_arrow(x, backend=_arrow_reader()).to_numpy()
        return np.asarray(x)
    except RuntimeError as error:  # of a tensor on a device, or one that a gradient is wanted for
        raise TypeError(str(error)) from error


def _is_plain(x):
    """Tell whether NumPy reads a part of a list as fast as we do."""
    return isinstance(x, list | tuple | np.ndarray)


def _arrow_reader():
    """Return the name of an installed library that reads Arrow streams."""
    for name in ARROW_READERS:
        if find_spec(name):
            return name
    raise TypeError("an Arrow stream needs pyarrow, polars or pandas to be read")


def column_names(x):
    """Return the names of the columns of a data frame; None if x is not a data frame."""
    names = getattr(x, "column_names", getattr(x, "columns", None))
    return None if names is None else list(names)


def is_missing(labels):
    """Tell which labels or numbers are missing: None, NaN or NA."""
    if labels.dtype.kind == "O":
        missing = [_is_missing(label) for label in labels.ravel()]
        return np.array(missing, dtype=bool).reshape(labels.shape)
    return np.isnan(labels) if labels.dtype.kind == "f" else np.zeros(labels.shape, dtype=bool)


def _is_missing(label):
    """Tell whether one label is None, NaN or pandas' NA."""
    # Comparing a damaged sparse matrix with itself may crash, also within an array.
    if stated_ndim(label) is not None and not isinstance(label, np.generic):
        return False
    try:
        return label is None or bool(label != label)
    except (TypeError, ValueError):  # comparing pandas' NA with itself gives NA, not a bool
        return True


def as_floats(array):
    """Convert an array to float64; values of an array of objects may be missing, which is NaN."""
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        if array.dtype.kind != "O" or not is_missing(array).any():
            raise
        return np.where(is_missing(array), np.nan, array).astype(np.float64)
