"""Measure the cost of a training step by the size of the net, for LSTM, Elman, BPTT and RTRL.

    python benchmarks/speed/cost.py           measure, and write benchmarks/results/cost.json
    python benchmarks/speed/cost.py --draw    draw docs/cost.svg from it, and print slopes

Nets have two inputs, one output and a target at the last of twenty steps. The horizontal axis is
the number of hidden units, or of cells in blocks of one. In theory, the cost of a step grows with
the fourth power of the number of units for RTRL, and with the number of weights for all others.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from lstm97 import BPTTRegressor, ElmanRegressor, LSTMRegressor, RTRLRegressor
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.experiments.plots import STYLE, as_svg

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "benchmarks" / "results" / "cost.json"
PLOT = ROOT / "docs" / "cost.svg"

LENGTH = 20
SECONDS = 0.1  # a measurement lasts at least this long
ROUNDS = 5
UNITS = [2, 4, 8, 16, 32, 64]
LARGE = [*UNITS, 128, 256]
METHODS = {
    "LSTM": (lambda n: LSTMRegressor.as_published(n, 1, random_state=0), LARGE),
    "Elman": (lambda n: ElmanRegressor.as_published(n, random_state=0), LARGE),
    "BPTT": (lambda n: BPTTRegressor.as_published(n, random_state=0), LARGE),
    "RTRL": (lambda n: RTRLRegressor.as_published(n, random_state=0), UNITS),
}
# The slope is that of the larger nets, for which the fixed cost of a step is negligible.
N_FITTED = 3


def measure(estimator):
    """Return the weights of an estimator's net and the median nanoseconds per training step."""
    rng = np.random.default_rng(0)
    estimator._build(2, 1)
    estimator._initialize(rng)
    learner = estimator._make_learner()
    learner.learning_rate = 1e-6
    n, costs = 1, []
    while len(costs) < ROUNDS:
        X = Sequences.from_padded(rng.normal(size=(n, LENGTH, 2)))
        y = Targets.at_last(rng.random((n, 1)))
        began = time.perf_counter()
        learner.learn(X, y)
        spent = time.perf_counter() - began
        if spent < SECONDS:
            n *= 2
        else:
            costs.append(1e9 * spent / (n * LENGTH))
    return {"n_weights": int(estimator.topology_.n_weights), "ns": statistics.median(costs)}


def slope(points, name):
    """Return the slope of the larger nets' cost in a log-log plot."""
    x, y = np.log([[p[name], p["ns"]] for p in points[-N_FITTED:]]).T
    return float(np.polyfit(x, y, 1)[0])


def draw(record):
    """Return the plot as SVG."""
    with matplotlib.style.context(STYLE, after_reset=True):
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log")
        axes.set(xlabel="hidden units, or cells", ylabel="nanoseconds per training step")
        for name, points in record.items():
            label = f"{name}: slope {slope(points, 'n_units'):.1f}"
            x, y = zip(*((p["n_units"], p["ns"]) for p in points), strict=True)
            axes.plot(x, y, marker="o", markersize=4, label=label)
        axes.legend()
        axes.grid()
        return as_svg(figure, "cost")


def main():
    """Measure or draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", action="store_true")
    if not parser.parse_args().draw:
        record = {
            name: [{"n_units": n, **measure(make(n))} for n in units]
            for name, (make, units) in METHODS.items()
        }
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    PLOT.write_text(draw(record), encoding="utf-8")
    for name, points in record.items():
        print(
            f"{name:6s} slope by units {slope(points, 'n_units'):.2f}, "
            f"by weights {slope(points, 'n_weights'):.2f}"
        )


if __name__ == "__main__":
    main()
