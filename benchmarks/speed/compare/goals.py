"""Goals for ratios of times, and whether measured rounds reach them."""

import statistics
from typing import NamedTuple

import numpy as np

SLOPE = 1.1  # largest slope in the log-log fit of the cost of a step by the number of weights
IMPORT_SECONDS = 0.2
KERNEL_SHARE = 0.9  # least share of the kernel in the time of a trial
VERDICT = {True: "reached", False: "NOT reached"}


class Goal(NamedTuple):
    """Bound on the ratio of the times of `slow` to those of `fast`.

    With `at_most`, `slow` is this package, and `fast` is the limit that it should come close to.
    """

    slow: str
    fast: str
    bound: float
    at_most: bool = False


class Ratio(NamedTuple):
    """Median of the ratios per round, the lowest and the highest."""

    median: float
    low: float
    high: float


def ratio(times, slow, fast):
    """Return how many times as long `slow` took, or None if one of them was not measured."""
    if slow not in times or fast not in times:
        return None
    ratios = [a / b for a, b in zip(times[slow], times[fast], strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def is_reached(goal, value):
    """Tell whether a ratio is within the goal's bound."""
    return value <= goal.bound if goal.at_most else value >= goal.bound


def lines(times, goals):
    """Yield a line of text per goal."""
    for goal in goals:
        value = ratio(times, goal.slow, goal.fast)
        name = f"{goal.slow} / {goal.fast}"
        aim = f"{'at most' if goal.at_most else 'at least'} {goal.bound:g}"
        if value is None:
            yield f"    {name:34s} not measured; goal {aim}"
            continue
        verdict = VERDICT[is_reached(goal, value.median)]
        spread = f"({value.low:.3g} to {value.high:.3g})"
        yield f"    {name:34s} {value.median:7.3g} {spread:20s} goal {aim}: {verdict}"


def slope(points):
    """Return the slope of a straight line through the logarithms."""
    x, y = np.log(points).T
    return float(np.polyfit(x, y, 1)[0])
