"""Streams: the same bits as learning from whole sequences, snapshots, and refusals."""

import copy
import gc
import pickle
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from lstm97 import (
    BPTTClassifier,
    CascadeCorrelationRegressor,
    ElmanClassifier,
    ElmanRegressor,
    LSTMClassifier,
    LSTMRegressor,
    RTRLClassifier,
    RTRLRegressor,
    SequenceChunkerClassifier,
)
from lstm97._kernels.stream import Stepper
from lstm97.learning.topology import Topology
from reference.hostile import harmed, junk
from test_fuzz import attempt, fuzz

FAST = {"init_scale": 0.8, "learning_rate": 0.3, "random_state": 1}
SOFTMAX = {"output_activation": "softmax", "loss": "log_loss"}
MODELS = {
    "paper": LSTMClassifier.as_published(3, 2, **FAST),
    "hidden units": LSTMRegressor.as_published(2, 3, n_hidden=3, shortcut=True, **FAST),
    "no gates": LSTMRegressor.as_published(
        2, 2, input_gate=False, output_gate=False, shortcut=True, **FAST
    ),
    "no input gate": LSTMClassifier.as_published(
        2, 2, input_gate=False, output_bias=False, **SOFTMAX, **FAST
    ),
    "no output gate": LSTMRegressor.as_published(
        2, 3, output_gate=False, cell_bias=False, recurrence="cells", **FAST
    ),
    "no recurrence": LSTMClassifier.as_published(
        2, 2, recurrence="none", shortcut=True, state_activation="identity", **FAST
    ),
    "many blocks": LSTMRegressor.as_published(11, 1, n_hidden=2, **FAST),
    "forget gates": LSTMClassifier.as_published(3, 2, forget_gate=True, **FAST),
    "forget gates, cells fed back": LSTMRegressor.as_published(
        2, 3, forget_gate=True, forget_gate_bias=[-1.0, 2.0], recurrence="cells", n_hidden=2, **FAST
    ),
    "only forget gates": LSTMClassifier.as_published(
        11, 2, forget_gate=True, forget_gate_bias=None, input_gate=False, output_gate=False,
        recurrence="none", **FAST,
    ),
    "Adam": LSTMClassifier.as_published(3, 2, solver="adam", **FAST),
    "Adam, shortcut": LSTMRegressor.as_published(
        2, 1, solver="adam", forget_gate=True, cell_bias=False, n_hidden=2, shortcut=True, **FAST
    ),
    "Elman": ElmanRegressor.as_published(5, shortcut=True, **FAST),
    "Elman classes": ElmanClassifier.as_published(3, **SOFTMAX, **FAST),
    "RTRL": RTRLRegressor.as_published(4, shortcut=True, **FAST),
    "RTRL classes": RTRLClassifier.as_published(3, recurrent_outputs=True, **FAST),
}  # fmt: skip
FORMS = {"dense": np.asarray, "sparse": sparse.csr_array}
LABELS = np.array(list("abcdefghi"))
EACH_MODEL = pytest.mark.parametrize("name", MODELS)
EACH_FORM = pytest.mark.parametrize("form", FORMS)


def data(model, form, seed=0, lengths=(9, 1, 14, 6)):
    """Return sequences of three features, many of them zero, and targets with gaps."""
    rng = np.random.default_rng(seed)
    X = [rng.uniform(-1, 1, (n, 3)) * (rng.random((n, 3)) < 0.5) for n in lengths]
    y = [np.array(LABELS[rng.integers(len(LABELS), size=n)], dtype=object) for n in lengths]
    if not hasattr(model, "predict_proba"):
        y = [rng.uniform(0, 1, (n, 2)) for n in lengths]
    gap = np.nan if y[0].dtype.kind == "f" else None
    for labels in y:
        labels[rng.random(len(labels)) < 0.3] = gap
        if gap is not None:
            labels[rng.random(labels.shape) < 0.2] = gap
    y[0][0] = 0.5 if gap is not None else "c"
    return [FORMS[form](x) for x in X], y


def partly_fitted(name, form="dense", **options):
    """Return a model that has learned, and new data."""
    model = copy.copy(MODELS[name])
    X, y = data(model, form, seed=1)
    return learned(model, X, y), *data(model, form, **options)


def learned(model, X, y):
    """Return a copy that learned these sequences once more."""
    model = copy.copy(model)
    if hasattr(model, "predict_proba"):
        return model.partial_fit(X, y, classes=LABELS)
    return model.partial_fit(X, y)


def is_due(target):
    return target is not None and not np.all(np.array(target) != np.array(target))


def follow(stream, x, y):
    """Step along one sequence and learn; return predictions and losses."""
    predictions, losses = [], []
    for t in range(x.shape[0]):
        predictions.append(stream.step(x[[t]] if sparse.issparse(x) else x[t]))
        if is_due(y[t]):
            losses.append(stream.learn(y[t]))
    return np.array(predictions), losses


def predicted(model, X):
    parts = getattr(model, "predict_proba", model.predict)(X)
    return list(parts)


# ---- the same as whole sequences -----------------------------------------------------------------


@EACH_FORM
@EACH_MODEL
def test_learning_along_a_stream_is_partial_fit(name, form):
    model, X, y = partly_fitted(name, form)
    stream, other = model.stream(), model
    for x, targets in zip(X, y, strict=True):
        if not any(map(is_due, targets)):  # partial_fit does not accept such a sequence alone
            continue
        _, losses = follow(stream.reset(), x, targets)
        other = learned(other, [x], [targets])
        assert (stream.to_estimator().weights_ == other.weights_).all()
        # One after the other: from CPython 3.12 on, sum rounds only once.
        assert np.cumsum(losses)[-1] == other.loss_curve_[-1]
    several = learned(model, X, y)
    assert (stream.to_estimator().weights_ == several.weights_).all()
    assert (stream.to_estimator().weights_ != model.weights_).any()


@EACH_FORM
@EACH_MODEL
def test_predictions_along_a_stream_are_the_estimators(name, form):
    model, X, _ = partly_fitted(name, form)
    for x, rows in zip(X, predicted(model, X), strict=True):
        stream = model.stream()
        steps, _ = follow(stream, x, [None] * x.shape[0])
        assert np.array_equal(steps, rows)
        again, _ = follow(stream.reset(), x, [None] * x.shape[0])
        assert np.array_equal(again, rows)
        assert (stream.to_estimator().weights_ == model.weights_).all()


@EACH_MODEL
def test_predictions_after_learning_use_the_present_weights(name):
    model, X, y = partly_fitted(name)
    stream = model.stream()
    follow(stream, X[0], y[0])
    rows, _ = follow(stream.reset(), X[2], [None] * len(X[2]))
    assert np.array_equal(rows, predicted(stream.to_estimator(), [X[2]])[0])
    assert not np.array_equal(rows, predicted(model, [X[2]])[0])


@pytest.mark.parametrize("name", ["paper", "hidden units", "Adam", "RTRL", "RTRL classes"])
def test_weights_of_samples_and_classes_are_those_of_partial_fit(name):
    model, X, y = partly_fitted(name, lengths=[20])
    weight = np.random.default_rng(3).uniform(0.0, 2.0, 20)
    if hasattr(model, "predict_proba"):
        model.set_params(class_weight={label: 0.2 + i for i, label in enumerate(LABELS[:-1])})
    stream = model.stream()
    for x, target, w in zip(X[0], y[0], weight, strict=True):
        stream.step(x)
        if is_due(target):
            stream.learn(target, sample_weight=w)
    other = copy.copy(model).partial_fit(X, y, sample_weight=[weight])
    assert (stream.to_estimator().weights_ == other.weights_).all()
    assert (learned(MODELS[name], X, y).weights_ != other.weights_).any()


def test_a_net_fitted_to_last_steps_learns_at_any_step():
    rng = np.random.default_rng(0)
    X, y = [rng.uniform(-1, 1, (n, 2)) for n in (5, 8, 3)], np.array([0.3, 0.9, 0.1])
    model = LSTMRegressor.as_published(**FAST).partial_fit(X, y)
    stream = model.stream()
    for x, target in zip(X, y, strict=True):
        stream.reset()
        outputs = [stream.step(step) for step in x]
        assert np.ndim(outputs[-1]) == 0
        stream.learn(target)
    assert (stream.to_estimator().weights_ == copy.copy(model).partial_fit(X, y).weights_).all()


# ---- a copy of it --------------------------------------------------------------------------------

MOVES = st.lists(st.sampled_from(["step", "step", "learn", "reset", "keep", "return"]), max_size=40)


@given(
    name=st.sampled_from(list(MODELS)),
    form=st.sampled_from(list(FORMS)),
    moves=MOVES,
    seed=st.integers(0, 1000),
)
@settings(max_examples=settings.default.max_examples, deadline=None)
def test_restoring_a_snapshot_undoes_all_later_steps(name, form, moves, seed):
    """Compare with a stream that makes only the moves that were never undone."""
    model, X, y = partly_fitted(name, form, seed=seed, lengths=[40])
    x, target = X[0], y[0][0]
    stream, kept, done, at_kept = model.stream(), None, [], []
    for t, move in enumerate(moves):
        if move == "keep":
            kept, at_kept = stream.snapshot(), list(done)
        elif move == "return" and kept is not None:
            stream.restore(kept)
            done = list(at_kept)
        elif move in ("step", "reset") or (move == "learn" and done and done[-1][0] == "step"):
            done.append((move, t))
            make(stream, move, t, x, target)
    other = model.stream()
    for move, t in done:
        make(other, move, t, x, target)
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()
    if done and done[-1][0] == "step":
        assert stream.learn(target) == other.learn(target)
    last = x[[39]] if sparse.issparse(x) else x[39]
    for _ in range(2):
        assert np.array_equal(stream.step(last), other.step(last))
        stream.learn(target), other.learn(target)
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()


def make(stream, move, t, x, target):
    if move == "step":
        stream.step(x[[t]] if sparse.issparse(x) else x[t])
    else:
        stream.learn(target) if move == "learn" else stream.reset()


@EACH_FORM
@EACH_MODEL
@pytest.mark.parametrize("way", ["pickle", "copy", "memory map"])
def test_a_stored_stream_continues(name, form, way, tmp_path):
    model, X, y = partly_fitted(name, form)
    stream = model.stream()
    head, tail = X[2][:6], X[2][6:]
    follow(stream, head, y[2][:6])
    stream.step(X[0][[0]] if form == "sparse" else X[0][0])
    if way == "pickle":
        stored = pickle.loads(pickle.dumps(stream))
    elif way == "copy":
        stored = copy.deepcopy(stream)
    else:  # as joblib's workers get large arrays, which cannot be written to
        joblib.dump(stream, tmp_path / "stream")
        stored = joblib.load(tmp_path / "stream", mmap_mode="r")
    first = stored.learn(y[0][0]), *follow(stored, tail, y[2][6:])
    assert (stream.to_estimator().weights_ != stored.to_estimator().weights_).any()
    second = stream.learn(y[0][0]), *follow(stream, tail, y[2][6:])
    assert first[0] == second[0]
    assert first[2] == second[2]
    assert np.array_equal(first[1], second[1])
    assert (stream.to_estimator().weights_ == stored.to_estimator().weights_).all()


def test_a_snapshot_is_not_of_another_net():
    model, X, y = partly_fitted("paper")
    snapshot = model.stream().snapshot()
    with pytest.raises(ValueError, match="snapshot: it belongs to a net with another solver"):
        model.stream().restore(partly_fitted("Adam")[0].stream().snapshot())
    for name in ("no gates", "forget gates", "RTRL"):
        with pytest.raises(ValueError, match="snapshot: it belongs to another net"):
            partly_fitted(name)[0].stream().restore(snapshot)
    only_predicts = copy.copy(model).set_params(update="sequence").stream()
    follow(only_predicts, X[0], [None] * len(X[0]))
    stream = model.stream()
    follow(stream, X[1], y[1])
    before = pickle.dumps(stream)
    with pytest.raises(ValueError, match="snapshot: the state is that of another net"):
        stream.restore(only_predicts.snapshot())
    assert pickle.dumps(stream) == before


def same_but(**params):
    model = copy.copy(MODELS["paper"]).set_params(**params)
    return learned(model, *data(model, "dense"))


@pytest.mark.parametrize(
    "other",
    [
        same_but(cell_activation="h"),
        same_but(loss="log_loss"),
        LSTMClassifier.as_published(3, 2, **FAST).partial_fit([[[1.0] * 3]], [0], classes=range(9)),
        LSTMRegressor.as_published(3, 2, output_activation="logistic", **FAST).partial_fit(
            [[[1.0] * 3]], np.zeros((1, 9))
        ),
    ],
    ids=["activation", "loss", "classes", "numbers"],
)
def test_a_snapshot_is_not_of_a_net_of_the_same_size(other):
    stream = partly_fitted("paper")[0].stream()
    assert stream.snapshot().weights.shape == other.stream().snapshot().weights.shape
    before = pickle.dumps(stream)
    with pytest.raises(ValueError, match="snapshot: it belongs to another net"):
        stream.restore(other.stream().snapshot())
    assert pickle.dumps(stream) == before


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"weights": np.nan}, ValueError, "snapshot: weights are not finite"),
        ({"weights": "a"}, TypeError, "snapshot: weights must hold numbers"),
        ({"x": np.array([0.0, np.nan, 0.0])}, ValueError, "snapshot: x contains NaN in feature 1"),
        ({"x": np.zeros(4)}, ValueError, "snapshot: x has shape"),
        ({"x": None}, ValueError, "snapshot: it holds the state after a step"),
        ({"touched": [0.5]}, TypeError, "snapshot: touched must be .* integers"),
        ({"touched": [1, 1]}, ValueError, "snapshot: an input is touched twice"),
        ({"is_due": "yes"}, TypeError, "snapshot: is_due='yes' must be True or False"),
        ({"topology": 1}, ValueError, "snapshot: it belongs to another net"),
        ({"n_steps": -1}, ValueError, "snapshot: n_steps=-1 must be an integer"),
        ({"n_steps": 1.0}, ValueError, r"snapshot: n_steps=1\.0 must be an integer"),
        ({"solver_state": None}, ValueError, "snapshot: it belongs to a net with another solver"),
        ({"solver_state": {}}, ValueError, "snapshot: solver_state is not a state of Adam"),
        ({"powers": np.array([2.0, 0.5])}, ValueError, r"solver_state\.powers must be between 0"),
        ({"powers": np.ones(3)}, ValueError, r"snapshot: solver_state\.powers has shape"),
        ({"mean": np.zeros(3)}, ValueError, r"snapshot: solver_state\.mean has shape"),
        ({"square": np.full(1, np.inf)}, ValueError, r"snapshot: solver_state\.square "),
    ],
)
def test_a_snapshot_that_no_stream_has_left_is_refused(changes, error, message):
    model, X, y = partly_fitted("Adam")
    stream = model.stream()
    follow(stream, X[0], y[0])
    stream.step(X[0][0])
    kept = stream.snapshot()
    if "weights" in changes:
        changes = {"weights": np.array([changes["weights"]] * len(kept.weights))}
    if changes.keys() <= kept.solver_state.keys():
        changes = {"solver_state": {**kept.solver_state, **changes}}
    before = pickle.dumps(stream)
    with pytest.raises(error, match=message):
        stream.restore(kept._replace(**changes))
    assert pickle.dumps(stream) == before


@pytest.mark.parametrize("what", [None, (1, 2, 3, 4, 5), "abcde", {}])
def test_other_objects_than_snapshots_are_refused(what):
    with pytest.raises(TypeError, match="snapshot must be a Snapshot, but it is a"):
        partly_fitted("paper")[0].stream().restore(what)


@fuzz
@given(st.sampled_from(["paper", "Adam", "RTRL"]), st.sampled_from(list(FORMS)), st.data())
def test_any_snapshot_is_refused_or_continues(name, form, draw):
    model, X, y = partly_fitted(name, form, lengths=[4])
    stream = model.stream()
    follow(stream, X[0], y[0])
    kept, field = stream.snapshot(), draw.draw(st.sampled_from(stream.snapshot()._fields))
    if draw.draw(st.booleans()):
        value = getattr(kept, field)
        value = harmed(value) if isinstance(value, np.ndarray) else junk()
        kept = kept._replace(**{field: draw.draw(value)})
    else:
        kept = draw.draw(st.one_of(junk(), st.just((*kept,))))
    if attempt(stream.restore, kept) is not None:
        stream.snapshot(), stream.to_estimator()
        attempt(stream.step, X[0][[1]] if form == "sparse" else X[0][1], also=["steps"])
        attempt(stream.reset)


@EACH_FORM
def test_a_snapshot_is_a_copy(form):
    """Changes to a snapshot do not reach the stream."""
    model, X, y = partly_fitted("Adam, shortcut", form)
    stream, other = model.stream(), model.stream()
    for each in (stream, other):
        follow(each, X[2], y[2])
        each.step(X[0][[0]] if form == "sparse" else X[0][0])

    def spoil(snapshot):
        x = [snapshot.x] if form == "dense" else [snapshot.x.data, snapshot.x.indices]
        x += snapshot.solver_state.values()
        for part in (snapshot.weights, snapshot.state, snapshot.touched, *x):
            part[:] = 99

    kept = stream.snapshot()
    spoil(stream.snapshot())
    stream.restore(kept)
    spoil(kept)
    assert stream.learn([0.1, 0.2]) == other.learn([0.1, 0.2])
    assert np.array_equal(follow(stream, X[3], y[3])[0], follow(other, X[3], y[3])[0])
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()


def test_threads_take_turns():
    """Each thread finds a state that the stream had between two calls of another thread."""
    model, X, _ = partly_fitted("paper")
    stream, alone, done = model.stream(), model.stream(), Event()

    def now(stream):
        kept = stream.snapshot()
        return kept.is_due, kept.weights.tobytes(), kept.state.tobytes()

    def go():
        n = 0
        while not done.is_set():
            stream.step(X[0][0])
            stream.learn("a")
            n += 1
        return n

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as pool:
            going = pool.submit(go)
            found = {now(stream) for _ in range(100)}
            done.set()
    finally:
        sys.setswitchinterval(before)
    states = [now(alone)]
    for _ in range(going.result()):
        alone.step(X[0][0])
        states.append(now(alone))
        alone.learn("a")
        states.append(now(alone))
    assert found <= set(states)
    assert now(stream) == states[-1]


def test_a_snapshot_of_dense_steps_follows_sparse_ones():
    model, X, y = partly_fitted("RTRL")
    stream = model.stream()
    follow(stream, X[0], y[0])
    dense = stream.snapshot()
    follow(stream.reset(), sparse.csr_array(X[2]), y[2])
    is_sparse = stream.snapshot()
    other = model.stream()
    follow(other, X[0], y[0])
    follow(stream.restore(dense), X[3], y[3])
    follow(other, X[3], y[3])
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()
    follow(other.restore(is_sparse), sparse.csr_array(X[3]), y[3])
    follow(stream.restore(is_sparse), sparse.csr_array(X[3]), y[3])
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()


def test_columns_first_seen_after_the_snapshot_are_forgotten():
    model, _, y = partly_fitted("RTRL", "sparse")
    rows = [sparse.csr_array(row[None]) for row in np.diag([0.5, -1.0, 2.0])]
    stream, other = model.stream(), model.stream()
    stream.step(rows[0]), other.step(rows[0])
    kept = stream.snapshot()
    for i in (1, 2, 1):
        stream.step(rows[i])
        stream.learn(y[0][0])
    stream.restore(kept)
    for i in (0, 0, 1, 2):
        assert np.array_equal(stream.step(rows[i]), other.step(rows[i]))
        assert stream.learn(y[0][0]) == other.learn(y[0][0])
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()


# ---- targets that come late ----------------------------------------------------------------------


@pytest.mark.parametrize("standardize", [False, True])
@EACH_FORM
@EACH_MODEL
def test_a_late_target_is_learned_at_its_step(name, form, standardize):
    """The twin goes back to the step, with the present weights, learns, and returns."""
    model = copy.copy(MODELS[name]).set_params(standardize=standardize)
    X, y = data(model, form, seed=1)
    model, (x, *_) = learned(model, X, y), data(model, form, lengths=[30])[0]
    targets = data(model, form, lengths=[30])[1][0]
    stream, twin, places = model.stream(), model.stream(), []
    for t in range(30):
        step = x[[t]] if form == "sparse" else x[t]
        if t == 20:
            stream.reset(), twin.reset()
        assert np.array_equal(stream.step(step), twin.step(step))
        places.append(stream.snapshot())
        late = t - 3
        if late < 0 or not is_due(targets[late]):
            continue
        before = stream.snapshot()
        loss = stream.learn(targets[late], sample_weight=0.7, at=places[late])
        after = stream.snapshot()
        same = ("state", "touched", "is_due", "n_steps")
        assert pickle.dumps([getattr(before, each) for each in same]) == pickle.dumps(
            [getattr(after, each) for each in same]
        )
        now = twin.snapshot()
        twin.restore(now._replace(**moving(places[late], "state", "touched", "x", "is_due")))
        assert twin.learn(targets[late], sample_weight=0.7) == loss
        twin.restore(
            now._replace(**moving(twin.snapshot(), "weights", "solver_state", "y_scaling"))
        )
    assert (stream.to_estimator().weights_ == twin.to_estimator().weights_).all()
    assert (stream.to_estimator().weights_ != model.weights_).any()


def moving(snapshot, *names):
    """Return some values of a snapshot by their names."""
    return {name: getattr(snapshot, name) for name in names}


@EACH_FORM
def test_the_snapshot_of_the_last_step_is_the_last_step(form):
    model, X, y = partly_fitted("Adam", form)
    stream, other = model.stream(), model.stream()
    for t, target in enumerate(y[2]):
        step = X[2][[t]] if form == "sparse" else X[2][t]
        stream.step(step), other.step(step)
        if is_due(target):
            assert stream.learn(target, at=stream.snapshot()) == other.learn(target)
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()


def test_targets_two_steps_late_are_learned():
    """The target is the step before; without learning, the error stays at the variance."""
    x = np.random.default_rng(0).uniform(-1, 1, 4001)
    stream = RTRLRegressor(5, learning_rate=0.05, random_state=0).stream(n_features=1)
    places, losses = [], []
    for t in range(1, len(x)):
        stream.step(x[[t]])
        places.append((stream.snapshot(), x[t - 1]))
        if len(places) > 2:
            place, target = places.pop(0)
            losses.append(stream.learn(target, at=place))
    assert np.mean(losses[-500:]) < 0.1 * np.mean(losses[:500])


def test_late_targets_that_are_refused_leave_the_stream_as_it_was():
    model, X, _ = partly_fitted("paper")
    stream = model.stream()
    stream.step(X[0][0])
    place = stream.snapshot()
    stream.step(X[0][1])
    loss = stream.learn("b")
    other = partly_fitted("RTRL classes")[0].stream()
    other.step(X[0][0])
    before = pickle.dumps(stream)
    for at, error, message in (
        (stream.snapshot(), ValueError, "at: there is no step to learn from: take the snapshot"),
        (model.stream().snapshot(), ValueError, "at: there is no step to learn from"),
        (other.snapshot(), ValueError, "at: it belongs to another net"),
        (place._replace(x=np.zeros(4)), ValueError, "at: x has shape"),
        (place._replace(x=None), ValueError, "holds the state after a step, but not the step"),
        (5, TypeError, "at must be a Snapshot, but it is a int"),
    ):
        with pytest.raises(error, match=message):
            stream.learn("a", at=at)
        assert pickle.dumps(stream) == before
    with pytest.raises(ValueError, match="learn a late target with at=snapshot"):
        stream.learn("a")
    with pytest.raises(ValueError, match="y='z' is not in classes_"):
        stream.learn("z", at=place)
    assert pickle.dumps(stream) == before
    assert np.isfinite([loss, stream.learn("a", at=place)]).all()


# ---- what a stream says of itself ----------------------------------------------------------------


def test_a_stream_says_what_it_is_and_how_many_steps_it_took():
    model, X, y = partly_fitted("RTRL")
    stream = model.stream()
    assert (
        repr(stream) == "<Stream of RTRLRegressor: 3 features, 2 outputs, 0 steps so far, learns>"
    )
    one = RTRLRegressor(random_state=0).stream(n_features=1)
    one.step([0.0])
    assert repr(one) == "<Stream of RTRLRegressor: 1 feature, 1 output, 1 step so far, learns>"
    stream.learn_many(X[2], y[2])
    place = stream.snapshot()
    stream.reset().step(X[0][0])
    assert stream.n_steps_ == 15
    assert "15 steps so far" in repr(pickle.loads(pickle.dumps(stream)))
    assert stream.restore(place).n_steps_ == 14
    labels = LSTMClassifier(random_state=0).stream(n_features=2, classes=list("abc"))
    assert "LSTMClassifier: 2 features, 3 classes, 0 steps" in repr(labels)
    tags = LSTMClassifier(random_state=0).partial_fit(X, np.eye(4, dtype=int), classes=range(4))
    assert "3 features, 4 labels, 0 steps" in repr(tags.stream())
    bptt = BPTTClassifier(random_state=0).partial_fit(X, list("abba"), classes=list("ab"))
    assert repr(bptt.stream()).endswith("only predicts>")


# ---- stream and estimator ------------------------------------------------------------------------


@EACH_MODEL
def test_a_stream_and_its_estimators_are_independent(name):
    model, X, y = partly_fitted(name)
    before, weights = pickle.dumps(model), model.weights_.copy()
    stream = model.stream()
    follow(stream, X[0], y[0])
    assert pickle.dumps(model) == before
    one = stream.to_estimator()
    kept = one.weights_.copy()
    follow(stream, X[2], y[2])
    assert (one.weights_ == kept).all()
    assert (stream.to_estimator().weights_ != kept).any()
    now = stream.to_estimator().weights_
    one.weights_[:] = model.weights_[:] = 0.0
    learned(model.set_params(learning_rate=7.0), X, y)
    assert (stream.to_estimator().weights_ == now).all()
    assert stream.to_estimator().learning_rate == FAST["learning_rate"]
    follow(stream, X[3], y[3])
    model.weights_[:] = weights
    other = model.set_params(learning_rate=FAST["learning_rate"]).stream()
    for i in (0, 2, 3):
        follow(other, X[i], y[i])
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()


def test_a_warm_start_continues_from_the_streams_weights():
    """It does not continue from where the previous fit ended."""
    X, y = data(MODELS["paper"], "dense")
    model = copy.copy(MODELS["paper"]).set_params(warm_start=True, max_iter=1, tol=None).fit(X, y)
    stream = model.stream()
    follow(stream, X[2], y[2])
    expected = copy.copy(model)
    expected.weights_, expected._fit_state = stream.to_estimator().weights_, None
    fitted = stream.to_estimator().fit(X, y)
    assert (fitted.weights_ == expected.fit(X, y).weights_).all()
    assert (fitted.weights_ != copy.copy(model).fit(X, y).weights_).any()


def test_shapes_of_predictions():
    model, X, _ = partly_fitted("many blocks")
    assert model.stream().step(X[0][0]).shape == (2,)
    assert model.stream().classes_ is None
    model, X, _ = partly_fitted("paper")
    stream = model.stream()
    assert (stream.classes_ == LABELS).all()
    row = stream.step(X[0][0])
    assert row.shape == (9,)
    assert abs(row.sum() - 1.0) < 1e-12
    for one in (X[0][:, :1], X[0][:, 0]):
        flat = ElmanRegressor.as_published(**FAST).partial_fit(X[:1], [one]).stream()
        assert np.shape(flat.step(X[0][0])) == one.shape[1:]


@pytest.mark.parametrize("y", [1, 1.0, np.int64(1), np.float32(1), True])
def test_labels_are_equal_whatever_their_type(y):
    X = np.random.default_rng(0).uniform(-1, 1, (3, 4, 2))
    model = ElmanClassifier.as_published(**FAST).partial_fit(X, [0, 1, 2], classes=[0, 1, 2])
    stream, other = model.stream(), model.stream()
    stream.step(X[0, 0]), other.step(X[0, 0])
    assert stream.learn(y) == other.learn(1)


def test_steps_may_come_as_lists_and_series():
    model, X, _ = partly_fitted("Elman")
    expected = model.stream().step(X[0][1])
    for x in (X[0][1].tolist(), tuple(X[0][1]), pd.Series(X[0][1]), X[0][1].astype(object)):
        assert (model.stream().step(x) == expected).all()
    doubled = np.repeat(X[0][1], 2)
    assert (model.stream().step(doubled[::2]) == expected).all()


@EACH_FORM
def test_later_changes_to_a_step_do_not_reach_the_stream(form):
    model, X, y = partly_fitted("hidden units", form)
    stream, other = model.stream(), model.stream()
    step = X[2][[3]] if form == "sparse" else X[2][3]
    stream.step(step), other.step(step.copy())
    kept = stream.snapshot()
    (step.data if form == "sparse" else step)[:] = 7.0
    if form == "sparse":
        step.indices[:] = 1
    stream.learn(y[0][0]), other.learn(y[0][0])
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()
    stream.restore(kept).learn(y[0][0])
    assert (stream.to_estimator().weights_ == other.to_estimator().weights_).all()


@pytest.mark.parametrize(
    ("name", "form", "n_steps"), [("paper", "dense", 20_000), ("RTRL", "sparse", 4_000)]
)
def test_memory_does_not_grow(name, form, n_steps):
    model, X, y = partly_fitted(name, form, lengths=[50])
    stream = model.stream()
    tracemalloc.start()
    for _ in range(10):  # NumPy keeps a few small arrays for later
        follow(stream, X[0], y[0])
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(n_steps // 50):
        follow(stream, X[0], y[0])
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000  # a leak of an object per step would be more


# ---- streams that only predict -------------------------------------------------------------------

PREDICT_ONLY = {
    "batches of sequences": LSTMClassifier.as_published(
        batch_size=3, solver="adam", random_state=1
    ),
    "back-propagation through time needs whole sequences": LSTMClassifier.as_published(
        gradient="full", **FAST
    ),
    "at the end of a sequence": LSTMClassifier.as_published(update="sequence", **FAST),
    "cannot learn along a stream: back-propagation through time": BPTTClassifier.as_published(
        3, **FAST
    ),
    "needs all targets at once": ElmanClassifier.as_published(3, class_weight="balanced", **FAST),
}


@EACH_FORM
@pytest.mark.parametrize("why", PREDICT_ONLY)
def test_nets_that_need_whole_sequences_predict(why, form):
    X, y = data(PREDICT_ONLY[why], form)
    model = copy.copy(PREDICT_ONLY[why]).set_params(max_iter=1, tol=None).fit(X, y)
    stream = model.stream()
    for x, rows in zip(X, predicted(model, X), strict=True):
        steps, _ = follow(stream.reset(), x, [None] * x.shape[0])
        assert np.allclose(steps, rows, rtol=1e-12, atol=0.0)
    kept = stream.snapshot()
    follow(stream, X[0], [None] * X[0].shape[0])
    assert not np.array_equal(stream.snapshot().state, kept.state)
    stream.restore(kept)
    with pytest.raises(ValueError, match=why):
        stream.learn("a")
    assert np.array_equal(stream.snapshot().state, kept.state)


@pytest.mark.parametrize(
    "model",
    [CascadeCorrelationRegressor.as_published(1), SequenceChunkerClassifier.as_published(2)],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_methods_have_no_stream(model):
    X, y = data(model, "dense")
    model.set_params(max_iter=2)
    if isinstance(model, CascadeCorrelationRegressor):
        y = [np.nan_to_num(part) for part in y]
    model.fit(X, y)
    with pytest.raises(ValueError, match=f"{type(model).__name__} has no stream"):
        model.stream()


# ---- refusals ------------------------------------------------------------------------------------


def test_a_stream_needs_a_fitted_estimator():
    with pytest.raises(NotFittedError):
        LSTMClassifier.as_published().stream()
    model, _, _ = partly_fitted("paper")
    with pytest.raises(ValueError, match="learning_rate"):
        copy.copy(model).set_params(learning_rate=-1.0).stream()
    model.weights_[3] = np.nan
    with pytest.raises(ValueError, match="weights_ are not finite"):
        model.stream()


REFUSED_STEPS = [
    ([0.0, 1.0], ValueError, r"x has shape \(2,\), but one step has shape \(3,\)"),
    ([0.0, 1.0, 2.0, 3.0], ValueError, "the features of a stream stay the same"),
    ([[0.0, 1.0, 2.0]], ValueError, r"shape \(1, 3\)"),
    (1.0, ValueError, r"shape \(1,\)"),
    ([0.0, np.nan, np.inf], ValueError, "x contains NaN in feature 1"),
    ([0.0, 1.0, -np.inf], ValueError, "x contains infinity in feature 2"),
    (["0", "1", "2"], TypeError, "x must hold numbers"),
    ([1j, 0, 0], ValueError, "complex"),
    (np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]), ValueError, "x holds masked values"),
    ({"a": 1.0, "b": 2.0, "c": 3.0}, TypeError, "x must hold numbers"),
    (sparse.csr_array([[0.0, 0.0, 1.0]]), ValueError, "all sparse or all dense"),
]
REFUSED_SPARSE_STEPS = [
    (sparse.csr_array([[0.0, 1.0]]), ValueError, r"x has shape \(1, 2\)"),
    (sparse.csr_array(np.eye(3)), ValueError, r"shape \(3, 3\), but one step has shape \(1, 3\)"),
    (sparse.csr_array([[0.0, 0.0, np.nan]]), ValueError, "x contains NaN in feature 2"),
    (sparse.coo_array([0.0, 0.0, 1.0]), ValueError, "x must be 2-D"),
    ([0.0, 1.0, 2.0], ValueError, "all sparse or all dense"),
]


@pytest.mark.parametrize(
    ("form", "x", "error", "message"),
    [("dense", *case) for case in REFUSED_STEPS]
    + [("sparse", *case) for case in REFUSED_SPARSE_STEPS],
)
def test_steps_that_are_refused_leave_the_stream_as_it_was(form, x, error, message):
    model, X, y = partly_fitted("hidden units", form)
    stream, other = model.stream(), model.stream()
    for each in (stream, other):
        follow(each, X[2], y[2])
        each.step(X[0][[0]] if form == "sparse" else X[0][0])
    before = pickle.dumps(stream)
    with pytest.raises(error, match=message):
        stream.step(x)
    assert pickle.dumps(stream) == before
    assert stream.learn([0.1, 0.2]) == other.learn([0.1, 0.2])


@pytest.mark.parametrize(
    ("name", "y", "options", "error", "message"),
    [
        ("paper", "z", {}, ValueError, "y='z' is not in classes_, to which .*: name all classes"),
        ("paper", 0, {}, ValueError, "y=0 is not in classes_"),
        ("paper", None, {}, ValueError, "y=None is not in classes_"),
        ("paper", np.nan, {}, ValueError, "y=nan is not in classes_"),
        ("paper", ["a"], {}, ValueError, "is not in classes_"),
        ("paper", memoryview(bytearray(1)), {}, ValueError, "is not in classes_"),
        ("paper", "a", {"sample_weight": -1.0}, ValueError, "sample_weight=-1.0"),
        ("paper", "a", {"sample_weight": np.nan}, ValueError, "sample_weight=nan"),
        ("paper", "a", {"sample_weight": np.inf}, ValueError, "sample_weight=inf"),
        ("paper", "a", {"sample_weight": 1e101}, ValueError, "sample_weight=1e\\+101"),
        ("paper", "a", {"sample_weight": 10**400}, ValueError, "sample_weight=1000"),
        ("paper", "a", {"sample_weight": "1"}, ValueError, "sample_weight='1'"),
        ("RTRL", 0.5, {}, ValueError, r"y has shape \(1,\), but it must hold 2 numbers"),
        ("RTRL", [0.1, 0.2, 0.3], {}, ValueError, r"y has shape \(3,\)"),
        ("RTRL", [[0.1, 0.2]], {}, ValueError, r"y has shape \(1, 2\)"),
        ("RTRL", [np.nan, np.nan], {}, ValueError, "no target"),
        ("RTRL", [0.1, np.inf], {}, ValueError, "y contains infinity"),
        ("RTRL", ["0.1", "0.2"], {}, TypeError, "y must hold numbers"),
    ],
)
def test_targets_that_are_refused_leave_the_stream_as_it_was(name, y, options, error, message):
    model, X, targets = partly_fitted(name)
    stream = model.stream()
    follow(stream, X[0], targets[0])
    stream.step(X[2][0])
    before = pickle.dumps(stream)
    with pytest.raises(error, match=message):
        stream.learn(y, **options)
    assert pickle.dumps(stream) == before
    stream.learn(targets[0][0])
    assert pickle.dumps(stream) != before


def test_a_step_is_learned_from_once():
    model, X, _ = partly_fitted("paper")
    stream = model.stream()
    for begin in (lambda: None, lambda: stream.learn("a"), stream.reset):
        begin()
        with pytest.raises(ValueError, match="no step to learn from"):
            stream.learn("a")
        stream.step(X[0][0])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", [1e200, 1e150])
def test_learning_that_would_diverge_moves_no_weight(form, target):
    """Either the loss overflows, or only the weights."""
    model, X, y = partly_fitted("hidden units", form)
    stream = copy.copy(model).set_params(learning_rate=1e200).stream()
    for x in X[2][:5]:
        stream.step(x.reshape(1, -1) if form == "sparse" else x)
    with pytest.warns(ConvergenceWarning, match="learning diverged"):
        assert stream.learn([target, 0.5]) == np.inf
    assert (stream.to_estimator().weights_ == model.weights_).all()
    with pytest.raises(ValueError, match="no step to learn from"):
        stream.learn([0.1, 0.2])
    # The leftovers of earlier tests are small beside the growth that this test looks for.
    slow = model.stream().restore(stream.snapshot())
    other = model.stream()
    for x in X[2][:5]:
        other.step(x.reshape(1, -1) if form == "sparse" else x)
    follow(slow, X[0], y[0])
    follow(other, X[0], y[0])
    assert (slow.to_estimator().weights_ == other.to_estimator().weights_).all()


@pytest.mark.parametrize("shortcut", [False, True])
@EACH_FORM
def test_a_single_weight_that_would_diverge_is_seen(form, shortcut):
    """It leads from an input to a cell, or to an output."""
    model = LSTMClassifier.as_published(2, 2, shortcut=shortcut, **SOFTMAX, **FAST)
    X, y = data(model, form)
    model = learned(model, X, y).set_params(learning_rate=1e200)
    views = model.topology_.views(model.weights_)
    for view in views.values():
        view[1] = 0.0
    if shortcut:  # no error reaches the cells
        views["output"][3:-1] = 0.0
    stream = model.stream()
    stream.step(FORMS[form]([[0.0, 1e200, 0.0]] if form == "sparse" else [0.0, 1e200, 0.0]))
    with pytest.warns(ConvergenceWarning, match="diverged"):
        stream.learn("a")
    assert (stream.to_estimator().weights_ == model.weights_).all()


def test_outputs_that_overflow_are_reported():
    model, X, y = partly_fitted("hidden units")
    model.weights_[model.topology_.slices["output"].start :] = 1e308
    stream = model.stream()
    kept = stream.snapshot()
    with pytest.raises(ValueError, match="an output is not finite"):
        stream.step([1e300, 1.0, 1.0])
    with pytest.warns(ConvergenceWarning, match="diverged"):
        stream.learn([0.5, 0.5])
    fine = partly_fitted("hidden units")[0].stream()
    stream.restore(fine.snapshot())
    assert np.array_equal(follow(stream, X[0], y[0])[0], follow(fine, X[0], y[0])[0])
    with pytest.raises(ValueError, match="an output is not finite"):
        stream.restore(kept).step([1e300, 1.0, 1.0])


# ---- the kernel ----------------------------------------------------------------------------------


def stepper(form="truncated-forward", **options):
    topology = Topology(**{"n_inputs": 3, "n_outputs": 2, **options})
    return Stepper(topology, np.zeros(topology.n_weights), form)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_a_stream_that_was_reset_is_as_new(is_sparse):
    """A state without a step would outlive the next reset."""
    rows = np.random.default_rng(0).normal(size=(4, 3))
    steps = [sparse.csr_array(row[None]) if is_sparse else row for row in rows]
    used, new = stepper(), stepper()
    for step in steps:
        used.step(step, np.zeros(2))
        used.learn(np.ones(2), 1.0, 0.0)
    used.reset()
    assert used.snapshot()[-1] == 4  # steps, of all sequences
    for a, b in zip(used.snapshot()[:-1], new.snapshot()[:-1], strict=True):
        assert np.array_equal(a, b)
    again = stepper()
    weights, state, touched, *rest = used.snapshot()
    again.restore(weights, state, touched.astype(np.int64), *rest)
    for step in steps:
        out, expected = np.zeros(2), np.zeros(2)
        again.step(step, out)
        new.step(step, expected)
        assert (out == expected).all()


def test_calls_beyond_the_arrays_are_refused():
    net, row = stepper(), np.zeros(3)
    with pytest.raises(ValueError, match="weights expected"):
        Stepper(Topology(n_inputs=3, n_outputs=2), np.zeros(7), "truncated-forward")
    for form in ("full-backward", "truncated-backward"):
        with pytest.raises(ValueError, match="needs whole sequences"):
            stepper(form)
    with pytest.raises(ValueError, match="without memory cells"):
        stepper("full-forward")
    with pytest.raises(ValueError, match="no step to learn from"):
        net.learn(np.zeros(2), 1.0, 0.1)
    for steps in (sparse.csr_array((2, 3)), np.zeros(4)):
        with pytest.raises(ValueError, match="one step of 3 inputs"):
            net.step(steps, np.zeros(2))
    with pytest.raises(ValueError, match="outputs expected"):
        net.step(row, np.zeros(1))
    net.step(row, np.zeros(2))
    with pytest.raises(ValueError, match="targets expected"):
        net.learn(np.zeros(1), 1.0, 0.1)
    weights, state, *_ = net.snapshot()
    none, one = np.zeros(0, dtype=np.int64), np.array([3])
    for case in (
        (weights[1:], state, none, row, True),
        (weights, state[1:], none, row, True),
        (weights, state, one, row, True),
        (weights, state, one - 4, row, True),
        (weights, state, one + 2**32 - 3, row, True),
        (weights, state, np.zeros(2, dtype=np.int64), row, True),
        (weights, state, none, np.zeros(4), True),
        (weights, state, none, np.array([0.0, np.nan, 0.0]), True),
        (weights, state, none, None, True),
        (weights, state, none, None, False),
        (weights, 0 * state, none + 0, None, True),
        (weights, 0 * state, one - 3, None, False),
        (weights, state * 0 + 1.0, none, sparse.csr_array(np.zeros((1, 3))), True),
    ):
        with pytest.raises(
            ValueError, match=r"expected|another net|no input|twice|NaN|the step|touched"
        ):
            net.restore(*case)


@pytest.mark.parametrize(
    ("form", "options", "size"),
    [
        ("none", {"n_blocks": 3, "block_size": 3, "n_hidden": 2}, 2 * 17 + 6 + 2 * 9 + 5),
        ("truncated-forward", {"n_blocks": 3, "block_size": 1}, 2 * 9 + 6 + 2 * 3 + 5 + 13 * 6),
        ("truncated-forward", {"n_blocks": 3, "input_gate": False}, 2 * 9 + 3 + 2 * 6 + 5 + 13 * 6),
        ("full-forward", {"n_blocks": 0, "n_hidden": 5}, 2 * 5 + 5 + 9 * 25),
    ],
)
def test_a_state_has_no_padding(form, options, size):
    """It can therefore be stored, and read by a build with other vectors."""
    _, state, touched, *_ = stepper(form, **options).snapshot()
    assert state.shape == (size,)
    assert touched.shape == (0,)


def test_a_label_too_deep_to_be_printed_is_refused():
    label = []
    for _ in range(3000):
        label = [label]
    stream = (
        RTRLClassifier.as_published(random_state=0)
        .partial_fit([[[0.0]]], ["a"], classes=["a", "b"])
        .stream()
    )
    stream.step([1.0])
    with pytest.raises(ValueError, match=r"y=.* is not in classes_"):
        stream.learn(label)
    with pytest.raises(ValueError, match=r"sample_weight=.* must be a number"):
        stream.learn("a", sample_weight=label)


# ---- many steps at a time ------------------------------------------------------------------------


def in_parts(n, rng):
    """Cut a sequence of n steps into a few parts."""
    cuts = np.unique(rng.integers(0, n + 1, size=3))
    return [slice(a, b) for a, b in zip([0, *cuts], [*cuts, n], strict=True) if a < b]


@EACH_FORM
@EACH_MODEL
def test_many_steps_at_a_time_are_the_same_steps(name, form):
    model, X, y = partly_fitted(name, form, lengths=(40, 30))
    one, many, rng = model.stream(), model.stream(), np.random.default_rng(0)
    for x, targets in zip(X, y, strict=True):
        predictions, losses = follow(one, x, targets)
        found = [many.learn_many(x[part], targets[part]) for part in in_parts(len(targets), rng)]
        np.testing.assert_array_equal(np.concatenate([each[0] for each in found]), predictions)
        some = np.concatenate([each[1] for each in found])
        np.testing.assert_array_equal(some[~np.isnan(some)], losses)
        assert_same(one.snapshot(), many.snapshot())
        steps = [one.step(x[[t]] if form == "sparse" else x[t]) for t in range(x.shape[0])]
        np.testing.assert_array_equal(many.step_many(x), steps)
        assert one.is_due
        assert many.is_due
        one.reset()
        many.reset()


def assert_same(one, other):
    """Compare two snapshots; columns may have been touched in another order."""
    np.testing.assert_array_equal(one.weights, other.weights)
    np.testing.assert_array_equal(one.state, other.state)
    np.testing.assert_array_equal(one.touched, other.touched)
    assert one.is_due == other.is_due
    assert (one.solver_state is None) == (other.solver_state is None)
    for name, values in (one.solver_state or {}).items():
        np.testing.assert_array_equal(values, other.solver_state[name])
    last, same = (x.toarray() if sparse.issparse(x) else x for x in (one.x, other.x))
    np.testing.assert_array_equal(last, same)


def test_sample_weights_and_class_weights_count_in_many_steps():
    model, X, y = partly_fitted("paper", lengths=(20, 5))
    model.set_params(class_weight={"a": 3.0, "b": 0.5})
    weights = np.random.default_rng(0).uniform(0, 2, len(y[0]))
    one, many = model.stream(), model.stream()
    for x, target, weight in zip(X[0], y[0], weights, strict=True):
        one.step(x)
        if target is not None:
            one.learn(target, weight)
    many.learn_many(X[0], y[0], weights)
    assert_same(one.snapshot(), many.snapshot())


@pytest.mark.parametrize("name", ["hidden units", "Adam, shortcut", "RTRL"])
def test_updates_that_would_overflow_are_left_out_of_many_steps(name):
    model, X, y = partly_fitted(name, lengths=(30, 5))
    y = [np.nan_to_num(each, nan=0.5) for each in y]
    y[0][[3, 17]] = 1e160  # the loss is finite
    y[0][11] = 1e200  # the loss is not
    model.learning_rate = 1e180
    one, many = model.stream(), model.stream()
    with pytest.warns(ConvergenceWarning, match="at this step"):
        losses = follow(one, X[0], y[0])[1]
    with pytest.warns(ConvergenceWarning, match="at step"):
        found = many.learn_many(X[0], y[0])[1]
    np.testing.assert_array_equal(found, losses)
    assert not np.isfinite(losses).all()
    assert np.isfinite(many.snapshot().weights).all()
    assert_same(one.snapshot(), many.snapshot())


def test_many_steps_end_at_an_output_that_overflows():
    model, X, _ = partly_fitted("hidden units", lengths=(9, 5))
    X[0][4] = 1e308
    model.weights_ = 100.0 * model.weights_
    one, many = model.stream(), model.stream()
    for x in X[0][:4]:
        one.step(x)
    with pytest.raises(ValueError, match="not finite"):
        one.step(X[0][4])
    with pytest.raises(ValueError, match="not finite at step 4"):
        many.step_many(X[0])
    assert_same(one.snapshot(), many.snapshot())


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((3, 2)), [0.0] * 3, "X has 2 features"),
        (np.zeros((3, 3)), np.zeros((2, 2)), "2 targets"),
        (np.zeros((3, 3)), np.zeros((3, 1)), "1 outputs"),
        (np.full((3, 3), np.nan), np.zeros((3, 2)), "NaN in sequence 0, step 0"),
        (np.zeros((0, 3)), np.zeros((0, 2)), "empty"),
        (sparse.csr_array((3, 3)), np.zeros((3, 2)), "all sparse or all dense"),
    ],
)
def test_bad_steps_leave_the_stream_unchanged(X, y, message):
    model, first, targets = partly_fitted("hidden units")
    stream = model.stream()
    follow(stream, first[0], targets[0])
    before = stream.snapshot()
    with pytest.raises(ValueError, match=message):
        stream.learn_many(X, y)
    assert_same(before, stream.snapshot())


def test_a_stream_that_cannot_learn_takes_many_steps():
    model, X, y = partly_fitted("paper")
    stream = BPTTClassifier.as_published(3, **FAST).partial_fit(X, y, classes=LABELS).stream()
    assert stream.step_many(X[0]).shape == (len(X[0]), len(LABELS))
    with pytest.raises(ValueError, match="cannot learn along a stream"):
        stream.learn_many(X[0], y[0])
    assert model.stream().step_many(X[0][:1]).shape == (1, len(LABELS))


def test_steps_are_counted_once_where_learning_diverges():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 1)) * 20
    stream = LSTMRegressor(
        4, random_state=0, solver="sgd", learning_rate=3.0, standardize=False, shortcut=True
    ).stream(n_features=1)
    with pytest.warns(ConvergenceWarning):
        stream.learn_many(X, X[:, 0] * 5)
    assert stream.n_steps_ == 3000


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_steps_without_weight_are_learned_as_one_by_one(solver):
    X, y = np.random.default_rng(0).normal(size=(2, 6, 1))
    streams = [
        LSTMRegressor(2, random_state=0, solver=solver).stream(n_features=1) for _ in range(2)
    ]
    for stream in streams:
        stream.learn_many(X, y[:, 0])
    streams[0].learn_many(X, y[:, 0], np.zeros(6))
    for x, target in zip(X, y[:, 0], strict=True):
        streams[1].step(x)
        streams[1].learn(target, 0.0)
    one, other = (stream.snapshot() for stream in streams)
    assert one.weights.tobytes() == other.weights.tobytes()
    assert one.state.tobytes() == other.state.tobytes()
