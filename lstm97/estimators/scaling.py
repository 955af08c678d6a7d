"""The parameter `standardize`, and what estimators do with it."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import is_regressor

from lstm97.data.checks import brief, repeated
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.learning.scaling import Scaling

# Keys of `standardize` as a dict.
GIVEN = ("x_mean", "x_scale", "y_mean", "y_scale")


class Standardizing:
    """Standardisation of inputs, and of targets that are numbers.

    Attributes
    ----------
    x_scaling_ : Scaling
        Its `mean` and `scale` standardize the features. Not available with ``standardize=False``.
    y_scaling_ : Scaling
        Its `mean` and `scale` standardize the targets. Only available if these are standardized.
    """

    standardize: bool | dict[str, Any]
    topology_: Any
    x_scaling_: Scaling
    y_scaling_: Scaling

    @property
    def _standardizes(self) -> bool:
        return isinstance(self.standardize, dict) or bool(self.standardize)

    def _standardized(
        self, X: Sequences, y: Targets, runs: bool = False
    ) -> tuple[Sequences, Targets]:
        """Return sequences and targets as the net reads them; set `x_scaling_` and `y_scaling_`.

        Parameters
        ----------
        X : Sequences
        y : Targets
        runs : bool
            Whether statistics that are not fixed yet run with the steps, as in a stream; otherwise
            they are those of all steps.
        """
        if not self._standardizes:
            return X, y
        if not hasattr(self, "x_scaling_"):
            self._begin_scaling(X.n_features, y.values.shape[1])
        if sparse.issparse(X.flat) and self.x_scaling_.is_untouched:
            self.x_scaling_ = Scaling.none(X.n_features)
        is_due = None if y.weight is None else y.weight[y.rows(X.lengths)] > 0.0
        if sparse.issparse(X.flat):
            X = self._as_read(X)
        elif runs and not self.x_scaling_.is_fixed:
            X = self._run_steps(X, y, is_due)
        else:
            self.x_scaling_ = self.x_scaling_.fixed_by(X.flat, X, y, "X")
            X = self._as_read(X)
        if not hasattr(self, "y_scaling_"):
            return X, y
        if runs and not self.y_scaling_.is_fixed:
            values, rows = y.values.copy(), y.rows(X.lengths)
            self.y_scaling_, values[rows] = self.y_scaling_.run(values[rows], "y", is_due)
        else:
            self.y_scaling_ = self.y_scaling_.fixed_by(y.values, X, y, "y")
            values = self.y_scaling_.apply(y.values)
        return X, replace(y, values=values)

    def _begin_scaling(self, n_features: int, n_outputs: int) -> None:
        """Set the scalings that the user gives, or those before any step."""
        given = self.standardize if isinstance(self.standardize, dict) else {}
        if not given.keys() <= {*GIVEN}:
            raise ValueError(
                f"standardize={brief(given)} has unknown keys; it may have {', '.join(GIVEN)}"
            )
        self.x_scaling_ = self._first_scaling("x", n_features, given)
        is_linear = self.topology_.output_activation == "linear"
        if is_regressor(self) and is_linear:
            self.y_scaling_ = self._first_scaling("y", n_outputs, given)
        elif given.keys() & {"y_mean", "y_scale"}:
            raise ValueError("standardize: only targets of linear outputs are standardized")

    def _first_scaling(self, name: str, n: int, given: dict[str, Any]) -> Scaling:
        keys = {f"{name}_mean", f"{name}_scale"}
        if not keys & given.keys():
            return Scaling.unknown(n)
        if not keys <= given.keys():
            raise ValueError(f"standardize needs both {name}_mean and {name}_scale, or neither")
        return Scaling.given(given[f"{name}_mean"], given[f"{name}_scale"], n, name)

    def _compare_scalings(self) -> None:
        """Raise an error if other numbers are given than those with which the net was trained."""
        given = self.standardize if isinstance(self.standardize, dict) else {}
        for name in ("x", "y"):
            old = getattr(self, f"{name}_scaling_", None)
            if old is None or f"{name}_mean" not in given:
                continue
            new = self._first_scaling(name, len(old.mean), given)
            if not (np.array_equal(new.mean, old.mean) and np.array_equal(new.scale, old.scale)):
                raise ValueError(
                    f"standardize gives another {name}_mean or {name}_scale than the fitted "
                    "estimator has: fit from the start, with warm_start=False"
                )

    def _run_steps(self, X: Sequences, y: Targets, is_due: np.ndarray | None) -> Sequences:
        """Return standardized copies of the steps; sequences without any weight do not count."""
        first = np.cumsum(X.lengths) - X.lengths
        if is_due is not None:
            per_sequence = np.logical_or.reduceat(is_due, first) if y.every else is_due
            is_due = repeated(per_sequence, X.lengths)
        rows = np.arange(X.n_steps) + repeated(X.starts - first, X.lengths)
        self.x_scaling_, flat = self.x_scaling_.run(X.flat[rows], "X", is_due)
        return Sequences._trusted(flat, first, X.lengths)

    def _as_read(self, X: Sequences) -> Sequences:
        """Return sequences that the kernels standardize as they read them."""
        scaling = getattr(self, "x_scaling_", None)
        if scaling is None or scaling.is_none:
            return X
        if sparse.issparse(X.flat):
            raise TypeError(
                "X is sparse, but the estimator standardizes dense X: pass dense X, or fit with "
                "standardize=False"
            )
        return Sequences._trusted(X.flat, X.starts, X.lengths, scaling)

    def _read(self, X: Sequences, y: Targets) -> tuple[Sequences, Targets]:
        """Return sequences and targets as the net reads them now; nothing changes."""
        scaling = getattr(self, "y_scaling_", None)
        if scaling is not None:
            y = replace(y, values=scaling.apply(y.values))
        return self._as_read(X), y

    def _in_units(self, rows: np.ndarray) -> np.ndarray:
        """Return outputs of the net in the units of the targets."""
        scaling = getattr(self, "y_scaling_", None)
        return rows if scaling is None else scaling.undo(rows)
