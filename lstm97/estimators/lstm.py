"""`LSTMClassifier` and `LSTMRegressor`: the network and the learning rule of the 1997 paper."""

import copy
import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from lstm97.data.checks import brief
from lstm97.data.sequences import Sequences, SequencesLike
from lstm97.data.targets import Targets
from lstm97.estimators.base import SET, BaseSequenceEstimator, StoppingParameters
from lstm97.estimators.coding import (
    ClassOutputs,
    NumberOutputs,
    SequenceClassifierMixin,
    SequenceRegressorMixin,
)
from lstm97.estimators.docs import document
from lstm97.learning.batch import BatchLearner
from lstm97.learning.growth import Growth
from lstm97.learning.learner import Fall, Learner
from lstm97.learning.network import NetworkLearner
from lstm97.learning.solvers import Adam, GradientDescent, resumed
from lstm97.learning.topology import (
    CELL_RANGES,
    GATES,
    RECURRENCES,
    STATE_ACTIVATIONS,
    Topology,
    topology_of,
)
from lstm97.learning.traces import Trace, record_traces

# What "auto" and None mean, chosen by benchmarks/defaults. The size of batches, and the learning
# rates with batches and online:
BATCH_SIZE, BATCH_RATE, STEP_RATE = 8, 0.02, 0.003
# Biases of the first and the last input gate, and those of a net that `fit` trains online.
BIASES, ONLINE_BIASES = (0.0, -4.0), (0.0, -5.0)
# The part that is left at the end of `fit`, and that with which `partial_fit` and streams learn.
FALLS_TO, LATER = 0.01, 0.3
# The number of sequences from which on nets learn targets at every step by batches.
FEW_SEQUENCES = 50
# The number of updates of a fit at steps with a target, and the most epochs for it; the least
# number of updates of any other fit; the number of epochs if that makes no more than so many
# updates; and the least number of epochs.
STEP_UPDATES, MOST_EPOCHS, UPDATES = 100_000, 2000, 1000
EPOCHS, MOST_UPDATES, LEAST_EPOCHS = 15, 7500, 3

# Not ArrayLike, which would accept any string.
GateBias: TypeAlias = Literal["random"] | float | Sequence[float] | NDArray[Any] | None


@dataclass(init=False, eq=False, repr=False)
class _BaseLSTM(BaseSequenceEstimator):
    """Parameters, net and learner of both estimators.

    A memory cell keeps its state through a self-connection of weight one. Gates learn when to write
    to the state and when to read it and, with `forget_gate`, when to forget it.

    The parameters below are in four groups, with the most used ones of each group first:

    - *Architecture*: `n_blocks`, `block_size`, `input_gate_bias`, `recurrence`, `forget_gate`,
      `forget_gate_bias`, `input_gate`, `output_gate`, `output_gate_bias`, `n_hidden`, `shortcut`,
      `cell_activation`, `state_activation`, `cell_bias`, `output_bias`, `initial_blocks`,
      `growth_patience`, `init_scale`.
    - *Learning*: `learning_rate`, `learning_rate_schedule`, `batch_size`, `gradient`, `solver`,
      `update`, `momentum`, `dtype`, `output_activation`, `loss`.
    - *Stopping*: `max_iter`, `tol`, `n_iter_no_change`, `early_stopping`, `validation_fraction`,
      `warm_start`.
    - *Data and running*: `standardize`, `n_channels`, `random_state`, `n_jobs`, `verbose` and, for
      classifiers, `class_weight`.

    If a score is not good enough, change `max_iter`, `learning_rate` and `input_gate_bias` first.

    Parameters
    ----------
    n_blocks : int
        Number of memory cell blocks.
    block_size : int
        Number of cells per block; they share the block's gates.
    input_gate_bias : "auto", "random", None, float or array-like of shape (n_blocks,) or (2,)
        Initial bias of the input gates: one number; one number per block; or two numbers, for the
        first and the last block, with the biases in between spread evenly for any `n_blocks`.
        "auto" means (0, -5) for a net that `fit` trains online, and (0, -4) for other nets,
        including those that start with `partial_fit` or as a stream. "random" draws it like the
        weights. None means that these gates have no bias. Negative biases that differ from block to
        block keep the net from using all cells at once (the "abuse problem" in Section 4 of the
        paper), and keep the states from drifting.
    recurrence : {"all", "cells", "none"}
        Activations of the previous step that are fed back to the hidden layer: all, as in the
        paper; those of cells and conventional units, but not of gates; or none.
    forget_gate : bool
        Whether the blocks have forget gates, which multiply the states at each step. The paper's
        blocks do not have them, so their states only accumulate. With forget gates, a net can run
        on endless sequences.
    forget_gate_bias : "random", None, float or array-like of shape (n_blocks,) or (2,)
        Initial bias of the forget gates; see `input_gate_bias`. The larger it is, the longer a new
        net remembers: with 1 a state falls to one half in about two steps, with 5 in about a
        hundred. With 40 a gate stays fully open, and the net forgets nothing.
    input_gate : bool
        Whether the blocks have input gates.
    output_gate : bool
        Whether the blocks have output gates.
    output_gate_bias : "random", None, float or array-like of shape (n_blocks,) or (2,)
        Initial bias of the output gates; see `input_gate_bias`.
    n_hidden : int
        Number of conventional logistic units in addition to the blocks.
    shortcut : bool
        Whether the inputs also feed the outputs directly.
    cell_activation : {"g", "h", "logistic"}
        Squashing function of the cell input: the paper's g, with range [-2, 2]; its h, with range
        [-1, 1]; or the logistic function.
    state_activation : {"h", "identity"}
        Squashing function of the cell state: the paper's h, or no function.
    cell_bias : bool
        Whether cells and conventional units have a bias.
    output_bias : bool
        Whether outputs have a bias.
    initial_blocks : int or None
        Number of blocks at the start of `fit`. Another block is added each time the loss has
        stopped falling (sequential network construction, Section 4 of the paper). If None, the net
        has all blocks from the start. If 0, also set `shortcut` or `n_hidden`; otherwise, the
        outputs would have no inputs.
    growth_patience : int or None
        With `initial_blocks`, the number of sequences over which the loss is averaged. The loss
        counts as falling while this mean is at least 1% below the mean over the same number of
        preceding sequences. None means 1000.
    init_scale : float
        Initial weights are uniform on [-init_scale, init_scale].
    learning_rate : float or "auto"
        Step size of the updates. If the rate falls, this is the step size of the first update.
        "auto" suits Adam: 0.02 with batches, and 0.003 online.
    learning_rate_schedule : {"linear", "constant"}
        With "linear", the rate falls linearly over all updates of `fit`, to a hundredth of
        `learning_rate`; `partial_fit` and streams learn with three tenths of `learning_rate`
        throughout. "constant" keeps the rate.
    batch_size : int, "auto" or None
        Number of sequences per update: the weights change once per batch, by the mean gradient of
        its sequences. None means online learning, as in the paper. With "auto", `partial_fit` and
        streams learn online, and `fit` learns in batches of 8. But `fit` also learns online if
        there are fewer than 50 sequences and they have targets at every step, or if
        `initial_blocks` or `update` is set.
    gradient : {"auto", "truncated", "full"}
        "truncated" is the paper's gradient, in which errors stop at the net inputs of the hidden
        layer. "full" is the gradient of back-propagation through time, in which errors also travel
        back through the feedback. "auto" is "full" with batches, and "truncated" online.
    solver : {"adam", "sgd"}
        How updates use the gradient. "adam" (Kingma and Ba 2015) divides the step of each weight by
        the size of its recent gradients; "sgd" is gradient descent. The notes say how much slower
        online learning is with Adam.
    update : {"step", "sequence"} or None
        When online learning changes the weights: at each step that has a target, or at the end of
        each sequence. Both give the same result up to rounding if only last steps have targets.
        None means "step" for the truncated gradient and "sequence", the only choice, for the full
        gradient.
    momentum : float or None
        Momentum of gradient descent with batches, at least 0 and less than 1. None means 0.
    dtype : {"float64", "float32"} or None
        Precision of the arithmetic with batches; weights are always float64. None means "float64".

    Attributes
    ----------
    solver_state_ : dict
        State that the solver carries from one update to the next, including from one call of
        `partial_fit` to the next. Only available with batches or with Adam.

    Notes
    -----
    The time and memory that a batch needs grow with its number of steps. When nets of up to 200
    hidden units (gates, cells and conventional units) learn in batches, with ``dtype="float64"``
    and dense input, the results are identical on all machines, bit for bit. Other nets that learn
    in batches use matrix products of the BLAS, in one thread, so the last digits of their results
    depend on the processor, on the BLAS and, for predictions, on `n_jobs`. A net with
    `initial_blocks` cannot learn in batches.

    Online, Adam moves all weights at each update: at each step that has a target, or at the end of
    each sequence. It also moves weights whose gradient is zero, and all weights if the sample
    weight is zero, because earlier gradients still count. The time of an update therefore grows
    with the number of weights. With a target at every step, Adam takes about 1.6 times as long as
    gradient descent for a net of 300 weights. With sparse steps, the time of gradient descent
    hardly grows with the number of features, and Adam takes about 17 times as long for a net of
    8,000 weights. When a block is added (`initial_blocks`), Adam has no earlier gradients for its
    weights.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.

    S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997:
    Section 4 and Appendix A.1.

    F. A. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget: Continual Prediction with LSTM",
    Neural Computation 12(10), 2000, on the forget gate.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
        "block_size": [Interval(Integral, 1, None, closed="left")],
        "input_gate_bias": [StrOptions({"auto", "random"}), None, Real, "array-like"],
        "recurrence": [StrOptions(set(RECURRENCES))],
        "forget_gate": ["boolean"],
        "forget_gate_bias": [StrOptions({"random"}), None, Real, "array-like"],
        "input_gate": ["boolean"],
        "output_gate": ["boolean"],
        "output_gate_bias": [StrOptions({"random"}), None, Real, "array-like"],
        "n_hidden": [Interval(Integral, 0, None, closed="left")],
        "shortcut": ["boolean"],
        "cell_activation": [StrOptions(set(CELL_RANGES))],
        "state_activation": [StrOptions(set(STATE_ACTIVATIONS))],
        "cell_bias": ["boolean"],
        "output_bias": ["boolean"],
        "initial_blocks": [None, Interval(Integral, 0, None, closed="left")],
        "growth_patience": [None, Interval(Integral, 1, None, closed="left")],
        # The limit fits in a float32, so that a float32 can be compared with it.
        "init_scale": [Interval(Real, 0, 1e30, closed="both")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "learning_rate_schedule": [StrOptions({"linear", "constant"})],
        "batch_size": [None, StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "gradient": [StrOptions({"auto", "truncated", "full"})],
        "solver": [StrOptions({"sgd", "adam"})],
        "update": [None, StrOptions({"step", "sequence"})],
        "momentum": [None, Interval(Real, 0, 1, closed="left")],
        "dtype": [None, StrOptions({"float64", "float32"})],
    }
    _without_effect: ClassVar[dict[str, dict[str, Any]]] = {
        "growth_patience": {"initial_blocks": None},
        "input_gate_bias": {"input_gate": False},
        "forget_gate_bias": {"forget_gate": False},
        "output_gate_bias": {"output_gate": False},
        "momentum": {"batch_size": (None, "auto"), "solver": "adam"},
        "dtype": {"batch_size": (None, "auto")},
        "update": {"batch_size": SET},
    }

    n_blocks: int = 32
    block_size: int = 1
    _: KW_ONLY
    input_gate_bias: GateBias | Literal["auto"] = "auto"
    recurrence: Literal["all", "cells", "none"] = "cells"
    forget_gate: bool = False
    forget_gate_bias: GateBias = 1.0
    input_gate: bool = True
    output_gate: bool = True
    output_gate_bias: GateBias = 0.0
    n_hidden: int = 0
    shortcut: bool = False
    cell_activation: Literal["g", "h", "logistic"] = "h"
    state_activation: Literal["h", "identity"] = "h"
    cell_bias: bool = True
    output_bias: bool = True
    initial_blocks: int | None = None
    growth_patience: int | None = None
    init_scale: float = 0.5
    learning_rate: float | Literal["auto"] = "auto"
    learning_rate_schedule: Literal["linear", "constant"] = "linear"
    batch_size: int | Literal["auto"] | None = "auto"
    gradient: Literal["auto", "truncated", "full"] = "auto"
    solver: Literal["adam", "sgd"] = "adam"
    update: Literal["step", "sequence"] | None = None
    momentum: float | None = None
    dtype: Literal["float64", "float32"] | None = None

    _by_batches = True  # whether `fit` learns in batches; True before the first fit

    def _build(self, n_inputs: int, n_outputs: int) -> None:
        if self.update == "step" and self.gradient == "full":
            raise ValueError(
                "update='step' cannot be combined with gradient='full', which goes back through "
                "the whole sequence: leave it at its default, None"
            )
        if isinstance(self.batch_size, Integral) and self.initial_blocks is not None:
            raise ValueError(
                f"initial_blocks={self.initial_blocks} cannot be combined with "
                f"batch_size={self.batch_size}: only online learning adds blocks"
            )
        if self.initial_blocks is not None and self.initial_blocks > self.n_blocks:
            raise ValueError(
                f"initial_blocks={self.initial_blocks} is more than n_blocks={self.n_blocks}, "
                "to which the net grows"
            )
        if self.initial_blocks == self.n_blocks and self.growth_patience is not None:
            raise ValueError(
                f"growth_patience={self.growth_patience} has no effect: the net begins with all of "
                f"its n_blocks={self.n_blocks} blocks"
            )
        if self.initial_blocks == 0 and not (self.n_hidden or self.shortcut):
            raise ValueError(
                "initial_blocks=0 leaves the outputs without inputs: set n_hidden or shortcut"
            )
        is_auto = self.output_activation == "auto"
        self.topology_: Topology = topology_of(
            n_inputs=n_inputs,
            n_outputs=n_outputs,
            n_blocks=self.n_blocks if self.initial_blocks is None else self.initial_blocks,
            block_size=self.block_size,
            n_hidden=self.n_hidden,
            recurrence=self.recurrence,
            input_gate=self.input_gate,
            forget_gate=self.forget_gate,
            output_gate=self.output_gate,
            input_gate_bias=self.input_gate_bias is not None,
            forget_gate_bias=self.forget_gate_bias is not None,
            output_gate_bias=self.output_gate_bias is not None,
            cell_bias=self.cell_bias,
            output_bias=self.output_bias,
            shortcut=self.shortcut,
            cell_activation=self.cell_activation,
            state_activation=self.state_activation,
            output_activation=self._auto_activation if is_auto else self.output_activation,
            loss=self.loss,
        )
        self._gate_biases()

    def _initialize(self, rng: np.random.Generator) -> None:
        self.weights_ = self._draw(self.topology_, rng)

    def _draw(self, topology: Topology, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw initial weights; a net that will grow takes the gate biases of its first blocks."""
        biases = self._gate_biases()
        for gate, bias in biases.items():
            biases[gate] = bias[: topology.n_blocks] if bias.ndim else bias
        return topology.initial_weights(rng, self.init_scale, biases)

    def _gate_biases(self) -> dict[str, np.ndarray]:
        """Check the initial gate biases that are given as numbers; return one, or one per block."""
        biases = {}
        for gate in GATES:
            bias = getattr(self, f"{gate}_bias")
            if isinstance(bias, str) and bias == "auto":
                bias = BIASES if self._by_batches else ONLINE_BIASES
            if bias is None or isinstance(bias, str):
                continue
            try:
                biases[gate] = np.asarray(bias, dtype=np.float64)
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"{gate}_bias={brief(bias)} must hold numbers: {error}") from None
            if biases[gate].ndim and biases[gate].shape not in {(2,), (self.n_blocks,)}:
                raise ValueError(
                    f"{gate}_bias has shape {biases[gate].shape}, expected a number, one for each "
                    f"of the {self.n_blocks} blocks, or two, for the first and the last block"
                )
            if not np.isfinite(biases[gate]).all():
                raise ValueError(f"{gate}_bias={bias} is not finite")
            if biases[gate].shape == (2,):
                first, last = biases[gate].tolist()
                biases[gate] = np.linspace(first, last, self.n_blocks)
        return biases

    def _make_learner(self, rng: np.random.Generator | None = None) -> Learner:
        weights, earlier = self.weights_.copy(), getattr(self, "solver_state_", None)
        size, gradient, rate = self._way(is_fit=rng is not None)
        if size is not None:
            solver: Adam | GradientDescent = Adam(rate)
            if self.solver == "sgd":
                solver = GradientDescent(rate, self.momentum or 0.0)
            dtype = self.dtype or "float64"
            return BatchLearner(self.topology_, weights, size, solver, gradient, dtype, earlier)
        growth = None
        if rng is not None and self.initial_blocks is not None:
            draw = partial(self._draw, rng=rng)
            growth = Growth(self.n_blocks, self.growth_patience or 1000, draw)
        if gradient == "full":
            form, update = "full-backward", "sequence"
        elif self.update == "sequence":
            form, update = "truncated-backward", "sequence"
        else:
            form, update = "truncated-forward", "step"
        state = None
        if self.solver == "adam":
            state = resumed(Adam(rate), earlier, len(weights))
        return NetworkLearner(self.topology_, weights, rate, form, update, growth, state)

    def _way(self, is_fit: bool) -> tuple[int | None, str, float]:
        """Return size of batches, gradient and learning rate: of `fit`, or of other methods.

        The size is None for online learning. The rate is that before it falls.
        """
        size, gradient, rate = self.batch_size, self.gradient, self.learning_rate
        if isinstance(size, str):
            size = BATCH_SIZE if is_fit and self._by_batches else None
        if gradient == "auto":
            gradient = "truncated" if size is None else "full"
        if isinstance(rate, str):
            rate = STEP_RATE if size is None else BATCH_RATE
        falls = self.learning_rate_schedule == "linear"
        return size, gradient, rate * LATER if falls and not is_fit else rate

    def _plan(self, X: Sequences, y: Targets) -> int:
        self._by_batches = self.batch_size is not None
        if isinstance(self.batch_size, str):
            is_free = self.initial_blocks is None and self.update is None
            self._by_batches = is_free and (not y.every or len(X) >= FEW_SEQUENCES)
        if self.max_iter is not None:
            return self.max_iter
        size, *_ = self._way(is_fit=True)
        if size is None and y.every and self.update is None:
            due = ~np.isnan(y.values[y.rows(X.lengths)]).all(axis=1)
            n_epochs = math.ceil(STEP_UPDATES / max(1, int(due.sum())))
            return min(max(LEAST_EPOCHS, n_epochs), MOST_EPOCHS)
        n_updates = math.ceil(len(X) / (size or 1))
        least = max(UPDATES, min(EPOCHS * n_updates, MOST_UPDATES))
        if self.initial_blocks is not None:
            # A block is added when the loss no longer falls with those before.
            n_blocks = self.n_blocks - self.initial_blocks + 1
            least = max(least, 3 * (self.growth_patience or 1000) * n_blocks)
        return max(LEAST_EPOCHS, math.ceil(least / n_updates))

    def _rates(self, n_epochs: int, n_sequences: int) -> list[Fall] | None:
        if self.learning_rate_schedule == "constant":
            return None
        *_, rate = self._way(is_fit=True)
        last, n_updates = FALLS_TO * rate, n_epochs * n_sequences
        step, size = (rate - last) / n_updates, math.ceil(n_sequences / 64)
        return [Fall(last + (k + 1) * n_sequences * step, step, size) for k in range(n_epochs)]

    def _keep(self, learner: Any) -> None:
        self.topology_, self.weights_ = learner.topology, learner.weights
        if learner.state is None:
            self.__dict__.pop("solver_state_", None)
        else:
            self.solver_state_: dict[str, Any] = learner.state

    def trace(self, X: SequencesLike) -> list[Trace]:
        """Return the values of gates, cells, units and outputs at every step.

        Parameters
        ----------
        X : array-like
            Sequences, as for `fit`.

        Returns
        -------
        traces : list of Trace
            One :class:`~lstm97.traces.Trace` per sequence. The kernel of online learning computes
            the values in float64. Predictions of a net that learns by batches may differ from them
            in the last digits, and in more digits with float32.

        Raises
        ------
        ValueError
            If `predict` would not accept X, or if a value is not finite.

        Examples
        --------
        A net that adds two marked numbers opens an input gate at the markers:

        >>> import numpy as np
        >>> from lstm97 import LSTMRegressor
        >>> from lstm97.tasks import make_adding
        >>> X, y = make_adding(2000, T=20, rng=0)
        >>> model = LSTMRegressor.as_published(
        ...     input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=50, tol=None, random_state=0
        ... )
        >>> trace = model.fit(X, y).trace(X)[0]
        >>> np.flatnonzero(X[0][:, 1] == 1.0)
        array([2, 9])
        >>> np.flatnonzero(trace.input_gate[:, 0] > 0.1)
        array([2, 9])
        """
        model = copy.copy(self)  # another thread may fit the original meanwhile
        check_is_fitted(model)
        sequences = model._as_read(model._check_X(X, reset=False))
        traces = record_traces(model.topology_, model.weights_.copy(), sequences)
        return [replace(trace, output=model._in_units(trace.output)) for trace in traces]


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class _Stopping(StoppingParameters):
    """Stopping parameters with other defaults.

    Parameters
    ----------
    max_iter : int or None
        Maximum number of epochs of `fit`. None means 15 epochs; more if that would make fewer than
        1,000 updates; or fewer, but at least 3, if it would make more than 7,500 updates. If
        the weights change at every step, None means 100,000 updates, in 3 to 2,000 epochs.
    tol : float, "auto" or None
        `fit` ends when the mean loss per sequence has not fallen by this much for
        `n_iter_no_change` epochs. If None, `fit` runs all its epochs. "auto" means 1e-4 with
        `early_stopping` or `n_iter_no_change`, and otherwise None.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "max_iter": [None, Interval(Integral, 1, None, closed="left")],
        "tol": [None, StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    }

    max_iter: int | None = None
    tol: float | Literal["auto"] | None = "auto"


# Parameters of later bases come first in the signature.
@document()
@dataclass(eq=False, repr=False, kw_only=True)
class LSTMClassifier(SequenceClassifierMixin, _Stopping, ClassOutputs, _BaseLSTM):
    """Classifier of sequences: a small net of LSTM memory cells.

    The net has one output per class. The defaults suit raw measurements. `as_published` makes
    the net of the 1997 paper, with its learning rule and without any scaling.

    Parameters
    ----------
    loss : {"log_loss", "squared_error"}
        Log loss (cross-entropy), or half the squared error.

    See Also
    --------
    LSTMRegressor : The same net for numbers.

    Examples
    --------
    Classify sequences by their first symbol:

    >>> import numpy as np
    >>> from lstm97 import LSTMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(10, 20), 1)) * 0.3 for _ in range(200)]
    >>> y = rng.integers(2, size=200)
    >>> for series, label in zip(X, y):
    ...     series[0] = 2 * label - 1
    >>> LSTMClassifier(random_state=0).fit(X[:150], y[:150]).score(X[150:], y[150:])
    1.0
    """

    loss: Literal["log_loss", "squared_error"] = "log_loss"


@document()
@dataclass(eq=False, repr=False)
class LSTMRegressor(SequenceRegressorMixin, _Stopping, NumberOutputs, _BaseLSTM):
    """Regressor on sequences: a small net of LSTM memory cells.

    The defaults suit raw measurements and raw targets. `as_published` makes the net of the 1997
    paper, with its learning rule and without any scaling.

    See Also
    --------
    LSTMClassifier : The same net for classes.

    Examples
    --------
    Learn the sum of a mean and a last value, from sequences of unequal lengths:

    >>> import numpy as np
    >>> from lstm97 import LSTMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(20, 60), 2)) for _ in range(600)]
    >>> y = np.array([3 * x[:, 0].mean() + x[-1, 1] for x in X])
    >>> LSTMRegressor(random_state=0).fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.99
    True

    Add two marked numbers with the paper's net, its Experiment 4, at length 20:

    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(2000, T=20, rng=0)
    >>> model = LSTMRegressor.as_published(
    ...     input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=50, tol=None, random_state=0
    ... )
    >>> model.fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) > 0.99
    True
    """
