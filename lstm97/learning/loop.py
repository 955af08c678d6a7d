"""Training: a learner learns chunk by chunk, until a stop rule ends it or nothing is left.

A stop rule looks at the results of a chunk of sequences and answers with the sequence after which
it would have stopped, had it looked after each. Training then goes back to that sequence, so the
length of the chunks does not change the result.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np


class Checkpoint(NamedTuple):
    """Where a training stood after an epoch.

    Attributes
    ----------
    n_left : int
        Epochs that were still to come.
    rng : tuple of int
        State of the generator of type PCG64 that the epochs' orders come from.
    rule, learner : object
        Snapshots of both. The learner's need not be the best one.
    n_sequences, n_losses : int
        Length of the history.
    """

    n_left: int
    rng: tuple[int, ...]
    rule: Any
    learner: Any
    n_sequences: int
    n_losses: int

    def generator(self):
        """Return a random generator that goes on from here."""
        state, inc, has_uint32, uinteger = self.rng
        rng = np.random.Generator(np.random.PCG64())
        rng.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": state, "inc": inc},
            "has_uint32": has_uint32,
            "uinteger": uinteger,
        }
        return rng


class Training:
    """A learner, the rule that may stop it, and what has happened so far.

    The caller has the loop, and calls `learn` with each chunk of sequences, until it returns False.
    The result is that of asking the rule after every sequence: if it stops within a chunk, the
    learner goes back to the start of the chunk and learns up to that sequence again. It also goes
    back to the last sequence after which the loss and all weights were finite.

    Parameters
    ----------
    learner : Learner
    rule : StopRule

    Attributes
    ----------
    n_sequences : int
        Sequences learned.
    losses : list of float
        Mean loss per sequence of each chunk.
    reason : str
        Why training ended: "limit" unless something has ended it, "diverged", or what the rule or
        the caller says.
    """

    def __init__(self, learner, rule):
        self.learner, self.rule = learner, rule
        self.n_sequences, self.losses, self.reason = 0, [], "limit"

    def learn(self, X, y):
        """Learn a chunk; return whether training goes on."""
        start = self.learner.snapshot()
        return self.settle(X, y, start, self.learner.learn(X, y))

    def settle(self, X, y, start, results):
        """Process the results of a chunk that the learner has learned.

        Parameters
        ----------
        X : Sequences
        y : Targets
        start : object
            Snapshot of the learner before the chunk.
        results : Results
            What its `learn` returned.

        Returns
        -------
        goes_on : bool
        """
        n, n_all = len(results.loss), len(X)
        if n < n_all or not self.learner.is_finite():
            n, self.reason = self._last_finite(X, y, start, n), "diverged"
        stop = None
        if n == n_all or (n and not self.rule.needs_whole_chunks):
            stop = self.rule.look(results if n == n_all else results.first(n))
        if stop is not None:
            self.reason = stop.reason
            if stop.n < n:
                self._replay(X, y, start, stop.n)
            n = stop.n
        if self.reason == "diverged" and not self.learner.is_online:
            n = 0  # nothing was learned from this batch
        self.n_sequences += n
        if n:
            self.losses.append(float(results.loss[:n].mean()))
        if self.reason == "limit":
            self.learner.end_epoch(results)
        return self.reason == "limit"

    def checkpoint(self, rng, n_left):
        """Return a checkpoint, from which this training or another one can go on."""
        state = rng.bit_generator.state
        return Checkpoint(
            n_left,
            # Plain numbers: pickles of the dict differ before and after they were loaded.
            (*state["state"].values(), state["has_uint32"], state["uinteger"]),
            self.rule.snapshot(),
            self.learner.snapshot(),
            self.n_sequences,
            len(self.losses),
        )

    def go_back(self, checkpoint):
        """Go back to a checkpoint of this training, after an interrupt."""
        self.learner.restore(checkpoint.learner)
        self.rule.restore(checkpoint.rule)
        self.n_sequences = checkpoint.n_sequences
        del self.losses[checkpoint.n_losses :]
        self.reason = "interrupted"

    def _replay(self, X, y, start, n):
        """Go back to the start of a chunk and learn its first n sequences, if that can be done."""
        self.learner.restore(start)
        if n and self.learner.is_online:
            self.learner.learn(X[:n], y[:n])

    def _last_finite(self, X, y, start, n):
        """Go back to the last of n sequences after which all weights are finite; return how many.

        Weights that are not finite stay so: the place is found by halving.
        """
        if n < len(X):
            self._replay(X, y, start, n)
            if self.learner.is_finite():
                return n
        low = 0
        while self.learner.is_online and n - low > 1:
            middle = (low + n) // 2
            self._replay(X, y, start, middle)
            low, n = (middle, n) if self.learner.is_finite() else (low, middle)
        self._replay(X, y, start, low)
        return low


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
    best : object
        Snapshot of the learner to keep; None to keep the learner as it is.
    best_score : float
        The highest score.
    milestones : mapping of str to int
        Sequences after which each stage was first reached, for a rule that has stages.
    """

    needs_whole_chunks = False
    can_stop = True
    judges_loss = False
    every: int | None = None
    scores: list[float] | None = None
    best: Any = None
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
        """Return what the rule has seen, from which `restore` continues."""
        return None

    def restore(self, snapshot):  # noqa: B027 - most rules have nothing to restore
        """Go back to a snapshot."""


class Never(StopRule):
    """Train as long as there are chunks."""

    can_stop = False

    def look(self, results):
        """See the next chunk."""
        return None


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
    """

    needs_whole_chunks = True

    def __init__(self, score, snapshot, tol, patience):
        self.tol = tol
        self.patience = patience
        self.can_stop = bool(np.isfinite(patience))
        self.scores = []
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
