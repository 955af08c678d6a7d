/* One net on several sequences side by side: each sequence has a lane of one or two registers.
 *
 * The sequences share the weights, so a weight is loaded once for all of them. Outputs have the
 * bits that a sequence has alone: each lane does the operations of layer.h in the same order. The
 * gradient is computed backward, from a tape of all steps. Each lane adds up its own gradient, so
 * the order of the sums does not depend on the number of lanes.
 *
 * An array of rows has one row of `width` numbers for each unit, one number per sequence. Numbers
 * in brackets are the paper's.
 */
#ifndef LSTM97_ABREAST_H
#define LSTM97_ABREAST_H

#include "net.h"

/* The most sequences, in two registers: while one waits for a result, the other proceeds. The
 * gradients of MOST_ABREAST sequences are added up apart from each other, for any width. */
enum { ABREAST = 2 * LANES, MOST_ABREAST = 16 };

/* The weights, without padding, and what is carried from step to step. Activations that no other
 * unit sees, those of gates before `n.first_feedback`, have no row in y, z and error. */
typedef struct {
    Sizes n;
    int width;         /* of a row: LANES or ABREAST */
    int n_sources;     /* of the hidden layer */
    int n_seen;        /* sources of the output layer, without the bias */
    double *w;         /* (n_sources, n_units): inputs, fed-back units, bias */
    double *w_output;  /* (n_seen + 1, n_outputs) */
    double *e_s;       /* (n_cells,) rows: errors at the states */
    double *error;     /* (n_units - n.first_feedback,) rows: errors at the activations */
    double *net;       /* (n_outputs,) rows: net inputs of the outputs */
    double *panel;     /* see add_gradients */
} Abreast;

/* What the tape holds of a step; an array of rows each. */
typedef struct {
    double *z;      /* (n_inputs + n_units - n.first_feedback,) inputs x(t) and y(t-1) */
    double *y;      /* (n_units - n.first_feedback,) y(t), part of the next step's z */
    double *a;      /* (n_units,) openings of gates, g of cells, activations of other units; on the
                     * way back, errors at the net inputs replace them */
    double *before; /* (n_cells,) s(t-1), which is kept only if there are forget gates */
    double *s;      /* (n_cells,) s(t); may be `before` */
    double *h;      /* (n_cells,) h(s) */
    double *e;      /* (n_outputs,) errors at the outputs' net inputs */
} Step;

#define ROW(p, i) ((p) + (int64_t)(i) * a->width)
#define EACH_REGISTER for (int v = 0; v < a->width; v += LANES)

/* ---- sums over sources ---------------------------------------------------------------------- */

/* The sums that are computed at the same time: enough that none waits for another. */
enum { SUMS = LANES > 4 ? 16 : 12 };

/* rows[i] = start + the sum of w[i, m] z[m] over m, for some i. The start is bias[i] or, without
 * biases, rows[i]. The steps say where w[i, m] is. */
static inline ALWAYS void weigh_tile(const int count, const int registers, int n_sources,
                                     const double *bias, const double *w, int64_t step_i,
                                     int64_t step_m, const double *z, double *rows) {
    lanes sums[SUMS];
    for (int i = 0; i < count; i++) {
        for (int v = 0; v < registers; v++) {
            sums[i * registers + v] =
                bias ? all_lanes(bias[i]) : load(rows + (i * registers + v) * LANES);
        }
    }
    for (int m = 0; m < n_sources; m++, w += step_m, z += registers * LANES) {
        for (int i = 0; i < count; i++) {
            const lanes weight = all_lanes(w[i * step_i]);
            for (int v = 0; v < registers; v++) {
                sums[i * registers + v] = FMA(weight, load(z + v * LANES), sums[i * registers + v]);
            }
        }
    }
    for (int i = 0; i < count * registers; i++) store(rows + i * LANES, sums[i]);
}

#define WEIGH(count)                                                                             \
    for (; i + (count) <= n_rows; i += (count)) {                                                \
        weigh_tile(count, registers, n_sources, bias ? bias + i : NULL, w + i * step_i, step_i,  \
                   step_m, z, rows + i * registers * LANES);                                     \
    }

static inline ALWAYS void weigh_rows(const int registers, int n_rows, int n_sources,
                                     const double *bias, const double *w, int64_t step_i,
                                     int64_t step_m, const double *z, double *rows) {
    int i = 0;
    WEIGH(SUMS / registers)
    WEIGH(4)
    WEIGH(2)
    WEIGH(1)
}

static APART void weigh(const Abreast *a, int n_rows, int n_sources, const double *bias,
                        const double *w, int64_t step_m, const double *z, double *rows) {
    if (a->width == LANES) {
        weigh_rows(1, n_rows, n_sources, bias, w, 1, step_m, z, rows);
    } else {
        weigh_rows(2, n_rows, n_sources, bias, w, 1, step_m, z, rows);
    }
}

static APART void weigh_back(const Abreast *a, int n_rows, int n_sources, const double *w,
                             const double *z, double *rows) {
    if (a->width == LANES) {
        weigh_rows(1, n_rows, n_sources, NULL, w, n_sources, 1, z, rows);
    } else {
        weigh_rows(2, n_rows, n_sources, NULL, w, n_sources, 1, z, rows);
    }
}

/* ---- forward -------------------------------------------------------------------------------- */

/* Loads the inputs of a step; `rows` points to those of each sequence. */
static inline void abreast_inputs(const Abreast *a, const double **rows, double *x) {
    for (int m = 0; m < a->n.n_inputs; m++) {
        EACH_REGISTER store(ROW(x, m) + v, collect(rows + v, m));
    }
}

/* Replaces net inputs of units with the range [low, high] by their activations. */
static inline void abreast_squash(const Abreast *a, int unit, int end, double low, double high,
                                  const Step *at) {
    squash_range((end - unit) * a->width, low, high, ROW(at->a, unit), ROW(at->a, unit));
}

/* The gates of a block. */
static inline ALWAYS Gates_lanes abreast_gates(const Abreast *a, const int kinds, const Step *at,
                                               int block, int v) {
    Gates_lanes gates = {.kinds = kinds};
    for (int kind = 0; kind < N_GATES; kind++) {
        if (!HAS_GATE(kinds, kind)) continue;
        gates.y[kind] = load(ROW(at->a, a->n.first_gate[kind] + block) + v);
    }
    return gates;
}

/* States of all cells: (9). */
static inline ALWAYS void abreast_states(const Sizes *n, const int kinds, const Abreast *a,
                                         const Step *at) {
    for (int block = 0; block < n->n_blocks; block++) EACH_REGISTER {
        const Gates_lanes gates = abreast_gates(a, kinds, at, block, v);
        for (int c = block * n->block_size; c < (block + 1) * n->block_size; c++) {
            const Values_lanes cell = {.before = load(ROW(at->before, c) + v),
                                       .g = load(ROW(at->a, n->n_gates + c) + v)};
            store(ROW(at->s, c) + v, next_state_lanes(&gates, &cell));
        }
    }
}

/* Activations of all cells: (9). */
static inline ALWAYS void abreast_cells(const Sizes *n, const int kinds, const Abreast *a,
                                        const Step *at, double *y) {
    for (int block = 0; block < n->n_blocks; block++) EACH_REGISTER {
        const Gates_lanes gates = abreast_gates(a, kinds, at, block, v);
        for (int c = block * n->block_size; c < (block + 1) * n->block_size; c++) {
            store(ROW(y, c) + v, cell_output_lanes(&gates, load(ROW(at->h, c) + v)));
        }
    }
}

/* One step of the hidden layer: (7) to (9). Each loop has many operations that do not wait for
 * one another. */
static inline void abreast_hidden(const Abreast *a, const Step *at) {
    const Sizes *n = &a->n;
    const int first_hidden = n->n_gates + n->n_cells;
    const int n_sources = n->n_inputs + n->n_feedback;
    double *cells = ROW(at->y, n->n_gates - n->first_feedback);
    weigh(a, n->n_units, n_sources, a->w + (int64_t)n_sources * n->n_units, a->w, n->n_units,
          at->z, at->a);
    abreast_squash(a, 0, n->n_gates, 0.0, 1.0, at);
    abreast_squash(a, n->n_gates, first_hidden, n->g_low, n->g_high, at);
    abreast_squash(a, first_hidden, n->n_units, 0.0, 1.0, at);
    FOR_KINDS(n, abreast_states, a, at);
    squash_states(n->n_cells * a->width, n->linear_state, at->s, at->h);
    FOR_KINDS(n, abreast_cells, a, at, cells);
    copy_lanes((int)(cells - at->y), ROW(at->a, n->first_feedback), at->y);
    copy_lanes(n->n_hidden * a->width, ROW(at->a, first_hidden), ROW(cells, n->n_cells));
}

/* The net inputs of the outputs. */
static inline void abreast_outputs(const Abreast *a, const Step *at) {
    const Sizes *n = &a->n;
    const double *w = a->w_output, *bias = w + (int64_t)a->n_seen * n->n_outputs;
    if (n->shortcut) {
        weigh(a, n->n_outputs, n->n_inputs, bias, w, n->n_outputs, at->z, a->net);
        bias = NULL;
        w += (int64_t)n->n_inputs * n->n_outputs;
    }
    weigh(a, n->n_outputs, n->n_cells + n->n_hidden, bias, w, n->n_outputs,
          ROW(at->y, n->n_gates - n->first_feedback), a->net);
}

/* ---- back ----------------------------------------------------------------------------------- */

/* Carries errors at the activations of a block to its net inputs: (21), (23), (25), (27). Errors
 * at the states then go on to the step before. `sees` says whether there are errors at the
 * activations. */
static inline ALWAYS void abreast_block_back(const Abreast *a, const int kinds, int block,
                                             int sees, const Step *at, int v) {
    const Sizes *n = &a->n;
    const Gates_lanes gates = abreast_gates(a, kinds, at, block, v);
    const lanes low = all_lanes(n->g_low), high = all_lanes(n->g_high);
    const double *error = ROW(a->error, n->n_gates - n->first_feedback);
    lanes through = all_lanes(0.0), at_gates[N_GATES], delta[N_STATE_GATES];
    for (int kind = 0; kind < N_GATES; kind++) {
        at_gates[kind] = all_lanes(0.0);
        if (sees && HAS_GATE(kinds, kind) && n->first_feedback == 0) {
            at_gates[kind] = load(ROW(a->error, n->first_gate[kind] + block) + v);
        }
    }
    for (int kind = 0; kind < N_STATE_GATES; kind++) {
        if (HAS_GATE(kinds, kind)) {
            delta[kind] = logistic_slope_lanes(gates.y[kind]) * at_gates[kind];
        }
    }
    for (int c = block * n->block_size; c < (block + 1) * n->block_size; c++) {
        double *g = ROW(at->a, n->n_gates + c) + v;
        const Values_lanes cell = {.before = load(ROW(at->before, c) + v), .g = load(g)};
        lanes e_s = load(ROW(a->e_s, c) + v);
        if (sees) {
            const lanes h = load(ROW(at->h, c) + v), e = load(ROW(error, c) + v);
            e_s = FMA(output_slope_lanes(&gates, n->linear_state, h), e, e_s);
            through = FMA(h, e, through);
        }
        for (int kind = 0; kind < N_STATE_GATES; kind++) {
            if (!HAS_GATE(kinds, kind)) continue;
            delta[kind] = FMA(e_s, gate_push_lanes(&gates, kind, &cell), delta[kind]);
        }
        store(g, e_s * cell_push_lanes(&gates, &cell, low, high, all_lanes(n->g_slope)));
        store(ROW(a->e_s, c) + v, carousel_lanes(&gates, e_s));
    }
    for (int kind = 0; kind < N_STATE_GATES; kind++) {
        if (!HAS_GATE(kinds, kind)) continue;
        store(ROW(at->a, n->first_gate[kind] + block) + v, delta[kind]);
    }
    if (sees && HAS_GATE(kinds, OUTPUT_GATE)) {
        store(ROW(at->a, n->first_gate[OUTPUT_GATE] + block) + v,
              logistic_slope_lanes(gates.y[OUTPUT_GATE]) * (at_gates[OUTPUT_GATE] + through));
    }
}

static inline ALWAYS void abreast_blocks_back(const Sizes *n, const int kinds, const Abreast *a,
                                              int sees, const Step *at) {
    for (int block = 0; block < n->n_blocks; block++) {
        EACH_REGISTER abreast_block_back(a, kinds, block, sees, at, v);
    }
}

/* One step back. `sees` says whether there are errors at the activations: where a target is due,
 * and always for the full gradient. Then `next_delta` has the errors of the next step, which this
 * step fed; it is NULL at the last step, and for the truncated gradient. Where there are none,
 * output gates and conventional units keep their activations. */
static inline void abreast_back(const Abreast *a, int is_due, int sees, const double *next_delta,
                                const Step *at) {
    const Sizes *n = &a->n;
    const int first_hidden = n->n_gates + n->n_cells;
    const int first = n->first_feedback;
    if (sees) memset(a->error, 0, (size_t)(n->n_units - first) * a->width * sizeof(double));
    if (is_due) {
        weigh_back(a, n->n_cells + n->n_hidden, n->n_outputs,
                   a->w_output + (int64_t)(n->shortcut ? n->n_inputs : 0) * n->n_outputs, at->e,
                   ROW(a->error, n->n_gates - first));
    }
    if (next_delta) {
        weigh_back(a, n->n_feedback, n->n_units, a->w + (int64_t)n->n_inputs * n->n_units,
                   next_delta, a->error);
    }
    FOR_KINDS(n, abreast_blocks_back, a, sees, at);
    for (int i = first_hidden; sees && i < n->n_units; i++) EACH_REGISTER {
        double *y = ROW(at->a, i) + v;
        store(y, logistic_slope_lanes(load(y)) * load(ROW(a->error, i - first) + v));
    }
}

/* ---- the gradient --------------------------------------------------------------------------- */

/* Steps are taken in blocks, so that what a block needs stays in the cache. Of these steps, the
 * rows of one register are copied to a panel, the steps of a row one after the other. A tile of
 * sums stays in registers: those of three sources and TILE errors. */
enum { BLOCK = 32, PANEL = (BLOCK + 1) * LANES, TILE = LANES > 4 ? 8 : 4 };

/* Copies n_rows rows of some steps to a panel; step_size is their distance on the tape. */
static inline void pack(const Abreast *a, const int *steps, int n_steps, const double *rows,
                        int64_t step_size, int n_rows, double *panel) {
    for (int i = 0; i < n_steps; i++, panel += LANES) {
        const double *row = rows + steps[i] * step_size;
        for (int m = 0; m < n_rows; m++) {
            store(panel + (int64_t)m * PANEL, load(ROW(row, m)));
        }
    }
}

/* sums[m, j] += z[m, t] d[j, t] over the steps t. */
static inline ALWAYS void add_gradient_tile(const int n_m, const int n_j, int n_steps,
                                            const double *z, const double *d, double *sums,
                                            int64_t row) {
    lanes tile[3][TILE];
    for (int m = 0; m < n_m; m++) {
        for (int j = 0; j < n_j; j++) tile[m][j] = load(sums + m * row + j * LANES);
    }
    for (int t = 0; t < n_steps * LANES; t += LANES) {
        for (int j = 0; j < n_j; j++) {
            const lanes error = load(d + j * PANEL + t);
            for (int m = 0; m < n_m; m++) {
                tile[m][j] = FMA(load(z + m * PANEL + t), error, tile[m][j]);
            }
        }
    }
    for (int m = 0; m < n_m; m++) {
        for (int j = 0; j < n_j; j++) store(sums + m * row + j * LANES, tile[m][j]);
    }
}

static inline ALWAYS void add_columns(const int n_j, int n_steps, const double *z, int n_z,
                                      const double *d, double *sums, int64_t row) {
    int m = 0;
    for (; m + 3 <= n_z; m += 3) {
        add_gradient_tile(3, n_j, n_steps, z + (int64_t)m * PANEL, d, sums + m * row, row);
    }
    for (; m < n_z; m++) {
        add_gradient_tile(1, n_j, n_steps, z + (int64_t)m * PANEL, d, sums + m * row, row);
    }
}

/* Adds the products of n_z sources and n_d errors over some steps, in the register at v, to sums:
 * (n_z, n_row) vectors. With a bias, the last source is the constant 1. */
static inline void add_gradients(const Abreast *a, int v, const int *steps, int n_steps,
                                 const double *z, int64_t z_step, int n_z, int bias,
                                 const double *d, int64_t d_step, int n_d, double *sums,
                                 int n_row) {
    const int64_t row = (int64_t)n_row * LANES;
    double *errors = a->panel, *sources = a->panel + TILE * PANEL;
    for (int t = 0; bias && t < BLOCK; t++) {
        store(sources + (int64_t)(n_z - 1) * PANEL + t * LANES, all_lanes(1.0));
    }
    for (; n_steps > 0; steps += BLOCK, n_steps -= BLOCK) {
        const int n = n_steps < BLOCK ? n_steps : BLOCK;
        pack(a, steps, n, z + v, z_step, n_z - bias, sources);
        for (int j = 0, n_j; j < n_d; j += n_j) {
            n_j = j + TILE <= n_d ? TILE : j + 2 <= n_d ? 2 : 1;
            pack(a, steps, n, ROW(d, j) + v, d_step, n_j, errors);
            if (n_j == TILE) add_columns(TILE, n, sources, n_z, errors, sums + j * LANES, row);
            if (n_j == 2) add_columns(2, n, sources, n_z, errors, sums + j * LANES, row);
            if (n_j == 1) add_columns(1, n, sources, n_z, errors, sums + j * LANES, row);
        }
    }
}

/* Sets totals[i] to the sum of all lanes of the i-th vectors of some registers, in their order. */
static inline void add_lanes(int registers, int64_t n, const double *sums, double *totals) {
    for (int64_t i = 0; i < n; i++) {
        double total = 0.0;
        for (int r = 0; r < registers; r++) {
            const double *at = sums + (r * n + i) * LANES;
            for (int lane = 0; lane < LANES; lane++) total += at[lane];
        }
        totals[i] = total;
    }
}

#endif
