"""The report as one HTML page that needs nothing else; its frame and looks are in page.html."""

import inspect
from collections import Counter
from html import escape
from importlib import resources
from string import Template

from lstm97.experiments.statistics import meets_aim, verdict
from lstm97.experiments.tables import grouped, paper_tables

CAPTIONS = {
    "intervals": "Training sequences to success, of every setting. Where the diamond stands in the "
    "grey band, the verdict is “reproduced”, if the success rate agrees.",
    "curves": "Learning curves: mean loss per sequence over equal parts of each trial. One colour "
    "per row of the table, panels for readings with a departure, a cross where a trial failed.",
}
NO_PLOTS = '<p>For plots, install matplotlib: <code>pip install "lstm97[plot]"</code>.</p>'


def make_page(entries, plots, note=""):
    """Return the page.

    Parameters
    ----------
    entries : list of Entry
    plots : dict of str to str
        SVG by the names that have captions; may be empty.
    note : str, default=""
        What a reader should know of all the figures.

    Returns
    -------
    html : str
    """
    template = (resources.files(__package__) / "page.html").read_text(encoding="utf-8")
    tables = paper_tables(entries)
    return Template(template).substitute(
        note=f"<p><b>{escape(note)}</b></p>" if note else "",
        overview=_overview(entries),
        rule=_rule(verdict),
        aim=_rule(meets_aim),
        links=" ".join(f'<a href="#table-{t.number}">Table {t.number}</a>' for t in tables),
        tables="".join(map(_table, tables)),
        plots="".join(_figure(*plot) for plot in plots.items()) or NO_PLOTS,
        origins=_origins([record for entry in entries for record in entry.records]),
    )


def _rule(function):
    """Return the second paragraph of a docstring: the rule in words."""
    return escape(inspect.getdoc(function).split("\n\n")[1])


def _overview(entries):
    rows = grouped(entries, "row").values()
    aimed = [row for row in rows if row[0].setting.method == "lstm"]
    n_met = sum(any(entry.meets_aim for entry in row) for row in aimed)
    counts = Counter(entry.verdict for entry in entries)
    items = [
        f'<li class="{_css(verdict)}"><b>{n}</b> {verdict}</li>'
        for verdict, n in counts.most_common()
    ]
    return (
        f"<p>{len(rows)} rows of the paper's tables, in {len(entries)} readings. In {n_met} of the "
        f"{len(aimed)} rows of LSTM, at least one reading meets the aim.</p>"
        f"<ul class=overview>{''.join(items)}</ul>"
    )


def _table(table):
    headings = "".join(f"<th scope=col>{heading}</th>" for heading in table.headings)
    return (
        f'<section id="table-{table.number}">'
        f"<h2>Table {table.number}: {escape(table.title)}</h2>"
        f"<table><thead><tr><td></td>{headings}</tr></thead>"
        f"{''.join(_row(row, table.headings) for row in table.rows)}</table></section>"
    )


def _row(row, headings):
    lines = "".join(_line(line, headings, "reading") for line in row.readings)
    return f"<tbody>{_line(row.paper, headings, 'paper')}{lines}</tbody>"


def _line(line, headings, kind):
    cells = "".join(
        f'<td data-label="{heading}">{_cell(line.cells[heading])}</td>' for heading in headings
    )
    label = f"<th scope=row>{_cell(line.label)}</th>"
    return f'<tr class="{kind} {_css(line.verdict)}">{label}{cells}</tr>'


def _cell(cell):
    note = f"<small>{escape(cell.note)}</small>" if cell.note else ""
    return f"<span>{escape(cell.text)}</span>{note}"


def _css(verdict):
    return verdict.replace(" ", "-")


def _figure(name, svg):
    """Return a plot in the page's colours: black becomes the text's, white the background's."""
    svg = svg.replace("#000000", "currentColor").replace("#ffffff", "none")
    return f"<figure><div>{svg}</div><figcaption>{CAPTIONS[name]}</figcaption></figure>"


def _origins(records):
    """Say which versions, platforms and commits the records come from, and what they cost."""
    origins = Counter(_origin(record) for record in records)
    items = [f"<li>{n:,} trials: {escape(origin)}</li>" for origin, n in origins.items()]
    hours = sum(record["seconds"] for record in records) / 3600
    return f"<ul>{''.join(items)}</ul><p>{len(records):,} trials took {hours:,.1f} hours.</p>"


def _origin(record):
    versions = ", ".join(f"{name} {number}" for name, number in record.get("versions", {}).items())
    return (
        f"{versions or 'versions unknown'}; {record.get('platform') or 'platform unknown'}; "
        f"commit {record.get('commit') or 'unknown'}; seed {record['seed']}"
    )
