"""What each method can do, found by trying it: the tables of docs/capabilities.md.

    python tests/capabilities.py

This writes the tables of the page between its marks. A cell says "yes" if the attempt came to its
end, and "no" if the package refused it by the name of the method; any other error is raised.
test_capabilities.py makes every cell again, and compares it with the page.
"""

import pickle
import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lstm97
from lstm97 import (
    DiagnosisWarning,
    Sequences,
    StepwiseTransformer,
    diagnose,
    from_frame,
    gradient_report,
)
from lstm97.export import to_c, to_onnx, to_torch
from lstm97.river import RiverClassifier

PAGE = Path(__file__).parents[1] / "docs" / "capabilities.md"
MARKED = re.compile(
    r"(<!-- made by: tests/capabilities.py (\w+) -->\n).*?(<!-- end -->)", re.DOTALL
)

# Methods by the beginning of their classes' names.
METHODS = {
    "LSTM": "LSTM",
    "Elman": "Elman",
    "BPTT": "BPTT",
    "RTRL": "RTRL",
    "Cascade correlation": "CascadeCorrelation",
    "Chunker": "SequenceChunker",
}
FAST = {
    "LSTM": {"n_blocks": 2, "max_iter": 3},
    "Cascade correlation": {"max_hidden_units": 1, "max_epochs": 5},
}
LENGTHS = [4, 6, 3, 5, 7, 4, 6, 5, 3, 4]


def estimator(method, kind="Classifier", **parameters):
    """Return an unfitted estimator of a method that learns for a moment."""
    parameters = {"max_iter": 3, "random_state": 0} | FAST.get(method, {}) | parameters
    cls = getattr(lstm97, METHODS[method] + kind)
    return cls(**{name: value for name, value in parameters.items() if hasattr(cls, name)})


def sequences(lengths=LENGTHS):
    """Return sequences of two features."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 2, size=(n, 2)).astype(float) for n in lengths]


def labels(X):
    """Return a label for each sequence."""
    return np.array(["no", "yes"])[np.arange(len(X)) % 2]


# ---- forms of input: from equally long sequences, since some of them are -------------------------


def long_frame(X):
    """Return the sequences of a data frame with a row for each step."""
    parts = [pd.DataFrame(x, columns=["u", "v"]).assign(id=i) for i, x in enumerate(X)]
    frame = pd.concat(parts).reset_index(names="time")
    return from_frame(frame, id="id", time="time", features=["u", "v"])


def frames(make):
    """Return the form that is a list of tables of some library."""
    return lambda X: [make({"u": x[:, 0], "v": x[:, 1]}) for x in X]


INPUTS = {
    "list of arrays": list,
    "array with three axes": np.stack,
    "list of pandas frames": frames(pd.DataFrame),
    "list of polars frames": frames(pl.DataFrame),
    "list of Arrow tables": frames(pa.table),
    "long data frame, by `from_frame`": long_frame,
    "list of sparse matrices": lambda X: [sparse.csr_array(x) for x in X],
    "one sparse matrix, by `Sequences.from_lengths`": lambda X: Sequences.from_lengths(
        sparse.csr_array(np.concatenate(X)), [len(x) for x in X]
    ),
    "symbols, by `Sequences.from_symbols`": lambda X: Sequences.from_symbols(
        [x[:, 0].astype(int) for x in X], 2
    ),
}


# ---- forms of targets ----------------------------------------------------------------------------


def some_missing(y, missing):
    """Return targets per step without every second one."""
    return [np.where(np.arange(len(part)) % 2, part.astype(object), missing) for part in y]


def label_steps(X):
    return [np.where(x[:, 0] > 0, "up", "down") for x in X]


def number_steps(X):
    return [np.cumsum(x[:, 0]) for x in X]


TARGETS = {
    "a label per sequence": ("Classifier", labels),
    "a label per step": ("Classifier", label_steps),
    "a label at some steps": (
        "Classifier", lambda X: some_missing([1 * (y == "up") for y in label_steps(X)], np.nan)
    ),
    "several labels per sequence": (
        "Classifier", lambda X: np.array([[i % 2, i % 3 == 0] for i in range(len(X))], int)
    ),
    "several labels per step": ("Classifier", lambda X: [x.astype(int) for x in X]),
    "a number per sequence": ("Regressor", lambda X: np.array([x.sum() for x in X])),
    "several numbers per sequence": ("Regressor", lambda X: np.array([x.sum(0) for x in X])),
    "a number per step": ("Regressor", number_steps),
    "a number at some steps": (
        "Regressor",
        lambda X: [np.where(np.arange(len(y)) % 2, y, np.nan) for y in number_steps(X)],
    ),
    "several numbers per step": ("Regressor", lambda X: [np.cumsum(x, axis=0) for x in X]),
}  # fmt: skip


def learns(method, form, target):
    """Fit, predict and score; the predictions have the form of the targets."""
    X = sequences([5] * 8) if form != "list of arrays" else sequences()
    kind, make = TARGETS[target]
    y = make(X)
    X = INPUTS[form](X)
    model = estimator(method, kind).fit(X, y)
    predicted = model.predict(X)
    if "step" in target:
        assert [np.shape(p) for p in predicted] == [np.shape(part) for part in y]
    else:
        assert np.shape(predicted) == np.shape(y)
    assert np.isfinite(model.score(X, y))


# ---- tools ---------------------------------------------------------------------------------------


def fitted(method, kind="Classifier", **parameters):
    """Return a fitted estimator, its sequences and its targets."""
    X = sequences()
    y = labels(X) if kind == "Classifier" else np.array([x.sum() for x in X])
    return estimator(method, kind, **parameters).fit(X, y), X, y


def probabilities(method):
    model, X, _ = fitted(method)
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1)


def sample_weights(method):
    model, X, y = fitted(method)
    weights = clone(model).fit(X, y, sample_weight=np.arange(1.0, len(X) + 1)).predict_proba(X)
    assert not np.array_equal(weights, model.predict_proba(X))


def class_weights(method):
    given(method, class_weight="balanced")


def given(method, **parameters):
    """Fit with parameters that the method must have."""
    cls = getattr(lstm97, METHODS[method] + "Classifier")
    missing = [name for name in parameters if not hasattr(cls, name)]
    if missing:
        raise TypeError(f"{cls.__name__} has no {missing}")
    return fitted(method, **parameters)[0]


def partial_fits(method):
    X = sequences()
    model = estimator(method).partial_fit(X, labels(X), classes=["no", "yes"])
    assert len(model.partial_fit(X, labels(X)).predict(X)) == len(X)


def streams(method):
    model, X, _ = fitted(method)
    outputs = model.stream().step_many(X[0])
    assert np.array_equal(outputs[-1], model.predict_proba(X[:1])[0])


def learning_streams(method):
    stream = fitted(method)[0].stream()
    before = stream.to_estimator().predict_proba(sequences())
    stream.step([1.0, 0.0])
    stream.learn("yes")
    assert not np.array_equal(stream.to_estimator().predict_proba(sequences()), before)


def streams_from_nothing(method):
    stream = estimator(method).stream(n_features=2, classes=["no", "yes"])
    stream.step([1.0, 0.0])
    stream.learn("yes")
    assert stream.classes_.tolist() == ["no", "yes"]


def searches(method):
    X = sequences()
    search = GridSearchCV(estimator(method), {"random_state": [0, 1]}, cv=2).fit(X, labels(X))
    assert search.best_params_["random_state"] in {0, 1}
    assert len(cross_val_predict(estimator(method), X, labels(X), cv=2)) == len(X)


def pipelines(method):
    X = sequences()
    pipe = make_pipeline(StepwiseTransformer(StandardScaler()), estimator(method))
    assert len(pipe.fit(X, labels(X)).predict(X)) == len(X)


def stored(method):
    model, X, _ = fitted(method)
    with tempfile.TemporaryDirectory() as folder:
        lstm97.save(model, Path(folder, "net"))
        loaded = lstm97.load(Path(folder, "net"))
    for copy in (loaded, pickle.loads(pickle.dumps(model))):
        assert np.array_equal(copy.predict_proba(X), model.predict_proba(X))


def traces(method):
    model, X, _ = fitted(method)
    assert len(model.trace(X[:1])[0].output) == len(X[0])


def diagnosed(method):
    model, X, _ = fitted(method)
    assert isinstance(diagnose(model, X), list)


def gradients(method):
    model, X, y = fitted(method)
    assert gradient_report(model, X[:2], y[:2])


def forecasts(method):
    X = sequences()
    model = estimator(method, "Regressor").fit([x[:-1] for x in X], [x[1:] for x in X])
    assert model.forecast(X, 3).shape == (len(X), 3, 2)


def river_models(method):
    model = RiverClassifier(fitted(method)[0].stream())
    model.learn_one({"u": 1.0, "v": 0.0}, "yes")
    assert model.predict_one({"u": 0.0, "v": 0.0}) in {"no", "yes"}


def exported(write):
    """Return an attempt to export to a file or a folder."""

    def attempt(method):
        with tempfile.TemporaryDirectory() as folder:
            write(fitted(method)[0], Path(folder))

    return attempt


TOOLS = {
    "`predict_proba`, `predict_log_proba`": probabilities,
    "`sample_weight`": sample_weights,
    "`class_weight`": class_weights,
    "early stopping": lambda method: given(method, early_stopping=True, validation_fraction=0.4),
    "`warm_start`": lambda method: given(method, warm_start=True).fit(sequences(), labels(LENGTHS)),
    "`partial_fit`": partial_fits,
    "`batch_size`": lambda method: given(method, batch_size=4),
    "`standardize`": lambda method: given(method, standardize=True),
    "`stream()` that predicts": streams,
    "`stream()` that learns": learning_streams,
    "`stream(n_features=...)` from nothing": streams_from_nothing,
    "river": river_models,
    "`forecast`": forecasts,
    "`GridSearchCV`, `cross_val_predict`": searches,
    "`Pipeline` with `StepwiseTransformer`": pipelines,
    "`save`, `load`, pickle": stored,
    "`trace`": traces,
    "`diagnose`": diagnosed,
    "`gradient_report`": gradients,
    "`to_c`": exported(to_c),
    "`to_onnx`": exported(lambda model, folder: to_onnx(model, folder / "net.onnx")),
    "`to_torch`": exported(lambda model, folder: to_torch(model)),
    "forget gates": lambda method: given(method, forget_gate=True),
}

# Packages without which a tool cannot be tried.
NEEDS = {"`to_onnx`": "onnx", "`to_torch`": "torch"}

# ---- tables --------------------------------------------------------------------------------------

TABLES = {
    "inputs": (INPUTS, lambda method, form: [learns(method, form, each) for each in TARGETS]),
    "targets": (TARGETS, lambda method, target: learns(method, "list of arrays", target)),
    "tools": (TOOLS, lambda method, tool: TOOLS[tool](method)),
}


def attempt(table, row, method):
    """Return "yes" or "no"."""
    with warnings.catch_warnings():
        for each in (ConvergenceWarning, DiagnosisWarning):
            warnings.simplefilter("ignore", each)
        try:
            TABLES[table][1](method, row)
        except (TypeError, ValueError, AttributeError) as error:
            if METHODS[method] in str(error):
                return "no"
            raise
    return "yes"


def written(table):
    """Return a table in Markdown."""
    lines = [f"|  | {' | '.join(METHODS)} |", "| --- |" + " :---: |" * len(METHODS)]
    for row in TABLES[table][0]:
        cells = [attempt(table, row, method) for method in METHODS]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(MARKED.sub(lambda m: m[1] + written(m[2]) + m[3], text), encoding="utf-8")
