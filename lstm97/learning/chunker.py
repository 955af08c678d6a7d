"""The neural sequence chunker as a learner: two nets in one flat weight vector."""

import numpy as np

from lstm97._kernels.chunker import Chunker
from lstm97.learning.network import KernelLearner


class ChunkerLearner(KernelLearner):
    """Learner for an automatizer and a chunker, by real-time recurrent learning.

    Parameters
    ----------
    automatizer, chunker : Topology
        The chunker's outputs are the targets and, if they are predicted, the inputs. The
        automatizer also has outputs for the chunker's state; see _kernels/chunker.pyx.
    n_targets : int
    weights : ndarray of shape (automatizer.n_weights + chunker.n_weights,)
        Changed in place.
    learning_rate : float
    threshold : float
        An absolute error of this size or more is a miss.
    """

    def __init__(self, automatizer, chunker, n_targets, weights, learning_rate, threshold):
        super().__init__(weights, learning_rate)
        self.n_targets = n_targets
        self.threshold = threshold
        self._nets = Chunker(automatizer, chunker, n_targets)
        self._n_automatizer = automatizer.n_weights

    def _learn_some(self, data, learning_rate, results):
        automatizer, chunker = np.split(self.weights, [self._n_automatizer])
        return self._nets.learn(automatizer, chunker, data, learning_rate, self.threshold, results)

    def _run_some(self, data, every):
        return self._nets.run(self.weights[: self._n_automatizer], data, every)
