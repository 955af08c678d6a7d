"""A slow twin of recurrent cascade correlation, written from Fahlman's equations.

Fahlman, "The Recurrent Cascade-Correlation Architecture", NIPS 3, 1991, for the units, their
derivatives and the sum S of correlations; Fahlman 1988 for Quickprop. As there, errors are
E = (y - d) f'(y) and slopes are those of what is to fall. A net is a list of hidden units, each a
list of weights of [inputs, earlier units, own last value, bias], and one such list for each output
of [inputs, hidden units, bias].
"""

import math
from types import SimpleNamespace

from reference.lstm import OUTPUTS, dot, logistic, loss_and_errors


def squash(a):
    """Symmetric sigmoid between -1 and 1."""
    return 2.0 * logistic(a) - 1.0


def hidden_values(hidden, x):
    """V(t) = squash(sum_i I_i(t) w_i + V(t-1) w_s) of all units, one list per step."""
    steps, last = [], [0.0] * len(hidden)
    for inputs in x:
        now = []
        for unit, before in zip(hidden, last, strict=True):
            now.append(squash(dot(unit, [*inputs, *now, before, 1.0])))
        steps.append(now)
        last = now
    return steps


def run(spec, hidden, output, x):
    """Outputs at every step: their net inputs, their values, and the sources they see."""
    for inputs, values in zip(x, hidden_values(hidden, x), strict=True):
        sources = [*inputs, *values, 1.0]
        net = [dot(weights, sources) for weights in output]
        yield SimpleNamespace(net=net, y=OUTPUTS[spec.output_activation](net), sources=sources)


def residuals(spec, hidden, output, data, offset):
    """Loss, weight of all targets, each step's E (None: no target), and the slopes of the outputs.

    ``data`` holds for each sequence its inputs, its targets (None: no target) and their weights.
    The offset is added to f'(y) where the squared error of logistic outputs is taken.
    """
    loss, n_points, errors = 0.0, 0.0, []
    slopes = [[0.0] * len(weights) for weights in output]
    for x, targets, weights in data:
        errors.append([])
        steps = zip(run(spec, hidden, output, x), targets, weights, strict=True)
        for now, target, weight in steps:
            errors[-1].append(None)
            if target is None:
                continue
            part, descent = loss_and_errors(spec, now, target)
            loss, n_points = loss + weight * part, n_points + weight
            error = [-weight * e for e in descent]
            if (spec.output_activation, spec.loss) == ("logistic", "squared_error"):
                error = [
                    e if math.isnan(d) else e + weight * offset * (y - d)
                    for e, y, d in zip(error, now.y, target, strict=True)
                ]
            for slope, e in zip(slopes, error, strict=True):
                slope[:] = [s + e * z for s, z in zip(slope, now.sources, strict=True)]
            errors[-1][-1] = [
                math.nan if math.isnan(d) else e for e, d in zip(error, target, strict=True)
            ]
    return loss, n_points, errors, slopes


def candidate_steps(unit, hidden, x):
    """V and dV/dw of a candidate at every step; both are zero before a sequence."""
    value, derivative = 0.0, [0.0] * len(unit)
    for inputs, values in zip(x, hidden_values(hidden, x), strict=True):
        sources = [*inputs, *values, value, 1.0]
        value = squash(dot(unit, sources))
        slope = (1.0 - value) * (1.0 + value) / 2.0
        derivative = [slope * (z + unit[-2] * d) for z, d in zip(sources, derivative, strict=True)]
        yield value, derivative


def correlate(unit, hidden, data, errors, signs=None):
    """Correlation with each output's errors, and dS/dw = sum sgn_o (E_po - mean E_o) dV_p/dw.

    S is the sum of the sizes of sum_p (V_p - mean V)(E_po - mean E_o). In the end comes the sum of
    all squared errors. A point of weight 2 counts as two in all sums and means; the errors given
    are already multiplied by it.
    """
    steps = [
        (value, derivative, error, weight)
        for (x, _, weights), row in zip(data, errors, strict=True)
        for (value, derivative), error, weight in zip(
            candidate_steps(unit, hidden, x), row, weights, strict=True
        )
        if error is not None and weight > 0.0
    ]
    correlations, gradient, squares = [], [0.0] * len(unit), 0.0
    for o in range(len(steps[0][2])):
        points = [(v, dv, e[o] / w, w) for v, dv, e, w in steps if not math.isnan(e[o])]
        total = sum(w for _, _, _, w in points) or 1.0
        mean_v = sum(w * v for v, _, _, w in points) / total
        mean_e = sum(w * e for _, _, e, w in points) / total
        correlations.append(sum(w * (v - mean_v) * (e - mean_e) for v, _, e, w in points))
        squares += sum(w * e * e for _, _, e, w in points)
        if signs is not None:
            for _, dv, e, w in points:
                gradient = [
                    g + signs[o] * w * (e - mean_e) * d for g, d in zip(gradient, dv, strict=True)
                ]
    return correlations, gradient, squares


def quickprop(slope, last_slope, last_step, rate, mu):
    """The next step of one weight, whose slope is to fall to zero."""
    if slope == 0.0:
        return 0.0
    if last_step == 0.0:
        return -rate * slope
    plain = -rate * slope if slope * last_step < 0.0 else 0.0
    shrink = mu / (mu + 1.0) * last_slope
    grows = slope >= shrink if last_step < 0.0 else slope <= shrink
    if grows or slope == last_slope:
        return plain + mu * last_step
    return plain + max(-mu, min(mu, slope / (last_slope - slope))) * last_step


def quickprop_all(weights, slopes, memory, rate, settings):
    """Move lists of weights in place; ``memory`` holds their last slopes and steps."""
    for row, row_slopes, row_memory in zip(weights, slopes, memory, strict=True):
        for i, slope in enumerate(row_slopes):
            total = slope + settings.weight_decay * row[i]
            row_memory[i] = total, quickprop(total, *row_memory[i], rate, settings.max_growth)
            row[i] += row_memory[i][1]


def fresh_memory(weights):
    """Return Quickprop's memory before the first step: a slope and a step of zero."""
    return [[(0.0, 0.0)] * len(row) for row in weights]


class Twin:
    """Training, epoch by epoch.

    ``draw`` gives the candidates' initial weights for a number of hidden units, one list each.
    """

    def __init__(self, spec, settings, draw, offset):
        self.spec, self.settings, self.draw = spec, settings, draw
        self.offset = offset
        self.hidden = []
        self.output = [[0.0] * (spec.n_inputs + 1) for _ in range(spec.n_outputs)]
        self.memory = fresh_memory(self.output)
        self.pool = None
        self._begin()

    def _begin(self):
        self.n_epochs, self.noted, self.still = 0, math.nan, 0

    def _is_over(self, score, tol):
        """Detection of a score that has not changed by a fraction for `patience` epochs."""
        self.n_epochs += 1
        if math.isnan(self.noted) or abs(score - self.noted) > tol * self.noted:
            self.noted, self.still = score, 0
        else:
            self.still += 1
        s = self.settings
        return self.still >= s.patience or self.n_epochs > s.max_phase_iter

    def epoch(self, data):
        """Train on all sequences; return the loss before."""
        loss, n_points, errors, slopes = residuals(
            self.spec, self.hidden, self.output, data, self.offset
        )
        if self.pool is None:
            self._train_outputs(loss, slopes, n_points)
        else:
            self._train_pool(data, errors, n_points)
        return loss

    def _train_outputs(self, loss, slopes, n_points):
        if self._is_over(loss, self.settings.output_tol):
            self._begin()
            if len(self.hidden) < self.settings.max_hidden:
                self.pool = [list(unit) for unit in self.draw(len(self.hidden))]
                self.pool_memory = fresh_memory(self.pool)
                self.signs = [[0.0] * self.spec.n_outputs for _ in self.pool]
                return
        rate = self.settings.output_rate / n_points
        quickprop_all(self.output, slopes, self.memory, rate, self.settings)

    def _train_pool(self, data, errors, n_points):
        found = [
            correlate(unit, self.hidden, data, errors, signs)
            for unit, signs in zip(self.pool, self.signs, strict=True)
        ]
        sums = [sum(abs(c) for c in found_one[0]) for found_one in found]
        if self._is_over(max(sums), self.settings.candidate_tol):
            best = sums.index(max(sums))
            self.hidden.append(self.pool[best])
            for weights, correlation in zip(self.output, found[best][0], strict=True):
                weights.insert(-1, -correlation / n_points)
            self.memory, self.pool = fresh_memory(self.output), None
            self._begin()
            return
        self.signs = [[math.copysign(c != 0.0, c) for c in cor] for cor, _, _ in found]
        slopes = [
            [-g / math.sqrt(n_points * squares) if squares else 0.0 for g in gradient]
            for _, gradient, squares in found
        ]
        rate = self.settings.candidate_rate / len(self.pool[0])
        quickprop_all(self.pool, slopes, self.pool_memory, rate, self.settings)
