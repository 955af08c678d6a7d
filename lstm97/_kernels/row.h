/* One packed row of a batch, in the precision `real`: the hidden layer at one step of one sequence.
 *
 * batch.h includes this file once for each precision, with ROW(name) to name its functions; both
 * are undefined at the end. Arrays, without padding:
 *
 *     a      (n_units,) openings of gates, g of cells, activations of conventional units; on the
 *            way back they are replaced by the errors at the net inputs
 *     s, h   (n_cells,) states, squashed states
 *     before (n_cells,) states of the step before, kept for the way back
 *     e_s    (n_cells,) errors at the states
 *     room   (ROOM * n_cells,) work memory
 *
 * Numbers in brackets are the paper's.
 */

#ifndef LSTM97_ROW_H
#define LSTM97_ROW_H

enum { ROOM = N_GATES + N_STATE_GATES + 1 };

#endif

/* The openings of the gates of all cells: of each kind, one for each cell. */
typedef struct {
    const real *y[N_GATES];
} ROW(Openings);

/* Finds the openings; where gates have several cells, they are copied to room. */
static inline ROW(Openings) ROW(openings)(const Sizes *n, const real *a, real *room) {
    ROW(Openings) all = {{0}};
    for (int kind = 0; kind < N_GATES; kind++, room += n->n_cells) {
        const real *gates = a + n->first_gate[kind];
        if (!HAS_GATE(n->gates, kind)) continue;
        all.y[kind] = n->block_size == 1 ? gates : room;
        if (n->block_size == 1) continue;
        for (int c = 0; c < n->n_cells; c++) room[c] = gates[c / n->block_size];
    }
    return all;
}

static inline ALWAYS ROW(Gates) ROW(gates_of)(const ROW(Openings) *all, const int kinds, int c) {
    ROW(Gates) gates = {.kinds = kinds};
    for (int kind = 0; kind < N_GATES; kind++) {
        if (HAS_GATE(kinds, kind)) gates.y[kind] = all->y[kind][c];
    }
    return gates;
}

static inline void ROW(squash_all)(int count, double low, double high, real *x) {
    for (int i = 0; i < count; i++) x[i] = ROW(squash)(x[i], (real)low, (real)high);
}

/* Replaces a value for each cell by the sum over its block, one for each block. */
static inline void ROW(sum_blocks)(const Sizes *n, real *x) {
    if (n->block_size == 1) return;
    for (int j = 0; j < n->n_blocks; j++) {
        real total = 0;
        for (int c = 0; c < n->block_size; c++) total += x[j * n->block_size + c];
        x[j] = total;
    }
}

/* ---- forward -------------------------------------------------------------------------------- */

static inline ALWAYS void ROW(step_cells)(const Sizes *n, const int kinds,
                                          const ROW(Openings) *all, const real *restrict g,
                                          real *restrict s, real *restrict h) {
    const int is_linear = n->linear_state;
    for (int c = 0; c < n->n_cells; c++) {
        const ROW(Gates) gates = ROW(gates_of)(all, kinds, c);
        ROW(Values) cell = {.before = s[c], .g = g[c]};
        cell.s = ROW(next_state)(&gates, &cell);
        s[c] = cell.s;
        h[c] = ROW(squashed_state)(is_linear, &cell);
    }
}

/* From net inputs, in a, to openings, states and squashed states: (7) to (9). */
static void ROW(activate)(const Sizes *n, real *a, real *s, real *before, real *h, real *room) {
    real *g = a + n->n_gates;
    memcpy(before, s, n->n_cells * sizeof(real));
    ROW(squash_all)(n->n_gates, 0.0, 1.0, a);
    ROW(squash_all)(n->n_cells, n->g_low, n->g_high, g);
    ROW(squash_all)(n->n_hidden, 0.0, 1.0, g + n->n_cells);
    const ROW(Openings) all = ROW(openings)(n, a, room);
    FOR_KINDS(n, ROW(step_cells), &all, g, s, h);
}

static inline ALWAYS void ROW(open_cells)(const Sizes *n, const int kinds,
                                          const ROW(Openings) *all, const real *restrict h,
                                          real *restrict y) {
    for (int c = 0; c < n->n_cells; c++) {
        const ROW(Gates) gates = ROW(gates_of)(all, kinds, c);
        y[c] = ROW(cell_output)(&gates, h[c]);
    }
}

/* Writes the activations of the layer to y: gates (if wanted), cells, conventional units. */
static void ROW(write_activations)(const Sizes *n, int with_gates, const real *a, const real *h,
                                   real *room, real *y) {
    const ROW(Openings) all = ROW(openings)(n, a, room);
    if (with_gates) {
        memcpy(y, a, n->n_gates * sizeof(real));
        y += n->n_gates;
    }
    FOR_KINDS(n, ROW(open_cells), &all, h, y);
    memcpy(y + n->n_cells, a + n->n_gates + n->n_cells, n->n_hidden * sizeof(real));
}

/* ---- back ----------------------------------------------------------------------------------- */

static inline ALWAYS void ROW(leave_outputs)(const Sizes *n, const int kinds,
                                             const ROW(Openings) *all, const real *restrict h,
                                             const real *restrict error, real *restrict e_s,
                                             real *restrict through) {
    const int is_linear = n->linear_state;
    for (int c = 0; c < n->n_cells; c++) {
        const ROW(Gates) gates = ROW(gates_of)(all, kinds, c);
        e_s[c] += ROW(output_slope)(&gates, is_linear, h[c]) * error[c];
        through[c] = h[c] * error[c];
    }
}

/* From errors at activations, (n_units,), to those at the net inputs of output gates (21) and of
 * conventional units (20), and to the states' (23). */
static void ROW(leave_units)(const Sizes *n, const real *error, const real *h, real *a, real *e_s,
                             real *room) {
    const ROW(Openings) all = ROW(openings)(n, a, room);
    real *through = room + N_GATES * n->n_cells;
    FOR_KINDS(n, ROW(leave_outputs), &all, h, error + n->n_gates, e_s, through);
    if (HAS_GATE(n->gates, OUTPUT_GATE)) {
        const int first = n->first_gate[OUTPUT_GATE];
        ROW(sum_blocks)(n, through);
        for (int j = 0; j < n->n_blocks; j++) {
            a[first + j] = ROW(logistic_slope)(a[first + j]) * (through[j] + error[first + j]);
        }
    }
    for (int i = n->n_gates + n->n_cells; i < n->n_units; i++) {
        a[i] = ROW(logistic_slope)(a[i]) * error[i];
    }
}

static inline ALWAYS void ROW(push_cells)(const Sizes *n, const int kinds,
                                          const ROW(Openings) *all,
                                          const real *restrict before, real *restrict e_s,
                                          real *restrict g, real *restrict at_gates) {
    const real low = (real)n->g_low, high = (real)n->g_high, slope = (real)n->g_slope;
    for (int c = 0; c < n->n_cells; c++) {
        const ROW(Gates) gates = ROW(gates_of)(all, kinds, c);
        const ROW(Values) cell = {.before = before[c], .g = g[c]};
        for (int kind = 0; kind < N_STATE_GATES; kind++) {
            if (!HAS_GATE(kinds, kind)) continue;
            at_gates[kind * n->n_cells + c] = e_s[c] * ROW(gate_push)(&gates, kind, &cell);
        }
        g[c] = e_s[c] * ROW(cell_push)(&gates, &cell, low, high, slope);
        e_s[c] = ROW(carousel)(&gates, e_s[c]);
    }
}

/* From errors at the states to those at the net inputs of cells (27) and of gates that act on the
 * states (25), and to the errors at the states of the step before. The activation of such a gate
 * has an error of its own only if it was fed back; error is NULL if no activation has one. */
static void ROW(leave_states)(const Sizes *n, const real *before, const real *error, real *a,
                              real *e_s, real *room) {
    const ROW(Openings) all = ROW(openings)(n, a, room);
    real *at_gates = room + N_GATES * n->n_cells;
    FOR_KINDS(n, ROW(push_cells), &all, before, e_s, a + n->n_gates, at_gates);
    for (int kind = 0; kind < N_STATE_GATES; kind++, at_gates += n->n_cells) {
        real *gates = a + n->first_gate[kind];
        if (!HAS_GATE(n->gates, kind)) continue;
        ROW(sum_blocks)(n, at_gates);
        for (int j = 0; j < n->n_blocks; j++) {
            const real fed_back = error ? error[n->first_gate[kind] + j] : 0;
            gates[j] = at_gates[j] + ROW(logistic_slope)(gates[j]) * fed_back;
        }
    }
}

#undef real
#undef ROW
