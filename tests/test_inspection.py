"""The gradient report: against the kernel's gradients, and weights moved at one single step."""

import copy

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from lstm97 import (
    BPTTClassifier,
    ElmanClassifier,
    ElmanRegressor,
    LSTMClassifier,
    LSTMRegressor,
    RTRLRegressor,
    SequenceChunkerRegressor,
    Sequences,
    gradient_report,
)
from lstm97.learning.topology import STATE_GATES
from reference import recurrent
from reference.cases import kernel_pass
from reference.lstm import Twin, loss_and_errors

FAST = {"init_scale": 0.8, "max_iter": 1, "tol": None, "random_state": 1}
MODELS = {
    "plain": LSTMRegressor.as_published(2, 1, **FAST),
    "hidden units": LSTMRegressor.as_published(
        1, 2, n_hidden=1, shortcut=True, state_activation="identity", **FAST
    ),
    "cells fed back": LSTMRegressor.as_published(2, 1, recurrence="cells", gradient="full", **FAST),
    "no recurrence": LSTMRegressor.as_published(1, 2, n_hidden=1, recurrence="none", **FAST),
    "no biases": LSTMClassifier.as_published(
        1,
        2,
        input_gate_bias=None,
        output_gate_bias=None,
        cell_bias=False,
        output_bias=False,
        **FAST,
    ),
    "no input gate": LSTMClassifier.as_published(
        2, 1, input_gate=False, output_activation="softmax", loss="log_loss", **FAST
    ),
    "no output gate": LSTMClassifier.as_published(
        1, 2, output_gate=False, cell_activation="h", **FAST
    ),
    "forget gates": LSTMRegressor.as_published(2, 1, forget_gate=True, **FAST),
    "forget gates, cells fed back": LSTMClassifier.as_published(
        1, 2, forget_gate=True, forget_gate_bias=None, recurrence="cells", n_hidden=1, **FAST
    ),
    "Elman": ElmanRegressor.as_published(3, **FAST),
    "BPTT": BPTTClassifier.as_published(
        3, shortcut=True, hidden_bias=False, loss="log_loss", **FAST
    ),
    "RTRL": RTRLRegressor.as_published(2, recurrent_outputs=True, **FAST),
}


def data(model, every):
    """Series of unequal lengths; targets for steps have gaps: the longest ends with one."""
    rng = np.random.default_rng(0)
    X = [rng.uniform(-1.0, 1.0, (length, 2)) for length in (4, 2, 1)]
    if hasattr(model, "predict_proba"):
        steps = [["a", "c", "b", None], [None, "b"], [None]]
        return X, [np.array(part, object) for part in steps] if every else np.array(["a", "b", "c"])
    y = [rng.uniform(0.0, 1.0, (len(x), 2)) for x in X]
    if not every:
        return X, np.stack([rows[-1] for rows in y])
    y[0][3] = y[1][0] = y[1][1, 1] = y[2][:] = np.nan
    return X, y


def checked(model, X, y):
    """Return sequences and targets as the kernel takes them."""
    return copy.copy(model)._check(X, y, reset=False)


def cosine_ratio_norm(truncated, full):
    norms = np.linalg.norm(truncated), np.linalg.norm(full)
    with np.errstate(invalid="ignore"):
        return truncated @ full / np.prod(norms), norms[0] / norms[1], norms[1]


def groups_of(topology):
    return {k: slice(p.start, p.stop) for k, p in topology.slices.items() if p.stop > p.start}


EVERY = pytest.mark.parametrize("every", [False, True], ids=["last", "every"])
EACH_MODEL = pytest.mark.parametrize("name", MODELS)


# ---- totals --------------------------------------------------------------------------------------


@EVERY
@EACH_MODEL
def test_totals_are_those_of_the_kernels_gradients(name, every):
    X, y = data(MODELS[name], every)
    model = MODELS[name].fit(X, y)
    report = gradient_report(model, X, y)
    parts = {"all": slice(None), **groups_of(model.topology_)}
    assert report.groups == tuple(parts)[1:]
    truncated, full = (
        kernel_pass(model.topology_, model.weights_.copy(), *checked(model, X, y), form=form)[1]
        for form in ("truncated-forward", "full-backward")
    )
    expected = np.array([cosine_ratio_norm(truncated[p], full[p]) for p in parts.values()])
    table = np.column_stack([report.total, np.array(report.by_group)]).T
    assert np.allclose(table, expected, rtol=1e-12, atol=0.0)


# ---- lags ----------------------------------------------------------------------------------------


def as_lists(topology, weights):
    return {name: view.tolist() for name, view in topology.views(weights).items()}


def twin_steps(topology, weights, x, recorded=None):
    """Run through a sequence with weights, in nested lists, that are read at every step."""
    if topology.recurrent_outputs:
        return recurrent.steps(topology, weights, x, recorded)
    twin = Twin(topology, {})
    twin.weights = weights  # not a copy
    return twin._steps(x, recorded)


def losses_with_weights_at(step, moved, topology, weights, x, targets, recorded):
    """Losses at all steps of a net whose weights are moved at one single step."""
    present, losses = dict(weights), []
    walk = twin_steps(topology, present, x, recorded)
    for t, target in enumerate(targets):
        present.update(as_lists(topology, moved) if t == step else weights)
        losses.append(loss_and_errors(topology, next(walk), target)[0])
    return np.array(losses)


def numeric_by_lag(topology, weights, X, y, truncated):
    """Central differences of the losses, by lag: (n_lags, n_weights).

    With fed-back activations held constant, they are the truncated gradient.
    """
    numeric, lists = np.zeros((max(X.lengths), topology.n_weights)), as_lists(topology, weights)
    for i, x in enumerate(X.to_list()):
        recorded = [now.fed for now in twin_steps(topology, lists, x)] if truncated else None
        n_targets = len(x) if y.every else 1
        targets = np.full((len(x), topology.n_outputs), np.nan)
        targets[-n_targets:] = y.values[y.first[i] :][:n_targets]
        for step in range(len(x)):
            for m in range(topology.n_weights):
                low, high = (
                    losses_with_weights_at(
                        step, weights + size * np.eye(1, topology.n_weights, m)[0],
                        topology, lists, x, targets, recorded,
                    )
                    for size in (-1e-4, 1e-4)
                )  # fmt: skip
                numeric[: len(x) - step, m] += (low - high)[step:] / 2e-4
    return numeric


@EVERY
@EACH_MODEL
def test_lags_are_those_of_weights_moved_at_one_step(name, every):
    X, y = data(MODELS[name], every)
    model = MODELS[name].fit(X, y)
    report = gradient_report(model, X, y)
    n_lags = 3 if every else 4  # the fourth step of the longest sequence has no target
    assert report.lags.tolist() == list(range(n_lags))
    problem = model.topology_, model.weights_, *checked(model, X, y)
    truncated, full = numeric_by_lag(*problem, True), numeric_by_lag(*problem, False)
    assert (truncated[n_lags:] == 0.0).all()
    assert (full[n_lags:] == 0.0).all()
    found = [report.by_lag, *zip(*report.by_group_and_lag, strict=True)]
    places = [slice(None), *groups_of(model.topology_).values()]
    for agreement, place in zip(found, places, strict=True):
        for lag in range(n_lags):
            expected = cosine_ratio_norm(truncated[lag, place], full[lag, place])
            values = [field[lag] for field in agreement]
            assert np.allclose(values, expected, rtol=1e-5, atol=1e-7, equal_nan=True)


def fitted(Estimator, every=False, **options):
    """Return an estimator after one epoch, and its data."""
    model = Estimator.as_published(**{**FAST, **options})
    X, y = data(model, every)
    return model.fit(X, y), X, y


@EVERY
@EACH_MODEL
def test_at_lag_zero_both_gradients_are_the_same(name, every):
    X, y = data(MODELS[name], every)
    report = gradient_report(MODELS[name].fit(X, y), X, y)
    assert report.by_lag.norm_ratio[0] == 1.0
    assert report.by_lag.cosine[0] == pytest.approx(1.0, abs=1e-15)
    assert (report.by_group_and_lag.norm_ratio[:, 0] == 1.0).all()


@pytest.mark.parametrize("forget_gate", [False, True])
@EVERY
def test_without_recurrence_nothing_is_truncated(every, forget_gate):
    options = {"recurrence": "none", "n_hidden": 2, "forget_gate": forget_gate}
    report = gradient_report(*fitted(LSTMRegressor, every, **options))
    assert np.allclose(report.by_lag.norm_ratio, 1.0, rtol=1e-12)
    assert np.allclose(report.by_lag.cosine, 1.0, rtol=1e-12)
    # Only what cells remember leads from one step to another.
    for name, norms in zip(report.groups, report.by_group_and_lag.full_norm, strict=True):
        reaches = np.full(len(norms) - 1, name in (*STATE_GATES, "cell"))
        if name == "forget_gate":
            reaches[-1] = False  # at the first step of a sequence it has nothing to forget
        assert ((norms[1:] > 0.0) == reaches).all(), name


@EVERY
def test_elmans_gradient_has_lag_zero_only(every):
    report = gradient_report(*fitted(ElmanClassifier, every))
    assert report.groups == ("hidden", "output")
    hidden, output = (
        [field[i] for field in report.by_group_and_lag] for i in range(len(report.groups))
    )
    assert np.isnan(hidden[0][1:]).all()
    assert (hidden[1][1:] == 0.0).all()
    assert (hidden[2] > 0.0).all()
    assert np.isnan([output[0][1:], output[1][1:]]).all()
    assert (output[2][1:] == 0.0).all()


def test_a_vanishing_gradient_has_a_norm():
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 200, 2))
    model, *_ = fitted(ElmanRegressor, n_hidden=3, init_scale=0.3)
    norms = gradient_report(model, X, np.ones((2, 2))).by_lag.full_norm
    assert 0.0 < norms[-1] < 1e-170
    assert (norms[1:] < norms[:-1]).all()


# ---- input, output -------------------------------------------------------------------------------


@EVERY
def test_forms_of_input_are_one(every):
    model, X, y = fitted(LSTMRegressor, every, n_hidden=1, shortcut=True)
    expected = str(gradient_report(model, X, y))
    assert str(gradient_report(model, [sparse.csr_array(x) for x in X], y)) == expected
    # Steps before the sequences that are used do not matter.
    sequences = Sequences.from_list([X[1], *X])
    assert str(gradient_report(model, sequences[1:], y)) == expected


def test_a_table_is_one_sequence_per_row():
    X, y = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 6)), np.arange(5.0)
    model = LSTMRegressor.as_published(n_channels=2, **FAST).fit(X, y)
    assert gradient_report(model, X, y).lags.tolist() == [0, 1, 2]


def test_a_net_without_a_hidden_layer_yet():
    report = gradient_report(*fitted(LSTMRegressor, True, initial_blocks=0, shortcut=True))
    assert report.groups == ("output",)
    assert report.lags.tolist() == [0, 1, 2]
    assert report.total.norm_ratio == 1.0


def test_the_table():
    report = gradient_report(*fitted(LSTMClassifier))
    head, *rows = str(report).splitlines()
    assert head.split() == ["cosine", "norm", "ratio", "full", "norm"]
    names = [*report.groups, "lag 0", "lag 1", "lag 2", "lag 3"]
    assert [row[:12].strip() for row in rows] == ["all", *names]
    assert float(rows[0].split()[1]) == round(report.total.cosine, 3)
    assert len({len(row) for row in [head, *rows]}) == 1


@EACH_MODEL
def test_nothing_is_changed(name):
    X, y = data(MODELS[name], False)
    model = MODELS[name].fit(X, y)
    model.weights_.flags.writeable = False  # as joblib hands it to its workers
    before = joblib.hash((model, X, y))
    gradient_report(model, X, y)
    with pytest.raises(ValueError, match="requires y"):
        gradient_report(model, X, None)
    assert joblib.hash((model, X, y)) == before


def test_the_shape_of_targets_is_not_inherited():
    X, y = data(LSTMRegressor.as_published(), False)
    model = LSTMRegressor.as_published(**FAST).fit(X, y[:, 0])
    before = joblib.hash(model)
    column = gradient_report(model, X, y[:, :1])
    assert joblib.hash(model) == before
    assert str(column) == str(gradient_report(model, X, y[:, 0]))


def test_bad_data_are_refused():
    model, X, y = fitted(LSTMRegressor, shortcut=True)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match="X has 3 sequences, y has 2 targets"):
        gradient_report(model, X, y[:2])
    with pytest.raises(ValueError, match="X has 1 features per step, but LSTMRegressor"):
        gradient_report(model, [x[:, :1] for x in X], y)
    with pytest.raises(ValueError, match="y has 1 outputs, expected 2"):
        gradient_report(model, X, y[:, 0])
    with pytest.raises(ValueError, match="fitted with targets for the last step"):
        gradient_report(model, X, data(model, True)[1])
    with np.errstate(all="raise"), pytest.raises(ValueError, match="gradient is not finite"):
        gradient_report(model, [1e200 * x for x in X], 1e200 * y)
    assert joblib.hash(model) == before


def test_other_estimators_are_refused():
    model, X, y = fitted(SequenceChunkerRegressor)
    with pytest.raises(TypeError, match="not for SequenceChunkerRegressor"):
        gradient_report(model, X, y)
    with pytest.raises(TypeError, match="not for LinearRegression"):
        gradient_report(LinearRegression(), X, y)
    with pytest.raises(NotFittedError):
        gradient_report(LSTMRegressor.as_published(), X, y)
