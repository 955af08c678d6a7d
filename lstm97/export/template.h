/* @ABOUT@
 *
 * Made by lstm97.export.to_c.
 *
 * @LABELS@
 *
 * Compile the C file as C99, without -ffast-math and -ffp-contract=fast. Results are then the same
 * bits with every compiler, on every processor whose arithmetic is IEEE 754.
 */
#ifndef LSTM_H
#define LSTM_H

@SIZES@

#ifdef __cplusplus
extern "C" {
#endif

/* A net at one step of a sequence. Assignment copies it. */
typedef struct {
    double y[LSTM_UNITS]; /* activations: gates by kind, cells, conventional units */
    double s[LSTM_CELLS]; /* states of the cells */
#when LEARNS
    double h[LSTM_CELLS]; /* squashed states */
    double z[LSTM_SOURCES]; /* what the units read: x(t), y(t-1), 1 */
    double trace[LSTM_SOURCES][LSTM_TRACES][LSTM_CELLS]; /* ds/dw by source, kind, cell */
    double output[LSTM_OUTPUTS];
#when LOG_LOSS
    double output_net[LSTM_OUTPUTS]; /* net inputs of the outputs */
#end
#when LOG_LOSS SOFTMAX
    double log_total; /* logarithm of the sum of their exponentials */
#end
    double weights[LSTM_WEIGHTS]; /* in the order of the estimator's weights_ */
#when ADAM
    double mean[LSTM_WEIGHTS]; /* decaying means of the gradients ... */
    double square[LSTM_WEIGHTS]; /* ... and of their squares */
    double powers[2]; /* powers of the decays */
#end
    int is_due; /* whether the last step has not been learned yet */
#end
} lstm_net;

/* Sets a net to the weights that were exported, before the first step of a sequence. */
void lstm_init(lstm_net *net);

/* Begins another sequence@KEPT@. */
void lstm_reset(lstm_net *net);

/* Takes a step, and predicts. x: (INPUTS,) finite numbers; y: (OUTPUTS,). */
void lstm_step(lstm_net *net, const double *x, double *y);
#when LEARNS

/* Learns the target of the last step; call it at most once after a step.
 *
#when CLASSES
 * label: index of the class.
#otherwise
 * target: (OUTPUTS,); NaN for a missing target.
#end
 *
 * Returns the loss of this step, before the weights change. It is not finite, and nothing changes,
 * if there is nothing to learn or if a number would not be finite. */
#when CLASSES
double lstm_learn(lstm_net *net, int label);
#otherwise
double lstm_learn(lstm_net *net, const double *target);
#end
#end

#ifdef __cplusplus
}
#endif

#endif
