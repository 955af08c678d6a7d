"""Types of the estimator base: what users call."""

from typing import Any, Self

from sklearn.base import BaseEstimator

from lstm97.sequences import SequencesLike
from lstm97.streams import Stream
from lstm97.targets import TargetsLike

class BaseSequenceEstimator(BaseEstimator):
    def fit(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> Self: ...
    def stream(self) -> Stream: ...
    def __sklearn_tags__(self) -> Any: ...
