"""Fuzzing: an entry point works or refuses clearly, and refused input changes nothing.

`pytest tests/test_fuzz.py --hypothesis-profile=fuzz` tries more than twenty thousand examples.
"""

import inspect
import re
import warnings
from collections.abc import Iterator

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    StandardScaler,
)

import lstm97
from lstm97 import (
    CarouselDisplay,
    Sequences,
    StepwiseTransformer,
    Stream,
    TrainingCurveDisplay,
    diagnose,
    gradient_report,
    save,
    tasks,
)
from reference.hostile import (
    HUGE,
    WILD,
    harmed,
    hostile,
    in_any_form,
    junk,
    one_of,
    parameters,
    problems,
    small,
)

ESTIMATORS = [getattr(lstm97, name) for name in lstm97.__all__]
ESTIMATORS = [each for each in ESTIMATORS if hasattr(each, "predict")]
MAKERS = [getattr(tasks, name) for name in tasks.__all__ if name.startswith("make_")]
INSPECTIONS = [gradient_report, diagnose, save, CarouselDisplay.from_estimator,
               TrainingCurveDisplay.from_estimator]  # fmt: skip
WRAPPED = [StandardScaler(), MinMaxScaler(), SimpleImputer(), PCA(1), KBinsDiscretizer(2),
           FunctionTransformer()]  # fmt: skip

# All warnings that are allowed; one of an overflow, for instance, is not.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{message}")
    for message in [
        "each row of the 2-D X:UserWarning",
        "the 2-D y is taken as:UserWarning",
        "X (has|does not have valid) feature names:UserWarning",
        ":sklearn.exceptions.ConvergenceWarning",
        ":sklearn.exceptions.DataConversionWarning",
        ":sklearn.exceptions.UndefinedMetricWarning",
        ":lstm97.DiagnosisWarning",
    ]
]
# An example takes milliseconds: one that takes this long hangs.
fuzz = settings(deadline=10_000, suppress_health_check=list(HealthCheck))


def is_classifier(Estimator):
    return hasattr(Estimator, "predict_proba")


# ---- what holds for all entries ------------------------------------------------------------------


def contents(value):
    """Return the state that a call must not change, without the caches of matrices and tables."""
    if sparse.issparse(value):
        return {name: part for name, part in vars(value).items() if not name.startswith("_has")}
    if isinstance(value, pd.Series | pd.DataFrame):
        return value.to_numpy(dtype=object)
    if isinstance(value, Iterator):
        return None
    if isinstance(value, dict):
        return {name: contents(part) for name, part in value.items()}
    return [contents(part) for part in value] if isinstance(value, list | tuple) else value


def fingerprint(value):
    """Hash anything that can be hashed."""
    try:
        return joblib.hash(contents(value))
    except Exception:
        return None


def names_for(entry):
    """Return words, at least one of which a message of this entry must contain.

    The entry, one of its parameters, its estimator, a parameter of that, or a sequence.
    """
    owner = getattr(entry, "__self__", None)
    names = {"sequence", "sequences", entry.__name__, *inspect.signature(entry).parameters}
    params = owner.get_params(deep=False) if hasattr(owner, "get_params") else ()
    names |= {type(owner).__name__, *(name for name in params if "_" in name)}
    # "loss", without more, could mean anything.
    return names | {f"{name}=" for name in (*names, *params)}


def attempt(entry, *args, also=(), **kwargs):
    """Return the result of an entry point, or None if it refused with a helpful message.

    A refused call changes nothing, and no call changes its arguments.
    """
    owner, given = getattr(entry, "__self__", None), [*args, *kwargs.values()]
    before, before_given = fingerprint(owner), fingerprint(given)
    try:
        return entry(*args, **kwargs)
    except (ValueError, TypeError) as raised:
        message = str(raised)
    finally:
        assert fingerprint(given) == before_given, "an argument has changed"
    words = re.findall(r"\w+=?", message.replace("an array element with a sequence", ""))  # NumPy's
    assert {*names_for(entry), *also} & set(words), message
    went_on = isinstance(owner, Stream) and "is not finite" in message  # a stream says so
    assert went_on or fingerprint(owner) == before, "what was refused has left its mark"
    return None


def check_fitted(model):
    assert np.isfinite(model.weights_).all()
    assert np.isfinite(model.loss_curve_).all()


def check_outputs(model, X):
    """Check that all results of a fitted estimator for X are finite."""
    predicted = attempt(model.predict, X, also=["weights_"])
    for part in () if predicted is None else predicted:
        known = np.isin(part, model.classes_) if is_classifier(model) else np.isfinite(part)
        assert known.all()
    if is_classifier(model):
        proba = attempt(model.predict_proba, X, also=["weights_"])
        assert (proba is None) == (predicted is None)
        for part in () if proba is None else proba:
            if model.target_ndim_ == 1:
                np.testing.assert_allclose(np.sum(part, axis=-1), 1.0)
            else:  # one probability per label
                assert ((part >= 0.0) & (part <= 1.0)).all()
    if hasattr(model, "trace"):
        for trace in attempt(model.trace, X, also=["weights_"]) or []:
            assert np.isfinite(trace.output).all()


def check_score(model, X, y, weight):
    """Check that a score is a number, or that scikit-learn has warned that it is not."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", UndefinedMetricWarning)
        score = attempt(model.score, X, y, weight, also=["weights_"])
    assert score is None or seen or not np.isnan(score)


def check_sequences(X):
    """Check that nothing lies outside of the steps, and that all forms are equal."""
    X.check_finite()
    assert (X.lengths >= 1).all()
    assert X.flat.dtype == np.float64
    for part, row, length in zip(X, X.to_padded(), X.lengths, strict=True):
        part = part.toarray() if sparse.issparse(part) else part
        assert part.shape == (length, X.n_features)
        assert np.array_equal(part, row[:length])


# ---- estimators ----------------------------------------------------------------------------------


@fuzz
@given(st.sampled_from(ESTIMATORS), st.data())
def test_valid_input_is_accepted_in_any_form(Estimator, data):
    problem = data.draw(problems(is_classifier(Estimator)))
    other = data.draw(in_any_form(problem))
    # Sparse forms are not standardized.
    options = {"random_state": 0, "standardize": False, **small(Estimator)}
    model, again = Estimator(**options).fit(*problem), Estimator(**options).fit(*other)
    np.testing.assert_allclose(again.weights_, model.weights_, rtol=1e-9, atol=1e-12)
    for a, b in zip(model.predict(problem.X), again.predict(other.X), strict=True):
        assert np.isclose(a, b).all() if a.dtype.kind == "f" else np.array_equal(a, b)
    check_fitted(model)
    check_score(again, *other)


@fuzz
@given(st.sampled_from(ESTIMATORS), st.data())
def test_fit(Estimator, data):
    model = Estimator(**data.draw(parameters(Estimator, wild=False)))
    problem = data.draw(problems(is_classifier(Estimator)).flatmap(hostile))
    if attempt(model.fit, *problem) is not None:
        check_fitted(model)
        check_outputs(model, problem.X)


@fuzz
@given(st.sampled_from(ESTIMATORS), st.data())
def test_parameters(Estimator, data):
    model = Estimator(**data.draw(parameters(Estimator)))
    problem = data.draw(problems(is_classifier(Estimator)))
    if attempt(model.fit, *problem) is not None:
        check_fitted(model)
        check_outputs(model, problem.X)
        check_score(model, *problem)


@fuzz
@given(st.sampled_from(ESTIMATORS), st.data())
def test_partial_fit(Estimator, data):
    model = Estimator(**data.draw(parameters(Estimator, wild=False)))
    for _ in range(2):
        problem, more = data.draw(problems(is_classifier(Estimator), width=2)), {}
        if is_classifier(Estimator):
            labels = np.unique(np.concatenate([np.atleast_1d(part) for part in problem.y]))
            more["classes"] = data.draw(st.one_of(st.just(labels), st.just(labels), harmed(labels)))
        X, y, weight = data.draw(hostile(problem))
        if attempt(model.partial_fit, X, y, sample_weight=weight, **more) is not None:
            check_fitted(model)
            check_outputs(model, X)


CALLS = {
    "fit": lambda model, X, y, weight: attempt(model.fit, X, y, weight),
    "partial_fit": lambda model, X, y, weight: attempt(
        model.partial_fit, X, y, sample_weight=weight
    ),
    "predict": lambda model, X, y, weight: check_outputs(model, X),
    "score": check_score,
    "gradient_report": lambda model, X, y, weight: attempt(
        gradient_report, model, X, y, also=[type(model).__name__, "weights_"]
    ),
    "diagnose": lambda model, X, y, weight: attempt(
        diagnose, model, X, also=[type(model).__name__, "weights_"]
    ),
}


@fuzz
@given(st.sampled_from(ESTIMATORS), st.data())
def test_calls_in_any_order(Estimator, data):
    model, every = Estimator(**data.draw(parameters(Estimator, wild=False))), None
    for name in data.draw(st.lists(st.sampled_from(sorted(CALLS)), min_size=2, max_size=5)):
        problem = data.draw(problems(is_classifier(Estimator), width=2, every=every))
        every = not isinstance(problem.y, np.ndarray)
        if data.draw(st.integers(0, 3)) == 0:
            problem = data.draw(hostile(problem))
        if data.draw(st.integers(0, 3)) == 0:
            model.set_params(**data.draw(parameters(Estimator, wild=False)))
        CALLS[name](model, *problem)
        if hasattr(model, "weights_"):
            check_fitted(model)


@fuzz
@given(st.sampled_from(ESTIMATORS), st.data())
def test_streams(Estimator, data):
    model = Estimator(**data.draw(parameters(Estimator, wild=False)))
    problem = data.draw(problems(is_classifier(Estimator), width=2, every=True))
    stream = attempt(model.fit, *problem) and attempt(model.stream)
    for x, y in zip(problem.X[0], problem.y[0], strict=True) if stream else ():
        x = data.draw(st.one_of(st.just(x), st.just(x), harmed(x)))
        y = data.draw(st.one_of(st.just(y), harmed(np.array([y])), one_of(WILD)))
        weight = data.draw(one_of([1.0, 1.0, 0.0, 1e308, -1.0, np.nan, "1", None, [1.0]]))
        prediction = attempt(stream.step, x, also=["steps"])
        assert prediction is None or np.isfinite(prediction).all()
        attempt(stream.learn, y, sample_weight=weight, also=["step"])
        check_fitted(stream.to_estimator())


@fuzz
@given(st.sampled_from(INSPECTIONS), st.data())
def test_inspection_refuses_other_objects_than_estimators(entry, data):
    X, y, _ = data.draw(problems(True).flatmap(hostile))
    more = {"X": X, "y": y, "path": "nowhere"}
    more = {name: more[name] for name in inspect.signature(entry).parameters if name in more}
    assert attempt(entry, data.draw(junk()), **more, also=["CarouselDisplay"]) is None


# ---- transformer and container -------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")  # of the wrapped one
@fuzz
@given(st.data())
def test_stepwise_transformer(data):
    problem = data.draw(problems(data.draw(st.booleans())))
    wrapped = data.draw(one_of([*WRAPPED, *WRAPPED, None, StandardScaler, "text"]))
    channels = data.draw(one_of([None, None, *WILD, *HUGE]))
    model = StepwiseTransformer(wrapped, n_channels=channels)
    also = [type(wrapped).__name__, "n_components", "transformer"]
    for name in data.draw(st.lists(st.sampled_from(STEPWISE), min_size=1, max_size=4)):
        X = data.draw(st.one_of(st.just(problem.X), st.just(problem.X), harmed(problem.X)))
        y = data.draw(st.one_of(st.none(), st.just(problem.y), harmed(problem.y)))
        if hasattr(model, name):
            made = attempt(getattr(model, name), *((X, y) if "fit" in name else (X,)), also=also)
            if isinstance(made, Sequences):
                check_sequences(made)
                problem = problem._replace(X=made)


STEPWISE = ["fit", "fit", "partial_fit", "fit_transform", "transform", "inverse_transform"]


@fuzz
@given(st.data())
def test_sequences_from_anything(data):
    problem = data.draw(problems(False))
    flat, lengths = np.concatenate(problem.X), np.array([len(part) for part in problem.X])
    symbols = [part[:, 0].astype(int) for part in problem.X]
    entry, args = data.draw(
        one_of(
            [
                (Sequences, [flat, np.cumsum(lengths) - lengths, lengths]),
                (Sequences.from_list, [problem.X]),
                (Sequences.from_lengths, [flat, lengths]),
                (Sequences.from_padded, [np.ones((2, 3, 2)), np.nan]),
                (Sequences.from_channels_first, [[part.T for part in problem.X]]),
                (Sequences.from_symbols, [symbols, 3]),
                (Sequences.from_rows, [np.ones((2, 6)), 2]),
            ]
        )
    )
    check_sequences(entry(*args))
    i = data.draw(st.integers(0, len(args) - 1))
    is_number = np.isscalar(args[i])
    args[i] = data.draw(one_of([*WILD, *HUGE]) if is_number else harmed(args[i]))
    made = attempt(entry, *args, also=["X"])
    if made is not None:
        check_sequences(made)


@fuzz
@given(st.booleans(), st.data())
def test_indexing(is_backward, data):
    problem = data.draw(problems(False))
    X = Sequences.from_list(problem.X)[:: -1 if is_backward else 1]
    n = len(X)
    keys = [
        st.integers(-n - 2, n + 1),
        st.slices(n),
        st.lists(st.integers(-n - 1, n), max_size=3),
        st.lists(st.booleans(), max_size=n + 1).map(np.array),
        junk(),
    ]
    key = data.draw(st.one_of(keys))
    try:
        made = data.draw(st.sampled_from([X.__getitem__, X.take]))(key)
    except (IndexError, TypeError, ValueError):
        return
    if isinstance(made, Sequences):
        check_sequences(made)
    else:
        assert any(made is part or np.shares_memory(made, part) for part in X)


# ---- tasks ---------------------------------------------------------------------------------------

SIZES = [*WILD, *HUGE, 3, 20, 20.5, 25, -3, "3", np.int64(21), np.uint8(3), np.float64(20.0)]


@fuzz
@given(st.sampled_from(MAKERS), st.data())
def test_tasks(make, data):
    names = list(inspect.signature(make).parameters)
    args = {"n_sequences": data.draw(one_of([1, 2, 3, *SIZES]))}
    for name in data.draw(st.lists(st.sampled_from(names), max_size=2, unique=True)):
        size = one_of(SIZES)
        args[name] = data.draw(st.one_of(size, junk()) if name == "rng" else size)
    made = attempt(make, **args)
    if made is not None:
        X, y = made
        check_sequences(X)
        assert len(X) == len(y) == args["n_sequences"]
        assert all(np.isfinite(part).all() for part in y)
