"""Mixins of classifiers and regressors, which convert targets to outputs of a net and back."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets

from lstm97.data.checks import brief, naming, refuse_masked, warn_user
from lstm97.data.sample_weights import class_weights
from lstm97.data.sequences import Sequences, SequencesLike
from lstm97.data.targets import (
    Targets,
    TargetsLike,
    as_labels,
    check_labels,
    check_numbers,
    flatten_steps,
    is_indicator,
)
from lstm97.estimators.base import CommonParameters
from lstm97.learning.outputs import proportions
from lstm97.learning.streams import Stream
from lstm97.learning.topology import LOSSES


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class SequenceClassifierMixin(CommonParameters, ClassifierMixin):
    """Mixin for classifiers, which have one output per class, or per label of several.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        Weights of the classes, which multiply the loss in addition to the sample weights. A dict
        maps labels to weights; missing labels have weight 1. "balanced" gives the same total weight
        to all classes that occur. If None, all classes have weight 1. It must be None if targets
        have several labels.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, in the order of the outputs. If targets have several labels, the indices of
        the labels.
    target_ndim_ : int
        1 if each target is one class, and 2 if it has several labels.

    Notes
    -----
    With targets per step, a label that is None or NaN means that the step has no target.

    If a target may have several labels at once, y is an indicator matrix of shape (n_sequences,
    n_labels), with 0 or 1 for each label. With targets per step, it is a list of matrices of shape
    (n_steps_i, n_labels), in which a row of NaN means that the step has no target. The outputs are
    then logistic, each the probability of a label, and the score is the subset accuracy: all labels
    of a target must be right.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }
    _n_to_score: ClassVar[int] = 1  # minimum number of targets for an accuracy

    class_weight: dict[Any, float] | Literal["balanced"] | None = None

    def partial_fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        classes: ArrayLike | None = None,
        sample_weight: TargetsLike | None = None,
    ) -> Self:
        """Learn from sequences once, in their order, starting from the current weights.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like
            As for `fit`.
        classes : array-like of shape (n_classes,), default=None
            All classes; for several labels, their indices, ``range(n_labels)``. Required in the
            first call, optional afterwards.
        sample_weight : array-like, default=None
            As for `fit`.

        Returns
        -------
        self : object
            Fitted estimator. It is unchanged if the input is invalid.
        """
        if classes is None and not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit")
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' needs all targets at once: for partial_fit, set it to a "
                "dict, with weights from sklearn.utils.class_weight.compute_class_weight"
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def stream(self, n_features: int | None = None, classes: ArrayLike | None = None) -> Stream:
        """Return a `Stream`, which runs the net along one long sequence, step by step.

        Parameters
        ----------
        n_features : int, default=None
            Number of features per step, for a stream that begins with untrained weights. None means
            that the stream begins with the weights of the fitted estimator.
        classes : array-like of shape (n_classes,), default=None
            All classes, with `n_features`.

        Returns
        -------
        stream : Stream
            Stream that does not change the estimator.

        Raises
        ------
        ValueError
            If the estimator is a sequence chunker or a cascade, which have no streams; if it is
            fitted and `n_features` is given; or if only one of both parameters is given.

        Examples
        --------
        >>> from lstm97 import LSTMClassifier
        >>> stream = LSTMClassifier(random_state=0).stream(n_features=2, classes=["dry", "wet"])
        >>> stream.step([0.9, 0.3]).shape
        (2,)
        >>> loss = stream.learn("wet")
        """
        if (n_features is None) != (classes is None):
            raise ValueError("a new stream needs both n_features and classes")
        if n_features is None:
            return Stream(self)
        model = self._unfitted()
        model.classes_, model.target_ndim_ = _check_classes(classes), 1
        return model._new_stream(n_features, len(model.classes_))

    def predict_proba(self, X: SequencesLike) -> np.ndarray:
        """Return class probabilities, which are the outputs scaled to sum to one.

        If all outputs are zero, all classes have the same probability. If targets have several
        labels, the outputs themselves are the probabilities of the labels.

        Parameters
        ----------
        X : array-like
            As for `fit`.

        Returns
        -------
        proba : ndarray of shape (n_sequences, n_classes)
            Probabilities, with classes in the order of `classes_`. With targets per step, an object
            array with one array of shape (n_steps_i, n_classes) per sequence, or a 3-D array if X
            is an array.
        """
        rows, sequences, model = self._outputs(X)
        return model._arrange(model._proba(rows), X, sequences)

    def predict_log_proba(self, X: SequencesLike) -> np.ndarray:
        """Return the logarithms of what `predict_proba` returns.

        Parameters
        ----------
        X : array-like
            As for `fit`.

        Returns
        -------
        log_proba : ndarray of shape (n_sequences, n_classes)
            Logarithms of the probabilities, in the form of `predict_proba`. That of a probability
            of zero is minus infinity.
        """
        rows, sequences, model = self._outputs(X)
        with np.errstate(divide="ignore"):
            return model._arrange(np.log(model._proba(rows)), X, sequences)

    def predict(self, X: SequencesLike) -> np.ndarray:
        """Return the class with the largest output, or the labels with outputs above 0.5.

        Parameters
        ----------
        X : array-like
            As for `fit`.

        Returns
        -------
        y : ndarray of shape (n_sequences,) or (n_sequences, n_labels)
            Predicted classes, or an indicator matrix of labels. For targets per step,
            this is an object array with one array of shape (n_steps_i,) or (n_steps_i, n_labels)
            per sequence. If X is an array, it is one array whose second axis has the steps.
        """
        rows, sequences, model = self._outputs(X)
        return model._arrange(model._decode(rows), X, sequences)

    def score(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> float:
        """Return the accuracy over all sequences, or over all steps that have a target.

        If targets have several labels, a prediction is right if all its labels are.

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
            Accuracy; the best value is 1.
        """
        from sklearn.metrics import accuracy_score  # half of the package's import time

        y_true, y_pred, weight = self._paired(X, y, sample_weight)
        if y_pred.ndim == 2 and not (y_true.shape == y_pred.shape and is_indicator(y_true)):
            raise ValueError(
                f"y must hold 0 or 1 for each of the {y_pred.shape[1]} labels of a target"
            )
        with naming("y"), np.errstate(invalid="ignore"):
            return accuracy_score(y_true, y_pred, sample_weight=weight)

    def _codes(self, rows: np.ndarray) -> np.ndarray:
        """Return the index of the class of each row or, of several labels, 0 or 1 for each."""
        return (rows > 0.5).astype(int) if self.target_ndim_ == 2 else rows.argmax(axis=1)

    def _decode(self, rows: np.ndarray) -> np.ndarray:
        codes = self._codes(rows)
        return codes if self.target_ndim_ == 2 else self.classes_[codes]

    def _proba(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.target_ndim_ == 2 else proportions(rows)

    def _score_outputs(
        self, outputs: np.ndarray, values: np.ndarray, weight: np.ndarray | None
    ) -> float:
        from sklearn.metrics import accuracy_score  # see `score`

        return accuracy_score(self._codes(values), self._codes(outputs), sample_weight=weight)

    def _weigh(self, values: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Multiply sample weights by class weights."""
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
            labels = flatten_steps(y, X.lengths)
        elif sparse.issparse(y):
            raise TypeError("Sparse data was passed for y, but dense labels are required")
        else:
            labels = y if type(y) is np.ndarray else as_labels(y, "y")
        ndim = 2 if labels.ndim == 2 and is_indicator(labels) else 1
        if ndim < getattr(self, "target_ndim_", ndim):
            raise ValueError("y must be an indicator matrix, with 0 or 1 for each label, as in fit")
        if ndim > getattr(self, "target_ndim_", ndim):
            raise ValueError("y is an indicator matrix, but it had one label per target in fit")
        self.target_ndim_: int = ndim
        code = self._code_indicator if ndim == 2 else self._code_labels
        values = code(labels, X.lengths if steps else None, classes)
        if steps:
            return Targets.at_steps(values, X.lengths)
        if ndim == 2 and not hasattr(self, "n_iter_"):
            _warn_of_steps(labels, X.lengths)
        return Targets.at_last(values)

    def _code_indicator(
        self, labels: np.ndarray, lengths: np.ndarray | None, classes: Any
    ) -> np.ndarray:
        """Check an indicator matrix; its columns are the classes."""
        values = check_numbers(labels, lengths)
        if self.class_weight is not None:
            raise ValueError("class_weight needs one label per target; y is an indicator matrix")
        if getattr(self, "output_activation", None) == "softmax":
            raise ValueError(
                "output_activation='softmax' allows one label per target, but y is an indicator "
                "matrix, which needs logistic outputs"
            )
        n_labels = values.shape[1]
        if not hasattr(self, "classes_"):
            self.classes_: np.ndarray = np.arange(n_labels, dtype=np.int64)
        if n_labels != len(self.classes_):
            raise ValueError(f"y has {n_labels} labels, expected {len(self.classes_)}")
        if classes is not None and not np.array_equal(_check_classes(classes), self.classes_):
            raise ValueError(f"classes={classes} must be range({n_labels}), the columns of y")
        return values

    def _code_labels(
        self, labels: np.ndarray, lengths: np.ndarray | None, classes: Any
    ) -> np.ndarray:
        """Check labels, and return a row for each with 1 for its class and 0 for the others."""
        if labels.ndim != 1:
            labels = _as_column(labels, lengths)
        present, missing = check_labels(labels, lengths)
        if classes is not None:
            classes = _check_classes(classes)
        if not hasattr(self, "classes_"):
            if classes is None:
                # scikit-learn casts labels to integers, which overflows for large numbers.
                with naming("y"), np.errstate(invalid="ignore"):
                    check_classification_targets(present)
                classes = np.unique(present)
            self.classes_ = classes
        elif classes is not None and not np.array_equal(self.classes_, classes):
            raise ValueError(
                f"classes={classes} differ from those of the first call, {self.classes_}"
            )
        unknown = ~np.isin(present, self.classes_)
        if unknown.any():
            raise ValueError(f"y contains {present[unknown][0]!r}, which is not in classes")
        values = np.full((len(labels), len(self.classes_)), np.nan)
        values[~missing] = np.searchsorted(self.classes_, present)[:, None] == np.arange(
            len(self.classes_)
        )
        return values

    def _strata(self, y: Targets) -> np.ndarray | None:
        """Return the class of each sequence, for a stratified split."""
        return None if y.every or self.target_ndim_ == 2 else self._decode(y.values)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _as_column(labels: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """Return one label per target; refuse rows of several that are no indicator matrix."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        if lengths is not None:
            raise ValueError(
                f"y must hold one label per step, but it holds {labels.shape[1]}; several labels "
                "per step are an indicator matrix, with 0 or 1 for each, or NaN for all"
            )
        raise ValueError(
            f"y should be a 1d array, got an array of shape {labels.shape} instead; pass labels "
            "for each step as list(y), and several labels per sequence as 0 or 1 for each"
        )
    if lengths is not None:
        return labels.ravel()
    if labels.ndim == 2:
        warn_user(
            "A column-vector y was passed when a 1d array was expected. Please change the "
            "shape of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
        )
    with naming("y"):
        return column_or_1d(labels)


def _check_classes(classes: Any) -> np.ndarray:
    """Return the distinct classes in ascending order."""
    refuse_masked(classes, "classes")
    with naming("classes"):
        classes = list(classes)
    labels, _ = check_labels(as_labels(classes, "classes"), name="classes")
    with naming("classes"):
        classes = np.unique(labels)
        np.searchsorted(classes, classes)  # even a single class must have an order
    return classes


def _r2(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray | None) -> float:
    """Return the mean over outputs of R2; each is judged by the targets that it has."""
    from sklearn.metrics import r2_score  # half of the package's import time

    due = ~np.isnan(y_true)
    if not due.all():  # outputs are due at different steps
        enough = due.sum(axis=0) >= min(2, due.sum(axis=0).max())
        scores = [
            _r2(y_true[rows, k], y_pred[rows, k], None if weight is None else weight[rows])
            for k, rows in enumerate(due.T)
            if enough[k]
        ]
        return float(np.mean(scores))
    with naming("y"), np.errstate(over="ignore", invalid="ignore"):
        score = r2_score(y_true, y_pred, sample_weight=weight)
    if np.isnan(score) and len(y_true) > 1:
        raise ValueError("R2 is undefined: squares of y overflow")
    return score


def _warn_of_steps(y: np.ndarray, lengths: np.ndarray) -> None:
    """Warn if y is read as outputs at the last step, and has as many as sequences have steps."""
    if y.ndim == 2 and y.shape[1] > 1 and (lengths == y.shape[1]).all():
        warn_user(
            f"the 2-D y is taken as {y.shape[1]} outputs at the last step of each sequence; if it "
            "holds a target for each step, pass list(y) or, through a meta-estimator that makes an "
            "array of y, y[:, :, None]"
        )


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class SequenceRegressorMixin(CommonParameters, RegressorMixin):
    """Mixin for regressors, which have one output per number of a target.

    Attributes
    ----------
    n_outputs_ : int
        Number of outputs.
    target_ndim_ : int
        1 if the targets of `fit` had no axis of outputs, otherwise 2.

    Notes
    -----
    With targets per step, NaN means that an output has no target at this step.
    """

    _n_to_score: ClassVar[int] = 2  # minimum number of targets for R2

    def partial_fit(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> Self:
        """Learn from sequences once, in their order, starting from the current weights.

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
            Fitted estimator. It is unchanged if the input is invalid.
        """
        return self._partial_fit(X, y, sample_weight)

    def stream(self, n_features: int | None = None, n_outputs: int | None = None) -> Stream:
        """Return a `Stream`, which runs the net along one long sequence, step by step.

        Parameters
        ----------
        n_features : int, default=None
            Number of features per step, for a stream that begins with untrained weights. None means
            that the stream begins with the weights of the fitted estimator.
        n_outputs : int, default=None
            Number of outputs, with `n_features`; targets are then arrays. None means one output,
            whose targets are numbers.

        Returns
        -------
        stream : Stream
            Stream that does not change the estimator.

        Raises
        ------
        ValueError
            If the estimator is a sequence chunker or a cascade, which have no streams; if it is
            fitted and `n_features` is given; or if only `n_outputs` is given.

        Examples
        --------
        >>> from lstm97 import LSTMRegressor
        >>> stream = LSTMRegressor(random_state=0).stream(n_features=2)
        >>> prediction = stream.step([0.9, 0.3])
        >>> loss = stream.learn(0.25)
        """
        if n_features is None:
            if n_outputs is not None:
                raise ValueError("n_outputs is for a stream with n_features")
            return Stream(self)
        if not (n_outputs is None or (isinstance(n_outputs, Integral) and n_outputs > 0)):
            raise ValueError(f"n_outputs={brief(n_outputs)} must be a positive integer or None")
        model = self._unfitted()
        model.target_ndim_ = 1 if n_outputs is None else 2
        model.n_outputs_ = 1 if n_outputs is None else int(n_outputs)
        return model._new_stream(n_features, model.n_outputs_)

    def forecast(self, X: SequencesLike, n_steps: int) -> np.ndarray:
        """Predict the steps that follow each sequence; each prediction is taken as the next step.

        The targets of `fit` must have been the next steps: of each step, or of the last one. They
        are fed back in their units, and the net standardizes them as it does X.

        Parameters
        ----------
        X : array-like
            As for `fit`. Sequences may have different lengths.
        n_steps : int
            Number of predictions per sequence.

        Returns
        -------
        y : ndarray of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_outputs)
            Predictions; targets without an axis of outputs give predictions without it.

        Raises
        ------
        ValueError
            If there are not as many outputs as features per step; if `n_steps` is not a positive
            integer; or if the estimator is a sequence chunker or a cascade, which have no streams.

        See Also
        --------
        Stream.forecast : Forecast from the current step of a stream.

        Notes
        -----
        The predictions are the same, bit for bit, as those of a `Stream` that takes the steps of
        the sequence, and then each prediction as the next step. The first prediction is that of
        `predict` for the last step, up to rounding.

        Examples
        --------
        >>> import numpy as np
        >>> from lstm97 import LSTMRegressor
        >>> X = [np.sin(np.arange(n) / 4)[:, None] for n in (50, 40)]
        >>> model = LSTMRegressor(2, max_iter=2, random_state=0)
        >>> model = model.fit([x[:-1] for x in X], [x[1:, 0] for x in X])
        >>> model.forecast(X, n_steps=5).shape
        (2, 5)
        """
        stream = Stream(self)
        stream._check_forecast(n_steps)
        stream._set_scaling(0.0)  # the scalings stay as they are, as in predict
        sequences = stream._estimator._check_X(X, reset=False)
        parts = []
        for steps in sequences:
            stream.reset()._run(steps)
            parts.append(stream.forecast(n_steps))
        return np.array(parts)

    def predict(self, X: SequencesLike) -> np.ndarray:
        """Return the outputs of the net.

        Parameters
        ----------
        X : array-like
            As for `fit`.

        Returns
        -------
        y : ndarray of shape (n_sequences,) or (n_sequences, n_outputs)
            Predicted numbers. For targets per step, this is an object array with one array of
            shape (n_steps_i,) or (n_steps_i, n_outputs) per sequence. If X is an array, it is one
            array whose second axis has the steps.
        """
        rows, sequences, model = self._outputs(X)
        return model._arrange(model._decode(rows), X, sequences)

    def score(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> float:
        """Return the coefficient of determination over all sequences, or steps with a target.

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
            Coefficient of determination, averaged over outputs. Each output is judged by the
            targets that it has. The best value is 1; predicting the mean of the targets
            gives 0. It is minus infinity if squared errors overflow.
        """
        y_true, y_pred, weight = self._paired(X, y, sample_weight)
        every = self.target_steps_ == "every"
        y_true = check_numbers(y_true, np.ones(len(y_true), dtype=int) if every else None)
        return _r2(y_true, y_pred.reshape(len(y_pred), -1), weight)

    def _decode(self, rows: np.ndarray) -> np.ndarray:
        return rows[:, 0] if self.target_ndim_ == 1 else rows

    def _score_outputs(
        self, outputs: np.ndarray, values: np.ndarray, weight: np.ndarray | None
    ) -> float:
        return _r2(values, outputs, weight)

    def _strata(self, y: Targets) -> None:
        """Return None, because a split of numbers is not stratified."""

    def _weigh(self, values: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        return weight

    def _check_y(self, y: Any, X: Sequences, classes: Any = None) -> Targets:
        if self.target_steps_ == "every":
            flat = flatten_steps(y, X.lengths)
            targets = Targets.at_steps(check_numbers(flat, X.lengths), X.lengths)
        else:
            flat = as_labels(y, "y")
            if flat.ndim > 2 or flat.ndim == 0:
                raise ValueError(f"y must be 1-D or 2-D, but it is {flat.ndim}-D")
            if not hasattr(self, "n_outputs_"):
                _warn_of_steps(flat, X.lengths)
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
    """Outputs of a net and their loss.

    Parameters
    ----------
    loss : {"squared_error", "log_loss"}
        Half the squared error, or the log loss, which needs logistic outputs.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "loss": [StrOptions(set(LOSSES))],
    }
    output_activation: str = "auto"
    loss: Literal["squared_error", "log_loss"] = "squared_error"

    @property
    def _auto_activation(self) -> str:
        """The activation that "auto" means."""
        return "linear"


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class ClassOutputs(Outputs):
    """Outputs of a net that classifies.

    Parameters
    ----------
    output_activation : {"auto", "logistic", "softmax"}
        Activation function of the outputs. "auto" means "softmax" with the log loss and one label
        per target, and otherwise "logistic".
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "output_activation": [StrOptions({"auto", "logistic", "softmax"})],
    }
    output_activation: Literal["auto", "logistic", "softmax"] = "auto"

    @property
    def _auto_activation(self) -> str:
        """The activation that "auto" means."""
        is_one_label = getattr(self, "target_ndim_", 1) == 1
        return "softmax" if self.loss == "log_loss" and is_one_label else "logistic"


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class NumberOutputs(Outputs):
    """Outputs of a net that predicts numbers.

    Parameters
    ----------
    output_activation : {"auto", "logistic", "linear"}
        Activation function of the outputs. "auto" means "linear", which allows any targets.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "output_activation": [StrOptions({"auto", "logistic", "linear"})],
    }
    output_activation: Literal["auto", "logistic", "linear"] = "auto"
