"""Forecasts: predictions that are fed back, as by a hand loop over the steps of a stream."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from lstm97 import (
    BPTTRegressor,
    ElmanRegressor,
    LSTMClassifier,
    LSTMRegressor,
    RTRLRegressor,
    SequenceChunkerRegressor,
    Sequences,
)

MODELS = {
    "default": LSTMRegressor(3, max_iter=3, random_state=0),
    "published": LSTMRegressor.as_published(random_state=0, max_iter=3, tol=None),
    "published, standardized": LSTMRegressor.as_published(
        random_state=0, max_iter=3, tol=None, standardize=True
    ),
    "forget gates": LSTMRegressor(
        2, 2, n_hidden=2, forget_gate=True, batch_size=None, max_iter=3, random_state=0
    ),
    "Elman": ElmanRegressor(4, max_iter=3, tol=None, random_state=0),
    "BPTT": BPTTRegressor(4, max_iter=3, tol=None, random_state=0),
    "RTRL": RTRLRegressor(3, max_iter=3, tol=None, random_state=0),
}
EACH_MODEL = pytest.mark.parametrize("name", MODELS)


def sequences(n_features, seed=0, lengths=(9, 1, 14, 6)):
    rng = np.random.default_rng(seed)
    return [rng.normal(3.0, 2.0, (n, n_features)).cumsum(axis=0) for n in lengths]


def fitted(name, n_features=2, every=True):
    X = sequences(n_features, seed=1, lengths=(20, 5, 12))
    y = [x[1:] if every else x[-1] for x in X]
    if n_features == 1:
        y = [each[..., 0] for each in y]
    return MODELS[name].fit([x[:-1] for x in X], y if every else np.array(y))


def looped(stream, x, n_steps):
    """Take the steps of x, then each prediction as a step; return the predictions."""
    for step in x:
        prediction = stream.step(step)
    predictions = [prediction]
    for _ in range(n_steps - 1):
        predictions.append(stream.step(np.reshape(predictions[-1], -1)))
    return np.array(predictions)


@pytest.mark.parametrize("every", [True, False], ids=["every step", "last step"])
@pytest.mark.parametrize("n_features", [1, 2])
@EACH_MODEL
def test_a_forecast_is_a_loop_over_a_stream(name, n_features, every):
    model, X = fitted(name, n_features, every), sequences(n_features)
    expected = np.array([looped(model.stream(), x, 7) for x in X])
    assert expected.shape == (4, 7) if n_features == 1 else (4, 7, 2)
    assert np.array_equal(model.forecast(X, 7), expected)
    assert np.array_equal(model.forecast(Sequences.from_list(X), 7), expected)
    assert np.array_equal(model.forecast(X, 1), expected[:, :1])
    last = [x[-1:] for x in model.predict(X)] if every else model.predict(X)[:, None]
    np.testing.assert_allclose(np.array(last), expected[:, :1], rtol=1e-12)


def test_a_table_is_forecast_row_by_row():
    rows = np.array([x[:, 0] for x in sequences(1, lengths=(8, 8, 8))])
    model = LSTMRegressor(2, n_channels=1, max_iter=2, random_state=0)
    model.fit(rows[:, :-1], rows[:, -1])
    expected = [looped(model.stream(), row[1:, None], 4) for row in rows]
    assert np.array_equal(model.forecast(rows[:, 1:], 4), expected)


@EACH_MODEL
def test_a_forecast_leaves_the_stream_where_it_is(name):
    model, (x, *_, more) = fitted(name), sequences(2)
    stream, other = model.stream(), model.stream()
    for i, step in enumerate(np.concatenate([x, more])):
        assert np.array_equal(stream.step(step), other.step(step))
        before = pickle.dumps(stream.snapshot())
        ahead = stream.forecast(5)
        assert pickle.dumps(stream.snapshot()) == before
        assert np.array_equal(stream.forecast(5), ahead)
        if name != "BPTT" and i % 3:
            assert stream.learn(step[::-1]) == other.learn(step[::-1])
    assert np.array_equal(stream.to_estimator().weights_, other.to_estimator().weights_)


def test_statistics_that_run_go_back_after_a_forecast():
    (x,) = sequences(2, lengths=(30,))
    stream, other = (RTRLRegressor(3, random_state=0).stream(2, n_outputs=2) for _ in range(2))
    for now, then in pairwise(x):
        expected = stream.step(now)
        assert np.array_equal(other.step(now), expected)
        assert np.array_equal(stream.forecast(6)[0], expected)
        assert stream.learn(then) == other.learn(then)
    place = stream.snapshot()
    predictions = stream.forecast(6)
    assert np.array_equal(looped(stream, [x[-1]], 5), looped(other, [x[-1]], 5))
    stream.restore(place)
    for k, prediction in enumerate(predictions[:-1]):
        assert np.array_equal(stream.step(prediction), predictions[k + 1])


def test_two_noisy_sines_are_forecast():
    """The error over 30 steps is below half of that of repeating the last value."""
    rng = np.random.default_rng(0)

    def series(n):
        t = rng.uniform(0, 100) + np.arange(n)
        return np.sin(t / 3) + np.sin(t / 7.3) + 0.1 * rng.normal(size=n)

    past = [series(n) for n in rng.integers(80, 140, 60)]
    model = LSTMRegressor(random_state=0)
    model.fit([x[:-1, None] for x in past], [x[1:] for x in past])
    new = [series(n) for n in rng.integers(100, 140, 40)]
    predicted = model.forecast([x[:-30, None] for x in new], 30)
    future, last = np.array([x[-30:] for x in new]), np.array([x[-31:-30] for x in new])
    error, repeated = (np.sqrt(np.mean((each - future) ** 2)) for each in (predicted, last))
    assert error < 0.5 * repeated
    assert error < 0.3  # the noise alone is 0.1


# ---- refusals ------------------------------------------------------------------------------------


def refuse(stream, message, n_steps=3, error=ValueError):
    before = pickle.dumps(stream.snapshot())
    with pytest.raises(error, match=message):
        stream.forecast(n_steps)
    assert pickle.dumps(stream.snapshot()) == before


def test_predictions_that_cannot_be_steps_are_refused():
    X = sequences(3)
    message = r"a step has shape \(3,\) and a prediction \(2,\): fit with targets of all features"
    model = MODELS["Elman"].fit(X, [x[:, :2] for x in X])
    with pytest.raises(ValueError, match=message):
        model.forecast(X, 3)
    stream = model.stream()
    stream.step(X[0][0])
    refuse(stream, message)
    labels = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    for y in (list("abab"), labels):
        stream = LSTMClassifier(2, max_iter=1, random_state=0).fit(sequences(2), y).stream()
        stream.step([0.0, 1.0])
        refuse(stream, "forecast needs numbers, but a classifier predicts labels")
    model = SequenceChunkerRegressor(random_state=0).partial_fit(X, np.arange(4.0))
    with pytest.raises(ValueError, match="SequenceChunkerRegressor has no stream"):
        model.forecast(X, 3)


@pytest.mark.parametrize("n_steps", [0, -1, 2.0, "3", None])
def test_only_a_number_of_steps_is_taken(n_steps):
    model, X = fitted("RTRL"), sequences(2)
    with pytest.raises(ValueError, match=r"n_steps=.* must be a positive integer"):
        model.forecast(X, n_steps)
    stream = model.stream()
    stream.step(X[0][0])
    refuse(stream, "must be a positive integer", n_steps)


def test_a_stream_without_a_dense_step_is_refused():
    stream = fitted("published").stream()
    refuse(stream, "there is no step to begin from: call step first")
    stream.step([0.5, 1.0])
    stream.reset()
    refuse(stream, "there is no step to begin from")
    stream.step(sparse.csr_array([[0.5, 0.0]]))
    refuse(stream, "the last step is sparse, but predictions are dense", error=TypeError)


def test_predictions_that_overflow_are_refused():
    (x,) = sequences(1, lengths=(5,))
    model = ElmanRegressor.as_published(1, shortcut=True, random_state=0).partial_fit([x], [x])
    model.weights_[:] = 1e200
    stream = model.stream()
    stream.step([1.0])
    refuse(stream, "an output is not finite")
    with pytest.raises(ValueError, match="an output is not finite"):
        model.forecast([x], 3)


def test_a_forecast_depends_on_its_own_sequence_alone_while_scalings_run():
    rng = np.random.default_rng(0)
    A, B = (rng.normal(3, 2, size=(n, 1)) for n in (30, 25))
    model = LSTMRegressor(4, random_state=0).partial_fit([A[:-1]], [A[1:, 0]])
    both = model.forecast([A, B], 3)
    assert both[0].tolist() == model.forecast([A], 3)[0].tolist()
    assert both[1].tolist() == model.forecast([B], 3)[0].tolist()
    np.testing.assert_allclose(both[:, 0], [y[-1] for y in model.predict([A, B])], rtol=1e-12)


def test_the_first_output_of_a_forecast_is_checked():
    model = LSTMRegressor(
        2, random_state=0, standardize=False, state_activation="identity", shortcut=True
    ).partial_fit([[[0.0]]], [0.0])
    model.weights_[:] = 1e200
    stream = model.stream()
    with pytest.raises(ValueError, match="not finite"):
        stream.step([1e200])
    for n_steps in (1, 2):
        with pytest.raises(ValueError, match="an output is not finite"):
            stream.forecast(n_steps)
    with pytest.raises(ValueError, match="n_steps=True must be a positive integer"):
        stream.forecast(True)
