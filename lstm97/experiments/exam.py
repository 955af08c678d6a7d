"""A stop rule that tests: training ends when a learner passes an exam of test sequences."""

from lstm97.learning.stopping import Stop, StopRule

# Sequences judged at first; most exams are failed by these few. Each portion doubles the last.
FIRST_PORTION = 16


class Exam(StopRule):
    """Stop when few enough test sequences are wrong, and their mean error is small enough.

    Parameters
    ----------
    task : Task
    learner : Learner
    rng : numpy.random.Generator
        Source of the test sequences.
    every : int
        Training sequences from one exam to the next: a trial cuts its blocks to this length, but
        where a training set is learned in epochs, an exam follows each.
    stages : dict of str to dict
        Exams to pass one after the other, each with `max_wrong` and, if the mean absolute error
        must be below a bound, `mean_error`. Passing the last one ends training; when each was
        first passed stands in `milestones`.
    n : int, default=1
        Test sequences; a task that has test sequences of its own gives these.
    fixed : bool, default=False
        Draw test sequences once; otherwise each exam has new ones.
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
        """Set the exam after a block of training; the reason is "solved"."""
        self._n_sequences += len(results.loss)
        n_wrong, error = self._grade()
        for name, stage in self.stages.items():
            if n_wrong > stage["max_wrong"] or not error < stage.get("mean_error", float("inf")):
                return None
            self.milestones.setdefault(name, self._n_sequences)
        return Stop(len(results.loss), "solved")

    def _grade(self):
        """Return wrong sequences and mean error; no more are judged once all stages are failed."""
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
