/* Adam, which scales the step of each weight by the size of its recent gradients.
 *
 * D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, in the order of
 * computation that the end of their Section 2 recommends. This file is plain C99, one weight at a
 * time, and compilers make vectors of its loops. It uses only + - * / and sqrt, which are rounded
 * exactly, so results do not depend on the width of the vectors.
 */
#ifndef LSTM97_ADAM_H
#define LSTM97_ADAM_H

#include <math.h>
#include <stdint.h>

/* The usual constants: beta_1, beta_2 and epsilon of the paper. */
#define DECAY_MEAN 0.9
#define DECAY_SQUARE 0.999
#define EPSILON 1e-8

/* Without new gradients, moments would decay to subnormal numbers, which are slow to compute with.
 * This rounds to a multiple of 2^-1013, and leaves numbers that matter as they are. */
static inline double settled(double x) { return (x + 0x1p-960) - 0x1p-960; }

/* What an update of all weights has in common. */
typedef struct {
    double rate, epsilon;
} AdamStep;

/* Returns the numbers of the next update, with the correction for moments that began at zero.
 * powers: beta_1^n and beta_2^n after n updates; they become those after the next one. */
static inline AdamStep next_step(double learning_rate, double *powers) {
    AdamStep step;
    powers[0] = settled(DECAY_MEAN * powers[0]);
    powers[1] = settled(DECAY_SQUARE * powers[1]);
    step.epsilon = sqrt(1.0 - powers[1]);
    step.rate = learning_rate * step.epsilon / (1.0 - powers[0]);
    step.epsilon *= EPSILON;
    return step;
}

/* Moves one weight; the gradient points downhill. */
static inline void move_one(AdamStep step, double gradient, double *mean, double *square,
                            double *w) {
    *mean = settled(DECAY_MEAN * *mean + (1.0 - DECAY_MEAN) * gradient);
    *square = settled(DECAY_SQUARE * *square + (1.0 - DECAY_SQUARE) * (gradient * gradient));
    *w += step.rate * *mean / (sqrt(*square) + step.epsilon);
}

/* Moves n weights, and sets their gradient to zero. */
static inline void move_by_adam(int64_t n, AdamStep step, double *gradient, double *mean,
                                double *square, double *w) {
    for (int64_t i = 0; i < n; i++) {
        move_one(step, gradient[i], mean + i, square + i, w + i);
        gradient[i] = 0.0;
    }
}

/* Tells whether `move_by_adam` would leave all weights and moments finite; it moves none. */
static inline int stays_finite(int64_t n, AdamStep step, const double *gradient,
                               const double *mean, const double *square, const double *w) {
    int64_t n_bad = 0;
    for (int64_t i = 0; i < n; i++) {
        double m = mean[i], s = square[i], moved = w[i];
        move_one(step, gradient[i], &m, &s, &moved);
        n_bad += !(m - m == 0.0 && s - s == 0.0 && moved - moved == 0.0);
    }
    return n_bad == 0;
}

#endif
