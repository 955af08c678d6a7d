"""Diagnosis: nets set by hand so that they show one finding, and trained ones."""

import warnings

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from lstm97 import (
    DiagnosisWarning,
    ElmanRegressor,
    LSTMClassifier,
    LSTMRegressor,
    diagnose,
)
from lstm97.inspection.diagnosis import REMEDIES
from lstm97.learning.topology import GATES
from lstm97.tasks import make_adding, make_two_classes

LENGTHS = (18, 20, 22, 21)
FEATURES = 2
BIAS = -1  # the last source


def series():
    """Series of two features: random numbers, and a sign that differs from series to series."""
    rng = np.random.default_rng(0)
    X = [rng.uniform(-1.0, 1.0, (length, FEATURES)) for length in LENGTHS]
    for x, side in zip(X, (1.0, -1.0, -1.0, 1.0), strict=True):
        x[:, 1] = side
    return X


def zero_net(every=False, **options):
    """Return a net of 3 blocks with 2 cells whose weights are zero, their views, and data."""
    X = series()
    y = [x[:, 0] for x in X] if every else np.arange(4.0)
    options = {"max_iter": 1, "tol": None, "random_state": 0, **options}
    model = LSTMRegressor.as_published(3, 2, **options).fit(X, y)
    model.weights_[:] = 0.0
    return model, model.topology_.views(model.weights_), X


def quietly(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DiagnosisWarning)
        return diagnose(model, X)


def found(model, X):
    return [(finding.kind, finding.block, finding.cell) for finding in quietly(model, X)]


def bias_for(opening):
    return np.log(opening / (1.0 - opening))


# ---- the whole net -------------------------------------------------------------------------------


def curve(losses, reason="limit"):
    model, _, X = zero_net()
    model.loss_curve_, model.n_iter_, model.stop_reason_ = losses, len(losses), reason
    return found(model, X)


def test_a_loss_that_still_falls():
    falling = np.linspace(1.0, 0.4, 30).tolist()
    assert curve(falling) == [("few_epochs", None, None)]
    assert curve(falling, "converged") == curve(falling + [0.4] * 10) == curve([1.0]) == []
    assert curve([1.0, 0.9]) == [("few_epochs", None, None)]
    assert curve([1.0, 0.985]) == curve([1.0, 1.1]) == curve([1.0, 0.01, 0.001]) == []


@pytest.mark.parametrize("every", [False, True])
def test_a_classifier_that_predicts_one_class(every):
    X = series()
    y = [np.where(x[:, 0] > 0, "up", "down") for x in X] if every else ["up", "down"] * 2
    model = LSTMClassifier.as_published(2, 1, max_iter=1, tol=None, random_state=0).fit(X, y)
    model.weights_[:] = 0.0
    bias = model.topology_.views(model.weights_)["output"][BIAS]
    bias[:] = 0.0, 1.0
    assert found(model, X) == [("one_class", None, None)]
    with pytest.warns(DiagnosisWarning, match="net: all .* predictions are 'up'. Remedy: "):
        diagnose(model, X)
    model.fit(X, [x[:, :2] > 0 for x in X] if every else np.eye(4)[:, :2])  # labels, no classes
    assert "one_class" not in [kind for kind, _, _ in found(model, X)]


@pytest.mark.parametrize("factor", [20.0, 0.001])
def test_inputs_on_no_scale(factor):
    model, _, X = zero_net()
    scaled = [x * [1.0, factor] for x in X]
    assert found(model, scaled) == [("input_scale", None, None)]
    with pytest.warns(DiagnosisWarning, match="feature 1 is"):
        diagnose(model, scaled)
    assert found(model, [x * [1.0, 0.0] for x in X]) == []
    model, _, _ = zero_net(standardize=True)
    assert found(model, [x * [1.0, factor] for x in X]) == []
    sparse_steps = [sparse.csr_array(x) for x in scaled]
    assert found(zero_net()[0], sparse_steps) == []


# ---- internal state drift ------------------------------------------------------------------------


def drift(views, cell, last, source=BIAS):
    """Make a cell's state, behind a half-open gate, end at a value in the shortest sequence."""
    views["cell"][source, cell] = 2.0 * np.arctanh(last / LENGTHS[0])


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_state_that_drifts(sign, every):
    model, views, X = zero_net(every)
    assert found(model, X) == []
    drift(views, 3, sign * 6.1)
    assert found(model, X) == [("state_drift", 1, 1)]
    drift(views, 4, -sign * 6.1)
    assert found(model, X) == [("state_drift", 1, 1), ("state_drift", 2, 0)]
    drift(views, 3, sign * 5.9)
    assert found(model, X) == [("state_drift", 2, 0)]


def test_drift_is_what_most_sequences_share():
    model, views, X = zero_net()
    drift(views, 3, 6.1)
    short = [x[:12] for x in X[:1]]
    assert found(model, X * 3 + short) == [("state_drift", 1, 1)]  # 12 of 13
    assert found(model, X * 2 + short) == []  # 8 of 9


def test_a_state_that_tells_sequences_apart_has_not_drifted():
    model, views, X = zero_net()
    drift(views, 3, 8.0, source=1)
    assert {np.sign(trace.cell_state[-1, 1, 1]) for trace in model.trace(X)} == {1.0, -1.0}
    assert found(model, X) == []


def test_a_state_that_is_not_squashed_cannot_drift():
    model, views, X = zero_net(state_activation="identity")
    drift(views, 3, 15.0)
    assert found(model, X) == []


# ---- stuck gates ---------------------------------------------------------------------------------


EACH_GATE = pytest.mark.parametrize("gate", GATES)


@EACH_GATE
def test_a_gate_that_is_stuck(gate):
    model, views, X = zero_net(**{gate: True})
    views[gate][BIAS] = bias_for(0.9991), bias_for(0.9989), bias_for(0.0009)
    assert found(model, X) == [(f"{gate}_shut", 2, None), (f"{gate}_open", 0, None)]


@EACH_GATE
@pytest.mark.parametrize("bias", [-8.0, 8.0])
def test_a_gate_that_moves_once_is_not_stuck(gate, bias):
    model, views, X = zero_net(**{gate: True})
    views[gate][BIAS, 1] = bias
    assert len(found(model, X)) == 1
    views[gate][0, 1] = 1.0
    X[2][7, 0] = -np.sign(bias) * 3.0
    assert found(model, X) == []


def test_the_papers_biases_are_not_stuck():
    model, views, X = zero_net()
    views["input_gate"][BIAS] = views["output_gate"][BIAS] = -1.0, -3.0, -6.0
    assert found(model, X) == []


@pytest.mark.parametrize("missing", GATES)
def test_a_missing_gate_is_not_stuck(missing):
    model, views, X = zero_net(**{gate: gate != missing for gate in GATES})
    assert found(model, X) == []
    for other in {*GATES} - {missing}:
        views[other][BIAS, 1] = -8.0
        assert found(model, X) == [(f"{other}_shut", 1, None)]
        views[other][BIAS, 1] = 0.0


@pytest.mark.parametrize(
    ("bias", "kind", "evidence", "remedy"),
    [
        (40.0, "forget_gate_open", "never shuts by more than 0", "a smaller forget_gate_bias"),
        (-9.0, "forget_gate_shut", "never opens by more than 0.0001", "a larger forget_gate_bias"),
    ],
)
def test_the_remedy_for_a_forget_gate(bias, kind, evidence, remedy):
    model, views, X = zero_net(forget_gate=True)
    views["forget_gate"][BIAS, 2] = bias
    (finding,) = quietly(model, X)
    assert (finding.kind, finding.block, finding.cell) == (kind, 2, None)
    assert finding.message.startswith(f"block 2: the forget gate is stuck: it {evidence}. Remedy: ")
    assert finding.message.endswith(REMEDIES[kind])
    assert remedy in finding.message


def test_a_state_does_not_drift_if_the_net_forgets():
    model, views, X = zero_net(forget_gate=True)
    views["forget_gate"][BIAS] = 8.0
    drift(views, 3, 7.0)
    (finding,) = [each for each in quietly(model, X) if each.kind == "state_drift"]
    assert "forget_gate=True" in finding.message
    views["forget_gate"][BIAS] = 1.0
    assert found(model, X) == []


# ---- the abuse problem ---------------------------------------------------------------------------


def abused(weight, **options):
    """Return a net with one cell whose output is constant, and one whose output is not."""
    model, views, X = zero_net(**options)
    first = FEATURES * model.shortcut
    drift(views, 2, 5.0)
    views["cell"][0, 5] = 0.5
    views["output"][first + 2] = weight
    views["output"][first + 5] = 1.0
    return model, views, X


@pytest.mark.parametrize("shortcut", [False, True])
def test_a_cell_that_is_used_as_a_bias(shortcut):
    model, _, X = abused(1.0, shortcut=shortcut)
    assert found(model, X) == [("bias_cell", 1, 0)]
    model, _, X = abused(-1.0, shortcut=shortcut)
    assert found(model, X) == [("bias_cell", 1, 0)]


def test_a_constant_cell_that_does_not_count():
    model, views, X = abused(0.0)
    assert found(model, X) == []
    traces = model.trace(X)
    varies = np.std([trace.cell_output[-1, 2, 1] for trace in traces])
    constant = np.mean([trace.cell_output[-1, 1, 0] for trace in traces])
    for part, expected in ((0.09, []), (0.12, [("bias_cell", 1, 0)])):
        views["output"][2] = part * varies / constant
        assert found(model, X) == expected


@pytest.mark.parametrize("every", [False, True])
def test_a_cell_is_constant_where_there_are_targets(every):
    model, views, X = zero_net(every)
    views["cell"][0, 2], views["output"][2] = 2.0, 1.0
    for x in X:
        x[:, 0] = 0.0
        x[0, 0] = 10.0
    assert found(model, X) == [("bias_cell", 1, 0)]
    X[1][:7, 0] = X[1][6::-1, 0]  # the same state, but later
    assert found(model, X) == ([] if every else [("bias_cell", 1, 0)])


def test_conventional_units_count_as_well():
    """The contributions of other units to an output decide which contribution is small."""
    model, views, X = zero_net(n_hidden=1)
    drift(views, 2, 5.0)
    views["output"][2] = 1.0
    assert found(model, X) == [("bias_cell", 1, 0)]
    views["hidden"][1] = 10.0
    views["output"][6] = 20.0
    assert found(model, X) == []


def test_a_net_without_cells_yet_has_no_findings():
    model, _, X = zero_net(initial_blocks=0, shortcut=True)
    assert model.topology_.n_blocks == 0
    assert diagnose(model, X) == []


# ---- trained nets --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_healthy_net_has_no_findings(seed):
    X, y = make_adding(2000, T=20, rng=0)
    model = LSTMRegressor.as_published(
        input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=50, tol=None, random_state=seed
    ).fit(X, y)
    assert model.score(X, y) > 0.99
    assert diagnose(model, X) == []


def test_a_net_that_stores_classes_in_saturated_states_is_healthy():
    X, y = make_two_classes(3500, rng=0)
    model = LSTMClassifier.as_published(
        3, 1, input_gate_bias=[-1, -3, -5], output_gate_bias=[-2, -4, -6], learning_rate=1.0,
        max_iter=12, tol=None, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.score(X, y) > 0.99
    assert max(np.abs(trace.cell_state[-1]).max() for trace in model.trace(X)) > 6.0
    assert diagnose(model, X) == []


# ---- warnings, refusals --------------------------------------------------------------------------


def test_each_finding_is_a_warning_with_its_remedy():
    model, views, X = zero_net()
    drift(views, 3, 7.0)
    views["input_gate"][BIAS, 0] = views["output_gate"][BIAS, 2] = -8.0
    with pytest.warns(DiagnosisWarning) as caught:
        findings = diagnose(model, X)
    assert [finding.kind for finding in findings] == [
        "state_drift", "input_gate_shut", "output_gate_shut"
    ]  # fmt: skip
    assert [str(warning.message) for warning in caught] == [str(f) for f in findings]
    assert all(warning.filename == __file__ for warning in caught)
    for finding in findings:
        assert finding.message.endswith(REMEDIES[finding.kind])
    assert findings[0].message.startswith("block 1, cell 1: in 100% of the sequences")
    assert findings[1].message.startswith("block 0: the input gate is stuck")


def test_a_warning_may_be_an_error():
    model, views, X = zero_net()
    drift(views, 3, 7.0)
    with pytest.raises(DiagnosisWarning, match="block 1, cell 1"):
        diagnose(model, X)


def test_nothing_is_changed():
    model, views, X = abused(1.0)
    drift(views, 3, 7.0)
    before = joblib.hash((model, X))
    assert len(quietly(model, X)) == 2
    assert joblib.hash((model, X)) == before


def test_other_estimators_and_too_few_sequences_are_refused():
    model, _, X = zero_net()
    with pytest.raises(ValueError, match="at least 2 sequences"):
        diagnose(model, X[:1])
    with pytest.raises(NotFittedError):
        diagnose(LSTMRegressor.as_published(), X)
    with pytest.raises(TypeError, match="not for ElmanRegressor"):
        diagnose(ElmanRegressor.as_published(max_iter=1, tol=None).fit(X, np.arange(4.0)), X)
