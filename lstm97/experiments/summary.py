"""Comparisons of our results with the paper's, for the terminal."""

from collections import Counter

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from lstm97.experiments.statistics import summarize, verdict
from lstm97.experiments.tables import DASH


def comparison(setting, records):
    """Return the text that `lstm97 run` prints at its end.

    Parameters
    ----------
    setting : Setting
        Setting that was run.
    records : list of dict
        Records of its trials, see `run_trial`. There must be at least one.

    Returns
    -------
    rich.console.Group
    """
    summary = summarize(setting, records)
    rows = _rows(setting, summary, records[0]["n_test"])
    if not setting.paper:
        table = _table(f"{setting.title} ({setting.id})", ["ours"], (row[:2] for row in rows))
        return Group(table)
    title = f"{setting.title} ({setting.heading}, {setting.id})"
    departures = (f"Departure: {text}." for text in setting.departures)
    return Group(
        _table(title, ["ours", "paper"], rows),
        f"Verdict: {verdict(setting, summary)}.",
        *departures,
    )


def overview(results):
    """Return the text that `lstm97 reproduce` and `lstm97 report` print at their end.

    Parameters
    ----------
    results : list of (Setting, list of dict)
        Settings with their records, at least one of them with some.

    Returns
    -------
    rich.console.Group
    """
    table = Table(title="Our results and the paper's", box=SIMPLE_HEAD, padding=0)
    table.add_column("id", no_wrap=True)
    for name in ("trials", "solved", "mean", "paper", "verdict"):
        table.add_column(name, justify="right", no_wrap=name != "verdict")
    verdicts = Counter()
    for setting, records in results:
        summary = summarize(setting, records)
        verdicts[text := verdict(setting, summary)] += 1
        if records:
            solved, mean = f"{summary.rate:.0%}", _mean(setting, summary)
            n_trials, published = str(summary.n_trials), setting.published_count
            table.add_row(setting.id, n_trials, solved, mean, published, text)
    counts = ", ".join(f"{n} {text}" for text, n in verdicts.most_common())
    return Group(table, f"{len(results)} settings: {counts}.")


def _mean(setting, summary):
    """Return the mean number of training sequences to success as text."""
    return f"{summary.mean:,.0f}" if summary.n_solved else f">{setting.limit:,}"


def _table(title, columns, rows):
    """Return a table for the terminal, whose first column has the names of the rows."""
    table = Table(title=title)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _rows(setting, summary, n_test):
    """Yield a name, our number and the paper's for each row."""
    paper = setting.paper
    yield "trials", str(summary.n_trials), str(setting.published_trials or DASH)
    yield "solved", f"{summary.rate:.0%}", setting.published_success
    yield "sequences to success, mean", _mean(setting, summary), setting.published_count
    if summary.n_solved:
        yield "    lowest to highest", f"{summary.smallest:,} to {summary.largest:,}", ""
        yield f"wrong of {n_test}, mean", f"{summary.wrong:.1f}", str(paper.get("n_wrong", ""))
    yield "seconds per trial, mean", f"{summary.seconds:.1f}", ""
