"""Types of the sequence chunkers; constructors of classifiers get `class_weight` at import."""

from typing import Any, Literal

import numpy as np

from lstm97._topology import Topology
from lstm97.base import BaseSequenceEstimator
from lstm97.mixins import SequenceClassifierMixin, SequenceRegressorMixin

class _BaseChunker(BaseSequenceEstimator):
    n_hidden: int
    predict_inputs: bool
    predict_state: Literal["all", "hidden"]
    threshold: float
    hidden_bias: bool
    output_bias: bool
    shortcut: bool
    learning_rate: float
    tol: float | None
    n_iter_no_change: int
    early_stopping: bool
    validation_fraction: float
    topology_: Topology
    chunker_topology_: Topology
    validation_scores_: list[float]
    best_validation_score_: float
    validation_seed_: int
    def __init__(
        self,
        n_hidden: int = 5,
        *,
        predict_inputs: bool = True,
        predict_state: Literal["all", "hidden"] = "all",
        threshold: float = 0.2,
        hidden_bias: bool = True,
        output_bias: bool = True,
        shortcut: bool = False,
        init_scale: float = 0.5,
        learning_rate: float = 0.05,
        max_iter: int = 200,
        tol: float | None = 0.0001,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        n_channels: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None: ...

class SequenceChunkerClassifier(SequenceClassifierMixin, _BaseChunker):
    def __init__(
        self,
        n_hidden: int = 5,
        *,
        predict_inputs: bool = True,
        predict_state: Literal["all", "hidden"] = "all",
        threshold: float = 0.2,
        hidden_bias: bool = True,
        output_bias: bool = True,
        shortcut: bool = False,
        init_scale: float = 0.5,
        learning_rate: float = 0.05,
        max_iter: int = 200,
        tol: float | None = 0.0001,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        n_channels: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
    ) -> None: ...

class SequenceChunkerRegressor(SequenceRegressorMixin, _BaseChunker): ...
