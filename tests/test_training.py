"""The training loop: exact counts by replay, and the last finite weights."""

import numpy as np
import pytest

from lstm97.data.targets import Targets
from lstm97.experiments.exam import Recent
from lstm97.learning.learner import Learner, Results
from lstm97.learning.loop import Never, Training
from lstm97.learning.network import NetworkLearner
from lstm97.learning.topology import Topology
from lstm97.tasks import TASKS
from reference.cases import train

TOPOLOGY = Topology(n_inputs=2, n_outputs=1, output_activation="linear")


def learner(rate=0.5):
    weights = TOPOLOGY.initial_weights(np.random.default_rng(0), 0.1, {"input_gate": -3.0})
    return NetworkLearner(TOPOLOGY, weights, rate, "truncated-forward", "step")


def data(n):
    return TASKS["adding"](T=20).draw(n, np.random.default_rng(1))


def chunks(X, y, size):
    for start in range(0, len(X), size):
        yield X[start : start + size], y[start : start + size]


@pytest.mark.parametrize("size", [7, 64, 1000])
def test_stops_at_the_same_sequence_whatever_the_chunks(size):
    X, y = data(1000)
    one_by_one = learner()
    expected = train(one_by_one, chunks(X, y, 1), Recent(0.3, max_wrong=3, window=30))
    assert expected.reason == "solved"
    assert 30 < expected.n_sequences < 1000
    net = learner()
    history = train(net, chunks(X, y, size), Recent(0.3, max_wrong=3, window=30))
    assert (history.n_sequences, history.reason) == (expected.n_sequences, "solved")
    assert (net.weights == one_by_one.weights).all()


def test_runs_to_the_limit():
    X, y = data(100)
    history = train(learner(), chunks(X, y, 30), Never())
    assert (history.n_sequences, history.reason) == (100, "limit")
    assert len(history.losses) == 4


@pytest.mark.parametrize("size", [1, 7, 50])
def test_divergence_keeps_the_last_finite_weights(size):
    X, y = data(50)
    y.values[23] = 1e200
    expected = learner()
    expected.learn(X[:23], y[:23])
    net = learner()
    history = train(net, chunks(X, y, size), Never())
    assert (history.n_sequences, history.reason) == (23, "diverged")
    assert (net.weights == expected.weights).all()


def test_weights_that_overflow_are_not_kept():
    X, y = data(10)
    y.values[4] = 1e150  # its loss is finite, but the weights after it give no finite loss
    net = learner(rate=1e200)
    history = train(net, [(X, y)], Never())
    assert history.reason == "diverged"
    assert history.n_sequences < 5
    assert net.is_finite()


def test_weights_that_overflow_with_the_last_sequence_are_not_kept():
    X, y = data(1)
    y.values[0] = 1e150
    net = learner(rate=1e200)
    history = train(net, [(X, y)], Never())
    assert (history.reason, history.n_sequences) == ("diverged", 0)
    assert (net.weights == learner().weights).all()


def test_no_more_steps_than_a_call_may_take(monkeypatch):
    X, y = data(100)
    whole, pieces = learner(), learner()
    results = whole.learn(X, y)
    monkeypatch.setattr("lstm97.learning.network.MAX_STEPS", 100)
    in_pieces = pieces.learn(X, y)
    assert (whole.weights == pieces.weights).all()
    assert (results.loss == in_pieces.loss).all()
    assert (whole.run(X, True) == pieces.run(X, True)).all()


def test_evaluate_learns_nothing():
    X, y = data(20)
    net = learner()
    before = net.weights.copy()
    results = net.evaluate(X, y)
    errors = np.abs(net.run(X, every=False) - y.values)[:, 0]
    assert (net.weights == before).all()
    assert (results.max_error == errors).all()


def test_sequences_without_targets_teach_nothing():
    X, _ = data(5)
    y = Targets.at_last(np.full((5, 1), np.nan))
    net = learner()
    before = net.weights.copy()
    assert np.isnan(net.learn(X, y).max_error).all()
    assert (net.weights == before).all()


class Brittle(Learner):
    """A learner with a weight that becomes infinite after some sequences; no loss shows it."""

    def __init__(self, n_good, is_online=True):
        self.n_good, self.is_online, self.n_seen, self.n_calls = n_good, is_online, 0, 0

    def learn(self, X, y):
        self.n_seen += len(X)
        self.n_calls += 1
        return Results(*np.zeros((3, len(X))))

    evaluate = run = None

    def snapshot(self):
        return self.n_seen

    def restore(self, snapshot):
        self.n_seen = snapshot

    def is_finite(self):
        return self.n_seen <= self.n_good


@pytest.mark.parametrize("n_good", [0, 1, 2, 77, 98, 99])
def test_the_last_finite_weights_are_found_without_trying_all(n_good):
    X, y = data(100)
    learner = Brittle(n_good)
    history = train(learner, [(X, y)], Never())
    assert (history.n_sequences, history.reason, learner.n_seen) == (n_good, "diverged", n_good)
    assert learner.n_calls < 12


def test_a_batch_that_diverges_teaches_nothing():
    X, y = data(100)
    learner = Brittle(77, is_online=False)
    history = train(learner, [(X, y)], Never())
    assert (history.n_sequences, history.losses, history.reason) == (0, [], "diverged")
    assert (learner.n_seen, learner.n_calls) == (0, 1)


class Watch(Never):
    """Rule that records how many results it sees, and the state of the learner at that time."""

    def __init__(self, learner):
        self.learner, self.seen = learner, []

    def look(self, results):
        self.seen.append((len(results.loss), self.learner.snapshot()))


@pytest.mark.parametrize("size", [1, 7, 50])
def test_a_rule_sees_the_weights_that_are_kept_after_divergence(size):
    X, y = data(50)
    y.values[23] = 1e200
    expected, net = learner(), learner()
    expected.learn(X[:23], y[:23])
    rule = Watch(net)
    history = train(net, chunks(X, y, size), rule)
    assert (history.n_sequences, history.reason) == (23, "diverged")
    n, (_, weights, *_) = rule.seen[-1]
    assert n == (23 % size or size)
    assert (weights == expected.weights).all()


def test_a_rule_sees_no_weights_that_are_not_finite():
    X, y = data(100)
    brittle = Brittle(77)
    rule = Watch(brittle)
    history = train(brittle, [(X, y)], rule)
    assert rule.seen == [(77, 77)]
    assert (history.n_sequences, history.reason) == (77, "diverged")


def test_a_rule_that_needs_whole_chunks_does_not_see_one_that_diverged():
    X, y = data(100)
    brittle = Brittle(150)
    rule = Watch(brittle)
    rule.needs_whole_chunks = True
    assert train(brittle, [(X, y), (X, y)], rule).n_sequences == 150
    assert rule.seen == [(100, 100)]


def test_a_rule_may_still_stop_before_the_divergence():
    X, y = data(50)
    y.values[23] = 1e200
    expected, net = learner(), learner()
    expected.learn(X[:9], y[:9])
    history = train(net, [(X, y)], Recent(1e9, window=9))
    assert (history.n_sequences, history.reason) == (9, "solved")
    assert (net.weights == expected.weights).all()


def test_a_checkpoint_continues_with_the_same_random_numbers():
    rng = np.random.default_rng(5)
    rng.random(3)
    checkpoint = Training(learner(), Never()).checkpoint(rng, n_left=4)
    assert checkpoint.n_left == 4
    assert all(type(number) is int for number in checkpoint.rng)
    assert (checkpoint.generator().random(9) == rng.random(9)).all()


def test_training_goes_back_to_a_checkpoint():
    X, y = data(30)
    net, expected = learner(), learner()
    training = Training(net, Never())
    training.learn(X[:10], y[:10])
    checkpoint = training.checkpoint(np.random.default_rng(0), n_left=1)
    training.learn(X[10:], y[10:])
    training.go_back(checkpoint)
    expected.learn(X[:10], y[:10])
    assert (net.weights == expected.weights).all()
    assert (training.n_sequences, len(training.losses)) == (10, 1)
    assert training.reason == "interrupted"
