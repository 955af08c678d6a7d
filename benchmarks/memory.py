"""Measure the peak memory of training on one very long sequence, forward in time.

    python benchmarks/memory.py
    python benchmarks/memory.py --json       print steps and peak in MiB after each piece

A stream draws and learns the sequence in pieces of 100,000 steps, without a reset between them. The
largest resident set must stop growing after the first piece.
"""

import argparse
import json
import resource
from pathlib import Path

import numpy as np

from lstm97 import LSTMRegressor

PIECE = 100_000


def peak():
    """Return the largest resident set so far, in MiB.

    The `ru_maxrss` of a process starts at that of its parent, so Linux's own count is preferred.
    """
    status = Path("/proc/self/status")
    if status.exists():
        counts = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(counts["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peaks_of(n_steps):
    """Train; return the peak in MiB after each piece, by the steps so far, and the weights."""
    rng = np.random.default_rng(0)
    model = LSTMRegressor.as_published(
        init_scale=0.1, input_gate_bias=[-3, -6], learning_rate=0.001, random_state=0
    )
    stream = model.stream(n_features=2)
    peaks = {}
    for start in range(0, n_steps, PIECE):
        n = min(PIECE, n_steps - start)
        x = rng.uniform(-1.0, 1.0, (n, 2))
        y = np.where(rng.random(n) < 0.01, x[:, 0] * x[:, 1], np.nan)
        stream.learn_many(x, y)
        peaks[start + n] = peak()
    return peaks, stream.snapshot().weights


def main():
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=10_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    peaks, weights = peaks_of(options.steps)
    if options.json:
        print(json.dumps(list(peaks.items())))
        return
    sizes = list(peaks.values())
    print(f"{options.steps:,} steps, weights finite: {np.isfinite(weights).all()}")
    print(f"peak after the first piece {sizes[0]:.1f} MiB, after the last {sizes[-1]:.1f} MiB")


if __name__ == "__main__":
    main()
