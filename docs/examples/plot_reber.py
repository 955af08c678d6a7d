"""
Predict the next symbol of a grammar
====================================

A net reads strings of the embedded Reber grammar, symbol by symbol, and predicts which symbols may
come next (Section 5.1 of the paper). At most steps there are two. The last symbol but one is
difficult: it repeats the second symbol, T or P, after all symbols in between.
"""

# %%
# The net is that of the paper's Table 1, with three blocks of two cells. The inputs also feed the
# outputs, which the text of the paper does not say. The net learns from 256 strings.
from collections import defaultdict
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from lstm97 import LSTMClassifier
from lstm97.tasks import make_embedded_reber
from lstm97.tasks.reber import ALPHABET, INNER, legal

X, y = make_embedded_reber(2000, rng=0)
model = LSTMClassifier.as_published(
    n_blocks=3, block_size=2, output_gate_bias=[-1, -2, -3], cell_bias=False, output_bias=False,
    shortcut=True, init_scale=0.2, learning_rate=0.5, max_iter=40, tol=None, random_state=3,
)  # fmt: skip
model.fit(X[:256], y[:256])

# %%
# The paper counts a string as right if, at every step, all possible symbols have larger outputs
# than all impossible ones. The test does not include strings of the training set.
strings = ["B" + "".join(ALPHABET[symbol] for symbol in string) for string in y]
predictions = model.predict_proba(X)


def is_right(string, probabilities):
    may_come = np.array([[symbol in symbols for symbol in ALPHABET] for symbols in legal(string)])
    least = np.where(may_come, probabilities, 1).min(axis=1)
    return (least > np.where(may_come, 0, probabilities).max(axis=1)).all()


right = [is_right(*pair) for pair in zip(strings, predictions, strict=True)]
new = [i for i in range(256, len(X)) if strings[i] not in strings[:256]]
print(f"right: {sum(right[:256])} of 256 learned, {sum(right[i] for i in new)} of {len(new)} new")

# %%
# In this graph of the grammar, every path from left to right is a string. The width of an arrow is
# the probability that the net gives to its symbol, as a mean over strings. The path of one new
# string is dark.
INNER_AT = [(0, 0), (1, 0), (2, 0.7), (2, -0.7), (3.3, 0.7), (3.3, -0.7), (4.3, 0), (5.3, 0)]
at = {"start": (0, 0), "fork": (1, 0), "join": (9.3, 0), "end": (10.3, 0)}
for outer, height in (("T", 1.7), ("P", -1.7)):
    at |= {(outer, i): (x + 2.5, z + height) for i, (x, z) in enumerate(INNER_AT)}


def way(string):
    """Return the edge of each symbol: the node before it and the node after it."""
    outer = string[1]
    nodes = ["start", "fork", (outer, 0)]
    for symbol in string[2:-2]:
        nodes.append((outer, INNER[nodes[-1][1]][symbol]))
    return list(pairwise([*nodes, "join", "end"]))


given = defaultdict(list, {("start", "fork", "B"): [1.0]})
for string, probabilities in zip(strings, predictions, strict=True):
    for edge, symbol, p in zip(way(string)[1:], string[1:], probabilities, strict=True):
        given[*edge, symbol].append(p[ALPHABET.index(symbol)])

shown = new[19]
figure, axes = plt.subplots(figsize=(9, 4.8), layout="constrained")
for (a, b, symbol), p in given.items():
    color = "#0072B2" if (a, b) in way(strings[shown]) else "0.7"
    start, end = np.array([at[a], at[b]])
    label, style, shrink = (start + end) / 2, "arc3", 8
    if a == b:  # a loop: above the upper node, below the lower one
        up = np.array([0, 1 if a[1] == 2 else -1])
        label = start + 0.75 * up
        start, end = start + 0.12 * up - [0.16, 0], end + 0.14 * up + [0.16, 0]
        style, shrink = f"arc3,rad={-2.4 * up[1]}", 0
    look = {"color": color, "linewidth": 1 + 3 * np.mean(p), "connectionstyle": style}
    look |= {"arrowstyle": "-|>", "shrinkA": shrink, "shrinkB": shrink}
    axes.annotate("", end, start, arrowprops=look)
    box = {"boxstyle": "circle,pad=0.15", "color": "white"}
    axes.text(*label, symbol, ha="center", va="center", color=color, weight="bold", bbox=box)
nodes = np.transpose(list(at.values()))
axes.plot(*nodes, "o", markersize=12, color="white", markeredgecolor="0.4")
axes.set(xlim=(-0.3, 10.6), ylim=(-3.4, 3.4))
axes.set_axis_off()
plt.show()

# %%
# This figure follows the same string step by step. A column shows what the net expects after the
# symbols so far. Rings mark the symbols that the grammar allows.
string, probabilities = strings[shown], predictions[shown]
figure, axes = plt.subplots(figsize=(9, 3.4), layout="constrained")
image = axes.imshow(probabilities.T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
for step, symbols in enumerate(legal(string)):
    for symbol in symbols:
        axes.plot(step, ALPHABET.index(symbol), "o", markersize=15, mfc="none", color="#D55E00")
axes.set_yticks(range(len(ALPHABET)), ALPHABET)
axes.set_xticks(range(len(string) - 1), string[:-1])
axes.tick_params(length=0)
axes.spines[:].set_visible(False)
axes.set(xlabel="symbol read", ylabel="next symbol")
figure.colorbar(image, label="probability")
plt.show()

# %%
# The last ring but one is the difficult one: it is P and not T, because the net read P fourteen
# steps before. Many seeds need longer or fail; our version of Table 1 shows how many trials of
# thirty succeed. The example on conventional hidden units shows why they fail, and what helps.
