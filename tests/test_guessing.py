"""Random weight guessing: when weights are kept or drawn anew, and repeated trials."""

from dataclasses import replace

import numpy as np
import pytest

from lstm97 import Sequences
from lstm97.data.targets import Targets
from lstm97.experiments.exam import Recent
from lstm97.experiments.guessing import GuessingLearner
from lstm97.experiments.settings import load_settings
from lstm97.experiments.trial import run_trial
from lstm97.learning.network import NetworkLearner
from lstm97.learning.topology import Topology
from reference.cases import train

TOPOLOGY = Topology(n_inputs=2, n_outputs=1, n_blocks=0, n_hidden=2, output_activation="logistic")


def learner(tolerance=0.6, scale=3.0, seed=0):
    return GuessingLearner(TOPOLOGY, scale, tolerance, np.random.default_rng(seed))


def data(n=60, seed=1):
    rng = np.random.default_rng(seed)
    X = Sequences.from_list([rng.uniform(-1, 1, (rng.integers(1, 6), 2)) for _ in range(n)])
    return X, Targets.at_last(rng.integers(2, size=(n, 1)).astype(float))


def state(learner):
    weights, state = learner.snapshot()
    return weights.tolist(), state


def test_weights_are_kept_while_answers_are_right():
    """Compare with a loop that draws weights and evaluates each sequence with a new net."""
    X, y = data()
    guesser, rng = learner(), np.random.default_rng(0)
    results = guesser.learn(X, y)
    weights, n_kept = TOPOLOGY.initial_weights(rng, 3.0, {}), 0
    for i in range(len(X)):
        net = NetworkLearner(TOPOLOGY, weights, 0.1, "truncated-forward", "step")
        expected = net.evaluate(X[i : i + 1], y[i : i + 1])
        assert [part[i] for part in results] == [part[0] for part in expected]
        if expected.max_error[0] < 0.6:
            n_kept += 1
        else:
            weights = TOPOLOGY.initial_weights(rng, 3.0, {})
    assert 10 < n_kept < 50
    assert (guesser.weights == weights).all()
    assert state(guesser)[1] == rng.bit_generator.state


def test_one_call_equals_many_calls():
    X, y = data()
    whole, pieces = learner(), learner()
    results = whole.learn(X, y)
    parts = [pieces.learn(X[i : i + 7], y[i : i + 7]) for i in range(0, len(X), 7)]
    assert (np.concatenate(parts, axis=1) == np.array(results)).all()
    assert state(whole) == state(pieces)


def test_an_error_as_large_as_the_tolerance_is_wrong():
    X = Sequences.from_list([np.ones((2, 2))])
    y = Targets.at_last(np.ones((1, 1)))
    for tolerance, is_kept in ((0.5, False), (np.nextafter(0.5, 1.0), True)):
        guesser = learner(tolerance, scale=0.0)  # the output is 0.5
        before = state(guesser)
        assert guesser.learn(X, y).max_error == 0.5
        assert (state(guesser) == before) is is_kept


def test_nan_errors_count_as_wrong():
    X = Sequences.from_list([np.ones((2, 2))])
    nothing = Targets.at_steps(np.full((2, 1), np.nan), X.lengths)
    guesser = learner(tolerance=2.0)
    before = state(guesser)
    guesser.learn(X, Targets.at_last(np.ones((1, 1))))
    assert state(guesser) == before
    assert np.isnan(guesser.learn(X, nothing).max_error[0])
    assert state(guesser)[0] != before[0]


def test_testing_does_not_change_the_learner():
    X, y = data()
    guesser = learner()
    before = state(guesser)
    guesser.evaluate(X, y)
    guesser.run(X, every=True)
    guesser.end_epoch(None)
    assert state(guesser) == before


def test_a_replay_is_the_same():
    X, y = data()
    guesser = learner()
    guesser.learn(X[:20], y[:20])
    start = guesser.snapshot()
    first, after = guesser.learn(X, y), state(guesser)
    guesser.learn(X, y)
    assert state(guesser) != after
    for _ in range(2):  # the snapshot itself is not used up
        guesser.restore(start)
        assert (np.array(guesser.learn(X, y)) == np.array(first)).all()
        assert state(guesser) == after


def test_training_ends_with_the_weights_that_were_right():
    X, y = data(2000)
    guesser, other = learner(tolerance=0.5), learner(tolerance=0.5)
    history = train(guesser, [(X, y)], Recent(tolerance=0.5, window=7))
    n = history.n_sequences
    assert history.reason == "solved"
    assert 7 < n < 2000
    assert (guesser.evaluate(X[n - 7 : n], y[n - 7 : n]).max_error < 0.5).all()
    assert guesser.evaluate(X, y).max_error.max() > 0.5  # they are right only for a while
    other.learn(X[:n], y[:n])
    assert state(guesser) == state(other)


def easy(**changes):
    """Return a setting that a few dozen guesses solve: all elements depend on the class."""
    setting = load_settings()["exp3a-100-3"].by("guessing")
    return replace(
        setting,
        **{
            "task": {**setting.task, "T": 3, "N": 3},
            "stop": {"rule": "recent", "tolerance": 0.2, "window": 200},
            "limit": 20_000,
            "n_test": 200,
            **changes,
        },
    )


def test_an_easy_task_is_solved_and_the_trial_repeats():
    records = [run_trial(easy(), trial, seed) for trial, seed in ((0, 0), (0, 0), (1, 0), (0, 1))]
    for record in records:
        assert (record["solved"], record["method"]) == (True, "guessing")
        assert 200 <= record["n_sequences"] < 20_000
        assert record["n_wrong"] < 10
        del record["seconds"]
    assert records[0] == records[1]
    assert len({record["n_sequences"] for record in records}) == 3


def test_a_task_that_cannot_be_guessed_is_not_solved():
    record = run_trial(easy(limit=1500, stop={"rule": "recent", "tolerance": 1e-300}), 0, 0)
    assert (record["solved"], record["n_sequences"]) == (False, 1500)


@pytest.mark.parametrize("name", ["exp4-100", "exp6a"])
def test_estimators_of_settings_guess(name):
    setting = load_settings()[name].by("guessing")
    estimator, task = setting.make_estimator(), setting.make_task()
    estimator._build(task.n_inputs, task.n_outputs)
    estimator._initialize(np.random.default_rng(0))
    guesser = estimator._make_learner(np.random.default_rng(0))
    assert isinstance(guesser, GuessingLearner)
    assert (guesser.tolerance, guesser.scale) == (0.2, 100)
    assert guesser.topology.n_hidden == 4
    assert 90 < np.abs(guesser.weights).max() < 100
