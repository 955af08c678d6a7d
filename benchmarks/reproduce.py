"""Write the documents, and parts of documents, that are made from benchmarks/results.

    python benchmarks/reproduce.py

These are docs/reproduction.md, docs/matrix.svg, and the parts of README.md and docs/baselines.md
between `<!-- made from records: NAME -->` and `<!-- end -->`.

The records of trials come from ``lstm97 reproduce --full`` and ``lstm97 matrix``, both with
``--store benchmarks/results``; running these again only adds missing trials. The other records come
from fahlman.py, truncation.py and speed/cost.py.
"""

import json
import re
import statistics
from pathlib import Path

from lstm97.experiments.matrix import matrix_table, summarize_matrix
from lstm97.experiments.report import markdown_tables, matrix_plot
from lstm97.experiments.settings import load_settings
from lstm97.experiments.statistics import AIM_RULE, VERDICT_RULE, summarize
from lstm97.experiments.store import Store
from lstm97.experiments.tables import DASH, aims_met, make_entries

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PART = re.compile(r"(<!-- made from records: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)

# Rows for the front page: one for each experiment, in the reading that fits the paper's figures.
FRONT_PAGE = [
    "exp1-lstm-3x2-0.5-hidden", "exp2a-lstm-100-end", "exp2c-1000-1000-unfed", "exp3a-100-3",
    "exp4-100", "exp5-100-140-biased", "exp6a",
]  # fmt: skip
# Settings of Experiment 1 that tell what cells and conventional hidden units do for each other.
HIDDEN_UNITS = [
    "exp1-elman", "exp1-elman-six", "exp1-lstm-3x2-0.1", "exp1-lstm-3x2-0.5",
    "exp1-lstm-3x2-0.1-hidden", "exp1-lstm-3x2-0.5-hidden",
]  # fmt: skip

INTRODUCTION = """# The paper's tables, repeated

Made by `python benchmarks/reproduce.py` from the records in `benchmarks/results`; do not edit.

A bold line has the paper's figures; the lines below it are our readings of that row. If a reading
departs from the paper's wording, its line says how; a choice on which the paper is silent is not a
departure. Limits below the paper's five million sequences are ours, to save time. A trial that does
not meet its stop rule within the limit has failed. Intervals have a confidence of 95%: Wilson's for
the fraction solved, and bootstrap intervals for means and medians. [Fidelity](fidelity.md) tells
what else was tried for rows whose figures differ from the paper's.

"""


def results():
    """Return every setting with its records of all seeds."""
    store = Store(RESULTS)
    return [(setting, store.read(setting)) for setting in load_settings().values()]


def reproduction():
    """Return the text of docs/reproduction.md."""
    rules = f"**Verdict.** {VERDICT_RULE}\n\n**Aim.** {AIM_RULE}\n\n"
    aims = f"{aims_met(make_entries(results()))}\n\n"
    return INTRODUCTION + rules + aims + markdown_tables(results())


def table(headings, rows):
    """Return a Markdown table; numbers are right-aligned."""
    is_text = [str(cell)[:1].isalpha() for cell in rows[0]]
    lines = [headings, ["---" if text else "---:" for text in is_text], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def front_page():
    """Return the README's table: the paper's figures, the literal reading, the one that fits."""
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
    """Return how many times as long others take to learn on line, from speed.json."""
    workload = _json("speed")["workloads"]["adding-100"]
    ours, others = workload["seconds"]["lstm97"], ("torch", "JAX")
    times = [
        statistics.median(a / b for a, b in zip(workload["seconds"][name], ours, strict=True))
        for name in others
    ]
    torch, jax = (f"{x:.0f}" for x in times)
    return (
        "On the adding problem (100 steps, 4 cells, one sequence at a time, one thread), "
        f"torch takes {torch} times\nas long as lstm97, and JAX {jax} times.\n"
    )


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
    "hidden_units": hidden_units, "rtrl": rtrl, "fahlman": fahlman, "truncation": truncation,
}  # fmt: skip


def filled(text):
    """Return a document with new generated parts."""
    return PART.sub(lambda match: match[1] + PARTS[match[2]](), text)


def documents():
    """Return the new text of each document, by its path."""
    texts = {ROOT / "docs" / "reproduction.md": reproduction()}
    for name in ("README.md", "docs/baselines.md"):
        texts[ROOT / name] = filled((ROOT / name).read_text(encoding="utf-8"))
    return texts


def main():
    """Write all documents and the plot of the matrix."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
    plot = matrix_plot(summarize_matrix(Store(RESULTS)))
    (ROOT / "docs" / "matrix.svg").write_text(plot, encoding="utf-8")


if __name__ == "__main__":
    main()
