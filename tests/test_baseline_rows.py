"""Rows of the paper's tables for other methods than LSTM, some without a mean or a number."""

import csv
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from lstm97.experiments.cli import main
from lstm97.experiments.plots import PAPER, draw_intervals
from lstm97.experiments.report import write_report
from lstm97.experiments.settings import load_methods, load_settings
from lstm97.experiments.statistics import meets_aim, summarize, verdict
from lstm97.experiments.summary import comparison
from lstm97.experiments.tables import DASH, make_entries, paper_tables

SETTINGS = load_settings()
FAILED = SETTINGS["exp2a-rtrl-10"]  # all 18 trials of the paper, after 5,000,000 sequences
SOME = SETTINGS["exp1-rtrl-3"]  # "some fraction" of 10, after 173,000
HALF = SETTINGS["exp1-rcc"]  # 3 of 6, after 182,000
LSTM = SETTINGS["exp4-100"]  # all of 10, after 74,000


def records(setting, n_solved, n_failed, count=None):
    """Return records of trials; those that are solved are as fast as the paper's, or `count`."""
    count = count or setting.published_mean or 1000
    return [
        {
            "id": setting.id, "method": setting.method, "trial": i, "seed": 0,
            "setting": setting.digest, "solved": i < n_solved,
            "reason": "solved" if i < n_solved else "limit",
            "n_sequences": count if i < n_solved else setting.limit,
            "milestones": {}, "n_wrong": 1, "n_test": 512, "test_error": 0.1, "curve": [0.1],
            "seconds": 1.0,
        }
        for i in range(n_solved + n_failed)
    ]  # fmt: skip


def summary(setting, *numbers):
    return summarize(setting, records(setting, *numbers))


def test_what_the_paper_says():
    assert (FAILED.published_mean, FAILED.published_count) == (None, ">5,000,000")
    assert (FAILED.published_rate, FAILED.published_success) == (0.0, "0%")
    assert (SOME.published_mean, SOME.published_count) == (173_000, "173,000")
    assert (SOME.published_rate, SOME.published_success) == (None, "some")
    assert (HALF.published_rate, HALF.published_success) == (0.5, "50%")
    assert (LSTM.published_rate, LSTM.published_success) == (1.0, "all")
    trials = [setting.published_trials for setting in (FAILED, SOME, HALF, LSTM)]
    assert trials == [18, None, 6, 10]


def test_every_row_of_another_method_has_figures():
    for setting in SETTINGS.values():
        assert setting.method in load_methods()
        assert ("n_sequences" in setting.paper) is not ("beyond" in setting.paper)
        if setting.has_aim:
            assert setting.published_mean
        if "beyond" in setting.paper:
            assert setting.published_rate == 0.0


# By hand, one of Fisher's tables per line; the paper's trials are the second row.
@pytest.mark.parametrize(
    ("setting", "n_solved", "n_failed", "expected"),
    [
        (FAILED, 0, 0, "not run"),
        (FAILED, 0, 9, "too few trials"),
        (FAILED, 9, 0, "too few trials"),
        (FAILED, 0, 10, "reproduced"),
        (FAILED, 2, 8, "reproduced"),  # p = C(10, 2) / C(28, 2) = 0.119
        (FAILED, 3, 7, "success rate differs"),  # p = C(10, 3) / C(28, 3) = 0.037
        (FAILED, 10, 0, "success rate differs"),
        (SOME, 0, 0, "not run"),
        (SOME, 0, 9, "too few trials"),
        (SOME, 9, 0, "too few trials"),
        (SOME, 0, 10, "success rate differs"),
        (SOME, 1, 9, "reproduced"),
        (SOME, 10, 0, "reproduced"),
        (HALF, 0, 0, "not run"),
        (HALF, 5, 4, "too few trials"),
        (HALF, 0, 10, "success rate differs"),  # p = C(6, 3) / C(16, 3) = 0.036
        (HALF, 5, 5, "reproduced"),
        (HALF, 10, 0, "success rate differs"),  # p = C(6, 3) / C(16, 3) = 0.036
        # p = (C(6, 3) C(15, 1) + C(6, 4)) / C(21, 4) = 0.053; with 5 of 10, it would be 0.023.
        (HALF, 1, 14, "reproduced"),
    ],
)
def test_verdict(setting, n_solved, n_failed, expected):
    assert verdict(setting, summary(setting, n_solved, n_failed)) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(86_499, "faster"), (86_500, "reproduced"), (346_000, "reproduced"), (346_001, "slower")],
)
def test_verdict_on_the_mean_of_some(count, expected):
    assert verdict(SOME, summary(SOME, 10, 0, count)) == expected
    assert verdict(SOME, summary(SOME, 1, 9, count)) == expected
    # Where the paper's trials all failed, there is no mean to compare with.
    failed = replace(FAILED, id=SOME.id)
    assert verdict(failed, summary(failed, 1, 9, count)) == "reproduced"


def test_the_aim_is_lstms():
    assert meets_aim(LSTM, summary(LSTM, 10, 0))
    for setting in (FAILED, SOME, HALF, replace(LSTM, method="elman")):
        assert not meets_aim(setting, summary(setting, 10, 0, 10))
        assert not meets_aim(setting, summary(setting, 0, 10))


def row(setting, *numbers):
    """Return the paper's line and ours."""
    entries = make_entries([(setting, records(setting, *numbers))])
    (table,) = paper_tables(entries)
    (row,) = table.rows
    return row.paper.cells, row.readings[0].cells


@pytest.mark.parametrize(
    ("setting", "mean", "solved", "trials"),
    [
        (FAILED, ">5,000,000", "0%", "18"),
        (SOME, "173,000", "some", DASH),
        (HALF, "182,000", "50%", "6"),
        (LSTM, "74,000", "all", "10"),
    ],
)
def test_cells(setting, mean, solved, trials):
    paper, ours = row(setting, 5, 5)
    assert [paper[name].text for name in ("Mean", "Solved", "Trials")] == [mean, solved, trials]
    assert ours["Ours / paper"].text == (DASH if setting is FAILED else "1.00")
    assert ours["Verdict"].note == ("aim not met" if setting is LSTM else "")
    _, ours = row(setting, 0, 10)
    assert [ours[name].text for name in ("Solved", "Mean", "Ours / paper")] == ["0%", DASH, DASH]
    assert ours["Limit"].text == f"{setting.limit:,}"
    _, ours = row(setting, 0, 0)
    assert [ours[name].text for name in ("Solved", "Mean", "Ours / paper")] == [DASH] * 3
    assert ours["Verdict"] == ("not run", "")


@pytest.mark.parametrize("setting", [FAILED, SOME, HALF])
@pytest.mark.parametrize("numbers", [(10, 0), (0, 10), (1, 0)])
def test_ours_beside_the_papers_on_a_terminal(setting, numbers):
    console = Console(width=120)
    with console.capture() as capture:
        console.print(comparison(setting, records(setting, *numbers)))
    lines = capture.get().splitlines()

    def words(name):
        (line,) = (line for line in lines if name in line and "│" in line)
        return [word.strip() for word in line.strip("│").split("│")]

    assert words("trials") == ["trials", str(sum(numbers)), str(setting.published_trials or DASH)]
    assert words("solved")[2] == setting.published_success
    solved = f"{setting.published_mean or 1000:,}"
    mean = solved if numbers[0] else f">{setting.limit:,}"
    assert words("sequences to success")[1:] == [mean, setting.published_count]
    assert f"Verdict: {verdict(setting, summary(setting, *numbers))}." in lines


@pytest.mark.parametrize("numbers", [(10, 0), (5, 5), (0, 10), (0, 0)])
def test_the_plot_marks_the_papers_mean_where_there_is_one(numbers):
    marks = []
    for setting in (FAILED, SOME):
        svg = draw_intervals(make_entries([(setting, records(setting, *numbers))]))
        ElementTree.fromstring(svg)
        assert f">{setting.id}<" in svg
        marks.append(svg.count(f"stroke: {PAPER}"))
    assert marks[1] > marks[0] > 0  # the key has it always


def test_a_report_of_such_rows(tmp_path):
    write_report(tmp_path, [(s, records(s, 5, 5)) for s in (FAILED, SOME, HALF)])
    lines = (tmp_path / "tables.md").read_text(encoding="utf-8").splitlines()
    assert any("RTRL" in line and "| >5,000,000 |" in line.replace("&gt;", ">") for line in lines)
    assert sum("aim" in line for line in lines) == 0
    with (tmp_path / "tables.csv").open(encoding="utf-8", newline="") as file:
        failed, some, half = csv.DictReader(file)
    assert (failed["paper_beyond"], failed["paper_n_sequences"]) == ("5000000", "")
    assert (failed["paper_success"], failed["paper_trials"]) == ("0.0", "18")
    assert (some["paper_success"], some["paper_trials"]) == ("some", "")
    assert (half["paper_n_sequences"], half["paper_trials"]) == ("182000", "6")
    assert {row["meets_aim"] for row in (failed, some, half)} == {"False"}


def test_list_shows_rows_methods_and_figures(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    found = {words[0]: words for line in out.splitlines() if (words := line.split())}
    for name, setting in SETTINGS.items():
        figures = f"{setting.published_count} {setting.published_success}"
        task = "; ".join([setting.title, *setting.departures])
        assert found[name] == f"{name} {setting.method} {figures} {task}".split()
