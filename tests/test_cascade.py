"""Recurrent cascade correlation: kernel and learner against a slow twin, and the estimators."""

import pickle
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from lstm97._kernels.cascade import Outputs, Piece, Pool, centre
from lstm97._kernels.data import Data
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.estimators.cascade import CascadeCorrelationClassifier, CascadeCorrelationRegressor
from lstm97.experiments.exam import Recent
from lstm97.learning.cascade import SLOPE_OFFSET, CascadeLearner, Settings, TrainingState
from lstm97.learning.cascade_topology import CascadeTopology
from lstm97.learning.loop import Never
from lstm97.learning.quickprop import Move, quickprop
from lstm97.tasks import TASKS
from reference import cascade as reference
from reference.cases import train
from reference.lstm import OUTPUTS

ESTIMATORS = [CascadeCorrelationClassifier, CascadeCorrelationRegressor]
SEEDS = range(20)
ONE_STEP = "ignore:each row of the 2-D X:UserWarning"
SETTINGS = Settings(
    max_hidden=2, n_candidates=3, output_rate=1.0, candidate_rate=0.3, max_growth=2.0,
    weight_decay=0.0, output_tol=0.01, candidate_tol=0.03, patience=4, max_phase_iter=15,
    init_scale=1.0,
)  # fmt: skip
KINDS = [
    ("logistic", "squared_error"),
    ("logistic", "log_loss"),
    ("linear", "squared_error"),
    ("softmax", "squared_error"),
    ("softmax", "log_loss"),
]


# ---- random problems, for the kernel and for the twin --------------------------------------------


def problem(seed, kind=None, is_sparse=False):
    """Draw a net, sequences of unequal lengths, and targets: some NaN, or at last steps only."""
    rng = np.random.default_rng(seed)
    output, loss = KINDS[seed % len(KINDS)] if kind is None else kind
    n_outputs = int(rng.integers(1 + (output == "softmax"), 5))
    net = CascadeTopology(int(rng.integers(1, 5)), n_outputs, seed % 4, output, loss)
    lengths = rng.integers(1, 9, 6)
    flat = rng.uniform(-1.0, 1.0, (lengths.sum(), net.n_inputs))
    if is_sparse:
        flat = sparse.csr_array(flat * (rng.random(flat.shape) < 0.4))
    X = Sequences.from_lengths(flat, lengths)[rng.permutation(6)]
    every = seed % 3 > 0
    values = rng.uniform(0.0, 1.0, (X.n_steps if every else len(X), net.n_outputs))
    if every:
        values[rng.random(len(values)) < 0.2] = np.nan
        values[rng.random(values.shape) < (0.2 if output != "softmax" else 0.0)] = np.nan
    weight = rng.choice([0.0, 0.5, 1.3, 2.0], len(values)) if seed % 2 else None
    y = Targets.at_steps(values, X.lengths, weight) if every else Targets.at_last(values, weight)
    return rng, net, rng.uniform(-1.0, 1.0, net.n_weights), X, y


def learner(net, weights, seed=0, settings=SETTINGS):
    state = TrainingState(seed, Move.none(net.slices["output"].shape))
    return CascadeLearner(net, weights, state, settings)


def as_lists(net, weights):
    """Return hidden units and outputs as the twin has them: one list of weights each."""
    views = net.views(weights)
    output = views.pop("output").T.tolist()
    return [unit[:, 0].tolist() for unit in views.values()], output


def as_data(X, y):
    """Return the twin's sequences: inputs, targets per step or None, weights per step."""
    data = []
    for x, first in zip(X, y.first, strict=True):
        x = x.toarray() if sparse.issparse(x) else x
        rows = [first + t if y.every else first for t in range(len(x))]
        due = [y.every or t == len(x) - 1 for t in range(len(x))]
        due = [d and not np.isnan(y.values[r]).all() for d, r in zip(due, rows, strict=True)]
        targets = [y.values[r].tolist() if d else None for d, r in zip(due, rows, strict=True)]
        weights = [1.0 if y.weight is None else float(y.weight[r]) for r in rows]
        data.append((x.tolist(), targets, weights))
    return data


def kernel_errors(net, weights, X, y, offset=SLOPE_OFFSET):
    """Call the kernel on hidden units and outputs; return piece, results, residual, gradient."""
    views, hidden = net.views(weights), np.full((X.n_steps, net.n_hidden), np.nan)
    piece = Piece(Data(X, y), np.cumsum(X.lengths) - X.lengths, hidden)
    for k in range(net.n_hidden):
        Pool(net.n_inputs, k, 1, net.n_outputs).run(views[f"hidden_{k}"], piece)
    outputs = Outputs(net.n_inputs, net.n_hidden, net.n_outputs, net.output_activation, net.loss)
    results, residual = np.empty((len(X), 3)), np.empty((X.n_steps, net.n_outputs))
    gradient = np.zeros(views["output"].shape)
    outputs.learn(views["output"], piece, offset, results, residual, gradient)
    return piece, results, residual, gradient


def row_weights(X, y):
    return np.concatenate([weights for _, _, weights in as_data(X, y)])


def kernel_correlate(net, pool, piece, residual, sign):
    correlation, gradient = np.zeros(sign.shape), np.zeros(pool.shape)
    units = Pool(net.n_inputs, net.n_hidden, pool.shape[1], net.n_outputs)
    units.correlate(pool, piece, residual, sign, correlation, gradient)
    return correlation, gradient


def assert_close(a, b, tolerance=1e-12):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=1e-3 * tolerance)


# ---- the kernel ----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_errors_and_gradient_equal_the_twins(seed, is_sparse):
    _, net, weights, X, y = problem(seed, is_sparse=is_sparse)
    data = as_data(X, y)
    hidden, output = as_lists(net, weights)
    loss, n_points, errors, slopes = reference.residuals(net, hidden, output, data, SLOPE_OFFSET)
    _, results, residual, gradient = kernel_errors(net, weights, X, y)
    none = [np.nan] * net.n_outputs
    assert n_points > 0
    assert_close(results[:, 0].sum(), loss)
    assert_close(residual, [none if e is None else -np.array(e) for row in errors for e in row])
    assert_close(gradient, -np.array(slopes).T, 1e-11)
    expected = [step.y for x, _, _ in data for step in reference.run(net, hidden, output, x)]
    assert_close(learner(net, weights).run(X, every=True), expected)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_correlations_and_their_gradient_equal_the_twins(seed, is_sparse):
    rng, net, weights, X, y = problem(seed, is_sparse=is_sparse)
    pool = rng.uniform(-1.0, 1.0, (net.n_candidate_sources, 5))
    sign = np.sign(rng.uniform(-1.0, 1.0, (net.n_outputs, 5)))
    hidden, output = as_lists(net, weights)
    data = as_data(X, y)
    errors = reference.residuals(net, hidden, output, data, SLOPE_OFFSET)[2]
    piece, _, residual, _ = kernel_errors(net, weights, X, y)
    squares = centre(residual, row_weights(X, y))
    correlation, gradient = kernel_correlate(net, pool, piece, residual, sign)
    for c in range(5):
        # The twin's errors have the other sign, and so have its correlations.
        expected, slopes, theirs = reference.correlate(
            pool[:, c].tolist(), hidden, data, errors, (-sign[:, c]).tolist()
        )
        assert_close(-correlation[:, c], expected, 1e-10)
        assert_close(gradient[:, c], slopes, 1e-10)
        assert squares == pytest.approx(theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_candidates_gradient_equals_central_differences_of_the_twins_sum(seed):
    rng, net, weights, X, y = problem(seed)
    unit = rng.uniform(-1.0, 1.0, net.n_candidate_sources)
    hidden, output = as_lists(net, weights)
    data = as_data(X, y)
    errors = reference.residuals(net, hidden, output, data, SLOPE_OFFSET)[2]

    def score(unit):
        return sum(map(abs, reference.correlate(list(unit), hidden, data, errors)[0]))

    numeric = np.empty(len(unit))
    for m in range(len(unit)):
        step = 1e-5 * (np.arange(len(unit)) == m)
        numeric[m] = (score(unit + step) - score(unit - step)) / 2e-5
    piece, _, residual, _ = kernel_errors(net, weights, X, y)
    centre(residual, row_weights(X, y))
    pool = unit[:, None]
    sign = np.sign(kernel_correlate(net, pool, piece, residual, np.zeros((net.n_outputs, 1)))[0])
    gradient = kernel_correlate(net, pool, piece, residual, sign)[1][:, 0]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_output_gradient_equals_central_differences(seed):
    _, net, weights, X, y = problem(seed)
    gradient = kernel_errors(net, weights, X, y, offset=0.0)[3].ravel()
    first = net.slices["output"].start
    for m in range(len(gradient)):
        losses = []
        for sign in (1.0, -1.0):
            moved = weights.copy()
            moved[first + m] += sign * 1e-5
            losses.append(kernel_errors(net, moved, X, y)[1][:, 0].sum())
        expected = (losses[1] - losses[0]) / 2e-5
        assert gradient[m] == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_sparse_input_gives_the_same_bits_as_dense_input():
    for seed in SEEDS:
        _, net, weights, X, y = problem(seed, is_sparse=True)
        nets = learner(net, weights), learner(net, weights)
        dense = Sequences(X.flat.toarray(), X.starts, X.lengths)
        for _ in range(30):
            nets[0].learn(X, y)
            nets[1].learn(dense, y)
        assert (nets[0].weights == nets[1].weights).all()


def test_results_hold_largest_and_mean_error():
    _, net, weights, X, y = problem(4, kind=("linear", "squared_error"))
    net_ = learner(net, weights)
    results = net_.evaluate(X, y)
    errors = np.abs(net_.run(X, every=True) - y.values)
    for i, (first, length) in enumerate(zip(y.first, X.lengths, strict=True)):
        part = errors[first : first + length]
        part = part[~np.isnan(part)]
        assert results.max_error[i] == part.max()
        assert results.mean_error[i] == pytest.approx(part.mean())


def test_the_kernel_refuses_what_lies_outside():
    _, net, weights, X, y = problem(4)
    rows, hidden = np.cumsum(X.lengths) - X.lengths, np.empty((99, 0))
    with pytest.raises(ValueError, match="sequence 0 lies outside of the rows"):
        Piece(Data(X), rows + 99, hidden)
    with pytest.raises(ValueError, match="sequences and rows differ in number"):
        Piece(Data(X), rows[1:], hidden)
    outputs = Outputs(net.n_inputs, net.n_hidden, net.n_outputs, net.output_activation, net.loss)
    piece = Piece(Data(X, y), rows, np.zeros((X.n_steps, net.n_hidden)))
    results, residual = np.empty((len(X), 3)), np.empty((X.n_steps, net.n_outputs))
    output = net.views(weights)["output"]
    with pytest.raises(ValueError, match="a gradient for each weight"):
        outputs.learn(output, piece, 0.1, results, residual, np.zeros((99, net.n_outputs)))
    with pytest.raises(ValueError, match="targets of sequence 5 lie outside"):
        kernel_errors(net, weights, X, Targets(y.values[:-1], y.first, y.every))


# ---- quickprop -----------------------------------------------------------------------------------


def test_quickprop_equals_the_twins():
    rng = np.random.default_rng(0)
    # Few different numbers: slopes that are equal, or zero, occur.
    gradient, before, step = rng.integers(-3, 4, (3, 500)) / 2.0
    weights, move = quickprop(np.zeros(500), gradient, Move(step, before), 0.3, 1.75)
    expected = [
        reference.quickprop(-g, -b, s, 0.3, 1.75)
        for g, b, s in zip(gradient, before, step, strict=True)
    ]
    assert_close(move.step, expected)
    assert (weights == move.step).all()
    assert np.abs(move.step).max() <= 1.75 * 1.5 + 0.3 * 1.5


def test_quickprop_finds_the_bottom_of_a_parabola_in_two_steps():
    weights, last = np.array([5.0]), Move.none(1)
    for _ in range(2):
        weights, last = quickprop(weights, 2.0 - weights, last, 0.7, 2.0)
    # 5 -> 2.9, then to the bottom, and the plain step in addition.
    assert weights[0] == pytest.approx(2.0 + 0.7 * (2.0 - 2.9))


# ---- the learner ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_epochs_equal_the_twins(seed):
    _, net, _, X, y = problem(4 * seed)
    assert net.n_hidden == 0
    settings = SimpleNamespace(**{**vars(SETTINGS), "weight_decay": 0.001 * seed})
    learned = learner(net, np.zeros(net.n_weights), seed, settings)
    pools = {}

    def draw(n_hidden):
        return pools[n_hidden].T.tolist()

    twin = reference.Twin(net, settings, draw, SLOPE_OFFSET)
    data, seen = as_data(X, y), set()
    for _ in range(60):
        loss = learned.learn(X, y).loss.sum()
        if learned.state.candidates is not None:
            pools.setdefault(learned.topology.n_hidden, learned.state.candidates.weights)
        assert twin.epoch(data) == pytest.approx(loss, rel=1e-7, abs=1e-12)
        assert (twin.pool is None) == (learned.state.candidates is None)
        assert len(twin.hidden) == learned.topology.n_hidden
        seen.add((learned.topology.n_hidden, twin.pool is None))
    assert len(seen) >= 4
    hidden, output = as_lists(learned.topology, learned.weights)
    for ours, theirs in zip([*hidden, *output], [*twin.hidden, *twin.output], strict=True):
        assert_close(ours, theirs, 1e-6)


def test_frozen_units_stay_frozen():
    _, net, _, X, y = problem(4)
    learned, units = learner(net, np.zeros(net.n_weights)), {}
    while not learned.state.is_finished:
        learned.learn(X, y)
        for name, view in learned.topology.views(learned.weights).items():
            if name != "output":
                assert (view == units.setdefault(name, view.copy())).all()
    assert list(units) == ["hidden_0", "hidden_1"]


def test_all_candidates_start_anew_and_the_best_is_taken():
    _, net, _, X, y = problem(4)
    learned, pools = learner(net, np.zeros(net.n_weights)), []
    while learned.topology.n_hidden < 2:
        pool = learned.state.candidates
        learned.learn(X, y)
        if pool is not None and learned.state.candidates is None:
            score = np.abs(pool.covariance).sum(axis=0)
            unit = learned.topology.views(learned.weights)[f"hidden_{len(pools)}"][:, 0]
            assert unit.tolist() in pool.weights.T.tolist()
            pools.append((pool.weights, score))
    assert len(pools) == 2


def test_weights_are_counted_as_in_the_literature():
    assert CascadeTopology(7, 7, 7).n_weights == 189
    assert CascadeTopology(7, 7, 9).n_weights == 236


def test_no_more_steps_than_a_call_may_take(monkeypatch):
    _, net, weights, X, y = problem(7)
    whole, pieces = learner(net, weights), learner(net, weights)
    for _ in range(30):
        whole.learn(X, y)
    monkeypatch.setattr("lstm97.learning.network.MAX_STEPS", 5)
    for _ in range(30):
        pieces.learn(X, y)
    assert (whole.weights == pieces.weights).all()
    assert (whole.run(X, True) == pieces.run(X, True)).all()
    assert (whole.run(X, False) == pieces.run(X, False)).all()


def test_a_stop_within_a_batch_goes_back_to_its_start():
    _, net, weights, X, y = problem(4)
    learned = learner(net, weights)
    history = train(learned, [(X, y)], Recent(1e9, window=3))
    assert (history.n_sequences, history.reason) == (3, "solved")
    assert learned.weights is weights


def test_a_loss_that_is_not_finite_teaches_nothing():
    _, net, weights, X, y = problem(7)
    y.values[y.first[2]] = 1e200
    learned = learner(net, weights)
    history = train(learned, [(X, y)], Never())
    assert (history.n_sequences, history.losses, history.reason) == (0, [], "diverged")
    assert learned.weights is weights


def test_perfect_outputs_are_harmless():
    _, net, _, X, y = problem(8, kind=("linear", "squared_error"))
    y.values[:] = 0.0
    learned = learner(net, np.zeros(net.n_weights))
    while not learned.state.is_finished:
        assert learned.learn(X, y).loss.max() == 0.0
    assert learned.is_finite()


def test_it_learns_the_embedded_reber_grammar():
    rng = np.random.default_rng(0)
    task = TASKS["embedded reber"]()
    task.prepare(rng)
    X, y = task.draw(256, rng)
    settings = SimpleNamespace(**{**vars(SETTINGS), "n_candidates": 8, "max_hidden": 10,
                                  "patience": 12, "max_phase_iter": 200})  # fmt: skip
    net = CascadeTopology(7, 7)
    learned = learner(net, np.zeros(net.n_weights), 1, settings)
    while not learned.state.is_finished:
        learned.learn(X, y)
    X, y = task.draw_test(512, rng)
    assert task.judge(learned, X[:256], y[:256]).wrong.sum() < 20


# ---- the estimators ------------------------------------------------------------------------------


def data(n=30, seed=0):
    """Series of small numbers in which a 1 may occur; whether it has, at every step and at last."""
    rng = np.random.default_rng(seed)
    X = [rng.uniform(-0.3, 0.3, (rng.integers(4, 12), 2)) for _ in range(n)]
    for x in X:
        x[rng.random(len(x)) < 0.1, 0] = 1.0
    steps = [np.maximum.accumulate(x[:, 0] == 1.0).astype(int) for x in X]
    return X, steps, np.array([labels[-1] for labels in steps])


@pytest.mark.parametrize("n_epochs", [5, 40, 90])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_calls_of_partial_fit_equal_a_fit_also_after_a_pickle(Estimator, n_epochs):
    X, steps, _ = data()
    fitted = Estimator.as_published(max_hidden=9, max_iter=n_epochs, random_state=3).fit(X, steps)
    model = Estimator.as_published(max_hidden=9, random_state=3)
    classes = {"classes": [0, 1]} if Estimator is CascadeCorrelationClassifier else {}
    for _ in range(n_epochs):
        model.partial_fit(X, steps, **classes)
        model = pickle.loads(pickle.dumps(model))
    assert (model.weights_ == fitted.weights_).all()
    assert model.loss_curve_ == fitted.loss_curve_
    assert joblib.hash(model.training_state_) == joblib.hash(fitted.training_state_)


@pytest.mark.parametrize("steps", [False, True])
def test_memory_needs_a_hidden_unit_and_its_own_last_value(steps):
    X, every, last = data(200)
    y = every if steps else last
    without = CascadeCorrelationClassifier.as_published(max_hidden=0, random_state=0).fit(X, y)
    model = CascadeCorrelationClassifier.as_published(max_hidden=3, random_state=0).fit(X, y)
    assert without.score(X, y) < 0.85 < 0.95 < model.score(X, y)
    assert (model.topology_.n_hidden, model.stop_reason_) == (3, "converged")
    for k in range(3):  # the own last value is before the bias
        model.topology_.views(model.weights_)[f"hidden_{k}"][-2] = 0.0
    assert model.score(X, y) < 0.85


def test_it_fits_numbers():
    rng = np.random.default_rng(0)
    X = [rng.uniform(-1.0, 1.0, (10, 2)) for _ in range(60)]
    y = [np.stack([np.cumsum(x[:, 0]) / 5.0, x[:, 1]], axis=1) for x in X]
    model = CascadeCorrelationRegressor.as_published(max_hidden=4, random_state=0).fit(
        X[:40], y[:40]
    )
    assert model.score(X[40:], y[40:]) > 0.85
    assert [p.shape for p in model.predict(X[40:42])] == [(10, 2), (10, 2)]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_same_seed_gives_the_same_weights(Estimator):
    X, steps, _ = data()
    weights = [
        Estimator.as_published(max_hidden=1, random_state=seed).fit(X, steps).weights_
        for seed in (0, 0, 1)
    ]
    assert (weights[0] == weights[1]).all()
    assert (weights[0][:4] != weights[2][:4]).all()


def test_partial_fit_continues_after_fit():
    X, steps, _ = data()
    model = CascadeCorrelationClassifier.as_published(max_hidden=1, random_state=0).fit(X, steps)
    before = model.weights_.copy()
    for _ in range(30):
        model.partial_fit(X, steps)
    assert model.topology_.n_hidden == 1
    assert (model.weights_[:4] == before[:4]).all()
    assert model.loss_curve_[-1] < model.loss_curve_[-31]


def test_max_iter_warns():
    X, steps, _ = data()
    with pytest.warns(ConvergenceWarning, match="max_iter=3 epochs reached"):
        CascadeCorrelationClassifier.as_published(max_iter=3).fit(X, steps)


def test_divergence_warns_and_keeps_finite_weights():
    X, _, last = data()
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model = CascadeCorrelationRegressor.as_published(random_state=0).fit(
            X, np.full(len(last), 1e200)
        )
    assert np.isfinite(model.weights_).all()
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_refused_input_changes_nothing(Estimator):
    X, steps, last = data()
    model = Estimator.as_published(max_hidden=1, random_state=0).fit(X, steps)
    before = joblib.hash(model)
    bad = [x.copy() for x in X]
    bad[3][1, 0] = np.nan
    with pytest.raises(ValueError, match="X contains NaN in sequence 3, step 1"):
        model.fit(bad, steps)
    with pytest.raises(ValueError, match="X has 1 features per step"):
        model.partial_fit([x[:, :1] for x in X], steps)
    with pytest.raises(ValueError, match="fitted with targets for every step"):
        model.partial_fit(X, last)
    assert joblib.hash(model) == before


@pytest.mark.parametrize(
    "params",
    [
        {"max_hidden": -1}, {"n_candidates": 0}, {"patience": 0}, {"max_phase_iter": 0},
        {"output_rate": 0.0}, {"candidate_rate": -1.0}, {"max_growth": float("nan")},
        {"weight_decay": -0.1}, {"output_tol": -0.1}, {"candidate_tol": None},
        {"init_scale": -1.0}, {"output_activation": "tanh"}, {"max_iter": 0},
        {"loss": "log_loss"},
    ],
)  # fmt: skip
def test_bad_parameters_are_refused(params):
    X, _, last = data()
    model = CascadeCorrelationRegressor.as_published(max_hidden=1, random_state=0).fit(X, last)
    model.set_params(**params)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match=next(iter(params))):
        model.fit(X, last)
    assert joblib.hash(model) == before


@pytest.mark.parametrize(("activation", "loss"), KINDS)
def test_every_output_and_loss_predicts(activation, loss):
    X, steps, _ = data(60)
    if activation == "linear":
        model = CascadeCorrelationRegressor.as_published(max_hidden=2, random_state=0)
    else:
        model = CascadeCorrelationClassifier.as_published(
            max_hidden=2, output_activation=activation, loss=loss, random_state=0
        )
    model.fit(X, steps)
    outputs = np.concatenate(list(model.predict(X)))
    assert outputs.shape == np.concatenate(steps).shape
    assert model.score(X, steps) > 0.8
    assert set(OUTPUTS) == {"logistic", "linear", "softmax"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Estimator", [CascadeCorrelationClassifier, CascadeCorrelationRegressor])
def test_weights_are_repetitions(Estimator):
    """Check this only before Quickprop has amplified differences in the order of sums."""
    rng = np.random.default_rng(3)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(2, 7, 40)]
    y = rng.integers(0, 3, 40)
    weight = rng.integers(0, 4, 40)
    repeated = [x for x, w in zip(X, weight, strict=True) for _ in range(w)]
    options = {"max_iter": 60, "max_hidden": 3, "max_phase_iter": 10, "random_state": 0}
    model = Estimator.as_published(**options).fit(X, y, sample_weight=weight)
    twin = Estimator.as_published(**options).fit(repeated, np.repeat(y, weight))
    assert model.topology_.n_hidden == twin.topology_.n_hidden > 0
    np.testing.assert_allclose(model.weights_, twin.weights_, rtol=1e-6, atol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_whose_squares_underflow_still_count():
    rng = np.random.default_rng(4)
    X = [rng.normal(size=(4, 2)) for _ in range(20)]
    model = CascadeCorrelationRegressor.as_published(
        max_iter=50, max_hidden=2, max_phase_iter=10, random_state=0
    )
    model.fit(X, rng.normal(size=20), sample_weight=np.full(20, 1e-200))
    assert np.isfinite(model.weights_).all()
