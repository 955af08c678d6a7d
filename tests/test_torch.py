"""Nets with forget gates against torch.nn.LSTM: the same outputs and the same full gradient.

With the paper's squashing functions, g(x) = 2 tanh(x/2) and h(s) = tanh(s/2). So, if c = s/2 and
the weights of the cells are halved, the memory cell is that of torch:

    c(t) = f c(t-1) + i tanh(net),  y(t) = o tanh(c(t))
"""

import numpy as np
import pytest

from lstm97.learning.batch_network import BatchNetwork
from lstm97.learning.topology import Topology
from reference.cases import kernel_pass, kernel_run, random_problem

torch = pytest.importorskip("torch")

# The groups of weights in torch's order, and what torch's weights are times ours.
SCALES = {"input_gate": 1.0, "forget_gate": 1.0, "cell": 0.5, "output_gate": 1.0}


def problem(seed):
    """Draw a net that torch knows as well, weights, and sequences with targets at every step."""
    rng = np.random.default_rng(seed)
    topology = Topology(
        n_inputs=int(rng.integers(1, 6)),
        n_outputs=int(rng.integers(1, 5)),
        n_blocks=1 + seed % 9,
        block_size=1,
        recurrence="cells",
        forget_gate=True,
        output_activation="linear",
    )
    return topology, *random_problem(rng, topology, n_sequences=5, longest=15, every=True)


def torch_net(topology, weights):
    """Return an LSTM and a linear layer of torch with the given weights."""
    lstm = torch.nn.LSTM(topology.n_inputs, topology.n_cells, dtype=torch.float64)
    readout = torch.nn.Linear(topology.n_cells, topology.n_outputs, dtype=torch.float64)
    views = topology.views(weights)
    rows = np.concatenate([scale * views[name].T for name, scale in SCALES.items()])
    parameters = {
        lstm.weight_ih_l0: rows[:, : topology.n_inputs],
        lstm.weight_hh_l0: rows[:, topology.n_inputs : -1],
        lstm.bias_ih_l0: rows[:, -1],
        lstm.bias_hh_l0: np.zeros(len(rows)),
        readout.weight: views["output"][:-1].T,
        readout.bias: views["output"][-1],
    }
    with torch.no_grad():
        for parameter, values in parameters.items():
            assert parameter.shape == values.shape
            parameter.copy_(torch.from_numpy(values.copy()))
    return lstm, readout


def torch_gradient(topology, lstm, readout):
    """Return torch's gradient, as one by our weights."""
    parts = (lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0)
    rows = np.column_stack([parameter.grad.numpy() for parameter in parts])
    blocks = dict(zip(SCALES, np.split(rows, len(SCALES)), strict=True))
    gradient = np.empty(topology.n_weights)
    views = topology.views(gradient)
    for name, scale in SCALES.items():
        views[name][:] = scale * blocks[name].T
    views["output"][:-1] = readout.weight.grad.numpy().T
    views["output"][-1] = readout.bias.grad.numpy()
    return gradient


def torch_outputs(lstm, readout, X):
    """Return the outputs at all steps of all sequences, each of which starts from zero."""
    return torch.cat([readout(lstm(torch.from_numpy(x.copy()))[0]) for x in X])


@pytest.mark.parametrize("seed", range(18))
def test_outputs_are_those_of_torch(seed):
    topology, weights, X, _ = problem(seed)
    with torch.no_grad():
        expected = torch_outputs(*torch_net(topology, weights), X).numpy()
    assert np.ptp(expected) > 1e-2
    np.testing.assert_allclose(kernel_run(topology, weights, X), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("form", ["full-backward", "batch"])
@pytest.mark.parametrize("seed", range(18))
def test_full_gradients_are_those_of_torch(seed, form):
    topology, weights, X, y = problem(seed)
    if form == "batch":
        results, gradient = BatchNetwork(topology, "float64").learn(weights, X, y, full=True)
    else:
        results, gradient = kernel_pass(topology, weights, X, y, form=form)
    lstm, readout = torch_net(topology, weights)
    # Where a target is missing, its NaN must not enter torch's products.
    due = torch.from_numpy(~np.isnan(y.values))
    errors = (torch.from_numpy(y.values) - torch_outputs(lstm, readout, X))[due]
    row_weight = torch.from_numpy(y.weight)[:, None].expand(due.shape)[due]
    loss = 0.5 * (row_weight * errors**2).sum()
    loss.backward()
    expected = -torch_gradient(topology, lstm, readout)
    assert all(np.abs(view).max() > 1e-4 for view in topology.views(expected).values())
    assert results[:, 0].sum() == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-10)
