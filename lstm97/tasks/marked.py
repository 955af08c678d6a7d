"""Experiments 4 and 5: the sum, or the product, of two marked numbers in a long sequence."""

from collections.abc import Callable

import numpy as np

from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.tasks.base import Task, check_integer, draw_lengths, generator


class MarkedPairs(Task):
    """Sequences of pairs (value, marker); the target is a function of the two marked values.

    Paper, Sections 5.4 and 5.5. One of the first ten pairs is marked, and one of the first
    T/2 - 1 remaining ones. Markers are 1 for these two, -1 for the first and the last pair, and 0
    for all others. If the first pair is one of the two, it keeps its marker -1. The net cannot see
    that it is marked, so its value is replaced by `neutral` in the target.

    Parameters
    ----------
    T : int
        Shortest length, at least 20. The longest length is T + T // 10.
    low : float
        Values are uniform on [low, 1].
    neutral : float
        Value that replaces that of the first pair if this pair is marked.
    target : callable
        Function from arrays of the first and the second marked values to the targets.
    """

    n_inputs = 2
    n_outputs = 1
    tolerance = 0.04

    def __init__(
        self, T: int, low: float, neutral: float, target: Callable[..., np.ndarray]
    ) -> None:
        check_integer("T", T, 20)
        self.T = T
        self.low = low
        self.neutral = neutral
        self.target = target

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw sequences, see `Task.draw`."""
        lengths, starts, n_steps = draw_lengths(n, self.T, self.T + self.T // 10, rng)
        flat = np.zeros((n_steps, 2))
        values = rng.random(n_steps)  # as from rng.uniform(low, 1), but faster
        values *= 1.0 - self.low
        values += self.low
        flat[:, 0] = values
        first = rng.integers(10, size=n)
        second = rng.integers(self.T // 2 - 1, size=n)
        second += second >= first
        y = self.target(*(self._mark(flat, starts, place) for place in (first, second)))
        flat[starts, 1] = flat[starts + lengths - 1, 1] = -1.0
        return Sequences._trusted(flat, starts, lengths), Targets.at_last(y[:, None])

    def _mark(self, flat: np.ndarray, starts: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Set the marker of one pair per sequence; return the values to put in the target."""
        flat[starts + place, 1] = 1.0
        return np.where(place == 0, self.neutral, flat[starts + place, 0])


def adding(T: int = 100) -> MarkedPairs:
    """Return the task of Experiment 4: targets 0.5 + (X1 + X2) / 4, values from [-1, 1]."""
    return MarkedPairs(T, -1.0, 0.0, lambda x1, x2: 0.5 + (x1 + x2) / 4.0)


def multiplication(T: int = 100) -> MarkedPairs:
    """Return the task of Experiment 5: targets X1 X2, values from [0, 1]."""
    return MarkedPairs(T, 0.0, 1.0, lambda x1, x2: x1 * x2)


def make_adding(
    n_sequences: int, T: int = 100, *, rng: int | np.random.Generator | None = None
) -> tuple[Sequences, np.ndarray]:
    """Draw sequences of the adding problem (paper, Section 5.4).

    Parameters
    ----------
    n_sequences : int
        Number of sequences.
    T : int, default=100
        Shortest length, at least 20. Lengths are uniform from T to T + T // 10.
    rng : int, numpy.random.Generator or None, default=None
        Source of the random numbers, or its seed. None means different ones each time.

    Returns
    -------
    X : Sequences
        Two features per step: a value from [-1, 1] and a marker.
    y : ndarray of shape (n_sequences,)
        0.5 + (X1 + X2) / 4, where X1 and X2 are the two marked values.

    Examples
    --------
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(3, rng=0)
    >>> X
    <Sequences: 3 sequences, 105 to 109 steps, 2 features>
    """
    X, y = adding(T).draw(n_sequences, generator(rng))
    return X, y.values[:, 0]


def make_multiplication(
    n_sequences: int, T: int = 100, *, rng: int | np.random.Generator | None = None
) -> tuple[Sequences, np.ndarray]:
    """Draw sequences of the multiplication problem (paper, Section 5.5).

    Parameters
    ----------
    n_sequences : int
        Number of sequences.
    T : int, default=100
        Shortest length, at least 20. Lengths are uniform from T to T + T // 10.
    rng : int, numpy.random.Generator or None, default=None
        Source of the random numbers, or its seed. None means different ones each time.

    Returns
    -------
    X : Sequences
        Two features per step: a value from [0, 1] and a marker.
    y : ndarray of shape (n_sequences,)
        X1 X2, where X1 and X2 are the two marked values.

    Examples
    --------
    >>> from lstm97.tasks import make_multiplication
    >>> X, y = make_multiplication(100, rng=0)
    >>> bool(0 <= y.min() <= y.max() <= 1)
    True
    """
    X, y = multiplication(T).draw(n_sequences, generator(rng))
    return X, y.values[:, 0]
