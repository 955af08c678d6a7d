"""Saving and loading with pickle, joblib, skops and `save`; damaged files are refused."""

import copy
import io
import json
import os
import pickle
import random
import re
import stat
import tracemalloc
import warnings
import zipfile
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import lstm97
from lstm97 import LSTMClassifier, LSTMRegressor, load, save
from lstm97._kernels.batch import powers_after
from lstm97.learning.topology import GATES, Topology
from lstm97.persistence import ESTIMATORS
from reference.builds import python
from reference.hostile import harmed
from test_fuzz import attempt, fuzz

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LABELS = {
    "strings": np.array(["low", "hügh", "mid\udcff"]),
    "integers": np.array([-3, 0, 7], dtype=np.int16),
    "booleans": np.array([False, True]),
    "floats": np.array([-1.0, 2.0]),
}
# Estimator, parameters, kind of targets, number of calls of partial_fit after fit.
CASES = {
    **{
        f"{name}-{kind}": (name, {}, kind, 0)
        for name in ESTIMATORS
        for kind in (["strings", "integers", "booleans"] if "Classif" in name else ["one", "two"])
    },
    "floats": ("ElmanClassifier", {}, "floats", 0),
    "labels": ("LSTMClassifier", {"loss": "log_loss"}, "several labels", 0),
    "labels of units": ("CascadeCorrelationClassifier", {}, "several labels", 1),
    "softmax": ("LSTMClassifier", {"output_activation": "softmax"}, "strings", 0),
    "every step": ("LSTMClassifier", {"n_hidden": 2, "shortcut": True}, "every step", 0),
    "every number": ("SequenceChunkerRegressor", {"predict_state": "hidden"}, "every number", 0),
    "momentum": ("LSTMRegressor", {"batch_size": 4, "momentum": 0.5}, "two", 2),
    "adam": (
        "LSTMClassifier", {"batch_size": 1, "solver": "adam", "dtype": "float32"}, "strings", 1,
    ),
    "adam on line": ("LSTMClassifier", {"solver": "adam", "forget_gate": True}, "every step", 2),
    "adam of a growing net": (
        "LSTMRegressor",
        {
            "initial_blocks": 0, "n_hidden": 1, "growth_patience": 12, "solver": "adam",
            "update": "sequence", "learning_rate": 1e-6,
        },
        "two", 1,
    ),
    "grown": (
        "LSTMRegressor", {"initial_blocks": 0, "n_hidden": 1, "growth_patience": 12}, "one", 1,
    ),
    "growing": (
        "LSTMRegressor", {"n_blocks": 9, "initial_blocks": 1, "growth_patience": 24}, "two", 0,
    ),
    "without gates": ("LSTMRegressor", {"input_gate": False, "output_gate_bias": None}, "one", 0),
    "biases": ("LSTMClassifier", {"input_gate_bias": np.int64([-1, -2])}, "booleans", 0),
    "forget gates": (
        "LSTMClassifier", {"forget_gate": True, "forget_gate_bias": np.float32([0.5, 1.5])},
        "integers", 1,
    ),
    "forget gates of a growing net": (
        "LSTMRegressor",
        {"initial_blocks": 0, "n_hidden": 1, "growth_patience": 12, "forget_gate": True}, "two", 1,
    ),
    "forget gates without a bias": (
        "LSTMRegressor", {"forget_gate": True, "forget_gate_bias": None, "batch_size": 4}, "one", 1,
    ),
    "weighted": (
        "LSTMClassifier", {"class_weight": {-3: 2.0, 0: 1, 7: 0.5}, "warm_start": True},
        "integers", 0,
    ),
    "early": (
        "LSTMRegressor", {"early_stopping": True, "batch_size": 3, "standardize": True}, "one", 0,
    ),
    "full": ("LSTMClassifier", {"gradient": "full", "recurrence": "cells"}, "integers", 0),
    "defaults": (
        "LSTMRegressor", {"learning_rate": "auto", "solver": "adam", "standardize": True}, "two", 1,
    ),
    "fully connected": ("RTRLClassifier", {"recurrent_outputs": True}, "strings", 0),
    "outputs in training": ("CascadeCorrelationRegressor", {"max_hidden": 9}, "two", 1),
    "candidates in training": ("CascadeCorrelationClassifier", {"max_hidden": 9}, "strings", 10),
    "a table": ("LSTMClassifier", {"n_channels": 2}, "strings", 0),
    "a data frame": ("BPTTRegressor", {"n_channels": 2}, "one", 0),
}  # fmt: skip
# Fields of topologies, and parameters, that came with the cell of 2000.
GATE_OF_2000 = ["forget_gate", "forget_gate_bias"]
every_case = pytest.mark.parametrize("case", CASES)


@cache
def fitted(case):
    """Return a fitted estimator and its data; tests share it and must not change it."""
    name, params, kind, n_calls = CASES[case]
    limits = {"max_iter": 6} if "Cascade" not in name else {"max_iter": 50, "max_phase_iter": 7}
    model = ESTIMATORS[name].as_published(random_state=3, **{**limits, **params})
    X, y = data(case, kind)
    model.fit(X, y)
    for _ in range(n_calls):
        model.partial_fit(X, y)
    return model, X, y


def data(case, kind):
    rng = np.random.default_rng(len(case))
    X = [rng.uniform(-1, 1, (rng.integers(1, 9), 2)) for _ in range(24)]
    if case.startswith("a "):
        X = rng.uniform(-1, 1, (24, 6))
        X = pd.DataFrame(X, columns=[*"abcdef"]) if "frame" in case else X
    if kind == "every step":
        return X, [np.where(x[:, 0] > 0, "up", "down") for x in X]
    if kind == "every number":
        return X, [x[:, :1] + x[:, 1:] for x in X]
    if kind == "several labels":
        return X, rng.integers(2, size=(24, 3))
    if kind in LABELS:
        return X, LABELS[kind][np.arange(24) % len(LABELS[kind])]
    return X, rng.normal(size=24 if kind == "one" else (24, 2))


def plain(value):
    """Return a value in a form that compares every bit and every type."""
    if is_dataclass(value):
        return [type(value), [plain(getattr(value, field.name)) for field in fields(value)]]
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.shape, value.tobytes()]
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return [plain([*value.keys()]), plain([*value.values()])]
    return [type(value), repr(value)]


def attributes(model):
    """Return all attributes except two, which only `fit` uses."""
    return {
        name: plain(value)
        for name, value in vars(model).items()
        if name not in ("_fit_state", "_by_batches")
    }


def behaviour(model, X, y):
    """Return predictions of a model, and its attributes after further learning."""
    first = [plain(model.predict(X)), plain(getattr(model, "predict_proba", model.predict)(X))]
    for _ in range(4):
        model.partial_fit(X, y)
    return [*first, attributes(model)]


def saved(model):
    """Return the bytes that `save` would write."""
    file = io.BytesIO()
    np.savez(file, **lstm97.persistence._entries(model))
    return file.getvalue()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def test_cases_match_their_names():
    public = {name for name in lstm97.__all__ if hasattr(getattr(lstm97, name), "predict")}
    assert ESTIMATORS.keys() == public
    assert {type(fitted(case)[0]) for case in CASES} == set(ESTIMATORS.values())
    assert fitted("grown")[0].topology_.n_blocks == 2
    for case in ("forget gates", "forget gates of a growing net", "forget gates without a bias"):
        topology = fitted(case)[0].topology_
        assert topology.forget_gate
        assert topology.forget_gate_bias == ("without" not in case)
        assert topology.n_blocks == 2
    assert 1 < fitted("growing")[0].topology_.n_blocks < 9
    assert fitted("outputs in training")[0].training_state_.candidates is None
    state = fitted("candidates in training")[0].training_state_
    assert state.candidates is not None
    for case in ("outputs in training", "candidates in training"):
        assert fitted(case)[0].topology_.n_hidden > 0
    assert state.candidates.last.step.any()
    for case in ("adam", "adam of a growing net"):
        assert (fitted(case)[0].solver_state_["powers"] == powers_after(24 * 7)).all()
    assert fitted("adam of a growing net")[0].topology_.n_blocks == 2
    assert fitted("adam on line")[0].solver_state_["mean"].any()
    assert fitted("momentum")[0].solver_state_["velocity"].any()


# ---- round trips ---------------------------------------------------------------------------------


@every_case
def test_a_loaded_model_equals_the_saved_one(case, path):
    model, X, y = fitted(case)
    before = attributes(model)
    save(model, path)
    copied = load(path)
    assert attributes(model) == before
    assert attributes(copied) == before
    assert type(copied) is type(model)
    save(copied, path.with_name("again"))
    assert path.with_name("again").read_bytes() == path.read_bytes()
    assert behaviour(copied, X, y) == behaviour(copy.deepcopy(model), X, y)


@every_case
def test_files_of_machines_with_the_other_byte_order(case, path):
    def swap(header, arrays):
        for name, array in arrays.items():
            arrays[name] = array.astype(array.dtype.newbyteorder("S"))

    model, X, y = fitted(case)
    loaded = load(written(path, case, swap))
    assert attributes(loaded) == attributes(model)
    assert behaviour(loaded, X, y) == behaviour(copy.deepcopy(model), X, y)


CHILD = """
import pickle, sys, warnings
from pathlib import Path
import joblib, lstm97
sys.path.insert(0, sys.argv[2])
folder, how = Path(sys.argv[1]), {"pickle": joblib.load, "joblib": joblib.load, "npz": lstm97.load}
how["pickle"] = lambda path: pickle.loads(path.read_bytes())
warnings.simplefilter("ignore")
for path, load in [(path, how[path.suffix[1:]]) for path in sorted(folder.iterdir())]:
    model = load(path)
    X, y = pickle.loads((folder.parent / path.stem).read_bytes())
    outputs = [model.predict(X), getattr(model, "predict_proba", model.predict)(X)]
    for _ in range(4):
        model.partial_fit(X, y)
    (folder.parent / f"{path.name}.done").write_bytes(pickle.dumps((outputs, model)))
"""


def test_another_process_predicts_and_learns_the_same(tmp_path):
    (tmp_path / "models").mkdir()
    for i, case in enumerate(CASES):
        model, X, y = fitted(case)
        (tmp_path / str(i)).write_bytes(pickle.dumps((X, y)))
        path = tmp_path / "models" / str(i)
        path.with_suffix(".pickle").write_bytes(pickle.dumps(model))
        joblib.dump(model, path.with_suffix(".joblib"))
        save(model, path.with_suffix(".npz"))
    python("-c", CHILD, tmp_path / "models", Path(__file__).parent)
    for i, case in enumerate(CASES):
        model, X, y = fitted(case)
        expected = behaviour(copy.deepcopy(model), X, y)
        for suffix in ("pickle", "joblib", "npz"):
            outputs, later = pickle.loads((tmp_path / f"{i}.{suffix}.done").read_bytes())
            assert [*map(plain, outputs), attributes(later)] == expected, (case, suffix)


@every_case
def test_skops_only_has_to_trust_our_types(case):
    skops = pytest.importorskip("skops.io")
    model, X, y = fitted(case)
    dumped = skops.dumps(model)
    unknown = skops.get_untrusted_types(data=dumped)
    assert unknown
    assert all(name.startswith("lstm97.") for name in unknown)
    copied = skops.loads(dumped, trusted=unknown)
    assert attributes(copied) == attributes(model)
    assert plain(copied._fit_state) == plain(model._fit_state)
    assert behaviour(copied, X, y) == behaviour(copy.deepcopy(model), X, y)


def test_skops_keeps_sequences_and_streams():
    skops = pytest.importorskip("skops.io")
    X = [np.random.default_rng(i).normal(size=(i, 2)) for i in (2, 5, 3, 4)]
    stream = lstm97.RTRLRegressor.as_published(random_state=0).partial_fit(X, np.zeros(4)).stream()
    stream.step(X[0][0])
    words = lstm97.Sequences.from_symbols([[0, 2], [1]])
    copied = []
    for thing in (lstm97.Sequences.from_list(X)[1:3], words, stream):
        dumped = skops.dumps(thing)
        trusted = skops.get_untrusted_types(data=dumped)
        others = {name for name in trusted if not name.startswith("lstm97.")}
        assert others <= ({"scipy.sparse._csr.csr_array"} if thing is words else set())
        copied.append(skops.loads(dumped, trusted=trusted))
    dense, encoded, other = copied
    assert plain(dense.to_list()) == plain(X[1:3])
    assert plain(encoded.flat.toarray()) == plain(words.flat.toarray())
    assert encoded.lengths.tolist() == [2, 1]
    assert other.learn(1.0) == stream.learn(1.0)
    assert other.step(X[0][1]) == stream.step(X[0][1])


# ---- the file ------------------------------------------------------------------------------------


@every_case
def test_contents_of_a_file(case, path):
    model, _, _ = fitted(case)
    save(model, path)
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    header = json.loads(arrays["header"].item())
    assert list(header) == ["format", "schema", "version", "class", "parameters", "fitted"]
    assert (header["format"], header["schema"]) == ("lstm97", 3)
    assert (header["version"], header["class"]) == (lstm97.__version__, type(model).__name__)
    assert header["fitted"]["loss_curve_"] == model.loss_curve_
    assert header["parameters"].keys() == model.get_params().keys()
    groups = {f"weights_.{name}" for name in model.topology_.slices}
    assert {name for name in arrays if name.startswith("weights_.")} == groups
    views = model.topology_.views(model.weights_[: model.topology_.n_weights])
    for name, view in views.items():
        assert np.array_equal(arrays[f"weights_.{name}"], view)
    if case == "weighted":
        assert header["parameters"]["class_weight"] == {"dict": [[-3, 2.0], [0, 1], [7, 0.5]]}
    if is_classifier(model):
        assert np.array_equal(arrays["classes_"], model.classes_)


def test_parameters_of_all_kinds():
    model, _, _ = fitted("grown")
    model = clone(model).fit(*fitted("grown")[1:])
    kinds = {
        "learning_rate": np.float32(0.1),
        "n_blocks": np.int64(3),
        "shortcut": np.bool_(True),
        "init_scale": np.float64(0.25),
        "input_gate_bias": (-1.5, -2),
        "output_gate_bias": np.array([[1.0, 2.0]], dtype=np.float32)[0],
    }
    copied = lstm97.persistence._restore(lstm97.persistence._entries(model.set_params(**kinds)))
    found = copied.get_params()
    assert found["learning_rate"] == float(np.float32(0.1))
    assert (found["n_blocks"], found["shortcut"]) == (3, True)
    assert type(found["n_blocks"]) is int
    assert type(found["init_scale"]) is float
    assert found["input_gate_bias"] == [-1.5, -2]  # a tuple comes back as a list
    assert plain(found["output_gate_bias"]) == plain(kinds["output_gate_bias"])


@pytest.mark.parametrize(
    "value",
    [{1: 0.5, "1": 2.0, None: {True: [1, {}]}}, {}, {"dict": 1}, [{"array": "x"}], 10**30, "\0"],
)
def test_a_dict_keeps_its_keys(value):
    arrays = {}
    packed = json.loads(json.dumps(lstm97.persistence._pack("x", value, arrays)))
    assert plain(lstm97.persistence._unpack("x", packed, arrays)) == plain(value)


def test_two_arrays_of_one_name_are_refused():
    value = {1: np.ones(2), "1": np.zeros(2)}
    with pytest.raises(ValueError, match=r"x\.1 cannot be saved: two values have"):
        lstm97.persistence._pack("x", value, {})


def test_private_attributes_are_not_saved(path):
    model = copy.deepcopy(fitted("momentum")[0])
    model._fit_state = object()
    save(model, path)
    assert not hasattr(load(path), "_fit_state")


def test_a_fit_with_warm_start_continues_from_the_saved_weights(path):
    model, X, y = fitted("weighted")
    save(model, path)
    copied, anew = load(path), copy.deepcopy(model)
    anew._fit_state = None
    assert attributes(copied.fit(X, y)) == attributes(anew.fit(X, y))
    assert copied.n_iter_ == 2 * model.n_iter_


def test_a_file_without_a_parameter_has_its_default(path):
    entries = lstm97.persistence._entries(fitted("full")[0])
    header = json.loads(entries["header"].item())
    del header["parameters"]["recurrence"], header["parameters"]["gradient"]
    np.savez(path, **{**entries, "header": np.array(json.dumps(header).encode())})
    assert (load(path).recurrence, load(path).gradient) == ("all", "truncated")


@pytest.mark.parametrize("missing", [GATE_OF_2000, GATE_OF_2000[:1], GATE_OF_2000[1:]])
def test_a_file_from_before_the_forget_gate_has_none(missing, path):
    """Older topologies lack these fields, and older estimators these parameters."""
    model, X, y = fitted("full")
    entries = lstm97.persistence._entries(model)
    header = json.loads(entries["header"].item())
    for name in missing:
        del header["fitted"]["topology_"]["Topology"][name], header["parameters"][name]
    np.savez(path, **{**entries, "header": np.array(json.dumps(header).encode())})
    loaded = load(path)
    assert attributes(loaded) == attributes(model)
    assert not loaded.topology_.forget_gate
    assert loaded.topology_.forget_gate_bias
    assert (loaded.forget_gate, loaded.forget_gate_bias) == (False, 1.0)
    assert behaviour(loaded, X, y) == behaviour(copy.deepcopy(model), X, y)


@pytest.mark.parametrize("also", [field.name for field in fields(Topology)])
def test_a_topology_lacks_no_other_field(also, path):
    entries = lstm97.persistence._entries(fitted("full")[0])
    header = json.loads(entries["header"].item())
    parts = header["fitted"]["topology_"]["Topology"]
    for name in {*GATE_OF_2000, also}:
        del parts[name]
    np.savez(path, **{**entries, "header": np.array(json.dumps(header).encode())})
    if also in GATE_OF_2000:
        assert not load(path).topology_.forget_gate
        return
    with pytest.raises(ValueError, match="topology_ must have the fields n_inputs"):
        load(path)


# ---- saving, refused or failed -------------------------------------------------------------------


class Derived(LSTMRegressor):
    pass


def with_attributes(case, **values):
    model = copy.deepcopy(fitted(case)[0])
    vars(model).update(values)
    return model


REFUSED = {
    "a RandomState": (
        lambda: with_attributes("full", random_state=np.random.RandomState(0)),
        ValueError, "random_state cannot be saved: it holds RandomState",
    ),
    "a function": (
        lambda: with_attributes("full", n_hidden=[1, len]),
        ValueError, r"n_hidden\.1 cannot be saved: it holds <built-in function len>",
    ),
    "objects": (
        lambda: with_attributes("full", classes_=np.array([object()])),
        ValueError, r"classes_\.0 cannot be saved",
    ),
    "wide floats": (
        lambda: with_attributes("full", tol=np.longdouble(1)), ValueError, "tol cannot be saved",
    ),
    "a wrong parameter": (
        lambda: with_attributes("full", n_blocks=-1), ValueError, "n_blocks",
    ),
    "NaN": (
        lambda: with_attributes("full", weights_=fitted("full")[0].weights_ * np.nan),
        ValueError, "weights_ holds a number that is not finite",
    ),
    "weights of another net": (
        lambda: with_attributes("full", weights_=fitted("grown")[0].weights_),
        ValueError, "weights_ has shape",
    ),
    "other attributes": (
        lambda: with_attributes("full", target_steps_="some"),
        ValueError, "target_steps_ is 'some'",
    ),
    "not fitted": (lambda: LSTMRegressor.as_published(), NotFittedError, "not fitted"),
    "a derived class": (
        lambda: Derived(max_iter=1, tol=None).fit(*fitted("LSTMRegressor-one")[1:]),
        TypeError, "save takes the estimators of lstm97, got Derived",
    ),
    "a stranger": (
        lambda: LogisticRegression(), TypeError, "got LogisticRegression: skops.io and pickle save",
    ),
    "a stream": (
        lambda: fitted("grown")[0].stream(), TypeError, r"got Stream: .*stream.to_estimator\(\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_save_leaves_the_old_file(name, path):
    make, error, message = REFUSED[name]
    save(fitted("grown")[0], path)
    before = path.read_bytes()
    with pytest.raises(error, match=message):
        save(make(), path)
    assert path.read_bytes() == before
    assert [*path.parent.iterdir()] == [path]


def no_room(file, **arrays):
    file.write(b"half of it")
    raise OSError(28, "No space left on device")


def killed(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("place", "failing", "error"),
    [("numpy.savez", no_room, OSError), ("os.replace", killed, KeyboardInterrupt)],
)
def test_a_failed_save_leaves_the_old_file(monkeypatch, path, place, failing, error):
    save(fitted("grown")[0], path)
    before = path.read_bytes()
    monkeypatch.setattr(place, failing)
    with pytest.raises(error):
        save(fitted("adam")[0], path)
    assert path.read_bytes() == before
    assert [*path.parent.iterdir()] == [path]


def test_saving_to_a_wrong_path_is_an_error(path):
    with pytest.raises(FileNotFoundError):
        save(fitted("grown")[0], path.parent / "none" / "model.npz")
    assert [*path.parent.iterdir()] == []


posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and permissions of POSIX")


def not_a_file(kind, path):
    """Make what is not a regular file at a path, and return a path that leads to it."""
    if kind == "device":
        return Path(os.devnull)
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    if kind == "link to a pipe":
        link = path.with_name("link")
        link.symlink_to(path)
        return link
    return path


@posix
@pytest.mark.parametrize("kind", ["directory", "pipe", "device", "link to a pipe"])
def test_what_is_not_a_regular_file_is_not_replaced(kind, path):
    where = not_a_file(kind, path)
    names, mode = sorted(path.parent.iterdir()), where.stat().st_mode
    with pytest.raises(OSError, match=f"{where.resolve()} is not a regular file"):
        save(fitted("grown")[0], where)
    assert (sorted(path.parent.iterdir()), where.stat().st_mode) == (names, mode)


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o666, 0o400])
def test_a_file_keeps_its_permissions(mode, path):
    path.touch()
    path.chmod(mode)
    save(fitted("grown")[0], path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_nobody_else_may_read_what_is_being_written(mode, path, monkeypatch):
    """The temporary file has its permissions before it has any contents."""
    path.touch()
    path.chmod(mode)
    seen = []
    savez = np.savez
    monkeypatch.setattr(
        "numpy.savez", lambda f, **a: (seen.append(os.fstat(f.fileno()).st_mode), savez(f, **a))
    )
    save(fitted("grown")[0], path)
    assert [stat.S_IMODE(each) for each in seen] == [mode]


@posix
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o000])
def test_a_new_file_obeys_the_umask(umask, path):
    before = os.umask(umask)
    try:
        save(fitted("grown")[0], path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@posix
@pytest.mark.parametrize("target", ["old", "new", "through another link"])
def test_a_symbolic_link_stays_one(target, path, tmp_path):
    """Its target, in another folder, is written; it need not exist."""
    (tmp_path / "elsewhere").mkdir()
    there = tmp_path / "elsewhere" / "target.npz"
    path.symlink_to("between" if "another" in target else "elsewhere/target.npz")
    if "another" in target:
        (tmp_path / "between").symlink_to(there)
    if target == "old":
        there.touch()
        there.chmod(0o640)
    model, X, _ = fitted("grown")
    save(model, path)
    assert path.is_symlink()
    assert not there.is_symlink()
    assert [*there.parent.iterdir()] == [there]
    assert np.array_equal(load(path).predict(X), model.predict(X))
    assert target != "old" or stat.S_IMODE(there.stat().st_mode) == 0o640


@posix
def test_a_link_to_itself_is_an_error(path):
    path.symlink_to(path)
    with pytest.raises(OSError, match="symbolic link"):
        save(fitted("grown")[0], path)
    assert path.is_symlink()


# ---- loading, refused ----------------------------------------------------------------------------


def test_loading_a_missing_file_is_an_error(path):
    with pytest.raises(FileNotFoundError):
        load(path)


def written(path, case, change=None):
    """Save an estimator, with a change to the header and the arrays if there is one."""
    arrays = lstm97.persistence._entries(fitted(case)[0])
    header = json.loads(arrays.pop("header").item())
    if change is not None:
        change(header, arrays)
    np.savez(path, header=np.array(json.dumps(header).encode()), **arrays)
    return path


def put(*keys, value):
    """Return a change that sets a value in the header."""

    def change(header, arrays):
        place = header
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


def take(*keys):
    """Return a change that removes a value from the header."""

    def change(header, arrays):
        place = header
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return change


def array(name, make):
    """Return a change that replaces an array, or removes it if `make` returns None."""

    def change(header, arrays):
        arrays[name] = make(arrays.get(name))
        if arrays[name] is None:
            del arrays[name]

    return change


def nan(x):
    """Return a copy whose last number is NaN."""
    x = x.copy()
    x.flat[-1] = np.nan
    return x


TOPOLOGY = ("fitted", "topology_", "Topology")
CHUNKER = ("fitted", "chunker_topology_", "Topology")
STATE = ("fitted", "training_state_", "TrainingState")
POOL = "training_state_.candidates"
WRONG = {
    "schema": (
        "full", put("schema", value=4), "in version 4 of the format; .* reads versions up to 3",
    ),
    "no schema": ("full", put("schema", value=0), "in version 0 of the format"),
    "true schema": ("full", put("schema", value=True), "in version True of the format"),
    "schema of a kind": ("full", put("schema", value=1.0), "in version 1.0 of the format"),
    "unknown": ("full", put("fitted", "fit_", value=1), "'fit_' is not a fitted attribute"),
    "softmax": (
        "grown", put(*TOPOLOGY, "output_activation", value="softmax"),
        "topology_.output_activation is 'softmax'",
    ),
    "linear": (
        "full", put(*TOPOLOGY, "output_activation", value="linear"),
        "topology_.output_activation is 'linear'",
    ),
    "softmax of a chunker": (
        "SequenceChunkerRegressor-one", put(*CHUNKER, "output_activation", value="softmax"),
        "chunker_topology_.output_activation is 'softmax'",
    ),
    "true blocks": ("grown", put(*TOPOLOGY, "n_blocks", value=True), "of type int, got True"),
    "true calls": ("full", put("fitted", "n_iter_", value=True), "n_iter_ must be of type int"),
    "NaN in losses": (
        "full", put("fitted", "loss_curve_", 0, value=np.nan), "loss_curve_ holds a number that",
    ),
    "format": ("full", put("format", value="x"), "its header was not written by `save`"),
    "no class": ("full", take("class"), "its header has no 'class'"),
    "class": ("full", put("class", value="os.system"), "lstm97 has no estimator 'os.system'"),
    "kind of class": ("early", put("class", value="LSTMClassifier"), "classes_ is missing"),
    "method": ("full", put("class", value="RTRLClassifier"), "Invalid parameter"),
    "no parameters": ("full", take("parameters"), "its header has no 'parameters'"),
    "parameters": ("full", put("parameters", value=[]), "its header has no 'parameters'"),
    "parameter": ("full", put("parameters", "n_layers", value=3), "Invalid parameter 'n_layers'"),
    "value": ("full", put("parameters", "n_blocks", value=0.5), "n_blocks.* must be an int"),
    "biases": ("biases", array("input_gate_bias", lambda x: None), "input_gate_bias is missing"),
    "no fitted": ("full", take("fitted"), "its header has no 'fitted'"),
    "hidden name": ("full", put("fitted", "__class__", value=1), "'__class__' is not a fitt"),
    "no steps": ("full", take("fitted", "target_steps_"), "target_steps_ is missing"),
    "steps": ("full", put("fitted", "target_steps_", value="some"), "target_steps_ is 'some'"),
    "type": ("full", put("fitted", "stop_reason_", value=3), "stop_reason_ must be of type str"),
    "n_iter_": ("full", put("fitted", "n_iter_", value=-1), "n_iter_ is -1"),
    "scores": ("early", put("fitted", "validation_scores_", value=2.0), "of type list, got 2.0"),
    "losses": ("full", put("fitted", "loss_curve_", 0, value="1"), "loss_curve_ must be a list"),
    "columns": ("a table", put("fitted", "n_features_in_", value=7), "7, expected a multiple of 2"),
    "width": ("full", put("fitted", "n_step_features_in_", value=3), "must be the net's inputs, 2"),
    "names": (
        "a data frame", put("fitted", "feature_names_in_", "objects", value=["a"]),
        "feature_names_in_ must be an array of 6 names",
    ),
    "no array of names": (
        "a data frame", put("fitted", "feature_names_in_", value=["a"]),
        "feature_names_in_ must be of type ndarray",
    ),
    "no topology": ("full", take("fitted", "topology_"), "topology_ is missing"),
    "kind": ("full", put("fitted", "topology_", value={"os": {}}), "of an unknown kind, 'os'"),
    "other kind": ("full", put("fitted", "topology_", value={"dict": []}), "must be of type Topol"),
    "two kinds": ("full", put("fitted", "topology_", "dict", value=[]), "topology_ must have one"),
    "forget gates without weights": (
        "full", put(*TOPOLOGY, "forget_gate", value=True), "weights_.forget_gate is missing",
    ),
    "weights of no gates": (
        "forget gates", put(*TOPOLOGY, "forget_gate", value=False), "input_gate has shape",
    ),
    "other field": ("full", put(*TOPOLOGY, "peephole", value=True), "must have the fields n_inp"),
    "field": ("full", take(*TOPOLOGY, "shortcut"), "topology_ must have the fields n_inp"),
    "more blocks": ("full", put(*TOPOLOGY, "n_blocks", value=3), r"input_gate has shape \(7, 2\)"),
    "no blocks": ("full", put(*TOPOLOGY, "n_blocks", value=-1), "n_blocks must be at least 0"),
    "type of field": ("full", put(*TOPOLOGY, "n_blocks", value="2"), "of type int, got '2'"),
    "choice": ("full", put(*TOPOLOGY, "recurrence", value="some"), "recurrence must be one of"),
    "outputs": ("full", put(*TOPOLOGY, "n_outputs", value=4), "4 outputs, expected 3"),
    "a huge cascade": (
        "outputs in training",
        put("fitted", "topology_", "CascadeTopology", "n_hidden", value=10**9),
        "weights of hidden units are missing",
    ),
    "no weights": ("full", array("weights_.cell", lambda x: None), r"weights_\.cell is missing"),
    "shape": ("full", array("weights_.cell", lambda x: x[:, 1:]), r"weights_\.cell has shape"),
    "one axis": ("full", array("weights_.cell", lambda x: x.ravel()), r"weights_\.cell has shape"),
    "dtype": (
        "full", array("weights_.output", lambda x: x.astype("f4")),
        r"weights_\.output has dtype float32, expected float64",
    ),
    "NaN": ("full", array("weights_.cell", nan), r"weights_\.cell holds a number that is not fin"),
    "more": ("full", array("more", lambda x: np.ones(2)), "unknown entries: more"),
    "no classes": ("full", array("classes_", lambda x: None), "classes_ is missing"),
    "stop reason": ("full", put("fitted", "stop_reason_", value="junk"), "stop_reason_ is 'junk'"),
    "epochs": ("full", put("fitted", "n_iter_", value=10**300), "n_iter_ is 1000"),
    "order": ("full", array("classes_", lambda x: x[::-1]), "labels in ascending order"),
    "a class less": ("full", array("classes_", lambda x: x[1:]), "3 outputs, expected 2"),
    "axes": ("full", array("classes_", lambda x: x[:, None]), "labels in ascending order"),
    "n_outputs_": ("grown", put("fitted", "n_outputs_", value=2), "is 1, but 2 outputs need 2"),
    "target_ndim_": ("grown", put("fitted", "target_ndim_", value=3), "target_ndim_ is 3"),
    "target_ndim_ of classes": (
        "full", put("fitted", "target_ndim_", value=2), "classes_ must be the indices of the labels"
    ),
    "n_updates": (
        "adam", put("fitted", "solver_state_", "dict", 2, value=["n_updates", -3]),
        "solver_state_.n_updates must be an int of at least 0, got -3",
    ),
    "solver": ("adam", put("fitted", "solver_state_", value=3), "must be of type dict, got 3"),
    "mean": ("adam", array("solver_state_.mean", lambda x: x[1:]), "solver_state_.mean has shape"),
    "square": ("adam", array("solver_state_.square", nan), "solver_state_.square holds a number"),
    "powers": (
        "adam on line", array("solver_state_.powers", lambda x: x + 1.0),
        "solver_state_.powers must be between 0 and 1",
    ),
    "velocity": (
        "momentum", put("fitted", "solver_state_", "dict", 0, 1, value=1),
        "solver_state_.velocity must be an array, got 1",
    ),
    "seed": ("candidates in training", put(*STATE, "seed", value=-1), "seed must be at least 0 "),
    "progress": (
        "candidates in training", put(*STATE, "progress", "Progress", "score", value="x"),
        "training_state_.progress: score must be of type float",
    ),
    "finished": (
        "candidates in training", put(*STATE, "is_finished", value=None),
        "training_state_: is_finished must be of type bool",
    ),
    "last": (
        "outputs in training", array("training_state_.last.step", lambda x: x.T),
        "training_state_.last.step has shape",
    ),
    "gradient": (
        "outputs in training", array("training_state_.last.gradient", nan),
        "training_state_.last.gradient holds a number that is not finite",
    ),
    "candidates": (
        "candidates in training", array(f"{POOL}.weights", lambda x: x[:, 1:]),
        f"{POOL}.last.step has shape",
    ),
    "moves": (
        "candidates in training", array(f"{POOL}.last.step", lambda x: x[1:]),
        f"{POOL}.last.step has shape",
    ),
    "covariance": (
        "candidates in training", array(f"{POOL}.covariance", lambda x: x[1:]),
        f"{POOL}.covariance has shape",
    ),
    "no chunker": (
        "SequenceChunkerRegressor-one", take("fitted", "chunker_topology_"),
        "chunker_topology_ is missing",
    ),
    "chunker's inputs": (
        "SequenceChunkerRegressor-one", put(*CHUNKER, "n_inputs", value=3),
        "have different n_inputs",
    ),
    "chunker's weights": (
        "SequenceChunkerRegressor-one", array("chunker_weights_.hidden", nan),
        r"chunker_weights_\.hidden holds a number that is not finite",
    ),
    "chunker's targets": (
        "SequenceChunkerRegressor-two", put("fitted", "n_outputs_", value=1),
        "outputs must be targets, inputs, and the chunker's state",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_an_error_names_what_is_wrong_in_a_file(name, path):
    case, change, message = WRONG[name]
    load(written(path, case))
    with pytest.raises(ValueError, match=re.escape(str(path)) + " cannot be loaded: .*" + message):
        load(written(path, case, change))


def as_npy(data):
    file = io.BytesIO()
    np.save(file, data)
    return file.getvalue()


def as_npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def as_zip(compression=zipfile.ZIP_STORED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


FILES = {
    "empty": (b"", "not a zip file"),
    "text": (b"{}", "not a zip file"),
    "a pickle": (pickle.dumps([1, 2]), "not a zip file"),
    "an array": (as_npy(np.ones(3)), "not a zip file"),
    "an empty archive": (as_zip(), "it has no header; it was not written by `save`"),
    "other arrays": (as_npz(a=np.ones(3)), "it has no header"),
    "no text": (as_npz(header=np.array(1.5)), "JSON"),
    "a list": (as_npz(header=np.array(b"[]")), "its header was not written by `save`"),
    "no JSON": (as_npz(header=np.array(b"{")), "Expecting property name"),
    "deep": (as_npz(header=np.array(b"[" * 100_000)), "RecursionError"),
    "no array": (as_zip(header=b"x"), "magic string"),
    "objects": (as_npz(header=np.array([None])), "Object arrays cannot be loaded"),
    "a compressed header": (as_zip(zipfile.ZIP_DEFLATED, header=b"x"), "header.npy is compressed"),
    "a huge array": (
        as_zip(header=as_npy(np.ones(3)).replace(b"(3,)", b"(%d,)" % 10**18)),
        "needs 8000000000000000000 bytes by its header, but has",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_other_files_are_refused(name, path):
    data, message = FILES[name]
    path.write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(str(path)) + " cannot be loaded: ") as caught:
        load(path)
    assert message in str(caught.value)


def test_a_small_file_cannot_take_much_memory(path):
    """Neither compressed zeros nor many entries at the same place in the file do so."""
    path.write_bytes(as_zip(zipfile.ZIP_DEFLATED, header=bytes(10**8)))
    entries = zipfile.ZipFile(io.BytesIO(as_zip(header=bytes(10**5)))).infolist()
    again = io.BytesIO(as_zip(header=bytes(10**5)))
    with zipfile.ZipFile(again, "a") as archive:
        for i in range(1000):
            entry = copy.copy(entries[0])
            entry.filename = f"{i}.npy"
            archive.filelist.append(entry)
        archive._didModify = True
    for data in (path.read_bytes(), again.getvalue()):
        path.write_bytes(data)
        assert path.stat().st_size < 250_000
        tracemalloc.start()
        with pytest.raises(ValueError, match=r"cannot be loaded: .*(compressed|larger than)"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        tracemalloc.stop()


@pytest.mark.parametrize(("descr", "count"), [("|V0", 4 * 10**8), ("<f8", 10**9), ("<U0", 10**7)])
def test_an_entry_cannot_promise_more_than_it_holds(descr, count, path):
    """A header alone would otherwise make NumPy take memory, or count items of no size."""
    entry = io.BytesIO()
    promised = {"descr": descr, "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(entry, promised)
    written(path, "full")
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["classes_.npy"] = entry.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"classes_.npy (has items of no size|needs \d+ bytes)"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


# ---- damage --------------------------------------------------------------------------------------


def load_if_whole(path, data):
    """Return the estimator, or the reason why it cannot be loaded."""
    path.write_bytes(data)
    try:
        return load(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path} cannot be loaded: ")


def check_damaged(path, data, case):
    """Check that a file is refused or its model is undamaged; return whether it is refused."""
    found = load_if_whole(path, data)
    is_refused = isinstance(found, str)
    assert is_refused or attributes(found) == attributes(fitted(case)[0])
    return is_refused


DAMAGED = ["adam", "candidates in training", "SequenceChunkerClassifier-strings", "a data frame"]


@settings(max_examples=2 * settings.default.max_examples, deadline=None)
@given(st.sampled_from(DAMAGED), st.data())
def test_flipped_bytes_are_found(tmp_path_factory, case, draw):
    data = bytearray(saved(fitted(case)[0]))
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    check_damaged(tmp_path_factory.getbasetemp() / "flipped.npz", bytes(data), case)


@settings(max_examples=settings.default.max_examples, deadline=None)
@given(st.sampled_from(DAMAGED), st.data())
def test_lost_and_added_bytes_are_found(tmp_path_factory, case, draw):
    data = saved(fitted(case)[0])
    start = draw.draw(st.integers(0, len(data)))
    stop = draw.draw(st.integers(start, len(data)) | st.just(len(data)))
    data = data[:start] + draw.draw(st.binary(max_size=9)) + data[stop:]
    check_damaged(tmp_path_factory.getbasetemp() / "cut.npz", data, case)


@pytest.mark.parametrize("case", DAMAGED)
def test_flipped_bits_of_entries_are_refused(case, path):
    data = saved(fitted(case)[0])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        places = [
            (info.filename, info.header_offset + 30 + len(info.filename) + 20, info.file_size)
            for info in archive.infolist()
        ]
    for name, start, size in places:
        assert data[start : start + 6] == b"\x93NUMPY", name
        for at in np.random.default_rng(0).integers(start, start + size, 20):
            flipped = bytearray(data)
            flipped[at] ^= 1 << int(at) % 8
            assert check_damaged(path, bytes(flipped), case)


def places(tree, keys=()):
    """Yield the keys that lead to each value of a header."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        yield (*keys, key)
        if isinstance(tree[key], dict | list):
            yield from places(tree[key], (*keys, key))


@pytest.mark.parametrize("n_places", [20, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("case", [*DAMAGED, "grown", "LSTMClassifier-strings"])
def test_a_changed_header_is_refused_or_its_model_predicts(case, path, n_places):
    entries = lstm97.persistence._entries(fitted(case)[0])
    header = json.loads(entries["header"].item())
    X = fitted("full")[1]
    n_refused = n_loaded = 0
    every = list(places(header))
    for keys in random.Random(0).sample(every, min(n_places, len(every))):
        changes = [put(*keys, value=v) for v in (None, True, -1, 1.5, "x", [], {}, [1], {"a": 1})]
        for change in [*changes, take(*keys)]:
            other = copy.deepcopy(header)
            change(other, None)
            arrays = {**entries, "header": np.array(json.dumps(other).encode())}
            found = load_if_whole(path, as_npz(**arrays))
            if isinstance(found, str):
                n_refused += 1
            else:
                assert len(found.predict(X)) == len(X)
                n_loaded += 1
    assert n_refused > 3 * n_loaded > 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["array", "objects", "dict", "Move", "x"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@fuzz
@given(st.sampled_from(sorted(CASES)), st.data())
def test_a_changed_file_is_refused_or_its_model_predicts(tmp_path_factory, case, draw):
    model, X, _ = fitted(case)
    arrays = lstm97.persistence._entries(model)
    header = json.loads(arrays["header"].item())
    for _ in range(draw.draw(st.integers(0, 2))):
        keys = draw.draw(st.sampled_from([*places(header)]))
        draw.draw(st.sampled_from([put(*keys, value=draw.draw(JSON)), take(*keys)]))(header, {})
        arrays["header"] = np.array(json.dumps(header).encode())
    for name in draw.draw(st.lists(st.sampled_from(sorted(arrays)), max_size=2, unique=True)):
        arrays[name] = draw.draw(harmed(arrays[name]))
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, about values that it cannot store well
        try:
            np.savez(path, **arrays)
        except Exception:
            reject()
    loaded = attempt(load, path, also=["loaded"])
    if loaded is not None:
        predicted = attempt(loaded.predict, X, also=["weights_"])
        assert predicted is None or len(predicted) == len(X)


# ---- the document --------------------------------------------------------------------------------

PAGE = Path(__file__).parents[1] / "docs" / "persistence.md"


def reader():
    [code] = re.findall(r"^```python\n(?!>>>)(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert len(code.splitlines()) <= 45
    assert "lstm97" not in code
    names = {}
    exec(code, names)
    return names["run"]


def random_lstm(rng):
    """Draw an LSTM with random parameters, and fit it briefly."""

    def pick(*options):
        return options[rng.integers(len(options))]

    Estimator = pick(LSTMClassifier, LSTMRegressor)
    other = "softmax" if Estimator is LSTMClassifier else "linear"
    names = [*GATES, "cell_bias", "output_bias", "shortcut"]
    params = {name: pick(True, False) for name in names}
    params |= {
        "n_blocks": pick(1, 2, 3),
        "block_size": pick(1, 2, 3),
        "n_hidden": pick(0, 1, 3),
        "recurrence": pick("all", "cells", "none"),
        "input_gate_bias": pick("random", None, *[-1.0] * params["input_gate"]),
        "forget_gate_bias": pick(*["random", None, -1.0] * params["forget_gate"], 1.0),
        "output_gate_bias": pick("random", None),
        "cell_activation": pick("g", "h", "logistic"),
        "state_activation": pick("h", "identity"),
        "output_activation": pick("auto", "logistic", other),
        "init_scale": 0.8,
        "standardize": pick(True, False),
    }
    if rng.random() < 0.2:
        params |= {"initial_blocks": 0, "n_hidden": 2, "growth_patience": 10**6}
    X = [rng.uniform(-1, 1, (rng.integers(1, 9), 3)) for _ in range(12)]
    if Estimator is LSTMRegressor:
        y = pick(rng.random((12, 2)), [rng.random((len(x), 2)) for x in X])
    else:
        y = pick(np.arange(12) % 3, [rng.integers(3, size=len(x)) for x in X])
    return Estimator.as_published(
        max_iter=2, learning_rate=0.01, tol=None, random_state=0, **params
    ).fit(X, y), X


@pytest.mark.parametrize("seed", range(60))
def test_the_documented_reader_runs_any_lstm(seed, path):
    model, X = random_lstm(np.random.default_rng(seed))
    save(model, path)
    run = reader()
    for x, expected in zip(X, getattr(model, "predict_proba", model.predict)(X), strict=True):
        outputs = run(path, x)
        found = outputs if model.target_steps_ == "every" else outputs[-1]
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("output", ["logistic", "softmax"])
@pytest.mark.parametrize("scale", [1e5, -1e5])
def test_the_documented_reader_does_not_overflow(output, scale, path):
    X = np.random.default_rng(0).uniform(0.5, 1, (12, 4, 3))
    model = LSTMClassifier.as_published(
        shortcut=True, max_iter=1, tol=None, output_activation=output
    )
    save(model.fit(X, np.arange(12) % 3), path)
    for x, expected in zip(X * scale, model.predict_proba(X * scale), strict=True):
        assert np.allclose(reader()(path, x)[-1], expected, rtol=1e-12, atol=1e-12)


def test_the_document_names_all_parts_of_a_file():
    text = PAGE.read_text("utf-8")
    header = json.loads(lstm97.persistence._entries(fitted("full")[0])["header"].item())
    named = [*header, "array", "objects", "dict", "Topology", "CascadeTopology", "TrainingState"]
    assert all(re.search(rf"`[^`]*\b{name}\b[^`]*`", text) for name in named)
    assert f"version {lstm97.persistence.SCHEMA}\n" in text
