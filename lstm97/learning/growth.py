"""Sequential network construction: adding memory cell blocks while a net trains."""

import numpy as np


class Growth:
    """Rule that adds a block when the error stops falling (Section 4, first remedy for abuse).

    The paper does not define this. Here, the error has stopped falling if its mean over `patience`
    sequences is not at least 1% below its mean over the `patience` sequences before.

    Parameters
    ----------
    n_blocks : int
        Number of blocks at which the net stops growing.
    patience : int
        Number of sequences in a mean, rounded up to whole epochs or chunks.
    draw : callable
        Function that returns initial weights for a topology.
    """

    FALL = 0.01

    def __init__(self, n_blocks, patience, draw):
        self.n_blocks = n_blocks
        self.patience = patience
        self.draw = draw
        self._before = np.inf
        self._losses = []

    def is_due(self, results):
        """Process the next results; return whether to add a block now."""
        self._losses.append(results.loss)
        if sum(map(len, self._losses)) < self.patience:
            return False
        mean = np.concatenate(self._losses).mean()
        due = mean > (1.0 - self.FALL) * self._before
        # A larger net is compared only with itself.
        self._before, self._losses = np.inf if due else mean, []
        return bool(due)

    def snapshot(self):
        """Return the losses seen since the last block was added."""
        return self._before, list(self._losses)

    def restore(self, snapshot):
        """Go back to a snapshot."""
        self._before, losses = snapshot
        self._losses = list(losses)

    def add_block(self, topology, weights):
        """Return the net with one more block, and its weights."""
        larger = topology.with_block()
        return larger, topology.grown_weights(weights, larger, self.draw(larger))
