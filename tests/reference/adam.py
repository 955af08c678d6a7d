"""A slow twin of learning by Adam, written from Algorithm 1 of its paper.

D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015. The gradients are
those of the other twins, which point downhill: g of the paper is minus theirs.
"""

import numpy as np

from reference.full import full_gradient
from reference.lstm import Twin


class AdamTwin:
    """A net that learns sequence by sequence; weights are read afresh at each update."""

    def __init__(self, topology, weights, alpha):
        views = {name: view.tolist() for name, view in topology.views(weights).items()}
        self.topology, self.net, self.alpha = topology, Twin(topology, views), alpha
        self.t, self.m, self.v = 0, np.zeros(len(weights)), np.zeros(len(weights))

    @property
    def theta(self):
        """All parameters in one vector."""
        return self._flat(self.net.weights)

    def _flat(self, groups):
        return np.concatenate([np.ravel(groups[name]) for name in self.topology.slices])

    def _update(self, downhill):
        """The body of the loop of Algorithm 1."""
        beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8
        g = -self._flat(downhill)
        self.t += 1
        self.m = beta_1 * self.m + (1.0 - beta_1) * g
        self.v = beta_2 * self.v + (1.0 - beta_2) * g**2
        m_hat = self.m / (1.0 - beta_1**self.t)
        v_hat = self.v / (1.0 - beta_2**self.t)
        theta = self.theta - self.alpha * m_hat / (np.sqrt(v_hat) + epsilon)
        for name, view in self.topology.views(theta).items():
            self.net.weights[name][:] = view.tolist()

    def learn_steps(self, x, targets, weight):
        """Update at each step with a target; return the loss."""
        loss = 0.0
        for part, changes in self.net._learn(x, targets):
            loss += weight * part
            self._update({k: weight * np.array(change) for k, change in changes.items()})
        return loss

    def learn_end(self, x, targets, weight, full=False):
        """Update at the end of the sequence; return the loss."""
        if full:
            loss, changes = full_gradient(self.topology, self.net.weights, x, targets, weight)
        else:
            loss, changes = self.net.gradient(x, targets, weight)
        self._update(changes)
        return loss
