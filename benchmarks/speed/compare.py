"""Training speed beside torch.nn.LSTM: one process, one thread, the same sequences.

    python benchmarks/speed/compare.py

torch is no dependency of lstm97: ``pip install torch`` gets it. Without torch only this package is
measured.

The workload is Experiment 4 (adding, T=100, 4 cells), on line: forward pass, gradient and update
for one sequence at a time. Rounds of both take turns, so that a machine whose speed drifts slows
both; quoted are the medians over the rounds, and the median of the ratios.
"""

import argparse
import statistics
import time

import numpy as np

from lstm97 import LSTMRegressor
from lstm97.tasks import make_adding

N_OURS = 2000  # sequences per round
N_TORCH = 40


def ours(T):
    """Return a function that trains on one block through `partial_fit`, and its steps."""
    X, y = make_adding(N_OURS, T=T, rng=0)
    model = LSTMRegressor(input_gate_bias=[-3, -6], learning_rate=0.5, random_state=0)
    model.partial_fit(X, y)
    return lambda: model.partial_fit(X, y), N_OURS, X.n_steps


def torchs(T):
    """Return the same for torch.nn.LSTM with SGD, batches of one sequence."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    X, y = make_adding(N_TORCH, T=T, rng=1)
    sequences = [torch.tensor(np.array(x), dtype=torch.float32)[None] for x in X]
    targets = torch.tensor(y, dtype=torch.float32)
    net, readout = torch.nn.LSTM(2, 4, batch_first=True), torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD([*net.parameters(), *readout.parameters()], lr=0.1)

    def train():
        for x, target in zip(sequences, targets, strict=True):
            optimizer.zero_grad()
            states, _ = net(x)
            loss = 0.5 * (readout(states[0, -1])[0] - target) ** 2
            loss.backward()
            optimizer.step()

    train()
    return train, N_TORCH, X.n_steps


def measure(workers, rounds):
    """Time the workers in turn; return sequences per second and seconds per step, per round."""
    rates = {name: [] for name in workers}
    per_step = {name: [] for name in workers}
    for _ in range(rounds):
        for name, (work, n_sequences, n_steps) in workers.items():
            began = time.perf_counter()
            work()
            seconds = time.perf_counter() - began
            rates[name].append(n_sequences / seconds)
            per_step[name].append(seconds / n_steps)
    return rates, per_step


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--length", type=int, default=100, help="T of the adding problem")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    workers = {"lstm97": ours(options.length)}
    try:
        workers["torch"] = torchs(options.length)
    except ImportError:
        print("torch is not installed: nothing to compare with")
    rates, per_step = measure(workers, options.rounds)
    for name in workers:
        print(
            f"{name:8s} {statistics.median(rates[name]):12,.0f} sequences/s "
            f"{statistics.median(per_step[name]) * 1e9:10,.0f} ns/step"
        )
    if "torch" in rates:
        ratios = [a / b for a, b in zip(rates["lstm97"], rates["torch"], strict=True)]
        print(
            f"ratio    {statistics.median(ratios):12.0f}    "
            f"(lowest {min(ratios):.0f}, highest {max(ratios):.0f})"
        )


if __name__ == "__main__":
    main()
