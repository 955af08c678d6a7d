"""Forget gates: open ones leave the net of 1997, ordinary ones obey the twins in every kernel."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from lstm97 import LSTMClassifier, LSTMRegressor
from lstm97._kernels.stream import Stepper
from lstm97._kernels.team import N_NETS, TeamNetwork
from lstm97.data.targets import Targets
from lstm97.learning.batch_network import BatchNetwork
from lstm97.learning.topology import Topology
from reference.cases import kernel_pass, kernel_run, random_problem, random_topology
from reference.compare import numeric_gradient, targets_of, worst_relative

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

OPEN = 40.0  # The logistic function of it is one.
FORMS = ["truncated-forward", "truncated-backward", "full-backward"]
# The first four fit into registers.
SIZES = [(2, 2), (4, 1), (3, 2), (4, 2), (1, 1), (2, 3), (3, 3), (9, 1), (10, 5), (17, 2)]
EACH_SIZE = pytest.mark.parametrize("size", SIZES, ids=str)
EACH_RECURRENCE = pytest.mark.parametrize("recurrence", ["cells", "none"])
EACH_INPUT = pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])


def problem(size, recurrence, is_sparse=False, **fixed):
    """Draw a net of 1997, small and large ones with hidden units, and data."""
    rng = np.random.default_rng([*size, is_sparse])
    topology = random_topology(
        rng, n_blocks=size[0], block_size=size[1], recurrence=recurrence, forget_gate=False, **fixed
    )
    weights, X, y = random_problem(rng, topology, n_sequences=4, is_sparse=is_sparse, every=True)
    return topology, weights, X, y


def with_gates(topology, weights):
    """Return the net with forget gates that see nothing and stay open, and its weights."""
    gated = replace(topology, forget_gate=True, forget_gate_bias=True)
    longer = np.zeros(gated.n_weights)
    views = gated.views(longer)
    for name, view in topology.views(weights).items():
        views[name][kept_rows(gated, name)] = view
    views["forget_gate"][-1] = OPEN
    return gated, longer


def kept_rows(gated, name):
    """Return the rows of a group's matrix without those of fed-back forget gates."""
    rows = np.arange(len(gated.views(np.zeros(gated.n_weights))[name]))
    if name == "output" or gated.recurrence != "all":
        return rows
    first = gated.n_inputs + gated.n_blocks * gated.input_gate
    return np.delete(rows, np.arange(first, first + gated.n_blocks))


def without_gates(gated, weights):
    """Return the weights of all other groups; check that those of forget gates have not moved."""
    views = gated.views(weights)
    bias = views["forget_gate"][-1]
    assert np.array_equal(bias, np.full(gated.n_blocks, OPEN))
    assert not views["forget_gate"][:-1].any()
    return np.concatenate([view.ravel() for name, view in views.items() if name != "forget_gate"])


# ---- open gates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [*FORMS, "step"])
@EACH_INPUT
@EACH_RECURRENCE
@EACH_SIZE
def test_open_gates_leave_the_bits_of_1997(size, recurrence, is_sparse, form):
    topology, weights, X, y = problem(size, recurrence, is_sparse)
    gated, longer = with_gates(topology, weights)
    assert np.array_equal(kernel_run(gated, longer, X), kernel_run(topology, weights, X))
    per_step = form == "step"
    options = {"form": "truncated-forward" if per_step else form, "learning_rate": 0.3}
    before = weights.copy()
    results, gradient = kernel_pass(topology, weights, X, y, per_step=per_step, **options)
    found, longer_gradient = kernel_pass(gated, longer, X, y, per_step=per_step, **options)
    assert np.array_equal(found, results, equal_nan=True)
    assert np.array_equal(without_gates(gated, longer), weights)
    assert not np.array_equal(weights, before)
    views = gated.views(longer_gradient)
    assert not views.pop("forget_gate").any()
    assert np.array_equal(np.concatenate([*map(np.ravel, views.values())]), gradient)


@EACH_RECURRENCE
@EACH_SIZE
def test_open_gates_in_a_stream_leave_the_bits_of_1997(size, recurrence):
    topology, weights, X, y = problem(size, recurrence)
    gated, longer = with_gates(topology, weights)
    nets = [Stepper(topology, weights, FORMS[0]), Stepper(gated, longer, FORMS[0])]
    outputs = np.empty((2, topology.n_outputs))
    for i, x in enumerate(X):
        for net in nets:
            net.reset()
        targets, weight = targets_of(y, i, len(x))
        for step, target, w in zip(x, targets, weight, strict=True):
            for net, out in zip(nets, outputs, strict=True):
                net.step(step.copy(), out)
                if target is not None:
                    net.learn(np.array(target), w, 0.3)
            assert np.array_equal(*outputs)
    assert np.array_equal(without_gates(gated, nets[1].weights()), nets[0].weights())
    assert not np.array_equal(nets[0].weights(), weights)


@EACH_RECURRENCE
@EACH_SIZE
def test_open_gates_in_a_team_leave_the_bits_of_1997(size, recurrence):
    fixed = {"output_activation": "logistic", "loss": "squared_error"}
    topology, weights, X, y = problem(size, recurrence, **fixed)
    targets, rng = Targets(y.values, y.first, y.every), np.random.default_rng(0)
    drawn = [weights + rng.uniform(-0.5, 0.5, len(weights)) for _ in range(N_NETS + 1)]
    jobs = [(own.copy(), X, targets) for own in drawn]
    gated, _ = with_gates(topology, weights)
    longer = [(with_gates(topology, own)[1], X, targets) for own in drawn]
    results = TeamNetwork(topology).learn(jobs, 0.3)
    found = TeamNetwork(gated).learn(longer, 0.3)
    for i, (own, _, _) in enumerate(jobs):
        assert np.array_equal(without_gates(gated, longer[i][0]), own)
        assert np.array_equal(found[i], results[i], equal_nan=True)
        assert not np.array_equal(own, drawn[i])


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 1e-5)])
@pytest.mark.parametrize("full", [False, True], ids=["truncated", "full"])
@EACH_INPUT
@EACH_RECURRENCE
@EACH_SIZE
def test_open_gates_in_a_batch_leave_the_gradient_of_1997(
    size, recurrence, is_sparse, full, dtype, tolerance
):
    """The BLAS sums in another order, because its matrices have more columns."""
    topology, weights, X, y = problem(size, recurrence, is_sparse)
    gated, longer = with_gates(topology, weights)
    results, gradient = BatchNetwork(topology, dtype).learn(weights, X, y, full)
    found, longer_gradient = BatchNetwork(gated, dtype).learn(longer, X, y, full)
    views = gated.views(longer_gradient)
    assert not views.pop("forget_gate").any()
    rest = np.concatenate([*map(np.ravel, views.values())])
    assert worst_relative(rest, gradient, 1.0) < tolerance
    np.testing.assert_allclose(found, results, rtol=tolerance, atol=tolerance)


@EACH_INPUT
@EACH_SIZE
def test_open_gates_that_feed_nothing_leave_outputs_and_gradient(size, is_sparse):
    """The gates are fed back, but with weights of zero, which have a gradient of their own."""
    topology, weights, X, y = problem(size, "all", is_sparse)
    gated, longer = with_gates(topology, weights)
    expected = kernel_run(topology, weights, X)
    np.testing.assert_allclose(kernel_run(gated, longer, X), expected, rtol=1e-14, atol=1e-14)
    for form in FORMS:
        results, gradient = kernel_pass(topology, weights, X, y, form=form)
        found, whole = kernel_pass(gated, longer, X, y, form=form)
        np.testing.assert_allclose(found, results, rtol=1e-13, atol=1e-14)
        for name, view in topology.views(gradient).items():
            rest = gated.views(whole)[name][kept_rows(gated, name)]
            np.testing.assert_allclose(rest, view, rtol=1e-12, atol=1e-13)


def data(Estimator):
    rng = np.random.default_rng(0)
    X = [rng.uniform(-1.0, 1.0, (length, 3)) for length in rng.integers(1, 12, 30)]
    if Estimator is LSTMClassifier:
        return X, [np.where(x[:, 0] + x[:, 1] > 0.0, "up", "down") for x in X]
    return X, np.array([[x[0, 0], x[-1, 1]] for x in X])


FITS = {
    "on line": {},
    "sequences": {"update": "sequence", "shortcut": True, "n_hidden": 2},
    "full": {"gradient": "full", "n_hidden": 1},
    "early": {"early_stopping": True, "validation_fraction": 0.3},
    "growing": {"initial_blocks": 1, "growth_patience": 10, "max_iter": 40},
    "from nothing": {
        "initial_blocks": 0, "growth_patience": 10, "shortcut": True, "max_iter": 40,
    },
    "biases": {"input_gate_bias": [-1.0, -2.0, -3.0], "output_gate_bias": -1.0},
    "no input gate": {"input_gate": False},
    "no output gate": {"output_gate": False, "state_activation": "identity"},
}  # fmt: skip


@pytest.mark.parametrize("bias", [OPEN, [OPEN, OPEN + 1.0, OPEN + 2.0]], ids=["one", "list"])
@EACH_RECURRENCE
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
def test_estimators_with_open_gates_are_those_of_1997(Estimator, fit, recurrence, bias):
    X, y = data(Estimator)
    options = {"max_iter": 6, "tol": None, "learning_rate": 0.2, "random_state": 4, **FITS[fit]}
    model = Estimator.as_published(3, 2, recurrence=recurrence, **options)
    gated = clone(model).set_params(forget_gate=True, forget_gate_bias=bias)
    model.fit(X, y)
    gated.fit(X, y)
    views = gated.topology_.views(gated.weights_)
    n_blocks = model.topology_.n_blocks
    assert n_blocks > options.get("initial_blocks", 2)
    forget = views.pop("forget_gate")
    assert forget[-1].tolist() == np.broadcast_to(bias, 3)[:n_blocks].tolist()
    assert 0.0 < np.abs(forget[:-1]).max() <= 0.1
    assert np.array_equal(np.concatenate([*map(np.ravel, views.values())]), model.weights_)
    assert gated.loss_curve_ == model.loss_curve_
    for predicted, expected in zip(gated.predict(X), model.predict(X), strict=True):
        assert np.array_equal(predicted, expected)


# ---- ordinary gates ------------------------------------------------------------------------------

# Nets of which each has ordinary forget gates; the first ones fit into registers.
NETS = {
    **{f"{n} blocks of {size}": {"n_blocks": n, "block_size": size} for n, size in SIZES[:4]},
    "hidden units": {"n_blocks": 3, "block_size": 3, "n_hidden": 2},
    "no input gate": {"n_blocks": 2, "block_size": 2, "input_gate": False},
    "no output gate": {"n_blocks": 3, "block_size": 2, "output_gate": False},
    "forget gates only": {"block_size": 3, "input_gate": False, "output_gate": False},
    "no bias": {"n_blocks": 2, "block_size": 2, "forget_gate_bias": False, "n_hidden": 2},
    "large": {"n_blocks": 10, "block_size": 5, "n_hidden": 10},
}
EACH_NET = pytest.mark.parametrize("net", NETS)
EACH_OF_ALL = pytest.mark.parametrize("recurrence", ["all", "cells", "none"])


def gated_problem(net, recurrence, is_sparse=False, **options):
    rng = np.random.default_rng(0)
    topology = random_topology(
        rng, **{"forget_gate_bias": True, **NETS[net]}, forget_gate=True, recurrence=recurrence
    )
    return topology, *random_problem(rng, topology, is_sparse=is_sparse, every=True, **options)


@EACH_INPUT
@EACH_OF_ALL
@EACH_NET
def test_forms_of_the_truncated_gradient_are_one(net, recurrence, is_sparse):
    topology, weights, X, y = gated_problem(net, recurrence, is_sparse, n_sequences=4, longest=30)
    results, forward = kernel_pass(topology, weights, X, y)
    again, backward = kernel_pass(topology, weights, X, y, form="truncated-backward")
    assert np.array_equal(again, results, equal_nan=True)
    assert np.abs(topology.views(forward)["forget_gate"]).min() > 0.0
    assert worst_relative(backward, forward, 1e-3) < 1e-12


@EACH_INPUT
@EACH_OF_ALL
@pytest.mark.parametrize("net", [net for net in NETS if net != "large"])
def test_full_gradient_equals_central_differences(net, recurrence, is_sparse):
    topology, weights, X, y = gated_problem(net, recurrence, is_sparse, n_sequences=2, longest=6)
    numeric = numeric_gradient(
        lambda w: kernel_pass(topology, w, X, y, form="none")[0][:, 0].sum(), weights
    )
    _, gradient = kernel_pass(topology, weights, X, y, form="full-backward")
    assert worst_relative(gradient, numeric, 1e-2) < 1e-6


@pytest.mark.parametrize("form", FORMS[1:])
@EACH_INPUT
@EACH_OF_ALL
@EACH_NET
def test_gradients_of_batches_are_those_of_on_line_learning(net, recurrence, is_sparse, form):
    topology, weights, X, y = gated_problem(net, recurrence, is_sparse, n_sequences=6)
    expected, gradient = kernel_pass(topology, weights, X, y, form=form)
    results, found = BatchNetwork(topology, "float64").learn(weights, X, y, form == FORMS[2])
    assert worst_relative(found, gradient, 1.0) < 1e-12
    np.testing.assert_allclose(results, expected, rtol=1e-12, atol=1e-12)


def test_a_shut_gate_forgets_all_that_was_before():
    """With forget gates of zero, a net sees one step only."""
    rng = np.random.default_rng(0)
    topology = Topology(3, 2, n_blocks=3, forget_gate=True, recurrence="none")
    weights, X, _ = random_problem(rng, topology, longest=12)
    topology.views(weights)["forget_gate"][:] = 0.0
    topology.views(weights)["forget_gate"][-1] = -800.0
    steps = type(X).from_lengths(X.flat, np.ones(X.n_steps, dtype=int))
    assert np.array_equal(kernel_run(topology, weights, X), kernel_run(topology, weights, steps))


# ---- initial weights -----------------------------------------------------------------------------


@pytest.mark.parametrize("recurrence", ["all", "cells", "none"])
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("gates", [(True, True), (False, True), (True, False), (False, False)])
def test_other_initial_weights_are_those_of_the_net_without_forget_gates(
    recurrence, has_bias, gates
):
    plain = Topology(
        4, 3, n_blocks=3, n_hidden=2, recurrence=recurrence, input_gate=gates[0],
        output_gate=gates[1], forget_gate_bias=has_bias, shortcut=True,
    )  # fmt: skip
    gated = replace(plain, forget_gate=True)
    biases = {"input_gate": [-1.0, -2.0, -3.0], "output_gate": -4.0}
    rng, other = np.random.default_rng(7), np.random.default_rng(7)
    expected = plain.views(plain.initial_weights(rng, 0.2, biases))
    views = gated.views(gated.initial_weights(other, 0.2, biases))
    assert rng.random() == other.random()
    assert views.keys() - expected.keys() == {"forget_gate"}
    for name, view in expected.items():
        rows = kept_rows(gated, name)
        assert np.array_equal(views[name][rows], view), name
        fed_back = np.delete(views[name], rows, axis=0)
        assert len(fed_back) == (3 if recurrence == "all" and name != "output" else 0)
        views[name] = fed_back
    fresh = np.concatenate([*map(np.ravel, views.values())])
    known = np.concatenate([*map(np.ravel, expected.values())])
    assert 0.1 < np.abs(fresh).max() <= 0.2
    assert len({*fresh.tolist()}) == len(fresh)
    assert not {*fresh.tolist()} & {*known.tolist()}


@pytest.mark.parametrize("bias", [2.5, [0.5, 1.0, 1.5]])
def test_biases_of_forget_gates_are_set_per_block(bias):
    topology = Topology(4, 3, n_blocks=3, forget_gate=True)
    free = topology.initial_weights(np.random.default_rng(0), 0.2, {})
    assert np.abs(topology.views(free)["forget_gate"]).max() <= 0.2
    weights = topology.initial_weights(np.random.default_rng(0), 0.2, {"forget_gate": bias})
    assert topology.views(weights)["forget_gate"][-1].tolist() == np.broadcast_to(bias, 3).tolist()
    topology.views(weights)["forget_gate"][-1] = topology.views(free)["forget_gate"][-1]
    assert np.array_equal(weights, free)


def test_the_default_bias_remembers_for_a_few_steps():
    X, y = data(LSTMRegressor)
    model = LSTMRegressor.as_published(
        3, forget_gate=True, max_iter=1, tol=None, learning_rate=1e-300
    )
    model.fit(X, y)
    assert model.topology_.views(model.weights_)["forget_gate"][-1].tolist() == [1.0] * 3
    model.set_params(forget_gate_bias="random", init_scale=0.01).fit(X, y)
    assert np.abs(model.topology_.views(model.weights_)["forget_gate"]).max() <= 0.01
    model.set_params(forget_gate_bias=None).fit(X, y)
    assert not model.topology_.forget_gate_bias
    n_sources = 3 + 3 * 3 + 6  # inputs, fed-back gates and cells
    assert model.topology_.views(model.weights_)["forget_gate"].shape == (n_sources, 3)


@pytest.mark.parametrize("biases", [2.0, [0.5, 1.0, 1.5]])
def test_new_blocks_have_forget_gates_with_their_biases(biases):
    X, y = data(LSTMRegressor)
    model = LSTMRegressor.as_published(
        3, initial_blocks=1, growth_patience=20, forget_gate=True, forget_gate_bias=biases,
        learning_rate=1e-300, max_iter=6, tol=None, random_state=0,
    )  # fmt: skip
    model.fit(X, y)
    assert model.topology_.n_blocks == 3
    forget = model.topology_.views(model.weights_)["forget_gate"]
    assert forget[-1].tolist() == np.broadcast_to(biases, 3).tolist()
    assert 0.0 < np.abs(forget[:-1]).max() <= 0.1
    assert forget.shape == (3 + 3 * 3 + 6 + 1, 3)
