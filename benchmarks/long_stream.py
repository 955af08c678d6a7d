"""Learn ten million steps of one stream without a reset, with and without forget gates.

    python benchmarks/long_stream.py

The stream is the continual embedded Reber grammar. The nets are those of the settings cerg-forget
and cerg-1997, and the figures of 100 equal portions go to benchmarks/results/long_stream.json: the
fraction of wrong steps, where an output is off by 0.49 or more; the largest state at the end of the
portion; and the nanoseconds per step. docs/examples/plot_forgetting.py shows them.
"""

import json
import resource
import time
from pathlib import Path

import numpy as np

from lstm97 import LSTMRegressor
from lstm97.tasks import make_continual_reber

RESULTS = Path(__file__).parent / "results"
N_PORTIONS, N_STEPS = 100, 100_000
BIASES = [-0.5, -1.0, -1.5, -2.0]
NET = {
    "n_blocks": 4, "block_size": 2, "recurrence": "cells", "cell_bias": False, "shortcut": True,
    "output_activation": "logistic", "init_scale": 0.2, "learning_rate": 0.5,
    "input_gate_bias": BIASES, "output_gate_bias": BIASES, "random_state": 0,
}  # fmt: skip
NETS = {
    "forget gates": {"forget_gate": True, "forget_gate_bias": [0.5, 1.0, 1.5, 2.0]},
    "1997": {},
}


def portions(rng):
    """Yield portions of one endless stream, of equal length."""
    X, y = np.empty((0, 7)), np.empty((0, 7))
    while True:
        while len(X) < N_STEPS:
            more = make_continual_reber(10_000, rng=rng)
            X, y = np.concatenate([X, more[0]]), np.concatenate([y, more[1]])
        yield X[:N_STEPS], y[:N_STEPS]
        X, y = X[N_STEPS:], y[N_STEPS:]


def largest_state(stream, topology):
    """Return the largest |s| of a stream; a snapshot holds y, y(t-1), the openings, then s."""
    start = 2 * topology.n_units + topology.n_gates
    return float(np.abs(stream.snapshot().state[start : start + topology.n_cells]).max())


def follow(parameters, n_portions=N_PORTIONS):
    """Learn along the stream; return the figures of each portion."""
    source = portions(np.random.default_rng(0))
    X, y = next(source)
    model = LSTMRegressor(**NET, **parameters).partial_fit([X[:1]], [y[:1]])
    stream, rows = model.stream(), []
    for _ in range(n_portions):
        start = time.perf_counter()
        outputs, _ = stream.learn_many(X, y)
        seconds = time.perf_counter() - start
        rows.append({
            "wrong": float((np.abs(outputs - y) >= 0.49).any(axis=1).mean()),
            "state": largest_state(stream, model.topology_),
            "ns": round(1e9 * seconds / len(X), 1),
            "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        })  # fmt: skip
        X, y = next(source)
    return rows


if __name__ == "__main__":
    results = {name: follow(parameters) for name, parameters in NETS.items()}
    (RESULTS / "long_stream.json").write_text(json.dumps(results, indent=1) + "\n")
