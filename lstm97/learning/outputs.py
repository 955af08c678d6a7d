"""Outputs of a batch and their errors: the formulas of _kernels/gradient.pxd, over arrays."""

import numpy as np
from scipy.special import expit, logsumexp


def activations(net, kind):
    """Return the outputs for net inputs of shape (n_rows, n_outputs)."""
    if kind == "logistic":
        return expit(net)
    if kind == "softmax":
        return np.exp(net - logsumexp(net, axis=1, keepdims=True))
    return net


def proportions(outputs):
    """Scale outputs of classes to sum to one along the last axis; equal parts if all are zero."""
    total = outputs.sum(axis=-1, keepdims=True)
    equal = np.full_like(outputs, 1.0 / outputs.shape[-1])
    return np.divide(outputs, total, out=equal, where=total > 0.0)


def output_errors(topology, net, targets):
    """Return loss, absolute errors and errors at the net inputs.

    Parameters
    ----------
    topology : Topology
    net, targets : ndarray of shape (n_rows, n_outputs)
        A target of NaN is missing and gives no error.

    Returns
    -------
    loss : ndarray of shape (n_rows,)
    absolute : ndarray of shape (n_rows, n_outputs)
    e : ndarray of shape (n_rows, n_outputs)
        Negative derivatives of the loss by the net inputs.
    """
    kind = topology.output_activation
    y = activations(net, kind)
    missing = np.isnan(targets)
    error = np.where(missing, 0.0, targets - y)
    if topology.loss == "squared_error":
        loss, e = 0.5 * error**2, error
        if kind == "logistic":
            e = error * y * (1.0 - y)
        elif kind == "softmax":  # each net input moves all outputs
            e = (error - (error * y).sum(axis=1, keepdims=True)) * y
    else:
        d = np.where(missing, 0.0, targets)
        loss, e = _log_loss(kind, net, d, missing), error
        if kind == "softmax":
            e = d - d.sum(axis=1, keepdims=True) * y
    return loss.sum(axis=1), np.abs(error), e


def _log_loss(kind, net, d, missing):
    """Return the log loss, from net inputs so that it stays finite at outputs of 0 or 1."""
    if kind == "softmax":
        return d * (logsumexp(net, axis=1, keepdims=True) - net)
    loss = np.maximum(net, 0.0) - d * net + np.log1p(np.exp(-np.abs(net)))
    return np.where(missing, 0.0, loss)
