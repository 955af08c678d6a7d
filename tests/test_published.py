"""The published form of parameters: older settings and files keep their meaning."""

import io
import json
import random
import runpy
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from lstm97 import load
from lstm97.estimators.published import from_published
from lstm97.experiments.settings import ESTIMATORS, load_matrix, load_settings

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DATA = Path(__file__).parent / "data"
BENCHMARKS = DATA.parents[1] / "benchmarks"
FIDELITY, RESULTS = BENCHMARKS / "fidelity", BENCHMARKS / "results"
MAKE = runpy.run_path(str(DATA / "make.py"))
PUBLISHED = json.loads((DATA / "parameters.json").read_text(encoding="utf-8"))
CELLS = {cell.id: cell for row in load_matrix().values() for cell in row.values()}
SETTINGS = load_settings() | CELLS


def parameters(estimator):
    """Return an estimator's parameters; `get_params` does not know those that guessing inherits."""
    found = dict(vars(estimator))
    found.pop("offset", None)  # of a reading's initial weights
    return found


def check_setting(setting):
    """Compare a setting's estimator with the published parameters, and build its net."""
    old = dict(PUBLISHED["settings"][setting.id])
    name = old.pop("estimator")
    assert setting.estimator == name
    expected = ESTIMATORS[name].as_published(
        **from_published(name, PUBLISHED["defaults"][name] | old)
    )
    estimator, task = setting.make_estimator(), setting.make_task()
    assert parameters(estimator) == parameters(expected)
    if not name.startswith("Guessing"):
        assert estimator.get_params().keys() == parameters(expected).keys()
    estimator._validate_params()
    estimator._build(task.n_inputs, task.n_outputs)


@pytest.mark.parametrize("name", sorted(SETTINGS.keys() & PUBLISHED["settings"].keys()))
def test_a_setting_has_the_published_parameters(name):
    """A digest covers what a setting names, but not the estimator's defaults for the rest.

    If this fails because a default has changed, `from_published` must supply the old one.
    """
    check_setting(SETTINGS[name])


def test_readings_of_the_fidelity_study_have_the_published_parameters(monkeypatch):
    monkeypatch.syspath_prepend(FIDELITY)
    readings = runpy.run_path(str(FIDELITY / "readings.py"))["readings"]()
    for row in readings.values():
        for setting in row.values():
            check_setting(setting)


def test_every_setting_with_records_is_compared():
    """Add the estimator and the network of a new setting to parameters.json."""
    recorded = {path.stem for path in RESULTS.glob("*.jsonl")}
    assert recorded <= PUBLISHED["settings"].keys() & SETTINGS.keys()


# The class, parameters in the published form, and today's.
NOT_SET = {"batch_size": None, "solver": "sgd", "momentum": None, "dtype": None}
DEFAULTS = {"batch_size": 1, "solver": "sgd", "momentum": 0.0, "dtype": "float64"}
TRANSLATIONS = {
    "nothing": ("LSTMClassifier", {}, {}),
    "on line": ("LSTMRegressor", DEFAULTS, NOT_SET),
    "batches": ("LSTMRegressor", {**DEFAULTS, "batch_size": 8}, {**NOT_SET, "batch_size": 8}),
    "momentum": ("LSTMRegressor", {"momentum": 0.5}, {"momentum": 0.5, "batch_size": 1}),
    "float32": ("LSTMClassifier", {"dtype": "float32"}, {"dtype": "float32", "batch_size": 1}),
    "adam": (
        "LSTMClassifier", {"solver": "adam", "momentum": 0.5},
        {"solver": "adam", "momentum": None, "batch_size": 1},
    ),
    "by steps": ("LSTMClassifier", {"update": "step"}, {"update": None}),
    "by sequences": ("LSTMClassifier", {"update": "sequence"}, {"update": "sequence"}),
    "full": (
        "LSTMClassifier", {"gradient": "full", "update": "sequence"},
        {"gradient": "full", "update": None},
    ),
    "update of batches": (
        "LSTMClassifier", {"update": "sequence", "batch_size": 2},
        {"update": None, "batch_size": 2},
    ),
    "no growth": ("LSTMRegressor", {"growth_patience": 7}, {"growth_patience": None}),
    "usual growth": (
        "LSTMRegressor", {"growth_patience": 1000, "initial_blocks": 0},
        {"growth_patience": None, "initial_blocks": 0},
    ),
    "growth": (
        "LSTMRegressor", {"growth_patience": 7, "initial_blocks": 1},
        {"growth_patience": 7, "initial_blocks": 1},
    ),
    "no tolerance": (
        "ElmanRegressor", {"tol": None, "n_iter_no_change": 5},
        {"tol": None, "n_iter_no_change": None},
    ),
    "patience": ("SequenceChunkerRegressor", {"n_iter_no_change": 5}, {"n_iter_no_change": 5}),
    "usual patience": ("BPTTRegressor", {"n_iter_no_change": 10}, {"n_iter_no_change": None}),
    "nothing held out": (
        "SequenceChunkerClassifier", {"validation_fraction": 0.2}, {"validation_fraction": None},
    ),
    "held out": (
        "LSTMClassifier", {"validation_fraction": 0.2, "early_stopping": True},
        {"validation_fraction": 0.2, "early_stopping": True},
    ),
    "text": ("LSTMClassifier", {"input_gate_bias": "none"}, {"input_gate_bias": None}),
    "biases": ("LSTMClassifier", {"output_gate_bias": [-1, -2]}, {"output_gate_bias": [-1, -2]}),
    "biases of no gate": (
        "LSTMClassifier", {"input_gate": False, "input_gate_bias": [-1, -2]},
        {"input_gate": False, "input_gate_bias": "random"},
    ),
    "no biases of no gate": (
        "LSTMClassifier", {"output_gate": False, "output_gate_bias": None},
        {"output_gate": False, "output_gate_bias": None},
    ),
    "output bias": ("RTRLClassifier", {"output_bias": True}, {"output_bias": None}),
    "no output bias": ("GuessingRegressor", {"output_bias": False}, {"output_bias": False}),
    "recurrent outputs": (
        "RTRLClassifier", {"recurrent_outputs": True, "shortcut": True, "output_bias": False},
        {"recurrent_outputs": True, "shortcut": False, "output_bias": None},
    ),
    "a chunker": (
        "SequenceChunkerClassifier", {"shortcut": True, "output_bias": True},
        {"shortcut": True, "output_bias": True},
    ),
    "a cascade": ("CascadeCorrelationRegressor", {"patience": 12}, {"patience": 12}),
    "unknown": ("LSTMRegressor", {"n_layers": 3}, {"n_layers": 3}),
}  # fmt: skip


@pytest.mark.parametrize("case", TRANSLATIONS)
def test_parameters_are_translated(case):
    name, old, expected = TRANSLATIONS[case]
    given = dict(old)
    assert from_published(name, given) == expected
    assert given == old


CHOICES = {
    "batch_size": [1, 4], "solver": ["sgd", "adam"], "momentum": [0.0, 0.5],
    "dtype": ["float64", "float32"], "update": ["step", "sequence"],
    "gradient": ["truncated", "full"], "initial_blocks": [None, 1], "growth_patience": [1000, 7],
    "input_gate": [True, False], "input_gate_bias": ["random", None, "none", -1.0, [-1, -2]],
    "output_gate": [True, False], "output_gate_bias": ["random", None, -1.0],
    "recurrent_outputs": [False, True], "shortcut": [False, True], "output_bias": [True, False],
    "tol": [1e-4, None], "n_iter_no_change": [10, 5], "early_stopping": [False, True],
    "validation_fraction": [0.1, 0.2],
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED["defaults"])
def test_estimators_of_all_published_values_can_be_built(name):
    rng = random.Random(0)
    default = PUBLISHED["defaults"][name]
    for _ in range(100):
        old = {key: rng.choice(CHOICES.get(key, [value])) for key, value in default.items()}
        estimator = ESTIMATORS[name].as_published(**from_published(name, old))
        estimator._validate_params()
        by_batches = any(old.get(key) != DEFAULTS[key] for key in DEFAULTS)
        if not (by_batches and old.get("initial_blocks")):  # which was refused
            estimator._build(2, 1)


# ---- saved models --------------------------------------------------------------------------------

DRAWN = dict(np.load(DATA / "sequences.npz"))
EXPECTED = dict(np.load(DATA / "expected.npz"))


def same(name, found, expected):
    """Tell whether numbers are the same bits, or, by batches, nearly the same.

    The BLAS that batches use adds up in an order that depends on the processor.
    """
    if name in ("adam", "momentum"):
        return np.allclose(found, expected, rtol=1e-12, atol=1e-12)
    return found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", MAKE["MODELS"])
def test_a_saved_model_predicts_and_continues_to_learn(name):
    _, _, target, more = MAKE["MODELS"][name]
    X, y = MAKE["pairs"](DRAWN, name, target)
    model = load(DATA / "saved" / f"{name}.npz")
    predict = getattr(model, "predict_proba", model.predict)
    assert same(name, np.concatenate(predict(X), axis=None), EXPECTED[f"{name}.predicted"])
    if hasattr(model, "forget_gate"):
        assert not model.forget_gate
        assert not model.topology_.forget_gate
    for _ in range(20):
        getattr(model, more)(X, y)
    assert same(name, model.weights_, EXPECTED[f"{name}.weights"])


def test_a_saved_number_of_updates_becomes_powers():
    header = json.loads(np.load(DATA / "saved" / "adam.npz")["header"].item())
    n_updates = dict(header["fitted"]["solver_state_"]["dict"])["n_updates"]
    powers = [1.0, 1.0]
    for _ in range(n_updates):
        powers = [0.9 * powers[0], 0.999 * powers[1]]
    state = load(DATA / "saved" / "adam.npz").solver_state_
    assert state.keys() == {"mean", "square", "powers"}
    assert state["powers"].tolist() == powers
    assert n_updates > 20


@pytest.mark.parametrize("name", ["gates", "adam", "rtrl"])
def test_a_saved_model_with_wrong_parameters_is_refused(name, tmp_path):
    arrays = dict(np.load(DATA / "saved" / f"{name}.npz"))
    header = json.loads(arrays["header"].item())
    for key in header["parameters"]:
        for value in ("x", -1, [[1]], {}):
            wrong = {**header, "parameters": {**header["parameters"], key: value}}
            file = io.BytesIO()
            np.savez(file, **{**arrays, "header": np.array(json.dumps(wrong).encode())})
            (tmp_path / "wrong.npz").write_bytes(file.getvalue())
            with suppress(ValueError):  # and no other error
                load(tmp_path / "wrong.npz").predict(np.ones((2, 3, 2)))
