"""`LSTMClassifier` and `LSTMRegressor`: the network and the learning rule of the 1997 paper."""

import copy
from abc import abstractmethod
from functools import partial
from numbers import Integral, Real
from reprlib import repr as brief

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

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
from lstm97.learning.batch import BatchLearner
from lstm97.learning.growth import Growth
from lstm97.learning.network import NetworkLearner
from lstm97.learning.solvers import Adam, GradientDescent
from lstm97.learning.topology import CELL_RANGES, Topology
from lstm97.learning.traces import record_traces

_PARAMETERS = (
    """
    Parameters
    ----------
    n_blocks : int, default=2
        Memory cell blocks.
    block_size : int, default=2
        Cells per block; they share the block's gates.
    initial_blocks : int or None, default=None
        Blocks that `fit` starts with; it adds the others one by one, whenever the loss has
        stopped falling (Section 4, sequential network construction). None: all from the start.
        With none at the start, outputs need `shortcut` or `n_hidden`.
    growth_patience : int, default=1000
        The loss has stopped falling when its mean over this many sequences is not 1% below that
        of as many before.
    n_hidden : int, default=0
        Conventional logistic units beside the blocks.
    recurrence : {{"all", "cells", "none"}}, default="all"
        What the hidden layer sees of its own activations of the step before: all of them, as in
        the paper; the cells' and conventional units', but not the gates'; or nothing.
    input_gate, output_gate : bool, default=True
        Whether the blocks have these gates.
    input_gate_bias, output_gate_bias : "random", None, float or array-like, default="random"
        Initial bias of the gates, one number or one per block; "random" draws it as all weights
        are drawn, None means gates without a bias. Negative biases that differ from block to
        block keep the net from using all cells at once (Section 4, the abuse problem) and states
        from drifting.
    cell_bias, output_bias : bool, default=True
        Whether cells (and conventional units) and outputs have a bias.
    shortcut : bool, default=False
        Whether inputs feed the outputs too.
    cell_activation : {{"g", "h", "logistic"}}, default="g"
        Squashing of a cell's input: the paper's g, with range [-2, 2], its h, with [-1, 1], or
        [0, 1].
    state_activation : {{"h", "identity"}}, default="h"
        Squashing of a cell's state.
    output_activation : {{"auto", "logistic", "{other}"}}, default="auto"
        Squashing of the outputs; "auto": {auto}.
    loss : {{"squared_error", "log_loss"}}, default="squared_error"
        Half of the squared error, as in the paper, or the log loss, which the paper does
        not have, of logistic or softmax outputs.
    init_scale : float, default=0.1
        Initial weights are uniform on [-init_scale, init_scale].
    learning_rate : float, default=0.1
        Length of a step down the gradient.
    gradient : {{"truncated", "full"}}, default="truncated"
        The paper's, which stops at the net inputs of the hidden layer, or back-propagation
        through time, which goes on through all that is fed back.
    update : {{"step", "sequence"}}, default="step"
        When the weights move: at each step that has a target, or at the end of a sequence. With
        targets at last steps only, these are the same but for rounding. Only for the truncated
        gradient: the full one moves them at the end. Batches do not use it.
    batch_size : int, default=1
        Sequences per update. 1 is the paper's on-line learning. In batches the weights move once
        per batch, by the mean over its sequences of the gradient.
    solver : {{"sgd", "adam"}}, default="sgd"
        Gradient descent, or Adam (Kingma and Ba 2015), for which a `learning_rate` of 0.001 to
        0.01 is usual.
    momentum : float, default=0.0
        Of gradient descent: the part of the last update's velocity that goes on; at least 0 and
        less than 1. Adam does not use it.
    dtype : {{"float64", "float32"}}, default="float64"
        Arithmetic of the batches; weights are float64 in any case.
"""
    + FITTING
    + ATTRIBUTES
)

_SOLVER_STATE = """
    solver_state_ : dict
        With batches: what the solver carries from update to update, and from one `partial_fit` to
        the next."""

_BATCHES = """
    Batches, and the solvers, momentum and float32 that go with them, are for large nets: they run
    on the matrix products of the BLAS, one thread of it. Time and memory of a batch grow with its
    number of steps. Unlike on-line learning, they do not give the same bits everywhere: results
    depend, in the last digits, on the processor, on the BLAS and, of predictions, on `n_jobs`. A
    net with `initial_blocks` cannot learn by them.
"""

_REFERENCE = """
    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997:
    Section 4 and Appendix A.1.
"""


class _BaseLSTM(BaseSequenceEstimator):
    """Constructor and learner of both estimators."""

    _parameter_constraints = {
        **BaseSequenceEstimator._parameter_constraints,
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
        "block_size": [Interval(Integral, 1, None, closed="left")],
        "initial_blocks": [None, Interval(Integral, 0, None, closed="left")],
        "growth_patience": [Interval(Integral, 1, None, closed="left")],
        "n_hidden": [Interval(Integral, 0, None, closed="left")],
        "recurrence": [StrOptions({"all", "cells", "none"})],
        "input_gate": ["boolean"],
        "output_gate": ["boolean"],
        "input_gate_bias": [StrOptions({"random"}), None, Real, "array-like"],
        "output_gate_bias": [StrOptions({"random"}), None, Real, "array-like"],
        "cell_bias": ["boolean"],
        "output_bias": ["boolean"],
        "shortcut": ["boolean"],
        "cell_activation": [StrOptions(set(CELL_RANGES))],
        "state_activation": [StrOptions({"h", "identity"})],
        "loss": [StrOptions({"squared_error", "log_loss"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "gradient": [StrOptions({"truncated", "full"})],
        "update": [StrOptions({"step", "sequence"})],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions({"sgd", "adam"})],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "dtype": [StrOptions({"float64", "float32"})],
    }

    def __init__(
        self,
        n_blocks=2,
        block_size=2,
        *,
        initial_blocks=None,
        growth_patience=1000,
        n_hidden=0,
        recurrence="all",
        input_gate=True,
        output_gate=True,
        input_gate_bias="random",
        output_gate_bias="random",
        cell_bias=True,
        output_bias=True,
        shortcut=False,
        cell_activation="g",
        state_activation="h",
        output_activation="auto",
        loss="squared_error",
        init_scale=0.1,
        learning_rate=0.1,
        gradient="truncated",
        update="step",
        batch_size=1,
        solver="sgd",
        momentum=0.0,
        dtype="float64",
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
        self.n_blocks = n_blocks
        self.block_size = block_size
        self.initial_blocks = initial_blocks
        self.growth_patience = growth_patience
        self.n_hidden = n_hidden
        self.recurrence = recurrence
        self.input_gate = input_gate
        self.output_gate = output_gate
        self.input_gate_bias = input_gate_bias
        self.output_gate_bias = output_gate_bias
        self.cell_bias = cell_bias
        self.output_bias = output_bias
        self.shortcut = shortcut
        self.cell_activation = cell_activation
        self.state_activation = state_activation
        self.output_activation = output_activation
        self.loss = loss
        self.init_scale = init_scale
        self.learning_rate = learning_rate
        self.gradient = gradient
        self.update = update
        self.batch_size = batch_size
        self.solver = solver
        self.momentum = momentum
        self.dtype = dtype
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

    def _build(self, n_inputs, n_outputs):
        if self._has_batches() and self.initial_blocks is not None:
            raise ValueError(
                f"initial_blocks={self.initial_blocks}: a net that learns by batches, or by a "
                "solver of batches, does not grow; initial_blocks must be None"
            )
        if self.initial_blocks is not None and self.initial_blocks > self.n_blocks:
            raise ValueError(
                f"initial_blocks={self.initial_blocks} is more than n_blocks={self.n_blocks}, "
                "to which the net grows"
            )
        self.topology_ = Topology(
            n_inputs=n_inputs,
            n_outputs=n_outputs,
            n_blocks=self.n_blocks if self.initial_blocks is None else self.initial_blocks,
            block_size=self.block_size,
            n_hidden=self.n_hidden,
            recurrence=self.recurrence,
            input_gate=self.input_gate,
            output_gate=self.output_gate,
            input_gate_bias=self.input_gate_bias is not None,
            output_gate_bias=self.output_gate_bias is not None,
            cell_bias=self.cell_bias,
            output_bias=self.output_bias,
            shortcut=self.shortcut,
            cell_activation=self.cell_activation,
            state_activation=self.state_activation,
            output_activation=self._output_activation(),
            loss=self.loss,
        )
        self._gate_biases()

    def _initialize(self, rng):
        self.weights_ = self._draw(self.topology_, rng)

    def _draw(self, topology, rng):
        """Draw initial weights; a net that is to grow has its first blocks' biases."""
        biases = {
            gate: bias[: topology.n_blocks] if bias.ndim else bias
            for gate, bias in self._gate_biases().items()
        }
        return topology.initial_weights(rng, self.init_scale, biases)

    @abstractmethod
    def _output_activation(self):
        """Say what "auto" means."""

    def _gate_biases(self):
        """Check and return the initial biases that are prescribed."""
        biases = {}
        for gate in ("input_gate", "output_gate"):
            bias = getattr(self, f"{gate}_bias")
            if not getattr(self, gate) or bias is None or isinstance(bias, str):
                continue
            try:
                biases[gate] = np.asarray(bias, dtype=np.float64)
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"{gate}_bias={brief(bias)} must hold numbers: {error}") from None
            if biases[gate].ndim and biases[gate].shape != (self.n_blocks,):
                raise ValueError(
                    f"{gate}_bias has shape {biases[gate].shape}, expected a number or one for "
                    f"each of the {self.n_blocks} blocks"
                )
            if not np.isfinite(biases[gate]).all():
                raise ValueError(f"{gate}_bias={bias} is not finite")
        return biases

    def _has_batches(self):
        """Tell whether learning is not the paper's, sequence by sequence in float64."""
        online = (1, "sgd", 0.0, "float64")
        return (self.batch_size, self.solver, self.momentum, self.dtype) != online

    def _make_learner(self, rng=None):
        return self._batch_learner() if self._has_batches() else self._online_learner(rng)

    def _batch_learner(self):
        if self.solver == "adam":
            solver = Adam(self.learning_rate)
        else:
            solver = GradientDescent(self.learning_rate, self.momentum)
        state = getattr(self, "solver_state_", None)
        return BatchLearner(
            self.topology_, self.weights_.copy(), self.batch_size, solver, self.gradient,
            self.dtype, state,
        )  # fmt: skip

    def _online_learner(self, rng):
        growth = None
        if rng is not None and self.initial_blocks is not None:
            draw = partial(self._draw, rng=rng)
            growth = Growth(self.n_blocks, self.growth_patience, draw)
        if self.gradient == "full":
            form, update = "full", "sequence"
        else:
            form, update = "forward" if self.update == "step" else "backward", self.update
        weights = self.weights_.copy()
        return NetworkLearner(self.topology_, weights, self.learning_rate, form, update, growth)

    def _keep(self, learner):
        self.topology_, self.weights_ = learner.topology, learner.weights
        if self._has_batches():
            self.solver_state_ = learner.state
        else:
            vars(self).pop("solver_state_", None)

    def trace(self, X):
        """Return what the net holds at every step: gates, cells, units, outputs.

        Parameters
        ----------
        X : array-like
            Sequences, as for `fit`.

        Returns
        -------
        traces : list of Trace
            One per sequence, with arrays as :class:`~lstm97.traces.Trace` describes them. They are
            those of the kernel of on-line learning, in float64; in a net that learns by batches,
            predictions may differ from them in the last digits, in float32 in more.

        Raises
        ------
        ValueError
            If X is not what `predict` would take, or a value is not finite.

        Examples
        --------
        A net that adds two marked numbers opens an input gate where the markers stand:

        >>> import numpy as np
        >>> from lstm97 import LSTMRegressor
        >>> from lstm97.tasks import make_adding
        >>> X, y = make_adding(2000, T=20, rng=0)
        >>> model = LSTMRegressor(
        ...     input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=50, tol=None, random_state=0
        ... )
        >>> trace = model.fit(X, y).trace(X)[0]
        >>> np.flatnonzero(X[0][:, 1] == 1.0)
        array([2, 9])
        >>> np.flatnonzero(trace.input_gate[:, 0] > 0.1)
        array([2, 9])
        """
        model = copy.copy(self)  # another thread may fit it
        check_is_fitted(model)
        sequences = model._check_X(X, reset=False)
        return record_traces(model.topology_, model.weights_.copy(), sequences)


@with_class_weight
class LSTMClassifier(SequenceClassifierMixin, _BaseLSTM):
    __doc__ = (
        """Classifier of sequences: the LSTM of 1997, with the paper's truncated on-line gradient.

    Memory cells keep their state by a self-connection of weight one; gates learn when to write it
    and when to read it. There is no forget gate. The net has one output per class.
"""
        + _PARAMETERS.format(
            other="softmax",
            auto="logistic, as in the paper",
            class_weight=CLASS_WEIGHT,
            attributes=CLASSIFIER_ATTRIBUTES + _SOLVER_STATE,
        )
        + """
    See Also
    --------
    LSTMRegressor : The same net for numbers.
"""
        + CLASSIFIER_NOTES
        + _BATCHES
        + _REFERENCE
        + """
    Examples
    --------
    Which of two symbols stood first in a sequence?

    >>> import numpy as np
    >>> from lstm97 import LSTMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(10, 20), 1)) * 0.3 for _ in range(200)]
    >>> y = rng.integers(2, size=200)
    >>> for series, label in zip(X, y):
    ...     series[0] = 2 * label - 1
    >>> model = LSTMClassifier(input_gate_bias=[-1, -2], learning_rate=0.5, random_state=0)
    >>> model.fit(X[:150], y[:150]).score(X[150:], y[150:])
    1.0
    """
    )

    _parameter_constraints = {
        **_BaseLSTM._parameter_constraints,
        "output_activation": [StrOptions({"auto", "logistic", "softmax"})],
    }

    def _output_activation(self):
        return "logistic" if self.output_activation == "auto" else self.output_activation


class LSTMRegressor(SequenceRegressorMixin, _BaseLSTM):
    __doc__ = (
        """Regressor on sequences: the LSTM of 1997, with the paper's truncated on-line gradient.

    Memory cells keep their state by a self-connection of weight one; gates learn when to write it
    and when to read it. There is no forget gate.
"""
        + _PARAMETERS.format(
            other="linear",
            auto="linear, so that targets may be any numbers",
            class_weight="",
            attributes=REGRESSOR_ATTRIBUTES + _SOLVER_STATE,
        )
        + """
    See Also
    --------
    LSTMClassifier : The same net for classes.
"""
        + REGRESSOR_NOTES
        + _BATCHES
        + _REFERENCE
        + """
    Examples
    --------
    The sum of two marked numbers, the paper's Experiment 4, at length 20:

    >>> from lstm97 import LSTMRegressor
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(2000, T=20, rng=0)
    >>> model = LSTMRegressor(
    ...     input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=50, tol=None, random_state=0
    ... )
    >>> model.fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) > 0.99
    True
    """
    )

    _parameter_constraints = {
        **_BaseLSTM._parameter_constraints,
        "output_activation": [StrOptions({"auto", "logistic", "linear"})],
    }

    def _output_activation(self):
        return "linear" if self.output_activation == "auto" else self.output_activation
