"""Training: a learner learns chunk by chunk, until a stop rule ends it.

A stop rule checks the results of a chunk of sequences, and returns the sequence after which it
would have stopped if it had been asked after every sequence. Training then goes back to that
sequence, so the length of the chunks does not affect the result.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlogy


class Checkpoint(NamedTuple):
    """State of a training after an epoch.

    Attributes
    ----------
    n_left : int
        Number of epochs still to come.
    rng : tuple of int
        State of the PCG64 generator that draws the order of sequences in each epoch.
    rule, learner : object
        Snapshots of the rule and of the learner, which need not be the best one.
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
        """Return a random generator that continues from this state."""
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
    """Training of a learner under a stop rule, with its history.

    The caller runs the loop: it calls `learn` with each chunk of sequences until this returns
    False. The result is the same as if the rule were asked after every sequence. If the rule stops
    within a chunk, the learner goes back to the start of the chunk and learns again up to that
    sequence. It also goes back when a loss or a weight stops being finite, to the last sequence
    before that.

    Parameters
    ----------
    learner : Learner
    rule : StopRule

    Attributes
    ----------
    n_sequences : int
        Number of sequences learned.
    losses : list of float
        Mean loss per sequence of each chunk.
    reason : str
        Why training ended: "diverged", or the reason that the rule or the caller gives; "limit" if
        nothing has ended it.
    """

    def __init__(self, learner, rule):
        self.learner, self.rule = learner, rule
        self.n_sequences, self.losses, self.reason = 0, [], "limit"

    def learn(self, X, y):
        """Learn a chunk; return whether training continues."""
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
            Results of its `learn`.

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
        """Return a checkpoint, from which this training or another one can continue."""
        state = rng.bit_generator.state
        return Checkpoint(
            n_left,
            # Plain numbers, because a pickle of the dict changes after it was loaded once.
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
        """Go back to the start of a chunk; an online learner learns its first n sequences."""
        self.learner.restore(start)
        if n and self.learner.is_online:
            self.learner.learn(X[:n], y[:n])

    def _last_finite(self, X, y, start, n):
        """Learn only as many of n sequences as leave all weights finite; return how many.

        Weights that are not finite stay so, which allows bisection.
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


@np.errstate(over="ignore", invalid="ignore")
def constant_loss(topology, X, y):
    """Return the mean loss per sequence of the best constant outputs.

    Parameters
    ----------
    topology : Topology
    X : Sequences
    y : Targets

    Returns
    -------
    loss : float
    """
    rows = y.rows(X.lengths)
    values = y.values[rows]
    missing = np.isnan(values)
    w = np.where(missing, 0.0, 1.0 if y.weight is None else y.weight[rows][:, None])
    d = np.where(missing, 0.0, values)
    total = np.maximum(w.sum(axis=0), np.finfo(float).tiny)
    mean = (w * d).sum(axis=0) / total
    if topology.loss == "squared_error":
        return float((0.5 * w * (d - mean) ** 2).sum() / len(X))
    # The mean of log losses is their value at the mean target, since they are linear in it.
    entropy = -xlogy(mean, mean)
    if topology.output_activation == "logistic":
        entropy -= xlogy(1.0 - mean, 1.0 - mean)
    return float((total * entropy).sum() / len(X))


class Stop(NamedTuple):
    """Place to stop, with the reason.

    Attributes
    ----------
    n : int
        Number of sequences of the chunk that count.
    reason : str
    """

    n: int
    reason: str


class StopRule(ABC):
    """Rule that decides when training ends.

    Attributes
    ----------
    needs_whole_chunks : bool
        Whether the rule is asked only after whole chunks, which are then epochs, and not after a
        chunk that ended early because a loss was not finite.
    can_stop : bool
        Whether the rule may ever stop training.
    judges_loss : bool
        Whether the rule judges by the mean losses of chunks.
    every : int or None
        Number of sequences per chunk that the rule needs; None if any number will do.
    scores : list of float or None
        Score after each chunk; None if the rule does not look at scores.
    best : object
        Snapshot of the learner to keep; None to keep the learner as it is.
    best_score : float
        The highest score.
    milestones : mapping of str to int
        For a rule with stages, the number of sequences until each stage was reached.
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
        """Check the results of the next chunk.

        Parameters
        ----------
        results : Results

        Returns
        -------
        Stop or None
        """

    def snapshot(self) -> Any:
        """Return the state of the rule, for `restore`."""
        return None

    def restore(self, snapshot):  # noqa: B027 - most rules have nothing to restore
        """Go back to a snapshot."""


class Never(StopRule):
    """Rule that never stops training."""

    can_stop = False

    def look(self, results):
        """Return None."""
        return None


class Plateau(StopRule):
    """Rule that stops if the mean loss per sequence has not fallen by `tol` for `patience` epochs.

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
        self.can_stop = math.isfinite(patience)
        self._best = np.inf
        self._waited = 0

    def look(self, results):
        """Check the next epoch; the reason to stop is "converged"."""
        loss = results.loss.mean()
        self._waited = 0 if loss < self._best - self.tol else self._waited + 1
        self._best = min(self._best, loss)
        return Stop(len(results.loss), "converged") if self._waited >= self.patience else None

    def snapshot(self):
        """Return the lowest loss and the number of epochs since then."""
        return self._best, self._waited

    def restore(self, snapshot):
        """Go back to a snapshot."""
        self._best, self._waited = snapshot


class EarlyStopping(StopRule):
    """Rule that keeps the best net, and stops if its score has not risen for `patience` epochs.

    Parameters
    ----------
    score : callable
        Function that returns the score of the current net; NaN if an output is not finite.
    snapshot : callable
        Function that returns a snapshot of the current learner.
    tol : float
        Least rise of the score that counts.
    patience : int or float
        The rule never stops training if it is infinite, but it still keeps the best net.
    """

    needs_whole_chunks = True

    def __init__(self, score, snapshot, tol, patience):
        self.tol = tol
        self.patience = patience
        self.can_stop = math.isfinite(patience)
        self.scores = []
        self._score, self._snapshot = score, snapshot
        self._waited = 0

    def look(self, results):
        """Check the next epoch; the reason is "converged", or "diverged" if the score is NaN."""
        score = self._score()
        self.scores.append(score)
        if np.isnan(score):
            return Stop(len(results.loss), "diverged")
        self._waited = 0 if score >= self.best_score + self.tol else self._waited + 1
        if score > self.best_score:
            self.best_score, self.best = score, self._snapshot()
        return Stop(len(results.loss), "converged") if self._waited >= self.patience else None

    def snapshot(self):
        """Return the best net, its score, the epochs since then, and the number of scores."""
        return self.best, self.best_score, self._waited, len(self.scores)

    def restore(self, snapshot):
        """Go back to a snapshot; scores of another rule are not restored."""
        self.best, self.best_score, self._waited, n = snapshot
        del self.scores[n:]
