"""Trials on streams: the kernel against single steps and the slow twin, and what a stream takes."""

from types import SimpleNamespace

import numpy as np
import pytest

from lstm97._kernels.follower import Follower
from lstm97._kernels.stream import Stepper
from lstm97.experiments.settings import load_settings
from lstm97.experiments.statistics import summarize
from lstm97.experiments.streams import N_DRAWN, Source
from lstm97.learning.topology import Topology
from lstm97.tasks.continual import Part
from reference.lstm import Twin

FORM = "truncated-forward"
RATE, NEVER = 0.3, np.inf


def problem(seed, **fixed):
    """Draw a net, steps, targets, and flags of resets; some targets are missing."""
    rng = np.random.default_rng(seed)
    topology = Topology(
        n_inputs=3, n_outputs=2, n_blocks=2, block_size=1 + seed % 2, shortcut=True,
        recurrence=("all", "cells", "none")[seed % 3], **fixed,
    )  # fmt: skip
    weights = rng.uniform(-0.8, 0.8, topology.n_weights)
    steps = rng.uniform(-1, 1, (40, 3))
    targets = rng.uniform(0, 1, (40, 2))
    targets[rng.random(40) < 0.3] = np.nan
    begins = (rng.random(40) < 0.15).astype(np.uint8)
    begins[0] = 1
    return topology, weights, steps, targets, begins


def by_single_steps(topology, weights, steps, targets, begins, tolerance, decay):
    """Do the same step by step; return what `follow` returns, and the weights."""
    net, outputs, rate, n_right = Stepper(topology, weights, FORM), np.empty(2), RATE, 0
    for t, (step, target) in enumerate(zip(steps, targets, strict=True)):
        if begins[t]:
            net.reset()
        net.step(step.copy(), outputs)
        if np.isnan(target).all():
            continue
        net.learn(target, 1.0, rate)
        rate *= decay
        if not np.abs(outputs - target).max() < tolerance:
            return (t + 1, n_right, False, rate), net.weights()
        n_right += 1
    return (len(steps), n_right, True, rate), net.weights()


@pytest.mark.parametrize("forget_gate", [False, True])
@pytest.mark.parametrize("tolerance", [0.3, 0.65, NEVER])
@pytest.mark.parametrize("seed", range(6))
def test_following_is_learning_step_by_step(seed, tolerance, forget_gate):
    topology, weights, *data = problem(seed, forget_gate=forget_gate)
    net = Follower(topology, weights, FORM)
    found = net.follow(*data, 100, tolerance, RATE, 0.9, 1.0)
    expected, learned = by_single_steps(topology, weights, *data, tolerance, 0.9)
    assert found == expected
    assert np.array_equal(net.weights(), learned)
    assert not np.array_equal(learned, weights)


def test_some_streams_end_early_and_others_do_not():
    ends = [
        Follower(topology, weights, FORM).follow(*data, 100, 0.65, RATE, 0.9, 1.0)[2]
        for topology, weights, *data in map(problem, range(6))
    ]
    assert 0 < sum(ends) < 6


@pytest.mark.parametrize("cut", [1, 7, 39])
def test_a_stream_may_come_in_parts(cut):
    topology, weights, *data = problem(3)
    whole, parts = (Follower(topology, weights, FORM) for _ in range(2))
    expected = whole.follow(*data, 100, NEVER, RATE, 0.9, 0.8)
    first = parts.follow(*(each[:cut] for each in data), 100, NEVER, RATE, 0.9, 0.8)
    second = parts.follow(*(each[cut:] for each in data), 100, NEVER, first[3], 0.9, 0.8)
    assert first[1] + second[1] == expected[1]
    assert second[3] == expected[3]
    assert np.array_equal(parts.weights(), whole.weights())


def test_it_stops_after_enough_targets_and_then_learns_no_more():
    topology, weights, steps, targets, begins = problem(0)
    due = np.flatnonzero(~np.isnan(targets).all(axis=1))
    net, shorter = (Follower(topology, weights, FORM) for _ in range(2))
    found = net.follow(steps, targets, begins, 5, NEVER, RATE, 1.0, 1.0)
    assert found[:3] == (due[4] + 1, 5, True)
    n = found[0]
    shorter.follow(steps[:n], targets[:n], begins[:n], 100, NEVER, RATE, 1.0, 1.0)
    assert np.array_equal(net.weights(), shorter.weights())


def test_without_a_rate_nothing_is_learned():
    topology, weights, *data = problem(1)
    net = Follower(topology, weights, FORM)
    assert net.follow(*data, 100, NEVER, 0.0, 0.9, 1.0)[1] > 10
    assert np.array_equal(net.weights(), weights)


class DecayingTwin(Twin):
    """The twin, in which a part of each state is lost at a step; its derivatives lose nothing."""

    def _opening(self, gate, z):
        kept = [0.8] * self.spec.n_blocks
        return kept if gate == "forget_gate" else super()._opening(gate, z)

    def _advance(self, now, traces):
        now.y_forget = [1.0] * self.spec.n_blocks
        super()._advance(now, traces)


@pytest.mark.parametrize("seed", range(6))
def test_states_decay_and_their_derivatives_do_not(seed):
    topology, weights, steps, targets, begins = problem(seed)
    begins[1:] = 0
    views = {name: view.tolist() for name, view in topology.views(weights).items()}
    twin, net = DecayingTwin(topology, views), Follower(topology, weights, FORM)
    due = [None if np.isnan(target).all() else target.tolist() for target in targets]
    twin.train(steps.tolist(), due, RATE)
    net.follow(steps, targets, begins, 100, NEVER, RATE, 1.0, 0.8)
    learned = np.concatenate([np.ravel(twin.weights[name]) for name in topology.slices])
    np.testing.assert_allclose(net.weights(), learned, rtol=1e-11, atol=1e-12)
    undecayed = Follower(topology, weights, FORM)
    undecayed.follow(steps, targets, begins, 100, NEVER, RATE, 1.0, 1.0)
    assert np.abs(undecayed.weights() - learned).max() > 1e-3


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [(0, np.zeros((40, 2)), "steps"), (1, np.zeros((39, 2)), "targets"),
     (1, np.zeros((40, 3)), "targets"), (2, np.zeros(39, np.uint8), "steps")],
)  # fmt: skip
def test_arrays_that_do_not_match_are_refused(place, value, message):
    topology, weights, *data = problem(0)
    data[place] = value
    with pytest.raises(ValueError, match=message):
        Follower(topology, weights, FORM).follow(*data, 100, NEVER, RATE, 1.0, 1.0)


# ---- streams -------------------------------------------------------------------------------------


class FakeTask(SimpleNamespace):
    """Strings of three steps; the first feature numbers the steps of the whole source."""

    def draw_part(self, n, rng):
        first, self.drawn = self.drawn, self.drawn + 3 * n
        steps = np.arange(first, self.drawn, dtype=float)[:, None]
        return Part(steps, steps, np.tile([True, False, False], n))


class FakeNet:
    """A net that is wrong at given steps, and keeps what it was given."""

    def __init__(self, wrong):
        self.wrong, self.seen, self.resets, self.rates = wrong, [], [], []

    def follow(self, steps, targets, begins, most, tolerance, rate, rate_decay, state_decay):
        self.rates.append(rate)
        for t in range(min(len(steps), most)):
            self.seen.append(int(steps[t, 0]))
            if begins[t]:
                self.resets.append(self.seen[-1])
            if self.seen[-1] in self.wrong:
                return t + 1, t, False, rate
        n = min(len(steps), most)
        return n, n, True, rate * rate_decay


def stream_of(task, net, learns=True):
    model = SimpleNamespace(learning_rate=0.5, learning_rate_decay=0.1, state_decay=1.0)
    source = Source(task, None)
    return lambda: source.follow(net, model, learns)


def test_a_stream_ends_at_an_error_and_the_next_begins_with_the_next_string():
    task = FakeTask(length=10**9, tolerance=0.5, resets=False, drawn=0)
    net = FakeNet(wrong={4, 8, 13})
    stream = stream_of(task, net)
    assert [stream() for _ in range(3)] == [4, 2, 4]
    assert net.seen == [*range(5), *range(6, 9), *range(9, 14)]
    assert net.resets == [0, 6, 9]  # where a stream begins, and nowhere else


def test_resets_from_outside_are_where_strings_begin():
    task = FakeTask(length=10**9, tolerance=0.5, resets=True, drawn=0)
    net = FakeNet(wrong={7})
    stream_of(task, net)()
    assert net.resets == [0, 3, 6]


def test_a_stream_goes_on_over_parts_and_ends_after_its_length():
    n_part = 3 * N_DRAWN
    task = FakeTask(length=n_part + 6, tolerance=0.5, resets=False, drawn=0)
    net = FakeNet(wrong=())
    stream = stream_of(task, net)
    assert stream() == task.length
    assert net.seen == [*range(task.length)]
    assert (net.resets, net.rates) == ([0], [0.5, 0.05])  # the rate goes on, too
    stream()
    assert net.resets == [0, task.length]
    assert net.rates[2] == 0.5


def test_an_exam_has_no_rate():
    task = FakeTask(length=6, tolerance=0.5, resets=False, drawn=0)
    net = FakeNet(wrong=())
    stream_of(task, net, learns=False)()
    assert net.rates == [0.0]


def test_the_next_stream_begins_in_the_next_part_after_an_error_in_the_last_string():
    last = 3 * N_DRAWN - 2
    task = FakeTask(length=10**9, tolerance=0.5, resets=False, drawn=0)
    net = FakeNet(wrong={last, last + 4})
    stream = stream_of(task, net)
    stream()
    stream()
    assert net.resets == [0, last + 2]


def test_streams_that_were_not_solved_are_good_or_the_rest():
    setting = load_settings()["cerg-forget"]
    fields = {
        "id": setting.id, "reason": "limit", "milestones": {}, "n_wrong": 1, "n_test": 10,
        "n_sequences": 7, "test_error": None, "seconds": 1.0,
    }  # fmt: skip
    figures = [(True, 5e4), (False, 1001.0), (False, 3001.0), (False, 1000.0), (False, 20.0)]
    records = [{**fields, "solved": solved, "n_right": n} for solved, n in figures]
    result = summarize(setting, records)
    assert result.good == pytest.approx((0.4, 2001.0))
    assert result.rest == pytest.approx((0.4, 510.0))
    assert result.test_error is None
    assert summarize(setting, records[:1]).good == (0.0, None)
