"""Containers of any library: the same data in each is the same net, with the same predictions."""

import array
import enum
import pickle
import subprocess
import sys
from collections import UserList, deque
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score

from lstm97 import ElmanRegressor, LSTMClassifier, LSTMRegressor, Sequences, StepwiseTransformer
from lstm97.data.checks import brief
from lstm97.data.containers import as_array, depth, is_missing, unpack
from reference.hostile import objects

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
try:
    import torch
except ImportError:
    torch = None


class ArrowOnly:
    """A table that can do nothing except stream itself."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


class DLPackOnly:
    """An array that knows DLPack and its shape."""

    def __init__(self, values):
        self.values, self.shape = np.ascontiguousarray(values), np.shape(values)

    def __len__(self):
        return len(self.values)

    def __iter__(self):
        return iter(self.values)

    def __dlpack__(self, **kwargs):
        return self.values.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


def columns(a):
    return {f"x{k}": np.ascontiguousarray(column) for k, column in enumerate(np.asarray(a).T)}


ROWS = {
    "array": np.asarray,
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(a.tolist()),
    "deque": deque,
    "UserList": UserList,
    "array.array": lambda a: array.array(a.dtype.char, a.tolist()),
    "memoryview": lambda a: memoryview(np.ascontiguousarray(a)),
    "objects": lambda a: a.astype(object),
    "Series": pd.Series,
    "nullable": lambda a: pd.Series(a).convert_dtypes(),
    "Arrow Series": lambda a: pd.Series(a).convert_dtypes(dtype_backend="pyarrow"),
    "Index": pd.Index,
    "polars": pl.Series,
    "pyarrow": pa.array,
    "chunked": lambda a: pa.chunked_array([a[:1], a[1:]]),
    "DLPack": DLPackOnly,
}
TABLES = {
    "array": np.asarray,
    "list": lambda a: a.tolist(),
    "deque": lambda a: deque(map(deque, a.tolist())),
    "memoryview": lambda a: memoryview(np.ascontiguousarray(a)),
    "DataFrame": lambda a: pd.DataFrame(columns(a)),
    "nullable": lambda a: pd.DataFrame(columns(a)).convert_dtypes(),
    "Arrow frame": lambda a: pd.DataFrame(columns(a)).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda a: pl.DataFrame(columns(a)),
    "pyarrow": lambda a: pa.table(columns(a)),
    "batch": lambda a: pa.RecordBatch.from_pydict(columns(a)),
    "DLPack": DLPackOnly,
    "list of polars": lambda a: [pl.Series(row) for row in a],
}
if torch:
    ROWS["torch"] = TABLES["torch"] = lambda a: torch.from_numpy(np.array(a))
OUTER = {
    "list": list,
    "tuple": tuple,
    "objects": objects,
    "deque": deque,
    "UserList": UserList,
    "Series": lambda parts: pd.Series(list(parts)),
}
NESTED = {
    "polars": lambda parts: pl.Series([np.asarray(part).tolist() for part in parts]),
    "pyarrow": lambda parts: pa.array([np.asarray(part).tolist() for part in parts]),
    "chunked": lambda parts: pa.chunked_array([[np.asarray(p).tolist()] for p in parts]),
    "Arrow Series": lambda parts: pd.Series(
        [np.asarray(part).tolist() for part in parts],
        dtype=pd.ArrowDtype(pa.array([np.asarray(part).tolist() for part in parts]).type),
    ),
}
LENGTHS = [3, 5, 4, 5, 3, 6, 2, 4]


def ragged(lengths=LENGTHS, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(n, 2)) for n in lengths]
    return X, [np.cumsum(x[:, 0]) for x in X], [rng.uniform(0.5, 2, n) for n in lengths]


def learn(X, y, weight, Estimator=LSTMRegressor):
    """Return everything that a fit, a prediction and a score say."""
    model = Estimator.as_published(max_iter=2, tol=None, random_state=0).fit(
        X, y, sample_weight=weight
    )
    predicted = np.concatenate([np.ravel(part) for part in model.predict(X)])
    score = model.score(X, y, weight)
    return model.target_steps_, model.weights_.tobytes(), predicted.tolist(), score


every_way = st.tuples(
    st.sampled_from(sorted(OUTER)), st.sampled_from(sorted(TABLES)),
    st.sampled_from(sorted(OUTER)), st.sampled_from(sorted(ROWS)),
    st.sampled_from(sorted(OUTER)), st.sampled_from(sorted(ROWS)),
)  # fmt: skip


@given(every_way, st.lists(st.integers(2, 5), min_size=3, max_size=5))
def test_targets_per_step_mean_the_same_in_every_container(names, lengths):
    outer_x, table, outer_y, row, outer_w, weights = names
    X, y, w = ragged(lengths)
    made = learn(
        OUTER[outer_x]([TABLES[table](part) for part in X]),
        OUTER[outer_y]([ROWS[row](part) for part in y]),
        OUTER[outer_w]([ROWS[weights](part) for part in w]),
    )
    assert made == learn(X, y, w)
    assert made[0] == "every"
    assert made == learn([sparse.csr_array(part) for part in X], y, w)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("Estimator", [LSTMRegressor, ElmanRegressor])
def test_targets_of_sequences_mean_the_same_in_every_container(name, Estimator):
    X, y, w = ragged()
    y, w = np.array([part[-1] for part in y]), np.array([part[-1] for part in w])
    made = learn(X, ROWS[name](y), ROWS[name](w), Estimator)
    assert made == learn(X, y, w, Estimator)
    assert made[0] == "last"


@pytest.mark.parametrize("name", NESTED)
def test_one_container_of_nested_values_is_sequences(name):
    X, y, w = ragged()
    expected = learn(X, y, w)
    assert learn(NESTED[name](X), NESTED[name](y), NESTED[name](w)) == expected


@pytest.mark.parametrize("name", ["array", "list", "memoryview", "DLPack", "torch", "polars"])
def test_three_dimensions(name):
    X, y, w = ragged([4] * 6)
    X, y, w = np.stack(X), np.stack(y)[:, :, None], np.stack(w)
    if name == "polars":  # columns of arrays of a fixed size
        forms = pl.Series(X.tolist(), dtype=pl.Array(pl.Float64, (4, 2))), list(y), list(w)
    elif name == "torch" and torch is None:
        pytest.skip("needs torch")
    else:
        forms = [TABLES[name](part) for part in (X, y, w)]
    assert learn(*forms)[1:] == learn(X, y, w)[1:]


TEXT = {
    "array": np.asarray,
    "list": lambda a: a.tolist(),
    "deque": lambda a: deque(a.tolist()),
    "Series": pd.Series,
    "string": lambda a: pd.Series(a, dtype="string"),
    "category": lambda a: pd.Series(a, dtype="category"),
    "Arrow Series": lambda a: pd.Series(a).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda a: pl.Series(a.tolist()),
    "polars category": lambda a: pl.Series(a.tolist(), dtype=pl.Categorical),
    "pyarrow": lambda a: pa.array(a.tolist()),
    "dictionary": lambda a: pa.array(a.tolist()).dictionary_encode(),
    "enum": lambda a: [Label(each) for each in a],
}


class Label(enum.StrEnum):
    UP = "1"
    DOWN = "2"


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("name", TEXT)
def test_labels_mean_the_same_in_every_container(name, per_step):
    X, _, _ = ragged()
    steps = [np.where(x[:, 0] > 0, "1", "2") for x in X]
    last = np.array([part[-1] for part in steps])
    make = TEXT[name]
    settings = {"max_iter": 2, "tol": None, "random_state": 0}
    expected = LSTMClassifier.as_published(**settings).fit(X, steps if per_step else last)
    y = [make(part) for part in steps] if per_step else make(last)
    made = LSTMClassifier.as_published(**settings).fit(X, y)
    assert made.classes_.tolist() == ["1", "2"]
    assert made.weights_.tobytes() == expected.weights_.tobytes()
    assert made.score(X, y) == expected.score(X, steps if per_step else last)


@pytest.mark.parametrize("name", ["nullable", "Arrow frame", "polars", "pyarrow"])
def test_missing_values_of_every_container_are_nan(name):
    a = np.array([[1, 2], [3, 4], [5, 6]])
    frame = pd.DataFrame({"x0": pd.array([1, None, 5], "Int64"), "x1": [2, 4, 6]})
    X = {
        "nullable": frame,
        "Arrow frame": frame.convert_dtypes(dtype_backend="pyarrow"),
        "polars": pl.DataFrame({"x0": [1, None, 5], "x1": [2, 4, 6]}),
        "pyarrow": pa.table({"x0": [1, None, 5], "x1": [2, 4, 6]}),
    }[name]
    filled = StepwiseTransformer(SimpleImputer()).fit_transform([X, X])
    assert filled[1].tolist() == a.tolist()
    with pytest.raises(ValueError, match="X contains NaN in sequence 1, step 1"):
        LSTMRegressor.as_published().fit([X.fillna(3) if name == "nullable" else a, X], [0.0, 1.0])


def test_nulls_are_steps_without_a_target():
    X, y, _ = ragged()
    for part in y:
        part[0] = np.nan
    for make in (pl.Series, pa.array, list, pd.Series):
        given = [make([None, *part[1:].tolist()]) for part in y]
        assert learn(X, given, None) == learn(X, y, None)


@pytest.mark.skipif(torch is None, reason="needs torch")
def test_tensors_that_numpy_cannot_read_are_refused():
    X, _, _ = ragged()
    with pytest.raises(TypeError, match=r"y.*requires grad"):
        LSTMRegressor.as_published().fit(X, torch.ones(len(X), requires_grad=True))
    with pytest.raises(TypeError, match=r"X\[0\].*requires grad"):
        LSTMRegressor.as_published().fit([torch.ones(3, 2, requires_grad=True)], [1.0])


def test_an_arrow_stream_is_enough():
    X, y, w = ragged()
    tables = [ArrowOnly(pa.table(columns(part))) for part in X]
    assert learn(tables, y, w) == learn(X, y, w)


def test_tables_of_every_library_are_tables():
    X = np.random.default_rng(0).normal(size=(12, 6))
    y = X[:, 0] - X[:, 5]
    for name, make in TABLES.items():
        if name == "list of polars":
            continue
        model = LSTMRegressor.as_published(max_iter=2, tol=None, n_channels=2, random_state=0)
        expected = model.fit(X, y).weights_
        column = y if name in ("list", "deque") else make(y[:, None])
        assert model.fit(make(X), column).weights_.tobytes() == expected.tobytes(), name
        assert model.x_is_table_
        has_names = name in ("DataFrame", "nullable", "Arrow frame", "polars", "pyarrow")
        assert hasattr(model, "feature_names_in_") == has_names


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_columns_of_frames_are_named_and_compared(make):
    X, y, _ = ragged()
    frames = [make(columns(part)) for part in X]
    model = LSTMRegressor.as_published(max_iter=1, tol=None).fit(frames, y)
    assert model.feature_names_in_.tolist() == ["x0", "x1"]
    other = make({"x1": [1.0], "x0": [2.0]})
    with pytest.raises(ValueError, match=r"the columns of X\[8\] differ from those of X\[0\]"):
        model.predict([*frames, other])


# ---- which steps the targets are for -------------------------------------------------------------


def test_a_2d_y_is_outputs_at_the_last_step_and_says_so():
    X = np.random.default_rng(0).normal(size=(30, 8, 1))
    Y = X[:, :, 0].cumsum(1)
    model = LSTMRegressor.as_published(max_iter=2, tol=None, random_state=0)
    for table in (Y, pd.DataFrame(Y), pl.DataFrame(Y.tolist(), orient="row")):
        with pytest.warns(UserWarning, match=r"8 outputs at the last step.*list\(y\)"):
            model.fit(X, table)
        assert (model.target_steps_, model.n_outputs_) == ("last", 8)
        assert model.score(X, table) == r2_score(Y, model.predict(X))
    model.fit(X, Y[:, :7])  # no warning
    with pytest.raises(ValueError, match="weights per step, but the targets are for the last"):
        model.fit(X, Y[:, :7], sample_weight=np.ones((30, 8)))
    model.fit(X, list(Y), sample_weight=np.ones((30, 8)))
    assert (model.target_steps_, model.n_outputs_) == ("every", 1)
    assert model.score(X, Y) == model.score(X, list(Y))
    with pytest.raises(ValueError, match=r"for the last step.*for every step.*list\(y\)"):
        model.partial_fit(X, Y)


def test_a_classifier_names_the_way_to_labels_per_step():
    X = np.random.default_rng(0).normal(size=(30, 8, 1))
    labels = (X[:, :, 0] > 0).astype(int) + (X[:, :, 0] > 1)
    with pytest.raises(ValueError, match=r"got an array of shape \(30, 8\) instead.*list\(y\)"):
        LSTMClassifier.as_published().fit(X, labels)
    assert (
        LSTMClassifier.as_published(max_iter=1, tol=None).fit(X, list(labels)).target_steps_
        == "every"
    )


def test_arrays_from_groupby():
    frame = pd.DataFrame(
        {"id": [0, 0, 0, 1, 1], "u": [1.0, 2, 3, 4, 5], "v": [0.0, 1, 0, 1, 0], "tag": [*"ababb"]}
    )
    groups = frame.groupby("id")
    X = groups[["u", "v"]].apply(lambda part: part.to_numpy())
    y = groups["tag"].apply(np.array)
    model = LSTMClassifier.as_published(max_iter=1, tol=None, random_state=0)
    weights = model.fit(list(X), list(y)).weights_
    assert np.array_equal(model.fit(X, y).weights_, weights)
    assert model.target_steps_ == "every"
    assert model.fit(X, ["p", "q"]).target_steps_ == "last"


# ---- outputs that are due at different steps -----------------------------------------------------


def test_each_output_is_judged_by_the_targets_that_it_has():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(5, 2)) for _ in range(40)]
    Y = [np.c_[x[:, 0], np.r_[np.full(4, np.nan), x[-1, 1]]] for x in X]
    model = LSTMRegressor.as_published(max_iter=10, tol=None, random_state=0).fit(X, Y)
    predicted, true = np.concatenate(model.predict(X)), np.concatenate(Y)
    last = ~np.isnan(true[:, 1])
    both = [r2_score(true[:, 0], predicted[:, 0]), r2_score(true[last, 1], predicted[last, 1])]
    assert model.score(X, Y) == pytest.approx(np.mean(both), rel=1e-12)
    for part in Y:
        part[-1, 0] = np.nan  # now no row is complete
    apart = LSTMRegressor.as_published(
        early_stopping=True, max_iter=3, tol=None, random_state=0
    ).fit(X, Y)
    assert np.isfinite(apart.validation_scores_).all()
    assert np.isfinite(apart.score(X, Y))


# ---- Sequences -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_sparse", [False, True])
def test_a_pickle_holds_no_other_steps(is_sparse):
    X, _, _ = ragged([50] * 40)
    flat = np.concatenate(X)
    S = Sequences.from_lengths(sparse.csr_array(flat) if is_sparse else flat, [50] * 40)
    for part in (S[:1], S[[7, 3]], S[39:]):
        assert len(pickle.dumps(part)) < len(pickle.dumps(S)) / 10
        again = pickle.loads(pickle.dumps(part))
        assert np.array_equal(again.to_padded(), part.to_padded())
        assert again.n_steps == again.flat.shape[0]


def test_masks_are_splits():
    X, _, _ = ragged()
    S, y = Sequences.from_list(X), np.arange(8.0)
    mask = np.arange(8) % 2 == 0
    model = LSTMRegressor.as_published(max_iter=1, tol=None, random_state=0)
    masks = cross_val_score(model, S, y, cv=[(mask, ~mask)])
    places = cross_val_score(model, S, y, cv=[(np.flatnonzero(mask), np.flatnonzero(~mask))])
    assert masks == places


# ---- the conversion itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "x", ["ab", b"ab", bytearray(b"ab"), {"a": 1}, 1.0, None, {1, 2}, np.int8(1)]
)
def test_single_values_are_no_containers(x):
    assert depth(x) == 0
    assert unpack(x) is x
    assert depth([x]) == 1


def test_depth_of_nested_containers():
    assert depth(deque([pl.Series([1, 2])])) == 2
    assert depth([[np.ones((2, 2))]]) == 4
    assert depth(pa.array([[1.0], [2.0, 3.0]])) >= 1
    assert as_array(pl.Series([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[1.0, 2.0], [3.0, 4.0]]


# ---- arrays that change between construction and use ---------------------------------------------


def corrupt(seed, n):
    """Change arrays n times in a process of its own; return its output, or fail if it crashed."""
    script = Path(__file__).with_name("corrupt.py")
    done = subprocess.run(
        [sys.executable, script, str(seed), str(n)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout)


def test_changed_arrays_lead_no_kernel_astray():
    assert corrupt(seed=0, n=100) > 100


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
def test_many_changed_arrays_lead_no_kernel_astray(seed):
    assert corrupt(seed, n=100) > 100


@pytest.mark.parametrize("parameters", [{}, {"batch_size": 4}])
@pytest.mark.parametrize("call", ["fit", "predict"])
def test_a_matrix_that_its_owner_goes_on_using(parameters, call):
    matrix = sparse.random(200, 50, 0.1, format="csr", random_state=0)
    X, y = Sequences.from_lengths(matrix, [20] * 10), np.arange(10.0)
    model = LSTMRegressor.as_published(max_iter=1, tol=None, random_state=0, **parameters).fit(X, y)
    matrix.indices += 10**8
    with pytest.raises(ValueError, match=r"has column 10000000\d|column"):
        getattr(model, call)(X, *([y] if call == "fit" else []))
    X = Sequences.from_lengths(sparse.csr_array(np.eye(20)), [5, 15])
    model.fit(X, y[:2])
    X.starts -= 1
    with pytest.raises(ValueError, match="sequence 0 starts at -1"):
        model.predict(X)


def test_only_single_values_are_compared_to_find_what_is_missing():
    """SciPy may crash when it compares matrices whose arrays were changed."""
    damaged = sparse.csr_array(np.eye(2))
    damaged.indices = np.array([10**8, -5], np.int32)
    values = np.empty(4, dtype=object)
    values[:] = [damaged, None, 1.0, np.array(damaged)]
    assert is_missing(values).tolist() == [False, True, False, False]


def test_messages_do_not_print_large_arrays():
    """NumPy prints an array of many dimensions in full, however large it is."""
    large = np.ones((2,) * 20)
    assert brief([large]) == f"[<array of shape {large.shape}>]"
    assert brief(np.ones(2)) == "array([1., 1.])"


@pytest.mark.parametrize(
    "label", [sparse.csr_array((1, 2**40)), np.array([0, 1]), np.array(None), pd.DataFrame()]
)
def test_labels_are_single_values(label):
    y = np.empty(2, dtype=object)
    y[0], y[1] = 0, label
    model = LSTMClassifier(2, max_iter=1)
    for call in (model.fit, lambda X, y: model.partial_fit(X, y, classes=[0, 1])):
        with pytest.raises((TypeError, ValueError), match="y"):
            call([np.ones((2, 1))] * 2, y)
    assert not hasattr(model, "weights_")
