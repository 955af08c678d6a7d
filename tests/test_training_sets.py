"""Trials whose training sequences are drawn once, and learned again and again."""

from dataclasses import replace

import numpy as np
import pytest

from lstm97.experiments.settings import load_settings
from lstm97.experiments.trial import run_trial
from lstm97.learning.cascade import CascadeLearner
from lstm97.learning.network import NetworkLearner
from lstm97.tasks import TASKS
from lstm97.tasks.reber import EmbeddedReber

SETTINGS = load_settings()


def epochs(method, **changes):
    """Return a setting that has seven training sequences."""
    setting = SETTINGS["exp4-100"].by(method)
    fields = {"task": {"name": "adding", "T": 20}, "training_set": 7, "limit": 31, "n_test": 2}
    return replace(setting, **fields | changes)


def seen_by(monkeypatch, Learner):
    """Return a list that gets all sequences and targets of each call of `learn`."""
    calls, learn = [], Learner.learn

    def spy(self, X, y, *more):
        calls.append((dense(X), y.values[y.first].copy()))
        return learn(self, X, y, *more)

    monkeypatch.setattr(Learner, "learn", spy)
    return calls


def dense(X):
    return [x.toarray() if hasattr(x, "toarray") else x for x in X]


def same(one, other):
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(("method", "Learner"), [
    ("cascade", CascadeLearner), ("elman", NetworkLearner), ("lstm", NetworkLearner)
])  # fmt: skip
def test_each_epoch_presents_the_same_sequences(method, Learner, monkeypatch):
    calls = seen_by(monkeypatch, Learner)
    record = run_trial(epochs(method), 0, 0)
    assert len(calls) == 4
    for X, y in calls:
        assert same(X, calls[0][0])
        assert same(y, calls[0][1])
    assert len({x.tobytes() for x in calls[0][0]}) == 7
    # Presentations are counted, and their number does not exceed the limit.
    assert (record["n_sequences"], record["reason"]) == (28, "limit")
    assert len(record["curve"]) == 4


def test_without_a_training_set_every_sequence_is_new(monkeypatch):
    calls = seen_by(monkeypatch, NetworkLearner)
    record = run_trial(epochs("elman", training_set=0), 0, 0)
    sequences = [x.tobytes() for X, _ in calls for x in X]
    assert len(set(sequences)) == len(sequences) == record["n_sequences"] == 31


@pytest.mark.parametrize(("limit", "n_epochs"), [(7, 1), (13, 1), (14, 2), (3, 1)])
def test_epochs_are_limited_but_there_is_at_least_one(limit, n_epochs):
    record = run_trial(epochs("cascade", limit=limit), 0, 0)
    assert record["n_sequences"] == 7 * n_epochs


def test_an_exam_is_set_after_every_epoch():
    stop = {"rule": "exam", "every": 7, "n": 5, "stages": {"all": {"max_wrong": 5}}}
    record = run_trial(epochs("cascade", stop=stop), 0, 0)
    assert (record["solved"], record["n_sequences"]) == (True, 7)
    assert record["milestones"] == {"all": 7}
    stop["stages"] = {"all": {"max_wrong": 0, "mean_error": 1e-9}}
    assert run_trial(epochs("cascade", stop=stop), 0, 0)["n_sequences"] == 28


def test_the_set_depends_on_trial_and_seed_alone(monkeypatch):
    calls = seen_by(monkeypatch, CascadeLearner)
    records = [run_trial(epochs("cascade"), *numbers) for numbers in ((0, 0), (0, 0), (1, 0))]
    for record in records:
        del record["seconds"]
    assert records[0] == records[1]
    assert records[0]["curve"] != records[2]["curve"]
    assert same(calls[0][0], calls[4][0])
    assert not same(calls[0][0], calls[8][0])


# Streams are not sets of sequences.
NO_SETS = {"embedded reber", "continual reber", "continual order"}


@pytest.mark.parametrize("name", sorted(set(TASKS) - NO_SETS))
def test_a_set_is_drawn_as_other_sequences_are(name):
    task = TASKS[name](**{"p": 5} if name == "random lag" else {})
    X, y = task.draw_set(5, np.random.default_rng(3))
    X_drawn, y_drawn = task.draw(5, np.random.default_rng(3))
    assert len(X) == 5
    assert same(dense(X), dense(X_drawn))
    assert (y.values == y_drawn.values).all()


def test_the_set_of_embedded_reber_is_its_training_strings(monkeypatch):
    task = EmbeddedReber()
    with pytest.raises(RuntimeError, match="call prepare first"):
        task.draw_set(256, None)
    task.prepare(np.random.default_rng(0))
    X, y = task.draw_set(3, None)
    assert len(X) == 256
    # Tests are on these strings, in this order, and then on others.
    assert same(dense(X), dense(task.draw_test(1, None)[0])[:256])
    for x, following in zip(X, np.split(y.values, np.cumsum(X.lengths)[:-1]), strict=True):
        assert np.array_equal(following[:-1], x.toarray()[1:])
    # Sequences are drawn from them on line.
    strings = {x.tobytes() for x in dense(X)}
    assert {x.tobytes() for x in dense(task.draw(500, np.random.default_rng(0))[0])} <= strings

    calls = seen_by(monkeypatch, CascadeLearner)
    monkeypatch.setattr(type(SETTINGS["exp1-rcc"]), "make_task", lambda _: task)
    record = run_trial(replace(SETTINGS["exp1-rcc"], limit=600), 0, 0)
    assert record["n_sequences"] == 512
    first = dense(task.draw_set(0, None)[0])
    assert [same(X, first) for X, _ in calls] == [True, True]
