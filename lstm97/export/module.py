"""`SequenceNet`, a net as a PyTorch module; the only file that needs torch to be imported."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm97.export.layer import Layer
from lstm97.export.net import Net
from lstm97.export.torch import ROWS


class SequenceNet(nn.Module):
    """A net with its scalings and its output activation; see `to_torch`."""

    def __init__(self, net: Net, layer: Layer) -> None:
        super().__init__()
        n_inputs, n_units = net.topology.n_inputs, layer.n_units
        inputs, recurrent, bias = layer.stacked(*ROWS)
        usual = not layer.cell_is_logistic and not layer.state_is_linear and layer.state_slope == 1
        self.lstm = _empty(nn.LSTM, n_inputs, n_units) if usual else OtherLSTM(layer, n_inputs)
        _fill(self.lstm.weight_ih_l0, inputs)
        _fill(self.lstm.weight_hh_l0, recurrent)
        _fill(self.lstm.bias_ih_l0, bias)
        _fill(self.lstm.bias_hh_l0, np.zeros_like(bias))
        n_outputs, n_sources = layer.readout.shape
        self.readout = _empty(nn.Linear, n_sources, n_outputs)
        _fill(self.readout.weight, layer.readout)
        _fill(self.readout.bias, layer.bias)
        self.has_shortcut = layer.has_shortcut
        self.activation = net.topology.output_activation
        self.has_classes = net.classes is not None
        scalings = {"x": net.folded, "y": net.targets or (np.zeros(n_outputs), np.ones(n_outputs))}
        for name, (mean, scale) in scalings.items():
            self.register_buffer(f"{name}_mean", torch.tensor(mean))
            self.register_buffer(f"{name}_scale", torch.tensor(scale))

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        state: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Return predictions at last steps and at all steps, and the state at last steps."""
        n_steps, n_sequences, _ = x.shape
        if lengths is None:
            lengths = torch.full((n_sequences,), n_steps)
        shape = (1, n_sequences, self.lstm.weight_hh_l0.shape[1])
        if state is not None and not state[0].shape == state[1].shape == shape:
            raise ValueError(f"state must be two tensors of shape {shape}")
        x = (x - self.x_mean) / self.x_scale
        packed = pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        packed, state = self.lstm(packed, state)
        units, _ = pad_packed_sequence(packed, total_length=n_steps)
        sources = torch.cat([x, units], -1) if self.has_shortcut else units
        every = self._outputs(self.readout(sources))
        return every[lengths - 1, torch.arange(n_sequences)], every, state

    def _outputs(self, sums: Tensor) -> Tensor:
        """Return the predictions, from the net inputs of the outputs."""
        if self.activation == "softmax":
            return sums.softmax(-1)
        if self.activation == "linear":
            return sums * self.y_scale + self.y_mean
        # Divided by their sum, from their logarithms, since that sum could be zero.
        return logsigmoid(sums).softmax(-1) if self.has_classes else sums.sigmoid()


class OtherLSTM(nn.Module):
    """An LSTM layer with other functions than torch's; its parameters are named like torch's."""

    def __init__(self, layer: Layer, n_inputs: int) -> None:
        super().__init__()
        self.cell_is_logistic = layer.cell_is_logistic
        self.state_is_linear, self.state_slope = layer.state_is_linear, layer.state_slope
        for name, parameter in _empty(nn.LSTM, n_inputs, layer.n_units).named_parameters():
            self.register_parameter(name, parameter)

    def forward(
        self, packed: PackedSequence, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]:
        """Return outputs and last states, as torch's LSTM does for packed sequences."""
        data, sizes, order, places = packed
        n_units = self.weight_hh_l0.shape[1]
        if state is None:
            y = c = data.new_zeros(int(sizes[0]), n_units)
        else:
            y, c = (part[0, order] for part in state)
        nets = data @ self.weight_ih_l0.T + self.bias_ih_l0 + self.bias_hh_l0
        outputs = []
        for net in nets.split(sizes.tolist()):
            n = len(net)  # sequences that have not ended; they are sorted by length
            i, f, g, o = (net + y[:n] @ self.weight_hh_l0.T).chunk(4, dim=1)
            g = g.sigmoid() if self.cell_is_logistic else g.tanh()
            now = f.sigmoid() * c[:n] + i.sigmoid() * g
            h = self.state_slope * now
            outputs.append(o.sigmoid() * (h if self.state_is_linear else h.tanh()))
            y, c = torch.cat([outputs[-1], y[n:]]), torch.cat([now, c[n:]])
        packed = PackedSequence(torch.cat(outputs), sizes, order, places)
        return packed, (y[places][None], c[places][None])


def _empty(kind: Any, *sizes: int) -> Any:
    """Return a layer of torch, without drawing weights."""
    return kind(*sizes, dtype=torch.float64, device="meta").to_empty(device="cpu")


def _fill(parameter: Tensor, values: NDArray[np.float64]) -> None:
    """Set the values of a parameter."""
    with torch.no_grad():
        parameter.copy_(torch.tensor(values))
