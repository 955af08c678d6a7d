"""`Targets`, the outputs wanted at each step, and checks of the y that users pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from lstm97.data.checks import (
    check_dtype,
    check_sparse,
    holds_strings,
    locate,
    naming,
    refuse_masked,
    repeated,
)
from lstm97.data.containers import as_array, as_floats, depth, is_missing, stated_ndim
from lstm97.data.sequences import Sequences

# Type of the arguments y and sample_weight of estimators; their `fit` documents it.
TargetsLike: TypeAlias = ArrayLike | Sequence[Any]
# A float represents every integer up to this one exactly.
EXACT = 2**53


@dataclass(frozen=True)
class Targets:
    """Targets of sequences, in the form that learners use.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_outputs)
        Target values. NaN means that this output has no target at this step.
    first : ndarray of int of shape (n_sequences,)
        First row of each sequence.
    every : bool
        True if there is a row for every step; False if there is one row per sequence, for its
        last step.
    weight : ndarray of shape (n_rows,), default=None
        How much the error of each row counts. None means 1 for all rows.
    """

    values: np.ndarray
    first: np.ndarray
    every: bool = False
    weight: np.ndarray | None = None

    @classmethod
    def at_last(cls, values, weight=None):
        """Make targets for the last step of each sequence, one row each."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        return cls(values, np.arange(len(values), dtype=np.int64), False, weight)

    @classmethod
    def at_steps(cls, values, lengths, weight=None):
        """Make targets for the steps of all sequences, one row per step."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        first = np.cumsum(lengths, dtype=np.int64) - lengths
        return cls(values, first, True, weight)

    def __len__(self):
        """Return the number of sequences."""
        return len(self.first)

    def __getitem__(self, key):
        """Return the targets of some sequences, chosen by a slice or an array of integers."""
        first = np.ascontiguousarray(self.first[key])
        return Targets(self.values, first, self.every, self.weight)

    def rows(self, lengths):
        """Return the indices of all rows, sequence after sequence.

        Parameters
        ----------
        lengths : ndarray of int of shape (n_sequences,)
            Number of steps of each sequence.

        Returns
        -------
        rows : ndarray of int
        """
        if not self.every:
            return self.first
        ends = np.cumsum(lengths)
        return np.arange(ends[-1]) + repeated(self.first - ends + lengths, lengths)


def has_steps(y):
    """Tell whether y holds one array per sequence, judging by its nesting and not by lengths."""
    if isinstance(y, Sequences):
        return True
    if isinstance(y, np.ndarray) and (y.ndim != 1 or y.dtype.kind != "O"):
        return y.ndim == 3
    return isinstance(y, list | tuple | np.ndarray) and len(y) > 0 and depth(y[0]) >= 1


def flatten_steps(y, lengths, name="y", of="X"):
    """Join targets, or weights, that are given as one array per sequence.

    Parameters
    ----------
    y : Sequences, 3-D array, or list, tuple or object array of arrays
        Arrays of shape (n_steps_i,) or (n_steps_i, n_outputs).
    lengths : ndarray of int of shape (n_sequences,)
        Number of steps that each array must have.
    name, of : str
        Names, in error messages, of the argument and of what has these lengths.

    Returns
    -------
    flat : ndarray of shape (n_steps,) or (n_steps, n_outputs)
    """
    if len(y) != len(lengths):
        raise ValueError(f"{of} has {len(lengths)} sequences, but {name} has {len(y)}")
    parts = [
        part if type(part) is np.ndarray else as_labels(part, f"{name}[{i}]")
        for i, part in enumerate(y)
    ]
    shapes = {(part.ndim, part.shape[1:]) for part in parts}
    if len(shapes) > 1 or not shapes <= {(1, ())} or [*map(len, parts)] != lengths.tolist():
        _check_shapes(parts, lengths, name, of)
    if len({part.dtype.kind for part in parts}) > 1:
        # As objects, because NumPy would turn numbers among strings into strings.
        parts = [part.astype(object) for part in parts]
    with naming(name):
        return np.concatenate(parts)


def _check_shapes(parts, lengths, name, of):
    """Refuse arrays without one row per step, or with other columns than the first array."""
    for i, part in enumerate(parts):
        if part.ndim not in (1, 2) or part.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"{name}[{i}] has shape {part.shape}, and {name}[0] has {parts[0].shape}: "
                "each must hold one number, or one row of n_outputs numbers, per step"
            )
        if len(part) != lengths[i]:
            what = "weights" if name == "sample_weight" else "targets"
            raise ValueError(
                f"{name}[{i}] has {len(part)} {what}, but {of}[{i}] has {lengths[i]} steps"
            )


def as_labels(part, name):
    """Convert to an array; lists that hold strings or None become arrays of objects."""
    refuse_masked(part, name)
    if sparse.issparse(part):
        check_sparse(part, name)
        part = part.toarray()
    with naming(name):
        array = part if type(part) is np.ndarray else as_array(part)
    if array.dtype.kind in "US" and isinstance(part, Sequence):
        return np.asarray(part, dtype=object)
    return array


def check_numbers(flat, lengths=None):
    """Convert targets to float64 of shape (n_rows, n_outputs).

    Parameters
    ----------
    flat : ndarray
        Targets per sequence or per step.
    lengths : ndarray of int, default=None
        Lengths of the sequences if there are targets per step; NaN is then allowed, and means no
        target. None if there is one target per sequence.

    Returns
    -------
    values : ndarray of shape (n_rows, n_outputs)
    """
    if len(flat) == 0:
        raise ValueError("y holds no target: it is empty")
    check_dtype(flat, "y")
    try:
        # In one order, because sums of a score would differ in their last bits.
        numbers = as_floats(flat) if flat.dtype.kind == "O" else flat.astype(np.float64)
        values = np.ascontiguousarray(numbers.reshape(len(flat), -1))
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"y must hold numbers: {error}") from None
    if values.shape[1] == 0:
        raise ValueError("y holds no target: it has no outputs")
    if lengths is not None and np.isnan(values).all():
        raise ValueError("y holds no target: every number is NaN")
    bad = ~np.isfinite(values) if lengths is None else np.isinf(values)
    if bad.any():
        row, column = np.unravel_index(np.argmax(bad), bad.shape)
        kind = "NaN" if np.isnan(values[row, column]) else "infinity"
        raise ValueError(f"Input y contains {kind} {place(row, lengths)}")
    return values


def is_indicator(rows):
    """Tell whether rows hold 0 or 1 for each of several labels, or NaN for all of them."""
    if rows.shape[1] < 2 or rows.dtype.kind not in "biufO" or holds_strings(rows):
        return False
    try:
        values = as_floats(rows)
    except (TypeError, ValueError, OverflowError):
        return False
    return bool((np.isin(values, (0, 1)) | np.isnan(values).all(axis=1, keepdims=True)).all())


def check_labels(labels, lengths=None, name="y"):
    """Check class labels, and tell which are missing.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)
        Labels per sequence or per step.
    lengths : ndarray of int, default=None
        Lengths of the sequences if there are labels per step; None and NaN are then allowed, and
        mean no target. None if there is one label per sequence.
    name : str, default="y"
        Name of the argument in error messages.

    Returns
    -------
    present : ndarray
        The labels that are not missing.
    missing : ndarray of bool of shape (n_rows,)
    """
    if labels.dtype.kind in "cV":
        raise TypeError(f"{name} must hold labels, but its dtype is {labels.dtype}")
    missing = np.zeros(len(labels), dtype=bool)
    if labels.dtype.kind in "biuSU" and len(labels):
        return labels, missing
    return _check_missing(labels, lengths, name)


def _check_missing(labels, lengths, name):
    """Check labels some of which may be missing; see `check_labels`."""
    missing = is_missing(labels)
    if missing.any() and lengths is None:
        row = int(np.argmax(missing))
        kind = "None" if labels[row] is None else "NaN"
        raise ValueError(f"Input {name} contains {kind} {place(row, lengths)}")
    if missing.all():
        raise ValueError(f"{name} holds no target: every label is None or NaN")
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        row = int(np.argmax(np.isinf(labels)))
        raise ValueError(f"Input {name} contains infinity {place(row, lengths)}")
    present = labels[~missing]
    common = without_objects(present, name)
    if present.dtype.kind == "O" and common.dtype.kind == "f":
        for label in present:
            if isinstance(label, Integral) and not -EXACT <= label <= EXACT:
                raise ValueError(
                    f"{name} holds {label}, which cannot be converted exactly to a float like the "
                    "other labels"
                )
    return common, missing


def without_objects(labels, name="y"):
    """Convert an array of objects to the dtype that its elements have in common."""
    if labels.dtype.kind != "O":
        return labels
    for label in labels.ravel():
        if stated_ndim(label) is not None and not isinstance(label, np.generic):
            raise TypeError(f"{name} holds a {type(label).__name__}, which is not a single value")
    n_strings = sum(isinstance(label, str) for label in labels.ravel())
    if 0 < n_strings < labels.size:
        raise TypeError(f"{name} mixes strings with other labels")
    # NumPy would write out the names of members of an Enum, and cut them off.
    plain = [str.__str__(label) if isinstance(label, str) else label for label in labels.tolist()]
    with naming(name):
        return np.array(plain)


def place(row, lengths):
    """Return words for the sequence, and the step, of a row of the flat targets."""
    if lengths is None:
        return f"for sequence {row}"
    i, step = locate(row, np.cumsum(lengths) - lengths, lengths)
    return f"in sequence {i}, step {step}"
