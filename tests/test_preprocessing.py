"""`StepwiseTransformer`: the wrapped transformer on all steps, in every form of input."""

import pickle
from typing import ClassVar

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import NMF, PCA, IncrementalPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from lstm97 import ElmanClassifier, LSTMClassifier, Sequences, StepwiseTransformer

FAST = {"max_iter": 3, "tol": None, "random_state": 0}
WRAPPED = [StandardScaler(), PCA(), PCA(n_components=1), SimpleImputer(), MinMaxScaler()]
# Checks of scikit-learn that `parametrize_with_checks` does not include.
MORE_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_get_feature_names_out_error",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
]


def stepwise(transformers):
    return [StepwiseTransformer(t, n_channels=n) for t in transformers for n in (None, 1)]


@parametrize_with_checks(
    stepwise([*WRAPPED, FunctionTransformer(), LinearDiscriminantAnalysis(), SelectKBest(k=1)])
)
@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", MORE_CHECKS)
@pytest.mark.parametrize("estimator", stepwise(WRAPPED), ids=str)
@pytest.mark.filterwarnings("ignore:X .* feature names")
def test_more_of_scikit_learns_checks(estimator, check):
    getattr(estimator_checks, check)("StepwiseTransformer", estimator)


def data(n=30, n_features=3, lengths=(2, 9), seed=0):
    """Ragged series whose features have different means and scales."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** np.arange(n_features)
    return [rng.normal(scale, scale, (rng.integers(*lengths), n_features)) for _ in range(n)]


def labels(X):
    return np.array([int(x[0, 0] > 1) for x in X])


def with_value(X, value):
    X = [x.copy() for x in X]
    X[3][1, 0] = value
    return X


def as_objects(parts):
    objects = np.empty(len(parts), dtype=object)
    objects[:] = parts
    return objects


def dense(x):
    return x.toarray() if sparse.issparse(x) else x


def same(a, b):
    return len(a) == len(b) and all(
        np.array_equal(dense(x), dense(y)) for x, y in zip(a, b, strict=True)
    )


def close(a, b):
    return len(a) == len(b) and all(
        np.allclose(dense(x), dense(y)) for x, y in zip(a, b, strict=True)
    )


# ---- forms ---------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=6),
    st.integers(1, 4),
    st.sampled_from([StandardScaler(), PCA(n_components=1), MinMaxScaler((2, 5)), Normalizer()]),
)
def test_it_applies_the_wrapped_transformer_to_joined_steps(lengths, n_features, transformer):
    rng = np.random.default_rng(sum(lengths))
    X = [rng.normal(3, 2, (n, n_features)) for n in lengths]
    flat = np.concatenate(X)
    expected = clone(transformer).fit(flat).transform(flat)
    made = StepwiseTransformer(transformer).fit_transform(X)
    assert isinstance(made, Sequences)
    assert (made.lengths == lengths).all()
    assert np.array_equal(made.flat, expected)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_all_ragged_forms_of_input_are_one(is_sparse):
    X = [sparse.csr_array(x) for x in data()] if is_sparse else data()
    model = StepwiseTransformer(MaxAbsScaler())
    expected = model.fit_transform(X)
    assert sparse.issparse(expected.flat) == is_sparse
    assert np.abs(expected.flat).max() == 1
    forms = [tuple(X), as_objects(X), Sequences.from_list(X)]
    for form in forms if is_sparse else [*forms, [x.tolist() for x in X]]:
        made = model.fit_transform(form)
        assert isinstance(made, Sequences)
        assert same(made, expected)
        assert (model.n_features_in_, model.n_step_features_in_) == (3, 3)


@pytest.mark.parametrize("transformer", [StandardScaler(), PCA(n_components=1)])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_arrays_stay_arrays(n_channels, transformer):
    table = np.random.default_rng(0).normal(size=(20, 6)) * np.arange(1, 7)
    cube = table.reshape(20, -1, n_channels)
    expected = StepwiseTransformer(transformer).fit_transform(list(cube))
    made = StepwiseTransformer(transformer).fit_transform(cube)
    assert isinstance(made, np.ndarray)
    assert same(made, expected)
    model = StepwiseTransformer(transformer, n_channels=n_channels).fit(table)
    assert np.array_equal(model.transform(table), made.reshape(20, -1))
    assert (model.n_features_in_, model.n_step_features_in_) == (6, n_channels)
    assert same(model.transform(cube), made)


def test_a_table_without_n_channels_is_as_without_sequences():
    table = np.random.default_rng(0).normal(size=(20, 6)) * np.arange(1, 7)
    made = StepwiseTransformer(StandardScaler()).fit_transform(table)
    assert np.array_equal(made, StandardScaler().fit_transform(table))


def test_a_table_may_follow_ragged_sequences():
    X = data(n_features=2)
    table = np.random.default_rng(0).normal(size=(4, 6))
    model = StepwiseTransformer(StandardScaler(), n_channels=2).fit(X)
    made = model.transform(table)
    assert made.shape == (4, 6)
    assert np.array_equal(made.reshape(4, 3, 2), model.transform(table.reshape(4, 3, 2)))
    with pytest.raises(ValueError, match="X has 3 features per step, but StepwiseTransformer"):
        model.set_params(n_channels=3).transform(table)


def test_sparse_output():
    rng = np.random.default_rng(0)
    cube = rng.integers(0, 4, (6, 5, 2)).astype(float)
    cube[0, :4] = np.arange(4)[:, None]
    table = cube.reshape(6, 10)
    expected = OneHotEncoder(sparse_output=False).fit_transform(cube.reshape(-1, 2))
    for form in (cube, list(cube)):
        made = StepwiseTransformer(OneHotEncoder()).fit_transform(form)
        assert isinstance(made, Sequences)
        assert sparse.issparse(made.flat)
        assert np.array_equal(made.flat.toarray(), expected)
    model = StepwiseTransformer(OneHotEncoder(), n_channels=2)
    made = model.fit_transform(table)
    assert sparse.issparse(made)
    assert np.array_equal(made.toarray(), expected.reshape(6, 40))
    assert np.array_equal(model.inverse_transform(made), table)
    made = StepwiseTransformer(OneHotEncoder(sparse_output=False)).fit_transform(cube)
    assert np.array_equal(made, expected.reshape(6, 5, 8))


def test_bins_of_sparse_sequences_go_into_a_net():
    X = data()
    model = make_pipeline(
        StepwiseTransformer(KBinsDiscretizer(4, strategy="uniform")),
        LSTMClassifier.as_published(**FAST),
    ).fit(X, labels(X))
    assert model[-1].topology_.n_inputs == 12
    assert model.predict(X).shape == (30,)


def test_a_subset_shows_its_own_steps_only():
    X = data()
    whole, picked = Sequences.from_list(X), [7, 2, 2, 29]
    for subset, parts in ((whole[picked], [X[i] for i in picked]), (whole[1:], X[1:]),
                          (whole[:9], X[:9]), (whole[::-1], X[::-1])):  # fmt: skip
        model = StepwiseTransformer(StandardScaler())
        assert same(model.fit_transform(subset), model.fit_transform(parts))
        assert np.allclose(model.transformer_.mean_, np.concatenate(parts).mean(axis=0))
        assert same(model.transform(whole), model.transform(X))
    assert same(whole, X)


# ---- back, in pieces, names ----------------------------------------------------------------------


def test_transform_and_inverse_transform():
    X = data()
    cube = np.stack([x[:2] for x in X])
    for transformer in (StandardScaler(), PCA()):
        model = StepwiseTransformer(transformer).fit(X)
        assert isinstance(model.inverse_transform(model.transform(X)), Sequences)
        assert close(model.inverse_transform(model.transform(X).to_list()), X)
        assert close(model.inverse_transform(model.transform(cube)), cube)
        assert close(model.inverse_transform(model.transform(X[0])), X[0])


def test_inverse_transform_with_another_number_of_columns():
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(20, 1)) * [1.0, 2.0, 3.0]
    table = steps.reshape(5, 12)
    model = StepwiseTransformer(PCA(n_components=1), n_channels=3).fit(table)
    made = model.transform(table)
    assert made.shape == (5, 4)
    assert np.allclose(model.inverse_transform(made), table)
    with pytest.raises(ValueError, match="X has 5 columns, which cannot be divided into 4 steps"):
        model.inverse_transform(np.ones((2, 5)))


def test_partial_fit_in_pieces_is_fit():
    X = data()
    whole = StepwiseTransformer(StandardScaler()).fit(X)
    pieces = StepwiseTransformer(StandardScaler())
    for i in range(0, len(X), 7):
        pieces.partial_fit(X[i : i + 7])
    assert np.allclose(pieces.transformer_.mean_, whole.transformer_.mean_)
    assert pieces.transformer_.n_samples_seen_ == sum(map(len, X))
    assert StepwiseTransformer(IncrementalPCA(2)).partial_fit(X).transform(X).n_features == 2
    with pytest.raises(ValueError, match="X has 2 features per step"):
        pieces.partial_fit([x[:, :2] for x in X])


def test_methods_are_those_of_the_wrapped_transformer():
    has = {
        "partial_fit": (StandardScaler, PCA),
        "inverse_transform": (PCA, Normalizer),
        "get_feature_names_out": (PCA, FunctionTransformer),
    }
    for method, (with_it, without) in has.items():
        assert hasattr(StepwiseTransformer(with_it()), method)
        assert not hasattr(StepwiseTransformer(without()), method)
    assert not hasattr(StepwiseTransformer(FunctionTransformer()), "set_output")


def test_names():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(9, 4)), columns=[*"abcd"])
    one = StepwiseTransformer(StandardScaler()).fit(frame)
    assert list(one.feature_names_in_) == [*"abcd"]
    assert list(one.get_feature_names_out()) == [*"abcd"]
    two = StepwiseTransformer(StandardScaler(), n_channels=2).fit(frame)
    assert list(two.get_feature_names_out()) == ["step0__a", "step0__b", "step1__c", "step1__d"]
    pca = StepwiseTransformer(PCA(n_components=1), n_channels=2).fit(frame)
    assert list(pca.get_feature_names_out()) == ["step0__pca0", "step1__pca0"]
    ragged = two.fit(data())
    assert not hasattr(ragged, "feature_names_in_")
    assert list(ragged.get_feature_names_out()) == ["x0", "x1", "x2"]
    assert list(ragged.get_feature_names_out([*"uvw"])) == [*"uvw"]


@pytest.mark.parametrize("transformer", [StandardScaler(), PCA(n_components=1)])
def test_a_frame_stays_a_frame(transformer):
    values = np.random.default_rng(0).normal(size=(9, 4))
    frame = pd.DataFrame(values, columns=[*"abcd"], index=np.arange(9) * 10)
    model = StepwiseTransformer(transformer, n_channels=2)
    expected = model.fit_transform(frame)
    made = model.set_output(transform="pandas").fit_transform(frame)
    assert list(made.columns) == list(model.get_feature_names_out())
    assert list(made.index) == list(frame.index)
    assert np.array_equal(made.to_numpy(), expected)


def test_sequences_do_not_become_a_frame():
    X = data()
    model = StepwiseTransformer(StandardScaler()).fit(X)
    for form in (X, Sequences.from_list(X), np.ones((2, 4, 3))):
        with config_context(transform_output="pandas"):
            with pytest.raises(ValueError, match=r"only a 2-D X .* can become a DataFrame"):
                model.transform(form)
            assert not isinstance(clone(model).set_output(transform="default").fit_transform(form),
                                  pd.DataFrame)  # fmt: skip
            nameless = StepwiseTransformer(FunctionTransformer())
            assert same(nameless.fit_transform(form), form)


def test_rows_of_other_lengths_than_in_fit_have_no_names():
    model = StepwiseTransformer(StandardScaler(), n_channels=3).set_output(transform="pandas")
    model.fit(data())
    with pytest.raises(ValueError, match="as many steps in a row as in fit can become a DataFr"):
        model.transform(np.ones((4, 6)))
    assert list(model.transform(np.ones((4, 3))).columns) == ["x0", "x1", "x2"]
    assert model.set_output(transform="default").transform(np.ones((4, 6))).shape == (4, 6)


# ---- targets -------------------------------------------------------------------------------------


class Recorder(TransformerMixin, BaseEstimator):
    """Keep the targets of `fit`."""

    def fit(self, X, y=None):
        self.y_ = y
        return self

    def transform(self, X):
        return X


def test_each_step_has_a_target():
    X = data()
    y, every = labels(X), [(x[:, 0] > 1).astype(int) for x in X]
    seen = StepwiseTransformer(Recorder()).fit(X, y).transformer_.y_
    assert np.array_equal(seen, np.concatenate([[t] * len(x) for t, x in zip(y, X, strict=True)]))
    seen = StepwiseTransformer(Recorder()).fit(X, np.stack([y, -y], axis=1)).transformer_.y_
    assert seen.shape == (sum(map(len, X)), 2)
    seen = StepwiseTransformer(Recorder()).fit(X, every).transformer_.y_
    assert np.array_equal(seen, np.concatenate(every))
    assert StepwiseTransformer(Recorder()).fit(X).transformer_.y_ is None


def test_supervised_transformers():
    X = data()
    for y in (labels(X), labels(X).astype(str), [(x[:, 2] > 100).astype(int) for x in X]):
        flat = np.concatenate(y) if isinstance(y, list) else np.repeat(y, [len(x) for x in X])
        for transformer in (LinearDiscriminantAnalysis(), SelectKBest(k=1)):
            made = StepwiseTransformer(transformer).fit_transform(X, y)
            expected = clone(transformer).fit(np.concatenate(X), flat).transform(np.concatenate(X))
            assert np.array_equal(made.flat, expected)


# ---- with scikit-learn ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", [list, Sequences.from_list])
def test_in_a_pipeline_and_a_grid_search(form):
    X = data(n=40)
    y = labels(X)
    pipeline = Pipeline([
        ("stepwise", StepwiseTransformer(StandardScaler())),
        ("net", LSTMClassifier.as_published(
            learning_rate=0.3, max_iter=20, tol=None, random_state=0)),
    ])  # fmt: skip
    search = GridSearchCV(
        pipeline, {"stepwise__transformer__with_mean": [False, True]}, cv=3, n_jobs=2
    ).fit(form(X), y)
    best = search.best_estimator_
    assert search.cv_results_["mean_test_score"].min() > 0.5
    scaled = StepwiseTransformer(best[0].transformer).fit_transform(X)
    assert (clone(best[-1]).fit(scaled, y).predict_proba(scaled) == best.predict_proba(X)).all()


def test_on_columns_of_a_table():
    table = np.random.default_rng(0).normal(size=(30, 7)) * np.arange(1, 8)
    columns = ColumnTransformer([
        ("series", StepwiseTransformer(StandardScaler(), n_channels=2), [0, 1, 2, 3]),
        ("other", StepwiseTransformer(MinMaxScaler()), [5, 6]),
    ])  # fmt: skip
    made = columns.fit_transform(table)
    series = StandardScaler().fit_transform(table[:, :4].reshape(-1, 2)).reshape(30, 4)
    assert np.array_equal(made, np.hstack([series, MinMaxScaler().fit_transform(table[:, 5:])]))
    assert columns.get_feature_names_out()[3:].tolist() == [
        "series__step1__x3", "other__x5", "other__x6"
    ]  # fmt: skip


def test_copies_and_pictures():
    X = data()
    model = StepwiseTransformer(StandardScaler(with_std=False), n_channels=3).fit(X)
    expected = model.transform(X)
    assert same(pickle.loads(pickle.dumps(model)).transform(X), expected)
    assert same(clone(model).fit_transform(X), expected)
    assert not hasattr(clone(model), "transformer_")
    assert not hasattr(model.transformer, "mean_")
    assert "StandardScaler" in model._repr_html_()
    assert repr(model) == (
        "StepwiseTransformer(n_channels=3, transformer=StandardScaler(with_std=False))"
    )
    model.set_params(transformer__with_std=True)
    assert np.allclose(model.fit_transform(X).flat.std(axis=0), 1.0)
    assert joblib.hash(model.fit(X)) == joblib.hash(clone(model).fit(X))


def test_a_fit_after_another_keeps_nothing():
    frame = pd.DataFrame(np.ones((4, 6)), columns=[*"abcdef"])
    model = StepwiseTransformer(StandardScaler()).fit(frame)
    X = data()
    assert joblib.hash(model.fit(X)) == joblib.hash(StepwiseTransformer(StandardScaler()).fit(X))


# ---- NaN and infinity ----------------------------------------------------------------------------


def test_missing_values_are_imputed():
    X = data()
    missing = with_value(X, np.nan)
    mean = np.nanmean(np.concatenate(missing), axis=0)
    made = StepwiseTransformer(SimpleImputer()).fit_transform(missing)
    assert made[3][1, 0] == pytest.approx(mean[0])
    made[3][1, 0] = X[3][1, 0]
    assert same(made, X)
    cube = np.stack([x[:2] for x in missing])
    assert np.isnan(cube).any()
    for form, shape in ((cube, (30, 2, 3)), (cube.reshape(30, 6), (30, 6))):
        made = StepwiseTransformer(SimpleImputer(), n_channels=3).fit_transform(form)
        assert made.shape == shape
        assert made.ravel()[21] == pytest.approx(np.nanmean(cube[..., 0]))
        assert np.isfinite(made).all()


MISSING = {
    "NaN": lambda rows: np.array(rows, dtype=float),
    "objects": lambda rows: np.array(rows, dtype=object),
    "lists": lambda rows: rows,
    "NA": lambda rows: pd.DataFrame(rows, dtype="Float64"),
    "Arrow frame": lambda rows: pd.DataFrame(rows).convert_dtypes(dtype_backend="pyarrow"),
    "objects of pandas": lambda rows: pd.DataFrame(rows, dtype=object),
    "NA in objects": lambda rows: np.array(pd.DataFrame(rows, dtype="Float64"), dtype=object),
    "polars": lambda rows: pl.DataFrame(rows, orient="row"),
    "pyarrow": lambda rows: pl.DataFrame(rows, orient="row").to_arrow(),
    "CSR": lambda rows: sparse.csr_array(np.array(rows, dtype=float)),
}


@pytest.mark.parametrize("kind", MISSING)
def test_every_kind_of_missing_value_is_imputed(kind):
    rows = [[[1.0, None], [3.0, 2.0]], [[None, 4.0], [2.0, None], [3.0, 8.0]]]
    wanted = SimpleImputer(add_indicator=True).fit_transform(
        np.array([row for part in rows for row in part], dtype=float)
    )
    X = [MISSING[kind](part) for part in rows]
    model = StepwiseTransformer(SimpleImputer(add_indicator=True))
    made = model.fit_transform(X).flat
    np.testing.assert_array_equal(made.toarray() if kind == "CSR" else made, wanted)
    net = make_pipeline(model, ElmanClassifier.as_published(max_iter=1, tol=None))
    assert len(net.fit(X, ["a", "b"]).predict(X)) == 2
    hint = r"sequence 0, step 0; fill in missing values by StepwiseTransformer\(SimpleImputer"
    with pytest.raises(ValueError, match=hint):
        ElmanClassifier.as_published().fit(X, ["a", "b"])


def test_padding_is_no_missing_value():
    X = np.array([[[1.0], [2.0], [3.0]], [[1.0], [np.nan], [np.nan]], [[1.0], [np.nan], [4.0]]])
    with pytest.raises(ValueError, match=r"sequence 1, step 1; fill in.*or take off padding by"):
        Sequences.from_padded(X, pad=None)
    with pytest.raises(ValueError, match=r"sequence 1, step 1; fill in.*=True\)\)$"):
        ElmanClassifier.as_published().fit(X[[0, 2]], [0, 1])


def test_masked_values_name_the_way():
    X = [np.ma.masked_less(np.eye(2), 1.0), np.eye(2)]
    with pytest.raises(ValueError, match=r"holds masked values: fill them in with np\.ma\.filled"):
        StepwiseTransformer(SimpleImputer()).fit(X)
    filled = [np.ma.filled(X[0], np.nan), X[1]]
    assert StepwiseTransformer(SimpleImputer()).fit_transform(filled).flat.shape == (4, 2)


def test_an_imputer_within_a_pipeline():
    missing = with_value(data(), np.nan)
    y = labels(missing)
    inside = StepwiseTransformer(make_pipeline(SimpleImputer(), StandardScaler()))
    one_by_one = make_pipeline(
        StepwiseTransformer(SimpleImputer()), StepwiseTransformer(StandardScaler())
    )
    assert same(inside.fit_transform(missing), one_by_one.fit_transform(missing))
    model = make_pipeline(inside, LSTMClassifier.as_published(**FAST)).fit(missing, y)
    assert np.isfinite(model.predict_proba(missing)).all()


@pytest.mark.parametrize("is_sparse", [False, True])
def test_missing_values_that_are_refused_have_a_place(is_sparse):
    X = data()
    missing = with_value(X, np.nan)
    if is_sparse:
        X, missing = ([sparse.csr_array(x) for x in form] for form in (X, missing))
    model = StepwiseTransformer(PCA(n_components=1, svd_solver="arpack", random_state=0)).fit(X)
    for refused in (model.fit, model.transform, model.fit_transform):
        with pytest.raises(ValueError, match=r"^X contains NaN in sequence 3, step 1; fill in"):
            refused(missing)


def test_missing_values_that_remain_stay_out_of_sequences():
    missing = with_value(data(), np.nan)
    cube = np.stack([x[:2] for x in missing])
    model = StepwiseTransformer(StandardScaler()).fit(missing)
    message = r"the output of StandardScaler\.transform contains NaN in sequence 3, step 1"
    with pytest.raises(ValueError, match=message):
        model.transform(missing)
    assert np.array_equal(np.isnan(model.transform(cube)), np.isnan(cube))
    table = cube.reshape(30, 6)
    model.set_params(n_channels=3)
    assert np.array_equal(np.isnan(model.transform(table)), np.isnan(table))


@pytest.mark.parametrize(
    ("transformer", "allow_nan", "positive_only", "required"),
    [
        (SimpleImputer(), True, False, False),
        (SimpleImputer(missing_values=-1), False, False, False),
        (FunctionTransformer(), True, False, False),
        (NMF(), False, True, False),
        (LinearDiscriminantAnalysis(), False, False, True),
    ],
)
def test_tags(transformer, allow_nan, positive_only, required):
    tags = get_tags(StepwiseTransformer(transformer))
    assert tags.input_tags.allow_nan == allow_nan
    assert tags.input_tags.positive_only == positive_only
    assert tags.target_tags.required == required
    assert tags.input_tags.three_d_array


# ---- refusals ------------------------------------------------------------------------------------


class Broken(TransformerMixin, BaseEstimator):
    """Refuse all input, for a reason of its own."""

    def fit(self, X, y=None):
        raise ValueError("broken")

    def partial_fit(self, X, y=None):
        self.seen_ = [*getattr(self, "seen_", []), len(X)]
        if len(self.seen_) > 1:
            raise ValueError("broken")

    def transform(self, X):
        return X


REFUSED = {
    "infinity": (lambda X: (with_value(X, np.inf), None), "infinity in sequence 3, step 1"),
    "both": (
        lambda X: ([X[0] * np.nan, *with_value(X, -np.inf)[1:]], None),
        "infinity in sequence 3, step 1",
    ),
    "sparse infinity": (
        lambda X: ([sparse.csr_array(x) for x in with_value(X, np.inf)], None),
        "infinity in sequence 3, step 1",
    ),
    "empty": (lambda X: ([*X[:5], X[5][:0]], None), r"X\[5\] is empty"),
    "none": (lambda X: (Sequences.from_list(X)[:0], None), "X holds no sequence"),
    "features": (lambda X: ([*X[:5], X[5][:, :1]], None), r"X\[5\] has 1 features"),
    "series": (lambda X: ([x[:, 0] for x in X], None), r"X\[0\] must be 2-D"),
    "masked": (lambda X: (np.ma.masked_array(X[0], X[0] > 1), None), "X holds masked values"),
    "channels": (
        lambda X: (np.ones((3, 5)), None),
        "5 columns, which is not a multiple of n_channels=3",
    ),
    "short y": (lambda X: (X, np.ones(29)), "X has 30 sequences, but y has 29 targets"),
    "number": (lambda X: (X, 3.0), "X has 30 sequences, but y has 1 targets"),
    "masked y": (lambda X: (X, np.ma.masked_array(labels(X), labels(X))), "y holds masked values"),
    "short steps": (
        lambda X: (X, [np.ones(len(x) - (i == 7)) for i, x in enumerate(X)]),
        r"y\[7\] has \d targets, but X\[7\] has \d steps",
    ),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_and_changes_nothing(name, method):
    change, message = REFUSED[name]
    X = data()
    model = StepwiseTransformer(StandardScaler(), n_channels=3).fit(X)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(*change(X))
    assert joblib.hash(model) == before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"transformer": None}, "'transformer' parameter of StepwiseTransformer must be an object"),
        ({"transformer": LSTMClassifier.as_published()}, "'transformer' parameter"),
        ({"n_channels": 0}, "n_channels"),
        ({"transformer": PCA(n_components=9)}, "n_components=9"),
        ({"transformer": Broken()}, "^Broken: broken$"),
    ],
)
def test_bad_parameters_are_refused_and_change_nothing(params, message):
    X = data()
    model = StepwiseTransformer(StandardScaler()).fit(X).set_params(**params)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match=message):
        model.fit(with_value(X, np.nan) if "^" in message else X)
    assert joblib.hash(model) == before


def test_a_transformer_that_fails_half_way_is_as_it_was():
    X = data()
    model = StepwiseTransformer(Broken()).partial_fit(X)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match="broken"):
        model.partial_fit(X)
    assert joblib.hash(model) == before


def test_other_objects_than_transformers_are_refused():
    for no_transformer in (None, StandardScaler, "text"):
        model = StepwiseTransformer(no_transformer)
        with pytest.raises(NotFittedError):
            model.transform(data())
    with pytest.raises(TypeError, match="transformer: Cannot clone object"):
        StepwiseTransformer(StandardScaler).fit(data())


def words(form=list):
    """Make sequences with a word and a number at each step, some of them missing."""
    rng = np.random.default_rng(3)
    missing = {"None": None, "NaN": np.nan, "NA": pd.NA, "NaT": pd.NaT}
    parts = []
    for n, gone in zip((3, 5, 2, 4), missing.values(), strict=True):
        part = np.empty((n, 2), dtype=object)
        part[:, 0], part[:, 1] = rng.choice(["up", "down", "level"], n), rng.normal(size=n)
        part[rng.integers(n), rng.integers(2)] = gone
        parts.append(form(part))
    return parts


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, np.ndarray.tolist, pl.DataFrame])
def test_words_are_encoded_step_by_step(form):
    pure = [np.where(pd.isna(part), "none", part)[:, :1].astype(str) for part in words()]
    model = StepwiseTransformer(OneHotEncoder())
    made = model.fit_transform([form(part) for part in pure])
    flat = OneHotEncoder().fit_transform(np.concatenate(pure))
    np.testing.assert_array_equal(made.flat.toarray(), flat.toarray())
    assert made.lengths.tolist() == [3, 5, 2, 4]
    names = [name.split("_")[-1] for name in model.get_feature_names_out()]
    assert names == ["down", "level", "none", "up"]
    labels = np.arange(4) % 2
    net = make_pipeline(model, ElmanClassifier.as_published(max_iter=1, tol=None))
    assert (
        len(net.fit([form(part) for part in pure], labels).predict([form(part) for part in pure]))
        == 4
    )


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, np.ndarray.tolist])
def test_words_and_numbers_go_to_transformers_of_their_columns(form):
    encoder = OneHotEncoder(sparse_output=False)
    columns = make_column_transformer((encoder, [0]), (SimpleImputer(add_indicator=True), [1]))
    made = StepwiseTransformer(columns).fit_transform(words(form))
    rows = np.concatenate(words())
    rows[pd.isna(rows)] = np.nan
    np.testing.assert_array_equal(made.flat, columns.fit_transform(rows))


def test_a_page_of_words_keeps_its_shape():
    X = np.array([[["a"], ["b"]], [["b"], ["b"]], [["c"], ["a"]]])
    for form in (X, X.astype(object)):
        made = StepwiseTransformer(OrdinalEncoder()).fit_transform(form)
        assert made.tolist() == [[[0.0], [1.0]], [[1.0], [1.0]], [[2.0], [0.0]]]


def test_words_where_numbers_belong_are_refused():
    with pytest.raises(TypeError, match="X must hold numbers, not strings"):
        StepwiseTransformer(OneHotEncoder()).fit(np.array([["a", "b"]] * 4))
    with pytest.raises(ValueError, match="StandardScaler: could not convert string to float"):
        StepwiseTransformer(StandardScaler()).fit(words())
    with pytest.raises(ValueError, match=r"X\[1\] has 1 features, but X\[0\] has 2"):
        StepwiseTransformer(OneHotEncoder()).fit([[["a", 1]], [["b"]]])
    with pytest.raises(ValueError, match=r"X\[1\] and X\[0\]: one is sparse"):
        StepwiseTransformer(OneHotEncoder()).fit([[["a"]], sparse.csr_array([[1.0]])])
    with pytest.raises(ValueError, match=r"X\[0\] must be 2-D \(steps, features\)"):
        StepwiseTransformer(OneHotEncoder()).fit([["a", "b"], ["a"]])
    model = StepwiseTransformer(OneHotEncoder()).fit([[["a"]]])
    with pytest.raises(TypeError, match="inverse_transform must hold numbers"):
        model.inverse_transform(np.ones((1, 1, 1)))


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (
            lambda X: X[1:],
            ValueError,
            r"output of FunctionTransformer\.transform has shape \(\d+, 3",
        ),
        (
            lambda X: X[:0],
            ValueError,
            r"shape \(0, 3\), but it must have one row",
        ),
        (lambda X: np.repeat(X, 2, axis=0), ValueError, "one row for each of"),
        (lambda X: X[:, 0], ValueError, "FunctionTransformer.transform must be 2-D"),
        (lambda X: X[:, :0], ValueError, "FunctionTransformer.transform has no features"),
        (lambda X: None, ValueError, r"has shape \(\)"),
        (lambda X: X.astype(str), TypeError, "FunctionTransformer.transform must hold numbers"),
        (lambda X: X * 1j, ValueError, "FunctionTransformer.transform: complex data"),
    ],
)
def test_a_transformer_must_return_one_row_per_step(function, error, message):
    X = data()
    model = StepwiseTransformer(FunctionTransformer(function)).fit(X)
    for form in (X, X[0], np.ones((4, 2, 3))):
        with pytest.raises(error, match=message):
            model.transform(form)


def test_transform_checks_its_input_and_changes_nothing():
    X = data()
    for method in ("transform", "inverse_transform", "get_feature_names_out"):
        with pytest.raises(NotFittedError):
            getattr(StepwiseTransformer(StandardScaler()), method)(X)
    model = StepwiseTransformer(StandardScaler()).fit(X)
    before = joblib.hash(model), joblib.hash(X)
    with pytest.raises(ValueError, match="X has 2 features per step, but StepwiseTransformer"):
        model.transform([x[:, :2] for x in X])
    with pytest.raises(ValueError, match="X has 6 features, but StepwiseTransformer"):
        model.transform(np.ones((2, 6)))
    model.inverse_transform(model.transform(X))
    assert (joblib.hash(model), joblib.hash(X)) == before


def test_columns_of_data_frames_keep_their_names():
    rng = np.random.default_rng(4)
    X = [pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"]) for n in (3, 5, 2)]
    model = StepwiseTransformer(StandardScaler()).fit(X)
    assert model.get_feature_names_out().tolist() == ["a", "b"]
    other = [x[["b", "a"]] for x in X]
    for refused in (other, [X[0], *other[1:]]):
        before = joblib.hash(model)
        with pytest.raises(ValueError, match=r"feature names should match|columns of X.* differ"):
            model.transform(refused)
        assert joblib.hash(model) == before
    assert not hasattr(model.fit([x.to_numpy() for x in X]), "feature_names_in_")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the scaler, whose steps are all NaN
def test_input_that_can_be_fitted_but_not_transformed_changes_nothing():
    model = StepwiseTransformer(StandardScaler()).fit([np.eye(2), np.ones((3, 2))])
    before = joblib.hash(model)
    with pytest.raises(ValueError, match="contains NaN in sequence 0, step 0"):
        model.fit_transform([np.full((2, 1), np.nan), np.full((1, 1), np.nan)])
    assert joblib.hash(model) == before


class Interrupted(StepwiseTransformer):
    """A transformer that "another thread" fits as soon as its width has been looked up."""

    fits: ClassVar = []

    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        if name == "n_step_features_in_" and Interrupted.fits:
            Interrupted.fits.pop()()
        return value


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "get_feature_names_out"])
def test_a_fit_in_another_thread_does_not_interfere(method):
    X = np.random.default_rng(0).uniform(size=(5, 4))
    model = Interrupted(StandardScaler(), n_channels=2).fit(X)
    arguments = [] if method == "get_feature_names_out" else [X]
    expected = getattr(model, method)(*arguments)
    Interrupted.fits.append(lambda: model.fit([np.ones((2, 7))]))
    assert np.array_equal(getattr(model, method)(*arguments), expected)
    assert model.n_step_features_in_ == 7
