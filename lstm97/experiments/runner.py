"""Many trials in parallel, with or without a store for their records."""

import random
import signal
import threading
from collections import deque
from contextlib import closing, contextmanager
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import wait

from joblib import Parallel, delayed, effective_n_jobs
from joblib.externals.loky import ProcessPoolExecutor
from joblib.parallel import LokyBackend, get_active_backend

from lstm97.experiments.provenance import provenance
from lstm97.experiments.trial import Feed, run_together, run_trial

# What a process says if it does not send a record: it has room for a trial, or it has ended.
NEXT, ENDED = "next", "ended"
# Code that makes a process end as soon as its parent, whatever ended that. It is text because a
# process can run that at once; importing a function of this module takes seconds.
WATCH = """
import os, threading
def watch():
    end.poll(None)  # returns when the system has closed the other end
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
"""


def run_trials(pairs, seed=0, n_jobs=None):
    """Run trials, and yield their records as they end.

    Each process runs several trials of a setting side by side where that is faster. Under another
    backend than joblib's own processes, each worker runs one trial at a time.

    Parameters
    ----------
    pairs : iterable of (Setting, int)
        The setting and the number of each trial.
    seed : int, default=0
        Seed of all trials, see `run_trial`.
    n_jobs : int, default=None
        Number of jobs, as in joblib. `joblib.parallel_config` can set the backend.

    Yields
    ------
    record : dict
        Record of a trial, see `run_trial`, in the order in which trials end.

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
    n_jobs = effective_n_jobs(n_jobs)
    if n_jobs == 1:
        yield from run_together(Feed(pairs).take, seed)
    elif isinstance(get_active_backend()[0], LokyBackend):
        yield from _run_in_processes(Feed(pairs), seed, n_jobs)
    else:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
        with _workers_ignore_ctrl_c():
            records = parallel(delayed(run_trial)(setting, trial, seed) for setting, trial in pairs)
        yield from records


def _run_in_processes(feed, seed, n_jobs):
    """Run trials in processes that ask for them, and yield their records.

    A process gets a trial only if no other one runs fewer: so a few trials are shared evenly.
    """
    first = [*islice(iter(lambda: feed.take([]), None), n_jobs)]
    if not first:
        return
    running, futures = {}, {}  # by the connection to a process
    ours, theirs = Pipe()  # between this process and all others; nothing is sent
    executor = ProcessPoolExecutor(len(first), initializer=exec, initargs=(WATCH, {"end": theirs}))
    try:
        with _workers_ignore_ctrl_c():
            for pair in first:
                here, there = Pipe()
                running[here] = [pair[0]]
                futures[here] = executor.submit(_work, there, pair, seed)
                futures[here].add_done_callback(lambda _, there=there: there.send(ENDED))
        while running:
            for process in wait(running):
                message = process.recv()
                if message == ENDED:
                    del running[process]
                    futures[process].result()  # raises the error that ended it, if there is one
                elif message == NEXT:
                    is_first = len(running[process]) == min(map(len, running.values()))
                    pair = feed.take(running[process]) if is_first else None
                    running[process].extend([pair[0]] if pair else [])
                    process.send(pair)
                else:
                    running[process].pop()
                    yield message
    finally:
        executor.shutdown(kill_workers=bool(running))
        ours.close()


def _work(connection, first, seed):
    """Run trials in a process: the first one, then those it asks for; send their records."""
    given = [first]

    def take(running):
        if given:
            return given.pop()
        connection.send(NEXT)
        return connection.recv()

    for record in run_together(take, seed):
        connection.send(record)


def run_missing(wanted, store, seed=0, n_jobs=None):
    """Run the trials that a store does not have yet, and store each as it ends.

    Several processes may use the same store at the same time. Each looks up a trial again before it
    starts it, and a trial that two processes have run is stored only once. A process that finds
    trials of another one continues at a random place of the list, so that they share the work.

    Parameters
    ----------
    wanted : dict of str to (Setting, int)
        Settings, by id, with the number of trials that each should have.
    store : Store
        Store of the records.
    seed : int, default=0
        Seed of all trials, see `run_trial`.
    n_jobs : int, default=None
        Number of jobs, as in joblib.

    Yields
    ------
    record : dict
        Records of all trials. Those that were stored before come first.

    Raises
    ------
    StoreError
        If the store cannot be read or written. Where possible, this is checked before the first
        trial.

    Examples
    --------
    Nothing is left to run the second time:

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
            if stored is not record:  # another process was faster
                _rotate_randomly(missing)
            yield stored
    yield from found


def _still_missing(missing, found, store, seed):
    """Yield missing trials one by one; add records that were stored meanwhile to `found`."""
    while missing:
        setting, trial = missing.popleft()
        record = store.find(setting, trial, seed)
        if record is None:
            yield setting, trial
        else:
            found.append(record)
            _rotate_randomly(missing)


def _rotate_randomly(missing):
    """Continue at a random place, because another process is running the next trials."""
    missing.rotate(random.randrange(len(missing) + 1))


@contextmanager
def _workers_ignore_ctrl_c():
    """Make processes that start in this context ignore Ctrl-C, because their parent ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can set signal handlers
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
