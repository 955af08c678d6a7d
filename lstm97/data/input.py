"""The X that users give, to `Sequences`: what estimators and transformers have in common."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names, _check_n_features

from lstm97.data.checks import naming, refuse_masked, refuse_strings
from lstm97.data.sequences import Sequences, as_sequences, is_ragged


class SequenceInputMixin:
    """Checks of X, for what has the parameter `n_channels`."""

    def _check_X(self, X, reset):
        """Convert X to Sequences; a table goes through scikit-learn's own checks."""
        if is_ragged(X):
            sequences = as_sequences(X)
            if reset:
                self.n_features_in_ = self.n_step_features_in_ = sequences.n_features
                self.x_is_table_ = False
            self._check_width(sequences)
            self._check_step_names(X, reset)
            return sequences
        if getattr(X, "ndim", 2) > 3 or (isinstance(X, list | tuple) and len(X) == 0):
            raise ValueError(
                f"X of shape {np.shape(X)}: sequences, a 3-D array (sequences, steps, features) "
                "or a 2-D array with a sequence per row expected"
            )
        if not reset and self.n_channels is None and not self.x_is_table_:
            raise ValueError(
                f"X is a table, but {type(self).__name__} was fitted on sequences: a single one "
                "goes into a list, [X]; for a table with a sequence per row, set n_channels"
            )
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
            self.x_is_table_ = True
        return self._check_width(X)

    def _check_table(self, X, reset):
        """Check a 2-D X as scikit-learn does, but for what `Sequences` says more clearly."""
        refuse_masked(X, "X")
        if not sparse.issparse(X):
            refuse_strings(X, "X")
        checks = {"dtype": "numeric", "order": "C", "ensure_all_finite": False}
        with naming("X"):
            table = check_array(X, input_name="X", estimator=self, **checks)
            table = table.astype(np.float64, copy=False)
        if not reset and self.n_channels and self.n_features_in_ == self.n_step_features_in_:
            return table  # fitted on ragged sequences: a table may have any number of steps
        with naming("X"):
            _check_feature_names(self, X, reset=reset)
        _check_n_features(self, table, reset=reset)
        return table

    def _check_step_names(self, X, reset):
        """Check, or keep, the column names of sequences that are data frames."""
        first = X[0] if isinstance(X, list | tuple | np.ndarray) else X
        for i, part in enumerate(X if hasattr(first, "columns") else ()):
            if list(getattr(part, "columns", ())) != list(first.columns):
                raise ValueError(f"X[{i}] has other columns than X[0]")
        names = getattr(self, "feature_names_in_", ())
        if reset or len(names) == self.n_step_features_in_:
            with naming("X"):
                _check_feature_names(self, first, reset=reset)

    def _check_width(self, X):
        if X.n_features != self.n_step_features_in_:
            raise ValueError(
                f"X has {X.n_features} features per step, but {type(self).__name__} "
                f"is expecting {self.n_step_features_in_} features as input"
            )
        return X
