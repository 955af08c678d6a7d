"""The kernel's entry points: state that is carried, memory used again, calls that are refused."""

from itertools import pairwise

import numpy as np
import pytest
from lstm97._core import Network, Steps

from lstm97.sequences import Sequences
from lstm97.targets import Targets
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
    options = {"learning_rate": 0.2, "per_step": per_step, "backward": not per_step}
    whole = weights.copy()
    kernel_pass(topology, whole, X, y, **options)
    blocks = weights.copy()
    for part in (slice(0, 1), slice(1, 5), slice(5, 7)):
        kernel_pass(topology, blocks, X[part], y[part], **options)
    assert (blocks == whole).all()


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
        (lambda X, y: {"first": y.first + 1}, "outside of the values"),
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
