"""A trial: one setting, one number, one record."""

import time

import numpy as np

from lstm97._training import train

# Sequences drawn at a time. A seed means other sequences, if this changes: leave it.
BLOCK_SIZE = 1000


def run_trial(setting, trial, seed):
    """Train a net until its setting's stop rule is met, then test it.

    Parameters
    ----------
    setting : Setting
    trial : int
        With `seed`, all that the random numbers depend on: weights, training and test sequences
        each have their own stream.
    seed : int

    Returns
    -------
    record : dict
        The fields are those that ``lstm97 run --json`` prints.
    """
    began = time.perf_counter()
    streams = np.random.SeedSequence(seed, spawn_key=(trial,)).spawn(3)
    rng_weights, rng_train, rng_test = (np.random.default_rng(stream) for stream in streams)
    task = setting.make_task()
    estimator = setting.make_estimator()
    estimator._start(task.n_inputs, task.n_outputs, rng_weights)
    learner = estimator._make_learner()
    history = train(learner, _blocks(task, rng_train, setting.limit), setting.make_stop_rule())
    X_test, y_test = task.draw_test(setting.n_test, rng_test)
    judgement = task.judge(learner, X_test, y_test)
    return {
        "id": setting.id,
        "method": setting.method,
        "trial": trial,
        "seed": seed,
        "solved": history.reason == "solved",
        "n_sequences": history.n_sequences,
        "n_wrong": int(judgement.wrong.sum()),
        "n_test": len(X_test),
        "test_error": float(judgement.error.mean()),
        "reason": history.reason,
        "seconds": round(time.perf_counter() - began, 3),
    }


def _blocks(task, rng, limit):
    """Draw training sequences, `limit` at the most."""
    for start in range(0, limit, BLOCK_SIZE):
        yield task.draw(min(BLOCK_SIZE, limit - start), rng)
