"""Learners with one flat weight vector, and online learning of a net."""

from abc import abstractmethod
from itertools import pairwise

import numpy as np

from lstm97._core import Network
from lstm97._kernels.abreast import AbreastNetwork, fills, pays, supports
from lstm97._kernels.data import Data
from lstm97.learning.learner import Learner, Results
from lstm97.learning.solvers import copied, grown

# Maximum number of steps per kernel call; Python handles Ctrl-C between calls. Steps that are to be
# standardised are copied, so there are fewer of them.
MAX_STEPS, MAX_COPIED_STEPS = 1_000_000, 50_000


class KernelLearner(Learner):
    """Learner with one flat weight vector, whose kernel processes some sequences per call.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        Changed in place.
    learning_rate : float
    """

    def __init__(self, weights, learning_rate):
        self.weights = weights
        self.learning_rate = learning_rate

    @abstractmethod
    def _learn_some(self, data, learning_rate, results):
        """Train and write results; return the number of sequences before a non-finite loss."""

    @abstractmethod
    def _run_some(self, data, every):
        """Return outputs, (n_rows, n_outputs), one sequence after the other."""

    def learn(self, X, y):
        if self.fall is None:
            return self._pass(X, y, self.learning_rate)
        parts = []
        for start in range(0, len(X), self.fall.size):
            part = slice(start, min(start + self.fall.size, len(X)))
            parts.append(self._pass(X[part], y[part], self.fall.rate_at(start)))
            if len(parts[-1].loss) < part.stop - start:
                break
        return Results(*np.concatenate(parts, axis=1))

    def evaluate(self, X, y):
        return self._pass(X, y, 0.0)

    def run(self, X, every):
        return np.concatenate([self._run_some(Data(X[part]), every) for part in pieces(X)])

    def snapshot(self):
        return self.weights.copy()

    def restore(self, snapshot):
        self.weights[:] = snapshot

    def is_finite(self):
        return bool(np.isfinite(self.weights).all())

    def _pass(self, X, y, learning_rate):
        results = np.empty((len(X.lengths), 3))
        n_done = 0
        for part in pieces(X):
            n_done += self._learn_some(Data(X[part], y[part]), learning_rate, results[part])
            if n_done < part.stop:
                break
        return Results(*results[:n_done].T)


class NetworkLearner(KernelLearner):
    """Learner for a net of memory cell blocks and conventional units, online.

    Parameters
    ----------
    topology : Topology
    weights : ndarray of shape (topology.n_weights,)
        Changed in place.
    learning_rate : float
    form : {"truncated-forward", "truncated-backward", "full-backward", "full-forward"}
        Form of the gradient: truncated, computed forward in time or backward over a sequence; or
        full, backward (back-propagation through time) or forward (real-time recurrent learning).
    update : {"step", "sequence"}
        Whether the weights change at every step with a target or at the end of every sequence.
        Backward forms need "sequence".
    growth : Growth, default=None
        Rule that adds blocks; None if the net does not grow.
    state : dict, default=None
        State of the solver `Adam`, by which the weights move; None for gradient descent.

    Attributes
    ----------
    state : dict or None
        The current state. Its arrays are replaced and never changed.
    """

    is_one_net = True

    def __init__(self, topology, weights, learning_rate, form, update, growth=None, state=None):
        super().__init__(weights, learning_rate)
        self.topology = topology
        self.form = form
        self.update = update
        self.growth = growth
        self.state = state
        self._network, self._abreast = Network(topology), None

    @property
    def why_no_stream(self):
        if self.form == "full-backward":
            return (
                "back-propagation through time needs whole sequences; an LSTM with "
                "gradient='truncated', an RTRL net or an Elman net can"
            )
        if self.update == "step":
            return None
        return "its weights change at the end of a sequence: leave update at None"

    def end_epoch(self, results):
        if self.growth is None or self.topology.n_blocks >= self.growth.n_blocks:
            return
        if self.growth.is_due(results):
            smaller = self.topology
            self.topology, self.weights = self.growth.add_block(smaller, self.weights)
            if self.state is not None:
                self.state = grown(self.state, smaller, self.topology)
            self._network, self._abreast = Network(self.topology), None

    def snapshot(self):
        progress = None if self.growth is None else self.growth.snapshot()
        return self.topology, self.weights.copy(), self.state, progress

    def restore(self, snapshot):
        topology, weights, self.state, progress = snapshot
        if topology != self.topology:
            self.topology = topology
            self._network, self._abreast = Network(topology), None
        self.weights = weights.copy()
        if self.growth is not None:
            self.growth.restore(progress)

    def is_finite(self):
        return bool(np.isfinite(self.weights).all()) and (
            self.state is None or all(np.isfinite(each).all() for each in self.state.values())
        )

    def _learn_some(self, data, learning_rate, results):
        if not learning_rate and self._runs_abreast(data):
            results[:] = self._lanes().evaluate(self.weights, data)
            return data.n_sequences
        form = self.form if learning_rate else "none"
        state = None if self.state is None else copied(self.state)
        n_done = self._network.learn(
            self.weights, data, learning_rate, results, form, self.update == "step", moments=state
        )
        self.state = state
        return n_done

    def _run_some(self, data, every):
        network = self._lanes() if self._runs_abreast(data) else self._network
        return network.run(self.weights, data, every)

    def summed_gradient(self, X, y):
        """Return results as an array, and the sum of the gradients; the weights do not change.

        Only for dense sequences, and a form that goes backward.
        """
        data = Data(X, y)
        if fills(data):
            return self._lanes().learn(self.weights, data, self.form == "full-backward")
        results, gradient = np.empty((len(X), 3)), np.empty(len(self.weights))
        self._network.learn(self.weights, data, 0.0, results, self.form, gradient=gradient)
        return results, gradient

    def _runs_abreast(self, data):
        """Tell whether sequences that do not change the weights run faster side by side."""
        return supports(self.topology) and pays(data)

    def _lanes(self):
        """Return the kernel that runs sequences side by side."""
        if self._abreast is None:
            self._abreast = AbreastNetwork(self.topology)
        return self._abreast


def pieces(X):
    """Yield slices of the sequences, with at most so many steps if a sequence is not longer."""
    ends, most = X.lengths.cumsum(), MAX_STEPS if X.scaling is None else MAX_COPIED_STEPS
    if len(ends) and ends[-1] <= most:  # the usual case, in few calls
        yield slice(0, len(ends))
        return
    start = 0
    while start < len(ends):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + most, side="right")))
        yield slice(start, stop)
        start = stop


def shares(X, n):
    """Split sequences into at most n parts with about the same number of steps."""
    middles = np.cumsum(X.lengths) - X.lengths / 2
    cuts = np.unique(np.searchsorted(middles, np.linspace(0, X.n_steps, n + 1)))
    return [X[start:stop] for start, stop in pairwise(cuts)]
