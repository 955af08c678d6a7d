"""Rounds in which workers take turns, so that a machine whose speed drifts slows all of them."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Worker(NamedTuple):
    """What is measured of one competitor.

    Attributes
    ----------
    work : callable
        Trains or predicts once; it was called before, so that nothing is left to be compiled.
    n_items : int
        Sequences, or steps, that one call takes.
    compile_seconds : float, default=None
        What went before, for those that compile when they run.
    """

    work: Callable
    n_items: int
    compile_seconds: float | None = None


def seconds(work):
    """Time one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def take_turns(workers, n_rounds, least):
    """Return seconds per item of each worker in each round.

    Parameters
    ----------
    workers : dict of str to Worker
    n_rounds : int
    least : float
        Seconds that a worker has in a round; it is called as often as fits, at least once.

    Returns
    -------
    times : dict of str to list of float
    """
    n_calls = {
        name: max(1, round(least / seconds(worker.work))) for name, worker in workers.items()
    }
    times = {name: [] for name in workers}
    for _ in range(n_rounds):
        for name, worker in workers.items():
            spent = sum(seconds(worker.work) for _ in range(n_calls[name]))
            times[name].append(spent / (n_calls[name] * worker.n_items))
    return times


def made(makers):
    """Make workers; say which cannot be made here, and why.

    Parameters
    ----------
    makers : dict of str to callable

    Returns
    -------
    workers : dict of str to Worker
    """
    workers = {}
    for name, make in makers.items():
        try:
            workers[name] = make()
        except (ModuleNotFoundError, FileNotFoundError, NotImplementedError) as error:
            print(f"    {name} is left out: {error}")
    return workers
