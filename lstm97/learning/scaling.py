"""`Scaling`, by which estimators standardise inputs and targets."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from lstm97._kernels.data import moments, run_moments
from lstm97.data.checks import as_numbers
from lstm97.learning.checks import check_finite, require

# Number of values, from the first two that differ on, after which running statistics are fixed.
ENOUGH = 100.0


@dataclass(frozen=True, eq=False)
class Scaling:
    """Means and standard deviations of columns, by which their values are standardised.

    A scaling never changes; `run` returns a new one.

    Attributes
    ----------
    mean : ndarray of shape (n_columns,)
    scale : ndarray of shape (n_columns,)
        Standard deviations; 1 for a column whose values are all equal.
    count : ndarray of shape (n_columns,)
        Number of values behind them. A column with at least 100 is fixed. Until then its statistics
        run with the values that come, and equal values at the beginning count once, because they
        do not tell how large its changes will be.
    """

    mean: np.ndarray
    scale: np.ndarray
    count: np.ndarray

    def __post_init__(self) -> None:
        """Refuse values that no scaling can have."""
        for name in ("mean", "scale", "count"):
            check_finite(name, getattr(self, name), (np.size(self.mean),))
        require((self.scale > 0.0).all(), "scale must be positive")
        require((self.count >= 0.0).all(), "count must be at least 0")

    @classmethod
    def unknown(cls, n_columns: int) -> Self:
        """Return the scaling before any value: it changes nothing until values have come."""
        return cls(np.zeros(n_columns), np.ones(n_columns), np.zeros(n_columns))

    @classmethod
    def none(cls, n_columns: int) -> Self:
        """Return the scaling that never changes anything."""
        return cls(np.zeros(n_columns), np.ones(n_columns), np.full(n_columns, ENOUGH))

    def fixed_by(self, rows: np.ndarray, X: Any, y: Any, name: str) -> Self:
        """Return a fixed scaling: columns that are not fixed yet take the statistics of some rows.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_columns)
            ``X.flat`` or ``y.values``.
        X : Sequences
        y : Targets
            Its weights count.
        name : str
            Name of the argument in error messages.
        """
        if self.is_fixed:
            return self
        starts, lengths = (X.starts, X.lengths) if rows is X.flat else (y.first, X.lengths)
        if rows is not X.flat and not y.every:
            lengths = np.ones_like(lengths)
        mean, scale = np.empty((2, rows.shape[1]))
        moments(rows, starts, lengths, y.weight, y.first, y.every, mean, scale)
        good = np.isfinite(mean) & np.isfinite(scale)
        if not good.all():
            raise ValueError(
                f"{name} holds values that are too large to be standardised, in column "
                f"{np.argmin(good)}: scale them, or set standardize=False"
            )
        is_old = self.count >= ENOUGH
        mean, scale = np.where(is_old, self.mean, mean), np.where(is_old, self.scale, scale)
        return type(self)(mean, scale, np.full_like(mean, ENOUGH))

    @classmethod
    def given(cls, mean: Any, scale: Any, n_columns: int, name: str) -> Self:
        """Return a fixed scaling of given numbers."""
        values = []
        for part, numbers in {"mean": mean, "scale": scale}.items():
            numbers = np.atleast_1d(as_numbers(numbers, f"standardize['{name}_{part}']"))
            if numbers.shape not in ((1,), (n_columns,)) or not np.isfinite(numbers).all():
                raise ValueError(
                    f"standardize['{name}_{part}'] must be one finite number, or {n_columns}"
                )
            values.append(np.broadcast_to(numbers, n_columns).copy())
        if (values[1] <= 0.0).any():
            raise ValueError(f"standardize['{name}_scale'] must be positive")
        return cls(values[0], values[1], np.full(n_columns, ENOUGH))

    @property
    def is_fixed(self) -> bool:
        """Whether new values no longer change the scaling."""
        return bool((self.count >= ENOUGH).all())

    @property
    def is_none(self) -> bool:
        """Whether the scaling leaves all values as they are, now and later."""
        return self.is_fixed and bool((self.mean == 0.0).all() and (self.scale == 1.0).all())

    @property
    def is_untouched(self) -> bool:
        """Whether the scaling has not counted any value."""
        return not self.count.any()

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return mean, scale and count."""
        return self.mean, self.scale, self.count

    def run(
        self, rows: np.ndarray, name: str, counts: np.ndarray | None = None
    ) -> tuple[Self, np.ndarray]:
        """Return the scaling after some rows, and each row standardised as it came.

        Rows that do not count leave the statistics as they are.
        """
        after = [self.mean.copy(), self.scale.copy(), self.count.copy()]
        out = np.empty_like(rows)
        try:
            run_moments(
                rows, None if counts is None else counts.view(np.uint8), ENOUGH, *after, out
            )
        except ValueError as error:
            raise ValueError(f"{name}: {error}; set standardize=False") from None
        return type(self)(after[0], after[1], after[2]), out

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Return standardized rows, as in the kernels; values that overflow are infinite."""
        with np.errstate(over="ignore"):
            return (rows - self.mean) / self.scale

    def undo(self, rows: np.ndarray) -> np.ndarray:
        """Return standardised rows in their own units."""
        with np.errstate(over="ignore", invalid="ignore"):
            return rows * self.scale + self.mean
