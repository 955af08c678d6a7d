"""Many trials in parallel."""

import signal
import threading
from contextlib import closing, contextmanager

from joblib import Parallel, delayed

from lstm97.experiments.provenance import provenance
from lstm97.experiments.trial import run_trial


def run_trials(setting, trials, seed=0, n_jobs=None):
    """Run trials and yield their records as they end.

    Parameters
    ----------
    setting : Setting
    trials : iterable of int
    seed : int, default=0
    n_jobs : int, default=None
        As in joblib; the backend is the one that `joblib.parallel_config` names.

    Yields
    ------
    record : dict
        See `run_trial`; the order is that in which the trials end.
    """
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    with _deaf_to_ctrl_c():
        records = parallel(delayed(run_trial)(setting, i, seed) for i in trials)
    yield from records


def run_missing(setting, n_trials, store, seed=0, n_jobs=None):
    """Run the trials that a store does not have yet, and store each as it ends.

    Parameters
    ----------
    setting : Setting
    n_trials : int
    store : Store
    seed : int, default=0
    n_jobs : int, default=None
        As in joblib.

    Yields
    ------
    record : dict
        Of all trials: those that were stored before come first.
    """
    known = [record for record in store.read(setting, seed) if record["trial"] < n_trials]
    yield from known
    missing = sorted(set(range(n_trials)) - {record["trial"] for record in known})
    where = provenance()
    with closing(run_trials(setting, missing, seed, n_jobs)) as records:
        for record in records:
            record = {**record, **where}
            store.append(setting, record)
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
