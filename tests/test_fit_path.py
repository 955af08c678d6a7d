"""The functions that one `fit` calls are few enough for a reader to follow."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import lstm97

ROOT = str(Path(lstm97.__file__).parent)


def path_of(call):
    """Return the package's Python functions that a call enters, as (file, name, line), in order.

    Comprehensions and lambdas count; compiled functions do not.
    """
    entered = []

    def look(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(ROOT):
            entered.append((code.co_filename, code.co_name, code.co_firstlineno))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        call()
    finally:
        sys.setprofile(before)
    return entered


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_goes_through_few_functions_and_files():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(int(rng.integers(5, 15)), 2)) for _ in range(20)]
    y = np.arange(20) % 2
    model = lstm97.LSTMClassifier.as_published(max_iter=1, random_state=0)
    model.fit(X, y)  # imports and layouts of nets are made once
    entered = path_of(lambda: model.fit(X, y))
    files = [name for name, *_ in entered]
    changes = sum(one != other for one, other in pairwise(files))
    assert len({*entered}) <= 70
    assert len({*files}) <= 11
    assert changes <= 55
