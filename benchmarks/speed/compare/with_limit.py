"""The limit: hand-written C for the net of Experiment 4 only, in limit.c, called by ctypes."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from check import layer_of, same_weights
from measure import Worker

SOURCE = Path(__file__).parents[1] / "limit.c"
FLAGS = ["-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]


def compiled():
    """Compile and load the function."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "limit.so"
        subprocess.run(["cc", *FLAGS, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        train = ctypes.CDLL(str(library)).train
    array = np.ctypeslib.ndpointer(np.float64, flags="C")
    integers = np.ctypeslib.ndpointer(np.int64, flags="C")
    train.argtypes = [array, ctypes.c_int64, array, integers, array, ctypes.c_double]
    train.restype = ctypes.c_double
    return train


def on_line(model, X, y):
    """Train on all sequences."""
    train = compiled()
    hidden, output, learned = layer_of(model, X, y)
    weights = np.concatenate([hidden.ravel(), output.ravel()])
    rest = (len(X), X.flat, X.lengths, np.ascontiguousarray(y, dtype=float), model.learning_rate)
    train(weights, *rest)
    same_weights("limit.c", learned, weights[: hidden.size], weights[hidden.size :])
    return Worker(lambda: train(weights, *rest), len(X))
