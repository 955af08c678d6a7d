"""Measure the peak memory of training on one very long sequence, forward in time.

    python benchmarks/memory.py
    python benchmarks/memory.py --json       print steps and peak in MiB after each piece

The sequence is drawn and learned in pieces of 100,000 steps, with its state carried from piece to
piece. The largest resident set must stop growing after the first piece.
"""

import argparse
import json
import resource
from pathlib import Path

import numpy as np

from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.learning.network import NetworkLearner
from lstm97.learning.topology import Topology

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
    """Train; return the peak in MiB after each piece, by the steps so far, and the learner."""
    rng = np.random.default_rng(0)
    topology = Topology(n_inputs=2, n_outputs=1, output_activation="linear")
    weights = topology.initial_weights(rng, 0.1, {"input_gate": [-3.0, -6.0]})
    learner = NetworkLearner(topology, weights, 0.001, "truncated-forward", "step")
    peaks = {}
    for start in range(0, n_steps, PIECE):
        n = min(PIECE, n_steps - start)
        x = rng.uniform(-1.0, 1.0, (n, 2))
        y = np.where(rng.random(n) < 0.01, x[:, 0] * x[:, 1], np.nan)
        X = Sequences(x, [0], [n])
        learner.learn(X, Targets.at_steps(y[:, None], X.lengths), carry=start > 0)
        peaks[start + n] = peak()
    return peaks, learner


def main():
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=10_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    peaks, learner = peaks_of(options.steps)
    if options.json:
        print(json.dumps(list(peaks.items())))
        return
    sizes = list(peaks.values())
    print(f"{options.steps:,} steps, weights finite: {learner.is_finite()}")
    print(f"peak after the first piece {sizes[0]:.1f} MiB, after the last {sizes[-1]:.1f} MiB")


if __name__ == "__main__":
    main()
