"""The paper's tables with our figures: what stands in which cell, whatever they are printed as."""

from typing import NamedTuple

from lstm97.experiments.settings import Setting
from lstm97.experiments.statistics import Summary, meets_aim, summarize, verdict

DASH = "\N{EN DASH}"


class Entry(NamedTuple):
    """A setting with its trials and what follows from them."""

    setting: Setting
    records: list
    summary: Summary
    verdict: str
    meets_aim: bool


class Cell(NamedTuple):
    """A figure, and what is printed small beside it."""

    text: str = DASH
    note: str = ""


class Line(NamedTuple):
    """The paper's figures, or those of one reading; cells have the table's headings as keys."""

    label: Cell
    cells: dict
    verdict: str = ""


class Row(NamedTuple):
    """A row of the paper: its own line, then one line per reading."""

    paper: Line
    readings: list


class Table(NamedTuple):
    """One of the paper's tables."""

    number: int
    title: str
    headings: list
    rows: list


def make_entries(results):
    """Return an entry per setting, in the order of the results.

    Parameters
    ----------
    results : list of (Setting, list of dict)

    Returns
    -------
    entries : list of Entry
    """
    return [_entry(*pair) for pair in results]


def _entry(setting, records):
    summary = summarize(setting, records)
    return Entry(setting, records, summary, verdict(setting, summary), meets_aim(setting, summary))


def paper_tables(entries):
    """Return the paper's tables, in the order of the entries.

    Parameters
    ----------
    entries : list of Entry

    Returns
    -------
    tables : list of Table
    """
    return [_table(number, group) for number, group in grouped(entries, "table").items()]


def grouped(entries, name):
    """Return lists of entries by a field of their settings, in the order of first appearance."""
    groups = {}
    for entry in entries:
        groups.setdefault(getattr(entry.setting, name), []).append(entry)
    return groups


def _table(number, entries):
    rows = [_row(group) for group in grouped(entries, "row").values()]
    headings = [
        heading
        for heading in rows[0].paper.cells
        if heading != "ST1" or any(row.paper.cells[heading] != Cell() for row in rows)
    ]
    return Table(number, _title(entries), headings, rows)


def _title(entries):
    """Return what the rows are about; parts of their titles with digits tell them apart."""
    named = [entry for entry in entries if entry.setting.method == "lstm"] or entries
    parts = (part for entry in named for part in entry.setting.title.split(", "))
    words = dict.fromkeys(part for part in parts if not any(c.isdigit() for c in part))
    return ", ".join(words)


def _row(entries):
    # The reading that the row is named after has the paper's own figures.
    literal = next((e for e in entries if e.setting.id == e.setting.row), entries[0]).setting
    label = Cell(literal.title, "paper")
    return Row(Line(label, _paper_cells(literal)), [_reading(entry) for entry in entries])


def _paper_cells(setting):
    paper = setting.paper
    fraction, wrong = paper.get("wrong_fraction"), paper.get("n_wrong")
    return {
        "Trials": Cell(_count(setting.published_trials)),
        "Solved": Cell(setting.published_success),
        "Mean": Cell(setting.published_count),
        "Median": Cell(),
        "ST1": Cell(_count(paper.get("st1"))),
        "Wrong": Cell(_count(wrong) if fraction is None else f"{fraction:.6f}"),
        "Ours / paper": Cell(""),
        "Limit": Cell(""),
        "Verdict": Cell(""),
    }


def _reading(entry):
    setting, summary = entry.setting, entry.summary
    label = ". ".join(text[0].upper() + text[1:] for text in setting.departures)
    cells = {
        "Trials": Cell(str(summary.n_trials)),
        "Solved": _solved(summary),
        "Mean": _with_interval(summary.mean, summary.mean_interval),
        "Median": _with_interval(summary.median, summary.median_interval),
        "ST1": Cell(_count(summary.milestones.get("st1"))),
        "Wrong": _wrong(entry),
        "Ours / paper": Cell(_ratio(setting, summary)),
        "Limit": Cell(_count(setting.limit)),
        "Verdict": _verdict(entry),
    }
    return Line(Cell(label or "As the paper says", setting.id), cells, entry.verdict)


def _solved(summary):
    if not summary.n_trials:
        return Cell()
    low, high = summary.rate_interval
    return Cell(_percent(summary.rate), f"{_percent(low)}{DASH}{_percent(high)}")


def _with_interval(value, interval):
    return Cell(_count(value), DASH.join(map(_count, interval)) if interval else "")


def _ratio(setting, summary):
    if not (summary.n_solved and setting.published_mean):
        return DASH
    return f"{summary.mean / setting.published_mean:.2f}"


def _wrong(entry):
    """Return a fraction where the paper has one, else a count."""
    summary = entry.summary
    if not summary.n_solved:
        return Cell()
    if "wrong_fraction" in entry.setting.paper:
        return Cell(f"{summary.wrong_fraction:.6f}")
    return Cell(f"{summary.wrong:.1f}", f"of {entry.records[0]['n_test']:,}")


def _verdict(entry):
    aim = "aim met" if entry.meets_aim else "aim not met"
    has_aim = entry.records and entry.setting.method == "lstm"
    return Cell(entry.verdict, aim if has_aim else "")


def _count(number):
    return DASH if number is None else f"{number:,.0f}"


def _percent(fraction):
    return f"{100 * fraction:.0f}%"
