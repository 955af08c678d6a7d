"""The paper's tables with our results, as cells of text for Markdown and HTML."""

from typing import NamedTuple

from lstm97.experiments.settings import BEYOND, Setting
from lstm97.experiments.statistics import Summary, meets_aim, summarize, verdict

DASH = "\N{EN DASH}"
# Columns that a table has only if the paper states such numbers.
OPTIONAL = ("ST1", "Good", "Rest")


class Entry(NamedTuple):
    """A setting with its records, and the results computed from them."""

    setting: Setting
    records: list
    summary: Summary
    verdict: str
    meets_aim: bool


class Cell(NamedTuple):
    """A number, and a note that is printed in small type next to it."""

    text: str = DASH
    note: str = ""


class Line(NamedTuple):
    """A line with the paper's numbers or those of a reading; cells are keyed by heading."""

    label: Cell
    cells: dict
    verdict: str = ""


class Row(NamedTuple):
    """A row of the paper's table, with a line for the paper and one for each reading."""

    paper: Line
    readings: list


class Table(NamedTuple):
    """One of the paper's tables."""

    name: str
    title: str
    headings: list
    rows: list


def make_entries(results):
    """Return an entry for each setting, in the order of the results.

    Parameters
    ----------
    results : list of (Setting, list of dict)
        Settings with their records.

    Returns
    -------
    entries : list of Entry
    """
    return [_entry(*pair) for pair in results]


def _entry(setting, records):
    """Compute the results of one setting."""
    summary = summarize(setting, records)
    return Entry(setting, records, summary, verdict(setting, summary), meets_aim(setting, summary))


def aims_met(entries):
    """Return in how many rows of LSTM the aim is met, as a sentence.

    Parameters
    ----------
    entries : list of Entry
        Settings with their results.

    Returns
    -------
    str
    """
    rows = list(grouped([e for e in entries if e.setting.has_aim], "row").values())
    n_met = sum(any(entry.meets_aim for entry in row) for row in rows)
    n_literal = sum(any(e.meets_aim and not e.setting.departures for e in row) for row in rows)
    return (
        f"At least one reading meets the aim in {n_met} of the {len(rows)} rows of LSTM, and the "
        f"literal reading meets it in {n_literal}."
    )


def paper_tables(entries):
    """Return the paper's tables, in the order of the entries.

    Parameters
    ----------
    entries : list of Entry
        Settings with their results.

    Returns
    -------
    tables : list of Table
    """
    return [_table(name, group) for name, group in grouped(entries, "heading").items()]


def grouped(entries, name):
    """Group entries by a field of their settings, in the order of first appearance."""
    groups = {}
    for entry in entries:
        groups.setdefault(getattr(entry.setting, name), []).append(entry)
    return groups


def _table(name, entries):
    """Return one table; it has some columns only if the paper states such numbers."""
    rows = [_row(group) for group in grouped(entries, "row").values()]
    headings = [
        heading
        for heading in rows[0].paper.cells
        if heading not in OPTIONAL or any(row.paper.cells[heading] != Cell() for row in rows)
    ]
    return Table(name, _title(entries), headings, rows)


def _title(entries):
    """Return the parts of the settings' titles that have no digits and so name all rows."""
    if entries[0].setting.table == BEYOND:
        return "streams without an end, and forget gates (2000)"
    named = [entry for entry in entries if entry.setting.method == "lstm"] or entries
    parts = (part for entry in named for part in entry.setting.title.split(", "))
    words = dict.fromkeys(part for part in parts if not any(c.isdigit() for c in part))
    return ", ".join(words)


def _row(entries):
    """Return one row, given all its readings."""
    # The setting whose id is that of the row holds the paper's numbers.
    literal = next((e for e in entries if e.setting.id == e.setting.row), entries[0]).setting
    label = Cell(literal.title, "paper")
    return Row(Line(label, _paper_cells(literal)), [_reading(entry) for entry in entries])


def _paper_cells(setting):
    """Return the cells of the paper's line."""
    paper = setting.paper
    fraction, wrong = paper.get("wrong_fraction"), paper.get("n_wrong")
    return {
        "Trials": Cell(_count(setting.published_trials)),
        "Solved": Cell(setting.published_success),
        "Mean": Cell(setting.published_count),
        "Median": Cell(),
        "Good": _share(paper.get("good")),
        "Rest": _share(paper.get("rest")),
        "ST1": Cell(_count(paper.get("st1"))),
        "Wrong": Cell(_count(wrong) if fraction is None else f"{fraction:.6f}"),
        "Ours / paper": Cell(""),
        "Limit": Cell(""),
        "Verdict": Cell(""),
    }


def _reading(entry):
    """Return the line of one reading."""
    setting, summary = entry.setting, entry.summary
    label = ". ".join(text[0].upper() + text[1:] for text in setting.departures)
    cells = {
        "Trials": Cell(str(summary.n_trials)),
        "Solved": _solved(summary),
        "Mean": _with_interval(summary.mean, summary.mean_interval),
        "Median": _with_interval(summary.median, summary.median_interval),
        "Good": _share(summary.good),
        "Rest": _share(summary.rest),
        "ST1": Cell(_count(summary.milestones.get("st1"))),
        "Wrong": _wrong(entry),
        "Ours / paper": Cell(_ratio(setting, summary)),
        "Limit": Cell(_count(setting.limit)),
        "Verdict": _verdict(entry),
    }
    return Line(Cell(label or "As the paper says", setting.id), cells, entry.verdict)


def _solved(summary):
    """Return a cell with the success rate and its interval."""
    if not summary.n_trials:
        return Cell()
    low, high = summary.rate_interval
    return Cell(_percent(summary.rate), f"{_percent(low)}{DASH}{_percent(high)}")


def _share(figures):
    """Return a cell with the fraction of a group of trials, and its mean of right answers."""
    if figures is None:
        return Cell()
    fraction, *mean = figures
    return Cell(_percent(fraction), _count(mean[0]) if mean and mean[0] is not None else "")


def _with_interval(value, interval):
    """Return a cell with a number and its interval."""
    return Cell(_count(value), DASH.join(map(_count, interval)) if interval else "")


def _ratio(setting, summary):
    """Return our mean divided by the paper's, as text."""
    if not (summary.n_solved and setting.published_mean):
        return DASH
    return f"{summary.mean / setting.published_mean:.2f}"


def _wrong(entry):
    """Return a cell with the fraction of wrong test sequences, or their number if the paper's.

    The paper states a fraction for some tables, and a number for the others.
    """
    summary = entry.summary
    if not summary.n_solved:
        return Cell()
    if "wrong_fraction" in entry.setting.paper:
        return Cell(f"{summary.wrong_fraction:.6f}")
    return Cell(f"{summary.wrong:.1f}", f"of {entry.records[0]['n_test']:,}")


def _verdict(entry):
    """Return a cell with the verdict and, for LSTM, whether the aim is met."""
    aim = "aim met" if entry.meets_aim else "aim not met"
    return Cell(entry.verdict, aim if entry.records and entry.setting.has_aim else "")


def _count(number):
    """Return a number as text, or a dash for None."""
    return DASH if number is None else f"{number:,.0f}"


def _percent(fraction):
    """Return a fraction as text."""
    return f"{100 * fraction:.0f}%"
