/* The limit: one net, one topology, written by hand.
 *
 * Experiment 4 (adding): 2 inputs, 2 blocks of 2 cells, everything fed back, all biases, one linear
 * output, one target at a sequence's last step. 93 weights, doubles, truncated gradient, update after
 * each sequence. All sizes are constants and the state stays in registers: what any general kernel
 * for this net can hope for on vectors of four doubles. Compiled for the machine and with
 * contracted multiply-adds; nothing is checked.
 */
#include <stdint.h>
#include <string.h>

typedef double v4 __attribute__((vector_size(32)));
typedef int64_t i4 __attribute__((vector_size(32)));

enum { INPUTS = 2, UNITS = 8, SOURCES = INPUTS + UNITS + 1, BIAS = SOURCES - 1 };

static inline v4 all(double x) { return (v4){x, x, x, x}; }

/* exp(x) - 1 without its power of two: 2^k and the rest, degree 11, in Estrin's order. */
static inline v4 logistic_part(v4 x, v4 *power) {
    const v4 shift = all(0x1.8p52 + 1023.0);
    const v4 shifted = x * all(-0x1.71547652b82fep+0) + shift;
    const v4 k = shifted - shift;
    i4 bits = (i4)shifted << 52;
    *power = (v4)bits;
    v4 r = k * all(-0x1.62e42fefa39efp-1) - x;
    const v4 r2 = r * r, r4 = r2 * r2;
    const v4 q01 = r * all(0x1.5555555555556p-3) + all(0x1.0000000000001p-1);
    const v4 q23 = r * all(0x1.11111111109b3p-7) + all(0x1.5555555553d63p-5);
    const v4 q45 = r * all(0x1.a01a01a7c41d5p-13) + all(0x1.6c16c1788bd90p-10);
    const v4 q67 = r * all(0x1.71de0dae63bb3p-19) + all(0x1.a019b90d2ae7ap-16);
    const v4 q89 = r * all(0x1.af38a9b0ec855p-26) + all(0x1.289185613a3d6p-22);
    const v4 high = (q89 * r4) + (q67 * r2 + q45);
    return (high * r4 + (q23 * r2 + q01)) * r2 + r;
}

/* low + (high - low) / (1 + exp(-x)) */
static inline v4 squash(v4 x, v4 low, v4 sum) {
    v4 power;
    const v4 m = logistic_part(x, &power);
    const v4 e = power * m + (power - all(1.0));
    return (low * e + sum) / (all(2.0) + e);
}

/* Train on n sequences of the lengths given, one after the other; w: 11 rows of 8, then 5. */
double train(double *weights, int64_t n, const double *x, const int64_t *lengths,
             const double *targets, double rate) {
    const v4 one = all(1.0), two = all(2.0), zero = all(0.0);
    v4 wg[SOURCES], wc[SOURCES], wo, loss = zero;
    double wo_bias, total = 0.0;
    for (int m = 0; m < SOURCES; m++) {
        memcpy(&wg[m], weights + 8 * m, 32);
        memcpy(&wc[m], weights + 8 * m + 4, 32);
    }
    memcpy(&wo, weights + 88, 32);
    wo_bias = weights[92];
    for (int64_t i = 0; i < n; i++) {
        v4 z[SOURCES], trace_c[SOURCES], trace_i[SOURCES];
        v4 s = zero, yg = zero, yc = zero, h = zero, out = zero, gates = zero;
        for (int m = 0; m < SOURCES; m++) trace_c[m] = trace_i[m] = z[m] = zero;
        for (int64_t t = 0; t < lengths[i]; t++, x += 2) {
            z[0] = all(x[0]), z[1] = all(x[1]), z[BIAS] = one;
            for (int k = 0; k < 4; k++) z[2 + k] = all(yg[k]), z[6 + k] = all(yc[k]);
            v4 net_g = wg[BIAS], net_c = wc[BIAS];
            for (int m = 0; m < BIAS; m++) {
                net_g += wg[m] * z[m];
                net_c += wc[m] * z[m];
            }
            gates = squash(net_g, zero, one);
            const v4 g = squash(net_c, all(-2.0), zero);
            const v4 in = __builtin_shufflevector(gates, gates, 0, 0, 1, 1);
            out = __builtin_shufflevector(gates, gates, 2, 2, 3, 3);
            s += in * g;
            h = squash(s, -one, zero);
            const v4 u_c = in * 0.25 * (two - g) * (g + two);
            const v4 u_i = g * in * (one - in);
            for (int m = 0; m < SOURCES; m++) {
                trace_c[m] += u_c * z[m];
                trace_i[m] += u_i * z[m];
            }
            yg = gates, yc = out * h;
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
            const v4 p = e_s * trace_i[m];
            const v4 dg = {p[0] + p[1], p[2] + p[3], d2 * z[m][0], d3 * z[m][0]};
            wc[m] += rate * (e_s * trace_c[m]);
            wg[m] += rate * dg;
        }
        wo += rate * e * yc;
        wo_bias += rate * e;
    }
    for (int m = 0; m < SOURCES; m++) {
        memcpy(weights + 8 * m, &wg[m], 32);
        memcpy(weights + 8 * m + 4, &wc[m], 32);
    }
    memcpy(weights + 88, &wo, 32);
    weights[92] = wo_bias;
    return total;
}
