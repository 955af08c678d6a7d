"""
Learn from a stream whose rule changes
======================================

In this endless stream, a number comes with a mark. Noise follows, and 10 to 40 steps later the net
has to name the number. It learns one step at a time, always in the same time and memory. Then the
rule changes: the net has to name the number with the opposite sign. It can learn again, or go back
to a snapshot.
"""

# %%
# A step has a number, a mark for the number to keep, and a mark for the question. ``step``
# predicts, ``learn`` moves the weights if there is an answer, and ``reset`` empties the cells after
# the question.
import matplotlib.pyplot as plt
import numpy as np

from lstm97 import ElmanRegressor, LSTMRegressor

TURNED, BACK, END = 4500, 6000, 7500  # questions


def questions(start, stop):
    """Yield steps and answer of each question; the same ones whenever it is called."""
    for question in range(start, stop):
        rng = np.random.default_rng(question)
        steps = np.zeros((rng.integers(10, 41), 3))
        steps[:, 0] = rng.uniform(-1, 1, len(steps))
        steps[0, 1] = steps[-1, 2] = 1
        yield steps, -steps[0, 0] if TURNED <= question < BACK else steps[0, 0]


def errors(stream, start, stop):
    """Go along the stream, learn, and return the error of each answer before it was learned."""
    found = []
    for steps, answer in questions(start, stop):
        for x in steps:
            prediction = stream.step(x)
        stream.learn(answer)
        stream.reset()
        found.append(abs(prediction - answer))
    return found


# %%
# A stream starts from a fitted estimator. Fitting one step of zeros makes an estimator that has
# learned nothing.
nothing = [[[0.0, 0.0, 0.0]]], [0.0]
lstm = LSTMRegressor.as_published(
    n_blocks=1, block_size=2, input_gate_bias=-2, learning_rate=0.5, random_state=0
)
stream = lstm.partial_fit(*nothing).stream()
before = errors(stream, 0, TURNED)
snapshot = stream.snapshot()
turned = errors(stream, TURNED, BACK)
goes_on = errors(stream, BACK, END)
restored = errors(stream.restore(snapshot), BACK, END)

elman = ElmanRegressor.as_published(n_hidden=4, learning_rate=0.5, random_state=0)
other = errors(elman.partial_fit(*nothing).stream(), 0, END)

# %%
# The figure shows the mean error of the last hundred answers.
last = np.full(100, 0.01)
runs = {
    "Elman net": (other, "0.65"),
    "memory cells, snapshot restored": (before + turned + restored, "#D55E00"),
    "memory cells": (before + turned + goes_on, "#0072B2"),
}
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
for name, (found, color) in runs.items():
    axes.plot(np.arange(99, END), np.convolve(found, last, "valid"), color=color, label=name)
for question, name in ((TURNED, "sign turned"), (BACK, "turned back")):
    axes.axvline(question, color="0.5", linestyle=":")
    axes.text(question + 50, 1.0, name, color="0.3")
axes.set(yscale="log", ylim=(0.02, 1.3), xlim=(0, END))
axes.set(xlabel="questions so far", ylabel="mean error of the last 100 answers")
axes.grid(alpha=0.3)
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower left")
plt.show()

# %%
# For three thousand questions nothing seems to happen. Then the gate finds the mark. When the sign
# changes, the net learns again within some hundreds of questions. A snapshot from before makes even
# these unnecessary. The gradient of the Elman net is truncated after one step, and the Elman net
# learns nothing useful. Without ``reset``, the cells of 1997 would fill up, because their states
# only grow. With ``forget_gate=True`` a net needs no ``reset``.
