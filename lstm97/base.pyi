"""Types of the estimator base: what users call."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from lstm97.sequences import SequencesLike
from lstm97.streams import Stream
from lstm97.targets import TargetsLike

class BaseSequenceEstimator(BaseEstimator):
    # Parameters and fitted attributes, as far as all methods have them.
    init_scale: float
    max_iter: int
    warm_start: bool
    n_channels: int | None
    n_jobs: int | None
    random_state: int | np.random.RandomState | None
    verbose: bool
    weights_: NDArray[np.float64]
    n_features_in_: int
    n_step_features_in_: int
    feature_names_in_: NDArray[np.object_]
    x_is_table_: bool
    target_steps_: Literal["last", "every"]
    n_iter_: int
    loss_curve_: list[float]
    stop_reason_: Literal["converged", "limit", "diverged", "callback", "interrupted"]
    def fit(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> Self: ...
    def stream(self) -> Stream: ...
    def __sklearn_tags__(self) -> Any: ...
