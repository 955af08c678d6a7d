"""The neural sequence chunker: its kernel against a slow twin, its estimators on a long lag."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from lstm97 import SequenceChunkerClassifier, SequenceChunkerRegressor, Sequences
from lstm97.data.targets import Targets
from lstm97.learning.chunker import ChunkerLearner
from lstm97.learning.topology import Topology
from lstm97.tasks import TASKS, make_noise_free_lag
from reference.cases import random_problem
from reference.chunker import ChunkerTwin
from reference.compare import targets_of, worst_relative

SEEDS = range(120)
SOME = SEEDS[:40]
LEARNING_RATE = 0.2
ESTIMATORS = [SequenceChunkerClassifier, SequenceChunkerRegressor]
# The random pairs of nets must have each switch both on and off.
SWITCHES = (
    "shortcut",
    "cell_bias",
    "output_bias",
    "predicts_inputs",
    "all_of_state",
    "linear",
    "is_sparse",
    "every",
)


# ---- the kernel ----------------------------------------------------------------------------------


def random_pair(rng):
    """Draw sizes and switches of automatizer and chunker."""
    switch = {name: bool(rng.integers(2)) for name in SWITCHES}
    n_inputs, n_targets, n_hidden, n_units = rng.integers(1, 4, 4)
    common = {
        "n_inputs": n_inputs,
        "n_blocks": 0,
        "output_activation": "linear" if switch["linear"] else "logistic",
        **{name: switch[name] for name in ("shortcut", "cell_bias", "output_bias")},
    }
    n_predicted = n_targets + n_inputs * switch["predicts_inputs"]
    n_states = n_hidden + n_predicted * switch["all_of_state"]
    return SimpleNamespace(
        **switch,
        n_targets=int(n_targets),
        automatizer=Topology(n_outputs=n_predicted + n_states, n_hidden=n_units, **common),
        chunker=Topology(n_outputs=n_predicted, n_hidden=n_hidden, **common),
        threshold=float(rng.choice([0.1, 0.3, 0.5, 0.8])),
    )


def problem(seed):
    """Draw a pair of nets, and weights, sequences and targets for them."""
    rng = np.random.default_rng(seed)
    pair = random_pair(rng)
    outer = Topology(n_inputs=pair.automatizer.n_inputs, n_outputs=pair.n_targets)
    _, X, y = random_problem(
        rng, outer, n_sequences=5, longest=12, is_sparse=pair.is_sparse, every=pair.every
    )
    pair.weights = rng.uniform(-0.8, 0.8, pair.automatizer.n_weights + pair.chunker.n_weights)
    return pair, X, y


def learner_of(pair, **changes):
    fields = {"learning_rate": LEARNING_RATE, "threshold": pair.threshold, **changes}
    return ChunkerLearner(
        pair.automatizer, pair.chunker, pair.n_targets, pair.weights.copy(), **fields
    )


def twin_of(pair):
    own, others = np.split(pair.weights, [pair.automatizer.n_weights])
    return ChunkerTwin(
        pair.automatizer, pair.chunker, pair.n_targets, pair.automatizer.views(own),
        pair.chunker.views(others), pair.threshold,
    )  # fmt: skip


def dense(x):
    return (x.toarray() if hasattr(x, "toarray") else x).tolist()


def flat_weights(twin):
    nets = (twin.automatizer, twin.chunker)
    return np.concatenate([np.ravel(net.weights[name]) for net in nets for name in net.spec.slices])


@cache
def twin_trained(seed):
    """Train the twin; return it, its results and its outputs before."""
    pair, X, y = problem(seed)
    outputs = np.concatenate([twin_of(pair).run(dense(x)) for x in X])
    twin = twin_of(pair)
    results = [
        twin.train(dense(x), *targets_of(y, i, x.shape[0]), LEARNING_RATE) for i, x in enumerate(X)
    ]
    return twin, np.array([(r.loss, r.max_error, r.mean_error) for r in results]), outputs


def assert_close(a, b):
    assert np.array_equal(np.isnan(a), np.isnan(b))
    known = ~np.isnan(b)
    assert not known.any() or worst_relative(a[known], b[known], 1e-3) < 1e-11


@pytest.mark.parametrize("seed", SEEDS)
def test_learned_weights_equal_the_twins(seed):
    pair, X, y = problem(seed)
    learner = learner_of(pair)
    results = learner.learn(X, y)
    twin, expected, _ = twin_trained(seed)
    assert_close(np.array(results).T, expected)
    assert_close(learner.weights, flat_weights(twin))


def test_the_random_cases_show_all_that_can_happen():
    pairs = [problem(seed)[0] for seed in SEEDS]
    for name in SWITCHES:
        assert {getattr(pair, name) for pair in pairs} == {False, True}
    twins = [twin_trained(seed)[0] for seed in SEEDS]
    missed, met, without = (
        np.array([getattr(twin, name) for twin in twins])
        for name in ("n_missed", "n_met", "n_without")
    )
    assert min(missed.sum(), met.sum(), without.sum()) > 400
    # Within one problem, the chunker rests and is fed again several times.
    assert ((missed > 3) & (met > 3)).sum() > 30
    # All three within one.
    assert ((missed > 1) & (met > 1) & (without > 1)).any()


@pytest.mark.parametrize("seed", SOME)
def test_outputs_equal_the_twins(seed):
    pair, X, _ = problem(seed)
    expected = twin_trained(seed)[2]
    rows = learner_of(pair).run(X, True)
    assert_close(rows, expected)
    assert np.array_equal(learner_of(pair).run(X, False), rows[np.cumsum(X.lengths) - 1])


@pytest.mark.parametrize("seed", SOME)
def test_evaluation_changes_nothing(seed):
    pair, X, y = problem(seed)
    learner = learner_of(pair)
    results = learner.evaluate(X, y)
    assert (learner.weights == pair.weights).all()
    # Weights move within a sequence, so learning reports other results.
    still = learner_of(pair, learning_rate=0.0)
    assert np.array_equal(still.learn(X, y), results, equal_nan=True)
    assert (still.weights == pair.weights).all()
    outputs = np.split(learner.run(X, True), np.cumsum(X.lengths)[:-1])
    for i, rows in enumerate(outputs):
        assert_close(np.array(results)[:, i], judged(rows, *targets_of(y, i, len(rows))))


@pytest.mark.parametrize("seed", range(8))
def test_sequences_of_weight_zero_teach_nothing(seed):
    """A step of weight zero moves no weight by its targets, predicted inputs or states."""
    pair, X, y = problem(seed)
    learner = learner_of(pair)
    learner.learn(X, Targets(y.values, y.first, y.every, np.zeros(len(y.values))))
    assert (learner.weights == pair.weights).all()


def judged(rows, targets, weights):
    """Loss, largest and mean error of outputs that no learning moved."""
    due = [
        (abs(d - v), weight)
        for row, target, weight in zip(rows, targets, weights, strict=True)
        for d, v in zip(target or [], row, strict=bool(target))
        if not np.isnan(d)
    ]
    if not due:
        return np.array([0.0, np.nan, np.nan])
    errors, importance = np.array(due).T
    return np.array([(importance * errors**2 / 2).sum(), errors.max(), errors.mean()])


@pytest.mark.parametrize("seed", SOME)
def test_learning_is_deterministic(seed):
    pair, X, y = problem(seed)
    one, other, again = (learner_of(pair) for _ in range(3))
    assert np.array_equal(one.learn(X, y), other.learn(X, y), equal_nan=True)
    # Nothing but weights goes from one sequence, or one call, to the next.
    for i in range(len(X)):
        again.learn(X[i : i + 1], y[i : i + 1])
    assert (one.weights == other.weights).all()
    assert (one.weights == again.weights).all()


@pytest.mark.parametrize("seed", [seed for seed in SOME if problem(seed)[0].is_sparse])
def test_sparse_input_equals_dense_input(seed):
    pair, X, y = problem(seed)
    full = Sequences(X.flat.toarray(), X.starts, X.lengths)
    one, other = learner_of(pair), learner_of(pair)
    assert np.array_equal(one.learn(X, y), other.learn(full, y), equal_nan=True)
    assert (one.weights == other.weights).all()


@pytest.mark.parametrize("seed", SOME)
def test_a_chunker_learns_nothing_without_misses(seed):
    pair, X, y = problem(seed)
    learner = learner_of(pair, threshold=1e9)
    learner.learn(X, y)
    own, others = np.split(learner.weights != pair.weights, [pair.automatizer.n_weights])
    assert own.any()
    assert not others.any()


def test_an_error_at_the_threshold_is_a_miss():
    # With all weights zero, logistic outputs are 1/2, hence the error of the target 1 is 1/2.
    nets = [Topology(n_inputs=1, n_outputs=n, n_blocks=0, n_hidden=1) for n in (2, 1)]
    n_weights = [net.n_weights for net in nets]
    X = Sequences.from_lengths(np.ones((1, 1)), [1])
    y = Targets.at_last([[1.0]], np.ones(1))
    for threshold, misses in ((0.5, True), (np.nextafter(0.5, 1.0), False)):
        learner = ChunkerLearner(*nets, 1, np.zeros(sum(n_weights)), 0.1, threshold)
        learner.learn(X, y)
        assert learner.weights[n_weights[0] :].any() == misses


def test_a_loss_that_is_not_finite_ends_learning():
    pair, X, y = problem(next(s for s in SEEDS if problem(s)[0].linear and problem(s)[0].every))
    results = learner_of(pair, learning_rate=1e200).learn(X, y)
    assert len(results.loss) < len(X)
    assert np.isfinite(results.loss).all()


def pair_of(automatizer, chunker, n_targets=2):
    """Make a learner of two nets with two inputs and two hidden units, except as given."""
    fields = {"n_inputs": 2, "n_blocks": 0, "n_hidden": 2}
    nets = [Topology(**{**fields, **changes}) for changes in (automatizer, chunker)]
    weights = np.zeros(sum(net.n_weights for net in nets))
    return ChunkerLearner(*nets, n_targets, weights, 0.1, 0.2)


@pytest.mark.parametrize(
    ("n_automatizer", "n_chunker", "n_targets"),
    [
        (4, 2, 2),  # targets, hidden units
        (6, 2, 2),  # targets, hidden units, outputs
        (6, 4, 2),  # targets, inputs, hidden units
        (10, 4, 2),  # all outputs
    ],
)
def test_possible_outputs_are_taken(n_automatizer, n_chunker, n_targets):
    pair_of({"n_outputs": n_automatizer}, {"n_outputs": n_chunker}, n_targets)


@pytest.mark.parametrize(
    ("n_automatizer", "n_chunker", "n_targets"),
    [
        (3, 2, 2),  # no room for the hidden units
        (5, 2, 2),  # room for one of two outputs
        (7, 2, 2),  # more than there is
        (5, 3, 2),  # one of two inputs
        (6, 2, 3),  # too few for the targets
        (6, 2, -1),
    ],
)
def test_impossible_outputs_are_refused(n_automatizer, n_chunker, n_targets):
    with pytest.raises(ValueError, match="outputs must be targets, inputs, and the chunker's"):
        pair_of({"n_outputs": n_automatizer}, {"n_outputs": n_chunker}, n_targets)


@pytest.mark.parametrize(
    ("automatizer", "chunker"),
    [({"n_blocks": 1}, {}), ({}, {"n_blocks": 1})],
)
def test_nets_with_memory_cells_are_refused(automatizer, chunker):
    with pytest.raises(ValueError, match="without memory cells"):
        pair_of({"n_outputs": 4, **automatizer}, {"n_outputs": 2, **chunker})


@pytest.mark.parametrize(
    ("automatizer", "chunker", "n_features", "n_outputs", "message"),
    [
        ({}, {}, 3, 2, "2 inputs expected, got 3"),
        ({"n_inputs": 3}, {}, 3, 2, "inputs expected"),
        ({}, {"n_inputs": 3}, 2, 2, "inputs expected"),
        ({}, {}, 2, 1, "2 outputs expected, got 1"),
    ],
)
def test_data_of_other_sizes_is_refused(automatizer, chunker, n_features, n_outputs, message):
    task = Topology(n_inputs=n_features, n_outputs=n_outputs)
    _, X, y = random_problem(np.random.default_rng(0), task, every=True)
    learner = pair_of({"n_outputs": 4, **automatizer}, {"n_outputs": 2, **chunker})
    with pytest.raises(ValueError, match=message):
        learner.learn(X, y)


# ---- the estimators ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "options"),
    [
        (4, {"predict_inputs": False, "learning_rate": 1.0}),
        (6, {"learning_rate": 0.2}),
        (10, {"learning_rate": 0.2}),
        (10, {"predict_inputs": False, "predict_state": "hidden", "learning_rate": 1.0}),
    ],
)
def test_the_classifier_learns_the_noise_free_lag(p, options):
    X, y = make_noise_free_lag(3000, p, rng=0)
    options = {"shortcut": True, "max_iter": 4, "tol": None, "random_state": 0, **options}
    model = SequenceChunkerClassifier.as_published(**options).fit(X, y)
    both, answers = make_noise_free_lag(20, p, rng=1)
    assert {answer[-1] for answer in answers} == {p - 1, p}
    assert model.score(both, answers) == 1.0
    # Within the task's own tolerance, too.
    test_X, test_y = TASKS["noise-free lag"](p).draw_test(2, None)
    errors = model._make_learner().evaluate(test_X, test_y).max_error
    assert (errors < TASKS["noise-free lag"].tolerance).all()


def test_the_classifier_learns_with_targets_at_the_end_only():
    X, y = make_noise_free_lag(3000, 4, rng=0)
    last = np.array([labels[-1] for labels in y])
    model = SequenceChunkerClassifier.as_published(
        learning_rate=0.5, max_iter=8, tol=None, random_state=0
    )
    assert model.fit(X, last).score(X[:20], last[:20]) == 1.0
    assert model.predict(X[:20]).shape == (20,)


def ragged(n=30, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1.0, 1.0, (length, 2)) for length in rng.integers(1, 9, n)]


def ragged_targets(X, Estimator, every):
    """Make the class of each step, or a number; or those of the last step."""
    is_number = Estimator is SequenceChunkerRegressor
    y = [x[:, 0] + x[:, 1] if is_number else (x[:, 0] > 0.0).astype(int) for x in X]
    return y if every else np.array([values[-1] for values in y])


@pytest.mark.parametrize("predict_state", ["all", "hidden"])
@pytest.mark.parametrize("predict_inputs", [False, True])
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_ragged_series_are_learned(Estimator, every, predict_inputs, predict_state):
    X = ragged(150)
    y = ragged_targets(X, Estimator, every)
    model = Estimator.as_published(
        predict_inputs=predict_inputs, predict_state=predict_state, learning_rate=0.1,
        max_iter=60, tol=None, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.score(X, y) > 0.9
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]
    if every:
        assert [len(values) for values in model.predict(X)] == [len(x) for x in X]
    else:
        assert len(model.predict(X)) == len(X)


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_is_one_epoch_in_the_given_order(monkeypatch, Estimator, every):
    X = ragged()
    y = ragged_targets(X, Estimator, every)
    options = {"classes": [0, 1]} if Estimator is SequenceChunkerClassifier else {}
    part = Estimator.as_published(random_state=0).partial_fit(X, y, **options)
    pieces = Estimator.as_published(random_state=0).partial_fit(X[:9], y[:9], **options)
    pieces.partial_fit(X[9:], y[9:])
    monkeypatch.setattr(ChunkerLearner, "has_order", False)  # epochs are not shuffled
    whole = Estimator.as_published(max_iter=1, tol=None, random_state=0).fit(X, y)
    assert (part.weights_ == whole.weights_).all()
    assert (pieces.weights_ == whole.weights_).all()
    assert part.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_one_seed_gives_one_net(Estimator):
    X = ragged()
    y = ragged_targets(X, Estimator, True)
    options = {"max_iter": 2, "tol": None}
    one, same, other = (
        Estimator.as_published(random_state=s, **options).fit(X, y) for s in (0, 0, 1)
    )
    assert (one.weights_ == same.weights_).all()
    assert (one.weights_ != other.weights_).any()


def test_the_nets_have_the_outputs_that_are_asked_for():
    sizes = {
        (True, "all"): (4 + 3 + 2 + 7, 7),
        (True, "hidden"): (4 + 3 + 2, 7),
        (False, "all"): (4 + 2 + 4, 4),
        (False, "hidden"): (4 + 2, 4),
    }
    for (predict_inputs, predict_state), expected in sizes.items():
        model = SequenceChunkerClassifier.as_published(
            2, predict_inputs=predict_inputs, predict_state=predict_state
        )
        model._build(3, 4)
        nets = (model.topology_, model.chunker_topology_)
        assert tuple(net.n_outputs for net in nets) == expected


def test_weights_of_the_papers_net():
    # Table 2, p = 100: of the automatizer alone, (p + 2)^2 and an output for one hidden unit.
    model = SequenceChunkerClassifier.as_published(
        n_hidden=1, predict_inputs=False, predict_state="hidden", hidden_bias=False,
        output_bias=False, shortcut=True,
    )  # fmt: skip
    model._build(101, 101)
    assert model.topology_.n_weights == 10506
    assert model.chunker_topology_.n_weights == 102**2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_hidden": 0}, "n_hidden"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": -0.1}, "threshold"),
        ({"predict_state": "outputs"}, "predict_state"),
        ({"predict_inputs": None}, "predict_inputs"),
        ({"learning_rate": 0.0}, "learning_rate"),
    ],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_bad_parameters_are_refused(Estimator, params, message):
    X = ragged()
    with pytest.raises(ValueError, match=f"'{message}' parameter"):
        Estimator.as_published(**params).fit(X, ragged_targets(X, Estimator, False))


@pytest.mark.parametrize("Estimator", [SequenceChunkerClassifier, SequenceChunkerRegressor])
def test_parameters_that_are_set_after_fit_leave_the_fitted_nets_alone(Estimator):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4, 3)), rng.integers(2, size=20)
    for predict_inputs in (False, True):
        model = Estimator.as_published(
            predict_inputs=predict_inputs, max_iter=2, tol=None, random_state=0
        )
        expected = model.fit(X, y).predict(X)
        model.set_params(predict_inputs=not predict_inputs, predict_state="hidden", n_hidden=9)
        assert (model.predict(X) == expected).all()
        model.partial_fit(X, y)
