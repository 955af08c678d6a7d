"""Measure the time of drawing sequences relative to training on them, for each experiment.

python benchmarks/speed/generators.py
"""

import statistics
import time

import numpy as np

from lstm97.experiments.settings import load_settings

N_SEQUENCES = 1000
ROUNDS = 7


def seconds(work):
    """Time one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main():
    """Measure and print."""
    for setting in load_settings().values():
        if setting.id != setting.row:
            continue  # only the first reading of each row is measured
        task, estimator = setting.make_task(), setting.make_estimator()
        rng = np.random.default_rng(0)
        task.prepare(rng)
        estimator._build(task.n_inputs, task.n_outputs)
        estimator._initialize(rng)
        learner = estimator._make_learner()
        ratios = []
        for _ in range(ROUNDS):
            X, y = task.draw(N_SEQUENCES, rng)
            drawing = seconds(lambda task=task, rng=rng: task.draw(N_SEQUENCES, rng))
            ratios.append(drawing / seconds(lambda X=X, y=y, learner=learner: learner.learn(X, y)))
        print(f"{setting.id:14s} drawing / training = {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
