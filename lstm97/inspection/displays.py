"""Plots of a fitted net: one sequence on its way through the cells, and how training went."""

import copy
from itertools import product
from operator import index
from typing import Any, NamedTuple, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from lstm97.data.sequences import SequencesLike
from lstm97.estimators.lstm import LSTMClassifier, LSTMRegressor
from lstm97.learning.traces import Trace

# Okabe and Ito's colours, which all eyes can tell apart; their yellow is too light for lines.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", ":", "-.")
# For what belongs to no block.
NEUTRAL = tuple(product(("#222222", "#999999"), STYLES[:2]))
# More lines than this in a panel cannot be told apart.
MAX_LINES = 8
# More rows of an image than this cannot be named.
MAX_NAMES = 12
# Up to this many steps or epochs, each has a mark.
MAX_MARKS = 60
# Limits of a gate's opening.
OPENING = (0.0, 1.0)
# From this ratio of the largest loss to the smallest on, losses are drawn on a logarithmic scale.
DECADE = 10.0


class Panel(NamedTuple):
    """What one panel shows.

    Attributes
    ----------
    title : str
    values : ndarray of shape (n_steps, n_series), or None
        None, or no series: there is nothing to show.
    names : list of str
        Of the series.
    looks : sequence of (str, str)
        Colour and line style of each series; too few of them make an image of the panel.
    limits : (float, float) or None
        Of the values; None: their own.
    """

    title: str
    values: np.ndarray | None
    names: list[str]
    looks: tuple[tuple[str, str], ...]
    limits: tuple[float, float] | None = None


class CarouselDisplay:
    """One sequence on its way through a net: inputs, gates, cell states and outputs over time.

    Best made by `from_estimator`. A colour stands for a block, in all panels; cells of a block
    differ in their line style. A panel with too many lines becomes an image, with a row for each.

    Parameters
    ----------
    trace : Trace
        Of the sequence.
    inputs : ndarray of shape (n_steps, n_features)
        The sequence.
    output_names : list of str
        Names of the outputs.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The panels, from the top: inputs, input gates, output gates, cell states, outputs; but for
        those of gates, or cells, that the net does not have.
    figure_ : matplotlib Figure

    See Also
    --------
    LSTMClassifier.trace : The same as numbers.

    Examples
    --------
    >>> from lstm97 import CarouselDisplay, LSTMRegressor
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(2000, T=20, rng=0)
    >>> model = LSTMRegressor(
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
        estimator: LSTMClassifier | LSTMRegressor,
        X: SequencesLike,
        *,
        sequence: int = 0,
        ax: Any = None,
    ) -> Self:
        """Run a fitted net on one sequence, and plot what it holds.

        Parameters
        ----------
        estimator : LSTMClassifier or LSTMRegressor
            Fitted.
        X : array-like
            Sequences, as for the estimator's `fit`.
        sequence : int, default=0
            Which of them.
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
            If X is not what the estimator takes, or does not hold this sequence.
        ImportError
            If matplotlib is not installed.
        """
        if not isinstance(estimator, LSTMClassifier | LSTMRegressor):
            raise TypeError(
                "CarouselDisplay is for LSTMClassifier and LSTMRegressor, not for "
                f"{type(estimator).__name__}"
            )
        estimator = copy.copy(estimator)  # another thread may fit it
        check_is_fitted(estimator)
        sequences = estimator._check_X(X, reset=False)
        i = index(sequence)
        if not -len(sequences) <= i < len(sequences):
            raise ValueError(f"sequence={i}: X has {len(sequences)} sequences")
        (trace,) = estimator.trace(sequences[[i]])
        inputs = sequences[i]
        inputs = inputs.toarray() if sparse.issparse(inputs) else inputs
        return cls(trace=trace, inputs=inputs, output_names=_output_names(estimator)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the panels, one below the other.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            One for each panel; None: those of a new figure.

        Returns
        -------
        display : CarouselDisplay
            Itself, with `axes_` and `figure_`.
        """
        panels: list[Any] = [p for p in self._panels() if p.values is not None and p.values.size]
        self.axes_, self.figure_ = _axes_for("CarouselDisplay", panels, ax, 1.4)
        for axes, panel in zip(self.axes_, panels, strict=True):
            if len(panel.looks) < panel.values.shape[1]:
                _draw_image(axes, panel)
            else:
                _draw_lines(axes, np.arange(len(panel.values)), panel)
            axes.set_xlim(-0.5, len(panel.values) - 0.5)
        self.axes_[-1].set_xlabel("step")
        self.figure_.align_ylabels(self.axes_)
        return self

    def _panels(self) -> list[Panel]:
        trace = self.trace
        n_steps, n_blocks, block_size = trace.cell_state.shape
        blocks = [f"block {j}" for j in range(n_blocks)]
        cells = [f"{block}, cell {v}" for block in blocks for v in range(block_size)]
        features = [f"feature {i}" for i in range(self.inputs.shape[1])]
        return [
            Panel("inputs", self.inputs, features, NEUTRAL),
            Panel("input gates", trace.input_gate, blocks, _looks(n_blocks, 1), OPENING),
            Panel("output gates", trace.output_gate, blocks, _looks(n_blocks, 1), OPENING),
            Panel(
                "cell states",
                trace.cell_state.reshape(n_steps, -1),
                blocks if block_size == 1 else cells,
                _looks(n_blocks, block_size),
            ),
            Panel("outputs", trace.output, self.output_names, NEUTRAL),
        ]


class TrainingCurveDisplay:
    """How training went: the loss, and the validation score where there is one, epoch by epoch.

    Best made by `from_estimator`.

    Parameters
    ----------
    losses : list of float
        Mean loss per sequence of each epoch.
    validation_scores : list of float, default=None
        Score of each epoch on the sequences held out.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The panel of the loss and, below it, that of the validation score, if there is one.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from lstm97 import LSTMRegressor, TrainingCurveDisplay
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(2000, T=20, rng=0)
    >>> model = LSTMRegressor(
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
        """Plot what a fitted estimator tells of its training.

        Parameters
        ----------
        estimator : estimator
            Fitted, with a `loss_curve_` and perhaps with `validation_scores_`, as all of this
            package have them.
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
            If not one epoch ended before training diverged.
        ImportError
            If matplotlib is not installed.
        """
        if not hasattr(estimator, "fit"):
            raise TypeError(f"{type(estimator).__name__} is no estimator")
        estimator = copy.copy(estimator)  # as above
        check_is_fitted(estimator)
        losses = getattr(estimator, "loss_curve_", None)
        if losses is None:
            raise TypeError(f"{type(estimator).__name__} has no loss_curve_")
        if len(losses) == 0:
            raise ValueError("loss_curve_ is empty: training diverged in its first epoch")
        scores = getattr(estimator, "validation_scores_", None)
        return cls(losses=losses, validation_scores=scores).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the loss on a logarithmic scale where it falls far, and the validation score.

        Parameters
        ----------
        ax : matplotlib Axes, or array-like of them, default=None
            One for each panel; None: those of a new figure.

        Returns
        -------
        display : TrainingCurveDisplay
            Itself, with `axes_` and `figure_`.
        """
        panels: list[Any] = [Panel("loss", np.array(self.losses)[:, None], [""], _looks(1, 1))]
        if self.validation_scores is not None:
            scores = np.array(self.validation_scores)[:, None]
            panels.append(Panel("validation score", scores, [""], _looks(2, 1)[1:]))
        self.axes_, self.figure_ = _axes_for("TrainingCurveDisplay", panels, ax, 2.4)
        for axes, panel in zip(self.axes_, panels, strict=True):
            _draw_lines(axes, 1 + np.arange(len(panel.values)), panel)
        if max(self.losses) >= DECADE * min(self.losses) > 0.0:
            self.axes_[0].set_yscale("log")
        self.axes_[-1].set_xlabel("epoch")
        self.figure_.align_ylabels(self.axes_)
        return self


def _output_names(estimator: Any) -> list[str]:
    """Name the outputs after classes; those of a regressor have numbers."""
    if hasattr(estimator, "classes_"):
        return [f"class {label}" for label in estimator.classes_]
    return [f"output {k}" for k in range(estimator.n_outputs_)]


def _looks(n_blocks: int, block_size: int) -> tuple[tuple[str, str], ...]:
    """Return colour and line style of cells, block after block; too few, if they are too many."""
    if n_blocks * block_size > MAX_LINES:
        return ()
    return tuple(product(COLORS[:n_blocks], STYLES[:block_size]))


def _axes_for(caller: str, panels: list[Panel], ax: Any, height: float) -> tuple[Any, Any]:
    """Return the axes of the panels, those given or new ones, and their figure."""
    if ax is not None:
        axes = np.ravel(np.array(ax, dtype=object))
        if len(axes) != len(panels):
            titles = ", ".join(panel.title for panel in panels)
            raise ValueError(f"ax holds {len(axes)} axes, {len(panels)} expected: {titles}")
        return axes, axes[0].figure
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install 'lstm97[plot]'") from error
    figure, axes = plt.subplots(
        len(panels), sharex=True, squeeze=False, figsize=(8, 0.6 + height * len(panels)),
        layout="constrained",
    )  # fmt: skip
    return axes[:, 0], figure


def _draw_lines(axes: Any, x: np.ndarray, panel: Any) -> None:
    mark = "." if len(x) <= MAX_MARKS else None
    # There may be looks left over.
    for series, name, (color, style) in zip(panel.values.T, panel.names, panel.looks, strict=False):
        axes.plot(x, series, color=color, linestyle=style, marker=mark, linewidth=1.3, label=name)
    axes.set_ylabel(panel.title)
    if panel.limits is not None:
        axes.set_ylim(panel.limits[0] - 0.05, panel.limits[1] + 0.05)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if len(panel.names) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="small")


def _draw_image(axes: Any, panel: Any) -> None:
    """Draw a row for each series, zero in white; with a sign, red and blue to the same depth."""
    low, high = panel.limits or (panel.values.min(), panel.values.max())
    depth = max(-low, high) or 1.0
    image = axes.imshow(
        panel.values.T, aspect="auto", interpolation="nearest",
        cmap="Blues" if low >= 0.0 else "RdBu_r", vmin=0.0 if low >= 0.0 else -depth, vmax=depth,
    )  # fmt: skip
    axes.set_ylabel(panel.title)
    if len(panel.names) <= MAX_NAMES:
        axes.set_yticks(range(len(panel.names)), panel.names, fontsize="x-small")
    axes.figure.colorbar(image, cax=axes.inset_axes((1.02, 0.0, 0.015, 1.0)))
