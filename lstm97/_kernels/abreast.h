/* One net on several sequences side by side: each sequence has a lane of one of two registers.
 *
 * The sequences share the weights, so a weight is loaded once for all of them. Outputs have the
 * bits that a sequence has alone: each lane does the operations of layer.h in the same order. The
 * gradient is computed backward, from a tape of all steps. Each lane adds up its own gradient, so
 * the order of the sums does not depend on the number of lanes.
 *
 * An array of rows has one row of ABREAST numbers for each unit, one number per sequence. Numbers
 * in brackets are the paper's.
 */
#ifndef LSTM97_ABREAST_H
#define LSTM97_ABREAST_H

#include "net.h"

/* The number of sequences, in two registers: while one waits for a result, the other proceeds. The
 * gradients of MOST_ABREAST sequences are added up apart from each other, for any width. */
enum { ABREAST = 2 * LANES, MOST_ABREAST = 16 };

/* The weights, without padding, and what is carried from step to step. */
typedef struct {
    Sizes n;
    int n_sources;     /* of the hidden layer */
    int n_seen;        /* sources of the output layer, without the bias */
    double *w;         /* (n_sources, n_units): inputs, fed-back units, bias */
    double *w_output;  /* (n_seen + 1, n_outputs) */
    double *s;         /* (n_cells,) rows */
    double *e_s;       /* (n_cells,) rows: errors at the states */
    double *error;     /* (n_units,) rows: errors at the activations */
    double *net;       /* (n_outputs,) rows: net inputs of the outputs */
} Abreast;

/* What the tape holds of a step; an array of rows each. */
typedef struct {
    double *x;        /* (n_inputs,) */
    double *previous; /* (n_units,) y(t-1) */
    double *y;        /* (n_units,) y(t), the `previous` of the next step */
    double *u;        /* (n_traces, n_cells) what the step adds to ds/dw, without the factor z */
    double *h;        /* (n_cells,) h(s) */
    double *delta;    /* (n_units,) errors at the net inputs */
    double *e;        /* (n_outputs,) errors at the outputs' net inputs */
} Step;

#define ROW(p, i) ((p) + (int64_t)(i) * ABREAST)
#define EACH_HALF for (int v = 0; v < ABREAST; v += LANES)

/* Loads the inputs of a step; `rows` points to those of each sequence. */
static inline void abreast_inputs(const Abreast *a, const double **rows, double *x) {
    for (int m = 0; m < a->n.n_inputs; m++) {
        EACH_HALF store(ROW(x, m) + v, collect(rows + v, m));
    }
}

/* sums[i] += w[i, m] z[m] over m, for up to four i; the steps say where w[i, m] is. */
static inline ALWAYS void weigh(const int count, int n_sources, const double *w, int64_t step_i,
                                int64_t step_m, const double *z, lanes sums[4][2]) {
    for (int m = 0; m < n_sources; m++, w += step_m, z = ROW(z, 1)) {
        const lanes left = load(z), right = load(z + LANES);
        for (int i = 0; i < count; i++) {
            const lanes weight = all_lanes(w[i * step_i]);
            sums[i][0] = FMA(weight, left, sums[i][0]);
            sums[i][1] = FMA(weight, right, sums[i][1]);
        }
    }
}

/* Writes the net inputs of `count` units to y. */
static inline ALWAYS void abreast_weigh(const Abreast *a, const int count, int unit,
                                        const Step *at) {
    const int n_units = a->n.n_units, n_inputs = a->n.n_inputs, n_feedback = a->n.n_feedback;
    const double *w = a->w + unit;
    const double *bias = w + (int64_t)(n_inputs + n_feedback) * n_units;
    lanes sums[4][2];
    for (int i = 0; i < count; i++) sums[i][0] = sums[i][1] = all_lanes(bias[i]);
    weigh(count, n_inputs, w, 1, n_units, at->x, sums);
    weigh(count, n_feedback, w + (int64_t)n_inputs * n_units, 1, n_units,
          ROW(at->previous, a->n.first_feedback), sums);
    for (int i = 0; i < count; i++) {
        EACH_HALF store(ROW(at->y, unit + i) + v, sums[i][v / LANES]);
    }
}

/* Replaces net inputs of units with the range [low, high] by their activations. */
static inline void abreast_squash(int unit, int end, double low, double high, const Step *at) {
    const lanes from = all_lanes(low), to = all_lanes(high);
    for (double *y = ROW(at->y, unit); y < ROW(at->y, end); y += LANES) {
        store(y, squash(load(y), from, to));
    }
}

/* The gates of a block, from the activations of a step. */
static inline ALWAYS Gates_lanes abreast_gates(const Abreast *a, const double *y, int block) {
    Gates_lanes gates = {.kinds = a->n.gates};
    for (int kind = 0; kind < N_GATES; kind++) {
        if (!HAS_GATE(gates.kinds, kind)) continue;
        gates.y[kind] = load(ROW(y, a->n.first_gate[kind] + block));
    }
    return gates;
}

/* States of a block's cells and, for learning, u: (9), (25), (27). */
static inline ALWAYS void abreast_states(const Abreast *a, int block, int learns, const Step *at,
                                         int v) {
    const Sizes *n = &a->n;
    const Gates_lanes gates = abreast_gates(a, at->y + v, block);
    const lanes low = all_lanes(n->g_low), high = all_lanes(n->g_high);
    for (int c = block * n->block_size; c < (block + 1) * n->block_size; c++) {
        double *s = ROW(a->s, c) + v;
        Values_lanes cell = {.before = load(s), .g = load(ROW(at->y, n->n_gates + c) + v)};
        store(s, next_state_lanes(&gates, &cell));
        if (!learns) continue;
        store(ROW(at->u, c) + v,
              cell_push_lanes(&gates, &cell, low, high, all_lanes(n->g_slope)));
        for (int kind = 0, i = c; kind < N_STATE_GATES; kind++) {
            if (!HAS_GATE(n->gates, kind)) continue;
            store(ROW(at->u, i += n->n_cells) + v, gate_push_lanes(&gates, kind, &cell));
        }
    }
}

/* Squashed states of all cells. */
static inline void abreast_squash_states(const Abreast *a, const Step *at) {
    for (int i = 0; i < a->n.n_cells * ABREAST; i += LANES) {
        const Values_lanes cell = {.s = load(a->s + i)};
        store(at->h + i, squashed_state_lanes(a->n.linear_state, &cell));
    }
}

/* Activations of a block's cells: (9). */
static inline ALWAYS void abreast_cells(const Abreast *a, int block, const Step *at, int v) {
    const Gates_lanes gates = abreast_gates(a, at->y + v, block);
    const int first = block * a->n.block_size;
    for (int c = first; c < first + a->n.block_size; c++) {
        store(ROW(at->y, a->n.n_gates + c) + v,
              cell_output_lanes(&gates, load(ROW(at->h, c) + v)));
    }
}

/* One step of the hidden layer: (7) to (9). Each loop has many operations that do not wait for
 * one another. */
static inline void abreast_hidden(const Abreast *a, int learns, const Step *at) {
    const int n_units = a->n.n_units, first_hidden = a->n.n_gates + a->n.n_cells;
    int unit = 0;
    for (; unit + 4 <= n_units; unit += 4) abreast_weigh(a, 4, unit, at);
    for (; unit < n_units; unit++) abreast_weigh(a, 1, unit, at);
    abreast_squash(0, a->n.n_gates, 0.0, 1.0, at);
    abreast_squash(a->n.n_gates, first_hidden, a->n.g_low, a->n.g_high, at);
    abreast_squash(first_hidden, n_units, 0.0, 1.0, at);
    for (int block = 0; block < a->n.n_blocks; block++) {
        EACH_HALF abreast_states(a, block, learns, at, v);
    }
    abreast_squash_states(a, at);
    for (int block = 0; block < a->n.n_blocks; block++) EACH_HALF abreast_cells(a, block, at, v);
}

/* Net inputs of `count` outputs, from k on. */
static inline ALWAYS void abreast_net(const Abreast *a, const int count, int k, const Step *at) {
    const int n_outputs = a->n.n_outputs, n_inputs = a->n.shortcut ? a->n.n_inputs : 0;
    const double *w = a->w_output + k;
    const double *bias = w + (int64_t)a->n_seen * n_outputs;
    lanes sums[4][2];
    for (int i = 0; i < count; i++) sums[i][0] = sums[i][1] = all_lanes(bias[i]);
    weigh(count, n_inputs, w, 1, n_outputs, at->x, sums);
    weigh(count, a->n.n_cells + a->n.n_hidden, w + (int64_t)n_inputs * n_outputs, 1, n_outputs,
          ROW(at->y, a->n.n_gates), sums);
    for (int i = 0; i < count; i++) {
        EACH_HALF store(ROW(a->net, k + i) + v, sums[i][v / LANES]);
    }
}

static inline void abreast_outputs(const Abreast *a, const Step *at) {
    int k = 0;
    for (; k + 4 <= a->n.n_outputs; k += 4) abreast_net(a, 4, k, at);
    for (; k < a->n.n_outputs; k++) abreast_net(a, 1, k, at);
}

/* error[i] += w[i, m] z[m] over m, for all i. */
static inline void add_errors(int n_rows, int n_sources, const double *w, const double *z,
                              double *error) {
    int i = 0;
    lanes sums[4][2];
    for (; i + 4 <= n_rows; i += 4) {
        for (int j = 0; j < 4; j++) {
            EACH_HALF sums[j][v / LANES] = load(ROW(error, i + j) + v);
        }
        weigh(4, n_sources, w + (int64_t)i * n_sources, n_sources, 1, z, sums);
        for (int j = 0; j < 4; j++) {
            EACH_HALF store(ROW(error, i + j) + v, sums[j][v / LANES]);
        }
    }
    for (; i < n_rows; i++) {
        EACH_HALF sums[0][v / LANES] = load(ROW(error, i) + v);
        weigh(1, n_sources, w + (int64_t)i * n_sources, 0, 1, z, sums);
        EACH_HALF store(ROW(error, i) + v, sums[0][v / LANES]);
    }
}

/* Carries errors at the activations of a block to its net inputs: (21), (23). Errors at the states
 * then go on to the step before. `sees` says whether there are errors at the activations. */
static inline ALWAYS void abreast_block_back(const Abreast *a, int block, int sees, const Step *at,
                                             int v) {
    const Sizes *n = &a->n;
    const Gates_lanes gates = abreast_gates(a, at->y + v, block);
    const int first = block * n->block_size, end = first + n->block_size;
    if (sees) {
        lanes through = all_lanes(0.0);
        for (int c = first; c < end; c++) {
            const lanes error = load(ROW(a->error, n->n_gates + c) + v);
            const lanes h = load(ROW(at->h, c) + v);
            double *e_s = ROW(a->e_s, c) + v;
            store(e_s, FMA(output_slope_lanes(&gates, n->linear_state, h), error, load(e_s)));
            through = FMA(h, error, through);
        }
        if (HAS_GATE(n->gates, OUTPUT_GATE)) {
            const int unit = n->first_gate[OUTPUT_GATE] + block;
            store(ROW(at->delta, unit) + v, logistic_slope_lanes(gates.y[OUTPUT_GATE]) *
                                                (load(ROW(a->error, unit) + v) + through));
        }
    }
    for (int c = first; c < end; c++) {
        store(ROW(at->delta, n->n_gates + c) + v,
              load(ROW(a->e_s, c) + v) * load(ROW(at->u, c) + v));
    }
    for (int kind = 0, i = 0; kind < N_STATE_GATES; kind++) {
        if (!HAS_GATE(n->gates, kind)) continue;
        i += n->n_cells;
        const int unit = n->first_gate[kind] + block;
        lanes delta = all_lanes(0.0);
        if (sees) {
            delta = logistic_slope_lanes(gates.y[kind]) * load(ROW(a->error, unit) + v);
        }
        for (int c = first; c < end; c++) {
            delta = FMA(load(ROW(a->e_s, c) + v), load(ROW(at->u, i + c) + v), delta);
        }
        store(ROW(at->delta, unit) + v, delta);
    }
    for (int c = first; c < end; c++) {
        double *e_s = ROW(a->e_s, c) + v;
        store(e_s, carousel_lanes(&gates, load(e_s)));
    }
}

/* One step back. `sees` says whether there are errors at the activations: where a target is due,
 * and always for the full gradient. Then `next_delta` has the errors of the next step, which this
 * step fed; it is NULL at the last step, and for the truncated gradient. */
static inline void abreast_back(const Abreast *a, int is_due, int sees, const double *next_delta,
                                const Step *at) {
    const Sizes *n = &a->n;
    const int first_hidden = n->n_gates + n->n_cells;
    if (sees) memset(a->error, 0, (size_t)n->n_units * ABREAST * sizeof(double));
    if (is_due) {
        add_errors(n->n_cells + n->n_hidden, n->n_outputs,
                   a->w_output + (int64_t)(n->shortcut ? n->n_inputs : 0) * n->n_outputs, at->e,
                   ROW(a->error, n->n_gates));
    }
    if (next_delta) {
        add_errors(n->n_feedback, n->n_units, a->w + (int64_t)n->n_inputs * n->n_units,
                   next_delta, ROW(a->error, n->first_feedback));
    }
    for (int block = 0; block < n->n_blocks; block++) {
        EACH_HALF abreast_block_back(a, block, sees, at, v);
    }
    for (int i = first_hidden; sees && i < n->n_units; i++) EACH_HALF {
        const lanes y = load(ROW(at->y, i) + v);
        store(ROW(at->delta, i) + v, logistic_slope_lanes(y) * load(ROW(a->error, i) + v));
    }
}

/* sums[m, j] += z[t, m] d[t, j] over the steps t, for a tile of up to two m and four j. */
static inline ALWAYS void add_gradient_tile(const int n_m, const int n_j, const int *steps,
                                            int n_steps, const double *z, int64_t z_step,
                                            const double *d, int64_t d_step, double *sums,
                                            int64_t row) {
    lanes tile[2][4];
    for (int m = 0; m < n_m; m++) {
        for (int j = 0; j < n_j; j++) tile[m][j] = load(sums + m * row + j * MOST_ABREAST);
    }
    for (int i = 0; i < n_steps; i++) {
        const double *z_t = z + steps[i] * z_step, *d_t = d + steps[i] * d_step;
        for (int m = 0; m < n_m; m++) {
            const lanes source = load(ROW(z_t, m));
            for (int j = 0; j < n_j; j++) tile[m][j] = FMA(source, load(ROW(d_t, j)), tile[m][j]);
        }
    }
    for (int m = 0; m < n_m; m++) {
        for (int j = 0; j < n_j; j++) store(sums + m * row + j * MOST_ABREAST, tile[m][j]);
    }
}

static inline ALWAYS void add_columns(const int n_j, const int *steps, int n_steps, const double *z,
                                      int64_t z_step, int n_z, const double *d, int64_t d_step,
                                      double *sums, int64_t row) {
    EACH_HALF {
        int m = 0;
        for (; m + 2 <= n_z; m += 2) {
            add_gradient_tile(2, n_j, steps, n_steps, ROW(z, m) + v, z_step, d + v, d_step,
                     sums + m * row + v, row);
        }
        if (m < n_z) {
            add_gradient_tile(1, n_j, steps, n_steps, ROW(z, m) + v, z_step, d + v, d_step,
                     sums + m * row + v, row);
        }
    }
}

/* Adds the products of n_z sources and n_d errors over some steps to sums, (n_z, n_row) rows of
 * MOST_ABREAST. Steps are taken in blocks, so that what a block needs stays in the cache. */
static inline void add_gradients(const int *steps, int n_steps, const double *z, int64_t z_step,
                                 int n_z, const double *d, int64_t d_step, int n_d, double *sums,
                                 int n_row) {
    enum { BLOCK = 32 };
    const int64_t row = (int64_t)n_row * MOST_ABREAST;
    for (; n_steps > 0; steps += BLOCK, n_steps -= BLOCK) {
        const int n = n_steps < BLOCK ? n_steps : BLOCK;
        int j = 0;
        for (; j + 4 <= n_d; j += 4) {
            add_columns(4, steps, n, z, z_step, n_z, ROW(d, j), d_step, sums + j * MOST_ABREAST,
                        row);
        }
        for (; j < n_d; j++) {
            add_columns(1, steps, n, z, z_step, n_z, ROW(d, j), d_step, sums + j * MOST_ABREAST,
                        row);
        }
    }
}

#endif
