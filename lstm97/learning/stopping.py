"""Stop rules: small objects that see the results of training and give a reason, or nothing.

A rule looks at a block of sequences at a time and answers with the sequence after which it would
have stopped, had it looked after each. The training loop then goes back to that sequence, so the
length of the blocks changes nothing.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np


class Stop(NamedTuple):
    """Where to stop, and why.

    Attributes
    ----------
    n : int
        Sequences of the block that count.
    reason : str
    """

    n: int
    reason: str


class StopRule(ABC):
    """What the training loop asks after every block.

    Attributes
    ----------
    needs_whole_blocks : bool
        Blocks are epochs: one that ended early, where a loss was not finite, is not looked at.
    """

    needs_whole_blocks = False

    @abstractmethod
    def look(self, results):
        """See the next block.

        Parameters
        ----------
        results : Results

        Returns
        -------
        Stop or None
        """

    def snapshot(self):
        """Return what the rule has seen, for a rule that goes on from there."""
        return None

    def restore(self, snapshot):  # noqa: B027 - most rules are not gone on from
        """Go back to a snapshot."""


class Never(StopRule):
    """Train as long as there are blocks."""

    def look(self, results):
        """See the next block."""
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
        """See the next block; the reason is "solved"."""
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
            # Each mean is taken over its own window: its bits do not depend on the blocks.
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
    patience : int
    """

    needs_whole_blocks = True

    def __init__(self, tol, patience):
        self.tol = tol
        self.patience = patience
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
    """Stop when a score has not risen by `tol` for `patience` epochs.

    Parameters
    ----------
    score : callable
        Score of the net as it is; NaN for one that cannot be used.
    copy : callable
        Returns a copy of the net as it is.
    tol : float
    patience : int or float
        Infinity: the rule never stops, it finds the best net.

    Attributes
    ----------
    scores : list of float
        Of each epoch.
    best_score : float
        The highest of them.
    best : object
        The copy of the net that had it; None, if none could be used.
    """

    needs_whole_blocks = True

    def __init__(self, score, copy, tol, patience):
        self.tol = tol
        self.patience = patience
        self.scores = []
        self.best_score = -np.inf
        self.best = None
        self._score, self._copy = score, copy
        self._waited = 0

    def look(self, results):
        """See the next epoch; the reason is "converged", or "diverged" at a score that is NaN."""
        score = self._score()
        self.scores.append(score)
        if np.isnan(score):
            return Stop(len(results.loss), "diverged")
        self._waited = 0 if score >= self.best_score + self.tol else self._waited + 1
        if score > self.best_score:
            self.best_score, self.best = score, self._copy()
        return Stop(len(results.loss), "converged") if self._waited >= self.patience else None

    def snapshot(self):
        """Return the best net and its score, the epochs waited, and the number of scores."""
        return self.best, self.best_score, self._waited, len(self.scores)

    def restore(self, snapshot):
        """Go back to a snapshot; one of another rule brings no scores along."""
        self.best, self.best_score, self._waited, n = snapshot
        del self.scores[n:]
