"""The neural sequence chunker: a net that learns to need the help of another no more."""

from abc import abstractmethod
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
    ATTRIBUTES,
    CLASS_WEIGHT,
    CLASSIFIER_ATTRIBUTES,
    CLASSIFIER_NOTES,
    FITTING,
    REGRESSOR_ATTRIBUTES,
    REGRESSOR_NOTES,
)
from lstm97.learning.chunker import ChunkerLearner
from lstm97.learning.topology import Topology


class _BaseChunker(BaseSequenceEstimator):
    """Constructor and learner of both estimators."""

    _parameter_constraints = {
        **BaseSequenceEstimator._parameter_constraints,
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "predict_inputs": ["boolean"],
        "predict_state": [StrOptions({"all", "hidden"})],
        "threshold": [Interval(Real, 0, None, closed="neither")],
        "hidden_bias": ["boolean"],
        "output_bias": ["boolean"],
        "shortcut": ["boolean"],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        n_hidden=5,
        *,
        predict_inputs=True,
        predict_state="all",
        threshold=0.2,
        hidden_bias=True,
        output_bias=True,
        shortcut=False,
        init_scale=0.5,
        learning_rate=0.05,
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
        self.predict_inputs = predict_inputs
        self.predict_state = predict_state
        self.threshold = threshold
        self.hidden_bias = hidden_bias
        self.output_bias = output_bias
        self.shortcut = shortcut
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
    def _output_activation(self):
        """Squashing of the outputs for targets."""

    def _build(self, n_inputs, n_outputs):
        self._n_targets = n_outputs
        n_predicted = n_outputs + n_inputs * self.predict_inputs
        n_states = self.n_hidden + n_predicted * (self.predict_state == "all")
        self.chunker_topology_ = self._net(n_inputs, n_predicted)
        self.topology_ = self._net(n_inputs, n_predicted + n_states)

    def _net(self, n_inputs, n_outputs):
        return Topology(
            n_inputs=n_inputs,
            n_outputs=n_outputs,
            n_blocks=0,
            n_hidden=self.n_hidden,
            cell_bias=self.hidden_bias,
            output_bias=self.output_bias,
            shortcut=self.shortcut,
            output_activation=self._output_activation,
        )

    def _initialize(self, rng):
        nets = (self.topology_, self.chunker_topology_)
        self.weights_ = np.concatenate(
            [net.initial_weights(rng, self.init_scale, {}) for net in nets]
        )

    def _make_learner(self, rng=None):
        return ChunkerLearner(
            self.topology_,
            self.chunker_topology_,
            self._n_targets,
            self.weights_.copy(),
            self.learning_rate,
            self.threshold,
        )

    def _keep(self, learner):
        self.weights_ = learner.weights


_ABOUT = """by Schmidhuber's neural sequence chunker.

    One net, the automatizer, sees every step and predicts the targets and the next input. What it
    misses is news: there a second net, the chunker, is trained to predict the same, and is fed
    with the input that follows. So the chunker sees a short sequence of what could not be
    foreseen, and long time lags are short ones to it. The automatizer is also trained to
    predict the chunker's state, which tells it early what will matter later. Predictions are the
    automatizer's. Both nets learn by real-time recurrent learning, at every step.
"""
_PARAMETERS = (
    """
    Parameters
    ----------
    n_hidden : int, default=5
        Logistic units of the hidden layer, in each of the two nets.
    predict_inputs : bool, default=True
        Whether the next input is predicted, too, by linear outputs. Without it, only missed
        targets are news: for targets that are the next inputs.
    predict_state : {{"all", "hidden"}}, default="all"
        What of the chunker's state the automatizer predicts: its hidden units and outputs, as its
        author had it, or its hidden units, as the LSTM paper has it. Predictions of inputs, and
        of these, are linear.
    threshold : float, default=0.2
        Absolute error from which on something is missed.
    hidden_bias, output_bias : bool, default=True
        Whether hidden units and outputs have a bias.
    shortcut : bool, default=False
        Whether inputs feed the outputs too. Predictions of inputs and of states are linear: with
        inputs far larger than 1 they diverge, then, unless `learning_rate` is small.
    init_scale : float, default=0.5
        Initial weights are uniform on [-init_scale, init_scale].
    learning_rate : float, default=0.05
        Length of a step down the gradient.
"""
    + FITTING
    + ATTRIBUTES
    + """    chunker_topology_ : Topology
        The chunker's sizes; `topology_` has the automatizer's, whose weights come first.
"""
)
_REFERENCES = """
    References
    ----------
    J. Schmidhuber, "Learning Complex, Extended Sequences Using the Principle of History
    Compression", Neural Computation 4(2), 1992.
    The paper's Section 5.2 compares LSTM with it.
"""


@with_class_weight
class SequenceChunkerClassifier(SequenceClassifierMixin, _BaseChunker):
    __doc__ = (
        f"Classifier of sequences {_ABOUT}"
        + _PARAMETERS.format(class_weight=CLASS_WEIGHT, attributes=CLASSIFIER_ATTRIBUTES)
        + """
    See Also
    --------
    SequenceChunkerRegressor : The same nets for numbers.
    LSTMClassifier : Memory cells instead of two nets.
"""
        + CLASSIFIER_NOTES
        + _REFERENCES
        + """
    Examples
    --------
    A sequence goes through a, b, c, d, e and back to where it began, a symbol that stood before
    them; which symbol comes next?

    >>> import numpy as np
    >>> from lstm97 import SequenceChunkerClassifier, Sequences
    >>> series = ["xabcdex", "yabcdey"] * 1000
    >>> X = Sequences.from_symbols([["abcdexy".index(s) for s in x[:-1]] for x in series], 7)
    >>> y = [list(x[1:]) for x in series]
    >>> model = SequenceChunkerClassifier(
    ...     predict_inputs=False, learning_rate=1.0, max_iter=10, tol=None, random_state=0
    ... )
    >>> model.fit(X, y).score(X[:2], y[:2])
    1.0
    """
    )
    _output_activation = "logistic"


class SequenceChunkerRegressor(SequenceRegressorMixin, _BaseChunker):
    __doc__ = (
        f"Regressor on sequences {_ABOUT}"
        + _PARAMETERS.format(class_weight="", attributes=REGRESSOR_ATTRIBUTES)
        + """
    See Also
    --------
    SequenceChunkerClassifier : The same nets for classes.
    LSTMRegressor : Memory cells instead of two nets.
"""
        + REGRESSOR_NOTES
        + _REFERENCES
        + """
    Examples
    --------
    The number before, at every step:

    >>> import numpy as np
    >>> from lstm97 import SequenceChunkerRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, size=(200, 10, 1))
    >>> y = np.roll(X, 1, axis=1)
    >>> y[:, 0] = 0.0
    >>> model = SequenceChunkerRegressor(random_state=0)
    >>> model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9
    True
    """
    )
    _output_activation = "linear"
