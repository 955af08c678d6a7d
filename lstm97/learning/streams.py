"""`Stream`, a net that runs along one long sequence, and can learn at every step."""

import copy
import math
from numbers import Integral, Real
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from lstm97._kernels.stream import Stepper
from lstm97.data.checks import as_integers, as_numbers, as_steps, brief, counted, naming, warn_user
from lstm97.data.sample_weights import LARGEST, row_weights
from lstm97.data.sequences import Sequences, as_sequences
from lstm97.data.targets import EXACT, as_labels, is_missing
from lstm97.learning.checks import is_of_type, require
from lstm97.learning.outputs import proportions
from lstm97.learning.scaling import ENOUGH, Scaling
from lstm97.learning.solvers import ADAMS, checked, copied
from lstm97.learning.topology import Topology

OVERFLOW = "an output is not finite: the steps, the state or the weights hold values that overflow"


class Snapshot(NamedTuple):
    """Everything that a stream changes, and the net that it belongs to.

    Attributes
    ----------
    weights : ndarray of shape (n_weights,)
        The current weights.
    state : ndarray
        Values that the net carries from step to step.
    touched : ndarray of int
        Columns that were not zero in any sparse step so far.
    x : ndarray of shape (n_features,), CSR matrix of shape (1, n_features), or None
        The last step. None if there was none.
    is_due : bool
        Whether the net may still learn the target of the last step.
    topology : Topology
        Topology of the net.
    classes : ndarray of shape (n_classes,) or None
        `classes_` of the stream.
    solver_state : dict or None
        State of the solver, like the attribute `solver_state_` of LSTM estimators. None if the
        stream does not learn by Adam.
    x_scaling, y_scaling : Scaling or None
        Scaling of steps and targets, or None without scaling. `x` is standardized.
    n_steps : int
        Number of steps so far, of all sequences.

    Examples
    --------
    Compare what a stream predicts after two different steps:

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
    solver_state: dict[str, np.ndarray] | None = None
    x_scaling: Scaling | None = None
    y_scaling: Scaling | None = None
    n_steps: int = 0


class Stream:
    """Net that runs along a sequence without waiting for its end.

    `step` feeds a step to the net and returns the net's prediction. `learn` then passes the target
    of that step, if there is one, and the weights change. `step_many` and `learn_many` do the same
    for many steps at once, with the same results and much faster. The time and memory of a step do
    not depend on how many steps came before. `reset` begins another sequence.

    The method `stream` of a fitted estimator returns a stream. It starts with the estimator's
    weights and leaves the estimator unchanged. With `n_features`, the method `stream` of an
    estimator that is not fitted returns a stream that starts with untrained weights. `to_estimator`
    returns an estimator with what the stream has learned.

    If a stream is reset before each sequence, its weights and predictions are identical, bit for
    bit, to those of `partial_fit` on these sequences with targets per step. Elman and RTRL
    estimators can learn along a stream, and so can LSTM estimators with ``gradient="truncated"``,
    ``update="step"`` and without batches. BPTT estimators, and those that learn from whole
    sequences, from batches or with ``class_weight="balanced"``, have streams that can only predict.

    Parameters
    ----------
    estimator : LSTMClassifier, LSTMRegressor, or an Elman, BPTT or RTRL estimator
        Fitted estimator; it is not changed.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or None
        Class labels in the order of the probabilities. None if the net predicts numbers, or
        probabilities of several labels.
    is_due : bool
        Whether there is a step for which `learn` has not been called.
    n_steps_ : int
        Number of steps that the stream has taken, in all its sequences.

    Raises
    ------
    ValueError
        If the estimator is of another kind, or its weights are not finite.

    See Also
    --------
    LSTMClassifier.partial_fit : Learn from complete sequences.

    Notes
    -----
    The states of LSTM estimators only add up unless they have forget gates, see the parameter
    `forget_gate`. Along a sequence without boundaries they drift into the saturation of the
    squashing functions, where errors no longer pass. Without forget gates, call `reset` wherever
    one part of a stream tells nothing about the next.

    With ``solver="adam"``, a stream begins with the estimator's `solver_state_`.

    A pickle of a stream holds its state, so that the copy continues from the same step.

    Threads that call the same stream take turns, and share its one sequence.

    Examples
    --------
    Learn the sum of the last two numbers from an endless source:

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
        estimator = copy.copy(estimator)  # another thread may fit the original meanwhile
        check_is_fitted(estimator)
        estimator._validate_params()
        learner = estimator._trainable()
        name = type(estimator).__name__
        if not learner.is_one_net:
            raise ValueError(
                f"{name} has no stream; only LSTM, Elman, BPTT and RTRL estimators have one"
            )
        why_not = learner.why_no_stream
        if isinstance(getattr(estimator, "class_weight", None), str):
            why_not = "class_weight='balanced' needs all targets at once"
        self._refusal = why_not and f"{name} cannot learn along a stream: {why_not}"
        self._estimator = estimator
        self._learning_rate = 0.0 if why_not else learner.learning_rate
        self._topology = learner.topology
        self._has_labels = hasattr(estimator, "classes_") and estimator.target_ndim_ == 2
        self.classes_: Any = None if self._has_labels else getattr(estimator, "classes_", None)
        if self.classes_ is not None:
            self._targets = self._label_targets()
        form = "none" if why_not else learner.form
        adapts = not why_not and learner.state is not None
        self._net = Stepper(
            learner.topology, learner.weights, form, copied(learner.state) if adapts else None
        )
        self._set_scaling(ENOUGH)

    def _set_scaling(self, enough: float) -> None:
        """Begin with the estimator's scalings, which then run for `enough` values."""
        scalings = (getattr(self._estimator, f"{name}_scaling_", None) for name in "xy")
        self._net.standardize(*(each and each.arrays() for each in scalings), enough)

    @property
    def is_due(self) -> bool:
        """Whether there is a step for which `learn` has not been called."""
        return self._net.is_due

    @property
    def n_steps_(self) -> int:
        """Number of steps that the stream has taken, in all its sequences."""
        return self._net.n_steps

    def __repr__(self) -> str:
        kind = ("output",) if self.classes_ is None else ("class", "classes")
        kind = ("label",) if self._has_labels else kind
        features = counted(self._topology.n_inputs, "feature")
        return (
            f"<Stream of {type(self._estimator).__name__}: {features}, "
            f"{counted(self._topology.n_outputs, *kind)}, {counted(self.n_steps_, 'step')} so far, "
            f"{'only predicts' if self._refusal else 'learns'}>"
        )

    def step(self, x: ArrayLike) -> np.ndarray | float:
        """Advance by one step, and predict.

        Parameters
        ----------
        x : array-like of shape (n_features,) or sparse matrix of shape (1, n_features)
            Features of this step. The steps of a sequence must be all dense or all sparse.

        Returns
        -------
        prediction : ndarray or float
            Probabilities of shape (n_classes,) for a classifier, as from `predict_proba`. For a
            regressor, a number or an array of shape (n_outputs,), as from `predict`.

        Raises
        ------
        ValueError
            If x is not a valid step, or holds NaN or infinity; the stream is then unchanged. Also
            if an output is not finite; the stream has then advanced, and may need `reset` or
            `restore`.
        """
        outputs = np.empty(self._topology.n_outputs)
        if not self._net.step(self._check_x(x), outputs):
            raise ValueError(OVERFLOW)
        return self._shaped(outputs)

    def learn(self, y: Any, sample_weight: float = 1.0, at: Snapshot | None = None) -> float:
        """Learn the target of the last step, or of an earlier one.

        Do not call it for a step without a target.

        Parameters
        ----------
        y : label, number or array-like of shape (n_outputs,)
            A label in `classes_`, or a number for each output. Some of the numbers, but not all,
            may be NaN, which means that this output has no target.
        sample_weight : float, default=1.0
            How much the loss of this step counts. The estimator's `class_weight` multiplies it.
        at : Snapshot, default=None
            If the target comes late, what `snapshot` returned after its step; each snapshot is for
            one call. The state of that step and the current weights give the gradient, which moves
            the current weights. None means the last step.

        Returns
        -------
        loss : float
            Loss of this step, before the weights change.

        Raises
        ------
        ValueError
            If there was no step since the last call of `learn` or `reset`; if y is not a valid
            target; if `sample_weight` is negative or above 1e100; if `at` belongs to another net,
            or was taken after its step was learned; or if the estimator cannot learn along a
            stream. The stream is then unchanged.

        Warns
        -----
        ConvergenceWarning
            If the loss, a weight or the state of Adam would not be finite. The weights are then
            unchanged, and `loss` is not finite.

        Examples
        --------
        Learn targets that come two steps late:

        >>> from collections import deque
        >>> from lstm97 import LSTMRegressor
        >>> stream, places = LSTMRegressor(random_state=0).stream(n_features=1), deque()
        >>> for t in range(100):
        ...     prediction = stream.step([t % 7])
        ...     places.append(stream.snapshot())
        ...     if t >= 2:
        ...         loss = stream.learn((t - 2) % 7, at=places.popleft())
        """
        target, weight = self._check_target(y, sample_weight)
        if at is None:
            loss = self._net.learn(target, weight, self._learning_rate)
        else:
            state, touched, x = self._check_late(at)
            loss = self._net.learn_at(target, weight, self._learning_rate, state, touched, x)
        if not math.isfinite(loss):
            self._warn_of_divergence(" at this step")
        return loss

    def step_many(self, X: Any) -> np.ndarray:
        """Advance by many steps, and predict at each.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_steps, n_features)
            Features of the steps. The steps of a sequence must be all dense or all sparse.

        Returns
        -------
        predictions : ndarray of shape (n_steps,), (n_steps, n_classes) or (n_steps, n_outputs)
            Predictions, identical bit for bit to those that `step` returns.

        Raises
        ------
        ValueError
            As from `step`. If an output is not finite, the stream has advanced to its step.

        Examples
        --------
        >>> import numpy as np
        >>> from lstm97 import LSTMRegressor
        >>> X = np.random.default_rng(0).normal(size=(1000, 2))
        >>> model = LSTMRegressor(forget_gate=True, random_state=0).partial_fit([X], [X[:, :1]])
        >>> stream = model.stream()
        >>> stream.step_many(X).shape
        (1000, 1)
        """
        return self._shaped(self._run(self._check_many(X).flat))

    def learn_many(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Advance by many steps, predict at each, and learn from each that has a target.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_steps, n_features)
            As for `step_many`.
        y : array-like of shape (n_steps,) or (n_steps, n_outputs)
            Targets of the steps. A label that is None or NaN, or a row of numbers that are all NaN,
            means that the step has no target.
        sample_weight : array-like of shape (n_steps,), default=None
            How much the loss of each step counts, at least 0. None means 1.

        Returns
        -------
        predictions : ndarray
            As from `step_many`. A prediction is made before its target is learned.
        losses : ndarray of shape (n_steps,)
            Losses as from `learn`; NaN for steps without a target.

        Raises
        ------
        ValueError
            As from `step` and `learn`. If an output is not finite, the stream has advanced to its
            step; otherwise it is unchanged.

        Warns
        -----
        ConvergenceWarning
            If a loss or a weight would not be finite. The weights did not change at these steps.

        Examples
        --------
        Learn to remember the last step, and see the loss fall:

        >>> import numpy as np
        >>> from lstm97 import LSTMRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=20_001)
        >>> model = LSTMRegressor.as_published(
        ...     forget_gate=True, learning_rate=0.2, random_state=0
        ... )
        >>> stream = model.partial_fit([x[:2, None]], [x[:2]]).stream()
        >>> _, losses = stream.learn_many(x[1:, None], x[:-1])
        >>> bool(losses[-1000:].mean() < 0.1 * losses[:1000].mean())
        True
        """
        sequences = self._check_many(X)
        targets = self._check_targets(y, sample_weight, sequences)
        losses = np.full(sequences.n_steps, np.nan)
        outputs = self._run(sequences.flat, *targets, self._learning_rate, losses)
        bad = ~np.isnan(targets[0]).all(axis=1) & ~np.isfinite(losses)
        if bad.any():
            self._warn_of_divergence(f" at step {np.argmax(bad)}")
        return self._shaped(outputs), losses

    def forecast(self, n_steps: int) -> np.ndarray:
        """Predict the next steps: each prediction is taken as the step that follows.

        The net must be a regressor whose targets are its next steps. The stream stays where it is.

        Parameters
        ----------
        n_steps : int
            Number of predictions. The first one is that of the last step.

        Returns
        -------
        predictions : ndarray of shape (n_steps,) or (n_steps, n_outputs)
            The same predictions, bit for bit, as from `step` with each prediction as the next step.
            The first is that of the last step.

        Raises
        ------
        ValueError
            If the net is a classifier, or has not as many outputs as features; if there was no step
            since `reset`; if `n_steps` is not a positive integer; or if an output is not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from lstm97 import RTRLRegressor
        >>> wave = np.sin(np.arange(3001) / 4)
        >>> stream = RTRLRegressor(4, random_state=0).stream(n_features=1)
        >>> _, losses = stream.learn_many(wave[:-1, None], wave[1:])
        >>> stream.forecast(n_steps=5).shape
        (5,)
        """
        self._check_forecast(n_steps)
        outputs = np.empty((n_steps, self._topology.n_outputs))
        if not self._net.forecast(outputs):
            raise ValueError(OVERFLOW)
        return self._shaped(outputs)

    def reset(self) -> Self:
        """Begin another sequence: forget all steps, and keep the weights.

        Returns
        -------
        self : Stream
            The same stream.
        """
        self._net.reset()
        return self

    def snapshot(self) -> Snapshot:
        """Return a copy of everything that `step` and `learn` change.

        Returns
        -------
        snapshot : Snapshot
            Argument for `restore`. It can be pickled.
        """
        *net, moments, x_scaling, y_scaling, n_steps = self._net.snapshot()
        weights, state, touched, x, is_due = net
        return Snapshot(
            weights, state, touched, x, is_due, self._topology, self.classes_, moments,
            x_scaling and Scaling(*x_scaling), y_scaling and Scaling(*y_scaling), n_steps,
        )  # fmt: skip

    def restore(self, snapshot: Snapshot) -> Self:
        """Go back to a snapshot.

        Parameters
        ----------
        snapshot : Snapshot
            Snapshot of this stream, or of another stream of the same net.

        Returns
        -------
        self : Stream
            The same stream.

        Raises
        ------
        TypeError
            If `snapshot` is not a `Snapshot`.
        ValueError
            If the snapshot belongs to another net, or holds values that no stream can have. The
            stream is then unchanged.
        """
        _refuse_others(snapshot, "snapshot")
        with naming("snapshot"):
            self._net.restore(*self._check_snapshot(snapshot))
        return self

    def to_estimator(self) -> Any:
        """Return a fitted estimator with the current weights.

        Returns
        -------
        estimator : object
            A copy of the estimator that the stream came from, with new `weights_` and, if it
            learns by Adam, a new `solver_state_`. A stream of it begins a new sequence.
        """
        estimator = copy.copy(self._estimator)
        estimator.weights_, *_, moments, x_scaling, y_scaling, _ = self._net.snapshot()
        if moments is not None:
            estimator.solver_state_ = moments
        if x_scaling is not None:
            estimator.x_scaling_ = Scaling(*x_scaling)
        if y_scaling is not None:
            estimator.y_scaling_ = Scaling(*y_scaling)
        estimator._fit_state = None  # a fit with warm_start continues from these weights
        return estimator

    def _peek(self, x: Any) -> Any:
        """Return what `step` would return; the stream stays where it is."""
        outputs = np.empty(self._topology.n_outputs)
        if not self._net.peek(self._check_x(x), outputs):
            raise ValueError(OVERFLOW)
        return self._shaped(outputs)

    def __getstate__(self) -> dict[str, Any]:
        return {"estimator": self.to_estimator(), "snapshot": self.snapshot()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Stream.__init__(self, state["estimator"])
        self.restore(state["snapshot"])

    # -- output ----------------------------------------------------------------------------------

    def _run(self, steps: Any, *learning: Any) -> np.ndarray:
        """Take many steps, learn if there are targets, and return the outputs."""
        outputs = np.empty((steps.shape[0], self._topology.n_outputs))
        n, is_finite = self._net.run(steps, outputs, *learning)
        if not is_finite:
            raise ValueError(
                f"an output is not finite at step {n - 1}: steps or weights hold values that "
                "overflow. The stream has advanced to this step"
            )
        return outputs

    def _shaped(self, outputs: np.ndarray) -> Any:
        """Return predictions from the outputs of a step, or of many, in their units."""
        if self.classes_ is not None:
            return proportions(outputs)
        return outputs[..., 0] if self._estimator.target_ndim_ == 1 else outputs

    def _warn_of_divergence(self, where: str) -> None:
        warn_user(
            f"learning diverged: the loss or a weight would not be finite, so the weights were not "
            f"changed{where}. Try a smaller learning rate, or scale steps and targets",
            ConvergenceWarning,
        )

    # -- input -----------------------------------------------------------------------------------

    def _check_forecast(self, n_steps: int) -> None:
        """Refuse a net whose predictions cannot be its next steps, and a wrong number of steps."""
        n_features, n_outputs = self._topology.n_inputs, self._topology.n_outputs
        if self.classes_ is not None or self._has_labels:
            raise ValueError("forecast needs numbers, but a classifier predicts labels")
        if n_features != n_outputs:
            raise ValueError(
                f"forecast takes predictions as the next steps, but a step has shape "
                f"({n_features},) and a prediction ({n_outputs},): fit with targets of all "
                "features, or call step of a stream with what is known of the next steps"
            )
        if isinstance(n_steps, bool) or not (isinstance(n_steps, Integral) and n_steps > 0):
            raise ValueError(f"n_steps={brief(n_steps)} must be a positive integer")

    def _check_many(self, X: Any) -> Sequences:
        """Return the steps as one sequence."""
        sequences = as_sequences([X])
        if sequences.n_features != self._topology.n_inputs:
            raise ValueError(
                f"X has {sequences.n_features} features, but one step has {self._topology.n_inputs}"
            )
        return sequences

    def _check_targets(
        self, y: Any, sample_weight: Any, sequences: Sequences
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return a row of targets for each step, read as `partial_fit` does, and their weights."""
        if self._refusal:
            raise ValueError(self._refusal)
        labels = as_labels(y, "y")
        if labels.shape[:1] == (sequences.n_steps,) and is_missing(labels).all():
            return np.full((len(labels), self._topology.n_outputs), np.nan), None
        model = copy.copy(self._estimator)
        model.target_steps_ = "every"
        values = model._check_y([y], sequences).values
        if sample_weight is not None:
            sample_weight = row_weights(
                [sample_weight], sequences.lengths, every=True, may_be_zero=True
            )
        return values, model._weigh(values, sample_weight)

    def _check_x(self, x: Any) -> Any:
        """Return a step as an array, or a copy of it as a CSR matrix of one row."""
        expected: tuple[int, ...] = (self._topology.n_inputs,)
        if sparse.issparse(x):
            x, expected = as_steps(x, "x").copy(), (1, *expected)
        else:
            x = as_numbers(x, "x")
        if x.shape != expected:
            raise ValueError(
                f"x has shape {x.shape}, but one step has shape {expected}; the features of a "
                "stream stay the same"
            )
        return x

    def _check_snapshot(self, snapshot: Any) -> tuple[Any, ...]:
        """Return copies of the values to restore, after checks that the kernel does not make."""
        weights, state, touched, x, is_due, topology, classes, moments, *rest = snapshot
        *scalings, n_steps = rest
        is_ours = isinstance(topology, Topology) and topology == self._topology
        if not (is_ours and np.array_equal(classes, self.classes_)):
            raise ValueError("it belongs to another net")
        weights = as_numbers(weights, "weights").copy()
        if not np.isfinite(weights).all():
            raise ValueError("weights are not finite")
        # The state need not be finite: a stream that has overflowed can be stored, too.
        state = as_numbers(state, "state").copy()
        touched = as_integers(touched, "touched")
        x = None if x is None else self._check_x(x)
        if not isinstance(is_due, bool | np.bool_):
            raise TypeError(f"is_due={brief(is_due)} must be True or False")
        if moments is not None:
            is_adams = isinstance(moments, dict) and moments.keys() == ADAMS
            require(is_adams, "solver_state is not a state of Adam")
            moments = copied(checked("solver_state", moments, self._topology.n_weights))
        for name, scaling in zip("xy", scalings, strict=True):
            own = getattr(self._estimator, f"{name}_scaling_", None)
            fits = scaling is None and own is None
            if own is not None and isinstance(scaling, Scaling):
                fits = len(scaling.mean) == len(own.mean)
            require(fits, "it standardizes in another way")
        if not (is_of_type(n_steps, int) and 0 <= n_steps <= EXACT):
            raise ValueError(f"n_steps={brief(n_steps)} must be an integer, 0 or more")
        scalings = [each and each.arrays() for each in scalings]
        return weights, state, touched, x, is_due, moments, *scalings, n_steps

    def _check_late(self, at: Any) -> tuple[Any, ...]:
        """Return state, columns and step of a snapshot whose step is to be learned."""
        _refuse_others(at, "at")
        with naming("at"):
            _, state, touched, x, is_due, *_ = self._check_snapshot(at)
            require(is_due, "there is no step to learn from: take the snapshot after step")
        return state, touched, x

    def _check_target(self, y: Any, sample_weight: float) -> tuple[np.ndarray, float]:
        """Return a row of targets and its weight; raise an error if the net cannot learn."""
        if self._refusal:
            raise ValueError(self._refusal)
        if not (isinstance(sample_weight, Real) and 0.0 <= sample_weight <= LARGEST):
            raise ValueError(
                f"sample_weight={brief(sample_weight)} must be a number from 0 to {LARGEST:g}"
            )
        target, weight = self._check_y(y)
        return target, weight * float(sample_weight)

    def _label_targets(self) -> dict[Any, tuple[np.ndarray, float]]:
        """Return the row of targets and the weight of each label."""
        rows = np.eye(self._topology.n_outputs)
        weights = self._estimator._weigh(rows, None)
        weights = np.ones(len(rows)) if weights is None else weights
        return dict(zip(self.classes_, zip(rows, weights, strict=True), strict=True))

    def _check_y(self, y: Any) -> tuple[np.ndarray, float]:
        """Return the row of targets and the weight of a label, a number or an array of numbers."""
        if self.classes_ is None:
            return self._check_numbers(y), 1.0
        try:
            return self._targets[y]
        except (KeyError, TypeError, ValueError):  # the last two if y cannot be hashed, like a list
            raise ValueError(
                f"y={brief(y)} is not in classes_, to which a stream adds none: name all classes "
                "before the first step"
            ) from None

    def _check_numbers(self, y: Any) -> np.ndarray:
        """Return a number for each output; NaN, but not for all of them, means no target."""
        n_outputs = self._topology.n_outputs
        target = np.array([y]) if isinstance(y, float) else as_numbers(y, "y")
        if target.shape != (n_outputs,):
            raise ValueError(f"y has shape {target.shape}, but it must hold {n_outputs} numbers")
        if not np.isfinite(target).all():
            if np.isnan(target).all():
                raise ValueError("y holds no target: every number is NaN")
            if np.isinf(target).any():
                raise ValueError("y contains infinity")
        if self._has_labels and not np.isin(target, (0, 1)).all():
            raise ValueError("y must hold 0 or 1 for each label")
        return target


def _refuse_others(snapshot: Any, name: str) -> None:
    """Raise a TypeError unless an argument is a `Snapshot`."""
    if not isinstance(snapshot, Snapshot):
        raise TypeError(f"{name} must be a Snapshot, but it is a {type(snapshot).__name__}")
