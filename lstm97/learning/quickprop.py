"""Quickprop (Fahlman 1988), and when a phase of training has stagnated."""

from dataclasses import dataclass, replace

import numpy as np

from lstm97.learning.checks import check_at_least, check_fields, check_finite


@dataclass(frozen=True)
class Move:
    """What quickprop remembers of the last change of some weights.

    Attributes
    ----------
    step, gradient : ndarray
        The change, and the gradient that it answered.
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
        """Return what there is to remember before the first change."""
        return cls(np.zeros(shape), np.zeros(shape))


@np.errstate(over="ignore", invalid="ignore")  # learners see weights that are not finite
def quickprop(weights, gradient, last, rate, max_growth):
    """Move each weight towards the extremum of a parabola through its last two slopes.

    Parameters
    ----------
    weights : ndarray
    gradient : ndarray
        The direction in which to move: uphill for a score, downhill for a loss.
    last : Move
    rate : float
        Of plain ascent, which is added unless the last step went against the gradient.
    max_growth : float
        No step of the parabola is longer than this many times the last one; Fahlman's mu.

    Returns
    -------
    weights : ndarray
    move : Move

    Notes
    -----
    Fahlman's code limits steps to the best guess only while the slope falls as it should; here
    the limit holds always. Where the gradient is exactly zero nothing is left of the last step: a
    saturated unit's steps would double for ever.
    """
    # Slopes as seen by a weight that looks the way it went last.
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
    """How a phase of training comes along.

    Attributes
    ----------
    n_epochs : int
        Epochs of the phase.
    score : float
        The last score that differed from the one noted before.
    n_still : int
        Epochs since then.
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
        """Tell whether the phase has stagnated, or has had its time."""
        return self.n_still >= patience or self.n_epochs > max_epochs
