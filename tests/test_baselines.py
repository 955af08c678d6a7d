"""The baselines as estimators, on ragged data; the search over methods; LSTM by the full gradient.

The tests of their kernels check what they learn.
"""

import pickle

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline

from lstm97 import LSTMClassifier, LSTMRegressor, Sequences, estimators
from lstm97.data.targets import Targets
from lstm97.estimators import BPTTClassifier, BPTTRegressor, CascadeCorrelationClassifier
from lstm97.learning.loop import Training
from reference.cases import kernel_pass

ESTIMATORS = [
    getattr(estimators, name) for name in estimators.__all__ if not name.startswith("LSTM")
]
METHODS = ["LSTM", "Elman", "BPTT", "RTRL", "CascadeCorrelation", "SequenceChunker"]

every_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)
every_or_last = pytest.mark.parametrize("every", [False, True], ids=["last", "every"])


def make(Estimator, **params):
    """Return an estimator that fits at once, without a warning."""
    quick = {"max_iter": 3, "tol": None}
    if "Cascade" in Estimator.__name__:
        quick = {"max_hidden": 1, "n_candidates": 2, "max_phase_iter": 3}
    return Estimator.as_published(**{"random_state": 0, **quick, **params})


def data(Estimator, every, n=14, lengths=(1, 7), seed=0):
    """Ragged series; the target is the sign, or the value, of the sum so far."""
    rng = np.random.default_rng(seed)
    X = [rng.uniform(-1, 1, (rng.integers(*lengths), 2)).round(1) for _ in range(n)]
    sums = [np.cumsum(x[:, 0]) for x in X]
    if is_classifier(Estimator.as_published()):
        sums = [np.where(part > 0, "up", "down") for part in sums]
    return X, sums if every else np.array([part[-1] for part in sums])


def first(model, X, y):
    """Call partial_fit for the first time."""
    more = {"classes": ["down", "up"]} if is_classifier(model) else {}
    return model.partial_fit(X, y, **more)


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# ---- input and output ----------------------------------------------------------------------------


def test_each_is_there_for_classes_and_for_numbers():
    names = {cls.__name__ for cls in ESTIMATORS}
    kinds = "Classifier", "Regressor"
    methods = {name.removesuffix(kind) for kind in kinds for name in names if name.endswith(kind)}
    assert methods >= set(METHODS[1:])
    assert names == {method + kind for method in methods for kind in kinds}


@every_or_last
@every_estimator
def test_shapes(Estimator, every):
    X, y = data(Estimator, every)
    model = make(Estimator).fit(X, y)
    predicted = model.predict(X)
    assert predicted.shape == (14,)
    if every:
        assert [part.shape for part in predicted] == [(len(x),) for x in X]
    assert np.ndim(model.score(X, y)) == 0
    assert model.target_steps_ == ("every" if every else "last")
    assert model.weights_.ndim == 1
    assert (model.n_features_in_, len(model.loss_curve_)) == (2, model.n_iter_)
    if not is_classifier(model):
        two = [np.stack([part, -part], axis=-1) for part in y]
        predicted = model.fit(X, two if every else np.array(two)).predict(X)
        widths = [part.shape for part in predicted]
        assert widths == [(len(x), 2) if every else (2,) for x in X]
        return
    assert list(model.classes_) == ["down", "up"]
    proba = model.predict_proba(X)
    assert [p.shape for p in proba] == [(len(x), 2) if every else (2,) for x in X]
    labels = np.array(["down", "up"])
    for part, chosen in zip(proba, predicted, strict=True):
        assert np.allclose(part.sum(axis=-1), 1.0)
        assert np.array_equal(labels[part.argmax(axis=-1)], chosen)


@every_or_last
@every_estimator
def test_scores_are_those_of_the_predictions(Estimator, every):
    X, y = data(Estimator, every)
    model = make(Estimator).fit(X, y)
    flat = (lambda parts: np.concatenate(list(parts))) if every else np.asarray
    true, predicted = flat(y), flat(model.predict(X))
    if is_classifier(model):
        expected = np.mean(true == predicted)
    else:
        expected = 1 - np.sum((true - predicted) ** 2) / np.sum((true - true.mean()) ** 2)
    assert model.score(X, y) == pytest.approx(expected)


@every_or_last
@every_estimator
def test_all_forms_of_ragged_input_are_one(Estimator, every):
    X, y = data(Estimator, every)
    model = make(Estimator).fit(X, y)
    padded = Sequences.from_list(X).to_padded()
    for form in (Sequences.from_list(X), tuple(X), Sequences.from_padded(padded),
                 [sparse.csr_array(x) for x in X]):  # fmt: skip
        other = clone(model).fit(form, y)
        assert (other.weights_ == model.weights_).all()
        assert equal(model.predict(form), model.predict(X))
        assert model.score(form, y) == model.score(X, y)


@every_or_last
@every_estimator
def test_equal_lengths_may_come_as_one_array(Estimator, every):
    X, y = data(Estimator, every, lengths=(5, 6))
    model = make(Estimator).fit(X, y)
    cube = np.array(X)
    other = clone(model).fit(cube, y)
    assert (other.weights_ == model.weights_).all()
    predicted = model.predict(cube)
    assert predicted.shape == ((14, 5) if every else (14,))
    assert equal(predicted, model.predict(X))
    table = cube.reshape(14, 10)
    other = clone(model).set_params(n_channels=2).fit(table, y)
    assert equal(other.predict(table), model.predict(X))


# ---- learning ------------------------------------------------------------------------------------


@every_or_last
@every_estimator
def test_pickles_predict_and_learn_the_same(Estimator, every):
    X, y = data(Estimator, every)
    model = make(Estimator).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert joblib.hash(copy) == joblib.hash(model)
    assert equal(copy.predict(X), model.predict(X))
    before = model.weights_.copy()
    for _ in range(12):
        model.partial_fit(X, y)
        copy = pickle.loads(pickle.dumps(copy)).partial_fit(X, y)
    assert (copy.weights_ == model.weights_).all()
    assert not np.array_equal(model.weights_, before)


@every_or_last
@every_estimator
def test_partial_fit_repeats(Estimator, every):
    X, y = data(Estimator, every)
    models = [first(make(Estimator, random_state=seed), X, y) for seed in (0, 0, 1)]
    for model in models:
        for _ in range(12):  # so that cascade correlation has a hidden unit
            model.partial_fit(X, y)
        assert model.n_iter_ == len(model.loss_curve_) == 13
    assert (models[0].weights_ == models[1].weights_).all()
    assert (models[0].weights_ != models[2].weights_).any()
    assert models[0].loss_curve_ == models[1].loss_curve_


@every_or_last
@every_estimator
def test_fit_starts_anew(Estimator, every):
    X, y = data(Estimator, every)
    model = make(Estimator).fit(X, y)
    before = joblib.hash(model)
    model.partial_fit(X, y)
    assert joblib.hash(model) != before
    assert joblib.hash(model.fit(X, y)) == before


# ---- refusals and interrupts ---------------------------------------------------------------------


def with_nan(X):
    """Return X with NaN in the last step of the first sequence of at least three steps."""
    place = next(i for i, x in enumerate(X) if len(x) > 2)
    X = [x.copy() for x in X]
    X[place][-1, 1] = np.nan
    return X, f"X contains NaN in sequence {place}, step {len(X[place]) - 1}"


def refused(X, y, every):
    """Yield X, y and the message."""
    bad, message = with_nan(X)
    yield bad, y, message
    yield [*X[:3], X[3][:, :1], *X[4:]], y, r"X\[3\] has 1 features"
    yield X, y[:-1], "14 sequences, (but )?y has 13"
    if every:
        yield X, [*y[:4], np.repeat(y[4], 2), *y[5:]], r"y\[4\] has \d+ targets, but X\[4\] has \d"


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@every_or_last
@every_estimator
def test_refused_input_changes_nothing(Estimator, every, method):
    X, y = data(Estimator, every)
    model = make(Estimator).fit(X, y)
    before = joblib.hash(model)
    for bad_X, bad_y, message in refused(X, y, every):
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(bad_X, bad_y)
        assert joblib.hash(model) == before
    narrow = [x[:, :1] for x in X]
    with pytest.raises(ValueError, match="X has 1 features per step"):
        model.partial_fit(narrow, y)
    with pytest.raises(ValueError, match="X has 1 features per step"):
        model.predict(narrow)
    with pytest.raises(ValueError, match=with_nan(X)[1]):
        model.predict(with_nan(X)[0])
    assert joblib.hash(model) == before


@every_estimator
def test_a_refused_first_call_leaves_nothing_behind(Estimator):
    X, y = data(Estimator, every=True)
    model = make(Estimator)
    before = joblib.hash(model)
    for bad_X, bad_y, message in refused(X, y, every=True):
        with pytest.raises(ValueError, match=message):
            model.fit(bad_X, bad_y)
        with pytest.raises(ValueError, match=message):
            first(model, bad_X, bad_y)
    assert joblib.hash(model) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@every_or_last
@every_estimator
def test_an_interrupted_call_changes_nothing(Estimator, every, method, monkeypatch):
    X, y = data(Estimator, every)
    model = make(Estimator).fit(X, y)
    before = joblib.hash(model)
    learned = []

    def interrupted(training, X, y):
        """Interrupt when the first chunk has been learned."""
        start = joblib.hash(training.learner.snapshot())
        training.learner.learn(X, y)
        learned.append(joblib.hash(training.learner.snapshot()) != start)
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        getattr(model, method)(X, y)
    assert learned == [True]
    assert joblib.hash(model) == before


# ---- the search over methods ---------------------------------------------------------------------

GRIDS = {
    "LSTM": {"n_blocks": [1, 2], "gradient": ["truncated", "full"]},
    "Elman": {"n_hidden": [2, 3]},
    "BPTT": {"n_hidden": [2], "init_scale": [0.1, 0.5]},
    "RTRL": {"recurrent_outputs": [False, True]},
    "CascadeCorrelation": {"n_candidates": [1, 2]},
    "SequenceChunker": {"predict_inputs": [False, True]},
}


@every_or_last
@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_a_search_over_methods(kind, every):
    classes = {"LSTM": {"Classifier": LSTMClassifier, "Regressor": LSTMRegressor}[kind]}
    classes |= {method: getattr(estimators, method + kind) for method in METHODS[1:]}
    grid = [
        {"model": [make(classes[method])], **{f"model__{k}": v for k, v in params.items()}}
        for method, params in GRIDS.items()
    ]
    X, y = data(classes["LSTM"], every, n=24)
    pipeline = Pipeline([("before", "passthrough"), ("model", make(classes["LSTM"]))])
    searches = [
        GridSearchCV(pipeline, grid, cv=KFold(2), n_jobs=1).fit(form, y)
        for form in (X, Sequences.from_list(X))
    ]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    assert len(scores[0]) == 14
    assert np.array_equal(*scores)
    assert np.isfinite(scores[0]).all()
    assert len(set(scores[0])) > 2
    for search in searches:
        chosen = search.best_estimator_["model"]
        assert type(chosen) is type(search.best_params_["model"])
        assert equal(search.predict(X), chosen.predict(X))
    assert [type(p["model"]) for p in searches[0].cv_results_["params"][::4]] == [
        classes[method] for method in ("LSTM", "Elman", "RTRL", "SequenceChunker")
    ]
    # Each candidate is scored as it would be alone.
    for params, score in zip(searches[0].cv_results_["params"], scores[0], strict=True):
        model = clone(params["model"])
        model.set_params(**{k.removeprefix("model__"): v for k, v in params.items() if "__" in k})
        assert cross_val_score(model, X, y, cv=KFold(2)).mean() == score


# ---- LSTM by the full gradient -------------------------------------------------------------------

both_kinds = pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])


@every_or_last
@both_kinds
def test_the_full_gradient_moves_other_weights(Estimator, every):
    X, y = data(Estimator, every)
    models = [make(Estimator, gradient=g).fit(X, y) for g in ("truncated", "full", "full")]
    assert (models[0].weights_ != models[1].weights_).any()
    assert (models[1].weights_ == models[2].weights_).all()
    assert models[0].loss_curve_[0] != models[1].loss_curve_[0]


@every_or_last
@both_kinds
def test_a_step_of_the_full_gradient(Estimator, every):
    """One sequence moves the weights by the rate times the kernel's descent direction."""
    X, y = data(Estimator, every, lengths=(5, 9))
    model = make(Estimator, gradient="full", learning_rate=0.3, init_scale=0.5).fit(X, y)
    before = model.weights_.copy()
    model.partial_fit(X[:1], y[:1])
    sequence = Sequences.from_list(X[:1])
    target = np.atleast_1d(y[0])
    if is_classifier(model):
        target = target[:, None] == model.classes_
    rows = np.asarray(target, dtype=float).reshape(len(target), -1)
    targets = Targets.at_steps(rows, sequence.lengths) if every else Targets.at_last(rows)
    steps = {
        form: 0.3 * kernel_pass(model.topology_, before, sequence, targets, form=form)[1]
        for form in ("full-backward", "truncated-backward")
    }
    assert np.allclose(model.weights_ - before, steps["full-backward"], rtol=1e-9, atol=1e-14)
    assert not np.allclose(model.weights_ - before, steps["truncated-backward"], rtol=1e-3)


@every_or_last
@both_kinds
def test_a_net_without_cells_is_trained_as_bptt_does(Estimator, every):
    X, y = data(Estimator, every)
    cells = {"initial_blocks": 0, "growth_patience": 10**9}
    model = make(Estimator, gradient="full", n_hidden=3, init_scale=0.5, **cells).fit(X, y)
    other = {LSTMClassifier: BPTTClassifier, LSTMRegressor: BPTTRegressor}[Estimator]
    assert (model.weights_ == make(other, n_hidden=3).fit(X, y).weights_).all()
    truncated = make(Estimator, n_hidden=3, init_scale=0.5, **cells).fit(X, y)
    assert (model.weights_ != truncated.weights_).any()


@both_kinds
def test_update_is_for_the_truncated_gradient(Estimator):
    X, y = data(Estimator, every=True)
    step, sequence = (make(Estimator, update=update).fit(X, y) for update in ("step", "sequence"))
    assert (step.weights_ != sequence.weights_).any()
    assert (step.weights_ == make(Estimator).fit(X, y).weights_).all()
    full = make(Estimator, gradient="full", update="sequence").fit(X, y)
    assert (full.weights_ == make(Estimator, gradient="full").fit(X, y).weights_).all()
    with pytest.raises(ValueError, match="update='step' cannot be combined with gradient='full'"):
        make(Estimator, gradient="full", update="step").fit(X, y)


@every_or_last
@both_kinds
def test_partial_fit_by_the_full_gradient(Estimator, every):
    X, y = data(Estimator, every)
    whole = first(make(Estimator, gradient="full"), X, y)
    pieces = first(make(Estimator, gradient="full"), X[:5], y[:5])
    pieces = pickle.loads(pickle.dumps(pieces)).partial_fit(X[5:], y[5:])
    assert (whole.weights_ == pieces.weights_).all()
    assert (whole.weights_ != first(make(Estimator), X, y).weights_).any()
    assert whole.score(X, y) == pieces.score(X, y)


def test_an_unknown_gradient_is_refused():
    X, y = data(LSTMClassifier, False)
    with pytest.raises(ValueError, match="'gradient' parameter"):
        LSTMClassifier.as_published(gradient="half").fit(X, y)


def test_a_cascade_of_these_tests_has_a_hidden_unit():
    X, y = data(CascadeCorrelationClassifier, True)
    assert make(CascadeCorrelationClassifier).fit(X, y).topology_.n_hidden == 1
