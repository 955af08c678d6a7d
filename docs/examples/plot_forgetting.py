"""
Learn an endless stream with forget gates
=========================================

Strings of the embedded Reber grammar follow each other without a mark between them, and the net is
never reset. At each step the net predicts which symbols may come next, and learns from the answer.
This task is the continual embedded Reber grammar of Gers, Schmidhuber and Cummins, "Learning to
Forget" (Neural Computation 12(10), 2000).

The cell of 1997 only adds to its state. In an endless stream, its states grow until the net is
useless. A forget gate learns when a state is no longer needed.
"""

# %%
# Both nets learn the same 200,000 steps with ``learn_many``.
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from lstm97 import LSTMRegressor
from lstm97.tasks import make_continual_reber

X, y = make_continual_reber(17_000, rng=0)
X, y = X[:200_000], y[:200_000]
biases = [-0.5, -1.0, -1.5, -2.0]
nets = {
    "forget gates": {"forget_gate": True, "forget_gate_bias": [0.5, 1.0, 1.5, 2.0]},
    "the cell of 1997": {},
}
for name, parameters in nets.items():
    model = LSTMRegressor.as_published(
        n_blocks=4,
        block_size=2,
        recurrence="cells",
        cell_bias=False,
        shortcut=True,
        output_activation="logistic",
        input_gate_bias=biases,
        output_gate_bias=biases,
        init_scale=0.2,
        learning_rate=0.5,
        random_state=0,
        **parameters,
    )
    stream = model.partial_fit([X[:1]], [y[:1]]).stream()
    predictions, losses = stream.learn_many(X, y)
    wrong = (np.abs(predictions - y) >= 0.49).any(axis=1)
    print(f"{name}: {wrong[-10_000:].mean():.2%} wrong among the last 10,000 steps")

# %%
# Ten million steps
# -----------------
#
# ``benchmarks/long_stream.py`` follows such a stream for ten million steps. With forget gates, the
# states stay small, and after the first two hundred thousand steps hardly any prediction is wrong.
# Without them, the states keep growing, and a third of the predictions is still wrong at the end. A
# step takes the same time at the end as at the beginning, and no more memory. The plot shows the
# time of the fastest part of each million steps, because other work of the machine disturbs it
# least.
here = Path.cwd()
found = (root / "benchmarks/results/long_stream.json" for root in (here, *here.parents))
results = json.loads(next(path for path in found if path.exists()).read_text())
figure, panels = plt.subplots(3, 1, sharex=True, figsize=(8, 7), layout="constrained")
for (name, net), color in zip(results.items(), ("#0072B2", "#D55E00"), strict=True):
    millions = np.cumsum(net["n_steps"]) / 1e6
    panels[0].plot(millions, net["error"], color=color, label=name)
    panels[1].plot(millions, net["largest_state"], color=color)
    fastest = np.reshape(net["time"], (10, 10)).min(axis=1)
    panels[2].plot(millions[9::10], fastest, "o-", color=color)
    first, last = net["peak_memory"]
    print(f"{name}: {fastest[0]:.2f} microseconds per step at first, {fastest[-1]:.2f} at last")
    print(f"  peak memory after 100,000 steps {first:.0f} MiB, after ten million {last:.0f} MiB")
panels[0].set(ylabel="fraction wrong", ylim=(-0.02, None))
panels[0].legend(frameon=False)
panels[1].set(yscale="log", ylabel="largest |s|")
panels[2].set(ylabel="microseconds per step", ylim=(0, None), xlabel="steps, in millions")
for axes in panels:
    axes.spines[["top", "right"]].set_visible(False)
plt.show()
