"""Conversion of a user's X to `Sequences`, for estimators and transformers.

An estimator here is any object with the parameter `n_channels`. If `reset` is true, the fitted
attributes that describe X are set on it; otherwise X is compared with them.
"""

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names, _check_n_features

from lstm97.data.checks import naming, refuse_masked, refuse_strings, warn_user
from lstm97.data.containers import column_names, depth, stated_ndim, unpack
from lstm97.data.sequences import Sequences, as_sequences, is_ragged


def check_X(estimator, X, reset):
    """Convert X to Sequences; scikit-learn's own functions check a table."""
    if not isinstance(X, list | tuple | np.ndarray):
        with naming("X"):
            X = unpack(X)
    if not is_ragged(X):
        return _check_rows(estimator, X, reset)
    sequences = as_sequences(X)
    if reset:
        if estimator.n_channels not in (None, sequences.n_features):
            raise ValueError(
                f"n_channels={estimator.n_channels}, but X has {sequences.n_features} features per "
                "step: leave n_channels at None, or set it to their number"
                + _channels_first(sequences, estimator.n_channels)
            )
        estimator.n_features_in_ = estimator.n_step_features_in_ = sequences.n_features
        estimator.x_is_table_ = False
    else:
        check_width(estimator, sequences)
    check_step_names(estimator, X, reset)
    return sequences


def _check_rows(estimator, X, reset):
    """Convert a table with one sequence per row."""
    if (stated_ndim(X) or 2) > 3 or (isinstance(X, list | tuple) and len(X) == 0):
        raise ValueError(
            f"X has shape {np.shape(X)}, but it must hold sequences, or be a 3-D array "
            "(sequences, steps, features) or a 2-D array with one sequence per row"
        )
    if depth(X) == 1:
        raise ValueError(
            "Expected 2D array, got 1D array instead. Reshape your data: a single series is a "
            "sequence, X = [x.reshape(-1, 1)]"
        )
    if not reset and estimator.n_channels is None and not estimator.x_is_table_:
        raise ValueError(
            f"X is a table, but {type(estimator).__name__} was fitted on sequences: pass a single "
            "sequence as [X], or set n_channels for a table with one sequence per row"
        )
    X = check_table(estimator, X, reset)
    if reset and estimator.n_channels is None:
        warn_user(
            f"each row of the 2-D X is taken as a sequence of one step with {X.shape[1]} "
            f"features; if it is a series of {X.shape[1]} steps, set n_channels=1; if it is a step "
            "of a longer sequence, use from_frame"
        )
    sequences = Sequences.from_rows(X, estimator.n_channels or X.shape[1])
    if reset:
        estimator.n_step_features_in_ = sequences.n_features
        estimator.x_is_table_ = True
    check_width(estimator, sequences)
    return sequences


def check_table(estimator, X, reset):
    """Check a 2-D X as scikit-learn does; `Sequences` has clearer messages for the rest."""
    refuse_masked(X, "X")
    if not sparse.issparse(X):
        refuse_strings(X, "X")
    checks = {"dtype": "numeric", "order": "C", "ensure_all_finite": False}
    with naming("X"):
        table = check_array(X, input_name="X", estimator=estimator, **checks)
        table = table.astype(np.float64, copy=False)
    was_ragged = not reset and estimator.n_features_in_ == estimator.n_step_features_in_
    if was_ragged and estimator.n_channels:
        return table  # its rows may have any number of steps
    with naming("X"):
        _check_feature_names(estimator, X, reset=reset)
    _check_n_features(estimator, table, reset=reset)
    return table


def check_step_names(estimator, X, reset):
    """Check, or store, the column names of sequences that are data frames."""
    first = X[0] if isinstance(X, list | tuple | np.ndarray) else X
    columns = None if type(first) is np.ndarray else column_names(first)
    if columns is None and not hasattr(estimator, "feature_names_in_"):
        return
    for i, part in enumerate(X if columns is not None else ()):
        if column_names(part) != columns:
            raise ValueError(f"the columns of X[{i}] differ from those of X[0]")
    names = getattr(estimator, "feature_names_in_", ())
    if reset or len(names) == estimator.n_step_features_in_:
        with naming("X"):
            _check_feature_names(estimator, first, reset=reset)


def check_width(estimator, X):
    """Refuse sequences with another number of features than the estimator knows."""
    if X.n_features != estimator.n_step_features_in_:
        raise ValueError(
            f"X has {X.n_features} features per step, but {type(estimator).__name__} "
            f"is expecting {estimator.n_step_features_in_} features as input"
            + _channels_first(X, estimator.n_step_features_in_)
        )


def _channels_first(X, n_features):
    """Return what to do if it is likely that features come before time."""
    if (X.lengths == n_features).all():
        return "; if features come before time, use Sequences.from_channels_first"
    return ""
