"""Draw the values of a trained net during a sequence of the adding problem.

python benchmarks/carousel.py

This makes docs/carousel.svg and, with a sweep over the steps, docs/carousel_animated.svg.
"""

import io
import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from lstm97 import LSTMRegressor
from lstm97.tasks import make_adding

DOCS = Path(__file__).parents[1] / "docs"
SEQUENCE = 4481
SECONDS = 10
GATE, STATE, OUTPUT, GREY = "#D55E00", "#0072B2", "#009E73", "#666666"
# Text is drawn as shapes, to look the same everywhere. The fixed salt makes the file reproducible.
STYLE = {"svg.hashsalt": "lstm97", "font.size": 10}


def main():
    X, y = make_adding(5000, T=100, rng=0)
    model = LSTMRegressor.as_published(
        input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=30, tol=None, random_state=1
    )
    model.fit(X[:4000], y[:4000])
    (trace,) = model.trace(X[[SEQUENCE]])
    with matplotlib.rc_context(STYLE):
        figure = draw(X[SEQUENCE], trace, y[SEQUENCE])
        figure.savefig(DOCS / "carousel.svg", metadata={"Date": None})
        (DOCS / "carousel_animated.svg").write_text(animated(figure), encoding="utf-8")


def animated(figure):
    """Return the figure as SVG, with data that appear from left to right again and again.

    Browsers that do not animate show all of it.
    """
    for axes in figure.axes:
        for artist in [*axes.lines, *axes.patches, *axes.collections]:
            if artist.get_linestyle() != ":":
                artist.set_gid("data")
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    box = figure.axes[-1].get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    left, right = 72 * box.x0, 72 * box.x1
    height = 72 * figure.get_figheight()
    time = f'keyTimes="0;0.75;1" dur="{SECONDS}s" repeatCount="indefinite"'
    width = right - left + 8
    clip = (
        f'<clipPath id="sweep"><rect x="{left - 2:.1f}" y="0" width="{width:.1f}" '
        f'height="{height:.1f}"><animate attributeName="width" values="0;{width:.1f};{width:.1f}" '
        f"{time}/></rect></clipPath>"
    )
    cursor = (
        f'<rect x="{right:.1f}" y="0" width="1.2" height="{height - 30:.1f}" fill="{GREY}" '
        f'opacity="0"><animate attributeName="x" values="{left:.1f};{right:.1f};{right:.1f}" '
        f'{time}/><animate attributeName="opacity" values="0.7;0.7;0" {time}/></rect>'
    )
    svg = re.sub('<g id="data">', '<g clip-path="url(#sweep)">', text.getvalue())
    return svg.replace("<defs>", f"{clip}<defs>", 1).replace("</svg>", f"{cursor}</svg>")


def draw(x, trace, target):
    """Draw the numbers, and a gate, a cell and the output of the block that learned most."""
    figure, panels = plt.subplots(
        4, sharex=True, figsize=(8, 4.4), layout="constrained", height_ratios=[1.3, 0.8, 1, 1]
    )
    numbers, gate, state, output = panels
    steps, marked = np.arange(len(x)), np.flatnonzero(x[:, 1] == 1)
    numbers.vlines(steps, 0, x[:, 0], color="#c4c4c4", linewidth=2)
    numbers.vlines(marked, 0, x[marked, 0], color="black", linewidth=3)
    for step in marked:
        number = f"{x[step, 0]:.2f}".replace("-", "\N{MINUS SIGN}")
        box = {"color": "white", "pad": 1}
        numbers.text(step + 1, x[step, 0], number, weight="bold", va="center", bbox=box)
    numbers.set_ylim(-1.2, 1.3)
    gate.bar(steps, trace.input_gate[:, 0], color=GATE, width=1.2)
    for axes in (gate, state):
        axes.axhline(0, color="#c4c4c4", linewidth=0.8, zorder=0)
    state.step(steps, trace.cell_state[:, 0, 0], color=STATE, linewidth=2.2, where="mid")
    output.step(steps, trace.output[:, 0], color=OUTPUT, linewidth=2.2, where="mid")
    output.plot(steps[-1], target, "o", color="black", markersize=6, clip_on=False)
    output.text(steps[-1] - 1, target + 0.03, "target", ha="right", weight="bold")
    names = {
        "numbers": "two of them are marked",
        "input gate": "opens at the marks",
        "cell state": "keeps what came in",
        "output": "adds up",
    }
    for axes, (name, what) in zip(panels, names.items(), strict=True):
        look = {"transform": axes.transAxes, "ha": "right"}
        axes.text(-0.02, 0.53, name, weight="bold", size=12, va="bottom", **look)
        axes.text(-0.02, 0.47, what, color=GREY, va="top", **look)
        axes.set_yticks([])
        axes.tick_params(length=0, labelcolor=GREY)
        axes.spines[:].set_visible(False)
        for step in marked:
            axes.axvline(step, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    output.set_xlim(-1, len(x))
    output.set_xlabel("step", color=GREY)
    figure.get_layout_engine().set(w_pad=0.15, h_pad=0.06)
    return figure


if __name__ == "__main__":
    main()
