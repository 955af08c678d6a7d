"""Statistics over trials: known values, and the verdict's rule at its borders."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm97.experiments.settings import load_settings
from lstm97.experiments.statistics import AIMED_RATE, meets_aim, summarize, verdict

SETTING = load_settings()["exp4-100"]


def record(count, solved=True, **fields):
    return {
        "id": SETTING.id,
        "solved": solved,
        "reason": "solved" if solved else "limit",
        "n_sequences": count,
        "milestones": {"st1": count / 2} if solved else {},
        "n_wrong": 1,
        "n_test": 2560,
        "test_error": 0.25,
        "seconds": 2.0,
        **fields,
    }


def summary(counts, n_failed=0):
    failed = [record(SETTING.limit, solved=False)] * n_failed
    return summarize(SETTING, [record(count) for count in counts] + failed)


def wilson(k, n, z=1.959963984540054):
    middle = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * math.sqrt(k * (n - k) / n + z**2 / 4)
    return middle - half, middle + half


def test_success_rate():
    eight = summary(range(1000, 9000, 1000), n_failed=2)
    assert (eight.n_trials, eight.n_solved, eight.n_at_limit, eight.rate) == (10, 8, 2, 0.8)
    assert eight.rate_interval == pytest.approx(wilson(8, 10), rel=1e-9)
    assert eight.rate_interval == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_figures_are_those_of_the_solved_trials():
    records = [
        record(1000, n_wrong=3, test_error=0.5),
        record(2000, n_wrong=0, test_error=0.0),
        record(6000, n_wrong=0, test_error=0.1),
        record(10, solved=False, n_wrong=900, reason="diverged", seconds=6.0),
    ]
    result = summarize(SETTING, records)
    assert (result.mean, result.median) == (3000, 2000)
    assert (result.smallest, result.largest) == (1000, 6000)
    assert (result.wrong, result.wrong_fraction) == pytest.approx((1, 1 / 2560))
    assert result.test_error == pytest.approx(0.2)
    assert result.milestones == {"st1": 1500}
    assert (result.seconds, result.n_at_limit) == (3.0, 0)


@settings(max_examples=25, deadline=None)
@given(counts=st.lists(st.integers(1, 10**6), min_size=2, max_size=12))
def test_bootstrap_intervals(counts):
    result = summary(counts)
    low, high = result.mean_interval
    assert min(counts) <= low <= result.mean <= high <= max(counts)
    low, high = result.median_interval
    assert min(counts) <= low <= result.median <= high <= max(counts)
    assert summary(counts[::-1]) == result


def test_equal_values_have_an_interval_without_width():
    assert summary([500] * 10).mean_interval == (500, 500)
    assert summary([500] * 10).median_interval == (500, 500)


def test_one_solved_trial_has_no_interval():
    one = summary([500], n_failed=1)
    assert (one.mean, one.mean_interval, one.median_interval) == (500, None, None)


def test_no_solved_trial_has_no_mean():
    none = summary([], n_failed=3)
    assert none.rate_interval == pytest.approx(wilson(0, 3))
    assert (none.mean, none.median, none.wrong, none.milestones) == (None, None, None, {})


def test_no_trial_has_no_figures():
    empty = summary([])
    assert (empty.n_trials, empty.rate, empty.rate_interval, empty.seconds) == (0, None, None, None)


def test_records_of_another_setting_are_refused():
    with pytest.raises(ValueError, match="not trials of 'exp4-100'"):
        summarize(SETTING, [record(5, id="exp4-500")])


# The paper's mean is 74,000.
@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (36_999, "faster"),
        (37_000, "reproduced"),
        (148_000, "reproduced"),
        (148_001, "slower"),
    ],
)
def test_verdict_on_the_mean(count, expected):
    assert verdict(SETTING, summary([count] * 10)) == expected


def test_verdict_on_the_success_rate():
    assert verdict(SETTING, summary([])) == "not run"
    assert verdict(SETTING, summary([74_000] * 9)) == "too few trials"
    # The paper has all of its 10 trials solved where it states no rate. By hand, for 5 of 10
    # beside 10 of 10: p = 2 * C(10, 5) * C(10, 10) / C(20, 15) = 0.0325; for 6 of 10: 0.0867.
    assert verdict(SETTING, summary([74_000] * 6, n_failed=4)) == "reproduced"
    assert verdict(SETTING, summary([74_000] * 5, n_failed=5)) == "success rate differs"
    # The rate is tested before the mean.
    assert verdict(SETTING, summary([100] * 5, n_failed=5)) == "success rate differs"
    half = replace(SETTING, paper={**SETTING.paper, "success": 0.5})
    assert verdict(half, summary([74_000] * 5, n_failed=5)) == "reproduced"
    assert verdict(half, summary([74_000] * 10)) == "success rate differs"


def test_failing_like_the_paper_counts_as_reproduced():
    setting = replace(SETTING, paper={**SETTING.paper, "success": 0.0})
    assert verdict(setting, summary([], n_failed=10)) == "reproduced"


# All of the paper's trials were solved, with a mean of 74,000.
@pytest.mark.parametrize(
    ("limit", "n_solved", "expected"),
    [
        (147_999, 0, "not solved so far"),
        (148_000, 0, "success rate differs"),
        (147_999, 5, "not solved so far"),
        (148_000, 5, "success rate differs"),
        (147_999, 6, "reproduced"),
        (147_999, 10, "reproduced"),
    ],
)
def test_a_low_limit_says_little_of_trials_that_reached_it(limit, n_solved, expected):
    setting = replace(SETTING, limit=limit)
    assert verdict(setting, summary([74_000] * n_solved, 10 - n_solved)) == expected


def test_a_low_limit_hides_no_success():
    """If more trials are solved than in the paper, the limit does not decide."""
    half = replace(SETTING, paper={**SETTING.paper, "success": 0.5}, limit=100_000)
    assert verdict(half, summary([74_000] * 10)) == "success rate differs"
    assert verdict(half, summary([], n_failed=10)) == "not solved so far"
    some = replace(SETTING, paper={**SETTING.paper, "success": "some"}, limit=100_000)
    assert verdict(some, summary([], n_failed=10)) == "not solved so far"
    assert verdict(some, summary([74_000], n_failed=9)) == "reproduced"


@pytest.mark.parametrize(
    ("beyond", "n_solved", "expected"),
    [
        (SETTING.limit + 1, 0, "not solved so far"),
        (SETTING.limit, 0, "reproduced"),
        (SETTING.limit + 1, 5, "success rate differs"),
        (SETTING.limit, 5, "success rate differs"),
    ],
)
def test_a_limit_below_that_at_which_the_papers_trials_failed(beyond, n_solved, expected):
    setting = replace(SETTING, paper={"beyond": beyond, "success": 0.0})
    assert verdict(setting, summary([74_000] * n_solved, 10 - n_solved)) == expected


@pytest.mark.parametrize(
    ("count", "n_failed", "expected"),
    [(148_000, 0, True), (148_001, 0, False), (10, 1, True), (10, 2, False)],
)
def test_aim(count, n_failed, expected):
    assert meets_aim(SETTING, summary([count] * 18, 2 * n_failed)) is expected
    assert not meets_aim(SETTING, summary([10] * 9))
    assert not meets_aim(replace(SETTING, trials=11), summary([10] * 10))
    assert meets_aim(replace(SETTING, limit=148_000), summary([10] * 10))
    assert not meets_aim(replace(SETTING, limit=147_999), summary([10] * 10))
    assert not meets_aim(SETTING, summary([]))
    assert not meets_aim(SETTING, summary([], n_failed=3))


def test_the_aimed_rate_is_within_the_interval_of_the_papers_rate():
    for setting in load_settings().values():
        if setting.method == "lstm":
            solved = round(setting.published_rate * setting.published_trials)
            assert wilson(solved, setting.published_trials)[0] < AIMED_RATE
