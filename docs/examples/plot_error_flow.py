"""
Vanishing errors, measured
==========================

In an ordinary recurrent net, an error that flows back is multiplied at every step by weights and by
slopes of squashing functions. It vanishes exponentially (Section 3.1 of the paper). In a memory
cell, it is multiplied by one (Sections 3.2 and 4). This example measures both.
"""

# %%
# ``gradient_report`` splits the full gradient of one target by lag, the number of steps between the
# use of a weight and the target. Its ``full_norm`` has the norm of the part of each lag. No net has
# learned yet. There are ten nets of each kind, each with its own seed and sequence.
import matplotlib.pyplot as plt
import numpy as np

from lstm97 import BPTTRegressor, LSTMRegressor, gradient_report
from lstm97.tasks import make_adding

X, y = make_adding(4005, T=100, rng=0)
kinds = {
    "recurrent net, |w| < 1": (BPTTRegressor, {"init_scale": 1}, "#E69F00"),
    "recurrent net, |w| < 3": (BPTTRegressor, {"init_scale": 3}, "#D55E00"),
    "memory cells": (LSTMRegressor, {"input_gate_bias": [-3, -6]}, "#0072B2"),
}
lags = np.arange(1, 100)
figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
for name, (estimator, settings, color) in kinds.items():
    norms = []
    for i in range(10):
        one = slice(i, i + 1)
        model = estimator(**settings, random_state=i).partial_fit(X[one], y[one])
        norm = gradient_report(model, X[one], y[one]).by_lag.full_norm[lags]
        norms.append(norm / norm[0])
    norms = np.transpose(norms)
    axes.plot(lags, norms, color=color, alpha=0.7, label=[name] + 9 * [None])
    print(f"{name:24} at lag 20: {norms[19].min():.2g} to {norms[19].max():.2g}")
axes.set(yscale="log", ylim=(1e-21, 1e1), xlim=(0, 100))
axes.set(xlabel="lag, in steps before the target", ylabel="norm of the gradient, lag 1 being 1")
axes.grid(alpha=0.3)
axes.spines[["top", "right"]].set_visible(False)
figure.legend(frameon=False, loc="outside upper center", ncols=3)
plt.show()

# %%
# An error that arrives need not be useful. After learning, the input gate selects the steps at
# which the error changes weights: those with a marker, the last step, and hardly any other.
model = LSTMRegressor.as_published(
    input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=30, tol=None, random_state=1
)
model.fit(X[:4000], y[:4000])
x = X[4001]
norm = gradient_report(model, [x], y[4001:4002]).by_lag.full_norm[::-1]  # from the first step on
marked = np.flatnonzero(x[:, 1] == 1)

figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
axes.plot(norm, color="#0072B2")
axes.plot(marked, norm[marked], "o", color="#D55E00", label="marked steps")
axes.set(yscale="log", xlabel="step", ylabel="norm of the gradient")
axes.grid(alpha=0.3)
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="upper center")
plt.show()

# %%
# After twenty steps, even the best of twenty ordinary nets keeps less than a hundredth of the
# gradient of lag 1. Most of them keep less than a millionth. With larger weights the gradient
# vanishes later, unless units saturate. In memory cells, nothing is lost on the way. The remaining
# gradient depends on the gates at both ends, and not on the lag.
