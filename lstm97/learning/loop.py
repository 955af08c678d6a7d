"""Training: a learner learns chunk by chunk, until its stop rule ends it or nothing is left."""

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
    learner, rule : object
        Snapshots of both. The learner's need not be the best one.
    n_sequences, n_losses : int
        Length of the history.
    """

    n_left: int
    rng: tuple[int, ...]
    learner: Any
    rule: Any
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
        """Take in what a learner has done with a chunk.

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
        n = len(results.loss)
        if n < len(X) or not self.learner.is_finite():
            n, self.reason = self._last_finite(X, y, start, n), "diverged"
        stop = None
        if n == len(X) or (n and not self.rule.needs_whole_chunks):
            stop = self.rule.look(results if n == len(X) else results.first(n))
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
            self.learner.snapshot(),
            self.rule.snapshot(),
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
