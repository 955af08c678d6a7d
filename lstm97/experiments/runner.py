"""Many trials in parallel."""

import random
import signal
import threading
from collections import deque
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter

from joblib import Parallel, delayed, effective_n_jobs

from lstm97.experiments.provenance import provenance
from lstm97.experiments.trial import run_together, run_trial


def run_trials(pairs, seed=0, n_jobs=None):
    """Run trials and yield their records as they end.

    Parameters
    ----------
    pairs : iterable of (Setting, int)
        Settings and numbers of trials.
    seed : int, default=0
        See `run_trial`.
    n_jobs : int, default=None
        As in joblib; the backend is the one that `joblib.parallel_config` names.

    Yields
    ------
    record : dict
        See `run_trial`; the order is that in which the trials end.

    Examples
    --------
    >>> from lstm97.experiments.runner import run_trials
    >>> from lstm97.experiments.settings import load_matrix
    >>> row = load_matrix()["noise-free-lag"]
    >>> for record in run_trials([(row["lstm"], 0), (row["elman"], 0)]):
    ...     print(record["method"], record["solved"])
    lstm True
    elman False
    """
    if effective_n_jobs(n_jobs) == 1:
        for setting, group in groupby(pairs, key=itemgetter(0)):
            yield from run_together(setting, (trial for _, trial in group), seed)
        return
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    with _deaf_to_ctrl_c():
        records = parallel(delayed(run_trial)(setting, trial, seed) for setting, trial in pairs)
    yield from records


def run_missing(wanted, store, seed=0, n_jobs=None):
    """Run the trials that a store does not have yet, and store each as it ends.

    Other processes may do the same with the same store. Before a trial starts, it is looked for
    again, and a trial that two of them ran is stored once. A process that comes upon trials of
    another goes on at another place of the list, so that they share the work.

    Parameters
    ----------
    wanted : dict of Setting.id to (Setting, int)
        Settings, and how many trials of each there should be.
    store : Store
        Where records are looked for, and kept.
    seed : int, default=0
        See `run_trial`.
    n_jobs : int, default=None
        As in joblib.

    Yields
    ------
    record : dict
        Of all trials: those that were stored before come first.

    Raises
    ------
    StoreError
        If the store cannot be read or written; before the first trial, if that can be known.

    Examples
    --------
    The second time there is nothing left to run:

    >>> from tempfile import TemporaryDirectory
    >>> from lstm97.experiments.runner import run_missing
    >>> from lstm97.experiments.settings import load_matrix
    >>> from lstm97.experiments.store import Store
    >>> setting = load_matrix()["noise-free-lag"]["lstm"]
    >>> with TemporaryDirectory() as folder:
    ...     first = list(run_missing({setting.id: (setting, 3)}, Store(folder)))
    ...     again = list(run_missing({setting.id: (setting, 3)}, Store(folder)))
    >>> first == again
    True
    """
    missing, found = deque(), []
    for setting, n_trials in wanted.values():
        known = [record for record in store.read(setting, seed) if record["trial"] < n_trials]
        yield from known
        there = {record["trial"] for record in known}
        missing.extend((setting, trial) for trial in range(n_trials) if trial not in there)
    if not missing:
        return
    store.prepare(setting for setting, _ in wanted.values())
    where = provenance()
    pairs = _still_missing(missing, found, store, seed)
    with closing(run_trials(pairs, seed, n_jobs)) as records:
        for record in records:
            record = {**record, **where}
            stored = store.append(wanted[record["id"]][0], record)
            if stored is not record:
                _go_elsewhere(missing)
            yield stored
    yield from found


def _still_missing(missing, found, store, seed):
    """Yield trials when they are asked for; what was stored by then goes to those found."""
    while missing:
        setting, trial = missing.popleft()
        record = store.find(setting, trial, seed)
        if record is None:
            yield setting, trial
        else:
            found.append(record)
            _go_elsewhere(missing)


def _go_elsewhere(missing):
    """Go on at any place: next to a trial of another process are those that it runs now."""
    missing.rotate(random.randrange(len(missing) + 1))


@contextmanager
def _deaf_to_ctrl_c():
    """Let the processes that start within ignore Ctrl-C; ending them is their parent's business."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
