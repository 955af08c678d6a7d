"""Statistics over the trials of a setting, and the rules that compare them with the paper."""

from dataclasses import dataclass, field
from statistics import fmean, median

import numpy as np
from scipy.stats import binomtest, bootstrap, fisher_exact

N_RESAMPLES = 9999
MIN_TRIALS = 10  # a success rate of fewer trials means little
ASSUMED_TRIALS = 10  # of work that the paper quotes without a number of trials
# Wilson's interval of each of the paper's rates for LSTM reaches below this; 30 of 30: 89% to 100%.
AIMED_RATE = 0.9
GOOD = 1000  # mean number of right answers in a stream above which a net is good

# Texts of the report; -OO removes docstrings.
# The first condition that holds gives the verdict.
VERDICT_RULES = {
    "not run": "There are no trials.",
    "too few trials": "There are fewer than ten trials.",
    "not solved so far": (
        "We solved no trial, or too few for the paper's rate, and our limit is too low to judge: "
        "it is below the paper's limit or, if the paper states none, below twice the paper's mean."
    ),
    "success rate differs": (
        "Fisher's exact test on solved and failed trials, ours and the paper's, gives p < 0.05. If "
        'the paper states no rate, we count all of its trials as solved. If it says "some", the '
        "rate differs if we solved no trial. If it quotes other work, we assume ten trials."
    ),
    "faster": "Our mean number of training sequences to success is below half of the paper's.",
    "slower": "Our mean is above twice the paper's.",
    "reproduced": (
        "None of the above holds. This includes rows that neither we nor the paper solved."
    ),
}
AIM_RULE = (
    "A reading of LSTM meets the aim if it has at least as many trials as the paper, its limit is "
    "at least twice the paper's mean, at least 90% of its trials are solved, and the mean number "
    "of training sequences of the solved trials is at most twice the paper's."
)


@dataclass(frozen=True)
class Summary:
    """Summary of the trials of a setting.

    As in the paper, the numbers from `mean` on are over the solved trials only. Numbers that
    cannot be computed are None. Intervals are (low, high) with a confidence of 95%.

    Attributes
    ----------
    n_trials, n_solved, n_at_limit : int
        Number of all trials, of those that met their stop rule, and of those that ended at the
        setting's limit.
    seconds : float
        Mean duration of all trials.
    rate, rate_interval
        Fraction of solved trials, with Wilson's interval.
    mean, mean_interval, median, median_interval
        Mean and median of the training sequences to success, with bootstrap intervals.
    smallest, largest : int
        Smallest and largest number of training sequences to success.
    wrong, wrong_fraction, test_error : float
        Means of the number of wrong test sequences, of their fraction, and of the absolute error.
    milestones : dict of str to float
        Mean number of training sequences until each stage of an exam was passed.
    good, rest : tuple of (float, float)
        Of trials on streams that were not solved: the fraction of all trials with a mean of more
        than 1000 right answers in a stream, and the mean over these; the same for the others.

    Examples
    --------
    >>> from lstm97.experiments.statistics import Summary
    >>> summary = Summary(n_trials=10, n_solved=0, n_at_limit=10, rate=0.0)
    >>> summary.mean is None  # no trial was solved
    True
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
    good: tuple | None = None
    rest: tuple | None = None


def summarize(setting, records):
    """Summarize the trials of a setting.

    Parameters
    ----------
    setting : Setting
        Setting of the trials.
    records : list of dict
        Records of its trials, see `run_trial`. The list may be empty.

    Returns
    -------
    summary : Summary
        Counts, rate, means, medians and intervals.

    Examples
    --------
    >>> from lstm97.experiments.runner import run_trials
    >>> from lstm97.experiments.settings import load_matrix
    >>> from lstm97.experiments.statistics import summarize
    >>> setting = load_matrix()["noise-free-lag"]["lstm"]
    >>> summary = summarize(setting, list(run_trials((setting, trial) for trial in range(5))))
    >>> summary.n_trials, summary.rate
    (5, 1.0)
    >>> summary.smallest <= summary.median <= summary.largest
    True
    """
    other_ids = {record["id"] for record in records} - {setting.id}
    if other_ids:
        raise ValueError(f"records of {sorted(other_ids)} are not trials of {setting.id!r}")
    solved = [record for record in records if record["solved"]]
    return Summary(
        n_trials=len(records),
        n_solved=len(solved),
        n_at_limit=sum(record["reason"] == "limit" for record in records),
        **(_of_all(records, len(solved)) if records else {}),
        **(_of_streams(records) if records and setting.is_stream else {}),
        **(_of_solved(solved) if solved else {}),
    )


def _of_all(records, n_solved):
    """Return the statistics of all trials; there must be at least one."""
    interval = binomtest(n_solved, len(records)).proportion_ci(method="wilson")
    return {
        "seconds": fmean(record["seconds"] for record in records),
        "rate": n_solved / len(records),
        "rate_interval": (float(interval.low), float(interval.high)),
    }


def _of_streams(records):
    """Return the numbers over trials on streams that were not solved."""
    groups = {"good": [], "rest": []}
    for record in records:
        if not record["solved"]:
            groups["good" if record["n_right"] > GOOD else "rest"].append(record["n_right"])
    return {
        name: (len(group) / len(records), fmean(group) if group else None)
        for name, group in groups.items()
    }


def _of_solved(records):
    """Return the statistics of the solved trials; there must be at least one."""
    counts = sorted(record["n_sequences"] for record in records)
    milestones = [record["milestones"] for record in records]
    return {
        "mean": fmean(counts),
        "mean_interval": _interval(counts, np.mean),
        "median": float(median(counts)),
        "median_interval": _interval(counts, np.median),
        "smallest": min(counts),
        "largest": max(counts),
        "wrong": fmean(record["n_wrong"] for record in records),
        "wrong_fraction": fmean(record["n_wrong"] / record["n_test"] for record in records),
        "test_error": _mean([record["test_error"] for record in records]),
        "milestones": {name: fmean(each[name] for each in milestones) for name in milestones[0]},
    }


def _mean(values):
    """Return the mean; None if there are no such numbers, as on streams."""
    return None if None in values else fmean(values)


def _interval(values, statistic):
    """Return a bootstrap interval by percentiles; BCa fails if all values are equal."""
    if len(values) < 2:
        return None
    # A fixed seed and sorted values, so that the same records always give the same report.
    rng = np.random.default_rng(0)
    result = bootstrap(
        [values], statistic, method="percentile", n_resamples=N_RESAMPLES, rng=rng
    ).confidence_interval
    return float(result.low), float(result.high)


def verdict(setting, summary):
    """Return how our results compare with the paper's.

    `VERDICT_RULES` has the condition of each verdict.

    Parameters
    ----------
    setting : Setting
        Setting with the paper's numbers.
    summary : Summary
        Summary of its trials.

    Returns
    -------
    str
        The verdict in lower case.

    Examples
    --------
    Ten trials that were all solved, but late:

    >>> from lstm97.experiments.settings import load_settings
    >>> from lstm97.experiments.statistics import Summary, verdict
    >>> setting = load_settings()["exp4-100"]
    >>> setting.published_mean
    74000
    >>> verdict(setting, Summary(n_trials=10, n_solved=10, n_at_limit=0, rate=1.0, mean=2e5))
    'slower'
    """
    if not summary.n_trials:
        return "not run"
    if summary.n_trials < MIN_TRIALS:
        return "too few trials"
    differs = _rate_differs(setting, summary)
    too_few = not summary.n_solved or (differs and summary.rate < setting.published_rate)
    if too_few and _limit_is_low(setting):
        return "not solved so far"
    if differs:
        return "success rate differs"
    if not (summary.n_solved and setting.published_mean):
        return "reproduced"
    ratio = summary.mean / setting.published_mean
    if ratio < 0.5:
        return "faster"
    return "slower" if ratio > 2 else "reproduced"


def _limit_is_low(setting):
    """Tell whether our limit is so low that a trial like the paper's could fail."""
    mean = setting.published_mean
    least = setting.paper["beyond"] if mean is None else setting.paper.get("limit", 2 * mean)
    return setting.limit < least


def _rate_differs(setting, summary):
    """Tell whether our success rate differs significantly from the paper's."""
    if setting.published_rate is None:
        return not summary.n_solved
    n_trials = setting.published_trials or ASSUMED_TRIALS
    theirs = round(setting.published_rate * n_trials)
    counts = [
        [summary.n_solved, summary.n_trials - summary.n_solved],
        [theirs, n_trials - theirs],
    ]
    return fisher_exact(counts).pvalue < 0.05


def meets_aim(setting, summary):
    """Tell whether our trials meet the aim.

    `AIM_RULE` says when it is met.

    Parameters
    ----------
    setting : Setting
        Setting with the paper's numbers.
    summary : Summary
        Summary of its trials.

    Returns
    -------
    is_met : bool
        Always False for methods other than LSTM.

    Examples
    --------
    Ten trials of which nine were solved:

    >>> from lstm97.experiments.settings import load_settings
    >>> from lstm97.experiments.statistics import Summary, meets_aim
    >>> setting = load_settings()["exp4-100"]
    >>> setting.published_mean
    74000
    >>> meets_aim(setting, Summary(n_trials=10, n_solved=9, n_at_limit=1, rate=0.9, mean=1e5))
    True
    """
    if not setting.has_aim or summary.n_trials < setting.published_trials:
        return False
    if _limit_is_low(setting) or summary.rate < AIMED_RATE:
        return False
    return summary.mean <= 2 * setting.published_mean
