"""The layout of a net: the sizes and places that all kernels work with, from its topology."""

from libc.limits cimport INT_MAX
from libc.string cimport memcpy, memset

from lstm97._kernels.vectors cimport LANES, padded

import numpy as np

KINDS = N_GATES
STATE_KINDS = N_STATE_GATES

OUTPUT_ACTIVATIONS = {"logistic": LOGISTIC, "linear": LINEAR, "softmax": SOFTMAX}
LOSSES = {"squared_error": SQUARED_ERROR, "log_loss": LOG_LOSS}


cdef Sizes layout_of(topology, int lanes=LANES) except *:
    """Return the sizes of a net, for a number of doubles per vector."""
    cdef Sizes n
    cdef int kind
    memset(&n, 0, sizeof(Sizes))
    n.n_inputs, n.n_outputs = topology.n_inputs, topology.n_outputs
    n.n_blocks, n.block_size = topology.n_blocks, topology.block_size
    n.n_cells, n.n_hidden = topology.n_cells, topology.n_hidden
    n.shortcut, n.output_bias = topology.shortcut, topology.output_bias
    n.recurrent_outputs = topology.recurrent_outputs
    n.linear_state = topology.state_activation == "identity"
    n.output_activation = OUTPUT_ACTIVATIONS[topology.output_activation]
    n.loss = LOSSES[topology.loss]
    n.g_low, n.g_high = topology.cell_range
    n.g_slope = 1.0 / (n.g_high - n.g_low)
    n.n_traces = 1
    for kind, first in enumerate(topology.first_gates):
        if first is None:
            continue
        n.gates |= 1 << kind
        n.first_gate[kind] = first
        if kind < N_STATE_GATES:
            n.trace_kind[n.n_traces] = kind
            n.n_traces += 1
    n.n_gates, n.n_units = topology.n_gates, topology.n_units
    n.first_feedback, n.n_feedback = topology.first_feedback, topology.n_feedback
    n.gate_lanes, n.cell_lanes = padded(n.n_gates, lanes), padded(n.n_cells, lanes)
    n.hidden_lanes = padded(n.n_hidden, lanes)
    n.output_lanes = padded(n.n_outputs, lanes)
    n.first_cell, n.first_hidden = n.gate_lanes, n.gate_lanes + n.cell_lanes
    n.unit_lanes = n.first_hidden + n.hidden_lanes
    n.trace_lanes = n.n_traces * n.cell_lanes
    n.hidden_rows = n.n_inputs + n.n_feedback + 1
    n.output_rows = n.n_inputs * n.shortcut + n.n_cells + n.n_hidden + 1
    if max(
        1.0 * n.hidden_rows * max(n.unit_lanes, n.trace_lanes),
        1.0 * n.output_rows * n.output_lanes,
        1.0 * n.unit_lanes * n.unit_lanes,
    ) > INT_MAX:
        raise ValueError(f"the net is too large: it has {topology.n_weights} weights")
    return n


cdef Py_ssize_t exchange_rows(
    double *flat, Py_ssize_t at, int rows, int width, double *packed, int stride, bint inward
) noexcept nogil:
    """Copy rows between a flat array and padded rows; return where the next rows begin in flat."""
    cdef int m
    for m in range(rows):
        if inward:
            memcpy(packed + m * stride, flat + at, width * sizeof(double))
        else:
            memcpy(flat + at, packed + m * stride, width * sizeof(double))
        at += width
    return at


def places_of(topology):
    """Return the place of each weight of the flat vector among rows without padding.

    The rows are those of all sources of the hidden layer, then those of the output layer.
    """
    fan_in, n_units = topology.n_inputs + topology.n_feedback, topology.n_units
    register = np.arange((fan_in + 1) * n_units).reshape(fan_in + 1, n_units)
    parts = []
    for group in topology.hidden_groups:
        columns = register[:, group.first : group.first + group.n_units]
        parts.append(columns[: fan_in + group.bias])
    parts.append(register.size + np.arange(np.prod(topology.slices["output"].shape)))
    return np.concatenate([part.ravel() for part in parts]).astype(np.int64)
