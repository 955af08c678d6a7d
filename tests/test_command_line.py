"""The command line: help, lists, progress, and one line for any error of the environment."""

import copy
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lstm97.experiments import progress
from lstm97.experiments.cli import main
from lstm97.experiments.settings import load_matrix, load_settings
from lstm97.experiments.store import Store
from test_store import record

SETTINGS = load_settings()
ADDING = SETTINGS["exp4-100"]
posix = pytest.mark.skipif(os.name != "posix", reason="devices and closed streams of POSIX")


def one_line(capsys):
    """Return the only line on stderr."""
    err = capsys.readouterr().err
    assert err.startswith("lstm97: ")
    assert err.count("\n") == 1
    return err


@pytest.fixture
def store(tmp_path):
    """Return a store with ten trials of one setting."""
    store = Store(tmp_path / "store")
    for trial in range(10):
        store.append(ADDING, record(trial, setting=ADDING))
    return store


@pytest.fixture
def no_plots(monkeypatch):
    monkeypatch.setattr("lstm97.experiments.report.find_spec", lambda _: None)


def report(store, folder):
    return ["report", "--store", str(store.folder), "--report", str(folder)]


# ---- help and lists ------------------------------------------------------------------------------


def test_without_a_command_help_is_shown(capsys):
    assert main([]) == 0
    captured = capsys.readouterr()
    assert all(name in captured.out for name in ("list", "run", "reproduce", "report", "matrix"))
    assert captured.err == ""


def test_the_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert re.fullmatch(r"lstm97 \d\S+\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("exp4", "exp4-100, exp4-500, exp4-1000"), ("exp6A", "exp6a"), ("exp3a100-1", "exp3a-100-1"),
     ("noise-free", "noise-free-lag"), ("add1ng", "adding")],
)  # fmt: skip
def test_an_unknown_experiment_names_the_nearest(capsys, name, meant):
    with pytest.raises(SystemExit) as stop:
        main(["run", name])
    assert stop.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"no experiment {name!r}; did you mean {meant}" in last
    assert len(last) < 200


@pytest.mark.parametrize("method", ["lstm-full", "elman", "chunker", "cascade", "guessing"])
def test_streams_have_no_other_method(capsys, method, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main(["run", "cerg-1997", "--method", method, "--store", str(tmp_path)])
    assert stop.value.code == 2
    message = "argument --method: cerg-1997 has streams: they are for the method 'lstm' alone"
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "zzzz"])
def test_an_experiment_that_is_like_none(capsys, name):
    with pytest.raises(SystemExit):
        main(["run", name])
    assert f"no experiment {name!r}. `lstm97 list` shows all" in capsys.readouterr().err


def listed(capsys, *arguments):
    assert main(["list", "--json", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_list_for_programs_has_all_experiments(capsys):
    rows = listed(capsys)
    assert [row["id"] for row in rows] == [*SETTINGS, *load_matrix()]
    for row in rows[: len(SETTINGS)]:
        setting = SETTINGS[row["id"]]
        assert row == {name: getattr(setting, name) for name in row}
        assert {"method", "title", "departures", "trials", "limit", "paper"} <= row.keys()


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [(["exp4"], lambda s: "exp4" in s.id), (["--method", "elman"], lambda s: s.method == "elman"),
     (["exp2*fast"], lambda s: s.id.startswith("exp2") and s.id.endswith("fast")),
     (["4-1?00", "--method", "lstm"], lambda s: s.id.startswith("exp4-1000"))],
)  # fmt: skip
def test_a_list_can_be_filtered(capsys, arguments, chosen):
    expected = [s.id for s in SETTINGS.values() if chosen(s)]
    assert expected
    assert [row["id"] for row in listed(capsys, *arguments)] == expected


def test_a_list_of_nothing_says_so(capsys):
    assert main(["list", "exp4", "--method", "rtrl"]) == 1
    assert one_line(capsys) == "lstm97: no experiment of rtrl has 'exp4' in its id\n"


@pytest.mark.parametrize("width", ["20", "80", "500"])
def test_a_list_in_a_pipe_has_a_line_for_each_experiment(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    assert main(["list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.split()}
    for name, setting in SETTINGS.items():
        assert all(text in lines[name] for text in [setting.title, *setting.departures])
    assert all(name in lines for name in load_matrix())


# ---- errors of the environment -------------------------------------------------------------------


@posix
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], []])
def test_a_full_disk_behind_the_output(capsys, monkeypatch, arguments):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(arguments) == 1
    assert "No space left on device" in one_line(capsys)


@posix
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], []])
def test_a_reader_that_has_gone(capsys, monkeypatch, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        with pytest.raises(SystemExit) as stop:  # rich exits by itself
            sys.exit(main(arguments))
    assert stop.value.code == 1
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_an_output_that_lacks_characters(monkeypatch, store, tmp_path, encoding):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    folder = tmp_path / "Bericht\N{EN DASH}\N{CJK UNIFIED IDEOGRAPH-65E5}"
    assert main(report(store, folder)) == 0
    text = out.buffer.getvalue().decode(encoding)
    assert "Report: " in text
    assert (folder / "report.html").exists()
    assert (folder.name in text) == (encoding == "utf-8")


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("names", [["stdout"], ["stderr"], ["stdout", "stderr"]])
def test_closed_streams(monkeypatch, store, tmp_path, names):
    for name in names:
        monkeypatch.setattr(sys, name, None)
    assert main(report(store, tmp_path / "report")) == 0
    assert (tmp_path / "report" / "report.html").exists()
    run = ["run", "exp4-100", "--trials", "10", "--store", str(store.folder)]
    assert main(run) == 0
    assert main(["report", "--store", str(tmp_path / "none")]) == 1
    for name in names:
        getattr(sys, name).close()


@posix
@pytest.mark.long
def test_workers_run_without_streams(tmp_path):
    command = (
        f"{sys.executable} -m lstm97 run noise-free-lag --trials 4 --jobs 2 --store . 2>&- >&-"
    )
    subprocess.run(["sh", "-c", command], check=True, cwd=tmp_path)
    (file,) = tmp_path.iterdir()
    assert len(file.read_text().splitlines()) == 4


@posix
def test_progress_that_cannot_be_written_ends_no_run(monkeypatch, capsys, store):
    with suppress(OSError), open("/dev/full", "w", buffering=1, encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert main(["run", "exp4-100", "--json", "--store", str(store.folder)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10


@pytest.mark.parametrize(
    ("error", "text"),
    [(MemoryError(), "MemoryError"), (PermissionError(13, "Permission denied", "x"), "Permission"),
     (OSError("two\nlines"), "two lines")],
)  # fmt: skip
def test_other_errors_end_with_one_line(capsys, monkeypatch, error, text):
    def fail():
        raise error

    monkeypatch.setattr("lstm97.experiments.cli._print_list", lambda _: fail())
    assert main(["list"]) == 1
    assert text in one_line(capsys)


def test_ctrl_c_at_another_time(capsys, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lstm97.experiments.cli._print_list", stop)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [("--jobs", "9" * 20, "is higher than"), ("--trials", "9" * 20, "is higher than 1,000,000"),
     ("--seed", "9" * 20, "is higher than"), ("--trials", "9" * 5000, "is not a whole number"),
     ("--jobs", "-" + "9" * 20, "is lower than")],
)  # fmt: skip
def test_numbers_out_of_proportion(capsys, option, value, text):
    with pytest.raises(SystemExit):
        main(["run", "exp4-100", option, value])
    assert text in capsys.readouterr().err.splitlines()[-1]


def test_more_jobs_than_trials(store):
    run = ["run", "exp4-100", "--trials", "10", "--jobs", str(2**31 - 1)]
    assert main([*run, "--store", str(store.folder)]) == 0


BAD_LINES = [
    b"[" * 200_000, b"{}", b"\xff", b"9" * 5000,
    *(json.dumps(record(0, setting=ADDING) | {name: value}).encode()
      for name, value in [("trial", "0"), ("seed", None), ("n_test", 1.5), ("solved", "yes"),
                          ("curve", ["x"]), ("milestones", {"a": "b"}), ("seconds", True)]),
]  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES, ids=[str(line[:9]) for line in BAD_LINES])
def test_a_line_of_the_store_that_is_no_record(capsys, store, tmp_path, line):
    with store.path(ADDING).open("ab") as file:
        file.write(line + b"\n")
    assert main(report(store, tmp_path / "report")) == 1
    assert "line 11 of" in one_line(capsys)


JUNK = st.sampled_from(
    [None, True, -1, 0, 10**400, 1e308, float("nan"), "", "x", [], [[]], {}, {"a": 0}]
)


@pytest.mark.usefixtures("no_plots")
@settings(suppress_health_check=list(HealthCheck), max_examples=20, deadline=None)
@example(changes={"versions": None}, places=[])
@example(changes={"versions": "x"}, places=[])
@example(changes={"platform": 0, "commit": []}, places=[])
@given(
    changes=st.dictionaries(st.sampled_from([*record(0), "versions", "platform", "commit"]), JUNK),
    places=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3),
)
def test_a_damaged_record_is_read_or_named(capsys, tmp_path_factory, changes, places):
    store = Store(tmp_path_factory.mktemp("damaged"))
    line = bytearray(json.dumps(record(0, setting=ADDING) | changes).encode())
    for at, value in places:
        line[at % len(line)] = value
    rest = b"".join(json.dumps(record(i, setting=ADDING)).encode() + b"\n" for i in range(1, 11))
    store.path(ADDING).write_bytes(bytes(line) + b"\n" + rest)
    capsys.readouterr()
    if main(report(store, store.folder / "report")):
        one_line(capsys)


# ---- reports -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("kind", ["no store", "an empty store", "trials of other settings"])
def test_a_report_on_nothing_leaves_what_is_there(capsys, tmp_path, store, kind):
    folder = tmp_path / "report"
    assert main(report(store, folder)) == 0
    before = {path: path.read_bytes() for path in folder.iterdir()}
    other = Store(tmp_path / "other")
    if kind != "no store":
        other.folder.mkdir()
    if "trials" in kind:
        other.append(ADDING, record(0, setting=ADDING) | {"setting": "another"})
    capsys.readouterr()
    assert main(report(other, folder)) == 1
    assert str(other.folder) in one_line(capsys)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.usefixtures("no_plots")
def test_a_report_that_cannot_be_written_leaves_what_is_there(capsys, tmp_path, store, monkeypatch):
    folder = tmp_path / "report"
    assert main(report(store, folder)) == 0
    before = {path: path.read_bytes() for path in folder.iterdir()}
    store.append(ADDING, record(10, setting=ADDING))

    def no_room(path, text, **_):
        with path.open("w") as file:
            file.write(text[:20])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("pathlib.Path.write_text", no_room)
    capsys.readouterr()
    assert main(report(store, folder)) == 1
    assert "No space left on device" in one_line(capsys)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


# ---- progress ------------------------------------------------------------------------------------

WANTED = {"a": (None, 2), "b": (None, 4)}


def done(name, seconds):
    return {"id": name, "seconds": seconds}


def test_the_estimate(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    work = progress._Work(WANTED, 2)
    assert str(work) == "running a"
    work.add(done("a", 10.0))  # one of a and four of b, all as long, by two processes
    assert str(work) == "running a, about 0:00:25 left"
    work.add(done("b", 100.0))  # one of a, three of b
    assert str(work) == "running a, about 0:02:35 left"
    now[0] += 30
    assert str(work) == "running a, about 0:02:05 left"
    now[0] += 1000
    assert str(work) == "running a, about 0:00:00 left"
    work.add(done("a", 30.0))
    assert str(work) == "running b, about 0:02:30 left"
    for _ in range(2):
        work.add(done("b", 100.0))
    assert str(work) == "running b, about 0:01:40 left"  # one process is idle
    work.add(done("b", 100.0))
    assert str(work) == ""
    assert (work.n_done, work.total) == (6, 6)


def test_without_a_terminal_there_are_lines(capsys, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0.01)
    with progress.show_progress("title", WANTED, 1) as add:
        add(done("a", 10.0))
        text, deadline = "", time.monotonic() + 30
        while text.count("\n") < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
            text += capsys.readouterr().err
        assert "title: 1 of 6 trials done, running a, about 0:00:5" in text
        n_threads = threading.active_count()
    assert threading.active_count() < n_threads
    assert capsys.readouterr().err.endswith("title: 1 of 6 trials done\n")


def test_in_a_terminal_there_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setenv("COLUMNS", "120")
    with progress.show_progress("title", copy.copy(WANTED), 1) as add:
        add(done("a", 10.0))
        add(done("a", 10.0))
    err = capsys.readouterr().err
    assert "title" in err
    assert "2/6" in err
    assert "running b, about 0:00:" in err
