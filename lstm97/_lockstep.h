/* Several nets of one topology, a net in each lane: the same steps as _core.pyx takes with one.
 *
 * Where a kernel for one net waits, each step for the one before, this one has the steps of others to
 * do. Every lane does the same operations in the same order as that kernel, so the bits are the same.
 * Numbers in brackets: the paper's.
 */
#ifndef LSTM97_LOCKSTEP_H
#define LSTM97_LOCKSTEP_H

#include "_math.h"

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

#define AT(p, i) ((p) + (int64_t)(i) * LANES)

/* Inputs x, a row of them for each lane. */
static inline void lockstep_inputs(const Lockstep *q, const double **rows) {
    for (int m = 0; m < q->n_inputs; m++) store(AT(q->x, m), collect(rows, m));
}

/* The net input of up to four units, from all sources. */
static inline ALWAYS void lockstep_nets(const Lockstep *q, const int count, int unit, lanes *net) {
    const int n = q->n_units;
    for (int i = 0; i < count; i++) net[i] = load(AT(q->w, (q->n_sources - 1) * n + unit + i));
    const double *w = AT(q->w, unit);
    for (int m = 0; m < q->n_inputs; m++, w += n * LANES) {
        const lanes z = load(AT(q->x, m));
        for (int i = 0; i < count; i++) net[i] = FMA(load(AT(w, i)), z, net[i]);
    }
    for (int m = 0; m < q->n_feedback; m++, w += n * LANES) {
        const lanes z = load(AT(q->previous, q->first_feedback + m));
        for (int i = 0; i < count; i++) net[i] = FMA(load(AT(w, i)), z, net[i]);
    }
}

/* Activations of units first to last, with one range, into y. */
static inline ALWAYS void lockstep_activate(const Lockstep *q, int first, int last, double low,
                                            double high) {
    const lanes from = all_lanes(low), to = all_lanes(high);
    lanes net[4];
    int unit = first;
    for (; unit + 4 <= last; unit += 4) {
        lockstep_nets(q, 4, unit, net);
        for (int i = 0; i < 4; i++) store(AT(q->y, unit + i), squash(net[i], from, to));
    }
    for (; unit < last; unit++) {
        lockstep_nets(q, 1, unit, net);
        store(AT(q->y, unit), squash(net[0], from, to));
    }
}

/* States and activations of a block's cells, and what their net inputs add to the states. */
static inline ALWAYS void lockstep_cells(const Lockstep *q, int block) {
    const lanes one = all_lanes(1.0);
    const lanes in = q->input_gate ? load(AT(q->y, block)) : one;
    const lanes out = q->output_gate ? load(AT(q->y, q->first_output_gate + block)) : one;
    for (int c = block * q->block_size; c < (block + 1) * q->block_size; c++) {
        double *y = AT(q->y, q->n_gates + c);
        const lanes g = load(y);
        const lanes s = FMA(in, g, load(AT(q->s, c)));
        const lanes h = q->linear_state ? s : squash(s, -one, one);
        store(AT(q->s, c), s);
        store(AT(q->h, c), h);
        store(y, out * h);
        store(AT(q->u, c), in * q->g_slope * (q->g_high - g) * (g - q->g_low));
        store(AT(q->u_gate, c), g * in * (one - in));
    }
}

/* trace[m, c] += u[c] z[m] for n sources. */
static inline ALWAYS void lockstep_traces(const Lockstep *q, int first, int n, const double *z) {
    const int n_cells = q->n_cells;
    double *trace = AT(q->trace, first * n_cells);
    double *trace_gate = AT(q->trace_gate, first * n_cells);
    for (int c = 0; c < n_cells; c++, trace += LANES, trace_gate += LANES) {
        const lanes u = load(AT(q->u, c)), u_gate = load(AT(q->u_gate, c));
        for (int m = 0; m < n; m++) {
            double *cell = AT(trace, m * n_cells), *gate = AT(trace_gate, m * n_cells);
            const lanes source = load(AT(z, m));
            store(cell, FMA(u, source, load(cell)));
            store(gate, FMA(u_gate, source, load(gate)));
        }
    }
}

/* One step of the hidden layer: (7) to (9), (25), (27). */
static inline void lockstep_hidden(Lockstep *q) {
    double *y = q->previous;
    const int first_hidden = q->n_gates + q->n_cells, n_fed_back = q->n_feedback;
    q->previous = q->y;
    q->y = y;
    lockstep_activate(q, 0, q->n_gates, 0.0, 1.0);
    lockstep_activate(q, q->n_gates, first_hidden, q->g_low, q->g_high);
    lockstep_activate(q, first_hidden, q->n_units, 0.0, 1.0);
    for (int block = 0; block * q->block_size < q->n_cells; block++) lockstep_cells(q, block);
    double one[LANES];
    store(one, all_lanes(1.0));
    lockstep_traces(q, 0, q->n_inputs, q->x);
    lockstep_traces(q, q->n_inputs, n_fed_back, AT(q->previous, q->first_feedback));
    lockstep_traces(q, q->n_inputs + n_fed_back, 1, one);
}

/* So many steps without a target; rows go on. */
static inline void lockstep_steps(Lockstep *q, int64_t n, const double **rows, const int *strides) {
    for (int64_t t = 0; t < n; t++) {
        lockstep_inputs(q, rows);
        lockstep_hidden(q);
        EACH_LANE rows[i] += strides[i];
    }
}

/* The source m of the output layer. */
static inline lanes lockstep_seen(const Lockstep *q, int m) {
    const int n_inputs = q->shortcut ? q->n_inputs : 0;
    if (m < n_inputs) return load(AT(q->x, m));
    m -= n_inputs;
    return m < q->n_cells + q->n_hidden ? load(AT(q->y, q->n_gates + m)) : all_lanes(1.0);
}

static inline int lockstep_n_seen(const Lockstep *q) {
    return (q->shortcut ? q->n_inputs : 0) + q->n_cells + q->n_hidden;
}

static inline void lockstep_outputs(const Lockstep *q) {
    const int n = lockstep_n_seen(q);
    for (int k = 0; k < q->n_outputs; k++) {
        lanes net = load(AT(q->w_output, n * q->n_outputs + k));
        for (int m = 0; m < n; m++) {
            net = FMA(load(AT(q->w_output, m * q->n_outputs + k)), lockstep_seen(q, m), net);
        }
        const lanes zero = all_lanes(0.0), one = all_lanes(1.0);
        store(AT(q->output, k), q->logistic_output ? squash(net, zero, one) : net);
    }
}

/* Errors of output gates (21), states (23) and conventional units (20) from those of the outputs. */
static inline void lockstep_backpropagate(const Lockstep *q) {
    const double *row = AT(q->w_output, q->shortcut ? q->n_inputs * q->n_outputs : 0);
    lanes through = all_lanes(0.0);
    for (int i = 0; i < q->n_cells + q->n_hidden; i++, row += q->n_outputs * LANES) {
        lanes error = all_lanes(0.0);
        for (int k = 0; k < q->n_outputs; k++) {
            error = FMA(load(AT(row, k)), load(AT(q->e, k)), error);
        }
        if (i >= q->n_cells) {
            const lanes y = load(AT(q->y, q->n_gates + i));
            store(AT(q->delta, q->n_gates + i), y * (1.0 - y) * error);
            continue;
        }
        const int gate = q->first_output_gate + i / q->block_size;
        const lanes opening = q->output_gate ? load(AT(q->y, gate)) : all_lanes(1.0);
        const lanes h = load(AT(q->h, i));
        const lanes slope = q->linear_state ? all_lanes(1.0) : 0.5 * (1.0 - h) * (1.0 + h);
        store(AT(q->e_s, i), opening * slope * error);
        through = FMA(h, error, i % q->block_size ? through : all_lanes(0.0));
        if (q->output_gate) store(AT(q->delta, gate), opening * (1.0 - opening) * through);
    }
}

static inline ALWAYS void lockstep_move(double rate, lanes gradient, double *w) {
    store(w, FMA(all_lanes(rate), gradient, load(w)));
}

/* All weights to the hidden layer from source m, with activation z: (26), (28), and (20), (21). */
static inline void lockstep_move_row(const Lockstep *q, double rate, int m, lanes z) {
    const int is_bias = m == q->n_sources - 1;
    double *w = AT(q->w, m * q->n_units);
    const double *trace = AT(q->trace, m * q->n_cells);
    const double *trace_gate = AT(q->trace_gate, m * q->n_cells);
    const lanes zero = all_lanes(0.0);
    for (int i = 0; i < q->n_units; i++) {
        lanes gradient = zero;
        if (is_bias && q->bias_mask[i] == 0.0) continue;
        if (q->input_gate && i < q->first_output_gate) {
            for (int c = i * q->block_size; c < (i + 1) * q->block_size; c++) {
                gradient = FMA(load(AT(q->e_s, c)), load(AT(trace_gate, c)), gradient);
            }
        } else if (i >= q->n_gates && i < q->n_gates + q->n_cells) {
            const int c = i - q->n_gates;
            gradient = FMA(load(AT(q->e_s, c)), load(AT(trace, c)), zero);
        } else {
            gradient = FMA(load(AT(q->delta, i)), z, zero);
        }
        lockstep_move(rate, gradient, AT(w, i));
    }
}

/* w += rate * gradient, where e is not zero. */
static inline void lockstep_update(const Lockstep *q, double rate) {
    lockstep_backpropagate(q);
    for (int m = 0; m < q->n_sources; m++) {
        const int fed_back = m - q->n_inputs;
        const lanes z = fed_back < 0 ? load(AT(q->x, m))
                        : fed_back < q->n_feedback
                            ? load(AT(q->previous, q->first_feedback + fed_back))
                            : all_lanes(1.0);
        lockstep_move_row(q, rate, m, z);
    }
    for (int m = 0; m < lockstep_n_seen(q) + q->output_bias; m++) {
        for (int k = 0; k < q->n_outputs; k++) {
            const lanes gradient = FMA(load(AT(q->e, k)), lockstep_seen(q, m), all_lanes(0.0));
            lockstep_move(rate, gradient, AT(q->w_output, m * q->n_outputs + k));
        }
    }
}

#endif
