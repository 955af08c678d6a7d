"""Measure how long a grid search takes to pass sequences to its workers.

    python benchmarks/dispatch.py

16 fits that do nothing, in two processes, get 20,000 ragged sequences (64 MB) as `Sequences`, as an
object array, and as a list of arrays.
"""

import argparse
import time

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV

from lstm97 import Sequences


class Nothing(BaseEstimator):
    """An estimator whose fit takes no time."""

    def __init__(self, parameter=0):
        self.parameter = parameter

    def fit(self, X, y):
        return self

    def score(self, X, y):
        return 0.0


def as_objects(parts):
    array = np.empty(len(parts), dtype=object)
    array[:] = parts
    return array


def seconds(X, y, n_jobs):
    search = GridSearchCV(Nothing(), {"parameter": range(8)}, cv=2, n_jobs=n_jobs, refit=False)
    start = time.perf_counter()
    search.fit(X, y)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(rng.integers(20, 60), 10)) for _ in range(arguments.sequences)]
    y = rng.integers(2, size=len(parts))
    seconds(parts[:100], y[:100], arguments.jobs)  # the workers start
    forms = {"Sequences": Sequences.from_list, "object array": as_objects, "list": list}
    spent = {}
    for name, form in forms.items():
        X = form(parts)
        spent[name] = min(seconds(X, y, arguments.jobs) for _ in range(2))
        print(f"{name:12} {spent[name]:7.2f} s, {spent[name] / spent['Sequences']:.0f} times")


if __name__ == "__main__":
    main()
