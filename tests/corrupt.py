"""Change the public arrays of objects between construction and use, in a process that may crash.

Called with a seed and a number of changes. A call after a change may give a result or a ValueError.
"""

import pickle
import sys
import warnings

import numpy as np
from scipy import sparse
from sklearn.preprocessing import MaxAbsScaler

import lstm97
from lstm97 import Sequences, StepwiseTransformer

ESTIMATORS = [
    ("LSTMRegressor", {}),
    ("LSTMRegressor", {"batch_size": 4}),
    ("LSTMRegressor", {"forget_gate": True, "gradient": "full"}),
    ("ElmanRegressor", {}),
    ("BPTTRegressor", {}),
    ("RTRLRegressor", {"n_hidden": 3}),
    ("CascadeCorrelationRegressor", {"max_hidden": 1, "max_phase_iter": 2}),
    ("SequenceChunkerRegressor", {"n_hidden": 3}),
]
NUMBERS = [-1, 0, 1, 2, 7, 10**6, 10**8, -(10**8), 2**31 - 1, -(2**31)]


def overwrite(rng, array):
    """Put a wild number at some places of an array."""
    places = rng.integers(array.size, size=rng.integers(1, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array.ravel(order="K")[places] = rng.choice(NUMBERS)
        array.flat[places] = rng.choice(NUMBERS)
    return array


def shift(rng, array):
    array += array.dtype.type(rng.choice(NUMBERS))
    return array


def resized(rng, array):
    """Return an array of another size, to take the place of this one."""
    return np.resize(array, rng.integers(0, 2 * len(array) + 2))


def other(rng, array):
    """Return an array of another type or shape, to take the place of this one."""
    return [array[::2], array[:, None], array.astype("f4"), array.astype(object)][rng.integers(4)]


CHANGES = [overwrite, overwrite, shift, resized, other]


def problem(rng):
    """Return sequences, dense or sparse, one of their matrix, and their targets."""
    lengths = rng.integers(1, 9, size=10)
    flat = rng.normal(size=(lengths.sum(), 6))
    if rng.integers(3):
        flat = sparse.csr_array(flat * (rng.random(flat.shape) < 0.3))
    X = Sequences.from_lengths(flat, lengths)
    if rng.integers(2):
        X = X[rng.permutation(10)]
    return X, rng.normal(size=10)


def places(X, model):
    """Return the objects that hold arrays, with the names of these."""
    found = [(X, "starts"), (X, "lengths"), (model, "weights_")]
    if sparse.issparse(X.flat):
        return found + 2 * [(X.flat, name) for name in ("data", "indices", "indptr")]
    return [*found, (X, "flat")]


def main(seed, n):
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(n):
        name, parameters = ESTIMATORS[rng.integers(len(ESTIMATORS))]
        model = getattr(lstm97, name)(max_iter=1, random_state=0, **parameters)
        X, y = problem(rng)
        model.fit(X, y)
        holder, attribute = places(X, model)[rng.integers(len(places(X, model)))]
        change = CHANGES[rng.integers(len(CHANGES))]
        changed = change(rng, getattr(holder, attribute))
        setattr(holder, attribute, changed)
        calls = [
            lambda m=model, X=X, y=y: m.predict(X),
            lambda m=model, X=X, y=y: m.fit(X, y),
            lambda m=model, X=X, y=y: m.partial_fit(X, y),
            lambda m=model, X=X, y=y: m.score(X, y),
            lambda X=X: pickle.dumps(X),
            lambda X=X: StepwiseTransformer(MaxAbsScaler()).fit_transform(X),
        ]
        for call in calls:
            try:
                call()
            except ValueError:
                refused += 1
            except Exception as error:
                print(f"{name} {parameters}: {attribute} after {change.__name__}: {error!r}")
                raise
    print(refused)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    main(int(sys.argv[1]), int(sys.argv[2]))
