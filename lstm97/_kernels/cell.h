/* All formulas of the memory cell, forward and backward, without loops or a memory layout.
 *
 * Every kernel takes the formulas from this file: single nets, streams, teams and batches. The file
 * is plain C99, and is included once for each type of number. Before that, define
 *
 *     real                    the type: a number, or a vector of numbers
 *     CELL(name)              the name of a function for this type
 *     UNIT, HALF              the numbers 1 and 1/2
 *     FUSED(a, b, c)          a b + c, rounded once where the kernel promises that
 *     SQUASH(x, low, high)    the logistic function, stretched from (0, 1) to (low, high)
 *
 * They are undefined at the end. Numbers in brackets are the paper's equations. The forget gate is
 * that of Gers, Schmidhuber and Cummins, "Learning to Forget", Neural Computation 12(10), 2000.
 */

#ifndef LSTM97_CELL_H
#define LSTM97_CELL_H

/* The kinds of gates. Those that act on the state come first: derivatives of the state by their
 * weights, and by the weights of the cell, are carried along. */
enum { INPUT_GATE, FORGET_GATE, N_STATE_GATES, OUTPUT_GATE = N_STATE_GATES, N_GATES };

/* A set of kinds has a bit for each. */
#define HAS_GATE(kinds, kind) ((kinds) >> (kind) & 1)

/* Whether the carousel, see below, leaves everything as it is: then kernels need not visit rows of
 * traces to which a step adds nothing. */
#define CAROUSEL_IS_ONE(kinds) (!HAS_GATE(kinds, FORGET_GATE))

/* The kinds of a block with all gates of 1997, and with all of 2000: small nets with these have
 * kernels of their own. */
enum {
    GATES_OF_1997 = 1 << INPUT_GATE | 1 << OUTPUT_GATE,
    GATES_OF_2000 = GATES_OF_1997 | 1 << FORGET_GATE
};

/* Runs a loop over cells with the kinds of gates as a constant where no gate is missing. */
#define FOR_KINDS(n, loop, ...)                                                                   \
    if ((n)->gates == GATES_OF_1997)                                                              \
        loop(n, GATES_OF_1997, __VA_ARGS__);                                                      \
    else if ((n)->gates == GATES_OF_2000)                                                         \
        loop(n, GATES_OF_2000, __VA_ARGS__);                                                      \
    else                                                                                          \
        loop(n, (n)->gates, __VA_ARGS__)

#endif

/* The gates of a cell's block: the kinds that exist, and their openings y. */
typedef struct {
    int kinds;
    real y[N_GATES];
} CELL(Gates);

/* The values of a cell at one step; a formula that gives one of them needs those above it. */
typedef struct {
    real before; /* s of the step before */
    real g;      /* the squashed input */
    real s;      /* the state */
    real h;      /* the squashed state */
} CELL(Values);

/* The opening of a gate; a gate that is missing is open. */
static inline real CELL(opening)(const CELL(Gates) *gates, const int kind) {
    return HAS_GATE(gates->kinds, kind) ? gates->y[kind] : UNIT;
}

/* Returns how much of a state s remains after one step: all of it, or what the forget gate lets
 * through. The same holds for the derivatives ds/dw, and for the error at the state on its way
 * back. Without a forget gate this is the constant error carousel. */
static inline real CELL(carousel)(const CELL(Gates) *gates, real x) {
    return HAS_GATE(gates->kinds, FORGET_GATE) ? gates->y[FORGET_GATE] * x : x;
}

/* ---- forward -------------------------------------------------------------------------------- */

/* s: (9). */
static inline real CELL(next_state)(const CELL(Gates) *gates, const CELL(Values) *cell) {
    return FUSED(CELL(opening)(gates, INPUT_GATE), cell->g, CELL(carousel)(gates, cell->before));
}

/* h(s), or s itself. */
static inline real CELL(squashed_state)(const int is_linear, const CELL(Values) *cell) {
    return is_linear ? cell->s : SQUASH(cell->s, -UNIT, UNIT);
}

/* The activation of the cell: (9). */
static inline real CELL(cell_output)(const CELL(Gates) *gates, real h) {
    return CELL(opening)(gates, OUTPUT_GATE) * h;
}

/* ---- derivatives of the state at one step --------------------------------------------------- */

/* ds/dnet of the cell, from g and its range; slope is 1 / (high - low): (27). */
static inline real CELL(cell_push)(const CELL(Gates) *gates, const CELL(Values) *cell, real low,
                                   real high, real slope) {
    return CELL(opening)(gates, INPUT_GATE) * slope * (high - cell->g) * (cell->g - low);
}

/* ds/dnet of a gate that acts on the state, from what the gate multiplies: (25). */
static inline real CELL(gate_push)(const CELL(Gates) *gates, const int kind,
                                   const CELL(Values) *cell) {
    const real y = gates->y[kind];
    return (kind == FORGET_GATE ? cell->before : cell->g) * y * (UNIT - y);
}

/* ---- back ----------------------------------------------------------------------------------- */

/* The derivative of a logistic unit, from its activation. */
static inline real CELL(logistic_slope)(real y) { return y * (UNIT - y); }

/* h'(s), from h(s). */
static inline real CELL(state_slope)(const int is_linear, real h) {
    return is_linear ? UNIT : HALF * (UNIT - h) * (UNIT + h);
}

/* The derivative of the cell's activation by its state: an error times this is e_s, (23). The
 * error at an output gate is its logistic slope times the sum of h times the errors, (21). */
static inline real CELL(output_slope)(const CELL(Gates) *gates, const int is_linear, real h) {
    return CELL(opening)(gates, OUTPUT_GATE) * CELL(state_slope)(is_linear, h);
}

#undef real
#undef CELL
#undef UNIT
#undef HALF
#undef FUSED
#undef SQUASH
