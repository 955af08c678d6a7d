"""River's methods on a stream, without river itself."""

import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm97 import LSTMClassifier, LSTMRegressor, RTRLRegressor
from lstm97.river import RiverClassifier, RiverRegressor
from reference.hostile import junk, one_of
from test_fuzz import attempt, fuzz

NAMES = ["wind", "rain", "heat"]
FAST = {"init_scale": 0.8, "learning_rate": 0.3, "random_state": 1}


def numbers(n=30, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, 3))


def classifier(**options):
    model = LSTMClassifier.as_published(2, 2, **options, **FAST)
    return model.partial_fit([numbers(5)], ["a"], classes=["a", "b", "c"])


def regressor(y=0.3, make=RTRLRegressor):
    return make(3, **FAST).partial_fit([numbers(5)], np.array([y]))


def as_dict(row, names=NAMES):
    """Return features in another order than the stream's."""
    return {name: row[names.index(name)] for name in ("heat", "wind", "rain")}


@pytest.mark.parametrize("forget_gate", [False, True])
def test_a_river_classifier_predicts_as_its_stream(forget_gate):
    model = classifier(forget_gate=forget_gate)
    online, stream = RiverClassifier(model.stream(), NAMES), model.stream()
    rng = np.random.default_rng(1)
    for i, row in enumerate(numbers()):
        expected = dict(zip("abc", stream.step(row), strict=True))
        if i % 2:
            assert online.predict_proba_one(as_dict(row)) == expected
        else:
            assert online.predict_one(as_dict(row)) == max("abc", key=expected.get)
        if i % 3 == 0:
            online.learn_one(as_dict(row), None)
        else:
            weight, label = rng.uniform(0, 2), rng.choice(["a", "b", "c"])
            assert online.learn_one(as_dict(row), label, w=weight) is None
            stream.learn(label, sample_weight=weight)
    assert (online.stream.to_estimator().weights_ == stream.to_estimator().weights_).all()


@pytest.mark.parametrize("make", [RTRLRegressor, partial(LSTMRegressor, forget_gate=True)])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_river_regressor_predicts_as_its_stream(n_outputs, make):
    y = [0.1, 0.7][:n_outputs] if n_outputs > 1 else 0.7
    model = regressor(y, make)
    online, stream = RiverRegressor(model.stream(), NAMES), model.stream()
    for row in numbers():
        prediction = online.predict_one(as_dict(row))
        assert isinstance(prediction, float if n_outputs == 1 else np.ndarray)
        assert np.array_equal(prediction, stream.step(row))
        online.learn_one(as_dict(row), y)
        stream.learn(y)
    assert (online.stream.to_estimator().weights_ == stream.to_estimator().weights_).all()


def test_learning_without_a_prediction_takes_a_step():
    online, stream = RiverRegressor(regressor().stream(), NAMES), regressor().stream()
    for row in numbers():
        online.learn_one(as_dict(row), 0.4)
        stream.step(row)
        stream.learn(0.4)
    assert (online.stream.to_estimator().weights_ == stream.to_estimator().weights_).all()
    assert online.predict_one(as_dict(numbers()[0])) == stream.step(numbers()[0])


def test_features_are_sorted_at_the_first_step_and_stay():
    online, stream = RiverRegressor(regressor().stream()), regressor().stream()
    row = numbers()[0]
    with pytest.raises(ValueError, match="one step has shape"):
        online.predict_one({"heat": 1.0, "wind": 0.0})  # the names of no step
    expected = stream.step(row)
    assert online.predict_one(as_dict(row, sorted(NAMES))) == expected
    before = pickle.dumps(online)
    for x, message in [
        (
            {"heat": 1.0, "wind": 0.0},
            r"has the features \['heat', 'wind'\], but the stream has \['heat', 'rain', 'wind'\]",
        ),
        ({**as_dict(row), "snow": 1.0}, r"'snow'\], but the stream has"),
        ({"heat": 1.0, "wind": 0.0, "snow": 0.0}, r"'snow'\], but the stream has"),
        ({**as_dict(row), "rain": np.nan}, "x contains NaN in feature 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            online.predict_one(x)
        assert pickle.dumps(online) == before
    online.learn_one(as_dict(row), 0.4)
    with pytest.raises(ValueError, match="the stream has"):
        online.learn_one({**as_dict(row), "snow": 1.0}, 0.4)


def test_features_that_are_not_in_a_dict_are_refused():
    online = RiverRegressor(regressor().stream())
    with pytest.raises(TypeError, match="features: '<' not supported"):
        online.predict_one({"heat": 1.0, 2: 0.0, "wind": 0.0})
    before = pickle.dumps(online)
    for x in ([1.0, 2.0, 3.0], None, "heat", numbers()[0]):
        for call in (online.predict_one, lambda x: online.learn_one(x, 0.4)):
            with pytest.raises(TypeError, match="x must be a dict of features, but it is a"):
                call(x)
    assert pickle.dumps(online) == before
    with pytest.raises(TypeError, match="features"):
        RiverRegressor(regressor().stream(), features=5)
    with pytest.raises(ValueError, match="RiverRegressor: stream must be a Stream of a regressor"):
        RiverRegressor(regressor())


def test_features_are_also_checked_after_a_prediction():
    online = RiverRegressor(regressor().stream(), NAMES)
    online.predict_one(as_dict(numbers()[0]))
    before = pickle.dumps(online)
    with pytest.raises(ValueError, match=r"x has the features \['q'\], but the stream has"):
        online.learn_one({"q": 9}, 0.4)
    assert pickle.dumps(online) == before


def test_a_target_that_is_refused_makes_no_step():
    online, stream = RiverRegressor(regressor().stream(), NAMES), regressor().stream()
    for y, w in ((np.inf, 1.0), (0.4, -1.0)):
        with pytest.raises(ValueError, match=r"infinity|sample_weight"):
            online.learn_one(as_dict(numbers()[0]), y, w)
    row = numbers()[1]
    assert online.predict_one(as_dict(row)) == stream.step(row)


@fuzz
@given(st.booleans(), st.booleans(), st.data())
def test_any_input_is_a_step_or_is_refused(has_classes, is_named, draw):
    stream, model = (
        (classifier().stream(), RiverClassifier)
        if has_classes
        else (regressor().stream(), RiverRegressor)
    )
    online = model(stream, NAMES if is_named else None)
    for _ in range(3):
        x = as_dict(numbers()[draw.draw(st.integers(0, 9))])
        for _ in range(draw.draw(st.integers(0, 1))):
            key = draw.draw(st.sampled_from([*NAMES, "snow", 2, None]))
            x = draw.draw(one_of([{**x, key: draw.draw(junk())}, draw.draw(junk())]))
        y = draw.draw(st.one_of(st.just("a" if has_classes else 0.4), junk()))
        w = draw.draw(one_of([1.0, 1.0, 0.0, -1.0, np.nan, "1", None, [1.0]]))
        call = draw.draw(st.sampled_from([online.predict_one, online.learn_one]))
        args = (x,) if call == online.predict_one else (x, y, w)
        attempt(call, *args, also=["features", "sample_weight=", "step"])


def test_a_stored_model_continues_to_learn():
    online = RiverRegressor(regressor().stream())
    online.predict_one(as_dict(numbers()[0]))
    stored = pickle.loads(pickle.dumps(online))
    for each in (online, stored):
        each.learn_one(as_dict(numbers()[0]), 0.4)
    row = as_dict(numbers()[1])
    assert stored.predict_one(row) == online.predict_one(row)


def test_classes_and_numbers_are_distinguished():
    with pytest.raises(ValueError, match="RiverRegressor: stream must be a Stream of a regressor"):
        RiverRegressor(classifier().stream())
    with pytest.raises(ValueError, match="RiverClassifier: stream must be a Stream"):
        RiverClassifier(regressor().stream())
