"""The adapters inside river: its evaluation, pipelines, wrappers and checks."""

import copy
import importlib.util
import pickle
import sys
from collections import deque
from pathlib import Path

import numpy as np
import pytest

import lstm97.river
from lstm97 import ElmanClassifier, LSTMClassifier, LSTMRegressor, RTRLRegressor
from lstm97.river import RiverClassifier, RiverRegressor

pytest.importorskip("river")
from river import base, checks, compose, conf, evaluate, metrics, preprocessing

NAMES = ["a", "b"]
FAST = {"n_blocks": 2, "random_state": 0}


def steps(n=60, seed=0):
    rows = np.random.default_rng(seed).uniform(-1, 1, (n, 2))
    return [dict(zip(NAMES, row.tolist(), strict=True)) for row in rows]


def numbers(n=60):
    x = steps(n)
    return [(now, before["a"]) for before, now in zip([x[0], *x], x, strict=False)]


def labels(n=60):
    return [(x, "up" if y > 0 else "down") for x, y in numbers(n)]


def regressor():
    return RiverRegressor(LSTMRegressor(**FAST).stream(n_features=2))


def classifier():
    return RiverClassifier(LSTMClassifier(**FAST).stream(2, ["down", "up"]), NAMES)


KINDS = {
    "classifier": (classifier, labels, metrics.Accuracy),
    "probabilities": (classifier, labels, metrics.CrossEntropy),
    "regressor": (regressor, numbers, metrics.MAE),
}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


def predictions(model, data):
    """Predict each step, then learn it."""
    is_classifier = isinstance(model, base.Classifier)
    predict, found = model.predict_proba_one if is_classifier else model.predict_one, []
    for x, y in data:
        found.append(predict(x))
        model.learn_one(x, y)
    return found


def test_the_models_are_models_of_river():
    assert isinstance(classifier(), base.Classifier)
    assert isinstance(regressor(), base.Regressor)
    assert not isinstance(classifier(), base.Regressor)
    assert "Stream of LSTMRegressor: 2 features" in repr(regressor())


@EACH_KIND
@pytest.mark.parametrize("delay", [None, 0, 1, 3])
def test_progressive_validation_is_a_loop(kind, delay):
    """With a delay, labels are learned in their order, each with its own step."""
    make, data, metric = KINDS[kind]
    model, expected, waiting = make(), metric(), deque()
    predict = model.predict_proba_one if kind == "probabilities" else model.predict_one

    def answer():
        x, y, prediction = waiting.popleft()
        expected.update(y, prediction)
        model.learn_one(x, y)

    for x, y in data():
        while len(waiting) >= max(delay or 0, 1):
            answer()
        waiting.append((x, y, predict(x)))
    while waiting:
        answer()
    evaluated = make()
    found = evaluate.progressive_val_score(data(), evaluated, metric(), delay=delay)
    assert found.get() == expected.get()
    assert evaluated.stream.n_steps_ == 60
    weights = [each.stream.to_estimator().weights_ for each in (model, evaluated)]
    assert np.array_equal(*weights)


def test_a_late_label_is_learned_with_its_own_step():
    net = LSTMClassifier(learning_rate=1.0, random_state=0)
    net.partial_fit([[[0.0]]], ["no"], classes=["no", "yes"])
    one, other = (RiverClassifier(net.stream(), ["u"]) for _ in range(2))
    for model in (one, other):
        model.predict_one({"u": 0.0})
        model.predict_one({"u": 9.0})
    one.learn_one({"u": 0.0}, "yes")
    other.learn_one({"u": 9.0}, "yes")
    weights = [each.stream.to_estimator().weights_ for each in (one, other)]
    assert not np.array_equal(*weights)


@EACH_KIND
def test_repeated_predictions_change_nothing(kind):
    make, data, _ = KINDS[kind]
    once, often = make(), make()
    for x, y in data():
        assert often.predict_one({"a": 0.5, "b": -0.5}) in ("up", "down") or kind == "regressor"
        assert often.predict_one(x) == often.predict_one(x) == once.predict_one(x)
        once.learn_one(x, y)
        often.learn_one(x, y)
    before = pickle.dumps(often.stream.snapshot())
    often.predict_one(x)
    assert pickle.dumps(often.stream.snapshot()) == before


def test_a_wrapper_that_predicts_twice_takes_no_step_twice():
    data = numbers()
    wrapped = conf.RegressionJackknife(regressor(), confidence_level=0.9)
    found = []
    for x, y in data:
        found.append(wrapped.predict_one(x))
        wrapped.predict_one(x, with_interval=True)
        wrapped.learn_one(x, y)
    assert found == predictions(regressor(), data)


@EACH_KIND
def test_a_model_follows_a_scaler(kind):
    make, data, metric = KINDS[kind]
    scaler, model, expected = preprocessing.StandardScaler(), make(), metric()
    predict = model.predict_proba_one if kind == "probabilities" else model.predict_one
    for x, y in data():
        expected.update(y, predict(scaler.transform_one(x)))
        scaler.learn_one(x)
        model.learn_one(scaler.transform_one(x), y)
    pipeline = preprocessing.StandardScaler() | make()
    assert isinstance(pipeline, compose.Pipeline)
    assert evaluate.progressive_val_score(data(), pipeline, metric()).get() == expected.get()


@EACH_KIND
def test_a_clone_begins_where_the_model_began(kind):
    make, data, _ = KINDS[kind]
    expected = predictions(make(), data())
    model = make()
    assert predictions(model, data()) == expected
    again, stored = model.clone(), pickle.loads(pickle.dumps(model))
    assert again.stream.n_steps_ == 0
    assert predictions(again, data()) == expected
    assert predictions(stored.clone(), data()) == expected
    assert predictions(again.clone({"features": NAMES}), data()) == expected
    assert predictions(again.clone({"features": NAMES[::-1]}), data()) != expected
    pipeline = compose.Pipeline(preprocessing.StandardScaler(), model)
    assert predictions(pipeline.clone(), data()) == predictions(pipeline.clone(), data())
    goes_on = copy.deepcopy(model)
    assert predictions(goes_on, data()) == predictions(model, data()) != expected


def test_a_clone_of_a_fitted_net_begins_with_its_weights():
    x = np.array([[*step.values()] for step in steps()])
    fitted = RTRLRegressor(3, random_state=0).partial_fit([x], [x[:, 0]])
    model = RiverRegressor(fitted.stream(), NAMES)
    predictions(model, numbers())
    assert np.array_equal(model.clone().stream.to_estimator().weights_, fitted.weights_)


# Features that come and go are refused.
NEEDS_OTHER_FEATURES = {
    "check_emerging_features",
    "check_disappearing_features",
    "check_radically_disappearing_features",
}
# A model needs a stream, so there is none without parameters.
NEEDS_DEFAULTS = {"check_init_has_default_params_for_tests"}
CHECKS = [
    pytest.param(make, check, id=f"{kind}-{check.__name__}-{i}")
    for kind, (make, *_) in list(KINDS.items())[1:]
    for i, check in enumerate(checks.yield_checks(make()))
]


@pytest.mark.parametrize(("make", "check"), CHECKS)
def test_checks_of_river(make, check):
    if check.__name__ in NEEDS_DEFAULTS:
        with pytest.raises(TypeError, match="stream"):
            check(make())
        return
    if not hasattr(check, "keywords"):
        check(make())
        return
    data = list(check.keywords["dataset"])[:400]
    data = [({name: float(value) for name, value in x.items() if name != "ordinal_date"}, y)
            for x, y in data]  # fmt: skip
    n_features = len(data[0][0])
    if make is classifier:
        classes = sorted({y for _, y in data})
        stream = ElmanClassifier(4, random_state=0).stream(n_features, classes)
        model = RiverClassifier(stream)
    else:
        model = RiverRegressor(LSTMRegressor(**FAST).stream(n_features))
    if check.__name__ in NEEDS_OTHER_FEATURES:
        with pytest.raises(ValueError, match="features"):
            check(model, dataset=data)
    else:
        check(model, dataset=data)


def test_without_river_the_models_stand_alone(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "river"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "river", None)
    path = Path(lstm97.river.__file__)
    spec = importlib.util.spec_from_file_location("without_river", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    alone = module.RiverRegressor(LSTMRegressor(**FAST).stream(n_features=2))
    assert not hasattr(alone, "clone")
    assert predictions(alone, numbers()) == predictions(regressor(), numbers())
