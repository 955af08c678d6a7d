"""Stop rules stop as if they were asked after every sequence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm97.experiments.exam import Recent
from lstm97.learning.learner import Results
from lstm97.learning.loop import Never, Plateau


def results(errors):
    errors = np.asarray(errors, dtype=float)
    return Results(errors**2, errors, errors / 2)


def stop_after(errors, tolerance, max_wrong, mean_error, window):
    """Ask the rule after every sequence, in a plain loop."""
    for n in range(window, len(errors) + 1):
        recent = np.array(errors[n - window : n])
        few = (~(recent < tolerance)).sum() <= max_wrong
        if few and (mean_error is None or (recent / 2).mean() < mean_error):
            return n
    return None


@given(
    errors=st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, float("nan")]), max_size=60),
    cuts=st.lists(st.integers(1, 10), max_size=60),
    max_wrong=st.integers(0, 3),
    mean_error=st.none() | st.sampled_from([0.03, 0.06, 0.2]),
    window=st.integers(1, 8),
)
def test_recent_does_not_depend_on_the_chunks(errors, cuts, max_wrong, mean_error, window):
    rule = Recent(0.2, max_wrong, mean_error, window)
    start, stopped = 0, None
    for size in [*cuts, len(errors) + 1]:
        stop = rule.look(results(errors[start : start + size]))
        if stop is not None:
            stopped = start + stop.n
            break
        start += size
    assert stopped == stop_after(errors, 0.2, max_wrong, mean_error, window)


def test_recent_has_a_reason_and_counts_the_tolerance_itself_as_wrong():
    assert Recent(0.2, window=2).look(results([0.1, 0.1])) == (2, "solved")
    assert Recent(0.2, window=2).look(results([0.1, 0.2])) is None


def test_plateau():
    rule = Plateau(tol=0.1, patience=2)
    answers = [rule.look(results([error] * 4)) for error in (2.0, 1.0, 0.98, 0.97)]
    assert answers[:3] == [None, None, None]
    assert answers[3] == (4, "converged")


def test_plateau_forgets_its_patience_when_the_loss_falls():
    rule = Plateau(tol=0.1, patience=2)
    assert all(rule.look(results([e])) is None for e in (2.0, 1.99, 1.0, 0.99, 0.5, 0.49))


@pytest.mark.parametrize("error", [0.0, np.nan])
def test_never(error):
    assert Never().look(results([error])) is None
