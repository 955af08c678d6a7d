"""
Find an anomaly in a stream
===========================

The signal comes from the heart of a patient with internal bleeding (KDD-TSAD, number 135). Experts
have marked one anomaly of twelve steps in 7,501. A net follows the stream step by step, predicts
the next value, and learns from its error. The anomaly is where the error is largest.
"""

# %%
# The stream
# ----------
#
# The first 1,200 steps are normal, so the net learns them ten times. Then it goes through the whole
# series once. ``learn_many`` predicts each step before it learns from it.
import matplotlib.pyplot as plt
import numpy as np
from aeon.datasets import load_kdd_tsad_135

from lstm97 import LSTMRegressor

normal, _ = load_kdd_tsad_135(split="train")
series, is_anomaly = load_kdd_tsad_135(split="test")
model = LSTMRegressor(n_blocks=8, forget_gate=True, random_state=0)
stream = model.stream(n_features=1)
scale = normal.mean(), normal.std()
normal, series = (normal - scale[0]) / scale[1], (series - scale[0]) / scale[1]
for _ in range(10):
    stream.reset()
    stream.learn_many(normal[:-1, np.newaxis], normal[1:])
stream.reset()
predictions, _ = stream.learn_many(series[:-1, np.newaxis], series[1:])

# %%
# Where the error is largest
# --------------------------
#
# The error is averaged over 20 steps, and the orange band marks the anomaly.
error = np.abs(np.ravel(predictions) - series[1:])
smooth = np.convolve(error, np.full(20, 1 / 20), "same")
marked = np.flatnonzero(is_anomaly)
print(f"marked: steps {marked[0]} to {marked[-1]}; largest error: step {smooth.argmax() + 1}")

figure, (signal, errors) = plt.subplots(2, 1, figsize=(9, 4.5), sharex=True, layout="constrained")
signal.plot(series, color="black", linewidth=0.5)
errors.plot(np.arange(1, len(series)), smooth, color="#0072B2", linewidth=0.8)
for axes in (signal, errors):
    axes.axvspan(marked[0] - 20, marked[-1] + 20, color="#D55E00", alpha=0.4, linewidth=0)
    axes.spines[["top", "right"]].set_visible(False)
signal.set_ylabel("signal")
errors.set(ylabel="mean error of 20 steps", xlabel="step", xlim=(0, len(series)))
plt.show()

# %%
# Around the anomaly
# ------------------
#
# The net predicts the regular signal well, and cannot predict the sudden changes.
near = slice(marked[0] - 150, marked[-1] + 150)
figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
axes.plot(np.arange(len(series))[near], series[near], color="black", label="signal")
axes.plot(
    np.arange(1, len(series))[near],
    np.ravel(predictions)[near],
    color="#0072B2",
    label="prediction",
)
axes.axvspan(marked[0], marked[-1], color="#D55E00", alpha=0.3, linewidth=0)
axes.set(xlabel="step")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()
