"""A net that follows a stream up to its first error, for the experiments of the year 2000.

Gers, Schmidhuber and Cummins, "Learning to Forget", Neural Computation 12(10), 2000. What no other
user of streams needs is here: the end at the first error, a learning rate that falls from target to
target, states that decay, and resets from outside.
"""

from libc.string cimport memset

from lstm97._kernels.data cimport Steps
from lstm97._kernels.gradient cimport NONE, TRUNCATED_FORWARD, Gradient, is_target
from lstm97._kernels.kernel cimport Kernel
from lstm97._kernels.net cimport Sizes, State, Summary, Weights
from lstm97._kernels.stream cimport Stepper


cdef void decay(const Sizes *n, double factor, State *q) noexcept nogil:
    """Multiply the states, and leave their derivatives: the learning rule is that of 1997."""
    cdef int i
    for i in range(n.cell_lanes):
        q.s[i] *= factor


cdef class Follower(Stepper):
    """A net with dense inputs that learns by the truncated gradient; see `Stepper`."""

    def follow(
        self,
        steps,                              # IN   (n_steps, n_inputs), dense
        const double[:, ::1] targets,       # IN   (n_steps, n_outputs), NaN for none
        const unsigned char[::1] begins,    # IN   (n_steps,) 1: reset the net before the step
        Py_ssize_t most,                    # targets after which to stop
        double tolerance,
        double learning_rate,               # of the first target; 0: the net does not learn
        double rate_decay,
        double state_decay,
    ):
        """Take steps, and learn from each target, up to the first wrong one.

        Returns
        -------
        n_steps : int
            Number of steps taken.
        n_right : int
            Number of targets before the first one with an error that is not below the tolerance.
        is_right : bool
            Whether there was no such target.
        learning_rate : float
            Learning rate of the next target.
        """
        cdef const Kernel *kernel = self.net.kernel
        cdef const Sizes *n = &self.net.n
        cdef State *q = &self.net.q
        cdef Weights *w = &self.net.w
        cdef Steps x = Steps(steps)
        cdef Py_ssize_t n_right = 0, t
        cdef bint learns = learning_rate != 0.0
        cdef Gradient form = TRUNCATED_FORWARD if learns else NONE
        cdef Summary r
        if x.input.dense == NULL or x.n_inputs != n.n_inputs or begins.shape[0] != x.n_steps:
            raise ValueError("steps and their flags do not match the net")
        if targets.shape[0] != x.n_steps or targets.shape[1] != n.n_outputs:
            raise ValueError("targets do not match the steps or the net")
        memset(&r, 0, sizeof(Summary))
        q.learns = q.carries = learns
        for t in range(x.n_steps):
            if begins[t]:
                kernel.reset(n, &x.input, q)
            if state_decay != 1.0:
                decay(n, state_decay, q)
            kernel.step(n, w, &x.input, t, form, q)
            if not is_target(n, &targets[t, 0]):
                continue
            kernel.step_output(n, w, &x.input, t, q)
            kernel.compare(
                n, w, &x.input, t, form, &targets[t, 0], 1.0, q, &self.net.gradient_, &r
            )
            if learns:
                kernel.update(n, &x.input, t, learning_rate, q, w, &self.net.gradient_, NULL)
                learning_rate *= rate_decay
            if not r.max_error < tolerance:
                return t + 1, n_right, False, learning_rate
            n_right += 1
            if n_right == most:
                return t + 1, n_right, True, learning_rate
        return x.n_steps, n_right, True, learning_rate
