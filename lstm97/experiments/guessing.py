"""Random weight guessing: how hard a task is for one that does not learn."""

import numpy as np

from lstm97.estimators import ElmanClassifier, ElmanRegressor
from lstm97.learning.learner import Results
from lstm97.learning.network import NetworkLearner


class GuessingLearner(NetworkLearner):
    """Weights that are drawn anew after every sequence that they answer wrongly.

    Parameters
    ----------
    topology : Topology
    scale : float
        Weights are uniform on [-scale, scale].
    tolerance : float
        An answer is wrong, if one of its absolute errors is not below it.
    rng : numpy.random.Generator
    """

    def __init__(self, topology, scale, tolerance, rng):
        weights = topology.initial_weights(rng, scale, {})
        super().__init__(topology, weights, learning_rate=0.0, form="none", update="step")
        self.scale = scale
        self.tolerance = tolerance
        self.rng = rng

    def learn(self, X, y):
        """Try sequences in their order; see `Learner.learn`."""
        parts = []
        for i in range(len(X)):
            results = self.evaluate(X[i : i + 1], y[i : i + 1])
            parts.append(results)
            # Not "max_error >= tolerance": a NaN is wrong.
            if not results.max_error[0] < self.tolerance:
                self.weights[:] = self.topology.initial_weights(self.rng, self.scale, {})
        return Results(*np.concatenate(parts, axis=1))

    def snapshot(self):
        """Return weights, and where the random numbers stand."""
        return self.weights.copy(), self.rng.bit_generator.state

    def restore(self, snapshot):
        """Go back to a snapshot."""
        self.weights[:], self.rng.bit_generator.state = snapshot


class _Guessing:
    """What a trial needs of an estimator; nothing is fitted to data."""

    def __init__(self, tolerance, **parameters):
        super().__init__(**parameters)
        self.tolerance = tolerance

    def _make_learner(self, rng):
        return GuessingLearner(self.topology_, self.init_scale, self.tolerance, rng)


class GuessingClassifier(_Guessing, ElmanClassifier):
    """Guesses nets of conventional units with an output per class."""


class GuessingRegressor(_Guessing, ElmanRegressor):
    """Guesses nets of conventional units."""
