"""The neural sequence chunker, whose automatizer learns to do without its chunker."""

from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from lstm97.estimators.base import BaseSequenceEstimator, StoppingParameters
from lstm97.estimators.coding import SequenceClassifierMixin, SequenceRegressorMixin
from lstm97.estimators.docs import document
from lstm97.learning.chunker import ChunkerLearner
from lstm97.learning.topology import Topology, topology_of


@dataclass(init=False, eq=False, repr=False)
class _BaseChunker(BaseSequenceEstimator):
    """Parameters, nets and learner of both estimators.

    One net, the automatizer, receives every step and predicts the targets and the next input. At
    steps that it fails to predict, a second net, the chunker, is trained to predict the same, and
    then receives the next input. So the chunker receives a shorter sequence of unpredictable steps,
    in which long time lags become short. The automatizer is also trained to predict the chunker's
    state, from which it learns early what matters later. The estimator predicts with the
    automatizer alone. Both nets learn by real-time recurrent learning.

    Parameters
    ----------
    n_hidden : int
        Number of logistic units in the hidden layer of each net.
    predict_inputs : bool
        Whether the nets also predict the next input, with linear outputs. If False, only missed
        targets count as failures; this suits targets that are themselves the next inputs.
    predict_state : {"all", "hidden"}
        Part of the chunker's state that the automatizer predicts: hidden units and outputs, as
        Schmidhuber proposed, or only hidden units, as in the LSTM paper. Outputs that predict
        inputs, or the chunker's predictions of inputs, are linear.
    threshold : float
        An absolute error of this size or more means that the automatizer failed to predict a step.
    hidden_bias : bool
        Whether hidden units have a bias.
    output_bias : bool
        Whether outputs have a bias.
    shortcut : bool
        Whether the inputs also feed the outputs directly. Linear predictions of inputs and states
        then diverge if inputs are much larger than 1, unless `learning_rate` is small.
    init_scale : float
        Initial weights are uniform on [-init_scale, init_scale].
    learning_rate : float
        Step size of the updates.

    Attributes
    ----------
    topology_ : Topology
        Sizes and switches of the automatizer, whose weights come first in `weights_`.
    chunker_topology_ : Topology
        Sizes and switches of the chunker.

    References
    ----------
    J. Schmidhuber, "Learning Complex, Extended Sequences Using the Principle of History
    Compression", Neural Computation 4(2), 1992.
    Section 5.2 of the LSTM paper compares LSTM with it.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "predict_inputs": ["boolean"],
        "predict_state": [StrOptions({"all", "hidden"})],
        "threshold": [Interval(Real, 0, None, closed="neither")],
        "hidden_bias": ["boolean"],
        "output_bias": ["boolean"],
        "shortcut": ["boolean"],
        "init_scale": [Interval(Real, 0, 1e30, closed="both")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
    }
    # Activation of the outputs for targets.
    _output_activation: ClassVar[str]

    n_hidden: int = 5
    _: KW_ONLY
    predict_inputs: bool = True
    predict_state: Literal["all", "hidden"] = "all"
    threshold: float = 0.2
    hidden_bias: bool = True
    output_bias: bool = True
    shortcut: bool = False
    init_scale: float = 0.5
    learning_rate: float = 0.05

    def _build(self, n_inputs: int, n_outputs: int) -> None:
        self._n_targets: int = n_outputs
        n_predicted = n_outputs + n_inputs * self.predict_inputs
        n_states = self.n_hidden + n_predicted * (self.predict_state == "all")
        self.chunker_topology_: Topology = self._net(n_inputs, n_predicted)
        self.topology_: Topology = self._net(n_inputs, n_predicted + n_states)

    def _net(self, n_inputs: int, n_outputs: int) -> Topology:
        """Return the topology of one of the nets."""
        return topology_of(
            n_inputs=n_inputs,
            n_outputs=n_outputs,
            n_blocks=0,
            n_hidden=self.n_hidden,
            cell_bias=self.hidden_bias,
            output_bias=self.output_bias,
            shortcut=self.shortcut,
            output_activation=self._output_activation,
        )

    def _initialize(self, rng: np.random.Generator) -> None:
        nets = (self.topology_, self.chunker_topology_)
        self.weights_ = np.concatenate(
            [net.initial_weights(rng, self.init_scale, {}) for net in nets]
        )

    def _make_learner(self, rng: np.random.Generator | None = None) -> ChunkerLearner:
        return ChunkerLearner(
            self.topology_,
            self.chunker_topology_,
            self._n_targets,
            self.weights_.copy(),
            self.learning_rate,
            self.threshold,
        )

    def _keep(self, learner: Any) -> None:
        self.weights_ = learner.weights


@document()
@dataclass(eq=False, repr=False)
class SequenceChunkerClassifier(SequenceClassifierMixin, StoppingParameters, _BaseChunker):
    """Sequence classifier with Schmidhuber's neural sequence chunker.

    See Also
    --------
    SequenceChunkerRegressor : The same nets for numbers.
    LSTMClassifier : Memory cells instead of two nets.

    Examples
    --------
    Predict the next symbol in sequences that start with x or y, continue with a, b, c, d, e, and
    end with their first symbol:

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

    _output_activation: ClassVar[str] = "logistic"


@document()
@dataclass(eq=False, repr=False)
class SequenceChunkerRegressor(SequenceRegressorMixin, StoppingParameters, _BaseChunker):
    """Sequence regressor with Schmidhuber's neural sequence chunker.

    See Also
    --------
    SequenceChunkerClassifier : The same nets for classes.
    LSTMRegressor : Memory cells instead of two nets.

    Examples
    --------
    Predict the previous number at every step:

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

    _output_activation: ClassVar[str] = "linear"
