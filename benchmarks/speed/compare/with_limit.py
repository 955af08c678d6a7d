"""The limit: hand-written C for the net of Experiment 4 only, in limit.c, called by ctypes."""

import ctypes
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from check import layer_of, same_weights
from measure import Worker, seconds

SOURCE = Path(__file__).parents[1] / "limit.c"
FLAGS = [
    "-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math",
    "-Wno-psabi",
]  # fmt: skip
WIDTHS = (4, 8)  # doubles per vector; eight are slow where the processor has no such registers


def compiled(lanes):
    """Compile and load the function for a vector width."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "limit.so"
        width = f"-DLANES={lanes}"
        subprocess.run(["cc", *FLAGS, width, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        train = ctypes.CDLL(str(library)).train
    array = np.ctypeslib.ndpointer(np.float64, flags="C")
    integers = np.ctypeslib.ndpointer(np.int64, flags="C")
    train.argtypes = [array, ctypes.c_int64, array, integers, array, ctypes.c_double]
    train.restype = ctypes.c_double
    return train


def on_line(model, X, y):
    """Train on all sequences, with the vector width that is the fastest."""
    hidden, output, learned = layer_of(model, X, y)
    rest = (len(X), X.flat, X.lengths, np.ascontiguousarray(y, dtype=float), model.learning_rate)
    workers = {}
    for lanes in WIDTHS:
        weights = np.concatenate([hidden.ravel(), output.ravel()])
        train = partial(compiled(lanes), weights, *rest)
        train()
        same_weights("limit.c", learned, weights[: hidden.size], weights[hidden.size :])
        workers[lanes] = Worker(train, len(X))
    best = min(WIDTHS, key=lambda lanes: min(seconds(workers[lanes].work) for _ in range(10)))
    print(f"    the limit takes {best} doubles per vector", flush=True)
    return workers[best]
