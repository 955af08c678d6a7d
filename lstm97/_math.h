/* What Cython cannot express: arithmetic on vector registers.
 *
 * Same bits everywhere. Every function uses only + - * /, fma, min, max and moves of bits, so a
 * result depends neither on the C library nor on the number of lanes. Each lane is one unit of a
 * layer; sums run over the source units, one after the other, and never across lanes.
 *
 * Arrays that are read or written lane by lane are padded to a multiple of LANES. A build may set
 * LANES itself: speed changes, results do not.
 */
#ifndef LSTM97_MATH_H
#define LSTM97_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifndef LANES
#if !defined(__GNUC__) /* no vector types: one double at a time */
#define LANES 1
#elif defined(__AVX512F__)
#define LANES 8
#elif defined(__AVX2__)
#define LANES 4
#else
#define LANES 2
#endif
#endif

/* ---- the vector type and what differs between processors ---------------------------------- */

#if defined(__GNUC__) && LANES > 1
typedef double lanes __attribute__((vector_size(8 * LANES)));
typedef uint64_t lane_bits __attribute__((vector_size(8 * LANES)));
#define LANE(x, i) ((x)[i])
#else
#undef LANES
#define LANES 1
typedef double lanes;
typedef uint64_t lane_bits;
#define LANE(x, i) (x)
#endif

#define EACH_LANE for (int i = 0; i < LANES; i++)

#if LANES == 8 && defined(__AVX512F__)
#include <immintrin.h>
#define FMA(a, b, c) ((lanes)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#define MIN(a, b) ((lanes)_mm512_min_pd((__m512d)(a), (__m512d)(b)))
#define MAX(a, b) ((lanes)_mm512_max_pd((__m512d)(a), (__m512d)(b)))
#elif LANES == 4 && defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define FMA(a, b, c) ((lanes)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define MIN(a, b) ((lanes)_mm256_min_pd((__m256d)(a), (__m256d)(b)))
#define MAX(a, b) ((lanes)_mm256_max_pd((__m256d)(a), (__m256d)(b)))
#else
static inline lanes FMA(lanes a, lanes b, lanes c) {
    EACH_LANE LANE(c, i) = fma(LANE(a, i), LANE(b, i), LANE(c, i));
    return c;
}
/* As the instructions do: the second argument where one is NaN. */
static inline lanes MIN(lanes a, lanes b) {
    EACH_LANE LANE(b, i) = LANE(a, i) < LANE(b, i) ? LANE(a, i) : LANE(b, i);
    return b;
}
static inline lanes MAX(lanes a, lanes b) {
    EACH_LANE LANE(b, i) = LANE(a, i) > LANE(b, i) ? LANE(a, i) : LANE(b, i);
    return b;
}
#endif

static inline lanes all_lanes(double x) {
    lanes v;
    EACH_LANE LANE(v, i) = x;
    return v;
}

static inline lanes load(const double *p) {
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(double *p, lanes v) { memcpy(p, &v, sizeof v); }

#define FMA_C(a, x, c) FMA(a, x, all_lanes(c))

/* ---- exp, log and the squashing functions -------------------------------------------------- */

/* exp(r) - 1 for |r| <= ln(2)/2, in Estrin's order: r + r^2 q(r), q of degree 9. */
static inline lanes reduced_expm1(lanes r) {
    const lanes r2 = r * r;
    const lanes r4 = r2 * r2;
    const lanes q01 = FMA_C(r, all_lanes(0x1.5555555555556p-3), 0x1.0000000000001p-1);
    const lanes q23 = FMA_C(r, all_lanes(0x1.11111111109b3p-7), 0x1.5555555553d63p-5);
    const lanes q45 = FMA_C(r, all_lanes(0x1.a01a01a7c41d5p-13), 0x1.6c16c1788bd90p-10);
    const lanes q67 = FMA_C(r, all_lanes(0x1.71de0dae63bb3p-19), 0x1.a019b90d2ae7ap-16);
    const lanes q89 = FMA_C(r, all_lanes(0x1.af38a9b0ec855p-26), 0x1.289185613a3d6p-22);
    const lanes high = FMA(r4, q89, FMA(r2, q67, q45));
    return FMA(r2, FMA(r4, high, FMA(r2, q23, q01)), r);
}

/* x = k ln(2) + r: gives 2^k, exactly, and exp(r) - 1. |x| is cut at 708, where 2^k is still a
 * normal number; a NaN goes through. */
static inline lanes split_exp(lanes x, lanes *power) {
    const double shift = 0x1.8p52 + 1023.0; /* adding it rounds; the low bits are k + 1023 */
    x = MIN(all_lanes(708.0), MAX(all_lanes(-708.0), x));
    const lanes shifted = FMA_C(x, all_lanes(0x1.71547652b82fep+0), shift);
    const lanes k = shifted - shift;
    lane_bits bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits <<= 52;
    memcpy(power, &bits, sizeof bits);
    x = FMA(k, all_lanes(-0x1.62e42fefa39efp-1), x);
    return reduced_expm1(FMA(k, all_lanes(-0x1.abc9e3b39803fp-56), x));
}

static inline double exp_(double x) {
    lanes power;
    const lanes m = split_exp(all_lanes(x), &power);
    const lanes y = FMA(power, m, power);
    return LANE(y, 0);
}

/* Natural logarithm of a positive normal number: x = 2^k (1 + f), then the series of atanh. */
static inline double log_(double x) {
    const uint64_t root = 0x3fe6a09e667f3bcd; /* sqrt(1/2): 1 + f lies in [sqrt(1/2), sqrt(2)) */
    uint64_t bits;
    memcpy(&bits, &x, 8);
    bits -= root;
    const double k = (double)((int64_t)bits >> 52);
    bits = (bits & 0xfffffffffffff) + root;
    double f;
    memcpy(&f, &bits, 8);
    f -= 1.0;
    const double s = f / (2.0 + f);
    const double z = s * s;
    double r = 0x1.0c039c49989c6p-3;
    r = fma(r, z, 0x1.0fbe95d716020p-3);
    r = fma(r, z, 0x1.3b1c355a8f7a2p-3);
    r = fma(r, z, 0x1.745cf9048dd95p-3);
    r = fma(r, z, 0x1.c71c720159177p-3);
    r = fma(r, z, 0x1.2492492476cccp-2);
    r = fma(r, z, 0x1.9999999999a38p-2);
    r = fma(r, z, 0x1.5555555555555p-1);
    const double half = 0.5 * f * f;
    const double tail = fma(k, 0x1.abc9e3b39803fp-56, s * fma(r, z, half));
    return fma(k, 0x1.62e42fefa39efp-1, f - (half - tail));
}

/* Logistic function stretched from (0, 1) to (low, high); the paper's f, g and h. Written with
 * exp(-x) - 1, so that the symmetric ones keep their relative accuracy near zero. */
static inline lanes squash(lanes x, lanes low, lanes high) {
    lanes power;
    const lanes m = split_exp(-x, &power);
    const lanes e = FMA(power, m, power - 1.0);
    return FMA(low, e, low + high) / (2.0 + e);
}

/* ---- loops over the lanes of a layer ------------------------------------------------------- */

#define EACH_GROUP for (int l = 0; l < n_lanes; l += LANES)

/* y[l] = squash(net[l]), each lane with its own range. */
static inline void squash_lanes(int n_lanes, const double *net, const double *low,
                                const double *high, double *y) {
    EACH_GROUP store(y + l, squash(load(net + l), load(low + l), load(high + l)));
}

/* y[l] += a x[l]. */
static inline void add_scaled(int n_lanes, double a, const double *x, double *y) {
    EACH_GROUP store(y + l, FMA(all_lanes(a), load(x + l), load(y + l)));
}

/* y[l] = x[l]; for a few lanes a call of memcpy costs more than the copy. */
static inline void copy_lanes(int n_lanes, const double *x, double *y) {
    EACH_GROUP store(y + l, load(x + l));
}

/* Element index[i] in lane i. */
static inline lanes gather(const double *x, const int *index) {
    lanes v;
    EACH_LANE LANE(v, i) = x[index[i]];
    return v;
}

/* One step of the memory cells, a lane each: g(net) in [low, high] goes into the state s through
 * the input gate, h(s) to the activation y through the output gate. u and u_gate, where they are
 * not NULL, are what ds/dnet of the cell and of its input gate grow by; slope is 1 / (high - low). */
static inline void step_cells(int n_lanes, const double *net, const double *low,
                              const double *high, double slope, int linear, const double *a,
                              const int *input_gate, const int *output_gate, double *s, double *h,
                              double *y, double *u, double *u_gate) {
    EACH_GROUP {
        const lanes from = load(low + l), to = load(high + l);
        const lanes g = squash(load(net + l), from, to);
        const lanes in = gather(a, input_gate + l);
        const lanes state = FMA(in, g, load(s + l));
        const lanes squashed = linear ? state : squash(state, all_lanes(-1.0), all_lanes(1.0));
        store(s + l, state);
        store(h + l, squashed);
        store(y + l, gather(a, output_gate + l) * squashed);
        if (u != NULL) store(u + l, in * slope * (to - g) * (g - from));
        if (u_gate != NULL) store(u_gate + l, g * in * (1.0 - in));
    }
}

/* Rows of more lanes are gone through row by row, in the order of memory; of less, a register holds
 * a column. The sums of a lane are the same. */
#define WIDE 64

/* net[l] = start[l] + sum over m of w[m, l] z[m]; net may be start. */
static inline void add_weighted(int n_lanes, int n_sources, const double *w, const double *z,
                                const double *start, double *net) {
    if (n_lanes > WIDE) {
        copy_lanes(n_lanes, start, net);
        for (int m = 0; m < n_sources; m++) {
            add_scaled(n_lanes, z[m], w + (int64_t)m * n_lanes, net);
        }
        return;
    }
    EACH_GROUP {
        lanes sum = load(start + l);
        const double *row = w + l;
        for (int m = 0; m < n_sources; m++, row += n_lanes) {
            sum = FMA(load(row), all_lanes(z[m]), sum);
        }
        store(net + l, sum);
    }
}

/* d[m, l] += u[l] z[m]. */
static inline void add_outer(int n_lanes, int n_sources, const double *u, const double *z,
                             double *d) {
    if (n_lanes > WIDE) {
        for (int m = 0; m < n_sources; m++) {
            add_scaled(n_lanes, z[m], u, d + (int64_t)m * n_lanes);
        }
        return;
    }
    EACH_GROUP {
        const lanes part = load(u + l);
        double *row = d + l;
        for (int m = 0; m < n_sources; m++, row += n_lanes) {
            store(row, FMA(part, all_lanes(z[m]), load(row)));
        }
    }
}

/* y[l] = 0. */
static inline void clear_lanes(int n_lanes, double *y) {
    EACH_GROUP store(y + l, all_lanes(0.0));
}

#endif
