"""The matrix: every algorithm on every task, including those that the paper does not compare."""

from lstm97.experiments.settings import load_matrix
from lstm97.experiments.statistics import summarize
from lstm97.experiments.tables import DASH

TRIALS = 10


def wanted_cells(n_trials=TRIALS):
    """Return the settings of all cells with the number of trials.

    Parameters
    ----------
    n_trials : int, default=10
        Number of trials of each cell.

    Returns
    -------
    wanted : dict of str to (Setting, int)
        See `run_missing`.
    """
    rows = load_matrix().values()
    return {cell.id: (cell, n_trials) for row in rows for cell in row.values()}


def summarize_matrix(store):
    """Summarize the records of the matrix.

    Parameters
    ----------
    store : Store
        Store that holds the records.

    Returns
    -------
    rows : dict of str to dict of str to Summary
        Summaries by title of the task and by method.
    """
    return {
        next(iter(row.values())).title: {
            method: summarize(setting, store.read(setting)) for method, setting in row.items()
        }
        for row in load_matrix().values()
    }


def matrix_table(rows):
    """Return the matrix as a Markdown table.

    A cell has the number of solved trials, Wilson's interval, and the mean number of training
    sequences of the solved trials.

    Parameters
    ----------
    rows : dict of str to dict of str to Summary
        See `summarize_matrix`.

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
    """Return a line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def _cell(summary):
    """Return the text of a cell."""
    if not summary.n_trials:
        return DASH
    low, high = summary.rate_interval
    solved = f"{summary.n_solved}/{summary.n_trials} ({low:.0%}{DASH}{high:.0%})"
    return f"{solved}, {summary.mean:,.0f}" if summary.n_solved else solved
