"""Plots of a fitted net: its values during one sequence, and its training curve."""

import copy
from itertools import product
from operator import index
from typing import Any, NamedTuple, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from lstm97.data.sequences import SequencesLike
from lstm97.estimators.lstm import LSTMClassifier, LSTMRegressor
from lstm97.inspection.wrapped import unwrap
from lstm97.learning.topology import GATES
from lstm97.learning.traces import Trace

# Colours of blocks. The first seven are Okabe and Ito's, which colour-blind readers can tell apart,
# without their yellow, which is too light for lines. The last is the wine of Paul Tol's palettes.
COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#882255",
)
# Line styles of the cells of a block.
STYLES = ("-", "--", ":", "-.")
# Colours and line styles of series that belong to no block.
NEUTRAL = tuple(product(("#222222", "#999999"), STYLES[:2]))
# Readers cannot distinguish more lines than this in one panel.
MAX_LINES = 8
# An image shows the names of at most this many rows.
MAX_NAMES = 12
# Each step or epoch is marked with a dot if there are at most this many.
MAX_MARKS = 60
# Limits of a gate's opening.
OPENING = (0.0, 1.0)
# The scale of losses is logarithmic if the largest is at least this many times the smallest.
DECADE = 10.0


class Panel(NamedTuple):
    """Content of one panel.

    Attributes
    ----------
    title : str
    values : ndarray of shape (n_steps, n_series), or None
        Series to show. The panel is left out if there are none.
    names : list of str
        Names of the series. They are drawn literally, even if they look like TeX.
    line_styles : tuple of (str, str)
        Colour and line style of each series. The panel becomes an image if there are fewer styles
        than series.
    limits : (float, float) or None
        Limits of the axis. None if the values determine them.
    """

    title: str
    values: np.ndarray | None
    names: list[str]
    line_styles: tuple[tuple[str, str], ...]
    limits: tuple[float, float] | None = None


class CarouselDisplay:
    """Plot of inputs, gates, cell states and outputs of a net during one sequence.

    Use `from_estimator` to make one. Each block has its colour, the same in all panels, and the
    cells of a block differ in line style. A panel with too many series for lines becomes an image,
    with a row for each series.

    Parameters
    ----------
    trace : Trace
        Values of the net along the sequence, from `LSTMClassifier.trace`.
    inputs : ndarray of shape (n_steps, n_features)
        The sequence.
    output_names : list of str
        Names of the outputs.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The panels from top to bottom: inputs, gates of each kind, cell states and outputs. There
        are no panels for gates or cells that the net does not have.
    figure_ : matplotlib Figure

    See Also
    --------
    LSTMClassifier.trace : Return the same as numbers.

    Examples
    --------
    >>> from lstm97 import CarouselDisplay, LSTMRegressor
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(2000, T=20, rng=0)
    >>> model = LSTMRegressor.as_published(
    ...     input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=50, tol=None, random_state=0
    ... ).fit(X, y)
    >>> display = CarouselDisplay.from_estimator(model, X, sequence=3)
    >>> [axes.get_ylabel() for axes in display.axes_]
    ['inputs', 'input gates', 'output gates', 'cell states', 'outputs']
    """

    def __init__(self, *, trace: Trace, inputs: np.ndarray, output_names: list[str]) -> None:
        self.trace = trace
        self.inputs = inputs
        self.output_names = output_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: SequencesLike,
        *,
        sequence: int = 0,
        ax: Any = None,
    ) -> Self:
        """Run a fitted net on one sequence, and plot its values at each step.

        Parameters
        ----------
        estimator : LSTMClassifier or LSTMRegressor
            Fitted estimator, or a fitted pipeline or search that ends with one.
        X : array-like
            Sequences, in any form that the estimator's `fit` takes.
        sequence : int, default=0
            Index of the sequence to plot.
        ax : array-like of matplotlib Axes, default=None
            As for `plot`.

        Returns
        -------
        display : CarouselDisplay

        Raises
        ------
        TypeError
            If the estimator has no memory cells.
        ValueError
            If X is not valid for the estimator, or does not hold this sequence.
        ImportError
            If matplotlib is not installed.
        """
        estimator, X = unwrap(estimator, X)
        if not isinstance(estimator, LSTMClassifier | LSTMRegressor):
            raise TypeError(
                "CarouselDisplay is for LSTMClassifier and LSTMRegressor, not for "
                f"{type(estimator).__name__}"
            )
        estimator = copy.copy(estimator)  # another thread may fit the original meanwhile
        check_is_fitted(estimator)
        sequences = estimator._check_X(X, reset=False)
        i = index(sequence)
        if not -len(sequences) <= i < len(sequences):
            raise ValueError(f"sequence={i}, but X has {len(sequences)} sequences")
        (trace,) = estimator.trace(sequences[[i]])
        inputs = sequences[i]
        inputs = inputs.toarray() if sparse.issparse(inputs) else inputs
        return cls(trace=trace, inputs=inputs, output_names=_output_names(estimator)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the panels, one below the other.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            Axes to plot on, one for each panel. None means those of a new figure.

        Returns
        -------
        display : CarouselDisplay
            This display, with `axes_` and `figure_`.
        """
        panels: list[Any] = [p for p in self._panels() if p.values is not None and p.values.size]
        self.axes_, self.figure_ = _axes_for("CarouselDisplay", panels, ax, 1.4)
        for axes, panel in zip(self.axes_, panels, strict=True):
            if len(panel.line_styles) < panel.values.shape[1]:
                _draw_image(axes, panel)
            else:
                _draw_lines(axes, np.arange(len(panel.values)), panel)
            axes.set_xlim(-0.5, len(panel.values) - 0.5)
        self.axes_[-1].set_xlabel("step")
        self.figure_.align_ylabels(self.axes_)
        return self

    def _panels(self) -> list[Panel]:
        """Return all panels, also those of gates and cells that the net does not have."""
        recording = self.trace
        n_steps, n_blocks, block_size = recording.cell_state.shape
        blocks = [f"block {j}" for j in range(n_blocks)]
        cells = [f"{block}, cell {v}" for block in blocks for v in range(block_size)]
        features = [f"feature {i}" for i in range(self.inputs.shape[1])]
        of_gates = _line_styles(n_blocks, 1)
        return [
            Panel("inputs", self.inputs, features, NEUTRAL),
            *(
                Panel(
                    f"{gate.replace('_', ' ')}s",
                    getattr(recording, gate),
                    blocks,
                    of_gates,
                    OPENING,
                )
                for gate in GATES
            ),
            Panel(
                "cell states",
                recording.cell_state.reshape(n_steps, -1),
                blocks if block_size == 1 else cells,
                _line_styles(n_blocks, block_size),
            ),
            Panel("outputs", recording.output, self.output_names, NEUTRAL),
        ]


class TrainingCurveDisplay:
    """Plot of the loss of each epoch, and of the validation score if there is one.

    Use `from_estimator` to make one.

    Parameters
    ----------
    losses : list of float
        Mean loss per sequence of each epoch.
    validation_scores : list of float, default=None
        Score of each epoch on the held-out sequences.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The panel of the loss and, if there are validation scores, their panel below it.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from lstm97 import LSTMRegressor, TrainingCurveDisplay
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(2000, T=20, rng=0)
    >>> model = LSTMRegressor.as_published(
    ...     input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=50, tol=None, random_state=0
    ... ).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(model)
    >>> display.axes_[0].get_yscale()
    'log'
    """

    def __init__(
        self, *, losses: list[float], validation_scores: list[float] | None = None
    ) -> None:
        self.losses = losses
        self.validation_scores = validation_scores

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Plot the training curve of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted estimator with `loss_curve_` and, optionally, `validation_scores_`, as all
            estimators of this package have; or a fitted pipeline or search that ends with one.
        ax : matplotlib Axes, or array-like of them, default=None
            As for `plot`.

        Returns
        -------
        display : TrainingCurveDisplay

        Raises
        ------
        TypeError
            If the estimator has no `loss_curve_`.
        ValueError
            If training diverged in its first epoch.
        ImportError
            If matplotlib is not installed.
        """
        if not hasattr(estimator, "fit"):
            raise TypeError(f"{type(estimator).__name__} is not an estimator: it has no fit")
        estimator, _ = unwrap(estimator)
        estimator = copy.copy(estimator)  # another thread may fit the original meanwhile
        check_is_fitted(estimator)
        losses = getattr(estimator, "loss_curve_", None)
        if losses is None:
            raise TypeError(f"{type(estimator).__name__} has no loss_curve_")
        if len(losses) == 0:
            raise ValueError("loss_curve_ is empty: training diverged in its first epoch")
        scores = getattr(estimator, "validation_scores_", None)
        return cls(losses=losses, validation_scores=scores).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the loss and, below it, the validation score if there is one.

        The scale of the loss is logarithmic if the loss falls by a factor of ten or more.

        Parameters
        ----------
        ax : matplotlib Axes, or array-like of them, default=None
            Axes to plot on, one for each panel. None means those of a new figure.

        Returns
        -------
        display : TrainingCurveDisplay
            This display, with `axes_` and `figure_`.
        """
        of_loss, of_score = _line_styles(2, 1)
        panels: list[Any] = [Panel("loss", np.array(self.losses)[:, None], [""], (of_loss,))]
        if self.validation_scores is not None:
            scores = np.array(self.validation_scores)[:, None]
            panels.append(Panel("validation score", scores, [""], (of_score,)))
        self.axes_, self.figure_ = _axes_for("TrainingCurveDisplay", panels, ax, 2.4)
        for axes, panel in zip(self.axes_, panels, strict=True):
            _draw_lines(axes, 1 + np.arange(len(panel.values)), panel)
        if max(self.losses) >= DECADE * min(self.losses) > 0.0:
            self.axes_[0].set_yscale("log")
        self.axes_[-1].set_xlabel("epoch")
        self.figure_.align_ylabels(self.axes_)
        return self


def _output_names(estimator: Any) -> list[str]:
    """Name a classifier's outputs after its classes, and number those of a regressor."""
    if hasattr(estimator, "classes_"):
        kind = "class" if estimator.target_ndim_ == 1 else "label"
        return [f"{kind} {label}" for label in estimator.classes_]
    return [f"output {k}" for k in range(estimator.n_outputs_)]


def _line_styles(n_blocks: int, block_size: int) -> tuple[tuple[str, str], ...]:
    """Return colour and line style of each cell, or nothing if there are too many lines.

    A gate has the style of the cell in a block of one cell.
    """
    if block_size > len(STYLES) or n_blocks * block_size > MAX_LINES:
        return ()
    return tuple(product(COLORS[:n_blocks], STYLES[:block_size]))


def _axes_for(caller: str, panels: list[Panel], ax: Any, height: float) -> tuple[Any, Any]:
    """Return the axes of the panels, given or new, and their figure."""
    if ax is not None:
        axes = np.ravel(np.array(ax, dtype=object))
        if len(axes) != len(panels):
            titles = ", ".join(panel.title for panel in panels)
            raise ValueError(
                f"ax holds {len(axes)} axes, but the display has {len(panels)} panels: {titles}"
            )
        return axes, axes[0].figure
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install matplotlib") from error
    figure, axes = plt.subplots(
        len(panels), sharex=True, squeeze=False, figsize=(8, 0.6 + height * len(panels)),
        layout="constrained",
    )  # fmt: skip
    return axes[:, 0], figure


def _draw_lines(axes: Any, x: np.ndarray, panel: Any) -> None:
    """Draw a line for each series, with a legend if there is more than one."""
    mark = "." if len(x) <= MAX_MARKS else None
    # NEUTRAL may have more styles than there are series.
    lines = zip(panel.values.T, panel.names, panel.line_styles, strict=False)
    for series, name, (color, style) in lines:
        axes.plot(x, series, color=color, linestyle=style, marker=mark, linewidth=1.3, label=name)
    axes.set_ylabel(panel.title)
    if panel.limits is not None:
        axes.set_ylim(panel.limits[0] - 0.05, panel.limits[1] + 0.05)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if len(panel.names) > 1:
        legend = axes.legend(
            loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="small"
        )
        for text in legend.get_texts():
            text.set_parse_math(False)  # the name of a class may hold a lone "$"


def _draw_image(axes: Any, panel: Any) -> None:
    """Draw an image with a row for each series.

    Zero is white. If there are negative values, the same depth of red and of blue means the same
    distance from zero.
    """
    low, high = panel.limits or (panel.values.min(), panel.values.max())
    depth = max(-low, high) or 1.0
    image = axes.imshow(
        panel.values.T, aspect="auto", interpolation="nearest",
        cmap="Blues" if low >= 0.0 else "RdBu_r", vmin=0.0 if low >= 0.0 else -depth, vmax=depth,
    )  # fmt: skip
    axes.set_ylabel(panel.title)
    if len(panel.names) <= MAX_NAMES:
        places = range(len(panel.names))
        axes.set_yticks(places, panel.names, fontsize="x-small", parse_math=False)
    axes.figure.colorbar(image, cax=axes.inset_axes((1.02, 0.0, 0.015, 1.0)))
