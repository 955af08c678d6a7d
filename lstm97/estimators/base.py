"""The estimator base that every method shares: checks of input, fitting, outputs."""

import copy
from abc import abstractmethod
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from lstm97.data.checks import refuse_masked
from lstm97.data.input import SequenceInputMixin
from lstm97.data.sample_weights import row_weights
from lstm97.data.targets import as_labels, flatten_steps, has_steps, is_missing, without_objects
from lstm97.estimators.fitting import TrainingMixin
from lstm97.learning.batch import one_thread
from lstm97.learning.learner import shares
from lstm97.learning.loop import train
from lstm97.learning.stopping import Never
from lstm97.learning.streams import Stream


class BaseSequenceEstimator(SequenceInputMixin, TrainingMixin, BaseEstimator):
    """Fit, partial fit and prediction on sequences, for any learner.

    A subclass has the constructor, with at least `init_scale`, `max_iter`, `warm_start`,
    `n_channels`, `n_jobs`, `random_state` and `verbose`, and makes the learner; a mixin codes
    targets. `tol`, `n_iter_no_change`, `early_stopping` and `validation_fraction` belong to the
    rule that ends `fit`, unless a subclass has one of its own.
    """

    _parameter_constraints = {
        # The limit can be compared with a float32 as well.
        "init_scale": [Interval(Real, 0, 1e30, closed="both")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [None, Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "n_channels": [None, Interval(Integral, 1, None, closed="left")],
        "n_jobs": [
            None,
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
        ],
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
        work._build_or_compare(X.n_features, y.values.shape[1], not first_call)
        if first_call:
            work._initialize(work._generator())
        learner = work._trainable()
        history = train(learner, [(X, y)], Never(), work._report)
        work._finish(learner, history)
        self.__dict__ = work.__dict__
        return self

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
        refuse_masked(y, "y")
        y_pred = model.predict(X)
        if model.target_steps_ == "every" and getattr(y, "ndim", 1) == 2:
            y = list(np.asarray(y))  # as predicted for X that is an array
        if has_steps(y) != (model.target_steps_ == "every"):
            raise ValueError(f"y must hold targets for the {model.target_steps_} step, as in fit")
        lengths = model._check_X(X, reset=False).lengths
        weight = row_weights(sample_weight, lengths, model.target_steps_ == "every")
        if model.target_steps_ == "last":
            return without_objects(as_labels(y, "y")), y_pred, weight
        y_true = flatten_steps(y, lengths)
        due = ~is_missing(y_true).reshape(len(y_true), -1).any(axis=1)
        weight = None if weight is None else weight[due]
        return without_objects(y_true[due]), np.concatenate(list(y_pred))[due], weight

    def stream(self):
        """Return a `Stream`: the fitted net on one long sequence, step by step.

        Returns
        -------
        stream : Stream
            It begins with the present weights; the estimator is not changed by it.

        Raises
        ------
        ValueError
            If the estimator is a sequence chunker or of cascade correlation, which have none.
        """
        return Stream(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
