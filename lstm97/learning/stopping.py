"""Stop rules: small objects that see the results of training and say when to stop, and why.

A rule looks at a chunk of sequences at a time and answers with the sequence after which it would
have stopped, had it looked after each. Training then goes back to that sequence, so the length of
the chunks does not change the result.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np


class Stop(NamedTuple):
    """Where to stop, and why.

    Attributes
    ----------
    n : int
        Sequences of the chunk that count.
    reason : str
    """

    n: int
    reason: str


class StopRule(ABC):
    """What ends a training.

    Attributes
    ----------
    needs_whole_chunks : bool
        The rule is asked after whole chunks only, not after one that ended early because a loss was
        not finite. Chunks are epochs, then.
    can_stop : bool
        Whether the rule may ever stop training.
    judges_loss : bool
        Whether it stops because of the mean losses of chunks.
    every : int or None
        Sequences per chunk that the rule needs; None if any number will do.
    scores : list of float or None
        Score after each chunk; None if the rule does not look at scores.
    best_score : float
        The highest of them.
    milestones : mapping of str to int
        Sequences after which each stage was first reached, for a rule that has stages.
    """

    needs_whole_chunks = False
    can_stop = True
    judges_loss = False
    every: int | None = None
    scores: list[float] | None = None
    best_score = -np.inf
    milestones: Mapping[str, int] = MappingProxyType({})

    @abstractmethod
    def look(self, results):
        """See the results of the next chunk.

        Parameters
        ----------
        results : Results

        Returns
        -------
        Stop or None
        """

    def snapshot(self) -> Any:
        """Return what the rule has seen, for a rule that goes on from there."""
        return None

    def restore(self, snapshot):  # noqa: B027 - most rules have nothing to restore
        """Go back to a snapshot."""

    def finish(self, learner):  # noqa: B027 - most rules keep the last weights
        """Give the learner the weights that are to be kept after training."""


class Never(StopRule):
    """Train as long as there are chunks."""

    can_stop = False

    def look(self, results):
        """See the next chunk."""
        return None


class Recent(StopRule):
    """Stop when few of the most recent sequences were wrong: the paper's rule for Tables 7 to 9.

    Parameters
    ----------
    tolerance : float
        A sequence is wrong, if one of its absolute errors is not below it.
    max_wrong : int, default=0
    mean_error : float, default=None
        The mean absolute error over the same sequences must be below it, too.
    window : int, default=2000
        How many sequences are recent.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm97.learning.learner import Results
    >>> from lstm97.learning.stopping import Recent
    >>> rule = Recent(tolerance=0.3, window=3)
    >>> error = np.array([0.9, 0.1, 0.2])
    >>> rule.look(Results(error, error, error)) is None
    True
    >>> rule.look(Results(error[1:], error[1:], error[1:]))
    Stop(n=1, reason='solved')
    """

    def __init__(self, tolerance, max_wrong=0, mean_error=None, window=2000):
        self.tolerance = tolerance
        self.max_wrong = max_wrong
        self.mean_error = mean_error
        self.window = window
        self._wrong = np.empty(0, dtype=bool)
        self._error = np.empty(0)

    def look(self, results):
        """See the next chunk; the reason is "solved"."""
        seen = len(self._wrong)
        # Not "error >= tolerance": a NaN is wrong.
        wrong = np.concatenate([self._wrong, ~(results.max_error < self.tolerance)])
        error = np.concatenate([self._error, results.mean_error])
        self._wrong, self._error = wrong[-self.window :], error[-self.window :]
        if len(wrong) < self.window:
            return None
        counts = np.concatenate([[0], np.cumsum(wrong)])
        few = counts[self.window :] - counts[: -self.window] <= self.max_wrong
        for first in np.flatnonzero(few):
            end = first + self.window
            # Each mean is taken over its own window: its bits do not depend on the chunks.
            if end > seen and self._is_small(error[first:end]):
                return Stop(int(end - seen), "solved")
        return None

    def _is_small(self, error):
        return self.mean_error is None or error.mean() < self.mean_error


class Plateau(StopRule):
    """Stop when the mean loss per sequence has not fallen by `tol` for `patience` epochs.

    Parameters
    ----------
    tol : float
    patience : int or float
        The rule never stops training if it is infinite.
    """

    needs_whole_chunks = True
    judges_loss = True

    def __init__(self, tol, patience):
        self.tol = tol
        self.patience = patience
        self.can_stop = bool(np.isfinite(patience))
        self._best = np.inf
        self._waited = 0

    def look(self, results):
        """See the next epoch; the reason is "converged"."""
        loss = results.loss.mean()
        self._waited = 0 if loss < self._best - self.tol else self._waited + 1
        self._best = min(self._best, loss)
        return Stop(len(results.loss), "converged") if self._waited >= self.patience else None

    def snapshot(self):
        """Return the lowest loss, and the epochs waited since."""
        return self._best, self._waited

    def restore(self, snapshot):
        """Go back to a snapshot."""
        self._best, self._waited = snapshot


class EarlyStopping(StopRule):
    """Stop when a score has not risen by `tol` for `patience` epochs; keep the best net.

    Parameters
    ----------
    score : callable
        Returns the score of the net as it is; NaN if it cannot be used.
    snapshot : callable
        Returns a snapshot of the learner as it is.
    tol : float
    patience : int or float
        The rule never stops training if it is infinite, but it still keeps the best net.

    Attributes
    ----------
    best : object
        Snapshot of the learner with the highest score; None if no score could be used.
    """

    needs_whole_chunks = True

    def __init__(self, score, snapshot, tol, patience):
        self.tol = tol
        self.patience = patience
        self.can_stop = bool(np.isfinite(patience))
        self.scores: list[float] = []
        self.best = None
        self._score, self._snapshot = score, snapshot
        self._waited = 0

    def look(self, results):
        """See the next epoch; the reason is "converged", or "diverged" if the score is NaN."""
        score = self._score()
        self.scores.append(score)
        if np.isnan(score):
            return Stop(len(results.loss), "diverged")
        self._waited = 0 if score >= self.best_score + self.tol else self._waited + 1
        if score > self.best_score:
            self.best_score, self.best = score, self._snapshot()
        return Stop(len(results.loss), "converged") if self._waited >= self.patience else None

    def snapshot(self):
        """Return the best net and its score, the epochs waited, and the number of scores."""
        return self.best, self.best_score, self._waited, len(self.scores)

    def restore(self, snapshot):
        """Go back to a snapshot; one of another rule brings no scores along."""
        self.best, self.best_score, self._waited, n = snapshot
        del self.scores[n:]

    def finish(self, learner):
        """Give the learner the best weights."""
        if self.best is not None:
            learner.restore(self.best)
