"""Types of cascade correlation; constructors of classifiers get `class_weight` at import."""

from typing import Any, Literal

import numpy as np

from lstm97._cascade_topology import CascadeTopology
from lstm97._learners.cascade import TrainingState
from lstm97.base import BaseSequenceEstimator
from lstm97.mixins import SequenceClassifierMixin, SequenceRegressorMixin

class _BaseCascade(BaseSequenceEstimator):
    max_hidden: int
    n_candidates: int
    loss: Literal["squared_error", "log_loss"]
    output_rate: float
    candidate_rate: float
    max_growth: float
    weight_decay: float
    output_tol: float
    candidate_tol: float
    patience: int
    max_phase_iter: int
    topology_: CascadeTopology
    training_state_: TrainingState
    def __init__(
        self,
        max_hidden: int = 10,
        n_candidates: int = 8,
        *,
        output_activation: Literal["auto", "logistic", "linear"] = "auto",
        loss: Literal["squared_error", "log_loss"] = "squared_error",
        init_scale: float = 1.0,
        output_rate: float = 1.0,
        candidate_rate: float = 0.3,
        max_growth: float = 2.0,
        weight_decay: float = 0.0,
        output_tol: float = 0.01,
        candidate_tol: float = 0.03,
        patience: int = 12,
        max_phase_iter: int = 200,
        max_iter: int = 2000,
        warm_start: bool = False,
        n_channels: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None: ...

class CascadeCorrelationClassifier(SequenceClassifierMixin, _BaseCascade):
    output_activation: Literal["auto", "logistic", "softmax"]
    def __init__(
        self,
        max_hidden: int = 10,
        n_candidates: int = 8,
        *,
        output_activation: Literal["auto", "logistic", "softmax"] = "auto",
        loss: Literal["squared_error", "log_loss"] = "squared_error",
        init_scale: float = 1.0,
        output_rate: float = 1.0,
        candidate_rate: float = 0.3,
        max_growth: float = 2.0,
        weight_decay: float = 0.0,
        output_tol: float = 0.01,
        candidate_tol: float = 0.03,
        patience: int = 12,
        max_phase_iter: int = 200,
        max_iter: int = 2000,
        warm_start: bool = False,
        n_channels: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
    ) -> None: ...

class CascadeCorrelationRegressor(SequenceRegressorMixin, _BaseCascade):
    output_activation: Literal["auto", "logistic", "linear"]
