"""scikit-learn's metrics for targets per step, which are one array per sequence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils._param_validation import StrOptions, validate_params
from sklearn.utils.metadata_routing import MetadataRequest

from lstm97.data.checks import naming, refuse_masked
from lstm97.data.containers import as_array, is_missing, stated_ndim, unpack
from lstm97.data.sample_weights import row_weights
from lstm97.data.targets import TargetsLike, flatten_steps, has_steps, place, without_objects

__all__ = ["flatten", "make_step_scorer"]


def flatten(
    y_true: TargetsLike, *others: TargetsLike, sample_weight: TargetsLike | None = None
) -> tuple[np.ndarray, ...]:
    """Join targets per step, and what belongs to them, and leave out steps without a target.

    Every scikit-learn metric takes the result.

    Parameters
    ----------
    y_true : array-like
        Targets per step: one array per sequence or, for sequences of the same length, an array of
        shape (n_sequences, n_steps) or (n_sequences, n_steps, n_outputs). A label that is None or
        NaN, or a row of numbers that are all NaN, means that the step has no target.
    *others : array-like
        Predictions or probabilities for the same steps, in the same forms.
    sample_weight : array-like, default=None
        One number per sequence, or one array of numbers per sequence.

    Returns
    -------
    y_true : ndarray of shape (n_targets,) or (n_targets, n_outputs)
        The targets of all sequences, one after the other.
    *others : ndarray of shape (n_targets,) or (n_targets, n_outputs)
        The same steps of the others.
    sample_weight : ndarray of shape (n_targets,)
        The weights of the same steps. Only if `sample_weight` is given.

    Raises
    ------
    ValueError
        If `y_true` has one target per sequence, or no target at all; if only some outputs of a
        step have a target; or if something has another number of sequences or steps.

    See Also
    --------
    make_step_scorer : Make a scorer for cross-validation and searches.

    Examples
    --------
    >>> from sklearn.metrics import balanced_accuracy_score, confusion_matrix
    >>> from lstm97.metrics import flatten
    >>> y_true = [["up", "down", None], ["up", "up"]]
    >>> y_pred = [["up", "down", "up"], ["up", "down"]]
    >>> confusion_matrix(*flatten(y_true, y_pred))
    array([[1, 0],
           [1, 2]])
    >>> y_true, y_pred, weight = flatten(y_true, y_pred, sample_weight=[1.0, 2.0])
    >>> round(balanced_accuracy_score(y_true, y_pred, sample_weight=weight), 3)
    0.8
    """
    parts = _per_step(y_true, "y_true")
    lengths = np.array([len(part) for part in parts])
    flat = flatten_steps(parts, lengths, "y_true")
    missing = is_missing(flat).reshape(len(flat), -1)
    due = ~missing.all(axis=1)
    if not due.any():
        raise ValueError("y_true holds no target")
    if missing[due].any():
        step = int(np.argmax(due & missing.any(axis=1)))
        raise ValueError(
            f"y_true has targets for some outputs only {place(step, lengths)}: flatten one output "
            "at a time"
        )
    flats = [without_objects(flat[due], "y_true")]
    for k, other in enumerate(others):
        name = f"others[{k}]"
        part = flatten_steps(_per_step(other, name), lengths, name, of="y_true")
        flats.append(without_objects(part[due], name))
    if sample_weight is not None:
        flats.append(row_weights(sample_weight, lengths, every=True, of="y_true")[due])
    return tuple(flats)


def _per_step(y: Any, name: str) -> list[Any]:
    """Return one array per sequence."""
    refuse_masked(y, name)
    with naming(name):
        y = unpack(y)
        if stated_ndim(y) in (2, 3):
            return list(as_array(y))
    if not has_steps(y):
        raise ValueError(
            f"{name} must hold one array per sequence; a metric takes one target per sequence as "
            "it is"
        )
    return list(y)


@validate_params(
    {
        "score_func": [callable],
        "response_method": [StrOptions({"predict", "predict_proba", "predict_log_proba"})],
        "greater_is_better": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_step_scorer(
    score_func: Callable[..., Any],
    *,
    response_method: str = "predict",
    greater_is_better: bool = True,
    **kwargs: Any,
) -> Any:
    """Make a scorer for targets per step from a metric, like scikit-learn's `make_scorer`.

    Parameters
    ----------
    score_func : callable
        Metric with the signature ``score_func(y_true, y_pred, **kwargs)``, and with the argument
        `sample_weight` if the scorer is called with weights.
    response_method : {"predict", "predict_proba", "predict_log_proba"}, default="predict"
        Method of the estimator whose result the metric judges. Of the probabilities of two classes,
        the metric gets those of the second class.
    greater_is_better : bool, default=True
        Whether a large value of the metric is good. If False, the scorer returns its negative.
    **kwargs : object
        Further arguments of the metric.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None)`` returns the score over all steps that have a
        target. It is a value for the parameter `scoring` of scikit-learn's functions and searches.
        With metadata routing, it requests sample weights.

    Raises
    ------
    ValueError
        If an argument is invalid. The scorer raises it as :func:`flatten` does.

    See Also
    --------
    flatten : Join targets and predictions for a metric or a report.

    Examples
    --------
    Tell at each step whether the sum so far is positive:

    >>> import numpy as np
    >>> from sklearn.metrics import f1_score, log_loss
    >>> from sklearn.model_selection import cross_validate
    >>> from lstm97 import ElmanClassifier
    >>> from lstm97.metrics import make_step_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(5, 15), 1)) for _ in range(60)]
    >>> y = [np.where(x[:, 0].cumsum() > 0, "up", "down") for x in X]
    >>> scoring = {
    ...     "f1": make_step_scorer(f1_score, average="macro"),
    ...     "log_loss": make_step_scorer(
    ...         log_loss, response_method="predict_proba", greater_is_better=False
    ...     ),
    ... }
    >>> scores = cross_validate(ElmanClassifier(random_state=0), X, y, scoring=scoring, cv=3)
    >>> bool(scores["test_f1"].min() > 0.8), bool(scores["test_log_loss"].max() < 0)
    (True, True)
    """
    return _StepScorer(score_func, response_method, greater_is_better, kwargs)


@dataclass(frozen=True, eq=False)
class _StepScorer:
    """Scorer for targets per step."""

    score_func: Callable[..., Any]
    response_method: str
    greater_is_better: bool
    kwargs: dict[str, Any]

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        predicted = getattr(estimator, self.response_method)(X)
        y_true, y_pred, *weight = flatten(y, predicted, sample_weight=sample_weight)
        if self.response_method != "predict" and y_true.ndim == 1 and y_pred.shape[1] == 2:
            y_pred = y_pred[:, 1]
        weights = {"sample_weight": weight[0]} if weight else {}
        score = self.score_func(y_true, y_pred, **self.kwargs, **weights)
        return score if self.greater_is_better else -score

    def get_metadata_routing(self) -> MetadataRequest:
        """Request sample weights, as the estimators do."""
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=True)
        return request
