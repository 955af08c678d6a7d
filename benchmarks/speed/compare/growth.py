"""Measure how the cost of a step grows with weights and length, and memory with length."""

import json
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

import ours
from measure import Worker, take_turns
from workloads import features

from lstm97 import LSTMRegressor, Sequences

MEMORY = Path(__file__).parents[2] / "memory.py"
CELLS = [3, 10, 33, 105, 333]  # about 100 to 1,000,000 weights
LENGTHS = [10, 30, 100, 300, 1000, 3000, 10_000]
N_STEPS = 10_000  # steps that a call trains on, for every length


def _steps(model, n, n_steps):
    """Return a worker that trains on line and counts time steps."""
    x, y = features(n, n_steps, 2)
    work, _, _ = ours.kernel(model, Sequences.from_padded(x, pad=None), y)
    return Worker(work, n * n_steps)


def _points(workers, n_rounds, least):
    """Return sizes and seconds per step, measured in turns."""
    times = take_turns(workers, n_rounds, least)
    return [[size, statistics.median(values)] for size, values in times.items()]


def by_weights(n_rounds, least):
    """Return numbers of weights and seconds per step, with a target at the last of 20 steps."""
    workers = {}
    for n in CELLS:
        model = LSTMRegressor.as_published(n, 1, learning_rate=1e-6, random_state=0)
        worker = _steps(model, 1000 // n, 20)
        workers[model.topology_.n_weights] = worker
    return _points(workers, n_rounds, least)


def by_length(n_rounds, least):
    """Return lengths and seconds per step for four cells."""
    net = partial(LSTMRegressor.as_published, learning_rate=1e-6, random_state=0)
    workers = {T: _steps(net(), N_STEPS // T, T) for T in LENGTHS}
    return _points(workers, n_rounds, least)


def memory(n_steps):
    """Return steps and peak memory, in MiB, of a process that trains on one sequence."""
    command = [sys.executable, MEMORY, "--steps", str(n_steps), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
