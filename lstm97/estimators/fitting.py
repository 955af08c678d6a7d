"""How estimators are fitted: from the start or from where they were, with what end."""

import copy
import warnings
from dataclasses import fields
from functools import partial

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from lstm97.data.checks import naming
from lstm97.learning.callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from lstm97.learning.fit import FitRun
from lstm97.learning.stopping import EarlyStopping, Plateau

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


# Fields of a topology that a warm start takes from the fitted net; others must be the same.
SIZES = {"n_inputs", "n_outputs", "n_blocks", "block_size", "n_hidden"}


def _judged(X, y):
    """Return which rows of the outputs a score looks at, and the rows of their targets."""
    rows = y.rows(X.lengths)
    due = ~np.isnan(y.values[rows]).any(axis=1)
    if y.weight is not None:
        due &= y.weight[rows] > 0.0
    return due, rows[due]


class TrainingMixin(CallbackSupportMixin):
    """Training of an estimator, by what `BaseSequenceEstimator` says that it has."""

    @with_callbacks
    def _fit(self, X, y, sample_weight):
        """Fit this estimator: a copy, which nobody sees before the end."""
        goes_on = self.warm_start and hasattr(self, "n_iter_")
        state = self._state_to_go_on_from() if goes_on else None
        sequences, targets = self._check(X, y, sample_weight, reset=not goes_on)
        self._build_or_compare(sequences.n_features, targets.values.shape[1], goes_on)
        rng = self._generator() if state is None else state.generator()
        if not goes_on:
            self._initialize(rng)
        n_epochs = self.max_iter
        if state is not None and state.n_left:
            n_epochs = min(n_epochs, state.n_left)
        held_out = self._hold_out(sequences, targets, rng)
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
            learner, rule, rng, n_epochs, self._parameters_hash(), tasks.begin_epoch, after
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

    def _build_or_compare(self, n_inputs, n_outputs, goes_on):
        """Say what the net is; of one to go on with, see that it is what the parameters say."""
        if not goes_on:
            self._build(n_inputs, n_outputs)
            return
        wanted = copy.copy(self)
        wanted._build(n_inputs, n_outputs)
        for field in fields(wanted.topology_):
            old, new = (getattr(model.topology_, field.name) for model in (self, wanted))
            if old != new and field.name not in SIZES:
                raise ValueError(
                    f"the parameters say a net with {field.name}={new!r}, the fitted one has "
                    f"{old!r}: that needs a fit from the start, without warm_start"
                )

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

    def _hold_out(self, X, y, rng):
        """Draw the sequences by which early stopping judges: the same ones as before, if any."""
        if not getattr(self, "early_stopping", False):
            return np.empty(0, np.int64)
        from sklearn.model_selection import train_test_split  # half of the package's import time

        if not hasattr(self, "validation_seed_"):
            self.validation_seed_ = int(rng.spawn(1)[0].integers(2**31))
        with naming("validation_fraction"):
            _, held_out = train_test_split(
                np.arange(len(y)),
                test_size=self.validation_fraction,
                random_state=self.validation_seed_,
                stratify=self._strata(y),
            )
        n = int(_judged(X[held_out], y[held_out])[0].sum())
        if n < self._n_to_score:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} holds out {len(held_out)} of "
                f"{len(X)} sequences, in which {n} targets count: a score needs {self._n_to_score}"
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
        due, rows = _judged(X, y)
        weight = None if y.weight is None else y.weight[rows]
        return float(self._score_outputs(outputs[due], y.values[rows], weight))

    def _finish(self, learner, history, rule=None, state=None):
        """Keep what was learned, tell how it ended."""
        if getattr(rule, "best", None) is not None:
            learner.restore(rule.best)
        self._keep(learner)
        self.n_iter_ = getattr(self, "n_iter_", 0) + len(history.losses)
        n_before = len(getattr(self, "loss_curve_", []))
        self.loss_curve_ = [*getattr(self, "loss_curve_", []), *history.losses]
        if isinstance(rule, EarlyStopping):
            before = getattr(self, "validation_scores_", [])
            unknown = [np.nan] * (n_before - len(before))  # epochs without early stopping
            self.validation_scores_ = [*before, *unknown, *rule.scores]
            self.best_validation_score_ = rule.best_score
        else:
            vars(self).pop("best_validation_score_", None)  # that of another net
        self.stop_reason_ = history.reason
        goes_on = history.reason in ("limit", "callback", "interrupted")
        self._fit_state = state if goes_on else None
        if history.reason == "diverged":
            warnings.warn(
                f"training diverged after {history.n_sequences} sequences: a loss, a weight or a "
                "validation score was no longer finite; the last finite weights are kept. A "
                "smaller learning rate, or scaled inputs and targets, may help",
                ConvergenceWarning,
                stacklevel=2,
            )
        elif history.reason == "converged" and self._has_risen(history, rule):
            warnings.warn(
                f"the loss rose from {history.losses[0]:.3g} to {history.losses[-1]:.3g}, and "
                "training ended for that. A smaller learning rate may help",
                ConvergenceWarning,
                stacklevel=2,
            )
        elif history.reason == "limit" and rule is not None and getattr(self, "tol", 0) is not None:
            warnings.warn(
                f"max_iter={self.max_iter} epochs reached, and training has not converged",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _has_risen(self, history, rule):
        """Tell whether the weights that are kept are worse than those after the first epoch."""
        return isinstance(rule, Plateau) and history.losses[-1] > history.losses[0]

    def _report(self, history, rule=None):
        """Print, if `verbose` says so, what an epoch has come to."""
        if self.verbose and history.losses:
            print(f"Iteration {len(history.losses)}, loss = {history.losses[-1]:.8f}")
            if isinstance(rule, EarlyStopping):
                print(f"Validation score: {rule.scores[-1]:f}")
