"""Write what the documents print of the records in benchmarks/results.

    python benchmarks/reproduce.py

That is docs/reproduction.md, docs/matrix.svg, and the parts of README.md and docs/baselines.md
between `<!-- made from records: NAME -->` and `<!-- end -->`.

Records of trials are what ``lstm97 reproduce --full`` and ``lstm97 matrix`` store, both with
``--store benchmarks/results``; running these again only adds trials that are missing. The others
are written by fahlman.py, truncation.py and speed/cost.py.
"""

import json
import re
import statistics
from pathlib import Path

from lstm97.experiments.matrix import matrix_table, summarize_matrix
from lstm97.experiments.report import markdown_tables, matrix_plot
from lstm97.experiments.settings import load_settings
from lstm97.experiments.statistics import meets_aim, summarize, verdict
from lstm97.experiments.store import Store
from lstm97.experiments.tables import DASH

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PART = re.compile(r"(<!-- made from records: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)

# A few rows for the front page: one of each experiment, in the reading that comes nearest.
FRONT_PAGE = [
    "exp1-lstm-3x2-0.5-shortcut", "exp2a-lstm-100", "exp2c-1000-1000-unfed", "exp3a-100-3",
    "exp4-100", "exp5-100-140-biased", "exp6a",
]  # fmt: skip

INTRODUCTION = """# The paper's tables, repeated

Made by `python benchmarks/reproduce.py` from the records in `benchmarks/results`; do not edit.

A bold line has the paper's figures; below it stands each of our readings of that row. A reading
that departs from the paper's wording says in what; where the paper says nothing, none departs. A
limit below the paper's five million sequences is ours, to keep the time within bounds. A trial that
does not meet its stop rule within the limit counts as failed. Intervals hold with 95%: Wilson's for
the fraction solved, a bootstrap's for means and medians. What else was tried for
rows that do not come out is in [Fidelity](fidelity.md).

"""


def results():
    """Return every setting with its records, by any seed."""
    store = Store(RESULTS)
    return [(setting, store.read(setting)) for setting in load_settings().values()]


def rule(function):
    """Return the paragraph of a docstring that states a rule."""
    return " ".join(function.__doc__.split("\n\n")[1].split())


def reproduction():
    """Return the text of docs/reproduction.md."""
    rules = f"**Verdict.** {rule(verdict)}\n\n**Aim.** {rule(meets_aim)}\n\n"
    return INTRODUCTION + rules + markdown_tables(results())


def table(headings, rows):
    """Return a Markdown table; numbers are right-aligned."""
    is_text = [str(cell)[:1].isalpha() for cell in rows[0]]
    lines = [headings, ["---" if text else "---:" for text in is_text], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def front_page():
    """Return the README's table."""
    rows = []
    for setting, records in results():
        if setting.id in FRONT_PAGE:
            summary = summarize(setting, records)
            rows.append([
                f"{setting.title} (`{setting.id}`)",
                f"{summary.n_solved} of {summary.n_trials}",
                setting.published_success,
                f"{summary.mean:,.0f}" if summary.mean else DASH,
                setting.published_count,
                "; ".join(setting.departures),
            ])  # fmt: skip
    headings = ["experiment", "solved, ours", "paper", "sequences, ours", "paper"]
    return table([*headings, "departs from the wording"], rows)


def beside_others():
    """Return others' times over ours, learning on line, by the record of docs/performance.md."""
    workload = _json("speed")["workloads"]["adding-100"]
    ours, others = workload["seconds"]["lstm97"], ("torch", "JAX")
    times = [
        statistics.median(a / b for a, b in zip(workload["seconds"][name], ours, strict=True))
        for name in others
    ]
    listed = ", ".join(f"{name} {x:.0f}" for name, x in zip(others, times, strict=True))
    return f"Times over that of lstm97, one thread. {workload['title']}: {listed}.\n"


def matrix():
    """Return the table of all methods on all tasks."""
    return matrix_table(summarize_matrix(Store(RESULTS)))


def rtrl():
    """Return what RTRL comes to on the noise-free lag of p=4 at each learning rate."""
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
    """Return Fahlman's trials, as he printed them, and ours."""
    theirs = [(9, 831, 0, 0), (7, 602, 0, 0), (15, 1256, 0, 2), (11, 910, 0, 1), (13, 1063, 11, 16),
              (9, 707, 0, 0)]  # fmt: skip
    names = ("n_hidden", "n_epochs", "train_errors", "test_errors")
    ours = [[record[name] for name in names] for record in _json("fahlman")]
    rows = [["Fahlman", *trial] for trial in theirs] + [["ours", *trial] for trial in ours]
    return table(["", "hidden units", "epochs", "training errors", "test errors"], rows)


def truncation():
    """Return cosines and norm ratios of the truncated against the full gradient."""
    rows = [
        [state, group, f"{cosine:.3f}", f"{ratio:.3f}"]
        for state, groups in _json("truncation").items()
        for group, (cosine, ratio) in groups.items()
    ]
    return table(["net", "weights to", "cosine", "norm, truncated / full"], rows)


def _json(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


PARTS = {
    "front_page": front_page, "beside_others": beside_others, "matrix": matrix, "rtrl": rtrl,
    "fahlman": fahlman, "truncation": truncation,
}  # fmt: skip


def filled(text):
    """Return a document with its parts made anew."""
    return PART.sub(lambda match: match[1] + PARTS[match[2]](), text)


def documents():
    """Return what each document should hold, by its path."""
    texts = {ROOT / "docs" / "reproduction.md": reproduction()}
    for name in ("README.md", "docs/baselines.md"):
        texts[ROOT / name] = filled((ROOT / name).read_text(encoding="utf-8"))
    return texts


def main():
    """Write all."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
    plot = matrix_plot(summarize_matrix(Store(RESULTS)))
    (ROOT / "docs" / "matrix.svg").write_text(plot, encoding="utf-8")


if __name__ == "__main__":
    main()
