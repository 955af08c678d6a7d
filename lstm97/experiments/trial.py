"""Trials: train and test a net by the rules of a setting, and return a record."""

import time
from itertools import repeat

import numpy as np

from lstm97.experiments.records import curve, number, origin
from lstm97.experiments.streams import run_stream_trial
from lstm97.learning.loop import Training
from lstm97.learning.team import TeamTrainer

# Number of sequences drawn at a time. It must not change: the same seed would then give other
# sequences.
N_DRAWN = 1000


def run_trial(setting, trial, seed):
    """Train a net until its setting's stop rule is met, then test it.

    Parameters
    ----------
    setting : Setting
        Task, net, stop rule and limit.
    trial : int
        Number of the trial. All random numbers depend only on it and on `seed`. Weights, training,
        exams, the last test and fixed sets of sequences have separate random generators.
    seed : int
        Seed, usually the same for all trials of a run.

    Returns
    -------
    record : dict
        The fields that ``lstm97 run --json`` prints.

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
    return next(run_together(Feed([(setting, trial)]).take, seed))


class Feed:
    """Trials that are handed out one by one.

    Parameters
    ----------
    pairs : iterable of (Setting, int)
        The setting and the number of each trial.
    """

    def __init__(self, pairs):
        self._pairs, self._next = iter(pairs), None

    def take(self, running):
        """Return the next pair, or None if no pair is left that can join the running trials.

        Parameters
        ----------
        running : list of Setting
            Settings of the trials that the caller runs at the moment.
        """
        self._next = self._next or next(self._pairs, None)
        if self._next is None or (running and running[0] != self._next[0]):
            return None
        pair, self._next = self._next, None
        return pair


def run_together(take, seed):
    """Run trials, some of them side by side in a team where that is faster.

    Trials of one setting may form a team. When one of them ends, the next one takes its place.

    Parameters
    ----------
    take : callable
        Function that hands out trials, as `Feed.take` does. It is called when there is room for a
        trial, until it returns None while no trial is running.
    seed : int
        As for `run_trial`.

    Yields
    ------
    record : dict
        Records as from `run_trial`, in the order in which trials end. "seconds" is the trial's
        share of the time.
    """
    running, team = [], TeamTrainer()
    while True:
        while not running or len(running) < team.size_for(running[0].request):
            pair = take([trial.setting for trial in running])
            if pair is None:
                break
            record, trial = _start(*pair, seed)
            if record:
                yield record
            else:
                running.append(trial)
        if not running:
            return
        start = time.perf_counter()
        results = team.learn([trial.request for trial in running])
        share = (time.perf_counter() - start) / len(running)
        for trial, result in zip(running, results, strict=True):
            trial.go_on(result, share)
        yield from (trial.record for trial in running if trial.record)
        running = [trial for trial in running if not trial.record]


def _start(setting, trial, seed):
    """Return the record of a trial that is run at once, or None and the trial in progress."""
    if setting.is_stream:
        return run_stream_trial(setting, trial, seed), None
    started = _Running(setting, _steps(setting, trial, seed))
    return started.record, started  # there may be nothing to learn


class _Running:
    """A trial in progress.

    Attributes
    ----------
    setting : Setting
    request
        What the trial learns next: learner, sequences and targets.
    record : dict or None
        Record of the trial. None while it is running.
    seconds : float
        Time that the trial has taken so far.
    """

    def __init__(self, setting, steps):
        self.setting, self.seconds, self.record = setting, 0.0, None
        self._steps = steps
        self.go_on(None, 0.0)

    def go_on(self, results, seconds):
        """Pass the results of the last request, and the seconds that it took, to the trial."""
        began = time.perf_counter()
        try:
            self.request = self._steps.send(results)
        except StopIteration as end:
            self.record = end.value
        self.seconds += seconds + time.perf_counter() - began
        if self.record:
            self.record["seconds"] = round(self.seconds, 3)


def _steps(setting, trial, seed):
    """Run a trial as a generator that yields learner, sequences and targets, and gets the results.

    The generator returns the record.
    """
    seeds = np.random.SeedSequence(seed, spawn_key=(trial,)).spawn(5)
    weights, training, test, exams, sets = (np.random.default_rng(each) for each in seeds)
    task = setting.make_task()
    task.prepare(sets)
    estimator = setting.make_estimator()
    estimator._build(task.n_inputs, task.n_outputs)
    estimator._initialize(weights)
    learner = estimator._make_learner(weights)
    rule = setting.make_stop_rule(task, learner, exams)
    history = Training(learner, rule)
    for X, y in _chunks(setting, task, training, rule.every or N_DRAWN):
        start = learner.snapshot()
        results = yield learner, X, y
        if not history.settle(X, y, start, results):
            break
    X_test, y_test = task.draw_test(setting.n_test, test)
    judgement = task.judge(learner, X_test, y_test)
    return {
        **origin(setting, trial, seed),
        "solved": history.reason == "solved",
        "n_sequences": history.n_sequences,
        "milestones": dict(rule.milestones),
        "n_wrong": int(judgement.wrong.sum()),
        "n_test": len(X_test),
        "test_error": number(judgement.error.mean()),
        "reason": history.reason,
        "curve": curve(history.losses),
    }


def _chunks(setting, task, rng, size):
    """Yield training sequences in chunks of `size`, or all of a training set in each epoch."""
    if setting.training_set:
        chunk = task.draw_set(setting.training_set, rng)
        # As many epochs as the limit allows, but at least one.
        yield from repeat(chunk, max(1, setting.limit // len(chunk[0])))
        return
    for drawn in range(0, setting.limit, N_DRAWN):
        X, y = task.draw(min(N_DRAWN, setting.limit - drawn), rng)
        for start in range(0, len(X), size):
            yield X[start : start + size], y[start : start + size]
