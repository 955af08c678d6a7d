"""Gradient descent on a net: one flat weight vector, and the kernel that trains it."""

from lstm97._core import Network
from lstm97.learning.learner import KernelLearner


class NetworkLearner(KernelLearner):
    """Gradient descent on a net of memory cell blocks and conventional units.

    Parameters
    ----------
    topology : Topology
    weights : ndarray of shape (topology.n_weights,)
        Changed in place.
    learning_rate : float
    form : {"forward", "backward", "full", "sensitive"}
        Form of the gradient: truncated, computed forward in time or backward over a sequence; or
        full, backward (back-propagation through time) or forward (real-time recurrent learning).
    update : {"step", "sequence"}
        Whether the weights move at every step with a target or at the end of every sequence, which
        backward forms need.
    growth : Growth, default=None
        Adds blocks; None if the net does not grow.
    """

    is_one_net = True

    def __init__(self, topology, weights, learning_rate, form, update, growth=None):
        super().__init__(weights, learning_rate)
        self.topology = topology
        self.form = form
        self.update = update
        self.growth = growth
        self._network = Network(topology)

    @property
    def why_no_stream(self):
        if self.form == "full":
            return "the full gradient goes back through a whole sequence"
        return None if self.update == "step" else "its weights move at the end of a sequence"

    def end_epoch(self, results):
        if self.growth is None or self.topology.n_blocks >= self.growth.n_blocks:
            return
        if self.growth.is_due(results):
            self.topology, self.weights = self.growth.add_block(self.topology, self.weights)
            self._network = Network(self.topology)

    def snapshot(self):
        weights = super().snapshot()
        return weights if self.growth is None else (self.topology, weights, self.growth.snapshot())

    def restore(self, snapshot):
        if self.growth is None:
            super().restore(snapshot)
            return
        topology, weights, progress = snapshot
        if topology != self.topology:
            self.topology, self._network = topology, Network(topology)
        self.weights = weights.copy()
        self.growth.restore(progress)

    def _learn_some(self, data, learning_rate, results):
        form = self.form if learning_rate else "none"
        return self._network.learn(
            self.weights, data, learning_rate, results, form, per_step=self.update == "step"
        )

    def _run_some(self, data, every):
        return self._network.run(self.weights, data, every)
