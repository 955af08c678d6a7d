"""The interface of a learner: what the training loop and the estimators know of an algorithm."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

# Steps that one kernel call takes at most: between calls Python can act on Ctrl-C.
MAX_STEPS = 1_000_000


class Results(NamedTuple):
    """What happened to each sequence, before the weights moved on it.

    Attributes
    ----------
    loss : ndarray of shape (n_sequences,)
        Sum over the sequence's targets.
    max_error : ndarray of shape (n_sequences,)
        Largest absolute error over its targets and outputs; NaN without a target.
    mean_error : ndarray of shape (n_sequences,)
        Mean absolute error over its targets and outputs; NaN without a target.
    """

    loss: np.ndarray
    max_error: np.ndarray
    mean_error: np.ndarray


class Learner(ABC):
    """A net and the rule by which it learns."""

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
        """As `learn`, but nothing is learned."""

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
        """Act between epochs, or blocks of training; a net that grows does it here."""


def pieces(X):
    """Cut sequences into slices of about MAX_STEPS steps."""
    ends = np.cumsum(X.lengths)
    start = 0
    while start < len(X):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + MAX_STEPS, side="right")))
        yield slice(start, stop)
        start = stop
