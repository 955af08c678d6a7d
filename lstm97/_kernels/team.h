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
    double *x;               /* (n_inputs,) of this step */
    double *y, *previous;    /* (n_units,) */
    double *s, *h;           /* (n_cells,) */
    double *u;               /* (n_traces, n_cells) */
    double *trace;           /* (n_traces, n_sources, n_cells) */
    double *output, *e;      /* (n_outputs,) */
    double *e_s;             /* (n_cells,) */
    double *delta;           /* (n_units,) of output gates and conventional units */
} Team;

/* The number of nets in a team, in two registers: while one waits for the result of an
 * instruction, the other proceeds. */
enum { TEAM_SIZE = 2 * LANES };

#define AT(p, i) ((p) + (int64_t)(i) * TEAM_SIZE)
#define EACH_PART for (int v = 0; v < TEAM_SIZE; v += LANES)

/* Loads the inputs of a step; `rows` has one row for each net. */
static inline void team_inputs(const Team *team, const double **rows) {
    for (int m = 0; m < team->n.n_inputs; m++) {
        EACH_PART store(AT(team->x, m) + v, collect(rows + v, m));
    }
}

/* Net inputs of up to four units: sums[i] += w[m, i] z[m] over m. */
static inline ALWAYS void team_sums(const Team *team, const int count, int n_sources,
                                    const double *w,
                                    const double *z, lanes sums[4][TEAM_SIZE / LANES]) {
    for (int m = 0; m < n_sources; m++, w += team->n.n_units * TEAM_SIZE, z += TEAM_SIZE) {
        EACH_PART {
            const lanes source = load(z + v);
            for (int i = 0; i < count; i++) {
                sums[i][v / LANES] = FMA(load(AT(w, i) + v), source, sums[i][v / LANES]);
            }
        }
    }
}

/* Writes the activations of `count` units with the range [low, high] to y. */
static inline ALWAYS void team_activate(const Team *team, const int count, int unit, lanes low,
                                        lanes high) {
    lanes sums[4][TEAM_SIZE / LANES];
    const double *fed_back = AT(team->w, team->n.n_inputs * team->n.n_units + unit);
    const double *bias = AT(fed_back, team->n.n_feedback * team->n.n_units);
    for (int i = 0; i < count; i++) EACH_PART sums[i][v / LANES] = load(AT(bias, i) + v);
    team_sums(team, count, team->n.n_inputs, AT(team->w, unit), team->x, sums);
    team_sums(team, count, team->n.n_feedback, fed_back,
              AT(team->previous, team->n.first_feedback), sums);
    for (int i = 0; i < count; i++) {
        EACH_PART store(AT(team->y, unit + i) + v, squash(sums[i][v / LANES], low, high));
    }
}

static inline ALWAYS void team_units(const Team *team, int unit, int end, double low, double high) {
    const lanes from = all_lanes(low), to = all_lanes(high);
    for (; unit + 4 <= end; unit += 4) team_activate(team, 4, unit, from, to);
    for (; unit < end; unit++) team_activate(team, 1, unit, from, to);
}

/* The gates of a block, in one part of the team; a call can make their kinds constant. */
static inline ALWAYS Gates_lanes team_gates(const Team *team, const int kinds, int block, int v) {
    Gates_lanes gates = {.kinds = kinds};
    for (int kind = 0; kind < N_GATES; kind++) {
        if (HAS_GATE(gates.kinds, kind)) {
            gates.y[kind] = load(AT(team->y, team->n.first_gate[kind] + block) + v);
        }
    }
    return gates;
}

/* States and activations of a block's cells, and what this step adds to their derivatives. */
static inline ALWAYS void team_cells(const Team *team, int block) {
    const Sizes *n = &team->n;
    const lanes low = all_lanes(n->g_low), high = all_lanes(n->g_high);
    const lanes slope = all_lanes(n->g_slope);
    for (int c = block * n->block_size; c < (block + 1) * n->block_size; c++) EACH_PART {
        const Gates_lanes gates = team_gates(team, n->gates, block, v);
        double *y = AT(team->y, n->n_gates + c) + v;
        Values_lanes cell = {.before = load(AT(team->s, c) + v), .g = load(y)};
        cell.s = next_state_lanes(&gates, &cell);
        cell.h = squashed_state_lanes(n->linear_state, &cell);
        store(AT(team->s, c) + v, cell.s);
        store(AT(team->h, c) + v, cell.h);
        store(y, cell_output_lanes(&gates, cell.h));
        store(AT(team->u, c) + v, cell_push_lanes(&gates, &cell, low, high, slope));
        for (int kind = 0, i = c; kind < N_STATE_GATES; kind++) {
            if (!HAS_GATE(n->gates, kind)) continue;
            store(AT(team->u, i += n->n_cells) + v, gate_push_lanes(&gates, kind, &cell));
        }
    }
}

/* Carries one trace of `count` cells to this step, for sources with activations z: (27), (25). */
static inline ALWAYS void team_carry_rows(const Team *team, const int kinds, const int count,
                                          int cell, int i, int first, int n_sources,
                                          const double *z) {
    const int n_cells = team->n.n_cells;
    EACH_PART {
        lanes u[4];
        Gates_lanes gates[4];
        double *trace = AT(team->trace, (i * team->n_sources + first) * n_cells + cell) + v;
        for (int c = 0; c < count; c++) {
            u[c] = load(AT(team->u, i * n_cells + cell + c) + v);
            gates[c] = team_gates(team, kinds, (cell + c) / team->n.block_size, v);
        }
        for (int m = 0; m < n_sources; m++, trace = AT(trace, n_cells)) {
            const lanes source = load(AT(z, m) + v);
            for (int c = 0; c < count; c++) {
                const lanes d = carousel_lanes(&gates[c], load(AT(trace, c)));
                store(AT(trace, c), FMA(u[c], source, d));
            }
        }
    }
}

static inline ALWAYS void team_carry_cells(const Team *team, const int kinds, const int count,
                                           int cell) {
    double one[TEAM_SIZE];
    EACH_PART store(one + v, all_lanes(1.0));
    for (int i = 0; i < team->n.n_traces; i++) {
        team_carry_rows(team, kinds, count, cell, i, 0, team->n.n_inputs, team->x);
        team_carry_rows(team, kinds, count, cell, i, team->n.n_inputs, team->n.n_feedback,
                        AT(team->previous, team->n.first_feedback));
        team_carry_rows(team, kinds, count, cell, i, team->n_sources - 1, 1, one);
    }
}

/* The same for all cells and traces. No gates need to be loaded where the carousel is one. */
static inline ALWAYS void team_carry(const Team *team, const int kinds) {
    const int n_cells = team->n.n_cells;
    int cell = 0;
    for (; cell + 4 <= n_cells; cell += 4) team_carry_cells(team, kinds, 4, cell);
    for (; cell < n_cells; cell++) team_carry_cells(team, kinds, 1, cell);
}

/* One step of the hidden layer: (7) to (9), (25), (27). */
static inline void team_hidden(Team *team) {
    double *y = team->previous;
    const int n_cells = team->n.n_cells, first_hidden = team->n.n_gates + n_cells;
    team->previous = team->y;
    team->y = y;
    team_units(team, 0, team->n.n_gates, 0.0, 1.0);
    team_units(team, team->n.n_gates, first_hidden, team->n.g_low, team->n.g_high);
    team_units(team, first_hidden, team->n.n_units, 0.0, 1.0);
    for (int block = 0; block < team->n.n_blocks; block++) team_cells(team, block);
    if (CAROUSEL_IS_ONE(team->n.gates)) {
        team_carry(team, 0);
    } else {
        team_carry(team, team->n.gates);
    }
}

/* Takes n_steps steps without a target, and advances rows. */
static inline void team_steps(Team *team, int64_t n_steps, const double **rows,
                              const int *strides) {
    for (int64_t t = 0; t < n_steps; t++) {
        team_inputs(team, rows);
        team_hidden(team);
        for (int i = 0; i < TEAM_SIZE; i++) rows[i] += strides[i];
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

static inline void team_outputs(const Team *team) {
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
        const Gates_lanes gates = team_gates(team, n->gates, block, v);
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
static inline void team_update(const Team *team, double rate, const int *is_due) {
    EACH_PART {
        int any = 0;
        EACH_LANE any |= is_due[v + i];
        if (any) team_move_part(team, rate, v);
    }
}

#endif
