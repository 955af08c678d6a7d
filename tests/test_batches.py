"""Learning by batches: against the kernel, sequence by sequence, and plain-NumPy solvers."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_info

from lstm97 import LSTMClassifier, LSTMRegressor, gradient_report
from lstm97._kernels.abreast import fills
from lstm97._kernels.batch import powers_after
from lstm97._kernels.data import Data
from lstm97.data.sequences import Sequences
from lstm97.experiments.exam import Recent
from lstm97.learning.batch import BatchLearner, one_thread
from lstm97.learning.batch_network import BatchNetwork
from lstm97.learning.loop import Never
from lstm97.learning.packing import Packing
from lstm97.learning.solvers import Adam, GradientDescent
from lstm97.learning.topology import Topology
from lstm97.tasks import make_adding
from reference.cases import kernel_pass, kernel_run, random_problem, random_topology, train
from reference.compare import worst_relative

FORMS = {"truncated": "truncated-backward", "full": "full-backward"}
SOLVERS = {
    "plain": GradientDescent(0.3, 0.0),
    "momentum": GradientDescent(0.3, 0.9),
    "adam": Adam(0.01),
}
BATCHES = {"batch_size": 16, "solver": "adam"}


def problem(seed, n_sequences=7, longest=12, **fixed):
    """Draw a net and data; dense or sparse, targets at last steps or at every step."""
    rng = np.random.default_rng(seed)
    if seed % 10 == 9:
        fixed = {"n_blocks": 0, "n_hidden": seed // 10 % 2, "shortcut": True, **fixed}
    topology = random_topology(rng, **fixed)
    is_sparse = bool(rng.integers(2))
    weights, X, y = random_problem(rng, topology, n_sequences, longest, is_sparse=is_sparse)
    if rng.random() < 0.3:
        y.values[rng.integers(len(y.values))] = np.nan
    return topology, weights, X, y


def kernel_gradient(topology, weights, X, y, gradient="truncated"):
    return kernel_pass(topology, weights, X, y, form=FORMS[gradient])


# ---- one batch -----------------------------------------------------------------------------------


def test_packed_rows_are_all_steps_once_the_longest_sequence_first():
    packing = Packing(np.array([0, 2, 7]), np.array([2, 5, 1]))
    assert packing.active.tolist() == [3, 2, 1, 1, 1]
    assert packing.sequence.tolist() == [1, 0, 2, 1, 0, 1, 1, 1]
    assert packing.time.tolist() == [0, 0, 0, 1, 1, 2, 3, 4]
    assert packing.step.tolist() == [2, 0, 7, 3, 1, 4, 5, 6]
    assert packing.last().tolist() == [2, 4, 7]


@pytest.mark.parametrize("gradient", FORMS)
@pytest.mark.parametrize("seed", range(80))
def test_gradient_is_the_sum_over_the_sequences(seed, gradient):
    topology, weights, X, y = problem(seed)
    expected_results, expected = kernel_gradient(topology, weights, X, y, gradient)
    results, found = BatchNetwork(topology, "float64").learn(weights, X, y, gradient == "full")
    assert worst_relative(found, expected, 1.0) < 1e-10
    assert np.allclose(results, expected_results, rtol=1e-10, atol=1e-10, equal_nan=True)
    results, found = BatchNetwork(topology, "float32").learn(weights, X, y, gradient == "full")
    # Terms of the sum may be far larger than the sum.
    scale = max(1.0, np.abs(expected).max())
    assert np.abs(found - expected).max() < 1e-4 * scale
    assert np.allclose(results, expected_results, rtol=1e-4, atol=1e-5, equal_nan=True)


def test_the_problems_cover_every_option():
    options = {}
    for seed in range(80):
        topology, _, X, y = problem(seed)
        for name, value in {**vars(topology), "every": y.every, "X": type(X.flat)}.items():
            options.setdefault(name, set()).add(str(value))
    names = ("recurrent_outputs", "slices", "hidden_groups")  # not an option; no options
    assert all(len(found) > 1 for name, found in options.items() if name not in names), options
    assert options["recurrence"] == {"all", "cells", "none"}
    assert options["cell_activation"] == {"g", "h", "logistic"}


def test_memory_of_a_larger_batch_leaves_no_trace():
    topology, weights, X, y = problem(3)
    network = BatchNetwork(topology, "float64")
    for full in (False, True):
        network.learn(weights, X, y, full)
        again = network.learn(weights, X[2:4], y[2:4], full)
        fresh = BatchNetwork(topology, "float64").learn(weights, X[2:4], y[2:4], full)
        assert np.array_equal(again[0], fresh[0], equal_nan=True)
        assert (again[1] == fresh[1]).all()


@pytest.mark.parametrize("seed", range(40))
def test_outputs_are_the_kernels_in_the_order_of_the_sequences(seed, monkeypatch):
    monkeypatch.setattr("lstm97.learning.batch.RUN_SEQUENCES", 3)
    monkeypatch.setattr("lstm97.learning.batch.RUN_STEPS", 20)
    topology, weights, X, y = problem(seed)
    learner = BatchLearner(topology, weights, 4, SOLVERS["plain"], "truncated", "float64")
    every = learner.run(X, every=True)
    assert np.abs(every - kernel_run(topology, weights, X)).max() < 1e-10
    last = np.cumsum(X.lengths) - 1
    assert np.abs(learner.run(X, every=False) - every[last]).max() < 1e-10
    results = np.stack(learner.evaluate(X, y), axis=1)
    expected, _ = kernel_pass(topology, weights, X, y, form="none")
    assert np.allclose(results, expected, rtol=1e-10, atol=1e-10, equal_nan=True)
    assert learner.weights is weights


def test_squashing_in_single_precision():
    """Compare outputs of cells that only squash twice, over the whole range and at its ends."""
    x = np.concatenate([np.linspace(-100.0, 100.0, 2001), [-1e30, 1e30]])
    topology = Topology(
        1, 1, 1, 1, input_gate=False, output_gate=False, recurrence="none", cell_bias=False,
        output_bias=False, state_activation="identity", output_activation="linear",
    )  # fmt: skip
    X = Sequences.from_lengths(x[:, None], np.ones(len(x), dtype=int))
    outputs, sequence, _ = BatchNetwork(topology, "float32").run(np.ones(2), X, True)
    expected = 2.0 * np.tanh(x[sequence] / 2.0)
    assert np.abs(outputs[:, 0] - expected).max() < 5e-7


# ---- learning ------------------------------------------------------------------------------------


def twin(name, topology, weights, X, y, size, gradient="truncated", state=None):
    """Learn by batches as in a textbook, with gradients of the on-line kernel."""
    v, m, n = state or (0.0, 0.0, 0)
    for start in range(0, len(X), size):
        part = slice(start, min(start + size, len(X)))
        g = kernel_gradient(topology, weights, X[part], y[part], gradient)[1] / (part.stop - start)
        n += 1
        if name == "adam":
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            step = (m / (1 - 0.9**n)) / (np.sqrt(v / (1 - 0.999**n)) + 1e-8)
            weights = weights + 0.01 * step
        else:
            v = (0.9 if name == "momentum" else 0.0) * v + g
            weights = weights + 0.3 * v
    return weights, (v, m, n)


@pytest.mark.parametrize("gradient", FORMS)
@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("seed", range(5))
def test_solvers_move_weights_as_the_twin_does(seed, name, gradient):
    topology, weights, X, y = problem(seed, n_sequences=14)
    expected, _ = twin(name, topology, weights, X, y, 4, gradient)
    learner = BatchLearner(topology, weights.copy(), 4, SOLVERS[name], gradient, "float64")
    assert len(learner.learn(X, y).loss) == 14
    # Adam divides by the size of gradients, and some gradients are mere rounding errors.
    assert np.abs(learner.weights - expected).max() < (1e-5 if name == "adam" else 1e-9)
    assert np.abs(learner.weights - weights).max() > 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_batches_of_one_are_updates_at_each_sequences_end(seed):
    topology, weights, X, y = problem(seed)
    learner = BatchLearner(topology, weights.copy(), 1, SOLVERS["plain"], "truncated", "float64")
    results = learner.learn(X, y)
    expected, _ = kernel_pass(topology, weights, X, y, learning_rate=0.3, form="truncated-backward")
    assert np.allclose(np.stack(results, axis=1), expected, equal_nan=True)
    assert worst_relative(learner.weights, weights, 1e-3) < 1e-10


def adding_learner(size=16, rate=0.05):
    topology = Topology(n_inputs=2, n_outputs=1, output_activation="linear")
    weights = topology.initial_weights(np.random.default_rng(0), 0.1, {"input_gate": -3.0})
    return BatchLearner(topology, weights, size, Adam(rate), "truncated", "float64")


def adding(n):
    X, y = make_adding(n, T=20, rng=0)
    return LSTMRegressor.as_published()._check(X, y, reset=True)


def test_a_rule_that_stops_within_a_batch_is_as_if_the_data_had_ended_there():
    X, y = adding(200)
    learner, expected = adding_learner(), adding_learner()
    history = train(learner, [(X, y)], Recent(10.0, window=57))
    assert (history.n_sequences, history.reason) == (57, "solved")
    expected.learn(X[:57], y[:57])
    assert (learner.weights == expected.weights).all()
    assert (learner.state["powers"] == powers_after(4)).all()
    assert all(np.array_equal(learner.state[k], expected.state[k]) for k in expected.state)


def test_divergence_ends_before_the_batch():
    X, y = adding(100)
    y.values[40] = 1e200
    learner, expected = adding_learner(), adding_learner()
    history = train(learner, [(X, y)], Never())
    assert (history.n_sequences, history.reason) == (32, "diverged")
    expected.learn(X[:32], y[:32])
    assert (learner.weights == expected.weights).all()
    assert (learner.state["powers"] == powers_after(2)).all()


@pytest.mark.parametrize(("name", "size"), [("plain", 1e309), ("momentum", 1e308), ("adam", 1e200)])
def test_no_weight_moves_where_a_weight_or_a_state_would_overflow(name, size):
    learner = adding_learner()
    learner.solver = SOLVERS[name]
    learner.state = SOLVERS[name].start(len(learner.weights))
    gradient = np.full(len(learner.weights), size)
    before = learner.weights, learner.state
    moved = [learner._move(gradient) for _ in range(3)]
    assert moved[-1] is False
    if not any(moved):
        assert learner.snapshot() == before  # the very same arrays
    assert learner.is_finite()
    assert all(np.isfinite(values).all() for values in learner.state.values())


def test_nets_with_recurrent_outputs_are_refused():
    topology = Topology(2, 1, n_blocks=0, n_hidden=2, recurrent_outputs=True, output_bias=False)
    with pytest.raises(ValueError, match="layer of outputs"):
        BatchNetwork(topology, "float64")


# ---- estimators ----------------------------------------------------------------------------------


@parametrize_with_checks(
    [E(**BATCHES, max_iter=50) for E in (LSTMClassifier, LSTMRegressor)],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": "a batch is a number of sequences",
        **(
            {
                "check_classifiers_multilabel_representation_invariance": (
                    "a list of arrays holds targets per step"
                )
            }
            if is_classifier(estimator)
            else {}
        ),
    },
)
@pytest.mark.filterwarnings(
    "ignore:each row of the 2-D X:UserWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:.*SCIPY_ARRAY_API",
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("gradient", "dtype"), [("truncated", "float32"), ("truncated", "float64"), ("full", "float32")]
)
def test_learns_to_add(gradient, dtype):
    X, y = make_adding(1200, T=20, rng=0)
    model = LSTMRegressor.as_published(
        input_gate_bias=-2.0, gradient=gradient, dtype=dtype, learning_rate=0.02, max_iter=40,
        tol=None, random_state=0, **BATCHES,
    )  # fmt: skip
    assert model.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.98


def test_classes_are_learned_with_softmax_from_sparse_steps():
    rng = np.random.default_rng(0)
    symbols = [rng.integers(5, size=rng.integers(3, 9)) for _ in range(400)]
    X, y = Sequences.from_symbols(symbols, 5), np.array([s[0] for s in symbols])
    model = LSTMClassifier.as_published(
        n_blocks=6, block_size=1, output_activation="softmax", loss="log_loss", batch_size=8,
        momentum=0.9, learning_rate=0.1, max_iter=60, tol=None, random_state=0,
    )  # fmt: skip
    assert model.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.95


@pytest.mark.filterwarnings("ignore:nothing was learned", "ignore:max_iter=200 epochs")
@pytest.mark.parametrize("solver", [{"momentum": 0.9}, {"solver": "adam"}])
def test_partial_fit_continues_with_the_solvers_state(solver):
    X, y = make_adding(96, T=20, rng=0)
    model = LSTMRegressor.as_published(batch_size=16, learning_rate=0.01, random_state=0, **solver)
    whole = clone(model).partial_fit(X, y)
    parts = clone(model).partial_fit(X[:32], y[:32])
    parts = pickle.loads(pickle.dumps(parts)).partial_fit(X[32:], y[32:])
    assert (whole.weights_ == parts.weights_).all()
    assert all(np.array_equal(whole.solver_state_[k], v) for k, v in parts.solver_state_.items())
    before = parts.solver_state_
    forgetful = pickle.loads(pickle.dumps(clone(model).partial_fit(X[:32], y[:32])))
    del forgetful.solver_state_
    assert (forgetful.partial_fit(X[32:], y[32:]).weights_ != parts.weights_).any()
    parts.fit(X, y)  # begins anew
    assert parts.solver_state_ is not before


def test_a_new_solver_begins_with_a_state_of_its_own():
    X, y = make_adding(32, T=20, rng=0)
    model = LSTMRegressor.as_published(batch_size=16, momentum=0.5, random_state=0).partial_fit(
        X, y
    )
    model.set_params(solver="adam", momentum=None).partial_fit(X, y)
    assert (model.solver_state_["powers"] == powers_after(2)).all()


@pytest.mark.parametrize(
    "options", [{}, {"solver": "adam"}, {"momentum": 0.5}, {"dtype": "float32"}]
)
def test_growing_nets_are_refused_before_anything_changes(options):
    X, y = make_adding(10, T=20, rng=0)
    model = LSTMRegressor.as_published(
        batch_size=2, **options, learning_rate=0.01, max_iter=1, tol=None
    ).fit(X, y)
    fitted = dict(vars(model))
    model.set_params(initial_blocks=1)
    with pytest.raises(ValueError, match="initial_blocks=1"):
        model.fit(X, y)
    assert {**vars(model), "initial_blocks": None} == fitted


def test_a_fit_that_diverges_warns_and_keeps_finite_weights():
    X, y = make_adding(64, T=20, rng=0)
    y = np.concatenate([y, [1e300]])
    X = [*X, X[0]]
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model = LSTMRegressor.as_published(**BATCHES, random_state=0).fit(X, y)
    assert model.stop_reason_ == "diverged"
    assert np.isfinite(model.weights_).all()


def test_without_batches_there_is_no_solver_state():
    X, y = make_adding(10, T=20, rng=0)
    assert not hasattr(LSTMRegressor.as_published(max_iter=1, tol=None).fit(X, y), "solver_state_")


def test_gradient_report_is_for_nets_that_learned_by_batches_too():
    X, y = make_adding(20, T=20, rng=0)
    model = LSTMRegressor.as_published(**BATCHES, max_iter=1, tol=None, random_state=0).fit(X, y)
    assert np.isfinite(gradient_report(model, X[:3], y[:3]).total.cosine)


# ---- threads -------------------------------------------------------------------------------------


def blas_threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_threads_predict_the_same_but_for_rounding(dtype):
    X, y = make_adding(300, T=20, rng=0)
    model = LSTMRegressor.as_published(
        **BATCHES, dtype=dtype, max_iter=1, tol=None, random_state=0
    ).fit(X, y)
    expected, before = model.predict(X), blas_threads()
    for n_jobs in (2, 5):
        threads = model.set_params(n_jobs=n_jobs).predict(X)
        assert np.allclose(threads, expected, rtol=0, atol=1e-13 if dtype == "float64" else 1e-5)
        assert blas_threads() == before


def test_threads_that_limit_the_blas_leave_it_as_it_was():
    inside, alone = Event(), Event()

    def second():
        with one_thread:
            inside.set()
            alone.wait()

    before, thread = blas_threads(), Thread(target=second)
    with one_thread:
        thread.start()
        inside.wait()
    alone.set()
    thread.join()
    assert blas_threads() == before


def test_threads_that_come_and_go_leave_the_blas_as_it_was():
    def come_and_go():
        for _ in range(100):
            with one_thread:
                assert set(blas_threads()) == {1}

    before = blas_threads()
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(come_and_go) for _ in range(4)]:
            done.result()
    assert blas_threads() == before


@pytest.mark.parametrize("gradient", FORMS)
def test_a_batch_of_few_or_unequal_sequences_is_learned_one_after_the_other(gradient):
    rng = np.random.default_rng(5)
    topology = random_topology(rng)
    weights, X, y = random_problem(rng, topology, n_sequences=20, longest=30)
    learner = BatchLearner(topology, weights, 3, SOLVERS["plain"], gradient, "float64")
    for part in (slice(0, 1), slice(4, 7)):
        assert not fills(Data(X[part]))
        results, found = learner._gradient(X[part], y[part])
        expected_results, expected = kernel_gradient(topology, weights, X[part], y[part], gradient)
        assert np.array_equal(found, expected)
        assert np.array_equal(results, expected_results, equal_nan=True)
    assert fills(Data(X))
    found = learner._gradient(X, y)[1]
    expected = kernel_gradient(topology, weights, X, y, gradient)[1]
    assert worst_relative(found, expected, 1.0) < 1e-12
