"""`Sequences`, the one container for data sets of sequences."""

from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral, Real
from reprlib import repr as brief
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from lstm97.data.checks import (
    MAX_INDEX,
    as_integers,
    as_numbers,
    as_steps,
    locate,
    naming,
    one_hot,
)


class Sequences:
    """Sequences of unequal lengths, stored as one array.

    Steps of all sequences stand in one C-contiguous array (or one CSR matrix), and a sequence is a
    range of its rows. Taking a subset copies no steps, and a pickle holds one large array, which
    joblib hands to its workers as a memory map: cross-validation of many short sequences does not
    spend its time on copies.

    Parameters
    ----------
    flat : array-like of shape (n_steps, n_features) or CSR matrix
        Steps of all sequences. Not copied, if it is a C-contiguous float64 array.
    starts : array of int of shape (n_sequences,)
        First row of each sequence.
    lengths : array of int of shape (n_sequences,)
        Steps of each sequence, at least one.

    See Also
    --------
    Sequences.from_list : The usual way to make one.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm97 import Sequences
    >>> X = Sequences.from_list([np.zeros((3, 2)), np.ones((5, 2))])
    >>> X
    <Sequences: 2 sequences, 3 to 5 steps, 2 features>
    >>> X[1].shape
    (5, 2)
    >>> X[[1, 1, 0]].lengths
    array([5, 5, 3])
    """

    __slots__ = ("flat", "lengths", "starts")

    def __init__(self, flat: Any, starts: ArrayLike, lengths: ArrayLike) -> None:
        self.flat = as_steps(flat, "flat")
        self.starts, self.lengths = as_integers(starts, "starts"), as_integers(lengths, "lengths")
        if self.starts.shape != self.lengths.shape:
            raise ValueError(f"{len(self.starts)} starts, but {len(self.lengths)} lengths")
        n_steps = self.flat.shape[0]
        # Written so that no sum can overflow.
        inside = (self.starts >= 0) & (self.starts < n_steps)
        inside &= (self.lengths >= 1) & (self.lengths <= n_steps - self.starts)
        if not inside.all():
            i = int(np.argmin(inside))
            raise ValueError(
                f"sequence {i}, start {self.starts[i]} and length {self.lengths[i]}, "
                f"lies outside of the {n_steps} steps"
            )
        self.check_finite()

    @classmethod
    def _trusted(cls, flat: Any, starts: np.ndarray, lengths: np.ndarray) -> Self:
        """Make one of parts that are known to be right."""
        self = cls.__new__(cls)
        self.flat, self.starts, self.lengths = flat, starts, lengths
        return self

    # -- ways to make one ----------------------------------------------------------------------

    @classmethod
    def from_list(cls, sequences: Iterable[Any], name: str = "X") -> Self:
        """From one (n_steps, n_features) array or CSR matrix per sequence.

        Parameters
        ----------
        sequences : iterable of array-like
            Of one kind, dense or sparse, and with as many features each.
        name : str, default="X"
            What error messages call it.

        Returns
        -------
        Sequences
        """
        with naming(name):
            parts = [as_steps(part, f"{name}[{i}]") for i, part in enumerate(sequences)]
        if not parts:
            raise ValueError(f"{name} holds no sequence")
        for i, part in enumerate(parts):
            if part.shape[1] != parts[0].shape[1]:
                raise ValueError(
                    f"{name}[{i}] has {part.shape[1]} features, {name}[0] has {parts[0].shape[1]}"
                )
            if sparse.issparse(part) != sparse.issparse(parts[0]):
                raise ValueError(f"{name}[{i}] and {name}[0]: one is sparse, the other is dense")
        lengths = [part.shape[0] for part in parts]
        if sparse.issparse(parts[0]):
            return cls.from_lengths(sparse.vstack(parts, format="csr"), lengths, name)
        return cls.from_lengths(np.concatenate(parts), lengths, name)

    @classmethod
    def from_lengths(cls, flat: Any, lengths: ArrayLike, name: str = "X") -> Self:
        """From the steps of all sequences, one after the other, and the lengths.

        Parameters
        ----------
        flat : array-like of shape (n_steps, n_features) or CSR matrix
            Steps of all sequences.
        lengths : array-like of int of shape (n_sequences,)
            Steps of each sequence, at least one.
        name : str, default="X"
            What error messages call it.

        Returns
        -------
        Sequences
        """
        flat = as_steps(flat, name)
        lengths = as_integers(lengths, "lengths")
        if (lengths < 1).any():
            i = int(np.argmax(lengths < 1))
            raise ValueError(f"{name}[{i}] is empty: a sequence needs at least one step")
        if (lengths > flat.shape[0]).any() or lengths.sum() != flat.shape[0]:
            raise ValueError(f"lengths sum to {lengths.sum()}, {name} has {flat.shape[0]} steps")
        sequences = cls._trusted(flat, np.cumsum(lengths) - lengths, lengths)
        sequences.check_finite(name)
        return sequences

    @classmethod
    def from_padded(cls, X: ArrayLike, pad: float | None = np.nan, name: str = "X") -> Self:
        """From a 3-D array in which steps that equal `pad` throughout end a sequence.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features)
            Time before features.
        pad : float or None, default=nan
            Value of the padding; None, if all sequences have the same length.
        name : str, default="X"
            What error messages call it.

        Returns
        -------
        Sequences
        """
        X = as_numbers(X, name)
        if X.ndim != 3:
            raise ValueError(f"{name} must be 3-D (sequences, steps, features), it is {X.ndim}-D")
        n, n_steps, n_features = X.shape
        if X.size == 0:
            raise ValueError(f"{name} of shape {X.shape} holds no sequence, no step or no feature")
        if not isinstance(pad, Real | None):
            raise TypeError(f"pad must be a number or None, got {brief(pad)}")
        if pad is None:
            return cls.from_lengths(X.reshape(-1, n_features), np.full(n, n_steps), name)
        with naming("pad"):
            pad = float(pad)
        filled = ~(np.isnan(X) if np.isnan(pad) else pad == X).all(axis=2)
        lengths = np.where(filled.any(axis=1), n_steps - filled[:, ::-1].argmax(axis=1), 0)
        kept = np.arange(n_steps) < lengths[:, None]
        return cls.from_lengths(X[kept], lengths, name)

    @classmethod
    def from_channels_first(cls, X: Iterable[Any], name: str = "X") -> Self:
        """From an array or list with features before time, as aeon and sktime have it.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_features, n_steps), or list of 2-D arrays
            In a list, lengths may differ.
        name : str, default="X"
            What error messages call it.

        Returns
        -------
        Sequences
        """
        with naming(name):
            parts = [as_numbers(part, f"{name}[{i}]").T for i, part in enumerate(X)]
        return cls.from_list(parts, name)

    @classmethod
    def from_symbols(
        cls, sequences: Iterable[ArrayLike], n_symbols: int | None = None, name: str = "X"
    ) -> Self:
        """From integers, one symbol per step, to one-hot rows of a CSR matrix.

        Parameters
        ----------
        sequences : iterable of 1-D arrays of int
            Symbols from 0 to n_symbols - 1.
        n_symbols : int, default=None
            Size of the alphabet; None: the largest symbol plus one.
        name : str, default="X"
            What error messages call it.

        Returns
        -------
        Sequences
        """
        with naming(name):
            parts = [as_integers(part, f"{name}[{i}]") for i, part in enumerate(sequences)]
        if not isinstance(n_symbols, Integral | None):
            raise TypeError(f"n_symbols must be an integer or None, got {brief(n_symbols)}")
        if not parts:
            raise ValueError(f"{name} holds no sequence")
        lengths = np.array([len(part) for part in parts])
        symbols = np.concatenate(parts)
        n_symbols = int(symbols.max(initial=0)) + 1 if n_symbols is None else n_symbols
        if n_symbols > MAX_INDEX:
            raise ValueError(f"{name} has too many symbols: {n_symbols}")
        outside = (symbols < 0) | (symbols >= n_symbols)
        if outside.any():
            i, step = locate(int(np.argmax(outside)), np.cumsum(lengths) - lengths, lengths)
            raise ValueError(
                f"{name}: symbol {symbols[outside][0]} in sequence {i}, step {step}; "
                f"symbols go from 0 to {n_symbols - 1}"
            )
        return cls.from_lengths(one_hot(symbols, n_symbols), lengths, name)

    @classmethod
    def from_rows(cls, X: ArrayLike, n_channels: int = 1) -> Self:
        """From a 2-D array: each row is one sequence, time-major over its channels.

        Parameters
        ----------
        X : ndarray of shape (n_sequences, n_steps * n_channels)
            All features of a step stand side by side.
        n_channels : int, default=1
            Features per step.

        Returns
        -------
        Sequences
        """
        X = as_numbers(X, "X")
        if X.ndim != 2:
            raise ValueError(f"X must be 2-D, it is {X.ndim}-D")
        if not isinstance(n_channels, Integral):
            raise TypeError(f"n_channels must be an integer, got {brief(n_channels)}")
        if not 1 <= n_channels <= X.shape[1] or X.shape[1] % n_channels:
            raise ValueError(
                f"X has {X.shape[1]} columns, not a multiple of n_channels={n_channels}"
            )
        shape = len(X), X.shape[1] // n_channels, int(n_channels)  # NumPy takes no True
        return cls.from_padded(X.reshape(shape), pad=None)

    # -- what scikit-learn and users ask of a container ------------------------------------------

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.lengths)

    def __getitem__(self, key: Any) -> Any:
        """Return one sequence for an integer, and Sequences for a slice, a mask or an array."""
        if isinstance(key, Integral):
            start = self.starts[key]
            return self.flat[start : start + self.lengths[key]]
        if not isinstance(key, slice):
            key = np.asarray(key)
            if key.ndim != 1:
                raise IndexError("an integer, a slice, a mask or a 1-D array of integers expected")
            key = key.astype(np.int64) if key.size == 0 else key
        parts = (np.ascontiguousarray(part[key]) for part in (self.starts, self.lengths))
        return Sequences._trusted(self.flat, *parts)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the sequences."""
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        if len(self) == 0:
            return "<Sequences: none>"
        low, high = self.lengths.min(), self.lengths.max()
        steps = f"{low} steps" if low == high else f"{low} to {high} steps"
        return f"<Sequences: {len(self)} sequences, {steps}, {self.n_features} features>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Sequences._trusted, (self.flat, self.starts, self.lengths)

    def take(self, indices: ArrayLike, axis: int = 0) -> "Sequences":
        """Return the sequences at `indices`; with `iloc`, what scikit-learn's splitters call.

        Parameters
        ----------
        indices : array-like of int
            Their places; one may come more than once.
        axis : int, default=0
            For pandas' signature; there is no other axis.

        Returns
        -------
        X : Sequences
            No step is copied.
        """
        if axis != 0:
            raise ValueError("Sequences have one axis: axis=0")
        return self[np.asarray(indices)]

    @property
    def iloc(self) -> Self:
        """The container itself, which is indexed by position."""
        return self

    @property
    def n_features(self) -> int:
        """Features of a step."""
        return self.flat.shape[1]

    @property
    def n_steps(self) -> int:
        """Steps of all sequences together."""
        return int(self.lengths.sum())

    def to_list(self) -> list[Any]:
        """Return a list with one array (or CSR matrix) per sequence.

        Returns
        -------
        sequences : list of ndarray or CSR matrix
            Each of shape (n_steps_i, n_features).
        """
        return list(self)

    def to_padded(self, pad: float = np.nan) -> np.ndarray:
        """Return one array, in which short sequences are filled up at their ends.

        Parameters
        ----------
        pad : float, default=NaN
            What they are filled up with.

        Returns
        -------
        X : ndarray of shape (n_sequences, longest, n_features)
            As `from_padded` takes it.
        """
        X = np.full(
            (len(self), self.lengths.max(initial=0), self.n_features), pad, dtype=np.float64
        )
        for row, part in zip(X, self, strict=True):
            row[: part.shape[0]] = part.toarray() if sparse.issparse(part) else part
        return X

    def check_finite(self, name: str = "X", allow_nan: bool = False) -> None:
        """Raise a ValueError that names the first step with a NaN or an infinity.

        Parameters
        ----------
        name : str, default="X"
            What the message calls it.
        allow_nan : bool, default=False
            Whether only infinities count.
        """
        values = self.flat.data if sparse.issparse(self.flat) else self.flat
        finite = ~np.isinf(values) if allow_nan else np.isfinite(values)
        if finite.all():
            return
        at = np.unravel_index(np.argmin(finite), finite.shape)
        row = at[0]
        if sparse.issparse(self.flat):
            row = np.searchsorted(self.flat.indptr, row, side="right") - 1
        kind = "NaN" if np.isnan(values[at]) else "infinity"
        if not ((self.starts <= row) & (row < self.starts + self.lengths)).any():
            raise ValueError(f"{name} contains {kind} in row {row}, which no sequence uses")
        i, step = locate(row, self.starts, self.lengths)
        raise ValueError(f"{name} contains {kind} in sequence {i}, step {step}")


# What estimators take as X: see their `fit`.
SequencesLike: TypeAlias = Sequences | ArrayLike | Sequence[Any]


def is_ragged(X: Any) -> bool:
    """Tell whether X is anything but a 2-D table: Sequences, a 3-D array, one array per sequence.

    A list of lists of numbers is a table, as everywhere in scikit-learn.
    """
    if isinstance(X, Sequences):
        return True
    if isinstance(X, list | tuple):
        return len(X) > 0 and (
            sparse.issparse(X[0])
            or _depth(X[0]) >= 2
            # Series of single numbers: no table, and refused with advice.
            or (_depth(X[0]) == 1 and len({_length(x) for x in X if _depth(x) == 1}) > 1)
        )
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind == "O":
        return len(X) > 0 and (sparse.issparse(X[0]) or _depth(X[0]) >= 1)
    return getattr(X, "ndim", 2) == 3


def as_sequences(X: Any, name: str = "X") -> Sequences:
    """Convert what `is_ragged` accepts.

    Parameters
    ----------
    X : Sequences, 3-D array, or list, tuple or object array of 2-D arrays or CSR matrices
    name : str, default="X"
        What error messages call it.

    Returns
    -------
    Sequences
    """
    if isinstance(X, Sequences):
        if len(X) == 0:
            raise ValueError(f"{name} holds no sequence")
        return X
    if getattr(X, "ndim", 1) == 3:
        return Sequences.from_padded(X, pad=None, name=name)
    return Sequences.from_list(X, name)


def _length(x: Any) -> int:
    """Length of a list or of an array of one dimension; a sparse one has no len."""
    return x.shape[0] if hasattr(x, "shape") else len(x)


def _depth(x: Any) -> int:
    """Dimensions of an array, or of nested lists judged by their first elements."""
    depth = 0
    while isinstance(x, list | tuple) and depth < 3:  # lists may be endless: one may hold itself
        x, depth = x[0] if len(x) else None, depth + 1
    return depth + getattr(x, "ndim", 0)
