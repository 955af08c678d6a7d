"""Write the files in this folder; commit fd5f255 ran this, before parameters changed.

    cd CHECKOUT_OF_THAT_COMMIT && python .../tests/data/make.py

parameters.json has the parameters of every estimator of the experiments, sequences.npz the data of
the saved models, saved/ the models, and expected.npz their predictions and their weights after
further learning.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import lstm97
from lstm97.experiments.settings import ESTIMATORS, load_matrix, load_settings

HERE = Path(__file__).parent
# The estimator, its parameters, its targets, and the method with which it continues to learn.
MODELS = {
    "blocks": (
        "LSTMClassifier",
        {
            "n_blocks": 3, "block_size": 1, "n_hidden": 2, "input_gate_bias": [-1, -2, -3],
            "output_gate_bias": None, "shortcut": True, "validation_fraction": 0.3,
        },
        "labels", "partial_fit",
    ),
    "gates": (
        "LSTMRegressor",
        {
            "n_hidden": 1, "output_gate": False, "output_gate_bias": -1.0, "recurrence": "cells",
            "input_gate_bias": -0.5, "cell_activation": "h", "update": "sequence", "tol": None,
        },
        "numbers", "partial_fit",
    ),
    "full": (
        "LSTMRegressor", {"gradient": "full", "n_iter_no_change": 5, "growth_patience": 50},
        "numbers per step", "partial_fit",
    ),
    "names": ("LSTMClassifier", {"n_channels": 2, "warm_start": True}, "labels", "fit"),
    "early": (
        "LSTMClassifier", {"early_stopping": True, "validation_fraction": 0.25}, "labels",
        "partial_fit",
    ),
    "adam": (
        "LSTMClassifier",
        {"batch_size": 6, "solver": "adam", "momentum": 0.5, "learning_rate": 0.01},
        "labels", "partial_fit",
    ),
    "momentum": ("LSTMRegressor", {"momentum": 0.5}, "numbers", "partial_fit"),
    "grown": (
        "LSTMRegressor", {"initial_blocks": 0, "n_hidden": 1, "growth_patience": 12}, "numbers",
        "partial_fit",
    ),
    "elman": (
        "ElmanRegressor", {"n_hidden": 3, "hidden_bias": False}, "numbers per step", "partial_fit",
    ),
    "bptt": ("BPTTClassifier", {"loss": "log_loss", "shortcut": True}, "labels", "partial_fit"),
    "rtrl": (
        "RTRLClassifier", {"n_hidden": 2, "recurrent_outputs": True, "shortcut": True}, "labels",
        "partial_fit",
    ),
    "cascade": (
        "CascadeCorrelationClassifier", {"max_hidden": 5, "max_iter": 40, "max_phase_iter": 12},
        "labels", "partial_fit",
    ),
    "chunker": ("SequenceChunkerClassifier", {"n_hidden": 3}, "labels", "partial_fit"),
}  # fmt: skip


def parameters():
    """Return defaults by class, and the parameters of each setting that differ from them."""
    sys.path.insert(0, "benchmarks/fidelity")
    from readings import readings

    cells = [cell for row in load_matrix().values() for cell in row.values()]
    others = [setting for row in readings().values() for setting in row.values()]
    settings = [*load_settings().values(), *cells, *others]
    defaults, differences = {}, {}
    for setting in settings:
        kind = ESTIMATORS[setting.estimator]
        own = {"tolerance": 0.0} if setting.estimator.startswith("Guessing") else {}
        default = defaults.setdefault(setting.estimator, vars(kind(**own)))
        found = vars(setting.make_estimator())
        differences[setting.id] = {
            "estimator": setting.estimator,
            **{name: found[name] for name in default if found[name] != default[name]},
        }
    return {"defaults": defaults, "settings": differences}


def draw():
    """Return sequences, cut to their lengths, and targets of each kind."""
    rng = np.random.default_rng(0)
    values, lengths = rng.uniform(-1, 1, (24, 5, 2)), rng.integers(1, 6, 24)
    labels = np.array(["high", "low", "mid"])[np.arange(24) % 3]
    return {"values": values, "lengths": lengths, "labels": labels, "numbers": values[:, 0, 0]}


def pairs(data, name, target):
    """Return X and y of a model."""
    X = [x[:n] for x, n in zip(data["values"], data["lengths"], strict=True)]
    if name == "names":
        X = pd.DataFrame(data["values"].reshape(24, -1), columns=[*"abcdefghij"])
    return X, [x[:, :1] for x in X] if target == "numbers per step" else data[target]


def main():
    """Write all files."""
    lines = [
        f'"{part}": {{\n'
        + ",\n".join(f' "{name}": {json.dumps(each)}' for name, each in entries.items())
        + "\n}"
        for part, entries in parameters().items()
    ]
    (HERE / "parameters.json").write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
    data, expected = draw(), {}
    np.savez(HERE / "sequences.npz", **data)
    for name, (kind, params, target, more) in MODELS.items():
        X, y = pairs(data, name, target)
        model = getattr(lstm97, kind)(random_state=0, **{"max_iter": 6, **params}).fit(X, y)
        lstm97.save(model, HERE / "saved" / f"{name}.npz")
        model = lstm97.load(HERE / "saved" / f"{name}.npz")
        predict = getattr(model, "predict_proba", model.predict)
        expected[f"{name}.predicted"] = np.concatenate(predict(X), axis=None)
        for _ in range(20):
            getattr(model, more)(X, y)
        expected[f"{name}.weights"] = model.weights_
    np.savez(HERE / "expected.npz", **expected)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
