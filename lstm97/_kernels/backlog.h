/* Outer products of many steps, put off and then added together.
 *
 * To add u[l] z[m] to many sums at every step moves each sum from memory and back, which takes
 * longer than the arithmetic. So a backlog keeps the factors of up to STEPS steps. Then a tile of
 * sums at a time stays in registers while these steps pass. Each sum goes through the same
 * operations in the same order as step by step.
 */
#ifndef LSTM97_BACKLOG_H
#define LSTM97_BACKLOG_H

#include "vectors.h"

/* STEPS is no power of two: the factors of a step lie in different sets of the cache.
 * A tile has as many sums as hide the latency of the arithmetic, and fit into 16 registers. */
enum { STEPS = 63, TILE_ROWS = 6, TILE_REGISTERS = 2 };

/* Factors of rows and lanes, step after step. The last tile may go on behind the last row, so there
 * are TILE_ROWS - 1 rows more, here of zeros, and in the sums. */
typedef struct {
    int n_steps;
    double *z;    /* (n_rows, STEPS) */
    double *u;    /* (n_lanes / LANES, STEPS, LANES) */
    double *kept; /* as u: what each step multiplies the sums by, before it adds a product */
} Backlog;

/* Keeps the factors of the next step for some rows, from row `first` on. */
static inline void defer_rows(const Backlog *later, int first, int n_rows, const double *z) {
    double *row = later->z + (int64_t)first * STEPS + later->n_steps;
    for (int m = 0; m < n_rows; m++, row += STEPS) *row = z[m];
}

/* Keeps the factors of the next step for all lanes. */
static inline void defer_lanes(const Backlog *later, int n_lanes, const double *u) {
    double *first = later->u + later->n_steps * LANES;
    EACH_GROUP store(first + (int64_t)l * STEPS, load(u + l));
}

/* Adds the products of all steps to a tile of sums. */
static inline ALWAYS void add_tile(const int n_registers, int n_steps, const double *z,
                                   const double *u, const double *kept, int64_t stride,
                                   double *sums) {
    lanes tile[TILE_ROWS][TILE_REGISTERS];
    for (int m = 0; m < TILE_ROWS; m++) {
        for (int i = 0; i < n_registers; i++) tile[m][i] = load(sums + m * stride + i * LANES);
    }
    int t = 0;
    do { /* at least one step: a loop that may be skipped takes more registers */
        lanes push[TILE_REGISTERS];
        for (int i = 0; i < n_registers; i++) push[i] = load(u + (i * STEPS + t) * LANES);
        for (int i = 0; kept && i < n_registers; i++) {
            const lanes rest = load(kept + (i * STEPS + t) * LANES);
            for (int m = 0; m < TILE_ROWS; m++) tile[m][i] = rest * tile[m][i];
        }
        for (int m = 0; m < TILE_ROWS; m++) {
            const lanes source = all_lanes(z[m * STEPS + t]);
            for (int i = 0; i < n_registers; i++) tile[m][i] = FMA(push[i], source, tile[m][i]);
        }
    } while (++t < n_steps);
    for (int m = 0; m < TILE_ROWS; m++) {
        for (int i = 0; i < n_registers; i++) store(sums + m * stride + i * LANES, tile[m][i]);
    }
}

/* The same for all tiles, in the order of memory. */
static inline ALWAYS void add_tiles(int n_rows, int n_lanes, int n_steps, const double *z,
                                    const double *u, const double *kept, int64_t stride,
                                    double *sums) {
    for (int m = 0; m < n_rows; m += TILE_ROWS, z += TILE_ROWS * STEPS) {
        double *row = sums + m * stride;
        int l = 0;
        for (; l + LANES < n_lanes; l += TILE_REGISTERS * LANES) {
            const int64_t at = (int64_t)l * STEPS;
            add_tile(TILE_REGISTERS, n_steps, z, u + at, kept ? kept + at : 0, stride, row + l);
        }
        if (l < n_lanes) {
            const int64_t at = (int64_t)l * STEPS;
            add_tile(1, n_steps, z, u + at, kept ? kept + at : 0, stride, row + l);
        }
    }
}

/* Does sums[m, l] = u[l] z[m] + kept[l] sums[m, l] for each step in turn, for n_rows rows m from
 * `first` on. There must be at least one step. Both u and kept begin with the first of the lanes.
 * Without kept, the sums are not multiplied. */
static inline void add_deferred(const Backlog *later, int first, int n_rows, int n_lanes,
                                const double *u, const double *kept, int64_t stride,
                                double *sums) {
    const double *z = later->z + (int64_t)first * STEPS;
    sums += first * stride;
    if (kept) {
        add_tiles(n_rows, n_lanes, later->n_steps, z, u, kept, stride, sums);
    } else {
        add_tiles(n_rows, n_lanes, later->n_steps, z, u, 0, stride, sums);
    }
}

#endif
