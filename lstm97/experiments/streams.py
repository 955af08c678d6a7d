"""Trials on streams without an end (Gers, Schmidhuber and Cummins 2000).

A training stream ends at its first wrong answer. After each, the net is examined on new streams
without learning; an exam ends at its first wrong answer. A net is perfect when it has followed all
streams of an exam to their end.
"""

import time
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from lstm97._kernels.follower import Follower
from lstm97.estimators import LSTMRegressor
from lstm97.experiments.records import curve, origin

# Number of strings drawn at a time. It must not change: the same seed would then give other
# streams.
N_DRAWN = 500


@dataclass(eq=False, repr=False, kw_only=True)
class StreamRegressor(LSTMRegressor):
    """An LSTM with parameters that only these trials need.

    Parameters
    ----------
    learning_rate_decay : float
        Factor of the learning rate after each target of a stream; every stream begins with the full
        rate. The authors call this sequential alpha decay.
    state_decay : float
        Factor of the states at each step. The learning rule is that of 1997: it takes the factor
        for one.
    """

    learning_rate_decay: float = 1.0
    state_decay: float = 1.0


class Source:
    """An endless row of strings. Every stream takes the next ones.

    Parameters
    ----------
    task : StreamTask
    rng : numpy.random.Generator
    """

    def __init__(self, task, rng):
        self.task = task
        self.rng = rng
        self.at = 0  # step of the part at which the next stream begins
        self.part = task.draw_part(N_DRAWN, rng)

    def follow(self, net, estimator, learns):
        """Let a net follow one stream, from a reset; return its number of right answers."""
        n_right, is_right, is_first = 0, True, True
        rate = estimator.learning_rate if learns else 0.0
        while is_right and n_right < self.task.length:
            if self.at == len(self.part.steps):
                self.at, self.part = 0, self.task.draw_part(N_DRAWN, self.rng)
            steps, targets, begins = (array[self.at :] for array in self.part)
            resets = begins.copy() if self.task.resets else np.zeros_like(begins)
            resets[0], is_first = resets[0] or is_first, False
            n_steps, n, is_right, rate = net.follow(
                steps, targets, resets.view(np.uint8), self.task.length - n_right,
                self.task.tolerance, rate, estimator.learning_rate_decay, estimator.state_decay,
            )  # fmt: skip
            n_right += n
            self.at += n_steps
        rest = self.part.begins[self.at :]
        self.at += int(rest.argmax()) if rest.any() else len(rest)
        return n_right


def run_stream_trial(setting, trial, seed):
    """Train a net on streams until it is perfect, or until the limit of training streams.

    Parameters
    ----------
    setting : Setting
        Task, net and limit.
    trial : int
        Number of the trial. All random numbers depend only on it and on `seed`.
    seed : int
        Seed, usually the same for all trials of a run.

    Returns
    -------
    record : dict
        The fields of `run_trial`, where sequences are streams, and the curve has the mean number of
        right answers per training stream. `n_right` is the mean number of right answers in new
        streams after training.
    """
    start = time.perf_counter()
    seeds = np.random.SeedSequence(seed, spawn_key=(trial,)).spawn(4)
    weights, training, test, exams = (np.random.default_rng(each) for each in seeds)
    task, estimator = setting.make_task(), setting.make_estimator()
    estimator._build(task.n_inputs, task.n_outputs)
    estimator._initialize(weights)
    net = Follower(estimator.topology_, estimator.weights_, "truncated-forward")
    sources = {name: Source(task, rng) for name, rng in (("training", training), ("exam", exams))}
    answers, is_perfect = [], False
    while not is_perfect and len(answers) < setting.limit:
        answers.append(sources["training"].follow(net, estimator, learns=True))
        is_perfect = all(
            sources["exam"].follow(net, estimator, learns=False) == task.length
            for _ in range(setting.n_test)
        )
    source = Source(task, test)
    n_right = [source.follow(net, estimator, learns=False) for _ in range(setting.n_test)]
    return {
        **origin(setting, trial, seed),
        "solved": is_perfect,
        "n_sequences": len(answers),
        "milestones": {},
        "n_wrong": sum(n < task.length for n in n_right),
        "n_test": setting.n_test,
        "test_error": None,
        "reason": "solved" if is_perfect else "limit",
        "curve": curve(answers),
        "n_right": fmean(n_right),
        "seconds": round(time.perf_counter() - start, 3),
    }
