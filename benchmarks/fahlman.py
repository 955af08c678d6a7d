"""Repeat Fahlman's trials of recurrent cascade correlation.

    python benchmarks/fahlman.py

One batch holds 256 strings of the embedded Reber grammar. Training ends when the net predicts every
legal symbol of every training string, or after CAP epochs. The script writes
benchmarks/results/fahlman.json. Its seeds are not among those, below 24, that were used to choose
the defaults of the estimator.
"""

import json
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from lstm97 import CascadeCorrelationClassifier
from lstm97.tasks import TASKS

RECORD = Path(__file__).parent / "results" / "fahlman.json"
SEEDS = range(100, 112)
CAP = 1500
# The outputs learn during many epochs before a candidate phase, so not every epoch needs a test.
EVERY = 3


def trial(seed):
    """Train one net; return its size, the epochs it took, and its errors."""
    rng = np.random.default_rng(seed)
    task = TASKS["embedded reber"]()
    task.prepare(rng)
    X, y = task.draw_set(0, rng)
    strings, legal = task.draw_test(0, rng)
    n = len(X)
    model = CascadeCorrelationClassifier.as_published(max_hidden=20, random_state=seed)
    model._build(task.n_inputs, task.n_outputs)
    model._initialize(rng)
    learner = model._make_learner()
    for epoch in range(1, CAP + 1):
        learner.learn(X, y)
        is_due = epoch % EVERY == 0 or epoch == CAP
        if is_due and not task.judge(learner, strings[:n], legal[:n]).wrong.any():
            break
    wrong = task.judge(learner, strings, legal).wrong
    return {
        "seed": seed,
        "n_hidden": learner.topology.n_hidden,
        "n_epochs": epoch,
        "train_errors": int(wrong[:n].sum()),
        "test_errors": int(wrong[n:].sum()),
    }


def main():
    """Run the trials, and write their results."""
    records = Parallel(n_jobs=-1)(delayed(trial)(seed) for seed in SEEDS)
    lines = ",\n".join(json.dumps(record) for record in records)
    RECORD.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    for record in records:
        print(record)


if __name__ == "__main__":
    main()
