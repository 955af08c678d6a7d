"""`Stream`: a net that steps along one long sequence, and learns on its way."""

import copy
import warnings
from numbers import Real
from reprlib import repr as brief  # a nested list may be too deep for the other one
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from lstm97._kernels.stream import Stepper
from lstm97.data.checks import as_integers, as_numbers, as_steps, naming
from lstm97.learning.batch import BatchLearner
from lstm97.learning.network import NetworkLearner
from lstm97.learning.topology import Topology


class Snapshot(NamedTuple):
    """All that a stream changes, and what net it belongs to.

    Attributes
    ----------
    weights : ndarray of shape (n_weights,)
    state : ndarray
        What is carried from step to step.
    touched : ndarray of int
        Columns of sparse steps that were not zero so far.
    x : ndarray of shape (n_features,), CSR matrix of shape (1, n_features), or None
        The last step, if there was one.
    is_due : bool
        Whether the last step may still be learned from.
    topology : Topology
        Of the net.
    classes : ndarray of shape (n_classes,) or None
        `classes_` of the stream.

    Examples
    --------
    What a stream would say after either of two steps:

    >>> from lstm97 import RTRLRegressor
    >>> stream = RTRLRegressor(random_state=0).partial_fit([[[0.0]]], [0.0]).stream()
    >>> prediction = stream.step([0.5])
    >>> snapshot = stream.snapshot()
    >>> up = stream.step([1.0])
    >>> down = stream.restore(snapshot).step([-1.0])
    >>> bool(stream.restore(snapshot).step([1.0]) == up)
    True
    """

    weights: np.ndarray
    state: np.ndarray
    touched: np.ndarray
    x: np.ndarray | sparse.csr_array | None
    is_due: bool
    topology: Topology
    classes: np.ndarray | None


class Stream:
    """A net on a sequence that has no end, or none that could be waited for.

    Each step comes by itself: `step` shows it to the net and returns the net's prediction; `learn`
    tells the target of that step, where there is one, and the weights move. A step takes the same
    time and memory, however many went before. `reset` begins another sequence.

    Streams come from the method `stream` of a fitted estimator. They start with its weights, leave
    it as it is, and `to_estimator` turns what was learned into an estimator again. To start from
    weights that have learned nothing, call `partial_fit` with one short sequence first.

    Steps, targets and resets give the same weights and the same predictions, bit for bit, as
    `partial_fit` on the sequences with targets per step: LSTM estimators with
    ``gradient="truncated"``, ``update="step"`` and without batches, Elman and RTRL estimators
    learn along a stream. Nets that learn from whole sequences or batches, or with
    ``class_weight="balanced"``, and BPTT estimators have streams that predict, but cannot learn.

    Parameters
    ----------
    estimator : LSTMClassifier, LSTMRegressor, or an Elman, BPTT or RTRL estimator
        Fitted; it is not changed.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or None
        Class labels in the order of the probabilities; None for numbers.
    is_due : bool
        Whether there is a step that `learn` has not been called for.

    Raises
    ------
    ValueError
        If the estimator is of another kind, or its weights are not finite.

    See Also
    --------
    LSTMClassifier.partial_fit : Learning from sequences that have ended.

    Notes
    -----
    The cells of 1997 have no forget gate. Along a sequence without boundaries their states drift,
    until they are far from where squashing lets an error pass: `reset` wherever one part of a
    stream says nothing about the next.

    A pickle of a stream holds its state, so that it goes on where it was.

    Calls from several threads take turns, but a stream is one sequence: all of them step along it.

    Examples
    --------
    The sum of the last two numbers, from a source that never ends:

    >>> import numpy as np
    >>> from lstm97 import RTRLRegressor
    >>> rng = np.random.default_rng(0)
    >>> stream = RTRLRegressor(5, random_state=0).partial_fit([[[0.0]]], [0.0]).stream()
    >>> before, errors = 0.0, []
    >>> for _ in range(5000):
    ...     now = rng.uniform(-0.5, 0.5)
    ...     errors.append(abs(stream.step([now]) - (before + now)))
    ...     loss = stream.learn(before + now)
    ...     before = now
    >>> bool(np.mean(errors[-500:]) < 0.2 * np.mean(errors[:500]))
    True
    >>> learned = stream.to_estimator()
    """

    def __init__(self, estimator: Any) -> None:
        estimator = copy.copy(estimator)  # another thread may fit it
        check_is_fitted(estimator)
        estimator._validate_params()
        learner = estimator._trainable()
        name = type(estimator).__name__
        if not isinstance(learner, NetworkLearner | BatchLearner):
            raise ValueError(
                f"{name} has no stream: LSTM, Elman, BPTT and RTRL estimators have one"
            )
        why_not = _why_not(estimator, learner)
        self._refusal = why_not and f"{name} cannot learn along a stream: {why_not}"
        self._estimator = estimator
        self._learning_rate = estimator.learning_rate
        self._topology = learner.topology
        self.classes_: Any = getattr(estimator, "classes_", None)
        if self.classes_ is not None:
            self._targets = self._label_targets()
        # Of batches there is a reason why not, and no form.
        form = "none" if why_not else learner.form  # type: ignore[union-attr]
        self._net = Stepper(learner.topology, learner.weights, form)

    @property
    def is_due(self) -> bool:
        """Whether there is a step that `learn` has not been called for."""
        return self._net.is_due

    def step(self, x: ArrayLike) -> np.ndarray | float:
        """Go on by one step and predict.

        Parameters
        ----------
        x : array-like of shape (n_features,) or sparse matrix of shape (1, n_features)
            The features of this step; all steps of a sequence must be of one kind, dense or
            sparse.

        Returns
        -------
        prediction : ndarray or float
            One row of what the estimator would return: of `predict_proba`, an array of shape
            (n_classes,); or of `predict`, a number or an array of shape (n_outputs,).

        Raises
        ------
        ValueError
            If x is no such step, or holds NaN or infinity: the stream is as it was. If an output
            is not finite: the stream has gone on, but may be of no use before `reset` or
            `restore`.
        """
        outputs = np.empty(self._topology.n_outputs)
        is_finite = self._net.step(self._check_x(x), outputs)
        if not is_finite:
            raise ValueError("an output is not finite: steps or weights hold values that overflow")
        if self.classes_ is not None:
            return outputs / outputs.sum()
        return outputs[0] if self._estimator.target_ndim_ == 1 else outputs

    def learn(self, y: Any, sample_weight: float = 1.0) -> float:
        """Learn the target of the last step; at a step without a target, just do not call it.

        Parameters
        ----------
        y : label, number or array-like of shape (n_outputs,)
            A label of `classes_`; or as many numbers as there are outputs, of which some, but not
            all, may be NaN: no target for this output.
        sample_weight : float, default=1.0
            What the step's loss counts, beside what `class_weight` of the estimator says.

        Returns
        -------
        loss : float
            Of this step, before the weights moved.

        Raises
        ------
        ValueError
            If there was no step since the last call of `learn` or `reset`; if y is no target, or
            `sample_weight` negative or not finite; if the estimator cannot learn along a stream.
            The stream is as it was.

        Warns
        -----
        ConvergenceWarning
            If the loss, or a weight, would not be finite: no weight has moved, and `loss` is not
            finite.
        """
        loss = self._net.learn(*self._check_target(y, sample_weight), self._learning_rate)
        if not np.isfinite(loss):
            warnings.warn(
                "learning diverged: the loss or a weight would not be finite; nothing was learned "
                "from this step. A smaller learning rate, or scaled steps and targets, may help",
                ConvergenceWarning,
                stacklevel=2,
            )
        return loss

    def reset(self) -> Self:
        """Begin another sequence: forget all steps, but nothing that was learned.

        Returns
        -------
        self : Stream
            The same stream.
        """
        self._net.reset()
        return self

    def snapshot(self) -> Snapshot:
        """Return a copy of all that steps and learning change.

        Returns
        -------
        snapshot : Snapshot
            For `restore`; it may be pickled.
        """
        weights, state, touched, x, is_due = self._net.snapshot()
        x = None if x is None else x.copy()  # the kernel goes on to read its own
        return Snapshot(weights, state, touched, x, is_due, self._topology, self.classes_)

    def restore(self, snapshot: Snapshot) -> Self:
        """Go back to a snapshot.

        Parameters
        ----------
        snapshot : Snapshot
            Of this stream, or of another one of the same net.

        Returns
        -------
        self : Stream
            The same stream.

        Raises
        ------
        TypeError
            If it is no snapshot.
        ValueError
            If the snapshot is of another net, or holds what no stream could have left: the stream
            is as it was.
        """
        if not isinstance(snapshot, Snapshot):
            raise TypeError(f"snapshot must be a Snapshot, it is a {type(snapshot).__name__}")
        with naming("snapshot"):
            self._net.restore(*self._check_snapshot(snapshot))
        return self

    def to_estimator(self) -> Any:
        """Return a fitted estimator with the weights of now.

        Returns
        -------
        estimator : object
            As the one that the stream came from, but for `weights_`. Its own streams begin a
            sequence; it does not know where this stream is.
        """
        estimator = copy.copy(self._estimator)
        estimator.weights_ = self._net.weights()
        estimator._fit_state = None  # a fit with warm_start goes on from these weights
        return estimator

    def __reduce__(self) -> tuple[Any, ...]:
        return _resumed, (self.to_estimator(), self.snapshot())

    # -- input -----------------------------------------------------------------------------------

    def _check_x(self, x: Any) -> Any:
        """Return a copy of a step: an array or a CSR matrix of one row."""
        expected: tuple[int, ...]
        if sparse.issparse(x):
            x, expected = as_steps(x, "x"), (1, self._topology.n_inputs)
        else:
            x, expected = as_numbers(x, "x"), (self._topology.n_inputs,)
        if x.shape != expected:
            raise ValueError(f"x has shape {x.shape}, one step has shape {expected}")
        return x.copy()

    def _check_snapshot(self, snapshot: Any) -> tuple[Any, ...]:
        """Return copies of what the kernel restores; it has checks of its own."""
        weights, state, touched, x, is_due, topology, classes = snapshot
        is_ours = isinstance(topology, Topology) and topology == self._topology
        if not (is_ours and np.array_equal(classes, self.classes_)):
            raise ValueError("it is of another net")
        weights = as_numbers(weights, "weights").copy()
        if not np.isfinite(weights).all():
            raise ValueError("weights are not finite")
        # What is carried may be: a stream that has overflowed is one that can be stored.
        state = as_numbers(state, "state").copy()
        touched = as_integers(touched, "touched")
        x = None if x is None else self._check_x(x)
        if not isinstance(is_due, bool | np.bool_):
            raise TypeError(f"is_due={brief(is_due)} must be True or False")
        return weights, state, touched, x, is_due

    def _check_target(self, y: Any, sample_weight: float) -> tuple[np.ndarray, float]:
        """Return target row and weight, if the net can learn."""
        if self._refusal:
            raise ValueError(self._refusal)
        if not (isinstance(sample_weight, Real) and 0.0 <= sample_weight < np.inf):
            raise ValueError(f"sample_weight={brief(sample_weight)} must be a number, 0 or more")
        target, weight = self._check_y(y)
        return target, weight * sample_weight

    def _label_targets(self) -> dict[Any, tuple[np.ndarray, float]]:
        """Return target row and weight of each label."""
        rows = np.eye(self._topology.n_outputs)
        weights = self._estimator._weigh(rows, None)
        weights = np.ones(len(rows)) if weights is None else weights
        return dict(zip(self.classes_, zip(rows, weights, strict=True), strict=True))

    def _check_y(self, y: Any) -> tuple[np.ndarray, float]:
        """Return target row and weight of a label, a number or some."""
        if self.classes_ is None:
            return self._check_numbers(y), 1.0
        try:
            return self._targets[y]
        except (KeyError, TypeError, ValueError):  # what cannot be hashed, a list for instance
            raise ValueError(f"y={brief(y)} is not in classes_") from None

    def _check_numbers(self, y: Any) -> np.ndarray:
        target, n_outputs = as_numbers(y, "y"), self._topology.n_outputs
        if target.shape != (n_outputs,):
            raise ValueError(f"y has shape {target.shape}, {n_outputs} numbers expected")
        if np.isnan(target).all():
            raise ValueError("y holds no target: every number is NaN")
        if np.isinf(target).any():
            raise ValueError("y contains infinity")
        return target


def _why_not(estimator: Any, learner: Any) -> str | None:
    """Say why a learner cannot learn along a stream; None: it can."""
    if isinstance(getattr(estimator, "class_weight", None), str):
        return "class_weight='balanced' needs all targets at once"
    if isinstance(learner, BatchLearner):
        return "it learns by batches of sequences"
    if learner.form == "full":
        return "the full gradient goes back through a whole sequence"
    return None if learner.update == "step" else "its weights move at the end of a sequence"


def _resumed(estimator: Any, snapshot: Snapshot) -> Stream:
    return Stream(estimator).restore(snapshot)
