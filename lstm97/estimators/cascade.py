"""Recurrent cascade correlation (Fahlman 1991): `CascadeCorrelationClassifier`, `...Regressor`."""

from abc import abstractmethod
from dataclasses import fields
from itertools import repeat
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from lstm97.estimators.base import BaseSequenceEstimator
from lstm97.estimators.coding import (
    SequenceClassifierMixin,
    SequenceRegressorMixin,
    with_class_weight,
)
from lstm97.estimators.docs import (
    CLASS_WEIGHT,
    CLASSIFIER_ATTRIBUTES,
    CLASSIFIER_NOTES,
    REGRESSOR_ATTRIBUTES,
    REGRESSOR_NOTES,
)
from lstm97.learning.cascade import CascadeLearner, Settings, TrainingState
from lstm97.learning.cascade_topology import CascadeTopology
from lstm97.learning.quickprop import Move
from lstm97.learning.stopping import Stop, StopRule

_METHOD = """
    The net starts without hidden units. When its outputs have stopped improving, a pool of
    candidates is trained to correlate with the errors that are left, the best one is frozen and
    becomes a hidden unit, and the outputs train again. A hidden unit sees the inputs, the units
    before it, and its own value of the step before: there is no other recurrence. Learning is by
    Quickprop, and all sequences are one batch.
"""

_PARAMETERS = """
    Parameters
    ----------
    max_hidden : int, default=10
        Hidden units at which the net stops growing.
    n_candidates : int, default=8
        Units in the pool from which the best one is taken.
    output_activation : {{"auto", "logistic", "{other}"}}, default="auto"
        Squashing of the outputs; "auto": {auto}.
    loss : {{"squared_error", "log_loss"}}, default="squared_error"
        Half of the squared error, or the log loss, which Fahlman does not have, of logistic or
        softmax outputs.
    init_scale : float, default=1.0
        Candidates' initial weights are uniform on [-init_scale, init_scale]. Output weights start
        at zero, that of a new hidden unit at its covariance with the errors.
    output_rate : float, default=1.0
        Learning rate of plain descent for the outputs; it is divided by the number of steps that
        have a target.
    candidate_rate : float, default=0.3
        Learning rate of plain ascent for candidates; it is divided by the number of their inputs.
    max_growth : float, default=2.0
        A step of Quickprop is at most this many times as long as the one before; Fahlman's mu.
    weight_decay : float, default=0.0
        Part of each weight that is taken off its gradient.
    output_tol : float, default=0.01
        The outputs have stagnated when the loss has not changed by this fraction for `patience`
        epochs.
    candidate_tol : float, default=0.03
        The candidates have stagnated when the best correlation has not changed by this fraction
        for `patience` epochs.
    patience : int, default=12
        Epochs without such a change after which outputs, or candidates, are taken as they are.
    max_phase_iter : int, default=200
        Epochs after which they are taken in any case.
    max_iter : int, default=2000
        Epochs of `fit`, which ends when all hidden units are there and the outputs have
        stagnated.
    warm_start : bool, default=False
        Whether `fit` goes on from where the last fit or `partial_fit` ended.
    n_channels : int or None, default=None
        For a 2-D X, whose rows are sequences: the features per step, a row being time-major.
        None takes each row as a single step, and warns; 1 as a univariate series.
    n_jobs : int or None, default=None
        Threads that predict; None means 1 (unless joblib's `parallel_config` says more), -1 one
        per processor. Learning has one thread.
    random_state : int, RandomState instance or None, default=None
        Source of candidates' initial weights.
    verbose : bool, default=False
        Print the loss after each epoch.
{class_weight}
    Attributes
    ----------
{attributes}
    weights_ : ndarray of shape (n_weights,)
        All weights; ``topology_.views(weights_)`` names them.
    topology_ : CascadeTopology
        The net's sizes; ``topology_.n_hidden`` tells how far it has grown.
    training_state_ : TrainingState
        What `partial_fit` goes on from: candidates, last steps of Quickprop, progress.
    n_features_in_ : int
        Columns of a 2-D X; otherwise the same as `n_step_features_in_`.
    n_step_features_in_ : int
        Features per step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X was a data frame, or sequences were.
    x_is_table_ : bool
        Whether X was 2-D, one sequence per row.
    target_steps_ : {{"last", "every"}}
        Whether targets stand at last steps or at every step.
    n_iter_ : int
        Epochs of `fit`, or calls of `partial_fit`.
    loss_curve_ : list of float
        Mean loss per sequence of each epoch or call; it stands still while candidates train.
    stop_reason_ : {{"converged", "limit", "diverged", "callback", "interrupted"}}
"""

_NOTES = """
    Each call of `partial_fit` is one epoch on the sequences that it is given. Give it the same
    sequences each time: Quickprop compares slopes of one call with those of the call before.

    The candidates' objective, the hidden values between -1 and 1, and the size of the pool are
    those of Fahlman's paper. Growth, thresholds, patience, the outputs' rate, the range of initial
    weights, the longest phase, and the 0.1 that is added to the slope of logistic outputs under
    the squared error are the defaults of his public code. The rest is ours.
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


class _Finished(StopRule):
    """Stop when the learner has nothing left to add."""

    needs_whole_blocks = True

    def __init__(self, learner):
        self.learner = learner

    def look(self, results):
        done = self.learner.state.is_finished
        return Stop(len(results.loss), "converged") if done else None


class _BaseCascade(BaseSequenceEstimator):
    """Constructor and learner of both estimators."""

    _parameter_constraints = {
        **BaseSequenceEstimator._parameter_constraints,
        "max_hidden": [Interval(Integral, 0, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "loss": [StrOptions({"squared_error", "log_loss"})],
        "output_rate": [Interval(Real, 0, None, closed="neither")],
        "candidate_rate": [Interval(Real, 0, None, closed="neither")],
        "max_growth": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "output_tol": [Interval(Real, 0, None, closed="left")],
        "candidate_tol": [Interval(Real, 0, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "max_phase_iter": [Interval(Integral, 1, None, closed="left")],
    }
    for name in ("tol", "n_iter_no_change", "early_stopping", "validation_fraction"):
        del _parameter_constraints[name]

    def __init__(
        self,
        max_hidden=10,
        n_candidates=8,
        *,
        output_activation="auto",
        loss="squared_error",
        init_scale=1.0,
        output_rate=1.0,
        candidate_rate=0.3,
        max_growth=2.0,
        weight_decay=0.0,
        output_tol=0.01,
        candidate_tol=0.03,
        patience=12,
        max_phase_iter=200,
        max_iter=2000,
        warm_start=False,
        n_channels=None,
        n_jobs=None,
        random_state=None,
        verbose=False,
    ):
        self.max_hidden = max_hidden
        self.n_candidates = n_candidates
        self.output_activation = output_activation
        self.loss = loss
        self.init_scale = init_scale
        self.output_rate = output_rate
        self.candidate_rate = candidate_rate
        self.max_growth = max_growth
        self.weight_decay = weight_decay
        self.output_tol = output_tol
        self.candidate_tol = candidate_tol
        self.patience = patience
        self.max_phase_iter = max_phase_iter
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_channels = n_channels
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @abstractmethod
    def _output_activation(self):
        """Say what "auto" means."""

    def _build(self, n_inputs, n_outputs):
        self.topology_ = CascadeTopology(
            n_inputs=n_inputs,
            n_outputs=n_outputs,
            output_activation=self._output_activation(),
            loss=self.loss,
        )

    def _initialize(self, rng):
        self.weights_ = np.zeros(self.topology_.n_weights)
        shape = self.topology_.slices["output"].shape
        self.training_state_ = TrainingState(int(rng.integers(2**63)), Move.none(shape))

    def _make_learner(self, rng=None):
        settings = Settings(**{field.name: getattr(self, field.name) for field in fields(Settings)})
        return CascadeLearner(self.topology_, self.weights_.copy(), self.training_state_, settings)

    def _keep(self, learner):
        self.topology_, self.weights_, self.training_state_ = learner.snapshot()

    def _epochs(self, X, y, rng):
        return repeat((X, y))  # a batch has no order

    def _stop_rule(self, learner, X, y):
        return _Finished(learner)


@with_class_weight
class CascadeCorrelationClassifier(SequenceClassifierMixin, _BaseCascade):
    __doc__ = (
        """Classifier of sequences: recurrent cascade correlation, a net that grows unit by unit.
"""
        + _METHOD
        + _PARAMETERS.format(
            other="softmax",
            auto="logistic, as in Fahlman's experiments",
            class_weight=CLASS_WEIGHT,
            attributes=CLASSIFIER_ATTRIBUTES,
        )
        + """
    See Also
    --------
    CascadeCorrelationRegressor : The same net for numbers.
"""
        + CLASSIFIER_NOTES
        + _NOTES
        + """
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
    )

    _parameter_constraints = {
        **_BaseCascade._parameter_constraints,
        "output_activation": [StrOptions({"auto", "logistic", "softmax"})],
    }

    def _output_activation(self):
        return "logistic" if self.output_activation == "auto" else self.output_activation


class CascadeCorrelationRegressor(SequenceRegressorMixin, _BaseCascade):
    __doc__ = (
        """Regressor on sequences: recurrent cascade correlation, a net that grows unit by unit.
"""
        + _METHOD
        + _PARAMETERS.format(
            other="linear",
            auto="linear, so that targets may be any numbers",
            class_weight="",
            attributes=REGRESSOR_ATTRIBUTES,
        )
        + """
    See Also
    --------
    CascadeCorrelationClassifier : The same net for classes.
"""
        + REGRESSOR_NOTES
        + _NOTES
        + """
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
    )

    _parameter_constraints = {
        **_BaseCascade._parameter_constraints,
        "output_activation": [StrOptions({"auto", "logistic", "linear"})],
    }

    def _output_activation(self):
        return "linear" if self.output_activation == "auto" else self.output_activation
