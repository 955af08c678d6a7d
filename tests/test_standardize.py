"""Standardisation inside estimators: statistics from their definition, nets on scaled copies."""

import pickle
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from lstm97 import (
    BPTTRegressor,
    CascadeCorrelationRegressor,
    ElmanClassifier,
    LSTMClassifier,
    LSTMRegressor,
    RTRLRegressor,
    SequenceChunkerClassifier,
    SequenceChunkerRegressor,
    Sequences,
    gradient_report,
    load,
    save,
)
from lstm97.data.targets import Targets
from lstm97.learning.scaling import ENOUGH, Scaling

SHORT = {"max_iter": 2, "random_state": 0}
MODELS = {
    "default": partial(LSTMRegressor, 3, **SHORT),
    "on line": partial(LSTMRegressor, 3, 2, batch_size=None, n_hidden=1, **SHORT),
    "large net": partial(LSTMClassifier, 70, gradient="full", **SHORT),
    "single precision": partial(LSTMRegressor, 3, batch_size=4, dtype="float32", **SHORT),
    "growing": partial(LSTMClassifier, 3, initial_blocks=1, growth_patience=5, **SHORT),
    "elman": partial(ElmanClassifier, 3, tol=None, **SHORT),
    "bptt": partial(BPTTRegressor, 3, tol=None, **SHORT),
    "rtrl": partial(RTRLRegressor, 3, tol=None, **SHORT),
    "cascade": partial(CascadeCorrelationRegressor, 2, max_iter=30, random_state=0),
    "chunker": partial(SequenceChunkerClassifier, 3, tol=None, **SHORT),
    "chunker of numbers": partial(SequenceChunkerRegressor, 3, tol=None, **SHORT),
}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def sequences(n=12, seed=0):
    """Draw ragged sequences of three channels: far from zero, very large, and constant."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 9, n)
    return [
        np.column_stack([500 + 3 * rng.normal(size=k), 1e6 * rng.normal(size=k), np.full(k, 0.1)])
        for k in lengths
    ]


def targets(X, every=False, classes=False, seed=1):
    """Draw targets for the last or for every step; labels, or numbers far from zero."""
    rng = np.random.default_rng(seed)
    sizes = [len(x) for x in X] if every else [1] * len(X)
    y = [1000 + 50 * rng.normal(size=k) for k in sizes]
    y = [np.where(part > 1000, "up", "down") for part in y] if classes else y
    return y if every else np.concatenate(y)


def definition(columns, weights):
    """Return weighted means and standard deviations of columns; a missing value is NaN."""
    means, scales = [], []
    for x in columns.T:
        has = ~np.isnan(x) & (weights > 0)
        mean = np.average(x[has], weights=weights[has])
        scale = np.sqrt(np.average((x[has] - mean) ** 2, weights=weights[has]))
        means.append(mean)
        scales.append(1.0 if np.ptp(x[has]) == 0 else scale)
    return np.array(means), np.array(scales)


def running(rows):
    """Yield the statistics after each row, from the definition over the rows that count."""
    counted = [[] for _ in rows.T]
    for row in rows:
        for seen, x in zip(counted, row, strict=True):
            if not np.isnan(x) and len(seen) < ENOUGH and not (len(seen) == 1 and x == seen[0]):
                seen.append(x)
        yield [(np.mean(s), np.std(s) if len(s) > 1 else 1.0) if s else (0.0, 1.0) for s in counted]


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_statistics_are_those_of_all_steps(every, weighted):
    X = sequences()
    y = targets(X, every)
    rng = np.random.default_rng(2)
    weight = [rng.integers(0, 3, len(x) if every else 1).astype(float) for x in X]
    given = (weight if every else np.concatenate(weight)) if weighted else None
    model = MODELS["default"]().fit(X, y, sample_weight=given)
    w = weight if weighted else [np.ones(1) for _ in X]
    per_step = np.concatenate([np.broadcast_to(k, len(x)) for k, x in zip(w, X, strict=True)])
    mean, scale = definition(np.concatenate(X), per_step)
    assert_allclose(model.x_scaling_.mean, mean, rtol=1e-12)
    assert_allclose(model.x_scaling_.scale, scale, rtol=1e-12)
    rows = np.concatenate(y) if every else y
    per_row = per_step if every else np.concatenate([k[:1] for k in w])
    mean, scale = definition(rows[:, None], per_row)
    assert_allclose(model.y_scaling_.mean, mean, rtol=1e-12)
    assert_allclose(model.y_scaling_.scale, scale, rtol=1e-12)


def test_repeated_and_left_out_steps_count_as_often_as_they_are_learned():
    X = Sequences.from_list(sequences())
    chosen = [3, 3, 1]
    model = MODELS["default"]().fit(X[chosen], targets(chosen))
    mean, scale = definition(np.concatenate([X[i] for i in chosen]), np.ones(X[chosen].n_steps))
    assert_allclose(model.x_scaling_.mean, mean, rtol=1e-12)
    assert_allclose(model.x_scaling_.scale, scale, rtol=1e-12)


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_the_net_is_that_of_scaled_copies(name, every):
    """Weights and predictions have the bits of a net that learns copies made by hand."""
    X = sequences()
    make = MODELS[name]
    classes = is_classifier(make())
    y = targets(X, every, classes)
    model = make().fit(X, y)
    x_scaling, y_scaling = model.x_scaling_, getattr(model, "y_scaling_", None)
    X_copy = [(x - x_scaling.mean) / x_scaling.scale for x in X]
    y_copy = y
    if y_scaling is not None:
        y_copy = [(part - y_scaling.mean) / y_scaling.scale for part in y]
        y_copy = y_copy if every else np.ravel(y_copy)
    twin = make(standardize=False).fit(X_copy, y_copy)
    assert (model.weights_ == twin.weights_).all()
    predicted, expected = model.predict(X), twin.predict(X_copy)
    if y_scaling is not None:
        expected = expected * y_scaling.scale[0] + y_scaling.mean[0]
    assert all(np.array_equal(a, b) for a, b in zip(predicted, expected, strict=True))
    assert model.score(X, y) == pytest.approx(twin.score(X_copy, y_copy), rel=1e-9)
    assert not hasattr(twin, "x_scaling_")


@pytest.mark.parametrize("name", MODELS)
def test_units_do_not_matter(name):
    X, make = sequences(), MODELS[name]
    y = targets(X, classes=is_classifier(make()))
    factor, shift = np.array([1000.0, 1e-3, 7.0]), np.array([500.0, -2.0, 3.0])
    model, other = make().fit(X, y), make().fit([x * factor + shift for x in X], y)
    assert_allclose(other.weights_, model.weights_, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("Estimator", [LSTMRegressor, LSTMClassifier, RTRLRegressor])
@pytest.mark.parametrize("n", [3, 130])
def test_running_statistics_are_the_same_in_streams_and_in_partial_fit(Estimator, n):
    rng = np.random.default_rng(n)
    x = np.column_stack([rng.normal(500, 3, n), np.zeros(n), np.zeros(n)])
    x[n // 3 :, 1] = rng.normal(size=len(x[n // 3 :]))  # constant at first
    classes = is_classifier(Estimator())
    y = rng.choice(["a", "b"], n) if classes else rng.normal(1000, 50, n)
    weight = rng.uniform(0.1, 2, n)
    more = {"classes": ["a", "b"]} if classes else {}
    model = Estimator(random_state=0).partial_fit([x], [y], sample_weight=[weight], **more)
    one = Estimator(random_state=0).stream(n_features=3, **more)
    many = Estimator(random_state=0).stream(n_features=3, **more)
    predicted = []
    for row, target, w in zip(x, y, weight, strict=True):
        predicted.append(one.step(row))
        one.learn(target, w)
    assert (many.learn_many(x, y, weight)[0] == np.array(predicted)).all()
    *_, last = running(x)
    for stream in (one, many):
        learned = stream.to_estimator()
        assert (learned.weights_ == model.weights_).all()
        for name in ("x_scaling_", "y_scaling_")[: 1 if classes else 2]:
            ours, theirs = getattr(model, name), getattr(learned, name)
            assert (ours.mean == theirs.mean).all()
            assert (ours.scale == theirs.scale).all()
            assert (ours.count == theirs.count).all()
    assert_allclose(np.transpose([model.x_scaling_.mean, model.x_scaling_.scale]), last, rtol=1e-9)


def test_running_statistics_skip_missing_and_unweighted_values():
    rows = np.random.default_rng(0).normal(size=(150, 2))
    rows[::3, 0] = np.nan
    counts = np.arange(150) % 2 == 0
    after, out = Scaling.unknown(2).run(rows, "y", counts)
    states = list(running(rows[counts]))
    assert_allclose(np.transpose([after.mean, after.scale]), states[-1], rtol=1e-9)
    mean, scale = np.transpose(states[20])
    assert_allclose(out[40], (rows[40] - mean) / scale, rtol=1e-9)
    assert np.isnan(out[::3, 0]).all()


def test_statistics_are_fixed_after_enough_values():
    scaling = Scaling.unknown(1).run(np.full((1000, 1), 7.0), "x")[0]
    assert not scaling.is_fixed
    rows = np.random.default_rng(0).normal(size=(99, 1))
    scaling = scaling.run(rows, "x")[0]
    assert scaling.is_fixed
    assert_allclose(scaling.mean, np.mean([7.0, *rows[:, 0]]), rtol=1e-12)
    later, out = scaling.run(rows + 50.0, "x")
    assert later.mean == scaling.mean
    assert (out == (rows + 50.0 - scaling.mean) / scaling.scale).all()


def test_the_first_call_with_a_single_step_fixes_nothing():
    """The call that the guide names for a new stream has no variance."""
    model = LSTMRegressor(random_state=0).partial_fit([[[0.0]]], [0.0])
    assert model.x_scaling_.count == model.y_scaling_.count == 1.0
    x = np.random.default_rng(0).normal(100, 7, (200, 1))
    model.partial_fit([x], [x[:, 0]] if model.target_steps_ == "every" else [3.0])
    assert model.x_scaling_.mean == pytest.approx(np.mean([0.0, *x[:99, 0]]))


def test_fit_after_partial_fit_fixes_what_still_runs():
    X, y = sequences(), targets(sequences())
    model = LSTMRegressor(3, warm_start=True, **SHORT).partial_fit(X[:2], y[:2])
    model.fit(X, y)
    fresh = LSTMRegressor(3, **SHORT).fit(X, y)
    assert (model.x_scaling_.mean == fresh.x_scaling_.mean).all()
    fixed = model.x_scaling_
    model.partial_fit([x + 9.0 for x in X], y)
    assert (model.x_scaling_.mean == fixed.mean).all()


@pytest.mark.parametrize("name", MODELS)
def test_files_and_pickles_keep_the_statistics(tmp_path, name):
    X, make = sequences(), MODELS[name]
    y = targets(X, classes=is_classifier(make()))
    model = make().fit(X, y)
    save(model, tmp_path / "model.npz")
    for other in (load(tmp_path / "model.npz"), pickle.loads(pickle.dumps(model))):
        assert (other.predict(X) == model.predict(X)).all()
        other.partial_fit(X, y)
        again = pickle.loads(pickle.dumps(model)).partial_fit(X, y)
        assert (other.weights_ == again.weights_).all()


def test_a_snapshot_keeps_running_statistics():
    stream = RTRLRegressor(random_state=0).stream(n_features=2)
    rng = np.random.default_rng(0)
    x, y = rng.normal(5, 2, (60, 2)), rng.normal(9, 4, 60)
    stream.learn_many(x[:20], y[:20])
    snapshot = pickle.loads(pickle.dumps(stream.snapshot()))
    copied = pickle.loads(pickle.dumps(stream))
    first, _ = stream.learn_many(x[20:], y[20:])
    assert (stream.restore(snapshot).learn_many(x[20:], y[20:])[0] == first).all()
    assert (copied.learn_many(x[20:], y[20:])[0] == first).all()
    other = RTRLRegressor(random_state=0, standardize=False).stream(n_features=2)
    with pytest.raises(ValueError, match="standardizes in another way"):
        other.restore(snapshot)


def test_sparse_steps_stay_as_they_are():
    X, y = sequences(), targets(sequences())
    sparse_X = [sparse.csr_array(x) for x in X]
    model = MODELS["default"]().fit(sparse_X, y)
    twin = MODELS["default"](standardize=False).fit(sparse_X, (y - y.mean()) / y.std())
    assert_allclose(model.weights_, twin.weights_, rtol=1e-9)
    assert_allclose(model.predict(X), model.predict(sparse_X), rtol=1e-9)
    dense = MODELS["default"]().fit(X, y)
    for call in (dense.predict, dense.trace, lambda X: dense.score(X, y)):
        with pytest.raises(TypeError, match="X is sparse, but the estimator standardizes dense"):
            call(sparse_X)
    with pytest.raises(TypeError, match="the steps are sparse, but the stream standardizes"):
        dense.stream().step(sparse_X[0][:1])


def test_traces_have_the_units_of_the_targets():
    X = sequences()
    model = MODELS["default"]().fit(X, targets(X, every=True))
    for trace, predicted in zip(model.trace(X), model.predict(X), strict=True):
        assert (trace.output[:, 0] == predicted).all()


def test_gradient_reports_are_those_of_scaled_copies():
    X = sequences(4)
    y = targets(X)
    model = MODELS["on line"]().fit(X, y)
    twin = MODELS["on line"](standardize=False).fit(
        [(x - model.x_scaling_.mean) / model.x_scaling_.scale for x in X],
        (y - model.y_scaling_.mean) / model.y_scaling_.scale,
    )
    report = gradient_report(model, X, y)
    expected = gradient_report(
        twin,
        [(x - model.x_scaling_.mean) / model.x_scaling_.scale for x in X],
        (y - model.y_scaling_.mean) / model.y_scaling_.scale,
    )
    assert (report.by_group_and_lag.full_norm == expected.by_group_and_lag.full_norm).all()


def test_numbers_given_by_hand():
    X, y = sequences(), targets(sequences())
    given = {"x_mean": 500, "x_scale": [3.0, 1e6, 2.0], "y_mean": 1000, "y_scale": 50}
    model = MODELS["default"](standardize=given).fit(X, y)
    assert model.x_scaling_.mean.tolist() == [500.0] * 3
    assert model.x_scaling_.scale.tolist() == [3.0, 1e6, 2.0]
    assert model.y_scaling_.scale.tolist() == [50.0]
    stream = LSTMRegressor(standardize=given, random_state=0).stream(n_features=3)
    stream.learn_many(X[0], np.zeros(len(X[0])))
    assert stream.to_estimator().y_scaling_.mean == 1000.0
    some = MODELS["default"](standardize={"y_mean": 0, "y_scale": 1}).fit(X, y)
    assert some.x_scaling_.mean[0] == pytest.approx(np.concatenate(X)[:, 0].mean())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mean": 0}, "unknown keys"),
        ({"x_mean": 0}, "needs both x_mean and x_scale"),
        ({"x_mean": [0, 1], "x_scale": 1}, "must be one finite number, or 3"),
        ({"x_mean": 0, "x_scale": 0}, r"x_scale'\] must be positive"),
        ({"x_mean": 0, "x_scale": np.inf}, "must be one finite number"),
        ({"x_mean": "a", "x_scale": 1}, "must hold numbers"),
    ],
)
def test_wrong_numbers_are_refused(given, message):
    X, model = sequences(), MODELS["default"](standardize=given)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X, targets(X))
    assert not hasattr(model, "weights_")


def test_targets_of_other_outputs_are_not_scaled():
    X = sequences()
    model = MODELS["default"](output_activation="logistic").fit(X, np.linspace(0, 1, len(X)))
    assert not hasattr(model, "y_scaling_")
    with pytest.raises(ValueError, match="only targets of linear outputs"):
        MODELS["growing"](standardize={"y_mean": 0, "y_scale": 1}).fit(X, targets(X) > 1000)


@pytest.mark.parametrize("values", [[1e308, -1e308], [1e200, -1e200, 3.0]])
def test_values_that_cannot_be_standardized_are_refused(values):
    X = [np.array([[0.0, value], [1.0, value]]) for value in values]
    y, model = np.arange(len(X)), MODELS["default"]()
    with pytest.raises(ValueError, match=r"X holds values that are too large .* column 1"):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"X: values are too large to be"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="y holds values that are too large"):
        model.fit([[[0.0]]] * len(values), values)
    assert not hasattr(model, "weights_")


def test_fitted_estimators_keep_to_their_kind():
    X, y = sequences(), targets(sequences())
    model = MODELS["default"](warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="standardize=False is not what"):
        model.set_params(standardize=False).fit(X, y)
    other = MODELS["default"](warm_start=True, standardize=False).fit(X, y / 1000)
    with pytest.raises(ValueError, match="standardize=True is not what"):
        other.set_params(standardize=True).partial_fit(X, y)


def test_moments_of_many_steps_do_not_lose_digits():
    rng = np.random.default_rng(0)
    rows = 1e9 + rng.normal(size=(20_000, 1))
    X, y = Sequences.from_list([rows]), Targets.at_last(np.zeros((1, 1)))
    scaling = Scaling.unknown(1).fixed_by(X.flat, X, y, "X")
    assert_allclose(scaling.scale, (rows - 1e9).std(), rtol=1e-6)


def test_nothing_learned_is_said():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3, 1)), rng.integers(0, 2, 40)
    with pytest.warns(ConvergenceWarning, match="nothing was learned: the loss"):
        model = ElmanClassifier(random_state=0, learning_rate=1e-9).fit(X, y)
    assert model.stop_reason_ == "stagnated"
    with pytest.warns(ConvergenceWarning, match="nothing was learned"):
        model = LSTMRegressor(1, random_state=0, learning_rate=1e-9).fit(X, y)
    assert model.stop_reason_ == "limit"


def test_values_that_differ_by_rounding_are_equal():
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.choice([1.0, 1.0 + 2.3e-16], size=(40, 6, 1))
    X = np.concatenate([rng.normal(size=(40, 6, 1)), noise], axis=2)
    model = LSTMRegressor(2, **SHORT).fit(X, X[:, 0, 0])
    assert model.x_scaling_.scale[1] == 1.0
    stream = LSTMRegressor(2, random_state=0).stream(n_features=1)
    for x in (0.3, 0.1 + 0.2, 0.0, 1e-170):
        assert np.isfinite(stream.step([x]))
    stream = LSTMRegressor(2, random_state=0).stream(n_features=1)
    for x in (0.0, 1e-170, 0.0):
        assert np.isfinite(stream.step([x]))
    assert stream.to_estimator().x_scaling_.scale == 1.0


def test_other_numbers_given_by_hand_need_a_new_fit():
    X, y = sequences(), targets(sequences())
    given = {"x_mean": 500, "x_scale": 3}
    model = MODELS["default"](warm_start=True, standardize=given).fit(X, y)
    model.fit(X, y)
    for call in (model.fit, model.partial_fit):
        model.set_params(standardize={"x_mean": 100, "x_scale": 3})
        with pytest.raises(ValueError, match="standardize gives another x_mean or x_scale"):
            call(X, y)


def test_sparse_steps_after_dense_ones_are_refused_while_statistics_run():
    X, y = sequences(), targets(sequences())
    model = LSTMRegressor(2, random_state=0).partial_fit(X[:2], y[:2])
    with pytest.raises(TypeError, match="X is sparse, but the estimator standardizes dense"):
        model.partial_fit([sparse.csr_array(x) for x in X], y)
    fresh = LSTMRegressor(2, random_state=0).stream(n_features=3).to_estimator()
    fresh.partial_fit([sparse.csr_array(x) for x in X], [np.ones(len(x)) for x in X])
    assert (fresh.x_scaling_.mean == 0.0).all()


def test_a_refused_target_leaves_a_stream_as_it_was():
    stream = LSTMRegressor(2, random_state=0).stream(n_features=1)
    before = pickle.dumps(stream.snapshot())
    with pytest.raises(ValueError, match="y: values are too large"):
        stream.learn_many(np.array([[0.1], [0.2], [0.3], [0.4]]), [1.0, 2.0, 3.0, 1e300])
    assert pickle.dumps(stream.snapshot()) == before


def test_early_stopping_judges_the_net_that_is_kept():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10, 3))
    with pytest.warns(ConvergenceWarning, match="nothing was learned"):
        model = LSTMRegressor(early_stopping=True, random_state=0).fit(X, rng.normal(size=200))
    assert model.stop_reason_ == "stagnated"


@pytest.mark.parametrize(
    "options",
    [
        {"solver": "sgd", "momentum": 0.9},
        {"dtype": "float32"},
    ],
)
def test_parameters_of_batches_need_a_size_of_batches(options):
    X = sequences()
    with pytest.raises(ValueError, match="has no effect with batch_size='auto'"):
        LSTMRegressor(2, **options, **SHORT).fit(X, targets(X))
    LSTMRegressor(2, batch_size=4, **options, **SHORT).fit(X, targets(X))
    LSTMRegressor(2, update="sequence", **SHORT).fit(X, targets(X))
