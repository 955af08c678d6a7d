"""The cell of every kernel against the slow twin: single nets, teams, streams, batches.

`tests/break_cell.py` breaks the formulas of the cell one by one, and expects all of this to fail.
"""

import numpy as np
import pytest
from scipy import sparse

from lstm97._core import Network
from lstm97._kernels.data import Data
from lstm97._kernels.stream import Stepper
from lstm97._kernels.team import N_NETS, TeamNetwork
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.learning.batch_network import BatchNetwork
from lstm97.learning.network import NetworkLearner
from reference.cases import random_problem, random_topology
from reference.compare import numeric_gradient, targets_of, worst_relative
from reference.lstm import Twin

RATE = 0.3


def problem(seed, every):
    """Draw a net with all gates and squashed states, and data without weights and gaps."""
    rng = np.random.default_rng(seed)
    topology = random_topology(
        rng, n_blocks=2, input_gate=True, forget_gate=True, output_gate=True,
        state_activation="h", output_activation="logistic", loss="squared_error",
    )  # fmt: skip
    weights, X, y = random_problem(rng, topology, n_sequences=4, every=every)
    return topology, weights, X, Targets(np.nan_to_num(y.values, nan=0.5), y.first, y.every)


def twin_of(topology, weights):
    return Twin(topology, {name: view.tolist() for name, view in topology.views(weights).items()})


def flat(topology, matrices):
    return np.concatenate([np.ravel(matrices[name]) for name in topology.slices])


def due(X, y, i):
    return targets_of(Targets(y.values, y.first, y.every, np.ones(len(y.values))), i, len(X[i]))[0]


def trained_twin(topology, weights, X, y):
    """Return the twin's weights after it has learned all sequences on line."""
    twin = twin_of(topology, weights)
    for i, x in enumerate(X):
        twin.train(x.tolist(), due(X, y, i), RATE)
    return flat(topology, twin.weights)


def single(topology, weights, X, y):
    learner = NetworkLearner(topology, weights.copy(), RATE, "truncated-forward", "step")
    learner.learn(X, y)
    return learner.weights


def team(topology, weights, X, y):
    """Train a full team, with the given net in its last lane."""
    others = np.random.default_rng(0).normal(size=(N_NETS - 1, len(weights)))
    jobs = [(w.copy(), X, y) for w in (*others, weights)]
    TeamNetwork(topology).learn(jobs, RATE)
    return jobs[-1][0]


def stream(topology, weights, X, y):
    net, outputs = Stepper(topology, weights, "truncated-forward"), np.empty(topology.n_outputs)
    for i, x in enumerate(X):
        net.reset()
        for step, target in zip(x, due(X, y, i), strict=True):
            net.step(step.copy(), outputs)
            if target is not None:
                net.learn(np.array(target), 1.0, RATE)
    return net.weights()


@pytest.mark.parametrize("kernel", [single, team, stream])
@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_learned_weights_equal_the_twins(kernel, every, seed):
    topology, weights, X, y = problem(seed, every)
    expected = trained_twin(topology, weights, X, y)
    assert np.abs(weights - expected).max() > 1e-3
    np.testing.assert_allclose(kernel(topology, weights, X, y), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_gradients_of_batches_equal_the_twins(dtype, tolerance, every, seed):
    topology, weights, X, y = problem(seed, every)
    twin = twin_of(topology, weights)
    parts = [twin.gradient(x.tolist(), due(X, y, i)) for i, x in enumerate(X)]
    expected = sum(flat(topology, gradient) for _, gradient in parts)
    results, gradient = BatchNetwork(topology, dtype).learn(weights, X, y, full=False)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(results[:, 0], [loss for loss, _ in parts], rtol=10 * tolerance)
    np.testing.assert_allclose(gradient, expected, rtol=10 * tolerance, atol=tolerance)


NETS = {
    "small": {"n_blocks": 2, "block_size": 2},
    "hidden units": {"n_blocks": 2, "block_size": 1, "n_hidden": 2},
    "no output gate": {"n_blocks": 1, "block_size": 3, "output_gate": False},
    "wide": {"n_blocks": 17, "block_size": 1},
}


@pytest.mark.parametrize("form", ["truncated-forward", "truncated-backward", "full-backward"])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("forget_gate", [False, True])
@pytest.mark.parametrize("net", NETS)
def test_gradients_are_slopes_of_the_loss(form, is_sparse, forget_gate, net):
    """Without recurrent weights nothing is truncated. This holds for any carousel as well."""
    rng = np.random.default_rng(0)
    topology = random_topology(
        rng, n_inputs=3, recurrence="none", forget_gate=forget_gate, **NETS[net]
    )
    weights, X, y = random_problem(rng, topology, n_sequences=3, every=True)
    if is_sparse:
        flat = sparse.csr_array(X.flat * (rng.random(X.flat.shape) < 0.5))
        X = Sequences(flat, X.starts, X.lengths)
    network, results, gradient = Network(topology), np.empty((3, 3)), np.empty_like(weights)

    def loss(weights):
        network.learn(weights, Data(X, y), 0.0, results, "none")
        return results[:, 0].sum()

    network.learn(weights, Data(X, y), 0.0, results, form, gradient=gradient)
    assert worst_relative(gradient, numeric_gradient(loss, weights), 1e-2) < 1e-6
    batch = BatchNetwork(topology, "float64").learn(weights, X, y, form == "full-backward")[1]
    np.testing.assert_allclose(batch, gradient, rtol=1e-9, atol=1e-11)
