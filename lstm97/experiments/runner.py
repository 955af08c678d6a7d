"""Many trials in parallel."""

import signal
import threading
from contextlib import contextmanager

from joblib import Parallel, delayed

from lstm97.experiments.trial import run_trial


def run_trials(setting, n_trials, seed=0, n_jobs=None):
    """Run trials and yield their records as they end.

    Parameters
    ----------
    setting : Setting
    n_trials : int
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
        records = parallel(delayed(run_trial)(setting, i, seed) for i in range(n_trials))
    yield from records


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
