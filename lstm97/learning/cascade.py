"""Recurrent cascade correlation (Fahlman 1991) as a learner."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from lstm97._kernels.cascade import Outputs, Piece, Pool, centre
from lstm97._kernels.data import Data
from lstm97.learning.checks import check_fields, check_finite
from lstm97.learning.learner import Learner, Results
from lstm97.learning.network import pieces
from lstm97.learning.quickprop import Move, Progress, quickprop

# Added to the slope of logistic outputs, so that a confident but wrong output still learns.
SLOPE_OFFSET = 0.1


@dataclass(frozen=True)
class Settings:
    """Settings of a cascade's training; see `CascadeCorrelationClassifier`."""

    max_hidden: int
    n_candidates: int
    output_rate: float
    candidate_rate: float
    max_growth: float
    weight_decay: float
    output_tol: float
    candidate_tol: float
    patience: int
    max_phase_iter: int
    init_scale: float


@dataclass(frozen=True)
class Candidates:
    """Pool of candidates for the next hidden unit.

    Attributes
    ----------
    weights : ndarray of shape (n_sources, n_candidates)
    last : Move
    covariance : ndarray of shape (n_outputs, n_candidates)
        Covariance with the errors of the outputs in the last epoch. It is zero before the first
        epoch, in which only weight decay therefore changes the weights.
    """

    weights: np.ndarray
    last: Move
    covariance: np.ndarray

    def __post_init__(self):
        check_fields(self)

    def check(self, name, topology):
        """Refuse arrays that are not finite or do not fit the net."""
        n_candidates = max(1, self.weights.size // topology.n_candidate_sources)
        shape = (topology.n_candidate_sources, n_candidates)
        check_finite(f"{name}.weights", self.weights, shape)
        self.last.check(f"{name}.last", shape)
        check_finite(f"{name}.covariance", self.covariance, (topology.n_outputs, n_candidates))


@dataclass(frozen=True)
class TrainingState:
    """State of training, in addition to the net, from which learning continues.

    Attributes
    ----------
    seed : int
        Seed of the candidates' initial weights, together with the number of hidden units.
    last : Move
        Last change of the weights of the outputs.
    progress : Progress
        Progress of the current phase.
    candidates : Candidates or None
        Current candidates; None while the outputs are trained.
    is_finished : bool
        Whether the net has all its units and the outputs have stagnated.
    """

    seed: int
    last: Move
    progress: Progress = field(default_factory=Progress)
    candidates: Candidates | None = None
    is_finished: bool = False

    def __post_init__(self):
        check_fields(self)
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be at least 0 and below 2**63, got {self.seed}")

    def check(self, name, topology):
        """Refuse a state that is not finite or belongs to another net.

        Training itself may reach states that are not finite; it then goes back.
        """
        self.last.check(f"{name}.last", topology.slices["output"].shape)
        if self.candidates is not None:
            self.candidates.check(f"{name}.candidates", topology)


class CascadeLearner(Learner):
    """Learner that trains the outputs and candidates for a hidden unit in turn.

    Each call of `learn` is one epoch. It replaces topology, weights and state, and never changes
    them in place.

    Parameters
    ----------
    topology : CascadeTopology
    weights : ndarray of shape (topology.n_weights,)
    state : TrainingState
    settings : Settings
    """

    is_online = has_order = False

    def __init__(self, topology, weights, state, settings):
        self.topology = topology
        self.weights = weights
        self.state = state
        self.settings = settings

    # -- the interface ---------------------------------------------------------------------------

    def learn(self, X, y):
        batch = self._forward(X, y)
        results, residual, gradient = self._errors(batch)
        with np.errstate(over="ignore"):
            finite = np.isfinite(len(X) * results.loss)  # then their sum is finite, too
        if not finite.all():
            return Results(*(part[: np.argmin(finite)] for part in results))
        weight = _row_weights(X, y)
        # A point of weight 2 counts as two points.
        n_points = float(weight[(~np.isnan(residual)).any(axis=1)].sum()) or 1.0
        if self.state.candidates is None:
            self._train_outputs(math.fsum(results.loss), gradient, n_points)
        else:
            self._train_candidates(batch, residual, weight, n_points)
        return results

    def evaluate(self, X, y):
        return self._errors(self._forward(X, y))[0]

    def run(self, X, every):
        outputs, weights = self._outputs()
        batch = self._forward(X)
        return np.concatenate([outputs.run(weights, piece, every) for _, piece in batch.pieces])

    def snapshot(self):
        return self.topology, self.weights, self.state

    def restore(self, snapshot):
        self.topology, self.weights, self.state = snapshot

    def is_finite(self):
        pool = self.state.candidates
        weights = [self.weights] if pool is None else [self.weights, pool.weights]
        return all(bool(np.isfinite(part).all()) for part in weights)

    # -- phases ----------------------------------------------------------------------------------

    def _train_outputs(self, loss, gradient, n_points):
        s, state = self.settings, self.state
        progress = state.progress.after(loss, s.output_tol)
        if progress.is_over(s.patience, s.max_phase_iter):
            if self.topology.n_hidden < s.max_hidden:
                self.state = replace(state, progress=Progress(), candidates=self._draw())
                return
            progress, state = Progress(), replace(state, is_finished=True)
        weights = self.weights.copy()
        output = self.topology.views(weights)["output"]
        gradient = gradient - s.weight_decay * output
        rate = s.output_rate / n_points
        output[:], last = quickprop(output, gradient, state.last, rate, s.max_growth)
        self.weights = weights
        self.state = replace(state, last=last, progress=progress)

    def _train_candidates(self, batch, residual, weight, n_points):
        s, pool = self.settings, self.state.candidates
        covariance, gradient = self._correlate(batch, residual, weight, n_points)
        score = sum(np.abs(covariance))  # row by row
        best = int(np.argmax(score))
        progress = self.state.progress.after(float(score[best]), s.candidate_tol)
        if progress.is_over(s.patience, s.max_phase_iter):
            self._install(pool.weights[:, best], covariance[:, best])
            return
        gradient -= s.weight_decay * pool.weights
        rate = s.candidate_rate / self.topology.n_candidate_sources
        weights, last = quickprop(pool.weights, gradient, pool.last, rate, s.max_growth)
        pool = Candidates(weights, last, covariance)
        self.state = replace(self.state, progress=progress, candidates=pool)

    def _draw(self):
        """Return new candidates with random weights."""
        net = self.topology
        shape = (net.n_candidate_sources, self.settings.n_candidates)
        rng = np.random.Generator(np.random.PCG64([self.state.seed, net.n_hidden]))
        scale = self.settings.init_scale
        weights = rng.uniform(-scale, scale, shape)
        return Candidates(weights, Move.none(shape), np.zeros((net.n_outputs, shape[1])))

    def _install(self, unit, covariance):
        """Freeze a candidate; the outputs' weights from it start at its covariances."""
        self.weights = self.topology.grown_weights(self.weights, unit, covariance)
        self.topology = self.topology.with_unit()
        self.state = TrainingState(self.state.seed, Move.none(self.topology.slices["output"].shape))

    # -- passes over a batch ---------------------------------------------------------------------

    def _forward(self, X, y=None):
        """Compute all hidden values."""
        net = self.topology
        batch = _Batch(X, y, net.n_hidden)
        views = net.views(self.weights)
        for k in range(net.n_hidden):
            unit = Pool(net.n_inputs, k, 1, net.n_outputs)
            for _, piece in batch.pieces:
                unit.run(views[f"hidden_{k}"], piece)
        return batch

    def _outputs(self):
        net = self.topology
        outputs = Outputs(
            net.n_inputs, net.n_hidden, net.n_outputs, net.output_activation, net.loss
        )
        return outputs, net.views(self.weights)["output"]

    def _errors(self, batch):
        """Return results, residual errors (NaN: no target), and the outputs' gradient."""
        outputs, weights = self._outputs()
        results = np.empty((batch.n_sequences, 3))
        residual = np.empty((batch.n_rows, self.topology.n_outputs))
        gradient = np.zeros(weights.shape)
        for part, piece in batch.pieces:
            outputs.learn(weights, piece, SLOPE_OFFSET, results[part], residual, gradient)
        return Results(*results.T), residual, gradient

    def _correlate(self, batch, residual, weight, n_points):
        """Return covariances with the errors, and the gradient of the sum of their absolute values.

        The gradient is divided by the root mean square of the errors: their scale does not matter.
        """
        net, candidates = self.topology, self.state.candidates
        squares = centre(residual, weight)
        product = n_points * squares
        scale = 1.0 / math.sqrt(product) if product > 0.0 else 0.0
        sign = np.sign(candidates.covariance)
        total, gradient = np.zeros(sign.shape), np.zeros(candidates.weights.shape)
        pool = Pool(net.n_inputs, net.n_hidden, sign.shape[1], net.n_outputs)
        for _, piece in batch.pieces:
            pool.correlate(candidates.weights, piece, residual, sign, total, gradient)
        return total / n_points, scale * gradient


def _row_weights(X, y):
    """Return the weight of each step, which is arbitrary at steps without a target."""
    weight = np.ones(X.n_steps)
    if y.weight is not None:
        rows = slice(None) if y.every else np.cumsum(X.lengths) - 1
        weight[rows] = y.weight[y.rows(X.lengths)]
    return weight


class _Batch:
    """Batch in pieces that share one array of hidden values."""

    def __init__(self, X, y, n_hidden):
        self.n_sequences, self.n_rows = len(X), X.n_steps
        hidden, rows = np.empty((X.n_steps, n_hidden)), np.cumsum(X.lengths) - X.lengths
        self.pieces = [
            (part, Piece(Data(X[part], None if y is None else y[part]), rows[part], hidden))
            for part in pieces(X)
        ]
