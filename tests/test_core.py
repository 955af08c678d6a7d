"""The kernel's entry points: carried state, memory that is used again, refused calls."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from lstm97._core import Network
from lstm97._kernels import vectors
from lstm97._kernels.batch import HiddenLayer, add_sparse_errors, add_sparse_product
from lstm97._kernels.data import Data
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.learning.batch_network import BatchNetwork
from lstm97.learning.topology import Topology
from reference.cases import kernel_pass, kernel_run, random_problem, random_topology

SEEDS = range(12)


def problem(seed, **options):
    rng = np.random.default_rng(seed)
    topology = random_topology(rng)
    return topology, *random_problem(rng, topology, **options)


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
        "form": "truncated-forward" if per_step else "truncated-backward",
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


@pytest.mark.parametrize("form", ["truncated-backward", "full-backward"])
def test_backward_forms_are_for_whole_sequences(form):
    topology, weights, X, y = problem(0)
    with pytest.raises(ValueError, match=f"{form} needs weights that do not move"):
        call(topology, weights, X, y, form=form, per_step=True)


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
        network.learn(broken, Data(X, target), 1e160, np.zeros((5, 3)), per_step=True)
    assert not np.isfinite(broken).all()
    assert (kernel_run(topology, weights, X, network) == expected).all()


def test_training_stops_before_a_loss_that_is_not_finite():
    rng = np.random.default_rng(0)
    topology = random_topology(rng, output_activation="linear", loss="squared_error")
    weights, X, y = random_problem(rng, topology, n_sequences=5, every=False)
    y.values[2] = 1e200
    results = np.zeros((5, 3))
    y = Targets(y.values, y.first, y.every)
    n_done = Network(topology).learn(weights, Data(X, y), 0.1, results, per_step=True)
    assert n_done == 2


def call(topology, weights, X, y, results=None, **options):
    results = np.zeros((len(X.starts), 3)) if results is None else results
    options = {"per_step": True, **options}
    return Network(topology).learn(weights, Data(X, y), 0.1, results, **options)


def moved(X, **changes):
    """Return sequences, or targets, whose arrays were changed after the checks."""
    fields = {"flat": X.flat, "starts": X.starts, "lengths": X.lengths, "scaling": None, **changes}
    return SimpleNamespace(**fields)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w, X, y: (w[:3], X, y), "weights expected"),
        (lambda w, X, y: (w, moved(X, flat=np.zeros((X.n_steps, 11))), y), "inputs expected"),
        (lambda w, X, y: (w, moved(X, lengths=X.lengths[:-1]), y), "differ in length"),
        (lambda w, X, y: (w, moved(X, starts=X.starts + 1), y), "outside of the steps"),
        (lambda w, X, y: (w, moved(X, starts=X.starts - 1), y), "outside of the steps"),
        (
            lambda w, X, y: (w, moved(X, starts=X.starts * 0 + (2**63 - 1)), y),
            "outside of the steps",
        ),
        (lambda w, X, y: (w, moved(X, lengths=X.lengths * 0), y), "outside of the steps"),
        (
            lambda w, X, y: (w, moved(X, lengths=X.lengths * 0 + (2**63 - 1)), y),
            "outside of the st",
        ),
        (
            lambda w, X, y: (w, X, replace(y, values=np.zeros((99, 11)), weight=None)),
            "outputs expected",
        ),
        (lambda w, X, y: (w, X, replace(y, first=y.first + 1)), "outside of the values"),
        (
            lambda w, X, y: (w, X, replace(y, first=y.first * 0 + (2**63 - 1))),
            "outside of the values",
        ),
        (lambda w, X, y: (w, X, replace(y, first=y.first[:-1])), "differ in number"),
        (lambda w, X, y: (w, X, replace(y, weight=y.weight[:-1])), "differ in length"),
        (lambda w, X, y: (w, X, None), "targets expected"),
        (lambda w, X, y: (w, X, y, np.zeros((1, 3))), "results of shape"),
    ],
)
def test_calls_beyond_the_arrays_are_refused(change, message):
    topology, weights, X, y = problem(0)
    before = weights.copy()
    with pytest.raises(ValueError, match=message):
        call(topology, *change(weights, X, y))
    assert (weights == before).all()


@pytest.mark.parametrize("length", [0, 1, 5])
def test_a_gradient_of_another_length_is_refused(length):
    topology, weights, X, y = problem(0)
    memory = np.zeros(topology.n_weights + 8)
    with pytest.raises(ValueError, match="gradient of"):
        Network(topology).learn(
            weights, Data(X, y), 0.0, np.zeros((len(X), 3)), gradient=memory[:length]
        )
    assert (memory == 0.0).all()


@pytest.mark.parametrize("n_outputs", [0, -1, 100])
def test_more_outputs_than_the_net_has_are_refused(n_outputs):
    topology, weights, X, _ = problem(0)
    with pytest.raises(ValueError, match="n_outputs"):
        Network(topology).run(weights, Data(X), True, n_outputs)


def test_a_net_whose_matrices_cannot_be_counted_is_refused():
    for fields in ({"n_hidden": 65536, "recurrence": "none"}, {"n_inputs": 2**30}):
        topology = Topology(**{"n_inputs": 1, "n_outputs": 1, "n_blocks": 1, **fields})
        with pytest.raises(ValueError, match="too large"):
            Network(topology)


def test_a_kernel_without_data_is_refused():
    topology, weights, _, _ = problem(0)
    network, results = Network(topology), np.zeros((1, 3))
    for call_ in (
        lambda: network.learn(weights, None, 0.1, results),
        lambda: network.run(weights, None, True),
        lambda: network.record(weights, None),
    ):
        with pytest.raises(TypeError, match="has incorrect type"):
            call_()


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("indices", 2, 80_000_000, "column 80000000"),
        ("indices", 0, -1, "column -1"),
        ("indptr", 1, 10_000, "lies outside"),
        ("indptr", 1, -5, "lies outside"),
    ],
)
def test_sparse_steps_that_were_changed_are_refused(name, place, value, message):
    topology, weights, X, y = problem(0, is_sparse=True, every=True)
    getattr(X.flat, name)[place] = value
    with pytest.raises(ValueError, match=message):
        Network(topology).learn(weights, Data(X, y), 0.1, np.zeros((len(X), 3)))
    with pytest.raises(ValueError, match=message):
        BatchNetwork(topology, "float64").learn(weights, X, y, full=False)


def test_errors_of_another_sequence_cannot_be_asked_for():
    topology, weights, X, y = problem(0)
    network = Network(topology)
    with pytest.raises(ValueError, match="0 steps"):
        network.unrolled(3)
    kernel_pass(topology, weights, X, y, network, form="full-backward")
    network.unrolled(X.lengths[-1])
    with pytest.raises(ValueError, match="steps, not"):
        network.unrolled(X.lengths[-1] + 1)


def test_arrays_of_other_shapes_are_refused():
    """What NumPy code calls: the arithmetic of vectors, and the hidden layer of batches."""
    for function in (vectors.exp, vectors.log):
        with pytest.raises(ValueError, match="one length"):
            function(np.ones(9), np.ones(8))
    layer, one = HiddenLayer(Topology(n_inputs=2, n_outputs=1)), np.zeros((1, 1))
    active, none = np.array([200_000], dtype=np.intp), np.zeros(0, np.intp)
    with pytest.raises(ValueError, match="other shapes"):
        layer.forward(
            active, np.zeros((1, 8)), one, 0, True, False, one, one, one, one, none, one, 0
        )
    with pytest.raises(ValueError, match="other shapes"):
        layer.backward(active, one, one, one, one, one, none, one)
    x = sparse.csr_array(np.ones((2, 3)))
    for function, arguments in (
        (add_sparse_product, (one, one)),
        (add_sparse_errors, (one, 0, one)),
    ):
        with pytest.raises(ValueError, match="other shapes"):
            function(x, np.arange(2), *arguments)
