"""`Targets`, what should come out at which step, and the checks of the y that users give."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from lstm97.data.checks import check_sparse, locate, naming, refuse_masked
from lstm97.data.sequences import Sequences

# What estimators take as y and as weights: see their `fit`.
TargetsLike: TypeAlias = ArrayLike | Sequence[Any]
# Integers beyond this need not be what they were as floats.
EXACT = 2**53


@dataclass(frozen=True)
class Targets:
    """Targets of sequences, as the learners take them.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_outputs)
        NaN: no target for this output at this step.
    first : ndarray of int of shape (n_sequences,)
        First row of each sequence.
    every : bool
        A row for each step; otherwise one row per sequence, due at its last step.
    weight : ndarray of shape (n_rows,), default=None
        What a row's error counts; None: 1.
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
        """Return the targets of the sequences that a slice or an array of integers names."""
        first = np.ascontiguousarray(self.first[key])
        return Targets(self.values, first, self.every, self.weight)

    def rows(self, lengths):
        """Return the rows of the sequences that these are the targets of, one after the other."""
        if not self.every:
            return self.first
        ends = np.cumsum(lengths)
        return np.arange(ends[-1]) + np.repeat(self.first - ends + lengths, lengths)


def has_steps(y):
    """Tell whether y holds one array per sequence; decided by nesting, never by lengths."""
    if isinstance(y, Sequences):
        return True
    if isinstance(y, list | tuple):
        return len(y) > 0 and _is_array(y[0])
    if not isinstance(y, np.ndarray):
        return False
    return y.ndim == 3 or (y.ndim == 1 and y.dtype.kind == "O" and len(y) > 0 and _is_array(y[0]))


def _is_array(x):
    return isinstance(x, list | tuple) or getattr(x, "ndim", 0) >= 1


def flatten_steps(y, lengths, name="y"):
    """Join one array of targets, or of weights, per sequence.

    Parameters
    ----------
    y : Sequences, 3-D array, or list, tuple or object array of arrays
        Of shape (n_steps_i,) or (n_steps_i, n_outputs) each.
    lengths : ndarray of int of shape (n_sequences,)
        Steps that each must have.
    name : str, default="y"
        What error messages call it.

    Returns
    -------
    flat : ndarray of shape (n_steps,) or (n_steps, n_outputs)
    """
    if len(y) != len(lengths):
        raise ValueError(f"X has {len(lengths)} sequences, {name} has {len(y)}")
    parts = [
        part if type(part) is np.ndarray else as_labels(part, f"{name}[{i}]")
        for i, part in enumerate(y)
    ]
    shapes = {(part.ndim, part.shape[1:]) for part in parts}
    if len(shapes) > 1 or not shapes <= {(1, ())} or [*map(len, parts)] != lengths.tolist():
        _check_shapes(parts, lengths, name)
    if len({part.dtype.kind for part in parts}) > 1:
        parts = [part.astype(object) for part in parts]  # no number becomes a string
    return np.concatenate(parts)


def _check_shapes(parts, lengths, name):
    """Refuse what is no array of a target per step, or of another width than the first."""
    for i, part in enumerate(parts):
        if part.ndim not in (1, 2) or part.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"{name}[{i}] has shape {part.shape}, {name}[0] has {parts[0].shape}: "
                "one number, or one row of n_outputs numbers, per step expected"
            )
        if len(part) != lengths[i]:
            what = "targets" if name == "y" else "weights"
            raise ValueError(f"{name}[{i}] has {len(part)} {what}, X[{i}] has {lengths[i]} steps")


def as_labels(part, name):
    """Make an array; one that holds strings or None stays an array of objects."""
    refuse_masked(part, name)
    if sparse.issparse(part):
        check_sparse(part, name)
        part = part.toarray()
    with naming(name):
        array = np.asarray(part)
    if array.dtype.kind in "US" and not isinstance(part, np.ndarray):
        return np.asarray(part, dtype=object)
    return array


def check_numbers(flat, lengths=None):
    """Convert targets to float64 of shape (n_rows, n_outputs).

    Parameters
    ----------
    flat : ndarray
    lengths : ndarray of int, default=None
        Steps of the sequences, for targets per step: then NaN is allowed and means no target.

    Returns
    -------
    values : ndarray of shape (n_rows, n_outputs)
    """
    if len(flat) == 0:
        raise ValueError("y holds no target: it is empty")
    if flat.dtype.kind == "c":
        raise ValueError("y: complex data not supported")
    if flat.dtype.kind not in "biufO":
        raise TypeError(f"y must hold numbers, its dtype is {flat.dtype}")
    if flat.dtype.kind == "O" and any(isinstance(value, str | bytes) for value in flat.ravel()):
        raise TypeError("y must hold numbers, it holds strings")
    try:
        values = flat.astype(np.float64).reshape(len(flat), -1)
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


def check_labels(labels, lengths=None, name="y"):
    """Check class labels and tell which are missing.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)
    lengths : ndarray of int, default=None
        Steps of the sequences, for targets per step: then None and NaN mean no target.
    name : str, default="y"
        What error messages call it.

    Returns
    -------
    present : ndarray
        The labels that are not missing.
    missing : ndarray of bool of shape (n_rows,)
    """
    if labels.dtype.kind in "cV":
        raise TypeError(f"{name} must hold labels, its dtype is {labels.dtype}")
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
    if present.dtype.kind == "O":
        n_strings = sum(isinstance(label, str) for label in present)
        if 0 < n_strings < len(present):
            raise TypeError(f"{name} mixes strings with other labels")
    common = without_objects(present)
    if present.dtype.kind == "O" and common.dtype.kind == "f":
        for label in present:
            if isinstance(label, Integral) and not -EXACT <= label <= EXACT:
                raise ValueError(
                    f"{name} holds {label}, which would become a float among the others"
                )
    return common, missing


def without_objects(labels):
    """Give an array of objects the dtype that its elements have in common."""
    return np.array(labels.tolist()) if labels.dtype.kind == "O" else labels


def is_missing(labels):
    """Tell which labels are None or NaN: steps without a target."""
    if labels.dtype.kind == "O":
        missing = [_is_missing(label) for label in labels.ravel()]
        return np.array(missing, dtype=bool).reshape(labels.shape)
    return np.isnan(labels) if labels.dtype.kind == "f" else np.zeros(labels.shape, dtype=bool)


def _is_missing(label):
    try:
        return label is None or bool(label != label)
    except (TypeError, ValueError):  # pandas' NA is neither equal to itself nor not
        return True


def place(row, lengths):
    """Say where a row of the flat targets stands."""
    if lengths is None:
        return f"for sequence {row}"
    i, step = locate(row, np.cumsum(lengths) - lengths, lengths)
    return f"in sequence {i}, step {step}"
