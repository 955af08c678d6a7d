"""Solvers, which update weights by the gradient of a batch.

A solver's state is a dictionary of values that it carries from one update to the next. `step`
returns new arrays and changes none, so a state can be kept and restored without a copy.
"""

from reprlib import repr as brief

import numpy as np

from lstm97.learning.checks import check_finite, is_of_type, require

# Adam's usual constants (Kingma and Ba 2015).
DECAY_MEAN, DECAY_SQUARE, EPSILON = 0.9, 0.999, 1e-8


class GradientDescent:
    """Solver by gradient descent with classical (heavy-ball) momentum.

    Parameters
    ----------
    learning_rate : float
    momentum : float
    """

    def __init__(self, learning_rate, momentum):
        self.learning_rate = learning_rate
        self.momentum = momentum

    def start(self, n_weights):
        """Return the state before the first update."""
        return {"velocity": np.zeros(n_weights)}

    def step(self, weights, gradient, state):
        """Return new weights and the new state; the gradient points downhill."""
        velocity = self.momentum * state["velocity"] + gradient
        return weights + self.learning_rate * velocity, {"velocity": velocity}


class Adam:
    """Solver that scales each weight's step by the size of its recent gradients.

    Parameters
    ----------
    learning_rate : float
    """

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate

    def start(self, n_weights):
        """Return the state before the first update."""
        return {"n_updates": 0, "mean": np.zeros(n_weights), "square": np.zeros(n_weights)}

    def step(self, weights, gradient, state):
        """Return new weights and the new state; the gradient points downhill."""
        n = state["n_updates"] + 1
        mean = DECAY_MEAN * state["mean"] + (1.0 - DECAY_MEAN) * gradient
        square = DECAY_SQUARE * state["square"] + (1.0 - DECAY_SQUARE) * gradient**2
        # Both start at zero, so without this correction they would be too small at first.
        scale = np.sqrt(square / (1.0 - DECAY_SQUARE**n)) + EPSILON
        moved = weights + self.learning_rate / (1.0 - DECAY_MEAN**n) * mean / scale
        return moved, {"n_updates": n, "mean": mean, "square": square}


def check_state(name, state, n_weights):
    """Refuse a state unless it holds a count and finite arrays of `n_weights` numbers."""
    for key, value in state.items():
        if key == "n_updates":
            is_count = is_of_type(value, int) and value >= 0
            require(is_count, f"{name}.n_updates must be an int of at least 0, got {brief(value)}")
        else:
            check_finite(f"{name}.{key}", value, (n_weights,))
