/* The hidden layer of a batch, row by row, in single and double precision.
 *
 * Plain loops that a compiler vectorises. A build for any processor gives right results but, unlike
 * vectors.h, not the same bits everywhere: exp has an error of about 1e-7 and 1e-15 of the range.
 */
#ifndef LSTM97_BATCH_H
#define LSTM97_BATCH_H

#include "net.h"

#if defined(__FMA__) || defined(__aarch64__)
#define MULADDF(a, b, c) fmaf(a, b, c)
#define MULADD(a, b, c) fma(a, b, c)
#else /* a call of the C library's exact fma would take longer than everything else */
#define MULADDF(a, b, c) ((a) * (b) + (c))
#define MULADD(a, b, c) ((a) * (b) + (c))
#endif

/* exp(x) = 2^k exp(r), |r| <= ln(2)/2. x is limited to where 2^k is a normal number; a NaN stays a
 * NaN. Adding the shift rounds x / ln(2) to k, and leaves k, with the exponent's bias, in the low
 * bits. */

static inline float float_exp(float x) {
    const float shift = 0x1.8p23f + 127.0f;
    x = x < -87.0f ? -87.0f : x;
    x = x > 87.0f ? 87.0f : x;
    const float shifted = MULADDF(x, 0x1.715476p+0f, shift);
    const float k = shifted - shift;
    float r = MULADDF(k, -0.693359375f, x);
    r = MULADDF(k, 2.12194440e-4f, r);
    float q = 1.9875691500e-4f;
    q = MULADDF(q, r, 1.3981999507e-3f);
    q = MULADDF(q, r, 8.3334519073e-3f);
    q = MULADDF(q, r, 4.1665795894e-2f);
    q = MULADDF(q, r, 1.6666665459e-1f);
    q = MULADDF(q, r, 5.0000001201e-1f);
    const float y = MULADDF(q, r * r, r) + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits <<= 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power * y;
}

static inline double double_exp(double x) {
    const double shift = 0x1.8p52 + 1023.0;
    x = x < -708.0 ? -708.0 : x;
    x = x > 708.0 ? 708.0 : x;
    const double shifted = MULADD(x, 0x1.71547652b82fep+0, shift);
    const double k = shifted - shift;
    double r = MULADD(k, -0x1.62e42fee00000p-1, x);
    r = MULADD(k, -0x1.a39ef35793c76p-33, r);
    double q = 0x1.af38a9b0ec855p-26;
    q = MULADD(q, r, 0x1.289185613a3d6p-22);
    q = MULADD(q, r, 0x1.71de0dae63bb3p-19);
    q = MULADD(q, r, 0x1.a019b90d2ae7ap-16);
    q = MULADD(q, r, 0x1.a01a01a7c41d5p-13);
    q = MULADD(q, r, 0x1.6c16c1788bd90p-10);
    q = MULADD(q, r, 0x1.11111111109b3p-7);
    q = MULADD(q, r, 0x1.5555555553d63p-5);
    q = MULADD(q, r, 0x1.5555555555556p-3);
    q = MULADD(q, r, 0x1.0000000000001p-1);
    const double y = MULADD(q, r * r, r) + 1.0;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits <<= 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power * y;
}

/* The logistic function, stretched from (0, 1) to (low, high). */

static inline float squash_float(float x, float low, float high) {
    const float e = float_exp(-x);
    return (high + low * e) / (1.0f + e);
}

static inline double squash_double(double x, double low, double high) {
    const double e = double_exp(-x);
    return (high + low * e) / (1.0 + e);
}

#define real float
#define CELL(name) name##_float
#define UNIT 1.0f
#define HALF 0.5f
#define FUSED(a, b, c) MULADDF(a, b, c)
#define SQUASH(x, low, high) squash_float(x, low, high)
#include "cell.h"

#define real double
#define CELL(name) name##_double
#define UNIT 1.0
#define HALF 0.5
#define FUSED(a, b, c) MULADD(a, b, c)
#define SQUASH(x, low, high) squash_double(x, low, high)
#include "cell.h"

#define real float
#define ROW(name) name##_float
#include "row.h"

#define real double
#define ROW(name) name##_double
#include "row.h"

#endif
