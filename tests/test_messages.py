"""What a user meets first: messages that name the next step, and scikit-learn's conventions."""

import datetime
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

import lstm97
from lstm97 import (
    CarouselDisplay,
    ElmanClassifier,
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    StepwiseTransformer,
    TrainingCurveDisplay,
    diagnose,
    gradient_report,
    save,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::lstm97.DiagnosisWarning"
)
CLASSIFIERS = [getattr(lstm97, name) for name in lstm97.__all__ if name.endswith("Classifier")]
FAST = {"max_iter": 2, "random_state": 0}


def data(n_features=2, lengths=(2, 7), n=24):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, n_features)) for length in rng.integers(*lengths, size=n)]
    return X, np.array([x[0, 0] > 0 for x in X]).astype(int)


# ---- conventions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("Classifier", CLASSIFIERS)
def test_logarithms_of_probabilities(Classifier):
    X, y = data()
    steps = [(x[:, 0] > 0).astype(int) for x in X]
    several = np.c_[y, 1 - y, y]
    for targets in (y, steps, several):
        model = Classifier(**FAST).fit(X, targets)
        pairs = zip(model.predict_log_proba(X), model.predict_proba(X), strict=True)
        for logarithms, proba in pairs:
            with np.errstate(divide="ignore"):
                np.testing.assert_array_equal(logarithms, np.log(proba))
    page = np.stack([x[:2] for x in X])
    assert Classifier(**FAST).fit(page, y).predict_log_proba(page).shape == (len(X), 2)


def test_the_logarithm_of_zero_is_no_warning():
    X = np.full((2, 1, 1), 1e9)
    settings = {"shortcut": True, "batch_size": 1, "dtype": "float32", **FAST}
    model = LSTMClassifier.as_published(**settings).partial_fit(
        X / 1e9, ["a", "b"], classes=["a", "b"]
    )
    rows = model.topology_.views(model.weights_)["output"]
    rows[:] = 0.0
    rows[0] = [1.0, -1.0]
    assert np.isneginf(model.predict_log_proba(X)[:, 1]).all()


def pipelines(**parameters):
    """Return a net in a pipeline, in a search over pipelines, and in a pipeline with a search."""
    net = LSTMClassifier.as_published(**FAST, **parameters)
    scaled = make_pipeline(StepwiseTransformer(StandardScaler()), net)
    grid = {"lstmclassifier__learning_rate": [0.1]}
    within = GridSearchCV(net, {"learning_rate": [0.1]}, cv=2)
    return {
        "pipeline": scaled,
        "search": GridSearchCV(scaled, grid, cv=2),
        "search within": make_pipeline(StepwiseTransformer(StandardScaler()), within),
        "alone": make_pipeline(net),
    }


@pytest.mark.parametrize("kind", pipelines())
def test_looks_inside_the_net_of_a_pipeline(kind):
    pytest.importorskip("matplotlib").use("agg")
    X, y = data()
    whole = pipelines()[kind].fit(X, y)
    seen = X if kind == "alone" else StepwiseTransformer(StandardScaler()).fit_transform(X)
    net = LSTMClassifier.as_published(**FAST).fit(seen, y)
    assert [str(each) for each in diagnose(whole, X)] == [str(each) for each in diagnose(net, seen)]
    assert str(gradient_report(whole, X, y)) == str(gradient_report(net, seen, y))
    display = CarouselDisplay.from_estimator(whole, X, sequence=1)
    np.testing.assert_array_equal(display.inputs, seen[1])
    np.testing.assert_array_equal(display.trace.output, net.trace(seen)[1].output)
    assert TrainingCurveDisplay.from_estimator(whole).losses == net.loss_curve_


@pytest.mark.parametrize("look", [diagnose, CarouselDisplay.from_estimator])
def test_pipelines_without_a_net_of_cells_are_refused(look):
    X, y = data()
    with pytest.raises(TypeError, match="is for LSTMClassifier and LSTMRegressor, not for Elman"):
        look(make_pipeline(ElmanClassifier.as_published(**FAST)).fit(X, y), X)
    with pytest.raises(TypeError, match="not for LogisticRegression"):
        look(LogisticRegression(), X)
    for unfitted in pipelines().values():
        with pytest.raises(NotFittedError):
            look(unfitted, X)
    search = GridSearchCV(LSTMClassifier.as_published(**FAST), {"n_blocks": [1]}, cv=2, refit=False)
    with pytest.raises(TypeError, match="not for GridSearchCV"):
        look(search.fit(X, y), X)


def test_a_pickle_of_damaged_sequences_is_refused():
    S = Sequences.from_list(data()[0])
    constructor, (flat, starts, lengths) = S.__reduce__()
    with pytest.raises(ValueError, match="not within"):
        constructor(flat, starts + 1, lengths)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_sequences_do_not_become_frames(library):
    X, y = data()
    scaler = StepwiseTransformer(StandardScaler())
    with config_context(transform_output=library):
        with pytest.raises(ValueError, match=r"transform_output of set_config.*set_output\("):
            make_pipeline(scaler, LSTMClassifier.as_published(**FAST)).fit(X, y)
        scaler.set_output(transform="default")
        assert len(
            make_pipeline(scaler, LSTMClassifier.as_published(**FAST)).fit(X, y).predict(X)
        ) == len(X)
        table = StepwiseTransformer(StandardScaler()).fit_transform(np.stack([x[0] for x in X]))
        assert type(table).__module__.startswith(library)


# ---- meta-estimators and transformers that want a table -----------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda net: OneVsOneClassifier(net),
        lambda net: ClassifierChain(net),
        lambda net: StackingClassifier([("net", net)], passthrough=True, cv=2),
        lambda net: make_pipeline(StandardScaler(), net),
        lambda net: make_pipeline(
            FeatureUnion([(name, StepwiseTransformer(StandardScaler())) for name in "ab"]), net
        ),
    ],
)
def test_what_wants_a_table_names_the_way(make):
    X, y = data()
    model = make(LSTMClassifier.as_published(**FAST))
    labels = np.c_[y, 1 - y] if isinstance(model, ClassifierChain) else y
    with pytest.raises(TypeError, match=r"Sequences cannot become one array.*StepwiseTransformer"):
        model.fit(Sequences.from_list(X), labels)


def test_ways_that_the_messages_name():
    X, y = data()
    union = StepwiseTransformer(FeatureUnion([("a", StandardScaler()), ("b", StandardScaler())]))
    assert union.fit_transform(X).n_features == 4
    assert len(
        OneVsRestClassifier(LSTMClassifier.as_published(**FAST)).fit(X, y).predict(X)
    ) == len(X)
    table = np.stack([x[:2] for x in X]).reshape(len(X), -1)
    model = OneVsOneClassifier(LSTMClassifier.as_published(n_channels=2, **FAST)).fit(table, y)
    assert model.estimators_[0].n_step_features_in_ == 2


def test_targets_per_step_through_a_meta_regressor():
    X = np.random.default_rng(0).normal(size=(20, 5, 1))
    Y = 10.0 * X[:, :, 0].cumsum(axis=1)
    net = LSTMRegressor.as_published(max_iter=5, tol=None, random_state=0)
    with pytest.warns(
        UserWarning, match=r"5 outputs at the last step.*pass list\(y\) or.*y\[:, :,"
    ):
        TransformedTargetRegressor(net, transformer=StandardScaler()).fit(X, list(Y))
    scaler = StepwiseTransformer(StandardScaler())
    model = TransformedTargetRegressor(net, transformer=scaler).fit(X, Y[:, :, None])
    assert model.regressor_.target_steps_ == "every"
    own = net.fit(X, (Y[:, :, None] - Y.mean()) / Y.std())
    expected = own.predict(X) * Y.std() + Y.mean()
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)
    assert r2_score(Y.ravel(), model.predict(X).ravel()) > 0.0


# ---- messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [n for n in lstm97.__all__ if hasattr(getattr(lstm97, n), "predict")]
)
def test_an_unknown_keyword_names_the_public_class(name):
    with pytest.raises(TypeError, match=rf"^{name}\.__init__\(\) got an unexpected keyword"):
        getattr(lstm97, name)(n_block=3)


def test_a_table_names_from_frame():
    X = np.random.default_rng(0).normal(size=(6, 3))
    with pytest.warns(UserWarning, match=r"set n_channels=1; if it is a step.*from_frame"):
        LSTMClassifier.as_published(**FAST).fit(X, np.arange(6) % 2)


def test_features_before_time_name_the_way():
    X, y = data(n_features=3)
    first = [x.T for x in X]
    with pytest.raises(ValueError, match=r"features, but X.* use Sequences.from_channels_first"):
        LSTMClassifier.as_published(**FAST).fit(first, y)
    model = LSTMClassifier.as_published(**FAST).fit(Sequences.from_channels_first(first), y)
    with pytest.raises(ValueError, match=r"expecting 3 features.*Sequences.from_channels_first"):
        model.predict([np.ones((3, 8)), np.ones((3, 8))])
    page = np.random.default_rng(0).normal(size=(len(X), 3, 8))
    with pytest.raises(ValueError, match=r"n_channels=3, but X.*Sequences.from_channels_first"):
        LSTMClassifier.as_published(n_channels=3).fit(page, y)
    with pytest.raises(ValueError, match=r"X\[1\] has 2 features, but X\[0\] has 3$"):
        LSTMClassifier.as_published().fit([np.ones((3, 3)), np.ones((2, 2))], [0, 1])
    with pytest.raises(ValueError, match=r"3 features as input$"):
        model.predict([np.ones((3, 8)), np.ones((2, 8))])


def test_labels_that_are_meant_are_named():
    X, y = data()
    y = np.where(y, "sick", "healthy")
    with pytest.raises(ValueError, match=r"class_weight has 'typo', but the classes are.*healthy"):
        LSTMClassifier.as_published(class_weight={"sick": 5, "typo": 9}, **FAST).fit(X, y)
    more = {"sick": 5, "healthy": 1, "unknown": 9}  # as scikit-learn, for parts of the data
    LSTMClassifier.as_published(class_weight=more, **FAST).fit(X, y)
    y[:], y[3] = "healthy", "sick"
    with pytest.raises(ValueError, match=r"too few members are: \['sick'\]"):
        LSTMClassifier.as_published(early_stopping=True, **FAST).fit(X, y)


def test_targets_of_all_steps_in_one_array_name_the_way():
    X, y = data()
    flat = np.concatenate([x[:, 0] > 0 for x in X])
    model = LSTMClassifier.as_published(**FAST).fit(X, y)
    for call in (model.fit, model.score):
        with pytest.raises(ValueError, match=r"y has .* targets; targets per step are one array"):
            call(X, flat)
        with pytest.raises(ValueError, match=r"X has 24 sequences, y has 23 targets$"):
            call(X, y[:-1])


@pytest.mark.parametrize("form", [np.asarray, list, pd.Series, pl.Series])
def test_a_single_series_names_the_way(form):
    x = np.linspace(0.0, 1.0, 9)
    model = LSTMRegressor.as_published(**FAST)
    for call in (lambda X: model.fit(X, x), model.predict):
        with pytest.raises(ValueError, match=r"a single series is a sequence, X = \[x.reshape"):
            call(form(x))
        model.fit([x.reshape(-1, 1)], [x])


FRAMES = {
    "pandas": pd.DataFrame,
    "nullable": lambda columns: pd.DataFrame(columns).convert_dtypes(),
    "Arrow": lambda columns: pd.DataFrame(columns).convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize("values", [["a", "b"], ["1", "2"], ["a", None]])
def test_a_column_without_numbers_is_named(library, values):
    good = FRAMES[library]({"u": [0.0, 1.0], "v": [1.0, 2.0]})
    bad = FRAMES[library]({"u": [0.0, 1.0], "kind": values})
    for X in ([good, bad], bad):
        with pytest.raises(TypeError, match=r"must hold numbers.* in column 'kind'"):
            LSTMRegressor.as_published().fit(X, [0.0, 1.0])
    for value in (*values[:1], datetime.date(2000, 1, 1)):
        rows = np.array([[0.0, 1.0], [0.0, value]], dtype=object)
        with pytest.raises(TypeError, match=r"X\[0\] must hold numbers.* in column 1"):
            LSTMRegressor.as_published().fit([rows], [0.0])


def test_save_says_how_to_keep_other_things(tmp_path):
    X, y = data()
    model = LSTMClassifier.as_published(**FAST).fit(X, y)
    search = GridSearchCV(LSTMClassifier.as_published(**FAST), {"n_blocks": [1]}, cv=2).fit(X, y)
    ways = {
        "got Stream: save what it has learned, stream.to_estimator": model.stream(),
        "got Pipeline: use skops.io or joblib for a whole pipeline": make_pipeline(model),
        "got GridSearchCV: save its best_estimator_, or use skops.io": search,
        "got LogisticRegression: skops.io and pickle": LogisticRegression(),
    }
    for message, thing in ways.items():
        with pytest.raises(TypeError, match=message):
            save(thing, tmp_path / "model.npz")
    save(model.stream().to_estimator(), tmp_path / "model.npz")
    assert pickle.loads(pickle.dumps(model.stream())).classes_.tolist() == [0, 1]
    joblib.dump(make_pipeline(model), tmp_path / "pipeline")
