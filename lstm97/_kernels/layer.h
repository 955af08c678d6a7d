/* Steps of the hidden layer of a single net: gates, memory cells, conventional units.
 *
 * A small layer, like all layers of the paper, fits into a few registers: its sums never leave
 * them, and the compiler knows its sizes. So few instructions remain beside the arithmetic that
 * the processor can begin a step before the last one has ended.
 *
 * Numbers in brackets are the paper's.
 */
#ifndef LSTM97_LAYER_H
#define LSTM97_LAYER_H

#include "net.h"

/* The most registers of a small layer, and the most weights of one that is not large. A large layer
 * puts sums over time off, see backlog.h. */
enum { REGISTERS = 5, LARGE = 3000 };

/* sums[i] += w[i] z, for all registers of a row. */
static inline ALWAYS void add_source(const int stride, const double *w, double z, lanes *sums) {
    const lanes source = all_lanes(z);
    for (int i = 0; i < stride / LANES; i++) sums[i] = FMA(load(w + i * LANES), source, sums[i]);
}

/* sums[i] += w[m, i] z[m] over m; is_constant: whether the compiler knows the number of sources. */
static inline ALWAYS void add_weighted_sources(const int stride, const int is_constant,
                                               const int n_sources, const double *w,
                                               const double *z, lanes *sums) {
    if (is_constant) {
        STRAIGHT for (int m = 0; m < n_sources; m++) add_source(stride, w + m * stride, z[m], sums);
        return;
    }
    UNROLLED for (int m = 0; m < n_sources; m++, w += stride) add_source(stride, w, z[m], sums);
}

/* Net inputs: biases, inputs, activations y(t-1). Without x, net already holds the first two. */
static inline ALWAYS void net_inputs(const Sizes *n, const Weights *w, const State *q,
                                     const int stride, const int all_fed_back, const double *x,
                                     lanes *sums) {
    const double *fed_back = w->hidden + (int64_t)n->n_inputs * stride;
    const double *start = x ? fed_back + (int64_t)n->n_feedback * stride : q->net;
    for (int i = 0; i < stride / LANES; i++) sums[i] = load(start + i * LANES);
    for (int m = 0; x && m < n->n_inputs; m++) {
        add_source(stride, w->hidden + (int64_t)m * stride, x[m], sums);
    }
    add_weighted_sources(stride, all_fed_back, n->n_feedback, fed_back,
                         q->previous + n->first_feedback, sums);
}

/* The number of traces of a cell, for the kinds of gates that there are. */
static inline ALWAYS int traces_of(const int kinds) {
    int n_traces = 1;
    for (int kind = 0; kind < N_STATE_GATES; kind++) n_traces += HAS_GATE(kinds, kind);
    return n_traces;
}

/* Carries ds/dw to this step, for one source, one register of cells and all traces: (27), (25). */
static inline ALWAYS void carry_source(const int cell_lanes, const Gates_lanes *gates, double z,
                                       const lanes *u, double *trace) {
    const lanes source = all_lanes(z);
    for (int i = 0; i < traces_of(gates->kinds); i++, trace += cell_lanes) {
        store(trace, FMA(u[i], source, carousel_lanes(gates, load(trace))));
    }
}

/* The same for some sources. */
static inline ALWAYS void carry_sources(const int cell_lanes, const int is_constant,
                                        const int n_sources, const Gates_lanes *gates,
                                        const double *z, const lanes *u, double *trace) {
    const int stride = traces_of(gates->kinds) * cell_lanes;
    if (is_constant) {
        STRAIGHT for (int m = 0; m < n_sources; m++) {
            carry_source(cell_lanes, gates, z[m], u, trace + m * stride);
        }
        return;
    }
    UNROLLED for (int m = 0; m < n_sources; m++, trace += stride) {
        carry_source(cell_lanes, gates, z[m], u, trace);
    }
}

/* The same for all sources; without x, inputs are left out. */
static inline ALWAYS void carry(const Sizes *n, const State *q, const int cell_lanes,
                                const int all_fed_back, const Gates_lanes *gates, const double *x,
                                const lanes *u, double *trace) {
    const int stride = traces_of(gates->kinds) * cell_lanes;
    for (int m = 0; x && m < n->n_inputs; m++) {
        carry_source(cell_lanes, gates, x[m], u, trace + (int64_t)m * stride);
    }
    trace += (int64_t)stride * n->n_inputs;
    carry_sources(cell_lanes, all_fed_back, n->n_feedback, gates,
                  q->previous + n->first_feedback, u, trace);
    trace += (int64_t)stride * n->n_feedback;
    carry_source(cell_lanes, gates, 1.0, u, trace);
}

/* The gates of some cells at the current step. */
static inline Gates_lanes gates_at(const Sizes *n, const State *q, int c) {
    Gates_lanes gates = {.kinds = n->gates};
    for (int kind = 0; kind < N_GATES; kind++) {
        if (HAS_GATE(n->gates, kind)) gates.y[kind] = gather(q->a, q->opens[kind] + c);
    }
    return gates;
}

/* Applies the carousel to some rows of traces. */
static inline void keep_rows(const Sizes *n, const State *q, int n_rows, double *trace) {
    if (CAROUSEL_IS_ONE(n->gates)) return;
    for (int c = 0; c < n->cell_lanes; c += LANES) {
        const Gates_lanes gates = gates_at(n, q, c);
        for (int i = 0; i < n_rows * n->n_traces; i++) {
            double *d = trace + (int64_t)i * n->cell_lanes + c;
            store(d, carousel_lanes(&gates, load(d)));
        }
    }
}

/* Puts the carousel of this step off, as a factor of each lane. */
static inline void defer_carousel(const Sizes *n, const State *q) {
    double *kept = q->backlog.kept + q->backlog.n_steps * LANES;
    for (int c = 0; c < n->cell_lanes; c += LANES) {
        const Gates_lanes gates = gates_at(n, q, c);
        store(kept + (int64_t)c * STEPS, carousel_lanes(&gates, all_lanes(1.0)));
    }
}

/* The step. Sizes and kinds of gates are arguments, so that a call can make them constants. */
static ALWAYS inline void step_groups(const Sizes *n, const Weights *w, State *q, const int kinds,
                                      const int gate_lanes, const int cell_lanes,
                                      const int hidden_lanes, const int small,
                                      const int all_fed_back, const double *x) {
    const int stride = gate_lanes + cell_lanes + hidden_lanes;
    const int one_register = small && gate_lanes == LANES;
    double *y = q->y;
    lanes sums[REGISTERS], openings = all_lanes(0.0);
    if (small) net_inputs(n, w, q, stride, all_fed_back, x, sums);
    for (int l = 0; l < gate_lanes; l += LANES) {
        const lanes net = small ? sums[l / LANES] : load(q->net + l);
        openings = squash(net, load(q->low + l), load(q->high + l)); /* (7), (8) */
        store(q->a + l, openings);
        store(y + l, openings);
    }
    for (int c = 0; c < cell_lanes; c += LANES) {
        const int l = gate_lanes + c;
        const lanes net = small ? sums[l / LANES] : load(q->net + l);
        const lanes low = load(q->low + l), high = load(q->high + l);
        Gates_lanes gates = {.kinds = kinds};
        for (int kind = 0; kind < N_GATES; kind++) {
            if (!HAS_GATE(kinds, kind)) continue;
            gates.y[kind] = one_register ? permute(openings, q->lane[kind])
                                         : gather(q->a, q->opens[kind] + c);
        }
        Values_lanes cell = {.before = load(q->s + c), .g = squash(net, low, high)};
        cell.s = next_state_lanes(&gates, &cell);
        cell.h = squashed_state_lanes(n->linear_state, &cell);
        store(q->s + c, cell.s);
        store(q->h + c, cell.h);
        store(y + n->n_gates + c, cell_output_lanes(&gates, cell.h));
        if (!q->learns) continue;
        lanes u[1 + N_STATE_GATES];
        int i = 0;
        u[i++] = cell_push_lanes(&gates, &cell, low, high, all_lanes(n->g_slope));
        for (int kind = 0; kind < N_STATE_GATES; kind++) {
            if (HAS_GATE(kinds, kind)) u[i++] = gate_push_lanes(&gates, kind, &cell);
        }
        for (i = 0; i < traces_of(kinds); i++) store(q->u + i * cell_lanes + c, u[i]);
        if (small && q->carries) {
            carry(n, q, cell_lanes, all_fed_back, &gates, x, u, q->trace + c);
        }
    }
    for (int l = 0; l < hidden_lanes; l += LANES) {
        const int i = gate_lanes + cell_lanes + l;
        store(y + n->n_gates + n->n_cells + l,
              squash(load(q->net + i), load(q->low + i), load(q->high + i)));
    }
}

/* Steps of a small layer. The sizes are copied: otherwise, the compiler would read them again after
 * each store. If all units are fed back and no lane is padding, it knows the number of sources. */
static ALWAYS inline void take_steps(const Sizes *sizes, const Weights *weights, State *state,
                                     const int kinds, const int gate_lanes, const int cell_lanes,
                                     const int is_linear, const int all_fed_back, const double *x,
                                     int64_t n_steps) {
    Sizes n = *sizes;
    const Weights w = *weights;
    State q = *state;
    n.linear_state = is_linear;
    if (all_fed_back) {
        n.n_gates = gate_lanes;
        n.n_feedback = gate_lanes + cell_lanes;
        n.first_feedback = 0;
    }
    for (; n_steps > 0; n_steps--) {
        double *y = q.previous;
        q.previous = q.y;
        q.y = y;
        step_groups(&n, &w, &q, kinds, gate_lanes, cell_lanes, 0, 1, all_fed_back, x);
        if (x) x += n.n_inputs;
    }
    state->y = q.y;
    state->previous = q.previous;
}

/* The functions for each size. Each has the loop over the steps up to three times, for what else the
 * compiler should know. In a single function it would prepare for all sizes. `fills` says whether
 * nets without padding have this size. */
#define SMALL(name, kinds, gate_lanes, cell_lanes, fills)                                         \
    static APART void name(const Sizes *n, const Weights *w, State *q, const double *x,           \
                           int64_t n_steps) {                                                     \
        if (n->linear_state)                                                                      \
            take_steps(n, w, q, kinds, gate_lanes, cell_lanes, 1, 0, x, n_steps);                 \
        else if (fills && n->n_feedback == gate_lanes + cell_lanes)                               \
            take_steps(n, w, q, kinds, gate_lanes, cell_lanes, 0, 1, x, n_steps);                 \
        else                                                                                      \
            take_steps(n, w, q, kinds, gate_lanes, cell_lanes, 0, 0, x, n_steps);                 \
    }
SMALL(run_1_1, GATES_OF_1997, LANES, LANES, 1)
SMALL(run_2_1, GATES_OF_1997, 2 * LANES, LANES, 1)
SMALL(run_2_2, GATES_OF_1997, 2 * LANES, 2 * LANES, 1)
SMALL(forgetting_1_1, GATES_OF_2000, LANES, LANES, 0)
SMALL(forgetting_2_1, GATES_OF_2000, 2 * LANES, LANES, 0)
SMALL(forgetting_3_1, GATES_OF_2000, 3 * LANES, LANES, 1)
SMALL(forgetting_3_2, GATES_OF_2000, 3 * LANES, 2 * LANES, 1)

/* One step of any other layer. */
static inline void step_any(const Sizes *n, const Weights *w, State *q) {
    step_groups(n, w, q, n->gates, n->gate_lanes, n->cell_lanes, n->hidden_lanes, 0, 0, NULL);
}

/* Small layers, by their registers of gates and of cells. */
static const struct {
    int kinds, gates, cells;
    RunSmall *run;
} SMALL_LAYERS[] = {
    {GATES_OF_1997, 1, 1, run_1_1},
    {GATES_OF_1997, 2, 1, run_2_1},
    {GATES_OF_1997, 2, 2, run_2_2},
    {GATES_OF_2000, 1, 1, forgetting_1_1},
    {GATES_OF_2000, 2, 1, forgetting_2_1},
    {GATES_OF_2000, 3, 1, forgetting_3_1},
    {GATES_OF_2000, 3, 2, forgetting_3_2},
};

/* ---- the gradient forward in time ----------------------------------------------------------- */

/* Sets one part of the sums; tells whether there is anything to add. */
static inline int set_part(const Sizes *n, int gates, int i, int place, int first, Part *part) {
    int is_needed = 0;
    part->gates = gates;
    part->traces = i * n->cell_lanes + first;
    for (int lane = 0; lane < LANES; lane++) {
        const int block = gates + lane - n->first_gate[n->trace_kind[i]];
        const int cell = block * n->block_size + place;
        const int is_here =
            block >= 0 && block < n->n_blocks && cell / LANES == first / LANES;
        part->cell[lane] = is_here ? cell : n->cell_lanes;
        set_index(part->lane, lane, is_here ? cell % LANES : 0);
        is_needed |= is_here;
    }
    return is_needed;
}

/* Finds the parts of the sums over blocks for a few gates, unless each register of gates belongs to
 * one register of cells. */
static inline void choose_parts(const Sizes *n, State *q) {
    q->n_parts = 0;
    if (n->block_size == 1 && n->n_blocks % LANES == 0) return;
    for (int gates = 0; gates < n->gate_lanes; gates += LANES) {
        for (int i = 1; i < n->n_traces; i++) {
            for (int place = 0; place < n->block_size; place++) {
                for (int first = 0; first < n->cell_lanes; first += LANES) {
                    Part part;
                    if (!set_part(n, gates, i, place, first, &part)) continue;
                    if (q->n_parts == MOST_PARTS) {
                        q->n_parts = 0;
                        return;
                    }
                    q->parts[q->n_parts++] = part;
                }
            }
        }
    }
}

/* Adds (28) and (26) for one source: the errors at the states times the carried ds/dw; at gates,
 * summed over the cells of each block. This is for layers without parts. Many of them are wide, so
 * their rows are read in the order of memory. */
static inline void add_trace_row(const Sizes *n, const State *q, int64_t m, double *gradient) {
    const double *trace = q->trace + m * n->trace_lanes;
    double *row = gradient + m * n->unit_lanes;
    add_products(n->cell_lanes, q->e_s, trace, row + n->first_cell);
    for (int i = 1; i < n->n_traces; i++) {
        double *gates = row + n->first_gate[n->trace_kind[i]];
        trace += n->cell_lanes;
        if (n->block_size == 1) {
            add_products(n->cell_lanes, q->e_s, trace, gates);
            continue;
        }
        for (int c = 0; c < n->n_cells; c++) {
            double *gate = gates + c / n->block_size;
            *gate = fma(q->e_s[c], trace[c], *gate);
        }
    }
}

/* A statement for some rows m of traces and gradients: the first touched columns, and all from
 * `first` on. The arguments of the functions below have these names. */
#define EACH_ROW(m, statement)                                                                    \
    for (int i = 0; i < n_touched; i++) {                                                         \
        const int64_t m = q->touched[i];                                                          \
        statement;                                                                                \
    }                                                                                             \
    for (int64_t m = first; m < n_rows; m++) statement

/* Adds (28) for one register of cells. */
static inline void add_cells(const Sizes *n, const State *q, int c, int n_touched, int first,
                             double *gradient) {
    const int64_t from = n->trace_lanes, to = n->unit_lanes;
    const int n_rows = n->hidden_rows;
    const lanes errors = load(q->e_s + c);
    const double *traces = q->trace + c;
    double *cells = gradient + n->first_cell + c;
    EACH_ROW(m, store(cells + m * to, FMA(errors, load(traces + m * from), load(cells + m * to))));
}

/* Adds one part of (26). */
static inline void add_part(const Sizes *n, const State *q, const Part *part, int n_touched,
                            int first, double *gradient) {
    const int64_t from = n->trace_lanes, to = n->unit_lanes;
    const int n_rows = n->hidden_rows;
    const lanes errors = gather(q->e_s, part->cell);
    const double *traces = q->trace + part->traces;
    double *gates = gradient + part->gates;
    int lane[2 * MOST_LANES]; /* a copy, which stays in a register */
    memcpy(lane, part->lane, sizeof lane);
    EACH_ROW(m, store(gates + m * to, FMA(errors, permute(load(traces + m * from), lane),
                                          load(gates + m * to))));
}

/* Adds (28) and (26), for the first touched columns and for all sources from `first` on. */
static inline void add_trace_rows(const Sizes *n, const State *q, int n_touched, int first,
                                  double *gradient) {
    const int n_rows = n->hidden_rows;
    if (q->n_parts == 0) {
        EACH_ROW(m, add_trace_row(n, q, m, gradient));
        return;
    }
    for (int c = 0; c < n->cell_lanes; c += LANES) {
        add_cells(n, q, c, n_touched, first, gradient);
    }
    for (int p = 0; p < q->n_parts; p++) {
        add_part(n, q, &q->parts[p], n_touched, first, gradient);
    }
}
#undef EACH_ROW

/* Chooses the function for the steps of a small layer; sizes and constants must be set. */
static inline void choose_step(const Sizes *n, State *q) {
    q->run_small = NULL;
    for (unsigned i = 0; i < sizeof SMALL_LAYERS / sizeof *SMALL_LAYERS; i++) {
        if (n->gates == SMALL_LAYERS[i].kinds && n->hidden_lanes == 0 &&
            n->gate_lanes == SMALL_LAYERS[i].gates * LANES &&
            n->cell_lanes == SMALL_LAYERS[i].cells * LANES) {
            q->run_small = SMALL_LAYERS[i].run;
        }
    }
    choose_parts(n, q);
    q->is_large = !q->run_small && n->hidden_rows * n->unit_lanes > LARGE;
    for (int kind = 0; kind < N_GATES && q->run_small; kind++) {
        if (!HAS_GATE(n->gates, kind)) continue;
        for (int i = 0; i < LANES; i++) { /* padding has no gate: any lane will do */
            set_index(q->lane[kind], i, q->opens[kind][i] % LANES);
        }
    }
}

#endif
