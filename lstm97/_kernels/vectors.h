/* What Cython cannot express: arithmetic on vector registers.
 *
 * Results are bit-identical everywhere: every function uses only + - * /, fma, min, max and moves
 * of bits, so it depends neither on the C library nor on the number of lanes. Each lane is one unit
 * of a layer; sums run over the source units, one after the other, and never across lanes.
 *
 * Arrays that are read or written lane by lane are padded to a multiple of LANES. A build may set
 * LANES itself, up to MOST_LANES: speed changes, results do not.
 */
#ifndef LSTM97_MATH_H
#define LSTM97_MATH_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD < 0 || FLT_EVAL_METHOD == 2
#error "double arithmetic must round to doubles: on 32-bit x86, add -msse2 -mfpmath=sse to CFLAGS"
#endif

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

enum { MOST_LANES = 8 };

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

#ifdef __GNUC__
#define UNROLLED _Pragma("GCC unroll 4")
#define STRAIGHT _Pragma("GCC unroll 32") /* for loops that the compiler can count */
#define ALWAYS __attribute__((always_inline))
#define APART __attribute__((noinline))
#else
#define UNROLLED
#define STRAIGHT
#define ALWAYS
#define APART
#endif

#define EACH_LANE for (int i = 0; i < LANES; i++)

#if LANES == 8 && defined(__AVX512F__)
#include <immintrin.h>
#define FMA(a, b, c) ((lanes)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#define MIN(a, b) ((lanes)_mm512_min_pd((__m512d)(a), (__m512d)(b)))
#define MAX(a, b) ((lanes)_mm512_max_pd((__m512d)(a), (__m512d)(b)))
#define all_lanes(x) ((lanes)_mm512_set1_pd(x))
#define gather(x, i)                                                                             \
    ((lanes)_mm512_i32gather_pd(_mm256_loadu_si256((const __m256i *)(i)), (x), 8))
#define collect(p, i)                                                                            \
    ((lanes)_mm512_set_pd((p)[7][i], (p)[6][i], (p)[5][i], (p)[4][i], (p)[3][i], (p)[2][i],      \
                          (p)[1][i], (p)[0][i]))
#define permute(x, i) ((lanes)_mm512_permutexvar_pd(_mm512_loadu_si512(i), (__m512d)(x)))
#elif LANES == 4 && defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define FMA(a, b, c) ((lanes)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define MIN(a, b) ((lanes)_mm256_min_pd((__m256d)(a), (__m256d)(b)))
#define MAX(a, b) ((lanes)_mm256_max_pd((__m256d)(a), (__m256d)(b)))
#define all_lanes(x) ((lanes)_mm256_set1_pd(x))
#define collect(p, i) ((lanes)_mm256_set_pd((p)[3][i], (p)[2][i], (p)[1][i], (p)[0][i]))
#define permute(x, i)                                                                            \
    ((lanes)_mm256_permutevar8x32_ps((__m256)(x), _mm256_loadu_si256((const __m256i *)(i))))
#define PERMUTES_HALVES /* of doubles: it takes two indices for each */
#define gather(x, i) ((lanes)_mm256_set_pd((x)[(i)[3]], (x)[(i)[2]], (x)[(i)[1]], (x)[(i)[0]]))
#else
static inline lanes FMA(lanes a, lanes b, lanes c) {
    EACH_LANE LANE(c, i) = fma(LANE(a, i), LANE(b, i), LANE(c, i));
    return c;
}
/* Like the vector instructions, these return the second argument where one is NaN. */
static inline lanes MIN(lanes a, lanes b) {
    EACH_LANE LANE(b, i) = LANE(a, i) < LANE(b, i) ? LANE(a, i) : LANE(b, i);
    return b;
}
static inline lanes MAX(lanes a, lanes b) {
    EACH_LANE LANE(b, i) = LANE(a, i) > LANE(b, i) ? LANE(a, i) : LANE(b, i);
    return b;
}
static inline lanes all_lanes(double x) {
    lanes v;
    EACH_LANE LANE(v, i) = x;
    return v;
}
static inline lanes collect(const double **p, int m) {
    lanes v;
    EACH_LANE LANE(v, i) = p[i][m];
    return v;
}
static inline lanes permute(lanes x, const int *index) {
    lanes v;
    EACH_LANE LANE(v, i) = LANE(x, index[2 * i]);
    return v;
}
static inline lanes gather(const double *x, const int *index) {
    lanes v;
    EACH_LANE LANE(v, i) = x[index[i]];
    return v;
}
#endif

/* Sets the two integers by which the index of permute moves lane `from` to lane `to`. */
static inline void set_index(int *index, int to, int from) {
#ifdef PERMUTES_HALVES
    index[2 * to] = 2 * from, index[2 * to + 1] = 2 * from + 1;
#else
    index[2 * to] = from, index[2 * to + 1] = 0;
#endif
}

static inline lanes load(const double *p) {
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(double *p, lanes v) { memcpy(p, &v, sizeof v); }

/* ---- exp, log and the squashing functions -------------------------------------------------- */

/* Constants of exp, stored in memory as one vector each. A compiler that knew their values would
 * load all of them into registers before every loop, and there are not enough registers. */
#if LANES == 8
#define REPEATED(x) {x, x, x, x, x, x, x, x}
#elif LANES == 4
#define REPEATED(x) {x, x, x, x}
#elif LANES == 2
#define REPEATED(x) {x, x}
#else
#define REPEATED(x) {x}
#endif
#ifdef __GNUC__
__attribute__((used, aligned(64)))
#endif
static double exp_table[][LANES] = {
    /* exp(r) = 1 + r + r^2 (c[0] + c[1] r + ... + c[9] r^9) */
    REPEATED(0x1.0000000000001p-1), REPEATED(0x1.5555555555556p-3),
    REPEATED(0x1.5555555553d63p-5), REPEATED(0x1.11111111109b3p-7),
    REPEATED(0x1.6c16c1788bd90p-10), REPEATED(0x1.a01a01a7c41d5p-13),
    REPEATED(0x1.a019b90d2ae7ap-16), REPEATED(0x1.71de0dae63bb3p-19),
    REPEATED(0x1.289185613a3d6p-22), REPEATED(0x1.af38a9b0ec855p-26),
    REPEATED(708.0), REPEATED(-708.0),
    REPEATED(-0x1.71547652b82fep+0), /* -1 / ln(2) */
    REPEATED(0x1.8p52 + 1023.0),
    REPEATED(-0x1.62e42fefa39efp-1), /* -ln(2), in two parts */
    REPEATED(-0x1.abc9e3b39803fp-56),
    REPEATED(1.0), REPEATED(2.0),
};
enum { LARGEST = 10, SMALLEST, PER_LN2, SHIFT, LN2_HIGH, LN2_LOW, ONE, TWO };
#define C(i) load(exp_table[i])

/* The functions of AT_ONCE or fewer registers do each operation on all of them before the next:
 * then fewer operations wait for the one before. `count` must be a constant. */
enum { AT_ONCE = 4 };
#define EACH UNROLLED for (int i = 0; i < count; i++)

/* Replaces r by exp(r) - 1, for |r| <= ln(2)/2, in Estrin's order. */
static inline ALWAYS void reduced_expm1(const int count, lanes *r) {
    lanes r2[AT_ONCE], r4[AT_ONCE], low[AT_ONCE], high[AT_ONCE];
    EACH r2[i] = r[i] * r[i];
    EACH r4[i] = r2[i] * r2[i];
    EACH high[i] = FMA(r[i], C(5), C(4));
    EACH high[i] = FMA(r2[i], FMA(r[i], C(7), C(6)), high[i]);
    EACH high[i] = FMA(r4[i], FMA(r[i], C(9), C(8)), high[i]);
    EACH low[i] = FMA(r[i], C(1), C(0));
    EACH low[i] = FMA(r2[i], FMA(r[i], C(3), C(2)), low[i]);
    EACH low[i] = FMA(r4[i], high[i], low[i]);
    EACH r[i] = FMA(r2[i], low[i], r[i]);
}

/* -x = k ln(2) + r: gives 2^k, exactly, and replaces x by exp(r) - 1. |x| is cut at 708, where 2^k
 * is still a normal number; a NaN goes through. */
static inline ALWAYS void split_exp_minus(const int count, lanes *x, lanes *power) {
    lanes k[AT_ONCE];
    EACH x[i] = MIN(C(LARGEST), MAX(C(SMALLEST), x[i]));
    EACH k[i] = FMA(x[i], C(PER_LN2), C(SHIFT)); /* rounds; the low bits are k + 1023 */
    EACH {
        lane_bits bits;
        memcpy(&bits, &k[i], sizeof bits);
        bits <<= 52;
        memcpy(&power[i], &bits, sizeof bits);
    }
    EACH k[i] = k[i] - C(SHIFT);
    EACH x[i] = FMA(k[i], C(LN2_HIGH), -x[i]);
    EACH x[i] = FMA(k[i], C(LN2_LOW), x[i]);
    reduced_expm1(count, x);
}

static inline double exp_(double x) {
    lanes power, y = all_lanes(-x);
    split_exp_minus(1, &y, &power);
    y = FMA(power, y, power);
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

/* Replaces x by the logistic function, stretched from (0, 1) to (low, high); the paper's f, g and
 * h. Written with exp(-x) - 1, so that the symmetric ones keep their relative accuracy near zero. */
static inline ALWAYS void squash_at_once(const int count, lanes *x, const lanes *low,
                                         const lanes *high) {
    lanes power[AT_ONCE];
    split_exp_minus(count, x, power);
    EACH x[i] = FMA(power[i], x[i], power[i] - C(ONE));
    EACH x[i] = FMA(low[i], x[i], low[i] + high[i]) / (C(TWO) + x[i]);
}

/* The same for one register. */
static inline ALWAYS lanes squash(lanes x, lanes low, lanes high) {
    squash_at_once(1, &x, &low, &high);
    return x;
}

#undef EACH

/* ---- loops over the lanes of a layer ------------------------------------------------------- */

#define EACH_GROUP for (int l = 0; l < n_lanes; l += LANES)

/* y[l] = squash(net[l]) for `count` registers. */
static inline ALWAYS void squash_registers(const int count, const double *net, const double *low,
                                           const double *high, double *y) {
    lanes x[AT_ONCE], from[AT_ONCE], to[AT_ONCE];
    UNROLLED for (int i = 0; i < count; i++) {
        x[i] = load(net + i * LANES);
        from[i] = load(low + i * LANES);
        to[i] = load(high + i * LANES);
    }
    squash_at_once(count, x, from, to);
    UNROLLED for (int i = 0; i < count; i++) store(y + i * LANES, x[i]);
}

/* y[l] = squash(net[l]), each lane with its own range. */
static inline void squash_lanes(int n_lanes, const double *net, const double *low,
                                const double *high, double *y) {
    int l = 0;
    for (; l + AT_ONCE * LANES <= n_lanes; l += AT_ONCE * LANES) {
        squash_registers(AT_ONCE, net + l, low + l, high + l, y + l);
    }
    for (; l < n_lanes; l += LANES) squash_registers(1, net + l, low + l, high + l, y + l);
}

/* y[l] = squash(x[l]), all lanes with the range [low, high]. */
static inline void squash_range(int n_lanes, double low, double high, const double *x,
                                double *y) {
    const lanes from = all_lanes(low), to = all_lanes(high);
    lanes some[AT_ONCE], lows[AT_ONCE], highs[AT_ONCE];
    int l = 0;
    UNROLLED for (int i = 0; i < AT_ONCE; i++) lows[i] = from, highs[i] = to;
    for (; l + AT_ONCE * LANES <= n_lanes; l += AT_ONCE * LANES) {
        UNROLLED for (int i = 0; i < AT_ONCE; i++) some[i] = load(x + l + i * LANES);
        squash_at_once(AT_ONCE, some, lows, highs);
        UNROLLED for (int i = 0; i < AT_ONCE; i++) store(y + l + i * LANES, some[i]);
    }
    for (; l < n_lanes; l += LANES) store(y + l, squash(load(x + l), from, to));
}

/* y[l] += a x[l]. */
static inline void add_scaled(int n_lanes, double a, const double *x, double *y) {
    EACH_GROUP store(y + l, FMA(all_lanes(a), load(x + l), load(y + l)));
}

/* y[l] += a[l] x[l]. */
static inline void add_products(int n_lanes, const double *a, const double *x, double *y) {
    EACH_GROUP store(y + l, FMA(load(a + l), load(x + l), load(y + l)));
}

/* y[l] += a x[l], and x[l] = 0. */
static inline void move_lanes(int n_lanes, double a, double *x, double *y) {
    EACH_GROUP {
        store(y + l, FMA(all_lanes(a), load(x + l), load(y + l)));
        store(x + l, all_lanes(0.0));
    }
}

/* y[l] = x[l]; for a few lanes a call of memcpy costs more than the copy. */
static inline void copy_lanes(int n_lanes, const double *x, double *y) {
    EACH_GROUP store(y + l, load(x + l));
}

/* Wider rows are processed in the order of memory, several of them at a time. Otherwise, registers
 * hold the sums of one or two columns. The sum of a lane is the same. */
enum { WIDE = 32, ROWS = 8 };

/* net[l] += sum over m of w[m, l] z[m], over ROWS rows. */
static inline void add_rows(int n_lanes, const double *w, const double *z, double *net) {
    lanes sources[ROWS];
    for (int m = 0; m < ROWS; m++) sources[m] = all_lanes(z[m]);
    EACH_GROUP {
        lanes sum = load(net + l);
        for (int m = 0; m < ROWS; m++) {
            sum = FMA(load(w + (int64_t)m * n_lanes + l), sources[m], sum);
        }
        store(net + l, sum);
    }
}

/* net[l] = start[l] + sum over m of w[m, l] z[m]; net may be start. */
static inline void add_weighted(int n_lanes, int n_sources, const double *w, const double *z,
                                const double *start, double *net) {
    if (n_lanes > WIDE) {
        int m = 0;
        copy_lanes(n_lanes, start, net);
        for (; m + ROWS <= n_sources; m += ROWS) {
            add_rows(n_lanes, w + (int64_t)m * n_lanes, z + m, net);
        }
        for (; m < n_sources; m++) {
            add_scaled(n_lanes, z[m], w + (int64_t)m * n_lanes, net);
        }
        return;
    }
    int l = 0;
    for (; l + LANES < n_lanes; l += 2 * LANES) {
        lanes left = load(start + l), right = load(start + l + LANES);
        const double *row = w + l;
        UNROLLED for (int m = 0; m < n_sources; m++, row += n_lanes) {
            const lanes source = all_lanes(z[m]);
            left = FMA(load(row), source, left);
            right = FMA(load(row + LANES), source, right);
        }
        store(net + l, left);
        store(net + l + LANES, right);
    }
    if (l < n_lanes) {
        lanes last = load(start + l);
        const double *row = w + l;
        UNROLLED for (int m = 0; m < n_sources; m++, row += n_lanes) {
            last = FMA(load(row), all_lanes(z[m]), last);
        }
        store(net + l, last);
    }
}

/* sums[m, l] += u[l] z[m]. */
static inline void add_outer(int n_lanes, int n_sources, const double *u, const double *z,
                             double *sums) {
    if (n_lanes > WIDE) {
        for (int m = 0; m < n_sources; m++) {
            add_scaled(n_lanes, z[m], u, sums + (int64_t)m * n_lanes);
        }
        return;
    }
    int l = 0;
    for (; l + LANES < n_lanes; l += 2 * LANES) {
        const lanes left = load(u + l), right = load(u + l + LANES);
        double *row = sums + l;
        UNROLLED for (int m = 0; m < n_sources; m++, row += n_lanes) {
            const lanes source = all_lanes(z[m]);
            store(row, FMA(left, source, load(row)));
            store(row + LANES, FMA(right, source, load(row + LANES)));
        }
    }
    if (l < n_lanes) {
        const lanes last = load(u + l);
        double *row = sums + l;
        UNROLLED for (int m = 0; m < n_sources; m++, row += n_lanes) {
            store(row, FMA(last, all_lanes(z[m]), load(row)));
        }
    }
}

/* y[l] = 0. */
static inline void clear_lanes(int n_lanes, double *y) {
    EACH_GROUP store(y + l, all_lanes(0.0));
}

#endif
