"""Types of the LSTM estimators; constructors of classifiers get `class_weight` at import."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lstm97._topology import Topology
from lstm97.base import BaseSequenceEstimator
from lstm97.mixins import SequenceClassifierMixin, SequenceRegressorMixin
from lstm97.sequences import SequencesLike
from lstm97.traces import Trace

# No ArrayLike, which would let any string pass.
_GateBias: TypeAlias = Literal["random"] | float | Sequence[float] | NDArray[Any] | None

class _BaseLSTM(BaseSequenceEstimator):
    n_blocks: int
    block_size: int
    initial_blocks: int | None
    growth_patience: int
    n_hidden: int
    recurrence: Literal["all", "cells", "none"]
    input_gate: bool
    output_gate: bool
    input_gate_bias: _GateBias
    output_gate_bias: _GateBias
    cell_bias: bool
    output_bias: bool
    shortcut: bool
    cell_activation: Literal["g", "h", "logistic"]
    state_activation: Literal["h", "identity"]
    loss: Literal["squared_error", "log_loss"]
    learning_rate: float
    gradient: Literal["truncated", "full"]
    update: Literal["step", "sequence"]
    batch_size: int
    solver: Literal["sgd", "adam"]
    momentum: float
    dtype: Literal["float64", "float32"]
    tol: float | None
    n_iter_no_change: int
    early_stopping: bool
    validation_fraction: float
    topology_: Topology
    solver_state_: dict[str, Any]
    validation_scores_: list[float]
    best_validation_score_: float
    validation_seed_: int
    def __init__(
        self,
        n_blocks: int = 2,
        block_size: int = 2,
        *,
        initial_blocks: int | None = None,
        growth_patience: int = 1000,
        n_hidden: int = 0,
        recurrence: Literal["all", "cells", "none"] = "all",
        input_gate: bool = True,
        output_gate: bool = True,
        input_gate_bias: _GateBias = "random",
        output_gate_bias: _GateBias = "random",
        cell_bias: bool = True,
        output_bias: bool = True,
        shortcut: bool = False,
        cell_activation: Literal["g", "h", "logistic"] = "g",
        state_activation: Literal["h", "identity"] = "h",
        output_activation: Literal["auto", "logistic", "linear"] = "auto",
        loss: Literal["squared_error", "log_loss"] = "squared_error",
        init_scale: float = 0.1,
        learning_rate: float = 0.1,
        gradient: Literal["truncated", "full"] = "truncated",
        update: Literal["step", "sequence"] = "step",
        batch_size: int = 1,
        solver: Literal["sgd", "adam"] = "sgd",
        momentum: float = 0.0,
        dtype: Literal["float64", "float32"] = "float64",
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
    def trace(self, X: SequencesLike) -> list[Trace]: ...

class LSTMClassifier(SequenceClassifierMixin, _BaseLSTM):
    output_activation: Literal["auto", "logistic", "softmax"]
    def __init__(
        self,
        n_blocks: int = 2,
        block_size: int = 2,
        *,
        initial_blocks: int | None = None,
        growth_patience: int = 1000,
        n_hidden: int = 0,
        recurrence: Literal["all", "cells", "none"] = "all",
        input_gate: bool = True,
        output_gate: bool = True,
        input_gate_bias: _GateBias = "random",
        output_gate_bias: _GateBias = "random",
        cell_bias: bool = True,
        output_bias: bool = True,
        shortcut: bool = False,
        cell_activation: Literal["g", "h", "logistic"] = "g",
        state_activation: Literal["h", "identity"] = "h",
        output_activation: Literal["auto", "logistic", "softmax"] = "auto",
        loss: Literal["squared_error", "log_loss"] = "squared_error",
        init_scale: float = 0.1,
        learning_rate: float = 0.1,
        gradient: Literal["truncated", "full"] = "truncated",
        update: Literal["step", "sequence"] = "step",
        batch_size: int = 1,
        solver: Literal["sgd", "adam"] = "sgd",
        momentum: float = 0.0,
        dtype: Literal["float64", "float32"] = "float64",
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

class LSTMRegressor(SequenceRegressorMixin, _BaseLSTM):
    output_activation: Literal["auto", "logistic", "linear"]
