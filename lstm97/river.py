"""Streams with the interface of the package river, which need not be installed."""

from collections.abc import Iterable
from typing import Any

from lstm97.data.checks import naming
from lstm97.learning.streams import Stream


class _RiverModel:
    """Base class of `RiverClassifier` and `RiverRegressor`."""

    _supervised = True  # river reads this attribute
    _has_classes: bool

    def __init__(self, stream: Stream, features: Iterable[Any] | None = None) -> None:
        if not isinstance(stream, Stream) or (stream.classes_ is None) == self._has_classes:
            kind = "classifier" if self._has_classes else "regressor"
            raise ValueError(f"{type(self).__name__}: stream must be a Stream of a {kind}")
        if stream._has_labels:
            raise ValueError("stream must not be that of several labels per target")
        with naming("features"):
            self.stream, self.features = stream, None if features is None else list(features)

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0) -> None:
        """Learn the target of a step; take the step first if `predict_one` has not taken it.

        Parameters
        ----------
        x : dict
            Features of the step by name.
        y : label or number
            Target of the step.
        w : float, default=1.0
            How much the loss of the step counts.
        """
        self.stream._check_target(y, w)  # first, so that a refused target does not make a step
        self._step(x, go_on=not self.stream.is_due)
        self.stream.learn(y, sample_weight=w)

    def _step(self, x: dict[Any, Any], go_on: bool = True) -> Any:
        """Check the features of a step; take the step and return the prediction, or return None."""
        if not isinstance(x, dict):
            raise TypeError(f"x must be a dict of features, but it is a {type(x).__name__}")
        with naming("features"):
            features = sorted(x) if self.features is None else self.features
        if x.keys() != set(features):
            raise ValueError(f"x has the features {list(x)}, but the stream has {features}")
        prediction = self.stream.step([x[name] for name in features]) if go_on else None
        self.features = features
        return prediction


class RiverClassifier(_RiverModel):
    """Stream of a classifier, with the methods of river's classifiers.

    Each prediction is a step along the stream: ask for one prediction per step and, if the label of
    the step is known, call `learn_one` before the next prediction. Labels that come later cannot
    be learned.

    River recognizes classifiers and regressors by their class, so register these two once:
    ``river.base.Classifier.register(RiverClassifier)`` and
    ``river.base.Regressor.register(RiverRegressor)``.

    Parameters
    ----------
    stream : Stream
        Stream of a classifier.
    features : list, default=None
        Names in the order of the stream's features. None means the sorted names of the first step.

    Raises
    ------
    ValueError
        If the stream is that of a regressor. Methods raise it if x has other features.

    Examples
    --------
    >>> from lstm97 import LSTMClassifier
    >>> from lstm97.river import RiverClassifier
    >>> model = LSTMClassifier(learning_rate=0.5, random_state=0)
    >>> model = model.partial_fit([[[0.0, 0.0]]], ["dry"], classes=["dry", "wet"])
    >>> weather = RiverClassifier(model.stream(), features=["wind", "clouds"])
    >>> for _ in range(20):
    ...     weather.learn_one({"clouds": 0.9, "wind": 0.3}, "wet")
    >>> weather.predict_one({"clouds": 0.9, "wind": 0.3})
    'wet'
    """

    _has_classes = _multiclass = True

    def predict_proba_one(self, x: dict[Any, Any]) -> dict[Any, float]:
        """Take a step, and predict the probability of each label.

        Parameters
        ----------
        x : dict
            Features of the step by name.

        Returns
        -------
        probabilities : dict
            Probabilities by label.
        """
        return dict(zip(self.stream.classes_.tolist(), self._step(x).tolist(), strict=True))

    def predict_one(self, x: dict[Any, Any]) -> Any:
        """Take a step, and predict its label.

        Parameters
        ----------
        x : dict
            Features of the step by name.

        Returns
        -------
        label : object
            The label with the largest probability.
        """
        probabilities = self.predict_proba_one(x)
        return max(probabilities, key=probabilities.__getitem__)


class RiverRegressor(_RiverModel):
    """Stream of a regressor, with the methods of river's regressors; see `RiverClassifier`.

    Parameters
    ----------
    stream : Stream
        Stream of a regressor.
    features : list, default=None
        Names in the order of the stream's features. None means the sorted names of the first step.

    Raises
    ------
    ValueError
        If the stream is that of a classifier. Methods raise it if x has other features.

    Examples
    --------
    >>> from lstm97 import ElmanRegressor
    >>> from lstm97.river import RiverRegressor
    >>> stream = ElmanRegressor(random_state=0).partial_fit([[[0.0, 0.0]]], [0.0]).stream()
    >>> rain = RiverRegressor(stream)
    >>> for _ in range(100):
    ...     rain.learn_one({"clouds": 0.9, "wind": 0.3}, 0.25)
    >>> round(rain.predict_one({"clouds": 0.9, "wind": 0.3}), 2)
    0.25
    """

    _has_classes = False

    def predict_one(self, x: dict[Any, Any]) -> Any:
        """Take a step, and predict its target.

        Parameters
        ----------
        x : dict
            Features of the step by name.

        Returns
        -------
        prediction : float or ndarray of shape (n_outputs,)
            Prediction for this step.
        """
        prediction = self._step(x)
        return prediction if prediction.ndim else float(prediction)
