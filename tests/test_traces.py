"""Traces: the values of a net at each step are those from which its outputs follow."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from lstm97 import LSTMClassifier, LSTMRegressor, Sequences
from lstm97._core import Network
from lstm97._kernels.data import Data
from lstm97.learning.topology import GATES
from lstm97.learning.traces import record_traces
from reference.cases import kernel_run, random_problem, random_topology
from reference.compare import worst_relative
from reference.lstm import Twin

SEEDS = range(40)
FAST = {"init_scale": 0.8, "max_iter": 2, "tol": None, "random_state": 0}


def problem(seed, **fixed):
    rng = np.random.default_rng(seed)
    topology = random_topology(rng, **fixed)
    weights, X, _ = random_problem(rng, topology, is_sparse=seed % 3 == 0)
    return topology, weights, X


def dense(x):
    return x.toarray() if sparse.issparse(x) else x


# ---- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_values_equal_the_twins(seed):
    topology, weights, X = problem(seed)
    twin = Twin(topology, {k: v.tolist() for k, v in topology.views(weights).items()})
    shape = topology.n_blocks, topology.block_size
    for x, trace in zip(X, record_traces(topology, weights, X), strict=True):
        steps = list(twin._steps(dense(x).tolist()))
        y_out = np.array([now.y_out for now in steps])
        h = np.array([now.h for now in steps]).reshape(-1, *shape)
        expected = {
            "input_gate": np.array([now.y_in for now in steps]) if topology.input_gate else None,
            "forget_gate": (
                np.array([now.y_forget for now in steps]) if topology.forget_gate else None
            ),
            "output_gate": y_out if topology.output_gate else None,
            "cell_input": np.array([now.g for now in steps]).reshape(-1, *shape),
            "cell_state": np.array([now.s for now in steps]).reshape(-1, *shape),
            "cell_output": y_out[:, :, None] * h,
            "hidden": np.array([now.y_hidden for now in steps]),
            "output": np.array([now.y for now in steps]),
        }
        assert vars(trace).keys() == expected.keys()
        for name, values in expected.items():
            found = getattr(trace, name)
            if values is None:
                assert found is None
                continue
            assert found.shape == values.shape, name
            if values.size:
                assert worst_relative(found, values, 1e-3) < 1e-12, name


@pytest.mark.parametrize("seed", SEEDS)
def test_recorded_values_are_bit_identical_to_those_of_run(seed):
    topology, weights, X = problem(seed)
    traces = record_traces(topology, weights, X)
    assert (np.concatenate([t.output for t in traces]) == kernel_run(topology, weights, X)).all()
    for trace in traces:
        # The kernel rounds y_f s, then the sum with y_in g; a fraction is rounded once, too.
        openings, keeping = trace.input_gate, trace.forget_gate
        state = np.zeros(trace.cell_state.shape[1:])
        for t, now in enumerate(trace.cell_state):
            for place in np.ndindex(now.shape):
                opening = 1.0 if openings is None else openings[t, place[0]]
                change = Fraction(opening) * Fraction(trace.cell_input[t][place])
                kept = state[place] * (1.0 if keeping is None else keeping[t, place[0]])
                assert now[place] == float(Fraction(kept) + change)
            state = now


def test_recording_does_not_affect_the_net():
    topology, weights, X = problem(1, n_blocks=2, n_hidden=0, input_gate=True, output_gate=True)
    network, expected = Network(topology), kernel_run(topology, weights, X)
    kernel_run(topology, weights[::-1].copy(), X, network)  # leaves memory that is not zero
    for _ in range(2):
        rows = network.record(weights, Data(X))
        assert (rows[:, -topology.n_outputs :] == expected).all()
        assert (kernel_run(topology, weights, X, network) == expected).all()


def test_weights_of_another_length_are_refused():
    topology, weights, X = problem(1)
    with pytest.raises(ValueError, match="weights expected"):
        Network(topology).record(weights[:-1].copy(), Data(X))


# ---- estimators ----------------------------------------------------------------------------------


def data(n=6):
    rng = np.random.default_rng(0)
    X = [rng.uniform(-1.0, 1.0, (length, 2)) for length in rng.integers(1, 9, n)]
    return X, np.array([x[0, 0] for x in X])


def test_outputs_at_last_steps_are_the_predictions():
    X, y = data()
    model = LSTMRegressor.as_published(n_hidden=1, **FAST).fit(X, y)
    assert [trace.output[-1, 0] for trace in model.trace(X)] == model.predict(X).tolist()


def test_outputs_at_all_steps_are_the_predictions():
    X, _ = data()
    model = LSTMClassifier.as_published(3, 1, shortcut=True, **FAST).fit(
        X, [x[:, 0] > 0.0 for x in X]
    )
    for trace, proba in zip(model.trace(X), model.predict_proba(X), strict=True):
        assert np.array_equal(trace.output / trace.output.sum(axis=1, keepdims=True), proba)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_a_net_that_learns_by_batches_has_traces(dtype, tolerance):
    X, y = data()
    model = LSTMRegressor.as_published(batch_size=4, dtype=dtype, **FAST).fit(X, y)
    outputs = [trace.output[-1, 0] for trace in model.trace(X)]
    assert np.allclose(outputs, model.predict(X), rtol=tolerance)
    assert model.trace(X)[0].output.dtype == np.float64


def same(traces, others):
    for trace, other in zip(traces, others, strict=True):
        for name, values in vars(trace).items():
            assert np.array_equal(values, getattr(other, name)), name


def test_forms_of_input_are_one():
    X, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    expected = model.trace(X)
    same(model.trace([sparse.csr_array(x) for x in X]), expected)
    same(model.trace(Sequences.from_list(X)[[3, 1]]), [expected[3], expected[1]])
    table = np.random.default_rng(1).uniform(-1.0, 1.0, (4, 6))
    model = LSTMRegressor.as_published(n_channels=2, **FAST).fit(table, table[:, 0])
    same(model.trace(table), model.trace(table.reshape(4, 3, 2)))


@pytest.mark.parametrize("missing", GATES)
def test_a_net_without_a_gate(missing):
    X, y = data()
    gates = {gate: gate != missing for gate in GATES}
    (trace, *_) = LSTMRegressor.as_published(3, 1, **gates, **FAST).fit(X, y).trace(X)
    assert getattr(trace, missing) is None
    for gate in {*GATES} - {missing}:
        assert getattr(trace, gate).shape == (len(X[0]), 3)


def test_a_net_without_blocks():
    X, y = data()
    model = LSTMRegressor.as_published(2, 3, initial_blocks=0, shortcut=True, **FAST).fit(X, y)
    assert model.trace(X)[0].cell_state.shape == (len(X[0]), 0, 3)
    assert [trace.output[-1, 0] for trace in model.trace(X)] == model.predict(X).tolist()


def test_a_trace_is_frozen():
    X, y = data()
    trace = LSTMRegressor.as_published(**FAST).fit(X, y).trace(X)[0]
    with pytest.raises(FrozenInstanceError):
        trace.output = None


def test_bad_data_are_refused_and_nothing_is_changed():
    X, y = data()
    with pytest.raises(NotFittedError):
        LSTMRegressor.as_published().trace(X)
    model = LSTMRegressor.as_published(shortcut=True, **FAST).fit(X, y)
    model.weights_ = 10.0 * model.weights_
    model.weights_.flags.writeable = False  # as joblib hands it to its workers
    before = joblib.hash(model)
    model.trace(X)
    with pytest.raises(ValueError, match="X has 1 features per step, but LSTMRegressor"):
        model.trace([x[:, :1] for x in X])
    with pytest.raises(ValueError, match="X contains NaN in sequence 1, step 1"):
        model.trace([X[0], np.array([[0.0, 0.0], [0.0, np.nan]])])
    huge = np.array([[0.0, 0.0], [1e308, 1e308], [0.0, 0.0]])
    with pytest.raises(ValueError, match="not finite in sequence 1, step 1"):
        model.trace([X[0], huge, X[1]])
    assert joblib.hash(model) == before
