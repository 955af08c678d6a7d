"""The full gradient of the 1997 LSTM, without the paper's truncation (10)-(15).

Back-propagation through time, the chain rule applied to the forward pass (6)-(9) of
``reference.lstm`` from the last step to the first, along every path: cell states, gates, output
gates, hidden units and the recurrent connections (as for later LSTMs in Graves and Schmidhuber,
"Framewise phoneme classification with bidirectional LSTM", Neural Networks 18, 2005).

An error is minus the derivative of the loss: of an activation, a state or a net input.
"""

from reference.lstm import Twin, add_scaled, dot, loss_and_errors, outer


def loss_of(spec, weights, x, targets, weight=1.0):
    """Loss of a sequence from the forward pass alone."""
    steps = zip(Twin(spec, weights)._steps(x), targets, strict=True)
    return weight * sum(loss_and_errors(spec, now, d)[0] for now, d in steps if d is not None)


def split_feedback(twin, fed_back):
    """Sort the errors of fed-back activations by kind of unit; zero where a kind is not fed back.

    The order is that of the sources: input, forget and output gates, cells, hidden units.
    """
    spec, rest = twin.spec, list(fed_back)
    gates_are_fed = spec.recurrence == "all"
    kinds = [
        ("input_gate", spec.n_blocks, gates_are_fed and spec.input_gate),
        ("forget_gate", spec.n_blocks, gates_are_fed and spec.forget_gate),
        ("output_gate", spec.n_blocks, gates_are_fed and spec.output_gate),
        ("cell", twin.n_cells, spec.recurrence != "none"),
        ("hidden", spec.n_hidden, spec.recurrence != "none"),
    ]
    errors = {}
    for name, n_units, is_fed in kinds:
        errors[name] = rest[:n_units] if is_fed else [0.0] * n_units
        rest = rest[n_units:] if is_fed else rest
    return errors


def add_outputs(twin, e_y, errors):
    """Add to the errors of y_c(t) and y_i(t) what the outputs of the same step send back, (9)."""
    first = twin.spec.n_inputs * bool(twin.spec.shortcut)
    back = [dot(row, errors) for row in twin.weights["output"][first:]]  # sum_k w_km e_k
    e_y["cell"] = [e + b for e, b in zip(e_y["cell"], back[: twin.n_cells], strict=True)]
    hidden = back[twin.n_cells : twin.n_cells + twin.spec.n_hidden]
    e_y["hidden"] = [e + b for e, b in zip(e_y["hidden"], hidden, strict=True)]


def through_layer(twin, now, e_y, e_s_later):
    """Errors of the hidden layer's net inputs at t, and of s(t-1), from those of y(t), s(t).

    ``e_s_later`` are the errors of s(t) along the path through s(t+1) only. With y_c = y_out h(s),
    s(t) = y_f s(t-1) + y_in g(net_c):
    e_s(t) = y_f(t+1) e_s(t+1) + y_out h'(s) e_yc,    e_net_c = y_in g'(net_c) e_s,
    e_net_out = f' (e_yout + sum_v h(s) e_yc),    e_net_in = f' (e_yin + sum_v g(net_c) e_s),
    e_net_f = f' (e_yf + sum_v s(t-1) e_s).
    """
    size = twin.spec.block_size
    e_s = list(e_s_later)
    gates = ("input_gate", "forget_gate", "output_gate")
    (e_in, e_forget, e_out), e_cell = (list(e_y[gate]) for gate in gates), []
    for c, e in enumerate(e_y["cell"]):
        j = c // size
        e_s[c] += now.y_out[j] * twin.slope_h(now.h[c]) * e
        e_out[j] += now.h[c] * e
        e_in[j] += now.g[c] * e_s[c]
        e_forget[j] += now.s_before[c] * e_s[c]
        e_cell.append(now.y_in[j] * twin.slope_g(now.g[c]) * e_s[c])
    e_net = {
        "input_gate": [y * (1.0 - y) * e for y, e in zip(now.y_in, e_in, strict=True)],
        "forget_gate": [y * (1.0 - y) * e for y, e in zip(now.y_forget, e_forget, strict=True)],
        "output_gate": [y * (1.0 - y) * e for y, e in zip(now.y_out, e_out, strict=True)],
        "cell": e_cell,
        "hidden": [y * (1.0 - y) * e for y, e in zip(now.y_hidden, e_y["hidden"], strict=True)],
    }
    e_s_before = [now.y_forget[c // size] * e for c, e in enumerate(e_s)]
    # Units that the net does not have, such as a missing gate, have no net input.
    return {name: e for name, e in e_net.items() if name in twin.weights}, e_s_before


def full_gradient(spec, weights, x, targets, weight=1.0):
    """Loss and its whole descent direction, summed over all steps; the groups are ``Twin``'s."""
    twin = Twin(spec, weights)
    loss, total = 0.0, {k: [[0.0] * len(row) for row in m] for k, m in twin.weights.items()}
    forward = list(zip(twin._steps(x), targets, strict=True))
    e_s = [0.0] * twin.n_cells  # no step follows the last one
    fed_back = [0.0] * (len(forward[0][0].fed) if forward else 0)
    for now, target in reversed(forward):
        step_loss, errors = 0.0, [0.0] * spec.n_outputs
        if target is not None:
            step_loss, errors = loss_and_errors(spec, now, target)
        e_y = split_feedback(twin, fed_back)
        add_outputs(twin, e_y, errors)
        e_net, e_s = through_layer(twin, now, e_y, e_s)
        sources = {
            "input_gate": now.z_in,
            "forget_gate": now.z_forget,
            "output_gate": now.z_out,
        }
        changes = {name: outer(sources.get(name, now.z_cell), e) for name, e in e_net.items()}
        changes["output"] = outer(now.z_output, errors)
        loss += weight * step_loss
        add_scaled(total, changes, weight)
        # On to y(t-1): sum over all units u that see source m of w_um e_u.
        fed_back = [
            sum(dot(twin.weights[name][spec.n_inputs + m], e) for name, e in e_net.items())
            for m in range(len(now.fed))
        ]
    return loss, total
