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
    yield "trials", str(len(records)), str(setting.paper["trials"])
    yield "solved", str(len(solved)), "all" if "success" not in setting.paper else "?"
    if solved:
        counts = [record["n_sequences"] for record in solved]
        wrong = np.mean([record["n_wrong"] for record in solved])
        published = _count(setting.paper["n_sequences"])
        yield "sequences to success, mean", _count(np.mean(counts)), published
        yield "    lowest to highest", f"{_count(min(counts))} to {_count(max(counts))}", ""
        yield f"wrong of {setting.n_test}, mean", f"{wrong:.1f}", str(setting.paper["n_wrong"])
    yield "seconds per trial, mean", f"{np.mean([r['seconds'] for r in records]):.1f}", ""


def _count(number):
    return f"{number:,.0f}"
