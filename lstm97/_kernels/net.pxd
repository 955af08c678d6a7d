"""The data of a net's kernels, and the cell's formulas for one cell: see net.h and cell.h."""

from libc.stdint cimport int64_t


cdef extern from "layer.h" nogil:
    enum:
        INPUT_GATE
        N_STATE_GATES
        OUTPUT_GATE
        N_GATES

    ctypedef enum OutputActivation:
        LOGISTIC
        LINEAR
        SOFTMAX

    ctypedef enum Loss:
        SQUARED_ERROR
        LOG_LOSS

    enum:
        STEPS      # the most steps of a backlog
        TILE_ROWS

    ctypedef struct Backlog:
        int n_steps
        double *z
        double *u
        double *kept

    # See backlog.h.
    void defer_rows(const Backlog *later, int first, int n_rows, const double *z) noexcept
    void defer_lanes(const Backlog *later, int n_lanes, const double *u) noexcept
    void add_deferred(
        const Backlog *later, int first, int n_rows, int n_lanes, const double *u,
        const double *kept, int64_t stride, double *sums
    ) noexcept

    ctypedef struct Sizes:
        int n_inputs, n_outputs
        int n_blocks, block_size
        int n_cells, n_hidden
        int gates
        bint shortcut, recurrent_outputs, linear_state, output_bias
        int first_gate[N_GATES]
        int n_gates, n_units
        int first_feedback, n_feedback
        int n_traces
        int trace_kind[1 + N_STATE_GATES]
        int first_cell, first_hidden
        int gate_lanes, cell_lanes, hidden_lanes, unit_lanes, trace_lanes, output_lanes
        int hidden_rows, output_rows
        OutputActivation output_activation
        Loss loss
        double g_low, g_high, g_slope

    ctypedef struct Weights:
        double *hidden
        double *output

    ctypedef struct State

    ctypedef void (*RunSmall)(
        const Sizes *n, const Weights *w, State *q, const double *x, int64_t n_steps
    ) noexcept nogil

    ctypedef struct State:
        double *y
        double *previous
        double *s
        double *trace
        int *touched
        int *position
        int n_touched
        Backlog backlog
        double *sensitivity
        double *before
        double *coupling
        double *net
        double *a
        double *h
        double *u
        double *delta
        double *e_s
        double *output_net
        double *output
        double log_total
        double *e
        double *low
        double *high
        double *output_low
        double *output_high
        double *bias_mask
        int *opens[N_GATES]
        RunSmall run_small
        bint is_large, learns, carries

    ctypedef struct Input:
        const double *dense
        const double *data
        const int *indices
        const int *indptr

    ctypedef struct Target:
        const double *values
        const double *weight
        const int64_t *first
        bint every

    ctypedef struct Summary:
        double loss
        double max_error
        double sum_error
        int64_t n_errors

    ctypedef struct Gates "Gates_one":
        int kinds
        double y[N_GATES]

    bint has_gate "HAS_GATE"(int kinds, int kind) noexcept
    double logistic_slope "logistic_slope_one"(double y) noexcept
    double output_slope "output_slope_one"(
        const Gates *gates, bint is_linear, double h
    ) noexcept

    bint carousel_is_one "CAROUSEL_IS_ONE"(int kinds) noexcept
    double carousel "carousel_one"(const Gates *gates, double x) noexcept
    # Applies the carousel to rows of traces.
    void keep_rows(const Sizes *n, const State *q, int n_rows, double *trace) noexcept
    # Adds errors at the states times traces: for touched columns, and all from `first` on.
    void add_trace_rows(
        const Sizes *n, const State *q, int n_touched, int first, double *gradient
    ) noexcept
    # Puts the carousel of this step off.
    void defer_carousel(const Sizes *n, const State *q) noexcept

    # Chooses the function for the steps of a small layer; sizes and constants must be set.
    void choose_step(const Sizes *n, State *q) noexcept
    # The step of any other layer, after its net inputs are complete.
    void step_any(const Sizes *n, const Weights *w, State *q) noexcept


cdef Sizes layout_of(topology, int lanes=*) except *

cdef Py_ssize_t exchange_rows(
    double *flat, Py_ssize_t at, int rows, int width, double *packed, int stride, bint inward
) noexcept nogil


cdef inline int lane_of(const Sizes *n, int unit) noexcept nogil:
    """Return the lane of a unit of the hidden layer."""
    if unit < n.n_gates:
        return unit
    if unit < n.n_gates + n.n_cells:
        return n.first_cell + unit - n.n_gates
    return n.first_hidden + unit - n.n_gates - n.n_cells
