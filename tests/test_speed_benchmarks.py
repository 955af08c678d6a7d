"""The benchmarks of speed run: each workload, the curves, and the memory of a long stream."""

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "benchmarks"
# The modules of the folder have names that others may have, so each script has its own process.
OURS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from workloads import WORKLOADS
done = {}
for name, make in WORKLOADS.items():
    for who, maker in make().makers.items():
        if who not in ("torch", "JAX", "Numba", "limit"):
            worker = maker()
            worker.work()
            done[f"{name}, {who}"] = worker.n_items
print(json.dumps(done))
"""
CURVES = """
import json, sys
sys.path.insert(0, sys.argv[1])
from growth import by_length, by_weights, memory
print(json.dumps([by_weights(1, 0), by_length(1, 0), memory(200_000)]))
"""


def printed(script):
    """Run a script in a process of its own; return the JSON that it prints."""
    command = [sys.executable, "-c", script, str(FOLDER / "speed" / "compare")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def test_every_workload_runs():
    done = printed(OURS)
    for name in ["adding-1000, lstm97 kernel", "reber, lstm97", "batch-512, lstm97 full"]:
        assert done[name] > 0
    assert len(done) >= 20


def test_curves_have_a_point_for_each_size():
    weights, lengths, peaks = printed(CURVES)
    assert [n for n, _ in weights] == sorted(n for n, _ in weights)
    assert len(weights) == 5
    assert [length for length, _ in lengths] == [10, 30, 100, 300, 1000, 3000, 10_000]
    assert [n for n, _ in peaks] == [100_000, 200_000]
    assert peaks[1][1] < peaks[0][1] + 5
