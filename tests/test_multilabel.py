"""Targets of several labels: the net is that of as many numbers, read as 0 or 1 for each."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, classification_report, f1_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lstm97
from lstm97 import (
    CarouselDisplay,
    ElmanClassifier,
    LSTMClassifier,
    LSTMRegressor,
    RTRLClassifier,
    StepwiseTransformer,
    diagnose,
    gradient_report,
)
from lstm97.data.targets import is_indicator
from lstm97.metrics import flatten, make_step_scorer
from lstm97.river import RiverClassifier, RiverRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CLASSIFIERS = [getattr(lstm97, name) for name in lstm97.__all__ if name.endswith("Classifier")]
FAST = {"max_iter": 3, "random_state": 0}
N, N_LABELS = 20, 3


def data(seed=0, n_labels=N_LABELS, lengths=(2, 9)):
    """Series, whose labels say of each of their first columns whether its sum is positive."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(n, n_labels)) for n in rng.integers(*lengths, size=N)]
    steps = [(x.cumsum(axis=0) > 0).astype(int) for x in X]
    return X, np.array([part[-1] for part in steps]), steps


FORMS = {
    "integers": lambda y: y,
    "floats": lambda y: y.astype(float),
    "truths": lambda y: y.astype(bool),
    "objects": lambda y: y.astype(object),
    "frame": lambda y: pd.DataFrame(y, columns=["a", "b", "c"]),
    "Fortran": np.asfortranarray,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("Classifier", CLASSIFIERS)
def test_the_net_is_that_of_as_many_numbers(Classifier, form):
    X, last, steps = data()
    Regressor = getattr(lstm97, Classifier.__name__.replace("Classifier", "Regressor"))
    has_twin = "Chunker" not in Classifier.__name__  # a chunker's numbers are linear
    settings = {**FAST, "loss": "log_loss", "output_activation": "logistic"} if has_twin else FAST
    model = Classifier(**settings)
    for plain, y in ((last, FORMS[form](last)), (steps, [FORMS[form](part) for part in steps])):
        model.fit(X, y)
        assert (model.target_ndim_, model.classes_.tolist()) == (2, [0, 1, 2])
        proba, labels = model.predict_proba(X), model.predict(X)
        if has_twin:
            twin = Regressor(**settings).fit(X, plain)
            assert (twin.weights_ == model.weights_).all()
            for a, b in zip(twin.predict(X), proba, strict=True):
                np.testing.assert_array_equal(a, b)
        for part, whole in zip(labels, proba, strict=True):
            assert part.dtype.kind == "i"
            np.testing.assert_array_equal(part, np.greater(whole, 0.5))
    flat, rows = flatten(y, labels)
    assert model.score(X, y) == np.mean((flat == rows).all(axis=1))


def test_several_motifs_are_found_in_a_pipeline():
    """The net of three labels is as good as one net for each label."""
    rng = np.random.default_rng(0)
    X, Y = [], rng.integers(2, size=(400, 3))
    motifs = 2.0 * np.array([[1, 1, -1, -1], [1, -1, 1, -1], [-1, -1, 1, 1]])
    for labels in Y:
        x = rng.normal(size=(rng.integers(20, 40), 3)) * 0.3
        for k in np.flatnonzero(labels):
            step = rng.integers(len(x) - 3)
            x[step : step + 4, k] += motifs[k]
        X.append(100.0 * x)
    net = LSTMClassifier(n_blocks=8, random_state=0)
    scores = []
    for model in (net, OneVsRestClassifier(net)):
        model = make_pipeline(StepwiseTransformer(StandardScaler()), model).fit(X[:250], Y[:250])
        predicted = model.predict(X[250:])
        scores.append(f1_score(Y[250:], predicted, average="micro"))
        assert model.score(X[250:], Y[250:]) == accuracy_score(Y[250:], predicted)
        assert "macro avg" in classification_report(Y[250:], predicted, zero_division=0.0)
    assert min(scores) >= 0.95


def test_model_selection_with_several_labels():
    X, last, steps = data()
    model = ElmanClassifier.as_published(**FAST, loss="log_loss")
    scores = cross_validate(model, X, last, cv=3, scoring=["f1_micro", "accuracy"])
    assert np.isfinite(scores["test_f1_micro"]).all()
    proba = cross_val_predict(model, X, last, cv=3, method="predict_proba")
    labels = cross_val_predict(model, X, last, cv=3)
    np.testing.assert_array_equal(labels, proba > 0.5)
    scorer = make_step_scorer(f1_score, average="micro")
    search = GridSearchCV(model, {"n_hidden": [2, 3]}, scoring=scorer, cv=2, error_score="raise")
    assert np.isfinite(search.fit(X, steps).best_score_)
    two = [part[:, :2] for part in steps]
    scorer = make_step_scorer(lambda y, p: p.shape[1], response_method="predict_proba")
    assert scorer(clone(model).fit(X, two), X, two) == 2


def test_steps_without_labels_are_left_out():
    X, _, steps = data()
    some = [part.astype(float) for part in steps]
    for part in some:
        part[0] = np.nan
    model = LSTMClassifier.as_published(**FAST).fit(X, some)
    weight = [np.r_[0.0, np.ones(len(part) - 1)] for part in some]
    weighted = LSTMClassifier.as_published(**FAST).fit(X, steps, sample_weight=weight)
    np.testing.assert_array_equal(model.weights_, weighted.weights_)
    assert model.score(X, some) == weighted.score(X, steps, sample_weight=weight)


@given(st.data())
def test_what_is_an_indicator(draws):
    n, k = draws.draw(st.integers(1, 4)), draws.draw(st.integers(1, 4))
    values = st.sampled_from([0, 1, 2, -1, 0.5, np.nan, np.inf])
    rows = draws.draw(st.lists(st.lists(values, min_size=k, max_size=k), min_size=n, max_size=n))
    is_one = k > 1 and all(
        all(v in (0, 1) for v in row) or all(v != v for v in row) for row in rows
    )
    for dtype in (float, object):
        assert is_indicator(np.array(rows, dtype=dtype)) == is_one


def test_partial_fit_and_warm_start_go_on_with_the_same_labels():
    X, last, _ = data()
    model = LSTMClassifier.as_published(**FAST)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, last)
    with pytest.raises(ValueError, match=r"classes=\[0, 1\] must be range\(3\), the columns of y"):
        model.partial_fit(X, last, classes=[0, 1])
    model.partial_fit(X, last, classes=range(3)).partial_fit(X, last)
    before = pickle.dumps(model)
    for shape, message in {
        (2, 2): "y has 2 labels, expected 3",
        (2, 4): "y has 4 labels, expected 3",
        (2,): "y must be an indicator matrix, with 0 or 1 for each label, as in fit",
    }.items():
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X[:2], np.ones(shape, dtype=int))
    assert pickle.dumps(model) == before
    classes = LSTMClassifier.as_published(**FAST, warm_start=True).fit(X, last[:, 0])
    with pytest.raises(
        ValueError, match="y is an indicator matrix, but it had one label per target"
    ):
        classes.fit(X, last)
    ten = LSTMClassifier.as_published(max_iter=6, tol=None, random_state=0).fit(X, last)
    again = LSTMClassifier.as_published(max_iter=3, tol=None, random_state=0, warm_start=True)
    np.testing.assert_array_equal(again.fit(X, last).fit(X, last).weights_, ten.weights_)
    assert again.set_params(warm_start=False).fit(X, last[:, 0]).target_ndim_ == 1


def test_early_stopping_scores_whole_rows():
    X, last, steps = data()
    settings = {**FAST, "early_stopping": True, "validation_fraction": 0.4, "max_iter": 2}
    for y in (last, steps):
        model = LSTMClassifier.as_published(**settings).fit(X, y)
        assert 0.0 <= model.best_validation_score_ <= 1.0


@pytest.mark.parametrize(
    ("parameters", "change", "message"),
    [
        ({"class_weight": "balanced"}, lambda y: y, "class_weight needs one label per target"),
        ({"class_weight": {0: 2.0}}, lambda y: y, "class_weight needs one label per target"),
        ({"output_activation": "softmax"}, lambda y: y, "'softmax' allows one label per target"),
        ({}, lambda y: 2 * y, "y should be a 1d array.*0 or 1 for each"),
        ({}, lambda y: np.where(y, "a", "b"), "y should be a 1d array.*0 or 1 for each"),
        ({}, lambda y: np.where(y, 1.0, np.nan), "y should be a 1d array"),
        ({}, lambda y: np.r_[[[np.nan] * 3], y[1:]], "Input y contains NaN for sequence 0"),
    ],
)
def test_what_cannot_be_learned_is_refused(parameters, change, message):
    X, last, _ = data()
    with pytest.raises(ValueError, match=message):
        LSTMClassifier.as_published(**FAST, **parameters).fit(X, change(last))


def test_scores_of_other_labels_are_refused():
    X, last, steps = data()
    model = LSTMClassifier.as_published(**FAST).fit(X, last)
    for y in (last[:, :2], 2 * last, last[:, 0]):
        with pytest.raises(ValueError, match="y must hold 0 or 1 for each of the 3 labels"):
            model.score(X, y)
    with pytest.raises(ValueError, match="for the last step"):
        model.score(X, steps)


def test_labels_of_sequences_as_long_as_there_are_labels_give_a_warning():
    X, last, _ = data(lengths=(3, 4))
    with pytest.warns(UserWarning, match=r"taken as 3 outputs at the last step.*list\(y\)"):
        model = LSTMClassifier.as_published(**FAST).fit(X, last)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.partial_fit(X, last)
        LSTMClassifier.as_published(**FAST).fit(X, list(last))


@pytest.mark.parametrize("Classifier", [RTRLClassifier, LSTMClassifier])
def test_streams_of_several_labels(Classifier):
    X, _, steps = data()
    model = Classifier.as_published(random_state=0)
    model = model.partial_fit(X[:1], steps[:1], classes=range(3))
    stream, many = model.stream(), model.stream()
    assert stream.classes_ is None
    expected = model.predict_proba(X[1:2])[0]
    np.testing.assert_array_equal(many.step_many(X[1]), expected)
    many.reset()
    many.learn_many(X[1], steps[1])
    for x, y in zip(X[1], steps[1], strict=True):
        assert stream.step(x).shape == (3,)
        for bad in ([0, 1], [0, 1, 2], [0, np.nan, 1], [0.5, 0, 1]):
            with pytest.raises(ValueError, match="y "):
                stream.learn(bad)
        stream.learn(y)
    model.partial_fit(X[1:2], steps[1:2])
    for each in (stream, many, pickle.loads(pickle.dumps(stream))):
        np.testing.assert_array_equal(each.to_estimator().weights_, model.weights_)
    with pytest.raises(ValueError, match="y must be an indicator matrix, with 0 or 1"):
        many.learn_many(X[2], 2 * steps[2])
    for River in (RiverClassifier, RiverRegressor):
        with pytest.raises(ValueError, match="several labels per target: call its step and learn"):
            River(stream)


@pytest.mark.filterwarnings("ignore::lstm97.DiagnosisWarning")
def test_looks_inside_a_net_of_several_labels():
    pytest.importorskip("matplotlib").use("agg")
    X, last, _ = data()
    model = LSTMClassifier.as_published(**FAST).fit(X, last)
    assert isinstance(diagnose(model, X), list)
    assert CarouselDisplay.from_estimator(model, X).output_names == [
        "label 0",
        "label 1",
        "label 2",
    ]
    numbers = LSTMRegressor.as_published(**FAST, output_activation="logistic", loss=model.loss).fit(
        X, last
    )
    assert str(gradient_report(model, X, last)) == str(gradient_report(numbers, X, last))
