"""`Learner`, the interface of learning algorithms to the training loop and estimators."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np


class Results(NamedTuple):
    """Loss and errors of each sequence, computed before each change of the weights.

    Attributes
    ----------
    loss : ndarray of shape (n_sequences,)
        Sum of the loss over the sequence's targets.
    max_error : ndarray of shape (n_sequences,)
        Largest absolute error over its targets and outputs; NaN without a target.
    mean_error : ndarray of shape (n_sequences,)
        Mean absolute error over its targets and outputs; NaN without a target.
    """

    loss: np.ndarray
    max_error: np.ndarray
    mean_error: np.ndarray

    def first(self, n):
        """Return the results of the first n sequences."""
        return Results(self.loss[:n], self.max_error[:n], self.mean_error[:n])


class Fall(NamedTuple):
    """Learning rate that falls with every sequence of a chunk.

    Attributes
    ----------
    start : float
        Learning rate of the first sequence.
    step : float
        By how much the rate falls from one sequence to the next.
    size : int
        Number of sequences for which online learning keeps the rate as it is.
    """

    start: float
    step: float
    size: int

    def rate_at(self, i):
        """Return the learning rate of sequence i."""
        return self.start - i * self.step


class Learner(ABC):
    """Net with the rule by which it learns.

    Attributes
    ----------
    is_online : bool
        Whether weights change within a chunk of sequences, so that the learner can learn a part of
        it again. Otherwise a chunk is one batch.
    has_order : bool
        Whether the order of sequences matters; each epoch then has a new order.
    is_one_net : bool
        Whether `topology` and `weights` describe a single net trained by gradient descent, for
        which there are streams and gradient reports.
    why_no_stream : str or None
        Why the learner cannot learn along a stream; None if it can.
    fall : Fall or None
        How the learning rate falls in the next chunk; None if it is constant.
    """

    is_online = True
    has_order = True
    is_one_net = False
    why_no_stream: str | None = None
    fall: Fall | None = None

    @abstractmethod
    def learn(self, X, y):
        """Train on sequences, in their order.

        Parameters
        ----------
        X : Sequences
        y : Targets

        Returns
        -------
        Results
            Shorter than X, if a loss that is not finite ended the training.
        """

    @abstractmethod
    def evaluate(self, X, y):
        """Return the results that `learn` would return, without learning."""

    @abstractmethod
    def run(self, X, every):
        """Return outputs at every step, (n_steps, n_outputs), or one row per sequence."""

    @abstractmethod
    def snapshot(self):
        """Return a copy of all that learning changes."""

    @abstractmethod
    def restore(self, snapshot):
        """Go back to a snapshot."""

    @abstractmethod
    def is_finite(self):
        """Tell whether every weight is a finite number."""

    def end_epoch(self, results):  # noqa: B027 - most learners have nothing to do here
        """Act between epochs, or between chunks; growing nets add blocks here."""
