"""
The carousel at work
====================

A net of four memory cells learns to add two marked numbers out of a hundred (Section 5.4 of the
paper). Its input gate opens when a marker comes and is shut otherwise, and what it has let in
goes round in the cells, almost unchanged, until the sequence ends. Nobody told the gate when to
open.
"""

# %%
# Every step brings a number and a marker, which is 1 at two steps of a sequence. The target, due
# at the last step, is 0.5 plus a quarter of the sum of the two marked numbers. Input gates begin
# nearly shut, as in the paper.
import matplotlib.pyplot as plt
import numpy as np

from lstm97 import CarouselDisplay, LSTMRegressor
from lstm97.tasks import make_adding

X, y = make_adding(5000, T=100, rng=0)
model = LSTMRegressor.as_published(
    input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=30, tol=None, random_state=1
)
model.fit(X[:4000], y[:4000])
X_test, y_test = X[4000:], y[4000:]
print(f"R2 on new sequences: {model.score(X_test, y_test):.4f}")

# %%
# One new sequence on its way through the net. Dotted lines stand where the markers are.
sequence = 481
display = CarouselDisplay.from_estimator(model, X_test, sequence=sequence)
first, second = np.flatnonzero(X_test[sequence][:, 1] == 1)
for axes in display.axes_:
    for step in (first, second):
        axes.axvline(step, color="0.5", linestyle=":", zorder=0)
display.axes_[-1].axhline(y_test[sequence], color="#009E73", zorder=0)
display.axes_[-1].text(70, y_test[sequence], "target", color="#009E73", va="bottom")
plt.show()

# %%
# The same for all test sequences that have two visible markers. Left: the state of a cell just
# before the second marker, against the first number. Right: the output at the last step.
pairs = []
for x, trace in zip(X_test, model.trace(X_test), strict=True):
    marked = np.flatnonzero(x[:, 1] == 1)
    if len(marked) == 2:
        pairs.append((x[marked[0], 0], trace.cell_state[marked[1] - 1, 0, 0]))
numbers, states = np.transpose(pairs)

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
left.plot(numbers, states, ".", markersize=4, color="#0072B2")
left.set(xlabel="first marked number", ylabel="cell state before the second marker")
right.axline((0.5, 0.5), slope=1, color="0.6", linewidth=1)
right.plot(y_test, model.predict(X_test), ".", markersize=4, color="#D55E00")
right.set(xlabel="target", ylabel="output at the last step")
for axes in (left, right):
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
plt.show()
# sphinx_gallery_thumbnail_path = "carousel.svg"

# %%
# The gate of block 0 opens by less than a half, nearly the same each time, and that is enough:
# the state is the marked number on another scale, with an offset. Between the markers the line is
# not quite level, since a gate is never quite shut, and the net corrects its answer a little at
# the last step, where a marker of -1 ends the sequence. Block 1 has learned hardly anything.
