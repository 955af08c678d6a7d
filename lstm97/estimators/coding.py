"""Classes, or numbers, to the outputs of a net and back: what classifiers and regressors add."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets

from lstm97.data.checks import naming, refuse_masked, warn_user
from lstm97.data.sample_weights import class_weights
from lstm97.data.sequences import Sequences, SequencesLike
from lstm97.data.targets import (
    Targets,
    TargetsLike,
    as_labels,
    check_labels,
    check_numbers,
    flatten_steps,
)
from lstm97.estimators.base import CommonParameters
from lstm97.learning.outputs import proportions
from lstm97.learning.topology import LOSSES


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class SequenceClassifierMixin(CommonParameters, ClassifierMixin):
    """Classes to one output each, and back.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        How much each class counts: the loss of its targets is multiplied by this, besides the
        sample weight. A dict has numbers by labels; labels that it leaves out count 1. With
        "balanced", all classes that occur count the same in total.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, in the order of the outputs.

    Notes
    -----
    With targets per step, a label that is None or NaN means no target at this step.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }
    _n_to_score: ClassVar[int] = 1  # targets that an accuracy needs

    class_weight: dict[Any, float] | Literal["balanced"] | None = None

    def partial_fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        classes: ArrayLike | None = None,
        sample_weight: TargetsLike | None = None,
    ) -> Self:
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

    def predict_proba(self, X: SequencesLike) -> np.ndarray:
        """Return the outputs, scaled to sum to one; equal numbers if all outputs are zero.

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
        return model._arrange(proportions(rows), X, sequences)

    def predict(self, X: SequencesLike) -> np.ndarray:
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

    def score(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> float:
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

    def _score_outputs(
        self, outputs: np.ndarray, values: np.ndarray, weight: np.ndarray | None
    ) -> float:
        from sklearn.metrics import accuracy_score  # as above

        return accuracy_score(values.argmax(axis=1), outputs.argmax(axis=1), sample_weight=weight)

    def _weigh(self, values: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Multiply weights by those of the classes."""
        if self.class_weight is None:
            return weight
        weight = np.ones(len(values)) if weight is None else weight.copy()
        due = ~np.isnan(values[:, 0])
        codes = values[due].argmax(axis=1)
        weight[due] *= class_weights(self.class_weight, self.classes_, codes, weight[due])[codes]
        return weight

    def _check_y(self, y: Any, X: Sequences, classes: Any = None) -> Targets:
        steps = self.target_steps_ == "every"
        refuse_masked(y, "y")
        if steps:
            labels = self._labels(y, X)
        else:
            with naming("y"):
                labels = column_or_1d(y)
            if np.asarray(y).ndim == 2:
                warn_user(
                    "A column-vector y was passed when a 1d array was expected. Please change the "
                    "shape of y to (n_samples,), for example using ravel().",
                    DataConversionWarning,
                )
        present, missing = check_labels(labels, X.lengths if steps else None)
        if classes is not None:
            classes = _check_classes(classes)
        if not hasattr(self, "classes_"):
            if classes is None:
                # Large numbers are compared with what they are as integers.
                with naming("y"), np.errstate(invalid="ignore"):
                    check_classification_targets(present)
                classes = np.unique(present)
            self.classes_: np.ndarray = classes
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

    def _strata(self, y: Targets) -> np.ndarray | None:
        """Return the class of each sequence, for a stratified split."""
        return None if y.every else y.values.argmax(axis=1)

    def _labels(self, y: Any, X: Sequences) -> np.ndarray:
        """Return the labels of all steps, one sequence after the other."""
        labels = flatten_steps(y, X.lengths)
        if labels.ndim == 2 and labels.shape[1] > 1:
            raise ValueError(f"one label per step expected, y has {labels.shape[1]}")
        return labels.ravel()


def _check_classes(classes: Any) -> np.ndarray:
    """Return the different classes in ascending order."""
    refuse_masked(classes, "classes")
    with naming("classes"):
        classes = list(classes)
    labels, _ = check_labels(as_labels(classes, "classes"), name="classes")
    with naming("classes"):
        return np.unique(labels)


def _r2(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray | None) -> float:
    """Return the coefficient of determination."""
    from sklearn.metrics import r2_score  # half of the package's import time

    with naming("y"), np.errstate(over="ignore", invalid="ignore"):
        score = r2_score(y_true, y_pred, sample_weight=weight)
    if np.isnan(score) and len(y_true) > 1:
        raise ValueError("squares of y overflow: there is no R2")
    return score


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class SequenceRegressorMixin(CommonParameters, RegressorMixin):
    """Numbers to outputs, and back.

    Attributes
    ----------
    n_outputs_ : int
        Numbers per target.
    target_ndim_ : int
        1 if targets came without an axis of outputs, else 2.

    Notes
    -----
    With targets per step, NaN means no target at this step. Targets far from the range of about
    [-1, 1] learn better when scaled to it, for instance by
    :class:`~sklearn.compose.TransformedTargetRegressor`.
    """

    _n_to_score: ClassVar[int] = 2  # targets that R2 needs

    def partial_fit(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> Self:
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

    def predict(self, X: SequencesLike) -> np.ndarray:
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

    def score(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> float:
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
            At most 1, the best; 0 for a prediction of the targets' mean; minus infinity if squared
            errors overflow.
        """
        y_true, y_pred, weight = self._paired(X, y, sample_weight)
        return _r2(check_numbers(y_true), y_pred, weight)

    def _score_outputs(
        self, outputs: np.ndarray, values: np.ndarray, weight: np.ndarray | None
    ) -> float:
        return _r2(values, outputs, weight)

    def _strata(self, y: Targets) -> None:
        """Return None: a split of numbers is not stratified."""

    def _weigh(self, values: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        return weight

    def _check_y(self, y: Any, X: Sequences, classes: Any = None) -> Targets:
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
        self.n_outputs_: int = expected
        self.target_ndim_: int = flat.ndim
        return targets

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class Outputs:
    """Outputs of a net, and their loss.

    Parameters
    ----------
    loss : {"squared_error", "log_loss"}
        Half of the squared error, or the log loss, which needs logistic or softmax outputs.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "loss": [StrOptions(set(LOSSES))],
    }
    _auto_activation: ClassVar[str]  # the squashing that "auto" means

    output_activation: str = "auto"
    loss: Literal["squared_error", "log_loss"] = "squared_error"


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class ClassOutputs(Outputs):
    """Outputs of a net that tells classes apart.

    Parameters
    ----------
    output_activation : {"auto", "logistic", "softmax"}
        Squashing of the outputs; "auto" is logistic.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "output_activation": [StrOptions({"auto", "logistic", "softmax"})],
    }
    _auto_activation: ClassVar[str] = "logistic"

    output_activation: Literal["auto", "logistic", "softmax"] = "auto"


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class NumberOutputs(Outputs):
    """Outputs of a net that predicts numbers.

    Parameters
    ----------
    output_activation : {"auto", "logistic", "linear"}
        Squashing of the outputs; "auto" is linear, so that targets may be any numbers.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "output_activation": [StrOptions({"auto", "logistic", "linear"})],
    }
    _auto_activation: ClassVar[str] = "linear"

    output_activation: Literal["auto", "logistic", "linear"] = "auto"
