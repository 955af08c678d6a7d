"""The report as a self-contained HTML page; page.html holds its frame and style."""

from collections import Counter
from html import escape
from importlib import resources
from string import Template

from lstm97.experiments.statistics import AIM_RULE, VERDICT_RULES
from lstm97.experiments.tables import aims_met, grouped, paper_tables

CAPTIONS = {
    "intervals": "Training sequences to success of every setting. If the diamond is within the "
    "grey band and the success rate agrees, the verdict is “reproduced”.",
    "curves": "Learning curves: mean loss per sequence over equal parts of each trial. Each row of "
    "a table has its colour, and readings with a departure have panels of their own. A cross marks "
    "the end of a trial that failed.",
}
NO_PLOTS = "<p>For plots, install matplotlib: <code>pip install matplotlib</code>.</p>"


def make_page(entries, plots, note=""):
    """Return the report as an HTML page.

    Parameters
    ----------
    entries : list of Entry
        Settings with their results.
    plots : dict of str to str
        Plots as SVG, by their names in `CAPTIONS`. It may be empty.
    note : str, default=""
        Note on all numbers, printed at the top.

    Returns
    -------
    html : str
    """
    template = (resources.files(__package__) / "page.html").read_text(encoding="utf-8")
    tables = paper_tables(entries)
    return Template(template).substitute(
        note=f"<p><b>{escape(note)}</b></p>" if note else "",
        overview=_overview(entries),
        rules=_rules(),
        aim=escape(AIM_RULE),
        links=" ".join(f'<a href="#{_css(t.name)}">{t.name}</a>' for t in tables),
        tables="".join(map(_table, tables)),
        plots="".join(_figure(*plot) for plot in plots.items()) or NO_PLOTS,
        origins=_origins([record for entry in entries for record in entry.records]),
    )


def _rules():
    """Return the conditions of the verdicts as items of a list."""
    return "\n".join(
        f"<dt>{verdict}</dt><dd>{escape(condition)}</dd>"
        for verdict, condition in VERDICT_RULES.items()
    )


def _overview(entries):
    """Return how many rows there are, and how many settings have each verdict."""
    rows = grouped(entries, "row").values()
    counts = Counter(entry.verdict for entry in entries)
    items = [
        f'<li class="{_css(verdict)}"><b>{n}</b> {verdict}</li>'
        for verdict, n in counts.most_common()
    ]
    return (
        f"<p>{len(rows)} rows of the paper's tables, in {len(entries)} readings. "
        f"{aims_met(entries)}</p>"
        f"<ul class=overview>{''.join(items)}</ul>"
    )


def _table(table):
    """Return a table of the paper as a section."""
    headings = "".join(f"<th scope=col>{heading}</th>" for heading in table.headings)
    return (
        f'<section id="{_css(table.name)}">'
        f"<h2>{table.name}: {escape(table.title)}</h2>"
        f"<table><thead><tr><td></td>{headings}</tr></thead>"
        f"{''.join(_row(row, table.headings) for row in table.rows)}</table></section>"
    )


def _row(row, headings):
    """Return the paper's line of a row and the lines of its readings."""
    lines = "".join(_line(line, headings, "reading") for line in row.readings)
    return f"<tbody>{_line(row.paper, headings, 'paper')}{lines}</tbody>"


def _line(line, headings, kind):
    """Return a line of a table; `kind` is its CSS class."""
    cells = "".join(
        f'<td data-label="{heading}">{_cell(line.cells[heading])}</td>' for heading in headings
    )
    label = f"<th scope=row>{_cell(line.label)}</th>"
    return f'<tr class="{kind} {_css(line.verdict)}">{label}{cells}</tr>'


def _cell(cell):
    """Return the content of a cell, with its note in small type."""
    note = f"<small>{escape(cell.note)}</small>" if cell.note else ""
    return f"<span>{escape(cell.text)}</span>{note}"


def _css(name):
    """Return the CSS class of a verdict, or the id of a table."""
    return name.lower().replace(" ", "-")


def _figure(name, svg):
    """Return a plot in the page's colours: black becomes the text colour, white transparent."""
    svg = svg.replace("#000000", "currentColor").replace("#ffffff", "none")
    return f"<figure><div>{svg}</div><figcaption>{CAPTIONS[name]}</figcaption></figure>"


def _origins(records):
    """Return where the records come from, and how long all trials took."""
    origins = Counter(_origin(record) for record in records)
    items = [f"<li>{n:,} trials: {escape(origin)}</li>" for origin, n in origins.items()]
    hours = sum(record["seconds"] for record in records) / 3600
    return f"<ul>{''.join(items)}</ul><p>{len(records):,} trials took {hours:,.1f} hours.</p>"


def _origin(record):
    """Return versions, platform, commit and seed of a record as text."""
    versions = ", ".join(f"{name} {number}" for name, number in record.get("versions", {}).items())
    return (
        f"{versions or 'versions unknown'}; {record.get('platform') or 'platform unknown'}; "
        f"commit {record.get('commit') or 'unknown'}; seed {record['seed']}"
    )
