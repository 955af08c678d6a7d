"""Random fitted estimators, with every switch of their nets on or off."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from lstm97 import LSTMClassifier, LSTMRegressor, StepwiseTransformer

LONGEST = 12


def random_sequences(rng, n_features, n_sequences=5):
    """Draw sequences of unequal lengths, with features that need scaling."""
    mean, scale = rng.uniform(-3.0, 3.0, n_features), rng.uniform(0.5, 2.0, n_features)
    lengths = rng.integers(1, LONGEST, n_sequences, endpoint=True)
    return [rng.normal(mean, scale, (n, n_features)) for n in lengths]


def random_fitted(rng, **fixed):
    """Draw an estimator, or a pipeline that ends with one, with random weights.

    Parameters
    ----------
    rng : numpy.random.Generator
    **fixed
        Parameters that are not drawn.

    Returns
    -------
    estimator : object
    X : list of ndarray
        Sequences that the estimator knows.
    """

    def pick(*options):
        return options[rng.integers(len(options))]

    kind = pick("numbers", "classes", "labels")
    parameters = {
        "n_blocks": pick(1, 2, 4),
        "block_size": pick(1, 1, 2, 3),
        "n_hidden": pick(0, 0, 2),
        "recurrence": pick("all", "cells", "cells", "none"),
        "input_gate": pick(True, True, False),
        "forget_gate": pick(True, False),
        "output_gate": pick(True, True, False),
        "cell_bias": pick(True, False),
        "output_bias": pick(True, False),
        "shortcut": pick(True, False),
        "cell_activation": pick("g", "h", "logistic"),
        "state_activation": pick("h", "h", "identity"),
        "output_activation": pick("auto", "logistic", *["softmax"] * (kind == "classes")),
        "loss": "squared_error" if kind == "numbers" else pick("squared_error", "log_loss"),
        "standardize": pick(True, False),
        **fixed,
    }
    for gate in ("input_gate", "forget_gate", "output_gate"):
        if parameters[gate] and rng.random() < 0.3:
            parameters[f"{gate}_bias"] = None
    model = (LSTMRegressor if kind == "numbers" else LSTMClassifier)(**parameters, max_iter=1)
    X = random_sequences(rng, pick(1, 2, 3))
    y = random_targets(rng, kind, X, pick(1, 2, 3), every=pick(True, False))
    estimator = model
    if rng.random() < 0.3:
        estimator = make_pipeline(StepwiseTransformer(StandardScaler()), model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X, y)
    model.weights_ = rng.uniform(-1.0, 1.0, len(model.weights_))
    return estimator, X


def random_targets(rng, kind, X, n_outputs, every):
    """Draw numbers, classes or several labels, for last steps or for every step."""
    n_rows = [len(x) for x in X] if every else [len(X)]
    if kind == "numbers":
        parts = [rng.normal(3.0, 2.0, (n, n_outputs)) for n in n_rows]
    elif kind == "labels":
        parts = [rng.integers(2, size=(n, n_outputs + 1)).astype(float) for n in n_rows]
        parts[0][0], parts[-1][-1] = 0.0, 1.0
    else:
        parts = [
            np.array(["d", "b", "a", "c"])[rng.integers(n_outputs + 1, size=n)] for n in n_rows
        ]
        parts[0][0], parts[-1][-1] = "d", "b"
    return parts if every else parts[0]


def predicted(estimator, X):
    """Return numbers or probabilities in rows: of the last steps, or of all steps."""
    method = getattr(estimator, "predict_proba", None) or estimator.predict
    rows = method(X)
    rows = np.concatenate(rows) if rows.dtype == object else rows
    return rows.reshape(len(rows), -1)


def padded(X):
    """Return sequences as one array, (n_steps, n_sequences, n_features), and their lengths."""
    lengths = np.array([len(x) for x in X])
    steps = np.zeros((lengths.max(), len(X), X[0].shape[1]))
    for i, x in enumerate(X):
        steps[: len(x), i] = x
    return steps, lengths


def as_predicted(estimator, last, every, lengths):
    """Return the outputs of an exported net in the form of `predicted`."""
    model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if model.target_steps_ == "last":
        return last
    return np.concatenate([every[:n, i] for i, n in enumerate(lengths)])
