"""A slow twin of the 1997 LSTM and its truncated gradient, written from the paper's equations.

Nothing here but lists, floats and ``math``, so that every line can be held against the paper:
Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997. Equation
numbers are those of the preprint, (1)-(41). All matrices are indexed ``[source][unit]``; memory
cells are numbered block after block, so cell ``c`` belongs to block ``c // block_size``.
"""

import math
from types import SimpleNamespace


def logistic(a):
    """Squash into [0, 1]: f of the gates, hidden units and outputs, eq. (3)."""
    if a >= 0.0:
        return 1.0 / (1.0 + math.exp(-a))
    return math.exp(a) / (1.0 + math.exp(a))


def softplus(a):
    """Return log(1 + exp(a)), which is minus the logarithm of ``logistic(-a)``."""
    return max(a, 0.0) + math.log1p(math.exp(-abs(a)))


# Name -> (function of the net input, its derivative as a function of its value), eqs. (3)-(5).
SQUASH = {
    "logistic": (logistic, lambda y: y * (1.0 - y)),
    "h": (lambda a: math.tanh(a / 2.0), lambda y: (1.0 + y) * (1.0 - y) / 2.0),
    "g": (lambda a: 2.0 * math.tanh(a / 2.0), lambda y: (2.0 + y) * (2.0 - y) / 4.0),
    "identity": (lambda a: a, lambda y: 1.0),
}


def softmax(net):
    """Outputs that sum to one (not in the paper)."""
    top = max(net)
    powers = [math.exp(a - top) for a in net]
    return [p / sum(powers) for p in powers]


def loss_and_errors(spec, net, y, target):
    """Loss of one step and each output's error e_k = -dE/dnet_k, eqs. (16) and (19).

    As in (19), and unlike the square in (16), there is no factor of two: the squared error is
    1/2 sum (t_k - y_k)^2. A NaN target takes its output out of the loss, so that dE/dy_k = 0.
    """
    known = [not math.isnan(t) for t in target]
    if spec.loss == "squared_error":
        diff = [t - v if there else 0.0 for t, v, there in zip(target, y, known, strict=True)]
        loss = 0.5 * sum(d * d for d in diff)
        if spec.output_activation == "linear":
            return loss, diff
        if spec.output_activation == "logistic":
            return loss, [v * (1.0 - v) * d for v, d in zip(y, diff, strict=True)]
        # Softmax: dy_l/dnet_k = y_l (delta_lk - y_k), summed over all outputs l.
        mean = sum(v * d for v, d in zip(y, diff, strict=True))
        return loss, [v * (d - mean) for v, d in zip(y, diff, strict=True)]
    if spec.output_activation == "logistic":  # -t log y - (1 - t) log(1 - y), from the net input
        terms = [
            t * softplus(-a) + (1.0 - t) * softplus(a) if there else 0.0
            for t, a, there in zip(target, net, known, strict=True)
        ]
        errors = [t - v if there else 0.0 for t, v, there in zip(target, y, known, strict=True)]
        return sum(terms), errors
    if spec.output_activation == "softmax":  # -sum_k t_k log y_k, from the net input
        top = max(net)
        log_total = top + math.log(sum(math.exp(a - top) for a in net))
        given = [t if there else 0.0 for t, there in zip(target, known, strict=True)]
        loss = sum(t * (log_total - a) for t, a in zip(given, net, strict=True))
        return loss, [t - v * sum(given) for t, v in zip(given, y, strict=True)]
    raise ValueError("log_loss needs logistic or softmax outputs")


def outer(sources, errors):
    """Weight changes of ordinary units, error times source, eq. (22)."""
    return [[e * z for e in errors] for z in sources]


def add_scaled(total, change, scale):
    """Add ``scale * change`` to ``total`` in place; both are dicts of matrices."""
    for group, matrix in change.items():
        for row, changes in zip(total[group], matrix, strict=True):
            for u, value in enumerate(changes):
                row[u] += scale * value


class Twin:
    """The network of Sect. 4 of the paper with weights of its own (a copy of those given)."""

    def __init__(self, spec, weights):
        self.spec = spec
        self.weights = {k: [[float(w) for w in row] for row in m] for k, m in weights.items()}
        self.n_cells = spec.n_blocks * spec.block_size
        self.squash_g, self.slope_g = SQUASH[spec.cell_activation]
        self.squash_h, self.slope_h = SQUASH[spec.state_activation]

    def _net(self, group, sources, n_units):
        """Net inputs of a group's units, sum over m of w_um z_m, eqs. (7)-(9)."""
        rows = list(zip(self.weights[group], sources, strict=True))
        return [sum(row[u] * z for row, z in rows) for u in range(n_units)]

    def _feedback(self, y_in, y_out, y_cell, y_hidden):
        """Gather what the hidden layer passes on to itself at the next step, in source order."""
        gates = (y_in if self.spec.input_gate else []) + (y_out if self.spec.output_gate else [])
        everything = {"all": gates + y_cell + y_hidden, "cells": y_cell + y_hidden, "none": []}
        return everything[self.spec.recurrence]

    def _steps(self, x, recorded=None):
        """Walk through a sequence, yielding what each step computed: the forward pass, (1)-(9).

        The fed-back values are the net's own, or those of ``recorded`` if given. The internal
        states are always the net's own. Weights are read afresh at every step.
        """
        spec, blocks = self.spec, range(self.spec.n_blocks)
        block_of = [c // spec.block_size for c in range(self.n_cells)]
        s = [0.0] * self.n_cells
        zeros = [0.0] * spec.n_blocks
        fed = self._feedback(zeros, zeros, s, [0.0] * spec.n_hidden)
        for t, x_t in enumerate(x):
            inputs = [float(v) for v in x_t]
            z = inputs + [float(v) for v in (fed if recorded is None else recorded[t])]
            now = SimpleNamespace(
                fed=z[len(inputs) :],
                y_in=[1.0 for _ in blocks],
                y_out=[1.0 for _ in blocks],
                y_hidden=[],
            )
            now.z_in = z + [1.0] * bool(spec.input_gate_bias)
            now.z_out = z + [1.0] * bool(spec.output_gate_bias)
            now.z_cell = z + [1.0] * bool(spec.cell_bias)  # also of conventional hidden units
            if spec.input_gate:
                now.y_in = [logistic(a) for a in self._net("input_gate", now.z_in, len(blocks))]
            if spec.output_gate:
                now.y_out = [logistic(a) for a in self._net("output_gate", now.z_out, len(blocks))]
            if spec.n_hidden:
                net = self._net("hidden", now.z_cell, spec.n_hidden)
                now.y_hidden = [logistic(a) for a in net]
            now.g = [self.squash_g(a) for a in self._net("cell", now.z_cell, self.n_cells)]
            s = [old + now.y_in[j] * g for old, j, g in zip(s, block_of, now.g, strict=True)]
            now.h = [self.squash_h(a) for a in s]
            y_cell = [now.y_out[j] * h for j, h in zip(block_of, now.h, strict=True)]
            # The third phase: outputs see the activations just computed.
            now.z_output = inputs * bool(spec.shortcut) + y_cell + now.y_hidden
            now.z_output += [1.0] * bool(spec.output_bias)
            now.net_output = self._net("output", now.z_output, spec.n_outputs)
            if spec.output_activation == "softmax":
                now.y = softmax(now.net_output)
            else:
                squash = logistic if spec.output_activation == "logistic" else float
                now.y = [squash(a) for a in now.net_output]
            fed = self._feedback(now.y_in, now.y_out, y_cell, now.y_hidden)
            yield now

    def _advance(self, now, d_in, d_cell):
        """Carry the traces ds_c/dw of input gates, eq. (25), and of cells, eq. (27), one step."""
        for c in range(self.n_cells):
            y_in = now.y_in[c // self.spec.block_size]
            to_gate = now.g[c] * y_in * (1.0 - y_in)
            d_in[c] = [d + to_gate * z for d, z in zip(d_in[c], now.z_in, strict=True)]
            to_cell = self.slope_g(now.g[c]) * y_in
            d_cell[c] = [d + to_cell * z for d, z in zip(d_cell[c], now.z_cell, strict=True)]

    def _direction(self, now, errors, d_in, d_cell):
        """Return the weight changes that one step's output errors ask for at a learning rate of 1.

        Errors of hidden units (20), output gates (21) and states (23); changes of ordinary
        weights (22), of weights to input gates (26) and of weights to cells (28).
        """
        spec, size = self.spec, self.spec.block_size
        back = [
            sum(w * e for w, e in zip(row, errors, strict=True)) for row in self.weights["output"]
        ]
        back = back[spec.n_inputs * bool(spec.shortcut) :]
        back_cell, back_hidden = back[: self.n_cells], back[self.n_cells :][: spec.n_hidden]
        e_state = [
            now.y_out[c // size] * self.slope_h(now.h[c]) * back_cell[c]
            for c in range(self.n_cells)
        ]
        members = [range(j * size, (j + 1) * size) for j in range(spec.n_blocks)]
        change = {"output": outer(now.z_output, errors)}
        change["cell"] = [
            [e_state[c] * d_cell[c][m] for c in range(self.n_cells)] for m in range(len(now.z_cell))
        ]
        if spec.input_gate:
            change["input_gate"] = [
                [sum(e_state[c] * d_in[c][m] for c in block) for block in members]
                for m in range(len(now.z_in))
            ]
        if spec.output_gate:
            e_out = [
                y * (1.0 - y) * sum(now.h[c] * back_cell[c] for c in block)
                for y, block in zip(now.y_out, members, strict=True)
            ]
            change["output_gate"] = outer(now.z_out, e_out)
        if spec.n_hidden:
            e_hidden = [y * (1.0 - y) * b for y, b in zip(now.y_hidden, back_hidden, strict=True)]
            change["hidden"] = outer(now.z_cell, e_hidden)
        return change

    def _learn(self, x, targets):
        """Yield (loss, weight changes) at each step with a target; traces run on, (25), (27)."""
        traces = None
        for now, target in zip(self._steps(x), targets, strict=True):
            traces = traces or (
                [[0.0] * len(now.z_in) for _ in range(self.n_cells)],
                [[0.0] * len(now.z_cell) for _ in range(self.n_cells)],
            )
            self._advance(now, *traces)
            if target is not None:
                loss, errors = loss_and_errors(self.spec, now.net_output, now.y, target)
                yield loss, self._direction(now, errors, *traces)

    def run(self, x):
        """Outputs at every step of a sequence, from the zero state, eqs. (1)-(9)."""
        return [now.y for now in self._steps(x)]

    def recorded(self, x):
        """Return the fed-back values y(t-1) that each step of a sequence sees, in source order."""
        return [now.fed for now in self._steps(x)]

    def gradient(self, x, targets, weight=1.0):
        """Loss and its truncated descent direction summed over all steps, eqs. (19)-(28)."""
        total = {k: [[0.0] * len(row) for row in m] for k, m in self.weights.items()}
        loss = 0.0
        for step_loss, change in self._learn(x, targets):
            loss += weight * step_loss
            add_scaled(total, change, weight)
        return loss, total

    def train(self, x, targets, learning_rate, weight=1.0):
        """Learn on-line: the changes (22), (26), (28) are made at every step with a target.

        All errors of a step come from the weights before its change; the traces are kept.
        """
        loss = 0.0
        for step_loss, change in self._learn(x, targets):
            loss += weight * step_loss
            add_scaled(self.weights, change, learning_rate * weight)
        return loss


def frozen_loss(spec, weights, x, targets, recorded, weight=1.0):
    """Loss of the net whose fed-back inputs are constants, one list of them per step.

    The truncation, eqs. (10)-(12), sets to zero what net inputs owe to earlier activations. With
    those activations held fixed nothing is left to cut, so the plain gradient of this loss is
    the truncated gradient; the states s still carry errors through time.
    """
    steps = Twin(spec, weights)._steps(x, recorded)
    return weight * sum(
        loss_and_errors(spec, now.net_output, now.y, target)[0]
        for now, target in zip(steps, targets, strict=True)
        if target is not None
    )
