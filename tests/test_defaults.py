"""The default settings learn on the first try, and say so when there is nothing to learn."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge

from lstm97 import ElmanClassifier, LSTMClassifier, LSTMRegressor, Sequences
from lstm97.data.targets import Targets
from lstm97.learning.learner import Fall


def toy(n=900, seed=0):
    """Ragged sequences whose target is the mean of one channel and the last value of another."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(rng.integers(20, 60), 2)) for _ in range(n)]
    return X, np.array([3 * x[:, 0].mean() + x[-1, 1] for x in X])


def test_digits_row_by_row():
    digits = load_digits()
    model = LSTMClassifier(random_state=0).fit(digits.images[:900], digits.target[:900])
    assert model.score(digits.images[900:], digits.target[900:]) > 0.88


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 0.01), (1000.0, 100.0)])
def test_targets_of_any_location_and_scale(offset, scale):
    X, y = toy()
    y = offset + scale * y
    assert LSTMRegressor(random_state=0).fit(X[:600], y[:600]).score(X[600:], y[600:]) > 0.995


def test_a_forecast_is_about_as_good_as_that_of_a_linear_model():
    rng = np.random.default_rng(0)
    t = np.arange(860)
    series = np.sin(t / 5) + np.sin(t / 11 + 1) / 2 + rng.normal(0, 0.1, len(t))
    X, y = np.lib.stride_tricks.sliding_window_view(series, 60)[:-1], series[60:]
    linear = Ridge().fit(X[:400], y[:400]).score(X[400:], y[400:])
    model = LSTMRegressor(n_channels=1, random_state=0).fit(X[:400], y[:400])
    assert model.score(X[400:], y[400:]) > linear - 0.02


def test_targets_at_every_step():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(rng.integers(20, 60), 2)) for _ in range(150)]
    y = [np.where(x[:, 0] + np.r_[0, x[:-1, 1]] > 0, "up", "down") for x in X]
    assert LSTMClassifier(random_state=0).fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.95


def test_a_default_net_goes_on_in_a_stream_and_unlearns():
    rng = np.random.default_rng(0)

    def relation(n, sign):
        x = rng.normal(size=(n, 2))
        return x, sign * (x[:, 0] + 0.5 * np.r_[0, x[:-1, 1]])

    X, y = zip(*(relation(40, 1) for _ in range(60)), strict=True)
    model = LSTMRegressor(max_iter=10, random_state=0).fit(X, y)
    x, targets = relation(10_000, -1)
    predicted, _ = model.stream().learn_many(x, targets)
    error = np.abs(predicted - targets)
    assert error[-1000:].mean() < error[:200].mean() / 5


@pytest.mark.parametrize(
    ("n", "options", "expected"),
    [
        (5, {}, 1000),
        (80, {}, 100),
        (900, {}, 15),
        (5000, {}, 12),
        (12_000, {}, 5),
        (40_000, {}, 3),
        (600, {"batch_size": 60}, 100),
        (600, {"batch_size": None}, 13),
        (600, {"initial_blocks": 1, "n_blocks": 3, "growth_patience": 500}, 13),
        (100, {"initial_blocks": 1, "n_blocks": 3, "growth_patience": 500}, 45),
        (600, {"max_iter": 2}, 2),
    ],
)
def test_numbers_of_epochs(n, options, expected):
    """The rule that the documentation of `max_iter` states."""
    X, y = Sequences.from_list([np.zeros((1, 1))] * n), Targets.at_last(np.zeros((n, 1)))
    assert LSTMRegressor(**options)._plan(X, y) == expected


def test_numbers_of_epochs_with_targets_per_step():
    X = Sequences.from_list([np.zeros((100, 1))] * 20)
    values = np.zeros((2000, 1))
    values[::2] = np.nan
    assert LSTMRegressor()._plan(X, Targets.at_steps(values, X.lengths)) == 100


@pytest.mark.parametrize(
    ("n_due", "expected"), [(0, 2000), (1, 2000), (50, 2000), (51, 1961), (90_000, 3)]
)
def test_the_bounds_of_these_numbers(n_due, expected):
    X = Sequences.from_list([np.zeros((100_000, 1))])
    values = np.where(np.arange(100_000) < n_due, 0.0, np.nan)[:, None]
    assert LSTMRegressor()._plan(X, Targets.at_steps(values, X.lengths)) == expected


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("method", ["fit", "partial_fit", "stream"])
@pytest.mark.parametrize("options", [{}, {"batch_size": None}, {"batch_size": 2}])
def test_biases_of_input_gates(every, method, options):
    """They go from 0 to -4, and to -5 if `fit` learns online."""
    is_online = method == "fit" and not options.get("batch_size", not every)

    def weights(**biases):
        model = LSTMRegressor(5, max_iter=1, random_state=0, **options, **biases)
        if method == "stream":
            return model.stream(2).to_estimator().weights_
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 3))
        return getattr(model, method)(X, list(y) if every else y[:, -1]).weights_

    expected, other = [(0, -5), (0, -4)] if is_online else [(0, -4), (0, -5)]
    assert (weights() == weights(input_gate_bias=expected)).all()
    assert (weights() != weights(input_gate_bias=other)).any()


def test_the_rate_falls_with_every_update():
    """A default fit is that of the same updates with rates on a straight line."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 5, 2)), rng.normal(size=6)
    options = {"batch_size": 1, "standardize": False, "random_state": 0}
    model = LSTMRegressor(3, learning_rate=0.05, max_iter=4, **options).fit(X, y)
    twin = LSTMRegressor(3, learning_rate_schedule="constant", **options)
    order = np.concatenate(epochs(twin, 4, 6))
    for k, i in enumerate(order):
        rate = 0.05 * (1 - 0.99 * k / len(order))
        twin.set_params(learning_rate=rate).partial_fit(X[[i]], y[[i]])
    np.testing.assert_allclose(model.weights_, twin.weights_, rtol=1e-9)


def epochs(model, n_epochs, n):
    """Return the order of sequences in each epoch of a fit."""
    rng = model._generator()
    fresh = LSTMRegressor(**model.get_params())
    fresh._build(2, 1)
    fresh._initialize(rng)
    return [rng.permutation(n) for _ in range(n_epochs)]


class Bomb(Fall):
    """A rate at which the user presses Ctrl-C."""

    def rate_at(self, i):
        raise KeyboardInterrupt


def test_an_interrupted_fit_goes_on_along_its_line(monkeypatch):
    X, y = toy(20)
    rates = LSTMRegressor._rates

    def with_bomb(*args):
        falls = rates(*args)
        falls[3] = Bomb(*falls[3])
        return falls

    whole = LSTMRegressor(3, max_iter=6, random_state=0).fit(X, y)
    part = LSTMRegressor(3, max_iter=6, warm_start=True, random_state=0)
    with monkeypatch.context() as patch:
        patch.setattr(LSTMRegressor, "_rates", with_bomb)
        with pytest.raises(KeyboardInterrupt):
            part.fit(X, y)
    assert part.n_iter_ == 2
    part.fit(X, y)
    assert (part.weights_ == whole.weights_).all()


def test_streams_and_partial_fit_learn_at_a_part_of_the_rate():
    for options, rate in (({}, 0.003), ({"learning_rate": 0.5}, 0.5)):
        model = LSTMRegressor(2, random_state=0, **options).partial_fit([[[0.0]]], [0.0])
        assert model._make_learner().learning_rate == pytest.approx(0.3 * rate)
    constant = LSTMRegressor(2, learning_rate_schedule="constant").partial_fit([[[0.0]]], [0.0])
    assert constant._make_learner().learning_rate == 0.003


def test_data_that_are_learned_cause_no_warning():
    X, y = toy(60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LSTMRegressor(8, random_state=0).fit(X, y)
        LSTMClassifier(8, random_state=0).fit(X, y > 0)
        ElmanClassifier(tol=1e-3, random_state=0).fit(X, [x[:, 0] > 0 for x in X])


def test_labels_without_a_relation_cause_one_warning_with_a_remedy():
    X = np.zeros((40, 3, 1))
    y = np.arange(40) % 2
    with pytest.warns(ConvergenceWarning, match=r"nothing was learned.*Try another") as caught:
        LSTMClassifier(4, random_state=0).fit(X, y)
    assert len(caught) == 1
