"""
How memory cells keep a number
==============================

A net of four memory cells learns to add two marked numbers out of a hundred (Section 5.4 of the
paper). Its input gate learns to open at the markers and to stay closed otherwise. The cells keep
the numbers almost unchanged until the sequence ends.
"""

# %%
# Every step has a number and a marker, which is 1 at two steps of a sequence. The target at the
# last step is 0.5 plus a quarter of the sum of the two marked numbers. The input gates begin nearly
# closed, as in the paper.
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
# The figure shows the net on one new sequence. Dotted lines mark the steps with a marker.
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
# This figure shows all test sequences with two visible markers. The left panel shows the state of a
# cell just before the second marker, against the first number. The right panel shows the output at
# the last step.
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
# The gate of block 0 opens by less than a half, and by nearly the same amount each time. This is
# enough: the state is the marked number on another scale, with an offset. Between the markers the
# line is not quite level, because a gate never closes completely. At the last step, where a marker
# of -1 ends the sequence, the net corrects its answer a little. Block 1 has learned almost nothing.
