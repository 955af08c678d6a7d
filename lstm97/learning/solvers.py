"""Solvers, which update weights by the gradient of a batch; online, the kernel has their part.

A solver's state is a dictionary of arrays that it carries from one update to the next. They are
replaced by new arrays and never changed, so a state can be kept and restored without a copy.
"""

import numpy as np

from lstm97._kernels.batch import adam, powers_after
from lstm97.data.checks import brief
from lstm97.learning.checks import check_finite, is_of_type, require

# The arrays in a state of Adam.
ADAMS = {"mean", "square", "powers"}


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

    Its state has `mean` and `square`, decaying sums of the gradients and of their squares, and
    `powers`, the powers of their decays that correct them for having begun at zero. _kernels/adam.h
    has the formulas.

    Parameters
    ----------
    learning_rate : float
    """

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate

    def start(self, n_weights):
        """Return the state before the first update."""
        mean, square = np.zeros((2, n_weights))
        return {"mean": mean, "square": square, "powers": powers_after(0)}

    def step(self, weights, gradient, state):
        """Return new weights and the new state; the gradient points downhill."""
        moved, state = weights.copy(), copied(state)
        adam(moved, gradient.copy(), **state, learning_rate=self.learning_rate)
        return moved, state


def copied(state):
    """Return a copy of a state."""
    return {name: np.array(values) for name, values in state.items()}


def resumed(solver, state, n_weights):
    """Return a state, or that at the start if it is None or that of another solver."""
    if not (state is None or isinstance(state, dict)):
        raise ValueError(f"solver_state_ must be a dict of arrays, got {brief(state)}")
    start = solver.start(n_weights)
    if state is None or state.keys() != start.keys():
        return start
    return checked("solver_state_", state, n_weights)


def grown(state, topology, larger):
    """Return a state of Adam for a net that has grown: new weights begin with moments of zero."""
    none = np.zeros(larger.n_weights)
    moments = {key: topology.grown_weights(state[key], larger, none) for key in ("mean", "square")}
    return {**state, **moments}


def checked(name, state, n_weights):
    """Refuse a state unless its arrays are finite and as long as they must be; return it.

    A state of older files, with a number of updates in place of `powers`, becomes one of today.
    """
    if "n_updates" in state:
        n_updates = state["n_updates"]
        is_count = is_of_type(n_updates, int) and n_updates >= 0
        require(is_count, f"{name}.n_updates must be an int of at least 0, got {brief(n_updates)}")
        state = {key: value for key, value in state.items() if key != "n_updates"}
        state["powers"] = powers_after(n_updates)
    for key, value in state.items():
        check_finite(f"{name}.{key}", value, (2,) if key == "powers" else (n_weights,))
    powers = state.get("powers", np.ones(2))
    require(np.all((powers >= 0.0) & (powers <= 1.0)), f"{name}.powers must be between 0 and 1")
    return state
