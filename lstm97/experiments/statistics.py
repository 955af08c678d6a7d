"""Statistics over the trials of a setting, and the rule that compares them with the paper's."""

from dataclasses import dataclass, field
from statistics import fmean, median

import numpy as np
from scipy.stats import binomtest, bootstrap, fisher_exact

N_RESAMPLES = 9999
MIN_TRIALS = 10  # fewer say little about a success rate
ASSUMED_TRIALS = 10  # of others, whom the paper quotes


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


def summarize(setting, records):
    """Summarize the trials of a setting.

    Parameters
    ----------
    setting : Setting
        What they are trials of.
    records : list of dict
        Those of this setting, see `run_trial`; there may be none.

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
    strangers = {record["id"] for record in records} - {setting.id}
    if strangers:
        raise ValueError(f"records of {sorted(strangers)} are no trials of {setting.id!r}")
    solved = [record for record in records if record["solved"]]
    return Summary(
        n_trials=len(records),
        n_solved=len(solved),
        n_at_limit=sum(record["reason"] == "limit" for record in records),
        **(_of_all(records, len(solved)) if records else {}),
        **(_of_solved(solved) if solved else {}),
    )


def _of_all(records, n_solved):
    interval = binomtest(n_solved, len(records)).proportion_ci(method="wilson")
    return {
        "seconds": fmean(record["seconds"] for record in records),
        "rate": n_solved / len(records),
        "rate_interval": (float(interval.low), float(interval.high)),
    }


def _of_solved(records):
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
        "test_error": fmean(record["test_error"] for record in records),
        "milestones": {name: fmean(each[name] for each in milestones) for name in milestones[0]},
    }


def _interval(values, statistic):
    """Return a bootstrap interval by percentiles; BCa has none where all values are equal."""
    if len(values) < 2:
        return None
    # The same records give the same report: values are sorted, resamples seeded, means exact.
    rng = np.random.default_rng(0)
    result = bootstrap(
        [values], statistic, method="percentile", n_resamples=N_RESAMPLES, rng=rng
    ).confidence_interval
    return float(result.low), float(result.high)


def verdict(setting, summary):
    """Say how our figures compare with the paper's.

    The first that applies: "not run", if there are no trials. "Too few trials", if there are
    fewer than ten. "Not solved so far", if none of our trials was solved, or fewer than the
    paper's rate allows, and our limit is too low to tell: below that at which the paper's trials
    failed, or below twice its mean. "Success rate differs", if Fisher's exact test on the trials
    that were solved and those that were not, ours and the paper's, gives p < 0.05; where the
    paper states no rate, all of its trials succeeded, and where it says "some", the rate differs
    if none of ours did; where it quotes others, ten trials are assumed. "Faster", if our mean
    number of training sequences to success is below half of the paper's. "Slower", if it is above
    twice the paper's. Otherwise "reproduced"; so it is, too, if none of our trials was solved and
    the paper's rate agrees.

    Parameters
    ----------
    setting : Setting
        With the paper's figures.
    summary : Summary
        Of its trials.

    Returns
    -------
    str
        In lower case.

    Examples
    --------
    Had all of ten trials been solved, but late:

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
    """Tell whether a trial like the paper's could fail at our limit."""
    mean = setting.published_mean
    return setting.limit < (setting.paper["beyond"] if mean is None else 2 * mean)


def _rate_differs(setting, summary):
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
    """Say whether the aim is met.

    The method is LSTM; there are at least ten trials, at least 90% of them are solved, and the mean
    number of training sequences of these is at most twice the paper's.

    Parameters
    ----------
    setting : Setting
        With the paper's figures.
    summary : Summary
        Of its trials.

    Returns
    -------
    is_met : bool
        True for such a row only.

    Examples
    --------
    Had nine of ten trials been solved:

    >>> from lstm97.experiments.settings import load_settings
    >>> from lstm97.experiments.statistics import Summary, meets_aim
    >>> setting = load_settings()["exp4-100"]
    >>> setting.published_mean
    74000
    >>> meets_aim(setting, Summary(n_trials=10, n_solved=9, n_at_limit=1, rate=0.9, mean=1e5))
    True
    """
    if setting.method != "lstm" or summary.n_trials < MIN_TRIALS or not summary.n_solved:
        return False
    return summary.rate >= 0.9 and summary.mean <= 2 * setting.published_mean
