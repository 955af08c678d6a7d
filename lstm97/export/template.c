/* See lstm.h. Numbers in brackets are those of equations in S. Hochreiter and J. Schmidhuber, "Long
 * Short-Term Memory", Neural Computation 9(8), 1997. */
#include "lstm.h"

#include <math.h>
#include <stdint.h>

#ifdef __FAST_MATH__
#error "compile without -ffast-math"
#endif

/* Only calls of fma may round once: compilers must not make others. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#else
#pragma STDC FP_CONTRACT OFF
#endif

enum {
    INPUTS = LSTM_INPUTS,
    OUTPUTS = LSTM_OUTPUTS,
    BLOCKS = LSTM_BLOCKS,
    BLOCK_SIZE = LSTM_CELLS / LSTM_BLOCKS,
    CELLS = LSTM_CELLS,
    UNITS = LSTM_UNITS,
@CONSTANTS@
};

/* A group of units of one kind. */
typedef struct {
    int first;        /* first unit */
    int n_units;
    int n_sources;    /* with a bias, SOURCES + 1 */
#when LEARNS
    int trace;        /* which trace it has; -1 for errors that end at the unit */
    int n_cells;      /* how many cells each of its units acts on */
#end
    double low, high; /* range of the squashing function */
} Group;

static const Group GROUPS[] = {
@GROUPS@
};
enum { N_GROUPS = sizeof GROUPS / sizeof *GROUPS };

/* The weights that were exported: group by group, with a row for each source; then the outputs. */
static const double WEIGHTS[LSTM_WEIGHTS] = {
@WEIGHTS@
};
@TABLES@

/* ---- exp, log and the squashing functions -------------------------------------------------- */

#when DOUBLE
typedef uint64_t Bits;

/* exp(r) - 1 for |r| <= ln(2)/2. */
static double reduced_expm1(double r) {
    const double r2 = r * r;
    const double r4 = r2 * r2;
    const double q01 = fma(r, 0x1.5555555555556p-3, 0x1.0000000000001p-1);
    const double q23 = fma(r, 0x1.11111111109b3p-7, 0x1.5555555553d63p-5);
    const double q45 = fma(r, 0x1.a01a01a7c41d5p-13, 0x1.6c16c1788bd90p-10);
    const double q67 = fma(r, 0x1.71de0dae63bb3p-19, 0x1.a019b90d2ae7ap-16);
    const double q89 = fma(r, 0x1.af38a9b0ec855p-26, 0x1.289185613a3d6p-22);
    const double high = fma(r4, q89, fma(r2, q67, q45));
    return fma(r2, fma(r4, high, fma(r2, q23, q01)), r);
}
#otherwise
typedef uint32_t Bits;

/* exp(r) - 1 for |r| <= ln(2)/2. */
static double reduced_expm1(double r) {
    const double r2 = r * r;
    const double q01 = fma(r, 0x1.5554b0p-3, 0x1.0p-1);
    const double q23 = fma(r, 0x1.1227f0p-7, 0x1.555486p-5);
    return fma(r2, fma(r2 * r2, 0x1.6d98fcp-10, fma(r2, q23, q01)), r);
}
#end

typedef union {
    double value;
    Bits bits;
} Number;

/* -x = k ln(2) + r: gives 2^k, exactly, and exp(r) - 1. |x| is cut where 2^k is still a normal
 * number; a NaN goes through. */
static double split_exp_minus(double x, double *power) {
    Number shifted;
#when DOUBLE
    const double largest = 708.0, shift = 0x1.8p52 + 1023.0;
    const double per_ln2 = 0x1.71547652b82fep+0, high = 0x1.62e42fefa39efp-1,
                 low = 0x1.abc9e3b39803fp-56;
    enum { MANTISSA = 52 };
#otherwise
    const double largest = 87.0, shift = 0x1.8p23 + 127.0;
    const double per_ln2 = 0x1.715476p+0, high = 0x1.62e430p-1, low = -0x1.05c610p-29;
    enum { MANTISSA = 23 };
#end
    double k, r;
    x = -largest > x ? -largest : x;
    x = largest < x ? largest : x;
    shifted.value = fma(x, -per_ln2, shift); /* rounds; the low bits are k and the exponent of 1 */
    k = shifted.value - shift;
    shifted.bits <<= MANTISSA;
    *power = shifted.value;
    r = fma(k, -high, -x);
    return reduced_expm1(fma(k, -low, r));
}

/* The logistic function, stretched from (0, 1) to (low, high). */
static double squash(double x, double low, double high) {
    double power;
    const double m = split_exp_minus(x, &power);
    const double e = fma(power, m, power - 1.0);
    return fma(low, e, low + high) / (2.0 + e);
}
#when EXP

static double exp_(double x) {
    double power;
    const double m = split_exp_minus(-x, &power);
    return fma(power, m, power);
}
#end
#when LOG

/* Natural logarithm of a positive normal number: x = 2^k (1 + f), then the series of atanh. */
static double log_(double x) {
    Number number;
    double k, f, s, z, r, half, tail;
    number.value = x;
#when DOUBLE
    number.bits -= 0x3fe6a09e667f3bcd; /* sqrt(1/2) */
    k = (double)((int64_t)number.bits >> 52);
    number.bits = (number.bits & 0xfffffffffffff) + 0x3fe6a09e667f3bcd;
#otherwise
    number.bits -= 0x3f3504f3; /* sqrt(1/2) */
    k = (double)((int32_t)number.bits >> 23);
    number.bits = (number.bits & 0x7fffff) + 0x3f3504f3;
#end
    f = number.value - 1.0;
    s = f / (2.0 + f);
    z = s * s;
#when DOUBLE
    r = 0x1.0c039c49989c6p-3;
    r = fma(r, z, 0x1.0fbe95d716020p-3);
    r = fma(r, z, 0x1.3b1c355a8f7a2p-3);
    r = fma(r, z, 0x1.745cf9048dd95p-3);
    r = fma(r, z, 0x1.c71c720159177p-3);
    r = fma(r, z, 0x1.2492492476cccp-2);
    r = fma(r, z, 0x1.9999999999a38p-2);
    r = fma(r, z, 0x1.5555555555555p-1);
    half = 0.5 * f * f;
    tail = fma(k, 0x1.abc9e3b39803fp-56, s * fma(r, z, half));
    return fma(k, 0x1.62e42fefa39efp-1, f - (half - tail));
#otherwise
    r = 0x1.c71c72p-3;
    r = fma(r, z, 0x1.24924ap-2);
    r = fma(r, z, 0x1.99999ap-2);
    r = fma(r, z, 0x1.555556p-1);
    half = 0.5 * f * f;
    tail = fma(k, -0x1.05c610p-29, s * fma(r, z, half));
    return fma(k, 0x1.62e430p-1, f - (half - tail));
#end
}
#end

/* ---- the memory cell ----------------------------------------------------------------------- */

@CELL enum HAS_GATE@
enum { KINDS = @KINDS@ };
static const int FIRST_GATE[N_GATES] = {@FIRST_GATE@};

@CELL Gates Values opening carousel next_state squashed_state cell_output@

#when LEARNS
@CELL cell_push state_slope output_slope@

#when STATE_GATES
@CELL gate_push@

#end
#when DELTAS
@CELL logistic_slope@

#end
#end
/* The gates of a block. */
static Gates gates_of(const double *y, int block) {
    Gates gates;
    int kind;
    gates.kinds = KINDS;
    for (kind = 0; kind < N_GATES; kind++) {
        gates.y[kind] = HAS_GATE(KINDS, kind) ? y[FIRST_GATE[kind] + block] : 1.0;
    }
    return gates;
}
#when LEARNS

/* Carries ds/dw of a cell to this step: (27), (25). */
static void carry(lstm_net *net, const Gates *gates, const Values *cell, int c) {
    double u[LSTM_TRACES];
    int i = 0, m;
    u[i++] = cell_push(gates, cell, @G_LOW@, @G_HIGH@, @G_SLOPE@);
#when STATE_GATES
    for (int kind = 0; kind < N_STATE_GATES; kind++) {
        if (HAS_GATE(KINDS, kind)) u[i++] = gate_push(gates, kind, cell);
    }
#end
    for (m = 0; m < LSTM_SOURCES; m++) {
        for (i = 0; i < LSTM_TRACES; i++) {
            double *trace = &net->trace[m][i][c];
            *trace = fma(u[i], net->z[m], carousel(gates, *trace));
        }
    }
}
#end

/* ---- forward ------------------------------------------------------------------------------- */

/* Computes the hidden layer, (7) to (9), from its sources z. */
static void step_hidden(lstm_net *net, const double *z) {
#when LEARNS
    const double *w = net->weights;
#otherwise
    const double *w = WEIGHTS;
#end
    int g, i, j, m;
    for (g = 0; g < N_GROUPS; g++) {
        const Group *group = GROUPS + g;
        const int n = group->n_units;
        for (i = 0; i < n; i++) {
            double sum = group->n_sources > SOURCES ? w[SOURCES * n + i] : 0.0;
            for (m = 0; m < SOURCES; m++) sum = fma(w[m * n + i], z[m], sum);
            net->y[group->first + i] = squash(sum, group->low, group->high);
        }
        w += group->n_sources * n;
    }
    for (j = 0; j < BLOCKS; j++) {
        const Gates gates = gates_of(net->y, j);
        for (i = 0; i < BLOCK_SIZE; i++) {
            const int c = j * BLOCK_SIZE + i;
            Values cell;
            cell.before = net->s[c];
            cell.g = net->y[GATES + c];
            cell.s = next_state(&gates, &cell);
            cell.h = squashed_state(LINEAR_STATE, &cell);
            net->s[c] = cell.s;
            net->y[GATES + c] = cell_output(&gates, cell.h);
#when LEARNS
            net->h[c] = cell.h;
            carry(net, &gates, &cell, c);
#end
        }
    }
}

#when PAIRS
/* The sum of at most 128 numbers, in the order of NumPy. */
static double sum_of(const double *a, int n) {
    double sums[8], total;
    int i, k;
    for (k = 0; k < 8; k++) sums[k] = a[k];
    for (i = 8; i + 8 <= n; i += 8) {
        for (k = 0; k < 8; k++) sums[k] += a[i + k];
    }
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
            ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    for (; i < n; i++) total += a[i];
    return total;
}

#end
void lstm_step(lstm_net *net, const double *x, double *y) {
#when LEARNS
    double *z = net->z, *output = net->output;
    const double *w = net->weights + OUTPUT_WEIGHTS;
#otherwise
    double z[SOURCES], output[OUTPUTS];
    const double *w = WEIGHTS + OUTPUT_WEIGHTS;
#end
    int k, m;
#when SOFTMAX
    double largest, total;
#end
    for (m = 0; m < INPUTS; m++) z[m] = x[m];
#when SCALED_INPUTS
    for (k = 0; k < SCALINGS; k++) {
        for (m = 0; m < INPUTS; m++) z[m] = (z[m] - X_MEAN[k][m]) / X_SCALE[k][m];
    }
#end
#when FED_BACK
    for (m = 0; m < FED_BACK; m++) z[INPUTS + m] = net->y[FIRST_FED_BACK + m];
#end
    step_hidden(net, z);
    for (k = 0; k < OUTPUTS; k++) {
        const double *row = w;
#when OUTPUT_BIAS
        double sum = w[(OUTPUT_SOURCES - 1) * OUTPUTS + k];
#otherwise
        double sum = 0.0;
#end
#when SHORTCUT
        for (m = 0; m < INPUTS; m++, row += OUTPUTS) sum = fma(row[k], z[m], sum);
#end
        for (m = GATES; m < UNITS; m++, row += OUTPUTS) sum = fma(row[k], net->y[m], sum);
        output[k] = sum;
    }
#when LEARNS LOG_LOSS
    for (k = 0; k < OUTPUTS; k++) net->output_net[k] = output[k];
#end
#when LOGISTIC
    for (k = 0; k < OUTPUTS; k++) output[k] = squash(output[k], 0.0, 1.0);
#end
#when SOFTMAX
    largest = output[0];
    for (k = 1; k < OUTPUTS; k++) largest = output[k] > largest ? output[k] : largest;
    total = 0.0;
    for (k = 0; k < OUTPUTS; k++) {
        output[k] = exp_(output[k] - largest);
        total += output[k];
    }
    for (k = 0; k < OUTPUTS; k++) output[k] /= total;
#end
#when LEARNS LOG_LOSS SOFTMAX
    net->log_total = largest + log_(total);
#end
#when LEARNS
    net->is_due = 1;
#end
#when CLASSES
    {
        double sum = 0.0;
#when PAIRS
        sum = @PAIRS@;
#otherwise
        for (k = 0; k < OUTPUTS; k++) sum += output[k];
#end
        for (k = 0; k < OUTPUTS; k++) y[k] = sum > 0.0 ? output[k] / sum : 1.0 / OUTPUTS;
    }
#otherwise
#when SCALED_TARGETS
    for (k = 0; k < OUTPUTS; k++) y[k] = output[k] * Y_SCALE[k] + Y_MEAN[k];
#otherwise
    for (k = 0; k < OUTPUTS; k++) y[k] = output[k];
#end
#end
}
#when LEARNS

/* ---- learning ------------------------------------------------------------------------------ */

static int is_finite(double x) { return x - x == 0.0; }

#when LOG_LOSS
/* The log loss of output k, from its net input: it stays finite where an output is 0. */
static double log_cost(const lstm_net *net, int k, double d) {
    const double input = net->output_net[k];
#when SOFTMAX
    return d * (net->log_total - input);
#otherwise
    return (input > 0.0 ? input : 0.0) - d * input +
           log_(1.0 + exp_(input > 0.0 ? -input : input));
#end
}

#end
/* Sets the errors e at the outputs' net inputs for the targets d, (19), and returns the loss. */
static double output_error(const lstm_net *net, const double *d, double weight, double *e) {
    double loss = 0.0;
    int k;
#when SOFTMAX
    double shared = 0.0;
#end
    for (k = 0; k < OUTPUTS; k++) {
        const double y = net->output[k], error = d[k] - y;
        e[k] = 0.0;
        if (d[k] != d[k]) continue;
#when LOG_LOSS
        loss += log_cost(net, k, d[k]);
#when SOFTMAX
        e[k] = d[k];
        shared += d[k];
        (void)error;
#otherwise
        e[k] = error;
#end
#otherwise
        loss += 0.5 * error * error;
#when LOGISTIC
        e[k] = error * y * (1.0 - y);
#otherwise
        e[k] = error;
#end
#when SOFTMAX
        shared = fma(error, y, shared);
#end
#end
    }
    for (k = 0; k < OUTPUTS; k++) {
#when SOFTMAX LOG_LOSS
        e[k] -= shared * net->output[k]; /* each net input moves all outputs */
#end
#when SOFTMAX SQUARED_ERROR
        e[k] = (e[k] - shared) * net->output[k]; /* each net input moves all outputs */
#end
        e[k] *= weight;
    }
    return weight * loss;
}

/* The error at a unit that feeds the outputs, from its row of weights to them. */
static double error_at(const double *row, const double *e) {
    double error = 0.0;
    int k;
    for (k = 0; k < OUTPUTS; k++) error = fma(row[k], e[k], error);
    return error;
}

/* Carries the errors to states (23), output gates (21) and conventional units (20). */
static void backpropagate(const lstm_net *net, const double *e, double *e_s, double *delta) {
    const double *row = net->weights + OUTPUT_WEIGHTS;
    int i, j;
#when SHORTCUT
    row += INPUTS * OUTPUTS;
#end
    for (j = 0; j < BLOCKS; j++) {
        const Gates gates = gates_of(net->y, j);
#when OUTPUT_GATE
        double through = 0.0;
#end
        for (i = 0; i < BLOCK_SIZE; i++, row += OUTPUTS) {
            const int c = j * BLOCK_SIZE + i;
            const double error = error_at(row, e);
            e_s[c] = output_slope(&gates, LINEAR_STATE, net->h[c]) * error;
#when OUTPUT_GATE
            through = fma(net->h[c], error, through);
#end
        }
#when OUTPUT_GATE
        delta[FIRST_GATE[OUTPUT_GATE] + j] = logistic_slope(gates.y[OUTPUT_GATE]) * through;
#end
    }
#when HIDDEN
    for (i = GATES + CELLS; i < UNITS; i++, row += OUTPUTS) {
        delta[i] = logistic_slope(net->y[i]) * error_at(row, e);
    }
#end
#when !DELTAS
    (void)delta;
#end
}

/* ---- update -------------------------------------------------------------------------------- */

#when ADAM
@ADAM@

typedef AdamStep Step;

/* Moves weight i, or tells whether it would stay finite. */
static int move(lstm_net *net, int i, double gradient, Step step, int is_trial) {
    double mean = net->mean[i], square = net->square[i], w = net->weights[i];
    move_one(step, gradient, &mean, &square, &w);
    if (is_trial) return is_finite(mean) && is_finite(square) && is_finite(w);
    net->mean[i] = mean;
    net->square[i] = square;
    net->weights[i] = w;
    return 1;
}
#otherwise
/* The learning rate. */
typedef double Step;

/* Moves weight i, or tells whether it would stay finite. */
static int move(lstm_net *net, int i, double gradient, Step step, int is_trial) {
    const double w = fma(step, gradient, net->weights[i]);
    if (is_trial) return is_finite(w);
    net->weights[i] = w;
    return 1;
}
#end

/* Moves all weights, or tells whether all would stay finite: (22), (26), (28). */
static int move_all(lstm_net *net, const double *e, const double *e_s, const double *delta,
                    Step step, int is_trial) {
    int at = 0, c, g, i, m;
    for (g = 0; g < N_GROUPS; g++) {
        const Group *group = GROUPS + g;
        for (m = 0; m < group->n_sources; m++) {
            for (i = 0; i < group->n_units; i++, at++) {
                double gradient = 0.0;
                if (group->trace < 0) {
                    gradient = fma(delta[group->first + i], net->z[m], 0.0);
                } else {
                    const double *trace = net->trace[m][group->trace];
                    for (c = i * group->n_cells; c < (i + 1) * group->n_cells; c++) {
                        gradient = fma(e_s[c], trace[c], gradient);
                    }
                }
                if (!move(net, at, gradient, step, is_trial)) return 0;
            }
        }
    }
    for (m = 0; m < OUTPUT_SOURCES; m++) {
#when SHORTCUT
        const double *source = m < INPUTS ? net->z + m : net->y + GATES + m - INPUTS;
#otherwise
        const double *source = net->y + GATES + m;
#end
#when OUTPUT_BIAS
        if (m == OUTPUT_SOURCES - 1) source = net->z + SOURCES;
#end
        for (i = 0; i < OUTPUTS; i++, at++) {
            if (!move(net, at, fma(e[i], *source, 0.0), step, is_trial)) return 0;
        }
    }
    return 1;
}

#when CLASSES
double lstm_learn(lstm_net *net, int label) {
#otherwise
double lstm_learn(lstm_net *net, const double *target) {
#end
    double d[OUTPUTS], e[OUTPUTS], e_s[CELLS], delta[UNITS] = {0.0};
    double weight = 1.0, loss;
    int k;
#when ADAM
    double powers[2];
#end
    Step step;
#when CLASSES
    if (!net->is_due || label < 0 || label >= OUTPUTS) return NAN;
    for (k = 0; k < OUTPUTS; k++) d[k] = k == label ? 1.0 : 0.0;
#when CLASS_WEIGHTS
    weight = CLASS_WEIGHTS[label];
#end
#otherwise
    int n_targets = 0;
    for (k = 0; k < OUTPUTS; k++) {
        n_targets += target[k] == target[k];
#when SCALED_TARGETS
        d[k] = (target[k] - Y_MEAN[k]) / Y_SCALE[k];
#otherwise
        d[k] = target[k];
#end
    }
    if (!net->is_due || n_targets == 0) return NAN;
#end
    net->is_due = 0;
    loss = output_error(net, d, weight, e);
    if (!is_finite(loss)) return loss;
    backpropagate(net, e, e_s, delta);
#when ADAM
    powers[0] = net->powers[0];
    powers[1] = net->powers[1];
    step = next_step(@RATE@, powers);
#otherwise
    step = @RATE@;
#end
    if (!move_all(net, e, e_s, delta, step, 1)) return INFINITY;
    move_all(net, e, e_s, delta, step, 0);
#when ADAM
    net->powers[0] = powers[0];
    net->powers[1] = powers[1];
#end
    return loss;
}
#end

/* ---- beginnings ---------------------------------------------------------------------------- */

void lstm_reset(lstm_net *net) {
#when LEARNS
    int i, k, m;
#otherwise
    int i;
#end
    for (i = 0; i < UNITS; i++) net->y[i] = 0.0;
    for (i = 0; i < CELLS; i++) net->s[i] = 0.0;
#when LEARNS
    for (m = 0; m < LSTM_SOURCES; m++) {
        for (k = 0; k < LSTM_TRACES; k++) {
            for (i = 0; i < CELLS; i++) net->trace[m][k][i] = 0.0;
        }
        net->z[m] = 0.0;
    }
    net->z[SOURCES] = 1.0;
    for (k = 0; k < OUTPUTS; k++) net->output[k] = 0.0;
    net->is_due = 0;
#end
}

void lstm_init(lstm_net *net) {
#when LEARNS
    int i;
    for (i = 0; i < LSTM_WEIGHTS; i++) {
        net->weights[i] = WEIGHTS[i];
#when ADAM
#when MOMENTS
        net->mean[i] = MEAN[i];
        net->square[i] = SQUARE[i];
#otherwise
        net->mean[i] = net->square[i] = 0.0;
#end
#end
    }
#when ADAM
    net->powers[0] = @POWER_0@;
    net->powers[1] = @POWER_1@;
#end
#end
    lstm_reset(net);
}
