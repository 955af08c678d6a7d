/* One step of the hidden layer: gates, memory cells, conventional units. Numbers in brackets: the
 * paper's.
 *
 * A small layer, and those of the paper are, fits into a few registers: its sums never leave them,
 * and the compiler knows its sizes. That leaves so few instructions beside the arithmetic that a
 * processor sees far enough ahead to begin a step before the last one has ended.
 */
#ifndef LSTM97_LAYER_H
#define LSTM97_LAYER_H

#include "vectors.h"

/* Sizes, constants and places of a layer; in lanes, where that is said. */
typedef struct {
    int gate_lanes, cell_lanes, hidden_lanes;
    int n_inputs, n_feedback; /* sources */
    int n_gates, n_cells;
    int input_gate;  /* there are input gates */
    int linear;      /* h is the identity */
    double slope;    /* 1 / (g's upper bound - its lower bound) */
    const double *w; /* a row for each source, and one of biases */
    const double *low, *high;          /* (unit_lanes,) ranges of the squashing functions */
    const int *opens_in, *opens_out;   /* (cell_lanes,) places of a cell's gates in a */
    int lane_in[2 * LANES], lane_out[2 * LANES]; /* the same for permute: all gates in a register */
    double *net;     /* (unit_lanes,) */
    double *a;       /* (gate_lanes + 1,) openings, and a 1 for gates that are not there */
    double *s, *h;   /* (cell_lanes,) states, h(s) */
    double *u;       /* (cell_lanes,), with input gates twice: see below */
    double *trace;   /* (all rows of w, lanes of u) ds/dw, paper (25) and (27) */
    int small;       /* sums and traces are made here; otherwise net is complete before */
    int learns;      /* u is wanted */
    int traces;      /* the traces are to be advanced */
} Layer;

/* A small layer has no more of them. */
enum { REGISTERS = 4 };

/* sums[i] += w[m, i] z[m] over m, for all registers of a row. */
static inline ALWAYS void weighted(const int stride, int n, const double *w, const double *z,
                                   lanes *sums) {
    UNROLLED for (int m = 0; m < n; m++, w += stride) {
        const lanes source = all_lanes(z[m]);
        for (int i = 0; i < stride / LANES; i++) {
            sums[i] = FMA(load(w + i * LANES), source, sums[i]);
        }
    }
}

/* Net inputs: biases, inputs, activations y(t-1). Without x, the first two stand in net already. */
static inline ALWAYS void net_inputs(const Layer *q, const int stride, const double *x,
                                     const double *feedback, lanes *sums) {
    const double *fed_back = q->w + (int64_t)q->n_inputs * stride;
    const double *start = x ? fed_back + (int64_t)q->n_feedback * stride : q->net;
    for (int i = 0; i < stride / LANES; i++) sums[i] = load(start + i * LANES);
    if (x) weighted(stride, q->n_inputs, q->w, x, sums);
    weighted(stride, q->n_feedback, fed_back, feedback, sums);
}

/* trace[m, l] += u[l] z[m], for one register of cells and one of their input gates. */
static inline ALWAYS void advance_rows(const int cell_lanes, int n, const double *z, lanes u,
                                       lanes u_gate, double *trace) {
    UNROLLED for (int m = 0; m < n; m++, trace += 2 * cell_lanes) {
        const lanes source = all_lanes(z[m]);
        store(trace, FMA(u, source, load(trace)));
        store(trace + cell_lanes, FMA(u_gate, source, load(trace + cell_lanes)));
    }
}

/* Of all sources; without x, inputs are left out. */
static inline ALWAYS void advance(const Layer *q, const int cell_lanes, const double *x,
                                  const double *feedback, lanes u, lanes u_gate, double *trace) {
    const double one = 1.0;
    if (x) advance_rows(cell_lanes, q->n_inputs, x, u, u_gate, trace);
    trace += (int64_t)2 * cell_lanes * q->n_inputs;
    advance_rows(cell_lanes, q->n_feedback, feedback, u, u_gate, trace);
    trace += (int64_t)2 * cell_lanes * q->n_feedback;
    advance_rows(cell_lanes, 1, &one, u, u_gate, trace);
}

/* With the sizes as arguments, so that a call can make them constants. */
static ALWAYS inline void step_groups(const Layer *q, const int gate_lanes, const int cell_lanes,
                                      const int hidden_lanes, const int small, const double *x,
                                      const double *feedback, double *y) {
    const int stride = gate_lanes + cell_lanes + hidden_lanes;
    const int one_register = small && gate_lanes == LANES;
    lanes sums[REGISTERS], opening = all_lanes(0.0);
    if (small) net_inputs(q, stride, x, feedback, sums);
    for (int l = 0; l < gate_lanes; l += LANES) {
        const lanes net = small ? sums[l / LANES] : load(q->net + l);
        opening = squash(net, load(q->low + l), load(q->high + l)); /* (7), (8) */
        store(q->a + l, opening);
        store(y + l, opening);
    }
    for (int c = 0; c < cell_lanes; c += LANES) {
        const int l = gate_lanes + c;
        const lanes net = small ? sums[l / LANES] : load(q->net + l);
        const lanes low = load(q->low + l), high = load(q->high + l);
        const lanes g = squash(net, low, high);
        const lanes in =
            one_register ? permute(opening, q->lane_in) : gather(q->a, q->opens_in + c);
        const lanes out =
            one_register ? permute(opening, q->lane_out) : gather(q->a, q->opens_out + c);
        const lanes s = FMA(in, g, load(q->s + c)); /* (9) */
        const lanes h = q->linear ? s : squash(s, -C(ONE), C(ONE));
        store(q->s + c, s);
        store(q->h + c, h);
        store(y + q->n_gates + c, out * h);
        if (!q->learns) continue;
        const lanes u = in * q->slope * (high - g) * (g - low);
        const lanes u_gate = g * in * (C(ONE) - in);
        store(q->u + c, u);
        if (q->input_gate) store(q->u + cell_lanes + c, u_gate);
        if (small && q->traces) advance(q, cell_lanes, x, feedback, u, u_gate, q->trace + c);
    }
    for (int l = 0; l < hidden_lanes; l += LANES) {
        const int i = gate_lanes + cell_lanes + l;
        store(y + q->n_gates + q->n_cells + l,
              squash(load(q->net + i), load(q->low + i), load(q->high + i)));
    }
}

/* Whether a layer fits into registers, and has all its gates. */
static inline int is_small(const Layer *q) {
    const int gates = q->gate_lanes / LANES, cells = q->cell_lanes / LANES;
    if (q->hidden_lanes > 0 || cells == 0 || cells > gates || gates > 2) return 0;
    return q->opens_in[0] < q->gate_lanes && q->opens_out[0] < q->gate_lanes;
}

/* A function for each size: a compiler that saw all in one would prepare for all. */
#define STEP(name, gate_lanes, cell_lanes, hidden_lanes, small)                                   \
    static APART void name(const Layer *q, const double *x, const double *feedback, double *y) {  \
        step_groups(q, gate_lanes, cell_lanes, hidden_lanes, small, x, feedback, y);              \
    }
STEP(step_1_1, LANES, LANES, 0, 1)
STEP(step_2_1, 2 * LANES, LANES, 0, 1)
STEP(step_2_2, 2 * LANES, 2 * LANES, 0, 1)
STEP(step_any, q->gate_lanes, q->cell_lanes, q->hidden_lanes, 0)

/* Once the rest is set. */
static inline void prepare(Layer *q) {
    q->small = is_small(q);
    for (int i = 0; q->small && i < LANES; i++) {
        set_index(q->lane_in, i, q->opens_in[i] % LANES); /* padding has no gate: any lane will do */
        set_index(q->lane_out, i, q->opens_out[i] % LANES);
    }
}

static inline void step_layer(const Layer *q, const double *x, const double *feedback, double *y) {
    const int gates = q->gate_lanes / LANES, cells = q->cell_lanes / LANES;
    if (!q->small) {
        step_any(q, x, feedback, y);
    } else if (gates == 1) {
        step_1_1(q, x, feedback, y);
    } else if (cells == 1) {
        step_2_1(q, x, feedback, y);
    } else {
        step_2_2(q, x, feedback, y);
    }
}

#endif
