"""One step of the hidden layer, on vector registers: see layer.h."""

cdef extern from "layer.h" nogil:
    ctypedef struct Layer:
        int gate_lanes, cell_lanes, hidden_lanes
        int n_inputs, n_feedback, n_gates, n_cells
        int input_gate, linear
        double slope
        const double *w
        const double *low
        const double *high
        const int *opens_in
        const int *opens_out
        double *net
        double *a
        double *s
        double *h
        double *u
        double *trace
        int small, learns, traces

    # Once the rest is set.
    void prepare(Layer *layer) noexcept

    # Activations y from inputs x (NULL: net holds their part) and activations fed back.
    void step_layer(
        const Layer *layer, const double *x, const double *feedback, double *y
    ) noexcept
