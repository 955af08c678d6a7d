"""One run of `fit`: its epochs, and where it stands between two of them."""

from itertools import islice
from typing import NamedTuple

import numpy as np

from lstm97.learning.loop import History, train


class FitState(NamedTuple):
    """Where a fit stands, for another one that goes on from there.

    Attributes
    ----------
    n_left : int
        Epochs that an interrupted fit did not come to.
    rng : dict
        State of the bit generator.
    learner : object
        Snapshot of the learner: after the last epoch, which need not be the best one.
    rule : object
        Snapshot of the stop rule.
    parameters : str
        Hash of the estimator's parameters that must still be the same.
    """

    n_left: int
    rng: tuple
    learner: object
    rule: object
    parameters: str

    def generator(self):
        """Return a generator that goes on from the state."""
        state, inc, has_uint32, uinteger = self.rng
        rng = np.random.Generator(np.random.PCG64())
        rng.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": state, "inc": inc},
            "has_uint32": has_uint32,
            "uinteger": uinteger,
        }
        return rng


def _state_of(rng):
    """Return the state in plain numbers: the dict's pickle does not stay the same."""
    state = rng.bit_generator.state
    return (*state["state"].values(), state["has_uint32"], state["uinteger"])


class FitRun:
    """Trains a learner, epoch by epoch.

    Parameters
    ----------
    learner : Learner
    rule : StopRule
    rng : Generator
        What epochs, and nets that grow, draw from.
    n_epochs : int
        At most.
    parameters : str
        See `FitState`.
    before, after : callable
        Called with each epoch, without arguments, and with the history so far; training ends where
        the latter returns true.

    Attributes
    ----------
    state : FitState or None
        After the last epoch that was completed; None without one.
    """

    def __init__(self, learner, rule, rng, n_epochs, parameters, before, after):
        self.learner, self.rule, self.rng = learner, rule, rng
        self.n_left, self.parameters = n_epochs, parameters
        self.before, self.after = before, after
        self._done = None, 0, [], 0

    @property
    def state(self):
        return self._done[0]

    def train(self, epochs):
        """Train.

        Returns
        -------
        History
            Its reason is "interrupted" where a keyboard interrupt ended the training: then learner
            and rule are taken back to the end of the last epoch that was completed.
        """
        try:
            return train(self.learner, self._begin(epochs), self.rule, self._end)
        except KeyboardInterrupt:
            state, n_sequences, losses, n = self._done
            if state is None:
                raise
            self.learner.restore(state.learner)
            self.rule.restore(state.rule)
            return History(n_sequences, losses[:n], "interrupted")

    def _begin(self, epochs):
        for epoch in islice(epochs, self.n_left):
            self.before()
            yield epoch

    def _end(self, history):
        stop = self.after(history)
        self.n_left -= 1
        state = FitState(
            self.n_left, _state_of(self.rng), self.learner.snapshot(), self.rule.snapshot(),
            self.parameters,
        )  # fmt: skip
        # In one assignment: an interrupt comes before it or after it.
        self._done = state, history.n_sequences, history.losses, len(history.losses)
        return stop
