"""Measure the cost of a larger alphabet, and the gain of a second process.

    python benchmarks/speed/scaling.py

Experiment 2c has q distractors drawn from p symbols. With sparse input, a step with p = 1000 should
cost about as much as one with p = 50. A sweep of independent trials should keep all processes busy.
Its efficiency is the time of the trials one by one, divided by n times their time in n processes.
"""

import resource
import statistics
import time
from dataclasses import replace

import numpy as np

from lstm97.experiments.runner import run_trials
from lstm97.experiments.settings import load_settings
from lstm97.experiments.trial import run_trial

N_SEQUENCES = 300
ROUNDS = 7
N_JOBS = 2
N_TRIALS = 16


def seconds(work):
    """Time one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def worker(setting):
    """Return a function that trains on one chunk of sequences, and the number of its steps."""
    task, estimator = setting.make_task(), setting.make_estimator()
    rng = np.random.default_rng(0)
    estimator._build(task.n_inputs, task.n_outputs)
    estimator._initialize(rng)
    learner = estimator._make_learner()
    X, y = task.draw(N_SEQUENCES, rng)
    return lambda: learner.learn(X, y), X.n_steps


def alphabets():
    """Print nanoseconds per step for both alphabets, their ratio, and the growth of memory."""
    settings = load_settings()
    works = {p: worker(settings[f"exp2c-1000-{p}"]) for p in (50, 1000)}
    for work, _ in works.values():
        work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    costs = {p: [] for p in works}
    for _ in range(ROUNDS):
        for p, (work, n_steps) in works.items():
            costs[p].append(seconds(work) / n_steps * 1e9)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for p, cost in costs.items():
        print(f"2c, q=1000, p={p:<5d} {statistics.median(cost):6.0f} ns/step")
    ratios = [b / a for a, b in zip(costs[50], costs[1000], strict=True)]
    print(
        f"ratio {statistics.median(ratios):.2f}; memory grew by {(after - before) / 1024:.1f} MiB"
    )


def sweep():
    """Print the efficiency of a sweep."""
    # All trials cost the same, and they do not form teams.
    setting = replace(load_settings()["exp6a"], limit=10_000)
    pairs = [(setting, i) for i in range(N_TRIALS)]

    def one_by_one():
        for _, i in pairs:
            run_trial(setting, i, 0)

    def run(n_jobs):
        return sum(1 for _ in run_trials(pairs, n_jobs=n_jobs))

    run(N_JOBS)  # the processes start
    alone, together = seconds(one_by_one), seconds(lambda: run(N_JOBS))
    print(f"{N_TRIALS} trials: {alone:.1f} s one by one, {together:.1f} s in {N_JOBS} processes")
    print(f"efficiency {alone / together / N_JOBS:.2f}")


if __name__ == "__main__":
    alphabets()
    sweep()
