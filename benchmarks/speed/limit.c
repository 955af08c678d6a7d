/* The limit: one net, one topology, written by hand.
 *
 * Experiment 4 (adding): 2 inputs, 2 blocks of 2 cells, everything fed back, all biases, one linear
 * output, one target at a sequence's last step. 93 weights, doubles, truncated gradient, update after
 * each sequence. All sizes are constants and the state stays in registers: what any general kernel
 * for this net can hope for. Compiled for the machine and with contracted multiply-adds; nothing is
 * checked.
 *
 * LANES is 4 or 8. The net has four gates and four cells: each in a register of four doubles, or both
 * in one of eight.
 */
#include <stdint.h>
#include <string.h>

typedef double vec __attribute__((vector_size(8 * LANES)));
typedef int64_t bits_of_vec __attribute__((vector_size(8 * LANES)));
typedef double v4 __attribute__((vector_size(32)));

enum { INPUTS = 2, UNITS = 8, SOURCES = INPUTS + UNITS + 1, BIAS = SOURCES - 1 };

/* Gates, then cells. */
typedef struct {
    vec part[8 / LANES];
} Layer;
#define EACH_PART for (int p = 0; p < 8 / LANES; p++)

static inline vec all(double x) { return x - (vec){0}; }
static inline v4 all4(double x) { return (v4){x, x, x, x}; }

#if LANES == 8
static inline v4 gates_of(Layer a) {
    return __builtin_shufflevector(a.part[0], a.part[0], 0, 1, 2, 3);
}
static inline v4 cells_of(Layer a) {
    return __builtin_shufflevector(a.part[0], a.part[0], 4, 5, 6, 7);
}
static inline Layer layer(v4 gates, v4 cells) {
    return (Layer){{__builtin_shufflevector(gates, cells, 0, 1, 2, 3, 4, 5, 6, 7)}};
}
#else
static inline v4 gates_of(Layer a) { return a.part[0]; }
static inline v4 cells_of(Layer a) { return a.part[1]; }
static inline Layer layer(v4 gates, v4 cells) { return (Layer){{gates, cells}}; }
#endif

static inline Layer load(const double *x) {
    Layer a;
    memcpy(&a, x, sizeof a);
    return a;
}

/* exp(x) - 1 without its power of two: 2^k and the rest, degree 11, in Estrin's order. */
static inline vec logistic_part(vec x, vec *power) {
    const vec shift = all(0x1.8p52 + 1023.0);
    const vec shifted = x * all(-0x1.71547652b82fep+0) + shift;
    const vec k = shifted - shift;
    bits_of_vec bits = (bits_of_vec)shifted << 52;
    *power = (vec)bits;
    vec r = k * all(-0x1.62e42fefa39efp-1) - x;
    const vec r2 = r * r, r4 = r2 * r2;
    const vec q01 = r * all(0x1.5555555555556p-3) + all(0x1.0000000000001p-1);
    const vec q23 = r * all(0x1.11111111109b3p-7) + all(0x1.5555555553d63p-5);
    const vec q45 = r * all(0x1.a01a01a7c41d5p-13) + all(0x1.6c16c1788bd90p-10);
    const vec q67 = r * all(0x1.71de0dae63bb3p-19) + all(0x1.a019b90d2ae7ap-16);
    const vec q89 = r * all(0x1.af38a9b0ec855p-26) + all(0x1.289185613a3d6p-22);
    const vec high = (q89 * r4) + (q67 * r2 + q45);
    return (high * r4 + (q23 * r2 + q01)) * r2 + r;
}

/* low + (high - low) / (1 + exp(-x)) */
static inline vec squash(vec x, vec low, vec sum) {
    vec power;
    const vec m = logistic_part(x, &power);
    const vec e = power * m + (power - all(1.0));
    return (low * e + sum) / (all(2.0) + e);
}

/* h of four states. */
static inline v4 squashed(v4 s) {
    Layer a = layer(s, s);
    a.part[0] = squash(a.part[0], all(-1.0), all(0.0));
    return gates_of(a);
}

/* Train on n sequences of the lengths given, one after the other; w: 11 rows of 8, then 5. */
double train(double *weights, int64_t n, const double *x, const int64_t *lengths,
             const double *targets, double rate) {
    const v4 one = all4(1.0), two = all4(2.0), zero = all4(0.0);
    const Layer low = layer(zero, all4(-2.0)), sum = layer(one, zero), none = layer(zero, zero);
    Layer w[SOURCES];
    v4 wo;
    double wo_bias, total = 0.0;
    for (int m = 0; m < SOURCES; m++) w[m] = load(weights + 8 * m);
    memcpy(&wo, weights + 88, 32);
    wo_bias = weights[92];
    for (int64_t i = 0; i < n; i++) {
        vec z[SOURCES];
        Layer trace[SOURCES]; /* of input gates' weights, then of cells' */
        v4 s = zero, gates = zero, yc = zero, h = zero, out = zero;
        for (int m = 0; m < SOURCES; m++) trace[m] = none, z[m] = all(0.0);
        for (int64_t t = 0; t < lengths[i]; t++, x += 2) {
            z[0] = all(x[0]), z[1] = all(x[1]), z[BIAS] = all(1.0);
            for (int k = 0; k < 4; k++) z[2 + k] = all(gates[k]), z[6 + k] = all(yc[k]);
            Layer a = w[BIAS];
            for (int m = 0; m < BIAS; m++) {
                EACH_PART a.part[p] += w[m].part[p] * z[m];
            }
            EACH_PART a.part[p] = squash(a.part[p], low.part[p], sum.part[p]);
            gates = gates_of(a);
            const v4 g = cells_of(a);
            const v4 in = __builtin_shufflevector(gates, gates, 0, 0, 1, 1);
            out = __builtin_shufflevector(gates, gates, 2, 2, 3, 3);
            s += in * g;
            h = squashed(s);
            const Layer u = layer(g * in * (one - in), in * 0.25 * (two - g) * (g + two));
            for (int m = 0; m < SOURCES; m++) {
                EACH_PART trace[m].part[p] += u.part[p] * z[m];
            }
            yc = out * h;
        }
        const double y = wo_bias + (wo[0] * yc[0] + wo[1] * yc[1]) + (wo[2] * yc[2] + wo[3] * yc[3]);
        const double e = targets[i] - y;
        total += 0.5 * e * e;
        const v4 error = wo * e;
        const v4 e_s = out * 0.5 * (one - h) * (one + h) * error;
        const v4 he = h * error;
        const double d2 = gates[2] * (1.0 - gates[2]) * (he[0] + he[1]);
        const double d3 = gates[3] * (1.0 - gates[3]) * (he[2] + he[3]);
        for (int m = 0; m < SOURCES; m++) {
            const v4 p = e_s * gates_of(trace[m]);
            const v4 dg = {p[0] + p[1], p[2] + p[3], d2 * z[m][0], d3 * z[m][0]};
            const Layer d = layer(dg, e_s * cells_of(trace[m]));
            EACH_PART w[m].part[p] += rate * d.part[p];
        }
        wo += rate * e * yc;
        wo_bias += rate * e;
    }
    for (int m = 0; m < SOURCES; m++) memcpy(weights + 8 * m, &w[m], 64);
    memcpy(weights + 88, &wo, 32);
    weights[92] = wo_bias;
    return total;
}
