"""The data of the 1997 LSTM's kernel: a reader learns the layout here.

Units of the hidden layer, in this order:

    input gates (one per block) | output gates (one per block) | cells | conventional units

Each has a lane in the vectors of the layer and in the rows of weights that lead to it. Lanes are
padded thrice, after the gates, after the cells and after the conventional units, so that the cells
begin a vector register of their own; activations that are fed back stand one after the other.

Sources of the hidden layer, one row of weights each:

    inputs x(t) | fed-back activations y(t-1) | the constant 1 (bias)

Sources of the output layer:

    inputs x(t), with shortcuts only | cells y(t) | conventional units y(t) | the constant 1 (bias)

With recurrent outputs there is no output layer: the outputs are the first conventional units.
"""

from libc.stdint cimport int64_t

from lstm97._kernels.layer cimport Layer


cdef enum OutputActivation:
    LOGISTIC
    LINEAR
    SOFTMAX


cdef enum Loss:
    SQUARED_ERROR
    LOG_LOSS


cdef struct Sizes:
    int n_inputs
    int n_blocks
    int block_size
    int n_cells          # n_blocks * block_size
    int n_hidden         # conventional hidden units
    int n_outputs
    bint input_gate      # without it, y_in = 1
    bint output_gate     # without it, y_out = 1
    bint shortcut        # inputs feed the outputs too
    bint recurrent_outputs
    bint linear_state    # h is the identity
    bint output_bias
    int n_gates
    int n_units          # gates, cells and conventional units
    int first_output_gate
    int first_cell       # lanes
    int first_hidden
    int first_feedback   # the units from here on are fed back ...
    int n_feedback       # ... and this many of them
    int gate_lanes       # n_gates, padded
    int cell_lanes       # n_cells, padded
    int hidden_lanes     # n_hidden, padded
    int unit_lanes       # all three
    int trace_lanes      # a row of traces: cells, then (with input gates) input gates per cell
    int output_lanes     # n_outputs, padded
    int hidden_rows      # n_inputs + n_feedback + 1
    int output_rows
    OutputActivation output_activation
    Loss loss
    double g_low, g_high, g_slope  # range of g; g' = g_slope (g_high - g) (g - g_low)


cdef struct Weights:
    # Used for the weights, and for their gradient.
    double *hidden       # (hidden_rows, unit_lanes)
    double *output       # (output_rows, output_lanes)


cdef struct State:
    # Carried from step to step.
    double *y            # (n_units,) and padding: activations; for a gate, its opening
    double *previous     # the same of the step before
    double *s            # (cell_lanes,) internal states
    double *trace        # (hidden_rows, trace_lanes) ds/dw_c and ds/dw_in, paper (27) and (25)
    # Input columns that were not zero so far in this sequence: a set whose clearing is free.
    int *touched         # (n_inputs,) the columns
    int *position        # (n_inputs,) where a column stands in touched, if it does
    int n_touched
    # Real-time recurrent learning only: dnet_k/dw by source, unit k, and unit that w leads to.
    double *sensitivity  # (hidden_rows, n_hidden, unit_lanes)
    double *before       # the same of the step before
    double *coupling     # (n_hidden, n_hidden) dnet_k(t)/dnet_l(t-1)
    Layer layer          # the same arrays, for layer.h
    # Of the current step.
    double *net          # (unit_lanes,)
    double *a            # (gate_lanes + 1,) gates' openings, and the constant 1 for a missing gate
    double *h            # (cell_lanes,) h(s)
    double *u            # (trace_lanes,) what this step adds to ds/dw, but for the factor z
    double *delta        # (unit_lanes,) error at the net inputs
    double *e_s          # (cell_lanes,) error at the internal states, paper (23)
    double *output_net   # (output_lanes,)
    double *output       # (output_lanes,)
    double log_total     # softmax outputs: logarithm of the sum of exp(net)
    double *e            # (output_lanes,) error at the outputs' net inputs, paper (19)
    # Constants.
    double *low          # (unit_lanes,) ranges of the squashing functions
    double *high
    double *output_low   # (output_lanes,)
    double *output_high
    double *bias_mask    # (unit_lanes,) 1 where a unit has a bias
    int *input_gate      # (cell_lanes,) where in a the gate of a cell stands
    int *output_gate


cdef struct Input:
    const double *dense  # (n_steps, n_inputs), or NULL: then CSR
    const double *data
    const int *indices
    const int *indptr


cdef struct Target:
    const double *values      # (n_rows, n_outputs); NaN: no target
    const double *weight      # (n_rows,) or NULL
    const int64_t *first      # (n_sequences,) first row of each sequence
    bint every                # a row for each step; otherwise one row, due at the last step


cdef enum Gradient:
    NONE        # losses only
    FORWARD     # truncated, forward in time
    BACKWARD    # the same, backward over a tape of the sequence
    FULL        # nothing cut: back-propagation through time
    SENSITIVE   # nothing cut: real-time recurrent learning


cdef struct Summary:
    # Of one sequence's targets.
    double loss
    double max_error
    double sum_error
    int64_t n_errors


cdef class Steps:
    cdef const double[:, ::1] dense
    cdef const double[::1] data
    cdef const int[::1] indices
    cdef const int[::1] indptr
    cdef Input input
    cdef readonly Py_ssize_t n_steps
    cdef readonly int n_inputs


cdef class Network:
    cdef Sizes n
    cdef Weights w, gradient_
    cdef State q
    cdef object topology
    cdef double[::1] memory
    cdef int[::1] indices
    cdef double[::1] tape
    cdef double[::1] sensitivities

    cdef _allocate(self)
    cdef _set_constants(self)
    cdef _set_layer(self)
    cdef _exchange(self, double[::1] flat, Weights *packed, bint inward)
    cdef double *_tape_for(self, const int64_t[::1] lengths)
    cdef _allocate_sensitivities(self)
    cdef _clear(self)
    cdef _clear_rows(self, Weights *packed)


cdef check_sequences(
    topology, double[::1] weights, Steps x, const int64_t[::1] starts, const int64_t[::1] lengths
)

cdef check_targets(
    int n_outputs, values, weight, const int64_t[::1] first, const int64_t[::1] lengths, bint every
)

cdef Py_ssize_t exchange_rows(
    double *flat, Py_ssize_t at, int rows, int width, double *packed, int stride, bint inward
) noexcept nogil
