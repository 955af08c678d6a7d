"""Save estimators on one platform; load them on another, where they must go on in the same way.

python tests/reference/exchange.py save FOLDER
python tests/reference/exchange.py load FOLDER save FOLDER
"""

import copy
import sys
import warnings
from pathlib import Path

import lstm97
from test_persistence import CASES, attributes, behaviour, fitted

# The BLAS multiplies in single precision, with other bits on each processor.
NAMES = [case for case, (_, params, *_) in CASES.items() if params.get("dtype") != "float32"]


def save(folder):
    """Fit an estimator of each kind and save it."""
    folder.mkdir(exist_ok=True)
    for i, case in enumerate(NAMES):
        lstm97.save(fitted(case)[0], folder / f"{i}.npz")


def load(folder):
    """Compare what was saved with estimators that are fitted here, and both after more learning."""
    for i, case in enumerate(NAMES):
        model, X, y = fitted(case)
        loaded = lstm97.load(folder / f"{i}.npz")
        assert attributes(loaded) == attributes(model), case
        assert behaviour(loaded, X, y) == behaviour(copy.deepcopy(model), X, y), case


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for how, folder in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        {"save": save, "load": load}[how](Path(folder))
