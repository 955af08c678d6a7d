"""Streams of the year 2000: strings and sequences one after the other, without marks or resets.

F. A. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget: Continual Prediction with LSTM",
Neural Computation 12(10), 2000.
"""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.tasks.base import Task, check_count, check_integer, generator
from lstm97.tasks.reber import ALPHABET, INNER
from lstm97.tasks.temporal_order import TemporalOrder

# The inner grammar as arrays, indexed by state and by which of two branches is taken. A state with
# one way on has it twice; the state after the last stays where it is, and has no symbol.
END = len(INNER)
WAYS = [[*INNER[state].items()] for state in range(END)]
SYMBOL = np.array([[ALPHABET.index(w[i][0]) for i in (0, -1)] for w in WAYS] + [[-1, -1]])
NEXT = np.array([[w[i][1] for i in (0, -1)] for w in WAYS] + [[END, END]])
# The symbols that may follow, as rows of targets: for each inner state; then for each symbol alone.
LEGAL = np.vstack([
    [[float(symbol in dict(ways)) for symbol in ALPHABET] for ways in WAYS],
    np.zeros((1, len(ALPHABET))),
    np.eye(len(ALPHABET)),
])  # fmt: skip
T, P, B, E = (END + 1 + ALPHABET.index(symbol) for symbol in "TPBE")
T_OR_P = next(state for state in range(END) if set(dict(WAYS[state])) == {"T", "P"})


class Part(NamedTuple):
    """A part of a stream, which consists of whole strings.

    Attributes
    ----------
    steps : ndarray of shape (n_steps, n_inputs)
    targets : ndarray of shape (n_steps, n_outputs)
        NaN where there is no target.
    begins : ndarray of bool of shape (n_steps,)
        Whether a string begins at this step.
    """

    steps: np.ndarray
    targets: np.ndarray
    begins: np.ndarray


class StreamTask(Task):
    """A task whose sequences are streams.

    Attributes
    ----------
    length : int
        A stream ends after this number of targets.
    resets : bool
        Whether nets are reset from outside when a string begins.
    """

    length: int
    resets: bool = False

    @abstractmethod
    def draw_part(self, n: int, rng: np.random.Generator) -> Part:
        """Draw the next n strings of a stream."""

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw one stream of n strings."""
        steps, targets, _ = self.draw_part(n, rng)
        lengths = np.array([len(steps)])
        return Sequences.from_lengths(steps, lengths), Targets.at_steps(targets, lengths)


class ContinualReber(StreamTask):
    """Strings of the embedded Reber grammar one after the other; targets are all legal symbols.

    Parameters
    ----------
    resets : bool
        As for `StreamTask`.
    length : int
        As for `StreamTask`.
    """

    n_inputs = n_outputs = len(ALPHABET)
    tolerance = 0.49

    def __init__(self, resets: bool = False, length: int = 100_000) -> None:
        check_integer("length", length, 1)
        self.resets = resets
        self.length = length

    def draw_part(self, n: int, rng: np.random.Generator) -> Part:
        """Draw n strings, all side by side, and join them."""
        check_count(n)
        outer = np.where(rng.integers(2, size=n) == 1, P, T)
        inner, after, state = [], [], np.zeros(n, dtype=np.intp)
        while (state != END).any():
            branch = rng.integers(2, size=n)
            inner.append(SYMBOL[state, branch])
            state = NEXT[state, branch]
            after.append(np.where(state == END, outer, state))
        column = np.ones(n, dtype=np.intp)
        # B, then T or P, a string of the inner grammar, the same T or P again, and E.
        ends = END + 1
        symbols = np.stack(
            [column * (B - ends), outer - ends, *inner, outer - ends, column * (E - ends)], axis=1
        )
        follow = np.stack([column * T_OR_P, column * 0, *after, column * E, column * B], axis=1)
        begins = np.zeros(symbols.shape, dtype=bool)
        begins[:, 0] = True
        there = symbols >= 0
        return Part(np.eye(len(ALPHABET))[symbols[there]], LEGAL[follow[there]], begins[there])


class ContinualOrder(StreamTask):
    """Sequences of Experiment 6b one after the other; each has a target at its last step.

    Parameters
    ----------
    length : int
        As for `StreamTask`.
    """

    def __init__(self, length: int = 100) -> None:
        check_integer("length", length, 1)
        self.length = length
        self._sequences = TemporalOrder(3)
        self.n_inputs, self.n_outputs = self._sequences.n_inputs, self._sequences.n_outputs
        self.tolerance = self._sequences.tolerance

    def draw_part(self, n: int, rng: np.random.Generator) -> Part:
        """Draw n sequences and join them."""
        X, y = self._sequences.draw(n, rng)
        steps = X.flat.toarray()
        targets = np.full((len(steps), self.n_outputs), np.nan)
        targets[X.starts + X.lengths - 1] = y.values
        begins = np.zeros(len(steps), dtype=bool)
        begins[X.starts] = True
        return Part(steps, targets, begins)


def make_continual_reber(
    n_strings: int, *, rng: int | np.random.Generator | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a stream of strings of the embedded Reber grammar, without marks between them.

    Parameters
    ----------
    n_strings : int
        Number of strings, which have twelve symbols on average.
    rng : int, numpy.random.Generator or None, default=None
        Source of the random numbers, or its seed. None means different ones each time.

    Returns
    -------
    X : ndarray of shape (n_steps, 7)
        One-hot rows of the symbols B, T, P, S, X, V, E.
    y : ndarray of shape (n_steps, 7)
        1 for each symbol that may follow, 0 for the others.

    References
    ----------
    F. A. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget: Continual Prediction with LSTM",
    Neural Computation 12(10), 2000.

    Examples
    --------
    >>> from lstm97.tasks import make_continual_reber
    >>> X, y = make_continual_reber(2, rng=1)
    >>> "".join("BTPSXVE"[symbol] for symbol in X.argmax(axis=1))
    'BTBTXXVPXVPSETEBPBTXXTVPSEPE'
    >>> y[0]  # T or P
    array([0., 1., 1., 0., 0., 0., 0.])
    """
    steps, targets, _ = ContinualReber().draw_part(n_strings, generator(rng))
    return steps, targets
