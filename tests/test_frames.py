"""Long data frames: sequences, targets and ids as a loop over rows makes them, and the way back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from lstm97 import LSTMRegressor, Sequences, StepwiseTransformer, from_frame, to_rows

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

LIBRARIES = {
    "pandas": pd.DataFrame,
    "nullable": lambda columns: pd.DataFrame(columns).convert_dtypes(),
    "Arrow": lambda columns: pd.DataFrame(columns).convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}
every_library = pytest.mark.parametrize("library", LIBRARIES)


def columns(n=30, seed=0, ids=("b", "a", "c")):
    """Rows in any order; times are different in each sequence."""
    rng = np.random.default_rng(seed)
    return {
        "id": [ids[k] for k in rng.integers(len(ids), size=n)],
        "time": rng.permutation(n).tolist(),
        "u": rng.normal(size=n).tolist(),
        "v": rng.integers(5, size=n).tolist(),
        "label": rng.choice(["p", "q"], size=n).tolist(),
    }


def by_hand(rows, time="time"):
    """Return the rows of each sequence, in the order of steps."""
    places = {}
    for row, name in enumerate(rows["id"]):
        places.setdefault(name, []).append(row)
    if time:
        for part in places.values():
            part.sort(key=rows[time].__getitem__)
    return places


@given(
    st.sampled_from(sorted(LIBRARIES)), st.integers(1, 40), st.integers(0, 99), st.booleans(),
    st.sampled_from([("b", "a", "c"), (7, -2, 5), (2.5, 0.5, 9.0)]),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:column 'time' has")
def test_sequences_targets_and_ids_are_those_of_a_loop(library, n, seed, has_time, ids):
    rows = columns(n, seed, ids)
    frame, time = LIBRARIES[library](rows), "time" if has_time else None
    places = by_hand(rows, time)
    X, y, found = from_frame(
        frame, id="id", time=time, features=["v", "u"], target="label", per_step=True,
        return_ids=True,
    )  # fmt: skip
    assert found.tolist() == list(places)
    for part, labels, where in zip(X, y, places.values(), strict=True):
        assert part.tolist() == [[rows["v"][row], rows["u"][row]] for row in where]
        assert labels.tolist() == [rows["label"][row] for row in where]
    back = to_rows([part[:, 1] for part in X], frame, id="id", time=time)
    assert back.tolist() == rows["u"]
    each = to_rows(np.arange(len(X)), frame, id="id", time=time)
    assert [list(places)[k] for k in each] == rows["id"]


@every_library
def test_one_target_for_each_sequence(library):
    rows = columns()
    rows["label"] = [{"a": 1.5, "b": 0.5, "c": 2.5}[name] for name in rows["id"]]
    frame = LIBRARIES[library](rows)
    gap = dict(rows, id=["a"] * 30, time=[*range(29), 40], label=[1.0] * 30)
    with pytest.warns(
        UserWarning, match=r"has 1 gaps: in id 'a', 40 follows 28, but most .* 1 apa"
    ):
        X, y, ids = from_frame(
            LIBRARIES[library](gap), id="id", time="time", target="label", return_ids=True
        )
    assert (len(X), y.tolist(), ids.tolist(), X.n_features) == (1, [1.0], ["a"], 2)
    X, y = from_frame(frame, id="id", features=["u"], target="label")
    assert y.tolist() == [{"a": 1.5, "b": 0.5, "c": 2.5}[name] for name in by_hand(rows)]
    assert isinstance(X, Sequences)


@every_library
def test_missing_features_make_a_list_for_an_imputer(library):
    rows = columns()
    rows["u"][3] = None
    X, y = from_frame(
        LIBRARIES[library](rows), id="id", features=["u", "v"], target="v", per_step=True
    )
    assert isinstance(X, list)
    assert sum(np.isnan(part).sum() for part in X) == 1
    net = LSTMRegressor.as_published(max_iter=1, tol=None, random_state=0)
    pipeline = make_pipeline(StepwiseTransformer(SimpleImputer(add_indicator=True)), net)
    assert pipeline.fit(X, y)[-1].n_step_features_in_ == 3


def test_ids_are_groups_of_folds_and_predictions_come_back():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": np.repeat(np.arange(12), 5), "u": rng.normal(size=60)})
    frame["y"] = frame.u * 2
    X, y, ids = from_frame(frame, id="id", target="y", per_step=True, return_ids=True)
    model = LSTMRegressor.as_published(max_iter=2, tol=None, random_state=0)
    assert len(cross_val_score(model, X, y, groups=ids // 3, cv=GroupKFold(4))) == 4
    shuffled = frame.sample(frac=1, random_state=1)
    frame["predicted"] = to_rows(model.fit(X, y).predict(X), frame, id="id")
    assert frame.predicted[7] == model.predict(X)[1][2]
    assert len(to_rows(model.predict(X), shuffled.sort_index(), id="id")) == 60


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"id": "name"}, "frame has no column 'name'; its columns are"),
        ({}, {"features": ["w"]}, "frame has no column 'w'"),
        ({}, {"features": []}, "features must be a list"),
        ({}, {}, "column 'label' of frame must hold numbers, but"),
        ({"id": [None] * 30}, {"features": ["u"]}, "column 'id' of frame has missing values"),
        ({"id": [1] * 30, "time": [3] * 30}, {"features": ["u"]}, "time 3 occurs twice"),
        ({"time": ["a"] * 30}, {"features": ["u"]}, "column 'time' must hold numbers or dates"),
        ({"time": [True, False] * 15}, {"features": ["u"]}, "'time' must hold numbers or dates"),
        ({"time": [float("inf")] * 30}, {"features": ["u"]}, "'time' of frame holds infinite"),
        ({"time": [-float("inf"), 0.0] * 15}, {"features": ["u"]}, "holds infinite times"),
        ({}, {"features": 5}, "features must be a list"),
        ({}, {"target": "label"}, "target 'label' changes within id .*per_step=True"),
    ],
)
@pytest.mark.filterwarnings("ignore:column 'time' has")
@every_library
def test_what_is_wrong_is_named(library, change, arguments, message):
    with np.errstate(invalid="ignore"):  # pandas casts infinite times to integers
        frame = LIBRARIES[library]({**columns(), **change})
    with pytest.raises((TypeError, ValueError), match=message):
        from_frame(frame, **{"id": "id", "time": "time", **arguments})


@pytest.mark.parametrize("cell", [[1], [1, 2], {"a": 1}, set()])
def test_ids_that_cannot_be_compared_are_named(cell):
    frame = pd.DataFrame({"id": [cell] * 3, "u": [1.0, 2.0, 3.0]})
    with pytest.raises(TypeError, match="column 'id' must hold one number, string or other"):
        from_frame(frame, id="id")


@pytest.mark.parametrize("ids", [[[1], [1], [2]], [{"a": 1}, {"a": 1}, {"a": 2}]])
def test_nested_ids_of_polars_are_named(ids):
    frame = pl.DataFrame({"id": ids, "u": [1.0, 2.0, 3.0]})
    with pytest.raises(TypeError, match="column 'id' must hold one number, string or other"):
        from_frame(frame, id="id")


def test_a_lazy_frame_is_refused():
    with pytest.raises(TypeError, match="frame: it is lazy, collect it first"):
        from_frame(pl.DataFrame(columns()).lazy(), id="id")


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u8", "f4", "f8", "M8[s]", "m8[D]"])
def test_times_of_any_type(dtype):
    """Steps of more than a small type holds; a gap in one of two sequences."""
    times = np.array([0, 120, 60, 0, 60, 127], dtype="i8").astype(dtype)
    if dtype == "i1":
        times = (np.array([0, 120, 60, 0, 60, 127]) * 2 - 128).astype("i1")
    frame = pd.DataFrame({"id": [0, 0, 0, 1, 1, 1], "time": times, "u": np.arange(6.0)})
    with pytest.warns(UserWarning, match="column 'time' has 1 gaps: in id 1"):
        X = from_frame(frame, id="id", time="time")
    assert X.flat.ravel().tolist() == [0, 2, 1, 3, 4, 5]
    frame.loc[4, "time"] = frame.time[3]
    with pytest.raises(ValueError, match="occurs twice in column 'time' for id 1"):
        from_frame(frame, id="id", time="time")


def test_predictions_of_other_sequences_are_refused():
    frame = pd.DataFrame(columns())
    with pytest.raises(ValueError, match="predictions has 2 sequences, but frame has 3"):
        to_rows([1.0, 2.0], frame, id="id")
    with pytest.raises(ValueError, match="predictions"):
        to_rows([[1.0], [2.0], [3.0, 4.0]], frame, id="id")


def test_columns_may_have_numbers_as_names():
    frame = pd.DataFrame({"id": [7, 7, 8], 0: [1.0, 2.0, 3.0], 1: [4.0, 5.0, 6.0]})
    X = from_frame(frame, id="id")
    assert X.flat.tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    assert from_frame(frame, id="id", features=[1]).flat.ravel().tolist() == [4.0, 5.0, 6.0]


def test_an_array_has_a_row_per_sequence_even_if_it_is_as_wide_as_they_are_long():
    frame = pd.DataFrame({"id": [1, 1, 2, 2], "x": [0.1, 0.2, 0.3, 0.4]})
    rows = to_rows(np.array([[0.1, 0.9], [0.7, 0.3]]), frame, id="id")
    assert rows.tolist() == [[0.1, 0.9], [0.1, 0.9], [0.7, 0.3], [0.7, 0.3]]
    assert to_rows([[0.1, 0.9], [0.7, 0.3]], frame, id="id").tolist() == [0.1, 0.9, 0.7, 0.3]
    with pytest.raises(ValueError, match="differ in length"):
        to_rows([[0.1, 0.9], [0.7]], frame, id="id")


def test_a_column_that_is_no_feature_is_named():
    frame = pd.DataFrame({"id": [1, 1, 2], "who": ["a", "a", "b"], "x": [0.1, 0.2, 0.3]})
    with pytest.raises(TypeError, match=r"'who' of frame must hold numbers.*leave it out"):
        from_frame(frame, id="id")
    assert len(from_frame(frame, id="id", features=["x"])) == 2
    for argument in ("id", "time"):
        names = {"id": "id"} | {argument: ["id", "who"]}
        with pytest.raises(TypeError, match=f"{argument} must be the name of one column"):
            from_frame(frame, **names, features=["x"])


def test_names_of_columns_may_be_tuples():
    frame = pd.DataFrame({("s", "id"): [1, 1, 2], ("s", "x"): [0.1, 0.2, 0.3]})
    X = from_frame(frame, id=("s", "id"), features=[("s", "x")])
    assert [x.tolist() for x in X] == [[[0.1], [0.2]], [[0.3]]]
    assert to_rows(np.array([5, 6]), frame, id=("s", "id")).tolist() == [5, 5, 6]
