"""An LSTM in JAX: `lax.scan` over the steps, `value_and_grad`, SGD, and JAX's single precision.

A call runs one compiled program, a scan over the updates, so that no time is lost in Python. Its
compilation is timed separately.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from measure import Worker, seconds

RATE = 1e-3


def initial(n_inputs, n_cells, seed=0):
    """Return parameters with the shapes of those of torch.nn.LSTM, and one bias per unit."""
    shapes = {"w": (n_inputs, 4 * n_cells), "u": (n_cells, 4 * n_cells), "b": (4 * n_cells,),
              "readout": (n_cells,), "bias": ()}  # fmt: skip
    keys = jax.random.split(jax.random.key(seed), len(shapes))
    return {
        name: 0.1 * jax.random.normal(key, shape)
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }


def loss(p, x, last, target):
    """Return the loss of a batch (steps, sequences, features) with targets at the steps `last`."""
    n_cells = p["readout"].shape[0]

    def step(state, net):
        h, c = state
        i, f, g, o = jnp.split(net + h @ p["u"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    start = jnp.zeros((x.shape[1], n_cells))
    _, states = lax.scan(step, (start, start), x @ p["w"] + p["b"])
    h = states[last, jnp.arange(x.shape[1])]
    return 0.5 * jnp.sum((h @ p["readout"] + p["bias"] - target) ** 2)


def train(p, xs, lasts, targets):
    """Update once for each batch."""

    def update(p, batch):
        value, gradient = jax.value_and_grad(loss)(p, *batch)
        return jax.tree.map(lambda w, d: w - RATE * d, p, gradient), value

    return lax.scan(update, p, (xs, lasts, targets))


def on_line(X, y, n, n_cells):
    """Train on the first n sequences, one at a time; they are padded to one length."""
    xs = np.zeros((n, X.lengths[:n].max(), 1, X.n_features), dtype=np.float32)
    for i in range(n):
        xs[i, : X.lengths[i], 0] = X[i]
    return _worker(xs, X.lengths[:n, None] - 1, np.reshape(y[:n], (n, 1)), n_cells)


def batches(x, y, size, n_cells):
    """Train on batches of sequences of one length."""
    n, n_steps, n_features = x.shape
    xs = x.reshape(n // size, size, n_steps, n_features).swapaxes(1, 2)
    lasts = np.full((n // size, size), n_steps - 1)
    return _worker(xs, lasts, y.reshape(n // size, size), n_cells)


def _worker(xs, lasts, targets, n_cells):
    data = jnp.asarray(xs, jnp.float32), jnp.asarray(lasts), jnp.asarray(targets, jnp.float32)
    p, compiled = initial(xs.shape[-1], n_cells), []
    spent = seconds(lambda: compiled.append(jax.jit(train).lower(p, *data).compile()))

    def work():
        jax.block_until_ready(compiled[0](p, *data))

    work()
    return Worker(work, lasts.size, spent)
