"""Experiment 2: the first symbols of a sequence decide about its end, a long time later."""

import numpy as np

from lstm97.sequences import Sequences, one_hot
from lstm97.targets import Targets
from lstm97.tasks.base import Task


class TwoSequences(Task):
    """Predict the next symbol, at every step, of x a1 ... a(p-1) x or of y a1 ... a(p-1) y.

    Paper, Section 5.2, Task 2a. Symbols a1 to a(p-1) are 0 to p - 2, x is p - 1, y is p.

    Parameters
    ----------
    p : int
        Steps; the last one's answer depends on the first one's input. At least 2.
    """

    tolerance = 0.25

    def __init__(self, p=100):
        if p < 2:
            raise ValueError(f"p must be at least 2, got {p}")
        self.p = p
        self.n_inputs = self.n_outputs = p + 1
        self.strings = _framed(np.tile(np.arange(p - 1), (2, 1)), np.arange(2))
        self._both = _inputs(self.strings), _next_symbols(self.strings)

    def choose(self, n, rng):
        """Draw which of the two it is: 0 for x, 1 for y."""
        return rng.integers(2, size=n)

    def draw(self, n, rng):
        """Draw sequences: see `Task.draw`. All of them share the steps of two."""
        X, y = self._both
        chosen = self.choose(n, rng)
        return X[chosen], y[chosen]

    def draw_test(self, n, rng):
        """Return the two sequences there are; `n` and `rng` are not used."""
        return self._both


class RandomMiddle(Task):
    """As `TwoSequences`, but all symbols between the two equal ones are random.

    Paper, Section 5.2, Task 2b.

    Parameters
    ----------
    p : int
        Steps, at least 2.
    """

    tolerance = 0.25

    def __init__(self, p=100):
        if p < 2:
            raise ValueError(f"p must be at least 2, got {p}")
        self.p = p
        self.n_inputs = self.n_outputs = p + 1

    def draw_strings(self, n, rng):
        """Draw the symbols, as an array of shape (n, p + 1)."""
        return _framed(rng.integers(self.p - 1, size=(n, self.p - 1)), rng.integers(2, size=n))

    def draw(self, n, rng):
        """Draw sequences: see `Task.draw`. The next symbol is the target at every step."""
        strings = self.draw_strings(n, rng)
        return _inputs(strings), _next_symbols(strings)

    def draw_test(self, n, rng):
        """Draw sequences with a target at the end only: nobody can predict the middle."""
        strings = self.draw_strings(n, rng)
        last = one_hot(strings[:, -1], self.n_outputs).toarray()
        return _inputs(strings), Targets.at_last(last)


class LongLag(Task):
    """The second symbol, x or y, is to be named after many distractors, when e comes.

    Paper, Section 5.2, Task 2c. Steps are b, x or y, q + k distractors and e; the probability of k
    is 0.1 * 0.9**k. Distractors are 0 to p - 1, then come e, b, x and y.

    Parameters
    ----------
    q : int
        Least number of distractors, at least 0.
    p : int
        Number of symbols that distract, at least 1.
    """

    n_outputs = 2
    tolerance = 0.2

    def __init__(self, q=50, p=50):
        if q < 0:
            raise ValueError(f"q must be at least 0, got {q}")
        if p < 1:
            raise ValueError(f"p must be at least 1, got {p}")
        self.q = q
        self.p = p
        self.n_inputs = p + 4

    def draw_classes(self, n, rng):
        """Draw sequences; return them, and 0 for x or 1 for y."""
        e, b, x = self.p, self.p + 1, self.p + 2
        # Trials up to the first success, of probability 0.1: one more than k.
        lengths = self.q + 2 + rng.geometric(0.1, size=n)
        ends = np.cumsum(lengths)
        starts = ends - lengths
        symbols = rng.integers(self.p, size=ends[-1], dtype=np.intc)
        is_y = rng.integers(2, size=n)
        symbols[starts], symbols[starts + 1], symbols[ends - 1] = b, x + is_y, e
        return Sequences(one_hot(symbols, self.n_inputs), starts, lengths), is_y

    def draw(self, n, rng):
        """Draw sequences: see `Task.draw`."""
        sequences, is_y = self.draw_classes(n, rng)
        return sequences, Targets.at_last(is_y[:, None] == np.arange(2))


def _framed(middle, is_y):
    """Put x, or y, before and after each row of symbols."""
    ends = middle.shape[1] + is_y[:, None]
    return np.hstack([ends, middle, ends])


def _inputs(strings):
    """Return all symbols but the last of each row."""
    n, p = strings.shape[0], strings.shape[1] - 1
    return Sequences(one_hot(strings[:, :-1].ravel(), p + 1), p * np.arange(n), np.full(n, p))


def _next_symbols(strings):
    """Return all symbols but the first of each row as targets."""
    n, p = strings.shape[0], strings.shape[1] - 1
    return Targets.at_steps(one_hot(strings[:, 1:].ravel(), p + 1).toarray(), np.full(n, p))


def make_noise_free_lag(n_sequences, p=100, *, rng=None):
    """Draw from the two sequences of the noise-free long lag problem (paper, Section 5.2, 2a).

    Parameters
    ----------
    n_sequences : int
    p : int, default=100
        Steps of each sequence, at least 2.
    rng : int, numpy.random.Generator or None, default=None

    Returns
    -------
    X : Sequences
        One-hot rows of the symbols a1 to a(p-1), x, y: x or y, and then a1 to a(p-1).
    y : list of ndarray of int of shape (p,)
        The next symbol for each step: 0 to p - 2, and at last p - 1 for x or p for y, whichever
        came first.

    Examples
    --------
    >>> from lstm97.tasks import make_noise_free_lag
    >>> X, y = make_noise_free_lag(2, p=5, rng=0)
    >>> y
    []
    """
    task = TwoSequences(p)
    chosen = task.choose(n_sequences, np.random.default_rng(rng))
    return _inputs(task.strings)[chosen], list(task.strings[chosen, 1:])


def make_random_lag(n_sequences, p=100, *, rng=None):
    """Draw sequences of the long lag problem without local regularities (paper, Section 5.2, 2b).

    Parameters
    ----------
    n_sequences : int
    p : int, default=100
        Steps of each sequence, at least 2.
    rng : int, numpy.random.Generator or None, default=None

    Returns
    -------
    X : Sequences
        One-hot rows of the symbols a1 to a(p-1), x, y: x or y, and then p - 1 others at random.
    y : list of ndarray of int of shape (p,)
        The next symbol for each step: from 0 to p - 2, and at last p - 1 for x or p for y,
        whichever came first.

    Examples
    --------
    >>> from lstm97.tasks import make_random_lag
    >>> X, y = make_random_lag(2, p=5, rng=0)
    >>> y
    []
    """
    strings = RandomMiddle(p).draw_strings(n_sequences, np.random.default_rng(rng))
    return _inputs(strings), list(strings[:, 1:])


def make_long_lag(n_sequences, q=50, p=50, *, rng=None):
    """Draw sequences of the very long lag problem (paper, Section 5.2, 2c).

    Parameters
    ----------
    n_sequences : int
    q : int, default=50
        Least number of distractors in a sequence, at least 0; the mean is q + 9.
    p : int, default=50
        Number of symbols that distract, at least 1.
    rng : int, numpy.random.Generator or None, default=None

    Returns
    -------
    X : Sequences
        One-hot rows of the p distractors, e, b, x, y: b, then x or y, distractors, e.
    y : ndarray of int of shape (n_sequences,)
        0, if the second symbol is x, 1, if it is y.

    Examples
    --------
    >>> from lstm97.tasks import make_long_lag
    >>> X, y = make_long_lag(4, rng=0)
    >>> X
    []
    >>> y
    []
    """
    return LongLag(q, p).draw_classes(n_sequences, np.random.default_rng(rng))
