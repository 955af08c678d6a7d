"""Experiment 6: classify the order of two or three relevant symbols."""

import numpy as np

from lstm97.data.checks import one_hot
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.tasks.base import Task, check_integer, draw_lengths, generator

SYMBOLS = "abcdXYEB"
X, E, B = SYMBOLS.index("X"), SYMBOLS.index("E"), SYMBOLS.index("B")

# First and last step at which each relevant symbol may occur, counted from 1 (paper, Section 5.6).
# The keys are the numbers of relevant symbols.
PLACES = {2: [(10, 20), (50, 60)], 3: [(10, 20), (33, 43), (66, 76)]}


class TemporalOrder(Task):
    """Random symbols a to d, with a relevant symbol, X or Y, at two or three places.

    Paper, Section 5.6. A sequence begins with E and ends with B. Lengths are uniform from 100 to
    110.

    Parameters
    ----------
    n_relevant : {2, 3}
        Number of relevant symbols. Two make four classes, and three make eight.
    """

    n_inputs = len(SYMBOLS)
    tolerance = 0.3

    def __init__(self, n_relevant: int = 2) -> None:
        check_integer("n_relevant", n_relevant, min(PLACES))
        if n_relevant not in PLACES:
            raise ValueError(f"n_relevant must be 2 or 3, got {n_relevant}")
        self.places = PLACES[n_relevant]
        self.n_outputs = 2**n_relevant

    def draw_classes(self, n: int, rng: np.random.Generator) -> tuple[Sequences, np.ndarray]:
        """Draw sequences and their classes."""
        lengths, starts, n_steps = draw_lengths(n, 100, 110, rng)
        symbols = rng.integers(4, size=n_steps, dtype=np.uint8)
        classes = np.zeros(n, dtype=np.int64)
        for first, last in self.places:
            is_y = rng.integers(2, size=n)
            symbols[starts + rng.integers(first, last, n, endpoint=True) - 1] = X + is_y
            classes = 2 * classes + is_y
        symbols[starts], symbols[starts + lengths - 1] = E, B
        return Sequences._trusted(one_hot(symbols, self.n_inputs), starts, lengths), classes

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw sequences, see `Task.draw`."""
        sequences, classes = self.draw_classes(n, rng)
        return sequences, Targets.at_last(classes[:, None] == np.arange(self.n_outputs))


def make_temporal_order(
    n_sequences: int, n_relevant: int = 2, *, rng: int | np.random.Generator | None = None
) -> tuple[Sequences, np.ndarray]:
    """Draw sequences of the temporal order problem (paper, Section 5.6).

    Parameters
    ----------
    n_sequences : int
        Number of sequences.
    n_relevant : {2, 3}, default=2
        Number of relevant symbols: two in Experiment 6a, three in 6b.
    rng : int, numpy.random.Generator or None, default=None
        Source of the random numbers, or its seed. None means different ones each time.

    Returns
    -------
    X : Sequences
        One-hot rows of the symbols a, b, c, d, X, Y, E, B.
    y : ndarray of int of shape (n_sequences,)
        The relevant symbols read as a binary number, in which X is 0 and Y is 1. The paper
        calls the classes 0, 1, 2 and 3 of two symbols Q, R, S and U.

    Examples
    --------
    >>> from lstm97.tasks import make_temporal_order
    >>> X, y = make_temporal_order(4, rng=0)
    >>> y
    array([3, 0, 3, 0])
    """
    return TemporalOrder(n_relevant).draw_classes(n_sequences, generator(rng))
