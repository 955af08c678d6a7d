"""Teams of nets in lockstep give the same bits as single nets."""

from dataclasses import replace

import numpy as np
import pytest

from lstm97._kernels.team import N_LANES, N_NETS, TeamNetwork, supports
from lstm97.data.targets import Targets
from lstm97.experiments.runner import run_trials
from lstm97.experiments.settings import load_settings
from lstm97.experiments.trial import Feed, run_together, run_trial
from lstm97.learning.network import NetworkLearner
from lstm97.learning.team import FEWEST, TeamTrainer
from lstm97.learning.topology import Topology
from reference.cases import random_problem, random_topology

OUTPUTS = [("logistic", "squared_error"), ("linear", "squared_error")]


def request(rng, topology, every, rate=0.1, **problem):
    """Return a learner, its sequences and their targets, some of which are missing."""
    n = int(rng.integers(1, 9))
    weights, X, y = random_problem(rng, topology, n_sequences=n, every=every, **problem)
    return (
        NetworkLearner(topology, weights, rate, "truncated-forward", "step"),
        X,
        without_weights(y),
    )


def without_weights(y):
    return Targets(y.values, y.first, y.every)


# More nets than lanes: some wait for a lane, and all end at different times. A few nets have one
# register only.
@pytest.mark.parametrize("n", [N_NETS + 3, N_LANES])
@pytest.mark.parametrize("seed", range(40))
def test_weights_and_results_are_those_of_nets_alone(seed, n):
    rng = np.random.default_rng(seed)
    output, loss = OUTPUTS[seed % 2]
    topology = random_topology(rng, output_activation=output, loss=loss)
    every = bool(seed // 2 % 2)
    requests = [request(rng, topology, every) for _ in range(n)]
    weights = [learner.weights.copy() for learner, _, _ in requests]
    jobs = [(w, X, y) for w, (_, X, y) in zip(weights, requests, strict=True)]
    together = TeamNetwork(topology).learn(jobs, 0.1)
    for results, w, (learner, X, y) in zip(together, weights, requests, strict=True):
        alone = learner.learn(X, y)
        np.testing.assert_array_equal(w, learner.weights)
        np.testing.assert_array_equal(results.T, alone)


def test_a_team_forgets_its_last_jobs():
    rng = np.random.default_rng(0)
    topology = Topology(n_inputs=3, n_outputs=2, n_hidden=1)
    team = TeamNetwork(topology)
    for n in (N_NETS, 2, 5, N_NETS):
        requests = [request(rng, topology, every=True) for _ in range(n)]
        jobs = [(learner.weights.copy(), X, y) for learner, X, y in requests]
        team.learn(jobs, 0.3)
        for (w, _, _), (learner, X, y) in zip(jobs, requests, strict=True):
            learner.learning_rate = 0.3
            learner.learn(X, y)
            np.testing.assert_array_equal(w, learner.weights)


def test_a_loss_that_is_not_finite_ends_that_job_alone():
    rng = np.random.default_rng(1)
    topology = Topology(n_inputs=2, n_outputs=1, output_activation="linear")
    requests = [request(rng, topology, every=False) for _ in range(4)]
    requests[2][0].weights[-1] = 1e200
    jobs = [(learner.weights.copy(), X, y) for learner, X, y in requests]
    together = TeamNetwork(topology).learn(jobs, 0.1)
    assert len(together[2]) < len(requests[2][1])
    for results, (w, _, _), (learner, X, y) in zip(together, jobs, requests, strict=True):
        np.testing.assert_array_equal(results.T, learner.learn(X, y))
        np.testing.assert_array_equal(w, learner.weights)


def test_a_single_net_makes_no_team():
    assert FEWEST >= 2


def test_no_jobs():
    assert TeamNetwork(Topology(n_inputs=2, n_outputs=1)).learn([], 0.1) == []


@pytest.mark.parametrize(
    "options",
    [
        {"output_activation": "softmax"},
        {"loss": "log_loss"},
        {"n_blocks": 0, "n_hidden": 3, "recurrent_outputs": True, "output_bias": False},
    ],
)
def test_nets_that_cannot_form_a_team(options):
    topology = Topology(n_inputs=2, n_outputs=2, **options)
    assert not supports(topology)
    with pytest.raises(ValueError, match="a team cannot train"):
        TeamNetwork(topology)


def test_jobs_that_cannot_form_a_team():
    rng = np.random.default_rng(2)
    topology = Topology(n_inputs=3, n_outputs=2)
    team = TeamNetwork(topology)
    learner, X, y = request(rng, topology, every=True)
    weighted = Targets(y.values, y.first, y.every, np.ones(len(y.values)))
    with pytest.raises(ValueError, match="without weights"):
        team.learn([(learner.weights, X, weighted)], 0.1)
    learner, X, y = request(rng, topology, every=True, is_sparse=True)
    with pytest.raises(ValueError, match="dense inputs"):
        team.learn([(learner.weights, X, y)], 0.1)
    learner, X, y = request(rng, topology, every=True)
    with pytest.raises(ValueError, match="weights expected"):
        team.learn([(np.zeros(3), X, y)], 0.1)


@pytest.mark.parametrize("n", [FEWEST - 1, FEWEST, N_LANES + 1, N_NETS])
@pytest.mark.parametrize("odd", [None, "sparse", "truncated-backward"])
def test_a_group_learns_as_its_learners_do(n, odd, monkeypatch):
    teams = []

    def counting(topology):
        teams.append(topology)
        return TeamNetwork(topology)

    rng = np.random.default_rng(n)
    topology = Topology(n_inputs=3, n_outputs=2)
    requests = [request(rng, topology, every=False) for _ in range(n)]
    if odd == "sparse":
        requests[1] = request(rng, topology, every=False, is_sparse=True)
    if odd == "truncated-backward":
        requests[1][0].form, requests[1][0].update = "truncated-backward", "sequence"
    before = [learner.snapshot() for learner, _, _ in requests]
    monkeypatch.setattr("lstm97.learning.team.TeamNetwork", counting)
    group = TeamTrainer()
    together = group.learn(requests)
    assert len(teams) == (n >= FEWEST and odd is None)
    assert group.size_for(requests[0]) == N_NETS
    after = [learner.weights.copy() for learner, _, _ in requests]
    for results, start, end, (learner, X, y) in zip(together, before, after, requests, strict=True):
        learner.restore(start)
        np.testing.assert_array_equal(results, learner.learn(X, y))
        np.testing.assert_array_equal(end, learner.weights)


@pytest.mark.parametrize(
    ("id", "limit"),
    [("exp4-100", 2000), ("exp4-100", 0), ("exp1-lstm-3x2-0.5", 2000), ("exp2a-lstm-100", 2000)],
)
def test_records_of_one_process_are_those_of_single_trials(id, limit):
    setting = replace(load_settings()[id], limit=limit)
    n = N_NETS + 2
    records = {r["trial"]: r for r in run_trials([(setting, i) for i in range(n)], n_jobs=1)}
    assert sorted(records) == list(range(n))
    for trial in (0, N_NETS + 1):
        alone = run_trial(setting, trial, 0)
        assert records[trial].pop("seconds") > 0
        del alone["seconds"]
        assert records[trial] == alone


def test_a_trial_that_ends_leaves_its_place_to_the_next_one():
    setting = replace(
        load_settings()["exp4-100"],
        task={"name": "adding", "T": 20},
        stop={"rule": "recent", "tolerance": 0.1, "window": 200},
        limit=20_000,
        n_test=10,
    )
    n, taken, ended = N_NETS + 3, [], []
    feed = Feed((setting, trial) for trial in range(n))

    def take(running):
        assert running == [setting] * (len(taken) - len(ended))
        pair = feed.take(running)
        taken.extend([pair[1]] if pair else [])
        return pair

    n_taken = []
    for record in run_together(take, 0):
        ended.append(record["trial"])
        n_taken.append(len(taken))
    assert taken == sorted(ended) == [*range(n)]
    assert n_taken[0] == N_NETS
    assert max(n_taken[: N_NETS - 1]) > N_NETS  # some began before all of the first ones had ended


def test_trials_of_different_settings_do_not_form_a_team():
    """Each waits for those before it, also where there is nothing to learn, as on a stream."""
    first = replace(load_settings()["exp4-100"], limit=1000, n_test=10)
    other = replace(first, limit=0)
    feed = Feed([(first, 0), (first, 1), (other, 2), (first, 3)])
    assert feed.take([]) == (first, 0)
    assert feed.take([first]) == (first, 1)
    assert feed.take([first, first]) is None
    assert feed.take([]) == (other, 2)
    assert feed.take([other]) is None
    assert feed.take([]) == (first, 3)
    assert feed.take([]) is None
    pairs = [(s, i) for i, s in enumerate([first, first, first, other, first, first, first])]
    records = [{**r, "seconds": 0} for r in run_trials(pairs, n_jobs=1)]
    assert records == [{**run_trial(s, i, 0), "seconds": 0} for s, i in pairs]
