"""The interface between an algorithm and the training loop and estimators: `Learner`."""

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lstm97._kernels.data import Data

# The most steps that one kernel call takes: between calls Python can act on Ctrl-C.
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

    def first(self, n):
        """Return the results of the first n sequences."""
        return Results(self.loss[:n], self.max_error[:n], self.mean_error[:n])


class Learner(ABC):
    """A net and the rule by which it learns.

    Attributes
    ----------
    is_online : bool
        Weights move within a chunk of sequences, so that the learner can learn a part of it again.
        Otherwise the chunk is one batch.
    has_order : bool
        The order of sequences matters: each epoch has another one.
    is_one_net : bool
        `topology` and `weights` describe a single net, trained by gradient descent: there are
        streams and gradient reports of it.
    why_no_stream : str or None
        Why the learner cannot learn along a stream; None if it can.
    """

    is_online = True
    has_order = True
    is_one_net = False
    why_no_stream: str | None = None

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
        """Act between epochs, or chunks of training; a net that grows does it here."""


class KernelLearner(Learner):
    """A learner with one flat weight vector, and a kernel that takes some sequences per call.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        Changed in place.
    learning_rate : float
    """

    def __init__(self, weights, learning_rate):
        self.weights = weights
        self.learning_rate = learning_rate

    @abstractmethod
    def _learn_some(self, data, learning_rate, results):
        """Train and write results; return the number of sequences before a loss is not finite."""

    @abstractmethod
    def _run_some(self, data, every):
        """Return outputs, (n_rows, n_outputs), one sequence after the other."""

    def learn(self, X, y):
        return self._pass(X, y, self.learning_rate)

    def evaluate(self, X, y):
        return self._pass(X, y, 0.0)

    def run(self, X, every):
        return np.concatenate([self._run_some(Data(X[part]), every) for part in pieces(X)])

    def snapshot(self):
        return self.weights.copy()

    def restore(self, snapshot):
        self.weights[:] = snapshot

    def is_finite(self):
        return bool(np.isfinite(self.weights).all())

    def _pass(self, X, y, learning_rate):
        results = np.empty((len(X), 3))
        n_done = 0
        for part in pieces(X):
            n_done += self._learn_some(Data(X[part], y[part]), learning_rate, results[part])
            if n_done < part.stop:
                break
        return Results(*results[:n_done].T)


def pieces(X):
    """Yield slices of the sequences, of about MAX_STEPS steps each."""
    ends = np.cumsum(X.lengths)
    start = 0
    while start < len(X):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + MAX_STEPS, side="right")))
        yield slice(start, stop)
        start = stop


def shares(X, n):
    """Return the sequences in n parts of about as many steps each; in fewer if they are few."""
    middles = np.cumsum(X.lengths) - X.lengths / 2
    cuts = np.unique(np.searchsorted(middles, np.linspace(0, X.n_steps, n + 1)))
    return [X[start:stop] for start, stop in pairwise(cuts)]
