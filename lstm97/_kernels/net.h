/* The data of a net, and their layout.
 *
 * Units of the hidden layer, in this order:
 *
 *     gates, kind by kind in the order of cell.h, one per block | cells | conventional units
 *
 * The kernels of single nets give each unit a lane in the vectors of the layer, and in the rows of
 * weights that lead to it. Lanes are padded after the gates, after the cells and after the
 * conventional units, so that the cells begin a vector register of their own. Activations that are
 * fed back are stored one after the other, without padding. Teams and batches have no padding.
 *
 * Sources of the hidden layer, one row of weights each:
 *
 *     inputs x(t) | fed-back activations y(t-1) | the constant 1 (bias)
 *
 * Sources of the output layer:
 *
 *     inputs x(t), with shortcut | cells y(t) | conventional units y(t) | 1 (bias)
 *
 * With recurrent outputs there is no output layer: the outputs are the first conventional units.
 */
#ifndef LSTM97_NET_H
#define LSTM97_NET_H

#include "backlog.h"

#define real lanes
#define CELL(name) name##_lanes
#define UNIT C(ONE)
#define HALF 0.5
#define FUSED(a, b, c) FMA(a, b, c)
#define SQUASH(x, low, high) squash(x, low, high)
#include "cell.h"

static inline double squash_one(double x, double low, double high) {
    const lanes y = squash(all_lanes(x), all_lanes(low), all_lanes(high));
    return LANE(y, 0);
}

/* h[l] = h(s[l]), in loops over the cells of several nets or sequences. */
static inline void squash_states(int n_lanes, const int is_linear, const double *s, double *h) {
    UNROLLED for (int l = 0; l < n_lanes; l += LANES) {
        const Values_lanes cell = {.s = load(s + l)};
        store(h + l, squashed_state_lanes(is_linear, &cell));
    }
}

/* For code that handles one cell at a time. */
#define real double
#define CELL(name) name##_one
#define UNIT 1.0
#define HALF 0.5
#define FUSED(a, b, c) fma(a, b, c)
#define SQUASH(x, low, high) squash_one(x, low, high)
#include "cell.h"

typedef enum { LOGISTIC, LINEAR, SOFTMAX } OutputActivation;
typedef enum { SQUARED_ERROR, LOG_LOSS } Loss;

typedef struct {
    int n_inputs, n_outputs;
    int n_blocks, block_size;
    int n_cells;  /* n_blocks * block_size */
    int n_hidden; /* conventional hidden units */
    int gates;    /* the kinds of gates that the blocks have, see cell.h */
    int shortcut; /* inputs feed the outputs too */
    int recurrent_outputs;
    int linear_state; /* h is the identity */
    int output_bias;
    /* Units. */
    int first_gate[N_GATES]; /* first unit of each kind of gates */
    int n_gates;
    int n_units;        /* gates, cells and conventional units */
    int first_feedback; /* the units from here on are fed back ... */
    int n_feedback;     /* ... and this many of them */
    /* Derivatives that a cell carries for each source: by its own weight, and by that of each gate
     * that acts on its state. */
    int n_traces;
    int trace_kind[1 + N_STATE_GATES]; /* the kinds of these gates; the cell's own has none */
    /* Lanes of the padded layout. */
    int first_cell, first_hidden;
    int gate_lanes, cell_lanes, hidden_lanes;
    int unit_lanes;   /* all three */
    int trace_lanes;  /* a row of traces: n_traces times cell_lanes */
    int output_lanes; /* n_outputs, padded */
    int hidden_rows;  /* n_inputs + n_feedback + 1 */
    int output_rows;
    OutputActivation output_activation;
    Loss loss;
    double g_low, g_high, g_slope; /* range of g; g' = g_slope (g_high - g) (g - g_low) */
} Sizes;

/* Used for the weights, and for their gradient. */
typedef struct {
    double *hidden; /* (hidden_rows, unit_lanes) */
    double *output; /* (output_rows, output_lanes) */
} Weights;

/* A part of the sums over the cells of each block, for one register of gates: the traces by gates of
 * one kind, of one register of cells, of those cells that have the same place in their blocks. */
typedef struct {
    int gates;                /* the first lane of the gates */
    int traces;               /* where the traces of the cells begin in a row */
    int cell[MOST_LANES];     /* the cell of each gate, or the zero behind e_s */
    int lane[2 * MOST_LANES]; /* for permute: the lane of that cell, or any lane */
} Part;

enum { MOST_PARTS = 8 };

typedef struct State State;
typedef void RunSmall(const Sizes *n, const Weights *w, State *q, const double *x,
                      int64_t n_steps);

struct State {
    /* Carried from step to step. */
    double *y;        /* (n_units,) and padding: activations; of a gate, its opening */
    double *previous; /* the same of the step before */
    double *s;        /* (cell_lanes,) internal states */
    double *trace;    /* (hidden_rows, trace_lanes) ds/dw, (27) and (25) */
    /* The input columns that were not zero so far in this sequence, as a sparse set, which
     * n_touched = 0 clears. */
    int *touched;  /* (n_inputs,) the columns */
    int *position; /* (n_inputs,) the place of a column in touched, if it is there */
    int n_touched;
    Backlog backlog; /* of the traces; or of the gradient, while a tape is unrolled */
    /* Real-time recurrent learning only: dnet_k/dw by source, unit k, and unit that w leads to. */
    double *sensitivity; /* (hidden_rows, n_hidden, unit_lanes) */
    double *before;      /* the same of the step before */
    double *coupling;    /* (n_hidden, n_hidden) dnet_k(t)/dnet_l(t-1) */
    /* Of the current step. */
    double *net;        /* (unit_lanes,) */
    double *a;          /* (gate_lanes + 1,) openings of the gates; then a place for padding */
    double *h;          /* (cell_lanes,) h(s) */
    double *u;          /* (trace_lanes,) what this step adds to ds/dw, without the factor z */
    double *delta;      /* (unit_lanes,) errors at the net inputs */
    double *e_s;        /* (cell_lanes + 1,) errors at the internal states, (23); then a zero */
    double *output_net; /* (output_lanes,) */
    double *output;     /* (output_lanes,) */
    double log_total;   /* softmax outputs: logarithm of the sum of exp(net) */
    double *e;          /* (output_lanes,) errors at the outputs' net inputs, (19) */
    /* Constants. */
    double *low, *high; /* (unit_lanes,) ranges of the squashing functions */
    double *output_low, *output_high; /* (output_lanes,) */
    double *bias_mask;                /* (unit_lanes,) 1 where a unit has a bias */
    int *opens[N_GATES];              /* (cell_lanes,) place in a of a cell's gate */
    /* For a small layer, see layer.h, the function that takes its steps: it computes net inputs from
     * x, or has them in net if x is NULL, and carries traces. NULL for other layers. */
    RunSmall *run_small;
    int is_large; /* sums over time are put off */
    int learns;   /* whether u is needed */
    int carries;  /* whether the step carries the traces */
    /* For permute: the lanes of the first cells' gates. The size is one for all widths. */
    int lane[N_GATES][2 * MOST_LANES];
    /* The parts of sums over blocks; none if one cell after the other is faster. */
    int n_parts;
    Part parts[MOST_PARTS];
};

/* Input steps: dense, (n_steps, n_inputs), or NULL; then CSR. */
typedef struct {
    const double *dense;
    const double *data;
    const int *indices;
    const int *indptr;
} Input;

typedef struct {
    const double *values; /* (n_rows, n_outputs); NaN: no target */
    const double *weight; /* (n_rows,) or NULL */
    const int64_t *first; /* (n_sequences,) first row of each sequence */
    int every;            /* a row for each step; otherwise one row, due at the last step */
} Target;

/* The results of one sequence, over its targets and outputs. */
typedef struct {
    double loss;
    double max_error;
    double sum_error;
    int64_t n_errors;
} Summary;

#endif
