"""`diagnose`, which finds problems of a fitted net: of its learning, and of its cells and gates."""

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from lstm97.data.checks import brief
from lstm97.data.sequences import SequencesLike
from lstm97.estimators.lstm import LSTMClassifier, LSTMRegressor
from lstm97.inspection.wrapped import unwrap
from lstm97.learning.topology import GATES
from lstm97.learning.traces import Trace

# h is saturated by states beyond this: there h' is less than 1% of h'(0).
SATURATED = 6.0
# A state has drifted if it ends beyond the same side of the saturation in this fraction of the
# sequences. A state that stores something ends in different places, depending on the sequence.
MOST = 0.9
# A gate is stuck if its opening always stays below this, or always above 1 minus this. The paper's
# most negative bias, -6, opens a gate by 0.0025, and such gates have learned to open.
SHUT = 0.001
# A cell is constant if the standard deviation of its output is below this fraction of its mean.
CONSTANT = 0.05
# A constant cell is reported only if what it adds to an output exceeds this fraction of the
# standard deviation of all that the hidden layer adds there. Less would not matter.
COUNTS = 0.1

# The loss still falls if that of the last tenth of the epochs is below that of the tenth before by
# more than this fraction of the first epoch's.
FALLS = 0.02
# Inputs are on no scale that suits the net if the largest value of a feature is not between these.
SMALL, LARGE = 0.01, 10.0

_BEGIN_SHUT = (
    "begin with the gate nearly shut, with a negative {}, so that it learns when to open (Section "
    "4 of the paper)"
)
_BEGIN_OPEN = (
    "begin with {} nearer to zero (the paper's are from -1 to -6); or, if the net does well "
    "without the block, begin with fewer blocks and let them be added when needed, with "
    "initial_blocks (Section 4 of the paper)"
)
REMEDIES = {
    "few_epochs": "raise max_iter, or continue with warm_start=True",
    "one_class": "see whether the loss fell at all; then class_weight='balanced' if the other "
    "classes are rare, more epochs, or a rate and biases from the page on settings",
    "input_scale": "set standardize=True, or put StepwiseTransformer(StandardScaler()) before the "
    "net",
    "state_drift": "begin with input gates nearly shut, with input_gate=True and a negative "
    "input_gate_bias (Section 4 of the paper); or let the net learn to forget, with "
    "forget_gate=True",
    **{f"{gate}_open": _BEGIN_SHUT.format(f"{gate}_bias") for gate in GATES},
    **{f"{gate}_shut": _BEGIN_OPEN.format(f"{gate}_bias") for gate in GATES},
    "forget_gate_open": "begin with a smaller forget_gate_bias, or without forget gates if the net "
    "does well: it forgets nothing",
    "forget_gate_shut": "begin with a larger forget_gate_bias: the state does not outlast a step",
    "bias_cell": "add blocks only when the error stops falling, with initial_blocks; or begin with "
    "output gates nearly shut, with negative numbers in output_gate_bias that differ between "
    "blocks (Section 4 of the paper)",
}


class DiagnosisWarning(UserWarning):
    """Warning that `diagnose` issues for each finding.

    Examples
    --------
    Get the findings without the warnings:

    >>> import warnings
    >>> from lstm97 import DiagnosisWarning, LSTMRegressor, diagnose
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(1000, rng=0)
    >>> model = LSTMRegressor.as_published(
    ...     learning_rate=0.5, max_iter=5, tol=None, random_state=0
    ... ).fit(X, y)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DiagnosisWarning)
    ...     findings = diagnose(model, X)
    >>> len(findings) > 0
    True
    """


@dataclass(frozen=True)
class Finding:
    """A problem that `diagnose` found in a net, or in one of its cells or gates.

    Attributes
    ----------
    kind : str
        "few_epochs", "one_class", "input_scale", "state_drift", "bias_cell", or the name of a kind
        of gates followed by "_open" or "_shut", such as "input_gate_open".
    block : int or None
        Index of the memory cell block. None if the finding is about the whole net.
    cell : int or None
        Index of the cell within its block. None if the finding is about a gate or the whole net.
    message : str
        The evidence, and a remedy.

    Examples
    --------
    >>> import warnings
    >>> from lstm97 import LSTMRegressor, diagnose
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(1000, rng=0)
    >>> model = LSTMRegressor.as_published(
    ...     learning_rate=0.5, max_iter=5, tol=None, random_state=0
    ... ).fit(X, y)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     finding = diagnose(model, X)[0]
    >>> finding.kind, finding.block, finding.cell
    ('state_drift', 0, 1)
    """

    kind: str
    block: int | None
    cell: int | None
    message: str

    def __str__(self) -> str:
        """Return the message."""
        return self.message


def diagnose(estimator: Any, X: SequencesLike) -> list[Finding]:
    """Find out why a fitted net does badly, and warn of each problem.

    Three problems concern the whole net:

    - *Few epochs.* Training ended at `max_iter` while the loss still fell: over the last tenth of
      the epochs, by more than 2% of the first epoch's loss.
    - *One class.* A classifier predicts the same class wherever there are targets.
    - *Input scale.* The net does not standardize its inputs, and the largest absolute value of a
      feature is above 10 or below 0.01.

    Three concern cells and gates; their remedies are those of the paper's Section 4:

    - *Internal state drift.* If the inputs of a cell are mostly of one sign, they add up until h is
      saturated and hardly any error reaches the cell. Such a state ends beyond 6 or -6, always with
      the same sign, in at least 90% of the sequences.
    - *Stuck gates.* The opening of the gate is below 0.001, or above 0.999, at every step of every
      sequence, so that it hardly learns. The paper speaks of initial biases only.
    - *The abuse problem.* The cell does what a bias could do: wherever the net has targets, the
      cell's output is the same within 5%, and an output of the net depends on it.

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        Fitted estimator, or a fitted pipeline or search that ends with one; it is not changed.
    X : array-like
        At least two sequences, in any form that the estimator's `fit` takes. They should cover all
        kinds of sequences that the net is meant for, because what does not vary in X is taken as
        constant.

    Returns
    -------
    findings : list of Finding
        Problems of the whole net, then drifted states, stuck gates and constant cells, each with a
        `DiagnosisWarning`. A finding is not always a problem: a net may solve its task and have
        spare cells.

    Raises
    ------
    TypeError
        If the estimator has no memory cells.
    ValueError
        If X is not valid for the estimator, or holds a single sequence.

    See Also
    --------
    LSTMClassifier.trace : Return the values on which the findings are based.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997:
    Section 4, on the abuse problem and internal state drift. The thresholds are this package's,
    not the paper's.

    Examples
    --------
    If gates begin half open, states drift over a hundred steps, and cells end up as biases. The
    remedy helps:

    >>> import warnings
    >>> from lstm97 import LSTMRegressor, diagnose
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(1000, rng=0)
    >>> model = LSTMRegressor.as_published(
    ...     learning_rate=0.5, max_iter=5, tol=None, random_state=0
    ... ).fit(X, y)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     findings = diagnose(model, X)
    >>> for finding in findings:
    ...     print(finding.kind, finding.block, finding.cell)
    state_drift 0 1
    state_drift 1 1
    bias_cell 0 1
    bias_cell 1 1
    >>> diagnose(model.set_params(input_gate_bias=[-3, -6]).fit(X, y), X)
    []
    """
    estimator, X = unwrap(estimator, X)
    if not isinstance(estimator, LSTMClassifier | LSTMRegressor):
        raise TypeError(
            f"diagnose is for LSTMClassifier and LSTMRegressor, not for {type(estimator).__name__}"
        )
    estimator = copy.copy(estimator)  # another thread may fit the original meanwhile
    recordings = estimator.trace(X)
    if len(recordings) < 2:
        raise ValueError("X must hold at least 2 sequences: one does not show what is constant")
    findings = [
        *_few_epochs(estimator),
        *_one_class(estimator, recordings),
        *_input_scale(estimator, X),
        *_drifted_states(estimator, recordings),
        *_stuck_gates(recordings),
        *_bias_cells(estimator, recordings),
    ]
    for finding in findings:
        warnings.warn(finding.message, DiagnosisWarning, stacklevel=2)
    return findings


def _few_epochs(estimator: Any) -> Iterator[Finding]:
    """Find out whether training ended while the loss still fell."""
    losses = estimator.loss_curve_
    if estimator.stop_reason_ != "limit" or len(losses) < 2:
        return
    size = max(len(losses) // 10, 1)
    before, after = np.mean(losses[-2 * size : -size]), np.mean(losses[-size:])
    if before - after > FALLS * losses[0]:
        evidence = (
            f"training ended after {len(losses)} epochs, while the loss still fell from "
            f"{before:.2g} to {after:.2g}"
        )
        yield _finding("few_epochs", None, None, evidence)


def _one_class(estimator: Any, recordings: list[Trace]) -> Iterator[Finding]:
    """Find out whether a classifier predicts a single class."""
    if not isinstance(estimator, LSTMClassifier) or estimator.target_ndim_ == 2:
        return
    steps = slice(-1, None) if estimator.target_steps_ == "last" else slice(None)
    best = np.concatenate([recording.output[steps].argmax(axis=1) for recording in recordings])
    if len(estimator.classes_) > 1 and (best == best[0]).all():
        evidence = f"all {len(best)} predictions are {brief(estimator.classes_.tolist()[best[0]])}"
        yield _finding("one_class", None, None, evidence)


def _input_scale(estimator: Any, X: Any) -> Iterator[Finding]:
    """Find the first feature whose values are far larger or smaller than 1."""
    flat = copy.copy(estimator)._check_X(X, reset=False).as_read().flat
    if estimator._standardizes or sparse.issparse(flat):
        return
    largest = np.abs(flat).max(axis=0)
    for i in np.flatnonzero((largest > LARGE) | ((largest < SMALL) & (largest > 0))).tolist()[:1]:
        evidence = f"the largest absolute value of feature {i} is {largest[i]:.2g}"
        yield _finding("input_scale", None, None, evidence)


def _drifted_states(estimator: Any, recordings: list[Trace]) -> Iterator[Finding]:
    """Find cells whose state ends in the same saturation in most sequences."""
    if estimator.topology_.state_activation == "identity":
        return  # without h nothing saturates
    last = np.stack([recording.cell_state[-1] for recording in recordings])
    beyond = np.maximum((last > SATURATED).mean(axis=0), (last < -SATURATED).mean(axis=0))
    for block, cell in np.argwhere(beyond >= MOST).tolist():
        evidence = (
            f"in {beyond[block, cell]:.0%} of the sequences the state ends beyond {SATURATED:g} or "
            f"-{SATURATED:g}, always with the same sign: h is saturated, and hardly any error "
            "reaches the cell (internal state drift)"
        )
        yield _finding("state_drift", block, cell, evidence)


def _stuck_gates(recordings: list[Trace]) -> Iterator[Finding]:
    """Find gates that are open, or shut, at all steps."""
    for name in GATES:
        if getattr(recordings[0], name) is None:
            continue
        openings = np.concatenate([getattr(recording, name) for recording in recordings])
        low, high = openings.min(axis=0), openings.max(axis=0)
        gate = name.replace("_", " ")
        for block in np.flatnonzero(high < SHUT).tolist():
            evidence = f"the {gate} is stuck: it never opens by more than {high[block]:.1g}"
            yield _finding(f"{name}_shut", block, None, evidence)
        for block in np.flatnonzero(low > 1.0 - SHUT).tolist():
            evidence = f"the {gate} is stuck: it never shuts by more than {1.0 - low[block]:.1g}"
            yield _finding(f"{name}_open", block, None, evidence)


def _bias_cells(estimator: Any, recordings: list[Trace]) -> Iterator[Finding]:
    """Find cells whose output is constant at the steps with targets, and used by an output."""
    topology = estimator.topology_
    steps = slice(-1, None) if estimator.target_steps_ == "last" else slice(None)
    cells = np.concatenate([recording.cell_output[steps] for recording in recordings])
    cells = cells.reshape(len(cells), -1)
    hidden = np.concatenate([recording.hidden[steps] for recording in recordings])
    weights = topology.views(estimator.weights_)["output"][topology.n_inputs * topology.shortcut :]
    layer = np.hstack([cells, hidden])
    spread = (layer @ weights[: layer.shape[1]]).std(axis=0)
    mean, deviation = cells.mean(axis=0), cells.std(axis=0)
    added = np.abs(mean[:, None] * weights[: topology.n_cells])
    abused = (deviation < CONSTANT * np.abs(mean)) & (added > COUNTS * spread).any(axis=1)
    for i in np.flatnonzero(abused).tolist():
        evidence = (
            f"wherever there are targets, its output is {mean[i]:.2g}, give or take "
            f"{deviation[i]:.1g}, and outputs use it: a bias could do that (abuse problem)"
        )
        block, cell = divmod(i, topology.block_size)
        yield _finding("bias_cell", block, cell, evidence)


def _finding(kind: str, block: int | None, cell: int | None, evidence: str) -> Finding:
    """Make a finding whose message tells the place, the evidence and the remedy."""
    place = "net" if block is None else f"block {block}"
    place = place if cell is None else f"{place}, cell {cell}"
    return Finding(kind, block, cell, f"{place}: {evidence}. Remedy: {REMEDIES[kind]}")
