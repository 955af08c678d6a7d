"""Nets as modules of torch, and modules of torch as nets."""

import pickle
import sys

import numpy as np
import pytest

from lstm97 import LSTMClassifier, LSTMRegressor, load, save
from lstm97.export import from_torch, to_torch
from reference.fitted import as_predicted, padded, predicted, random_fitted, random_sequences

torch = pytest.importorskip("torch")

BOUND = 1e-10


def run(module, X, state=None):
    """Return last and all outputs of a module as arrays, the lengths, and the state."""
    steps, lengths = padded(X)
    with torch.no_grad():
        last, every, state = module(torch.tensor(steps), torch.tensor(lengths), state)
    return last.numpy(), every.numpy(), lengths, state


def assert_near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=BOUND, atol=BOUND)


@pytest.mark.parametrize("n_nets", [30, pytest.param(300, marks=pytest.mark.long)])
def test_predictions_of_random_nets(n_nets):
    worst, kinds = 0.0, set()
    for seed in range(n_nets):
        estimator, X = random_fitted(np.random.default_rng(seed))
        module = to_torch(estimator)
        last, every, lengths, _ = run(module, X)
        expected = predicted(estimator, X)
        error = np.abs(as_predicted(estimator, last, every, lengths) - expected)
        worst = max(worst, (error / np.maximum(1.0, np.abs(expected))).max())
        assert worst < BOUND, seed
        kinds.add(type(module.lstm))
    assert len(kinds) == 2
    print(f"{n_nets} nets: {worst:.1e}")


@pytest.mark.parametrize("cell_activation", ["g", "h"])
def test_state_goes_in_and_out(cell_activation):
    rng = np.random.default_rng(1)
    estimator, X = random_fitted(
        rng, cell_activation=cell_activation, state_activation="h", recurrence="all"
    )
    module = to_torch(estimator)
    assert isinstance(module.lstm, torch.nn.LSTM) == (cell_activation == "g")
    X = [x for x in random_sequences(rng, X[0].shape[1], n_sequences=6) if len(x) > 1]
    assert len({*map(len, X)}) > 2
    last, every, _, (h, c) = run(module, X)
    _, first, _, state = run(module, [x[:1] for x in X])
    *end, _, (h_end, c_end) = run(module, [x[1:] for x in X], state)
    assert_near(first[0], every[0])
    for found, whole in zip([*end, h_end, c_end], [last, every[1:], h, c], strict=True):
        assert_near(found, whole)
    steps = torch.tensor(np.stack([x[:2] for x in X], axis=1))
    assert_near(module(steps)[0].detach(), every[1])
    for part in ((h[:, 1:], c[:, 1:]), (h, torch.cat([c, c], 1)), (h[..., 1:], c)):
        with pytest.raises(ValueError, match="state must be two tensors of shape"):
            module(steps, None, part)


@pytest.mark.parametrize("cell_activation", ["g", "logistic"])
def test_a_module_has_gradients_and_can_be_stored(cell_activation):
    rng = np.random.default_rng(2)
    estimator, X = random_fitted(rng, cell_activation=cell_activation, state_activation="h")
    before = torch.random.get_rng_state()
    module = to_torch(estimator)
    assert torch.equal(torch.random.get_rng_state(), before)
    last, *_ = module(torch.tensor(padded(X)[0]))
    last.square().sum().backward()
    gradients = {name: each.grad for name, each in module.named_parameters()}
    assert all(each.abs().max() > 0 for each in gradients.values())
    other = pickle.loads(pickle.dumps(module))
    assert_near(run(other, X)[0], run(module, X)[0])
    other.float()
    assert other(torch.tensor(padded(X)[0]).float())[0].dtype == torch.float32


def layers(seed, n_outputs, bias=True, linear_bias=True, dtype=torch.float64):
    """Draw layers of torch, and sequences."""
    rng = np.random.default_rng(seed)
    n_features, n_units = int(rng.integers(1, 5)), int(rng.integers(1, 8))
    lstm = torch.nn.LSTM(n_features, n_units, bias=bias, dtype=dtype)
    linear = torch.nn.Linear(n_units, n_outputs, bias=linear_bias, dtype=dtype)
    with torch.no_grad():
        for each in (*lstm.parameters(), *linear.parameters()):
            each.copy_(torch.tensor(rng.uniform(-1.0, 1.0, each.shape)))
    return lstm, linear, random_sequences(rng, n_features)


def outputs_of(lstm, linear, X):
    """Return the outputs of torch's layers at every step of each sequence."""
    with torch.no_grad():
        return [linear(lstm(torch.tensor(x))[0]) for x in X]


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(("bias", "linear_bias"), [(True, True), (False, True), (True, False)])
def test_a_regressor_from_torch(n_outputs, bias, linear_bias):
    for seed in range(5):
        lstm, linear, X = layers(seed, n_outputs, bias, linear_bias)
        expected = outputs_of(lstm, linear, X)
        model = from_torch(lstm, linear)
        shape = (len(X), n_outputs) if n_outputs > 1 else (len(X),)
        assert_near(model.predict(X), torch.stack([each[-1] for each in expected]).reshape(shape))
        model = from_torch(lstm, linear, target_steps="every")
        found = np.concatenate(model.predict(X)).reshape(-1, n_outputs)
        assert_near(found, torch.cat(expected))


def test_a_classifier_from_torch_whose_labels_are_in_another_order():
    lstm, linear, X = layers(3, 3)
    model = from_torch(lstm, linear, classes=["b", "c", "a"])
    assert model.classes_.tolist() == ["a", "b", "c"]
    expected = torch.stack([each[-1] for each in outputs_of(lstm, linear, X)]).softmax(-1)
    assert_near(model.predict_proba(X), expected[:, [2, 0, 1]])
    assert model.predict(X).tolist() == [["b", "c", "a"][k] for k in expected.argmax(1)]


def test_float32_from_torch():
    lstm, linear, X = layers(4, 2, dtype=torch.float32)
    expected = outputs_of(lstm.double(), linear.double(), X)
    found = from_torch(lstm.float(), linear.float()).predict(X)
    assert_near(found, torch.stack([each[-1] for each in expected]))


@pytest.mark.parametrize("classes", [None, [0, 1, 2]])
def test_a_net_from_torch_goes_on_learning(classes, tmp_path):
    lstm, linear, X = layers(5, 3)
    model = from_torch(lstm, linear, classes=classes)
    save(model, tmp_path / "model.npz")
    assert np.array_equal(load(tmp_path / "model.npz").weights_, model.weights_)
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=len(X)) if classes else rng.normal(size=(len(X), 3))
    losses = []
    model.set_params(learning_rate=0.03)
    for _ in range(30):
        losses.append(model.partial_fit(X, y).loss_curve_[-1])
    assert losses[-1] < 0.5 * losses[0]
    model.set_params(warm_start=True, max_iter=20).fit(X, y)
    assert model.loss_curve_[-1] < losses[-1]
    stream = model.stream()
    for x in X[0]:
        prediction = stream.step(x)
    expected = model.predict_proba if classes else model.predict
    assert_near(prediction, expected(X[:1])[0])


@pytest.mark.parametrize("n_nets", [10, pytest.param(300, marks=pytest.mark.long)])
def test_there_and_back(n_nets):
    for seed in range(n_nets):
        rng = np.random.default_rng(seed)
        estimator, X = random_fitted(
            rng, cell_activation="g", state_activation="h", shortcut=False, standardize=False
        )
        module = to_torch(estimator)
        _, every, lengths, _ = run(module, X)
        back = from_torch(module.lstm, module.readout, target_steps="every")
        X = [(x - module.x_mean.numpy()) / module.x_scale.numpy() for x in X]
        sums = back.predict(X)
        with torch.no_grad():
            for i, rows in enumerate(sums):
                rows = module._outputs(torch.tensor(rows.reshape(len(rows), -1)))
                assert_near(rows, every[: lengths[i], i])


BAD = {
    "num_layers": {"lstm": lambda: torch.nn.LSTM(2, 3, num_layers=2)},
    "bidirectional": {"lstm": lambda: torch.nn.LSTM(2, 3, bidirectional=True)},
    "proj_size": {"lstm": lambda: torch.nn.LSTM(2, 4, proj_size=3)},
    "linear reads 5": {"linear": lambda: torch.nn.Linear(5, 2)},
    "lstm must be": {"lstm": lambda: torch.nn.GRU(2, 3)},
    "OtherLSTM.*to_torch makes one of a net with": {"lstm": lambda: other_lstm()},
    "linear must be": {"linear": lambda: torch.nn.Sequential(torch.nn.Linear(3, 2))},
    "it has 2, and classes holds 3": {"classes": lambda: [1, 2, 3]},
    "it has 2, and classes holds 1": {"classes": lambda: [1, 1]},
    "classes": {"classes": lambda: 5},
    "target_steps": {"target_steps": lambda: "all"},
}


def other_lstm():
    """Return a layer with other functions than torch's."""
    model = LSTMRegressor(3, cell_activation="logistic", random_state=0)
    return to_torch(model.partial_fit([[[0.0, 0.0]]], [0.0])).lstm


@pytest.mark.parametrize("message", BAD)
def test_layers_that_are_refused(message):
    given = {"lstm": torch.nn.LSTM(2, 3), "linear": torch.nn.Linear(3, 2)}
    given |= {name: make() for name, make in BAD[message].items()}
    with pytest.raises((TypeError, ValueError), match=message):
        from_torch(**given)


def test_weights_that_are_not_finite_are_refused():
    lstm, linear = torch.nn.LSTM(2, 3), torch.nn.Linear(3, 2)
    with torch.no_grad():
        lstm.weight_hh_l0[0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        from_torch(lstm, linear)


def test_an_estimator_that_is_not_fitted_is_refused():
    with pytest.raises(ValueError, match="not fitted"):
        to_torch(LSTMClassifier())


@pytest.mark.parametrize(("function", "n_arguments"), [(to_torch, 1), (from_torch, 2)])
def test_without_torch_the_error_says_how_to_get_it(monkeypatch, function, n_arguments):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="needs torch: pip install torch"):
        function(*[None] * n_arguments)
