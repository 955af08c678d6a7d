"""Plots of the report as SVG; the only module of the experiments that needs matplotlib."""

import io
import math
import re
from itertools import chain

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, LogLocator

from lstm97.experiments.tables import grouped

OURS, PAPER, GREY = "#3579c8", "#d9480f", "#8a8a8a"
TRIAL = {"color": OURS, "marker": "o", "markersize": 4, "mew": 0, "alpha": 0.5, "ls": ""}
FAILED = {"color": GREY, "marker": "x", "markersize": 4, "mew": 0.8, "ls": ""}

# With a fixed salt the same records give the same file. Text is stored as text, so that readers can
# search for words.
STYLE = [
    "default",
    {
        "svg.hashsalt": "lstm97",
        "svg.fonttype": "none",
        "font.size": 8,
        "axes.facecolor": "none",
        "axes.edgecolor": GREY,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": GREY,
        "grid.alpha": 0.25,
        "grid.linewidth": 0.5,
        "legend.frameon": False,
    },
]


def draw_intervals(entries):
    """Return a plot of the training sequences to success of every setting, ours and the paper's.

    Parameters
    ----------
    entries : list of Entry
        Settings with their results.

    Returns
    -------
    svg : str
    """
    with matplotlib.style.context(STYLE, after_reset=True):
        lines = []
        for name, group in grouped(entries, "heading").items():
            lines += [name, *chain(*grouped(group, "row").values())]
        figure = Figure(figsize=(9, 0.9 + 0.19 * len(lines)), layout="constrained")
        axes = figure.add_subplot(xscale="log", xlabel="training sequences to success")
        for y, line in enumerate(lines):
            if not isinstance(line, str):
                _draw_entry(axes, y, line)
        _label_lines(axes, lines)
        figure.legend(handles=_keys(), loc="outside upper right", ncols=5)
        return as_svg(figure, "intervals")


def _draw_entry(axes, y, entry):
    """Draw the line of one setting: the paper's mean, every trial, and our mean."""
    published = entry.setting.published_mean
    if published:
        axes.barh(y, 1.5 * published, left=published / 2, color=GREY, alpha=0.18)
        axes.plot(published, y, "|", color=PAPER, markersize=10, markeredgewidth=2)
    for solved, look in ((True, TRIAL), (False, FAILED)):
        counts = [r["n_sequences"] for r in entry.records if r["solved"] == solved]
        axes.plot(counts, [y] * len(counts), **look)
    if entry.summary.mean_interval:
        axes.plot(entry.summary.mean_interval, [y, y], color=OURS, linewidth=2)
    if entry.summary.n_solved:
        axes.plot(entry.summary.mean, y, "D", color=OURS, markersize=5)


def _label_lines(axes, lines):
    """Label the lines from the top, with the tables' names in bold."""
    names = [line if isinstance(line, str) else line.setting.id for line in lines]
    axes.set_yticks(range(len(lines)), names, parse_math=False)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    for line, label in zip(lines, axes.get_yticklabels(), strict=True):
        label.set_fontweight("bold" if isinstance(line, str) else "normal")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _keys():
    """Return the entries of the legend."""
    return [
        Line2D([], [], color=PAPER, marker="|", markersize=10, mew=2, ls="", label="paper's mean"),
        Patch(color=GREY, alpha=0.18, lw=0, label="half to twice the paper's mean"),
        Line2D([], [], color=OURS, marker="D", markersize=5, lw=2, label="our mean, 95% interval"),
        Line2D([], [], **TRIAL, label="trial"),
        Line2D([], [], **FAILED, label="trial that failed"),
    ]


def draw_curves(entries):
    """Return a plot of the learning curves, one panel per experiment and kind of reading.

    Parameters
    ----------
    entries : list of Entry
        Settings with their results.

    Returns
    -------
    svg : str
    """
    panels = {}
    for entry in entries:
        panels.setdefault(_panel(entry.setting), []).append(entry)
    with matplotlib.style.context(STYLE, after_reset=True):
        n_rows = math.ceil(len(panels) / 2)
        figure = Figure(figsize=(9, 2.1 * n_rows), layout="constrained")
        for i, name in enumerate(sorted(panels), 1):
            _draw_panel(figure.add_subplot(n_rows, 2, i), name, panels[name])
        return as_svg(figure, "curves")


def _panel(setting):
    """Return experiment, method and kind of reading of a setting.

    The id of a reading is the id of its row, or that id with a dash and a word for the kind.
    """
    experiment = setting.row.split("-")[0].removeprefix("exp")
    method = "" if setting.method == "lstm" else setting.method
    return experiment, method, setting.id.removeprefix(setting.row).lstrip("-")


def _draw_panel(axes, name, entries):
    """Draw the learning curves of all trials of some settings, in one colour per setting."""
    axes.set(xscale="log", yscale="log", xlabel="training sequences", ylabel="mean loss")
    title = "Experiment " + ", ".join(filter(None, name))
    axes.set_title(title, loc="left", fontweight="bold", parse_math=False)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), major_formatter="{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.grid()
    for i, entry in enumerate(entries):
        axes.plot([], color=f"C{i}", label=entry.setting.row.partition("-")[2])
        for record in entry.records:
            _draw_curve(axes, record, f"C{i}")
    if len(entries) > 1:
        legend = axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7)
        for text in legend.get_texts():
            text.set_parse_math(False)  # an id is drawn literally
    if not any(entry.records for entry in entries):
        axes.text(0.5, 0.5, "not run", color=GREY, ha="center", transform=axes.transAxes)


def _draw_curve(axes, record, color):
    """Draw the mean loss of each equal part of a trial, at the middle of that part."""
    n = len(record["curve"])
    at = record["n_sequences"] * (np.arange(n) + 0.5) / n
    cross = {} if record["solved"] else {"marker": "x", "markevery": [-1], "markersize": 4}
    axes.plot(at, record["curve"], color=color, linewidth=0.6, alpha=0.6, **cross)


def draw_matrix(rows):
    """Return a plot of the fraction of trials solved, by task and method.

    Parameters
    ----------
    rows : dict of str to dict of str to Summary
        Summaries by title of the task and by method, see `summarize_matrix`.

    Returns
    -------
    svg : str
    """
    methods = list(next(iter(rows.values())))
    with matplotlib.style.context(STYLE, after_reset=True):
        figure = Figure(figsize=(9, 0.8 + 0.42 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        axes.set_xticks(range(len(methods)), methods, parse_math=False)
        axes.set_yticks(range(len(rows)), rows, parse_math=False)
        axes.set(xlim=(-0.5, len(methods) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        for y, row in enumerate(rows.values()):
            for x, method in enumerate(methods):
                _draw_cell(axes, x, y, row[method])
        return as_svg(figure, "matrix")


def _draw_cell(axes, x, y, summary):
    """Draw a bar for the fraction solved and, below its number, the mean of the solved trials."""
    axes.barh(y, 0.94, height=0.88, left=x - 0.47, color=GREY, alpha=0.15)
    if not summary.n_trials:
        axes.text(x, y, "not run", ha="center", va="center", color=GREY)
        return
    axes.barh(y, 0.94 * summary.rate, height=0.88, left=x - 0.47, color=OURS, alpha=0.55)
    count = f"{summary.mean:,.0f}" if summary.n_solved else "none"
    axes.text(x, y - 0.16, f"{summary.rate:.0%}", ha="center", va="center", fontweight="bold")
    axes.text(x, y + 0.22, count, ha="center", va="center", fontsize=7)


def as_svg(figure, name):
    """Return a figure as short SVG, whose ids begin with `name` to be unique in a page."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=nothing)
    svg = file.getvalue()
    svg = re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :])
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    return re.sub(r"(?<=\d\.\d\d)\d+", "", svg)
