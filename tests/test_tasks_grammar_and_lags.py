"""Generators of Experiments 1 to 3, against plain code that shares nothing with them."""

import tracemalloc

import numpy as np
import pytest

from lstm97.tasks import (
    TASKS,
    make_embedded_reber,
    make_long_lag,
    make_noise_free_lag,
    make_random_lag,
    make_two_classes,
)

N = 20_000


def frequencies(values, n):
    return np.bincount(values, minlength=n) / len(values)


def parts(X, y):
    """One array of symbols and one of target rows per sequence."""
    for i in range(len(X)):
        start, length, first = X.starts[i], X.lengths[i], y.first[i]
        rows = length if y.every else 1
        yield X.flat.indices[start : start + length], y.values[first : first + rows]


# -- Experiment 1 ------------------------------------------------------------------------------


def followers(string):
    """Return the legal next symbols after each symbol except the last, by an explicit automaton."""
    outer = string[1]
    assert string[0] == "B"
    assert outer in "TP"
    answers, state = ["TP", "B"], "start"
    for symbol in string[2:-2]:
        match state, symbol:
            case "start", "B":
                state, may = "fork", "TP"
            case ("fork", "T") | ("s loop", "S"):
                state, may = "s loop", "SX"
            case ("fork", "P") | ("t loop", "T") | ("upper", "X"):
                state, may = "t loop", "TV"
            case ("s loop", "X") | ("lower", "P"):
                state, may = "upper", "XS"
            case "t loop", "V":
                state, may = "lower", "PV"
            case ("upper", "S") | ("lower", "V"):
                state, may = "end", "E"
            case "end", "E":
                state, may = "over", outer
            case _:
                pytest.fail(f"{symbol} must not come in state {state} of {string}")
        answers.append(may)
    assert state == "over"
    assert string[-2:] == outer + "E"
    return [*answers, "E"]


def spell(symbols):
    return "".join("BTPSXVE"[symbol] for symbol in symbols)


def strings_of(X):
    """Strings from one-hot inputs, which lack the last E."""
    bounds = zip(X.starts, X.starts + X.lengths, strict=True)
    return [spell(X.flat.indices[start:end]) + "E" for start, end in bounds]


@pytest.fixture(scope="module")
def reber():
    task = TASKS["embedded reber"]()
    task.prepare(np.random.default_rng(8))
    return task


def test_reber_strings():
    X, y = make_embedded_reber(N, rng=2)
    strings = strings_of(X)
    for string, symbols in zip(strings, y, strict=True):
        followers(string)
        assert spell(symbols) == string[1:]
    assert len({len(string) for string in strings}) > 20
    lengths = np.array([len(string) for string in strings])
    assert lengths.min() == 9
    assert abs(lengths.mean() - 12.0) < 0.1
    inner = [string[2:-2] for string in strings]
    assert abs(inner.count("BTXSE") / N - 1 / 8) < 0.01
    assert abs(inner.count("BPVVE") / N - 1 / 8) < 0.01
    assert abs(np.mean([string[1] == "T" for string in strings]) - 0.5) < 0.015


def test_every_branch_of_the_grammar_is_taken_half_the_time():
    X, _ = make_embedded_reber(N, rng=4)
    taken = {}
    for string in strings_of(X):
        # The automaton above gives each pair in an order of its own: SX is not XS.
        for may, symbol in zip(followers(string)[2:], string[3:], strict=True):
            if len(may) == 2:
                taken.setdefault(may, []).append(symbol == may[0])
    assert set(taken) == {"TP", "SX", "TV", "XS", "PV"}
    for may, first in taken.items():
        assert abs(np.mean(first) - 0.5) < 0.02, may


def test_reber_sets(reber):
    X, y = reber.draw_test(0, None)
    assert len(X) == len(y) == 512
    strings = strings_of(X)
    train, test = strings[:256], strings[256:]
    assert not set(train) & set(test)
    assert len(set(train)) < 256  # duplicates are allowed: about 100 differ
    assert len(set(test)) < 256
    for string, (_, rows) in zip(strings, parts(X, y), strict=True):
        legal = [[float(symbol in may) for symbol in "BTPSXVE"] for may in followers(string)]
        assert (rows == legal).all()
    X, y = reber.draw(N, np.random.default_rng(0))
    drawn = [spell(symbols) for symbols, _ in parts(X, y)]
    for string in set(train):
        assert abs(drawn.count(string[:-1]) / N - train.count(string) / 256) < 0.01
    assert {string + "E" for string in drawn} <= set(train)
    for symbols, rows in list(parts(X, y))[:500]:
        assert (rows.sum(axis=1) == 1.0).all()
        assert spell(rows.argmax(axis=1)) == spell(symbols)[1:] + "E"


def test_reber_sizes_and_order_of_calls():
    task = TASKS["embedded reber"](n_train=7, n_test=5)
    for draw in (task.draw, task.draw_test):
        with pytest.raises(RuntimeError, match="call prepare first"):
            draw(1, np.random.default_rng(0))
    task.prepare(np.random.default_rng(0))
    assert len(task.draw_test(1, None)[0]) == 12


class Oracle:
    """Learner that gives the true probabilities, except for one output of one step."""

    def __init__(self, rows=None):
        self.rows = rows

    def run(self, X, every):
        assert every
        steps = [may for string in strings_of(X) for may in followers(string)]
        outputs = np.array([[(s in may) / len(may) for s in "BTPSXVE"] for may in steps])
        if self.rows is not None:
            row, column, value = self.rows
            outputs[row, column] = value
        return outputs


def test_judge_of_the_grammar(reber):
    X, y = reber.draw_test(0, None)
    judgement = reber.judge(Oracle(), X, y)
    assert not judgement.wrong.any()
    expected = [
        np.mean([(len(may) == 2) * (2 * 0.5) / 7 for may in followers(string)])
        for string in strings_of(X)
    ]
    assert np.allclose(judgement.error, expected, rtol=1e-12, atol=0.0)
    ends = np.cumsum(X.lengths)
    # The first step's legal ones are T and P with 1/2 each; the last one's is E with 1.
    spoilt = [
        (ends[3], 1, 0.0, 4),  # T, which is legal, is not above the others
        (ends[3], 0, 0.5, 4),  # B, which is not legal, is as high as T and P
        (ends[3], 0, 0.51, 4),
        (ends[3] - 1, 0, 1.5, 3),
        (ends[3] - 1, 6, np.nan, 3),
        (ends[3] - 1, 0, np.nan, 3),
    ]
    for row, column, value, sequence in spoilt:
        judgement = reber.judge(Oracle((row, column, value)), X, y)
        assert np.flatnonzero(judgement.wrong).tolist() == [sequence], (row, column, value)
        assert judgement.error[sequence] != expected[sequence]
    # Unequal legal outputs are right, if both are above the rest.
    assert not reber.judge(Oracle((ends[3], 1, 0.01)), X, y).wrong.any()
    picked = np.array([300, 4, 4])
    judgement = reber.judge(Oracle(), X[picked], y[picked])
    assert np.allclose(judgement.error, np.array(expected)[picked], rtol=1e-12, atol=0.0)


# -- Experiments 2a and 2b ---------------------------------------------------------------------


@pytest.mark.parametrize("p", [2, 7])
def test_noise_free_lag(p):
    a = list(range(p - 1))
    possible = {(x, *a, x) for x in (p - 1, p)}
    X, y = make_noise_free_lag(2000, p=p, rng=0)
    strings = [(*x.toarray().argmax(axis=1), t[-1]) for x, t in zip(X, y, strict=True)]
    assert set(strings) == possible
    assert all((t[:-1] == a).all() and len(t) == p for t in y)
    assert abs(np.mean([string[0] == p for string in strings]) - 0.5) < 0.04
    task = TASKS["noise-free lag"](p)
    X, y = task.draw(2000, np.random.default_rng(0))
    assert y.every
    for (symbols, rows), string in zip(parts(X, y), strings, strict=True):
        assert symbols.tolist() == list(string[:-1])
        assert (rows == np.eye(p + 1)[list(string[1:])]).all()
    X, y = task.draw_test(77, None)
    tested = [(*symbols, rows.argmax(axis=1)[-1]) for symbols, rows in parts(X, y)]
    assert len(tested) == 2
    assert set(tested) == possible
    assert (y.values.sum(axis=1) == 1.0).all()  # at every step


def test_random_lag():
    p, n = 6, 4000
    X, y = make_random_lag(n, p=p, rng=0)
    assert (X.lengths == p).all()
    symbols = X.flat.indices.reshape(n, p)
    answers = np.array(y)
    assert (answers[:, :-1] == symbols[:, 1:]).all()
    assert (answers[:, -1] == symbols[:, 0]).all()
    assert np.abs(frequencies(symbols[:, 0], p + 1)[-2:] - 0.5).max() < 0.03
    for column in symbols[:, 1:].T:
        assert np.abs(frequencies(column, p + 1)[: p - 1] - 1 / (p - 1)).max() < 0.03
        assert column.max() == p - 2
    pairs = (p - 1) * symbols[:, 2] + symbols[:, 3]
    assert np.abs(frequencies(pairs, (p - 1) ** 2) - 1 / (p - 1) ** 2).max() < 0.015


def test_targets_of_the_random_lag():
    p = 6
    task = TASKS["random lag"](p)
    X, y = task.draw(50, np.random.default_rng(0))
    for symbols, rows in parts(X, y):
        assert (rows == np.eye(p + 1)[[*symbols[1:], symbols[0]]]).all()
    X, y = task.draw_test(50, np.random.default_rng(0))
    assert len(X) == 50
    assert not y.every  # at the end only
    for symbols, rows in parts(X, y):
        assert (rows == np.eye(p + 1)[[symbols[0]]]).all()


@pytest.mark.parametrize("name", ["noise-free lag", "random lag"])
def test_lags_with_a_target_at_the_end_only(name):
    p = 6
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    task, usual = TASKS[name](p, at_end=True), TASKS[name](p)
    for draw, draw_usual in ((task.draw, usual.draw), (task.draw_test, usual.draw_test)):
        X, y = draw(50, rng)
        assert not y.every
        for (symbols, rows), (expected, targets) in zip(
            parts(X, y), parts(*draw_usual(50, same)), strict=True
        ):
            assert (symbols == expected).all()
            assert (rows == targets[-1:]).all()


# -- Experiment 2c -----------------------------------------------------------------------------


@pytest.mark.parametrize(("q", "p"), [(12, 5), (0, 1)])
def test_long_lag(q, p):
    X, y = make_long_lag(N, q=q, p=p, rng=0)
    assert X.n_features == p + 4
    assert (X.flat.data == 1.0).all()
    assert X.flat.nnz == X.n_steps
    assert X.lengths.min() == q + 3
    assert abs(X.lengths.mean() - (q + 3 + 9)) < 0.3
    k = X.lengths - q - 3
    for value in range(8):
        assert abs(np.mean(k == value) - 0.1 * 0.9**value) < 0.01
    assert abs(np.mean(k >= 20) - 0.9**20) < 0.01
    ends = X.starts + X.lengths - 1
    symbols = X.flat.indices
    assert (symbols[ends] == p).all()
    assert (symbols[X.starts] == p + 1).all()
    assert (symbols[X.starts + 1] == p + 2 + y).all()
    assert abs(y.mean() - 0.5) < 0.015
    inner = np.ones(X.n_steps, dtype=bool)
    inner[X.starts] = inner[X.starts + 1] = inner[ends] = False
    assert np.abs(frequencies(symbols[inner], p) - 1 / p).max() < 0.005
    _, targets = TASKS["long lag"](q, p).draw(N, np.random.default_rng(0))
    assert not targets.every
    assert (targets.values == np.column_stack([1 - y, y])).all()


def test_memory_of_the_long_lag_is_that_of_its_steps():
    tracemalloc.start()
    X, _ = make_long_lag(100, q=1000, p=100_000, rng=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * X.n_steps  # bytes; dense rows would take 800,000 per step


# -- Experiment 3 ------------------------------------------------------------------------------

TWO_CLASSES = [
    {"T": 30, "N": 3},
    {"T": 30, "N": 1, "noisy_inputs": True},
    {"T": 9, "N": 9, "noisy_targets": True},
]


@pytest.mark.parametrize("parameters", TWO_CLASSES)
def test_elements_of_the_two_classes(parameters):
    X, y = TASKS["two classes"](**parameters).draw_test(N, np.random.default_rng(0))
    T, n_telling = parameters["T"], parameters["N"]
    low, high = ([0.2], [0.8]) if "noisy_targets" in parameters else ([1.0], [0.0])
    assert set(X.lengths) == set(range(T, T + T // 10 + 1))
    shares = frequencies(X.lengths - T, T // 10 + 1)
    assert np.abs(shares - 1 / (T // 10 + 1)).max() < 0.015
    assert np.isin(y.values, [low, high]).all()
    is_first = (y.values == low)[:, 0]
    assert abs(is_first.mean() - 0.5) < 0.015
    sign = np.where(is_first, 1.0, -1.0)
    telling = np.array([x[:n_telling, 0] for x in X]) - sign[:, None]
    if "noisy_inputs" in parameters:
        assert abs(telling.mean()) < 0.015
        assert abs(telling.var() - 0.2) < 0.01
        assert abs(np.corrcoef(telling[:, 0], sign)[0, 1]) < 0.03
    else:
        assert (telling == 0.0).all()
    if n_telling < T:
        noise = np.concatenate([x[n_telling:, 0] for x in X])
        assert abs(noise.mean()) < 0.005
        assert abs(noise.var() - 0.2) < 0.005
        assert abs((noise**4).mean() / 0.2**2 - 3.0) < 0.05  # Gaussian


def test_targets_of_the_two_classes():
    task = TASKS["two classes"](T=10, noisy_targets=True)
    assert task.tolerance == 0.1
    X, y = task.draw(N, np.random.default_rng(0))
    noise = y.values[:, 0] - np.where(X.flat[X.starts, 0] == 1.0, 0.2, 0.8)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.var() - 0.1) < 0.005
    _, y = task.draw_test(100, np.random.default_rng(0))
    assert set(y.values[:, 0]) == {0.2, 0.8}  # drawing added no noise to what is kept
    for parameters in ({}, {"noisy_inputs": True}):
        task = TASKS["two classes"](T=10, **parameters)
        assert task.tolerance == 0.2
        X, y = task.draw(100, np.random.default_rng(0))
        assert set(y.values[:, 0]) == {0.0, 1.0}
    X, y = make_two_classes(100, T=10, noisy_targets=True, rng=0)
    drawn = TASKS["two classes"](T=10, noisy_targets=True).draw(100, np.random.default_rng(0))
    assert (X.flat == drawn[0].flat).all()
    assert (y == drawn[1].values[:, 0]).all()


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("embedded reber", {"n_train": 0}, "n_train must be at least 1, got 0"),
        ("embedded reber", {"n_test": 0}, "n_test must be at least 1, got 0"),
        ("noise-free lag", {"p": 1}, "p must be at least 2, got 1"),
        ("random lag", {"p": 1}, "p must be at least 2, got 1"),
        ("long lag", {"q": -1}, "q must be at least 0, got -1"),
        ("long lag", {"p": 0}, "p must be at least 1, got 0"),
        ("two classes", {"T": 0}, "T must be at least 1, got 0"),
        ("two classes", {"N": 0}, "N must be at least 1, got 0"),
        ("two classes", {"T": 10, "N": 11}, "N must be at most T=10, got 11"),
    ],
)
def test_parameters_are_checked(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        TASKS[name](**parameters)
