"""`Targets`, what should come out at which step, and the checks of the y that users give."""

from dataclasses import dataclass

import numpy as np

from lstm97.sequences import Sequences, locate


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
        return Targets(self.values, self.first[key], self.every, self.weight)


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


def flatten_steps(y, lengths):
    """Join one array of targets per sequence.

    Parameters
    ----------
    y : Sequences, 3-D array, or list, tuple or object array of arrays
        Of shape (n_steps_i,) or (n_steps_i, n_outputs) each.
    lengths : ndarray of int of shape (n_sequences,)
        Steps that each must have.

    Returns
    -------
    flat : ndarray of shape (n_steps,) or (n_steps, n_outputs)
    """
    if len(y) != len(lengths):
        raise ValueError(f"X has {len(lengths)} sequences, y has {len(y)}")
    parts = [_as_labels(part) for part in y]
    for i, part in enumerate(parts):
        if part.ndim not in (1, 2) or part.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"y[{i}] has shape {part.shape}, y[0] has {parts[0].shape}: "
                "one number, or one row of n_outputs numbers, per step expected"
            )
        if len(part) != lengths[i]:
            raise ValueError(f"y[{i}] has {len(part)} targets, X[{i}] has {lengths[i]} steps")
    return np.concatenate(parts)


def _as_labels(part):
    """Make an array; one that holds a None stays an array of objects, nothing becomes a string."""
    part = part.toarray() if hasattr(part, "toarray") else part
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
    if flat.dtype.kind not in "biufO":
        raise TypeError(f"y must hold numbers, its dtype is {flat.dtype}")
    try:
        values = flat.astype(np.float64).reshape(len(flat), -1)
    except (TypeError, ValueError) as error:
        raise TypeError(f"y must hold numbers: {error}") from None
    bad = ~np.isfinite(values) if lengths is None else np.isinf(values)
    if bad.any():
        row, column = np.unravel_index(np.argmax(bad), bad.shape)
        kind = "NaN" if np.isnan(values[row, column]) else "infinity"
        if lengths is None:
            raise ValueError(f"y contains {kind} for sequence {row}")
        i, step = locate(row, np.cumsum(lengths) - lengths, lengths)
        raise ValueError(f"y contains {kind} in sequence {i}, step {step}")
    return values


def is_missing(labels):
    """Tell which labels are None or NaN: steps without a target."""
    if labels.dtype.kind == "O":
        return np.array([x is None or x != x for x in labels.ravel()]).reshape(labels.shape)
    return np.isnan(labels) if labels.dtype.kind == "f" else np.zeros(labels.shape, dtype=bool)
