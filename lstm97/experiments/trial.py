"""A trial: one setting, one number, one record."""

import time

import numpy as np

from lstm97.learning.loop import run_alone, training_steps
from lstm97.learning.team import TeamTrainer

# Sequences drawn at a time. A seed means other sequences, if this changes: leave it.
BLOCK_SIZE = 1000

# Points of a learning curve that a record keeps.
CURVE_POINTS = 40


def run_trial(setting, trial, seed):
    """Train a net until its setting's stop rule is met, then test it.

    Parameters
    ----------
    setting : Setting
        Task, net, stop rule and limit.
    trial : int
        With `seed`, all that the random numbers depend on: weights, training, exams, the last test
        and a task's fixed sets each have their own stream.
    seed : int
        The same for all trials that belong together.

    Returns
    -------
    record : dict
        The fields are those that ``lstm97 run --json`` prints.

    Examples
    --------
    >>> from lstm97.experiments.settings import load_matrix
    >>> from lstm97.experiments.trial import run_trial
    >>> setting = load_matrix()["noise-free-lag"]["lstm"]
    >>> record = run_trial(setting, trial=0, seed=0)
    >>> record["solved"], record["reason"]
    (True, 'solved')
    >>> record["n_sequences"] < setting.limit
    True
    """
    began = time.perf_counter()
    record = run_alone(_steps(setting, trial, seed))
    return {**record, "seconds": round(time.perf_counter() - began, 3)}


def run_together(setting, trials, seed):
    """Run trials of one setting side by side, in vector lanes where that is faster.

    Parameters
    ----------
    setting : Setting
    trials : iterable of int
    seed : int

    Yields
    ------
    record : dict
        As `run_trial` returns them, but for the seconds: a trial's share of the time.
    """
    waiting, running, group, size = iter(trials), [], TeamTrainer(), 1
    while True:
        while len(running) < size and (trial := next(waiting, None)) is not None:
            began = _Running(_steps(setting, trial, seed))
            if began.record:  # there was nothing to learn
                yield began.record
                continue
            running.append(began)
            size = group.size_for(running[0].request)
        if not running:
            return
        start = time.perf_counter()
        results = group.learn([trial.request for trial in running])
        share = (time.perf_counter() - start) / len(running)
        for trial, result in zip(running, results, strict=True):
            trial.go_on(result, share)
        yield from (trial.record for trial in running if trial.record)
        running = [trial for trial in running if not trial.record]


class _Running:
    """A trial on its way: what it wants to learn next, or its record."""

    def __init__(self, steps):
        self.seconds, self.record = 0.0, None
        self._steps = steps
        self.go_on(None, 0.0)

    def go_on(self, results, seconds):
        began = time.perf_counter()
        try:
            self.request = self._steps.send(results)
        except StopIteration as end:
            self.record = end.value
        self.seconds += seconds + time.perf_counter() - began
        if self.record:
            self.record["seconds"] = round(self.seconds, 3)


def _steps(setting, trial, seed):
    """Ask for all that is to be learned, as `training_steps` does, and return the record."""
    streams = np.random.SeedSequence(seed, spawn_key=(trial,)).spawn(5)
    weights, training, test, exams, sets = (np.random.default_rng(stream) for stream in streams)
    task = setting.make_task()
    task.prepare(sets)
    estimator = setting.make_estimator()
    estimator._build(task.n_inputs, task.n_outputs)
    estimator._initialize(weights)
    learner = estimator._make_learner(weights)
    rule = setting.make_stop_rule(task, learner, exams)
    size = getattr(rule, "every", BLOCK_SIZE)
    if setting.training_set:
        blocks = _epochs(task.draw_set(setting.training_set, training), setting.limit)
    else:
        blocks = _blocks(task, training, setting.limit, size)
    history = yield from training_steps(learner, blocks, rule)
    X_test, y_test = task.draw_test(setting.n_test, test)
    judgement = task.judge(learner, X_test, y_test)
    return {
        "id": setting.id,
        "method": setting.method,
        "trial": trial,
        "seed": seed,
        "setting": setting.digest,
        "solved": history.reason == "solved",
        "n_sequences": history.n_sequences,
        "milestones": getattr(rule, "milestones", {}),
        "n_wrong": int(judgement.wrong.sum()),
        "n_test": len(X_test),
        "test_error": _number(judgement.error.mean()),
        "reason": history.reason,
        "curve": _curve(history.losses),
    }


def _blocks(task, rng, limit, size):
    """Draw training sequences, `limit` at the most, and cut them into blocks of `size`."""
    for drawn in range(0, limit, BLOCK_SIZE):
        X, y = task.draw(min(BLOCK_SIZE, limit - drawn), rng)
        for start in range(0, len(X), size):
            yield X[start : start + size], y[start : start + size]


def _epochs(training_set, limit):
    """Give the same sequences again and again, as many whole times as the limit allows, or once."""
    for _ in range(max(1, limit // len(training_set[0]))):
        yield training_set


def _curve(losses):
    """Thin the mean losses of all blocks to a few, each the mean over as many blocks."""
    parts = np.array_split(losses, min(CURVE_POINTS, max(1, len(losses))))
    return [_number(float(f"{part.mean():.4g}")) for part in parts if len(part)]


def _number(x):
    """Return a float that JSON knows; it has no NaN and no infinity."""
    return float(x) if np.isfinite(x) else None
