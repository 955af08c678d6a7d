"""Write the numbers of docs/fidelity.md from hypotheses.toml and the records in results/.

The script replaces the text between `<!-- made from records: NAME -->` and `<!-- end -->`. The rest
is written by hand.
"""

import re
from functools import cache
from pathlib import Path

from readings import STORE, load, readings, wanted

from lstm97.experiments.settings import BEYOND, load_settings
from lstm97.experiments.statistics import meets_aim, summarize, verdict
from lstm97.experiments.store import Store
from lstm97.experiments.tables import DASH

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"
FIGURES = Path(__file__).with_name("figures.md")
PART = re.compile(r"(<!-- made from records: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
RESULTS = Store(Path(__file__).parents[1] / "results")
FACTOR = 2  # largest ratio at which two means agree, as in `verdict`
# Short names of the probes for headings.
SHORT = {
    "exp1-lstm-3x2-0.5": "1, 3x2", "exp1-lstm-4x1-0.5": "1, 4x1", "exp2a-lstm-100": "2a",
    "exp2b-lstm-100": "2b", "exp3a-100-1": "3a, N=1", "exp6a": "6a",
}  # fmt: skip


def decision(setting, summary):
    """Return whether the trials of a reading rule it out, and by what.

    We rule out a reading of a row by its rate or by its speed. The rate rules it out if Fisher's
    exact test on solved and failed trials, ours and the paper's, gives p < 0.05. The speed rules it
    out if the mean number of sequences to success, and the whole interval of the mean, differ from
    the paper's by more than a factor of 2. A reading fits if its rate does not rule it out and its
    mean is within the factor of 2. Otherwise it is open. It is also open with fewer than ten
    trials.

    Parameters
    ----------
    setting : Setting
    summary : Summary

    Returns
    -------
    str
        "rate", "speed", "open" or "fits".
    """
    word = verdict(setting, summary)
    if word in ("slower", "faster"):
        low, high = summary.mean_interval or (0, float("inf"))
        paper = setting.published_mean
        return "speed" if low > FACTOR * paper or high < paper / FACTOR else "open"
    return {"success rate differs": "rate", "reproduced": "fits"}.get(word, "open")


@cache
def summaries():
    """Return setting and summary of each hypothesis on each of its probes."""
    return {
        name: {
            probe: (setting, summarize(setting, STORE.read(setting)))
            for probe, setting in settings.items()
        }
        for name, settings in readings().items()
    }


def table(headings, rows):
    """Return a Markdown table; the columns but the first are right-aligned."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def hypotheses():
    """Return what each reading says."""
    _, stated = load()
    return "".join(f"- **{name}.** {one['says']}\n" for name, one in stated.items())


def overview():
    """Return one cell per hypothesis and probe, bold where it fits."""
    rows = []
    for name, results in summaries().items():
        cells = [cell(*results[probe]) if probe in results else "" for probe in SHORT]
        if any(cells):
            rows.append([name, *cells])
    return table(["", *SHORT.values()], rows)


def cell(setting, summary):
    """Return the trials that were solved, ours over the paper's mean, and the decision."""
    text, word = ours(setting, summary), decision(setting, summary)
    if not summary.n_trials:
        return text
    return f"**{text}**" if word == "fits" else f"{text} ({word})"


def ours(setting, summary):
    """Return the trials that were solved, and ours over the paper's mean."""
    if not summary.n_trials:
        return DASH
    text = f"{summary.n_solved}/{summary.n_trials}"
    return f"{text}, {summary.mean / setting.published_mean:.2g}" if summary.n_solved else text


@cache
def of_lstm():
    """Return each setting of LSTM and the summary of its records."""
    settings = (s for s in load_settings().values() if s.has_aim)
    return [(setting, summarize(setting, RESULTS.read(setting))) for setting in settings]


# The columns of `coverage`, by the word that a reading adds to the id of its row.
COLUMNS = {"": 1, "hidden": 2, "unfed": 3, "cells": 3}


def coverage():
    """Return the readings of each row; those without a column only where the aim is met."""
    rows = {}
    for setting, summary in of_lstm():
        row = rows.setdefault(setting.row, [f"`{setting.row}`", "", "", "", ""])
        word = setting.id.removeprefix(setting.row).removeprefix("-")
        if word in COLUMNS:
            row[COLUMNS[word]] = aimed(setting, summary)
        elif meets_aim(setting, summary):
            row[4] = f"`-{word}`: {aimed(setting, summary)}"
    for name, column in (("hidden-6", 2), ("cells", 3)):
        for probe, result in summaries()[name].items():
            rows[probe][column] = rows[probe][column] or aimed(*result)
    headings = ["", "the row's setting", "six hidden units", "less feedback", "another reading"]
    return table(headings, rows.values())


def aimed(setting, summary):
    """Return `ours`, bold where the aim is met."""
    text = ours(setting, summary)
    return f"**{text}**" if meets_aim(setting, summary) else text


def two_classes():
    """Return the numbers of Tables 4 and 5, the paper's and ours, by T and N."""
    rows = {}
    for setting, summary in of_lstm():
        if setting.table in (4, 5):
            T, N = setting.task["T"], setting.task["N"]
            row = rows.setdefault((T, -N), [f"T={T}, N={N}", DASH, DASH, DASH, DASH])
            at = 1 if setting.table == 4 else 3
            if setting.id == setting.row:
                row[at] = setting.published_count
            # A later reading with the same T and N has a higher limit.
            row[at + 1] = f"{count(summary.mean, None)} ({summary.n_solved}/{summary.n_trials})"
    headings = ["", "Table 4: paper", "ours", "Table 5: paper", "ours"]
    return table(headings, [rows[key] for key in sorted(rows)])


def beyond():
    """Return the settings beyond the paper of 1997, and the processor time of their trials."""
    rows, total = [], 0.0
    for setting in load_settings().values():
        if setting.table != BEYOND:
            continue
        summary = summarize(setting, RESULTS.read(setting))
        hours = summary.n_trials * summary.seconds / 3600
        total += hours
        low, high = summary.rate_interval
        solved = f"{summary.n_solved}/{summary.n_trials} ({low:.0%}{DASH}{high:.0%})"
        mean = count(summary.mean, None)
        rows.append([f"`{setting.id}`", setting.published_success, solved, mean, f"{hours:.2f}"])
    rows.append(["all", "", "", "", f"{total:.2f}"])
    return table(["", "paper: solved", "ours", "mean of the solved", "hours"], rows)


def figures():
    """Return the text of figures.md: all numbers, row by row, the paper's first."""
    rows = load_settings()
    headings = [
        "", "trials", "solved", "mean", "median", "ours / paper", "limit", "decision"
    ]  # fmt: skip
    text = "# Every reading on every row\n\nIntervals have a confidence of 95%.\n\n"
    for probe in load()[0]:
        lines = [paper_line(rows[probe])]
        lines += [
            line(name, *results[probe])
            for name, results in summaries().items()
            if probe in results and results[probe][1].n_trials
        ]
        text += (
            f"**{SHORT.get(probe, rows[probe].title)}** (`{probe}`)\n\n{table(headings, lines)}\n"
        )
    return text


def paper_line(row):
    """Return the paper's numbers."""
    success, mean = row.published_success, row.published_count
    return ["paper", str(row.published_trials), success, mean, "", "", "", ""]


def line(name, setting, summary):
    """Return our numbers for one reading of a row."""
    low, high = summary.rate_interval
    ratio = f"{summary.mean / setting.published_mean:.2f}" if summary.n_solved else DASH
    return [
        name,
        str(summary.n_trials),
        f"{summary.n_solved} ({low:.0%}{DASH}{high:.0%})",
        count(summary.mean, summary.mean_interval),
        count(summary.median, summary.median_interval),
        ratio,
        f"{setting.limit:,}",
        decision(setting, summary),
    ]


def count(value, interval):
    """Return a number of sequences with its interval."""
    if value is None:
        return DASH
    text = f"{value:,.0f}"
    return f"{text} ({interval[0]:,.0f}{DASH}{interval[1]:,.0f})" if interval else text


def rule():
    """Return the paragraph of `decision` that states the rule."""
    return " ".join(decision.__doc__.split("\n\n")[1].split()) + "\n"


def missing():
    """Return how many trials were not run."""
    lacks = [
        f"{setting.id} {n - there}"
        for setting, n in wanted().values()
        if (there := len(STORE.read(setting))) < n
    ]
    return f"Trials that are missing: {', '.join(lacks) or 'none'}.\n"


PARTS = {
    "rule": rule, "two_classes": two_classes, "overview": overview, "missing": missing,
    "coverage": coverage, "beyond": beyond, "hypotheses": hypotheses,
}  # fmt: skip


def page():
    """Return docs/fidelity.md with new generated parts."""
    text = PAGE.read_text(encoding="utf-8")
    return PART.sub(lambda match: match[1] + PARTS[match[2]](), text)
