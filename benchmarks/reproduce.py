"""Write docs/reproduction.md and the README's table from the records in benchmarks/results.

    python benchmarks/reproduce.py

The records are what ``lstm97 reproduce --full --store benchmarks/results`` stores; running that
again only adds trials that are missing.
"""

from pathlib import Path

from lstm97.experiments.report import markdown_tables
from lstm97.experiments.settings import load_settings
from lstm97.experiments.statistics import meets_aim, summarize, verdict
from lstm97.experiments.store import Store

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- reproduced:", "<!-- end -->"

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
the fraction solved, a bootstrap's for means and medians.

"""


def results():
    """Return every setting with its records, by any seed."""
    store = Store(ROOT / "benchmarks" / "results")
    return [(setting, store.read(setting)) for setting in load_settings().values()]


def rule(function):
    """Return the paragraph of a docstring that states a rule."""
    return " ".join(function.__doc__.split("\n\n")[1].split())


def reproduction():
    """Return the text of docs/reproduction.md."""
    rules = f"**Verdict.** {rule(verdict)}\n\n**Aim.** {rule(meets_aim)}\n\n"
    return INTRODUCTION + rules + markdown_tables(results())


def front_page():
    """Return the README's table."""
    lines = [
        "| experiment | solved | sequences, ours | paper | departs from the wording |",
        "|---|---:|---:|---:|---|",
    ]
    for setting, records in results():
        if setting.id in FRONT_PAGE:
            summary = summarize(setting, records)
            mean = f"{summary.mean:,.0f}" if summary.mean else "\N{EN DASH}"
            lines.append(
                f"| {setting.title} (`{setting.id}`) | {summary.n_solved} of {summary.n_trials} "
                f"| {mean} | {setting.published_count} | {'; '.join(setting.departures)} |"
            )
    return "\n".join(lines) + "\n"


def main():
    """Write both."""
    (ROOT / "docs" / "reproduction.md").write_text(reproduction(), encoding="utf-8")
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    begin = text.index("\n", text.index(BEGIN)) + 1
    path.write_text(text[:begin] + front_page() + text[text.index(END) :], encoding="utf-8")


if __name__ == "__main__":
    main()
