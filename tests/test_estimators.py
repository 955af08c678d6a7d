"""The estimators: every form of input, shapes of output, refusals that change nothing."""

import inspect
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import lstm97
from lstm97 import LSTMClassifier, LSTMRegressor, Sequences
from lstm97.estimators import (
    BPTTClassifier,
    CascadeCorrelationClassifier,
    CascadeCorrelationRegressor,
    RTRLRegressor,
    SequenceChunkerRegressor,
)
from lstm97.learning.network import shares
from lstm97.tasks import make_adding, make_temporal_order

FAST = {"max_iter": 3, "tol": None, "random_state": 0}
ONE_STEP = "ignore:each row of the 2-D X:UserWarning"


ESTIMATORS = [getattr(lstm97, name) for name in lstm97.__all__]
ESTIMATORS = [each for each in ESTIMATORS if hasattr(each, "predict")]


def quick(Estimator):
    """Return a published estimator that fits within a second."""
    is_cascade = "Cascade" in Estimator.__name__
    return Estimator.as_published(**({"max_hidden": 1, "max_iter": 100} if is_cascade else {}))


def declared(estimator):
    """Return the checks that fail; the first does for scikit-learn's own SGDClassifier, too."""
    reason = "on-line learning sees a sequence of weight 2 once, a repeated one twice"
    checks = {"check_sample_weight_equivalence_on_dense_data": reason}
    if isinstance(estimator, CascadeCorrelationRegressor):
        checks = {}
    if isinstance(estimator, CascadeCorrelationClassifier):
        reason = "classes are told apart without an error, and outputs grow with the order of sums"
        checks = {"check_sample_weight_equivalence_on_dense_data": reason}
    if is_classifier(estimator):
        reason = "a list of arrays holds targets per step"
        checks["check_classifiers_multilabel_representation_invariance"] = reason
    return checks


@parametrize_with_checks(
    [
        *(quick(Estimator) for Estimator in ESTIMATORS),
        *(Estimator(max_iter=30) for Estimator in (LSTMClassifier, LSTMRegressor)),
    ],
    expected_failed_checks=declared,
)
@pytest.mark.filterwarnings(
    ONE_STEP, "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:.*SCIPY_ARRAY_API"
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def data(n=30, n_features=2, lengths=(3, 9), seed=0):
    """Ragged series and the class of each: the sign of its first value."""
    rng = np.random.default_rng(seed)
    X = [rng.uniform(-1, 1, (rng.integers(*lengths), n_features)) for _ in range(n)]
    return X, np.array([int(x[0, 0] > 0) for x in X])


def running(X):
    """Return targets for every step: the class of the step, and a number."""
    return [(x[:, 0] > 0).astype(int) for x in X], [np.cumsum(x[:, 1]) for x in X]


def as_objects(parts):
    objects = np.empty(len(parts), dtype=object)
    objects[:] = parts
    return objects


# ---- input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
def test_all_ragged_forms_of_input_are_one(Estimator, every):
    X, y = data()
    if every:
        y = running(X)[Estimator is LSTMRegressor]
    model = Estimator.as_published(**FAST).fit(X, y)
    for form in (tuple(X), as_objects(X), Sequences.from_list(X),
                 [x.tolist() for x in X], [sparse.csr_array(x) for x in X]):  # fmt: skip
        for targets in (y, as_objects(y), tuple(y)) if every else (y, list(y)):
            other = clone(model).fit(form, targets)
            assert (other.weights_ == model.weights_).all()
        for a, b in zip(model.predict(form), model.predict(X), strict=True):
            assert np.array_equal(a, b)


@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_a_table_is_one_sequence_per_row(n_channels):
    rng = np.random.default_rng(0)
    table = rng.uniform(-1, 1, (20, 6))
    y = (table[:, 0] > 0).astype(int)
    cube = table.reshape(20, -1, n_channels)
    model = LSTMClassifier.as_published(n_channels=n_channels, **FAST).fit(table, y)
    assert (model.weights_ == LSTMClassifier.as_published(**FAST).fit(cube, y).weights_).all()
    assert (model.predict_proba(table) == model.predict_proba(cube)).all()
    assert (model.n_features_in_, model.topology_.n_inputs) == (6, n_channels)


def test_a_table_without_n_channels_is_one_step_and_warns():
    X = np.random.default_rng(0).uniform(-1, 1, (20, 6))
    with pytest.warns(UserWarning, match=r"one step with 6 features.*n_channels=1"):
        model = LSTMClassifier.as_published(**FAST).fit(X, X[:, 0] > 0)
    assert model.topology_.n_inputs == 6
    assert (model.predict(X) == model.predict(X[:, None, :])).all()


# ---- output --------------------------------------------------------------------------------------


def test_shapes_of_predictions():
    X, y = data(n=4)
    cube = np.random.default_rng(0).uniform(-1, 1, (4, 5, 2))
    labels, numbers = running(X)
    model = LSTMClassifier.as_published(**FAST).fit(X, y)
    assert model.predict(X).shape == (4,)
    assert model.predict_proba(X).shape == (4, 2)
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1.0)
    model.fit(X, labels)
    assert model.predict(X).dtype == object
    assert [p.shape for p in model.predict(X)] == [(len(x),) for x in X]
    assert [p.shape for p in model.predict_proba(X)] == [(len(x), 2) for x in X]
    assert model.predict(cube).shape == (4, 5)
    assert model.predict_proba(cube).shape == (4, 5, 2)
    regressor = LSTMRegressor.as_published(**FAST).fit(X, numbers)
    assert [p.shape for p in regressor.predict(X)] == [(len(x),) for x in X]
    regressor.fit(X, [np.stack([part, part, part], axis=1) for part in numbers])
    assert [p.shape for p in regressor.predict(X)] == [(len(x), 3) for x in X]
    assert regressor.predict(cube).shape == (4, 5, 3)
    assert regressor.fit(cube, cube).predict(cube).shape == cube.shape
    assert regressor.fit(X, np.ones((4, 1))).predict(X).shape == (4, 1)
    assert regressor.fit(X, np.ones((4, 3))).predict(X).shape == (4, 3)
    assert regressor.n_outputs_ == 3


def test_sequences_of_equal_length_still_come_back_as_objects():
    X = [np.ones((3, 1)), np.ones((3, 1))]
    predicted = LSTMRegressor.as_published(**FAST).fit(X, [np.ones(3), np.ones(3)]).predict(X)
    assert predicted.shape == (2,)
    assert predicted[0].shape == (3,)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor, BPTTClassifier])
def test_threads_predict_the_same(Estimator, every, form):
    X, y = data(lengths=(1, 40))
    if every:
        y = running(X)[Estimator is LSTMRegressor]
    X = [form(x) for x in X]
    model = Estimator.as_published(**FAST).fit(X, y)
    output = getattr(model, "predict_proba", model.predict)
    expected, score = output(X), model.score(X, y)
    for n_jobs in (1, 2, 7, 50, -1):
        model.set_params(n_jobs=n_jobs)
        before = joblib.hash(model)
        for a, b in zip(output(X), expected, strict=True):
            assert np.array_equal(a, b)
        assert model.score(X, y) == score
        assert joblib.hash(model) == before


def test_each_thread_has_a_learner_of_its_own(monkeypatch):
    X, y = data()
    model = LSTMClassifier.as_published(n_jobs=3, **FAST).fit(X, y)
    learners, make = [], model._make_learner
    monkeypatch.setattr(model, "_make_learner", lambda: learners.append(make()) or learners[-1])
    model.predict(X)
    assert len({id(learner) for learner in learners}) == 3
    with pytest.raises(ValueError, match="n_jobs == 0"):
        model.set_params(n_jobs=0).predict(X)


@pytest.mark.parametrize("lengths", [[7], [5, 5], [1, 10], [10, 1], [3] * 8, [1, 2, 90, 3, 1, 1]])
def test_shares_have_about_as_many_steps_each(lengths):
    X = Sequences.from_lengths(np.zeros((sum(lengths), 1)), lengths)
    for n in (1, 2, 3, 8):
        parts = shares(X, n)
        assert len(parts) == n or max(lengths) * n > sum(lengths)
        assert np.concatenate([part.starts for part in parts]).tolist() == X.starts.tolist()
        assert all(len(part) > 0 and part.flat is X.flat for part in parts)
        assert max(part.n_steps for part in parts) <= sum(lengths) / n + max(lengths)


def test_predictions_per_step_see_the_past_only():
    X, _ = data(n=6)
    model = LSTMClassifier.as_published(**FAST).fit(X, running(X)[0])
    for x, whole in zip(X, model.predict_proba(X), strict=True):
        assert np.array_equal(model.predict_proba([x[:2]])[0], whole[:2])


# ---- learning ------------------------------------------------------------------------------------


def test_it_learns_the_adding_problem():
    X, y = make_adding(2500, T=20, rng=0)
    model = LSTMRegressor.as_published(
        input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=40, tol=None, random_state=0
    )
    model.fit(X[:2000], y[:2000])
    assert model.score(X[2000:], y[2000:]) > 0.99
    assert model.loss_curve_[-1] < model.loss_curve_[0] / 20
    assert (model.n_iter_, model.stop_reason_) == (40, "limit")


def test_it_learns_names_of_classes_and_every_step():
    X, _ = data(n=200)
    y = [np.where(x[:, 0] > 0, "up", "down") for x in X]
    for i, labels in enumerate(y):
        y[i] = [None if step == 1 else label for step, label in enumerate(labels)]
    model = LSTMClassifier.as_published(
        learning_rate=0.3, max_iter=60, tol=None, random_state=0
    ).fit(X, y)
    assert list(model.classes_) == ["down", "up"]
    assert model.score(X, y) > 0.9
    # Steps without a target do not count.
    flipped = [[("up", "down")[int(m == "up")] if m else None for m in labels] for labels in y]
    assert model.score(X, flipped) == pytest.approx(1.0 - model.score(X, y))


def test_missing_numbers_are_not_targets():
    X, _ = data(n=20)
    y = [np.where(np.arange(len(x)) == len(x) - 1, x[0, 0], np.nan) for x in X]
    last = np.array([part[-1] for part in y])
    every, at_last = (
        LSTMRegressor.as_published(**FAST).fit(X, y),
        LSTMRegressor.as_published(**FAST).fit(X, last),
    )
    assert (every.weights_ == at_last.weights_).all()
    assert every.score(X, y) == at_last.score(X, last)


def test_partial_fit_in_pieces_is_partial_fit_at_once():
    X, y = data()
    whole = LSTMClassifier.as_published(random_state=0).partial_fit(X, y, classes=[0, 1])
    pieces = LSTMClassifier.as_published(random_state=0)
    for i in range(0, len(X), 7):
        pieces.partial_fit(X[i : i + 7], y[i : i + 7], classes=[0, 1])
    assert (whole.weights_ == pieces.weights_).all()
    assert (whole.n_iter_, pieces.n_iter_, len(pieces.loss_curve_)) == (1, 5, 5)
    numbers = (
        LSTMRegressor.as_published(random_state=0)
        .partial_fit(X[:9], y[:9])
        .partial_fit(X[9:], y[9:])
    )
    assert (
        numbers.weights_ == LSTMRegressor.as_published(random_state=0).partial_fit(X, y).weights_
    ).all()


@pytest.mark.parametrize("update", ["step", "sequence"])
def test_targets_at_the_last_step_make_both_updates_one(update):
    X, y = data()
    model = LSTMClassifier.as_published(update=update, **FAST).fit(X, y)
    assert np.allclose(
        model.weights_, LSTMClassifier.as_published(**FAST).fit(X, y).weights_, atol=1e-10
    )


@pytest.mark.parametrize(
    ("n_blocks", "expected"), [(1, [-1.0]), (2, [-1.0, -4.0]), (4, [-1.0, -2.0, -3.0, -4.0])]
)
def test_two_biases_spread_over_any_number_of_blocks(n_blocks, expected):
    X, y = np.ones((3, 4, 1)), np.zeros(3)
    nets = {"n_blocks": n_blocks, "forget_gate": True, "learning_rate": 1e-300, **FAST}
    for gate in ("input_gate", "forget_gate", "output_gate"):
        model = LSTMRegressor.as_published(**nets, **{f"{gate}_bias": (-1, -4)}).fit(X, y)
        assert np.allclose(model.topology_.views(model.weights_)[gate][-1], expected, atol=1e-12)


def test_gate_biases_are_set_per_block():
    X, y = data()
    model = LSTMRegressor.as_published(
        n_blocks=3, input_gate_bias=[-1, -2, -3], forget_gate=True, forget_gate_bias=(0.5, 1, 2),
        output_gate_bias=-4, learning_rate=1e-300, **FAST,
    ).fit(X, y)  # fmt: skip
    views = model.topology_.views(model.weights_)
    assert list(views["input_gate"][-1]) == [-1, -2, -3]
    assert list(views["forget_gate"][-1]) == [0.5, 1, 2]
    assert list(views["output_gate"][-1]) == [-4, -4, -4]
    bare = LSTMRegressor.as_published(input_gate_bias=None, output_gate=False, **FAST).fit(X, y)
    assert not bare.topology_.input_gate_bias
    assert "forget_gate" not in bare.topology_.slices
    assert "output_gate" not in bare.topology_.slices


def test_it_stops_when_the_loss_stops_falling():
    X, y = data()
    model = LSTMClassifier.as_published(tol=10.0, n_iter_no_change=4, random_state=0)
    with pytest.warns(ConvergenceWarning, match="nothing was learned"):
        model.fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (5, "stagnated")
    with pytest.warns(ConvergenceWarning, match="max_iter=3 epochs"):
        LSTMClassifier.as_published(max_iter=3, tol=0.0).fit(X, y)


def test_divergence_warns_and_keeps_finite_weights():
    X, y = data()
    with pytest.warns(ConvergenceWarning, match="training diverged after 0 sequences"):
        model = LSTMRegressor.as_published(**FAST).fit(X, np.full(len(y), 1e200))
    assert model.stop_reason_ == "diverged"
    assert np.isfinite(model.weights_).all()
    assert np.isfinite(model.predict(X)).all()


def test_verbose_prints_the_loss(capsys):
    X, y = data()
    LSTMRegressor.as_published(verbose=True, **FAST).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2", "Iteration 3"]


@pytest.mark.parametrize("random_state", [3, np.random.RandomState(3)])
def test_the_same_seed_gives_the_same_weights(random_state):
    X, y = data()
    params = {**FAST, "random_state": random_state}
    assert (
        LSTMClassifier.as_published(**FAST).fit(X, y).weights_
        == LSTMClassifier.as_published(**FAST).fit(X, y).weights_
    ).all()
    assert (
        LSTMClassifier.as_published(**params).fit(X, y).weights_
        != LSTMClassifier.as_published(**FAST).fit(X, y).weights_
    ).any()


# ---- with scikit-learn ---------------------------------------------------------------------------


def test_in_a_pipeline_and_a_grid_search():
    X, y = make_temporal_order(60, rng=0)
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(), LSTMClassifier.as_published(**FAST)),
        {"lstmclassifier__n_blocks": [1, 2]},
        cv=3,
        n_jobs=2,
    )
    search.fit(X, y)
    assert search.best_score_ > 0
    assert isinstance(search.best_estimator_[-1], LSTMClassifier)
    assert cross_val_score(LSTMRegressor.as_published(**FAST), X.to_list(), y, cv=3).shape == (3,)


def test_after_a_scaler_on_a_table():
    rng = np.random.default_rng(0)
    X = rng.uniform(100, 200, (60, 8))
    y = (X[:, 0] > 150).astype(int)
    model = make_pipeline(
        StandardScaler(), LSTMClassifier.as_published(n_channels=2, random_state=0, tol=None)
    )
    assert model.fit(X, y).score(X, y) > 0.95


def test_a_pickle_predicts_the_same():
    X, y = data()
    model = LSTMClassifier.as_published(**FAST).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.predict_proba(X) == model.predict_proba(X)).all()
    assert joblib.hash(copy.partial_fit(X, y).weights_) == joblib.hash(
        model.partial_fit(X, y).weights_
    )


# ---- refusals ------------------------------------------------------------------------------------


def with_value(X, value):
    X = [x.copy() for x in X]
    X[3][1, 0] = value
    return X


REFUSED = {
    "NaN": (lambda X, y: (with_value(X, np.nan), y), "X contains NaN in sequence 3, step 1"),
    "infinity": (lambda X, y: (with_value(X, np.inf), y), "infinity in sequence 3, step 1"),
    "empty": (lambda X, y: ([*X[:5], X[5][:0], *X[6:]], y), r"X\[5\] is empty"),
    "features": (lambda X, y: ([*X[:-1], X[-1][:, :1]], y), r"X\[29\] has 1 features"),
    "short y": (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
    "no y": (lambda X, y: (X, None), "requires y to be passed"),
    "short steps": (
        lambda X, y: (X, [np.ones(len(x) - (i == 7), dtype=int) for i, x in enumerate(X)]),
        r"y\[7\] has \d targets, but X\[7\] has \d steps",
    ),
    "fewer step targets": (
        lambda X, y: (X, [np.ones(len(x), dtype=int) for x in X[1:]]),
        "X has 30 sequences, but y has 29",
    ),
    "width": (lambda X, y: ([x[:, :1] for x in X], y), "X has 1 features per step"),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_and_changes_nothing(name, Estimator, method):
    change, message = REFUSED[name]
    X, y = data()
    model = Estimator.as_published(**FAST).fit(X, y)
    before = joblib.hash(model)
    if name == "width":
        method = "partial_fit"
    if method == "partial_fit" and "step" in name:
        model.fit(X, running(X)[Estimator is LSTMRegressor])
        before = joblib.hash(model)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(*change(X, y))
    assert joblib.hash(model) == before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_blocks": 0}, "n_blocks"),
        ({"block_size": -1}, "block_size"),
        ({"n_hidden": -1}, "n_hidden"),
        ({"max_iter": 0}, "max_iter"),
        ({"n_channels": 0}, "n_channels"),
        ({"n_jobs": 0.5}, "n_jobs"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"initial_blocks": 3}, "initial_blocks=3 is more than n_blocks=2"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        *(
            ({name: 10**400}, f"{name}=... is out of range")
            for name in ("learning_rate", "tol", "n_jobs")
        ),
        ({"init_scale": -0.1}, "init_scale"),
        ({"recurrence": "some"}, "recurrence"),
        ({"n_blocks": 1.5}, "n_blocks"),
        ({"input_gate_bias": [-1, -2, -3]}, r"input_gate_bias has shape \(3,\).*2 blocks"),
        ({"output_gate_bias": [np.nan, 1.0]}, "output_gate_bias.*not finite"),
        ({"input_gate_bias": "low"}, "input_gate_bias"),
        ({"forget_gate": 1}, "forget_gate"),
        *(
            ({"forget_gate": True, "forget_gate_bias": bias}, message)
            for bias, message in (
                ([1, 2, 3], r"forget_gate_bias has shape \(3,\).*2 blocks"),
                ([[1, 2]], r"forget_gate_bias has shape \(1, 2\)"),
                ([1.0, np.inf], "forget_gate_bias.*not finite"),
                (np.nan, "forget_gate_bias.*not finite"),
                (["high", 1.0], "forget_gate_bias.*must hold numbers"),
                ("high", "forget_gate_bias"),
            )
        ),
        ({"loss": "log_loss"}, "log_loss"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    X, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    model.set_params(**params)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert joblib.hash(model) == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_number_of_epochs_may_be_larger_than_any_integer_of_numpy(early_stopping):
    X, y = data()
    options = {"max_iter": 2, "tol": 0.0, "early_stopping": early_stopping, "random_state": 0}
    large = LSTMRegressor.as_published(n_iter_no_change=10**20, **options).fit(X, y)
    small = LSTMRegressor.as_published(n_iter_no_change=100, **options).fit(X, y)
    assert large.loss_curve_ == small.loss_curve_


@pytest.mark.parametrize("X", [[], (), np.zeros((2, 3, 4, 1))])
def test_input_without_sequences_is_refused(X):
    with pytest.raises(ValueError, match=r"X has shape .*, but it must hold sequences"):
        LSTMRegressor.as_published(**FAST).fit(X, np.zeros(2))


def test_classes_are_checked():
    X, y = data()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        LSTMClassifier.as_published().partial_fit(X, y)
    model = LSTMClassifier.as_published(**FAST).partial_fit(X, y, classes=[0, 1, 2])
    before = joblib.hash(model)
    with pytest.raises(ValueError, match=r"y contains .*3.*, which is not in classes"):
        model.partial_fit(X, y + 2)
    with pytest.raises(ValueError, match="differ from those of the first"):
        model.partial_fit(X, y, classes=[0, 1])
    for labels in ([{}], [{}, {}]):
        with pytest.raises(TypeError, match="classes: '<' not supported"):
            LSTMClassifier().partial_fit(X[:1], np.array([{}]), classes=labels)
    with pytest.raises(ValueError, match="one label per step"):
        LSTMClassifier.as_published().fit(X, [np.full((len(x), 2), 3) for x in X])
    with pytest.raises(ValueError, match="y should be a 1d array"):
        LSTMClassifier.as_published().fit(X, np.full((30, 2), 3))
    assert joblib.hash(model) == before
    with pytest.warns(DataConversionWarning):
        LSTMClassifier.as_published(**FAST).fit(X, y[:, None])


def test_targets_are_checked():
    X, y = data()
    numbers = running(X)[1]
    numbers[4] = numbers[4].copy()
    numbers[4][2] = np.inf
    model = LSTMRegressor.as_published(**FAST)
    with pytest.raises(ValueError, match="y contains infinity in sequence 4, step 2"):
        model.fit(X, numbers)
    with pytest.raises(ValueError, match="y contains NaN"):
        model.fit(X, np.where(y == 0, np.nan, 1.0))
    with pytest.raises(TypeError, match="y must hold numbers"):
        model.fit(X, [["a"] * len(x) for x in X])
    with pytest.raises(ValueError, match=r"y\[1\] has shape"):
        model.fit(X, [np.ones((len(x), 1 + i)) for i, x in enumerate(X)])
    model.fit(X, y)
    with pytest.raises(ValueError, match="fitted with targets for the last step"):
        model.partial_fit(X, running(X)[1])
    with pytest.raises(ValueError, match="expected 1"):
        model.partial_fit(X, np.ones((30, 2)))


def test_predict_checks_its_input():
    X, y = data()
    with pytest.raises(NotFittedError):
        LSTMClassifier.as_published().predict(X)
    model = LSTMClassifier.as_published(**FAST).fit(X, y)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match="X has 1 features per step, but LSTMClassifier"):
        model.predict([x[:, :1] for x in X])
    with pytest.raises(ValueError, match="X contains NaN in sequence 3, step 1"):
        model.predict(with_value(X, np.nan))
    with pytest.raises(TypeError, match="dtype"):
        model.predict([np.array([["a", "b"]])])
    assert joblib.hash(model) == before


def test_an_interrupted_fit_leaves_the_estimator_as_it_was(monkeypatch):
    X, y = data()
    model = LSTMClassifier.as_published(**FAST).fit(X, y)
    before = joblib.hash(model)
    monkeypatch.setattr("lstm97.learning.loop.Training.learn", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert joblib.hash(model) == before


def interrupt(*_):
    raise KeyboardInterrupt


def test_nothing_warns_in_ordinary_use():
    X, y = data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LSTMClassifier.as_published(**FAST).fit(X, y).predict(X)


# ---- found by review -----------------------------------------------------------------------------


def test_each_epoch_has_an_order_of_its_own():
    X, y = data()
    once = LSTMClassifier.as_published(random_state=0).partial_fit(X, y, classes=[0, 1])
    shuffled = LSTMClassifier.as_published(max_iter=1, tol=None, random_state=0).fit(X, y)
    assert (once.weights_ != shuffled.weights_).any()
    twice = LSTMClassifier.as_published(max_iter=2, tol=None, random_state=0).fit(X, y)
    losses = twice.loss_curve_
    assert losses[0] == pytest.approx(shuffled.loss_curve_[0])
    assert losses[0] != losses[1]


def test_verbose_copes_with_divergence_in_the_first_epoch():
    X, y = data()
    with pytest.warns(ConvergenceWarning, match="diverged"):
        LSTMRegressor.as_published(verbose=True, **FAST).fit(X, np.full(len(y), 1e200))


@pytest.mark.parametrize(
    "params",
    [
        {"input_gate_bias": [-1, -2, -3]},
        {"forget_gate_bias": [1, 2, 3], "forget_gate": True},
        {"loss": "log_loss"},
    ],
)
def test_a_refused_fit_draws_no_random_number(params):
    X, y = data()
    model = LSTMRegressor.as_published(
        **{**FAST, "random_state": np.random.RandomState(0), **params}
    )
    before = joblib.hash(model)
    with pytest.raises(ValueError, match=next(iter(params))):
        model.fit(X, y)
    assert joblib.hash(model) == before


@pytest.mark.parametrize("kind", [int, bool, str])
def test_score_skips_labels_that_are_none(kind):
    X, _ = data()
    y = [[None, *(kind(v > 0) for v in x[1:, 0])] for x in X]
    model = LSTMClassifier.as_published(**FAST).fit(X, y)
    assert 0.0 <= model.score(X, y) <= 1.0
    assert {type(c) for c in model.classes_.tolist()} == {kind}


def test_missing_labels_of_pandas_are_not_targets():
    X, _ = data()
    y = [pd.array([pd.NA, *(x[1:, 0] > 0).astype(int)], dtype="Int64") for x in X]
    plain = [[None, *(x[1:, 0] > 0).astype(int).tolist()] for x in X]
    model = LSTMClassifier.as_published(**FAST).fit(X, y)
    assert (model.weights_ == LSTMClassifier.as_published(**FAST).fit(X, plain).weights_).all()


HUGE = 10**400


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda X, y: ([[[HUGE, 1]], *X[1:]], y), TypeError, r"X\[0\] must hold numbers"),
        (lambda X, y: (X, [HUGE] * 30), TypeError, "y must hold numbers"),
        (lambda X, y: (X, y.astype(str)), TypeError, "y must hold numbers"),
        (lambda X, y: (X, y.astype(str).astype(object)), TypeError, "y must hold numbers"),
        (lambda X, y: (X, y.astype("datetime64[s]")), TypeError, "y must hold numbers"),
        (lambda X, y: (X, y + 1j), ValueError, "complex data not supported"),
        (lambda X, y: (X, np.where(y == 0, np.nan, 1.0)), ValueError, "NaN for sequence"),
        (lambda X, y: (X, np.float64(3.0)), ValueError, "y must be 1-D or 2-D"),
        (lambda X, y: (X, np.ones((30, 0))), ValueError, "y holds no target"),
        (
            lambda X, y: ([x.astype(object).astype(str) for x in X], y),
            TypeError,
            "must hold numbers",
        ),
        (
            lambda X, y: ([x[:, 0] for x in X], y),
            ValueError,
            r"X\[0\] must be 2-D.*reshape\(-1, 1\)",
        ),
    ],
)
def test_more_refusals_of_a_regressor(change, error, message):
    X, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    before = joblib.hash(model)
    with pytest.raises(error, match=message):
        model.fit(*change(X, y))
    assert joblib.hash(model) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: [[None] * len(x) for x in X], "every label is None or NaN"),
        (lambda X: [None if i == 4 else "a" for i in range(30)], "None for sequence 4"),
        (lambda X: [np.where(x[:, 0] > 0, np.inf, 1.0) for x in X], "infinity in sequence"),
    ],
)
def test_more_refusals_of_a_classifier(change, message):
    X, _ = data()
    with pytest.raises(ValueError, match=message):
        LSTMClassifier.as_published(**FAST).fit(X, change(X))


def test_classes_may_be_a_set_but_hold_no_nan():
    X, y = data()
    model = LSTMClassifier.as_published(**FAST).partial_fit(X, y, classes={0, 1})
    assert list(model.classes_) == [0, 1]
    with pytest.raises(ValueError, match="NaN"):
        LSTMClassifier.as_published(**FAST).partial_fit(X, y, classes=[0, 1, np.nan])


def test_a_table_names_the_sequence_and_the_step_of_a_nan():
    table = np.ones((5, 6))
    table[3, 5] = np.nan
    with pytest.raises(ValueError, match="X contains NaN in sequence 3, step 2"):
        LSTMRegressor.as_published(n_channels=2, **FAST).fit(table, np.ones(5))


def test_a_table_may_follow_ragged_sequences():
    X, y = data(n_features=2)
    table = np.random.default_rng(0).uniform(-1, 1, (4, 6))
    model = LSTMClassifier.as_published(n_channels=2, **FAST).fit(X, y)
    assert (model.predict(table) == model.predict(table.reshape(4, 3, 2))).all()
    with pytest.raises(ValueError, match="X has 3 features per step, but LSTMClassifier"):
        model.set_params(n_channels=3).predict(table)


def test_outputs_that_overflow_are_an_error():
    X, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    model.weights_ = model.weights_ * np.inf
    with pytest.raises(ValueError, match="an output is not finite"):
        model.predict(X)


def test_a_net_grows_when_its_loss_stops_falling():
    rng = np.random.default_rng(0)
    X = [rng.uniform(-1, 1, (5, 2)) for _ in range(50)]
    y = np.array([x[0, 0] for x in X])
    grown = LSTMRegressor.as_published(
        n_blocks=3, initial_blocks=0, shortcut=True, growth_patience=100,
        input_gate_bias=[-1, -2, -3], learning_rate=0.1, max_iter=150, tol=None, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert grown.topology_.n_blocks == 3
    assert grown.weights_.shape == (grown.topology_.n_weights,)
    first = LSTMRegressor.as_published(n_blocks=3, initial_blocks=0, shortcut=True, **FAST).fit(
        X, y
    )
    assert first.topology_.n_blocks == 0
    assert grown.score(X, y) > first.score(X, y) + 0.3
    with pytest.raises(ValueError, match="initial_blocks=0 leaves the outputs without inputs"):
        LSTMRegressor.as_published(initial_blocks=0).fit(X, y)


def test_stepped_slices_are_sequences_too():
    X, y = data()
    whole = Sequences.from_list(X)
    model = LSTMClassifier.as_published(**FAST).fit(whole, y)
    assert (model.predict(whole[::-2]) == model.predict(X[::-2])).all()
    other = LSTMClassifier.as_published(random_state=0).partial_fit(X[::2], y[::2], classes=[0, 1])
    again = LSTMClassifier.as_published(random_state=0).partial_fit(
        whole[::2], y[::2], classes=[0, 1]
    )
    assert (other.weights_ == again.weights_).all()


def test_switches_and_sizes_may_be_numpys():
    X, y = data()
    sizes = {"n_blocks": 20, "n_hidden": 2, "recurrence": "cells", "input_gate": True}
    model = LSTMClassifier.as_published(**sizes, **FAST).fit(X, y)
    sizes |= {"n_blocks": np.int8(20), "n_hidden": np.uint8(2), "input_gate": np.True_}
    other = LSTMClassifier.as_published(**sizes, output_gate=np.True_, **FAST).fit(X, y)
    assert (model.weights_ == other.weights_).all()


def test_training_cannot_start_from_weights_that_are_not_finite():
    X, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    model.weights_[0] = np.nan
    with pytest.raises(ValueError, match="weights_ are not finite"):
        model.partial_fit(X, y)


def test_score_takes_the_targets_that_fit_takes():
    X, y = data()
    model = LSTMClassifier.as_published(**FAST).fit(X, y.astype(object))
    assert model.score(X, y.astype(object)) == model.score(X, y)
    with pytest.raises(ValueError, match="targets for the last step"):
        model.score(X, [[label] for label in y])


@pytest.mark.parametrize(
    ("Estimator", "change", "error", "message"),
    [
        (LSTMClassifier, lambda X, y: (X, [[0, "0", *([1] * (len(x) - 2))] for x in X]),
         TypeError, "y mixes strings"),
        (LSTMRegressor, lambda X, y: (X, [np.full(len(x), np.nan) for x in X]),
         ValueError, "every number is NaN"),
        (LSTMRegressor, lambda X, y: (X, np.ma.masked_array(y, y == 0)), ValueError, "masked"),
        (LSTMClassifier, lambda X, y: (X, np.ma.masked_array(y, y == 0)), ValueError, "masked"),
        (LSTMClassifier, lambda X, y: (np.array([["1.5"]] * 30, dtype=object), y),
         TypeError, "X must hold numbers"),
        (LSTMClassifier, lambda X, y: (pd.DataFrame({"a": ["1"] * 30}), y),
         TypeError, "X must hold numbers"),
        (LSTMClassifier, lambda X, y: (np.zeros((30, 1), dtype="datetime64[s]"), y),
         TypeError, "X must hold numbers"),
    ],
)  # fmt: skip
def test_further_refusals(Estimator, change, error, message):
    X, y = data()
    model = Estimator.as_published(**FAST).fit(X, y)
    before = joblib.hash(model)
    with pytest.raises(error, match=message):
        model.set_params(n_channels=None).fit(*change(X, y))
    assert joblib.hash(model) == before


# ---- found by generated input --------------------------------------------------------------------

from_1_9 = pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9),
    reason="scikit-learn refuses this, and only from 1.9 on",
)


@pytest.mark.parametrize(
    "X", [None, 3.0, np.array(1.0), [1.0, 2.0], np.ones(3), pd.Series([1.0, 2.0]), pd.DataFrame(),
          [[1.0], [2.0, 3.0]], [1.0, [2.0]],
          pytest.param(pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), marks=from_1_9)]
)  # fmt: skip
@pytest.mark.parametrize("entry", ["fit", "predict"])
def test_arrays_that_are_not_tables_are_refused_by_name(X, entry):
    sequences, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(sequences, y)
    before = joblib.hash(model)
    with pytest.raises((TypeError, ValueError), match=r"\bX\b"):
        model.fit(X, y) if entry == "fit" else model.predict(X)
    assert joblib.hash(model) == before


BROKEN = sparse.csr_array(np.eye(2))
BROKEN.indices = np.array([0, 10**6], dtype=np.int32)


@pytest.mark.parametrize(
    ("Estimator", "y", "message"),
    [
        (LSTMRegressor, 3.0, "y must be 1-D or 2-D"),
        (LSTMRegressor, {"a": 1}, "y must be 1-D or 2-D"),
        (LSTMRegressor, [1.0, [2.0]], "y: setting an array element"),
        (LSTMRegressor, [np.ma.masked, 1.0], "y holds masked values"),
        (LSTMRegressor, [BROKEN, BROKEN], r"y\[0\] is not a valid CSR matrix"),
        (LSTMClassifier, [BROKEN, BROKEN], r"y\[0\] is not a valid CSR matrix"),
        (LSTMClassifier, BROKEN, "Sparse data was passed for y"),
        (LSTMClassifier, np.zeros(2, dtype="V8"), "y must hold labels, but its dtype is"),
        (LSTMClassifier, [1.0, 1e300], "y: Unknown label type: continuous"),
        (LSTMClassifier, [1.5, 2.5], "y: Unknown label type: continuous"),
        (LSTMClassifier, [np.array([2**63] * 2, "u8"), np.array([-1] * 2)], "y holds 92233720368"),
        (LSTMClassifier, [np.array([2**53 + 1] * 2), np.ones(2)], "y holds 9007199254740993, wh"),
    ],
)
def test_targets_are_refused_by_name(Estimator, y, message):
    X = [np.ones((2, 1)), np.ones((2, 1))]
    with pytest.raises((TypeError, ValueError), match=message):
        Estimator.as_published(**FAST).fit(X, y)


def test_labels_of_several_types_are_what_they_were():
    X = [np.ones((2, 1)), np.ones((2, 1))]
    large = 2**53 + 1
    y = [np.array([large, 3], "u8"), np.array([-1, 2], "i8")]
    classes = LSTMClassifier.as_published(**FAST).fit(X, y).classes_
    assert classes.tolist() == [-1, 2, 3, large]
    assert classes.dtype == np.int64


@pytest.mark.parametrize(
    ("Estimator", "y", "message"),
    [
        (LSTMClassifier, lambda y: np.ma.masked_array(y, y == 0), "y holds masked values"),
        (LSTMRegressor, lambda y: np.ma.masked_array(y, y == 0), "y holds masked values"),
        (
            LSTMClassifier,
            lambda y: y[1:],
            "inconsistent numbers of samples: X has 30 sequences, y has 29",
        ),
        pytest.param(
            LSTMClassifier, lambda y: ["a"] * len(y), "y: Mix of label input types", marks=from_1_9
        ),
        (LSTMClassifier, lambda y: [1.0, [2.0]], "y: setting an array element"),
        (LSTMRegressor, lambda y: ["1"] * len(y), "y must hold numbers, but its dtype is <U1"),
        (LSTMRegressor, lambda y: y + np.nan, "Input y contains NaN"),
    ],
)
def test_score_refuses_targets_by_name(Estimator, y, message):
    X, right = data()
    model = Estimator.as_published(**FAST).fit(X, right)
    with pytest.raises((TypeError, ValueError), match=message):
        model.score(X, y(right))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (3, "classes: 'int' object is not iterable"),
        ([[0], [1, 2]], "classes: "),
        ([0, "1"], "classes mixes strings with other labels"),
        ([0, None], "Input classes contains None for sequence 1"),
        (np.ma.masked_array([0, 1], [True, False]), "classes holds masked values"),
        ([], "classes"),
    ],
)
def test_classes_are_refused_by_name(classes, message):
    X, y = data()
    with pytest.raises((TypeError, ValueError), match=message):
        LSTMClassifier.as_published().partial_fit(X, y, classes=classes)


def test_a_held_out_part_that_is_too_small_is_refused_by_name():
    with pytest.raises(ValueError, match=r"validation_fraction: With n_samples=1"):
        LSTMRegressor.as_published(early_stopping=True).fit([np.ones((2, 1))], [1.0])


def test_parameters_may_be_float32():
    X, y = data()
    small = LSTMRegressor.as_published(
        init_scale=np.float32(0.5), learning_rate=np.float32(0.25), **FAST
    )
    large = LSTMRegressor.as_published(init_scale=0.5, learning_rate=0.25, **FAST)
    assert (small.fit(X, y).weights_ == large.fit(X, y).weights_).all()


# ---- found by a reader ---------------------------------------------------------------------------


def frames(X, columns):
    return [pd.DataFrame(x, columns=columns) for x in X]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_columns_of_data_frames_keep_their_names():
    X, y = data()
    names = ["a", "b", "c"][: X[0].shape[1]]
    model = LSTMRegressor.as_published(**FAST).fit(frames(X, names), y)
    assert list(model.feature_names_in_) == names
    np.testing.assert_array_equal(model.predict(frames(X, names)), model.predict(X))
    before = joblib.hash(model)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frames(X, names[::-1]))
    mixed = [*frames(X[:2], names), *frames(X[2:], names[::-1])]
    for call in (lambda: model.fit(mixed, y), lambda: model.predict(mixed)):
        with pytest.raises(ValueError, match=r"the columns of X\[2\] differ from those of X\[0\]"):
            call()
    assert joblib.hash(model) == before
    assert not hasattr(model.fit(X, y), "feature_names_in_")


def test_one_sequence_is_not_a_table_of_sequences():
    X, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    before = joblib.hash(model)
    for call in (model.predict, model.trace, lambda x: model.score(x, np.ones(len(x)))):
        with pytest.raises(ValueError, match="fitted on sequences: pass a single sequence as"):
            call(X[0])
    assert joblib.hash(model) == before
    assert len(model.predict([X[0]])) == 1
    table = np.ones((3, 2 * X[0].shape[1]))
    assert len(model.set_params(n_channels=X[0].shape[1]).predict(table)) == 3


@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
def test_predictions_can_be_scored(Estimator):
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(7, 4, 2)), [rng.integers(0, 3, 4) for _ in range(7)]
    model = Estimator.as_published(**FAST).fit(X, y)
    assert model.score(X, model.predict(X)) == 1.0


def test_errors_whose_squares_overflow_have_a_score():
    X, _ = data()
    y = np.linspace(-1.0, 1.0, len(X))
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    model.weights_ = np.sign(model.weights_) * 1e200
    assert model.score(X, y) == -np.inf
    with pytest.raises(ValueError, match="squares of y overflow"):
        model.score(X, 1e200 * y)


# ---- parameters that have no effect --------------------------------------------------------------

WITHOUT_EFFECT = [
    (LSTMRegressor, {"momentum": 0.5}, "momentum=0.5 has no effect with batch_size=None"),
    (LSTMRegressor, {"momentum": 0.0}, "momentum=0.0 has no effect with batch_size=None"),
    (LSTMRegressor, {"dtype": "float32"}, "dtype='float32' has no effect with batch_size=None"),
    (
        LSTMRegressor,
        {"momentum": 0.5, "solver": "adam", "batch_size": 4},
        "momentum=0.5 has no effect with solver='adam'",
    ),
    (
        LSTMRegressor,
        {"momentum": 0.5, "solver": "adam"},
        "momentum=0.5 has no effect with batch_size=None",
    ),
    (
        LSTMRegressor,
        {"update": "sequence", "batch_size": 4},
        "update='sequence' has no effect with batch_size=4: change batch_size, or leave update",
    ),
    (
        LSTMRegressor,
        {"update": "step", "gradient": "full"},
        "update='step' cannot be combined with gradient='full'",
    ),
    (LSTMRegressor, {"growth_patience": 10}, "growth_patience=10 .* initial_blocks=None"),
    (LSTMRegressor, {"validation_fraction": 0.1}, "validation_fraction=0.1 .* early_stopping=F"),
    (LSTMRegressor, {"n_iter_no_change": 3, "tol": None}, "n_iter_no_change=3 .* tol=None"),
    (
        LSTMRegressor,
        {"input_gate": False, "input_gate_bias": [-1.0, -2.0]},
        r"input_gate_bias=\[-1.0, -2.0\] .* input_gate=False: change input_gate, or leave",
    ),
    (LSTMRegressor, {"output_gate": False, "output_gate_bias": 1}, "output_gate_bias=1 .*gate=F"),
    *(
        (
            LSTMRegressor,
            {"forget_gate_bias": bias},
            "forget_gate_bias=.* has no effect with forget_gate=False: change forget_gate, or",
        )
        for bias in (2.0, "random", [1.0, 1.0], [1.0, 2.0, 3.0])
    ),
    (RTRLRegressor, {"recurrent_outputs": True, "shortcut": True}, "shortcut=True .*outputs=True"),
    (
        RTRLRegressor,
        {"recurrent_outputs": True, "output_bias": False},
        "output_bias=False has no effect with recurrent_outputs=True",
    ),
    (SequenceChunkerRegressor, {"validation_fraction": 0.1}, "validation_fraction=0.1 .*stop"),
]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("Estimator", "params", "message"), WITHOUT_EFFECT)
def test_a_parameter_without_an_effect_is_refused(Estimator, params, message, method):
    X, y = data()
    model = clone(
        Estimator.as_published(**{"max_iter": 2, "tol": None, **params})
    )  # which does not complain
    before = joblib.hash(model)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X, y)
    assert joblib.hash(model) == before


@pytest.mark.filterwarnings("ignore:nothing was learned")
@pytest.mark.parametrize(
    ("Estimator", "given", "same"),
    [
        (LSTMRegressor, {"batch_size": 4}, {"solver": "sgd", "momentum": 0.0, "dtype": "float64"}),
        (LSTMRegressor, {"batch_size": 4, "momentum": 0.0}, {"momentum": None}),
        (LSTMRegressor, {}, {"update": "step"}),
        (LSTMRegressor, {}, {"solver": "sgd"}),
        (LSTMRegressor, {"solver": "adam"}, {"update": "step"}),
        (LSTMRegressor, {"gradient": "full"}, {"update": "sequence"}),
        (LSTMRegressor, {"initial_blocks": 1}, {"growth_patience": 1000}),
        (LSTMRegressor, {"early_stopping": True}, {"validation_fraction": 0.1}),
        (LSTMRegressor, {"tol": 10.0, "max_iter": 30}, {"n_iter_no_change": 10}),
        (LSTMRegressor, {"input_gate": False}, {"input_gate_bias": "random", "shortcut": False}),
        (LSTMRegressor, {}, {"forget_gate_bias": 1}),
        (LSTMRegressor, {"forget_gate": True}, {"forget_gate_bias": [1.0, 1.0]}),
        (RTRLRegressor, {}, {"output_bias": True}),
        (RTRLRegressor, {"recurrent_outputs": True}, {"shortcut": np.False_}),
    ],
)
def test_a_parameter_that_is_not_set_has_its_usual_value(Estimator, given, same):
    X, y = data()
    params = {**FAST, **given}
    model = Estimator.as_published(**params).fit(X, y)
    other = Estimator.as_published(**{**params, **same}).fit(X, y)
    assert (model.weights_ == other.weights_).all()
    assert model.n_iter_ == other.n_iter_


def test_batches_of_one_are_not_on_line_learning():
    X, y = data()
    on_line, batches = (
        LSTMRegressor.as_published(**FAST).fit(X, y),
        LSTMRegressor.as_published(batch_size=1, **FAST),
    )
    assert not hasattr(on_line, "solver_state_")
    assert "velocity" in batches.fit(X, y).solver_state_
    assert np.allclose(on_line.weights_, batches.weights_)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_public_attributes_of_classes_are_parameters_or_methods(Estimator):
    public = {name for name in dir(Estimator) if not name.startswith("_")}
    others = {name for name in public if not callable(getattr(Estimator, name))}
    assert others <= set(inspect.signature(Estimator).parameters)


# ---- output and warnings -------------------------------------------------------------------------


@pytest.mark.parametrize("verbose", [True, 1, 2])
@pytest.mark.parametrize("Estimator", [LSTMRegressor, CascadeCorrelationRegressor])
def test_iterations_are_counted_across_fits(Estimator, verbose, capsys):
    X, y = data()
    params = FAST if Estimator is LSTMRegressor else {"max_iter": 3, "random_state": 0}
    model = Estimator.as_published(verbose=verbose, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.partial_fit(X, y).partial_fit(X, y)
        model.set_params(warm_start=True).fit(X, y)
        model.set_params(warm_start=False, max_iter=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    numbers = [line.split(",")[0] for line in lines]
    assert numbers == [f"Iteration {n}" for n in (1, 2, 3, 4, 5, 1)]


def test_verbose_may_be_zero_but_not_negative(capsys):
    X, y = data()
    LSTMRegressor.as_published(verbose=0, **FAST).fit(X, y)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="'verbose' parameter"):
        LSTMRegressor.as_published(verbose=-1).fit(X, y)


def call(method, *data):
    method(*data)


LINE_OF_CALL = call.__code__.co_firstlineno + 1


@pytest.mark.parametrize("Estimator", [LSTMRegressor, CascadeCorrelationRegressor, RTRLRegressor])
def test_warnings_point_at_the_line_that_calls(Estimator):
    X, y = data()
    model, table = Estimator.as_published(max_iter=2), np.zeros((4, 3))
    with pytest.warns(ConvergenceWarning, match="max_iter=2") as limit:
        call(model.fit, X, y)
    with pytest.warns(ConvergenceWarning, match="diverged") as diverged:
        call(model.partial_fit, X, np.full(len(y), 1e200))
    with pytest.warns(UserWarning, match="one step with 3 features") as one_step:
        call(clone(model).partial_fit, table, table[:, 0])
    for caught in (limit, diverged, one_step):
        assert [(each.filename, each.lineno) for each in caught] == [(__file__, LINE_OF_CALL)]


def test_warnings_point_behind_scikit_learns_callbacks():
    pytest.importorskip("sklearn.callback")
    X, y = data()
    callback = sklearn.callback.ScoringMonitor(scoring="r2")
    model = LSTMRegressor.as_published(max_iter=2).set_callbacks(callback)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    assert caught[0].filename == __file__


LOOP = """
import numpy as np
from lstm97 import LSTMRegressor
X = [np.ones((3, 1)), np.zeros((2, 1))]
for seed in range(3):
    LSTMRegressor.as_published(max_iter=2, random_state=seed).fit(X, [0.0, 1.0])
"""


def test_each_of_three_fits_in_a_loop_warns(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(LOOP, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stderr.count(f"{script}:6: ConvergenceWarning: max_iter=2 epochs reached") == 3


# ---- probabilities -------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 4])
def test_outputs_that_are_all_zero_are_equal_probabilities(batch_size):
    X, _ = data()
    y = np.arange(30) % 3
    model = LSTMClassifier.as_published(batch_size=batch_size, **FAST).fit(X, y)
    model.topology_.views(model.weights_)["output"][-1] = -1e4  # biases of the outputs
    assert (model.predict_proba(X) == 1 / 3).all()
    assert (model.stream().step(X[0][0]) == 1 / 3).all()
    assert set(model.predict(X)) <= {0, 1, 2}
