"""Recurrent cascade correlation (Fahlman 1991): `CascadeCorrelationClassifier`, `...Regressor`."""

from dataclasses import KW_ONLY, dataclass, fields
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.estimators.base import BaseSequenceEstimator
from lstm97.estimators.coding import (
    ClassOutputs,
    NumberOutputs,
    SequenceClassifierMixin,
    SequenceRegressorMixin,
)
from lstm97.estimators.docs import document
from lstm97.learning.cascade import CascadeLearner, Settings, TrainingState
from lstm97.learning.cascade_topology import CascadeTopology
from lstm97.learning.learner import Results
from lstm97.learning.loop import Stop, StopRule
from lstm97.learning.quickprop import Move


class _Finished(StopRule):
    """Stop when the learner has nothing left to add."""

    needs_whole_chunks = True

    def __init__(self, learner: CascadeLearner) -> None:
        self.learner = learner

    def look(self, results: Results) -> Stop | None:
        """See the next epoch; the reason is "converged"."""
        done = self.learner.state.is_finished
        return Stop(len(results.loss), "converged") if done else None


@dataclass(init=False, eq=False, repr=False)
class _BaseCascade(BaseSequenceEstimator):
    """Parameters, net and learner of both estimators.

    The net starts without hidden units. When its outputs have stopped improving, a pool of
    candidates is trained to correlate with the errors that are left, the best one is frozen and
    becomes a hidden unit, and the outputs train again. A hidden unit sees the inputs, the units
    before it, and its own value of the step before: there is no other recurrence. Learning is by
    Quickprop, and all sequences are one batch.

    Parameters
    ----------
    max_hidden : int
        Hidden units at which the net stops growing.
    n_candidates : int
        Units in the pool from which the best one is taken.
    init_scale : float
        Candidates' initial weights are uniform on [-init_scale, init_scale]. Output weights start
        at zero, those of a new hidden unit at its covariance with the errors.
    output_rate : float
        Learning rate of plain descent for the outputs; it is divided by the number of steps that
        have a target.
    candidate_rate : float
        Learning rate of plain ascent for candidates; it is divided by the number of their inputs.
    max_growth : float
        A step of Quickprop is at most this many times as long as the one before; Fahlman's mu.
    weight_decay : float
        Fraction of each weight that is subtracted from its gradient.
    output_tol : float
        The outputs have stagnated when the loss has not changed by this fraction for `patience`
        epochs.
    candidate_tol : float
        The candidates have stagnated when the best correlation has not changed by this fraction
        for `patience` epochs.
    patience : int
        Epochs without such a change after which outputs, or candidates, are taken as they are.
    max_phase_iter : int
        Epochs after which they are taken in any case.
    max_iter : int
        Epochs of `fit`, at most. It ends earlier when all hidden units are there and the outputs
        have stagnated.

    Attributes
    ----------
    topology_ : CascadeTopology
        The net's sizes; ``topology_.n_hidden`` is the present number of hidden units.
    training_state_ : TrainingState
        The state that `partial_fit` goes on from: candidates, last steps of Quickprop, progress.

    Notes
    -----
    The loss does not change while candidates train.

    Each call of `partial_fit` is one epoch on the sequences that it is given. Give it the same
    sequences each time: Quickprop compares slopes of one call with those of the call before.

    The candidates' objective, the hidden values between -1 and 1, and the size of the pool are
    those of Fahlman's paper. Growth, thresholds, patience, the outputs' rate, the range of initial
    weights, the longest phase, and the 0.1 that is added to the slope of logistic outputs under
    the squared error are the defaults of his public code. The log loss is not his.

    Candidates' gradients are divided by the root mean square of the errors, where the code divides
    by the sum of their squares, and new output weights by the number of steps with a target, so
    that the scale of the targets does not matter; the candidates' rate, which goes with this, was
    chosen on the embedded Reber grammar. Output weights start at zero, not at random. Quickprop
    never exceeds its greatest growth, and rests where a gradient is exactly zero.

    References
    ----------
    S. E. Fahlman, "The Recurrent Cascade-Correlation Architecture", Advances in Neural
    Information Processing Systems 3, 1991.

    S. E. Fahlman, "Faster-Learning Variations on Back-Propagation: An Empirical Study",
    Proceedings of the 1988 Connectionist Models Summer School: Quickprop.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "max_hidden": [Interval(Integral, 0, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "init_scale": [Interval(Real, 0, 1e30, closed="both")],
        "output_rate": [Interval(Real, 0, None, closed="neither")],
        "candidate_rate": [Interval(Real, 0, None, closed="neither")],
        "max_growth": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "output_tol": [Interval(Real, 0, None, closed="left")],
        "candidate_tol": [Interval(Real, 0, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "max_phase_iter": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    max_hidden: int = 10
    n_candidates: int = 8
    _: KW_ONLY
    init_scale: float = 1.0
    output_rate: float = 1.0
    candidate_rate: float = 0.3
    max_growth: float = 2.0
    weight_decay: float = 0.0
    output_tol: float = 0.01
    candidate_tol: float = 0.03
    patience: int = 12
    max_phase_iter: int = 200
    max_iter: int = 2000

    def _build(self, n_inputs: int, n_outputs: int) -> None:
        is_auto = self.output_activation == "auto"
        self.topology_: CascadeTopology = CascadeTopology(
            n_inputs=n_inputs,
            n_outputs=n_outputs,
            output_activation=self._auto_activation if is_auto else self.output_activation,
            loss=self.loss,
        )

    def _initialize(self, rng: np.random.Generator) -> None:
        self.weights_ = np.zeros(self.topology_.n_weights)
        shape = self.topology_.slices["output"].shape
        self.training_state_: TrainingState = TrainingState(
            int(rng.integers(2**63)), Move.none(shape)
        )

    def _make_learner(self, rng: np.random.Generator | None = None) -> CascadeLearner:
        settings = Settings(**{field.name: getattr(self, field.name) for field in fields(Settings)})
        return CascadeLearner(self.topology_, self.weights_.copy(), self.training_state_, settings)

    def _keep(self, learner: Any) -> None:
        self.topology_, self.weights_, self.training_state_ = learner.snapshot()

    def _stop_rule(
        self, learner: Any, X: Sequences, y: Targets, rng: np.random.Generator
    ) -> tuple[StopRule, Sequences, Targets]:
        return _Finished(learner), X, y


@document()
@dataclass(eq=False, repr=False)
class CascadeCorrelationClassifier(SequenceClassifierMixin, ClassOutputs, _BaseCascade):
    """Classifier of sequences: recurrent cascade correlation, a net that grows unit by unit.

    See Also
    --------
    CascadeCorrelationRegressor : The same net for numbers.

    Examples
    --------
    Has a 1 been seen, in this step or before? One unit that keeps its own value will do:

    >>> import numpy as np
    >>> from lstm97 import CascadeCorrelationClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.random((rng.integers(5, 15), 1)) < 0.1 for _ in range(200)]
    >>> y = [np.maximum.accumulate(series[:, 0]) for series in X]
    >>> model = CascadeCorrelationClassifier(max_hidden=1, random_state=0)
    >>> model.fit(X[:150], y[:150]).score(X[150:], y[150:])
    1.0
    >>> model.topology_.n_hidden
    1
    """


@document()
@dataclass(eq=False, repr=False)
class CascadeCorrelationRegressor(SequenceRegressorMixin, NumberOutputs, _BaseCascade):
    """Regressor on sequences: recurrent cascade correlation, a net that grows unit by unit.

    See Also
    --------
    CascadeCorrelationClassifier : The same net for classes.

    Examples
    --------
    A running mean, which forgets slowly:

    >>> import numpy as np
    >>> from lstm97 import CascadeCorrelationRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.uniform(-1, 1, (20, 1)) for _ in range(100)]
    >>> y = [0.2 * sum(0.8**k * np.pad(x[:, 0], (k, 0))[:20] for k in range(20)) for x in X]
    >>> model = CascadeCorrelationRegressor(random_state=1)
    >>> model.fit(X[:80], y[:80]).score(X[80:], y[80:]) > 0.9
    True
    """
