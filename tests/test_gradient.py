"""The truncated gradient: against central differences, a slow twin, and its own second form."""

import math

import numpy as np
import pytest

from lstm97._core import Network
from lstm97._kernels.data import Data
from lstm97.learning.topology import Topology
from reference.cases import kernel_pass, kernel_run, random_problem, random_topology
from reference.compare import numeric_gradient, targets_of, worst_relative
from reference.lstm import Twin, frozen_loss

SEEDS = range(40)


def problem(seed, **options):
    rng = np.random.default_rng(seed)
    topology = random_topology(rng)
    return topology, *random_problem(rng, topology, **options)


@pytest.mark.parametrize("recurrence", ["all", "cells", "none"])
def test_half_of_the_problems_have_forget_gates(recurrence):
    """Many do, for each kind of feedback, with a bias and without one."""
    nets = [problem(seed)[0] for seed in SEEDS]
    assert 15 <= sum(net.forget_gate for net in nets) <= 25
    found = [net for net in nets if net.forget_gate and net.recurrence == recurrence]
    assert len(found) >= 5
    assert {net.forget_gate_bias for net in found} == {True, False}


def as_twin(topology, weights):
    return Twin(topology, {k: v.tolist() for k, v in topology.views(weights).items()})


def twin_gradient(twin, topology, X, y):
    """Sum the twin's loss and gradient over all sequences, each target with its own weight."""
    total, flat = [], np.zeros(topology.n_weights)
    for i, x in enumerate(X):
        targets, weight = targets_of(y, i, len(x))
        loss = 0.0
        # The twin has one weight per call: its gradient is a sum over targets, taken one by one.
        for t, target in enumerate(targets):
            if target is not None:
                alone = [target if step == t else None for step in range(len(x))]
                part, gradient = twin.gradient(x.tolist(), alone, weight[t])
                loss += part
                for name, view in topology.views(flat).items():
                    view += np.array(gradient[name])
        total.append(loss)
    return np.array(total), flat


@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_equal_the_twins(seed):
    topology, weights, X, _ = problem(seed)
    twin = as_twin(topology, weights)
    expected = np.concatenate([twin.run(x.tolist()) for x in X])
    assert worst_relative(kernel_run(topology, weights, X), expected, 1e-3) < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_equals_the_twins(seed):
    topology, weights, X, y = problem(seed)
    loss, expected = twin_gradient(as_twin(topology, weights), topology, X, y)
    results, gradient = kernel_pass(topology, weights, X, y)
    assert worst_relative(results[:, 0], loss, 1e-3) < 1e-12
    assert worst_relative(gradient, expected, 1e-3) < 1e-12


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("forget_gate", [False, True])
@pytest.mark.parametrize("block_size", [1, 2])
@pytest.mark.parametrize("n_blocks", [1, 2, 4, 8])
def test_nets_that_fill_their_registers_equal_the_twins(n_blocks, block_size, forget_gate, every):
    """For every vector width, some of them have kernels that know all sizes."""
    rng = np.random.default_rng([n_blocks, block_size, forget_gate, every])
    topology = Topology(
        n_inputs=3, n_outputs=2, n_blocks=n_blocks, block_size=block_size, forget_gate=forget_gate
    )
    weights, X, y = random_problem(rng, topology, n_sequences=4, every=every)
    twin = as_twin(topology, weights)
    outputs = np.concatenate([twin.run(x.tolist()) for x in X])
    assert worst_relative(kernel_run(topology, weights, X), outputs, 1e-3) < 1e-12
    last = Network(topology).run(weights, Data(X), every=False)
    assert worst_relative(last, outputs[np.cumsum(X.lengths) - 1], 1e-3) < 1e-12
    loss, expected = twin_gradient(twin, topology, X, y)
    results, gradient = kernel_pass(topology, weights, X, y)
    assert worst_relative(results[:, 0], loss, 1e-3) < 1e-12
    assert worst_relative(gradient, expected, 1e-3) < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_equals_central_differences_with_frozen_recurrence(seed):
    topology, weights, X, y = problem(seed, n_sequences=2, longest=6)
    twin = as_twin(topology, weights)
    recorded = [twin.recorded(x.tolist()) for x in X]

    def loss(weights):
        views = {k: v.tolist() for k, v in topology.views(weights).items()}
        total = 0.0
        for i, x in enumerate(X):
            targets, weight = targets_of(y, i, len(x))
            for t, target in enumerate(targets):
                if target is not None:
                    alone = [target if step == t else None for step in range(len(x))]
                    total += frozen_loss(topology, views, x.tolist(), alone, recorded[i], weight[t])
        return total

    numeric = numeric_gradient(loss, weights)
    _, gradient = kernel_pass(topology, weights, X, y)
    assert worst_relative(gradient, numeric, 1e-2) < 1e-6


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_forward_form_equals_backward_form(seed, is_sparse):
    topology, weights, X, y = problem(seed, n_sequences=4, longest=40, is_sparse=is_sparse)
    forward_results, forward = kernel_pass(topology, weights, X, y)
    results, backward = kernel_pass(topology, weights, X, y, form="truncated-backward")
    assert np.array_equal(forward_results, results, equal_nan=True)
    assert worst_relative(backward, forward, 1e-3) < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_sparse_input_equals_dense_input(seed):
    topology, weights, X, y = problem(seed, is_sparse=True)
    dense = type(X)(X.flat.toarray(), X.starts, X.lengths)
    for backward in (False, True):
        results, gradient = kernel_pass(
            topology, weights, X, y, form="truncated-backward" if backward else "truncated-forward"
        )
        dense_results, dense_gradient = kernel_pass(
            topology,
            weights,
            dense,
            y,
            form="truncated-backward" if backward else "truncated-forward",
        )
        assert np.array_equal(results, dense_results, equal_nan=True)
        assert (gradient == dense_gradient).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_update_at_each_target_equals_the_twins(seed):
    topology, weights, X, y = problem(seed)
    y.weight[:] = 1.5
    twin = as_twin(topology, weights)
    losses = [
        twin.train(x.tolist(), targets_of(y, i, len(x))[0], 0.3, 1.5) for i, x in enumerate(X)
    ]
    learned = weights.copy()
    results, _ = kernel_pass(topology, learned, X, y, learning_rate=0.3, per_step=True)
    expected = np.concatenate([np.ravel(twin.weights[name]) for name in topology.slices])
    assert worst_relative(results[:, 0], np.array(losses), 1e-3) < 1e-12
    assert worst_relative(learned, expected, 1e-3) < 1e-12


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_update_at_each_end_equals_gradients_of_single_sequences(seed, backward):
    topology, weights, X, y = problem(seed, is_sparse=seed % 2 == 0)
    expected = weights.copy()
    for i in range(len(X)):
        expected += 0.3 * kernel_pass(topology, expected, X[i : i + 1], y[i : i + 1])[1]
    learned = weights.copy()
    kernel_pass(
        topology,
        learned,
        X,
        y,
        learning_rate=0.3,
        form="truncated-backward" if backward else "truncated-forward",
    )
    assert worst_relative(learned, expected, 1e-3) < 1e-12
    assert np.abs(learned - weights).max() > 0.0


@pytest.mark.parametrize("forget_gate", [False, True])
def test_without_recurrence_the_truncated_gradient_is_the_true_one(forget_gate):
    rng = np.random.default_rng(1)
    topology = random_topology(rng, recurrence="none", n_hidden=2, forget_gate=forget_gate)
    weights, X, y = random_problem(rng, topology)
    _, gradient = kernel_pass(topology, weights, X, y)
    for m in rng.choice(topology.n_weights, 20, replace=False):
        losses = []
        for sign in (1.0, -1.0):
            moved = weights.copy()
            moved[m] += sign * 1e-5
            losses.append(kernel_pass(topology, moved, X, y)[0][:, 0].sum())
        assert math.isclose(gradient[m], (losses[1] - losses[0]) / 2e-5, rel_tol=1e-6, abs_tol=1e-8)


def test_results_hold_largest_and_mean_error():
    rng = np.random.default_rng(2)
    topology = random_topology(rng, output_activation="linear", loss="squared_error")
    weights, X, y = random_problem(rng, topology, n_sequences=5, every=True)
    results, _ = kernel_pass(topology, weights, X, y)
    errors = np.abs(kernel_run(topology, weights, X) - y.values)
    for i, (first, length) in enumerate(zip(y.first, X.lengths, strict=True)):
        part = errors[first : first + length]
        part = part[~np.isnan(part)]
        if len(part) == 0:
            assert np.isnan(results[i, 1:]).all()
            continue
        assert results[i, 1] == part.max()
        assert math.isclose(results[i, 2], part.mean(), rel_tol=1e-12)
