"""Large nets put sums over time off, and come to the bits of the sums step by step."""

from fractions import Fraction

import numpy as np
import pytest

from lstm97._core import Network
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from reference.cases import kernel_pass, random_problem, random_topology
from reference.compare import targets_of, worst_relative
from reference.lstm import Twin

# Longer sequences are summed in several pieces.
STEPS = 63
SEEDS = range(24)


def problem(seed, **fixed):
    """Draw a net, on either side of the size from which on sums are put off, and long sequences."""
    rng = np.random.default_rng(seed)
    sizes = {"n_blocks": int(rng.integers(2, 18)), "n_hidden": int(rng.integers(0, 9))}
    topology = random_topology(rng, **{**sizes, **fixed})
    weights, X, y = random_problem(
        rng, topology, n_sequences=3, longest=3 * STEPS, is_sparse=seed % 3 == 0, every=True
    )
    return rng, topology, weights * 0.5, X, y


def with_few(rng, y, share):
    """Return a share of the targets, and all of them, the others with a weight of zero."""
    values = np.nan_to_num(y.values, nan=0.5)
    left = rng.random(len(values)) < share
    few = Targets(np.where(left[:, None], values, np.nan), y.first, True, y.weight)
    return few, Targets(values, y.first, True, np.where(left, y.weight, 0.0))


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_sums_have_the_bits_of_those_step_by_step(seed, per_step):
    """A target without weight adds nothing, but makes all sums due at its step."""
    rng, topology, weights, X, y = problem(seed)
    options = {"learning_rate": 0.05 * per_step, "per_step": per_step}
    found = []
    for targets in with_few(rng, y, [0.01, 0.1, 0.5][seed // 3 % 3]):
        learned = weights.copy()
        _, gradient = kernel_pass(topology, learned, X, targets, **options)
        found.append(learned if per_step else gradient)
    assert np.isfinite(found[0]).all()
    assert np.array_equal(*found)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_target_at_the_end_has_the_gradient_of_both_directions(seed):
    _, topology, weights, X, y = problem(seed)
    last = Targets.at_last(np.nan_to_num(y.values[y.first], nan=0.5), y.weight[y.first])
    forward, backward = (
        kernel_pass(topology, weights, X, last, form=f"truncated-{direction}")[1]
        for direction in ("forward", "backward")
    )
    assert worst_relative(forward, backward, 1e-3) < 1e-11


def test_long_sequences_of_a_large_net_have_the_gradient_of_the_twin():
    rng, topology, weights, X, y = problem(1, n_blocks=14, block_size=2, forget_gate=True)
    twin = Twin(topology, {k: v.tolist() for k, v in topology.views(weights).items()})
    i = int(np.argmax(X.lengths))
    targets, _ = targets_of(y, i, X.lengths[i])
    alone = [None] * (len(targets) - 1) + [rng.random(topology.n_outputs).tolist()]
    _, expected = twin.gradient(X[i].tolist(), alone, 1.0)
    target = Targets.at_last(np.array(alone[-1:]))
    _, found = kernel_pass(topology, weights, X[i : i + 1], target)
    assert len(X[i]) > 2 * STEPS
    for name, view in topology.views(found).items():
        assert worst_relative(view, np.array(expected[name]), 1e-3) < 1e-11


def fused(u, z):
    """Add the products of u and z, the last first, each rounded once with its sum."""
    total = 0.0
    for a, b in zip(u[::-1], z[::-1], strict=True):
        total = float(Fraction(float(a)) * Fraction(float(b)) + Fraction(total))
    return total


@pytest.mark.parametrize("form", ["truncated-backward", "full-backward"])
@pytest.mark.parametrize("n_hidden", [8, 64])
@pytest.mark.parametrize("n_blocks", [0, 3])
@pytest.mark.parametrize("length", [1, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS + 5])
def test_a_gradient_from_a_tape_is_summed_from_the_end(length, n_blocks, n_hidden, form):
    rng = np.random.default_rng([length, n_blocks, n_hidden])
    topology = random_topology(rng, n_blocks=n_blocks, n_hidden=n_hidden, recurrence="all")
    weights = rng.uniform(-0.3, 0.3, topology.n_weights)
    x = rng.normal(size=(length, topology.n_inputs))
    y = Targets.at_steps(rng.random((length, topology.n_outputs)), [length], rng.random(length))
    network = Network(topology)
    X = Sequences.from_list([x])
    _, gradient = kernel_pass(topology, weights, X, y, network, form=form)
    previous, delta = network.unrolled(length)
    sources = np.hstack([x, previous[:, topology.first_feedback :], np.ones((length, 1))])
    for group in topology.hidden_groups:
        view = topology.views(gradient)[group.name]
        for m in rng.integers(len(view), size=4):
            unit = int(rng.integers(group.n_units))
            assert view[m, unit] == fused(delta[:, group.first + unit], sources[:, m])
