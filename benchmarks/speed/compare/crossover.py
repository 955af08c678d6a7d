"""Find the number of cells from which torch and JAX are faster, on line and in batches."""

import statistics
from functools import partial

import ours
from measure import made, take_turns
from workloads import features, other

from lstm97 import LSTMRegressor, Sequences

CELLS = [4, 8, 16, 32, 64, 128, 256, 512]
N_STEPS, N_FEATURES, BATCH = 100, 16, 64


def on_line(n_cells):
    """Return makers of competitors that train on one sequence at a time."""
    n = max(1, 128 // n_cells)
    x, y = features(n, N_STEPS, N_FEATURES)
    X = Sequences.from_padded(x, pad=None)
    net = LSTMRegressor.as_published(
        n_cells, 1, recurrence="cells", learning_rate=1e-3, random_state=0
    )
    return {
        "lstm97": partial(ours.on_line, net, X, y),
        "torch": other("torch", "on_line", X, y, n, n_cells),
        "JAX": other("jax", "on_line", X, y, n, n_cells),
    }


def in_batches(n_cells):
    """Return makers of competitors that train on a batch at a time, in single precision."""
    x, y = features(BATCH, N_STEPS, N_FEATURES)
    X = Sequences.from_padded(x, pad=None)
    return {
        "lstm97": partial(ours.on_line, ours.batch_net(n_cells, "truncated"), X, y),
        "torch": other("torch", "batches", x, y, BATCH, n_cells),
        "JAX": other("jax", "batches", x, y, BATCH, n_cells),
    }


MODES = {"on line": on_line, "batches of 64": in_batches}


def crossover(mode, cells, n_rounds, least):
    """Return seconds per sequence of all competitors by the number of cells.

    Parameters
    ----------
    mode : {"on line", "batches of 64"}
    cells : list of int
    n_rounds : int
    least : float
        See `take_turns`.

    Returns
    -------
    points : dict of str to list of [n_cells, seconds]
    """
    points = {}
    for n_cells in cells:
        times = take_turns(made(MODES[mode](n_cells)), n_rounds, least)
        for name, values in times.items():
            points.setdefault(name, []).append([n_cells, statistics.median(values)])
    return points
