"""Checks of fitted attributes that come from a file rather than from `fit`."""

from typing import Any

import numpy as np

from lstm97.data.checks import brief
from lstm97.data.targets import EXACT
from lstm97.estimators.base import BaseSequenceEstimator
from lstm97.estimators.cascade import CascadeCorrelationClassifier, CascadeCorrelationRegressor
from lstm97.estimators.chunker import SequenceChunkerClassifier, SequenceChunkerRegressor
from lstm97.estimators.coding import SequenceClassifierMixin, SequenceRegressorMixin
from lstm97.learning.cascade import TrainingState
from lstm97.learning.cascade_topology import CascadeTopology
from lstm97.learning.checks import is_of_type, require
from lstm97.learning.scaling import Scaling
from lstm97.learning.solvers import checked
from lstm97.learning.topology import Topology

CASCADES = (CascadeCorrelationClassifier, CascadeCorrelationRegressor)
CHUNKERS = (SequenceChunkerClassifier, SequenceChunkerRegressor)
STOP_REASONS = ("converged", "stagnated", "limit", "diverged", "callback", "interrupted")
# Required fitted attributes and their types, by class.
ATTRIBUTES: dict[Any, dict[str, Any]] = {
    BaseSequenceEstimator: {
        "topology_": Topology,
        "target_steps_": str,
        "x_is_table_": bool,
        "n_features_in_": int,
        "n_step_features_in_": int,
        "n_iter_": int,
        "loss_curve_": list,
        "stop_reason_": str,
    },
    SequenceClassifierMixin: {"classes_": np.ndarray, "target_ndim_": int},
    SequenceRegressorMixin: {"n_outputs_": int, "target_ndim_": int},
    CASCADES: {"topology_": CascadeTopology, "training_state_": TrainingState},
    CHUNKERS: {"chunker_topology_": Topology},
}
# Optional fitted attributes and their types.
OPTIONAL = {
    "feature_names_in_": np.ndarray,
    "validation_seed_": int,
    "validation_scores_": list,
    "best_validation_score_": float,
    "solver_state_": dict,
    "x_scaling_": Scaling,
    "y_scaling_": Scaling,
}


def set_fitted(model: Any, attributes: dict[str, Any]) -> None:
    """Set all fitted attributes except `weights_`; refuse those that `fit` cannot have set."""
    if isinstance(model, SequenceClassifierMixin):
        attributes.setdefault("target_ndim_", 1)  # older files have one label per target
    _check_types(model, attributes)
    vars(model).update(attributes)
    _check_progress(model)
    _check_inputs(model)
    _check_outputs(model)


def check_states(model: Any) -> None:
    """Refuse states from which learning cannot continue; bring older ones into today's form."""
    if hasattr(model, "solver_state_"):
        state = checked("solver_state_", model.solver_state_, len(model.weights_))
        model.solver_state_ = state
    if isinstance(model, CASCADES):
        model.training_state_.check("training_state_", model.topology_)


def _check_types(model: Any, fitted: dict[str, Any]) -> None:
    """Refuse fitted attributes that are missing, unknown, or of another type."""
    types: dict[str, Any] = {}
    for kinds, attributes in ATTRIBUTES.items():
        types |= attributes if isinstance(model, kinds) else {}
    for name in types:
        require(name in fitted, f"{name} is missing")
    types |= OPTIONAL
    for name, value in fitted.items():
        require(name in types, f"{name!r} is not a fitted attribute")
        kind = types[name].__name__
        if not is_of_type(value, types[name]):
            raise ValueError(f"{name} must be of type {kind}, got {brief(value)}")


def _check_progress(model: Any) -> None:
    """Refuse an impossible history of training."""
    require(0 <= model.n_iter_ <= EXACT, f"n_iter_ is {brief(model.n_iter_)}")
    require(
        model.stop_reason_ in STOP_REASONS,
        f"stop_reason_ is {brief(model.stop_reason_)}, expected one of {STOP_REASONS}",
    )
    require(getattr(model, "validation_seed_", 0) >= 0, "validation_seed_ is negative")
    for name in ("loss_curve_", "validation_scores_"):
        curve = getattr(model, name, [])
        require(all(isinstance(each, float) for each in curve), f"{name} must be a list of floats")
    require(np.isfinite(model.loss_curve_).all(), "loss_curve_ holds a number that is not finite")


def _check_inputs(model: Any) -> None:
    """Refuse widths and names that do not fit the net's inputs."""
    n, n_columns = model.topology_.n_inputs, model.n_features_in_
    require(model.n_step_features_in_ == n, f"n_step_features_in_ must be the net's inputs, {n}")
    is_right = n_columns > 0 and n_columns % n == 0
    require(is_right, f"n_features_in_ is {n_columns}, expected a multiple of {n}")
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        is_right = names.shape == (n_columns,) and all(isinstance(each, str) for each in names)
        require(is_right, f"feature_names_in_ must be an array of {n_columns} names")
    standardizes = hasattr(model, "x_scaling_")
    require(standardizes == model._standardizes, "x_scaling_ does not fit standardize")
    require(
        not standardizes or len(model.x_scaling_.mean) == n, f"x_scaling_ must have {n} columns"
    )
    if isinstance(model, CHUNKERS):
        same = model.chunker_topology_.n_inputs == n
        require(same, "topology_ and chunker_topology_ have different n_inputs")


def _check_outputs(model: Any) -> None:
    """Refuse targets that do not fit the net's outputs."""
    require(model.target_steps_ in ("last", "every"), f"target_steps_ is {model.target_steps_!r}")
    is_classifier = isinstance(model, SequenceClassifierMixin)
    ndim = model.target_ndim_
    require(ndim in (1, 2), f"target_ndim_ is {ndim}, expected 1 or 2")
    n_outputs = _n_classes(model.classes_) if is_classifier else _n_numbers(model)
    if isinstance(model, CHUNKERS):
        model._n_targets = n_outputs  # its nets have more outputs
    else:
        found = model.topology_.n_outputs
        require(found == n_outputs, f"topology_ has {found} outputs, expected {n_outputs}")
    is_linear = not is_classifier and model.topology_.output_activation == "linear"
    has_scaling = hasattr(model, "y_scaling_")
    fits = has_scaling == (is_linear and model._standardizes)
    require(fits, "y_scaling_ does not fit standardize")
    right = not has_scaling or len(model.y_scaling_.mean) == n_outputs
    require(right, f"y_scaling_ must have {n_outputs} columns")
    has_labels = is_classifier and ndim == 2
    if has_labels:
        is_range = np.array_equal(model.classes_, np.arange(n_outputs))
        require(is_range, "classes_ must be the indices of the labels")
    allowed: tuple[str, ...] = ("logistic", "softmax" if is_classifier else "linear")
    allowed = allowed[:1] if has_labels else allowed
    for name in ("topology_", "chunker_topology_"):
        found = getattr(model, name, model.topology_).output_activation
        require(
            found in allowed, f"{name}.output_activation is {found!r}, expected one of {allowed}"
        )


def _n_classes(labels: Any) -> int:
    in_order = labels.ndim == 1 and np.array_equal(np.unique(labels), labels)
    require(in_order, "classes_ must be a 1-D array of different labels in ascending order")
    return len(labels)


def _n_numbers(model: Any) -> int:
    n, ndim = model.n_outputs_, model.target_ndim_
    require(n == 1 or ndim == 2, f"target_ndim_ is {ndim}, but {n} outputs need 2")
    return int(n)
