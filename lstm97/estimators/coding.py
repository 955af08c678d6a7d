"""Classes, or numbers, to the outputs of a net and back: what classifiers and regressors add."""

from functools import wraps
from inspect import Parameter, signature

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets

from lstm97.data.checks import naming, refuse_masked
from lstm97.data.sample_weights import class_weights
from lstm97.data.targets import Targets, as_labels, check_labels, check_numbers, flatten_steps


def with_class_weight(classifier):
    """Add `class_weight`, which only classifiers have, to the constructor of a method's family."""
    init = classifier.__init__
    extra = Parameter("class_weight", Parameter.KEYWORD_ONLY, default=None)

    @wraps(init)
    def __init__(self, *args, class_weight=None, **parameters):  # noqa: N807
        init(self, *args, **parameters)
        self.class_weight = class_weight

    known = signature(init)
    __init__.__signature__ = known.replace(parameters=[*known.parameters.values(), extra])
    classifier.__init__ = __init__
    classifier._parameter_constraints = {
        **classifier._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }
    return classifier


class SequenceClassifierMixin(ClassifierMixin):
    """Classes to one output each, and back."""

    _n_to_score = 1  # targets that an accuracy needs

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn from sequences, once and in their order, going on from the present weights.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like
            As for `fit`.
        classes : array-like of shape (n_classes,), default=None
            All classes; needed in the first call, may be left out afterwards.
        sample_weight : array-like, default=None
            As for `fit`.

        Returns
        -------
        self : object
            The estimator; as it was, if the input was refused.
        """
        if classes is None and not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit")
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' needs all targets at once: partial_fit takes a dict, as "
                "sklearn.utils.class_weight.compute_class_weight can give the numbers for"
            )
        return self._partial_fit(X, y, sample_weight, classes)

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
        rows, sequences, model = self._outputs(X)
        return model._arrange(rows / rows.sum(axis=1, keepdims=True), X, sequences)

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
        rows, sequences, model = self._outputs(X)
        return model._arrange(model.classes_[rows.argmax(axis=1)], X, sequences)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy, over sequences or over all steps that have a target.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like
            As for `fit`.
        sample_weight : array-like, default=None
            As for `fit`.

        Returns
        -------
        score : float
            At most 1, the best.
        """
        from sklearn.metrics import accuracy_score  # half of the package's import time

        y_true, y_pred, weight = self._paired(X, y, sample_weight)
        with naming("y"), np.errstate(invalid="ignore"):
            return accuracy_score(y_true, y_pred, sample_weight=weight)

    def _score_outputs(self, outputs, values, weight):
        from sklearn.metrics import accuracy_score  # as above

        return accuracy_score(values.argmax(axis=1), outputs.argmax(axis=1), sample_weight=weight)

    def _weigh(self, values, weight):
        """Let classes count what `class_weight` says."""
        if self.class_weight is None:
            return weight
        weight = np.ones(len(values)) if weight is None else weight.copy()
        due = ~np.isnan(values[:, 0])
        codes = values[due].argmax(axis=1)
        weight[due] *= class_weights(self.class_weight, self.classes_, codes, weight[due])[codes]
        return weight

    def _check_y(self, y, X, classes=None):
        steps = self.target_steps_ == "every"
        refuse_masked(y, "y")
        labels = self._labels(y, X) if steps else _column(y)
        present, missing = check_labels(labels, X.lengths if steps else None)
        if classes is not None:
            classes = _check_classes(classes)
        if not hasattr(self, "classes_"):
            if classes is None:
                # Large numbers are compared with what they are as integers.
                with naming("y"), np.errstate(invalid="ignore"):
                    check_classification_targets(present)
                classes = np.unique(present)
            self.classes_ = classes
        elif classes is not None and not np.array_equal(self.classes_, classes):
            raise ValueError(f"classes={classes} are not those of the first call, {self.classes_}")
        unknown = ~np.isin(present, self.classes_)
        if unknown.any():
            raise ValueError(f"y contains {present[unknown][0]!r}, which is not in classes")
        values = np.full((len(labels), len(self.classes_)), np.nan)
        values[~missing] = np.searchsorted(self.classes_, present)[:, None] == np.arange(
            len(self.classes_)
        )
        return Targets.at_steps(values, X.lengths) if steps else Targets.at_last(values)

    def _strata(self, y):
        return None if y.every else y.values.argmax(axis=1)

    def _labels(self, y, X):
        labels = flatten_steps(y, X.lengths)
        if labels.ndim == 2 and labels.shape[1] > 1:
            raise ValueError(f"one label per step expected, y has {labels.shape[1]}")
        return labels.ravel()


def _check_classes(classes):
    """Return all different classes, in their order."""
    refuse_masked(classes, "classes")
    with naming("classes"):
        classes = list(classes)
    labels, _ = check_labels(as_labels(classes, "classes"), name="classes")
    with naming("classes"):
        return np.unique(labels)


def _column(y):
    """Return one label per sequence as a 1-D array."""
    with naming("y"):
        return column_or_1d(y, warn=True)


def _r2(y_true, y_pred, weight):
    from sklearn.metrics import r2_score  # half of the package's import time

    with naming("y"), np.errstate(over="ignore", invalid="ignore"):
        score = r2_score(y_true, y_pred, sample_weight=weight)
    if np.isnan(score) and len(y_true) > 1:
        raise ValueError("squares of y overflow: there is no R2")
    return score


class SequenceRegressorMixin(RegressorMixin):
    """Numbers to outputs, and back."""

    _n_to_score = 2  # targets that R2 needs

    def partial_fit(self, X, y, sample_weight=None):
        """Learn from sequences, once and in their order, going on from the present weights.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like
            As for `fit`.
        sample_weight : array-like, default=None
            As for `fit`.

        Returns
        -------
        self : object
            The estimator; as it was, if the input was refused.
        """
        return self._partial_fit(X, y, sample_weight)

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
        rows, sequences, model = self._outputs(X)
        return model._arrange(rows[:, 0] if model.target_ndim_ == 1 else rows, X, sequences)

    def score(self, X, y, sample_weight=None):
        """Return the coefficient of determination, over sequences or over steps with a target.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like
            As for `fit`.
        sample_weight : array-like, default=None
            As for `fit`.

        Returns
        -------
        score : float
            At most 1, the best; 0 is what the targets' mean would get; minus infinity, if squared
            errors overflow.
        """
        y_true, y_pred, weight = self._paired(X, y, sample_weight)
        return _r2(check_numbers(y_true), y_pred, weight)

    def _score_outputs(self, outputs, values, weight):
        return _r2(values, outputs, weight)

    def _strata(self, y):
        return None

    def _weigh(self, values, weight):
        return weight

    def _check_y(self, y, X, classes=None):
        if self.target_steps_ == "every":
            flat = flatten_steps(y, X.lengths)
            targets = Targets.at_steps(check_numbers(flat, X.lengths), X.lengths)
        else:
            flat = as_labels(y, "y")
            if flat.ndim > 2 or flat.ndim == 0:
                raise ValueError(f"y must be 1-D or 2-D, it is {flat.ndim}-D")
            targets = Targets.at_last(check_numbers(flat))
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
