"""Types of classifiers and regressors: what users call."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin

from lstm97.sequences import SequencesLike
from lstm97.targets import TargetsLike

def with_class_weight(classifier: type) -> type: ...

class SequenceClassifierMixin(ClassifierMixin):
    class_weight: dict[Any, float] | Literal["balanced"] | None
    classes_: NDArray[Any]
    def partial_fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        classes: ArrayLike | None = None,
        sample_weight: TargetsLike | None = None,
    ) -> Self: ...
    def predict_proba(self, X: SequencesLike) -> np.ndarray: ...
    def predict(self, X: SequencesLike) -> np.ndarray: ...
    def score(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> float: ...

class SequenceRegressorMixin(RegressorMixin):
    n_outputs_: int
    target_ndim_: int
    def partial_fit(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> Self: ...
    def predict(self, X: SequencesLike) -> np.ndarray: ...
    def score(
        self, X: SequencesLike, y: TargetsLike, sample_weight: TargetsLike | None = None
    ) -> float: ...
    def __sklearn_tags__(self) -> Any: ...
