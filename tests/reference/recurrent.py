"""Slow twins of the simple recurrent net and of three gradients that were used to train it.

The net is Elman's ("Finding structure in time", Cognitive Science 14, 1990): logistic hidden units
see the inputs x(t) and their own activations y(t-1), and outputs see y(t). Where the outputs are
recurrent units themselves (``recurrent_outputs``) it is the fully connected net of Williams and
Zipser ("A learning algorithm for continually running fully recurrent neural networks", Neural
Computation 1(2), 1989), but x(t) acts within its step, on y(t).

Gradients are descent directions. Matrices are indexed ``[source][unit]``; an error is always that
of a net input, e = -dE/dnet.
"""

from types import SimpleNamespace

from reference.lstm import OUTPUTS, add_scaled, dot, logistic, loss_and_errors, outer


def copied(weights):
    """Copy weights to lists of Python's floats."""
    return {k: [[float(w) for w in row] for row in m] for k, m in weights.items()}


def zeros(weights):
    """Make a gradient of zeros."""
    return {k: [[0.0] * len(row) for row in m] for k, m in weights.items()}


def net_inputs(matrix, z, n_units):
    """Sum over sources m of w_um z_m, for every unit u."""
    return [dot([row[u] for row in matrix], z) for u in range(n_units)]


def steps(spec, weights, x, recorded=None):
    """Run through a sequence from zero activations, yielding all values that a step computes.

    Fed back are the net's own activations, or ``recorded`` if given. Weights are read afresh at
    every step.
    """
    y_before = [0.0] * spec.n_hidden
    for t, x_t in enumerate(x):
        inputs = [float(v) for v in x_t]
        fed = [] if spec.recurrence == "none" else y_before
        now = SimpleNamespace(fed=fed if recorded is None else recorded[t])
        now.z = inputs + now.fed + [1.0] * bool(spec.cell_bias)
        net = net_inputs(weights["hidden"], now.z, spec.n_hidden)
        now.y_hidden = [logistic(a) for a in net]
        if spec.recurrent_outputs:
            now.z_output = []
            now.net, now.y = net[: spec.n_outputs], now.y_hidden[: spec.n_outputs]
        else:
            now.z_output = inputs * bool(spec.shortcut) + now.y_hidden
            now.z_output += [1.0] * bool(spec.output_bias)
            now.net = net_inputs(weights["output"], now.z_output, spec.n_outputs)
            now.y = OUTPUTS[spec.output_activation](now.net)
        yield now
        y_before = now.y_hidden


def run(spec, weights, x):
    """Outputs at every step of a sequence."""
    return [now.y for now in steps(spec, weights, x)]


def recorded_contexts(spec, weights, x):
    """Fed-back values y(t-1) that every step of a sequence sees; empty lists if none are."""
    return [now.fed for now in steps(spec, weights, x)]


def loss_of(spec, weights, x, targets, weight=1.0, recorded=None):
    """Loss of a sequence from the forward pass alone, ``recorded`` contexts being constants."""
    pairs = zip(steps(spec, weights, x, recorded), targets, strict=True)
    return weight * sum(loss_and_errors(spec, now, d)[0] for now, d in pairs if d is not None)


def recurrent_rows(spec, weights):
    """Weights from the hidden units to themselves, w_il as row l and column i."""
    if spec.recurrence == "none":
        return []
    return weights["hidden"][spec.n_inputs : spec.n_inputs + spec.n_hidden]


def errors_within_step(spec, weights, now, errors):
    """Errors of the hidden units at step t that come from the outputs of the same step.

    e_i = f'(net_i) sum_k w_ki e_k, as for a net without recurrence. Units that are outputs have
    the outputs' own errors, and nothing leads from the others to an output within one step.
    """
    if spec.recurrent_outputs:
        return errors + [0.0] * (spec.n_hidden - spec.n_outputs)
    first = spec.n_inputs * bool(spec.shortcut)
    rows = weights["output"][first : first + spec.n_hidden]
    return [y * (1.0 - y) * dot(row, errors) for y, row in zip(now.y_hidden, rows, strict=True)]


def bptt_gradient(spec, weights, x, targets, weight=1.0):
    """Loss and gradient by back-propagation through the whole sequence, without truncation.

    theta_i(t) = e_i(t) + f'(net_i(t)) sum_j w_ji theta_j(t+1), with e_i(t) from the outputs of the
    same step; the change of w_im is the sum over t of theta_i(t) z_m(t) (Hochreiter and
    Schmidhuber 1997, Sect. 3.1; Williams and Peng, Neural Computation 2(4), 1990).
    """
    loss, total = 0.0, zeros(weights)
    rows = recurrent_rows(spec, weights)
    theta = [0.0] * spec.n_hidden  # no step follows the last one
    forward = list(zip(steps(spec, weights, x), targets, strict=True))
    for now, target in reversed(forward):
        step_loss, errors = 0.0, [0.0] * spec.n_outputs
        if target is not None:
            step_loss, errors = loss_and_errors(spec, now, target)
        within = errors_within_step(spec, weights, now, errors)
        later = [dot(row, theta) for row in rows] or [0.0] * spec.n_hidden
        theta = [e + y * (1.0 - y) * b for e, y, b in zip(within, now.y_hidden, later, strict=True)]
        loss += weight * step_loss
        changes = {"hidden": outer(now.z, theta), "output": outer(now.z_output, errors)}
        add_scaled(total, changes, weight)
    return loss, total


def net_sensitivities(rows, z, p):
    """dnet_k(t)/dw_ij as ``[k][j][i]``, from p^l_ij(t-1), Williams and Zipser 1989.

    sum_l w_kl p^l_ij(t-1) + delta_ik z_j(t), the bracket of their recursion for p^k_ij(t).
    """
    n_units = len(p)
    return [
        [
            [
                sum(rows[m][k] * p[m][j][i] for m in range(len(rows))) + (z_j if i == k else 0.0)
                for i in range(n_units)
            ]
            for j, z_j in enumerate(z)
        ]
        for k in range(n_units)
    ]


def rtrl_changes(spec, weights, x, targets):
    """Yield (loss, weight changes) of each step with a target, by real-time recurrent learning.

    p^k_ij(t) = f'(net_k(t)) [sum_l w_kl p^l_ij(t-1) + delta_ik z_j(t)], p = 0 before a sequence.
    The change of w_ij is sum_k e_k dnet_k/dw_ij, which is Williams and Zipser's
    sum_k (d_k - y_k) p^k_ij where k is an output and the error is the squared one.
    """
    units = range(spec.n_hidden)
    sources = range(len(weights["hidden"]))
    p = [[[0.0 for _ in units] for _ in sources] for _ in units]
    for now, target in zip(steps(spec, weights, x), targets, strict=True):
        d_net = net_sensitivities(recurrent_rows(spec, weights), now.z, p)
        slopes = [y * (1.0 - y) for y in now.y_hidden]
        p = [[[slopes[k] * d for d in row] for row in d_net[k]] for k in units]
        if target is not None:
            loss, errors = loss_and_errors(spec, now, target)
            within = errors_within_step(spec, weights, now, errors)
            hidden = [
                [sum(within[k] * d_net[k][j][i] for k in units) for i in units] for j in sources
            ]
            yield loss, {"hidden": hidden, "output": outer(now.z_output, errors)}


def elman_changes(spec, weights, x, targets):
    """Yield (loss, weight changes) of each step with a target, y(t-1) taken for a constant input.

    Elman 1990: every step is learned as by a feed-forward net, to which the context is one more
    input. With recurrent outputs, units that are no outputs hence learn nothing.
    """
    for now, target in zip(steps(spec, weights, x), targets, strict=True):
        if target is not None:
            loss, errors = loss_and_errors(spec, now, target)
            within = errors_within_step(spec, weights, now, errors)
            yield loss, {"hidden": outer(now.z, within), "output": outer(now.z_output, errors)}


def summed(changes_of, spec, weights, x, targets, weight):
    """Add up all steps of a rule, off-line, with constant weights."""
    loss, total = 0.0, zeros(weights)
    for step_loss, changes in changes_of(spec, weights, x, targets):
        loss += weight * step_loss
        add_scaled(total, changes, weight)
    return loss, total


def learned(changes_of, spec, weights, x, targets, learning_rate, weight):
    """Change a copy of the weights at every step with a target, on-line.

    The activations and sensitivities that a rule carries are not recomputed with new weights.
    """
    loss, weights = 0.0, copied(weights)
    for step_loss, changes in changes_of(spec, weights, x, targets):
        loss += weight * step_loss
        add_scaled(weights, changes, learning_rate * weight)
    return loss, weights


def rtrl_gradient(spec, weights, x, targets, weight=1.0):
    """Loss and gradient by real-time recurrent learning, summed over the sequence."""
    return summed(rtrl_changes, spec, weights, x, targets, weight)


def rtrl_train(spec, weights, x, targets, learning_rate, weight=1.0):
    """Loss and new weights after real-time recurrent learning, updated at each target."""
    return learned(rtrl_changes, spec, weights, x, targets, learning_rate, weight)


def elman_gradient(spec, weights, x, targets, weight=1.0):
    """Loss and Elman's gradient, cut at the context, summed over the sequence."""
    return summed(elman_changes, spec, weights, x, targets, weight)


def elman_train(spec, weights, x, targets, learning_rate, weight=1.0):
    """Loss and new weights after Elman's rule, updated at each target."""
    return learned(elman_changes, spec, weights, x, targets, learning_rate, weight)
