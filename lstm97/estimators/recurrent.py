"""Elman nets, BPTT and RTRL: a net of conventional units, with three learning rules."""

from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from lstm97.estimators.base import BaseSequenceEstimator, StoppingParameters
from lstm97.estimators.coding import (
    ClassOutputs,
    NumberOutputs,
    SequenceClassifierMixin,
    SequenceRegressorMixin,
)
from lstm97.estimators.docs import document
from lstm97.learning.network import NetworkLearner
from lstm97.learning.topology import Topology, topology_of


@dataclass(init=False, eq=False, repr=False)
class _BaseRecurrent(BaseSequenceEstimator):
    """Parameters, net and learner of all six estimators.

    Parameters
    ----------
    n_hidden : int
        Number of logistic units in the hidden layer. Each receives the inputs, and the activations
        of all hidden units at the previous step.
    hidden_bias : bool
        Whether hidden units have a bias.
    output_bias : bool or None
        Whether outputs have a bias. None means True; leave it at None with `recurrent_outputs`.
    shortcut : bool
        Whether the inputs also feed the outputs directly; not allowed with `recurrent_outputs`.
    recurrent_outputs : bool
        Whether the outputs belong to the recurrent layer, as in the fully connected nets of
        Williams and Zipser. The layer then has `n_hidden` units besides the outputs, each unit
        receives the inputs and the activations of all units at the previous step, and the outputs
        are logistic.
    init_scale : float
        Initial weights are uniform on [-init_scale, init_scale].
    learning_rate : float
        Step size of the updates.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "hidden_bias": ["boolean"],
        "output_bias": ["boolean", None],
        "shortcut": ["boolean"],
        "recurrent_outputs": ["boolean"],
        "init_scale": [Interval(Real, 0, 1e30, closed="both")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
    }
    _without_effect: ClassVar[dict[str, dict[str, Any]]] = {
        "output_bias": {"recurrent_outputs": True},
        "shortcut": {"recurrent_outputs": True},
    }
    # Form of the gradient, and when the weights move; see `NetworkLearner`.
    _form: ClassVar[str]
    _update: ClassVar[str]

    n_hidden: int = 10
    _: KW_ONLY
    hidden_bias: bool = True
    output_bias: bool | None = None
    shortcut: bool = False
    recurrent_outputs: bool = False
    init_scale: float = 0.5
    learning_rate: float = 0.1

    def _build(self, n_inputs: int, n_outputs: int) -> None:
        has_bias = self.output_bias is None or self.output_bias
        is_auto = self.output_activation == "auto"
        auto = "logistic" if self.recurrent_outputs else self._auto_activation
        self.topology_: Topology = topology_of(
            n_inputs=n_inputs,
            n_outputs=n_outputs,
            n_blocks=0,
            n_hidden=self.n_hidden + n_outputs * self.recurrent_outputs,
            cell_bias=self.hidden_bias,
            output_bias=has_bias and not self.recurrent_outputs,
            shortcut=self.shortcut,
            recurrent_outputs=self.recurrent_outputs,
            output_activation=auto if is_auto else self.output_activation,
            loss=self.loss,
        )

    def _initialize(self, rng: np.random.Generator) -> None:
        self.weights_ = self.topology_.initial_weights(rng, self.init_scale, {})

    def _make_learner(self, rng: np.random.Generator | None = None) -> NetworkLearner:
        weights = self.weights_.copy()
        return NetworkLearner(self.topology_, weights, self.learning_rate, self._form, self._update)

    def _keep(self, learner: Any) -> None:
        self.weights_ = learner.weights


class _Elman:
    """Learning in Elman nets.

    The activations of the hidden layer are copied to a context, which is an additional input at the
    next step. Errors do not travel back through the context. The weights change at every step with
    a target.

    References
    ----------
    J. L. Elman, "Finding Structure in Time", Cognitive Science 14, 1990.
    """

    _form, _update = "truncated-forward", "step"


class _BPTT:
    """Back-propagation through time.

    Errors travel back through the whole sequence, without truncation, and the weights change at its
    end. Memory grows with the length of the longest sequence.

    References
    ----------
    R. J. Williams and D. Zipser, "Gradient-based learning algorithms for recurrent networks and
    their computational complexity", in "Back-propagation: Theory, Architectures and
    Applications", 1992.
    """

    _form, _update = "full-backward", "sequence"


class _RTRL:
    """Real-time recurrent learning.

    The derivatives of all units with respect to all weights are carried from step to step, so that
    the weights can change at every step with a target, in sequences of any length. The cost of a
    step grows with the fourth power of `n_hidden`.

    References
    ----------
    R. J. Williams and D. Zipser, "A Learning Algorithm for Continually Running Fully Recurrent
    Neural Networks", Neural Computation 1, 1989.
    """

    _form, _update = "full-forward", "step"


@dataclass(eq=False, repr=False)
class _Classifier(SequenceClassifierMixin, StoppingParameters, ClassOutputs, _BaseRecurrent):
    """Parameters of all three classifiers."""


@dataclass(eq=False, repr=False)
class _Regressor(SequenceRegressorMixin, StoppingParameters, NumberOutputs, _BaseRecurrent):
    """Parameters of all three regressors."""


_PREVIOUS_SIGN = """
    Predict at every step whether the previous number was positive:

    >>> import numpy as np
    >>> from lstm97 import {name}
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 10, 1))
    >>> y = [np.concatenate([[0], x[:-1, 0] > 0]) for x in X]
    >>> model = {name}(random_state=0)
    >>> model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9
    True
    """
_SUM_OF_TWO = """
    Predict the sum of the last two numbers at every step:

    >>> import numpy as np
    >>> from lstm97 import {name}
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-0.5, 0.5, size=(200, 10, 1))
    >>> y = X.copy()
    >>> y[:, 1:] += X[:, :-1]
    >>> model = {name}(5, random_state=0)
    >>> model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9
    True
    """


@document(_PREVIOUS_SIGN)
@dataclass(eq=False, repr=False)
class ElmanClassifier(_Elman, _Classifier):
    """Sequence classifier with an Elman net, a simple recurrent network.

    See Also
    --------
    ElmanRegressor : The same net for numbers.
    LSTMClassifier : Memory cells instead of conventional units.
    """


@document(_SUM_OF_TWO)
@dataclass(eq=False, repr=False)
class ElmanRegressor(_Elman, _Regressor):
    """Sequence regressor with an Elman net, a simple recurrent network.

    See Also
    --------
    ElmanClassifier : The same net for classes.
    LSTMRegressor : Memory cells instead of conventional units.
    """


@document(_PREVIOUS_SIGN)
@dataclass(eq=False, repr=False)
class BPTTClassifier(_BPTT, _Classifier):
    """Sequence classifier with a simple recurrent net and back-propagation through time.

    See Also
    --------
    BPTTRegressor : The same net for numbers.
    LSTMClassifier : Memory cells instead of conventional units.
    """


@document(_SUM_OF_TWO)
@dataclass(eq=False, repr=False)
class BPTTRegressor(_BPTT, _Regressor):
    """Sequence regressor with a simple recurrent net and back-propagation through time.

    See Also
    --------
    BPTTClassifier : The same net for classes.
    LSTMRegressor : Memory cells instead of conventional units.
    """


@document(_PREVIOUS_SIGN)
@dataclass(eq=False, repr=False)
class RTRLClassifier(_RTRL, _Classifier):
    """Sequence classifier with a simple recurrent net and real-time recurrent learning.

    See Also
    --------
    RTRLRegressor : The same net for numbers.
    LSTMClassifier : Memory cells instead of conventional units.
    """


@document(_SUM_OF_TWO)
@dataclass(eq=False, repr=False)
class RTRLRegressor(_RTRL, _Regressor):
    """Sequence regressor with a simple recurrent net and real-time recurrent learning.

    See Also
    --------
    RTRLClassifier : The same net for classes.
    LSTMRegressor : Memory cells instead of conventional units.
    """
