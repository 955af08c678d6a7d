"""Sequences side by side in lanes: against the kernel of one sequence at a time."""

import numpy as np
import pytest

from lstm97._core import Network
from lstm97._kernels.abreast import N_ABREAST, AbreastNetwork, pays, supports
from lstm97._kernels.data import Data
from lstm97.data.sequences import Sequences
from lstm97.learning.network import NetworkLearner
from lstm97.learning.topology import Topology
from reference.cases import random_problem, random_topology
from reference.compare import worst_relative

FORMS = {"truncated": "truncated-backward", "full": "full-backward"}
SEEDS = range(60)


def problem(seed, n_sequences=None, longest=12, **fixed):
    """Draw a net and dense data: some sequences or many, with some targets missing."""
    rng = np.random.default_rng(seed)
    if seed % 10 == 9:
        fixed = {"n_blocks": 0, "n_hidden": seed // 10 % 2, "shortcut": True, **fixed}
    topology = random_topology(rng, **fixed)
    n_sequences = n_sequences or int(rng.integers(1, 40))
    weights, X, y = random_problem(rng, topology, n_sequences, longest, is_sparse=False)
    y.values[rng.random(y.values.shape) < 0.1] = np.nan
    return topology, weights, X, y


def one_by_one(topology, weights, X, y, form="none"):
    """Return results and gradient of the kernel that takes one sequence after the other."""
    results, gradient = np.empty((len(X), 3)), np.empty(len(weights))
    Network(topology).learn(weights.copy(), Data(X, y), 0.0, results, form, gradient=gradient)
    return results, gradient


@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_and_losses_have_the_bits_of_single_sequences(seed):
    topology, weights, X, y = problem(seed)
    abreast = AbreastNetwork(topology)
    for every in (False, True):
        expected = Network(topology).run(weights, Data(X), every)
        assert np.array_equal(abreast.run(weights, Data(X), every), expected)
    expected, _ = one_by_one(topology, weights, X, y)
    assert np.array_equal(abreast.evaluate(weights, Data(X, y)), expected, equal_nan=True)


@pytest.mark.parametrize("gradient", FORMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_is_the_sum_over_the_sequences(seed, gradient):
    topology, weights, X, y = problem(seed)
    expected_results, expected = one_by_one(topology, weights, X, y, FORMS[gradient])
    results, found = AbreastNetwork(topology).learn(weights, Data(X, y), gradient == "full")
    assert worst_relative(found, expected, 1.0) < 1e-12
    assert np.array_equal(results, expected_results, equal_nan=True)


@pytest.mark.parametrize("gradient", FORMS)
@pytest.mark.parametrize("n_sequences", range(1, 17))
def test_gradients_of_sixteen_sequences_are_added_in_their_order(n_sequences, gradient):
    """The same bits: neither idle lanes, nor the number of registers, nor tiles change a sum."""
    n_blocks = 1 + n_sequences % 12
    topology, weights, X, y = problem(n_sequences, n_sequences, longest=80, n_blocks=n_blocks)
    net, is_full, expected = AbreastNetwork(topology), gradient == "full", 0.0
    for i in np.argsort(-X.lengths, kind="stable"):
        expected += net.learn(weights, Data(X[[i]], y[[i]]), is_full)[1]
    _, found = net.learn(weights, Data(X, y), is_full)
    assert np.array_equal(found, expected)
    _, one_after_the_other = one_by_one(topology, weights, X, y, FORMS[gradient])
    assert worst_relative(found, one_after_the_other, 1.0) < 1e-12


def test_the_problems_cover_every_option():
    options = {}
    for seed in SEEDS:
        topology, _, X, y = problem(seed)
        options.setdefault("more than the lanes", set()).add(len(X) > N_ABREAST)
        for name, value in {**vars(topology), "every": y.every}.items():
            options.setdefault(name, set()).add(str(value))
    names = ("recurrent_outputs", "slices", "hidden_groups")  # not an option; no options
    assert all(len(found) > 1 for name, found in options.items() if name not in names), options
    assert options["recurrence"] == {"all", "cells", "none"}


@pytest.mark.parametrize("gradient", FORMS)
def test_memory_of_a_larger_call_leaves_no_trace(gradient):
    topology, weights, X, y = problem(3, n_sequences=20)
    few = Data(X[2:5], y[2:5])
    used, is_full = AbreastNetwork(topology), gradient == "full"
    used.learn(weights, Data(X, y), is_full)
    used.run(weights, Data(X), True)
    again, fresh = (net.learn(weights, few, is_full) for net in (used, AbreastNetwork(topology)))
    assert np.array_equal(again[0], fresh[0], equal_nan=True)
    assert np.array_equal(again[1], fresh[1])


def test_an_order_of_equal_lengths_is_kept_and_another_order_changes_only_the_rounding():
    topology, weights, X, y = problem(5, n_sequences=30)
    backward = np.arange(len(X))[::-1]
    net = AbreastNetwork(topology)
    results, gradient = net.learn(weights, Data(X, y), False)
    reversed_results, other = net.learn(weights, Data(X[backward], y[backward]), False)
    assert np.array_equal(reversed_results[::-1], results, equal_nan=True)
    assert worst_relative(other, gradient, 1.0) < 1e-12


def test_lanes_run_only_where_they_are_full_enough():
    def data(*lengths):
        lengths = np.array(lengths, np.int64)
        return Data(Sequences(np.zeros((lengths.sum(), 1)), np.cumsum(lengths) - lengths, lengths))

    assert pays(data(*[5] * N_ABREAST))
    assert pays(data(*[5] * (N_ABREAST // 2)))  # these fill a register of two
    assert not pays(data(*[5] * (N_ABREAST // 2 - 1)))
    assert not pays(data(1000, *[5] * (N_ABREAST - 1)))
    assert pays(data(1000, *[900] * (N_ABREAST - 1), *[5] * N_ABREAST))


def test_a_learner_gives_the_same_results_in_both_ways(monkeypatch):
    topology, weights, X, y = problem(11, n_sequences=3 * N_ABREAST)
    learner = NetworkLearner(topology, weights, 0.1, "truncated-forward", "step")
    assert pays(Data(X))
    found = learner.run(X, True), *learner.evaluate(X, y)
    monkeypatch.setattr(NetworkLearner, "_runs_abreast", lambda self, data: False)
    for each, expected in zip(found, (learner.run(X, True), *learner.evaluate(X, y)), strict=True):
        assert np.array_equal(each, expected, equal_nan=True)


def test_what_does_not_fit_is_refused():
    topology, weights, X, y = problem(2)
    net = AbreastNetwork(topology)
    with pytest.raises(ValueError, match="weights expected"):
        net.run(weights[1:], Data(X), True)
    with pytest.raises(ValueError, match="targets expected"):
        net.evaluate(weights, Data(X))
    other = Sequences(np.zeros((3, topology.n_inputs + 1)), [0], [3])
    with pytest.raises(ValueError, match="inputs expected"):
        net.run(weights, Data(other), True)
    rng = np.random.default_rng(0)
    weights, X, y = random_problem(rng, topology, 3, 5, is_sparse=True)
    with pytest.raises(ValueError, match="dense inputs expected"):
        net.learn(weights, Data(X, y), False)
    recurrent = Topology(
        n_inputs=2, n_outputs=1, n_blocks=0, n_hidden=3, recurrent_outputs=True, output_bias=False
    )
    assert not supports(recurrent)
    with pytest.raises(ValueError, match="side by side"):
        AbreastNetwork(recurrent)
