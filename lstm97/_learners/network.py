"""Gradient descent on a net: one flat weight vector and the kernel that works on it."""

import numpy as np

from lstm97._core import Network, Steps
from lstm97._learners.base import Learner, Results, pieces


class NetworkLearner(Learner):
    """Gradient descent on a net of memory cell blocks and conventional units.

    Parameters
    ----------
    topology : Topology
    weights : ndarray of shape (topology.n_weights,)
        Changed in place.
    learning_rate : float
    form : {"forward", "backward", "full", "sensitive"}
        Of the gradient: truncated, computed forward in time or backward over a sequence; or full,
        backward (back-propagation through time) or forward (real-time recurrent learning).
    update : {"step", "sequence"}
        Move the weights at every step with a target, or at the end of every sequence; backward
        forms need the latter.
    growth : Growth, default=None
        When to add blocks; None: never.
    """

    def __init__(self, topology, weights, learning_rate, form, update, growth=None):
        self.topology = topology
        self.weights = weights
        self.learning_rate = learning_rate
        self.form = form
        self.update = update
        self.growth = growth
        self._network = Network(topology)

    def learn(self, X, y, carry=False):
        return self._pass(X, y, self.learning_rate, carry)

    def evaluate(self, X, y):
        return self._pass(X, y, 0.0)

    def run(self, X, every):
        steps = Steps(X.flat)
        n_rows = X.n_steps if every else len(X)
        out = np.empty((n_rows, self.topology.n_outputs))
        first = np.cumsum(X.lengths) - X.lengths if every else np.arange(n_rows, dtype=np.int64)
        for part in pieces(X):
            self._network.run(
                self.weights, steps, X.starts[part], X.lengths[part], every, first[part], out
            )
        return out

    def snapshot(self):
        return self.weights.copy()

    def restore(self, snapshot):
        self.weights[:] = snapshot

    def is_finite(self):
        return bool(np.isfinite(self.weights).all())

    def end_epoch(self, results):
        if self.growth is None or self.topology.n_blocks >= self.growth.n_blocks:
            return
        if self.growth.is_due(results):
            self.topology, self.weights = self.growth.add_block(self.topology, self.weights)
            self._network = Network(self.topology)

    def _pass(self, X, y, learning_rate, carry=False):
        steps = Steps(X.flat)
        results = np.empty((len(X), 3))
        n_done = 0
        for part in pieces(X):
            n_done += self._network.learn(
                self.weights, steps, X.starts[part], X.lengths[part],
                y.values, y.weight, y.first[part], y.every,
                learning_rate, self.update == "step", results[part],
                form=self.form if learning_rate else "none",
                carry=carry and part.start == 0,
            )  # fmt: skip
            if n_done < part.stop:
                break
        return Results(*results[:n_done].T)
