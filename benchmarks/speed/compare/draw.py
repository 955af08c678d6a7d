"""Draw the plots of docs/performance.md."""

import matplotlib.style
from matplotlib.figure import Figure

from lstm97.experiments.plots import GREY, OURS, PAPER, STYLE, as_svg

COLORS = {"lstm97": OURS, "torch": PAPER, "JAX": GREY}
LINE = {"marker": "o", "markersize": 4}


def draw_growth(curves):
    """Return the cost of a step by weights and by length, and memory by length, as SVG."""
    with matplotlib.style.context(STYLE, after_reset=True):
        figure = Figure(figsize=(9, 3), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        _panel(left, curves["weights"], "weights", "nanoseconds per step", 1e9)
        _panel(middle, curves["length"], "steps per sequence", "nanoseconds per step", 1e9)
        _panel(right, curves["memory"], "steps of one sequence", "peak memory in MiB", 1)
        for axes in (
            middle,
            right,
        ):  # these curves are flat; on an axis from zero, noise does not dominate
            axes.set_yscale("linear")
            axes.set_ylim(0, 2 * axes.get_ylim()[1])
        return as_svg(figure, "growth")


def _panel(axes, points, xlabel, ylabel, scale):
    x, y = zip(*points, strict=True)
    axes.plot(x, [scale * value for value in y], **LINE)
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.grid()


def draw_crossover(curves):
    """Return a plot of the time per sequence by the number of cells, on line and in batches."""
    with matplotlib.style.context(STYLE, after_reset=True):
        figure = Figure(figsize=(9, 3.5), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (mode, competitors) in zip(panels, curves["crossover"].items(), strict=True):
            for name, points in competitors.items():
                x, y = zip(*points, strict=True)
                axes.plot(x, [1e6 * value for value in y], label=name, color=COLORS[name], **LINE)
            axes.set(xscale="log", yscale="log", xlabel="cells", ylabel="microseconds per sequence")
            axes.set_title(mode, loc="left")
            axes.grid()
        panels[0].legend()
        return as_svg(figure, "crossover")
