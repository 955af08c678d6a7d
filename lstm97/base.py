"""The estimator base that every method shares: checks of input, fitting, outputs."""

import copy
import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from lstm97._arrays import refuse_masked, refuse_strings
from lstm97._learners.base import shares
from lstm97._learners.batch import one_thread
from lstm97._training import train
from lstm97.sequences import Sequences, as_sequences, is_ragged
from lstm97.stopping import Never, Plateau
from lstm97.targets import flatten_steps, has_steps, is_missing, without_objects


class BaseSequenceEstimator(BaseEstimator):
    """Fit, partial fit and prediction on sequences, for any learner.

    A subclass has the constructor, with at least `max_iter`, `n_channels`, `n_jobs`, `random_state`
    and `verbose`, and makes the learner; a mixin codes targets. `tol` and `n_iter_no_change` belong
    to the plateau of the loss that ends `fit`, unless a subclass has a stop rule of its own.
    """

    _parameter_constraints = {
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [None, Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "n_channels": [None, Interval(Integral, 1, None, closed="left")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["boolean"],
    }

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
        work._build(X.n_features, y.values.shape[1])
        rng = work._generator()
        work._initialize(rng)
        learner = work._make_learner(rng)
        work._train(learner, work._epochs(X, y, rng), work._stop_rule(learner))
        self.__dict__ = work.__dict__
        return self

    def _partial_fit(self, X, y, classes=None):
        self._validate_params()
        work = copy.copy(self)
        first_call = not hasattr(self, "n_iter_")
        X, y = work._check(X, y, reset=first_call, classes=classes)
        if first_call:
            work._build(X.n_features, y.values.shape[1])
            work._initialize(work._generator())
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

    def _stop_rule(self, learner):
        return Never() if self.tol is None else Plateau(self.tol, self.n_iter_no_change)

    def _train(self, learner, blocks, rule):
        """Train, keep what was learned, tell how it ended."""
        if not learner.is_finite():
            raise ValueError("weights_ are not finite: there is nothing to go on from")
        history = train(learner, blocks, rule, self._report if self.verbose else None)
        self._keep(learner)
        self.n_iter_ = getattr(self, "n_iter_", 0) + len(history.losses)
        self.loss_curve_ = [*getattr(self, "loss_curve_", []), *history.losses]
        self.stop_reason_ = history.reason
        if history.reason == "diverged":
            warnings.warn(
                f"training diverged after {history.n_sequences} sequences: a loss or a weight was "
                "no longer finite; the last finite weights are kept. A smaller learning rate, or "
                "scaled inputs and targets, may help",
                ConvergenceWarning,
                stacklevel=3,
            )
        elif history.reason == "limit" and not isinstance(rule, Never):
            warnings.warn(
                f"max_iter={self.max_iter} epochs reached, and training has not converged",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _report(self, history):
        if history.losses:
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
        if len(X) != len(y):
            raise ValueError(
                f"inconsistent numbers of samples: X has {len(X)} sequences, y has {len(y)} targets"
            )
        return X, y

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
                stacklevel=4,
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
        """Return the net's outputs, a row per target, and the checked X."""
        check_is_fitted(self)
        sequences = copy.copy(self)._check_X(X, reset=False)
        rows = self._run(sequences, self.target_steps_ == "every")
        if not np.isfinite(rows).all():
            raise ValueError("an output is not finite: X or weights_ hold values that overflow")
        return rows, sequences

    def _run(self, X, every):
        """Run the net; in threads, if `n_jobs` says so, each with a learner of its own."""
        n_jobs = min(effective_n_jobs(self.n_jobs), len(X))
        if n_jobs == 1:
            return self._make_learner().run(X, every)
        with one_thread():  # of the BLAS, until the last job has ended
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

    def _paired(self, X, y):
        """Return true and predicted targets, flat, without the steps that have no target."""
        y_pred = self.predict(X)
        if has_steps(y) != (self.target_steps_ == "every"):
            raise ValueError(f"y must hold targets for the {self.target_steps_} step, as in fit")
        if self.target_steps_ == "last":
            return without_objects(np.asarray(y)), y_pred
        y_pred = np.concatenate(list(y_pred))
        sequences = copy.copy(self)._check_X(X, reset=False)
        y_true = flatten_steps(y, sequences.lengths)
        due = ~is_missing(y_true).reshape(len(y_true), -1).any(axis=1)
        return without_objects(y_true[due]), y_pred[due]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
