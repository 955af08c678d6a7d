"""Quickprop (Fahlman 1988), and the test for a phase of training that has stagnated."""

from dataclasses import dataclass, replace

import numpy as np

from lstm97.learning.checks import check_at_least, check_fields, check_finite


@dataclass(frozen=True)
class Move:
    """Last change of some weights, which Quickprop needs for the next one.

    Attributes
    ----------
    step, gradient : ndarray
        The change, and the gradient at which it was made.
    """

    step: np.ndarray
    gradient: np.ndarray

    def __post_init__(self):
        check_fields(self)

    def check(self, name, shape):
        """Refuse arrays that are not finite or not of the weights' shape."""
        check_finite(f"{name}.step", self.step, shape)
        check_finite(f"{name}.gradient", self.gradient, shape)

    @classmethod
    def none(cls, shape):
        """Return the zeros that stand for a change before the first one."""
        return cls(np.zeros(shape), np.zeros(shape))


@np.errstate(over="ignore", invalid="ignore")  # learners check whether weights are finite
def quickprop(weights, gradient, last, rate, max_growth):
    """Move each weight towards the extremum of a parabola through its last two slopes.

    Parameters
    ----------
    weights : ndarray
    gradient : ndarray
        The direction in which to move: uphill for a score, downhill for a loss.
    last : Move
    rate : float
        Learning rate of plain ascent, which is added unless the last step opposed the gradient.
    max_growth : float
        Maximum ratio of a step by the parabola to the last step; Fahlman's mu.

    Returns
    -------
    weights : ndarray
    move : Move

    Notes
    -----
    Fahlman's code limits a step only while the slope falls as expected; here the limit always
    holds. Where the gradient is exactly zero, the step is zero; otherwise the steps of a saturated
    unit would double forever.
    """
    # Slopes along the direction of the last step.
    direction = np.sign(last.step)
    now, before = direction * gradient, direction * last.gradient
    growth = np.where(now == 0.0, 0.0, max_growth)
    falls = now < max_growth / (max_growth + 1.0) * before
    np.divide(now, before - now, out=growth, where=falls & (now != before))
    step = np.clip(growth, -max_growth, max_growth) * last.step
    step += np.where((now > 0.0) | (direction == 0.0), rate * gradient, 0.0)
    return weights + step, Move(step, gradient)


@dataclass(frozen=True)
class Progress:
    """Progress of a phase of training.

    Attributes
    ----------
    n_epochs : int
        Number of epochs of the phase so far.
    score : float
        The last score that differed from the one noted before.
    n_still : int
        Number of epochs since then.
    """

    n_epochs: int = 0
    score: float = float("nan")
    n_still: int = 0

    def __post_init__(self):
        check_fields(self)
        check_at_least(self, n_epochs=0, n_still=0)

    def after(self, score, tol):
        """Return the progress after one more epoch."""
        if abs(score - self.score) <= tol * self.score:
            return replace(self, n_epochs=self.n_epochs + 1, n_still=self.n_still + 1)
        return Progress(self.n_epochs + 1, score, 0)

    def is_over(self, patience, max_epochs):
        """Tell whether the phase has stagnated or reached its maximum length."""
        return self.n_still >= patience or self.n_epochs > max_epochs
