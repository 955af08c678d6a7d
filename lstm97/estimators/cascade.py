"""Estimators that learn by recurrent cascade correlation (Fahlman 1991)."""

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
    """Rule that stops when the learner is finished."""

    needs_whole_chunks = True

    def __init__(self, learner: CascadeLearner) -> None:
        self.learner = learner

    def look(self, results: Results) -> Stop | None:
        """Check the next epoch; the reason to stop is "converged"."""
        done = self.learner.state.is_finished
        return Stop(len(results.loss), "converged") if done else None


@dataclass(init=False, eq=False, repr=False)
class _BaseCascade(BaseSequenceEstimator):
    """Parameters, net and learner of both estimators.

    The net starts without hidden units. When its outputs have stopped improving, a pool of
    candidates is trained to correlate with the remaining errors. The best candidate is frozen and
    becomes a hidden unit, and the outputs are trained again. A hidden unit receives the inputs, the
    values of earlier hidden units, and its own value at the previous step; there is no other
    recurrence. Training uses Quickprop, and all sequences form one batch.

    Parameters
    ----------
    max_hidden : int
        Number of hidden units at which the net stops growing.
    n_candidates : int
        Number of candidates in the pool.
    init_scale : float
        Initial weights of candidates are uniform on [-init_scale, init_scale]. Output weights start
        at zero; those from a new hidden unit start at its covariance with the errors.
    output_rate : float
        Learning rate of plain gradient descent for the outputs. It is divided by the number of
        steps that have a target.
    candidate_rate : float
        Learning rate of plain gradient ascent for candidates. It is divided by the number of their
        inputs.
    max_growth : float
        Maximum ratio of a Quickprop step to the previous step; Fahlman's mu.
    weight_decay : float
        Fraction of each weight that is subtracted from its gradient.
    output_tol : float
        The outputs have stagnated when the loss has not changed by this fraction for `patience`
        epochs.
    candidate_tol : float
        The candidates have stagnated when the best correlation has not changed by this fraction
        for `patience` epochs.
    patience : int
        Number of epochs without such a change after which a phase of training ends.
    max_phase_iter : int
        Number of epochs after which a phase of training ends in any case.
    max_iter : int
        Maximum number of epochs of `fit`. It ends earlier when the net has all hidden units and the
        outputs have stagnated.

    Attributes
    ----------
    topology_ : CascadeTopology
        Sizes of the net; ``topology_.n_hidden`` is the current number of hidden units.
    training_state_ : TrainingState
        State from which `partial_fit` continues: candidates, last steps of Quickprop, progress.

    Notes
    -----
    The loss does not change while candidates are trained.

    Each call of `partial_fit` is one epoch on the given sequences. Pass the same sequences each
    time, because Quickprop compares the slopes of one call with those of the previous call.

    The candidates' objective, the range of hidden values from -1 to 1, and the size of the pool are
    those of Fahlman's paper. The defaults of `max_growth`, `output_tol`, `candidate_tol`,
    `patience`, `output_rate`, `init_scale` and `max_phase_iter`, and the 0.1 that is added to the
    slope of logistic outputs under the squared error, are those of his public code, which has no
    log loss.

    This implementation differs from that code in the following. Gradients of candidates are divided
    by the root mean square of the errors, not by the sum of their squares, and new output weights
    by the number of steps with a target, so that the scale of the targets does not matter. The
    default of `candidate_rate` depends on this, and was chosen on the embedded Reber grammar.
    Output weights start at zero, not at random numbers. Quickprop steps never exceed `max_growth`,
    and are zero where a gradient is exactly zero.

    References
    ----------
    S. E. Fahlman, "The Recurrent Cascade-Correlation Architecture", Advances in Neural
    Information Processing Systems 3, 1991.

    S. E. Fahlman, "Faster-Learning Variations on Back-Propagation: An Empirical Study",
    Proceedings of the 1988 Connectionist Models Summer School (Quickprop).
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
    """Sequence classifier with recurrent cascade correlation, whose net grows unit by unit.

    See Also
    --------
    CascadeCorrelationRegressor : The same net for numbers.

    Examples
    --------
    Predict whether a 1 has occurred so far. One unit that keeps its own value is enough:

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
    """Sequence regressor with recurrent cascade correlation, whose net grows unit by unit.

    See Also
    --------
    CascadeCorrelationClassifier : The same net for classes.

    Examples
    --------
    Predict an exponentially weighted mean:

    >>> import numpy as np
    >>> from lstm97 import CascadeCorrelationRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.uniform(-1, 1, (20, 1)) for _ in range(100)]
    >>> y = [0.2 * sum(0.8**k * np.pad(x[:, 0], (k, 0))[:20] for k in range(20)) for x in X]
    >>> model = CascadeCorrelationRegressor(random_state=1)
    >>> model.fit(X[:80], y[:80]).score(X[80:], y[80:]) > 0.9
    True
    """
