"""The kernel's entry points: state that is carried, memory used again, calls that are refused."""

from itertools import pairwise

import numpy as np
import pytest
from lstm97._core import Network, Steps

from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.learning.topology import Topology
from reference.cases import kernel_pass, kernel_run, random_problem, random_topology

SEEDS = range(12)


def problem(seed, **options):
    rng = np.random.default_rng(seed)
    topology = random_topology(rng)
    return topology, *random_problem(rng, topology, **options)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_sequence_in_pieces_equals_the_whole(seed, is_sparse):
    topology, weights, X, y = problem(
        seed, n_sequences=1, longest=30, every=True, is_sparse=is_sparse
    )
    n = X.n_steps
    cuts = sorted({0, n // 3, n // 2, n})
    options = {"learning_rate": 0.1, "per_step": True}
    whole = weights.copy()
    results, _ = kernel_pass(topology, whole, X, y, **options)
    pieces, network, loss = weights.copy(), Network(topology), 0.0
    for start, stop in pairwise(cuts):
        part = Sequences(X.flat, [start], [stop - start])
        target = Targets(y.values, np.array([start]), True, y.weight)
        r, _ = kernel_pass(topology, pieces, part, target, network, carry=start > 0, **options)
        loss += r[0, 0]
    assert (pieces == whole).all()
    assert abs(loss - results[0, 0]) < 1e-12
    outputs = [
        kernel_run(topology, weights, Sequences(X.flat, [a], [b - a]), network, carry=a > 0)
        for a, b in pairwise(cuts)
    ]
    assert (np.concatenate(outputs) == kernel_run(topology, weights, X)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_results_do_not_depend_on_stale_memory(seed):
    topology, weights, X, y = problem(seed, is_sparse=seed % 2 == 0)
    fresh = kernel_pass(topology, weights, X, y)
    network = Network(topology)
    dense = Sequences(np.ones((4, topology.n_inputs)), [0], [4])
    kernel_run(topology, weights, dense, network)
    target = Targets.at_last(np.ones((1, topology.n_outputs)), np.ones(1))
    kernel_pass(topology, weights * 2.0, dense, target, network)
    again = kernel_pass(topology, weights, X, y, network)
    for a, b in zip(fresh, again, strict=True):
        assert np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_weights_do_not_depend_on_the_size_of_blocks(seed, per_step):
    topology, weights, X, y = problem(seed, n_sequences=7, is_sparse=seed % 2 == 0)
    options = {
        "learning_rate": 0.2,
        "per_step": per_step,
        "form": "forward" if per_step else "backward",
    }
    whole = weights.copy()
    kernel_pass(topology, whole, X, y, **options)
    blocks = weights.copy()
    for part in (slice(0, 1), slice(1, 5), slice(5, 7)):
        kernel_pass(topology, blocks, X[part], y[part], **options)
    assert (blocks == whole).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_per_step_updates_on_sparse_input_equal_those_on_dense_input(seed):
    topology, weights, X, y = problem(seed, n_sequences=4, longest=20, is_sparse=True, every=True)
    dense, learned = Sequences(X.flat.toarray(), X.starts, X.lengths), weights.copy()
    options = {"learning_rate": 0.2, "per_step": True}
    kernel_pass(topology, learned, X, y, **options)
    kernel_pass(topology, weights, dense, y, **options)
    assert np.allclose(learned, weights, rtol=1e-12, atol=1e-14)


def test_only_the_first_sequence_is_carried_on():
    topology, weights, X, y = problem(3, n_sequences=3, every=True)
    options = {"learning_rate": 0.2, "per_step": True}
    network, expected = Network(topology), weights.copy()
    for i in range(3):
        kernel_pass(topology, expected, X[i : i + 1], y[i : i + 1], **options)
    kernel_pass(topology, weights, X[:1], y[:1], network, **options)
    head = Sequences(X.flat, X.starts[:1], [1])
    kernel_run(topology, weights, head, network)  # leaves a state behind
    kernel_pass(topology, weights, X[1:], y[1:], network, **options)
    assert (weights == expected).all()
    # Learning with carry: the first goes on from the state left behind, the second does not.
    learned, alone = weights.copy(), weights.copy()
    kernel_run(topology, weights, head, network)
    both, _ = kernel_pass(topology, learned, X[:2], y[:2], network, carry=True, **options)
    kernel_run(topology, weights, head, network)
    one, _ = kernel_pass(topology, alone, X[:1], y[:1], network, carry=True, **options)
    two, _ = kernel_pass(topology, alone, X[1:2], y[1:2], network, **options)
    assert (learned == alone).all()
    assert np.array_equal(both, np.concatenate([one, two]), equal_nan=True)
    first = kernel_run(topology, weights, X[:1], network)
    both = kernel_run(topology, weights, X[:2], network, carry=True)
    fresh = kernel_run(topology, weights, X[:2])
    assert (first == fresh[: len(first)]).all()
    assert (both[: len(first)] != first).any()
    assert (both[len(first) :] == fresh[len(first) :]).all()


@pytest.mark.parametrize("options", [{"per_step": True}, {"carry": True}])
def test_the_backward_form_is_for_whole_sequences(options):
    topology, weights, X, y = problem(0)
    with pytest.raises(ValueError, match="backward needs whole sequences"):
        call(topology, weights, X, y, **{"per_step": False, "form": "backward", **options})


@pytest.mark.parametrize(("activation", "loss"), [("softmax", "log_loss"), ("logistic", "log_loss"),
                                                  ("linear", "squared_error")])  # fmt: skip
def test_outputs_that_are_nan_are_seen(activation, loss):
    rng = np.random.default_rng(0)
    topology = random_topology(rng, output_activation=activation, loss=loss)
    weights, X, y = random_problem(rng, topology, n_sequences=4, every=False)
    results, _ = kernel_pass(topology, np.full_like(weights, np.nan), X, y)
    assert np.isnan(results).all()


def test_a_net_that_diverged_can_be_used_again():
    """Units without a bias share the bias row with those that have one."""
    rng = np.random.default_rng(0)
    topology = random_topology(
        rng, output_activation="linear", loss="squared_error", cell_bias=False, n_hidden=0
    )
    weights, X, y = random_problem(rng, topology, n_sequences=5, every=True)
    expected, network = kernel_run(topology, weights, X), Network(topology)
    broken, target = weights.copy(), Targets(y.values * 0 + 1e160, y.first, True)
    with np.errstate(all="ignore"):
        network.learn(
            broken, Steps(X.flat), X.starts, X.lengths, target.values, None, target.first, True,
            1e160, True, np.zeros((5, 3)),
        )  # fmt: skip
    assert not np.isfinite(broken).all()
    assert (kernel_run(topology, weights, X, network) == expected).all()


def test_training_stops_before_a_loss_that_is_not_finite():
    rng = np.random.default_rng(0)
    topology = random_topology(rng, output_activation="linear", loss="squared_error")
    weights, X, y = random_problem(rng, topology, n_sequences=5, every=False)
    y.values[2] = 1e200
    results = np.zeros((5, 3))
    n_done = Network(topology).learn(
        weights, Steps(X.flat), X.starts, X.lengths, y.values, None, y.first, False,
        0.1, True, results,
    )  # fmt: skip
    assert n_done == 2


def call(topology, given, X, y, **changes):
    arguments = {
        "weights": given, "x": Steps(X.flat), "starts": X.starts, "lengths": X.lengths,
        "values": y.values, "weight": y.weight, "first": y.first, "every": y.every,
        "learning_rate": 0.1, "per_step": True, "results": np.zeros((len(X), 3)),
    }  # fmt: skip
    return Network(topology).learn(**{**arguments, **changes})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: {"weights": np.zeros(3)}, "weights expected"),
        (lambda X, y: {"x": Steps(np.zeros((X.n_steps, 11)))}, "inputs expected"),
        (lambda X, y: {"lengths": X.lengths[:-1]}, "differ in length"),
        (lambda X, y: {"starts": X.starts + 1}, "outside of the steps"),
        (lambda X, y: {"lengths": X.lengths * 0}, "outside of the steps"),
        (lambda X, y: {"starts": X.starts - 1}, "outside of the steps"),
        (lambda X, y: {"values": np.zeros((3, 11))}, "outputs expected"),
        (lambda X, y: {"starts": X.starts * 0 + (2**63 - 1)}, "outside of the steps"),
        (lambda X, y: {"lengths": X.lengths * 0 + (2**63 - 1)}, "outside of the steps"),
        (lambda X, y: {"first": y.first + 1}, "outside of the values"),
        (lambda X, y: {"first": y.first * 0 + (2**63 - 1)}, "outside of the values"),
        (lambda X, y: {"first": y.first[:-1]}, "differ in length"),
        (lambda X, y: {"weight": y.weight[:-1]}, "differ in length"),
        (lambda X, y: {"results": np.zeros((1, 3))}, "results of shape"),
    ],
)
def test_calls_beyond_the_arrays_are_refused(change, message):
    topology, weights, X, y = problem(0)
    before = weights.copy()
    with pytest.raises(ValueError, match=message):
        call(topology, weights, X, y, **change(X, y))
    assert (weights == before).all()


def test_a_net_whose_matrices_cannot_be_counted_is_refused():
    for fields in ({"n_hidden": 65536, "recurrence": "none"}, {"n_inputs": 2**30}):
        topology = Topology(**{"n_inputs": 1, "n_outputs": 1, "n_blocks": 1, **fields})
        with pytest.raises(ValueError, match="too large"):
            Network(topology)
