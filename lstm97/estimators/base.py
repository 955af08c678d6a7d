"""The base class of all estimators, with fitting and prediction."""

import copy
import sys
from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from functools import partial
from inspect import signature
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import joblib
import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from lstm97.data.checks import brief, naming, refuse_masked, warn_user
from lstm97.data.containers import as_array, stated_ndim, unpack
from lstm97.data.input import check_X
from lstm97.data.sample_weights import row_weights
from lstm97.data.sequences import Sequences, SequencesLike
from lstm97.data.targets import (
    Targets,
    TargetsLike,
    as_labels,
    flatten_steps,
    has_steps,
    is_missing,
    without_objects,
)
from lstm97.estimators.published import published_defaults
from lstm97.estimators.scaling import Standardizing
from lstm97.learning.batch import one_thread
from lstm97.learning.callbacks import CallbackSupport, FitTasks, fit_with_callbacks
from lstm97.learning.learner import Fall, Learner
from lstm97.learning.loop import (
    Checkpoint,
    EarlyStopping,
    Never,
    Plateau,
    StopRule,
    Training,
    constant_loss,
)
from lstm97.learning.network import shares
from lstm97.learning.streams import Stream

# Parameters that may change between a fit and one that continues it exactly.
NOT_DECISIVE = (
    "max_iter",
    "tol",
    "n_iter_no_change",
    "warm_start",
    "n_jobs",
    "random_state",
    "verbose",
)
# Fields of a topology that a warm start takes from the fitted net; all others must be unchanged.
SIZES = ("n_inputs", "n_outputs", "n_blocks", "block_size", "n_hidden")
# Stop reasons after which a warm start continues as if training had not stopped.
NOT_FINISHED = ("limit", "callback", "interrupted")
# Stands for any value except None in `_without_effect`.
SET = object()
# A net has learned something if its loss is below this fraction of that of constant outputs.
LEARNED = 0.99
# Class attributes that are dicts; each subclass adds entries to them.
TABLES = ("_parameter_constraints", "_without_effect")


class BaseSequenceEstimator(CallbackSupport, Standardizing, BaseEstimator):
    """Base of all estimators.

    Attributes
    ----------
    weights_ : ndarray of shape (n_weights,)
        All weights in one flat array; ``topology_.views(weights_)`` returns them by group.
    topology_ : Topology
        Sizes and switches of the net.
    n_features_in_ : int
        Number of columns of a 2-D X; otherwise equal to `n_step_features_in_`.
    n_step_features_in_ : int
        Number of features per step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names. Defined only if X was a data frame or a list of data frames.
    x_is_table_ : bool
        Whether X was 2-D, with one sequence per row.
    target_steps_ : {"last", "every"}
        Whether targets are given for the last step of each sequence or for every step.
    n_iter_ : int
        Number of epochs of `fit` plus number of calls of `partial_fit`.
    loss_curve_ : list of float
        Mean loss per sequence for each epoch or call. The losses are multiplied by sample weights.
    stop_reason_ : {"converged", "stagnated", "limit", "diverged", "callback", "interrupted"}
        Why the last fit ended. "converged": its stop rule was met. "stagnated": its stop rule was
        met, but constant outputs would have done as well as the net. "limit": it reached its last
        epoch. "diverged": a number was no longer finite. "callback": a callback stopped it.
        "interrupted": the user pressed Ctrl-C.
    """

    # A subclass adds its parameters as dataclass fields, and extends two tables: the constraints
    # that scikit-learn checks, and the values of other parameters with which a parameter has no
    # effect.
    _parameter_constraints: ClassVar[dict[str, Any]] = {}
    _without_effect: ClassVar[dict[str, dict[str, Any]]] = {}
    # What to try if nothing was learned.
    _remedy: ClassVar[str] = "Try another learning rate, more epochs, or more hidden units"
    # The tables of each class itself, without those of its bases.
    _own_tables: ClassVar[dict[str, dict[str, Any]]]
    # Request sample weights by default, so that pipelines and searches pass them on.
    __metadata_request__fit: ClassVar = {"sample_weight": True}
    __metadata_request__partial_fit: ClassVar = {"sample_weight": True}
    __metadata_request__score: ClassVar = {"sample_weight": True}

    weights_: NDArray[np.float64]
    n_features_in_: int
    n_step_features_in_: int
    feature_names_in_: NDArray[np.object_]
    x_is_table_: bool
    target_steps_: Literal["last", "every"]
    n_iter_: int
    loss_curve_: list[float]
    stop_reason_: Literal["converged", "stagnated", "limit", "diverged", "callback", "interrupted"]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Merge the tables of all base classes."""
        super().__init_subclass__(**kwargs)
        cls._own_tables = {table: vars(cls).get(table, {}) for table in TABLES}
        for table in TABLES:
            merged: dict[str, Any] = {}
            for base in reversed(cls.__mro__):
                own = vars(base).get("_own_tables", vars(base))  # plain mixins have no copy
                merged |= own.get(table, {})
            setattr(cls, table, merged)

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """Return the names of the parameters, read only once: reading the signature takes long."""
        if "_parameter_names" not in vars(cls):
            cls._parameter_names = super()._get_param_names()
        return [*cls._parameter_names]

    # -- methods of subclasses and mixins --------------------------------------------------------

    @classmethod
    def as_published(cls, *args: Any, **parameters: Any) -> Self:
        """Make an estimator with the paper's defaults.

        Its net, learning rule and stop rule are those that the reproduction of the paper uses, and
        inputs stay as they are. For nets of memory cells these are two blocks of two cells, learned
        online by the truncated gradient of the squared error.

        Parameters
        ----------
        *args, **parameters
            Parameters of the constructor; they take precedence.

        Returns
        -------
        estimator : object
            Estimator that is not fitted.

        Examples
        --------
        >>> from lstm97 import LSTMRegressor
        >>> model = LSTMRegressor.as_published(input_gate_bias=[-3, -6])
        >>> model.n_blocks, model.solver
        (2, 'sgd')
        """
        given = signature(cls).bind_partial(*args, **parameters).arguments
        published = published_defaults(cls)
        return cls(**{**published, **given})

    @abstractmethod
    def _build(self, n_inputs: int, n_outputs: int) -> None:
        """Set the fitted attributes that describe the net; raise an error if it cannot be built."""

    @abstractmethod
    def _initialize(self, rng: np.random.Generator) -> None:
        """Set the fitted attributes of an untrained net."""

    @abstractmethod
    def _make_learner(self, rng: np.random.Generator | None = None) -> Learner:
        """Return a learner with the fitted attributes; it can grow only if an rng is given."""

    @abstractmethod
    def _keep(self, learner: Any) -> None:
        """Update the fitted attributes from the learner."""

    @abstractmethod
    def _stop_rule(
        self, learner: Learner, X: Sequences, y: Targets, rng: np.random.Generator
    ) -> tuple[StopRule, Sequences, Targets]:
        """Return the rule that stops `fit`, and the sequences and targets to learn from."""

    def _plan(self, X: Sequences, y: Targets) -> int:
        """Return the number of epochs after which `fit` ends at the latest."""
        return int(self.max_iter or 0)

    def _rates(self, n_epochs: int, n_sequences: int) -> list[Fall] | None:
        """Return how the rate falls in each epoch, the last one first; None if it is constant."""
        return None

    @abstractmethod
    def _check_y(self, y: Any, X: Sequences, classes: Any = None) -> Targets:
        """Check targets, and set the fitted attributes that describe them."""

    @abstractmethod
    def _weigh(self, values: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Return the weight of each row of the targets, given the sample weights."""

    @abstractmethod
    def _decode(self, rows: np.ndarray) -> np.ndarray:
        """Return the predictions that rows of outputs stand for."""

    @abstractmethod
    def _score_outputs(
        self, outputs: np.ndarray, values: np.ndarray, weight: np.ndarray | None
    ) -> float:
        """Return the score of outputs against the values of the targets."""

    # -- learning --------------------------------------------------------------------------------

    def fit(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> Self:
        """Fit the estimator; with `warm_start`, continue from where the last fit ended.

        Parameters
        ----------
        X : array-like
            Sequences in one of these forms: a list, tuple or object array of arrays or CSR matrices
            of shape (n_steps_i, n_features); a `Sequences`; an array of shape (n_sequences,
            n_steps, n_features); or an array of shape (n_sequences, n_columns) with one sequence
            per row (see `n_channels`). Time always comes before features.
        y : array-like
            One target per sequence, for its last step; or one array per sequence, with a target for
            each step.
        sample_weight : array-like, default=None
            Weights that multiply the loss: one number per sequence or, with targets per step, one
            array of numbers per sequence. If None, all weights are 1.

        Returns
        -------
        self : object
            Fitted estimator. It is unchanged if the input is invalid or the fit is interrupted.
            With `warm_start`, a fit interrupted by Ctrl-C keeps its completed epochs, and the next
            fit runs the remaining ones.
        """
        self._validate_params()
        model = copy.copy(self)
        if getattr(model, "_skl_callbacks", None):
            fit_with_callbacks(model, X, y, sample_weight)
        else:
            model._fit(X, y, sample_weight)
        is_interrupted = model.stop_reason_ == "interrupted"
        if self.warm_start or not is_interrupted:
            self.__dict__ = model.__dict__
        if is_interrupted:
            raise KeyboardInterrupt
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Fit this copy; `fit` hands its attributes to the user's estimator at the end."""
        goes_on = self.warm_start and hasattr(self, "n_iter_")
        before = self._last_checkpoint() if goes_on else None
        sequences, targets = self._prepare(X, y, sample_weight, goes_on)
        if self.standardize is not False:
            sequences, targets = self._standardized(sequences, targets)
        rng = before.generator() if before else self._generator()
        n_planned = self._plan(sequences, targets)
        if not goes_on:
            self._initialize(rng)
        learner = self._trainable(rng)
        rule, sequences, targets = self._stop_rule(learner, sequences, targets, rng)
        n_epochs = n_planned
        if before:
            learner.restore(before.learner)
            rule.restore(before.rule)
            n_epochs = min(n_epochs, before.n_left or n_epochs)
        tasks = None
        if getattr(self, "_skl_callbacks", None):
            fitted = partial(self._attributes_with, learner)
            data = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
            tasks = FitTasks(self, n_epochs, fitted, data)
        training = Training(learner, rule)
        rates = self._rates(n_planned, len(sequences))
        checkpoint = self._run_epochs(training, sequences, targets, rng, n_epochs, rates, tasks)
        loss, constant = None, constant_loss(self.topology_, sequences, targets)
        if rule.best is not None:
            learner.restore(rule.best)
            loss = float(learner.evaluate(sequences, targets).loss.mean())
        self._finish(training, checkpoint, loss, constant)
        if tasks:
            tasks.end()

    def _run_epochs(
        self,
        training: Training,
        X: Sequences,
        y: Targets,
        rng: np.random.Generator,
        n_epochs: int,
        rates: list[Fall] | None,
        tasks: FitTasks | None,
    ) -> Checkpoint | None:
        """Train for at most `n_epochs` epochs, each at the rate for the number of those after it.

        Return a checkpoint of the last completed epoch.
        """
        checkpoint = None
        try:
            for n_left in reversed(range(n_epochs)):
                training.learner.fall = None if rates is None else rates[n_left]
                if tasks:
                    tasks.begin_epoch()
                order = rng.permutation(len(X)) if training.learner.has_order else slice(None)
                goes_on = training.learn(X[order], y[order])
                if self.verbose:
                    self._report(training)
                if tasks and tasks.end_epoch() and goes_on:
                    goes_on, training.reason = False, "callback"
                checkpoint = training.checkpoint(rng, n_left)
                if not goes_on:
                    break
        except KeyboardInterrupt:
            if checkpoint is None:
                raise
            training.go_back(checkpoint)
        return checkpoint

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Learn from the sequences once, in their order."""
        self._validate_params()
        model = copy.copy(self)
        goes_on = hasattr(model, "n_iter_")
        sequences, targets = model._prepare(X, y, sample_weight, goes_on, classes)
        sequences, targets = model._standardized(sequences, targets, runs=True)
        if not goes_on:
            model._initialize(model._generator())
        training = Training(model._trainable(), Never())
        training.learn(sequences, targets)
        if model.verbose:
            model._report(training)
        model._finish(training)
        self.__dict__ = model.__dict__
        return self

    def _validate_params(self) -> None:
        """Check each parameter, and refuse those that are set but have no effect."""
        super()._validate_params()
        for name in self._get_param_names():
            value = getattr(self, name)
            if isinstance(value, int) and abs(value) > sys.float_info.max:
                raise ValueError(f"{name}=... is out of range: no float is as large")
        for name, conditions in self._without_effect.items():
            value = getattr(self, name)
            if value is None:
                continue
            for other, without in conditions.items():
                present = getattr(self, other)
                is_so = present in without if isinstance(without, tuple) else present == without
                is_so |= without is SET and present not in (None, "auto")
                if is_so and not self._is_unset(name):
                    raise ValueError(
                        f"{name}={brief(value)} has no effect with {other}={present!r}: change "
                        f"{other}, or leave {name} at its default, {getattr(type(self), name)!r}"
                    )

    def _is_unset(self, name: str) -> bool:
        """Tell whether a parameter has its default, or that of `as_published`."""
        value, default = getattr(self, name), getattr(type(self), name)
        for each in (default, published_defaults(type(self)).get(name, default)):
            if isinstance(value, str | Real | np.bool_) and value == each:
                return True
        return False

    def _prepare(
        self, X: Any, y: Any, sample_weight: Any, goes_on: bool, classes: Any = None
    ) -> tuple[Sequences, Targets]:
        """Check the data; build the net, or check that the fitted one matches the parameters."""
        sequences, targets = self._check(X, y, sample_weight, reset=not goes_on, classes=classes)
        model = copy.copy(self) if goes_on else self
        model._build(self.n_step_features_in_, targets.values.shape[1])
        if goes_on:
            self._compare(model)
        return sequences, targets

    def _compare(self, wanted: Self) -> None:
        """Raise an error if the parameters describe another kind of net than the fitted one."""
        if self._standardizes != hasattr(self, "x_scaling_"):
            raise ValueError(
                f"standardize={brief(self.standardize)} is not what the fitted estimator was "
                "trained with: fit from the start, with warm_start=False"
            )
        self._compare_scalings()
        for field in fields(wanted.topology_):
            old, new = (getattr(model.topology_, field.name) for model in (self, wanted))
            if old != new and field.name not in SIZES:
                raise ValueError(
                    f"the parameters describe a net with {field.name}={new!r}, but the fitted net "
                    f"has {old!r}: fit from the start, with warm_start=False"
                )

    def _trainable(self, rng: np.random.Generator | None = None) -> Learner:
        """Return a learner for training; raise an error if its weights are not finite."""
        learner = self._make_learner(rng)
        if not learner.is_finite():
            raise ValueError("weights_ are not finite: training cannot continue from them")
        return learner

    def _generator(self) -> np.random.Generator:
        """Return a new random generator, seeded by `random_state`."""
        seed = check_random_state(self.random_state).randint(2**31, size=4)
        return np.random.Generator(np.random.PCG64(seed.tolist()))

    def _parameters_hash(self) -> str:
        """Hash the parameters that affect the course of a fit, but not its length."""
        parameters = self.get_params(deep=False)
        for name in NOT_DECISIVE:
            parameters.pop(name, None)
        return joblib.hash(parameters)

    def _last_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint of an unfinished last fit; None if it cannot be continued."""
        parameters, checkpoint = getattr(self, "_fit_state", None) or (None, None)
        return checkpoint if parameters == self._parameters_hash() else None

    def _attributes_with(self, learner: Learner) -> dict[str, Any]:
        """Return the fitted attributes as they would be if training ended now."""
        model = copy.copy(self)
        model._keep(learner)
        return {name: value for name, value in vars(model).items() if name.endswith("_")}

    def _report(self, training: Training) -> None:
        """Print the results of the last epoch."""
        if training.losses:
            n = getattr(self, "n_iter_", 0) + len(training.losses)
            print(f"Iteration {n}, loss = {training.losses[-1]:.8f}")
        if training.rule.scores:
            print(f"Validation score: {training.rule.scores[-1]:f}")

    def _finish(
        self,
        training: Training,
        checkpoint: Checkpoint | None = None,
        loss: float | None = None,
        constant: float = 0.0,
    ) -> None:
        """Set the fitted attributes, including the history of training, and warn of problems.

        The kept net has `loss`, by default that of the last epoch; the best constant outputs would
        have a loss of `constant`, which is 0 if it is not known.
        """
        rule, learner = training.rule, training.learner
        self._keep(learner)
        if rule.scores is None:
            self.__dict__.pop("best_validation_score_", None)  # it belongs to other weights
        else:
            self._keep_scores(training)
        self.n_iter_ = getattr(self, "n_iter_", 0) + len(training.losses)
        self.loss_curve_ = [*getattr(self, "loss_curve_", []), *training.losses]
        if loss is None:
            loss = training.losses[-1] if training.losses else 0.0
        has_learned = not loss >= LEARNED * constant > 0.0
        is_stuck = training.reason == "converged" and not has_learned
        self.stop_reason_ = "stagnated" if is_stuck else training.reason
        is_finished = checkpoint is None or training.reason not in NOT_FINISHED
        self._fit_state = None if is_finished else (self._parameters_hash(), checkpoint)
        self._warn(training, has_learned, loss, constant)

    @property
    def _limit(self) -> str:
        """The number of epochs of a fit, in words."""
        max_iter = self.max_iter
        return "the last epoch was" if max_iter is None else f"max_iter={max_iter} epochs"

    def _warn(self, training: Training, has_learned: bool, loss: float, constant: float) -> None:
        """Warn if training diverged, learned nothing, or did not converge."""
        losses, rule, reason = training.losses, training.rule, training.reason
        # A user who sets only a number of epochs does not expect a warning about how they ended.
        is_planned = rule.can_stop or getattr(self, "max_iter", None) is None
        if reason == "diverged":
            warn_user(
                f"training diverged after {training.n_sequences} sequences: a loss, a weight or a "
                "validation score was no longer finite; the last finite weights are kept. A "
                "smaller learning rate, or scaled inputs and targets, may help",
                ConvergenceWarning,
            )
        elif reason == "converged" and rule.judges_loss and losses[-1] > losses[0]:
            warn_user(
                f"training ended because the loss no longer fell: it rose from {losses[0]:.3g} to "
                f"{losses[-1]:.3g}. A smaller learning rate may help",
                ConvergenceWarning,
            )
        elif not has_learned and is_planned and reason in ("converged", "limit"):
            what = "nothing was learned"
            if reason == "limit" and rule.can_stop:
                what = f"{self._limit} reached, and nothing was learned"
            warn_user(
                f"{what}: the loss, {loss:.3g}, is not below that of constant outputs, "
                f"{constant:.3g}. {self._remedy}",
                ConvergenceWarning,
            )
        elif reason == "limit" and rule.can_stop:
            warn_user(
                f"{self._limit} reached, and training has not converged",
                ConvergenceWarning,
            )

    # -- input -----------------------------------------------------------------------------------

    def _check(
        self, X: Any, y: Any, sample_weight: Any = None, *, reset: bool, classes: Any = None
    ) -> tuple[Sequences, Targets]:
        """Check X and y together; refuse NaN, infinity, and lengths that do not match."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        if reset:
            for name in [*vars(self)]:
                if name.endswith("_"):
                    delattr(self, name)
        X = self._check_X(X, reset)
        refuse_masked(y, "y")
        if not isinstance(y, list | tuple | np.ndarray):
            with naming("y"):
                y = unpack(y)
        steps = has_steps(y)
        if not reset and steps != (self.target_steps_ == "every"):
            kinds = {"last": "the last step", "every": "every step"}
            hint = "; pass a 2-D array of these as list(y)" if stated_ndim(y) == 2 else ""
            raise ValueError(
                f"y holds targets for {kinds['every' if steps else 'last']}, but the estimator was "
                f"fitted with targets for {kinds[self.target_steps_]}{hint}"
            )
        self.target_steps_ = "every" if steps else "last"
        y = self._check_y(y, X, classes)
        if len(y) != len(X):
            _refuse_lengths(X, len(y))
        if sample_weight is not None:
            sample_weight = row_weights(sample_weight, X.lengths, y.every)
        return X, replace(y, weight=self._weigh(y.values, sample_weight))

    _check_X = check_X  # noqa: N815 - scikit-learn's name for the data

    # -- output ----------------------------------------------------------------------------------

    def _outputs(self, X: Any) -> tuple[np.ndarray, Sequences, Self]:
        """Return the outputs, one row per target, with the checked X and a copy of the estimator.

        Predictions use only this copy, because another thread may fit the estimator meanwhile.
        """
        model = copy.copy(self)
        check_is_fitted(model)
        sequences = model._as_read(model._check_X(X, reset=False))
        with np.errstate(over="ignore", invalid="ignore"):
            rows = model._in_units(model._run(sequences, model.target_steps_ == "every"))
        if not np.isfinite(rows).all():
            raise ValueError("an output is not finite: X or weights_ hold values that overflow")
        return rows, sequences, model

    def _run(self, X: Sequences, every: bool) -> np.ndarray:
        """Run the net in `n_jobs` threads, each with its own learner."""
        n_jobs = min(effective_n_jobs(self.n_jobs), len(X))
        if n_jobs == 1:
            return self._make_learner().run(X, every)
        with one_thread:  # for the BLAS, until the last job has ended
            rows = Parallel(n_jobs, require="sharedmem")(
                delayed(self._make_learner().run)(share, every) for share in shares(X, n_jobs)
            )
        return np.concatenate(rows)

    def _arrange(self, rows: np.ndarray, X: Any, sequences: Sequences) -> np.ndarray:
        """Return predictions in the shape of the targets."""
        if self.target_steps_ == "last":
            return rows
        if stated_ndim(X) in (2, 3):
            return rows.reshape(len(sequences), -1, *rows.shape[1:])
        parts = np.empty(len(sequences), dtype=object)
        ends = np.cumsum(sequences.lengths).tolist()
        parts[:] = [rows[start:end] for start, end in pairwise([0, *ends])]
        return parts

    def _paired(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return flat true targets, predictions and weights of the steps that have a target."""
        refuse_masked(y, "y")
        with naming("y"):
            y = unpack(y)
        rows, sequences, model = self._outputs(X)
        if model.target_steps_ == "every" and stated_ndim(y) == 2:
            y = list(as_array(y))  # in the form of predictions for an array X
        if has_steps(y) != (model.target_steps_ == "every"):
            raise ValueError(f"y must hold targets for the {model.target_steps_} step, as in fit")
        weight = row_weights(sample_weight, sequences.lengths, model.target_steps_ == "every")
        y_pred = model._decode(rows)
        if model.target_steps_ == "last":
            labels = as_labels(y, "y")
            if labels.ndim == 0:
                raise TypeError(f"y={brief(y)} must hold the true targets")
            y_true = without_objects(labels)
            if len(y_true) != len(y_pred):
                _refuse_lengths(sequences, len(y_true))
            return y_true, y_pred, weight
        y_true = flatten_steps(y, sequences.lengths)
        due = ~is_missing(y_true).reshape(len(y_true), -1).all(axis=1)
        weight = None if weight is None else weight[due]
        return without_objects(y_true[due]), y_pred[due], weight

    def _new_stream(self, n_features: int, n_outputs: int) -> Stream:
        """Return a stream with untrained weights; this is a copy that knows its outputs."""
        if not (isinstance(n_features, Integral) and n_features > 0):
            raise ValueError(f"n_features={brief(n_features)} must be a positive integer")
        self.n_features_in_ = self.n_step_features_in_ = int(n_features)
        self.x_is_table_, self.target_steps_ = False, "every"
        self.n_iter_, self.loss_curve_, self.stop_reason_ = 0, [], "limit"
        self._build(self.n_features_in_, n_outputs)
        if self._standardizes:
            self._begin_scaling(self.n_features_in_, n_outputs)
        self._initialize(self._generator())
        return Stream(self)

    def _unfitted(self) -> Self:
        """Return a copy for a new stream; refuse an estimator that is fitted."""
        if hasattr(self, "n_iter_"):
            raise ValueError(
                "n_features is for an estimator that is not fitted; stream() continues from the "
                "fitted weights"
            )
        self._validate_params()
        return copy.copy(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _refuse_lengths(X: Sequences, n_targets: int) -> None:
    """Raise a ValueError: there is not one target per sequence."""
    hint = "; targets per step are one array per sequence" if n_targets == X.n_steps else ""
    raise ValueError(
        f"inconsistent numbers of samples: X has {len(X)} sequences, y has {n_targets} targets"
        + hint
    )


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class CommonParameters:
    """Parameters of all estimators.

    Parameters
    ----------
    warm_start : bool
        Whether `fit` continues to train the net of the last `fit` or `partial_fit`. Parameters that
        set the net's size and initial weights are then ignored; all other parameters of the net
        must be unchanged. With the same sequences and parameters, two fits give exactly the result
        of one long fit if a callback or Ctrl-C ended the first, or if the first reached `max_iter`
        at a constant learning rate.
    standardize : bool or dict
        Whether features, and targets of linear outputs, are scaled to mean 0 and standard deviation
        1 before the net sees them; predictions have the units of the original targets. `fit`
        computes the statistics over all steps of its sequences and over all targets, weighted by
        the sample weights. If there was no `fit` before, `partial_fit` and streams update the
        statistics at each step. The updates for a feature or target stop after 100 values, counted
        from when it begins to vary. With a dict, you set some of these statistics yourself:
        "x_mean" and "x_scale", "y_mean" and "y_scale". Each is one number, or one number per
        feature or output. Sparse steps are not standardized.
    n_channels : int or None
        Number of features per step if X is 2-D. Each row is then a sequence: all features of the
        first step, then those of the second, and so on. Use 1 for univariate series. If None, each
        row is a sequence of a single step, and a warning says so.
    random_state : int, RandomState instance or None
        Random number generator, or its seed, for initial weights and the order of sequences.
    n_jobs : int or None
        Number of threads for prediction. None means 1 unless joblib's `parallel_config` sets
        another number; -1 means one per processor. Training uses one thread.
    verbose : bool or int
        Whether to print the loss after each epoch and, with early stopping, the score.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "warm_start": ["boolean"],
        "standardize": ["boolean", dict],
        "n_channels": [None, Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [
            None,
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
        ],
        "verbose": ["verbose"],
    }

    warm_start: bool = False
    standardize: bool | dict[str, Any] = True
    n_channels: int | None = None
    random_state: int | np.random.RandomState | None = None
    n_jobs: int | None = None
    verbose: bool | int = False


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class StoppingParameters(BaseSequenceEstimator):
    """Parameters of estimators that stop when the loss, or a held-out score, stagnates.

    Parameters
    ----------
    max_iter : int
        Maximum number of epochs of `fit`.
    tol : float or None
        `fit` ends when the mean loss per sequence has not fallen by this much for
        `n_iter_no_change` epochs. If None, `fit` ends after `max_iter` epochs.
    n_iter_no_change : int or None
        `fit` ends after this number of epochs without progress. None means 10.
    early_stopping : bool
        Whether to hold out sequences and monitor their score instead of the loss. `fit` then ends
        when the score has not risen by `tol` for `n_iter_no_change` epochs, and keeps the weights
        with the highest score.
    validation_fraction : float or None
        Fraction of sequences that early stopping holds out. The split is stratified by class if
        each sequence has one label. None means 0.1.

    Attributes
    ----------
    validation_scores_ : list of float
        Score after each epoch. It is NaN for epochs of earlier calls of `fit` or `partial_fit`
        without early stopping, and for a last epoch that ended early. Only available if
        ``early_stopping=True``.
    best_validation_score_ : float
        Highest score, which is that of `weights_`. Only available if ``early_stopping=True``.
    validation_seed_ : int
        Seed with which the held-out sequences were drawn; `warm_start` uses it again. Only
        available if ``early_stopping=True``.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [None, Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [None, Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [None, Interval(Real, 0, 1, closed="neither")],
    }
    _without_effect: ClassVar[dict[str, dict[str, Any]]] = {
        "n_iter_no_change": {"tol": None},
        "validation_fraction": {"early_stopping": False},
    }

    max_iter: int | None = 200
    tol: float | Literal["auto"] | None = 1e-4
    n_iter_no_change: int | None = None
    early_stopping: bool = False
    validation_fraction: float | None = None

    def _stop_rule(
        self, learner: Learner, X: Sequences, y: Targets, rng: np.random.Generator
    ) -> tuple[StopRule, Sequences, Targets]:
        tol = self.tol
        if tol == "auto":
            tol = 1e-4 if self.early_stopping or self.n_iter_no_change else None
        patience = np.inf if tol is None else self.n_iter_no_change or 10
        tol = tol or 0.0
        if not self.early_stopping:
            return Plateau(tol, patience), X, y
        held_out = self._hold_out(X, y, rng)
        score = partial(self._validation_score, learner, X[held_out], y[held_out])
        kept = np.delete(np.arange(len(X)), held_out)
        return EarlyStopping(score, learner.snapshot, tol, patience), X[kept], y[kept]

    def _hold_out(self, X: Sequences, y: Targets, rng: np.random.Generator) -> np.ndarray:
        """Draw the sequences to hold out for early stopping; a warm start draws the same ones."""
        from sklearn.model_selection import train_test_split  # half of the package's import time

        if not hasattr(self, "validation_seed_"):
            self.validation_seed_: int = int(rng.spawn(1)[0].integers(2**31))
        fraction = 0.1 if self.validation_fraction is None else self.validation_fraction
        with naming("validation_fraction"):
            _, held_out = train_test_split(
                np.arange(len(y)),
                test_size=fraction,
                random_state=self.validation_seed_,
                stratify=self._strata(y),
            )
        _, rows = _judged(X[held_out], y[held_out])
        n = int((~np.isnan(y.values[rows])).sum(axis=0).max(initial=0))
        if n < self._n_to_score:
            raise ValueError(
                f"validation_fraction={fraction} holds out {len(held_out)} of {len(X)} sequences, "
                f"which have {n} targets of positive weight, but a score needs {self._n_to_score}"
            )
        return held_out

    def _validation_score(self, learner: Learner, X: Sequences, y: Targets) -> float:
        """Return the score on held-out sequences; NaN if an output is not finite."""
        outputs = learner.run(X, y.every)
        if not np.isfinite(outputs).all():
            return np.nan
        due, rows = _judged(X, y)
        weight = None if y.weight is None else y.weight[rows]
        return float(self._score_outputs(outputs[due], y.values[rows], weight))

    def _keep_scores(self, training: Training) -> None:
        """Append the scores of this fit to those of earlier fits."""
        scores = [*getattr(self, "validation_scores_", [])]
        n_before = len(getattr(self, "loss_curve_", []))
        # NaN for epochs without early stopping, and for a last epoch that ended early.
        scores += [np.nan] * (n_before - len(scores)) + training.rule.scores
        scores += [np.nan] * (n_before + len(training.losses) - len(scores))
        self.validation_scores_: list[float] = scores
        self.best_validation_score_: float = training.rule.best_score


def _judged(X: Sequences, y: Targets) -> tuple[np.ndarray, np.ndarray]:
    """Return a mask of the output rows that a score uses, and the rows of their targets."""
    rows = y.rows(X.lengths)
    due = ~np.isnan(y.values[rows]).all(axis=1)
    if y.weight is not None:
        due &= y.weight[rows] > 0.0
    return due, rows[due]
