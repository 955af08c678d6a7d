"""Time workers in turns, so that a drift of the machine's speed affects all of them alike."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Worker(NamedTuple):
    """The work of one competitor.

    Attributes
    ----------
    work : callable
        Function that trains or predicts once. It has been called before, so that everything is
        compiled.
    n_items : int
        Number of sequences, or steps, in one call.
    compile_seconds : float, default=None
        Time of the first call, if that compiled something.
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
        Seconds of a worker in a round. It is called as often as fits into them, at least once.

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
    """Make workers, and print which of them cannot be made on this machine, and why.

    Parameters
    ----------
    makers : dict of str to callable
        Functions that make the workers, by name.

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
