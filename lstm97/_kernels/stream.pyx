"""A net that takes one step, or many, per call, for streams.

The state and the weights, in padded rows, are kept from call to call, so the cost of a step is
constant. Copies have no padding, so they are the same for every vector width.

Calls change data only under the lock of their object, and run no Python code meanwhile, so threads
take turns, with and without the GIL.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, isfinite
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from lstm97._kernels.adam cimport Moments, adam_stays_finite
from lstm97._kernels.data cimport Scaler, Steps
from lstm97._kernels.gradient cimport FULL_FORWARD, NONE, TRUNCATED_FORWARD, is_target
from lstm97._kernels.net cimport Input, Sizes, State, Summary, Weights, exchange_rows
from lstm97._kernels.vectors cimport fma

import numpy as np

from lstm97._core import GRADIENTS
from lstm97._kernels.data import TOO_LARGE

# A call that takes many steps takes them in portions of this many, and handles Ctrl-C after each.
cdef enum:
    PORTION = 8192


cdef inline bint moves_are_finite(
    Py_ssize_t n_lanes, double rate, const double *gradient, const double *w
) noexcept nogil:
    """Tell whether moved weights are finite; compilers can vectorise the branch-free loop."""
    cdef Py_ssize_t i, n_bad = 0
    cdef double moved
    for i in range(n_lanes):
        moved = fma(rate, gradient[i], w[i])
        n_bad += moved - moved != 0.0
    return n_bad == 0


cdef bint update_is_finite(
    const Sizes *n, const Input *x, Py_ssize_t t, double rate, const State *q, const Weights *w,
    Weights *gradient, const Moments *moments
) noexcept nogil:
    """Tell whether `move_weights`, at step t of x, would leave every number finite."""
    cdef Py_ssize_t at, i, first = 0, first_output = 0
    if moments != NULL:
        return adam_stays_finite(n, rate, q, w, gradient, moments)
    if x.dense == NULL:
        for i in range(q.n_touched):
            at = <Py_ssize_t> q.touched[i] * n.unit_lanes
            if not moves_are_finite(n.unit_lanes, rate, gradient.hidden + at, w.hidden + at):
                return False
        first = <Py_ssize_t> n.n_inputs * n.unit_lanes
    if x.dense == NULL and n.shortcut:
        for i in range(x.indptr[t], x.indptr[t + 1]):
            at = <Py_ssize_t> x.indices[i] * n.output_lanes
            if not moves_are_finite(n.output_lanes, rate, gradient.output + at, w.output + at):
                return False
        first_output = <Py_ssize_t> n.n_inputs * n.output_lanes
    return moves_are_finite(
        <Py_ssize_t> n.hidden_rows * n.unit_lanes - first, rate,
        gradient.hidden + first, w.hidden + first,
    ) and moves_are_finite(
        <Py_ssize_t> n.output_rows * n.output_lanes - first_output, rate,
        gradient.output + first_output, w.output + first_output,
    )


cdef class Stepper:
    """A net, its weights and its state.

    Parameters
    ----------
    topology : lstm97.learning.topology.Topology
    weights : ndarray of shape (n_weights,)
        Copied.
    form : {"none", "truncated-forward", "full-forward"}
        Form of the gradient, see `Network.learn`; "none" if the stream can only predict.
    moments : dict, default=None
        State of Adam, see solvers.py, which is copied; None for gradient descent.
    lanes : int, default=None
        Number of doubles per vector, see `Network`.
    """

    def __cinit__(self, topology, double[::1] weights, str form, dict moments=None, lanes=None):
        self.net, self.form = Network(topology, lanes), GRADIENTS[form]
        self.n_weights = topology.n_weights
        self.last, self.x, self.is_due, self.n_steps = None, None, False, 0
        self.row = np.zeros(self.net.n.n_inputs)
        self.row_x = Steps(self.row.reshape(1, -1))
        self.scratch = np.zeros((2, max(self.net.n.n_inputs, self.net.n.n_outputs)))
        if self.form not in (NONE, TRUNCATED_FORWARD, FULL_FORWARD):
            raise ValueError(f"{form} needs whole sequences")
        if self.form == FULL_FORWARD:
            self.net._allocate_sensitivities()
        self.net.q.learns = self.form != NONE
        self.net.q.carries = self.form == TRUNCATED_FORWARD
        self.net._check_weights(weights)
        self.net._exchange(weights, &self.net.w, True)
        self.moments = self.net._moments_from(moments)

    def weights(self):
        """Return a copy of the weights."""
        cdef double[::1] flat = np.empty(self.n_weights)
        with cython.critical_section(self):
            self.net._exchange(flat, &self.net.w, False)
        return np.asarray(flat)

    @cython.critical_section
    def reset(self):
        """Begin a sequence."""
        self._forget()

    def standardize(self, x, y, double enough):
        """Standardize steps and targets, and give outputs their units.

        Parameters
        ----------
        x, y : tuple of three arrays, or None
            Mean, scale and count of a `Scaling`, with which statistics begin; None for none.
        enough : float
            Number of values after which they stay as they are.
        """
        cdef Scaler x_scaler = None if x is None else Scaler(*x, enough)
        cdef Scaler y_scaler = None if y is None else Scaler(*y, enough)
        if x_scaler is not None and x_scaler.n != self.net.n.n_inputs:
            raise ValueError(f"the scaling of {self.net.n.n_inputs} inputs expected")
        if y_scaler is not None and y_scaler.n != self.net.n.n_outputs:
            raise ValueError(f"the scaling of {self.net.n.n_outputs} outputs expected")
        with cython.critical_section(self):
            self.x_scaler, self.y_scaler = x_scaler, y_scaler

    def step(
        self,
        step,               # IN   one step, dense or sparse as those before; a sparse one is not
                            #      to be changed: (n_inputs,), or a CSR matrix of one row
        double[::1] out,    # OUT  (n_outputs,)
    ):
        """Take one step, write the outputs, and tell whether they are finite."""
        if out.shape[0] != self.net.n.n_outputs:
            raise ValueError(f"{self.net.n.n_outputs} outputs expected, got {out.shape[0]}")
        with cython.critical_section(self):
            return self._step(step, out)

    def peek(self, step, double[::1] out):
        """Write the outputs of a step that is not taken; see `step`."""
        if out.shape[0] != self.net.n.n_outputs:
            raise ValueError(f"{self.net.n.n_outputs} outputs expected, got {out.shape[0]}")
        with cython.critical_section(self):
            place = self._place()
            try:
                return self._step(step, out)
            finally:
                self._return_to(place)

    def forecast(self, double[:, ::1] out):
        """Write the outputs of the last step, then those of steps that are the outputs before.

        These steps are not taken. Tell whether all outputs are finite.
        """
        cdef Py_ssize_t k, t
        cdef bint is_finite = True
        if self.net.n.n_inputs != self.net.n.n_outputs or out.shape[1] != self.net.n.n_outputs:
            raise ValueError("outputs cannot be inputs: they differ in number")
        with cython.critical_section(self):
            if self.x is None:
                raise ValueError("there is no step to begin from: call step first")
            if self.x.input.dense == NULL:
                raise TypeError("the last step is sparse, but predictions are dense steps")
            place = self._place()
            try:
                memcpy(&out[0, 0], self.net.q.output, self.net.n.n_outputs * sizeof(double))
                for k in range(self.net.n.n_outputs):
                    is_finite = is_finite and isfinite(out[0, k])
                for t in range(out.shape[0]):
                    if t > 0:
                        is_finite = is_finite and self._step_dense(out[t - 1], out[t])
                    elif self.y_scaler is not None:
                        self.y_scaler.undo(&out[0, 0])
                return is_finite
            finally:
                self._return_to(place)

    cdef _step(self, step, double[::1] out):
        cdef Steps x
        if isinstance(step, np.ndarray):
            return self._step_dense(step, out)
        x = self._checked(step)
        self._check_kind(x)
        self.last, self.x, self.is_due = step, x, True
        return self._advance(&x.input, 0, &out[0])

    cdef _step_dense(self, const double[::1] step, double[::1] out):
        cdef double *row = &self.scratch[0, 0]
        cdef Input x = self.row_x.input
        if step.shape[0] != self.net.n.n_inputs:
            raise ValueError(f"one step of {self.net.n.n_inputs} inputs expected")
        self._check_kind(self.row_x)
        memcpy(row, &step[0], step.shape[0] * sizeof(double))
        x.dense = row
        self._check_values(&x, step.shape[0])
        if self.x_scaler is not None:
            self.x_scaler.save()
            try:
                if not self.x_scaler.read(&step[0], True, row):
                    raise ValueError(f"x: {TOO_LARGE}; set standardize=False")
                self._check_values(&x, step.shape[0])
            except ValueError:
                self.x_scaler.go_back()
                raise
        memcpy(<double *> self.row_x.input.dense, row, step.shape[0] * sizeof(double))
        self.last, self.x, self.is_due = self.row, self.row_x, True
        return self._advance(&self.row_x.input, 0, &out[0])

    cdef _check_kind(self, Steps x):
        """Refuse a sparse step after dense ones, and a dense one after sparse ones.

        A stream of sparse steps is not standardized.
        """
        cdef Scaler scaler = self.x_scaler
        if self.x is not None and (self.x.input.dense == NULL) != (x.input.dense == NULL):
            raise ValueError(
                "the steps of a sequence must be all sparse or all dense, but x is not like them"
            )
        if x.input.dense != NULL or scaler is None or scaler.is_none():
            return
        if not scaler.is_untouched():
            raise TypeError(
                "the steps are sparse, but the stream standardizes dense ones: pass dense steps, "
                "or fit with standardize=False"
            )
        self.x_scaler = Scaler(
            scaler.values[0], scaler.values[1], np.full(scaler.n, scaler.enough), scaler.enough
        )

    cdef tuple _place(self):
        """Return what steps change, for `_return_to`; learning changes other things."""
        cdef double[::1] state = np.empty(self._state_size())
        cdef int64_t[::1] touched = np.empty(self.net.q.n_touched, dtype=np.int64)
        cdef Py_ssize_t i
        self._exchange_state(state, False)
        for i in range(touched.shape[0]):
            touched[i] = self.net.q.touched[i]
        return (
            np.asarray(state), np.asarray(touched),
            None if self.last is None else self.last.copy(), self.x, self.is_due, self.n_steps,
            None if self.x_scaler is None else self.x_scaler.arrays(),
        )

    cdef _return_to(self, tuple place):
        """Go back to a place."""
        cdef double[::1] state = place[0]
        cdef const int64_t[::1] touched = place[1]
        cdef Steps x = place[3]
        cdef Py_ssize_t i
        self._forget()
        _, _, self.last, self.x, self.is_due, self.n_steps, x_scaling = place
        if x is not None and x.input.dense != NULL:
            self.row[:] = self.last
            self.last, self.x = self.row, self.row_x
        if x_scaling is not None:
            self.x_scaler.set(x_scaling)
        self._exchange_state(state, True)
        for i in range(touched.shape[0]):
            self.net.q.touched[i] = touched[i]
            self.net.q.position[touched[i]] = i
        self.net.q.n_touched = touched.shape[0]

    cdef bint _advance(self, const Input *x, Py_ssize_t t, double *out) noexcept nogil:
        """Take step t of x, write the outputs in their units, and tell whether they are finite."""
        cdef int k
        cdef bint is_finite = True
        self.n_steps += 1
        self.net.kernel.step(&self.net.n, &self.net.w, x, t, self.form, &self.net.q)
        self.net.kernel.step_output(&self.net.n, &self.net.w, x, t, &self.net.q)
        memcpy(out, self.net.q.output, self.net.n.n_outputs * sizeof(double))
        for k in range(self.net.n.n_outputs):
            is_finite = is_finite and isfinite(out[k])
        if self.y_scaler is not None:
            self.y_scaler.undo(out)
        return is_finite

    @cython.critical_section
    def learn(
        self,
        const double[::1] target,   # IN   (n_outputs,), NaN for none
        double weight,
        double learning_rate,
    ):
        """Move the weights by the gradient of the last step.

        Returns
        -------
        loss : float
            Loss before the weights change. It is not finite if the loss, or a changed weight, would
            not be finite; no weight has changed then.
        """
        return self._learn_last(target, weight, learning_rate)

    def learn_at(
        self,
        const double[::1] target,       # IN   these three as for `learn`
        double weight,
        double learning_rate,
        double[::1] state,              # IN   these three from the `snapshot` after an earlier step
        const int64_t[::1] touched,     # IN
        last,                           # IN
    ):
        """Move the present weights by the gradient of an earlier step; see `learn`.

        The net stays where it is.
        """
        cdef Steps x = self._checked_place(state, touched, last, True)
        with cython.critical_section(self):
            place = self._place()
            self._return_to((state, touched, last, x, True, self.n_steps, None))
            try:
                return self._learn_last(target, weight, learning_rate)
            finally:
                self._return_to(place)

    cdef _learn_last(self, const double[::1] target, double weight, double learning_rate):
        if self.form == NONE or not self.is_due:
            raise ValueError(
                "there is no step to learn from: call step, then learn once, or learn a late "
                "target with at=snapshot"
            )
        if target.shape[0] != self.net.n.n_outputs:
            raise ValueError(f"{self.net.n.n_outputs} targets expected, got {target.shape[0]}")
        row = self._scaled(&target[0], weight > 0.0)
        self.is_due = False
        return self._learn(&self.x.input, 0, row, weight, learning_rate, True)

    cdef double *_scaled(self, const double *target, bint counts) except NULL:
        """Return a target as the net learns it; its statistics run with those that count."""
        cdef double *row = &self.scratch[1, 0]
        if self.y_scaler is None:
            return <double *> target
        self.y_scaler.save()
        if not self.y_scaler.read(target, counts, row):
            self.y_scaler.go_back()
            raise ValueError(f"y: {TOO_LARGE}; set standardize=False")
        return row

    cdef double _learn(
        self, const Input *x, Py_ssize_t t, const double *target, double weight, double rate,
        bint guarded
    ) noexcept nogil:
        """Move the weights by the gradient of step t of x, the last one; see `learn`.

        With guarded=False, the weights also move if one of them will not be finite.
        """
        cdef Summary r
        memset(&r, 0, sizeof(Summary))
        self.net.kernel.compare(
            &self.net.n, &self.net.w, x, t, self.form, target, weight, &self.net.q,
            &self.net.gradient_, &r
        )
        if guarded and isfinite(r.loss) and not update_is_finite(
            &self.net.n, x, t, rate, &self.net.q, &self.net.w, &self.net.gradient_, self.moments
        ):
            r.loss = INFINITY
        if isfinite(r.loss):
            self.net.kernel.update(
                &self.net.n, x, t, rate, &self.net.q, &self.net.w, &self.net.gradient_,
                self.moments,
            )
        else:
            self.net._clear_rows(&self.net.gradient_)
        return r.loss

    def run(
        self,
        steps,                                  # IN   finite, dense or sparse as those before:
                                                #      (n_steps, n_inputs)
        double[:, ::1] out,                     # OUT  (n_steps, n_outputs)
        const double[:, ::1] targets=None,      # IN   (n_steps, n_outputs), NaN for none
        const double[::1] weights=None,         # IN   (n_steps,)
        double learning_rate=0.0,
        double[::1] losses=None,                # OUT  (n_steps,), where there is a target
    ):
        """Take many steps, and learn from those with a target, as `step` and `learn` would.

        Returns
        -------
        n : int
            Number of steps taken. The last one is the first whose outputs are not finite, if there
            is one; it is not learned.
        is_finite : bool
            Whether all outputs are finite.
        """
        cdef Steps x = Steps(steps)
        self._check_many(x, out, targets, weights, losses)
        with cython.critical_section(self):
            return self._run(steps, x, out, targets, weights, learning_rate, losses)

    cdef _run(
        self, steps, Steps x, double[:, ::1] out, const double[:, ::1] targets,
        const double[::1] weights, double learning_rate, double[::1] losses
    ):
        cdef Py_ssize_t t = 0
        cdef bint is_finite = True
        self._check_scaling(x, targets, weights)
        self._check_kind(x)
        try:
            while t < x.n_steps and is_finite:
                self.net._save()
                n_steps = self.n_steps
                place = [each and each.arrays() for each in (self.x_scaler, self.y_scaler)]
                is_finite, n = self._take(
                    x, t, out, targets, weights, learning_rate, losses, False
                )
                if not self.net._is_finite():
                    # Again, but without the updates that would not be finite.
                    self.net._go_back()
                    self.n_steps = n_steps
                    for scaler, arrays in zip((self.x_scaler, self.y_scaler), place):
                        if scaler is not None:
                            scaler.set(arrays)
                    is_finite, n = self._take(
                        x, t, out, targets, weights, learning_rate, losses, True
                    )
                t += n
                PyErr_CheckSignals()
        finally:
            if t > 0 and x.input.dense != NULL:
                if self.x_scaler is None:
                    self.row[:] = steps[t - 1]
                self.last, self.x = self.row, self.row_x
            elif t > 0:
                self.last = steps[t - 1 : t].copy()
                self.x = self._checked(self.last)
        return t, is_finite

    cdef _check_scaling(
        self, Steps x, const double[:, ::1] targets, const double[::1] weights
    ):
        """Refuse values whose statistics would overflow, before the first step."""
        cdef Scaler scaler
        cdef Py_ssize_t t = 0
        if self.x_scaler is not None and x.input.dense != NULL:
            scaler = Scaler(*self.x_scaler.arrays(), self.x_scaler.enough)
            while t < x.n_steps and not scaler.is_fixed():
                if not scaler.read(&x.dense[t, 0], True, &self.scratch[0, 0]):
                    raise ValueError(f"x: {TOO_LARGE}; set standardize=False")
                t += 1
        if self.y_scaler is None or targets is None:
            return
        scaler, t = Scaler(*self.y_scaler.arrays(), self.y_scaler.enough), 0
        while t < x.n_steps and not scaler.is_fixed():
            if not scaler.read(
                &targets[t, 0], weights is None or weights[t] > 0.0, &self.scratch[1, 0]
            ):
                raise ValueError(f"y: {TOO_LARGE}; set standardize=False")
            t += 1

    cdef tuple _take(
        self, Steps x, Py_ssize_t first, double[:, ::1] out, const double[:, ::1] targets,
        const double[::1] weights, double learning_rate, double[::1] losses, bint guarded
    ):
        """Take some steps; return whether all outputs are finite, and how many were taken."""
        cdef Py_ssize_t t = first, at
        cdef const Input *input
        cdef double *row = <double *> self.row_x.input.dense
        cdef const double *target
        cdef double weight = 1.0
        for t in range(first, min(first + PORTION, x.n_steps)):
            input, at, self.is_due = &x.input, t, True
            if self.x_scaler is not None and x.input.dense != NULL:
                input, at = &self.row_x.input, 0
                self.x_scaler.read(&x.dense[t, 0], True, row)
            if not self._advance(input, at, &out[t, 0]):
                return False, t + 1 - first
            if targets is not None and is_target(&self.net.n, &targets[t, 0]):
                weight = 1.0 if weights is None else weights[t]
                target = &targets[t, 0]
                if self.y_scaler is not None:
                    target = self._scaled(target, weight > 0.0)
                losses[t] = self._learn(input, at, target, weight, learning_rate, guarded)
                self.is_due = False
        return True, t + 1 - first

    cdef _check_many(self, Steps x, out, targets, weights, losses):
        """Refuse arrays of other shapes, and sparse rows that lie outside of their arrays."""
        cdef Py_ssize_t n = x.n_steps, n_outputs = self.net.n.n_outputs
        if x.n_inputs != self.net.n.n_inputs:
            raise ValueError(f"steps of {self.net.n.n_inputs} inputs expected")
        if x.input.dense == NULL:
            x.check_rows(0, n)
        for array in (out, targets):
            if array is not None and tuple(array.shape[:2]) != (n, n_outputs):
                raise ValueError(f"an array of shape ({n}, {n_outputs}) expected")
        for array in (weights, losses):
            if array is not None and array.shape[0] != n:
                raise ValueError(f"an array of {n} numbers expected")
        if targets is not None and (self.form == NONE or losses is None):
            raise ValueError("this net cannot learn, or there is no place for the losses")

    def snapshot(self):
        """Return weights, state, columns that were not zero so far, the last step, and `is_due`.

        Then come the state of Adam, the mean, scale and count of steps, those of targets, and the
        number of steps. A net that has no such state or scaling gives None. All are copies.
        """
        cdef double[::1] weights = np.empty(self.n_weights)
        moments = self._empty_moments()
        with cython.critical_section(self):
            self.net._exchange(weights, &self.net.w, False)
            if moments is not None:
                self.net._exchange_moments(moments, False)
            state, touched, last, _, is_due, n_steps, x_scaling = self._place()
            y_scaling = None if self.y_scaler is None else self.y_scaler.arrays()
        return (
            np.asarray(weights), state, touched, last, is_due, moments, x_scaling, y_scaling,
            n_steps,
        )

    def _empty_moments(self):
        """Return arrays for the state of Adam, or None."""
        if self.moments == NULL:
            return None
        sizes = {"mean": self.n_weights, "square": self.n_weights, "powers": 2}
        return {name: np.empty(size) for name, size in sizes.items()}

    def restore(
        self,
        double[::1] weights,            # IN   these from `snapshot`
        double[::1] state,              # IN
        const int64_t[::1] touched,     # IN
        last,                           # IN
        bint is_due,                    # IN
        dict moments=None,              # IN
        x_scaling=None,                 # IN
        y_scaling=None,                 # IN
        Py_ssize_t n_steps=0,           # IN
    ):
        """Go back to a snapshot, of this net or one of the same form."""
        cdef Steps x = self._checked_place(state, touched, last, is_due)
        self.net._check_weights(weights)
        if (moments is None) != (self.moments == NULL):
            raise ValueError("it belongs to a net with another solver")
        with cython.critical_section(self):
            self.net._moments_from(moments)  # first: it may raise an error
            self._return_to((state, touched, last, x, is_due, n_steps, x_scaling))
            if y_scaling is not None:
                self.y_scaler.set(y_scaling)
            self.net._exchange(weights, &self.net.w, True)

    cdef Steps _checked_place(
        self, double[::1] state, const int64_t[::1] touched, last, bint is_due
    ):
        """Return the kernel's view of the last step; refuse states that no net can have."""
        cdef Py_ssize_t i
        cdef Steps x = None if last is None else self._checked(last)
        if state.shape[0] != self._state_size():
            raise ValueError("the state is that of another net")
        for i in range(touched.shape[0]):
            if not 0 <= touched[i] < self.net.n.n_inputs:
                raise ValueError(f"there is no input {touched[i]}")
        if len(set(touched)) < touched.shape[0]:
            raise ValueError("an input is touched twice")
        if x is None and (is_due or touched.shape[0] > 0 or np.any(state)):
            raise ValueError("it holds the state after a step, but not the step")
        if x is not None and x.input.dense == NULL:
            carried = np.delete(self._carried(np.asarray(state)), touched, axis=1)
            if carried[:, : self.net.n.n_inputs - touched.shape[0]].any():
                raise ValueError("it holds derivatives of inputs that it does not list as touched")
        return x

    cdef _forget(self):
        """Begin a sequence, with a state of zeros."""
        cdef Sizes *n = &self.net.n
        cdef State *q = &self.net.q
        if self.x is not None:
            self.net.kernel.reset(n, &self.x.input, q)
            memset(q.previous, 0, n.unit_lanes * sizeof(double))
            memset(q.a, 0, n.gate_lanes * sizeof(double))
            memset(q.h, 0, n.cell_lanes * sizeof(double))
            memset(q.output_net, 0, n.output_lanes * sizeof(double))
            memset(q.output, 0, n.output_lanes * sizeof(double))
            q.log_total = 0.0
        self.last, self.x, self.is_due = None, None, False

    cdef Py_ssize_t _activations_size(self):
        """Return the length of the part of a state that holds activations."""
        cdef Sizes *n = &self.net.n
        return 2 * n.n_units + n.n_gates + 2 * n.n_cells + 2 * n.n_outputs + 1

    cdef Py_ssize_t _state_size(self):
        """Return the length of a state: activations, then the derivatives that are carried."""
        cdef Sizes *n = &self.net.n
        cdef Py_ssize_t size = self._activations_size()
        if self.form == TRUNCATED_FORWARD:
            size += <Py_ssize_t> n.n_traces * n.hidden_rows * n.n_cells
        elif self.form == FULL_FORWARD:
            size += <Py_ssize_t> n.hidden_rows * n.n_hidden * n.n_hidden
        return size

    def _carried(self, state):
        """Return the part of a state that holds derivatives: (traces, sources, the rest)."""
        size = self._state_size() - self._activations_size()
        n_traces = self.net.n.n_traces if self.form == TRUNCATED_FORWARD else 1
        return state[len(state) - size :].reshape(n_traces, self.net.n.hidden_rows, -1)

    cdef _exchange_state(self, double[::1] state, bint inward):
        """Copy the state between a flat vector and the net."""
        cdef Sizes *n = &self.net.n
        cdef State *q = &self.net.q
        cdef double *flat = &state[0]
        cdef Py_ssize_t at = 0
        cdef int i
        at = exchange_rows(flat, at, 1, n.n_units, q.y, 0, inward)
        at = exchange_rows(flat, at, 1, n.n_units, q.previous, 0, inward)
        at = exchange_rows(flat, at, 1, n.n_gates, q.a, 0, inward)
        at = exchange_rows(flat, at, 1, n.n_cells, q.s, 0, inward)
        at = exchange_rows(flat, at, 1, n.n_cells, q.h, 0, inward)
        at = exchange_rows(flat, at, 1, n.n_outputs, q.output_net, 0, inward)
        at = exchange_rows(flat, at, 1, n.n_outputs, q.output, 0, inward)
        at = exchange_rows(flat, at, 1, 1, &q.log_total, 0, inward)
        if self.form == TRUNCATED_FORWARD:
            for i in range(n.n_traces):
                at = exchange_rows(
                    flat, at, n.hidden_rows, n.n_cells, q.trace + i * n.cell_lanes,
                    n.trace_lanes, inward,
                )
        elif self.form == FULL_FORWARD:
            exchange_rows(
                flat, at, n.hidden_rows * n.n_hidden, n.n_hidden, q.sensitivity, n.unit_lanes,
                inward,
            )

    cdef Steps _checked(self, step):
        """Return the kernel's view of a step; refuse other shapes and non-finite values."""
        cdef Steps x = Steps(
            step.reshape(1, -1) if isinstance(step, np.ndarray) else step
        )
        if x.n_steps != 1 or x.n_inputs != self.net.n.n_inputs:
            raise ValueError(f"one step of {self.net.n.n_inputs} inputs expected")
        if x.input.dense == NULL:
            x.check_rows(0, 1)
        self._check_values(
            &x.input, x.input.indptr[1] if x.input.dense == NULL else x.n_inputs
        )
        return x

    cdef _check_values(self, const Input *x, Py_ssize_t count):
        """Refuse NaN and infinity among the values of a step, of which there are `count`."""
        cdef const double *values = x.data if x.dense == NULL else x.dense
        cdef Py_ssize_t i
        for i in range(count):
            if not isfinite(values[i]):
                kind = "infinity" if values[i] == values[i] else "NaN"
                feature = x.indices[i] if x.dense == NULL else i
                raise ValueError(f"x contains {kind} in feature {feature}")
