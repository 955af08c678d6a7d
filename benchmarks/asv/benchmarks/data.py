"""Drawing of sequences, and the container `Sequences`."""

import pickle

import numpy as np

from lstm97 import Sequences
from lstm97.tasks import TASKS


class Draw:
    """A thousand training sequences of each task."""

    params = tuple(TASKS)
    param_names = ("task",)

    def setup(self, task):
        self.task, self.rng = TASKS[task](), np.random.default_rng(0)
        self.task.prepare(self.rng)

    def time_draw(self, task):
        self.task.draw(1000, self.rng)


class Container:
    """Making, indexing and pickling `Sequences` of twenty thousand ragged sequences."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.parts = [rng.normal(size=(n, 4)) for n in rng.integers(10, 50, 20_000)]
        self.X = Sequences.from_list(self.parts)
        self.order = rng.permutation(len(self.X))

    def time_from_list(self):
        Sequences.from_list(self.parts)

    def time_take(self):
        self.X[self.order]

    def time_pickle(self):
        pickle.loads(pickle.dumps(self.X))


class Import:
    """Import of the package in a fresh process."""

    def timeraw_import(self):
        return "import lstm97"
