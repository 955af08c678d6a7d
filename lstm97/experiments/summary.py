"""Our figures beside the paper's, for the terminal."""

from rich.console import Group
from rich.table import Table

from lstm97.experiments.statistics import summarize, verdict
from lstm97.experiments.tables import DASH


def comparison(setting, records):
    """Return what a terminal shows after a run.

    Parameters
    ----------
    setting : Setting
    records : list of dict
        At least one, see `run_trial`.

    Returns
    -------
    rich.console.Group
    """
    table = Table(title=f"{setting.title} (Table {setting.table}, {setting.id})")
    table.add_column("")
    table.add_column("ours", justify="right")
    table.add_column("paper", justify="right")
    summary = summarize(setting, records)
    for row in _rows(setting, summary, records[0]["n_test"]):
        table.add_row(*row)
    departures = (f"Departure: {text}." for text in setting.departures)
    return Group(table, f"Verdict: {verdict(setting, summary)}.", *departures)


def _rows(setting, summary, n_test):
    paper = setting.paper
    yield "trials", str(summary.n_trials), str(setting.published_trials or DASH)
    yield "solved", f"{summary.rate:.0%}", setting.published_success
    mean = f"{summary.mean:,.0f}" if summary.n_solved else f">{setting.limit:,}"
    yield "sequences to success, mean", mean, setting.published_count
    if summary.n_solved:
        yield "    lowest to highest", f"{summary.smallest:,} to {summary.largest:,}", ""
        yield f"wrong of {n_test}, mean", f"{summary.wrong:.1f}", str(paper.get("n_wrong", ""))
    yield "seconds per trial, mean", f"{summary.seconds:.1f}", ""
