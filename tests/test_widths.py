"""Kernels for two vector widths in one process: the same bits, and which net takes which.

Where a register holds eight doubles, a build has kernels for four as well. test_golden.py also runs
this file with such a build.
"""

import itertools
import math

import numpy as np
import pytest

from lstm97._core import KERNELS, Network, lanes_for
from lstm97._kernels.data import Data
from lstm97._kernels.follower import Follower
from lstm97._kernels.stream import Stepper
from lstm97.learning.topology import Topology
from reference.cases import random_problem, random_topology

WIDTHS = sorted(KERNELS)
FORMS = ["truncated-forward", "truncated-backward", "full-backward"]
two_widths = pytest.mark.skipif(len(WIDTHS) == 1, reason="this build has one vector width")


def assert_same(values):
    """Check that all widths gave the same arrays."""
    first, *others = values
    for other in others:
        for a, b in zip(first, other, strict=True):
            assert np.array_equal(a, b, equal_nan=True)


def all_calls(topology, weights, X, y, form, per_step, lanes):
    """Train and run a net of a width; return weights, results, gradient, outputs and records."""
    net, data, learned = Network(topology, lanes), Data(X, y), weights.copy()
    assert net.lanes == lanes
    results, gradient = np.zeros((2, len(X), 3)), np.zeros(topology.n_weights)
    net.learn(weights, data, 0.0, results[0], form=form, gradient=gradient)
    net.learn(learned, data, 0.3, results[1], form=form, per_step=per_step)
    assert not np.array_equal(learned, weights)
    return learned, results, gradient, net.run(learned, data, True), net.record(learned, data)


@two_widths
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(20))
def test_sequences_give_the_same_bits(seed, form, is_sparse):
    rng = np.random.default_rng(seed)
    topology = random_topology(rng, n_blocks=1 + seed % 5)
    problem = random_problem(rng, topology, is_sparse=is_sparse)
    per_step = form == "truncated-forward" and seed % 2 == 1
    assert_same([all_calls(topology, *problem, form, per_step, lanes) for lanes in WIDTHS])


def along_streams(topology, weights, steps, targets, form, lanes):
    """Learn along a stream, singly and many at a time, and start again; return what it holds."""
    net, losses, outputs = Stepper(topology, weights, form, lanes=lanes), np.zeros(len(steps)), []
    for step, target in zip(steps, targets, strict=True):
        outputs.append(np.empty(topology.n_outputs))
        net.step(step.copy(), outputs[-1])
        net.learn(target, 0.5, 0.3)
    snapshots = [net.snapshot()[:2]]
    net.reset()
    out = np.empty(targets.shape)
    net.run(steps, out, targets, None, 0.3, losses)
    snapshots.append(net.snapshot()[:2])
    return [*outputs, out, losses, *itertools.chain(*snapshots)]


@two_widths
@pytest.mark.parametrize("seed", range(20))
def test_streams_give_the_same_bits(seed):
    rng = np.random.default_rng(seed)
    full = seed % 4 == 0  # the only other form along streams, for nets without memory cells
    fixed = {"n_blocks": 0, "n_hidden": 5} if full else {}
    topology = random_topology(rng, **fixed)
    weights = rng.uniform(-0.8, 0.8, topology.n_weights)
    steps = rng.uniform(-1, 1, (9, topology.n_inputs))
    targets = rng.uniform(0, 1, (9, topology.n_outputs))
    form = "full-forward" if full else "truncated-forward"
    assert_same([along_streams(topology, weights, steps, targets, form, w) for w in WIDTHS])


@two_widths
@pytest.mark.parametrize("seed", range(6))
def test_followers_give_the_same_bits(seed):
    rng = np.random.default_rng(seed)
    topology = random_topology(rng)
    weights = rng.uniform(-0.8, 0.8, topology.n_weights)
    steps = rng.uniform(-1, 1, (30, topology.n_inputs))
    targets = rng.uniform(0, 1, (30, topology.n_outputs))
    targets[::3] = np.nan
    begins = (rng.random(30) < 0.15).astype(np.uint8)
    found = []
    for lanes in WIDTHS:
        net = Follower(topology, weights, "truncated-forward", lanes=lanes)
        net.follow(steps, targets, begins, 100, np.inf, 0.3, 0.9, 0.99)
        found.append(net.snapshot()[:2])
    assert_same(found)


def registers(topology, lanes):
    """Return the number of registers of the units, or with a forget gate of the cells."""
    cells = (topology.n_cells, topology.n_hidden)
    groups = cells if topology.forget_gate else (*cells, topology.n_gates)
    return sum(math.ceil(count / lanes) for count in groups)


@pytest.mark.parametrize("forget_gate", [False, True])
@pytest.mark.parametrize("n_hidden", [0, 4, 5])
@pytest.mark.parametrize("block_size", [1, 2, 3])
@pytest.mark.parametrize("n_blocks", range(1, 7))
def test_a_net_takes_the_fewest_registers_and_of_these_the_smallest(
    n_blocks, block_size, n_hidden, forget_gate
):
    sizes = {"n_blocks": n_blocks, "block_size": block_size, "n_hidden": n_hidden}
    topology = Topology(n_inputs=2, n_outputs=1, shortcut=True, forget_gate=forget_gate, **sizes)
    expected = min(WIDTHS, key=lambda lanes: (registers(topology, lanes), lanes))
    assert lanes_for(topology) == Network(topology).lanes == expected
