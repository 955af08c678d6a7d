"""Fahlman's own trials of recurrent cascade correlation, repeated.

    python benchmarks/fahlman.py

256 strings of the embedded Reber grammar are one batch; training ends when every legal symbol of
every training string is predicted, or after CAP epochs. Writes benchmarks/results/fahlman.json.
The defaults of the estimator were chosen while looking at trials with seeds below 24; these have
others.
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
# Outputs learn the set in the epochs before a candidate phase: looking now and then is enough.
EVERY = 3


def trial(seed):
    """Train one net; return how large it grew, how long it took, and what it gets wrong."""
    rng = np.random.default_rng(seed)
    task = TASKS["embedded reber"]()
    task.prepare(rng)
    X, y = task.draw_set(0, rng)
    strings, legal = task.draw_test(0, rng)
    n = len(X)
    model = CascadeCorrelationClassifier(max_hidden=20, random_state=seed)
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
    """Run the trials and keep what they came to."""
    records = Parallel(n_jobs=-1)(delayed(trial)(seed) for seed in SEEDS)
    lines = ",\n".join(json.dumps(record) for record in records)
    RECORD.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    for record in records:
        print(record)


if __name__ == "__main__":
    main()
