"""Draw docs/carousel.svg: the values of a trained net during a sequence of the adding problem.

python benchmarks/carousel.py
"""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from lstm97 import LSTMRegressor
from lstm97.tasks import make_adding

FILE = Path(__file__).parents[1] / "docs" / "carousel.svg"
SEQUENCE = 4481
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
        figure.savefig(FILE, metadata={"Date": None})


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
