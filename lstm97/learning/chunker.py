"""The neural sequence chunker as a learner: two nets in one flat weight vector."""

import numpy as np

from lstm97._kernels.chunker import Chunker
from lstm97.learning.learner import KernelLearner


class ChunkerLearner(KernelLearner):
    """Real-time recurrent learning of an automatizer, and of a chunker for what it misses.

    Parameters
    ----------
    automatizer, chunker : Topology
        Outputs of the first: targets, inputs if they are predicted, the second's hidden units;
        outputs of the second: targets, inputs if they are predicted.
    n_targets : int
    weights : ndarray of shape (automatizer.n_weights + chunker.n_weights,)
        Changed in place.
    learning_rate : float
    threshold : float
        Absolute error from which on something is missed.
    """

    def __init__(self, automatizer, chunker, n_targets, weights, learning_rate, threshold):
        super().__init__(weights, learning_rate)
        self.n_targets = n_targets
        self.threshold = threshold
        self._nets = Chunker(automatizer, chunker, n_targets)
        self._n_automatizer = automatizer.n_weights

    def _learn_some(self, steps, X, y, learning_rate, results):
        return self._nets.learn(
            self.weights[: self._n_automatizer], self.weights[self._n_automatizer :],
            steps, X.starts, X.lengths, y.values, y.weight, y.first, y.every,
            learning_rate, self.threshold, results,
        )  # fmt: skip

    def _run_some(self, steps, X, every, first, n_rows):
        out = np.empty((n_rows, self.n_targets))
        weights = self.weights[: self._n_automatizer]
        self._nets.run(weights, steps, X.starts, X.lengths, every, first, out)
        return out
