"""Sizes of a cascade, and the named slices of its one flat weight vector."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lstm97.learning.checks import check_at_least, check_fields
from lstm97.learning.topology import CHOICES, FlatWeights, check_loss, consecutive


@dataclass(frozen=True)
class CascadeTopology(FlatWeights):
    """Topology of a net of recurrent cascade correlation.

    Parameters
    ----------
    n_inputs, n_outputs : int
    n_hidden : int
        Number of frozen units. Each receives the inputs, the values of the units before it, its own
        last value and a bias.
    output_activation : {"logistic", "linear", "softmax"}
    loss : {"squared_error", "log_loss"}
    """

    n_inputs: int
    n_outputs: int
    n_hidden: int = 0
    output_activation: str = "logistic"
    loss: str = "squared_error"

    def __post_init__(self):
        check_fields(self, CHOICES)
        check_at_least(self, n_inputs=1, n_outputs=1, n_hidden=0)
        check_loss(self)

    @property
    def n_candidate_sources(self):
        """Number of a candidate's weights: inputs, hidden units, its own last value, a bias."""
        return self.n_inputs + self.n_hidden + 2

    @cached_property
    def slices(self):
        """Places of the groups "hidden_0", "hidden_1", ... and "output" in the weights, by name."""
        shapes = {f"hidden_{k}": (self.n_inputs + k + 2, 1) for k in range(self.n_hidden)}
        shapes["output"] = (self.n_inputs + self.n_hidden + 1, self.n_outputs)
        return consecutive(shapes)

    def with_unit(self):
        """Return the net with one more hidden unit."""
        return replace(self, n_hidden=self.n_hidden + 1)

    def grown_weights(self, weights, unit, outgoing):
        """Return the weights of the net with one more hidden unit.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
        unit : ndarray of shape (n_candidate_sources,)
            The unit's own weights.
        outgoing : ndarray of shape (n_outputs,)
            Weights from the unit to the outputs.

        Returns
        -------
        weights : ndarray of shape (with_unit().n_weights,)
        """
        frozen = weights[: self.slices["output"].start]
        output = np.insert(self.views(weights)["output"], -1, outgoing, axis=0)
        return np.concatenate([frozen, unit, output.ravel()])
