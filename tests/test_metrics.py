"""Metrics of scikit-learn for targets per step, compared with loops over the steps."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    classification_report,
    confusion_matrix,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lstm97 import (
    CascadeCorrelationClassifier,
    ElmanClassifier,
    ElmanRegressor,
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    StepwiseTransformer,
)
from lstm97.metrics import flatten, make_step_scorer
from reference.hostile import objects

LENGTHS = [3, 1, 4, 2, 5, 3, 6, 2]
LABELS = {"names": ["no", "so", "yes"], "numbers": [3, 7, 9], "objects": [None, "a", "b"]}


def ragged(seed, kind="names", lengths=LENGTHS):
    rng = np.random.default_rng(seed)
    if kind == "floats":
        return [np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)) for n in lengths]
    labels = np.array(LABELS[kind], dtype=object if kind == "objects" else None)
    return [rng.choice(labels, n) for n in lengths]


def slowly(y_true, *others, weight=None):
    """Collect step by step what `flatten` joins."""
    rows = []
    for i, targets in enumerate(y_true):
        for t, target in enumerate(targets):
            if target is None or target != target:
                continue
            w = [] if weight is None else [weight[i][t] if np.ndim(weight[i]) else weight[i]]
            rows.append([target, *(other[i][t] for other in others), *w])
    return [np.array(column) for column in zip(*rows, strict=True)]


FORMS = {
    "list": list,
    "lists": lambda parts: [list(part) for part in parts],
    "objects": objects,
    "Series": lambda parts: pd.Series(list(parts)),
    "tuples of Series": lambda parts: tuple(pd.Series(part) for part in parts),
}


@pytest.mark.parametrize("kind", [*LABELS, "floats"])
@pytest.mark.parametrize("form", FORMS)
def test_flat_arrays_are_those_of_a_loop(form, kind):
    y_true, y_pred, proba = ragged(0, kind), ragged(1, "numbers"), ragged(2, "numbers")
    steps = [np.random.default_rng(3).random(n) for n in LENGTHS]
    whole = np.arange(1.0, 1 + len(LENGTHS))
    for weight in (None, steps, whole):
        made = flatten(*map(FORMS[form], (y_true, y_pred, proba)), sample_weight=weight)
        for column, expected in zip(
            made, slowly(y_true, y_pred, proba, weight=weight), strict=True
        ):
            assert column.dtype.kind == expected.dtype.kind
            np.testing.assert_array_equal(column, expected)


def test_arrays_of_equal_lengths_and_of_several_outputs():
    rng = np.random.default_rng(0)
    y, other = rng.integers(3, size=(4, 5)), rng.random((4, 5, 3))
    for form in (np.asarray, list, pd.DataFrame):
        flat, rows = flatten(form(y), other)
        np.testing.assert_array_equal(flat, y.ravel())
        np.testing.assert_array_equal(rows, other.reshape(20, 3))
    outputs = other.copy()
    outputs[1, 2] = np.nan
    np.testing.assert_array_equal(flatten(outputs, y)[0], np.delete(other.reshape(20, 3), 7, 0))
    outputs[2, 3, 1] = np.nan
    with pytest.raises(
        ValueError, match="for some outputs only in sequence 2, step 3: flatten one"
    ):
        flatten(outputs)


@given(st.lists(st.lists(st.sampled_from([None, "a", "b"]), min_size=1), min_size=1))
def test_every_step_with_a_target_comes_once(y):
    places = [[(i, t) for t in range(len(part))] for i, part in enumerate(y)]
    wanted = [(i, t) for i, part in enumerate(y) for t, label in enumerate(part) if label]
    if not wanted:
        with pytest.raises(ValueError, match="y_true holds no target"):
            flatten(y, places)
        return
    labels, found = flatten(y, places)
    assert [tuple(row) for row in found] == wanted
    assert labels.tolist() == [y[i][t] for i, t in wanted]


@pytest.mark.parametrize(
    ("arguments", "weight", "message"),
    [
        ((["a", "b"],), None, "y_true must hold one array per sequence"),
        ((np.zeros(3),), None, "y_true must hold one array per sequence"),
        (([["a"], ["b"]], ["a", "b"]), None, r"others\[0\] must hold one array per sequence"),
        (([["a"], ["b"]], [["a"]]), None, r"y_true has 2 sequences, but others\[0\] has 1"),
        (
            ([["a"], ["b"]], [["a"], ["b"]], [["a"], ["b", "c"]]),
            None,
            r"others\[1\]\[1\] has 2 targets, but y_true\[1\] has 1 steps",
        ),
        (([["a"], ["b"]],), [1.0], "sample_weight has 1 numbers, but y_true has 2 sequences"),
        (
            ([["a"], ["b"]],),
            [[1.0], [1.0, 2.0]],
            r"sample_weight\[1\] has 2 weights, but y_true\[1\] has 1 steps",
        ),
        (([["a"], [None]],), [[-1.0], [1.0]], "sample_weight contains -1.0 in sequence 0"),
        ((np.ma.masked_less([[1.0, 2.0]], 2.0),), None, "y_true holds masked values"),
    ],
)
def test_what_does_not_match_is_named(arguments, weight, message):
    with pytest.raises(ValueError, match=message):
        flatten(*arguments, sample_weight=weight)


def test_strings_among_numbers_are_refused():
    with pytest.raises(TypeError, match="y_true mixes strings with other labels"):
        flatten([["a", 1], ["b"]])
    model = LSTMClassifier.as_published(max_iter=1, tol=None).fit(np.zeros((2, 1, 1)), ["1", "b"])
    with pytest.raises(TypeError, match="y mixes strings with other labels"):
        model.score(np.zeros((2, 1, 1)), [1, "b"])


# ---- scorers -------------------------------------------------------------------------------------


def problem(kind):
    rng = np.random.default_rng(5)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(2, 9, size=30)]
    if kind == "floats":
        y = [np.where(rng.random(len(x)) < 0.2, np.nan, x[:, 0].cumsum()) for x in X]
    else:
        codes = [np.digitize(x[:, 0].cumsum(), [-0.5, 0.5][: len(LABELS[kind]) - 1]) for x in X]
        y = [np.array(LABELS[kind], dtype=object)[c] for c in codes]
    return X, y


def model_of(kind, **parameters):
    Model = ElmanRegressor if kind == "floats" else ElmanClassifier
    return Model(max_iter=2, tol=None, random_state=0, **parameters)


PROBA = {"response_method": "predict_proba"}
SCORERS = {
    "accuracy": ("names", accuracy_score, {}, {}),
    "balanced accuracy": ("objects", balanced_accuracy_score, {}, {}),
    "F1": ("names", f1_score, {}, {"average": "macro"}),
    "log loss": ("names", log_loss, {**PROBA, "greater_is_better": False}, {}),
    "log loss of two": ("objects", log_loss, {**PROBA, "greater_is_better": False}, {}),
    "area": ("objects", roc_auc_score, PROBA, {}),
    "areas": ("numbers", roc_auc_score, PROBA, {"multi_class": "ovr"}),
    "R2": ("floats", r2_score, {}, {}),
    "absolute error": ("floats", mean_absolute_error, {"greater_is_better": False}, {}),
    "squared error": ("floats", mean_squared_error, {"greater_is_better": False}, {}),
}


@pytest.mark.parametrize("form", [list, objects, Sequences.from_list])
@pytest.mark.parametrize("name", SCORERS)
def test_scores_are_those_of_a_loop(name, form):
    kind, metric, how, arguments = SCORERS[name]
    X, y = problem(kind)
    scorer = make_step_scorer(metric, **how, **arguments)
    folds = cross_validate(
        model_of(kind), form(X), y, scoring=scorer, cv=3, return_estimator=True,
        return_indices=True, error_score="raise",
    )  # fmt: skip
    sign = 1 if how.get("greater_is_better", True) else -1
    every = zip(folds["test_score"], folds["estimator"], folds["indices"]["test"], strict=True)
    for score, model, test in every:
        held_out = [X[i] for i in test]
        predicted = getattr(model, how.get("response_method", "predict"))(held_out)
        weight = np.linspace(0.5, 2.0, len(test))
        for w in (None, weight):
            y_true, y_pred, *rest = slowly([y[i] for i in test], predicted, weight=w)
            is_second = "response_method" in how and y_pred.shape[1] == 2
            y_pred = y_pred[:, 1] if is_second else y_pred
            kept = {"sample_weight": rest[0]} if rest else {}
            expected = sign * metric(y_true, y_pred, **arguments, **kept)
            assert scorer(model, held_out, [y[i] for i in test], sample_weight=w) == expected
            assert w is not None or score == pytest.approx(expected, rel=1e-12)


def test_a_search_over_several_scores_in_a_pipeline():
    X, y = problem("names")
    pipeline = make_pipeline(StepwiseTransformer(StandardScaler()), model_of("names"))
    scoring = {
        "f1": make_step_scorer(f1_score, average="micro"),
        "accuracy": make_step_scorer(accuracy_score),
    }
    grid = {"elmanclassifier__n_hidden": [2, 4]}
    search = GridSearchCV(pipeline, grid, scoring=scoring, refit="f1", cv=2, error_score="raise")
    search.fit(X, y)
    results = search.cv_results_
    np.testing.assert_allclose(results["mean_test_f1"], results["mean_test_accuracy"])
    assert "_StepScorer" in repr(scoring["f1"])


def test_weights_are_routed_to_scorers():
    X, y = problem("names")
    weight = np.random.default_rng(0).random(len(X))
    scorer = make_step_scorer(accuracy_score)
    with config_context(enable_metadata_routing=True):
        folds = cross_validate(
            model_of("names"), X, y, scoring=scorer, params={"sample_weight": weight}, cv=3,
            return_estimator=True, return_indices=True,
        )  # fmt: skip
    for score, model, test in zip(
        folds["test_score"], folds["estimator"], folds["indices"]["test"], strict=True
    ):
        part = [X[i] for i in test], [y[i] for i in test]
        assert score == scorer(model, *part, sample_weight=weight[test])
        assert score != scorer(model, *part)


def test_a_report_in_two_lines():
    X, y = problem("names")
    y_pred = cross_val_predict(model_of("names"), X, y, cv=3)
    assert "macro avg" in classification_report(*flatten(y, y_pred), zero_division=0.0)
    assert confusion_matrix(*flatten(y, y_pred)).sum() == sum(map(len, X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Model", [LSTMClassifier, CascadeCorrelationClassifier])
def test_probabilities_of_one_target_per_sequence_are_cross_validated(Model):
    X, y = problem("names")
    last = [part[-1] for part in y]
    proba = cross_val_predict(Model(max_iter=2), X, last, cv=3, method="predict_proba")
    assert proba.shape == (len(X), 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"score_func": "f1"}, "'score_func' parameter of make_step_scorer must be a callable"),
        ({"score_func": f1_score, "response_method": "score"}, "'response_method' parameter"),
        ({"score_func": f1_score, "greater_is_better": "no"}, "'greater_is_better' parameter"),
    ],
)
def test_scorers_of_other_things_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_step_scorer(**arguments)


def test_a_scorer_wants_targets_per_step():
    X, _ = problem("floats")
    model = LSTMRegressor.as_published(max_iter=1, tol=None, random_state=0)
    last = [x[-1, 0] for x in X]
    with pytest.raises(ValueError, match="y_true must hold one array per sequence"):
        make_step_scorer(r2_score)(model.fit(X, last), X, last)
