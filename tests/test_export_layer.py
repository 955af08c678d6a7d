"""Any net as a layer of today, computed by NumPy: the outputs of the kernel."""

import warnings

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lstm97 import LSTMRegressor, StepwiseTransformer
from lstm97.export import to_c, to_onnx, to_torch
from lstm97.export.layer import layer_of
from lstm97.export.net import net_of
from reference.cases import kernel_run, random_problem, random_topology

ACTIVATIONS = {"logistic": expit, "linear": np.array, "softmax": lambda a: softmax(a, axis=1)}


def run(layer, x):
    """Return the net inputs of the outputs at every step, by the equations of an LSTM layer."""
    inputs, recurrent, biases = layer.stacked("input_gate", "forget_gate", "output_gate", "cell")
    y = c = np.zeros(layer.n_units)
    sums = []
    for step in x:
        i, f, o, g = np.split(inputs @ step + recurrent @ y + biases, 4)
        g = expit(g) if layer.cell_is_logistic else np.tanh(g)
        c = expit(f) * c + expit(i) * g
        h = layer.state_slope * c
        y = expit(o) * (h if layer.state_is_linear else np.tanh(h))
        sums.append(layer.readout @ (np.r_[step, y] if layer.has_shortcut else y) + layer.bias)
    return np.array(sums)


@pytest.mark.parametrize("seed", range(60))
def test_outputs_are_those_of_the_net(seed):
    rng = np.random.default_rng(seed)
    topology = random_topology(rng, **{"n_blocks": 0, "n_hidden": 3} if seed % 10 == 0 else {})
    weights, X, _ = random_problem(rng, topology, longest=20)
    layer = layer_of(topology, weights)
    expected = kernel_run(topology, weights, X)
    sums = np.concatenate([run(layer, x) for x in X])
    outputs = ACTIVATIONS[topology.output_activation](sums)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-12)


def test_a_carousel_loses_nothing_in_a_thousand_steps():
    rng = np.random.default_rng(0)
    topology = random_topology(rng, forget_gate=False, n_inputs=2)
    weights = rng.uniform(-0.5, 0.5, topology.n_weights)
    rows = layer_of(topology, weights).rows["forget_gate"]
    assert (expit(rows[:, -1]) == 1.0).any()
    assert not rows[:, :-1].any()


def test_a_net_without_a_hidden_layer_is_refused():
    model = LSTMRegressor(2, initial_blocks=0, shortcut=True, max_iter=1, random_state=0)
    net = net_of(model.partial_fit([[[0.0]]], [0.0]))
    with pytest.raises(ValueError, match="initial_blocks=0"):
        layer_of(net.topology, net.weights)


@pytest.mark.parametrize("write", [to_c, to_onnx, to_torch])
def test_a_scaler_of_other_features_is_refused(write, tmp_path):
    if write is not to_c:
        pytest.importorskip("onnx" if write is to_onnx else "torch")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 20))
    scale = StepwiseTransformer(StandardScaler(), n_channels=4)
    pipe = make_pipeline(scale, LSTMRegressor(2, max_iter=1, random_state=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe.fit(X, X[:, 0])
    arguments = [] if write is to_torch else [tmp_path / "net" if write is to_onnx else tmp_path]
    with pytest.raises(ValueError, match="scales 4 features, but the net has 20: set n_channels"):
        write(pipe, *arguments)
    assert not list(tmp_path.iterdir())
