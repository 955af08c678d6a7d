"""Uses of an estimator in scikit-learn, with every form of sequences and of targets."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    train_test_split,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from lstm97 import (
    CascadeCorrelationRegressor,
    ElmanClassifier,
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    StepwiseTransformer,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:each row of the 2-D X:UserWarning", "ignore::sklearn.exceptions.ConvergenceWarning"
)
N, T = 36, 4


def classifier(**parameters):
    return LSTMClassifier.as_published(max_iter=4, tol=None, random_state=0, **parameters)


def regressor(**parameters):
    return LSTMRegressor.as_published(
        max_iter=4, tol=None, random_state=0, learning_rate=0.05, **parameters
    )


def series(n_features=2, lengths=None):
    rng = np.random.default_rng(0)
    lengths = np.full(N, T) if lengths is None else lengths
    return [rng.normal(size=(length, n_features)) for length in lengths]


def ragged():
    return series(lengths=np.random.default_rng(1).integers(2, 7, N))


FORMS = {
    "list": ragged,
    "object array": lambda: as_objects(ragged()),
    "Sequences": lambda: Sequences.from_list(ragged()),
    "3-D": lambda: np.stack(series()),
    "2-D": lambda: np.stack(series()).reshape(N, -1),
}


def as_objects(parts):
    array = np.empty(len(parts), dtype=object)
    array[:] = parts
    return array


def parts_of(X):
    """Return X as a list of sequences."""
    return list(X) if getattr(X, "ndim", 1) != 2 else list(X.reshape(N, T, -1))


def targets(X, kind, every):
    """Sums of the first feature so far, or whether they are positive, in a name or as a number."""
    sums = [np.cumsum(part[:, 0]) for part in parts_of(X)]
    if kind == "numbers":
        y = sums
    elif kind == "two numbers":
        y = [np.column_stack([s, -2 * s]) for s in sums]
    else:
        y = [np.where(s > 0, *LABELS[kind]) for s in sums]
    if every:
        return as_objects(y)
    return np.array([part[-1] for part in y])


LABELS = {"names": ("up", "down"), "integers": (7, 3), "truths": (True, False)}
every_form = pytest.mark.parametrize("form", FORMS)
every_or_last = pytest.mark.parametrize("every", [False, True])


def problem(form, kind, every):
    X = FORMS[form]()
    return X, targets(X, kind, every)


def fitting(estimator, form):
    """Tell an estimator how many channels the 2-D X of these tests has."""
    return estimator.set_params(n_channels=2) if form == "2-D" else estimator


# ---- selection of models, with every form of X and y ---------------------------------------------


@pytest.mark.parametrize("kind", ["names", "integers", "truths", "numbers", "two numbers"])
@every_or_last
@every_form
def test_cross_validation(form, every, kind):
    X, y = problem(form, kind, every)
    model = classifier() if kind in LABELS else regressor()
    model = fitting(model, form)
    scores = cross_validate(model, X, y, cv=3, error_score="raise")["test_score"]
    assert np.isfinite(scores).all()
    predicted = cross_val_predict(model, X, y, cv=3)
    assert len(predicted) == N
    train, test = next(iter(GroupKFold(3).split(X, y, np.arange(N))))
    own = clone(model).fit(taken(X, train), y[train])
    if every:
        assert [np.shape(part) for part in predicted] == [np.shape(part) for part in y]
    expected = own.predict(taken(X, test))
    by_hand = cross_val_predict(model, X, y, cv=[(train, test), (test, train)])
    for i, part in zip(test, expected, strict=True):
        np.testing.assert_array_equal(by_hand[i], part)


def taken(X, indices):
    return [X[i] for i in indices] if isinstance(X, list) else X[indices]


@every_or_last
@every_form
def test_searches(form, every):
    X, y = problem(form, "numbers", every)
    model, grid = fitting(regressor(), form), {"n_blocks": [1, 2], "gradient": ["full"]}
    for search in (
        GridSearchCV(model, grid, cv=2, error_score="raise"),
        RandomizedSearchCV(model, grid, n_iter=2, cv=2, random_state=0, error_score="raise"),
        HalvingGridSearchCV(model, grid, cv=2, min_resources=8, random_state=0),
    ):
        search.fit(X, y)
        assert np.isfinite(search.best_score_)
        assert search.score(X, y) == search.best_estimator_.score(X, y)


@every_or_last
@every_form
def test_splits_curves_and_groups(form, every):
    X, y = problem(form, "names", every)
    model = fitting(classifier(), form)
    groups = np.arange(N) // 6
    folds = cross_val_score(model, X, y, groups=groups, cv=GroupKFold(3), error_score="raise")
    assert len(folds) == 3
    assert len(cross_val_score(model, X, y, cv=TimeSeriesSplit(3), error_score="raise")) == 3
    if not every:
        cv = StratifiedKFold(3)
        assert len(cross_val_score(model, X, y, cv=cv, error_score="raise")) == 3
    sizes, _, scores = learning_curve(
        model, X, y, train_sizes=[0.5, 1.0], cv=3, error_score="raise", shuffle=True,
        random_state=0,
    )  # fmt: skip
    assert scores.shape == (len(sizes), 3)
    scores, _ = validation_curve(
        model, X, y, param_name="n_blocks", param_range=[1, 2], cv=3, error_score="raise"
    )
    assert scores.shape == (2, 3)
    parts = train_test_split(X, y, random_state=0)
    assert [len(part) for part in parts] == [27, 9, 27, 9]
    own = clone(model).fit(parts[0], parts[2])
    pairs = zip(own.predict(parts[1]), parts[3], strict=True)
    right = np.concatenate([np.atleast_1d(a == b) for a, b in pairs])
    assert own.score(parts[1], parts[3]) == right.mean()


@every_form
def test_incremental_learning_curve(form):
    X, y = problem(form, "numbers", every=True)
    _, _, scores = learning_curve(
        fitting(regressor(), form), X, y, train_sizes=[0.5, 1.0], cv=2, error_score="raise",
        exploit_incremental_learning=True,
    )  # fmt: skip
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_jobs_change_nothing(backend, n_jobs):
    X, y = problem("Sequences", "numbers", every=True)
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        scores = cross_val_score(regressor(), X, y, cv=3, error_score="raise")
    np.testing.assert_array_equal(scores, cross_val_score(regressor(), X, y, cv=3))


def test_a_scorer_of_ones_own_sees_targets_per_step():
    X, y = problem("list", "numbers", every=True)

    def last_error(y, y_pred):
        return -np.mean([abs(a[-1] - b[-1]) for a, b in zip(y, y_pred, strict=True)])

    scores = cross_val_score(regressor(), X, y, scoring=make_scorer(last_error), cv=3)
    assert (scores < 0).all()


# ---- pipelines -----------------------------------------------------------------------------------


@every_or_last
@every_form
def test_pipelines_with_transformers_of_steps(form, every):
    X, y = problem(form, "numbers", every)
    n_channels = 2 if form == "2-D" else None
    model = make_pipeline(
        StepwiseTransformer(StandardScaler(), n_channels=n_channels),
        StepwiseTransformer(PCA(2), n_channels=n_channels),
        fitting(regressor(), form),
    )
    search = GridSearchCV(
        model, {"stepwisetransformer-2__transformer__whiten": [False, True]}, cv=2,
        error_score="raise",
    )  # fmt: skip
    predicted = search.fit(X, y).predict(X)
    assert len(predicted) == N
    assert "StepwiseTransformer" in model._repr_html_()


def test_a_search_over_methods():
    X, y = problem("list", "names", every=True)
    pipe = make_pipeline(FunctionTransformer(), classifier())
    grid = {"lstmclassifier": [classifier(), ElmanClassifier.as_published(max_iter=3, tol=None)]}
    search = GridSearchCV(pipe, grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 2


def test_columns_and_data_frames():
    X = pd.DataFrame(FORMS["2-D"](), columns=[f"step {i}" for i in range(8)])
    y = np.where(X["step 6"] > 0, "up", "down")
    columns = ColumnTransformer([("scale", StandardScaler(), X.columns[:4])], remainder="drop")
    model = make_pipeline(columns, classifier(n_channels=2)).fit(X, y)
    assert model.predict(X).shape == (N,)
    direct = classifier(n_channels=2).fit(X, pd.Series(y, name="direction"))
    assert list(direct.feature_names_in_) == list(X.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        direct.predict(X.rename(columns={"step 0": "other"}))
    union = FeatureUnion([("a", StandardScaler()), ("b", PCA(4))])
    both = make_pipeline(union, classifier(n_channels=2)).fit(X, y)
    by_hand = np.hstack([StandardScaler().fit_transform(X), PCA(4).fit_transform(X)])
    assert (both.predict(X) == classifier(n_channels=2).fit(by_hand, y).predict(by_hand)).all()


# ---- estimators of estimators --------------------------------------------------------------------

RAGGED = ["list", "object array", "Sequences", "3-D", "2-D"]


@pytest.mark.parametrize("form", RAGGED)
@pytest.mark.parametrize("kind", ["names", "integers", "truths"])
def test_meta_classifiers(form, kind):
    X, y = problem(form, kind, every=False)
    own = fitting(classifier(), form)
    two = [("a", own), ("b", fitting(classifier(n_blocks=1), form))]
    for meta in (
        VotingClassifier(two, voting="soft"),
        VotingClassifier(two),
        StackingClassifier(two, cv=2),
        CalibratedClassifierCV(own, cv=2),
        OneVsRestClassifier(own),
    ):
        predicted = clone(meta).fit(X, y).predict(X)
        assert np.mean(predicted == y) > 0.5, meta
        assert len(predicted) == N


@pytest.mark.parametrize("form", RAGGED)
def test_thresholds(form):
    X, y = problem(form, "integers", every=False)
    own = fitting(classifier(), form)
    for meta in (
        TunedThresholdClassifierCV(own, cv=2, scoring=make_scorer(lambda y, p: np.mean(y == p))),
        FixedThresholdClassifier(own, threshold=0.3, pos_label=7),
    ):
        assert set(meta.fit(X, y).predict(X)) <= {3, 7}


@pytest.mark.parametrize("form", RAGGED)
def test_meta_regressors(form):
    X, y = problem(form, "numbers", every=False)
    own = fitting(regressor(), form)
    two = [("a", own), ("b", fitting(regressor(n_blocks=1), form))]
    for meta in (
        VotingRegressor(two),
        StackingRegressor(two, LinearRegression(), cv=2),
        TransformedTargetRegressor(own, transformer=StandardScaler()),
        TransformedTargetRegressor(own, func=np.arctan, inverse_func=np.tan),
        MultiOutputRegressor(own),
    ):
        several = isinstance(meta, MultiOutputRegressor)
        predicted = clone(meta).fit(X, np.column_stack([y, -y]) if several else y).predict(X)
        assert predicted.shape == ((N, 2) if several else (N,)), meta
        assert np.isfinite(predicted).all()


def test_ensembles_that_take_tables():
    X, y = problem("2-D", "names", every=False)
    number = targets(X, "numbers", every=False)
    own = classifier(n_channels=2).set_params(max_iter=40, learning_rate=0.5)
    other = regressor(n_channels=2)
    for meta, target in (
        (OneVsOneClassifier(own), y),
        (BaggingClassifier(own, 3, random_state=0), y),
        (AdaBoostClassifier(own, n_estimators=2, random_state=0), y),
        (BaggingRegressor(other, 3, random_state=0), number),
        (AdaBoostRegressor(other, n_estimators=2, random_state=0), number),
    ):
        assert len(meta.fit(X, target).predict(X)) == N
    importances = permutation_importance(own.fit(X, y), X, y, n_repeats=2, random_state=0)
    assert importances.importances.shape == (8, 2)


# ---- the estimator itself ------------------------------------------------------------------------


@pytest.mark.parametrize("model", [classifier(class_weight={7: 2.0}), regressor(n_jobs=2)])
def test_clones_parameters_and_displays(model):
    parameters = model.get_params()
    assert clone(model).get_params() == parameters
    assert model.set_params(**parameters) is model
    assert type(model).__name__ in model._repr_html_()
    assert "max_iter=4" in repr(model)
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(n_cells=3)


@every_form
def test_several_outputs(form):
    X, y = problem(form, "two numbers", every=False)
    model = fitting(regressor(), form).fit(X, y)
    assert model.predict(X).shape == (N, 2)
    assert CascadeCorrelationRegressor.as_published(max_hidden=1, max_iter=5).fit(
        parts_of(X), y
    ).predict(parts_of(X)).shape == (N, 2)
