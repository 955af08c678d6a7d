"""
Why the Reber grammar needs conventional hidden units
=====================================================

In the paper, LSTM learns the embedded Reber grammar in 148 of 150 trials (Section 5.1). With memory
cells only, as in the text, most of our nets fail. With six additional conventional hidden units,
nearly all succeed. Section 4 of the paper allows such units, but its numbers of weights leave no
room for them. This example shows where the nets fail, and what the units change.
"""

# %%
# We begin with the committed records of trials. The left panel shows the fraction of trials that
# were solved within four times the paper's mean, by the number of hidden units, with 95% intervals.
# The right panel shows the number of wrong strings at the end of each trial of the five rows of
# Table 1. The x coordinate only separates the points.
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binomtest

from lstm97.experiments.settings import load_settings
from lstm97.tasks import make_embedded_reber
from lstm97.tasks.reber import ALPHABET, legal

here = Path.cwd()
benchmarks = next(p for root in (here, *here.parents) if (p := root / "benchmarks").is_dir())
ALONE, BESIDE = "#D55E00", "#0072B2"


def records(path):
    return [json.loads(line) for line in (benchmarks / path).read_text("utf-8").splitlines()]


figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for row, marker, color in (("4x1", "o", "#009E73"), ("3x2", "s", "#CC79A7")):
    for n_hidden in (0, 2, 4, 6, 8):
        reading = f"hidden-{n_hidden}" if n_hidden else "literal"
        trials = records(f"fidelity/results/exp1-lstm-{row}-0.5@{reading}.jsonl")
        solved = binomtest(sum(trial["solved"] for trial in trials), len(trials))
        rate, interval = solved.statistic, solved.proportion_ci(method="wilson")
        x = n_hidden + (0.12 if row == "3x2" else -0.12)
        left.plot([x, x], interval, color=color)
        label = f"{row[0]} blocks of {row[2]}" if n_hidden == 0 else None
        left.plot(x, rate, marker, color=color, label=label)
left.set(xlabel="hidden units beside the cells", ylabel="trials solved", ylim=(-0.03, 1.03))
left.legend(frameon=False, loc="lower right")

rng = np.random.default_rng(0)
rows = ("4x1-0.1", "3x2-0.1", "3x2-0.2", "4x1-0.5", "3x2-0.5")
for x, suffix, color in ((0, "", ALONE), (1, "-hidden", BESIDE)):
    trials = [t for row in rows for t in records(f"results/exp1-lstm-{row}{suffix}.jsonl")]
    wrong = [trial["n_wrong"] / trial["n_test"] for trial in trials]
    right.plot(x + rng.uniform(-0.3, 0.3, len(wrong)), wrong, ".", color=color, alpha=0.6)
    half = sum(0.4 < share < 0.6 for share in wrong)
    print(f"{sum(t['solved'] for t in trials)} of {len(trials)} solved, {half} about half wrong")
right.axhline(0.5, color="0.6", linewidth=1, zorder=0)
right.set_xticks((0, 1), ("cells alone", "six units beside them"))
right.set(ylabel="strings wrong at the end", xlim=(-0.5, 1.5))
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Many nets that fail have half of their strings wrong. The last symbol but one of a string repeats
# its second symbol, T or P. A net that does not remember it must guess. To test whether this is the
# reason, ten nets of each kind learn 256 strings in 80 epochs. Then we judge 500 other strings in
# two parts: the last symbol but one, and all other symbols.
X, y = make_embedded_reber(756, rng=0)
new = X[256:]
strings = ["B" + "".join(ALPHABET[symbol] for symbol in string) for string in y[256:]]
may_come = [np.array([[a in some for a in ALPHABET] for some in legal(s)]) for s in strings]


def learned(setting, seed):
    """Return a net of a setting after 80 epochs."""
    model = load_settings()[setting].make_estimator()
    return model.set_params(max_iter=80, tol=None, random_state=seed).fit(X[:256], y[:256])


def judged(model):
    """Return the fractions of strings whose rest, and whose last symbol but one, are right."""
    steps = [
        np.where(allowed, p, 1).min(axis=1) > np.where(allowed, 0, p).max(axis=1)
        for allowed, p in zip(may_come, model.predict_proba(new), strict=True)
    ]
    rest = [np.delete(step, -2).all() for step in steps]
    return np.mean(rest), np.mean([step[-2] for step in steps])


def mean_states(model):
    """Return the mean absolute state of the cells at each of the first 20 steps."""
    states = [np.abs(trace.cell_state).mean(axis=(1, 2)) for trace in model.trace(new)]
    return [np.mean([s[step] for s in states if len(s) > step]) for step in range(20)]


# %%
# In the left panel, nets with blocks of one cell tell T from P no better than by chance, although
# some of them know the other symbols. In the middle panel, no net with blocks of two cells knows
# both. With six additional units, all nets distinguish T from P, and nearly all know the other
# symbols. Many points lie on each other. The right panel shows the mean absolute state of each net
# with blocks of one cell. In nets of cells only, it grows by more than one at every step.
figure, panels = plt.subplots(1, 3, figsize=(9, 3.6), layout="constrained")
nets, parts = {}, {}
for axes, row in zip(panels, ("4x1", "3x2"), strict=False):
    axes.axhline(0.5, color="0.6", linewidth=1, zorder=0)
    for suffix, color, label in (("", ALONE, "cells alone"), ("-hidden", BESIDE, "six units, too")):
        kind = row + suffix
        nets[kind] = [learned(f"exp1-lstm-{row}-0.5{suffix}", seed) for seed in range(10)]
        parts[kind] = [judged(model) for model in nets[kind]]
        axes.plot(*np.transpose(parts[kind]), "o", color=color, alpha=0.5, label=label)
    axes.set(title=f"{row[0]} blocks of {row[2]}", xlabel="strings whose rest is right")
    axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04))
panels[0].set_ylabel("strings whose second T or P is right")
panels[0].legend(frameon=False, loc="lower left")
for kind, color in (("4x1", ALONE), ("4x1-hidden", BESIDE)):
    for model in nets[kind]:
        panels[2].plot(range(1, 21), mean_states(model), color=color, alpha=0.5)
panels[2].set(title="4 blocks of 1", xlabel="step", ylabel="mean |s|", xticks=(1, 10, 20), ylim=0)
for axes in panels:
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The next figure follows one string through a net of each kind: the first net that knows all
# symbols except T and P, and the first net that knows everything. The error that reaches a cell is
# multiplied by the slope of h, the function that squashes the state. The third row shows this
# slope. If the state is far from zero, the error is lost.
guesser = next(m for m, p in zip(nets["4x1"], parts["4x1"], strict=True) if p[0] > 0.99)
kind = "4x1-hidden"
knower = next(m for m, p in zip(nets[kind], parts[kind], strict=True) if min(p) > 0.99)
shown = next(i for i, string in enumerate(strings) if len(string) == 20)
string = strings[shown]

figure, panels = plt.subplots(4, 2, sharex=True, sharey="row", figsize=(9, 8), layout="constrained")
steps = range(1, len(string))
for column, model in zip(panels.T, (guesser, knower), strict=True):
    (trace,) = model.trace(new[shown : shown + 1])
    states = trace.cell_state[:, :, 0]
    slopes = (1 - np.tanh(states / 2) ** 2) / 2
    for block in range(4):
        for axes, values in zip(column, (trace.input_gate, states, slopes), strict=False):
            axes.plot(steps, values[:, block], label=f"block {block}")
    for symbol, color in (("T", "#E69F00"), ("P", "0.3")):
        column[3].plot(steps, trace.output[:, ALPHABET.index(symbol)], color=color, label=symbol)
    column[3].plot(len(string) - 2, 1, "o", mfc="none", markersize=12, color="0.5")
    column[3].set_xticks(steps, string[:-1])
    column[3].set_xlabel("symbol read")
    for axes in column:
        axes.spines[["top", "right"]].set_visible(False)
panels[0, 0].set(title="cells alone: guesses", ylabel="input gates")
panels[0, 1].set(title="six units beside the cells: knows")
panels[1, 0].set(ylabel="states s")
panels[2, 0].set(ylabel="slope of h at s")
panels[3, 0].set(ylabel="outputs T and P")
panels[2, 0].legend(frameon=False, fontsize="small")
panels[3, 1].legend(frameon=False, fontsize="small")
plt.show()

# %%
# Which block remembers? The figure shows the states before the second T or P, as means and standard
# deviations over the 500 strings. On the right, the states of block 2 differ, and its gate is
# nearly closed in between.
for name, model in (("cells alone", guesser), ("six units, too", knower)):
    before = np.array([trace.cell_state[-2, :, 0] for trace in model.trace(new)])
    for symbol in "TP":
        states = before[[string[1] == symbol for string in strings]].T
        means = ", ".join(f"{each.mean():6.1f} ({each.std():.1f})" for each in states)
        print(f"{name}, {symbol}: {means}")

# %%
# If only cells feed the outputs, they must represent the states of the grammar and the memory at
# once. One input gate is always open, and the others are open nearly always. The states grow by up
# to 2 per step, and after ten steps no error passes. The net can then no longer learn to hold the
# second symbol. Section 4 of the paper calls this the abuse problem. Conventional hidden units get
# their error directly from the outputs and are fed back. They work like an Elman net, so a cell is
# free to remember. The same units without cells solve nothing, as the matrix shows.
