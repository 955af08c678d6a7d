"""Learn a stream of ten million steps without a reset, with forget gates and without.

    python benchmarks/long_stream.py

The stream consists of embedded Reber strings, without marks between them. The script writes
benchmarks/results/long_stream.json with, for each net and each of 100 portions of the stream: the
number of steps, the error, the largest |s|, and the time of a step in microseconds. It also writes
the peak memory of each net, in MiB, after the first portion and after the last.

A portion is learned in pieces of a hundred strings. The error is the share of steps at which some
output is off by 0.49 or more. The states are those after each piece. The time is the processor time
of the fastest piece, which depends least on what else the machine does.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from memory import peak

from lstm97 import LSTMRegressor
from lstm97.tasks import make_continual_reber

RECORD = Path(__file__).parent / "results" / "long_stream.json"
N_PORTIONS, N_PIECES, N_STRINGS = 100, 84, 100  # a string has twelve steps on average
BIASES = [-0.5, -1, -1.5, -2]
NETS = {
    "forget gates": {"forget_gate": True, "forget_gate_bias": [0.5, 1, 1.5, 2]},
    "the cell of 1997": {},
}


def new_stream(parameters):
    """Return a stream of a net that has learned one step of nothing."""
    model = LSTMRegressor.as_published(
        4, 2, recurrence="cells", cell_bias=False, shortcut=True, output_activation="logistic",
        init_scale=0.2, learning_rate=0.5, input_gate_bias=BIASES, output_gate_bias=BIASES,
        random_state=0, **parameters,
    )  # fmt: skip
    return model.partial_fit(np.zeros((1, 1, 7)), np.zeros((1, 7))).stream()


def largest_state(stream):
    """Return the largest |s|. A snapshot has it after y(t), y(t-1) and the openings of gates."""
    snapshot = stream.snapshot()
    n_cells = snapshot.topology.n_cells
    n_gates = snapshot.topology.n_blocks * (2 + snapshot.topology.forget_gate)
    start = 2 * (n_gates + n_cells) + n_gates
    return float(np.abs(snapshot.state[start : start + n_cells]).max())


def learn_portion(stream, rng):
    """Learn a portion; return steps, error, largest |s| and microseconds per step."""
    n_steps, n_wrong, largest, fastest = 0, 0, 0.0, np.inf
    for _ in range(N_PIECES):
        X, y = make_continual_reber(N_STRINGS, rng=rng)
        start = time.process_time()
        predictions, _ = stream.learn_many(X, y)
        fastest = min(fastest, (time.process_time() - start) / len(X))
        n_steps += len(X)
        n_wrong += int((np.abs(predictions - y) >= 0.49).any(axis=1).sum())
        largest = max(largest, largest_state(stream))
    return n_steps, round(n_wrong / n_steps, 6), round(largest, 3), round(1e6 * fastest, 4)


def measure(name):
    """Learn the stream with one net; return its record."""
    stream, rng = new_stream(NETS[name]), np.random.default_rng(1)
    portions, peaks = [], []
    for _ in range(N_PORTIONS):
        portions.append(learn_portion(stream, rng))
        peaks.append(round(peak(), 2))
    columns = zip(*portions, strict=True)
    record = dict(zip(("n_steps", "error", "largest_state", "time"), columns, strict=True))
    return record | {"peak_memory": [peaks[0], peaks[-1]]}


def main():
    """Measure each net in a process of its own, and write the records."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        return
    record = {}
    for name in NETS:
        command = [sys.executable, __file__, name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        record[name] = json.loads(done.stdout)
        times = record[name]["time"]
        print(f"{name}: {sum(record[name]['n_steps']):,} steps")
        print(f"  time of a step, first and last tenth: {np.mean(times[:10]):.3f}, ", end="")
        print(f"{np.mean(times[-10:]):.3f} microseconds")
        print(f"  largest |s|: {max(record[name]['largest_state'])}")
        print(f"  peak memory: {record[name]['peak_memory']} MiB")
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
