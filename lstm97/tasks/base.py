"""`Task`, the interface that the experiments use: draw sequences, and judge answers."""

from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from lstm97.data.checks import MAX_INDEX, brief, naming
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets


class Judgement(NamedTuple):
    """A learner's answers to sequences, compared with the targets.

    Attributes
    ----------
    wrong : ndarray of bool of shape (n_sequences,)
        Whether the answer to each sequence is wrong.
    error : ndarray of shape (n_sequences,)
        Mean absolute error of each sequence.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm97.tasks.base import Judgement
    >>> judgement = Judgement(wrong=np.array([False, True]), error=np.array([0.1, 0.5]))
    >>> int(judgement.wrong.sum())
    1
    """

    wrong: np.ndarray
    error: np.ndarray


class Task(ABC):
    """A source of training and test sequences.

    Attributes
    ----------
    n_inputs, n_outputs : int
        Number of inputs and of outputs at each step.
    tolerance : float
        The answer to a sequence is wrong if one of its absolute errors is not below this value.

    Examples
    --------
    A task that asks for the symbol of three steps ago:

    >>> import numpy as np
    >>> from lstm97 import Sequences
    >>> from lstm97.data.targets import Targets
    >>> from lstm97.tasks.base import Task
    >>> class Recall(Task):
    ...     n_inputs, n_outputs, tolerance = 2, 2, 0.3
    ...
    ...     def draw(self, n, rng):
    ...         symbols = rng.integers(2, size=(n, 4))
    ...         y = Targets.at_last(np.eye(2)[symbols[:, 0]])
    ...         return Sequences.from_symbols(symbols, 2), y
    >>> X, y = Recall().draw(5, np.random.default_rng(0))
    >>> len(X), y.values.shape
    (5, (5, 2))
    """

    n_inputs: int
    n_outputs: int
    tolerance: float

    @abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw training sequences.

        Parameters
        ----------
        n : int
            Number of sequences.
        rng : numpy.random.Generator
            Source of the random numbers.

        Returns
        -------
        X : Sequences
            Sequences with `n_inputs` features.
        y : Targets
            Targets with `n_outputs` values.
        """

    def prepare(self, rng: np.random.Generator) -> None:  # noqa: B027 - most tasks need no preparation
        """Draw data that stay the same during a trial, which calls this method once, at its start.

        Parameters
        ----------
        rng : numpy.random.Generator
            As for `draw`.
        """

    def draw_test(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw test sequences, with the targets by which answers are judged.

        Parameters
        ----------
        n : int
            As for `draw`.
        rng : numpy.random.Generator
            As for `draw`.

        Returns
        -------
        X : Sequences
            As from `draw`.
        y : Targets
            As from `draw`.
        """
        return self.draw(n, rng)

    def draw_set(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw a training set, for a learner that needs the same sequences in every epoch.

        Parameters
        ----------
        n : int
            As for `draw`.
        rng : numpy.random.Generator
            As for `draw`.

        Returns
        -------
        X : Sequences
            As from `draw`.
        y : Targets
            As from `draw`.
        """
        return self.draw(n, rng)

    def judge(self, learner: Any, X: Sequences, y: Targets) -> Judgement:
        """Compare a learner's answers with the targets.

        Parameters
        ----------
        learner : object
            Object with a method `evaluate`, see `Learner`.
        X : Sequences
            Test sequences.
        y : Targets
            Their targets.

        Returns
        -------
        judgement : Judgement
            The verdict on each sequence.
        """
        results = learner.evaluate(X, y)
        # Not "max_error >= tolerance": a NaN is wrong.
        return Judgement(~(results.max_error < self.tolerance), results.mean_error)


def check_integer(name: str, value: int, least: int) -> None:
    """Refuse a parameter that is not an integer, or is too small or too large for an array."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {brief(value)}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    if value > MAX_INDEX:
        raise ValueError(f"{name} must be at most {MAX_INDEX}")


def check_count(n: int) -> None:
    """Refuse a number of sequences below 1."""
    check_integer("n_sequences", n, 1)


def generator(rng: int | np.random.Generator | None) -> np.random.Generator:
    """Return the generator that the argument `rng` of the functions `make_...` stands for."""
    if not isinstance(rng, Integral | np.random.Generator | None):
        raise TypeError(
            f"rng must be an integer, a numpy.random.Generator or None, not {type(rng).__name__}"
        )
    with naming("rng"):
        return np.random.default_rng(rng)


def draw_lengths(
    n: int, shortest: int, longest: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw lengths uniformly; return them, the first step of each sequence and the total."""
    check_count(n)
    lengths = rng.integers(shortest, longest, n, endpoint=True)
    ends = np.cumsum(lengths)
    return lengths, ends - lengths, int(ends[-1])
