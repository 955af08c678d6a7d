"""Elman nets, BPTT and RTRL: one net of conventional units, and three rules to train it."""

from abc import abstractmethod
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from lstm97.estimators.base import BaseSequenceEstimator
from lstm97.estimators.coding import (
    SequenceClassifierMixin,
    SequenceRegressorMixin,
    with_class_weight,
)
from lstm97.estimators.docs import (
    ATTRIBUTES,
    CLASS_WEIGHT,
    CLASSIFIER_ATTRIBUTES,
    CLASSIFIER_NOTES,
    FITTING,
    REGRESSOR_ATTRIBUTES,
    REGRESSOR_NOTES,
)
from lstm97.learning.network import NetworkLearner
from lstm97.learning.topology import Topology


class _BaseRecurrent(BaseSequenceEstimator):
    """Constructor and learner of all six estimators."""

    _parameter_constraints = {
        **BaseSequenceEstimator._parameter_constraints,
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "hidden_bias": ["boolean"],
        "output_bias": ["boolean"],
        "shortcut": ["boolean"],
        "recurrent_outputs": ["boolean"],
        "loss": [StrOptions({"squared_error", "log_loss"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        n_hidden=10,
        *,
        hidden_bias=True,
        output_bias=True,
        shortcut=False,
        recurrent_outputs=False,
        output_activation="auto",
        loss="squared_error",
        init_scale=0.5,
        learning_rate=0.1,
        max_iter=200,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        warm_start=False,
        n_channels=None,
        n_jobs=None,
        random_state=None,
        verbose=False,
    ):
        self.n_hidden = n_hidden
        self.hidden_bias = hidden_bias
        self.output_bias = output_bias
        self.shortcut = shortcut
        self.recurrent_outputs = recurrent_outputs
        self.output_activation = output_activation
        self.loss = loss
        self.init_scale = init_scale
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.n_channels = n_channels
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    @abstractmethod
    def _rule(self):
        """Form of the gradient, and when the weights move; see `NetworkLearner`."""

    @abstractmethod
    def _output_activation(self):
        """Say what "auto" means."""

    def _build(self, n_inputs, n_outputs):
        self.topology_ = Topology(
            n_inputs=n_inputs,
            n_outputs=n_outputs,
            n_blocks=0,
            n_hidden=self.n_hidden + n_outputs * self.recurrent_outputs,
            cell_bias=self.hidden_bias,
            output_bias=self.output_bias and not self.recurrent_outputs,
            shortcut=self.shortcut and not self.recurrent_outputs,
            recurrent_outputs=self.recurrent_outputs,
            output_activation=self._output_activation(),
            loss=self.loss,
        )

    def _initialize(self, rng):
        self.weights_ = self.topology_.initial_weights(rng, self.init_scale, {})

    def _make_learner(self, rng=None):
        return NetworkLearner(self.topology_, self.weights_.copy(), self.learning_rate, *self._rule)

    def _keep(self, learner):
        self.weights_ = learner.weights


@with_class_weight
class _Classifier(SequenceClassifierMixin, _BaseRecurrent):
    _parameter_constraints = {
        **_BaseRecurrent._parameter_constraints,
        "output_activation": [StrOptions({"auto", "logistic", "softmax"})],
    }

    def _output_activation(self):
        return "logistic" if self.output_activation == "auto" else self.output_activation


class _Regressor(SequenceRegressorMixin, _BaseRecurrent):
    _parameter_constraints = {
        **_BaseRecurrent._parameter_constraints,
        "output_activation": [StrOptions({"auto", "logistic", "linear"})],
    }

    def _output_activation(self):
        if self.output_activation == "auto":
            return "logistic" if self.recurrent_outputs else "linear"
        return self.output_activation


_PARAMETERS = (
    """
    Parameters
    ----------
    n_hidden : int, default=10
        Logistic units of the hidden layer; each sees the inputs and all of them a step before.
    hidden_bias, output_bias : bool, default=True
        Whether hidden units and outputs have a bias.
    shortcut : bool, default=False
        Whether inputs feed the outputs too.
    recurrent_outputs : bool, default=False
        Whether outputs belong to the recurrent layer, as in Williams and Zipser's fully connected
        nets: then there are n_hidden units more than outputs, each sees the inputs and all units
        a step before, and neither `shortcut` nor `output_bias` counts.
    output_activation : {{"auto", "logistic", "{other}"}}, default="auto"
        Squashing of the outputs; "auto": {auto}. Recurrent outputs are logistic.
    loss : {{"squared_error", "log_loss"}}, default="squared_error"
        Half of the squared error, or the log loss of logistic or softmax outputs.
    init_scale : float, default=0.5
        Initial weights are uniform on [-init_scale, init_scale].
    learning_rate : float, default=0.1
        Length of a step down the gradient.
"""
    + FITTING
    + ATTRIBUTES
)
_ELMAN = (
    "of Elman's kind",
    """The hidden layer's activations are copied to a context, which is an input like others at the
    next step: an error goes back one step and no further. The weights move at every step with a
    target.""",
    """J. L. Elman, "Finding Structure in Time", Cognitive Science 14, 1990.""",
)
_BPTT = (
    "trained by back-propagation through time",
    """The error goes back through the whole sequence, nothing is cut, and the weights move at its
    end. Memory grows with the length of the longest sequence.""",
    """R. J. Williams and D. Zipser, "Gradient-based learning algorithms for recurrent networks and
    their computational complexity", in "Back-propagation: Theory, Architectures and
    Applications", 1992.""",
)
_RTRL = (
    "trained by real-time recurrent learning",
    """The derivatives of all units by all weights are carried along, so that the weights can move
    at every step with a target, however long a sequence is. The cost of a step grows with the
    fourth power of `n_hidden`.""",
    """R. J. Williams and D. Zipser, "A Learning Algorithm for Continually Running Fully Recurrent
    Neural Networks", Neural Computation 1, 1989.""",
)


def _document(summary, about, parameters, other, notes, example):
    """Put a docstring together."""
    rule, text, reference = about
    return (
        f"""{summary} by a simple recurrent net {rule}.

    {text}
"""
        + parameters
        + f"""
    See Also
    --------
    {other} : The same net with another kind of target.
    LSTMClassifier : Memory cells instead of conventional units.
"""
        + notes
        + f"""
    References
    ----------
    {reference}
"""
        + example
    )


def _classifier(name, about):
    return _document(
        "Classifier of sequences",
        about,
        _PARAMETERS.format(
            other="softmax",
            auto="logistic",
            class_weight=CLASS_WEIGHT,
            attributes=CLASSIFIER_ATTRIBUTES,
        ),
        f"{name}Regressor",
        CLASSIFIER_NOTES,
        f"""
    Examples
    --------
    Was the number before positive, at every step?

    >>> import numpy as np
    >>> from lstm97 import {name}Classifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 10, 1))
    >>> y = [np.concatenate([[0], x[:-1, 0] > 0]) for x in X]
    >>> model = {name}Classifier(random_state=0)
    >>> model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9
    True
    """,
    )


def _regressor(name, about):
    return _document(
        "Regressor on sequences",
        about,
        _PARAMETERS.format(
            other="linear", auto="linear", class_weight="", attributes=REGRESSOR_ATTRIBUTES
        ),
        f"{name}Classifier",
        REGRESSOR_NOTES,
        f"""
    Examples
    --------
    The sum of the last two numbers, at every step:

    >>> import numpy as np
    >>> from lstm97 import {name}Regressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-0.5, 0.5, size=(200, 10, 1))
    >>> y = X.copy()
    >>> y[:, 1:] += X[:, :-1]
    >>> model = {name}Regressor(5, random_state=0)
    >>> model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9
    True
    """,
    )


class ElmanClassifier(_Classifier):
    __doc__ = _classifier("Elman", _ELMAN)
    _rule = ("forward", "step")


class ElmanRegressor(_Regressor):
    __doc__ = _regressor("Elman", _ELMAN)
    _rule = ("forward", "step")


class BPTTClassifier(_Classifier):
    __doc__ = _classifier("BPTT", _BPTT)
    _rule = ("full", "sequence")


class BPTTRegressor(_Regressor):
    __doc__ = _regressor("BPTT", _BPTT)
    _rule = ("full", "sequence")


class RTRLClassifier(_Classifier):
    __doc__ = _classifier("RTRL", _RTRL)
    _rule = ("sensitive", "step")


class RTRLRegressor(_Regressor):
    __doc__ = _regressor("RTRL", _RTRL)
    _rule = ("sensitive", "step")
