"""Streams with the methods of the package river, which is not needed here."""

from lstm97._arrays import naming
from lstm97.streams import Stream


class _RiverModel:
    _supervised = True  # river asks for it
    _has_classes = False

    def __init__(self, stream, features=None):
        if not isinstance(stream, Stream) or (stream.classes_ is None) == self._has_classes:
            raise ValueError(f"{type(self).__name__}: the stream predicts something else")
        with naming("features"):
            self.stream, self.features = stream, None if features is None else list(features)

    def learn_one(self, x, y, w=1.0):
        """Learn the target of the step predicted last; without one, go on by the step x first."""
        self.stream._check_target(y, w)  # what is refused makes no step
        self._step(x, go_on=not self.stream.is_due)
        self.stream.learn(y, sample_weight=w)

    def _step(self, x, go_on=True):
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

    def predict_proba_one(self, x):
        """Go on by a step; return a dict from labels to their probabilities."""
        return dict(zip(self.stream.classes_.tolist(), self._step(x).tolist(), strict=True))

    def predict_one(self, x):
        """Go on by a step; return the label with the largest probability."""
        probabilities = self.predict_proba_one(x)
        return max(probabilities, key=probabilities.get)


class RiverRegressor(_RiverModel):
    """A regressor on a stream, with the methods of river's regressors; see `RiverClassifier`.

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

    def predict_one(self, x):
        """Go on by a step; return the prediction, a number or an array of numbers."""
        prediction = self._step(x)
        return prediction if prediction.ndim else float(prediction)
