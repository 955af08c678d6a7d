"""A slow twin of an exported net in single precision: one step of one sequence, in NumPy.

It is written from the paper's equations and the kernels' order of sums, and shares no code with
either. All numbers are float32, so each operation rounds to 24 bits; `fma` rounds once.
"""

import numpy as np

F = np.float32
STATE_GATES = ("input_gate", "forget_gate")


def fma(a, b, c):
    """Return a b + c, rounded once: the sum is rounded to odd in double precision first."""
    product = np.multiply(a, b, dtype=np.float64)  # exact
    c = np.asarray(c, dtype=np.float64)
    total = product + c
    part = total - product
    rest = (product - (total - part)) + (c - part)  # exact: the error of the sum
    bits = total.view(np.int64)
    is_even = (bits & 1) == 0
    # Towards the exact sum: away from zero if the rest has the sign of the total.
    move = np.where((rest > 0) == (total > 0), 1, -1)
    odd = (bits + np.where((rest != 0) & is_even & np.isfinite(total), move, 0)).view(np.float64)
    return odd.astype(F)


def reduced(x):
    """Return 2^k and exp(r) - 1, where -x = k ln(2) + r."""
    x = np.minimum(F(87), np.maximum(F(-87), x))
    per_ln2, high, low = (F(float.fromhex(n)) for n in ("0x1.715476p0", "0x1.62e430p-1",
                                                        "-0x1.05c610p-29"))  # fmt: skip
    # Rounded to an integer, ties to even; a float this large has no digits behind the point.
    k = fma(x, -per_ln2, F(2**23 + 2**22 + 127)) - F(2**23 + 2**22 + 127)
    r = fma(k, -low, fma(k, -high, -x))
    c = [F(float.fromhex(n)) for n in ("0x1p-1", "0x1.5554b0p-3", "0x1.555486p-5",
                                       "0x1.1227f0p-7", "0x1.6d98fcp-10")]  # fmt: skip
    square = r * r
    front, middle = fma(r, c[1], c[0]), fma(r, c[3], c[2])
    m = fma(square, fma(square * square, c[4], fma(square, middle, front)), r)
    return np.ldexp(F(1), k.astype(int)), m


def squash(x, low, high):
    power, m = reduced(np.asarray(x, F))
    e = fma(power, m, power - F(1))
    return fma(F(low), e, F(low) + F(high)) / (F(2) + e)


def exp(x):
    power, m = reduced(-x)
    return fma(power, m, power)


def log(x):
    f, k = np.frexp(x)
    is_low = f < F(float.fromhex("0x1.6a09e6p-1"))  # sqrt(1/2)
    f, k = np.where(is_low, 2 * f, f).astype(F) - F(1), F(k - is_low)
    s = f / (F(2) + f)
    z = s * s
    r = fma(F(2 / 9), z, F(2 / 7))
    r = fma(fma(r, z, F(2 / 5)), z, F(2 / 3))
    half = F(0.5) * f * f
    low, high = F(float.fromhex("-0x1.05c610p-29")), F(float.fromhex("0x1.62e430p-1"))
    return fma(k, high, f - (half - fma(k, low, s * fma(r, z, half))))


def weighted(rows, sources, start):
    """Return start + the sum of sources times rows, one source after the other."""
    total = np.asarray(start, F)
    for row, source in zip(rows, sources, strict=True):
        total = fma(row, source, total)
    return total


class SingleNet:
    """Twin of the struct, and of its functions `step` and `learn`.

    Parameters
    ----------
    net : lstm97.export.net.Net
    learning_rate : float
    solver_state : dict or None
        State of Adam.
    class_weights : ndarray or None
    """

    def __init__(self, net, learning_rate, solver_state=None, class_weights=None):
        self.net, self.n = net, net.topology
        self.w = {name: view.astype(F) for name, view in self.n.views(net.weights).items()}
        self.rate, self.class_weights = F(learning_rate), class_weights
        self.moments = None
        if solver_state is not None:
            self.moments = [
                {name: view.astype(F) for name, view in self.n.views(solver_state[key]).items()}
                for key in ("mean", "square")
            ]
            self.powers = solver_state["powers"].astype(F)
        self.gates = [g for g in (*STATE_GATES, "output_gate") if g in self.w]
        self.block = np.arange(self.n.n_cells) // self.n.block_size
        self.traced = ["cell", *(g for g in STATE_GATES if g in self.w)]
        self.reset()

    def reset(self):
        n = self.n
        self.y, self.s = np.zeros(n.n_units, F), np.zeros(n.n_cells, F)
        n_rows = n.n_inputs + n.n_feedback + 1
        self.trace = {name: np.zeros((n_rows, n.n_cells), F) for name in self.traced}

    def weights(self):
        return np.concatenate([view.ravel() for view in self.w.values()])

    def of_cells(self, name):
        """Return the opening of each cell's gate; 1 without one."""
        return self.y_of[name][self.block] if name in self.y_of else F(1)

    def step(self, x):
        n, x = self.n, np.asarray(x, F)
        for affine in self.net.inputs:
            x = (x - affine.mean.astype(F)) / affine.scale.astype(F)
        self.z = np.concatenate([x, self.y[n.first_feedback :][: n.n_feedback], [F(1)]])
        low, high = n.cell_range
        self.y_of = {}
        for name, _, _, bias in n.hidden_groups:
            w = self.w[name]
            start = w[-1] if bias else np.zeros(w.shape[1], F)
            total = weighted(w[: len(self.z) - 1], self.z[:-1], start)
            bounds = (low, high) if name == "cell" else (0, 1)
            self.y_of[name] = squash(total, *bounds)
        before, g = self.s, self.y_of["cell"]
        kept = before if "forget_gate" not in self.w else self.of_cells("forget_gate") * before
        self.s = fma(self.of_cells("input_gate"), g, kept)
        self.h = self.s if n.state_activation == "identity" else squash(self.s, -1, 1)
        # What this step adds to the traces, without the source.
        slope = F(1 / (high - low))
        u = {"cell": self.of_cells("input_gate") * slope * (F(high) - g) * (g - F(low))}
        for name, factor in (("input_gate", g), ("forget_gate", before)):
            opening = self.of_cells(name)
            u[name] = factor * opening * (F(1) - opening)
        for name, trace in self.trace.items():
            if "forget_gate" in self.w:
                trace = self.of_cells("forget_gate") * trace
            self.trace[name] = fma(u[name], self.z[:, None], trace)
        self.y_of["cell"] = self.of_cells("output_gate") * self.h
        self.y = np.concatenate([self.y_of[group.name] for group in n.hidden_groups])
        self.sources = np.concatenate([x if n.shortcut else [], self.y[n.n_gates :]]).astype(F)
        w = self.w["output"]
        start = w[-1] if n.output_bias else np.zeros(n.n_outputs, F)
        self.input = weighted(w[: len(self.sources)], self.sources, start)
        return self.predicted(self.activated())

    def activated(self):
        kind = self.n.output_activation
        self.output = self.input
        if kind == "logistic":
            self.output = squash(self.input, 0, 1)
        elif kind == "softmax":
            each = exp(self.input - self.input.max())
            total = np.cumsum(each, dtype=F)[-1]  # one after the other
            self.output, self.log_total = each / total, self.input.max() + log(total)
        return self.output

    def predicted(self, output):
        if self.net.classes is not None:
            total = output.sum()
            return output / total if total > 0 else np.full_like(output, 1 / len(output))
        if self.net.targets is not None:
            return output * self.net.targets.scale.astype(F) + self.net.targets.mean.astype(F)
        return output

    def learn(self, target):
        n, weight = self.n, F(1)
        if self.net.classes is not None:
            if self.class_weights is not None:
                weight = F(self.class_weights[target])
            target = np.eye(n.n_outputs)[target]
        d = np.asarray(target, F)
        if self.net.targets is not None:
            d = (d - self.net.targets.mean.astype(F)) / self.net.targets.scale.astype(F)
        loss, e = self.error(d)
        loss, e = weight * loss, e * weight
        if not np.isfinite(loss):
            return loss
        self.move(self.gradient(e))
        return loss

    def error(self, d):
        n, y = self.n, self.output
        has, difference = ~np.isnan(d), d - y
        if n.loss == "squared_error":
            parts = F(0.5) * difference * difference
            e = difference
            if n.output_activation == "logistic":
                e = difference * y * (F(1) - y)
            elif n.output_activation == "softmax":
                e = (e - weighted(y, difference, F(0))) * y
        elif n.output_activation == "softmax":
            parts = d * (self.log_total - self.input)
            e = d - np.cumsum(d, dtype=F)[-1] * y
        else:
            parts = (np.maximum(self.input, F(0)) - d * self.input) + log(
                F(1) + exp(-np.abs(self.input))
            )
            e = difference
        total = F(0)
        for part in parts[has]:
            total = total + part
        return total, np.where(has, e, F(0))

    def gradient(self, e):
        """Return the gradient of each group's weights."""
        n, gradient = self.n, {}
        rows = self.w["output"][n.n_inputs * n.shortcut :][: n.n_cells + n.n_hidden]
        errors = weighted(rows.T, e, np.zeros(len(rows), F))
        error, at_hidden = errors[: n.n_cells], errors[n.n_cells :]
        slope = F(1)
        if n.state_activation == "h":
            slope = F(0.5) * (F(1) - self.h) * (F(1) + self.h)
        e_s = self.of_cells("output_gate") * slope * error
        delta = {}
        if "hidden" in self.w:
            y = self.y_of["hidden"]
            delta["hidden"] = y * (F(1) - y) * at_hidden
        if "output_gate" in self.w:
            parts = (self.h.reshape(n.n_blocks, -1), error.reshape(n.n_blocks, -1))
            through = weighted(parts[0].T, parts[1].T, np.zeros(n.n_blocks, F))
            y = self.y_of["output_gate"]
            delta["output_gate"] = y * (F(1) - y) * through
        for name, w in self.w.items():
            z = self.z[: len(w)]
            if name == "output":
                z = np.concatenate([self.sources, [F(1)]])[: len(w)]
                gradient[name] = fma(e, z[:, None], F(0))
            elif name == "cell":
                gradient[name] = fma(e_s, self.trace[name][: len(w)], F(0))
            elif name in delta:
                gradient[name] = fma(delta[name], z[:, None], F(0))
            else:
                trace = self.trace[name][: len(w)].reshape(len(w), n.n_blocks, -1)
                parts = np.moveaxis(trace, 2, 0), e_s.reshape(n.n_blocks, -1).T
                gradient[name] = weighted(*parts, np.zeros(w.shape, F))
        return gradient

    def move(self, gradient):
        moved = {}
        if self.moments is None:
            moved = {name: fma(self.rate, gradient[name], w) for name, w in self.w.items()}
        else:
            mean, square = ({}, {})
            powers = rounded(np.array([0.9, 0.999], F) * self.powers)
            epsilon = np.sqrt(F(1) - powers[1])
            rate = self.rate * epsilon / (F(1) - powers[0])
            epsilon = epsilon * F(1e-8)
            for name, w in self.w.items():
                g = gradient[name]
                mean[name] = rounded(F(0.9) * self.moments[0][name] + (F(1) - F(0.9)) * g)
                square[name] = rounded(
                    F(0.999) * self.moments[1][name] + (F(1) - F(0.999)) * (g * g)
                )
                moved[name] = w + rate * mean[name] / (np.sqrt(square[name]) + epsilon)
            self.powers, self.moments = powers, [mean, square]
        self.w = moved


def rounded(x):
    """Return a multiple of a number so small that it matters to subnormal numbers only."""
    return (x + F(2.0**-93)) - F(2.0**-93)
