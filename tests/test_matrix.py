"""The matrix: any method on any task, its cells, and how it is run, written and drawn."""

import json
import sys
import tomllib
from dataclasses import fields, replace
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from lstm97.experiments import matrix
from lstm97.experiments.cli import main
from lstm97.experiments.matrix import matrix_table, summarize_matrix, wanted_cells
from lstm97.experiments.plots import OURS, draw_matrix
from lstm97.experiments.settings import Setting, load_matrix, load_methods, load_settings
from lstm97.experiments.statistics import summarize
from lstm97.experiments.store import Store, StoreError
from lstm97.experiments.trial import run_trial

SETTINGS, MATRIX, METHODS = load_settings(), load_matrix(), load_methods()
CELLS = {cell.id: cell for row in MATRIX.values() for cell in row.values()}
FIELDS = {
    "id", "method", "trial", "seed", "setting", "solved", "n_sequences", "milestones", "n_wrong",
    "n_test", "test_error", "reason", "curve", "seconds",
}  # fmt: skip
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


def read(name):
    return tomllib.loads((resources.files("lstm97.experiments") / name).read_text("utf-8"))


def tiny(setting, **changes):
    """Return a setting that takes almost no time."""
    changes = {"limit": 4, "n_test": 2, **changes}
    return replace(setting, **changes, training_set=min(setting.training_set, 4))


# ---- cells ---------------------------------------------------------------------------------------


def test_a_cell_for_every_method_and_task():
    assert list(MATRIX) == list(read("matrix.toml"))
    for name, row in MATRIX.items():
        assert list(row) == list(METHODS)
        for method, cell in row.items():
            assert (cell.id, cell.row, cell.method) == (f"{name}@{method}", name, method)
    assert len(CELLS) == len(MATRIX) * len(METHODS)
    assert len({cell.digest for cell in CELLS.values()}) == len(CELLS)
    assert len({next(iter(row.values())).title for row in MATRIX.values()}) == len(MATRIX)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_runs(name):
    cell = tiny(CELLS[name])
    record = run_trial(cell, 0, 0)
    # Embedded Reber has a set of its own, which is learned as a whole.
    n = 256 if name == "reber@cascade" else 4
    assert record.keys() == FIELDS
    assert (record["id"], record["method"], record["setting"]) == (name, cell.method, cell.digest)
    assert (record["solved"], record["reason"], record["n_sequences"]) == (False, "limit", n)
    assert 0 <= record["n_wrong"] <= record["n_test"]
    assert record["test_error"] > 0
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize("name", MATRIX)
def test_the_lstm_cell_is_the_setting_it_is_like(name):
    changes = read("matrix.toml")[name]
    if "like" not in changes:
        pytest.skip("it is like none")
    cell, like = MATRIX[name]["lstm"], SETTINGS[changes["like"]]
    assert like.method == "lstm"
    for each in fields(Setting):
        if each.name in ("id", "row", "weights", "table", "paper"):
            continue
        expected = changes.get(each.name, getattr(like, each.name))
        if each.name in ("task", "network", "stop"):
            expected = {**getattr(like, each.name), **changes.get(each.name, {})}
        assert getattr(cell, each.name) == expected


def test_a_cell_in_numbers():
    cell = MATRIX["adding"]["lstm"]
    assert cell.task == {"name": "adding", "T": 50}
    assert cell.network == SETTINGS["exp4-100"].network
    assert (cell.limit, cell.estimator) == (150_000, "LSTMRegressor")
    cell = MATRIX["adding"]["cascade"]
    assert (cell.limit, cell.training_set) == (750_000, 256)
    assert cell.estimator == "CascadeCorrelationRegressor"


# ---- a setting by another method -----------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["exp4-100", "exp5-100-140-literal", "exp6a", "exp2a-lstm-100"])
def test_by_changes_what_the_method_says(name, method):
    setting, changes = SETTINGS[name], METHODS[method]
    other = setting.by(method)
    assert setting == SETTINGS[name] == load_settings()[name]
    assert (other.id, other.method) == (f"{name}@{method}", method)
    for same in ("row", "title", "table", "task", "stop", "n_test", "trials", "paper"):
        assert getattr(other, same) == getattr(setting, same)
    kind = "Regressor" if name.startswith(("exp4", "exp5")) else "Classifier"
    assert other.estimator == changes["estimator"] + kind
    assert type(other.make_estimator()).__name__ == other.estimator
    keeps = changes.get("keeps", setting.network)
    kept = {key: setting.network[key] for key in keeps if key in setting.network}
    assert other.network == {**kept, **changes["network"]}
    assert other.limit == setting.limit * changes.get("patience", 1)
    assert other.training_set == changes.get("training_set", 0)
    # Its own method leaves a setting unchanged, for the store as well.
    assert (other.digest == setting.digest) is (method == "lstm")


def test_by_in_numbers():
    lag, adding = SETTINGS["exp2a-lstm-100"], SETTINGS["exp4-100"]
    assert adding.by("bptt").network == {"learning_rate": 0.5, "n_hidden": 8}
    assert lag.by("elman").network == {"learning_rate": 1.0, "shortcut": True, "n_hidden": 8}
    assert adding.by("lstm-full").network == {**adding.network, "gradient": "full"}
    named = replace(adding, network={**adding.network, "gradient": "truncated"})
    assert named.by("lstm-full").network["gradient"] == "full"
    assert adding.by("chunker").network == {"n_hidden": 4, "shortcut": True, "learning_rate": 0.1}
    cascade = SETTINGS["exp4-100-literal"].by("cascade")
    assert cascade.network == {"output_activation": "logistic"}
    assert (cascade.limit, cascade.training_set) == (5_000_000, 256)
    guessing = lag.by("guessing")
    assert guessing.network["shortcut"] is True
    assert (guessing.network["init_scale"], guessing.network["tolerance"]) == (100, 0.2)


def test_methods_draw_the_same_training_sequences(monkeypatch):
    setting = SETTINGS["exp4-100"]
    task = setting.make_task()
    drawn, draw = {method: [] for method in METHODS}, task.draw

    def spy(n, rng):
        drawn[method].append(tuple(draw(n, rng)[1].values[:3, 0]))
        return draw(n, rng)

    task.draw = spy
    monkeypatch.setattr(Setting, "make_task", lambda _: task)
    for method in METHODS:
        run_trial(tiny(setting.by(method)), 0, 0)
    assert len({parts[0] for parts in drawn.values()}) == 1  # training
    # And the last test; a method with a training set has an exam in between.
    assert {m: len(parts) for m, parts in drawn.items() if len(parts) != 2} == {"cascade": 3}
    assert all(len(set(parts)) == len(parts) for parts in drawn.values())


def test_digests_equal_those_of_the_published_records():
    every = SETTINGS | CELLS
    files = sorted(RESULTS.glob("*.jsonl"))
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert {json.loads(line)["setting"] for line in lines} == {every[path.stem].digest}, path
    assert len(files) > 40
    assert len({replace(SETTINGS["exp6a"], training_set=n).digest for n in range(3)}) == 3


def test_a_set_learned_again_and_again_is_judged_by_other_sequences():
    """A net that knows its few training sequences by heart has not solved the task."""
    setting = replace(
        SETTINGS["exp6a"].by("cascade"), training_set=16, limit=16 * 400, n_test=500
    )  # fmt: skip
    record = run_trial(setting, 0, 0)
    assert (record["solved"], record["n_wrong"] > 250) == (False, True)
    task = setting.make_task()
    rule = setting.make_stop_rule(task, None, np.random.default_rng(0))
    assert (rule.n, rule.every, rule.stages) == (
        2000,
        16,
        {"all": {"max_wrong": 0, "mean_error": 0.1}},
    )


# ---- figures -------------------------------------------------------------------------------------


def record(setting, trial, count=None):
    return {
        "id": setting.id, "method": setting.method, "trial": trial, "seed": 0,
        "setting": setting.digest, "solved": count is not None,
        "n_sequences": count or setting.limit, "milestones": {}, "n_wrong": 0, "n_test": 10,
        "test_error": 0.1, "reason": "limit" if count is None else "solved", "curve": [0.1],
        "seconds": 1.0,
    }  # fmt: skip


def test_every_cell_is_wanted():
    assert wanted_cells() == {name: (cell, 10) for name, cell in CELLS.items()}
    assert {n for _, n in wanted_cells(3).values()} == {3}


def test_the_summary_has_what_the_store_has(tmp_path):
    store = Store(tmp_path)
    row = MATRIX["adding"]
    for trial, count in enumerate((1000, 3000, None)):
        store.append(row["bptt"], record(row["bptt"], trial, count))
    store.append(row["elman"], record(tiny(row["elman"]), 0, 1))  # of another setting
    rows = summarize_matrix(store)
    assert list(rows) == [each["lstm"].title for each in MATRIX.values()]
    cells = {(title, name): each for title, row in rows.items() for name, each in row.items()}
    assert len(cells) == len(CELLS)
    bptt = cells.pop(("4: adding, T=50", "bptt"))
    assert (bptt.n_trials, bptt.n_solved, bptt.mean) == (3, 2, 2000)
    assert not any(each.n_trials for each in cells.values())


@pytest.fixture
def rows():
    """Three methods on a task: three of four trials solved, none of two, not run."""
    results = {"lstm": [1000, 2000, 3001, None], "elman": [None, None], "bptt": []}
    row = {}
    for method, counts in results.items():
        cell = MATRIX["adding"][method]
        row[method] = summarize(cell, [record(cell, i, count) for i, count in enumerate(counts)])
    return {"4: adding": row}


def test_the_table(rows):
    assert matrix_table(rows).splitlines() == [
        "| task | lstm | elman | bptt |",
        "| --- | --: | --: | --: |",
        "| 4: adding | 3/4 (30%\N{EN DASH}95%), 2,000 | 0/2 (0%\N{EN DASH}66%) | \N{EN DASH} |",
    ]


def test_the_table_of_an_empty_store(tmp_path):
    lines = matrix_table(summarize_matrix(Store(tmp_path))).splitlines()
    assert len(lines) == 2 + len(MATRIX)
    for line, row in zip(lines[2:], MATRIX.values(), strict=True):
        title = row["lstm"].title
        assert line == f"| {title} |" + " \N{EN DASH} |" * len(METHODS)


def drawn(svg):
    """Return texts, and how wide each coloured bar is."""
    root = ElementTree.fromstring(svg)
    name = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in root.iter(f"{name}text")]
    widths = []
    for path in root.iter(f"{name}path"):
        if OURS in path.get("style", ""):
            x = [float(word) for word in path.get("d").split() if word[0].isdigit()][::2]
            widths.append(max(x) - min(x))
    return texts, widths


def test_the_picture(rows):
    texts, widths = drawn(draw_matrix(rows))
    for text in ("lstm", "elman", "bptt", "4: adding", "75%", "2,000", "0%", "none"):
        assert texts.count(text) == 1
    assert texts.count("not run") == 1
    assert len(widths) == 2
    full = {**rows["4: adding"], "bptt": summarize(CELLS["adding@bptt"], [
        record(CELLS["adding@bptt"], 0, 10)])}  # fmt: skip
    texts, widths = drawn(draw_matrix({"4: adding": full}))
    assert "not run" not in texts
    assert widths == pytest.approx([0.75 * widths[2], 0.0, widths[2]], abs=0.02)


def test_the_picture_of_an_empty_store(tmp_path):
    texts, widths = drawn(draw_matrix(summarize_matrix(Store(tmp_path))))
    assert texts.count("not run") == len(CELLS)
    assert not widths
    assert set(METHODS) <= set(texts)


# ---- the command line ----------------------------------------------------------------------------


@pytest.fixture
def two_cells(monkeypatch):
    """A matrix of one task and two methods, one of which learns in epochs."""
    row = {name: tiny(MATRIX["adding"][name]) for name in ("lstm", "cascade")}
    monkeypatch.setattr(matrix, "load_matrix", lambda: {"adding": row})
    return row


@pytest.fixture
def where(tmp_path):
    return ["--store", str(tmp_path / "store"), "--report", str(tmp_path / "report")]


def test_matrix_runs_writes_and_draws(two_cells, where, tmp_path, capsys):
    assert main(["matrix", "--trials", "2", "--jobs", "1", *where]) == 0
    captured = capsys.readouterr()
    assert "4 of 4" in captured.err
    assert "matrix.md" in captured.out
    report, store = tmp_path / "report", tmp_path / "store"
    rows = summarize_matrix(Store(store))
    assert (report / "matrix.md").read_text(encoding="utf-8") == matrix_table(rows)
    assert "| 0/2 (0%" in matrix_table(rows)
    assert (report / "matrix.svg").read_text(encoding="utf-8") == draw_matrix(rows)
    files = {path.name: path.read_bytes() for path in store.iterdir()}
    assert set(files) == {"adding@lstm.jsonl", "adding@cascade.jsonl"}
    assert [r["trial"] for r in Store(store).read(two_cells["cascade"])] == [0, 1]
    # Stored trials are not run again.
    assert main(["matrix", "--trials", "2", "--jobs", "1", *where]) == 0
    assert {path.name: path.read_bytes() for path in store.iterdir()} == files


@pytest.mark.usefixtures("two_cells")
def test_matrix_without_matplotlib(where, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["matrix", "--trials", "1", "--jobs", "1", *where]) == 0
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["matrix.md"]


ONE = ["run", "exp4-100", "--method", "elman", "--trials", "2", "--jobs", "1"]


@pytest.fixture
def one_setting(monkeypatch):
    setting = tiny(SETTINGS["exp4-100"], task={"name": "adding", "T": 20})
    monkeypatch.setattr("lstm97.experiments.cli.load_settings", lambda: {"exp4-100": setting})
    return setting


def test_run_by_another_method(one_setting, tmp_path, capsys):
    assert main([*ONE, "--json", "--store", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    records = [json.loads(line) for line in captured.out.splitlines()]
    other = one_setting.by("elman")
    assert [record["trial"] for record in records] == [0, 1]
    assert {record["id"] for record in records} == {"exp4-100@elman"}
    assert {record["method"] for record in records} == {"elman"}
    assert {record["setting"] for record in records} == {other.digest}
    assert Store(tmp_path).read(other) == records
    assert not Store(tmp_path).read(one_setting)
    expected = run_trial(other, 1, 0)
    assert {k: records[1][k] for k in FIELDS - {"seconds"}} == {
        k: expected[k] for k in FIELDS - {"seconds"}
    }
    assert main([*ONE, "--store", str(tmp_path)]) == 0
    assert "exp4-100@elman" in capsys.readouterr().out


@pytest.mark.parametrize("method", [None, "cascade"])
def test_run_a_task_of_the_matrix(method, two_cells, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lstm97.experiments.cli.load_matrix", lambda: {"adding": two_cells})
    by = [] if method is None else ["--method", method]
    store = str(tmp_path)
    assert main(["run", "adding", "--trials", "1", "--jobs", "1", "--store", store, *by]) == 0
    out = capsys.readouterr().out
    assert f"(adding@{method or 'lstm'})" in out
    assert "ours" in out
    # The paper's task is longer: its figures are not to be compared with.
    assert not any(word in out for word in ("paper", "Verdict", "74,000"))


def test_the_list_has_the_tasks_of_the_matrix(capsys):
    assert main(["list"]) == 0
    lines = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert all([name, "lstm"] in lines for name in MATRIX)


def test_an_unknown_method_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["run", "exp4-100", "--method", "prayer"])
    assert stop.value.code == 2
    assert "lstm-full" in capsys.readouterr().err


@pytest.mark.usefixtures("two_cells", "one_setting")
@pytest.mark.parametrize("command", [["matrix", "--trials", "2", "--jobs", "1"], ONE])
@pytest.mark.parametrize(
    ("error", "status", "message"),
    [(KeyboardInterrupt(), 130, "Interrupted: 1 of "), (StoreError("disk full"), 1, "disk full")],
)
def test_what_ends_a_run_too_early(
    command, error, status, message, where, tmp_path, monkeypatch, capsys
):
    def ends_early(wanted, *_):
        setting, _ = next(iter(wanted.values()))
        yield run_trial(setting, 0, 0)
        raise error

    monkeypatch.setattr("lstm97.experiments.cli.run_missing", ends_early)
    where = where if command[0] == "matrix" else where[:2]
    assert main([*command, *where]) == status
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert not list((tmp_path / "report").glob("*"))


@pytest.mark.usefixtures("two_cells", "one_setting")
@pytest.mark.parametrize("command", [["matrix", "--trials", "2", "--jobs", "1"], ONE])
def test_a_store_path_that_is_not_a_folder(command, tmp_path, capsys):
    path = tmp_path / "store"
    path.write_text("")
    assert main([*command, "--store", str(path)]) == 1
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.usefixtures("two_cells")
def test_a_report_path_that_is_not_a_folder(where, tmp_path, capsys):
    (tmp_path / "report").write_text("")
    assert main(["matrix", "--trials", "1", "--jobs", "1", *where]) == 1
    assert "report" in capsys.readouterr().err


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["exp1-rtrl-3", "exp1-rcc", "exp2a-bptt-100", "exp2a-chunker-100"])
def test_rows_of_other_methods_are_run_by_any_method(name, method):
    """Run rows of other methods by any method, as `lstm97 list` promises."""
    other = SETTINGS[name].by(method)
    assert type(other.make_estimator()).__name__ == METHODS[method]["estimator"] + "Classifier"
