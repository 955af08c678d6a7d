"""ONNX graphs in onnxruntime, beside the estimators they were made of."""

import json
import sys

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from lstm97 import (
    CascadeCorrelationRegressor,
    LSTMClassifier,
    LSTMRegressor,
    RTRLRegressor,
    SequenceChunkerRegressor,
    StepwiseTransformer,
)
from lstm97.export import to_onnx
from reference.fitted import as_predicted, padded, predicted, random_fitted, random_sequences

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

BOUND = 1e-5


@pytest.fixture
def session(tmp_path):
    """Return a function that writes a graph and opens it again."""

    def opened(estimator):
        to_onnx(estimator, tmp_path / "net.onnx")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns of optional inputs
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(tmp_path / "net.onnx", options)

    return opened


def run(session, X, lengths, **state):
    """Return the four outputs of a graph."""
    feed = {"X": X.astype(np.float32), "sequence_lens": lengths.astype(np.int32)}
    return session.run(["last", "every", "final_h", "final_c"], feed | state)


@pytest.mark.parametrize("n_nets", [30, pytest.param(300, marks=pytest.mark.long)])
def test_predictions_of_random_nets(session, n_nets):
    worst = 0.0
    for seed in range(n_nets):
        estimator, X = random_fitted(np.random.default_rng(seed))
        steps, lengths = padded(X)
        last, every, *_ = run(session(estimator), steps, lengths)
        expected = predicted(estimator, X)
        error = np.abs(as_predicted(estimator, last, every, lengths) - expected)
        worst = max(worst, (error / np.maximum(1.0, np.abs(expected))).max())
        assert worst < BOUND, seed
    print(f"{n_nets} nets: {worst:.1e}")


def test_a_long_sequence(session):
    rng = np.random.default_rng(0)
    X = rng.normal(0.0, 0.3, (3, 2000, 2))
    model = LSTMRegressor.as_published(n_blocks=3, random_state=0)
    model.partial_fit(X, rng.normal(size=3))
    last, *_ = run(session(model), X.transpose(1, 0, 2), np.array([2000, 1999, 700]))
    expected = model.predict([X[0], X[1, :1999], X[2, :700]])
    np.testing.assert_allclose(last[:, 0], expected, atol=BOUND)


@pytest.mark.parametrize("recurrence", ["all", "cells"])
def test_state_goes_in_and_out(session, recurrence):
    rng = np.random.default_rng(1)
    estimator, X = random_fitted(rng, recurrence=recurrence, n_blocks=2, n_hidden=2)
    graph = session(estimator)
    steps, lengths = padded(random_sequences(rng, X[0].shape[1], n_sequences=4))
    last, every, h, c = run(graph, steps, lengths)
    # Each sequence in two parts, of which the first has one step.
    _, first, *state = run(graph, steps[:1], np.ones(4))
    rest = lengths - 1
    state = dict(zip(["initial_h", "initial_c"], state, strict=True))
    some = rest > 0
    assert some.sum() > 1
    going_on = {name: values[:, some] for name, values in state.items()}
    end = run(graph, steps[1:, some], rest[some], **going_on)
    np.testing.assert_allclose(first[0], every[0], atol=1e-6)
    for found, whole in zip(end, (last, every[1:], h, c), strict=True):
        axis = 0 if found.ndim == 2 else 1
        np.testing.assert_allclose(found, whole.compress(some, axis), atol=1e-6)


def test_steps_one_by_one_are_those_of_a_stream(session):
    model = LSTMRegressor(3, block_size=2, recurrence="all", random_state=0)
    stream = model.stream(n_features=2, n_outputs=2)
    rng = np.random.default_rng(0)
    for x in rng.normal(size=(150, 2)):
        stream.step(x)
        stream.learn(x[::-1])
    graph = session(stream.reset().to_estimator())
    state = {}
    for x in rng.normal(size=(20, 2)):
        last, _, h, c = run(graph, x[None, None], np.array([1]), **state)
        np.testing.assert_allclose(last[0], stream.step(x), atol=BOUND)
        state = {"initial_h": h, "initial_c": c}


def test_a_graph_is_of_opset_22_with_one_lstm(session, tmp_path):
    for seed in range(10):
        estimator, _ = random_fitted(np.random.default_rng(seed))
        session(estimator)
        model = onnx.load(tmp_path / "net.onnx")
        assert [(each.domain, each.version) for each in model.opset_import] == [("", 22)]
        operators = [node.op_type for node in model.graph.node]
        assert operators.count("LSTM") == 1
        assert not {"Loop", "Scan", "If"} & {*operators}


@pytest.mark.parametrize("labels", [["b", "ä", "c"], [3, 1, 2], [True, False, True]])
def test_labels_are_metadata_and_in_the_order_of_the_probabilities(session, labels):
    X = np.random.default_rng(0).normal(size=(3, 4, 2))
    model = LSTMClassifier(2, max_iter=2, random_state=0).fit(X, labels)
    graph = session(model)
    classes = json.loads(graph.get_modelmeta().custom_metadata_map["classes"])
    last, *_ = run(graph, X.transpose(1, 0, 2), np.full(3, 4))
    assert [classes[k] for k in last.argmax(axis=1)] == model.predict(X).tolist()


@pytest.mark.parametrize("kind", ["numbers", "labels"])
def test_only_classes_are_metadata(session, kind):
    X = np.random.default_rng(0).normal(size=(4, 4, 2))
    model = LSTMRegressor if kind == "numbers" else LSTMClassifier
    y = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
    graph = session(model(2, max_iter=1, random_state=0).fit(X, y))
    assert graph.get_modelmeta().custom_metadata_map == {}


def test_tiny_logistic_outputs_are_divided_by_their_sum(session):
    X = np.random.default_rng(0).normal(size=(4, 3, 2))
    model = LSTMClassifier(2, loss="squared_error", max_iter=1, random_state=0).fit(X, [0, 1, 2, 0])
    model.topology_.views(model.weights_)["output"][-1] = [-200.0, -201.0, -199.5]
    last, *_ = run(session(model), X.transpose(1, 0, 2), np.full(4, 3))
    np.testing.assert_allclose(last, model.predict_proba(X), atol=BOUND)


@pytest.fixture
def model():
    X = np.random.default_rng(0).normal(size=(4, 3, 2))
    return LSTMRegressor(2, max_iter=1, random_state=0).fit(X, np.arange(4.0))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        CascadeCorrelationRegressor(max_iter=1),
        SequenceChunkerRegressor(max_iter=1),
        RTRLRegressor(max_iter=1),
        make_pipeline(StepwiseTransformer(MinMaxScaler()), LSTMRegressor(2, max_iter=1)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_other_estimators_are_refused(estimator, tmp_path):
    X = np.random.default_rng(0).uniform(size=(4, 3, 2))
    with pytest.raises(TypeError, match="export"):
        to_onnx(estimator.fit(X, np.linspace(0.0, 1.0, 4)), tmp_path / "net.onnx")
    assert not [*tmp_path.iterdir()]


def test_an_estimator_that_is_not_fitted_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        to_onnx(LSTMRegressor(), tmp_path / "net.onnx")
    assert not [*tmp_path.iterdir()]


def test_numbers_beyond_float32_are_refused(model, tmp_path):
    model.weights_[-1] = 1e39
    with pytest.raises(ValueError, match="range of float32"):
        to_onnx(model, tmp_path / "net.onnx")
    assert not [*tmp_path.iterdir()]


def test_a_scale_below_float32_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 5, 2)) * 1e-50
    model = LSTMRegressor(2, max_iter=1, random_state=0).fit(X, rng.normal(size=20))
    with pytest.raises(ValueError, match="x_scale holds a number beyond the range of float32"):
        to_onnx(model, tmp_path / "net.onnx")


def test_a_mean_that_is_large_beside_the_scale(tmp_path):
    """Pressures in pascal: float32 holds them, but not their mean."""
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    X = (101_325 + rng.normal(size=(60, 8, 2)) * 10).astype(np.float32)
    y = X[:, -1, 0] - 101_325.0
    model = LSTMRegressor(4, max_iter=20, random_state=0).fit(X.astype(float), y / 10)
    to_onnx(model, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    feed = {"X": X.transpose(1, 0, 2), "sequence_lens": np.full(60, 8, np.int32)}
    last = session.run(["last"], feed)[0].ravel()
    np.testing.assert_allclose(last, model.predict(X.astype(float)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("where", ["folder", "missing/net.onnx", "file/net.onnx"])
def test_a_path_that_cannot_be_written_leaves_nothing(model, tmp_path, where):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"older")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match=where.split("/")[0]):
        to_onnx(model, tmp_path / where)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_bytes() == b"older"


def test_a_failure_leaves_the_older_file(model, tmp_path, monkeypatch):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"older")

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        to_onnx(model, path)
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == b"older"


def test_without_onnx_the_error_says_how_to_get_it(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match="to_onnx needs onnx: pip install onnx"):
        to_onnx(model, tmp_path / "net.onnx")
