"""Many trials in parallel."""

import signal
import threading
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
    n_jobs : int, default=None
        As in joblib; the backend is the one that `joblib.parallel_config` names.

    Yields
    ------
    record : dict
        See `run_trial`; the order is that in which the trials end.
    """
    if effective_n_jobs(n_jobs) == 1:
        for setting, group in groupby(pairs, key=itemgetter(0)):
            yield from run_together(setting, [trial for _, trial in group], seed)
        return
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    with _deaf_to_ctrl_c():
        records = parallel(delayed(run_trial)(setting, trial, seed) for setting, trial in pairs)
    yield from records


def run_missing(wanted, store, seed=0, n_jobs=None):
    """Run the trials that a store does not have yet, and store each as it ends.

    Parameters
    ----------
    wanted : dict of Setting.id to (Setting, int)
        Settings, and how many trials of each there should be.
    store : Store
    seed : int, default=0
    n_jobs : int, default=None
        As in joblib.

    Yields
    ------
    record : dict
        Of all trials: those that were stored before come first.
    """
    missing = []
    for setting, n_trials in wanted.values():
        known = [record for record in store.read(setting, seed) if record["trial"] < n_trials]
        yield from known
        there = {record["trial"] for record in known}
        missing.extend((setting, trial) for trial in range(n_trials) if trial not in there)
    where = provenance()
    with closing(run_trials(missing, seed, n_jobs)) as records:
        for record in records:
            record = {**record, **where}
            store.append(wanted[record["id"]][0], record)
            yield record


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
