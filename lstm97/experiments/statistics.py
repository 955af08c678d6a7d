"""Statistics over the trials of a setting, and the rule that compares them with the paper's."""

from dataclasses import dataclass, field

import numpy as np
from scipy.stats import binomtest, bootstrap

N_RESAMPLES = 9999


@dataclass(frozen=True)
class Summary:
    """Figures over trials; those from `mean` on over the solved ones, as in the paper.

    What cannot be computed is None. Intervals are (low, high) with a confidence of 95%.

    Attributes
    ----------
    n_trials, n_solved, n_at_limit : int
        All trials; those that met their stop rule; those that ended at the setting's limit.
    seconds : float
        Mean duration of all trials.
    rate, rate_interval
        Fraction of trials that were solved, with Wilson's interval.
    mean, mean_interval, median, median_interval
        Training sequences to success, with bootstrap intervals.
    smallest, largest : int
        Fewest and most training sequences to success.
    wrong, wrong_fraction, test_error : float
        Means over trials: wrong test sequences, their fraction, absolute error.
    milestones : dict of str to float
        Mean training sequences until each stage of an exam was passed.
    """

    n_trials: int
    n_solved: int
    n_at_limit: int
    seconds: float | None = None
    rate: float | None = None
    rate_interval: tuple | None = None
    mean: float | None = None
    mean_interval: tuple | None = None
    median: float | None = None
    median_interval: tuple | None = None
    smallest: int | None = None
    largest: int | None = None
    wrong: float | None = None
    wrong_fraction: float | None = None
    test_error: float | None = None
    milestones: dict = field(default_factory=dict)


def summarize(setting, records):
    """Summarize the trials of a setting.

    Parameters
    ----------
    setting : Setting
    records : list of dict
        Those of this setting, see `run_trial`; there may be none.

    Returns
    -------
    Summary
    """
    strangers = {record["id"] for record in records} - {setting.id}
    if strangers:
        raise ValueError(f"records of {sorted(strangers)} are no trials of {setting.id!r}")
    solved = [record for record in records if record["solved"]]
    n_at_limit = sum(record["reason"] == "limit" for record in records)
    rate = _rate(len(solved), len(records)) if records else {}
    figures = _figures(solved) if solved else {}
    return Summary(len(records), len(solved), n_at_limit, _mean(records, "seconds"), **rate, **figures)


def _rate(n_solved, n_trials):
    interval = binomtest(n_solved, n_trials).proportion_ci(method="wilson")
    return {
        "rate": n_solved / n_trials,
        "rate_interval": (float(interval.low), float(interval.high)),
    }


def _figures(solved):
    """Return what only solved trials have."""
    counts = [record["n_sequences"] for record in solved]
    fractions = [{"fraction": record["n_wrong"] / record["n_test"]} for record in solved]
    milestones = [record["milestones"] for record in solved]
    return {
        "mean": float(np.mean(counts)),
        "mean_interval": _bootstrap(counts, np.mean),
        "median": float(np.median(counts)),
        "median_interval": _bootstrap(counts, np.median),
        "smallest": min(counts),
        "largest": max(counts),
        "wrong": _mean(solved, "n_wrong"),
        "wrong_fraction": _mean(fractions, "fraction"),
        "test_error": _mean(solved, "test_error"),
        "milestones": {name: _mean(milestones, name) for name in milestones[0]},
    }


def _mean(records, name):
    return float(np.mean([record[name] for record in records])) if records else None


def _bootstrap(values, statistic):
    """Return a percentile interval; BCa has none for a median or for equal values."""
    if len(values) < 2:
        return None
    # Seeded: the same records give the same report.
    result = bootstrap(
        (values,), statistic, method="percentile", n_resamples=N_RESAMPLES, rng=np.random.default_rng(0)
    )
    interval = result.confidence_interval
    return float(interval.low), float(interval.high)


def verdict(setting, summary):
    """Say how our figures compare with the paper's.

    The first that applies: "not run", if there are no trials. "Success rate differs", if the
    paper's success rate lies outside the 95% Wilson interval of ours; where the paper states no
    rate, all of its trials succeeded. "Faster", if our mean number of training sequences to
    success is below half of the paper's. "Slower", if it is above twice the paper's. Otherwise,
    "reproduced".

    Parameters
    ----------
    setting : Setting
    summary : Summary

    Returns
    -------
    str
        In lower case.
    """
    if not summary.n_trials:
        return "not run"
    low, high = summary.rate_interval
    if not low <= setting.paper.get("success", 1.0) <= high:
        return "success rate differs"
    published = setting.paper["n_sequences"]
    if summary.mean < published / 2:
        return "faster"
    return "slower" if summary.mean > 2 * published else "reproduced"


def meets_aim(setting, summary):
    """Say whether the aim is met.

    At least 90% of the trials are solved, and their mean number of training sequences is at most
    twice the paper's.

    Parameters
    ----------
    setting : Setting
    summary : Summary

    Returns
    -------
    bool
    """
    if not summary.n_solved:
        return False
    return summary.rate >= 0.9 and summary.mean <= 2 * setting.paper["n_sequences"]
