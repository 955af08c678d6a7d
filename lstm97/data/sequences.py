"""`Sequences`, the container that every estimator and task uses for sequences."""

from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from lstm97.data.checks import (
    MAX_INDEX,
    as_integers,
    as_numbers,
    as_steps,
    brief,
    check_sparse,
    counted,
    locate,
    naming,
    one_hot,
    repeated,
)
from lstm97.data.containers import Ragged, depth, stated_ndim


class Sequences(Ragged):
    """Sequences of unequal lengths, stored as one array.

    The steps of all sequences are stored in one C-contiguous array (or one CSR matrix), and each
    sequence is a range of its rows. Taking a subset does not copy any steps. A pickle holds one
    large array, which joblib passes to its workers as a memory map, so cross-validation on many
    short sequences does not spend its time on copies.

    Parameters
    ----------
    flat : array-like of shape (n_steps, n_features) or CSR matrix
        Steps of all sequences. It is not copied if it is a C-contiguous float64 array.
    starts : array of int of shape (n_sequences,)
        First row of each sequence.
    lengths : array of int of shape (n_sequences,)
        Number of steps of each sequence, at least one.

    See Also
    --------
    Sequences.from_list : Make `Sequences` from a list of arrays, the usual way.

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

    # `scaling` is None, or the `Scaling` by which a net standardises dense steps as it reads them.
    __slots__ = ("flat", "lengths", "scaling", "starts")

    def __init__(self, flat: Any, starts: ArrayLike, lengths: ArrayLike) -> None:
        self.flat = as_steps(flat, "flat")
        self.starts, self.lengths = as_integers(starts, "starts"), as_integers(lengths, "lengths")
        self.scaling = None
        self._check_places()
        self.check_finite()

    def _check_places(self) -> None:
        """Refuse sequences that are not within the steps."""
        if self.starts.shape != self.lengths.shape:
            raise ValueError(
                f"starts has {len(self.starts)} numbers, but lengths has {len(self.lengths)}"
            )
        n_steps = self.flat.shape[0]
        # Written so that no sum can overflow.
        inside = (self.starts >= 0) & (self.starts < n_steps)
        inside &= (self.lengths >= 1) & (self.lengths <= n_steps - self.starts)
        if not inside.all():
            i = int(np.argmin(inside))
            raise ValueError(
                f"sequence {i} starts at {self.starts[i]} and has length {self.lengths[i]}, "
                f"so it is not within the {n_steps} steps of flat"
            )

    def check_whole(self, name: str = "X") -> None:
        """Raise a ValueError if the arrays were replaced, or overwritten, by invalid ones.

        The values and indices of a sparse matrix are left to the kernels, which look at each row.

        Parameters
        ----------
        name : str, default="X"
            Name of the argument in error messages.
        """
        flat = self.flat
        arrays = [flat.data, flat.indices, flat.indptr] if sparse.issparse(flat) else [flat]
        types = ["f8", "i4", "i4"] if sparse.issparse(flat) else ["f8"]
        arrays, types = [*arrays, self.starts, self.lengths], [*types, "i8", "i8"]
        dimensions = [1 if array is not flat else 2 for array in arrays]
        for array, dtype, ndim in zip(arrays, types, dimensions, strict=True):
            is_right = isinstance(array, np.ndarray) and array.dtype == dtype
            if not is_right or array.ndim != ndim or not array.flags.c_contiguous:
                raise ValueError(f"the arrays of {name} were replaced by others after its creation")
        with naming(name):
            self._check_places()

    @classmethod
    def _trusted(
        cls, flat: Any, starts: np.ndarray, lengths: np.ndarray, scaling: Any = None
    ) -> Self:
        """Make `Sequences` without checks, from parts that are known to be valid.

        The tasks do so, because checks cost as much as drawing the sequences.
        """
        self = cls.__new__(cls)
        self.flat, self.starts, self.lengths, self.scaling = flat, starts, lengths, scaling
        return self

    # -- construction --------------------------------------------------------------------------

    @classmethod
    def from_list(cls, sequences: Iterable[Any], name: str = "X") -> Self:
        """Make `Sequences` from one (n_steps, n_features) array or CSR matrix per sequence.

        Parameters
        ----------
        sequences : iterable of array-like
            All dense or all sparse, and all with the same number of features.
        name : str, default="X"
            Name of the argument in error messages.

        Returns
        -------
        Sequences
        """
        with naming(name):
            items = list(sequences)
        parts = [as_steps(item, f"{name}[{i}]") for i, item in enumerate(items)]
        if not parts:
            raise ValueError(f"{name} holds no sequence")
        lengths = []
        n_features, is_dense = parts[0].shape[1], isinstance(parts[0], np.ndarray)
        for i, part in enumerate(parts):
            lengths.append(part.shape[0])
            if part.shape[1] != n_features:
                hint = ""
                if len({part.shape[0] for part in parts}) == 1:
                    hint = "; if features come before time, use Sequences.from_channels_first"
                raise ValueError(
                    f"{name}[{i}] has {part.shape[1]} features, but {name}[0] has {n_features}"
                    + hint
                )
            if isinstance(part, np.ndarray) != is_dense:
                raise ValueError(f"{name}[{i}] and {name}[0]: one is sparse, the other is dense")
        if not is_dense:
            return cls.from_lengths(sparse.vstack(parts, format="csr"), lengths, name)
        n_steps = np.array(lengths, dtype=np.int64)
        sequences = cls._trusted(np.concatenate(parts), np.cumsum(n_steps) - n_steps, n_steps)
        sequences.check_finite(name)
        return sequences

    @classmethod
    def from_lengths(cls, flat: Any, lengths: ArrayLike, name: str = "X") -> Self:
        """Make `Sequences` from the steps of all sequences in one array, and their lengths.

        Parameters
        ----------
        flat : array-like of shape (n_steps, n_features) or CSR matrix
            Steps of all sequences, one sequence after the other.
        lengths : array-like of int of shape (n_sequences,)
            Number of steps of each sequence, at least one.
        name : str, default="X"
            Name of the argument in error messages.

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
            raise ValueError(
                f"lengths sum to {lengths.sum()}, but {name} has {flat.shape[0]} steps"
            )
        sequences = cls._trusted(flat, np.cumsum(lengths) - lengths, lengths)
        sequences.check_finite(name)
        return sequences

    @classmethod
    def from_padded(cls, X: ArrayLike, pad: float | None = np.nan, name: str = "X") -> Self:
        """Make `Sequences` from a 3-D array whose short sequences are padded at their ends.

        A step is padding if all its features equal `pad` and only padding follows it.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features)
            Padded sequences.
        pad : float or None, default=nan
            Value of the padding. None means that nothing is padding: all sequences have the same
            length.
        name : str, default="X"
            Name of the argument in error messages.

        Returns
        -------
        Sequences
        """
        X = as_numbers(X, name)
        if X.ndim != 3:
            raise ValueError(
                f"{name} must be 3-D (sequences, steps, features), but it is {X.ndim}-D"
            )
        n, n_steps, n_features = X.shape
        if X.size == 0:
            raise ValueError(
                f"{name} has shape {X.shape}: it needs at least one sequence, step and feature"
            )
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
        """Make `Sequences` from data in which features come before time, as in aeon and sktime.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_features, n_steps), or list of 2-D arrays
            The arrays of a list may have different numbers of steps.
        name : str, default="X"
            Name of the argument in error messages.

        Returns
        -------
        Sequences
        """
        with naming(name):
            items = list(X)
        parts = [as_numbers(item, f"{name}[{i}]").T for i, item in enumerate(items)]
        return cls.from_list(parts, name)

    @classmethod
    def from_symbols(
        cls, sequences: Iterable[ArrayLike], n_symbols: int | None = None, name: str = "X"
    ) -> Self:
        """Make `Sequences` of one-hot rows in a CSR matrix, from one integer per step.

        Parameters
        ----------
        sequences : iterable of 1-D arrays of int
            Symbols from 0 to n_symbols - 1.
        n_symbols : int, default=None
            Size of the alphabet. None means the largest symbol plus one.
        name : str, default="X"
            Name of the argument in error messages.

        Returns
        -------
        Sequences
        """
        with naming(name):
            items = list(sequences)
        parts = [as_integers(item, f"{name}[{i}]") for i, item in enumerate(items)]
        if not isinstance(n_symbols, Integral | None):
            raise TypeError(f"n_symbols must be an integer or None, got {brief(n_symbols)}")
        if not parts:
            raise ValueError(f"{name} holds no sequence")
        lengths = np.array([len(part) for part in parts], dtype=np.int64)
        symbols = np.concatenate(parts)
        n_symbols = int(symbols.max(initial=0)) + 1 if n_symbols is None else n_symbols
        if n_symbols > MAX_INDEX:
            raise ValueError(f"{name} has too many symbols: {n_symbols}")
        outside = (symbols < 0) | (symbols >= n_symbols)
        if outside.any():
            i, step = locate(int(np.argmax(outside)), np.cumsum(lengths) - lengths, lengths)
            raise ValueError(
                f"{name} holds symbol {symbols[outside][0]} in sequence {i}, step {step}, but "
                f"symbols must be from 0 to {n_symbols - 1}"
            )
        return cls.from_lengths(one_hot(symbols, n_symbols), lengths, name)

    @classmethod
    def from_rows(cls, X: ArrayLike, n_channels: int = 1) -> Self:
        """Make `Sequences` from a 2-D array with one sequence per row.

        Parameters
        ----------
        X : ndarray of shape (n_sequences, n_steps * n_channels)
            Each row holds all features of the first step, then those of the second, and so on.
        n_channels : int, default=1
            Features per step.

        Returns
        -------
        Sequences
        """
        X = as_numbers(X, "X")
        if X.ndim != 2:
            raise ValueError(f"X must be 2-D, but it is {X.ndim}-D")
        if not isinstance(n_channels, Integral):
            raise TypeError(f"n_channels must be an integer, got {brief(n_channels)}")
        if not 1 <= n_channels <= X.shape[1] or X.shape[1] % n_channels:
            raise ValueError(
                f"X has {X.shape[1]} columns, which is not a multiple of n_channels={n_channels}"
            )
        shape = len(X), X.shape[1] // n_channels, int(n_channels)  # NumPy refuses True in a shape
        return cls.from_padded(X.reshape(shape), pad=None)

    # -- container methods, for users and for scikit-learn ---------------------------------------

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.lengths)

    def __getitem__(self, key: Any) -> Any:
        """Return one sequence for an integer, or `Sequences` for a slice, a mask or an array."""
        if isinstance(key, Integral):
            start = self.starts[key]
            return self.flat[start : start + self.lengths[key]]
        if not isinstance(key, slice):
            key = np.asarray(key)
            if key.ndim != 1:
                raise IndexError(
                    "index Sequences with an integer, a slice, a mask or a 1-D array of integers"
                )
            key = key.astype(np.int64) if key.size == 0 else key
        starts = np.ascontiguousarray(self.starts[key])
        lengths = np.ascontiguousarray(self.lengths[key])
        return Sequences._trusted(self.flat, starts, lengths, self.scaling)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the sequences."""
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        if len(self) == 0:
            return "<Sequences: none>"
        low, high = self.lengths.min(), self.lengths.max()
        steps = counted(low, "step") if low == high else f"{low} to {high} steps"
        n, features = counted(len(self), "sequence"), counted(self.n_features, "feature")
        return f"<Sequences: {n}, {steps}, {features}>"

    def __reduce__(self) -> tuple[Any, ...]:
        whole = self.without_gaps()
        return type(self), (whole.flat, whole.starts, whole.lengths)

    def as_read(self) -> "Sequences":
        """Return the sequences as a net reads them: a standardized copy, if there is a scaling.

        Returns
        -------
        X : Sequences
            Standardized copy, or this container if there is no scaling.
        """
        if self.scaling is None:
            return self
        whole = self._trusted(self.flat, self.starts, self.lengths).without_gaps()
        return self._trusted(self.scaling.apply(whole.flat), whole.starts, whole.lengths)

    def without_gaps(self) -> Self:
        """Return the same sequences, stored one after the other, without any other steps.

        Returns
        -------
        X : Sequences
            This container, if there are no other steps between or around its own.
        """
        self.check_whole()
        if sparse.issparse(self.flat):
            check_sparse(self.flat, "X")  # others, who trust the indices, will read them
        first = np.cumsum(self.lengths) - self.lengths
        if self.n_steps == self.flat.shape[0] and np.array_equal(self.starts, first):
            return self
        rows = np.arange(self.n_steps) + repeated(self.starts - first, self.lengths)
        return self._trusted(self.flat[rows], first, self.lengths)

    def take(self, indices: ArrayLike, axis: int = 0) -> "Sequences":
        """Return the sequences at `indices`; scikit-learn calls this method through `iloc`.

        Parameters
        ----------
        indices : array-like of int
            Positions of the sequences; repeated ones are allowed.
        axis : int, default=0
            Must be 0. The parameter exists for compatibility with pandas.

        Returns
        -------
        X : Sequences
            Chosen sequences, which share their steps with this container.
        """
        if axis != 0:
            raise ValueError("axis must be 0: Sequences have only one axis")
        return self[np.asarray(indices)]

    @property
    def iloc(self) -> Self:
        """The container itself, which is indexed by position as pandas' `iloc` is."""
        return self

    @property
    def loc(self) -> Self:
        """The container itself; scikit-learn passes masks to pandas' `loc`."""
        return self

    @property
    def n_features(self) -> int:
        """Number of features of each step."""
        return self.flat.shape[1]

    @property
    def n_steps(self) -> int:
        """Total number of steps of all sequences."""
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
        """Return one 3-D array, in which short sequences are padded at their ends.

        Parameters
        ----------
        pad : float, default=NaN
            Value of the padding.

        Returns
        -------
        X : ndarray of shape (n_sequences, longest, n_features)
            Padded sequences; `from_padded` is the inverse.
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
            Name of the argument in error messages.
        allow_nan : bool, default=False
            Whether NaN is allowed, so that only an infinity is an error.
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
            raise ValueError(f"{name} contains {kind} in row {row}, which belongs to no sequence")
        i, step = locate(row, self.starts, self.lengths)
        hint = self._hint(self[i][step:]) if kind == "NaN" else ""
        raise ValueError(f"{name} contains {kind} in sequence {i}, step {step}{hint}")

    @staticmethod
    def _hint(rest: Any) -> str:
        """Return what to do about NaN, given the steps of a sequence from the first NaN on."""
        hint = "; fill in missing values by StepwiseTransformer(SimpleImputer(add_indicator=True))"
        is_end = not sparse.issparse(rest) and np.isnan(rest).all()
        return f"{hint}, or take off padding by Sequences.from_padded" if is_end else hint


# Type of the argument X of estimators; their `fit` documents it.
SequencesLike: TypeAlias = Sequences | ArrayLike | Sequence[Any]


def is_ragged(X: Any) -> bool:
    """Tell whether X holds sequences rather than a 2-D table.

    X holds sequences if it is `Sequences`, a 3-D array, or has one array per sequence. A list of
    lists of numbers is a table, as everywhere in scikit-learn.
    """
    if isinstance(X, Sequences):
        return True
    if isinstance(X, list | tuple):
        return len(X) > 0 and (
            sparse.issparse(X[0])
            or (type(X[0]) is np.ndarray and X[0].ndim >= 2)
            or depth(X[0]) >= 2
            # Lists of numbers of different lengths are not a table; `as_steps` refuses them with
            # advice.
            or (depth(X[0]) == 1 and len({_length(x) for x in X if depth(x) == 1}) > 1)
        )
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind == "O":
        return len(X) > 0 and (sparse.issparse(X[0]) or depth(X[0]) >= 1)
    return stated_ndim(X) == 3


def as_sequences(X: Any, name: str = "X") -> Sequences:
    """Convert an X for which `is_ragged` is true.

    Parameters
    ----------
    X : Sequences, 3-D array, or list, tuple or object array of 2-D arrays or CSR matrices
    name : str, default="X"
        Name of the argument in error messages.

    Returns
    -------
    Sequences
    """
    if isinstance(X, Sequences):
        if len(X) == 0:
            raise ValueError(f"{name} holds no sequence")
        X.check_whole(name)
        return X
    if not isinstance(X, list | tuple) and stated_ndim(X) == 3:
        return Sequences.from_padded(X, pad=None, name=name)
    return Sequences.from_list(X, name)


def _length(x: Any) -> int:
    """Return the length of a list or an array; sparse arrays do not support `len`."""
    return x.shape[0] if hasattr(x, "shape") else len(x)
