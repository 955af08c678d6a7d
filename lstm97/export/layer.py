"""`Layer`, a net in the form of the LSTM layers of ONNX and torch.

A unit of such a layer has an input gate i, a forget gate f, an output gate o and a cell. At each
step its state c and its output y become

    c(t) = f c(t-1) + i g(net),  y(t) = o h(c(t))

A memory cell is such a unit. With the paper's functions, g(x) = 2 tanh(x/2) and h(s) = tanh(s/2),
the usual tanh takes the place of both if the net input of the cell is halved and c = s/2. The gates
of a block are repeated for each of its cells, and a missing gate is always open.

A logistic unit is such a unit, too: a conventional unit, or a gate whose activation is fed back.
Its input gate is always open, its forget gate always shut, and the net input of its cell so large
that c = 1. Then its output is the output gate times a constant.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm97.learning.topology import GATES, Topology

# A bias with which a gate is open, and a squashed net input 1, to the last bit of float64; with
# minus this bias a gate lets 4e-18 through.
OPEN = 40.0


class Layer(NamedTuple):
    """An LSTM layer, and the linear map from its units and inputs to the net inputs of the outputs.

    Attributes
    ----------
    rows : dict of {str: ndarray of shape (n_units, n_inputs + n_units + 1)}
        Weights of "input_gate", "forget_gate", "output_gate" and "cell": from the inputs, from the
        units at the previous step, and biases.
    cell_is_logistic : bool
        Whether g is the logistic function; otherwise it is tanh.
    state_is_linear : bool
        Whether h is linear; otherwise it is tanh.
    state_slope : float
        Number by which h multiplies c first.
    readout : ndarray of shape (n_outputs, n_sources)
        Weights of the outputs: from the inputs, if the net has a shortcut, and from the units.
    bias : ndarray of shape (n_outputs,)
        Biases of the outputs.
    """

    rows: dict[str, NDArray[np.float64]]
    cell_is_logistic: bool
    state_is_linear: bool
    state_slope: float
    readout: NDArray[np.float64]
    bias: NDArray[np.float64]

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.rows["cell"])

    @property
    def has_shortcut(self) -> bool:
        """Whether the outputs see the inputs."""
        return self.readout.shape[1] > self.n_units

    def stacked(self, *names: str) -> tuple[NDArray[np.float64], ...]:
        """Return weights from inputs, weights from units, and biases; the rows in a given order."""
        rows = np.concatenate([self.rows[name] for name in names])
        n_inputs = rows.shape[1] - 1 - self.n_units
        return rows[:, :n_inputs], rows[:, n_inputs:-1], rows[:, -1]


def layer_of(topology: Topology, weights: NDArray[np.float64]) -> Layer:
    """Return the layer whose outputs are those of a net.

    Parameters
    ----------
    topology : Topology
    weights : ndarray of shape (n_weights,)

    Raises
    ------
    ValueError
        If the net has no hidden layer.
    """
    if not topology.n_units:
        raise ValueError(
            "the net has neither blocks nor conventional units: initial_blocks=0, and it has not "
            "grown; fit it further, or set n_hidden"
        )
    fed_back = GATES if topology.recurrence == "all" else ()
    is_doubled, is_linear = topology.cell_activation == "g", topology.state_activation == "identity"
    slope = (1.0 if is_doubled else 0.5) * (2.0 if is_linear else 1.0)
    one = slope if is_linear else np.tanh(slope)  # the output of a logistic unit that is 1
    kinds = [group for group in topology.hidden_groups if group.name not in {*GATES} - {*fed_back}]
    # Activations of the net, divided by outputs of the layer.
    scales = np.concatenate(
        [np.full(group.n_units, 1.0 if group.name == "cell" else 1.0 / one) for group in kinds]
    )
    views = topology.views(weights)
    wide = {
        group.name: _widened(views[group.name], group.bias, topology.n_inputs, scales)
        for group in topology.hidden_groups
    }
    parts = []
    for group in kinds:
        always = np.zeros_like(wide[group.name])
        always[:, -1] = OPEN
        if group.name == "cell":
            unit = {
                gate: np.repeat(wide[gate], topology.block_size, axis=0) if gate in wide else always
                for gate in GATES
            }
            cell = wide["cell"] * (1.0 if topology.cell_activation == "logistic" else 0.5)
            parts.append({**unit, "cell": cell})
        else:
            logistic = {"input_gate": always, "forget_gate": -always, "cell": always}
            parts.append({**logistic, "output_gate": wide[group.name]})
    rows = {name: np.concatenate([part[name] for part in parts]) for name in (*GATES, "cell")}
    readout, bias = _readout(topology, views["output"], scales)
    return Layer(rows, topology.cell_activation == "logistic", is_linear, slope, readout, bias)


def _widened(
    weights: NDArray[np.float64], has_bias: bool, n_inputs: int, scales: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a group's weights with a row per unit, for outputs of the layer, and with a bias."""
    wide = np.zeros((weights.shape[1], n_inputs + len(scales) + 1))
    n_sources = len(weights) - has_bias
    wide[:, :n_sources] = weights[:n_sources].T
    wide[:, n_inputs:-1] *= scales
    if has_bias:
        wide[:, -1] = weights[-1]
    return wide


def _readout(
    topology: Topology, weights: NDArray[np.float64], scales: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights of the outputs, for outputs of the layer, and their biases."""
    n_shortcut, n_read = topology.n_inputs * topology.shortcut, topology.n_cells + topology.n_hidden
    readout = np.zeros((topology.n_outputs, n_shortcut + len(scales)))
    readout[:, :n_shortcut] = weights[:n_shortcut].T
    readout[:, -n_read:] = weights[n_shortcut : n_shortcut + n_read].T * scales[-n_read:]
    return readout, weights[-1] if topology.output_bias else np.zeros(topology.n_outputs)
