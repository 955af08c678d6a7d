"""A slow twin of the neural sequence chunker, two recurrent nets trained in turn.

J. Schmidhuber, "Learning complex, extended sequences using the principle of history compression",
Neural Computation 4(2), 1992. The automatizer A sees every step; the chunker C sees only the steps
after those that A failed to predict, and learns what A missed; A learns to predict C's state.

Both are nets as in ``reference.recurrent``, with a layer of outputs, and both learn by real-time
recurrent learning. A's outputs are targets, the next input if it is predicted, and C's state: its
hidden units and, if A has room for them, its outputs. C's outputs are targets and the next input.
"""

import math
from types import SimpleNamespace

from reference.lstm import add_scaled, dot, logistic, outer
from reference.recurrent import (
    copied,
    errors_within_step,
    net_inputs,
    net_sensitivities,
    recurrent_rows,
)

MISSING = math.nan


class Net:
    """A simple recurrent net that takes one step at a time.

    Parameters
    ----------
    spec : object with the fields of a Topology
    weights : dict of matrices, indexed ``[source][unit]``
    linear : collection of int
        Outputs that are linear whatever the others are: the predictions of inputs, and of these.
    """

    def __init__(self, spec, weights, linear):
        self.spec = spec
        self.weights = copied(weights)
        self.is_linear = [
            spec.output_activation == "linear" or k in linear for k in range(spec.n_outputs)
        ]

    def reset(self):
        """Begin a sequence: y(0) = 0 and p(0) = 0."""
        units, sources = range(self.spec.n_hidden), range(len(self.weights["hidden"]))
        self.y_hidden = [0.0 for _ in units]
        self.p = [[[0.0 for _ in units] for _ in sources] for _ in units]

    def step(self, x_t):
        """See an input: activations, and sensitivities by the recursion of Williams and Zipser.

        p^k_ij(t) = f'(net_k(t)) [sum_l w_kl p^l_ij(t-1) + delta_ik z_j(t)]; `d_net` is the bracket.
        """
        spec, units = self.spec, range(self.spec.n_hidden)
        z = x_t + self.y_hidden + [1.0] * bool(spec.cell_bias)
        self.d_net = net_sensitivities(recurrent_rows(spec, self.weights), z, self.p)
        self.y_hidden = [logistic(a) for a in net_inputs(self.weights["hidden"], z, spec.n_hidden)]
        slopes = [y * (1.0 - y) for y in self.y_hidden]
        self.p = [[[slopes[k] * d for d in row] for row in self.d_net[k]] for k in units]
        self._compute_outputs(x_t)

    def _compute_outputs(self, x_t):
        spec = self.spec
        self.z_output = x_t * bool(spec.shortcut) + self.y_hidden + [1.0] * bool(spec.output_bias)
        net = net_inputs(self.weights["output"], self.z_output, spec.n_outputs)
        self.y = [a if lin else logistic(a) for a, lin in zip(net, self.is_linear, strict=True)]

    def learn(self, desired, importance, learning_rate):
        """Make one gradient step on sum_k importance_k 1/2 (desired_k - y_k)^2, NaNs left out.

        Hidden weight w_ij changes by the sum over k of e_k dnet_k/dw_ij, output weights by error
        times source. Errors come down by the output weights as they were before.
        """
        errors = [
            weight * (0.0 if math.isnan(d) else d - y) * (1.0 if lin else y * (1.0 - y))
            for d, weight, y, lin in zip(desired, importance, self.y, self.is_linear, strict=True)
        ]
        within = errors_within_step(self.spec, self.weights, self, errors)
        units, sources = range(self.spec.n_hidden), range(len(self.weights["hidden"]))
        hidden = [
            [dot(within, [self.d_net[k][j][i] for k in units]) for i in units] for j in sources
        ]
        changes = {"hidden": hidden, "output": outer(self.z_output, errors)}
        add_scaled(self.weights, changes, learning_rate)


class ChunkerTwin:
    """Automatizer and chunker, with their own copies of the weights.

    Parameters
    ----------
    automatizer_spec, chunker_spec : objects with the fields of a Topology
    n_targets : int
    automatizer_weights, chunker_weights : dict of matrices, indexed ``[source][unit]``
    threshold : float
        An absolute error of this size or more is a miss.

    Attributes
    ----------
    automatizer, chunker : Net
    n_missed, n_met, n_without : int
        Number of steps so far at which A missed something, missed nothing, or had nothing due.
    """

    def __init__(
        self, automatizer_spec, chunker_spec, n_targets, automatizer_weights, chunker_weights,
        threshold,
    ):  # fmt: skip
        inputs = range(n_targets, chunker_spec.n_outputs)
        # A's copies of linear outputs of C are linear, too.
        first = chunker_spec.n_outputs + chunker_spec.n_hidden
        copies = range(first + n_targets, first + chunker_spec.n_outputs)
        linear = {*inputs, *copies}
        self.automatizer = Net(automatizer_spec, automatizer_weights, linear)
        self.chunker = Net(chunker_spec, chunker_weights, inputs)
        self.n_targets = n_targets
        self.predicts_inputs = len(inputs) > 0
        self.threshold = threshold
        self.n_missed = self.n_met = self.n_without = 0

    def train(self, x, targets, weights_of_targets, learning_rate):
        """Learn a sequence, step by step.

        Parameters
        ----------
        x : list of lists
        targets : list
            Of each step: a list with NaN for what is not due, or None.
        weights_of_targets : list of float
            Weight of everything that is learned at each step.
        learning_rate : float

        Returns
        -------
        SimpleNamespace
            Of A's targets: loss, max_error, mean_error; the last two are NaN without a target.
        """
        x = [[float(v) for v in x_t] for x_t in x]
        self.automatizer.reset()
        self.chunker.reset()
        loss, absolute, feeds = 0.0, [], True
        for t, (target, weight) in enumerate(zip(targets, weights_of_targets, strict=True)):
            if feeds:
                self.chunker.step(x[t])
            self.automatizer.step(x[t])
            due = self._due(target, x[t + 1] if t + 1 < len(x) else None)
            differences = self._differences(due)
            of_targets = self._differences(due[: self.n_targets])
            loss += weight * 0.5 * sum(d * d for d in of_targets)
            absolute += [abs(d) for d in of_targets]
            missed = any(abs(d) >= self.threshold for d in differences)
            self._learn(due, weight, learning_rate, missed)
            feeds = missed or not differences
            self._count(missed, differences)
        mean = sum(absolute) / len(absolute) if absolute else math.nan
        return SimpleNamespace(
            loss=loss, max_error=max(absolute, default=math.nan), mean_error=mean
        )

    def run(self, x):
        """A's outputs for targets at every step of a sequence: predictions do without C."""
        self.automatizer.reset()
        rows = []
        for x_t in x:
            self.automatizer.step([float(v) for v in x_t])
            rows.append(self.automatizer.y[: self.n_targets])
        return rows

    def _due(self, target, next_input):
        """Return the targets of both nets, NaN for those that are not due."""
        due = list(target) if target is not None else [MISSING] * self.n_targets
        if self.predicts_inputs:
            due += next_input or [MISSING] * self.automatizer.spec.n_inputs
        return due

    def _differences(self, due):
        """A's errors of what is due."""
        return [d - y for d, y in zip(due, self.automatizer.y, strict=False) if not math.isnan(d)]

    def _learn(self, due, weight, learning_rate, missed):
        """Train C if A missed something, then A, whose further outputs should be C's state.

        C's state is what it was when C was last fed; training C does not change it.
        """
        if missed:
            self.chunker.learn(due, [weight] * len(due), learning_rate)
        n_states = self.automatizer.spec.n_outputs - len(due)
        state = (self.chunker.y_hidden + self.chunker.y)[:n_states]
        self.automatizer.learn(due + state, [weight] * (len(due) + n_states), learning_rate)

    def _count(self, missed, differences):
        self.n_missed += missed
        self.n_met += bool(differences) and not missed
        self.n_without += not differences
