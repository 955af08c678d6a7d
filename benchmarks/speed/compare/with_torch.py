"""torch.nn.LSTM on one thread, with SGD and in single precision unless a workload says otherwise.

The time does not include making tensors and one-hot rows of symbols.
"""

import numpy as np
import torch
from measure import Worker

torch.set_num_threads(1)


class Net(torch.nn.Module):
    """LSTM and a linear readout."""

    def __init__(self, n_inputs, n_cells, n_outputs):
        super().__init__()
        self.lstm = torch.nn.LSTM(n_inputs, n_cells, batch_first=True)
        self.readout = torch.nn.Linear(n_cells, n_outputs)

    def forward(self, x, every):
        states, _ = self.lstm(x)
        return self.readout(states if every else states[:, -1])


def training(pairs, n_items, n_cells, every=False, squash=None, optimizer=torch.optim.SGD):
    """Train on pairs (x, target) of tensors, with an update after each."""
    torch.manual_seed(0)
    net = Net(pairs[0][0].shape[-1], n_cells, pairs[0][1].shape[-1]).to(pairs[0][0].dtype)
    optimizer = optimizer(net.parameters(), lr=1e-3)

    def work():
        for x, target in pairs:
            optimizer.zero_grad()
            y = net(x, every)
            y = squash(y) if squash else y
            loss = 0.5 * ((y - target) ** 2).sum()
            loss.backward()
            optimizer.step()

    work()
    return Worker(work, n_items)


def on_line(X, y, n, n_cells):
    """Train on the first n sequences one at a time, with a target at their last steps."""
    y = np.reshape(y, (len(X), -1))
    pairs = [(_rows(X[i])[None], _tensor(y[i : i + 1])) for i in range(n)]
    return training(pairs, n, n_cells)


def every_step(X, targets, n, n_cells):
    """Train on the first n sequences, with targets at every step, and logistic outputs."""
    pairs = [(_rows(X[i])[None], _tensor(targets[i])[None]) for i in range(n)]
    return training(pairs, n, n_cells, every=True, squash=torch.sigmoid)


def batches(x, y, size, n_cells):
    """Train on batches of sequences of one length."""
    x, y = _tensor(x).split(size), _tensor(y)[:, None].split(size)
    pairs = list(zip(x, y, strict=True))
    return training(pairs, sum(len(part) for part in x), n_cells)


def adam_batches(x, y, size, n_cells):
    """Train on batches with Adam, in double precision."""
    x, y = (torch.tensor(each, dtype=torch.float64) for each in (x, y[:, None]))
    pairs = list(zip(x.split(size), y.split(size), strict=True))
    return training(pairs, len(x), n_cells, optimizer=torch.optim.Adam)


def predict(x, size, n_cells):
    """Run batches of sequences of one length, without gradients."""
    net, parts = Net(x.shape[-1], n_cells, 1), _tensor(x).split(size)

    @torch.no_grad()
    def work():
        return torch.cat([net(part, False) for part in parts])

    work()
    return Worker(work, len(x))


def _rows(x):
    return _tensor(x.toarray() if hasattr(x, "toarray") else x)


def _tensor(x):
    return torch.tensor(np.asarray(x), dtype=torch.float32)
