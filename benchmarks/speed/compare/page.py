"""Write the numbers of docs/performance.md, and its plots, from benchmarks/results/speed.json.

    python benchmarks/speed/compare/page.py

The script replaces the text between `<!-- made from records: NAME -->` and `<!-- end -->`. The rest
is written by hand.
"""

import json
import re
import statistics
from pathlib import Path

from draw import draw_crossover, draw_growth
from goals import IMPORT_SECONDS, KERNEL_SHARE, SLOPE, Goal, is_reached, ratio, slope

ROOT = Path(__file__).parents[3]
RECORD = ROOT / "benchmarks" / "results" / "speed.json"
PAGE = ROOT / "docs" / "performance.md"
PART = re.compile(r"(<!-- made from records: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
NOTHING = "Not measured yet.\n"
VERDICT = {True: "yes", False: "**no**"}


def table(headings, rows):
    """Return a Markdown table; the columns but the first two are right-aligned."""
    lines = [headings, ["---", "---", *["---:"] * (len(headings) - 2)], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def measured(record):
    """Return where, when and with which versions the numbers were measured."""
    names = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    rounds = f"{record['n_rounds']} rounds"
    if record["quick"]:
        rounds += " (a quick run: these numbers are for trying out only)"
    place = f"on one thread of an {record['processor']} processor"
    return f"These numbers were measured on {record['date']}, {place}, in {rounds}, with {names}.\n"


def goals(record):
    """Return measured ratios and their goals."""
    rows = []
    for workload in record["workloads"].values():
        for goal in (Goal(**fields) for fields in workload["goals"]):
            value = ratio(workload["seconds"], goal.slow, goal.fast)
            rows.append([
                workload["title"],
                f"{goal.slow} / {goal.fast}",
                number(value.median) if value else "not measured",
                f"{number(value.low)} to {number(value.high)}" if value else "",
                f"{'at most' if goal.at_most else 'at least'} {goal.bound:g}",
                VERDICT[is_reached(goal, value.median)] if value else "",
            ])  # fmt: skip
    headings = ["workload", "times of", "ratio", "lowest to highest", "goal", "reached"]
    return table(headings, rows)


def times(record):
    """Return every competitor's time."""
    rows = []
    for workload in record["workloads"].values():
        for name, values in workload["seconds"].items():
            compiling = workload["compile_seconds"].get(name)
            rows.append([
                workload["title"],
                name,
                f"{1e6 * statistics.median(values):,.1f}",
                "" if compiling is None else f"{compiling:.1f}",
            ])  # fmt: skip
    return table(["workload", "", "microseconds per sequence", "seconds to compile"], rows)


def growth(record):
    """Return how the cost of a step, and memory, grow."""
    curves = record["curves"]
    weights, memory = curves["weights"], curves["memory"]
    reached = VERDICT[slope(weights) <= SLOPE]
    return (
        f"- From {weights[0][0]:,} to {weights[-1][0]:,} weights, the slope of the time per step "
        f"in a log-log plot is {slope(weights):.2f}. Goal: at most {SLOPE}; reached: {reached}.\n"
        f"- From {curves['length'][0][0]:,} to {curves['length'][-1][0]:,} steps per sequence, the "
        f"slope of the time per step is {slope(curves['length']):.2f}.\n"
        f"- Peak memory is {memory[0][1]:.0f} MiB after {memory[0][0]:,} steps of one sequence and "
        f"{memory[-1][1]:.0f} MiB after {memory[-1][0]:,}.\n"
    )


def sizes(record):
    """Return the sizes up to which this package is faster."""
    lines = []
    for mode, points in record["curves"]["crossover"].items():
        ours = dict(points["lstm97"])
        for name in points.keys() - {"lstm97"}:
            theirs = dict(points[name])
            slower = [n for n in theirs if ours[n] > theirs[n]]
            lines.append(f"- {mode.capitalize()}, {name}: {_where(slower, list(theirs))}.\n")
    return "".join(sorted(lines))


def _where(slower, all_sizes):
    """Return the numbers of cells for which the competitor is faster."""
    if not slower:
        return f"lstm97 is faster at all sizes measured, {all_sizes[0]} to {all_sizes[-1]} cells"
    if slower == all_sizes:
        return f"the better choice at all sizes measured, {all_sizes[0]} to {all_sizes[-1]} cells"
    if slower == all_sizes[-len(slower) :]:
        return f"the better choice from {slower[0]} cells on"
    return f"the better choice at {', '.join(map(str, slower))} cells"


def start(record):
    """Return the time of the import."""
    seconds = statistics.median(record["import"])
    return (
        f"`import lstm97` takes {seconds:.2f} s beyond `import sklearn`, the median of "
        f"{len(record['import'])} fresh processes. Goal: less than {IMPORT_SECONDS} s; reached: "
        f"{VERDICT[seconds < IMPORT_SECONDS]}.\n"
    )


def experiments(record):
    """Return the time of the paper's experiments."""
    found = record["records"]
    shares = found["kernel_shares"]
    listed = ", ".join(f"`{name}` {share:.0%}" for name, share in shares.items())
    return (
        f"By the seconds in the committed records, the LSTM rows of `lstm97 reproduce --full` take "
        f"{found['hours']:.1f} hours on {found['n_cores']} cores ({found['n_records']} of "
        f"{found['n_wanted']} trials have a record). Share of a trial's time inside the kernel: "
        f"{listed}. Goal: at least {KERNEL_SHARE:.0%} of each; reached: "
        f"{VERDICT[min(shares.values()) >= KERNEL_SHARE]}.\n"
    )


def number(x):
    """Format a number with three digits, or with all digits before the point."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


PARTS = {
    "measured": measured, "goals": goals, "times": times, "growth": growth, "sizes": sizes,
    "start": start, "experiments": experiments,
}  # fmt: skip
NEEDS = {"start": "import", "experiments": "records"}  # parts of the record; others: the rest


def read():
    """Return the record, which is empty if there is no file."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def page(record):
    """Return docs/performance.md with new generated parts."""

    def part(match):
        is_there = NEEDS.get(match[2], "workloads") in record
        return match[1] + (PARTS[match[2]](record) if is_there else NOTHING)

    return PART.sub(part, PAGE.read_text(encoding="utf-8"))


def main():
    """Write the page and its plots."""
    record = read()
    PAGE.write_text(page(record), encoding="utf-8")
    if "curves" in record:
        plots = {"growth": draw_growth, "crossover": draw_crossover}
        for name, draw in plots.items():
            plot = draw(record["curves"])
            (ROOT / "docs" / f"{name}.svg").write_text(plot, encoding="utf-8")


if __name__ == "__main__":
    main()
