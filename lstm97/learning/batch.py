"""Learning by batches: the weights change once per batch, by the mean gradient.

Small nets in double precision use the kernels of online learning, with sequences side by side in
vector lanes, and have the same bits everywhere. Large nets, single precision and sparse inputs use
the BLAS, whose last digits depend on the processor.
"""

import os
from contextlib import nullcontext
from functools import cache
from threading import Lock

import numpy as np
from threadpoolctl import ThreadpoolController

from lstm97.learning.batch_network import BatchNetwork
from lstm97.learning.learner import Learner, Results
from lstm97.learning.network import NetworkLearner
from lstm97.learning.solvers import resumed

# Limits of a batch that runs without learning: its sequences, and their steps.
RUN_SEQUENCES, RUN_STEPS = 256, 50_000
# The most units of the hidden layer for which lanes are about as fast as the BLAS, or faster.
MOST_UNITS = 200
FORMS = {"truncated": "truncated-backward", "full": "full-backward"}


class BatchLearner(Learner):
    """Learner that trains by batches, by the mean gradient of the sequences of each.

    If a loss of a batch is not finite, or if its update would give a weight or a solver state that
    is not finite, no weight changes and training ends before this batch.

    Parameters
    ----------
    topology : Topology
        Topology without recurrent outputs.
    weights : ndarray of shape (topology.n_weights,)
        Initial weights. The array is not changed; updates replace the attribute `weights`.
    batch_size : int
        Sequences per update.
    solver : GradientDescent or Adam
    gradient : {"truncated", "full"}
    dtype : {"float64", "float32"}
        Precision of the batches' arithmetic; weights and the solver use float64.
    state : dict, default=None
        State of the solver; None, or the state of another solver, at the start.

    Attributes
    ----------
    weights : ndarray of shape (topology.n_weights,)
    state : dict
    """

    is_one_net = True
    why_no_stream = "it learns by batches of sequences: set batch_size='auto'"

    def __init__(self, topology, weights, batch_size, solver, gradient, dtype, state=None):
        self.topology = topology
        self.weights = weights
        self.batch_size = batch_size
        self.solver = solver
        self.gradient = gradient
        self.state = resumed(solver, state, len(weights))
        self._network = BatchNetwork(topology, dtype)
        is_small = dtype == "float64" and topology.n_units <= MOST_UNITS
        self._small = None
        if is_small:
            self._small = NetworkLearner(topology, weights, 0.0, FORMS[gradient], "sequence")

    def learn(self, X, y):
        results = np.empty((len(X), 3))
        with nullcontext() if self._small_for(X) else one_thread:
            for start in range(0, len(X), self.batch_size):
                part = slice(start, min(start + self.batch_size, len(X)))
                if self.fall is not None:
                    self.solver.learning_rate = self.fall.rate_at(start)
                results[part], gradient = self._gradient(X[part], y[part])
                if not np.isfinite(results[part, 0]).all() or not self._move(
                    gradient / (part.stop - start)
                ):
                    return Results(*results[:start].T)
        return Results(*results.T)

    def _small_for(self, X):
        """Return a learner that runs a small net on dense sequences, or None."""
        if self._small is None or not isinstance(X.flat, np.ndarray):
            return None
        self._small.weights = self.weights
        return self._small

    def _gradient(self, X, y):
        """Return the results of a batch, and the sum of its gradients."""
        small = self._small_for(X)
        if small:
            return small.summed_gradient(X, y)
        return self._network.learn(self.weights, X, y, self.gradient == "full")

    @np.errstate(all="ignore")
    def _move(self, gradient):
        """Update the weights if the results are finite; return whether they are."""
        weights, state = self.solver.step(self.weights, gradient, self.state)
        done = all(np.isfinite(values).all() for values in (weights, *state.values()))
        if done:
            self.weights, self.state = weights, state
        return done

    def evaluate(self, X, y):
        small = self._small_for(X)
        if small:
            return small.evaluate(X, y)
        results = np.empty((len(X), 3))
        with one_thread:
            for part in _similar_lengths(X.lengths):
                results[part] = self._network.evaluate(self.weights, X[part], y[part])
        return Results(*results.T)

    def run(self, X, every):
        small = self._small_for(X)
        if small:
            return small.run(X, every)
        lengths = X.lengths if every else np.ones(len(X), np.int64)
        first = np.cumsum(lengths) - lengths
        outputs = np.empty((lengths.sum(), self.topology.n_outputs))
        with one_thread:
            for part in _similar_lengths(X.lengths):
                rows, sequence, time = self._network.run(self.weights, X[part], every)
                outputs[first[part][sequence] + (time if every else 0)] = rows
        return outputs

    def snapshot(self):
        return self.weights, self.state  # never changed in place

    def restore(self, snapshot):
        self.weights, self.state = snapshot

    def is_finite(self):
        return bool(np.isfinite(self.weights).all())


def _similar_lengths(lengths):
    """Yield indices of sequences that may run side by side, the longest first."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        # The first sequence of a batch is its longest.
        n = min(RUN_SEQUENCES, max(1, RUN_STEPS // int(lengths[order[start]])))
        yield order[start : start + n]
        start += n


@cache
def _blas():
    return ThreadpoolController().select(user_api="blas")


class _OneThread:
    """Context that limits the BLAS of the process to one thread while any thread is inside.

    The limits of threadpoolctl do not nest across threads: the last thread to leave would restore
    the number that it found, which may be another thread's limit.
    """

    def __init__(self):
        self._forget()
        # A child must not inherit a lock that another thread of its parent holds.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self):
        self._lock, self._n_inside, self._before = Lock(), 0, None

    def __enter__(self):
        with self._lock:
            if self._n_inside == 0:
                self._before = [library.num_threads for library in _blas().lib_controllers]
                self._set([1] * len(self._before))
            self._n_inside += 1

    def __exit__(self, *_):
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._set(self._before)

    def _set(self, numbers):
        for library, number in zip(_blas().lib_controllers, numbers, strict=True):
            library.set_num_threads(number)
            # In threadpoolctl 3.8 or later, only one thread can limit OpenBLAS until this call.
            if hasattr(library, "clear_controlling_thread"):
                library.clear_controlling_thread()


# More threads do not make the matrix products of a batch faster.
one_thread = _OneThread()
