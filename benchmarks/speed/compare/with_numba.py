"""The same algorithm in Numba: plain compiled loops over arrays, as its users write them.

The gradient is truncated and computed forward in time. There is a linear output, and a target at
the last step of each sequence. A row of `w` holds the weights of one unit, in the order input
gates, output gates, cells. Its columns are inputs, the units of the step before, and a bias. The
compiler may reorder sums.
"""

import numpy as np
from check import layer_of, same_weights
from measure import Worker, seconds
from numba import njit


@njit(fastmath=True)
def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


@njit(fastmath=True)
def step(w, n_blocks, size, z, y, s, h, g, of_cell, of_gate):
    """Compute one step: activations y, states s, and the derivatives of the states."""
    n_inputs = len(z) - len(y) - 1
    for k in range(len(y)):
        z[n_inputs + k] = y[k]
    for k in range(len(y)):
        net = 0.0
        for m in range(len(z)):
            net += w[k, m] * z[m]
        y[k] = logistic(net)
    for c in range(n_blocks * size):
        i = y[c // size]
        g[c] = 4.0 * y[2 * n_blocks + c] - 2.0
        s[c] += i * g[c]
        h[c] = 2.0 * logistic(s[c]) - 1.0
        y[2 * n_blocks + c] = y[n_blocks + c // size] * h[c]
        to_cell, to_gate = i * 0.25 * (2.0 - g[c]) * (2.0 + g[c]), g[c] * i * (1.0 - i)
        for m in range(len(z)):
            of_cell[c, m] += to_cell * z[m]
            of_gate[c, m] += to_gate * z[m]


@njit(fastmath=True)
def learn(w, v, n_blocks, size, error, rate, z, y, h, of_cell, of_gate):
    """Update the weights of the hidden layer (w) and of the output (v, with its bias last)."""
    for j in range(n_blocks):
        inner, o = 0.0, y[n_blocks + j]
        for c in range(j * size, (j + 1) * size):
            back = v[c] * error
            inner += h[c] * back
            e_s = rate * o * 0.5 * (1.0 - h[c]) * (1.0 + h[c]) * back
            for m in range(len(z)):
                w[j, m] += e_s * of_gate[c, m]
                w[2 * n_blocks + c, m] += e_s * of_cell[c, m]
        e_o = rate * o * (1.0 - o) * inner
        for m in range(len(z)):
            w[n_blocks + j, m] += e_o * z[m]
    for c in range(n_blocks * size):
        v[c] += rate * error * y[2 * n_blocks + c]
    v[n_blocks * size] += rate * error


@njit(fastmath=True)
def train(w, v, n_blocks, size, flat, starts, lengths, targets, rate):
    """Train on sequences one after the other."""
    n_units, n_sources = w.shape
    n_inputs, n_cells = flat.shape[1], n_blocks * size
    z, y = np.empty(n_sources), np.empty(n_units)
    s, h, g = np.empty(n_cells), np.empty(n_cells), np.empty(n_cells)
    of_cell, of_gate = np.empty((n_cells, n_sources)), np.empty((n_cells, n_sources))
    z[n_sources - 1] = 1.0
    for i in range(len(starts)):
        y[:], s[:] = 0.0, 0.0
        of_cell[:], of_gate[:] = 0.0, 0.0
        for t in range(starts[i], starts[i] + lengths[i]):
            z[:n_inputs] = flat[t]
            step(w, n_blocks, size, z, y, s, h, g, of_cell, of_gate)
        output = v[n_cells]
        for c in range(n_cells):
            output += v[c] * y[2 * n_blocks + c]
        learn(w, v, n_blocks, size, targets[i] - output, rate, z, y, h, of_cell, of_gate)


def on_line(model, X, y):
    """Train on all sequences with the net of a model."""
    hidden, output, learned = layer_of(model, X, y)
    w, v = np.ascontiguousarray(hidden.T), output.ravel().copy()
    rest = (model.n_blocks, model.block_size, X.flat, X.starts, X.lengths, y, model.learning_rate)
    was_compiled = bool(train.signatures)
    compiling = seconds(lambda: train(w.copy(), v.copy(), *rest))
    trained = w.copy(), v.copy()
    train(*trained, *rest)
    same_weights("Numba", learned, trained[0].T, trained[1])
    return Worker(lambda: train(w, v, *rest), len(X), None if was_compiled else compiling)
