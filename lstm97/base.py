"""The estimator base that every method shares: checks of input, fitting, outputs."""

import copy
import warnings
from abc import abstractmethod
from dataclasses import replace
from functools import partial
from numbers import Integral, Real

import joblib
import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from lstm97._arrays import refuse_masked, refuse_strings
from lstm97._callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from lstm97._fit import FitRun
from lstm97._learners.base import shares
from lstm97._learners.batch import one_thread
from lstm97._training import train
from lstm97.sequences import Sequences, as_sequences, is_ragged
from lstm97.stopping import EarlyStopping, Never, Plateau
from lstm97.targets import flatten_steps, has_steps, is_missing, without_objects
from lstm97.weights import row_weights

# Parameters that may change between two fits of which one goes on exactly where the other ended.
NOT_DECISIVE = {
    "max_iter",
    "tol",
    "n_iter_no_change",
    "warm_start",
    "n_jobs",
    "random_state",
    "verbose",
}


class BaseSequenceEstimator(CallbackSupportMixin, BaseEstimator):
    """Fit, partial fit and prediction on sequences, for any learner.

    A subclass has the constructor, with at least `max_iter`, `warm_start`, `n_channels`, `n_jobs`,
    `random_state` and `verbose`, and makes the learner; a mixin codes targets. `tol`,
    `n_iter_no_change`, `early_stopping` and `validation_fraction` belong to the rule that ends
    `fit`, unless a subclass has one of its own.
    """

    _parameter_constraints = {
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [None, Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "n_channels": [None, Interval(Integral, 1, None, closed="left")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["boolean"],
    }
    # In pipelines and searches weights arrive without further ado.
    __metadata_request__fit = {"sample_weight": True}
    __metadata_request__partial_fit = {"sample_weight": True}
    __metadata_request__score = {"sample_weight": True}

    # -- what a subclass and a mixin give --------------------------------------------------------

    @abstractmethod
    def _build(self, n_inputs, n_outputs):
        """Set the fitted attributes that say what the net is; refuse what cannot be built."""

    @abstractmethod
    def _initialize(self, rng):
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

    @abstractmethod
    def _weigh(self, values, weight):
        """Return the weights of the targets' rows, of which some are given, or None."""

    @abstractmethod
    def _score_outputs(self, outputs, values, weight):
        """Return the score of outputs, from the values of the targets."""

    @abstractmethod
    def _strata(self, y):
        """Return what is to be held out in equal parts, or None."""

    # -- what users call -------------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None):
        """Learn from sequences: from the start, or with `warm_start` from where the last fit ended.

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
        sample_weight : array-like, default=None
            One number per sequence, by which its loss is multiplied; or, with targets per step, one
            array of numbers per sequence. None: 1 throughout.

        Returns
        -------
        self : object
            The fitted estimator; as it was, if the input was refused or the fit interrupted. With
            `warm_start`, an interrupted fit (Ctrl-C) keeps the epochs that it completed, and the
            next one does those that are left.
        """
        self._validate_params()
        work = copy.copy(self)
        work._fit(X, y, sample_weight)
        interrupted = work.stop_reason_ == "interrupted"
        if self.warm_start or not interrupted:
            self.__dict__ = work.__dict__
        if interrupted:
            raise KeyboardInterrupt
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None):
        self._validate_params()
        work = copy.copy(self)
        first_call = not hasattr(work, "n_iter_")
        X, y = work._check(X, y, sample_weight, reset=first_call, classes=classes)
        if first_call:
            work._build(X.n_features, y.values.shape[1])
            work._initialize(work._generator())
        learner = work._trainable()
        history = train(learner, [(X, y)], Never(), work._report)
        work._finish(learner, history)
        self.__dict__ = work.__dict__
        return self

    # -- training --------------------------------------------------------------------------------

    @with_callbacks
    def _fit(self, X, y, sample_weight):
        """Fit this estimator: a copy, which nobody sees before the end."""
        goes_on = self.warm_start and hasattr(self, "n_iter_")
        state = self._state_to_go_on_from() if goes_on else None
        sequences, targets = self._check(X, y, sample_weight, reset=not goes_on)
        if not goes_on:
            self._build(sequences.n_features, targets.values.shape[1])
        rng = self._generator() if state is None else state.generator()
        if not goes_on:
            self._initialize(rng)
        n_epochs = self.max_iter if state is None or state.n_left == 0 else state.n_left
        split = int(rng.spawn(1)[0].integers(2**31)) if state is None else state.split
        held_out = self._hold_out(targets, split)
        learner = self._trainable(rng)
        rule = self._stop_rule(learner, sequences[held_out], targets[held_out])
        if state is not None:
            learner.restore(state.learner)
            rule.restore(state.rule)
        tasks = FitTasks(self, n_epochs, X=X, y=y, metadata={"sample_weight": sample_weight})
        fitted = partial(self._attributes_with, learner)

        def after(history):
            self._report(history, rule)
            return tasks.end_epoch(fitted)

        run = FitRun(
            learner, rule, rng, n_epochs, split, self._parameters_hash(), tasks.begin_epoch, after
        )
        kept = np.delete(np.arange(len(sequences)), held_out)
        history = run.train(self._epochs(sequences[kept], targets[kept], rng))
        self._finish(learner, history, rule, run.state)
        tasks.end(fitted)

    def _state_to_go_on_from(self):
        """Return where the last fit stopped in the midst of learning, if it did so."""
        state = getattr(self, "_fit_state", None)
        return state if state is not None and state.parameters == self._parameters_hash() else None

    def _parameters_hash(self):
        """Hash the parameters that decide how a fit goes, but not how far."""
        parameters = self.get_params(deep=False)
        return joblib.hash({k: v for k, v in parameters.items() if k not in NOT_DECISIVE})

    def _trainable(self, rng=None):
        """Return a learner to be trained."""
        learner = self._make_learner(rng)
        if not learner.is_finite():
            raise ValueError("weights_ are not finite: there is nothing to go on from")
        return learner

    def _attributes_with(self, learner):
        """Return the fitted attributes, as they are with what the learner has learned by now."""
        work = copy.copy(self)
        work._keep(learner)
        return {name: value for name, value in vars(work).items() if name.endswith("_")}

    def _generator(self):
        seed = check_random_state(self.random_state).randint(2**31, size=4)
        return np.random.Generator(np.random.PCG64(seed.tolist()))

    def _hold_out(self, y, seed):
        """Draw the sequences by which early stopping judges."""
        if not getattr(self, "early_stopping", False):
            return np.empty(0, np.int64)
        _, held_out = train_test_split(
            np.arange(len(y)),
            test_size=self.validation_fraction,
            random_state=seed,
            stratify=self._strata(y),
        )
        return held_out

    def _epochs(self, X, y, rng):
        while True:
            order = rng.permutation(len(X))
            yield X[order], y[order]

    def _stop_rule(self, learner, X, y):
        """Return what ends the training; X and y are held out."""
        patience = np.inf if self.tol is None else self.n_iter_no_change
        if self.early_stopping:
            score = partial(self._validation_score, learner, X, y)
            return EarlyStopping(score, learner.snapshot, self.tol or 0.0, patience)
        return Plateau(self.tol or 0.0, patience)

    def _validation_score(self, learner, X, y):
        """Return the score of a net in training; NaN, if an output or a weight is not finite."""
        outputs = learner.run(X, y.every)
        if not (np.isfinite(outputs).all() and learner.is_finite()):
            return np.nan
        rows = y.rows(X.lengths)
        due = ~np.isnan(y.values[rows]).any(axis=1)
        weight = None if y.weight is None else y.weight[rows[due]]
        return float(self._score_outputs(outputs[due], y.values[rows[due]], weight))

    def _finish(self, learner, history, rule=None, state=None):
        """Keep what was learned, tell how it ended."""
        if getattr(rule, "best", None) is not None:
            learner.restore(rule.best)
        self._keep(learner)
        self.n_iter_ = getattr(self, "n_iter_", 0) + len(history.losses)
        self.loss_curve_ = [*getattr(self, "loss_curve_", []), *history.losses]
        if isinstance(rule, EarlyStopping):
            self.validation_scores_ = [*getattr(self, "validation_scores_", []), *rule.scores]
            self.best_validation_score_ = rule.best_score
        self.stop_reason_ = history.reason
        goes_on = history.reason in ("limit", "callback", "interrupted")
        self._fit_state = state if goes_on else None
        if history.reason == "diverged":
            warnings.warn(
                f"training diverged after {history.n_sequences} sequences: a loss or a weight was "
                "no longer finite; the last finite weights are kept. A smaller learning rate, or "
                "scaled inputs and targets, may help",
                ConvergenceWarning,
                stacklevel=2,
            )
        elif history.reason == "limit" and rule is not None and getattr(self, "tol", 0) is not None:
            warnings.warn(
                f"max_iter={self.max_iter} epochs reached, and training has not converged",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _report(self, history, rule=None):
        """Print, if `verbose` says so, what an epoch has come to."""
        if self.verbose and history.losses:
            print(f"Iteration {len(history.losses)}, loss = {history.losses[-1]:.8f}")
            if isinstance(rule, EarlyStopping):
                print(f"Validation score: {rule.scores[-1]:f}")

    # -- input -----------------------------------------------------------------------------------

    def _check(self, X, y, sample_weight=None, *, reset, classes=None):
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
        if len(X) != len(y):
            raise ValueError(
                f"inconsistent numbers of samples: X has {len(X)} sequences, y has {len(y)} targets"
            )
        weight = self._weigh(y.values, row_weights(sample_weight, X.lengths, y.every))
        return X, replace(y, weight=weight)

    def _check_X(self, X, reset):
        """Convert X to Sequences; a table goes through scikit-learn's own checks."""
        if is_ragged(X):
            X = as_sequences(X)
            if reset:
                self.n_features_in_ = self.n_step_features_in_ = X.n_features
            return self._check_width(X)
        X = self._check_table(X, reset)
        if reset and self.n_channels is None:
            warnings.warn(
                f"each row of the 2-D X is taken as a sequence of one step with {X.shape[1]} "
                f"features; if it is a series of {X.shape[1]} steps, say n_channels=1",
                UserWarning,
                stacklevel=2,
            )
        X = Sequences.from_rows(X, self.n_channels or X.shape[1])
        if reset:
            self.n_step_features_in_ = X.n_features
        return self._check_width(X)

    def _check_table(self, X, reset):
        """Check a 2-D X as scikit-learn does, but for what `Sequences` says more clearly."""
        refuse_masked(X, "X")
        if not sparse.issparse(X):
            refuse_strings(X, "X")
        checks = {"dtype": "numeric", "order": "C", "ensure_all_finite": False}
        if not reset and self.n_channels and self.n_features_in_ == self.n_step_features_in_:
            # Fitted on ragged sequences: a table may have any number of steps.
            X = check_array(X, input_name="X", **checks)
        else:
            X = validate_data(self, X, reset=reset, **checks)
        return X.astype(np.float64, copy=False)

    def _check_width(self, X):
        if X.n_features != self.n_step_features_in_:
            raise ValueError(
                f"X has {X.n_features} features per step, but {type(self).__name__} "
                f"is expecting {self.n_step_features_in_} features as input"
            )
        return X

    # -- output ----------------------------------------------------------------------------------

    def _outputs(self, X):
        """Return the net's outputs, a row per target, the checked X, and the estimator as it was.

        All that a prediction needs comes from this one copy: another thread may fit the estimator,
        and it would be another net half way.
        """
        model = copy.copy(self)
        check_is_fitted(model)
        sequences = model._check_X(X, reset=False)
        rows = model._run(sequences, model.target_steps_ == "every")
        if not np.isfinite(rows).all():
            raise ValueError("an output is not finite: X or weights_ hold values that overflow")
        return rows, sequences, model

    def _run(self, X, every):
        """Run the net; in threads, if `n_jobs` says so, each with a learner of its own."""
        n_jobs = min(effective_n_jobs(self.n_jobs), len(X))
        if n_jobs == 1:
            return self._make_learner().run(X, every)
        with one_thread:  # of the BLAS, until the last job has ended
            rows = Parallel(n_jobs, require="sharedmem")(
                delayed(self._make_learner().run)(share, every) for share in shares(X, n_jobs)
            )
        return np.concatenate(rows)

    def _arrange(self, rows, X, sequences):
        """Give predictions the shape of the targets."""
        if self.target_steps_ == "last":
            return rows
        if getattr(X, "ndim", 1) in (2, 3):
            return rows.reshape(len(sequences), -1, *rows.shape[1:])
        parts = np.empty(len(sequences), dtype=object)
        parts[:] = np.split(rows, np.cumsum(sequences.lengths)[:-1])
        return parts

    def _paired(self, X, y, sample_weight):
        """Return true and predicted targets, and weights: flat, without steps without a target."""
        model = copy.copy(self)  # one net, as in _outputs
        y_pred = model.predict(X)
        if has_steps(y) != (model.target_steps_ == "every"):
            raise ValueError(f"y must hold targets for the {model.target_steps_} step, as in fit")
        lengths = model._check_X(X, reset=False).lengths
        weight = row_weights(sample_weight, lengths, model.target_steps_ == "every")
        if model.target_steps_ == "last":
            return without_objects(np.asarray(y)), y_pred, weight
        y_pred = np.concatenate(list(y_pred))
        y_true = flatten_steps(y, lengths)
        due = ~is_missing(y_true).reshape(len(y_true), -1).any(axis=1)
        return without_objects(y_true[due]), y_pred[due], None if weight is None else weight[due]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
