"""Compare the speed of this checkout with that of another one, in one run.

    python benchmarks/speed/against.py ../other [--rounds 21] [--only adding-100 stream ...]

Both checkouts must be built in place (python setup.py build_ext --inplace). Each runs its own
workloads, those of benchmarks/speed/compare, in a process of its own. The two processes take turns,
and what counts is the median over the rounds of the ratio of their times: below 1, this checkout is
faster.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
WORKLOADS = {
    "adding-100": ["lstm97", "lstm97 kernel"],
    "adding-1000": ["lstm97", "lstm97 kernel"],
    "long-lag": ["lstm97"],
    "reber": ["lstm97", "lstm97 kernel"],
    "online-256": ["lstm97"],
    "batch-128": ["lstm97 truncated", "lstm97 full"],
    "predict-4": ["lstm97"],
    "lockstep": ["16 in lockstep"],
    "stream": ["Stream.step", "Stream.learn"],
    "import": ["import lstm97"],
}
# Seconds that a worker has in a round.
LEAST = 0.1


def stream_workers():
    """Return workers that take 1,000 steps along a stream, with and without learning."""
    import numpy as np
    from measure import Worker

    from lstm97 import LSTMRegressor

    rows = np.random.default_rng(0).normal(size=(1000, 2))
    make = getattr(LSTMRegressor, "as_published", LSTMRegressor)  # in older checkouts the default
    model = make(random_state=0).partial_fit([rows], [0.0])
    running, learning = model.stream(), model.stream()

    def run():
        for row in rows:
            running.step(row)

    def learn():
        for row in rows:
            learning.step(row)
            learning.learn(0.5)

    return {"Stream.step": Worker(run, len(rows)), "Stream.learn": Worker(learn, len(rows))}


def import_workers():
    """Return a worker that imports the package in a fresh process, after its dependencies."""
    from measure import Worker

    script = (
        "import time, sklearn.base, scipy.sparse, joblib, threadpoolctl; t = time.perf_counter(); "
        "import lstm97; print(time.perf_counter() - t)"
    )
    command = [sys.executable, "-c", script]
    return {"import lstm97": Worker(lambda: float(subprocess.check_output(command)), 1)}


def workers_of(name):
    """Return the workers of a workload of the checkout that this process runs."""
    if name == "stream":
        return stream_workers()
    if name == "import":
        return import_workers()
    if name == "online-256":  # a point of the curves by cells
        import crossover

        makers = crossover.on_line(256)
    else:
        import workloads

        makers = workloads.WORKLOADS[name]().makers
    return {worker: makers[worker]() for worker in WORKLOADS[name]}


def serve():
    """Answer each line, a workload and a worker, with seconds per item."""
    made = {}
    for line in sys.stdin:
        name, worker = line.strip().split("\t")
        if name not in made:
            made[name] = workers_of(name)
        print(measure(made[name][worker]), flush=True)


def measure(worker):
    """Return the seconds per item of a worker, called for at least `LEAST` seconds."""
    n_calls, spent = 0, 0.0
    while spent < LEAST:
        began = time.perf_counter()
        told = worker.work()
        spent += told if isinstance(told, float) else time.perf_counter() - began
        n_calls += 1
    return spent / (n_calls * worker.n_items)


class Checkout:
    """A process that runs the workloads of one checkout."""

    def __init__(self, folder):
        own = Path(folder).resolve()
        path = os.pathsep.join(map(str, [own, own / "benchmarks" / "speed" / "compare"]))
        threads = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "1")
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"], text=True, cwd=own,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, **threads, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""},
        )  # fmt: skip

    def measure(self, name, worker):
        """Return seconds per item."""
        print(f"{name}\t{worker}", file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


def main():
    """Take turns and print the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", nargs="?", help="the folder of the other checkout")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    this, other = Checkout(HERE), Checkout(options.other)
    print(f"{'':32}{'this, us':>12}{'other, us':>12}{'ratio':>8}  quartiles")
    for name in options.only:
        for worker in WORKLOADS[name]:
            rounds = []
            for i in range(options.rounds + 1):
                turns = [this, other] if i % 2 else [other, this]
                seconds = {turn: turn.measure(name, worker) for turn in turns}
                rounds.append((seconds[this], seconds[other]))
            report(f"{name}, {worker}", rounds[1:])  # the first one prepares the workers


def report(title, rounds):
    """Print medians and quartiles of the rounds."""
    mine, others = (1e6 * statistics.median(values) for values in zip(*rounds, strict=True))
    low, middle, high = statistics.quantiles([a / b for a, b in rounds], n=4)
    print(f"{title:32}{mine:12,.2f}{others:12,.2f}{middle:8.3f}  {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
