"""The fidelity study: what its readings change, and a page that follows from the records."""

import runpy
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lstm97.experiments.settings import load_settings
from lstm97.experiments.statistics import summarize

FOLDER = Path(__file__).parents[1] / "benchmarks" / "fidelity"


@pytest.fixture
def made(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return SimpleNamespace(**runpy.run_path(str(FOLDER / "page.py")))


def test_the_page_is_what_the_records_say(made):
    text = made.PAGE.read_text(encoding="utf-8")
    assert made.page() == text
    assert made.figures() == made.FIGURES.read_text(encoding="utf-8")
    assert [name for _, name in made.PART.findall(text)] == list(made.PARTS)


def test_a_reading_changes_its_row_and_nothing_else(made):
    rows, probes = load_settings(), made.load()[0]
    seen = 0
    for name, settings in made.readings().items():
        for probe, setting in settings.items():
            row, mine = asdict(rows[probe]), asdict(setting)
            changed = {key for key in row if row[key] != mine[key]} - {"id", "limit", "stop"}
            assert changed <= {"network", "task", "training_set"}
            assert bool(changed) == (name != "literal"), (name, probe)
            assert setting.limit == probes[probe]["limit"] < row["limit"]
            setting.make_estimator()
            seen += 1
    assert seen == len({setting.digest for setting, _ in made.wanted().values()})


def test_tasks_have_their_targets_where_they_say(made):
    at_every_step = {
        "noise-free lag, judged at its end": (True, False),
        "noise-free lag, end only": (False, False),
        "random lag, end only": (False, False),
        "both in turn": (True, True),
    }
    for name, (in_training, in_test) in at_every_step.items():
        task = made.readings.__globals__["TASKS"][name](p=5)
        rng = np.random.default_rng(0)
        for (X, y), every in [
            (task.draw(40, rng), in_training),
            (task.draw_test(40, rng), in_test),
        ]:
            assert y.every == every, name
            firsts = np.asarray(X.flat[X.starts].argmax(axis=1)).ravel()
            assert set(firsts) == {4, 5}
            lasts = y.values[y.first + (4 if every else 0)].argmax(axis=1)
            np.testing.assert_array_equal(lasts, firsts)
            if name == "both in turn":
                assert (np.diff(firsts) != 0).all()


def test_a_mark_at_first_steps(made):
    task = made.readings.__globals__["TASKS"]["embedded reber, start marked"](n_train=5, n_test=6)
    task.prepare(np.random.default_rng(0))
    X, _ = task.draw_test(0, None)
    marks = X.flat.toarray()[:, -1]
    assert X.flat.shape[1] == task.n_inputs == 8
    assert len(X) == 11 == marks.sum()
    assert (marks[X.starts] == 1).all()


def test_input_gates_with_lower_initial_bias(made):
    setting = made.readings()["end-ajar-rate-4-500"]["exp2b-lstm-100"]
    assert setting.network["learning_rate"] == 4.0
    estimator = setting.make_estimator()
    estimator._build(4, 4)
    topology = estimator.topology_.with_block()
    weights = estimator._draw(topology, np.random.default_rng(0))
    views = topology.views(weights)
    assert (abs(views["input_gate"] + 3) <= 0.2).all()
    assert (abs(views["cell"]) <= 0.2).all()
    assert (abs(views["output"]) <= 0.2).all()


def summary_of(setting, n, n_solved, sequences):
    records = [
        {
            "id": setting.id, "solved": i < n_solved, "n_sequences": sequences + i, "n_wrong": 0,
            "n_test": 1, "test_error": 0.1, "seconds": 1.0, "milestones": {}, "reason": "solved",
        }
        for i in range(n)
    ]  # fmt: skip
    return summarize(setting, records)


@pytest.mark.parametrize(
    ("n", "n_solved", "sequences", "expected"),
    [
        (20, 20, 9_000, "fits"),
        (20, 10, 9_000, "rate"),
        (20, 20, 20_000, "speed"),
        (20, 20, 3_000, "speed"),
        (20, 20, 16_871, "open"),  # the mean is beyond twice the paper's, its interval is not
        (9, 9, 9_000, "open"),
        (0, 0, 0, "open"),
    ],
)
def test_decisions(made, n, n_solved, sequences, expected):
    setting = made.readings()["literal"]["exp1-lstm-3x2-0.5"]
    assert made.decision(setting, summary_of(setting, n, n_solved, sequences)) == expected
