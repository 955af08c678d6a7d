"""What Section 4 of the paper warns of, found in a fitted net, with the paper's remedies."""

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm97.data.sequences import SequencesLike
from lstm97.estimators.lstm import LSTMClassifier, LSTMRegressor
from lstm97.learning.traces import Trace

# States beyond this are in h's saturation: there h' is less than 1% of h'(0).
SATURATED = 6.0
# A state has drifted if, in this part of the sequences, it ends in the same saturation. One that
# stores something ends on different sides, or in between: what is common to all is no information.
MOST = 0.9
# A gate is stuck if it never opens further than this, or never closes further. The paper's most
# negative bias, -6, opens a gate by 0.0025, and gates have learned from there.
SHUT = 0.001
# A cell is constant if its output varies by less than this part of its mean ...
CONSTANT = 0.05
# ... and it counts if it gives an output more than this part of how much all that the hidden layer
# gives to it varies. Less would hardly be seen, constant or not.
COUNTS = 0.1

_BEGIN_SHUT = (
    "begin with the gate nearly shut, by a negative {}, so that it learns to open where it is of "
    "use (Section 4)"
)
_BEGIN_OPEN = (
    "begin with {} nearer to zero, the paper's are from -1 to -6; or, where the net does well "
    "without the block, with fewer blocks, and add them when needed, by initial_blocks (Section 4)"
)
REMEDIES = {
    "state_drift": "begin with input gates nearly shut, by input_gate=True and a negative "
    "input_gate_bias (Section 4)",
    "input_gate_open": _BEGIN_SHUT.format("input_gate_bias"),
    "input_gate_shut": _BEGIN_OPEN.format("input_gate_bias"),
    "output_gate_open": _BEGIN_SHUT.format("output_gate_bias"),
    "output_gate_shut": _BEGIN_OPEN.format("output_gate_bias"),
    "bias_cell": "add blocks only when the error has stopped falling, by initial_blocks; or begin "
    "with output gates nearly shut, by a negative output_gate_bias that differs from block to "
    "block (Section 4)",
}


class DiagnosisWarning(UserWarning):
    """What `diagnose` warns of.

    Examples
    --------
    Findings without warnings:

    >>> import warnings
    >>> from lstm97 import DiagnosisWarning, LSTMRegressor, diagnose
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(1000, rng=0)
    >>> model = LSTMRegressor(learning_rate=0.5, max_iter=5, tol=None, random_state=0).fit(X, y)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DiagnosisWarning)
    ...     findings = diagnose(model, X)
    >>> len(findings) > 0
    True
    """


@dataclass(frozen=True)
class Finding:
    """What `diagnose` found in one place.

    Attributes
    ----------
    kind : str
        "state_drift", "bias_cell", or one of "input_gate_open", "input_gate_shut",
        "output_gate_open", "output_gate_shut".
    block : int
    cell : int or None
        Within the block; None: its gate is meant.
    message : str
        What was seen, and the paper's remedy.

    Examples
    --------
    >>> import warnings
    >>> from lstm97 import LSTMRegressor, diagnose
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(1000, rng=0)
    >>> model = LSTMRegressor(learning_rate=0.5, max_iter=5, tol=None, random_state=0).fit(X, y)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     finding = diagnose(model, X)[0]
    >>> finding.kind, finding.block, finding.cell
    ('state_drift', 0, 1)
    """

    kind: str
    block: int
    cell: int | None
    message: str

    def __str__(self) -> str:
        """Return the message."""
        return self.message


def diagnose(estimator: LSTMClassifier | LSTMRegressor, X: SequencesLike) -> list[Finding]:
    """Look for cells and gates of a fitted net that have ceased to be of use; warn of each.

    Three things are looked for; remedies are those of the paper's Section 4:

    - *Internal state drift.* Inputs of a cell that are mostly of one sign add up until h is
      saturated, and hardly any error reaches the cell: its state ends beyond 6, on the same side,
      in at least 90% of the sequences.
    - *Stuck gates*: their opening is below 0.001, or above 0.999, at every step of every sequence,
      where they hardly learn any more. The paper does not speak of them, but of initial biases.
    - *The abuse problem.* A cell that does what a bias could do: its output is the same wherever
      the net has targets, within 5%, and counts for an output of the net.

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        Fitted; it is not changed.
    X : array-like
        At least two sequences, as for the estimator's `fit`, which should be of all kinds that the
        net is for: what differs in none of them is taken as constant.

    Returns
    -------
    findings : list of Finding
        Drifts, then gates, then constant cells; for each there was a `DiagnosisWarning`. None is
        proof of a mistake: a net may solve its task and have cells to spare.

    Raises
    ------
    TypeError
        If the estimator has no memory cells.
    ValueError
        If X is not what the estimator takes, or holds a single sequence.

    See Also
    --------
    LSTMClassifier.trace : What the findings are read from.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997:
    Section 4, on the abuse problem and internal state drift. What limits make a finding is this
    package's, not the paper's.

    Examples
    --------
    Where gates begin half open, states drift over a hundred steps, and cells end as biases. The
    remedy helps:

    >>> import warnings
    >>> from lstm97 import LSTMRegressor, diagnose
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(1000, rng=0)
    >>> model = LSTMRegressor(learning_rate=0.5, max_iter=5, tol=None, random_state=0).fit(X, y)
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
    if not isinstance(estimator, LSTMClassifier | LSTMRegressor):
        raise TypeError(
            f"diagnose is for LSTMClassifier and LSTMRegressor, not for {type(estimator).__name__}"
        )
    estimator = copy.copy(estimator)  # another thread may fit it
    traces = estimator.trace(X)
    if len(traces) < 2:
        raise ValueError("X must hold at least 2 sequences: one does not tell what is constant")
    findings = [
        *_drifted_states(estimator, traces),
        *_stuck_gates(traces),
        *_bias_cells(estimator, traces),
    ]
    for finding in findings:
        warnings.warn(finding.message, DiagnosisWarning, stacklevel=2)
    return findings


def _drifted_states(estimator: Any, traces: list[Trace]) -> Iterator[Finding]:
    if estimator.topology_.state_activation == "identity":
        return  # nothing saturates
    last = np.stack([trace.cell_state[-1] for trace in traces])
    beyond = np.maximum((last > SATURATED).mean(axis=0), (last < -SATURATED).mean(axis=0))
    for block, cell in np.argwhere(beyond >= MOST).tolist():
        seen = (
            f"in {beyond[block, cell]:.0%} of the sequences the state ends beyond {SATURATED:g}, "
            "on the same side: h is saturated, and hardly any error reaches the cell (internal "
            "state drift)"
        )
        yield _finding("state_drift", block, cell, seen)


def _stuck_gates(traces: list[Trace]) -> Iterator[Finding]:
    for name in ("input_gate", "output_gate"):
        if getattr(traces[0], name) is None:
            continue
        openings = np.concatenate([getattr(trace, name) for trace in traces])
        low, high = openings.min(axis=0), openings.max(axis=0)
        gate = name.replace("_", " ")
        for block in np.flatnonzero(high < SHUT).tolist():
            seen = f"the {gate} is stuck, it never opens further than {high[block]:.1g}"
            yield _finding(f"{name}_shut", block, None, seen)
        for block in np.flatnonzero(low > 1.0 - SHUT).tolist():
            seen = f"the {gate} is stuck, it never shuts by more than {1.0 - low[block]:.1g}"
            yield _finding(f"{name}_open", block, None, seen)


def _bias_cells(estimator: Any, traces: list[Trace]) -> Iterator[Finding]:
    topology = estimator.topology_
    steps = slice(-1, None) if estimator.target_steps_ == "last" else slice(None)
    cells = np.concatenate([trace.cell_output[steps] for trace in traces])
    cells = cells.reshape(len(cells), -1)
    hidden = np.concatenate([trace.hidden[steps] for trace in traces])
    weights = topology.views(estimator.weights_)["output"][topology.n_inputs * topology.shortcut :]
    layer = np.hstack([cells, hidden])
    spread = (layer @ weights[: layer.shape[1]]).std(axis=0)
    mean, deviation = cells.mean(axis=0), cells.std(axis=0)
    given = np.abs(mean[:, None] * weights[: topology.n_cells])
    abused = (deviation < CONSTANT * np.abs(mean)) & (given > COUNTS * spread).any(axis=1)
    for i in np.flatnonzero(abused).tolist():
        seen = (
            f"its output is {mean[i]:.2g} wherever there are targets, give or take "
            f"{deviation[i]:.1g}, and outputs use it: a bias could do that (abuse problem)"
        )
        block, cell = divmod(i, topology.block_size)
        yield _finding("bias_cell", block, cell, seen)


def _finding(kind: str, block: int, cell: int | None, seen: str) -> Finding:
    place = f"block {block}" if cell is None else f"block {block}, cell {cell}"
    return Finding(kind, block, cell, f"{place}: {seen}. Remedy: {REMEDIES[kind]}")
