"""Adam on line: against a slow twin, a formula in plain Python, and its other ways, bit by bit."""

import copy
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from lstm97 import LSTMClassifier, LSTMRegressor, load, save
from lstm97._core import Network
from lstm97._kernels.batch import adam, powers_after
from lstm97._kernels.data import Data
from lstm97._kernels.stream import Stepper
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.learning.batch import BatchLearner
from lstm97.learning.loop import Never
from lstm97.learning.network import NetworkLearner
from lstm97.learning.solvers import Adam, grown
from lstm97.learning.team import fits
from lstm97.learning.topology import Topology
from lstm97.river import RiverRegressor
from reference.adam import AdamTwin
from reference.cases import kernel_pass, random_problem, random_topology, train
from reference.compare import targets_of

RATE = 0.02
# Form of the gradient, and when weights move.
RULES = {
    "step": ("truncated-forward", "step"),
    "sequence": ("truncated-backward", "sequence"),
    "full": ("full-backward", "sequence"),
}
EACH_RULE = pytest.mark.parametrize("rule", RULES)
SEEDS = range(20)


def problem(seed, **options):
    rng = np.random.default_rng(seed)
    topology = random_topology(rng)
    return topology, *random_problem(rng, topology, **options)


def learner(topology, weights, rule="step", state=None, rate=RATE):
    state = Adam(rate).start(topology.n_weights) if state is None else state
    return NetworkLearner(topology, weights.copy(), rate, *RULES[rule], state=state)


def assert_same_state(one, other):
    assert one.keys() == other.keys() == {"mean", "square", "powers"}
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


# ---- the formula ---------------------------------------------------------------------------------


def settled(x):
    return (x + 2.0**-960) - 2.0**-960


def plain_adam(weights, gradient, mean, square, powers, rate):
    """Move weights one by one, each operation in the order of adam.h."""
    powers[:] = settled(0.9 * powers[0]), settled(0.999 * powers[1])
    root = math.sqrt(1.0 - powers[1])
    rate, epsilon = rate * root / (1.0 - powers[0]), 1e-8 * root
    for i, g in enumerate(gradient):
        mean[i] = settled(0.9 * mean[i] + (1.0 - 0.9) * g)
        square[i] = settled(0.999 * square[i] + (1.0 - 0.999) * (g * g))
        weights[i] += rate * mean[i] / (math.sqrt(square[i]) + epsilon)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 31])
def test_each_bit_is_that_of_plain_arithmetic(n):
    rng = np.random.default_rng(n)
    weights, state = rng.normal(size=n), Adam(RATE).start(n)
    expected = [weights.tolist(), [0.0] * n, [0.0] * n, [1.0, 1.0]]
    for _ in range(50):
        gradient = rng.normal(size=n) * 10.0 ** rng.integers(-200, 100, n) * (rng.random(n) < 0.7)
        weights, state = Adam(RATE).step(weights, gradient, state)
        plain_adam(expected[0], gradient.tolist(), *expected[1:], RATE)
        assert [weights.tolist(), *(state[k].tolist() for k in state)] == expected


def test_moments_that_decay_stay_normal_numbers():
    state, smallest = Adam(RATE).start(2), np.finfo(float).tiny
    weights, state = Adam(RATE).step(np.zeros(2), np.array([1e-150, 0.0]), state)
    for _ in range(10_000):
        weights, state = Adam(RATE).step(weights, np.zeros(2), state)
    assert state["mean"][0] >= smallest
    assert state["square"][0] >= smallest
    assert (state["mean"][1], state["square"][1], weights[1]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("n", [0, 1, 2, 10, 1000])
def test_powers_are_products(n):
    assert powers_after(n).tolist() == [math.prod([0.9] * n), math.prod([0.999] * n)]
    assert (powers_after(10**30) == powers_after(10**7)).all()
    assert (powers_after(10**30) < 1e-290).all()


def test_arrays_of_other_lengths_are_refused():
    for wrong in range(5):
        arrays = [np.zeros(3 if i == wrong else 2) for i in range(5)]
        with pytest.raises(ValueError, match="other shapes"):
            adam(*arrays, 0.1)


# ---- the net -------------------------------------------------------------------------------------


@EACH_RULE
@pytest.mark.parametrize("seed", SEEDS)
def test_weights_and_losses_are_the_twins(seed, rule):
    """Adam divides by the size of gradients, and some gradients are mere rounding errors."""
    topology, weights, X, y = problem(seed, n_sequences=4, longest=12, is_sparse=seed % 3 == 0)
    y.weight[:] = 1.5
    twin, net = AdamTwin(topology, weights, RATE), learner(topology, weights, rule)
    for _ in range(2):
        losses = []
        for i in range(len(X)):
            x = X[i : i + 1].flat
            x = (x.toarray() if sparse.issparse(x) else x)[X.starts[i] :][: X.lengths[i]]
            targets, _ = targets_of(y, i, len(x))
            if rule == "step":
                losses.append(twin.learn_steps(x.tolist(), targets, 1.5))
            else:
                losses.append(twin.learn_end(x.tolist(), targets, 1.5, rule == "full"))
        results = net.learn(X, y)
        np.testing.assert_allclose(results.loss, losses, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(net.weights, twin.theta, rtol=0, atol=1e-7)
        np.testing.assert_allclose(net.state["mean"], -twin.m, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(net.state["square"], twin.v, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(net.state["powers"], [0.9**twin.t, 0.999**twin.t], rtol=1e-12)
    assert np.abs(net.weights - weights).max() > RATE


def test_the_problems_have_nets_of_all_kinds():
    nets = [problem(seed)[0] for seed in SEEDS]
    for name in ("forget_gate", "shortcut", "cell_bias", "output_bias", "input_gate"):
        assert {getattr(net, name) for net in nets} == {True, False}
    assert {net.n_hidden > 0 for net in nets} == {True, False}
    assert {problem(seed)[3].every for seed in SEEDS} == {True, False}


@pytest.mark.parametrize("rule", ["sequence", "full"])
@pytest.mark.parametrize("seed", SEEDS)
def test_updates_at_the_end_are_the_solvers_to_the_last_bit(seed, rule):
    topology, weights, X, y = problem(seed, n_sequences=6, is_sparse=seed % 2 == 0)
    solver, net = Adam(RATE), learner(topology, weights, rule)
    net.learn(X, y)
    state = solver.start(topology.n_weights)
    for i in range(len(X)):
        part = X[i : i + 1], y[i : i + 1]
        gradient = kernel_pass(topology, weights, *part, form=RULES[rule][0])[1]
        weights, state = solver.step(weights, gradient, state)
    np.testing.assert_array_equal(net.weights, weights)
    assert_same_state(net.state, state)


@pytest.mark.parametrize("gradient", ["truncated", "full"])
@pytest.mark.parametrize("seed", SEEDS)
def test_batches_of_one_are_updates_at_the_end(seed, gradient):
    """The gradients differ by roundings, which count most where a gradient is nearly zero."""
    topology, weights, X, y = problem(seed, n_sequences=6, is_sparse=seed % 2 == 0)
    net = learner(topology, weights, "full" if gradient == "full" else "sequence")
    batches = BatchLearner(topology, weights, 1, Adam(RATE), gradient, "float64")
    net.learn(X, y)
    batches.learn(X, y)
    np.testing.assert_allclose(batches.weights, net.weights, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(batches.state["powers"], net.state["powers"])
    large = np.abs(net.state["mean"]) > 1e-4
    np.testing.assert_allclose(batches.weights[large], net.weights[large], rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_sparse_steps_move_all_weights_as_dense_steps_do(seed):
    topology, weights, X, y = problem(seed, n_sequences=5, is_sparse=True)
    dense = Sequences(X.flat.toarray(), X.starts, X.lengths)
    for rule in RULES:
        one, other = learner(topology, weights, rule), learner(topology, weights, rule)
        one.learn(X, y)
        other.learn(dense, y)
        np.testing.assert_allclose(one.weights, other.weights, rtol=0, atol=1e-7)


@EACH_RULE
def test_a_weight_whose_input_is_gone_moves_on(rule):
    topology = Topology(n_inputs=3, n_outputs=2, shortcut=True)
    rng = np.random.default_rng(0)
    weights, X, y = random_problem(rng, topology, n_sequences=4, every=True)
    net = learner(topology, weights, rule)
    net.learn(X, y)
    before = topology.views(net.weights.copy())
    rest = sparse.csr_array(X.flat * [1.0, 0.0, 1.0])
    net.learn(Sequences(rest, X.starts, X.lengths), y)
    after = topology.views(net.weights)
    for name in ("input_gate", "cell", "output"):
        assert (before[name][1] != after[name][1]).all()


@EACH_RULE
@given(cuts=st.sets(st.integers(1, 8)), seed=st.integers(0, 30))
@settings(max_examples=15, deadline=None)
def test_calls_may_be_cut_anywhere(rule, cuts, seed):
    topology, weights, X, y = problem(seed, n_sequences=9, is_sparse=seed % 2 == 0)
    whole, parts = learner(topology, weights, rule), learner(topology, weights, rule)
    whole.learn(X, y)
    edges = [0, *sorted(cuts), 9]
    for start, stop in pairwise(edges):
        # As if from a file: another learner with copies.
        parts = learner(topology, parts.weights, rule, pickle.loads(pickle.dumps(parts.state)))
        parts.learn(X[start:stop], y[start:stop])
    np.testing.assert_array_equal(parts.weights, whole.weights)
    assert_same_state(parts.state, whole.state)


def test_a_network_forgets_the_moments_of_its_last_call():
    topology, weights, X, y = problem(0)
    network, results = Network(topology), np.zeros((len(X), 3))
    state, plain = Adam(RATE).start(topology.n_weights), weights.copy()
    network.learn(weights.copy(), Data(X, y), RATE, results, per_step=True, moments=state)
    network.learn(plain, Data(X, y), RATE, results, per_step=True)
    expected = weights.copy()
    Network(topology).learn(expected, Data(X, y), RATE, results, per_step=True)
    np.testing.assert_array_equal(plain, expected)
    with pytest.raises(ValueError, match="weights expected"):
        network.learn(plain, Data(X, y), RATE, results, moments={**state, "square": np.zeros(3)})
    with pytest.raises(ValueError, match="two powers"):
        network.learn(plain, Data(X, y), RATE, results, moments={**state, "powers": np.ones(3)})
    np.testing.assert_array_equal(plain, expected)


def test_a_snapshot_is_not_changed_by_later_updates():
    topology, weights, X, y = problem(3)
    net = learner(topology, weights)
    net.learn(X, y)
    kept = net.snapshot()
    net.learn(X, y)
    after = net.weights.copy(), net.state
    net.learn(X, y)
    net.restore(kept)
    net.learn(X, y)
    np.testing.assert_array_equal(net.weights, after[0])
    assert_same_state(net.state, after[1])
    net.evaluate(X, y)
    assert_same_state(net.state, after[1])


def test_nets_with_adam_form_no_team():
    topology = Topology(n_inputs=3, n_outputs=2)
    weights, X, y = random_problem(np.random.default_rng(0), topology)
    y = Targets(y.values, y.first, y.every)
    plain = NetworkLearner(topology, weights, RATE, *RULES["step"])
    assert fits(plain, X, y, plain)
    assert not fits(learner(topology, weights), X, y, plain)


def test_new_weights_begin_with_moments_of_zero():
    topology, weights, X, y = problem(1)
    net = learner(topology, weights)
    net.learn(X, y)
    larger = topology.with_block()
    state = grown(net.state, topology, larger)
    new = topology.grown_weights(np.zeros(topology.n_weights), larger, np.ones(larger.n_weights))
    for name in ("mean", "square"):
        assert not state[name][new == 1.0].any()
        assert sorted(state[name][new == 0.0]) == sorted(net.state[name])
    assert state["powers"] is net.state["powers"]


# ---- numbers that are not finite -----------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 3, 20])
@EACH_RULE
def test_divergence_goes_back_to_the_last_finite_state(rule, chunk):
    """Weights are finite, but the square of a gradient is not."""
    topology = Topology(n_inputs=2, n_outputs=1, output_activation="linear", shortcut=True)
    weights, X, y = random_problem(np.random.default_rng(0), topology, n_sequences=20, every=False)
    X.flat[X.starts[11] + X.lengths[11] - 1, 0] = 1e100
    y.values[11] = 1e100
    weights[:] *= 1e-100
    chunks = [(X[i : i + chunk], y[i : i + chunk]) for i in range(0, 20, chunk)]
    net, expected = learner(topology, weights, rule), learner(topology, weights, rule)
    history = train(net, chunks, Never())
    assert (history.n_sequences, history.reason) == (11, "diverged")
    expected.learn(X[:11], y[:11])
    np.testing.assert_array_equal(net.weights, expected.weights)
    assert_same_state(net.state, expected.state)


def test_a_stream_leaves_out_an_update_that_would_not_be_finite():
    X = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    y = X[:, 0].copy()
    X[[7, 19], 1] = 1e100
    y[[7, 19]] = 1e100
    model = LSTMRegressor.as_published(
        shortcut=True, solver="adam", init_scale=1e-90, random_state=0
    )
    model.partial_fit([X[:3]], [y[:3]])
    one, many, without = model.stream(), model.stream(), model.stream()
    losses = []
    for t, (x, target) in enumerate(zip(X, y, strict=True)):
        one.step(x)
        without.step(x)
        if t in (7, 19):
            before = one.snapshot()
            with pytest.warns(ConvergenceWarning, match="diverged"):
                losses.append(one.learn(target))
            assert_same_state(one.snapshot().solver_state, before.solver_state)
        else:
            losses.append(one.learn(target))
            without.learn(target)
    with pytest.warns(ConvergenceWarning, match="at step 7"):
        found = many.learn_many(X, y)[1]
    assert np.isinf(found).sum() == 2
    np.testing.assert_array_equal(found, losses)
    for stream in (many, without):
        np.testing.assert_array_equal(one.snapshot().weights, stream.snapshot().weights)
        assert_same_state(one.snapshot().solver_state, stream.snapshot().solver_state)


# ---- estimators ----------------------------------------------------------------------------------

MODELS = {
    "step": LSTMRegressor.as_published(solver="adam", learning_rate=0.01, random_state=0),
    "sequence": LSTMRegressor.as_published(
        solver="adam", update="sequence", forget_gate=True, learning_rate=0.01, random_state=0
    ),
    "full": LSTMRegressor.as_published(
        solver="adam", gradient="full", learning_rate=0.01, random_state=0
    ),
    "batches": LSTMRegressor.as_published(
        solver="adam", batch_size=5, learning_rate=0.01, random_state=0
    ),
}


def data(n=20, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.uniform(-1, 1, (rng.integers(1, 12), 2)) for _ in range(n)]
    return X, [np.cumsum(x[:, :1], axis=0) / 3.0 for x in X]


@pytest.mark.parametrize("name", MODELS)
def test_partial_fit_continues_with_the_state(name, tmp_path):
    X, y = data()
    whole = clone(MODELS[name]).partial_fit(X, y)
    parts = clone(MODELS[name]).partial_fit(X[:10], y[:10])
    save(parts, tmp_path / "model.npz")
    for each in (parts, load(tmp_path / "model.npz"), pickle.loads(pickle.dumps(parts))):
        each = copy.copy(each).partial_fit(X[10:], y[10:])
        np.testing.assert_array_equal(each.weights_, whole.weights_)
        assert_same_state(each.solver_state_, whole.solver_state_)
    del parts.solver_state_
    assert (parts.partial_fit(X[10:], y[10:]).weights_ != whole.weights_).any()


def test_a_solver_that_is_changed_begins_anew_or_goes_on():
    X, y = data()
    model = clone(MODELS["step"]).partial_fit(X, y)
    batches = copy.copy(model).set_params(batch_size=20).partial_fit(X, y)
    n_updates = sum(map(len, X)) + 1
    np.testing.assert_array_equal(batches.solver_state_["powers"], powers_after(n_updates))
    plain = copy.copy(model).set_params(solver="sgd").partial_fit(X, y)
    assert not hasattr(plain, "solver_state_")
    velocity = copy.copy(plain).set_params(batch_size=20).partial_fit(X, y)
    back = velocity.set_params(batch_size=None, solver="adam", update="sequence").partial_fit(X, y)
    assert (back.solver_state_["powers"] == powers_after(20)).all()


def test_a_stored_stream_goes_on_in_an_estimator(tmp_path):
    """Half of the steps in a stream, the other half after `save` and `load`."""
    X, y = data()
    model = clone(MODELS["step"]).partial_fit(X[:5], y[:5])
    stream, whole = model.stream(), copy.copy(model).partial_fit(X[5:], y[5:])
    for x, target in zip(X[5:12], y[5:12], strict=True):
        stream.learn_many(x, target)
        stream.reset()
    save(stream.to_estimator(), tmp_path / "model.npz")
    later = load(tmp_path / "model.npz").stream()
    restored = model.stream().restore(pickle.loads(pickle.dumps(stream.snapshot())))
    for each in (later, restored, pickle.loads(pickle.dumps(stream))):
        for x, target in zip(X[12:], y[12:], strict=True):
            each.learn_many(x, target)
            each.reset()
        np.testing.assert_array_equal(each.to_estimator().weights_, whole.weights_)
        assert_same_state(each.to_estimator().solver_state_, whole.solver_state_)


@pytest.mark.parametrize("name", ["sequence", "batches"])
def test_a_stream_that_only_predicts_keeps_the_state(name):
    X, y = data()
    model = clone(MODELS[name]).partial_fit(X, y)
    stream = model.stream()
    stream.step_many(X[0])
    assert stream.snapshot().solver_state is None
    assert_same_state(stream.to_estimator().solver_state_, model.solver_state_)
    assert stream.restore(stream.snapshot()).step([0.0, 0.0]).shape == (1,)


def test_river_learns_by_adam():
    X, y = data()
    model = clone(MODELS["step"]).partial_fit(X[:1], [y[0][:, 0]])
    wrapped, stream = RiverRegressor(model.stream()), model.stream()
    for x, target in zip(X[1], y[1], strict=True):
        wrapped.learn_one({"a": x[0], "b": x[1]}, target[0])
    stream.learn_many(X[1], y[1][:, 0])
    np.testing.assert_array_equal(wrapped.stream.snapshot().weights, stream.snapshot().weights)
    assert_same_state(wrapped.stream.snapshot().solver_state, stream.snapshot().solver_state)


def test_adam_learns_in_steps_of_the_learning_rate():
    """The first update moves each weight by the learning rate, whatever its gradient."""
    X, y = data(1)
    model = clone(MODELS["sequence"]).set_params(learning_rate=1e-3)
    start = clone(model).set_params(learning_rate=1e-300).partial_fit(X, y).weights_
    moved = np.abs(model.partial_fit(X, y).weights_ - start)
    assert moved.max() < 1.001e-3
    assert np.median(moved) > 0.99e-3


def test_classes_are_learned():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(rng.integers(5, 15), 1)) * 0.3 for _ in range(200)]
    y = rng.integers(2, size=200)
    for series, label in zip(X, y, strict=True):
        series[0] = 2 * label - 1
    model = LSTMClassifier.as_published(
        input_gate_bias=[-1, -2], solver="adam", learning_rate=0.01, max_iter=40, tol=None,
        random_state=0,
    )  # fmt: skip
    assert model.fit(X[:150], y[:150]).score(X[150:], y[150:]) == 1.0


def test_a_kernel_of_streams_without_moments_refuses_them():
    topology = Topology(n_inputs=2, n_outputs=1)
    plain = Stepper(topology, np.zeros(topology.n_weights), "truncated-forward")
    state = Adam(RATE).start(topology.n_weights)
    adapts = Stepper(topology, np.zeros(topology.n_weights), "truncated-forward", state)
    for one, other in ((plain, adapts), (adapts, plain)):
        weights, rest, touched, *others = other.snapshot()
        with pytest.raises(ValueError, match="another solver"):
            one.restore(weights, rest, touched.astype(np.int64), *others)


STATES = {
    "no dict": (lambda state: 5, "solver_state_ must be a dict of arrays, got 5"),
    "short": (lambda state: {**state, "mean": np.ones(3)}, r"solver_state_.mean has shape \(3,\)"),
    "NaN": (
        lambda state: {**state, "square": state["square"] * np.nan},
        "solver_state_.square holds a number that is not finite",
    ),
    "text": (lambda state: {**state, "mean": "x"}, "solver_state_.mean must be an array, got 'x'"),
    "single": (
        lambda state: {**state, "mean": state["mean"].astype("f4")},
        "solver_state_.mean has dtype float32, expected float64",
    ),
    "powers": (
        lambda state: {**state, "powers": np.array([2.0, 0.5])},
        "solver_state_.powers must be between 0 and 1",
    ),
}


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("name", STATES)
def test_a_state_that_was_changed_is_refused(name, batch_size):
    change, message = STATES[name]
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 5, 2)), rng.normal(size=8)
    model = LSTMRegressor.as_published(
        max_iter=2, tol=None, random_state=0, solver="adam", batch_size=batch_size
    ).fit(X, y)
    model.solver_state_ = change(model.solver_state_)
    before = model.weights_.copy()
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y)
    assert np.array_equal(model.weights_, before)
