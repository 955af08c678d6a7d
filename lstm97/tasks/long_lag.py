"""Experiment 2: one of the first symbols of a sequence determines the target at its end."""

from functools import cached_property

import numpy as np

from lstm97.data.checks import one_hot
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.tasks.base import Task, check_count, check_integer, generator


class TwoSequences(Task):
    """Task 2a: predict every next symbol of x a1 ... a(p-1) x or y a1 ... a(p-1) y.

    Paper, Section 5.2. Symbols a1 to a(p-1) are 0 to p - 2, x is p - 1 and y is p.

    Parameters
    ----------
    p : int
        Number of steps, at least 2. The target of the last step depends on the first symbol.
    at_end : bool
        Whether there is a target at the last step only.
    """

    tolerance = 0.25

    def __init__(self, p: int = 100, at_end: bool = False) -> None:
        check_integer("p", p, 2)
        self.p = p
        self.at_end = at_end
        self.n_inputs = self.n_outputs = p + 1

    @cached_property
    def _both(self) -> tuple[Sequences, Targets]:
        """The only two sequences of the task: the one of x, then the one of y."""
        strings = _framed(np.tile(np.arange(self.p - 1), (2, 1)), np.arange(2))
        return _inputs(strings), self._targets(strings)

    def _targets(self, strings: np.ndarray) -> Targets:
        """Return the targets of the training sequences."""
        return _last_symbols(strings) if self.at_end else _next_symbols(strings)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw sequences, see `Task.draw`; all are views of the only two sequences."""
        check_count(n)
        X, y = self._both
        is_y = rng.integers(2, size=n)
        return X[is_y], y[is_y]

    def draw_test(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Return the only two sequences; `n` and `rng` are not used."""
        return self._both


class RandomMiddle(TwoSequences):
    """Task 2b: like `TwoSequences`, but the symbols between the two x, or the two y, are random."""

    def draw_strings(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw symbols as an array of shape (n, p + 1)."""
        check_count(n)
        return _framed(rng.integers(self.p - 1, size=(n, self.p - 1)), rng.integers(2, size=n))

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw sequences, see `Task.draw`."""
        strings = self.draw_strings(n, rng)
        return _inputs(strings), self._targets(strings)

    def draw_test(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw sequences with a target at the end only, since the middle cannot be predicted."""
        strings = self.draw_strings(n, rng)
        return _inputs(strings), _last_symbols(strings)


class LongLag(Task):
    """Task 2c: name the second symbol, x or y, at the end of many distractors.

    Paper, Section 5.2. The steps are b, then x or y, then q + k distractors, then e, where k has
    probability 0.1 * 0.9**k. Distractors are the symbols 0 to p - 1; e, b, x and y follow them.

    Parameters
    ----------
    q : int
        Smallest number of distractors in a sequence.
    p : int
        Number of different distractors.
    """

    n_outputs = 2
    tolerance = 0.2

    def __init__(self, q: int = 50, p: int = 50) -> None:
        check_integer("q", q, 0)
        check_integer("p", p, 1)
        self.q, self.p = q, p
        self.n_inputs = p + 4

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw sequences, see `Task.draw`."""
        check_count(n)
        e, b, x = self.p, self.p + 1, self.p + 2
        lengths = self.q + 2 + rng.geometric(0.1, size=n)  # NumPy's geometric numbers are k + 1
        ends = np.cumsum(lengths)
        starts = ends - lengths
        symbols = rng.integers(self.p, size=ends[-1], dtype=np.intc)
        is_y = rng.integers(2, size=n)
        symbols[starts], symbols[starts + 1], symbols[ends - 1] = b, x + is_y, e
        targets = Targets.at_last(is_y[:, None] == np.arange(2))
        return Sequences._trusted(one_hot(symbols, self.n_inputs), starts, lengths), targets


def _framed(middle: np.ndarray, is_y: np.ndarray) -> np.ndarray:
    """Put x, or y where `is_y` is 1, before and after each row of symbols."""
    ends = middle.shape[1] + is_y[:, None]
    return np.hstack([ends, middle, ends])


def _inputs(strings: np.ndarray) -> Sequences:
    """Return all symbols but the last of each row."""
    n, p = strings.shape[0], strings.shape[1] - 1
    steps = one_hot(strings[:, :-1].ravel(), p + 1)
    return Sequences._trusted(steps, p * np.arange(n), np.full(n, p))


def _next_symbols(strings: np.ndarray) -> Targets:
    """Return all symbols but the first of each row as targets."""
    n, p = strings.shape[0], strings.shape[1] - 1
    return Targets.at_steps(one_hot(strings[:, 1:].ravel(), p + 1).toarray(), np.full(n, p))


def _last_symbols(strings: np.ndarray) -> Targets:
    """Return the last symbol of each row as a target at the last step."""
    return Targets.at_last(one_hot(strings[:, -1], strings.shape[1]).toarray())


def make_noise_free_lag(
    n_sequences: int, p: int = 100, *, rng: int | np.random.Generator | None = None
) -> tuple[Sequences, list[np.ndarray]]:
    """Draw from the two sequences of the noise-free long lag problem (paper, Section 5.2, 2a).

    Parameters
    ----------
    n_sequences : int
        Number of sequences.
    p : int, default=100
        Number of steps of each sequence, at least 2.
    rng : int, numpy.random.Generator or None, default=None
        Source of the random numbers, or its seed. None means different ones each time.

    Returns
    -------
    X : Sequences
        One-hot rows of the symbols a1 to a(p-1), x and y. A sequence is x or y, then a1 to a(p-1).
    y : list of ndarray of int of shape (p,)
        The next symbol at each step: 0 to p - 2, and at the last step p - 1 for x or p for y.

    Examples
    --------
    >>> from lstm97.tasks import make_noise_free_lag
    >>> X, y = make_noise_free_lag(2, p=5, rng=1)
    >>> y
    [array([0, 1, 2, 3, 4]), array([0, 1, 2, 3, 5])]
    """
    X, y = TwoSequences(p).draw(n_sequences, generator(rng))
    symbols = y.values.argmax(axis=1)
    return X, [symbols[first : first + p] for first in y.first]


def make_random_lag(
    n_sequences: int, p: int = 100, *, rng: int | np.random.Generator | None = None
) -> tuple[Sequences, list[np.ndarray]]:
    """Draw sequences of the long lag problem without local regularities (paper, Section 5.2, 2b).

    Parameters
    ----------
    n_sequences : int
        Number of sequences.
    p : int, default=100
        Number of steps of each sequence, at least 2.
    rng : int, numpy.random.Generator or None, default=None
        Source of the random numbers, or its seed. None means different ones each time.

    Returns
    -------
    X : Sequences
        One-hot rows of the symbols a1 to a(p-1), x and y. A sequence is x or y, then p - 1 of the
        others at random.
    y : list of ndarray of int of shape (p,)
        The next symbol at each step: below p - 1, and at the last step p - 1 for x or p for y.

    Examples
    --------
    >>> from lstm97.tasks import make_random_lag
    >>> X, y = make_random_lag(2, p=5, rng=0)
    >>> y
    [array([3, 2, 2, 1, 4]), array([1, 0, 0, 0, 5])]
    """
    strings = RandomMiddle(p).draw_strings(n_sequences, generator(rng))
    return _inputs(strings), list(strings[:, 1:])


def make_long_lag(
    n_sequences: int, q: int = 50, p: int = 50, *, rng: int | np.random.Generator | None = None
) -> tuple[Sequences, np.ndarray]:
    """Draw sequences of the very long lag problem (paper, Section 5.2, 2c).

    Parameters
    ----------
    n_sequences : int
        Number of sequences.
    q : int, default=50
        Smallest number of distractors in a sequence.
    p : int, default=50
        Number of different distractors.
    rng : int, numpy.random.Generator or None, default=None
        Source of the random numbers, or its seed. None means different ones each time.

    Returns
    -------
    X : Sequences
        One-hot rows of the p distractors, e, b, x and y. A sequence is b, then x or y, then q or
        more distractors, then e.
    y : ndarray of int of shape (n_sequences,)
        0 if the second symbol is x, and 1 if it is y.

    Examples
    --------
    >>> from lstm97.tasks import make_long_lag
    >>> X, y = make_long_lag(4, rng=0)
    >>> y
    array([0, 0, 1, 1])
    """
    X, y = LongLag(q, p).draw(n_sequences, generator(rng))
    return X, y.values.argmax(axis=1)
