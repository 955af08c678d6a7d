/* Several nets of one topology, a net in each lane of two registers: the same steps as _core.pyx
 * takes with one.
 *
 * Where a kernel for one net waits, each step for the one before, this one has the steps of others to
 * do. Every lane does the same operations in the same order as that kernel, so the bits are the same.
 * Numbers in brackets: the paper's.
 */
#ifndef LSTM97_LOCKSTEP_H
#define LSTM97_LOCKSTEP_H

#include "vectors.h"

/* The net: sizes as in _core.pxd, and arrays of registers, in the order of the flat weights. */
typedef struct {
    int n_inputs, n_gates, n_cells, n_hidden, n_units, n_outputs, block_size;
    int input_gate, output_gate, linear_state, shortcut, output_bias, logistic_output;
    int first_output_gate, first_feedback, n_feedback, n_sources;
    double g_low, g_high, g_slope;
    const double *bias_mask; /* (n_units,) 1 where a unit has a bias */
    double *w;               /* (n_sources, n_units): inputs, fed-back units, bias */
    double *w_output;        /* (inputs with shortcuts, cells, conventional units, bias; n_outputs) */
    double *x;               /* (n_inputs,) of this step */
    double *y, *previous;    /* (n_units,) */
    double *s, *h;           /* (n_cells,) */
    double *u, *u_gate;      /* (n_cells,) */
    double *trace;           /* (n_sources, n_cells) */
    double *trace_gate;
    double *output, *e;      /* (n_outputs,) */
    double *e_s;             /* (n_cells,) */
    double *delta;           /* (n_units,) of output gates and conventional units */
} Lockstep;

/* Two registers of nets: while one waits for the result of an instruction, the other goes on. */
enum { TEAM = 2 * LANES };

#define AT(p, i) ((p) + (int64_t)(i) * TEAM)
#define EACH_PART for (int v = 0; v < TEAM; v += LANES)


/* Inputs x, a row of them for each net. */
static inline void lockstep_inputs(const Lockstep *q, const double **rows) {
    for (int m = 0; m < q->n_inputs; m++) {
        EACH_PART store(AT(q->x, m) + v, collect(rows + v, m));
    }
}

/* Net inputs of up to four units: sums[i] += w[m, i] z[m] over m. */
static inline ALWAYS void lockstep_sums(const Lockstep *q, const int count, int n,
                                        const double *w, const double *z,
                                        lanes sums[4][TEAM / LANES]) {
    for (int m = 0; m < n; m++, w += q->n_units * TEAM, z += TEAM) {
        EACH_PART {
            const lanes source = load(z + v);
            for (int i = 0; i < count; i++) {
                sums[i][v / LANES] = FMA(load(AT(w, i) + v), source, sums[i][v / LANES]);
            }
        }
    }
}

/* Activations of so many units in [low, high], into y. */
static inline ALWAYS void lockstep_activate(const Lockstep *q, const int count, int unit,
                                            lanes low, lanes high) {
    lanes sums[4][TEAM / LANES];
    const double *fed_back = AT(q->w, q->n_inputs * q->n_units + unit);
    const double *bias = AT(fed_back, q->n_feedback * q->n_units);
    for (int i = 0; i < count; i++) EACH_PART sums[i][v / LANES] = load(AT(bias, i) + v);
    lockstep_sums(q, count, q->n_inputs, AT(q->w, unit), q->x, sums);
    lockstep_sums(q, count, q->n_feedback, fed_back, AT(q->previous, q->first_feedback), sums);
    for (int i = 0; i < count; i++) {
        EACH_PART store(AT(q->y, unit + i) + v, squash(sums[i][v / LANES], low, high));
    }
}

static inline ALWAYS void lockstep_units(const Lockstep *q, int unit, int end, double low,
                                         double high) {
    const lanes from = all_lanes(low), to = all_lanes(high);
    for (; unit + 4 <= end; unit += 4) lockstep_activate(q, 4, unit, from, to);
    for (; unit < end; unit++) lockstep_activate(q, 1, unit, from, to);
}

/* States and activations of a block's cells, and what their net inputs add to the states. */
static inline ALWAYS void lockstep_cells(const Lockstep *q, int block) {
    const lanes one = all_lanes(1.0);
    for (int c = block * q->block_size; c < (block + 1) * q->block_size; c++) EACH_PART {
        const lanes in = q->input_gate ? load(AT(q->y, block) + v) : one;
        const lanes out = q->output_gate ? load(AT(q->y, q->first_output_gate + block) + v) : one;
        double *y = AT(q->y, q->n_gates + c) + v;
        const lanes g = load(y);
        const lanes s = FMA(in, g, load(AT(q->s, c) + v));
        const lanes h = q->linear_state ? s : squash(s, -one, one);
        store(AT(q->s, c) + v, s);
        store(AT(q->h, c) + v, h);
        store(y, out * h);
        store(AT(q->u, c) + v, in * q->g_slope * (q->g_high - g) * (g - q->g_low));
        store(AT(q->u_gate, c) + v, g * in * (one - in));
    }
}

/* trace[m, c] += u[c] z[m] for n sources and so many cells. */
static inline ALWAYS void lockstep_traces(const Lockstep *q, const int count, int cell, int first,
                                          int n, const double *z) {
    const int n_cells = q->n_cells;
    EACH_PART {
        lanes u[4], u_gate[4];
        double *trace = AT(q->trace, first * n_cells + cell) + v;
        double *gate = AT(q->trace_gate, first * n_cells + cell) + v;
        for (int c = 0; c < count; c++) u[c] = load(AT(q->u, cell + c) + v);
        for (int c = 0; c < count; c++) u_gate[c] = load(AT(q->u_gate, cell + c) + v);
        for (int m = 0; m < n; m++) {
            const lanes source = load(AT(z, m) + v);
            for (int c = 0; c < count; c++) {
                store(AT(trace, c), FMA(u[c], source, load(AT(trace, c))));
                store(AT(gate, c), FMA(u_gate[c], source, load(AT(gate, c))));
            }
            trace = AT(trace, n_cells), gate = AT(gate, n_cells);
        }
    }
}

static inline ALWAYS void lockstep_advance(const Lockstep *q, const int count, int cell) {
    double one[TEAM];
    EACH_PART store(one + v, all_lanes(1.0));
    lockstep_traces(q, count, cell, 0, q->n_inputs, q->x);
    lockstep_traces(q, count, cell, q->n_inputs, q->n_feedback,
                    AT(q->previous, q->first_feedback));
    lockstep_traces(q, count, cell, q->n_inputs + q->n_feedback, 1, one);
}

/* One step of the hidden layer: (7) to (9), (25), (27). */
static inline void lockstep_hidden(Lockstep *q) {
    double *y = q->previous;
    const int first_hidden = q->n_gates + q->n_cells;
    q->previous = q->y;
    q->y = y;
    lockstep_units(q, 0, q->n_gates, 0.0, 1.0);
    lockstep_units(q, q->n_gates, first_hidden, q->g_low, q->g_high);
    lockstep_units(q, first_hidden, q->n_units, 0.0, 1.0);
    for (int block = 0; block * q->block_size < q->n_cells; block++) lockstep_cells(q, block);
    int cell = 0;
    for (; cell + 4 <= q->n_cells; cell += 4) lockstep_advance(q, 4, cell);
    for (; cell < q->n_cells; cell++) lockstep_advance(q, 1, cell);
}

/* So many steps without a target; rows go on. */
static inline void lockstep_steps(Lockstep *q, int64_t n, const double **rows, const int *strides) {
    for (int64_t t = 0; t < n; t++) {
        lockstep_inputs(q, rows);
        lockstep_hidden(q);
        for (int i = 0; i < TEAM; i++) rows[i] += strides[i];
    }
}

/* The source m of the hidden layer. */
static inline lanes lockstep_source(const Lockstep *q, int m, int v) {
    if (m < q->n_inputs) return load(AT(q->x, m) + v);
    m -= q->n_inputs;
    if (m == q->n_feedback) return all_lanes(1.0);
    return load(AT(q->previous, q->first_feedback + m) + v);
}

/* The source m of the output layer, and how many there are, but for the bias. */
static inline lanes lockstep_seen(const Lockstep *q, int m, int v) {
    const int n_inputs = q->shortcut ? q->n_inputs : 0;
    if (m < n_inputs) return load(AT(q->x, m) + v);
    m -= n_inputs;
    if (m == q->n_cells + q->n_hidden) return all_lanes(1.0);
    return load(AT(q->y, q->n_gates + m) + v);
}

static inline int lockstep_n_seen(const Lockstep *q) {
    return (q->shortcut ? q->n_inputs : 0) + q->n_cells + q->n_hidden;
}

static inline void lockstep_outputs(const Lockstep *q) {
    const int n = lockstep_n_seen(q);
    for (int k = 0; k < q->n_outputs; k++) EACH_PART {
        lanes net = load(AT(q->w_output, n * q->n_outputs + k) + v);
        for (int m = 0; m < n; m++) {
            const lanes w = load(AT(q->w_output, m * q->n_outputs + k) + v);
            net = FMA(w, lockstep_seen(q, m, v), net);
        }
        if (q->logistic_output) net = squash(net, all_lanes(0.0), all_lanes(1.0));
        store(AT(q->output, k) + v, net);
    }
}

/* Errors of output gates (21), states (23) and conventional units (20) from those of the outputs. */
static inline void lockstep_backpropagate(const Lockstep *q, int v) {
    const lanes zero = all_lanes(0.0), one = all_lanes(1.0);
    const double *row = AT(q->w_output, q->shortcut ? q->n_inputs * q->n_outputs : 0) + v;
    lanes through = zero;
    for (int i = 0; i < q->n_cells + q->n_hidden; i++, row = AT(row, q->n_outputs)) {
        lanes error = zero;
        for (int k = 0; k < q->n_outputs; k++) {
            error = FMA(load(AT(row, k)), load(AT(q->e, k) + v), error);
        }
        if (i >= q->n_cells) {
            const lanes y = load(AT(q->y, q->n_gates + i) + v);
            store(AT(q->delta, q->n_gates + i) + v, y * (one - y) * error);
            continue;
        }
        const int gate = q->first_output_gate + i / q->block_size;
        const lanes opening = q->output_gate ? load(AT(q->y, gate) + v) : one;
        const lanes h = load(AT(q->h, i) + v);
        const lanes slope = q->linear_state ? one : 0.5 * (one - h) * (one + h);
        store(AT(q->e_s, i) + v, opening * slope * error);
        through = FMA(h, error, i % q->block_size ? through : zero);
        if (q->output_gate) store(AT(q->delta, gate) + v, opening * (one - opening) * through);
    }
}

static inline void lockstep_move(lanes rate, lanes gradient, double *w) {
    store(w, FMA(rate, gradient, load(w)));
}

/* w += rate * gradient for the weights from source m, with activation z: (26), (28), (20), (21). */
static inline void lockstep_move_row(const Lockstep *q, lanes rate, int m, lanes z, int v) {
    const int size = q->block_size, end = q->n_gates + q->n_cells;
    const double *trace = AT(q->trace, m * q->n_cells) + v;
    const double *gate = AT(q->trace_gate, m * q->n_cells) + v;
    const double *e_s = q->e_s + v, *delta = q->delta + v;
    const double *moves = m == q->n_sources - 1 ? q->bias_mask : NULL; /* NULL: all */
    double *w = AT(q->w, m * q->n_units) + v;
    const lanes zero = all_lanes(0.0);
    for (int i = 0; i < q->first_output_gate; i++) {
        lanes sum = zero;
        for (int c = 0; c < size; c++, e_s = AT(e_s, 1), gate = AT(gate, 1)) {
            sum = FMA(load(e_s), load(gate), sum);
        }
        if (!moves || moves[i] != 0.0) lockstep_move(rate, sum, AT(w, i));
    }
    e_s = q->e_s + v;
    for (int i = q->first_output_gate; i < q->n_units; i++) {
        if (moves && moves[i] == 0.0) continue;
        const int c = i - q->n_gates, is_cell = c >= 0 && i < end;
        const lanes left = load(is_cell ? AT(e_s, c) : AT(delta, i));
        lockstep_move(rate, FMA(left, is_cell ? load(AT(trace, c)) : z, zero), AT(w, i));
    }
}

/* w += rate * gradient, in the nets of one part; where e is zero nothing moves. */
static inline void lockstep_move_part(const Lockstep *q, double rate, int v) {
    const lanes by = all_lanes(rate);
    lockstep_backpropagate(q, v);
    for (int m = 0; m < q->n_sources; m++) {
        lockstep_move_row(q, by, m, lockstep_source(q, m, v), v);
    }
    for (int m = 0; m < lockstep_n_seen(q) + q->output_bias; m++) {
        const lanes z = lockstep_seen(q, m, v);
        for (int k = 0; k < q->n_outputs; k++) {
            const lanes gradient = FMA(load(AT(q->e, k) + v), z, all_lanes(0.0));
            lockstep_move(by, gradient, AT(q->w_output, m * q->n_outputs + k) + v);
        }
    }
}

/* is_due tells of which nets a target is there. */
static inline void lockstep_update(const Lockstep *q, double rate, const int *is_due) {
    EACH_PART {
        int any = 0;
        EACH_LANE any |= is_due[v + i];
        if (any) lockstep_move_part(q, rate, v);
    }
}

#endif
