"""Fit named settings to the data sets, and append a line per fit to the raw scores.

    python benchmarks/defaults/study.py --settings A "A batch_size=4" torch --sets chosen made

Fits whose line is there already are left out. One thread; times are process seconds of `fit`.
"""

# ruff: noqa: E402 - the numbers of threads come first
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples"))  # for usual.py
from fits import fit_net, fit_torch, fit_usual, standardised
from settings import USUAL, setting_of

from data import CHOSEN, HELD_OUT, MADE, load
from lstm97 import LSTMClassifier, LSTMRegressor

SCORES = Path(__file__).with_name("scores.jsonl")
GROUPS = {"chosen": CHOSEN, "made": MADE, "held-out": HELD_OUT}


def flat(y):
    return np.concatenate(y) if np.ndim(y[0]) else np.asarray(y)


def fit(setting, name, seed):
    """Return the score and the seconds of one fit."""
    base, changed = setting_of(setting)
    data = load(name)
    (X, y), (X_test, y_test) = data.train, data.test
    if base != "default":
        X, X_test = standardised(X, X_test)
    start = time.process_time()
    if base == "default":
        kind = LSTMRegressor if data.is_regression else LSTMClassifier
        predict = kind(random_state=seed, **changed).fit(X, y).predict
    elif base == "torch":
        predict = fit_torch(X, y, seed, data.is_regression, **changed)
    elif base in USUAL:
        predict = fit_usual(USUAL[base], X, y)
    else:
        predict = fit_net(changed, X, y, seed, data.is_regression)
    seconds = time.process_time() - start
    return data.score(flat(y_test), flat(predict(X_test))), seconds


def recorded(path):
    """Return the lines of a file of raw scores, by setting, set and seed."""
    if not path.exists():
        return {}
    lines = map(json.loads, path.read_text().splitlines())
    return {(line["setting"], line["set"], line["seed"]): line for line in lines}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+", default=["A", "torch"])
    parser.add_argument("--sets", nargs="+", default=["chosen", "made"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--scores", type=Path, default=SCORES)
    options = parser.parse_args(arguments)
    sets = [name for group in options.sets for name in GROUPS.get(group, [group])]
    done = recorded(options.scores)
    for setting in options.settings:
        for name in sets:
            for seed in range(options.seeds):
                if (setting, name, seed) in done:
                    continue
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    score, seconds = fit(setting, name, seed)
                line = {
                    "setting": setting,
                    "set": name,
                    "seed": seed,
                    "score": round(float(score), 4),
                    "seconds": round(seconds, 2),
                }
                with options.scores.open("a") as file:
                    file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
