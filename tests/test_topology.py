"""Sizes of nets: the paper's own weight counts, slices, initial weights."""

from dataclasses import fields

import numpy as np
import pytest

from lstm97.learning.cascade_topology import CascadeTopology
from lstm97.learning.topology import CHOICES, Topology
from reference.cases import kernel_run, random_problem, random_topology

# Options of Topology to the number of weights in the paper's tables, and in the paper of 2000.
PAPER = {
    "Table 1, four blocks of one": (
        264, {"n_inputs": 7, "n_outputs": 7, "n_blocks": 4, "block_size": 1, "cell_bias": False,
              "output_bias": False}),
    "Table 1, three blocks of two": (
        276, {"n_inputs": 7, "n_outputs": 7, "n_blocks": 3, "cell_bias": False,
              "output_bias": False}),
    "Table 2": (
        10504, {"n_inputs": 101, "n_outputs": 101, "n_blocks": 1, "block_size": 1,
                "recurrence": "none", "output_gate": False, "input_gate_bias": False,
                "cell_bias": False, "output_bias": False, "shortcut": True}),
    "Table 3, p = 50": (
        364, {"n_inputs": 54, "n_outputs": 2, "block_size": 1, "input_gate_bias": False,
              "output_gate_bias": False, "cell_bias": False, "output_bias": False}),
    "Table 4": (
        102, {"n_inputs": 1, "n_outputs": 1, "n_blocks": 3, "block_size": 1,
              "output_bias": False}),
    "Table 7": (93, {"n_inputs": 2, "n_outputs": 1}),
    "Table 9, four classes": (156, {"n_inputs": 8, "n_outputs": 4}),
    "Table 9, eight classes": (308, {"n_inputs": 8, "n_outputs": 8, "n_blocks": 3}),
    "Learning to Forget": (
        424, {"n_inputs": 7, "n_outputs": 7, "n_blocks": 4, "forget_gate": True,
              "recurrence": "cells", "cell_bias": False, "shortcut": True}),
}  # fmt: skip


@pytest.mark.parametrize("name", PAPER)
def test_weight_counts_are_the_papers(name):
    count, options = PAPER[name]
    assert Topology(**options).n_weights == count


def test_gates_are_in_the_order_in_which_they_act():
    topology = Topology(n_inputs=2, n_outputs=1, n_hidden=1, forget_gate=True)
    names = ["input_gate", "forget_gate", "output_gate", "cell", "hidden"]
    assert [group.name for group in topology.hidden_groups] == names
    assert list(topology.slices) == [*names, "output"]


@pytest.mark.parametrize("seed", range(20))
def test_views_cover_every_weight_once(seed):
    topology = random_topology(np.random.default_rng(seed))
    weights = np.zeros(topology.n_weights)
    for view in topology.views(weights).values():
        view += 1.0
    assert (weights == 1.0).all()


def test_initial_weights():
    topology = Topology(n_inputs=4, n_outputs=3)
    weights = topology.initial_weights(np.random.default_rng(0), 0.2, {"input_gate": [-3.0, -6.0]})
    views = topology.views(weights)
    assert list(views["input_gate"][-1]) == [-3.0, -6.0]
    views["input_gate"][-1] = 0.0
    assert np.abs(weights).max() <= 0.2
    assert np.abs(views["output_gate"][-1]).max() > 0.1
    assert abs(weights.mean()) < 0.05


@pytest.mark.parametrize("name", ["n_inputs", "n_outputs", "n_blocks", "block_size", "n_hidden"])
def test_sizes_are_checked(name):
    options = {"n_inputs": 2, "n_outputs": 2, name: -1}
    with pytest.raises(ValueError, match=name):
        Topology(**options)


@pytest.mark.parametrize(
    ("Net", "name"),
    [
        (Net, field.name)
        for Net in (Topology, CascadeTopology)
        for field in fields(Net)
        if field.name in CHOICES
    ],
)
@pytest.mark.parametrize("value", ["other", None, True, 1])
def test_choices_are_checked(Net, name, value):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        Net(n_inputs=2, n_outputs=2, **{name: value})


@pytest.mark.parametrize("Net", [Topology, CascadeTopology])
@pytest.mark.parametrize("name", ["n_inputs", "n_outputs", "n_hidden"])
@pytest.mark.parametrize("value", [True, 2.0, "2", None, -1])
def test_sizes_are_integers(Net, name, value):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        Net(**{"n_inputs": 2, "n_outputs": 2, name: value})


@pytest.mark.parametrize("value", [1, 0.0, "yes", None])
def test_switches_are_booleans(value):
    with pytest.raises(ValueError, match=r"^shortcut must be of type bool"):
        Topology(n_inputs=2, n_outputs=2, shortcut=value)


def test_numbers_of_numpy_become_those_of_python():
    topology = Topology(n_inputs=np.int8(100), n_outputs=np.uint8(200), shortcut=np.True_)
    assert [type(x) for x in (topology.n_inputs, topology.n_outputs)] == [int, int]
    assert topology.shortcut is True
    assert topology.n_weights == Topology(100, 200, shortcut=True).n_weights


def test_log_loss_of_linear_outputs_is_refused():
    with pytest.raises(ValueError, match="log_loss"):
        Topology(n_inputs=2, n_outputs=2, output_activation="linear", loss="log_loss")


def test_outputs_need_a_source():
    with pytest.raises(ValueError, match="nothing feeds the outputs"):
        Topology(n_inputs=2, n_outputs=2, n_blocks=0)


@pytest.mark.parametrize("seed", range(30))
def test_a_new_block_that_is_silent_changes_no_output(seed):
    rng = np.random.default_rng(seed)
    topology = random_topology(rng, n_blocks=int(rng.integers(0, 3)), shortcut=True)
    larger = topology.with_block()
    weights, X, _ = random_problem(rng, topology, is_sparse=seed % 2 == 0)
    fresh = np.zeros(larger.n_weights)
    grown = topology.grown_weights(weights, larger, fresh)
    assert np.count_nonzero(grown) == np.count_nonzero(weights)
    expected = kernel_run(topology, weights, X)
    assert np.allclose(kernel_run(larger, grown, X), expected, rtol=0, atol=1e-14)
    # Weights that the smaller net lacks are new.
    kept = topology.grown_weights(np.zeros_like(weights), larger, fresh + 1.0)
    assert (kept == 0.0).sum() == topology.n_weights
