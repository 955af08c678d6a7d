"""Compare the truncated gradient with the full one: Experiment 4 at T=50, during training.

    python benchmarks/truncation.py

The script writes benchmarks/results/truncation.json with cosines and norm ratios of the two
gradients on 500 test sequences, as means over nets.
"""

import json
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from lstm97 import LSTMRegressor, gradient_report
from lstm97.tasks import make_adding

RECORD = Path(__file__).parent / "results" / "truncation.json"
SEEDS = range(10)
# Epochs of 1000 sequences. A net that has learned almost nothing serves as the untrained one.
STATES = {"untrained": (1, 1e-300), "after 5,000 sequences": (5, 0.5), "after 20,000": (20, 0.5)}


def measure(n_epochs, learning_rate, seed):
    """Return the cosine and the norm ratio of each group of weights of one net."""
    X, y = make_adding(1000 * n_epochs, T=50, rng=seed)
    model = LSTMRegressor.as_published(
        input_gate_bias=[-3, -6], learning_rate=learning_rate, max_iter=1, tol=None,
        random_state=seed,
    )  # fmt: skip
    report = gradient_report(model.fit(X, y), *make_adding(500, T=50, rng=1000 + seed))
    by_group = zip(report.by_group.cosine, report.by_group.norm_ratio, strict=True)
    return {"all": (report.total.cosine, report.total.norm_ratio)} | dict(
        zip(report.groups, by_group, strict=True)
    )


def main():
    """Measure all nets, and write the means."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    record = {}
    for state, parameters in STATES.items():
        nets = [measure(*parameters, seed) for seed in SEEDS]
        record[state] = {
            group: np.mean([net[group] for net in nets], axis=0).round(4).tolist()
            for group in nets[0]
        }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
