"""Generators: ranges, frequencies, lengths, answers; reproducible from a seed."""

import numpy as np
import pytest

from lstm97.tasks import (
    TASKS,
    make_adding,
    make_embedded_reber,
    make_long_lag,
    make_multiplication,
    make_noise_free_lag,
    make_temporal_order,
    make_two_classes,
)
from lstm97.tasks.continual import ContinualOrder, ContinualReber, StreamTask
from lstm97.tasks.reber import legal

N = 20_000


def frequencies(values, n):
    return np.bincount(values, minlength=n) / len(values)


@pytest.mark.parametrize(
    ("make", "low", "neutral", "answer"),
    [
        (make_adding, -1.0, 0.0, lambda a, b: 0.5 + (a + b) / 4),
        (make_multiplication, 0.0, 1.0, lambda a, b: a * b),
    ],
)
@pytest.mark.parametrize("T", [20, 101])
def test_marked_pairs(make, low, neutral, answer, T):
    X, y = make(2000, T=T, rng=5)
    firsts, seconds = [], []
    for x, target in zip(X, y, strict=True):
        values, markers = x.T
        assert T <= len(x) <= T + T // 10
        assert low <= values.min() <= values.max() <= 1.0
        assert markers[0] == markers[-1] == -1.0
        assert np.isin(markers[1:-1], [0.0, 1.0]).all()
        marked = np.flatnonzero(markers == 1.0)
        assert len(marked) in (1, 2)
        assert marked.min() < max(10, T // 2)
        assert marked.max() < max(10, T // 2)
        counted = [values[m] for m in marked] + [neutral] * (2 - len(marked))
        assert target == answer(*counted) or abs(target - answer(*counted)) < 1e-15
        firsts.append(marked[0])
        seconds.append(marked[-1])
    assert set(X.lengths) == set(range(T, T + T // 10 + 1))
    assert max(seconds) == max(9, T // 2 - 1)


def test_places_of_the_marks_are_uniform():
    T = 40
    X, _ = make_adding(N, T=T, rng=0)
    marks = np.zeros(T)
    missing = 0
    for x in X:
        at = np.flatnonzero(x[:, 1] == 1.0)
        marks[at] += 1
        missing += len(at) == 1
    # One of the first ten places has the first mark with 1/10, or the second with 1/19 of 9/10.
    early, late = 1 / 10 + 9 / 10 / 19, 1 / 19
    assert np.abs(marks[1:10] / N - early).max() < 0.01
    assert np.abs(marks[10:20] / N - late).max() < 0.01
    assert marks[20:].sum() == 0
    assert abs(missing / N - early) < 0.01
    assert abs(X.flat[:, 0].mean()) < 0.01


@pytest.mark.parametrize(
    ("n_relevant", "places"), [(2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])]
)
def test_temporal_order(n_relevant, places):
    X, y = make_temporal_order(N, n_relevant, rng=1)
    symbols = X.flat.indices
    assert X.flat.nnz == X.n_steps
    assert (X.flat.data == 1.0).all()
    assert set(X.lengths) == set(range(100, 111))
    ends = X.starts + X.lengths - 1
    assert (symbols[X.starts] == 6).all()
    assert (symbols[ends] == 7).all()
    inner = np.ones(len(symbols), dtype=bool)
    inner[X.starts] = inner[ends] = False
    assert symbols[inner].max() == 5
    assert np.abs(frequencies(symbols[inner][symbols[inner] < 4], 4) - 0.25).max() < 0.005
    relevant = np.flatnonzero((symbols == 4) | (symbols == 5)).reshape(N, n_relevant)
    steps = relevant - X.starts[:, None] + 1  # the paper counts from 1
    for column, (first, last) in zip(steps.T, places, strict=True):
        expected = np.zeros(last + 1)
        expected[first:] = 1 / (last - first + 1)
        assert np.abs(frequencies(column, last + 1) - expected).max() < 0.01
    bits = symbols[relevant] == 5
    assert (y == bits @ 2 ** np.arange(n_relevant)[::-1]).all()
    assert np.abs(frequencies(y, 2**n_relevant) - 0.5**n_relevant).max() < 0.01


def drawn(name, seed):
    task, rng = TASKS[name](), np.random.default_rng(seed)
    task.prepare(rng)
    return task, *task.draw(50, rng), *task.draw_test(50, rng)


def target_rows(X, y):
    n_rows = X.lengths if y.every else np.ones(len(X), dtype=int)
    pairs = zip(y.first, n_rows, strict=True)
    return np.concatenate([y.values[first : first + n] for first, n in pairs])


@pytest.mark.parametrize("name", TASKS)
def test_targets_and_seeds(name):
    task, *sets = drawn(name, 3)
    _, *again = drawn(name, 3)
    _, *other = drawn(name, 4)
    is_stream = isinstance(task, StreamTask)
    assert len(sets[0]) == (1 if is_stream else 50)
    for X, y in (sets[:2], sets[2:]):
        assert X.n_features == task.n_inputs
        assert y.values.shape[1] == task.n_outputs
        assert len(y) == len(X)
        rows = target_rows(X, y)
        assert np.isfinite(rows[~np.isnan(rows).all(axis=1)] if is_stream else rows).all()
        X.check_finite()
    for i in (0, 2):
        assert np.array_equal(sets[i].to_padded(), again[i].to_padded(), equal_nan=True)
        rows = target_rows(*sets[i : i + 2]), target_rows(*again[i : i + 2])
        assert np.array_equal(*rows, equal_nan=True)
    assert not np.array_equal(target_rows(*sets[:2]), target_rows(*other[:2]), equal_nan=True)


def test_classes_are_one_hot():
    _, y = TASKS["temporal order"]().draw(100, np.random.default_rng(0))
    _, classes = make_temporal_order(100, rng=0)
    assert (y.values == np.eye(4)[classes]).all()


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="T must be at least 20, got 19"):
        make_adding(1, T=19)
    with pytest.raises(ValueError, match="n_relevant must be 2 or 3"):
        make_temporal_order(1, 4)


@pytest.mark.parametrize("name", TASKS)
def test_no_sequences_are_refused(name):
    task = TASKS[name]()
    task.prepare(np.random.default_rng(0))
    with pytest.raises(ValueError, match="n_sequences must be at least 1, got 0"):
        task.draw(0, np.random.default_rng(0))
    with pytest.raises(TypeError, match="n_sequences must be an integer"):
        task.draw(2.0, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("make", "parameters", "error", "message"),
    [
        (make_adding, {"T": 20.5}, TypeError, "T must be an integer, got 20.5"),
        (make_adding, {"T": 2**70}, ValueError, "T must be at most"),
        (make_adding, {"n_sequences": True}, TypeError, "n_sequences must be an integer, got True"),
        (make_embedded_reber, {"n_sequences": 0}, ValueError, "n_sequences must be at least 1"),
        (make_embedded_reber, {"n_sequences": "2"}, TypeError, "n_sequences must be an integer"),
        (make_long_lag, {"q": None}, TypeError, "q must be an integer"),
        (make_noise_free_lag, {"p": np.float64(5)}, TypeError, "p must be an integer"),
        (make_temporal_order, {"n_relevant": [2]}, TypeError, "n_relevant must be an integer"),
        (make_two_classes, {"N": "3"}, TypeError, "N must be an integer"),
        (make_two_classes, {"noisy_inputs": "no"}, TypeError, "noisy_inputs must be True or False"),
        (make_adding, {"rng": -1}, ValueError, "rng: "),
        (make_embedded_reber, {"rng": "0"}, TypeError, "rng must be an integer, a numpy.random.G"),
    ],
)
def test_refusals_name_the_argument(make, parameters, error, message):
    with pytest.raises(error, match=message):
        make(**{"n_sequences": 2, **parameters})


def test_a_list_that_holds_itself_is_not_a_seed():
    """NumPy would recurse without end, and crash the process."""
    endless = []
    endless.append(endless)
    with pytest.raises(TypeError, match=r"rng must be an integer, .* not list"):
        make_adding(1, rng=endless)


# ---- streams -------------------------------------------------------------------------------------


def test_a_stream_of_strings_has_all_legal_symbols_as_targets():
    part = ContinualReber().draw_part(500, np.random.default_rng(0))
    text = "".join("BTPSXVE"[symbol] for symbol in part.steps.argmax(axis=1))
    starts = np.flatnonzero(part.begins)
    assert len(starts) == 500
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        wanted = [{*symbols} for symbols in [*legal(text[start:end]), "B"]]
        found = [
            {symbol for symbol, is_legal in zip("BTPSXVE", row, strict=True) if is_legal}
            for row in part.targets[start:end]
        ]
        assert found == wanted


def test_a_stream_of_sequences_has_a_target_at_the_end_of_each():
    part = ContinualOrder().draw_part(20, np.random.default_rng(0))
    X, y = TASKS["temporal order"](3).draw(20, np.random.default_rng(0))
    assert np.array_equal(part.steps, np.concatenate([x.toarray() for x in X]))
    due = ~np.isnan(part.targets).any(axis=1)
    assert np.array_equal(part.targets[due], y.values)
    assert np.array_equal(np.flatnonzero(due), np.cumsum(X.lengths) - 1)
    assert np.array_equal(np.flatnonzero(part.begins), np.cumsum(X.lengths) - X.lengths)
