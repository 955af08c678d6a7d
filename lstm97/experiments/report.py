"""The report, which compares our results with the paper's: Markdown, CSV, plots and HTML."""

import csv
import html
import io
import os
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from lstm97.experiments.matrix import matrix_table, summarize_matrix
from lstm97.experiments.page import make_page
from lstm97.experiments.tables import make_entries, paper_tables


def write_report(folder, results, note=""):
    """Write tables.md, tables.csv, report.html and, with matplotlib, curves.svg, intervals.svg.

    Parameters
    ----------
    folder : path-like
        Folder of the files, created if needed.
    results : list of (Setting, list of dict)
        Settings with their records, in the order of the report. A setting without records is
        reported as not run.
    note : str, default=""
        Note on all numbers, printed at the top of the page.

    Returns
    -------
    page : pathlib.Path
        The HTML page, which does not need the other files.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from lstm97.experiments.report import write_report
    >>> from lstm97.experiments.settings import load_settings
    >>> setting = load_settings()["exp4-100"]
    >>> with TemporaryDirectory() as folder:
    ...     page = write_report(folder, [(setting, [])])
    ...     page.name, "not run" in page.read_text(encoding="utf-8")
    ('report.html', True)
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    entries = make_entries(results)
    plots = _plots(entries)
    files = {
        "tables.md": _markdown(entries),
        **{f"{name}.svg": svg for name, svg in plots.items()},
        "tables.csv": _csv(entries),
        "report.html": make_page(entries, plots, note),
    }
    for name, text in files.items():
        _write(folder / name, text)
    return folder / "report.html"


def _write(path, text):
    """Write a file; if that fails, an older one stays."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def markdown_tables(results):
    """Return the paper's tables with our results, as Markdown.

    Parameters
    ----------
    results : list of (Setting, list of dict)
        As for `write_report`.

    Returns
    -------
    str
    """
    return _markdown(make_entries(results))


def _plots(entries):
    """Return plots as SVG by name, or none if matplotlib, an optional dependency, is missing."""
    if find_spec("matplotlib") is None:
        return {}
    from lstm97.experiments.plots import draw_curves, draw_intervals

    of_losses = [entry for entry in entries if not entry.setting.is_stream]
    return {"intervals": draw_intervals(entries), "curves": draw_curves(of_losses)}


def write_matrix(folder, store):
    """Write matrix.md and, with matplotlib, matrix.svg.

    Parameters
    ----------
    folder : path-like
        Folder of the files, created if needed.
    store : Store
        Store with records of `lstm97 matrix`.

    Returns
    -------
    table : pathlib.Path
        The file matrix.md.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from lstm97.experiments.report import write_matrix
    >>> from lstm97.experiments.store import Store
    >>> with TemporaryDirectory() as folder:
    ...     table = write_matrix(folder, Store(folder))  # nothing stored
    ...     table.name, "4: adding" in table.read_text(encoding="utf-8")
    ('matrix.md', True)
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = summarize_matrix(store)
    _write(folder / "matrix.md", matrix_table(rows))
    if plot := matrix_plot(rows):
        _write(folder / "matrix.svg", plot)
    return folder / "matrix.md"


def matrix_plot(rows):
    """Return a plot of the matrix as SVG.

    Parameters
    ----------
    rows : dict of str to dict of str to Summary
        See `summarize_matrix`.

    Returns
    -------
    svg : str
        Empty if matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        return ""
    from lstm97.experiments.plots import draw_matrix

    return draw_matrix(rows)


def _markdown(entries):
    """Return all tables as Markdown."""
    return "\n".join(_markdown_table(table) for table in paper_tables(entries))


def _markdown_table(table):
    """Return one table as Markdown, with a heading."""
    lines = [
        f"## {table.name}: {_escaped(table.title)}\n",
        _markdown_line(["", *table.headings]),
        _markdown_line([":--", *("--:" for _ in table.headings)]),
    ]
    for row in table.rows:
        for line in (row.paper, *row.readings):
            label = f"**{line.label.text}**" if line is row.paper else line.label.text
            cells = [line.label._replace(text=label), *(line.cells[h] for h in table.headings)]
            lines.append(_markdown_line(map(_markdown_cell, cells)))
    return "\n".join(lines) + "\n"


def _markdown_line(cells):
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def _markdown_cell(cell):
    """Return the text of a cell, with its note in brackets."""
    return _escaped(f"{cell.text} ({cell.note})" if cell.note else cell.text)


def _escaped(text):
    """Escape characters that would end a cell or begin HTML."""
    return html.escape(text, quote=False).replace("|", r"\|")


def _csv(entries):
    """Return a table with a line for each setting, with the paper's numbers in the last columns."""
    rows = [_csv_row(entry) for entry in entries]
    names = dict.fromkeys(name for row in rows for name in row)
    names = sorted(names, key=lambda name: name.startswith("paper_"))
    file = io.StringIO()
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _csv_row(entry):
    """Return the fields of a line by name; None becomes an empty field."""
    setting = entry.setting
    described = ("id", "row", "title", "table", "method", "limit")
    return {
        **{name: getattr(setting, name) for name in described},
        "departures": "; ".join(setting.departures),
        "verdict": entry.verdict,
        "meets_aim": entry.meets_aim,
        **_flat(asdict(entry.summary)),
        "paper_trials": setting.published_trials,
        **{f"paper_{name}": value for name, value in _flat(setting.paper).items()},
    }


def _flat(figures):
    """Replace each interval by two numbers, and the milestones by one number each."""
    flat = {}
    for name, value in figures.items():
        if name.endswith("_interval"):
            stem = name.removesuffix("_interval")
            flat[f"{stem}_low"], flat[f"{stem}_high"] = value or (None, None)
        elif name == "milestones":
            flat |= {f"milestone_{stage}": mean for stage, mean in value.items()}
        elif name in ("good", "rest"):
            flat[name], flat[f"{name}_right"] = (*(value or ()), None, None)[:2]
        else:
            flat[name] = value
    return flat
