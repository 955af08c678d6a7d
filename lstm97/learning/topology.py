"""Sizes and switches of a net, with the layout of its flat weights and their initial values."""

from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm97.learning.checks import check_at_least, check_fields

# Kinds of gates, in the order of cell.h: those that act on the state come first.
STATE_GATES = ("input_gate", "forget_gate")
GATES = (*STATE_GATES, "output_gate")
# Kinds of units in the hidden layer, in the order of the weight vector.
GROUPS = (*GATES, "cell", "hidden")
# Ranges of the cell input's squashing function g.
CELL_RANGES = {"g": (-2.0, 2.0), "h": (-1.0, 1.0), "logistic": (0.0, 1.0)}
# Allowed values of the other switches that are strings.
RECURRENCES = ("all", "cells", "none")
STATE_ACTIVATIONS = ("h", "identity")
OUTPUT_ACTIVATIONS = ("logistic", "linear", "softmax")
LOSSES = ("squared_error", "log_loss")
CHOICES = {
    "recurrence": RECURRENCES,
    "cell_activation": tuple(CELL_RANGES),
    "state_activation": STATE_ACTIVATIONS,
    "output_activation": OUTPUT_ACTIVATIONS,
    "loss": LOSSES,
}


class Group(NamedTuple):
    """Units of one kind in the hidden layer.

    Attributes
    ----------
    name : str
    first : int
        Position of its first unit in the layer.
    n_units : int
    bias : bool
    """

    name: str
    first: int
    n_units: int
    bias: bool


class Slice(NamedTuple):
    """The place of a group's weights in the flat vector.

    Attributes
    ----------
    start, stop : int
    shape : tuple of int
        (sources, units); a bias is the last source.
    """

    start: int
    stop: int
    shape: tuple[int, int]


def consecutive(shapes):
    """Return the slices of groups that follow one another, by name, from their shapes by name."""
    slices, start = {}, 0
    for name, shape in shapes.items():
        slices[name] = Slice(start, start + shape[0] * shape[1], shape)
        start = slices[name].stop
    return slices


class FlatWeights:
    """Mixin with properties that follow from `slices`, in which "output" is the last group."""

    slices: cached_property[dict[str, Slice]]

    def __getstate__(self: Any) -> dict[str, Any]:
        """Return the fields alone, so that a pickle does not depend on cached values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def n_weights(self) -> int:
        """Length of the flat weight vector; the paper's W, its equation (29)."""
        return self.slices["output"].stop

    def views(self, weights: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return a (sources, units) view of each group's weights, by name."""
        return {
            name: weights[part.start : part.stop].reshape(part.shape)
            for name, part in self.slices.items()
        }


def check_loss(net):
    """Refuse the log loss of outputs that are not probabilities."""
    if net.loss == "log_loss" and net.output_activation == "linear":
        raise ValueError("loss='log_loss' needs logistic or softmax outputs, not linear ones")


@dataclass(frozen=True)
class Topology(FlatWeights):
    """Topology of a net with memory cell blocks and conventional units.

    Parameters
    ----------
    n_inputs, n_outputs : int
    n_blocks : int
        Number of memory cell blocks; the cells of a block share its gates. A net that grows may
        start with none.
    block_size : int
        Number of cells per block.
    n_hidden : int
        Number of conventional logistic units in the hidden layer.
    recurrence : {"all", "cells", "none"}
        Activations of the previous step that are fed back to the hidden layer: all of them, all
        except those of gates, or none.
    input_gate, forget_gate, output_gate : bool
        Whether the blocks have gates of these kinds.
    input_gate_bias, forget_gate_bias, output_gate_bias, cell_bias, output_bias : bool
        Whether these units have a bias; `cell_bias` also applies to conventional units.
    shortcut : bool
        Whether the inputs also feed the outputs directly.
    recurrent_outputs : bool
        Whether the outputs are the first conventional units, without a layer of their own
        (Williams and Zipser 1989). This needs n_blocks=0 and n_hidden >= n_outputs.
    cell_activation : {"g", "h", "logistic"}
        Squashing function of the cell input: the paper's g, its h, or the logistic function.
    state_activation : {"h", "identity"}
        Squashing function of the cell state.
    output_activation : {"logistic", "linear", "softmax"}
    loss : {"squared_error", "log_loss"}
    """

    n_inputs: int
    n_outputs: int
    n_blocks: int = 2
    block_size: int = 2
    n_hidden: int = 0
    recurrence: str = "all"
    input_gate: bool = True
    forget_gate: bool = False
    output_gate: bool = True
    input_gate_bias: bool = True
    forget_gate_bias: bool = True
    output_gate_bias: bool = True
    cell_bias: bool = True
    output_bias: bool = True
    shortcut: bool = False
    recurrent_outputs: bool = False
    cell_activation: str = "g"
    state_activation: str = "h"
    output_activation: str = "logistic"
    loss: str = "squared_error"

    def __post_init__(self):
        check_fields(self, CHOICES)
        check_at_least(self, n_inputs=1, n_outputs=1, n_blocks=0, block_size=1, n_hidden=0)
        if not (self.n_blocks or self.n_hidden or self.shortcut):
            raise ValueError("nothing feeds the outputs: n_blocks=0, n_hidden=0, shortcut=False")
        check_loss(self)
        if self.recurrent_outputs:
            self._check_recurrent_outputs()

    def _check_recurrent_outputs(self):
        if self.n_blocks or self.shortcut or self.output_bias:
            raise ValueError(
                "recurrent_outputs=True cannot be combined with blocks, shortcut or output_bias"
            )
        if self.n_hidden < self.n_outputs:
            raise ValueError(f"n_hidden={self.n_hidden} cannot hold {self.n_outputs} outputs")
        if self.output_activation != "logistic":
            raise ValueError("recurrent_outputs=True needs output_activation='logistic'")

    @cached_property
    def n_cells(self):
        """Number of cells in all blocks."""
        return self.n_blocks * self.block_size

    @cached_property
    def cell_range(self):
        """Lower and upper bounds of g."""
        return CELL_RANGES[self.cell_activation]

    @cached_property
    def hidden_groups(self):
        """The hidden layer's groups of units, in the kernel's order."""
        parts = [
            *((gate, self._n_of(gate), getattr(self, f"{gate}_bias")) for gate in GATES),
            ("cell", self.n_cells, self.cell_bias),
            ("hidden", self.n_hidden, self.cell_bias),
        ]
        groups, first = [], 0
        for name, n_units, bias in parts:
            if n_units:
                groups.append(Group(name, first, n_units, bias))
                first += n_units
        return tuple(groups)

    @cached_property
    def n_units(self):
        """Number of units in the hidden layer, including gates."""
        return sum(group.n_units for group in self.hidden_groups)

    def _n_of(self, gate):
        """Return the number of gates of a kind."""
        return self.n_blocks * getattr(self, gate)

    @cached_property
    def n_gates(self):
        """Number of gates in all blocks."""
        return sum(map(self._n_of, GATES))

    @cached_property
    def first_gates(self):
        """First unit of each kind of gates, in the order of `GATES`; None for a missing kind."""
        first = {group.name: group.first for group in self.hidden_groups}
        return tuple(first.get(gate) for gate in GATES)

    @cached_property
    def first_feedback(self):
        """The first unit that is fed back."""
        return self.n_gates if self.recurrence == "cells" else 0

    @cached_property
    def n_feedback(self):
        """Number of units that are fed back."""
        return 0 if self.recurrence == "none" else self.n_units - self.first_feedback

    @cached_property
    def slices(self):
        """The place of each group in the flat weight vector, by name."""
        fan_in = self.n_inputs + self.n_feedback
        shapes = {g.name: (fan_in + g.bias, g.n_units) for g in self.hidden_groups}
        seen = self.n_cells + self.n_hidden + self.n_inputs * self.shortcut + self.output_bias
        shapes["output"] = (0 if self.recurrent_outputs else seen, self.n_outputs)
        return consecutive(shapes)

    def initial_weights(self, rng, scale, gate_biases):
        """Draw weights from the uniform distribution on [-scale, scale].

        Parameters
        ----------
        rng : numpy.random.Generator
        scale : float
        gate_biases : dict
            Initial biases by kind of gate, as a number or one number per block. Missing kinds get
            random biases.

        Returns
        -------
        weights : ndarray of shape (n_weights,)

        Notes
        -----
        A net with forget gates has the same other weights as a net without them, and `rng` draws
        the same numbers afterwards.
        """
        if self.forget_gate:
            plain = replace(self, forget_gate=False)
            others = np.random.Generator(rng.bit_generator.jumped())
            weights = plain.grown_weights(
                rng.uniform(-scale, scale, plain.n_weights),
                self,
                others.uniform(-scale, scale, self.n_weights),
            )
        else:
            weights = rng.uniform(-scale, scale, self.n_weights)
        views = self.views(weights) if gate_biases else {}
        for name, bias in gate_biases.items():
            if name in views:
                views[name][-1] = bias
        return weights

    def with_block(self):
        """Return the net with one more block."""
        return replace(self, n_blocks=self.n_blocks + 1)

    def grown_weights(self, weights, larger, fresh):
        """Return the weights of a larger net, which contain the weights of this one.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
        larger : Topology
            A net like this one with more blocks, or with one more kind of gates.
        fresh : ndarray of shape (larger.n_weights,)
            Weights of the larger net, from which those of its new units are taken.

        Returns
        -------
        weights : ndarray of shape (larger.n_weights,)
        """
        grown = fresh.copy()
        views = larger.views(grown)
        for name, old in self.views(weights).items():
            rows = self._places(larger, name)
            views[name][np.ix_(rows, np.arange(old.shape[1]))] = old
        return grown

    def _places(self, larger, name):
        """Return the rows of a group's matrix in the larger net for the sources of this net."""
        if name == "output":
            kinds = [("shortcut", self.n_inputs * self.shortcut), *self._widths("cell", "hidden")]
            others = dict(larger._widths("cell", "hidden"))
            bias = self.output_bias
        else:
            fed_back = ("cell", "hidden") if self.recurrence == "cells" else GROUPS
            fed_back = () if self.recurrence == "none" else fed_back
            kinds = [("input", self.n_inputs), *self._widths(*fed_back)]
            others = dict(larger._widths(*fed_back))
            bias = next(group.bias for group in self.hidden_groups if group.name == name)
        rows, start = [], 0
        for kind, width in [*kinds, ("bias", int(bias))]:
            rows.extend(range(start, start + width))
            start += others.get(kind, width)
        return np.array(rows, dtype=int)

    def _widths(self, *names):
        """Return the name and number of units of each group; missing groups have none."""
        widths = {group.name: group.n_units for group in self.hidden_groups}
        return [(name, widths.get(name, 0)) for name in names]


@lru_cache(maxsize=64)
def topology_of(**fields):
    """Return a topology; equal fields give the same object, which has computed its sizes."""
    return Topology(**fields)
