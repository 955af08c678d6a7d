"""The net within a pipeline or a search, for functions that look inside a net."""

from typing import Any

from sklearn.utils.validation import check_is_fitted


def unwrap(estimator: Any, X: Any = None) -> tuple[Any, Any]:
    """Return the net of a fitted pipeline or search, and X as the net receives it.

    Parameters
    ----------
    estimator : object
        A net, a pipeline that ends with one, or a search for the best of these.
    X : array-like, default=None
        Sequences for the whole estimator.

    Returns
    -------
    net : object
        The last step, or the estimator itself if it is neither a pipeline nor a search.
    X : array-like
        X after the other steps.
    """
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "refit"):
            check_is_fitted(estimator)
            return estimator, X
        elif hasattr(estimator, "named_steps"):
            if X is not None and len(estimator.steps) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator.steps[-1][1]
        else:
            return estimator, X
