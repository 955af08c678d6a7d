"""A net that runs on batches by matrix products; _kernels/batch.pyx has the loop over steps."""

import math
from types import SimpleNamespace

import numpy as np
from scipy import sparse

from lstm97._kernels.batch import HiddenLayer, add_sparse_errors, add_sparse_product
from lstm97._kernels.data import Data
from lstm97.data.sequences import Sequences
from lstm97.learning.outputs import activations, output_errors
from lstm97.learning.packing import Packing
from lstm97.learning.topology import STATE_GATES


class BatchNetwork:
    """Net that computes outputs and gradients for a batch of sequences at once.

    Parameters
    ----------
    topology : Topology
        Topology without recurrent outputs.
    dtype : {"float64", "float32"}
        Precision of the hidden layer and of all matrix products; losses are float64.
    """

    def __init__(self, topology, dtype):
        self.topology = topology
        self.dtype = np.dtype(dtype)
        self._n_units, self._n_feedback = topology.n_units, topology.n_feedback
        self._n_seen = topology.n_cells + topology.n_hidden  # seen by the outputs
        self._layer = HiddenLayer(topology)
        self._memory = {}

    @np.errstate(all="ignore")  # the caller checks whether losses are finite
    def learn(self, weights, X, y, full):
        """Compute the gradient, without changing the weights.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
        X : Sequences
        y : Targets
        full : bool
            Whether to compute the full gradient, not the truncated one.

        Returns
        -------
        results : ndarray of shape (n_sequences, 3)
            Loss, largest and mean absolute error.
        gradient : ndarray of shape (n_weights,)
            Negative gradient of the loss, summed over all sequences.
        """
        batch, targets = self._open(weights, X, y)
        self._forward(batch, keep=True)
        results, e = self._judge(batch, y, targets)
        gradient = np.zeros(self.topology.n_weights, self.dtype)
        views = self.topology.views(gradient)
        if len(batch.rows):
            self._add_output_gradient(batch, e, views["output"])
            self._add_hidden_gradient(batch, e, full and self._n_feedback > 0, views)
        return results, gradient.astype(np.float64)

    @np.errstate(all="ignore")
    def evaluate(self, weights, X, y):
        """Return results as `learn` does."""
        batch, targets = self._open(weights, X, y)
        self._forward(batch, keep=False)
        return self._judge(batch, y, targets)[0]

    @np.errstate(all="ignore")
    def run(self, weights, X, every):
        """Return outputs at every step or at the last, with the sequence and step of each row."""
        batch, _ = self._open(weights, X)
        packing = batch.packing
        batch.rows = np.arange(len(packing.step)) if every else packing.last()
        self._forward(batch, keep=False)
        outputs = activations(batch.net, self.topology.output_activation)
        return outputs, packing.sequence[batch.rows], packing.time[batch.rows]

    # -- forward ---------------------------------------------------------------------------------

    def _open(self, weights, X, y=None):
        """Return a batch with its sources and weights, and the rows of its targets."""
        # Refuses sequences and targets that lie outside of their arrays.
        Data(Sequences._trusted(X.flat, X.starts, X.lengths), y)
        packing = Packing(X.starts, X.lengths)
        rows, targets = (None, None) if y is None else packing.due(y)
        batch = SimpleNamespace(packing=packing, rows=rows, x=X.flat, scaling=X.scaling)
        batch.n_sparse = X.n_features if sparse.issparse(X.flat) else 0
        batch.n_dense = X.n_features - batch.n_sparse
        views = self.topology.views(weights.astype(self.dtype))
        batch.w, batch.w_output = self._hidden_weights(views), views["output"]
        batch.z = self._sources(batch)
        return batch, targets

    def _hidden_weights(self, views):
        """Return the groups' weights side by side; a unit without a bias gets a bias of zero."""
        w = self._room("w", self.topology.n_inputs + self._n_feedback + 1, self._n_units)
        w[-1] = 0.0
        for group in self.topology.hidden_groups:
            view = views[group.name]
            w[: len(view), group.first : group.first + group.n_units] = view
        return w

    def _sources(self, batch):
        """Return z: dense inputs, fed-back activations (zero at first), and the constant 1."""
        n_dense, step = batch.n_dense, batch.packing.step
        z = self._room("z", len(step), n_dense + self._n_feedback + 1)
        if n_dense:
            x = batch.x[step]
            z[:, :n_dense] = x if batch.scaling is None else batch.scaling.apply(x)
        z[: batch.packing.active[0], n_dense:-1] = 0.0
        z[:, -1] = 1.0
        return z

    def _forward(self, batch, keep):
        """Run all steps, and store what the gradient needs if `keep` is true."""
        batch.u, column = self._output_sources(batch)
        if self._n_units:
            self._forward_hidden(batch, keep, column)
        net = batch.u @ batch.w_output[len(batch.w_output) - batch.u.shape[1] :]
        if batch.n_sparse and self.topology.shortcut:
            add_sparse_product(batch.x, batch.packing.step[batch.rows], batch.w_output, net)
        batch.net = net.astype(np.float64)

    def _forward_hidden(self, batch, keep, column):
        """Run the hidden layer, and write its activations to the output layer's sources."""
        active, n_cells = batch.packing.active, max(1, self.topology.n_cells)
        if batch.n_sparse:
            keep = True
            batch.a = self._zeros("a", len(batch.z), self._n_units)
            add_sparse_product(batch.x, batch.packing.step, batch.w, batch.a)
        else:
            batch.a = self._room("a", len(batch.z) if keep else active[0], self._n_units)
        batch.before = self._room("before", len(batch.a), n_cells)
        batch.h = self._room("h", len(batch.a), n_cells)
        self._layer.forward(
            active, batch.w[batch.n_sparse :], batch.z, batch.n_dense, keep, batch.n_sparse > 0,
            batch.a, batch.before, batch.h, self._zeros("s", active[0], n_cells), batch.rows,
            batch.u, column,
        )  # fmt: skip

    def _output_sources(self, batch):
        """Return the sources of the output layer, and the column where activations begin."""
        net = self.topology
        n_dense = batch.n_dense * net.shortcut
        u = self._room("u", len(batch.rows), n_dense + self._n_seen + net.output_bias)
        if n_dense:
            u[:, :n_dense] = batch.z[batch.rows, :n_dense]
        if net.output_bias:
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
        """Write the gradient of the weights to the outputs."""
        if batch.n_sparse and self.topology.shortcut:
            add_sparse_errors(batch.x, batch.packing.step[batch.rows], e, 0, view)
        np.matmul(batch.u.T, e, out=view[len(view) - batch.u.shape[1] :])

    def _add_hidden_gradient(self, batch, e, full, views):
        """Write the gradient of the weights to the hidden layer."""
        if self._n_units == 0:
            return
        self._unroll(batch, e, full)
        z, delta, steps, rows = batch.z, batch.a, batch.packing.step, batch.rows
        for group in self.topology.hidden_groups:
            view, columns = views[group.name], slice(group.first, group.first + group.n_units)
            moves_state = group.name in (*STATE_GATES, "cell")
            if full or moves_state or len(rows) == len(z):
                self._multiply(batch, steps, z, delta, columns, view)
            else:  # truncated: these units have errors only in rows with targets
                at_targets = delta[rows, columns]
                self._multiply(batch, steps[rows], z[rows], at_targets, slice(0, None), view)

    def _multiply(self, batch, steps, z, delta, columns, view):
        """Write sources times errors; a group without a bias lacks the last source."""
        if batch.n_sparse:
            add_sparse_errors(batch.x, steps, delta, columns.start, view)
        n_dense = len(view) - batch.n_sparse
        np.matmul(z[:, :n_dense].T, delta[:, columns], out=view[batch.n_sparse :])

    def _unroll(self, batch, e, full):
        """Propagate the outputs' errors to the hidden layer's net inputs, in batch.a."""
        net, active = self.topology, batch.packing.active
        first, gates = net.n_inputs * net.shortcut, self._n_units - self._n_seen
        error = self._room("error", len(e), self._n_units)
        error[:, :gates] = 0.0
        np.matmul(e, batch.w_output[first : first + self._n_seen].T, out=error[:, gates:])
        self._layer.backward(
            active, batch.a, batch.before, batch.h,
            self._zeros("s", active[0], max(1, net.n_cells)),
            self._zeros("received", active[0], self._n_units) if full else error,
            batch.rows, error,
            batch.w[net.n_inputs : net.n_inputs + self._n_feedback] if full else None,
        )  # fmt: skip

    # -- memory ----------------------------------------------------------------------------------

    def _room(self, name, *shape):
        """Return an uninitialised array in memory that later batches use again."""
        size = math.prod(shape)
        if name not in self._memory or len(self._memory[name]) < size:
            self._memory[name] = np.empty(size, self.dtype)
        return self._memory[name][:size].reshape(shape)

    def _zeros(self, name, *shape):
        """Return an array of zeros in memory that later batches use again."""
        room = self._room(name, *shape)
        room[...] = 0.0
        return room
