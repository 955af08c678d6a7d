"""Write the documents, and parts of documents, that are made from benchmarks/results.

    python benchmarks/reproduce.py

These are docs/matrix.svg, docs/reproduction.svg, and the parts of README.md, docs/baselines.md and
docs/reproduction.md between `<!-- made from records: NAME -->` and `<!-- end -->`.

The records of trials come from ``lstm97 reproduce --full`` and ``lstm97 matrix``, both with
``--store benchmarks/results``; running these again only adds missing trials. The other records come
from fahlman.py, truncation.py and speed/cost.py.
"""

import json
import re
import runpy
import statistics
from collections import Counter
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np

from lstm97.experiments.matrix import matrix_table, summarize_matrix
from lstm97.experiments.report import markdown_tables, matrix_plot
from lstm97.experiments.settings import load_settings
from lstm97.experiments.statistics import AIM_RULE, VERDICT_RULES, summarize
from lstm97.experiments.store import Store
from lstm97.experiments.tables import DASH, aims_met, make_entries

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PART = re.compile(r"(<!-- made from records: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)

# The algorithms that the paper's abstract compares LSTM with.
OTHERS = ("rtrl", "bptt", "cascade", "elman", "chunker")
# Rows for the front page: one for each experiment, in the reading that gives the paper's numbers.
FRONT_PAGE = [
    "exp1-lstm-3x2-0.5-hidden", "exp2a-lstm-100-end", "exp2c-1000-1000-unfed", "exp3a-100-3",
    "exp4-100", "exp5-100-140-biased", "exp6a",
]  # fmt: skip
# Settings of Experiment 1 that tell what cells and conventional hidden units do for each other.
HIDDEN_UNITS = [
    "exp1-elman", "exp1-elman-six", "exp1-lstm-3x2-0.1", "exp1-lstm-3x2-0.5",
    "exp1-lstm-3x2-0.1-hidden", "exp1-lstm-3x2-0.5-hidden",
]  # fmt: skip

VERDICT = re.compile(rf"\| ({'|'.join(VERDICT_RULES)})( \(aim (?:not )?met\))? \|$", re.MULTILINE)


@cache
def results():
    """Return every setting with its records of all seeds."""
    store = Store(RESULTS)
    return [(setting, store.read(setting)) for setting in load_settings().values()]


@cache
def rows_and_readings():
    """Return how many rows meet the aim, and how many readings have each verdict."""
    entries = make_entries(results())
    counts = Counter(entry.verdict for entry in entries)
    rows = [[mark(verdict), str(n)] for verdict, n in counts.most_common()]
    return f"{aims_met(entries)}\n\n{table(['verdict', 'readings'], rows)}"


def mark(verdict):
    """Return a verdict as HTML, which has a color on the page."""
    return f'<span class="verdict {verdict.replace(" ", "-")}">{verdict}</span>'


def rules():
    """Return the condition of each verdict as a table."""
    rows = [[mark(verdict), condition] for verdict, condition in VERDICT_RULES.items()]
    return table(["verdict", "condition"], [*rows, ["aim met", AIM_RULE]])


@cache
def tables():
    """Return the paper's tables with our results."""
    text = markdown_tables(results())
    return VERDICT.sub(lambda match: f"| {mark(match[1])}{match[2] or ''} |", text) + "\n"


@cache
def claims():
    """Return the claims of the paper's abstract, our results, and whether the claims hold."""
    tasks = summarize_matrix(Store(RESULTS))
    best, alone, ratios = [], [], []
    for title, row in tasks.items():
        lstm, others = row["lstm"], [row[name] for name in OTHERS]
        best += [title] * all(lstm.rate >= other.rate for other in others)
        alone += [title] * (lstm.n_solved > 0 and not any(other.n_solved for other in others))
        ratios += [other.mean / lstm.mean for other in others if min(lstm.rate, other.rate) >= 0.5]
    weights, memory = (_json("speed")["curves"][name] for name in ("weights", "memory"))
    power = np.polyfit(*np.log(np.array(weights)).T, 1)[0]
    rows = [
        (
            "LSTM can learn to bridge lags of more than 1,000 steps.",
            f"Two classes, T=1000: {outcome('exp3a-1000-3')}. Long lag of 1,000 steps, with "
            f"recurrent weights as in the paper: {outcome('exp2c-1000-1000')}; without them: "
            f"{outcome('exp2c-1000-1000-unfed')}.",
            "yes; the long lag with a departure",
        ),
        (
            "It does so in spite of noise.",
            f"Noise on all inputs, T=100: {outcome('exp3b-100-1')}; T=1000: "
            f"{outcome('exp3b-1000-1-long')}.",
            "yes; more slowly at T=1000",
        ),
        (
            "It still learns short lags.",
            f"Embedded Reber grammar, memory cells only: {outcome('exp1-lstm-3x2-0.5')}; with six "
            f"conventional hidden units: {outcome('exp1-lstm-3x2-0.5-hidden')}.",
            "yes, with a departure",
        ),
        (
            "The cost per time step and weight is O(1), and LSTM is local in space and time.",
            f"From {weights[0][0]:,} to {weights[-1][0]:,} weights, the time per step grows with "
            f"the power {power:.2f} of their number. The process needs {memory[0][1]:.0f} MiB "
            f"after {memory[0][0]:,} steps, and {memory[-1][1]:.0f} after {memory[-1][0]:,}.",
            "yes",
        ),
        (
            "LSTM has many more successful runs than RTRL, BPTT, cascade correlation, Elman nets "
            "and the chunker.",
            f"LSTM solves at least as many trials as each of them in {len(best)} of {len(tasks)} "
            "tasks.",
            f"yes, in {len(best)} of {len(tasks)} tasks",
        ),
        (
            "It learns much faster than these.",
            "Where one of them solves at least half of its trials, it needs "
            f"{min(ratios):.1f} to {max(ratios):.1f} times as many sequences as LSTM.",
            f"yes, in {sum(ratio > 1 for ratio in ratios)} of {len(ratios)} cases",
        ),
        (
            "It solves tasks that no recurrent algorithm had solved before.",
            "LSTM solves some trials, and the others solve none, in these tasks: "
            f"{'; '.join(alone)}.",
            f"yes, in {len(alone)} of {len(tasks)} tasks",
        ),
    ]
    return table(["the abstract says", "we measured", "does it hold?"], rows)


def outcome(name):
    """Return the outcome of the trials of a setting in words."""
    setting, records = next(pair for pair in results() if pair[0].id == name)
    solved, mean = solved_and_mean(setting, records)
    end = f"limit {setting.limit:,}" if mean == DASH else f"mean {mean} sequences"
    return f"{solved} trials solved ({end}, `{name}`)"


def table(headings, rows):
    """Return a Markdown table; numbers are right-aligned."""
    is_text = [str(cell)[:1].isalpha() or str(cell)[:1] == "<" for cell in rows[0]]
    lines = [headings, ["---" if text else "---:" for text in is_text], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def front_page():
    """Return the README's table: the paper's numbers, the literal reading, the one that fits."""
    every = {setting.id: (setting, records) for setting, records in results()}
    rows = []
    for setting, records in map(every.get, FRONT_PAGE):
        readings = (pair for pair in every.values() if pair[0].row == setting.row)
        literal = next(pair for pair in readings if not pair[0].departures)
        rows.append([
            f"{setting.title} (`{setting.id}`)",
            setting.published_success,
            setting.published_count,
            *solved_and_mean(*literal),
            *solved_and_mean(setting, records),
            "; ".join(setting.departures),
        ])  # fmt: skip
    headings = ["experiment"]
    for name in ("paper", "literal reading", "reading that fits"):
        headings += [f"{name}: solved", "sequences"]
    return table([*headings, "difference from the text"], rows)


def solved_and_mean(setting, records):
    """Return how many trials were solved, and their mean number of sequences."""
    summary = summarize(setting, records)
    mean = f"{summary.mean:,.0f}" if summary.n_solved else DASH
    return f"{summary.n_solved} of {summary.n_trials}", mean


def beside_others():
    """Return how many times as long others take to learn online, from speed.json."""
    workload = _json("speed")["workloads"]["adding-100"]
    ours, others = workload["seconds"]["lstm97"], ("torch", "JAX")
    times = [
        statistics.median(a / b for a, b in zip(workload["seconds"][name], ours, strict=True))
        for name in others
    ]
    torch, jax = (f"{x:.0f}" for x in times)
    return (
        "To train on sequences of 100 steps (the paper's adding problem; 4 cells, one sequence at "
        f"a time,\none thread), torch takes {torch} times as long as lstm97, and JAX takes {jax} "
        "times as long.\n"
    )


@cache
def matrix():
    """Return the table of all methods on all tasks."""
    return matrix_table(summarize_matrix(Store(RESULTS)))


def hidden_units():
    """Return Experiment 1 by cells, by conventional hidden units, and by both."""
    rows = []
    for setting, records in results():
        if setting.id in HIDDEN_UNITS:
            net = setting.network
            n_cells = net.get("n_blocks", 0) * net.get("block_size", 0)
            size = [n_cells, net.get("n_hidden", 0), net["learning_rate"], f"{setting.limit:,}"]
            rows.append([setting.id, *size, *solved_and_mean(setting, records)])
    headings = ["", "cells", "hidden units", "learning rate", "limit", "solved", "sequences"]
    return table(headings, rows)


def rtrl():
    """Return the results of RTRL on the noise-free lag of p=4 for each learning rate."""
    rows = {}
    for setting, records in results():
        if setting.row.startswith("exp2a-rtrl-4-"):
            summary = summarize(setting, records)
            paper = [setting.published_success, setting.published_count]
            rows.setdefault(setting.network["learning_rate"], [
                f"{setting.network['learning_rate']:g}",
                f"{summary.rate:.0%}",
                f"{summary.mean:,.0f}" if summary.mean else DASH,
                *(paper if setting.id == setting.row else [DASH, DASH]),
            ])  # fmt: skip
    headings = ["learning rate", "solved, ours", "sequences, ours", "solved, paper"]
    return table([*headings, "sequences, paper"], [rows[rate] for rate in sorted(rows)])


def fahlman():
    """Return Fahlman's published trials, and ours."""
    theirs = [(9, 831, 0, 0), (7, 602, 0, 0), (15, 1256, 0, 2), (11, 910, 0, 1), (13, 1063, 11, 16),
              (9, 707, 0, 0)]  # fmt: skip
    names = ("n_hidden", "n_epochs", "train_errors", "test_errors")
    ours = [[record[name] for name in names] for record in _json("fahlman")]
    rows = [["Fahlman", *trial] for trial in theirs] + [["ours", *trial] for trial in ours]
    return table(["", "hidden units", "epochs", "training errors", "test errors"], rows)


def truncation():
    """Return cosines and norm ratios of the truncated and the full gradient."""
    rows = [
        [state, group, f"{cosine:.3f}", f"{ratio:.3f}"]
        for state, groups in _json("truncation").items()
        for group, (cosine, ratio) in groups.items()
    ]
    return table(["net", "weights to", "cosine", "norm, truncated / full"], rows)


def _json(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


PARTS = {
    "front_page": front_page, "beside_others": beside_others, "matrix": matrix,
    "hidden_units": hidden_units, "claims": claims, "aims": rows_and_readings, "rules": rules,
    "tables": tables, "rtrl": rtrl, "fahlman": fahlman, "truncation": truncation,
}  # fmt: skip


def filled(text):
    """Return a document with new generated parts."""
    return PART.sub(lambda match: match[1] + PARTS[match[2]](), text)


def documents():
    """Return the new text of each document, by its path."""
    names = ("README.md", "docs/index.md", "docs/baselines.md", "docs/reproduction.md")
    paths = [ROOT / name for name in names]
    return {path: filled(path.read_text(encoding="utf-8")) for path in paths}


def main():
    """Write all documents and the plot of the matrix."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
    plot = matrix_plot(summarize_matrix(Store(RESULTS)))
    (ROOT / "docs" / "matrix.svg").write_text(plot, encoding="utf-8")
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "lstm97"
    figure = runpy.run_path(str(ROOT / "docs" / "examples" / "plot_reproduction.py"))["figure"]
    figure.savefig(ROOT / "docs" / "reproduction.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
