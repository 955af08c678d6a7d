"""Our figures beside the paper's, for the terminal."""

import numpy as np
from rich.console import Group
from rich.table import Table


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
    for row in _rows(setting, records):
        table.add_row(*row)
    return Group(table, *(f"Departure: {text}." for text in setting.departures))


def _rows(setting, records):
    solved = [record for record in records if record["solved"]]
    published = setting.trials
    yield "trials", str(len(records)), str(published)
    yield "solved", str(len(solved)), f"{setting.paper.get('success', 1.0) * published:.0f}"
    if solved:
        counts = [record["n_sequences"] for record in solved]
        wrong = np.mean([record["n_wrong"] for record in solved])
        published = _count(setting.paper["n_sequences"])
        yield "sequences to success, mean", _count(np.mean(counts)), published
        yield "    lowest to highest", f"{_count(min(counts))} to {_count(max(counts))}", ""
        fraction = setting.paper.get("wrong_fraction")
        published = setting.paper.get("n_wrong", fraction and round(fraction * setting.n_test, 1))
        shown = "" if published is None else str(published)
        yield f"wrong of {records[0]['n_test']}, mean", f"{wrong:.1f}", shown
    yield "seconds per trial, mean", f"{np.mean([r['seconds'] for r in records]):.1f}", ""


def _count(number):
    return f"{number:,.0f}"
