"""An epoch of each method that the paper compares LSTM with."""

from lstm97 import (
    BPTTRegressor,
    CascadeCorrelationRegressor,
    ElmanRegressor,
    RTRLRegressor,
    SequenceChunkerRegressor,
)
from lstm97.tasks import make_adding

METHODS = {
    "Elman": lambda: ElmanRegressor.as_published(8, max_iter=1, tol=None, random_state=0),
    "BPTT": lambda: BPTTRegressor.as_published(8, max_iter=1, tol=None, random_state=0),
    "RTRL": lambda: RTRLRegressor.as_published(8, max_iter=1, tol=None, random_state=0),
    "chunker": lambda: SequenceChunkerRegressor.as_published(max_iter=1, tol=None, random_state=0),
    "cascade": lambda: CascadeCorrelationRegressor.as_published(max_iter=20, random_state=0),
}


class Epoch:
    """Short sequences of the adding problem; cascade correlation runs for twenty epochs."""

    params = tuple(METHODS)
    param_names = ("method",)

    def setup(self, method):
        self.X, self.y = make_adding(100, T=20, rng=0)

    def time_fit(self, method):
        METHODS[method]().fit(self.X, self.y)
