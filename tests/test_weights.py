"""Sample weights and class weights: their effect on losses, and refusals."""

import joblib
import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.class_weight import compute_class_weight

import lstm97
from lstm97 import CascadeCorrelationRegressor, LSTMClassifier, LSTMRegressor, Sequences
from lstm97.data.sample_weights import class_weights, row_weights

ESTIMATORS = [getattr(lstm97, name) for name in lstm97.__all__]
ESTIMATORS = [each for each in ESTIMATORS if hasattr(each, "predict")]
every_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)


def data(Estimator, every, n=12, seed=0):
    """Ragged sequences, targets, and weights of the same shape as the targets."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(rng.integers(2, 6), 2)) for _ in range(n)]
    y = [np.cumsum(x[:, 0]) / 3 for x in X]
    if "Classifier" in Estimator.__name__:
        y = [part > 0 for part in y]
        y[0][-1], y[1][-1] = False, True
    weight = [rng.uniform(0.2, 2, len(x)) for x in X]
    if every:
        return X, y, weight
    return X, np.array([part[-1] for part in y]), np.array([part[-1] for part in weight])


def make(Estimator, **parameters):
    cascade = "Cascade" in Estimator.__name__
    parameters = {"max_iter": 3, "random_state": 0, **parameters}
    return (
        Estimator.as_published(**parameters)
        if cascade
        else Estimator.as_published(tol=None, **parameters)
    )


def learned(estimator):
    return estimator.weights_, estimator.loss_curve_


ignores_the_limit = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@ignores_the_limit
@pytest.mark.parametrize("every", [False, True])
@every_estimator
def test_ones_change_nothing_and_others_do(Estimator, every):
    X, y, weight = data(Estimator, every)
    plain, ones, other = (make(Estimator) for _ in range(3))
    plain.fit(X, y)
    ones.fit(X, y, sample_weight=np.ones(len(X)))
    other.fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(plain.weights_, ones.weights_)
    assert not np.array_equal(plain.weights_, other.weights_)
    assert plain.loss_curve_[0] != other.loss_curve_[0]


@ignores_the_limit
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("every", [False, True])
def test_a_weight_is_a_factor_of_learning_rate_and_loss(every, batch_size):
    X, y, _ = data(LSTMRegressor, every)
    model = make(LSTMRegressor, batch_size=batch_size, learning_rate=0.05)
    weighted = make(LSTMRegressor, batch_size=batch_size, learning_rate=0.1)
    model.fit(X, y)
    weighted.fit(X, y, sample_weight=np.full(len(X), 0.5))
    np.testing.assert_allclose(weighted.weights_, model.weights_, rtol=1e-12)
    np.testing.assert_allclose(weighted.loss_curve_, np.multiply(0.5, model.loss_curve_))


@ignores_the_limit
@every_estimator
def test_weights_per_sequence_are_weights_of_all_its_steps(Estimator):
    X, y, _ = data(Estimator, every=True)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(X))
    steps = [np.full(len(x), w) for x, w in zip(X, weight, strict=True)]
    results = [learned(make(Estimator).fit(X, y, sample_weight=each)) for each in (weight, steps)]
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


@ignores_the_limit
def test_sequences_without_weight_are_not_learned():
    X, y, _ = data(LSTMRegressor, every=False)
    weight = np.arange(len(X)) % 2
    a = make(LSTMRegressor).partial_fit(X, y, sample_weight=weight)
    b = make(LSTMRegressor).partial_fit(X[1::2], y[1::2])
    np.testing.assert_array_equal(a.weights_, b.weights_)


@ignores_the_limit
def test_forms_of_weights_are_one():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 4, 2)), rng.normal(size=(6, 4, 1))
    weight = rng.uniform(size=(6, 4))
    forms = [weight, list(weight), weight[:, :, None], [list(row) for row in weight]]
    models = [make(LSTMRegressor).fit(X, y, sample_weight=form) for form in forms]
    for model in models[1:]:
        np.testing.assert_array_equal(model.weights_, models[0].weights_)


@ignores_the_limit
def test_cascade_correlation_in_batches_is_weighted_descent():
    """In the first epoch, the weights of the outputs move by the mean weighted gradient."""
    X, y, weight = data(CascadeCorrelationRegressor, every=True)
    model = make(CascadeCorrelationRegressor, max_iter=1, output_rate=0.5)
    model.fit(X, y, sample_weight=weight)
    z = np.hstack([np.concatenate(X), np.ones((sum(map(len, X)), 1))])
    expected = (
        0.5 * z.T @ (np.concatenate(weight) * np.concatenate(y)) / np.concatenate(weight).sum()
    )
    np.testing.assert_allclose(model.weights_, expected, rtol=1e-12)


# ---- classes -------------------------------------------------------------------------------------


@ignores_the_limit
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("names", [(False, True), ("no", "yes"), (3, 7)])
def test_a_class_weight_is_a_sample_weight(names, every):
    X, y, weight = data(LSTMClassifier, every)
    flat = np.concatenate(y) if every else y
    y = [np.array(names)[part.astype(int)] for part in y] if every else np.array(names)[y * 1]
    numbers = {names[0]: 0.5, names[1]: 2.0}
    codes = [np.concatenate(y)] if every else [y]
    of_class = np.array([numbers[label] for label in codes[0].tolist()])
    product = of_class * (np.concatenate(weight) if every else weight)
    if every:
        product = np.split(product, np.cumsum([len(x) for x in X])[:-1])
    a = make(LSTMClassifier, class_weight=numbers).fit(X, y, sample_weight=weight)
    b = make(LSTMClassifier).fit(X, y, sample_weight=product)
    np.testing.assert_array_equal(a.weights_, b.weights_)
    balanced = make(LSTMClassifier, class_weight="balanced").fit(X, y)
    expected = dict(
        zip(names, compute_class_weight("balanced", classes=np.unique(flat), y=flat), strict=True)
    )
    by_hand = make(LSTMClassifier, class_weight=expected).fit(X, y)
    np.testing.assert_allclose(balanced.weights_, by_hand.weights_, rtol=1e-9)


@given(
    codes=st.lists(st.integers(0, 3), min_size=1, max_size=20),
    seed=st.integers(0, 100),
)
def test_balanced_classes_count_the_same(codes, seed):
    codes = np.array(codes)
    weight = np.random.default_rng(seed).uniform(0.1, 3, len(codes))
    factors = class_weights("balanced", np.arange(4), codes, weight)
    total = np.bincount(codes, factors[codes] * weight, minlength=4)
    assert np.isclose(total.sum(), weight.sum())
    assert np.allclose(total[total > 0], weight.sum() / len(set(codes.tolist())))


def test_class_weights_that_are_refused():
    X, y, _ = data(LSTMClassifier, every=False)
    with pytest.raises(ValueError, match="class_weight has 'sideways', but the classes are"):
        make(LSTMClassifier, class_weight={"sideways": 2.0}).fit(X, y)
    with pytest.raises(ValueError, match="finite, not negative, and at most"):
        make(LSTMClassifier, class_weight={True: -1.0}).fit(X, y)
    with pytest.raises(ValueError, match="'class_weight' parameter"):
        make(LSTMClassifier, class_weight="typo").fit(X, y)
    with pytest.raises(ValueError, match="for partial_fit, set it to a dict"):
        make(LSTMClassifier, class_weight="balanced").partial_fit(X, y, classes=[False, True])
    with pytest.raises(TypeError, match="class_weight"):
        LSTMRegressor.as_published(class_weight="balanced")


# ---- refusals ------------------------------------------------------------------------------------

LENGTHS = np.array([2, 3])


@pytest.mark.parametrize(
    ("weight", "every", "message"),
    [
        ([1.0], False, "sample_weight has 1 numbers, but X has 2 sequences"),
        ([1.0, np.nan], False, "sample_weight contains nan for sequence 1"),
        ([1.0, -2.0], False, "sample_weight contains -2.0 for sequence 1"),
        ([0.0, 0.0], False, "zero for all targets"),
        (3.0, False, "sample_weight has 1 numbers, but X has 2 sequences"),
        ([[1, 1], [1, 1, 1]], False, "targets are for the last step"),
        ([[1, 1], [1, 1]], True, r"sample_weight\[1\] has 2 weights, but X\[1\] has 3 steps"),
        ([[1, 1], [1, np.inf, 1]], True, "contains inf in sequence 1, step 1"),
        ([np.ones((2, 2)), np.ones((3, 2))], True, "one number per step, but it holds 2"),
        ([[1, 1]], True, "X has 2 sequences, but sample_weight has 1"),
    ],
)
def test_weights_that_are_refused(weight, every, message):
    with pytest.raises(ValueError, match=message):
        row_weights(weight, LENGTHS, every)


@pytest.mark.parametrize(
    "weight", [["a", "b"], [1 + 1j, 1], [[1.0], 2.0], np.ma.masked_array([1, 2], 1)]
)
def test_weights_that_are_not_numbers_are_refused(weight):
    with pytest.raises((TypeError, ValueError), match="sample_weight"):
        row_weights(weight, LENGTHS, False)


def test_a_table_of_weights_is_checked_as_a_whole():
    for weight, message in (
        (np.ma.masked_array(np.ones((2, 3)), np.eye(2, 3)), "sample_weight holds masked values"),
        (sparse.csr_array(np.ones((2, 3))), "sample_weight: iteration over a 0-d array"),
        (np.ones((2, 3, 2)), "sample_weight must hold one number per step, but it holds 2"),
        (
            [Sequences.from_list([np.ones((3, 2))] * 2)],
            "sample_weight cannot be converted to an array",
        ),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            row_weights(weight, np.array([3, 3]), every=True)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
@every_estimator
def test_bad_weights_change_nothing(Estimator, method):
    X, y, weight = data(Estimator, every=False)
    model = make(Estimator).partial_fit(X, y, **classes(Estimator))
    before = joblib.hash(model)
    weight[3] = np.nan
    with pytest.raises(ValueError, match="sample_weight contains nan for sequence 3"):
        getattr(model, method)(X, y, sample_weight=weight)
    assert joblib.hash(model) == before


def classes(Estimator):
    return {"classes": [False, True]} if "Classifier" in Estimator.__name__ else {}


# ---- scores, and routing -------------------------------------------------------------------------


@ignores_the_limit
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
def test_scores_are_weighted(Estimator, every):
    X, y, weight = data(Estimator, every)
    model = make(Estimator).fit(X, y)
    metric = accuracy_score if Estimator is LSTMClassifier else r2_score
    flat = [y, model.predict(X), weight]
    if every:
        flat = [np.concatenate(part) for part in flat]
    expected = metric(*flat[:2], sample_weight=flat[2])
    assert model.score(X, y, sample_weight=weight) == expected != model.score(X, y)


@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8),
    reason="pipelines of scikit-learn pass weights on without a request only from 1.8 on",
)
@ignores_the_limit
@pytest.mark.parametrize("every", [False, True])
def test_weights_go_through_pipelines_and_searches_without_requests(every):
    X, y, weight = data(LSTMRegressor, every)
    model = make_pipeline(FunctionTransformer(), make(LSTMRegressor))
    with config_context(enable_metadata_routing=True):
        results = cross_validate(
            model, X, y, params={"sample_weight": weight}, cv=3, return_estimator=True,
            return_indices=True, error_score="raise",
        )  # fmt: skip
        search = GridSearchCV(model, {"lstmregressor__learning_rate": [0.1, 0.2]}, cv=2)
        search.fit(X, y, sample_weight=weight)
    kept = results["indices"]["train"][0]
    own = make(LSTMRegressor).fit(*([part[i] for i in kept] for part in (X, y, weight)))
    np.testing.assert_array_equal(results["estimator"][0][-1].weights_, own.weights_)
    held_out = results["indices"]["test"][0]
    score = own.score(*([part[i] for i in held_out] for part in (X, y, weight)))
    assert results["test_score"][0] == score
