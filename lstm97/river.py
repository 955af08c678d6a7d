"""Streams with the methods of the package river, which is not needed here."""

from collections.abc import Iterable
from typing import Any

from lstm97.data.checks import naming
from lstm97.learning.streams import Stream


class _RiverModel:
    _supervised = True  # river asks for it
    _has_classes: bool

    def __init__(self, stream: Stream, features: Iterable[Any] | None = None) -> None:
        if not isinstance(stream, Stream) or (stream.classes_ is None) == self._has_classes:
            raise ValueError(f"{type(self).__name__}: the stream predicts something else")
        with naming("features"):
            self.stream, self.features = stream, None if features is None else list(features)

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0) -> None:
        """Learn the target of the step predicted last; without one, go on by the step x first.

        Parameters
        ----------
        x : dict
            Features of the step, by their names.
        y : label or number
            Its target.
        w : float, default=1.0
            What its loss counts.
        """
        self.stream._check_target(y, w)  # what is refused makes no step
        self._step(x, go_on=not self.stream.is_due)
        self.stream.learn(y, sample_weight=w)

    def _step(self, x: dict[Any, Any], go_on: bool = True) -> Any:
        if not isinstance(x, dict):
            raise TypeError(f"x must be a dict of features, it is a {type(x).__name__}")
        with naming("features"):
            features = sorted(x) if self.features is None else self.features
        if x.keys() != set(features):
            raise ValueError(f"x has the features {list(x)}, the stream has {features}")
        prediction = self.stream.step([x[name] for name in features]) if go_on else None
        self.features = features
        return prediction


class RiverClassifier(_RiverModel):
    """A classifier on a stream, with the methods of river's classifiers.

    Each prediction is a step along the stream: ask for one per step, and call `learn_one` for it,
    if its label is known, before the next. Labels that come later are not for this.

    River tells classifiers by their class: say ``river.base.Classifier.register(RiverClassifier)``
    once, and ``river.base.Regressor.register(RiverRegressor)``.

    Parameters
    ----------
    stream : Stream
        Of a classifier.
    features : list, default=None
        Names in the order of the stream's features; None: sorted names of the first step.

    Raises
    ------
    ValueError
        If the stream is of a regressor; in all methods, if x has other features.

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
        """Go on by a step and predict.

        Parameters
        ----------
        x : dict
            Features of the step, by their names.

        Returns
        -------
        probabilities : dict
            By labels.
        """
        return dict(zip(self.stream.classes_.tolist(), self._step(x).tolist(), strict=True))

    def predict_one(self, x: dict[Any, Any]) -> Any:
        """Go on by a step and predict.

        Parameters
        ----------
        x : dict
            Features of the step, by their names.

        Returns
        -------
        label : object
            That with the largest probability.
        """
        probabilities = self.predict_proba_one(x)
        return max(probabilities, key=probabilities.__getitem__)


class RiverRegressor(_RiverModel):
    """A regressor on a stream, with the methods of river's regressors; see `RiverClassifier`.

    Parameters
    ----------
    stream : Stream
        Of a regressor.
    features : list, default=None
        Names in the order of the stream's features; None: sorted names of the first step.

    Raises
    ------
    ValueError
        If the stream is of a classifier; in all methods, if a step has other features.

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
        """Go on by a step and predict.

        Parameters
        ----------
        x : dict
            Features of the step, by their names.

        Returns
        -------
        prediction : float or ndarray of shape (n_outputs,)
            Of this step.
        """
        prediction = self._step(x)
        return prediction if prediction.ndim else float(prediction)
