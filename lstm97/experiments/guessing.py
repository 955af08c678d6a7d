"""Random weight guessing, which shows how hard a task is without learning."""

from dataclasses import dataclass

import numpy as np

from lstm97.estimators import ElmanClassifier, ElmanRegressor
from lstm97.learning.learner import Results
from lstm97.learning.network import NetworkLearner


class GuessingLearner(NetworkLearner):
    """Learner that draws new weights after every sequence that the net answers wrongly.

    Parameters
    ----------
    topology : Topology
        Topology of the net.
    scale : float
        Weights are uniform on [-scale, scale].
    tolerance : float
        An answer is wrong if one of its absolute errors is not below this.
    rng : numpy.random.Generator
        Source of the weights.
    """

    def __init__(self, topology, scale, tolerance, rng):
        weights = topology.initial_weights(rng, scale, {})
        super().__init__(topology, weights, learning_rate=0.0, form="none", update="step")
        self.scale = scale
        self.tolerance = tolerance
        self.rng = rng

    def learn(self, X, y):
        """Try sequences in order; see `Learner.learn`."""
        parts = []
        for i in range(len(X)):
            results = self.evaluate(X[i : i + 1], y[i : i + 1])
            parts.append(results)
            # Not "max_error >= tolerance": a NaN is wrong.
            if not results.max_error[0] < self.tolerance:
                self.weights[:] = self.topology.initial_weights(self.rng, self.scale, {})
        return Results(*np.concatenate(parts, axis=1))

    def snapshot(self):
        """Return the weights and the state of the random generator."""
        return self.weights.copy(), self.rng.bit_generator.state

    def restore(self, snapshot):
        """Go back to a snapshot."""
        self.weights[:], self.rng.bit_generator.state = snapshot


@dataclass(eq=False, repr=False, kw_only=True)
class _Guessing:
    """Mixin with the methods that a trial calls; guessing has no `fit` of its own."""

    tolerance: float

    def _make_learner(self, rng=None):
        return GuessingLearner(self.topology_, self.init_scale, self.tolerance, rng)


@dataclass(eq=False, repr=False)
class GuessingClassifier(_Guessing, ElmanClassifier):
    """Random guessing of nets of conventional units, with an output per class."""


@dataclass(eq=False, repr=False)
class GuessingRegressor(_Guessing, ElmanRegressor):
    """Random guessing of nets of conventional units."""
