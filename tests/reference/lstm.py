"""A slow twin of the 1997 LSTM and its truncated gradient, written from the paper's equations.

Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; equation
numbers are the preprint's, (1)-(41). Matrices are indexed ``[source][unit]``; memory cells are
numbered block after block, so that cell ``c`` belongs to block ``c // block_size``. The forget gate
is that of Gers, Schmidhuber and Cummins, "Learning to Forget", Neural Computation 12(10), 2000.
"""

import math
from types import SimpleNamespace


def logistic(a):
    """Squash into [0, 1]: f of gates, hidden units and outputs, eq. (3)."""
    if a >= 0.0:
        return 1.0 / (1.0 + math.exp(-a))
    return math.exp(a) / (1.0 + math.exp(a))


# Name -> (function of the net input, its derivative as a function of its value), eqs. (3)-(5).
SQUASH = {
    "logistic": (logistic, lambda y: y * (1.0 - y)),
    "h": (lambda a: math.tanh(a / 2.0), lambda y: (1.0 + y) * (1.0 - y) / 2.0),
    "g": (lambda a: 2.0 * math.tanh(a / 2.0), lambda y: (2.0 + y) * (2.0 - y) / 4.0),
    "identity": (lambda a: a, lambda y: 1.0),
}


def dot(a, b):
    """Sum of products, as in every net input, eqs. (6)-(9)."""
    return sum(p * q for p, q in zip(a, b, strict=True))


def outer(sources, errors):
    """Weight changes of ordinary units, error times source, eq. (22)."""
    return [[e * z for e in errors] for z in sources]


def softmax(net):
    """Positive outputs that sum to one (not in the paper)."""
    powers = [math.exp(a - max(net)) for a in net]
    return [p / sum(powers) for p in powers]


OUTPUTS = {"logistic": lambda net: [logistic(a) for a in net], "linear": list, "softmax": softmax}


def softplus(a):
    """Minus the logarithm of ``logistic(-a)``, for the log loss (not in the paper)."""
    return max(a, 0.0) + math.log1p(math.exp(-abs(a)))


def loss_and_errors(spec, now, target):
    """Loss of one step and every output's error e_k = -dE/dnet_k, eqs. (16), (18), (19).

    As in (19), and unlike the square in (16), there is no factor of two: the squared error is
    1/2 sum (t_k - y_k)^2. A NaN target takes its output out of the loss, so that dE/dy_k = 0.
    """
    net, y = now.net, now.y
    diff = [0.0 if math.isnan(t) else t - v for t, v in zip(target, y, strict=True)]
    if spec.loss == "squared_error":
        loss = 0.5 * dot(diff, diff)
        if spec.output_activation == "linear":
            return loss, diff
        if spec.output_activation == "logistic":
            return loss, [v * (1.0 - v) * d for v, d in zip(y, diff, strict=True)]
        # Softmax: dy_l/dnet_k = y_l (delta_lk - y_k), summed over all outputs l.
        return loss, [v * (d - dot(y, diff)) for v, d in zip(y, diff, strict=True)]
    # Logarithms of outputs are taken from the net inputs, which do not saturate.
    if spec.output_activation == "logistic":  # -t log y - (1 - t) log(1 - y)
        known = [(t, a) for t, a in zip(target, net, strict=True) if not math.isnan(t)]
        return sum(t * softplus(-a) + (1.0 - t) * softplus(a) for t, a in known), diff
    if spec.output_activation == "softmax":  # -sum_k t_k log y_k
        log_total = max(net) + math.log(sum(math.exp(a - max(net)) for a in net))
        given = [0.0 if math.isnan(t) else t for t in target]
        errors = [t - v * sum(given) for t, v in zip(given, y, strict=True)]
        return dot(given, [log_total - a for a in net]), errors
    raise ValueError("log_loss needs logistic or softmax outputs")


def add_scaled(total, change, scale):
    """Add ``scale * change`` to ``total`` in place, group by group, eq. (17)."""
    for group, matrix in change.items():
        for row, changes in zip(total[group], matrix, strict=True):
            row[:] = [w + scale * d for w, d in zip(row, changes, strict=True)]


class Twin:
    """The network of the paper's Sect. 4 and Appendix A.1, with its own copy of the weights."""

    def __init__(self, spec, weights):
        self.spec = spec
        self.weights = {k: [[float(w) for w in row] for row in m] for k, m in weights.items()}
        self.n_cells = spec.n_blocks * spec.block_size
        self.squash_g, self.slope_g = SQUASH[spec.cell_activation]
        self.squash_h, self.slope_h = SQUASH[spec.state_activation]

    def _net(self, group, z, n_units):
        """Net inputs of a group's units, sum over sources m of w_um z_m, eqs. (6)-(9)."""
        return [dot([row[u] for row in self.weights[group]], z) for u in range(n_units)]

    def _feedback(self, y_in, y_forget, y_out, y_cell, y_hidden):
        """What the hidden layer feeds back to itself, the y(t-1) of (6)-(9), in source order."""
        spec = self.spec
        if spec.recurrence == "none":
            return []
        gates = y_in * bool(spec.input_gate) + y_forget * bool(spec.forget_gate)
        gates += y_out * bool(spec.output_gate)
        return (gates if spec.recurrence == "all" else []) + y_cell + y_hidden

    def _opening(self, gate, z):
        """Openings of all gates of a kind, (6), (7). A missing gate is always open."""
        if not getattr(self.spec, gate):
            return [1.0] * self.spec.n_blocks
        return [logistic(a) for a in self._net(gate, z, self.spec.n_blocks)]

    def _steps(self, x, recorded=None):
        """Run through a sequence, yielding all values that a step computes: forward pass, (6)-(9).

        Fed back are the net's own activations, or ``recorded`` if given; the internal states are
        always the net's own. Weights are read afresh at every step.
        """
        spec, n_blocks, n_cells = self.spec, self.spec.n_blocks, self.n_cells
        s = [0.0] * n_cells
        shut = [0.0] * n_blocks
        fed = self._feedback(shut, shut, shut, s, [0.0] * spec.n_hidden)
        for t, x_t in enumerate(x):
            inputs = [float(v) for v in x_t]
            fed = fed if recorded is None else [float(v) for v in recorded[t]]
            now = SimpleNamespace(fed=fed)
            now.z_in = inputs + fed + [1.0] * bool(spec.input_gate_bias)
            now.z_forget = inputs + fed + [1.0] * bool(spec.forget_gate_bias)
            now.z_out = inputs + fed + [1.0] * bool(spec.output_gate_bias)
            now.z_cell = inputs + fed + [1.0] * bool(spec.cell_bias)  # and of hidden units
            # The hidden layer, which sees x(t) and y(t-1).
            now.y_in = self._opening("input_gate", now.z_in)
            now.y_forget = self._opening("forget_gate", now.z_forget)
            now.y_out = self._opening("output_gate", now.z_out)
            now.y_hidden = [logistic(a) for a in self._net("hidden", now.z_cell, spec.n_hidden)]
            now.g = [self.squash_g(a) for a in self._net("cell", now.z_cell, n_cells)]
            now.s_before, blocks = s, [c // spec.block_size for c in range(n_cells)]
            s = [
                now.y_forget[j] * before + now.y_in[j] * g
                for j, before, g in zip(blocks, s, now.g, strict=True)
            ]
            now.s = s
            now.h = [self.squash_h(a) for a in s]
            y_cell = [now.y_out[c // spec.block_size] * now.h[c] for c in range(n_cells)]
            # The outputs, which see the activations just computed.
            now.z_output = inputs * bool(spec.shortcut) + y_cell + now.y_hidden
            now.z_output += [1.0] * bool(spec.output_bias)
            now.net = self._net("output", now.z_output, spec.n_outputs)
            now.y = OUTPUTS[spec.output_activation](now.net)
            yield now
            fed = self._feedback(now.y_in, now.y_forget, now.y_out, y_cell, now.y_hidden)

    def _advance(self, now, traces):
        """Carry the traces ds_c/dw of gates, eq. (25), and of cells, eq. (27), one step.

        A forget gate multiplies the state before the step, as an input gate multiplies g(net_c).
        """
        for c in range(self.n_cells):
            j = c // self.spec.block_size
            y_in, y_forget = now.y_in[j], now.y_forget[j]
            pushes = {
                "input_gate": (now.g[c] * y_in * (1.0 - y_in), now.z_in),
                "forget_gate": (now.s_before[c] * y_forget * (1.0 - y_forget), now.z_forget),
                "cell": (self.slope_g(now.g[c]) * y_in, now.z_cell),
            }
            for name, (push, sources) in pushes.items():
                trace = traces[name]
                trace[c] = [y_forget * d + push * z for d, z in zip(trace[c], sources, strict=True)]

    def _changes(self, now, errors, traces):
        """Weight changes (22), (26), (28) from one step's errors (20), (21), (23), alpha = 1."""
        spec, size, cells = self.spec, self.spec.block_size, range(self.n_cells)
        blocks = [range(j * size, (j + 1) * size) for j in range(spec.n_blocks)]
        back = [dot(row, errors) for row in self.weights["output"]]  # sum_k w_km e_k
        back = back[spec.n_inputs * bool(spec.shortcut) :]
        back_cell, back_hidden = back[: self.n_cells], back[self.n_cells :][: spec.n_hidden]
        e_s = [now.y_out[c // size] * self.slope_h(now.h[c]) * back_cell[c] for c in cells]
        changes = {"output": outer(now.z_output, errors)}
        d_cell = traces["cell"]
        changes["cell"] = [[e_s[c] * d_cell[c][m] for c in cells] for m in range(len(now.z_cell))]
        for gate, sources in (("input_gate", now.z_in), ("forget_gate", now.z_forget)):
            if getattr(spec, gate):
                changes[gate] = [
                    [sum(e_s[c] * traces[gate][c][m] for c in block) for block in blocks]
                    for m in range(len(sources))
                ]
        if spec.output_gate:
            inner = [sum(now.h[c] * back_cell[c] for c in block) for block in blocks]
            e_out = [y * (1.0 - y) * b for y, b in zip(now.y_out, inner, strict=True)]
            changes["output_gate"] = outer(now.z_out, e_out)
        if spec.n_hidden:
            e_hidden = [y * (1.0 - y) * b for y, b in zip(now.y_hidden, back_hidden, strict=True)]
            changes["hidden"] = outer(now.z_cell, e_hidden)
        return changes

    def _learn(self, x, targets):
        """Yield (loss, weight changes) of each step with a target, eqs. (19)-(28), as time goes."""
        traces = None
        for now, target in zip(self._steps(x), targets, strict=True):
            if traces is None:  # zero at sequence start
                sources = {"input_gate": now.z_in, "forget_gate": now.z_forget, "cell": now.z_cell}
                traces = {
                    name: [[0.0] * len(z) for _ in range(self.n_cells)]
                    for name, z in sources.items()
                }
            self._advance(now, traces)
            if target is not None:
                loss, errors = loss_and_errors(self.spec, now, target)
                yield loss, self._changes(now, errors, traces)

    def run(self, x):
        """Outputs at every step of a sequence, from the zero state, eqs. (6)-(9)."""
        return [now.y for now in self._steps(x)]

    def recorded(self, x):
        """Fed-back values y(t-1) that every step of a sequence sees, in source order, (6)-(9)."""
        return [now.fed for now in self._steps(x)]

    def gradient(self, x, targets, weight=1.0):
        """Loss and its truncated descent direction, summed over all steps, eqs. (19)-(28)."""
        loss, total = 0.0, {k: [[0.0] * len(row) for row in m] for k, m in self.weights.items()}
        for step_loss, changes in self._learn(x, targets):
            loss += weight * step_loss
            add_scaled(total, changes, weight)
        return loss, total

    def train(self, x, targets, learning_rate, weight=1.0):
        """Learn on-line: change ``self.weights`` at every step with a target, (22), (26), (28)."""
        loss = 0.0
        for step_loss, changes in self._learn(x, targets):
            loss += weight * step_loss
            add_scaled(self.weights, changes, learning_rate * weight)
        return loss


def frozen_loss(spec, weights, x, targets, recorded, weight=1.0):
    """Loss of the net whose fed-back inputs are the constants ``recorded``, a list per step.

    Eqs. (10)-(15) cut the dependence of net inputs on y(t-1). With y(t-1) held fixed nothing is
    left to cut: the plain gradient of this loss, states carried on, is the truncated gradient.
    """
    steps = zip(Twin(spec, weights)._steps(x, recorded), targets, strict=True)
    return weight * sum(loss_and_errors(spec, now, d)[0] for now, d in steps if d is not None)
