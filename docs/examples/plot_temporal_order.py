"""
Look at the memory of a net
===========================

Only two symbols of a hundred matter, each of them X or Y, and their order determines the class
(Section 5.6 of the paper, Experiment 6a). The states of the cells show what the net remembers. They
separate at the first relevant symbol, and again at the second.
"""

# %%
# All other symbols are random: a, b, c or d, between an E and a B. The first X or Y comes after 9
# to 19 symbols, and the second after 49 to 59. The net has to name the class at the end.
import matplotlib.pyplot as plt
import numpy as np

from lstm97 import LSTMClassifier
from lstm97.tasks import make_temporal_order

X, y = make_temporal_order(6000, rng=0)
model = LSTMClassifier.as_published(
    input_gate_bias=[-2, -4], learning_rate=0.5, max_iter=8, tol=None, random_state=1
)
model.fit(X[:5000], y[:5000])
print(f"right, of 1000 new sequences: {model.score(X[5000:], y[5000:]):.1%}")


# %%
# Each line shows the state of block 0 for one sequence. Blue lines have X first, and the others
# have Y first. Relevant symbols come in the grey ranges.
states = np.stack([trace.cell_state[:99, 0] for trace in model.trace(X[5000:5200])])
classes = y[5000:5200]
names = ["X, X", "X, Y", "Y, X", "Y, Y"]
colors = np.array(["#0072B2", "#56B4E9", "#E69F00", "#D55E00"])

figure, panels = plt.subplots(2, sharex=True, figsize=(8, 5.4), layout="constrained")
for cell, axes in enumerate(panels):
    for first, last in ((9, 19), (49, 59)):
        axes.axvspan(first, last, color="0.92", zorder=0)
    for line, color in zip(states[:, :, cell], colors[classes], strict=True):
        axes.plot(line, color=color, linewidth=0.6)
    axes.set(ylabel=f"state of cell {cell}", xlim=(0, 98))
    axes.spines[["top", "right"]].set_visible(False)
panels[1].set_xlabel("step")
keys = [plt.Line2D([], [], color=color) for color in colors]
figure.legend(keys, names, frameon=False, loc="outside upper center", ncols=4)
plt.show()

# %%
# The next figure shows both states before the first relevant symbol, between the two, and after the
# second.
figure, panels = plt.subplots(1, 3, sharey=True, figsize=(8, 3.2), layout="constrained")
for step, axes in zip((8, 40, 98), panels, strict=True):
    axes.scatter(*states[:, step].T, s=6, color=colors[classes])
    axes.set(title=f"step {step}", xlabel="state of cell 0", xlim=(-7, 7), ylim=(-4, 13))
    axes.spines[["top", "right"]].set_visible(False)
for k, name in enumerate(names):
    x, z = states[classes == k, 98].mean(axis=0)
    panels[2].text(x, z + 1.1, name, color=colors[k], ha="center", weight="bold")
panels[0].set_ylabel("state of cell 1")
plt.show()

# %%
# One cloud becomes two and then four, and each class has its own place. Between the jumps, the
# lines are not level: gates that are nearly closed let a little in at each of a hundred steps, and
# without forget gates it stays. With other seeds the clouds are elsewhere, and some seeds need more
# sequences.
