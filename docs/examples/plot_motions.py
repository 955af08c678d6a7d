"""
Recognize what a person does
============================

A smart watch records acceleration and turning of students who stand, walk, run or play badminton
(BasicMotions of the UEA archive). The net names the activity after 100 steps of six channels.
"""

# %%
# The recordings
# --------------
#
# Each panel shows one recording of an activity. aeon has channels before time, and
# ``from_channels_first`` turns such arrays into ``Sequences``.
import matplotlib.pyplot as plt
import numpy as np
from aeon.datasets import load_basic_motions

from lstm97 import LSTMClassifier, Sequences

X_train, y_train = load_basic_motions(split="train")
X_test, y_test = load_basic_motions(split="test")
X_train, X_test = Sequences.from_channels_first(X_train), Sequences.from_channels_first(X_test)
activities = np.unique(y_train)
figure, panels = plt.subplots(1, 4, figsize=(10, 2.8), sharey=True, layout="constrained")
for axes, activity in zip(panels, activities, strict=True):
    axes.plot(X_train[np.flatnonzero(y_train == activity)[0]], linewidth=1)
    axes.set(title=activity, xlabel="step")
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("six channels")
plt.show()

# %%
# Learn and test
# --------------
#
# The default settings standardize the channels. The training set has 40 recordings.
model = LSTMClassifier(random_state=0).fit(X_train, y_train)
print(f"{model.score(X_test, y_test):.0%} of {len(X_test)} new recordings")

# %%
# How soon the net recognizes an activity
# ---------------------------------------
#
# The net has learned from one answer at the end of each recording, but it has outputs at every
# step. The lines show the probability of the true activity, as a mean over its recordings in the
# test set. The bands contain the middle half of the recordings.
traces = model.trace(X_test)
colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
for k, (activity, color) in enumerate(zip(activities, colors, strict=True)):
    belief = np.array(
        [t.output[:, k] for t, true in zip(traces, y_test, strict=True) if true == activity]
    )
    low, high = np.quantile(belief, [0.25, 0.75], axis=0)
    axes.plot(belief.mean(axis=0), color=color, label=activity)
    axes.fill_between(np.arange(belief.shape[1]), low, high, color=color, alpha=0.15)
axes.set(xlabel="step", ylabel="probability of the true activity", ylim=(0, 1.02), xlim=(0, 99))
axes.grid(alpha=0.3)
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower right")
plt.show()
