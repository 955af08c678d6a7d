"""Measure everything, print it, and write benchmarks/results/speed.json."""

import argparse
import datetime
import json
import platform
import statistics
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from crossover import CELLS, MODES, crossover
from goals import IMPORT_SECONDS, SLOPE, VERDICT, lines, slope
from growth import by_length, by_weights, memory
from measure import made, take_turns
from records import full_run, kernel_shares
from startup import import_times
from threadpoolctl import threadpool_limits
from workloads import WORKLOADS

RECORD = Path(__file__).parents[2] / "results" / "speed.json"
PACKAGES = ("lstm97", "numpy", "scikit-learn", "torch", "jax", "numba")


class Extent(NamedTuple):
    """Number of rounds, and seconds of a worker in each; curves have their own.

    A worker that takes longer than `least` seconds is called once per round.
    """

    n_rounds: int
    least: float
    n_rounds_of_points: int
    n_steps_of_memory: int
    n_sizes: int


FULL = Extent(11, 0.2, 5, 10_000_000, len(CELLS))
QUICK = Extent(3, 0.05, 3, 1_000_000, len(CELLS) - 2)


def compare(name, extent):
    """Measure one workload, and print the results."""
    workload = WORKLOADS[name]()
    print(f"{name}: {workload.title}", flush=True)
    workers = made(workload.makers)
    times = take_turns(workers, extent.n_rounds, extent.least)
    compiling = {n: w.compile_seconds for n, w in workers.items() if w.compile_seconds is not None}
    for worker, values in times.items():
        note = f"  (compiled in {compiling[worker]:.1f} s)" if worker in compiling else ""
        print(f"    {worker:34s} {1e6 * statistics.median(values):10,.2f} us per sequence{note}")
    print(*lines(times, workload.goals), sep="\n", flush=True)
    goals = [goal._asdict() for goal in workload.goals]
    return {
        "title": workload.title, "seconds": times, "compile_seconds": compiling, "goals": goals
    }  # fmt: skip


def curves(extent):
    """Measure how cost and memory grow."""
    rounds, least = extent.n_rounds_of_points, extent.least / 4
    found = {
        "weights": by_weights(rounds, least),
        "length": by_length(rounds, least),
        "memory": memory(extent.n_steps_of_memory),
    }
    for name, points in found.items():
        print(f"{name}: slope of the log-log fit {slope(points):.2f}", flush=True)
    verdict = VERDICT[slope(found["weights"]) <= SLOPE]
    print(f"    goal for weights: at most {SLOPE}: {verdict}")
    found["crossover"] = {}
    for mode in MODES:
        print(f"by cells, {mode}", flush=True)
        points = crossover(mode, CELLS[: extent.n_sizes], rounds, least)
        found["crossover"][mode] = points
        for name, values in points.items():
            row = " ".join(f"{n}: {1e6 * seconds:,.0f}" for n, seconds in values)
            print(f"    {name:26s} us per sequence, {row}", flush=True)
    return found


def start():
    """Measure the import."""
    times = import_times()
    median = statistics.median(times)
    verdict = VERDICT[median < IMPORT_SECONDS]
    print(f"import: {median:.3f} s beyond scikit-learn; goal below {IMPORT_SECONDS} s: {verdict}")
    return times


def origin():
    """Return where and when the numbers were measured."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"date": today, "processor": processor(), "versions": versions}


def processor():
    """Return the processor's name."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def write(parts):
    """Replace parts of speed.json."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    RECORD.write_text(json.dumps(record | parts, indent=1) + "\n", encoding="utf-8")


def main(description):
    """Measure what the options select."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, metavar="WORKLOAD")
    parser.add_argument("--records", action="store_true")
    options = parser.parse_args()
    extent = QUICK if options.quick else FULL
    with threadpool_limits(1):
        if options.records:
            parts = {"records": full_run() | {"kernel_shares": kernel_shares()}}
            print(json.dumps(parts, indent=1))
            write(parts)
            return
        workloads = {name: compare(name, extent) for name in options.only or WORKLOADS}
        if not options.only:
            parts = {"quick": options.quick, "n_rounds": extent.n_rounds, **origin()}
            parts |= {"workloads": workloads, "import": start(), "curves": curves(extent)}
            write(parts)
