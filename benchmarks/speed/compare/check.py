"""Check that another program for the same algorithm gives the same weights, before timing it."""

import numpy as np
from ours import learner_of


def layer_of(model, X, y):
    """Return initial weights of the hidden layer and of the output, and the trained learner.

    Columns are input gates, output gates and cells, rows are inputs, units and the bias.
    """
    learner, checked, targets = learner_of(model, X, y)
    hidden, output = _matrices(learner)
    learner.learn(checked, targets)
    return hidden, output, learner


def same_weights(name, learner, hidden, output):
    """Raise an error if weights differ from the learner's."""
    expected = np.concatenate([part.ravel() for part in _matrices(learner)])
    difference = np.abs(expected - np.concatenate([hidden.ravel(), output.ravel()])).max()
    if not difference < 1e-9:
        raise RuntimeError(f"{name} comes to other weights: they differ by {difference:.1e}")


def _matrices(learner):
    views = learner.topology.views(learner.weights)
    groups = [views[name] for name in ("input_gate", "output_gate", "cell")]
    return np.concatenate(groups, axis=1), views["output"].copy()
