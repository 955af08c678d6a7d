"""The neural sequence chunker (Schmidhuber 1992): an automatizer and a chunker.

The automatizer receives every step. Its outputs are, in this order: the targets, the next input (if
inputs are predicted), and the chunker's state. The state consists of the activations of the
chunker's hidden units and, if the topology has outputs for them, the chunker's outputs.

The chunker's outputs are the targets and the next input. It receives the first step, and each step
after one at which the automatizer missed a target or the next input by `threshold` or more, or at
which nothing was due. It does not receive the steps between. Where the automatizer misses, the
chunker is trained on the same target and next input; the automatizer is trained at every step.

Both learn by real-time recurrent learning; see rtrl.pxd.
"""

from libc.math cimport fabs, isfinite, isnan
from libc.string cimport memset

from lstm97._core cimport Network
from lstm97._kernels.data cimport Data
from lstm97._kernels.forward cimport step_hidden, step_output
from lstm97._kernels.gradient cimport (
    add_output_gradient, backpropagate, output_error, touch, update
)
from lstm97._kernels.net cimport LINEAR, Input, Sizes, State, Summary, Target, Weights
from lstm97._kernels.rtrl cimport add_sensitive_gradient, advance_sensitivities
from lstm97._kernels.sequence cimport reset, target_at, write_results
from lstm97._kernels.vectors cimport LANES

import numpy as np


# One of the two nets.
cdef struct Net:
    Sizes *n
    Sizes targets      # as n, with the targets as only outputs
    int n_predicted    # inputs that are predicted: all or none
    int first_copy     # the automatizer's first output for the chunker's input predictions; 0: none
    Weights *w
    Weights *gradient
    State *q


cdef inline void step(const Net *net, const Input *x, Py_ssize_t t, bint learns) noexcept nogil:
    """Compute activations, their derivatives and outputs at step t.

    Inputs may be any numbers, so outputs that predict them, or these predictions, are linear.
    """
    cdef int i
    cdef double *output = net.q.output
    step_hidden(net.n, net.w, x, t, net.q)
    if learns:
        touch(net.q, x, t)
        advance_sensitivities(net.n, net.w, x, t, net.q)
    step_output(net.n, net.w, x, t, net.q)
    for i in range(net.n_predicted):
        output[net.targets.n_outputs + i] = net.q.output_net[net.targets.n_outputs + i]
        if net.first_copy > 0:
            output[net.first_copy + i] = net.q.output_net[net.first_copy + i]


cdef inline double weight_at(const Target *targets, Py_ssize_t i, Py_ssize_t t) noexcept nogil:
    """Return the weight of step t of sequence i, which multiplies every error there."""
    if targets.weight == NULL:
        return 1.0
    return targets.weight[targets.first[i] + (t if targets.every else 0)]


cdef inline void set_errors(
    const Net *net, const double *target, double weight, const double *next_input, Summary *r
) noexcept nogil:
    """Set the outputs' errors for what is due: targets, the next input (either may be NULL)."""
    cdef int i, k
    memset(net.q.e, 0, net.n.output_lanes * sizeof(double))
    if target != NULL:
        output_error(&net.targets, net.q, target, weight, r)
    if next_input != NULL:
        for i in range(net.n_predicted):
            k = net.targets.n_outputs + i
            net.q.e[k] = weight * (next_input[i] - net.q.output[k])


cdef inline bint is_missed(
    const Net *net, const double *target, const double *next_input, double threshold
) noexcept nogil:
    """Tell whether an output differs from what is due by the threshold or more."""
    cdef int i
    cdef const double *output = net.q.output
    if target != NULL:
        for i in range(net.targets.n_outputs):
            if not (isnan(target[i]) or fabs(target[i] - output[i]) < threshold):
                return True
    if next_input != NULL:
        output += net.targets.n_outputs
        for i in range(net.n_predicted):
            if not fabs(next_input[i] - output[i]) < threshold:
                return True
    return False


cdef inline void set_state_errors(
    const Net *net, int first, const double *state, int n_states, double weight
) noexcept nogil:
    """Set the errors of the automatizer's outputs for a part of the chunker's state."""
    cdef int i, k
    cdef double y
    for i in range(n_states):
        k = first + i
        y = net.q.output[k]
        net.q.e[k] = weight * (state[i] - y)
        if net.n.output_activation != LINEAR and not (
            0 < net.first_copy <= k < net.first_copy + net.n_predicted
        ):
            net.q.e[k] = net.q.e[k] * y * (1.0 - y)


cdef inline void learn(const Net *net, const Input *x, Py_ssize_t t, double rate) noexcept nogil:
    """Move the weights by the gradient of step t."""
    backpropagate(net.n, net.w, net.q)
    add_output_gradient(net.n, x, t, net.q, net.gradient)
    add_sensitive_gradient(net.n, x, net.q, net.gradient)
    update(net.n, x, t, rate, net.q, net.w, net.gradient)


cdef inline const double *input_at(
    const Input *x, int n_inputs, Py_ssize_t t, double *row
) noexcept nogil:
    """Return the inputs of step t; sparse ones are written to row as dense ones."""
    cdef int i
    if x.dense != NULL:
        return x.dense + t * n_inputs
    memset(row, 0, n_inputs * sizeof(double))
    for i in range(x.indptr[t], x.indptr[t + 1]):
        row[x.indices[i]] = x.data[i]
    return row


cdef Summary learn_sequence(
    const Net *a, const Net *c, const Input *x, Py_ssize_t start, Py_ssize_t length,
    const Target *targets, Py_ssize_t i, double rate, double threshold, double *row
) noexcept nogil:
    """Run sequence i, and learn from it; a is the automatizer, c the chunker."""
    cdef Py_ssize_t t, fed_at = 0
    cdef bint is_fed = True
    cdef double weight = 1.0
    cdef const double *target
    cdef const double *next_input
    cdef Summary r, ignored
    memset(&r, 0, sizeof(Summary))
    ignored = r
    for t in range(start, start + length):
        if is_fed and rate != 0.0:
            step(c, x, t, True)
            fed_at = t
        step(a, x, t, rate != 0.0)
        target = target_at(&a.targets, targets, i, t - start, t == start + length - 1, &weight)
        weight = weight_at(targets, i, t - start)
        next_input = NULL
        if a.n_predicted > 0 and t < start + length - 1:
            next_input = input_at(x, a.n.n_inputs, t + 1, row)
        set_errors(a, target, weight, next_input, &r)
        if rate == 0.0:
            continue
        is_fed = is_missed(a, target, next_input, threshold)
        if is_fed:
            set_errors(c, target, weight, next_input, &ignored)
            learn(c, x, fed_at, rate)
        is_fed = is_fed or (target == NULL and next_input == NULL)
        set_state_errors(a, c.n.n_outputs, c.q.y, c.n.n_hidden, weight)
        if a.n.n_outputs > c.n.n_outputs + c.n.n_hidden:
            set_state_errors(
                a, c.n.n_outputs + c.n.n_hidden, c.q.output, c.n.n_outputs, weight
            )
        learn(a, x, t, rate)
    return r


cdef class Chunker:
    """The automatizer and the chunker.

    Parameters
    ----------
    automatizer, chunker : lstm97.learning.topology.Topology
        Nets without memory cells, with logistic or linear outputs.
    n_targets : int
        Number of targets, which are the first outputs of both nets.
    """

    cdef Network automatizer, chunker
    cdef int n_targets
    cdef double[::1] row

    def __cinit__(self, automatizer, chunker, int n_targets):
        cdef int n_predicted = chunker.n_outputs - n_targets
        cdef int n_states = automatizer.n_outputs - chunker.n_outputs
        if n_predicted not in (0, chunker.n_inputs) or (
            n_states not in (chunker.n_hidden, chunker.n_hidden + chunker.n_outputs)
        ):
            raise ValueError("outputs must be targets, inputs, and the chunker's state")
        for net in (automatizer, chunker):
            if net.output_activation == "softmax" or net.recurrent_outputs:
                raise ValueError("both nets need a layer of logistic or linear outputs")
        self.automatizer = Network(automatizer, LANES)
        self.chunker = Network(chunker, LANES)
        self.automatizer._allocate_sensitivities()
        self.chunker._allocate_sensitivities()
        self.n_targets = n_targets
        self.row = np.empty(chunker.n_inputs)

    cdef Net _net(self, Network network):
        cdef Net net
        net.n, net.targets = &network.n, network.n
        net.targets.n_outputs = self.n_targets
        net.n_predicted = self.chunker.n.n_outputs - self.n_targets
        net.first_copy = 0
        if network.n.n_outputs > self.chunker.n.n_outputs + self.chunker.n.n_hidden:
            net.first_copy = self.chunker.n.n_outputs + self.chunker.n.n_hidden + self.n_targets
        net.w, net.gradient, net.q = &network.w, &network.gradient_, &network.q
        return net

    def learn(
        self,
        double[::1] automatizer,        # INOUT weights, changed unless learning_rate is 0
        double[::1] chunker,            # INOUT
        Data data not None,             # IN    with targets
        double learning_rate,
        double threshold,
        double[:, ::1] results,         # OUT   loss, largest and mean absolute error per sequence
    ):
        """Train on sequences, one after the other; see `lstm97._core.Network.learn`."""
        cdef Py_ssize_t i, n_done = 0
        cdef Net a = self._net(self.automatizer), c = self._net(self.chunker)
        cdef Summary r
        self.automatizer._check_weights(automatizer)
        self.chunker._check_weights(chunker)
        data.check(self.automatizer.n.n_inputs, self.n_targets)
        data.check(self.chunker.n.n_inputs, -1)
        if results.shape[0] < data.n_sequences or results.shape[1] != 3:
            raise ValueError(f"results of shape ({data.n_sequences}, 3) expected")
        if data.n_sequences == 0:
            return 0
        self.automatizer._exchange(automatizer, a.w, True)
        self.chunker._exchange(chunker, c.w, True)
        self.automatizer._clear(data.x)
        self.chunker._clear(data.x)
        with nogil:
            for i in range(data.n_sequences):
                reset(a.n, data.x, a.q)
                reset(c.n, data.x, c.q)
                r = learn_sequence(
                    &a, &c, data.x, data.starts[i], data.lengths[i], &data.target, i,
                    learning_rate, threshold, &self.row[0],
                )
                write_results(&r, &results[i, 0])
                if learning_rate != 0.0 and not isfinite(r.loss):
                    break
                n_done += 1
        self.automatizer._exchange(automatizer, a.w, False)
        self.chunker._exchange(chunker, c.w, False)
        self.automatizer._clear_rows(a.gradient)
        self.chunker._clear_rows(c.gradient)
        return n_done

    def run(self, automatizer, data, every):
        """Return the automatizer's outputs for targets; see `lstm97._core.Network.run`."""
        return self.automatizer.run(automatizer, data, every, self.n_targets)
