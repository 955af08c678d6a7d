"""The report: it has all settings, loads nothing, and has the same bytes every time."""

import csv
import sys
from collections import Counter
from dataclasses import asdict, replace
from html.parser import HTMLParser

import numpy as np
import pytest

from lstm97.experiments.report import markdown_tables, matrix_plot, write_report
from lstm97.experiments.settings import load_settings
from lstm97.experiments.statistics import summarize
from lstm97.experiments.tables import DASH, aims_met, make_entries

SETTINGS = load_settings()
VOID = {"meta", "br", "hr", "img", "link", "input"}
NOT_RUN = ["exp4-1000", "exp6b"]


class Page(HTMLParser):
    """Text, attributes, and a check that tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.attributes = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data.strip())


# Groups of trials on streams that were not solved: a fraction and a mean each.
GROUPS = ("good", "rest")


def record(setting, trial, solved, rng):
    count = int((setting.published_mean or 1000) * rng.uniform(0.5, 1.5))
    stages = setting.stop.get("stages", {})
    return {
        "id": setting.id,
        "method": setting.method,
        "trial": trial,
        "seed": 0,
        "setting": setting.digest,
        "solved": solved,
        "reason": "solved" if solved else "limit",
        "n_sequences": count if solved else setting.limit,
        "milestones": dict.fromkeys(stages, count) if solved else {},
        "n_wrong": int(rng.integers(5)),
        "n_test": setting.n_test,
        "test_error": float(rng.uniform(0, 0.01)),
        "curve": list(np.geomspace(0.3, 0.01, 40)),
        "n_right": float(rng.uniform(0, 2000)),
        "seconds": 1.5,
        "versions": {"python": "3.99.1", "lstm97": "0.1"},
        "platform": "Minix-m68k",
        "commit": "abcdef123456+",
    }


def made_up():
    """Return three solved trials and a failed one of each setting; two settings are not run."""
    rng = np.random.default_rng(0)
    return [
        (setting, [record(setting, i, i < 3, rng) for i in range(4) if name not in NOT_RUN])
        for name, setting in SETTINGS.items()
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    assert write_report(folder, made_up()) == folder / "report.html"
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_every_setting_is_in_every_table(folder, page):
    markdown = (folder / "tables.md").read_text(encoding="utf-8")
    plot = (folder / "intervals.svg").read_text(encoding="utf-8")
    for name, setting in SETTINGS.items():
        assert name in page.text
        assert f"({name}) |" in markdown
        assert f">{name}<" in plot
        assert setting.title in page.text
        for departure in setting.departures:
            assert departure[1:] in markdown


def test_settings_without_records_are_not_run(folder, page):
    lines = (folder / "tables.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "| not run |" in line] == [
        line for line in lines for name in NOT_RUN if f"({name}) |" in line
    ]
    assert page.text.count("not run") >= len(NOT_RUN)


def test_the_page_loads_nothing(page):
    links = [value for name, value in page.attributes if name in ("src", "href", "xlink:href")]
    assert links
    assert all(link.startswith("#") for link in links)


def test_links_and_ids_of_the_page_agree(page):
    ids = Counter(value for name, value in page.attributes if name == "id")
    assert max(ids.values()) == 1
    assert {v[1:] for name, v in page.attributes if name.endswith("href")} <= set(ids)


def test_the_page_says_where_records_come_from(page):
    origin = next(text for text in page.text if "Minix" in text)
    assert "python 3.99.1, lstm97 0.1; Minix-m68k; commit abcdef123456+; seed 0" in origin


def test_csv_has_the_numbers(folder):
    with (folder / "tables.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(SETTINGS)
    for row, (setting, records) in zip(rows, made_up(), strict=True):
        for name, value in asdict(summarize(setting, records)).items():
            if name == "milestones":
                assert all(float(row[f"milestone_{stage}"]) == value[stage] for stage in value)
            elif name in GROUPS:
                assert_written(row[name], value and value[0])
                assert_written(row[f"{name}_right"], value and value[1])
            elif name.endswith("_interval"):
                assert_written(row[name.replace("interval", "low")], value and value[0])
                assert_written(row[name.replace("interval", "high")], value and value[1])
            else:
                assert_written(row[name], value)
        for name, value in setting.paper.items():
            assert_written(row[f"paper_{name}"], value[0] if name in GROUPS else value)
        trials = None if setting.paper.get("quoted") else setting.trials
        assert_written(row["paper_trials"], setting.paper.get("trials", trials))


def test_trials_that_others_made_are_not_counted(folder):
    """The paper quotes them without a number, shown as a dash in tables and empty in the CSV."""
    quoted = [name for name, setting in SETTINGS.items() if setting.paper.get("quoted")]
    assert "exp1-elman" in quoted
    with (folder / "tables.csv").open(encoding="utf-8", newline="") as file:
        trials = {row["id"]: row["paper_trials"] for row in csv.DictReader(file)}
    assert [name for name in SETTINGS if not trials[name]] == quoted
    lines = (folder / "tables.md").read_text(encoding="utf-8").splitlines()
    for name in quoted:
        start = f"| **{SETTINGS[name].title}** (paper) | {DASH} |"
        assert any(line.startswith(start) for line in lines)


def assert_written(text, value):
    if value is None or isinstance(value, str | bool):
        assert text == ("" if value is None else str(value))
    else:
        assert float(text) == value


def test_the_papers_figures_are_above_ours():
    lines = markdown_tables(made_up()).splitlines()
    at = next(i for i, line in enumerate(lines) if "T=100, N=3** (paper)" in line)
    assert f"| 39,850 | {DASH} | 27,380 | 0.000195 |" in lines[at]
    assert f"(exp3a-100-3) | 4 | 75% (30%{DASH}95%)" in lines[at + 1]
    assert "too few trials (aim not met)" in lines[at + 1]


def test_rows_whose_aim_is_met():
    rng = np.random.default_rng(0)
    literal, other, row = (SETTINGS[name] for name in ("exp6b", "exp6b-hidden", "exp6a"))
    solved = [(s, [record(s, i, True, rng) for i in range(20)]) for s in (other, row)]
    entries = make_entries([(literal, []), *solved])
    assert aims_met(entries) == (
        "At least one reading meets the aim in 2 of the 2 rows of LSTM, and the literal reading "
        "meets it in 1."
    )
    assert aims_met(entries[:1]).startswith("At least one reading meets the aim in 0 of the 1 rows")


def test_readings_of_a_row_are_together():
    lines = markdown_tables(made_up()).splitlines()
    readings = [name for name, setting in SETTINGS.items() if setting.row == "exp4-100"]
    assert len(readings) > 1
    at = next(i for i, line in enumerate(lines) if f"({readings[0]}) |" in line)
    for name, line in zip(readings, lines[at:], strict=False):
        assert f"({name}) |" in line


def test_text_is_escaped(tmp_path):
    setting = replace(SETTINGS["exp6a"], title="a<b & c|d", departures=["<script>x</script>"])
    write_report(tmp_path, [(setting, [])])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "a&lt;b &amp; c|d" in page
    assert "<script" not in page
    markdown = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert r"a&lt;b &amp; c\|d" in markdown
    assert "<script" not in markdown


def test_names_are_drawn_literally(tmp_path):
    rng = np.random.default_rng(0)
    settings = [
        replace(SETTINGS["exp6a"], id=row + "$^{$", row=row, method="x$_{$")
        for row in ("exp6a-$", r"exp6a-$\frac$")
    ]
    # A broken formula would raise here.
    write_report(tmp_path, [(setting, [record(setting, 0, True, rng)]) for setting in settings])
    intervals = (tmp_path / "intervals.svg").read_text(encoding="utf-8")
    curves = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    assert r">exp6a-$\frac$$^{$<" in intervals
    assert r">$\frac$<" in curves
    assert ">Experiment 6a, x$_{$, $^{$<" in curves
    # Nor do titles of the matrix and names of methods.
    plot = matrix_plot({r"$\frac$": {"x$_{$": summarize(settings[0], [])}})
    assert r">$\frac$<" in plot
    assert ">x$_{$<" in plot


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.long)])
def test_the_same_records_give_the_same_files(every, tmp_path):
    for name in ("once", "again"):
        write_report(tmp_path / name, made_up()[::every])
    written = sorted((tmp_path / "once").iterdir())
    assert len(written) == 5
    for path in written:
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    write_report(tmp_path, made_up())
    assert {path.name for path in tmp_path.iterdir()} == {"tables.md", "tables.csv", "report.html"}
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "pip install matplotlib" in page.text


@pytest.mark.parametrize("curve", [[], [float("nan")], [float("inf"), 0.1]])
def test_trials_that_diverged(tmp_path, curve):
    setting = SETTINGS["exp4-100"]
    diverged = record(setting, 0, False, np.random.default_rng(0)) | {
        "reason": "diverged",
        "n_sequences": len(curve),
        "test_error": float("nan"),
        "curve": curve,
    }
    write_report(tmp_path, [(setting, [diverged])])
    markdown = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert f"| 1 | 0% (0%{DASH}79%) | {DASH} | {DASH} |" in markdown
