"""Threads that share an estimator, and fits side by side, give right results and the same bits."""

import os
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone, is_classifier

import lstm97
from lstm97 import (
    CarouselDisplay,
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    diagnose,
    gradient_report,
    load,
    save,
)
from lstm97.learning.batch import one_thread

ESTIMATORS = [getattr(lstm97, name) for name in lstm97.__all__]
ESTIMATORS = [each for each in ESTIMATORS if hasattr(each, "predict")]
every_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)


@pytest.fixture(autouse=True)
def _short_turns():
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def make(Estimator, **params):
    limits = {"max_hidden": 1, "max_phase_iter": 5} if "Cascade" in Estimator.__name__ else {}
    limits = limits or {"max_iter": 5, "tol": None}
    return Estimator.as_published(**limits, random_state=0, **params)


def data(Estimator, n=20, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.uniform(-1, 1, (rng.integers(1, 12), 2)) for _ in range(n)]
    first = np.array([x[0, 0] for x in X])
    return X, np.where(first > 0, "up", "down") if is_classifier(
        Estimator.as_published()
    ) else first


def side_by_side(*jobs):
    """Call each job in a thread of its own, and return the results."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def during(fits, *jobs):
    """Call each job again and again, in a thread of its own, until the fits in another have ended.

    Returns
    -------
    results : list of list
        Those of each job.
    """
    done = Event()

    def go_on(job):
        results = [job()]
        while not done.is_set():
            results.append(job())
        return results

    def last():
        try:
            fits()
        finally:
            done.set()

    return side_by_side(*[partial(go_on, job) for job in jobs], last)[:-1]


def plain(rows):
    """Return predictions in a form that can be compared, with their shapes."""
    parts = list(rows) if rows.dtype == object else [rows]
    return [(part.shape, part.tolist()) for part in parts]


def outputs(model, X):
    return plain(getattr(model, "predict_proba", model.predict)(X))


def predictions(model, X):
    return plain(model.predict(X))


# ---- prediction ----------------------------------------------------------------------------------


@every_estimator
def test_threads_that_predict_with_one_estimator(Estimator):
    X, y = data(Estimator)
    model = make(Estimator).fit(X, y)
    parts = [X[:7], X[5:], X[::2]]
    expected = [outputs(model, part) for part in parts]

    def predict(part):
        return [outputs(model, part) for _ in range(20)]

    found = side_by_side(*[partial(predict, part) for part in parts])
    assert found == [[each] * 20 for each in expected]


def test_threads_that_predict_by_batches():
    X, y = data(LSTMRegressor, 60)
    model = make(LSTMRegressor, batch_size=4, solver="adam").fit(X, y)
    expected = model.predict(X)
    for found in side_by_side(*[lambda: [model.predict(X) for _ in range(20)]] * 3):
        assert np.allclose(found, expected, rtol=0, atol=1e-13)


def targets(X):
    """Return targets that make nets of different kinds: sizes, classes, steps that are due."""
    rng = np.random.default_rng(1)
    steps = [rng.integers(2, size=len(x)) for x in X]
    return [np.arange(len(X)) % 2, np.array([*"abcde"])[np.arange(len(X)) % 5], steps]


def numbers(X):
    rng = np.random.default_rng(2)
    return [rng.normal(size=len(X)), rng.normal(size=(len(X), 3)), [x[:, 0] for x in X]]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@every_estimator
def test_a_prediction_during_fits_is_that_of_one_of_the_nets(Estimator):
    X, _ = data(Estimator)
    kinds = targets(X) if is_classifier(Estimator.as_published()) else numbers(X)
    model = make(Estimator)
    nets = [clone(model).fit(X, y) for y in kinds]
    rows, values = [outputs(net, X) for net in nets], [predictions(net, X) for net in nets]
    assert all(each not in rows[:i] for i, each in enumerate(rows))
    model.fit(X, kinds[0])

    def fit():
        for i in range(30):
            model.fit(X, kinds[i % 3])

    found, labels = during(fit, lambda: outputs(model, X), lambda: predictions(model, X))
    assert all(each in rows for each in found)
    assert all(each in values for each in labels)


def test_a_score_during_fits_is_that_of_one_of_the_nets():
    X, _ = data(LSTMRegressor)
    last, steps = numbers(X)[::2]
    model = LSTMRegressor.as_published(max_iter=2, tol=None, random_state=0)
    expected = clone(model).fit(X, steps).score(X, steps)
    model.fit(X, steps)

    def fit():
        for i in range(100):
            model.fit(X, [last, steps][i % 2])

    def score():
        try:
            return model.score(X, steps)
        except ValueError as error:
            return str(error)

    [found] = during(fit, score)
    assert set(found) <= {expected, "y must hold targets for the last step, as in fit"}


def test_a_save_during_fits_holds_one_of_the_nets(tmp_path):
    X, _ = data(LSTMClassifier)
    model = make(LSTMClassifier).fit(X, targets(X)[0])
    expected = [outputs(clone(model).fit(X, y), X) for y in targets(X)]

    def fit():
        for i in range(30):
            model.fit(X, targets(X)[i % 3])

    def keep():
        save(model, tmp_path / "model.npz")
        return outputs(load(tmp_path / "model.npz"), X)

    for found in during(fit, keep, keep):
        assert all(each in expected for each in found)
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.filterwarnings("ignore::lstm97.DiagnosisWarning")
def test_inspection_during_fits_sees_one_of_the_nets(monkeypatch):
    monkeypatch.setattr(CarouselDisplay, "plot", lambda self, ax: self)
    X, y = data(LSTMRegressor)
    model = make(LSTMRegressor, input_gate_bias=9.0)
    nets = [clone(model).set_params(n_blocks=n).fit(X, y * n) for n in (1, 2, 3)]
    looks = [
        lambda net: str(net.trace(X[:2])),
        lambda net: str(diagnose(net, X)),
        lambda net: str(gradient_report(net, X[:3], y[:3])),
        lambda net: str(CarouselDisplay.from_estimator(net, X).trace),
    ]
    model.set_params(n_blocks=1).fit(X, y)

    def fit():
        for i in range(40):
            n = 1 + i % 3
            model.set_params(n_blocks=n).fit(X, y * n)

    for look in looks:
        expected = {look(net) for net in nets}
        assert len(expected) == 3
        [found] = during(fit, lambda look=look: look(model))
        assert set(found) <= expected


# ---- fits ----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@every_estimator
def test_of_two_fits_of_one_estimator_one_remains(Estimator):
    X, _ = data(Estimator)
    kinds = targets(X) if is_classifier(Estimator.as_published()) else numbers(X)
    model = make(Estimator)
    expected = [outputs(clone(model).fit(X, y), X) for y in kinds]
    for _ in range(10):
        side_by_side(*[partial(model.fit, X, y) for y in kinds])
        assert outputs(model, X) in expected


@every_estimator
def test_calls_of_partial_fit_side_by_side_leave_a_whole_number_of_them(Estimator):
    X, y = data(Estimator)
    more = {"classes": np.unique(y)} if is_classifier(Estimator.as_published()) else {}
    alone, after = make(Estimator), []
    for _ in range(40):
        after.append(outputs(alone.partial_fit(X, y, **more), X))
    model = make(Estimator)

    def learn():
        for _ in range(20):
            model.partial_fit(X, y, **more)

    side_by_side(learn, learn)
    # Of the calls that began from the same net, only one is kept. At least two are kept in total,
    # # if the last call began from the net of the first.
    assert 2 <= model.n_iter_ <= 40
    assert len(model.loss_curve_) == model.n_iter_
    assert outputs(model, X) == after[model.n_iter_ - 1]


def settings():
    """Return estimators whose fits are of different sizes."""
    for Estimator in ESTIMATORS:
        yield make(Estimator)
    yield LSTMRegressor.as_published(5, 3, max_iter=20, tol=None, random_state=1)
    yield LSTMClassifier.as_published(
        3, 2, initial_blocks=1, growth_patience=15, tol=None, random_state=2
    )
    yield LSTMRegressor.as_published(3, 2, forget_gate=True, max_iter=7, tol=None, random_state=4)
    yield LSTMClassifier.as_published(
        gradient="full", n_hidden=2, max_iter=7, tol=None, random_state=3
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_fits_side_by_side_give_the_same_bits(backend):
    jobs = [(model, *data(type(model), 40, seed)) for seed, model in enumerate(settings())]
    alone = [clone(model).fit(X, y) for model, X, y in jobs]
    together = Parallel(2, backend=backend)(delayed(clone(m).fit)(X, y) for m, X, y in jobs)
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.weights_, other.weights_)


def test_a_kernel_lets_other_threads_run():
    rng = np.random.default_rng(0)
    X = Sequences.from_lengths(rng.uniform(-1, 1, (400_000, 2)), np.full(4000, 100))
    model = LSTMRegressor.as_published(4, 4, random_state=0)
    begun, done = Event(), Event()

    def learn():
        begun.set()
        model.partial_fit(X, X.flat[99::100, 0])
        done.set()

    def count():
        begun.wait()
        n = 0
        while not done.is_set():
            time.sleep(0.001)
            n += 1
        return n

    ticks, _ = side_by_side(count, learn)
    assert ticks > 30


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_does_not_inherit_a_lock_that_is_held():
    """Another thread may hold the lock of the BLAS's threads when a process forks."""
    with one_thread._lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks with threads
        child = os.fork()
        if child == 0:
            os._exit(0 if one_thread._lock.acquire(timeout=5) else 1)
    assert os.waitpid(child, 0)[1] == 0
