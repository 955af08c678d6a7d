"""Streams with the interface of the package river, which need not be installed.

If it is, the models are river's own classifiers and regressors, with all that its base classes add.
"""

import copy
from collections.abc import Callable, Iterable
from typing import Any

from lstm97.data.checks import naming
from lstm97.learning.streams import Stream

try:
    from river.base import Classifier, Regressor
except ImportError:
    Classifier = Regressor = object


class _RiverModel:
    """What both models have in common."""

    _supervised = True  # river reads this attribute
    _has_classes: bool

    def __init__(self, stream: Stream, features: Iterable[Any] | None = None) -> None:
        if isinstance(stream, Stream) and stream._has_labels:
            raise ValueError(
                "stream must not be that of several labels per target: call its step and learn"
            )
        if not isinstance(stream, Stream) or (stream.classes_ is None) == self._has_classes:
            kind = "classifier" if self._has_classes else "regressor"
            raise ValueError(f"{type(self).__name__}: stream must be a Stream of a {kind}")
        with naming("features"):
            self.features = None if features is None else list(features)
        self.stream, self._start = stream, copy.copy(stream)
        self._names = self.features

    def _get_params(self) -> dict[str, Any]:
        """Return the parameters of a clone, whose stream is in the first state of this one."""
        return {"stream": self._start, "features": self.features}

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0) -> None:
        """Move the stream to the next step, and learn its target.

        Parameters
        ----------
        x : dict
            Features of the step by name.
        y : label, number or None
            Target of the step. None means that it has none.
        w : float, default=1.0
            How much the loss of the step counts.
        """
        if y is not None:
            self.stream._check_target(y, w)  # first, so that a refused target does not make a step
        self._call(self.stream.step, x)
        if y is not None:
            self.stream.learn(y, sample_weight=w)

    def _predict(self, x: dict[Any, Any]) -> Any:
        return self._call(self.stream._peek, x)

    def _call(self, method: Callable[[Any], Any], x: dict[Any, Any]) -> Any:
        """Call a method with the features of a step in their order."""
        if not isinstance(x, dict):
            raise TypeError(f"x must be a dict of features, but it is a {type(x).__name__}")
        with naming("features"):
            names = self._names or sorted(x)
        if x.keys() != set(names):
            raise ValueError(
                f"x has the features {list(x)}, but the stream has {names}, and they stay the "
                "same: select these, and fill in what is missing, before the model"
            )
        result = method([x[name] for name in names])
        self._names = names
        return result


class RiverClassifier(_RiverModel, Classifier):
    """Stream of a classifier, with the methods of river's classifiers.

    As everywhere in river, `predict_one` changes nothing. `learn_one` moves the stream to the next
    step and learns its label. The net therefore remembers the steps for which `learn_one` was
    called, in their order. For a step without a label, call `learn_one` with None. If labels come
    late, a prediction knows nothing of the steps whose labels have not come; `Stream.learn`, with
    its parameter `at`, does not have this restriction.

    If river is installed, this is one of its classifiers: it can be evaluated and joined to
    pipelines. river's `clone` returns a model with a copy of the stream as it was when the original
    model was made.

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
        """Predict the probability of each label for the next step.

        Parameters
        ----------
        x : dict
            Features of the step by name.

        Returns
        -------
        probabilities : dict
            Probabilities by label.
        """
        return dict(zip(self.stream.classes_.tolist(), self._predict(x).tolist(), strict=True))

    def predict_one(self, x: dict[Any, Any]) -> Any:
        """Predict the label of the next step.

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


class RiverRegressor(_RiverModel, Regressor):
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
        """Predict the target of the next step.

        Parameters
        ----------
        x : dict
            Features of the step by name.

        Returns
        -------
        prediction : float or ndarray of shape (n_outputs,)
            Prediction for this step.
        """
        prediction = self._predict(x)
        return prediction if prediction.ndim else float(prediction)
