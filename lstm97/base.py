"""The estimator base that every method shares, and the mixins that code targets."""

import copy
import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from lstm97._training import train
from lstm97.sequences import Sequences, as_sequences, is_ragged
from lstm97.stopping import Never, Plateau
from lstm97.targets import Targets, check_numbers, flatten_steps, has_steps, is_missing


class BaseSequenceEstimator(BaseEstimator):
    """Fit, partial fit and prediction on sequences, for any learner.

    A subclass has the constructor, with at least `max_iter`, `tol`, `n_iter_no_change`,
    `n_channels`, `random_state` and `verbose`, and makes the learner; a mixin codes targets.
    """

    _parameter_constraints = {
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [None, Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "n_channels": [None, Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["boolean"],
    }

    # -- what a subclass and a mixin give --------------------------------------------------------

    @abstractmethod
    def _start(self, n_inputs, n_outputs, rng):
        """Set the fitted attributes of a net that has learned nothing."""

    @abstractmethod
    def _make_learner(self, rng=None):
        """Return a learner on the fitted attributes; one that may grow, if it is given an rng."""

    @abstractmethod
    def _keep(self, learner):
        """Take over into fitted attributes what the learner learned."""

    @abstractmethod
    def _check_y(self, y, X, classes=None):
        """Check targets, set what is known of them from here on, return them as Targets."""

    # -- what users call -------------------------------------------------------------------------

    def fit(self, X, y):
        """Learn from sequences, from the start.

        Parameters
        ----------
        X : array-like
            Sequences, in one of these forms, time always before features: a list, tuple or object
            array of (n_steps_i, n_features) arrays or CSR matrices; a `Sequences`; an array of
            shape (n_sequences, n_steps, n_features); or an array of shape (n_sequences, n_columns)
            with one sequence per row, see `n_channels`.
        y : array-like
            One target per sequence, due at its last step; or one array of targets per sequence, a
            target per step.

        Returns
        -------
        self : object
            The fitted estimator; as it was, if the input was refused or the fit interrupted.
        """
        self._validate_params()
        work = copy.copy(self)
        X, y = work._check(X, y, reset=True)
        rng = work._generator()
        work._start(X.n_features, y.values.shape[1], rng)
        work._train(work._make_learner(rng), work._epochs(X, y, rng), work._stop_rule())
        self.__dict__ = work.__dict__
        return self

    def _partial_fit(self, X, y, classes=None):
        self._validate_params()
        work = copy.copy(self)
        first_call = not hasattr(self, "n_iter_")
        X, y = work._check(X, y, reset=first_call, classes=classes)
        if first_call:
            work._start(X.n_features, y.values.shape[1], work._generator())
        work._train(work._make_learner(), [(X, y)], Never())
        self.__dict__ = work.__dict__
        return self

    # -- training --------------------------------------------------------------------------------

    def _generator(self):
        seed = check_random_state(self.random_state).randint(2**31, size=4)
        return np.random.Generator(np.random.PCG64(seed.tolist()))

    def _epochs(self, X, y, rng):
        for _ in range(self.max_iter):
            order = rng.permutation(len(X))
            yield X[order], y[order]

    def _stop_rule(self):
        return Never() if self.tol is None else Plateau(self.tol, self.n_iter_no_change)

    def _train(self, learner, blocks, rule):
        """Train, keep what was learned, tell how it ended."""
        history = train(learner, blocks, rule, self._report if self.verbose else None)
        self._keep(learner)
        self.n_iter_ = getattr(self, "n_iter_", 0) + len(history.losses)
        self.loss_curve_ = [*getattr(self, "loss_curve_", []), *history.losses]
        self.stop_reason_ = history.reason
        if history.reason == "diverged":
            warnings.warn(
                f"training diverged after {history.n_sequences} sequences: a loss or a weight was "
                "no longer finite; the last finite weights are kept. A smaller learning_rate, or "
                "scaled inputs and targets, may help",
                ConvergenceWarning,
                stacklevel=3,
            )
        elif history.reason == "limit" and isinstance(rule, Plateau):
            warnings.warn(
                f"max_iter={self.max_iter} epochs reached, and the loss was still falling",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _report(self, history):
        print(f"Iteration {len(history.losses)}, loss = {history.losses[-1]:.8f}")

    # -- input -----------------------------------------------------------------------------------

    def _check(self, X, y, reset, classes=None):
        """Check X and y together; nothing of them is NaN, infinite or of a wrong length."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        if reset:
            for name in [name for name in vars(self) if name.endswith("_")]:
                delattr(self, name)
        X = self._check_X(X, reset)
        steps = has_steps(y)
        if not reset and steps != (self.target_steps_ == "every"):
            raise ValueError(
                f"y holds targets for {'every step' if steps else 'the last step'}, "
                f"the estimator was fitted with targets for the {self.target_steps_} step"
            )
        self.target_steps_ = "every" if steps else "last"
        y = self._check_y(y, X, classes)
        if y.every is False:
            check_consistent_length(X, y)
        return X, y

    def _check_X(self, X, reset):
        """Convert X to Sequences; a table goes through scikit-learn's own checks."""
        if is_ragged(X):
            X = as_sequences(X)
            if reset:
                self.n_features_in_ = self.n_step_features_in_ = X.n_features
            elif X.n_features != self.n_step_features_in_:
                raise ValueError(
                    f"X has {X.n_features} features per step, but {type(self).__name__} "
                    f"is expecting {self.n_step_features_in_} features as input"
                )
            return X
        X = validate_data(self, X, reset=reset, dtype=np.float64, order="C")
        if reset and self.n_channels is None:
            warnings.warn(
                f"each row of the 2-D X is taken as a sequence of one step with {X.shape[1]} "
                f"features; if it is a series of {X.shape[1]} steps, say n_channels=1",
                UserWarning,
                stacklevel=4,
            )
        X = Sequences.from_rows(X, self.n_channels or X.shape[1])
        self.n_step_features_in_ = X.n_features
        return X

    # -- output ----------------------------------------------------------------------------------

    def _outputs(self, X):
        """Return the net's outputs, a row per target, and the checked X."""
        check_is_fitted(self)
        sequences = copy.copy(self)._check_X(X, reset=False)
        return self._make_learner().run(sequences, self.target_steps_ == "every"), sequences

    def _arrange(self, rows, X, sequences):
        """Give predictions the shape of the targets."""
        if self.target_steps_ == "last":
            return rows
        if getattr(X, "ndim", 1) in (2, 3):
            return rows.reshape(len(sequences), -1, *rows.shape[1:])
        parts = np.empty(len(sequences), dtype=object)
        parts[:] = np.split(rows, np.cumsum(sequences.lengths)[:-1])
        return parts

    def _paired(self, X, y):
        """Return true and predicted targets, flat, without the steps that have no target."""
        y_pred = self.predict(X)
        if self.target_steps_ == "last":
            return y, y_pred
        y_pred = np.concatenate(list(y_pred))
        sequences = copy.copy(self)._check_X(X, reset=False)
        y_true = flatten_steps(y, sequences.lengths)
        due = ~is_missing(y_true).reshape(len(y_true), -1).any(axis=1)
        return y_true[due], y_pred[due]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class SequenceClassifierMixin(ClassifierMixin):
    """Classes to one output each, and back."""

    def partial_fit(self, X, y, classes=None):
        """Learn from sequences, once and in their order, going on from the present weights.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like
            As for `fit`.
        classes : array-like of shape (n_classes,), default=None
            All classes; needed in the first call, may be left out afterwards.

        Returns
        -------
        self : object
            The estimator; as it was, if the input was refused.
        """
        if classes is None and not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit")
        return self._partial_fit(X, y, classes)

    def predict_proba(self, X):
        """Return the outputs, scaled to sum to one.

        Parameters
        ----------
        X : array-like
            As for `fit`.

        Returns
        -------
        proba : ndarray of shape (n_sequences, n_classes)
            Classes in the order of `classes_`. With targets per step, one (n_steps_i, n_classes)
            array per sequence in an object array, or one 3-D array if X was an array.
        """
        rows, sequences = self._outputs(X)
        return self._arrange(rows / rows.sum(axis=1, keepdims=True), X, sequences)

    def predict(self, X):
        """Return the class with the largest output.

        Parameters
        ----------
        X : array-like
            As for `fit`.

        Returns
        -------
        y : ndarray of shape (n_sequences,)
            With targets per step, one (n_steps_i,) array per sequence in an object array, or one
            2-D array if X was an array.
        """
        rows, sequences = self._outputs(X)
        return self._arrange(self.classes_[rows.argmax(axis=1)], X, sequences)

    def score(self, X, y):
        """Return the accuracy, over sequences or over all steps that have a target.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like
            As for `fit`.

        Returns
        -------
        score : float
        """
        return accuracy_score(*self._paired(X, y))

    def _check_y(self, y, X, classes=None):
        steps = self.target_steps_ == "every"
        labels = self._labels(y, X) if steps else column_or_1d(y, warn=True)
        missing = is_missing(labels) if steps else np.zeros(len(labels), dtype=bool)
        if not steps:
            check_array(labels, ensure_2d=False, dtype=None, input_name="y")
        present = labels[~missing]
        if present.dtype.kind == "O":
            present = np.array(present.tolist())
        check_classification_targets(present)
        if not hasattr(self, "classes_"):
            self.classes_ = np.unique(present if classes is None else classes)
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(f"classes={classes} are not those of the first call, {self.classes_}")
        unknown = ~np.isin(present, self.classes_)
        if unknown.any():
            raise ValueError(f"y contains {present[unknown][0]!r}, which is not in classes")
        values = np.full((len(labels), len(self.classes_)), np.nan)
        values[~missing] = np.searchsorted(self.classes_, present)[:, None] == np.arange(
            len(self.classes_)
        )
        return Targets.at_steps(values, X.lengths) if steps else Targets.at_last(values)

    def _labels(self, y, X):
        labels = flatten_steps(y, X.lengths)
        if labels.ndim == 2 and labels.shape[1] > 1:
            raise ValueError(f"one label per step expected, y has {labels.shape[1]}")
        return labels.ravel()


class SequenceRegressorMixin(RegressorMixin):
    """Numbers to outputs, and back."""

    def partial_fit(self, X, y):
        """Learn from sequences, once and in their order, going on from the present weights.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like
            As for `fit`.

        Returns
        -------
        self : object
            The estimator; as it was, if the input was refused.
        """
        return self._partial_fit(X, y)

    def predict(self, X):
        """Return the outputs.

        Parameters
        ----------
        X : array-like
            As for `fit`.

        Returns
        -------
        y : ndarray of shape (n_sequences,) or (n_sequences, n_outputs)
            With targets per step, one (n_steps_i,) or (n_steps_i, n_outputs) array per sequence in
            an object array, or one array with a second axis of steps if X was an array.
        """
        rows, sequences = self._outputs(X)
        return self._arrange(rows[:, 0] if self.target_ndim_ == 1 else rows, X, sequences)

    def score(self, X, y):
        """Return the coefficient of determination, over sequences or over steps with a target.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like
            As for `fit`.

        Returns
        -------
        score : float
        """
        return r2_score(*self._paired(X, y))

    def _check_y(self, y, X, classes=None):
        if self.target_steps_ == "every":
            flat = flatten_steps(y, X.lengths)
            targets = Targets.at_steps(check_numbers(flat, X.lengths), X.lengths)
        else:
            flat = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
            if flat.ndim > 2 or flat.ndim == 0:
                raise ValueError(f"y must be 1-D or 2-D, it is {flat.ndim}-D")
            targets = Targets.at_last(flat.reshape(len(flat), -1))
        expected = getattr(self, "n_outputs_", targets.values.shape[1])
        if targets.values.shape[1] != expected:
            raise ValueError(f"y has {targets.values.shape[1]} outputs, expected {expected}")
        self.n_outputs_ = expected
        self.target_ndim_ = flat.ndim
        return targets

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
