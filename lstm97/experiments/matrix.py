"""The matrix: every method on every task, whatever the paper compared."""

from lstm97.experiments.settings import load_matrix
from lstm97.experiments.statistics import summarize
from lstm97.experiments.tables import DASH

TRIALS = 10


def wanted_cells(n_trials=TRIALS):
    """Return the settings of all cells, and how many trials there should be of each.

    Returns
    -------
    wanted : dict of str to (Setting, int)
        See `run_missing`.
    """
    rows = load_matrix().values()
    return {cell.id: (cell, n_trials) for row in rows for cell in row.values()}


def summarize_matrix(store):
    """Summarize what a store has of the matrix.

    Parameters
    ----------
    store : Store

    Returns
    -------
    rows : dict of str to dict of str to Summary
        Title of a task to method to summary.
    """
    return {
        next(iter(row.values())).title: {
            method: summarize(setting, store.read(setting)) for method, setting in row.items()
        }
        for row in load_matrix().values()
    }


def matrix_table(rows):
    """Return the matrix as Markdown: trials solved with Wilson's interval, mean of the solved.

    Parameters
    ----------
    rows : dict of str to dict of str to Summary

    Returns
    -------
    str
    """
    methods = list(next(iter(rows.values())))
    lines = [_line(["task", *methods]), _line(["---"] + ["--:"] * len(methods))]
    for title, row in rows.items():
        lines.append(_line([title, *(_cell(row[method]) for method in methods)]))
    return "\n".join(lines) + "\n"


def _line(cells):
    return "| " + " | ".join(cells) + " |"


def _cell(summary):
    if not summary.n_trials:
        return DASH
    low, high = summary.rate_interval
    solved = f"{summary.n_solved}/{summary.n_trials} ({low:.0%}{DASH}{high:.0%})"
    return f"{solved}, {summary.mean:,.0f}" if summary.n_solved else solved
