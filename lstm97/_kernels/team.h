/* A team: several nets of one topology side by side, each in a lane of one of two registers.
 *
 * A kernel for one net waits at each step for the result of the step before; a team computes steps
 * of other nets meanwhile. Every lane does the same operations in the same order as layer.h and
 * gradient.pxd do for a single net, so the results are bit-identical. Numbers in brackets are the
 * paper's.
 */
#ifndef LSTM97_TEAM_H
#define LSTM97_TEAM_H

#include "net.h"

/* Arrays of registers, without padding; weights are in the order of the flat vector's groups. */
typedef struct {
    Sizes n;
    int n_sources;           /* of the hidden layer */
    int n_seen;              /* sources of the output layer, without the bias */
    const double *bias_mask; /* (n_units,) 1 where a unit has a bias */
    double *w;               /* (n_sources, n_units): inputs, fed-back units, bias */
    double *w_output;        /* (n_seen + 1, n_outputs) */
    double *all_x;           /* (SPAN, n_inputs) of the steps of a span */
    double *all_y;           /* (SPAN + 1, n_units), from the step before the span on */
    double *all_u;           /* (SPAN, n_traces, n_cells) */
    double *x, *u;           /* the rows of this step ... */
    double *y, *previous;    /* ... and, of y, also that of the step before */
    double *s, *h;           /* (n_cells,) */
    double *trace;           /* (n_traces, n_sources, n_cells) */
    double *output, *e;      /* (n_outputs,) */
    double *e_s;             /* (n_cells,) */
    double *delta;           /* (n_units,) of output gates and conventional units */
} Team;

/* The most nets in a team, in two registers: while one waits for the result of an instruction, the
 * other proceeds. A function's `width` is the number of lanes in use: those of one register, or of
 * both. Calls make it constant. */
enum { TEAM_SIZE = 2 * LANES };

/* The most steps in a span. Traces are carried over a whole span at once, while they are in
 * registers. */
enum { SPAN = 8 };

#define AT(p, i) ((p) + (int64_t)(i) * TEAM_SIZE)
#define EACH_PART UNROLLED for (int v = 0; v < width; v += LANES)

/* Loads the inputs of a step; `rows` has one row for each net. */
static inline ALWAYS void team_inputs(const Team *team, const int width, const double **rows) {
    for (int m = 0; m < team->n.n_inputs; m++) {
        EACH_PART store(AT(team->x, m) + v, collect(rows + v, m));
    }
}

/* Net inputs of up to four units: sums[i] += w[m, i] z[m] over m. */
static inline ALWAYS void team_sums(const Team *team, const int width, const int count,
                                    int n_sources, const double *w, const double *z,
                                    lanes sums[4][TEAM_SIZE / LANES]) {
    for (int m = 0; m < n_sources; m++, w += team->n.n_units * TEAM_SIZE, z += TEAM_SIZE) {
        EACH_PART {
            const lanes source = load(z + v);
            UNROLLED for (int i = 0; i < count; i++) {
                sums[i][v / LANES] = FMA(load(AT(w, i) + v), source, sums[i][v / LANES]);
            }
        }
    }
}

/* Writes the net inputs of `count` units to y. */
static inline ALWAYS void team_weigh(const Team *team, const int width, const int count,
                                     int unit) {
    lanes sums[4][TEAM_SIZE / LANES];
    const double *fed_back = AT(team->w, team->n.n_inputs * team->n.n_units + unit);
    const double *bias = AT(fed_back, team->n.n_feedback * team->n.n_units);
    UNROLLED for (int i = 0; i < count; i++) {
        EACH_PART sums[i][v / LANES] = load(AT(bias, i) + v);
    }
    team_sums(team, width, count, team->n.n_inputs, AT(team->w, unit), team->x, sums);
    team_sums(team, width, count, team->n.n_feedback, fed_back,
              AT(team->previous, team->n.first_feedback), sums);
    UNROLLED for (int i = 0; i < count; i++) {
        EACH_PART store(AT(team->y, unit + i) + v, sums[i][v / LANES]);
    }
}

static inline ALWAYS void team_weigh_all(const Team *team, const int width) {
    int unit = 0, end = team->n.n_units;
    for (; unit + 4 <= end; unit += 4) team_weigh(team, width, 4, unit);
    switch (end - unit) {
        case 3: team_weigh(team, width, 3, unit); break;
        case 2: team_weigh(team, width, 2, unit); break;
        case 1: team_weigh(team, width, 1, unit);
    }
}

/* The same for all units. A function of its own, as it is long. */
static APART void team_net_inputs(const Team *team, const int width) {
    if (width == LANES) {
        team_weigh_all(team, LANES);
    } else {
        team_weigh_all(team, TEAM_SIZE);
    }
}

/* Squashes n rows to the range [low, high]. */
static inline ALWAYS void team_squash(const int width, int n, double low, double high,
                                      const double *x, double *y) {
    if (width == TEAM_SIZE) {
        squash_range(n * TEAM_SIZE, low, high, x, y);
        return;
    }
    for (int i = 0; i < n; i++) squash_range(LANES, low, high, AT(x, i), AT(y, i));
}

/* The gates of a block, in one part of the team; a call can make their kinds constant. */
static inline ALWAYS Gates_lanes team_gates(const Team *team, const int kinds, const double *y,
                                            int block, int v) {
    Gates_lanes gates = {.kinds = kinds};
    for (int kind = 0; kind < N_GATES; kind++) {
        if (HAS_GATE(kinds, kind)) {
            gates.y[kind] = load(AT(y, team->n.first_gate[kind] + block) + v);
        }
    }
    return gates;
}

/* States of all cells, and what this step adds to their derivatives: (9), (27), (25). */
static inline ALWAYS void team_states(const Sizes *n, const int kinds, const Team *team,
                                      const int width) {
    const lanes low = all_lanes(n->g_low), high = all_lanes(n->g_high);
    const lanes slope = all_lanes(n->g_slope);
    for (int block = 0; block < n->n_blocks; block++) EACH_PART {
        const Gates_lanes gates = team_gates(team, kinds, team->y, block, v);
        for (int c = block * n->block_size; c < (block + 1) * n->block_size; c++) {
            const Values_lanes cell = {.before = load(AT(team->s, c) + v),
                                       .g = load(AT(team->y, n->n_gates + c) + v)};
            store(AT(team->s, c) + v, next_state_lanes(&gates, &cell));
            store(AT(team->u, c) + v, cell_push_lanes(&gates, &cell, low, high, slope));
            for (int kind = 0, i = c; kind < N_STATE_GATES; kind++) {
                if (!HAS_GATE(kinds, kind)) continue;
                store(AT(team->u, i += n->n_cells) + v, gate_push_lanes(&gates, kind, &cell));
            }
        }
    }
}

/* Activations of all cells: (9). */
static inline ALWAYS void team_cells(const Sizes *n, const int kinds, const Team *team,
                                     const int width) {
    for (int block = 0; block < n->n_blocks; block++) EACH_PART {
        const Gates_lanes gates = team_gates(team, kinds, team->y, block, v);
        for (int c = block * n->block_size; c < (block + 1) * n->block_size; c++) {
            const lanes h = load(AT(team->h, c) + v);
            store(AT(team->y, n->n_gates + c) + v, cell_output_lanes(&gates, h));
        }
    }
}

/* Carries one trace of `count` cells over a span, for sources with activations z: (27), (25). */
static inline ALWAYS void team_carry_rows(const Team *team, const int width, const int kinds,
                                          const int count, int n_steps, int cell, int i, int first,
                                          int n_sources, const double *z, int n_z) {
    const Sizes *n = &team->n;
    const int n_u = n->n_traces * n->n_cells;
    for (int m = 0; m < n_sources; m++) {
        double *trace = AT(team->trace, (i * team->n_sources + first + m) * n->n_cells + cell);
        const double *u = AT(team->all_u, i * n->n_cells + cell), *source = AT(z, m);
        const double *y = AT(team->all_y, n->n_units);
        lanes d[4][TEAM_SIZE / LANES];
        UNROLLED for (int c = 0; c < count; c++) EACH_PART d[c][v / LANES] = load(AT(trace, c) + v);
        for (int t = 0; t < n_steps; t++) {
            EACH_PART {
                const lanes by = load(source + v);
                UNROLLED for (int c = 0; c < count; c++) {
                    const int block = kinds ? (cell + c) / n->block_size : 0;
                    const Gates_lanes gates = team_gates(team, kinds, y, block, v);
                    const lanes kept = carousel_lanes(&gates, d[c][v / LANES]);
                    d[c][v / LANES] = FMA(load(AT(u, c) + v), by, kept);
                }
            }
            u = AT(u, n_u);
            y = AT(y, n->n_units);
            source = AT(source, n_z);
        }
        UNROLLED for (int c = 0; c < count; c++) EACH_PART store(AT(trace, c) + v, d[c][v / LANES]);
    }
}

static inline ALWAYS void team_carry_cells(const Team *team, const int width, const int kinds,
                                           const int count, int n_steps, int cell) {
    const Sizes *n = &team->n;
    const double *fed_back = AT(team->all_y, n->first_feedback);
    const int bias = team->n_sources - 1;
    double one[TEAM_SIZE];
    EACH_PART store(one + v, all_lanes(1.0));
    for (int i = 0; i < n->n_traces; i++) {
        team_carry_rows(team, width, kinds, count, n_steps, cell, i, 0, n->n_inputs, team->all_x,
                        n->n_inputs);
        team_carry_rows(team, width, kinds, count, n_steps, cell, i, n->n_inputs, n->n_feedback,
                        fed_back, n->n_units);
        team_carry_rows(team, width, kinds, count, n_steps, cell, i, bias, 1, one, 0);
    }
}

/* The same for all cells and traces. */
static inline ALWAYS void team_carry(const Team *team, const int width, const int kinds,
                                     int n_steps) {
    const int n_cells = team->n.n_cells;
    int cell = 0;
    for (; cell + 4 <= n_cells; cell += 4) team_carry_cells(team, width, kinds, 4, n_steps, cell);
    switch (n_cells - cell) {
        case 3: team_carry_cells(team, width, kinds, 3, n_steps, cell); break;
        case 2: team_carry_cells(team, width, kinds, 2, n_steps, cell); break;
        case 1: team_carry_cells(team, width, kinds, 1, n_steps, cell);
    }
}

/* One step of the hidden layer, but for the traces: (7) to (9). */
static inline ALWAYS void team_hidden(const Team *team, const int width) {
    const Sizes *n = &team->n;
    const int first_hidden = n->n_gates + n->n_cells;
    double *y = team->y, *cells = AT(y, n->n_gates), *hidden = AT(y, first_hidden);
    team_net_inputs(team, width);
    team_squash(width, n->n_gates, 0.0, 1.0, y, y);
    team_squash(width, n->n_cells, n->g_low, n->g_high, cells, cells);
    team_squash(width, n->n_hidden, 0.0, 1.0, hidden, hidden);
    FOR_KINDS(n, team_states, team, width);
    if (width == TEAM_SIZE) {
        squash_states(n->n_cells * TEAM_SIZE, n->linear_state, team->s, team->h);
    } else {
        for (int c = 0; c < n->n_cells; c++) {
            squash_states(LANES, n->linear_state, AT(team->s, c), AT(team->h, c));
        }
    }
    FOR_KINDS(n, team_cells, team, width);
}

/* Takes at most SPAN steps without a target, but for the last, and advances rows. */
static inline ALWAYS void team_span(Team *team, const int width, int n_steps, const double **rows,
                                    const int *strides) {
    const Sizes *n = &team->n;
    memmove(team->all_y, team->y, n->n_units * TEAM_SIZE * sizeof(double));
    for (int t = 0; t < n_steps; t++) {
        team->x = AT(team->all_x, t * n->n_inputs);
        team->u = AT(team->all_u, t * n->n_traces * n->n_cells);
        team->previous = AT(team->all_y, t * n->n_units);
        team->y = AT(team->previous, n->n_units);
        team_inputs(team, width, rows);
        team_hidden(team, width);
        for (int i = 0; i < width; i++) rows[i] += strides[i];
    }
    if (CAROUSEL_IS_ONE(n->gates)) {
        team_carry(team, width, 0, n_steps);
    } else {
        team_carry(team, width, 1 << FORGET_GATE, n_steps);
    }
}

/* The same for any number of steps. */
static inline void team_steps(Team *team, int width, int64_t n_steps, const double **rows,
                              const int *strides) {
    for (; n_steps > 0; n_steps -= SPAN) {
        const int n = n_steps < SPAN ? (int)n_steps : SPAN;
        if (width == LANES) {
            team_span(team, LANES, n, rows, strides);
        } else {
            team_span(team, TEAM_SIZE, n, rows, strides);
        }
    }
}

/* The source m of the hidden layer. */
static inline lanes team_source(const Team *team, int m, int v) {
    if (m < team->n.n_inputs) return load(AT(team->x, m) + v);
    m -= team->n.n_inputs;
    if (m == team->n.n_feedback) return all_lanes(1.0);
    return load(AT(team->previous, team->n.first_feedback + m) + v);
}

/* The source m of the output layer; the last one is the bias. */
static inline lanes team_seen(const Team *team, int m, int v) {
    const int n_inputs = team->n.shortcut ? team->n.n_inputs : 0;
    if (m == team->n_seen) return all_lanes(1.0);
    if (m < n_inputs) return load(AT(team->x, m) + v);
    return load(AT(team->y, team->n.n_gates + m - n_inputs) + v);
}

static inline void team_outputs(const Team *team, int width) {
    const int n_outputs = team->n.n_outputs, bias = team->n_seen;
    for (int k = 0; k < n_outputs; k++) EACH_PART {
        lanes net = load(AT(team->w_output, bias * n_outputs + k) + v);
        for (int m = 0; m < bias; m++) {
            const lanes w = load(AT(team->w_output, m * n_outputs + k) + v);
            net = FMA(w, team_seen(team, m, v), net);
        }
        if (team->n.output_activation == LOGISTIC) {
            net = squash(net, all_lanes(0.0), all_lanes(1.0));
        }
        store(AT(team->output, k) + v, net);
    }
}

/* The error at unit i of the cells and conventional units, from those at the outputs. */
static inline lanes team_error(const Team *team, int i, int v) {
    const int n_outputs = team->n.n_outputs, first = team->n.shortcut ? team->n.n_inputs : 0;
    const double *row = AT(team->w_output, (first + i) * n_outputs) + v;
    lanes error = all_lanes(0.0);
    for (int k = 0; k < n_outputs; k++) {
        error = FMA(load(AT(row, k)), load(AT(team->e, k) + v), error);
    }
    return error;
}

/* Carries the outputs' errors to output gates (21), states (23) and conventional units (20). */
static inline void team_backpropagate(const Team *team, int v) {
    const Sizes *n = &team->n;
    for (int block = 0; block < n->n_blocks; block++) {
        const Gates_lanes gates = team_gates(team, n->gates, team->y, block, v);
        lanes through = all_lanes(0.0);
        for (int c = block * n->block_size; c < (block + 1) * n->block_size; c++) {
            const lanes error = team_error(team, c, v), h = load(AT(team->h, c) + v);
            store(AT(team->e_s, c) + v, output_slope_lanes(&gates, n->linear_state, h) * error);
            through = FMA(h, error, through);
        }
        if (HAS_GATE(n->gates, OUTPUT_GATE)) {
            store(AT(team->delta, n->first_gate[OUTPUT_GATE] + block) + v,
                  logistic_slope_lanes(gates.y[OUTPUT_GATE]) * through);
        }
    }
    for (int i = n->n_cells; i < n->n_cells + n->n_hidden; i++) {
        const lanes y = load(AT(team->y, n->n_gates + i) + v);
        const lanes error = team_error(team, i, v);
        store(AT(team->delta, n->n_gates + i) + v, logistic_slope_lanes(y) * error);
    }
}

/* w += rate * gradient for the weight from source m to a unit. */
static inline void team_move(const Team *team, lanes rate, int m, int unit, lanes gradient, int v) {
    if (m == team->n_sources - 1 && team->bias_mask[unit] == 0.0) return;
    double *w = AT(team->w, m * team->n.n_units + unit) + v;
    store(w, FMA(rate, gradient, load(w)));
}

/* Moves the weights from source m to units whose errors are in delta: (20), (21). */
static inline void team_move_units(const Team *team, lanes rate, int m, int unit, int end, int v) {
    const lanes z = team_source(team, m, v), zero = all_lanes(0.0);
    for (; unit < end; unit++) {
        team_move(team, rate, m, unit, FMA(load(AT(team->delta, unit) + v), z, zero), v);
    }
}

/* Moves the weights from source m to the gates to which trace i belongs: (26). */
static inline void team_move_gates(const Team *team, lanes rate, int m, int i, int v) {
    const Sizes *n = &team->n;
    const double *e_s = team->e_s + v;
    const double *trace =
        AT(team->trace, (i * team->n_sources + m) * n->n_cells) + v;
    for (int block = 0; block < n->n_blocks; block++) {
        lanes sum = all_lanes(0.0);
        for (int c = 0; c < n->block_size; c++, e_s = AT(e_s, 1), trace = AT(trace, 1)) {
            sum = FMA(load(e_s), load(trace), sum);
        }
        team_move(team, rate, m, n->first_gate[n->trace_kind[i]] + block, sum, v);
    }
}

/* Moves the weights from source m to the cells: (28). */
static inline void team_move_cells(const Team *team, lanes rate, int m, int v) {
    const double *trace = AT(team->trace, m * team->n.n_cells) + v;
    const lanes zero = all_lanes(0.0);
    for (int c = 0; c < team->n.n_cells; c++) {
        const lanes gradient = FMA(load(AT(team->e_s, c) + v), load(AT(trace, c)), zero);
        team_move(team, rate, m, team->n.n_gates + c, gradient, v);
    }
}

/* w += rate * gradient, in the nets of one part; nets whose e is zero do not change. */
static inline void team_move_part(const Team *team, double rate, int v) {
    const Sizes *n = &team->n;
    const lanes by = all_lanes(rate), zero = all_lanes(0.0);
    const int first_output_gate = n->first_gate[OUTPUT_GATE];
    team_backpropagate(team, v);
    for (int m = 0; m < team->n_sources; m++) {
        for (int i = 1; i < n->n_traces; i++) team_move_gates(team, by, m, i, v);
        if (HAS_GATE(n->gates, OUTPUT_GATE)) {
            team_move_units(team, by, m, first_output_gate, first_output_gate + n->n_blocks, v);
        }
        team_move_cells(team, by, m, v);
        team_move_units(team, by, m, n->n_gates + n->n_cells, n->n_units, v);
    }
    for (int m = 0; m < team->n_seen + n->output_bias; m++) {
        const lanes z = team_seen(team, m, v);
        for (int k = 0; k < n->n_outputs; k++) {
            double *w = AT(team->w_output, m * n->n_outputs + k) + v;
            store(w, FMA(by, FMA(load(AT(team->e, k) + v), z, zero), load(w)));
        }
    }
}

/* Updates the nets for which a target is due. */
static inline void team_update(const Team *team, int width, double rate, const int *is_due) {
    EACH_PART {
        int any = 0;
        EACH_LANE any |= is_due[v + i];
        if (any) team_move_part(team, rate, v);
    }
}

#endif
