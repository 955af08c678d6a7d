"""`Trace`, the values of a net at each step of a sequence."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm97._core import Network
from lstm97._kernels.data import Data
from lstm97.data.checks import locate
from lstm97.data.sequences import Sequences
from lstm97.learning.topology import GATES, Topology


@dataclass(frozen=True, eq=False)
class Trace:
    """Values of a net at each step of a sequence; see `LSTMClassifier.trace`.

    The values of cell v of block j are at [:, j, v]. With s = `cell_state`, which is 0 before the
    first step, and the squashing function h of the states (Section 4 of the paper)::

        s[t] = forget_gate[t] * s[t - 1] + input_gate[t] * cell_input[t]
        cell_output[t] = output_gate[t] * h(s[t])

    Attributes
    ----------
    input_gate, forget_gate, output_gate : ndarray of shape (n_steps, n_blocks), or None
        Opening of each gate, from 0 (shut) to 1 (open). None if the blocks do not have this gate;
        it then counts as open.
    cell_input : ndarray of shape (n_steps, n_blocks, block_size)
        Squashed inputs of the cells, the paper's g(net).
    cell_state : ndarray of shape (n_steps, n_blocks, block_size)
        Internal states, the paper's s.
    cell_output : ndarray of shape (n_steps, n_blocks, block_size)
        Activations of the cells, which feed the outputs and the next step.
    hidden : ndarray of shape (n_steps, n_hidden)
        Activations of the conventional hidden units.
    output : ndarray of shape (n_steps, n_outputs)
        Outputs of the net, also at steps without a target.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm97 import LSTMRegressor
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(10, T=20, rng=0)
    >>> model = LSTMRegressor.as_published(max_iter=1, tol=None, random_state=0).fit(X, y)
    >>> (trace,) = model.trace(X[:1])
    >>> added = trace.input_gate[:, :, None] * trace.cell_input
    >>> np.allclose(trace.cell_state, np.cumsum(added, axis=0))
    True
    """

    input_gate: np.ndarray | None
    forget_gate: np.ndarray | None
    output_gate: np.ndarray | None
    cell_input: np.ndarray
    cell_state: np.ndarray
    cell_output: np.ndarray
    hidden: np.ndarray
    output: np.ndarray


def record_traces(topology: Topology, weights: np.ndarray, X: Sequences) -> list[Trace]:
    """Run a net on sequences, and return a trace of each.

    Parameters
    ----------
    topology : Topology
        Topology of the net.
    weights : ndarray of shape (topology.n_weights,)
        Weights of the net.
    X : Sequences
        Sequences to run on.

    Returns
    -------
    list of Trace

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    rows = Network(topology).record(weights, Data(X))
    first = np.cumsum(X.lengths) - X.lengths
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        i, step = locate(int(np.argmin(finite)), first, X.lengths)
        raise ValueError(
            f"a value is not finite in sequence {i}, step {step}: values in X or weights_ are so "
            "large that they overflow"
        )
    return [_cut(topology, part) for part in np.split(rows, first[1:])]


def _cut(topology: Topology, rows: np.ndarray) -> Trace:
    """Return the trace of one sequence, as views of the rows that the kernel has written."""
    units = {group.name: group.n_units for group in topology.hidden_groups}
    widths = {
        **{gate: units.get(gate, 0) for gate in GATES},
        "cell_output": topology.n_cells,
        "hidden": topology.n_hidden,
        "cell_input": topology.n_cells,
        "cell_state": topology.n_cells,
        "output": topology.n_outputs,
    }
    parts = np.split(rows, np.cumsum(list(widths.values()))[:-1], axis=1)
    fields: dict[str, Any] = dict(zip(widths, parts, strict=True))
    for name in ("cell_input", "cell_state", "cell_output"):
        fields[name] = fields[name].reshape(len(rows), topology.n_blocks, topology.block_size)
    for gate in GATES:
        if not getattr(topology, gate):
            fields[gate] = None
    return Trace(**fields)
