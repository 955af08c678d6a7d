"""A net over batches: the matrix products; what goes step by step is in `_batch.pyx`."""

from types import SimpleNamespace

import numpy as np
from scipy import sparse

from lstm97._batch import HiddenLayer
from lstm97._learners.outputs import activations, output_errors
from lstm97._learners.packing import Packing


class BatchNetwork:
    """Outputs and gradient of a net, for a batch of sequences at once.

    Parameters
    ----------
    topology : Topology
        Without recurrent outputs.
    dtype : {"float64", "float32"}
        Arithmetic of the hidden layer and of all matrix products; losses are float64.
    """

    def __init__(self, topology, dtype):
        if topology.recurrent_outputs:
            raise ValueError("batches are for nets with a layer of outputs")
        self.topology = topology
        self.dtype = np.dtype(dtype)
        self._layer = HiddenLayer(topology)
        self._memory = {}

    @np.errstate(all="ignore")  # what is not finite shows in the losses
    def learn(self, weights, X, y, full):
        """Find the gradient; no weight moves.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
        X : Sequences
        y : Targets
        full : bool
            Whether nothing is truncated.

        Returns
        -------
        results : ndarray of shape (n_sequences, 3)
            Loss, largest and mean absolute error.
        gradient : ndarray of shape (n_weights,)
            Downhill, the sum over all sequences.
        """
        batch, targets = self._open(weights, X, y)
        self._forward(batch, keep=True)
        results, e = self._judge(batch, y, targets)
        gradient = np.zeros(self.topology.n_weights, self.dtype)
        views = self.topology.views(gradient)
        if len(batch.rows):
            self._add_output_gradient(batch, e, views["output"])
            self._add_hidden_gradient(batch, e, full and self.topology.n_feedback > 0, views)
        return results, gradient.astype(np.float64)

    @np.errstate(all="ignore")
    def evaluate(self, weights, X, y):
        """Return the results as `learn` does."""
        batch, targets = self._open(weights, X, y)
        self._forward(batch, keep=False)
        return self._judge(batch, y, targets)[0]

    @np.errstate(all="ignore")
    def run(self, weights, X, every):
        """Return outputs at every step or at the last, and sequence and step of each row."""
        batch, _ = self._open(weights, X)
        packing = batch.packing
        batch.rows = np.arange(len(packing.step)) if every else packing.last()
        self._forward(batch, keep=False)
        outputs = activations(batch.net, self.topology.output_activation)
        return outputs, packing.sequence[batch.rows], packing.time[batch.rows]

    # -- forward ---------------------------------------------------------------------------------

    def _open(self, weights, X, y=None):
        """Return a batch with its sources and weights, and the places of its targets."""
        packing = Packing(X.starts, X.lengths)
        rows, targets = (None, None) if y is None else packing.due(y)
        batch = SimpleNamespace(packing=packing, rows=rows, x=None, n_dense=X.n_features)
        if sparse.issparse(X.flat):
            batch.x, batch.n_dense = X.flat[packing.step].astype(self.dtype), 0
        views = self.topology.views(weights.astype(self.dtype))
        batch.w, batch.w_output = self._hidden_weights(views), views["output"]
        batch.z = self._sources(X, batch)
        return batch, targets

    def _hidden_weights(self, views):
        """Put the groups side by side; a unit without a bias has one of zero."""
        n = self.topology
        w = self._room("w", n.n_inputs + n.n_feedback + 1, n.n_units)
        w[-1] = 0.0
        for group in n.hidden_groups:
            view = views[group.name]
            w[: len(view), group.first : group.first + group.n_units] = view
        return w

    def _sources(self, X, batch):
        """Return z: dense inputs, room for what is fed back, which begins as zero, and 1."""
        n_dense = batch.n_dense
        z = self._room("z", len(batch.packing.step), n_dense + self.topology.n_feedback + 1)
        if n_dense:
            z[:, :n_dense] = X.flat[batch.packing.step]
        z[: batch.packing.active[0], n_dense:-1] = 0.0
        z[:, -1] = 1.0
        return z

    def _forward(self, batch, keep):
        """Go through all steps; keep what the way back needs."""
        n, active = self.topology, batch.packing.active
        batch.u, column = self._output_sources(batch)
        n_sparse = n.n_inputs - batch.n_dense
        if n.n_units:
            if n_sparse:
                batch.a, keep = batch.x @ batch.w[:n_sparse], True
            else:
                batch.a = self._room("a", len(batch.z) if keep else active[0], n.n_units)
            batch.h = self._room("h", len(batch.a), max(1, n.n_cells))
            self._layer.forward(
                active, batch.w[n_sparse:], batch.z, batch.n_dense, keep, n_sparse > 0,
                batch.a, batch.h, self._zeros("s", active[0], max(1, n.n_cells)),
                batch.rows, batch.u, column,
            )  # fmt: skip
        n_sparse *= n.shortcut
        batch.net = batch.u @ batch.w_output[n_sparse:]
        if n_sparse:
            batch.net += batch.x[batch.rows] @ batch.w_output[:n_sparse]
        batch.net = batch.net.astype(np.float64)

    def _output_sources(self, batch):
        """Return what the output layer sees, and where activations are to be written in it."""
        n = self.topology
        n_dense = batch.n_dense * n.shortcut
        u = self._room("u", len(batch.rows), n_dense + n.n_cells + n.n_hidden + n.output_bias)
        if n_dense:
            u[:, :n_dense] = batch.z[batch.rows, :n_dense]
        if n.output_bias:
            u[:, -1] = 1.0
        return u, n_dense

    def _judge(self, batch, y, targets):
        """Return results per sequence, and errors at the outputs' net inputs."""
        values, sequence = y.values[targets], batch.packing.sequence[batch.rows]
        loss, absolute, e = output_errors(self.topology, batch.net, values)
        if y.weight is not None:
            loss, e = loss * y.weight[targets], e * y.weight[targets, None]
        n = len(batch.packing.lengths)
        count = np.bincount(sequence, (~np.isnan(values)).sum(axis=1), n)
        results = np.zeros((n, 3))
        results[:, 0] = np.bincount(sequence, loss, n)
        np.maximum.at(results[:, 1], sequence, absolute.max(axis=1))
        results[count == 0, 1] = np.nan
        results[:, 2] = np.bincount(sequence, absolute.sum(axis=1), n) / count
        return results, e.astype(self.dtype)

    # -- backward --------------------------------------------------------------------------------

    def _add_output_gradient(self, batch, e, view):
        x = batch.x[batch.rows] if self.topology.shortcut and batch.x is not None else None
        _multiply_errors(x, batch.u, e, view)

    def _add_hidden_gradient(self, batch, e, full, views):
        n = self.topology
        if n.n_units == 0:
            return
        self._unroll(batch, e, full)
        x, z, delta = batch.x, batch.z, batch.a
        for group in n.hidden_groups:
            columns = slice(group.first, group.first + group.n_units)
            if full or group.name in ("input_gate", "cell") or len(batch.rows) == len(z):
                _multiply_errors(x, z, delta[:, columns], views[group.name])
            else:  # truncated: these have an error in the rows of targets only
                some = None if x is None else x[batch.rows]
                at_targets = delta[batch.rows, columns]
                _multiply_errors(some, z[batch.rows], at_targets, views[group.name])

    def _unroll(self, batch, e, full):
        """From errors at the outputs to those at the hidden layer's net inputs, in batch.a."""
        n, n_sequences = self.topology, batch.packing.active[0]
        first = n.n_inputs * n.shortcut
        w = batch.w_output[first : first + n.n_cells + n.n_hidden]
        error = self._room("error", len(e), n.n_units)
        gates = n.n_units - n.n_cells - n.n_hidden
        error[:, :gates] = 0.0
        np.matmul(e, w.T, out=error[:, gates:])
        fed_back = batch.w[n.n_inputs : n.n_inputs + n.n_feedback]
        self._layer.backward(
            batch.packing.active, batch.a, batch.h,
            self._zeros("s", n_sequences, max(1, n.n_cells)),
            self._zeros("received", n_sequences, n.n_units) if full else error,
            batch.rows, error, fed_back if full else None,
        )  # fmt: skip

    # -- memory ----------------------------------------------------------------------------------

    def _room(self, name, *shape):
        """Return an array of any content, in memory that is kept for the next batch."""
        size = int(np.prod(shape))
        if name not in self._memory or len(self._memory[name]) < size:
            self._memory[name] = np.empty(size, self.dtype)
        return self._memory[name][:size].reshape(shape)

    def _zeros(self, name, *shape):
        room = self._room(name, *shape)
        room[...] = 0.0
        return room


def _multiply_errors(x, z, delta, view):
    """Write sources times errors: sparse sources first, if there are any, then dense ones.

    What has no bias does not have the last source.
    """
    n_sparse = 0 if x is None else x.shape[1]
    if n_sparse:
        view[:n_sparse] = x.T @ delta
    np.matmul(z[:, : len(view) - n_sparse].T, delta, out=view[n_sparse:])
