"""Stop rules of trials: few recent errors, or passing an exam on test sequences."""

import numpy as np

from lstm97.learning.loop import Stop, StopRule

# Number of sequences that are judged first, because most exams fail within these. Each of the
# following portions is twice as long.
FIRST_PORTION = 16


class Recent(StopRule):
    """Rule that stops when few recent sequences were wrong, as in the paper's Tables 7 to 9.

    Parameters
    ----------
    tolerance : float
        A sequence is wrong if one of its absolute errors is not below this value.
    max_wrong : int, default=0
        Largest number of wrong sequences.
    mean_error : float, default=None
        The mean absolute error over the same sequences must be below this value.
    window : int, default=2000
        Number of recent sequences.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm97.learning.learner import Results
    >>> from lstm97.experiments.exam import Recent
    >>> rule = Recent(tolerance=0.3, window=3)
    >>> error = np.array([0.9, 0.1, 0.2])
    >>> rule.look(Results(error, error, error)) is None
    True
    >>> rule.look(Results(error[1:], error[1:], error[1:]))
    Stop(n=1, reason='solved')
    """

    def __init__(self, tolerance, max_wrong=0, mean_error=None, window=2000):
        self.tolerance = tolerance
        self.max_wrong = max_wrong
        self.mean_error = mean_error
        self.window = window
        self._wrong = np.empty(0, dtype=bool)
        self._error = np.empty(0)

    def look(self, results):
        """Check the results of the next chunk; the reason to stop is "solved"."""
        seen = len(self._wrong)
        # Not "error >= tolerance": a NaN is wrong.
        wrong = np.concatenate([self._wrong, ~(results.max_error < self.tolerance)])
        error = np.concatenate([self._error, results.mean_error])
        self._wrong, self._error = wrong[-self.window :], error[-self.window :]
        if len(wrong) < self.window:
            return None
        counts = np.concatenate([[0], np.cumsum(wrong)])
        few = counts[self.window :] - counts[: -self.window] <= self.max_wrong
        for first in np.flatnonzero(few):
            end = first + self.window
            # Each mean is computed over its own window, so that it does not depend on the chunks.
            if end > seen and self._is_small(error[first:end]):
                return Stop(int(end - seen), "solved")
        return None

    def _is_small(self, error):
        return self.mean_error is None or error.mean() < self.mean_error


class Exam(StopRule):
    """Rule that stops when few enough test sequences are wrong, and their mean error is small.

    Parameters
    ----------
    task : Task
        Task that draws test sequences and judges the answers.
    learner : Learner
        The learner to test.
    rng : numpy.random.Generator
        Source of the random numbers for test sequences.
    every : int
        Number of training sequences between exams: a trial trains on chunks of this length. If a
        training set is learned in epochs, there is an exam after each epoch instead.
    stages : dict of str to dict
        Stages to pass one after the other. Each has `max_wrong` and, optionally, `mean_error`, a
        bound on the mean absolute error. Passing the last stage ends training. `milestones` holds
        the number of training sequences after which each stage was first passed.
    n : int, default=1
        Number of test sequences. A task with a fixed test set ignores it.
    fixed : bool, default=False
        Whether test sequences are drawn only once. Otherwise each exam has new ones.
    """

    def __init__(self, task, learner, rng, every, stages, n=1, fixed=False):
        self.task = task
        self.learner = learner
        self.rng = rng
        self.every = every
        self.stages = stages
        self.n = n
        self.milestones = {}
        self._n_sequences = 0
        self._test = task.draw_test(n, rng) if fixed else None

    def look(self, results):
        """Hold an exam after a chunk of training; the reason to stop is "solved"."""
        self._n_sequences += len(results.loss)
        n_wrong, error = self._grade()
        for name, stage in self.stages.items():
            if n_wrong > stage["max_wrong"] or not error < stage.get("mean_error", float("inf")):
                return None
            self.milestones.setdefault(name, self._n_sequences)
        return Stop(len(results.loss), "solved")

    def _grade(self):
        """Return the number of wrong sequences and the mean error.

        Judging ends early once too many sequences are wrong to pass any stage.
        """
        X, y = self._test or self.task.draw_test(self.n, self.rng)
        most = max(stage["max_wrong"] for stage in self.stages.values())
        start, size, n_wrong, error = 0, FIRST_PORTION, 0, 0.0
        while start < len(X) and n_wrong <= most:
            part = slice(start, start + size)
            judgement = self.task.judge(self.learner, X[part], y[part])
            n_wrong += int(judgement.wrong.sum())
            error += float(judgement.error.sum())
            start, size = start + size, 2 * size
        return n_wrong, error / len(X)
