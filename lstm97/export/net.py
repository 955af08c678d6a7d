"""`Net`, what all exports read: the net within an estimator or a pipeline, and its scalings."""

import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from lstm97.data.checks import brief
from lstm97.estimators.lstm import LSTMClassifier, LSTMRegressor
from lstm97.learning.topology import Topology
from lstm97.preprocessing import StepwiseTransformer


class Affine(NamedTuple):
    """Means and scales of columns, by which their values are standardized.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_columns,)
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Net:
    """The net of a fitted LSTM estimator, with all that surrounds it.

    Attributes
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        A copy of the estimator that the pipeline ends with.
    topology : Topology
        Sizes and switches of the net, its activations and its loss.
    weights : ndarray of shape (topology.n_weights,)
        ``topology.views(weights)`` returns them by group.
    inputs : tuple of Affine
        Scalings of the features of a step: those of the pipeline, then that of the estimator. Each
        of them turns x into (x - mean) / scale.
    targets : Affine or None
        Scaling of the targets: predictions are outputs * scale + mean. None if predictions
        are the outputs.
    is_fixed : bool
        Whether the scalings stay as they are along a stream; otherwise the first steps change them.
    is_classifier : bool
    classes : ndarray of shape (n_classes,) or None
        Labels in the order of the outputs. Predictions are then outputs divided by their sum. None
        if the predictions are numbers, or probabilities of several labels.
    """

    estimator: Any
    topology: Topology
    weights: NDArray[np.float64]
    inputs: tuple[Affine, ...]
    targets: Affine | None
    is_fixed: bool
    is_classifier: bool
    classes: NDArray[Any] | None

    @property
    def folded(self) -> Affine:
        """All scalings of the inputs in one, equal up to rounding."""
        mean, scale = np.zeros(self.topology.n_inputs), np.ones(self.topology.n_inputs)
        for each in self.inputs:
            mean = mean + scale * each.mean
            scale = scale * each.scale
        return Affine(mean, scale)


def net_of(estimator: Any) -> Net:
    """Return the net of an estimator or a pipeline.

    Parameters
    ----------
    estimator : LSTMClassifier, LSTMRegressor or Pipeline
        Fitted. The other steps of a pipeline must be ``StepwiseTransformer(StandardScaler())``.

    Raises
    ------
    TypeError
        If it is another estimator, or the pipeline has another step.
    ValueError
        If it is not fitted, if its weights are not finite, or if a scaler has other features than
        the net.
    """
    *steps, model = _steps(estimator) or [estimator]
    if not isinstance(model, LSTMClassifier | LSTMRegressor):
        raise TypeError(
            "only an LSTMClassifier or LSTMRegressor, or a Pipeline that ends with one, can be "
            f"exported, not {type(model).__name__}; of a fitted search, export best_estimator_"
        )
    model = copy.copy(model)  # another thread may fit the original meanwhile
    check_is_fitted(model)
    n_inputs = model.topology_.n_inputs
    scalers = [scaler for step in steps for scaler in _scalers(step)]
    inputs = [_affine(scaler, n_inputs) for scaler in scalers]
    x_scaling = getattr(model, "x_scaling_", None)
    y_scaling = getattr(model, "y_scaling_", None)
    if x_scaling is not None and not x_scaling.is_none:
        inputs.append(Affine(x_scaling.mean, x_scaling.scale))
    if not np.isfinite(model.weights_).all():
        raise ValueError("weights_ are not finite: the net cannot be exported")
    has_labels = hasattr(model, "classes_") and model.target_ndim_ == 2
    return Net(
        estimator=model,
        topology=model.topology_,
        weights=model.weights_.copy(),
        inputs=tuple(inputs),
        targets=None if y_scaling is None else Affine(y_scaling.mean, y_scaling.scale),
        is_fixed=all(each is None or each.is_fixed for each in (x_scaling, y_scaling)),
        is_classifier=hasattr(model, "classes_"),
        classes=None if has_labels else getattr(model, "classes_", None),
    )


def _steps(estimator: Any) -> list[Any]:
    """Return the steps of a pipeline, pipelines within it included; or the estimator alone."""
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    return [each for step in steps for each in _steps(step)]


def _scalers(step: Any) -> list[Any]:
    """Return the scalers in a step of a pipeline."""
    if not isinstance(step, StepwiseTransformer):
        raise TypeError(
            "steps of a pipeline that is exported must be StepwiseTransformer(StandardScaler()), "
            f"got {brief(step)}"
        )
    check_is_fitted(step)
    scalers = _steps(step.transformer_)
    for scaler in scalers:
        if type(scaler) is not StandardScaler:
            raise TypeError(
                "a StepwiseTransformer that is exported must hold StandardScaler(), got "
                f"{brief(scaler)}"
            )
    return scalers


def _affine(scaler: Any, n_inputs: int) -> Affine:
    """Return what a scaler does to the features of each step of a sequence."""
    mean, scale = np.zeros(n_inputs), np.ones(n_inputs)
    if scaler.with_mean:
        mean = scaler.mean_.copy()
    if scaler.with_std:
        scale = scaler.scale_.copy()
    if not len(mean) == len(scale) == n_inputs:
        raise ValueError(
            f"{brief(scaler)} scales {scaler.n_features_in_} features, but the net has "
            f"{n_inputs}: set n_channels of both"
        )
    return Affine(mean, scale)
