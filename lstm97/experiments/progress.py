"""Progress of many trials: a bar in a terminal, or else a line a minute."""

import sys
import threading
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from statistics import fmean

from joblib import effective_n_jobs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

INTERVAL = 60  # seconds between two lines


@contextmanager
def show_progress(title, wanted, n_jobs):
    """Show on stderr how many trials are done, what runs, and about how long the rest takes.

    Parameters
    ----------
    title : str
        Title of the progress bar.
    wanted : dict of str to (Setting, int)
        Settings, by id, with their numbers of trials.
    n_jobs : int
        Number of jobs, as in joblib.

    Yields
    ------
    add : callable
        Function that takes the record of each trial that is done.
    """
    work, console = _Work(wanted, n_jobs), Console(stderr=True)
    with (_bar if console.is_terminal else _lines)(title, work, console) as changed:

        def add(record):
            work.add(record)
            changed()

        yield add


@contextmanager
def _bar(title, work, console):
    """Show a bar; yield a function to call when a trial is done."""
    texts = TextColumn("{task.description}"), TextColumn("{task.fields[work]}")
    columns = texts[0], BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), texts[1]
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=work.total, work=work)
        yield lambda: progress.update(task, completed=work.n_done)


@contextmanager
def _lines(title, work, console):
    """Print a line a minute, and one when all is done; yield a function that need do nothing."""

    def say(*more):
        with suppress(OSError):  # trials are worth more than lines
            parts = f"{title}: {work.n_done} of {work.total} trials done", *filter(None, more)
            print(", ".join(parts), file=sys.stderr, flush=True)

    def repeat():
        while not ended.wait(INTERVAL):
            say(str(work))

    ended = threading.Event()
    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield lambda: None
    finally:
        ended.set()
        thread.join()
    say()


class _Work:
    """Trials that are done and left. As text: what runs, and about how long the rest takes."""

    def __init__(self, wanted, n_jobs):
        self._n_left = {name: n_trials for name, (_, n_trials) in wanted.items()}
        self._seconds = {name: [] for name in wanted}
        self._n_jobs = effective_n_jobs(n_jobs)
        self.total = sum(self._n_left.values())
        self.n_done, self._changed = 0, time.monotonic()

    def add(self, record):
        """Count the record of a trial."""
        self.n_done += 1
        self._n_left[record["id"]] -= 1
        self._seconds[record["id"]].append(record["seconds"])
        self._changed = time.monotonic()

    def __str__(self):
        """Name the first setting that is not done, since settings run in their order."""
        name = next((name for name, n in self._n_left.items() if n), None)
        if name is None:
            return ""
        if not self.n_done:
            return f"running {name}"
        left = max(0, self._estimate() - (time.monotonic() - self._changed))
        return f"running {name}, about {timedelta(seconds=round(left))} left"

    def _estimate(self):
        """Return the seconds that were left when the last trial ended.

        A trial is taken to last as long as those of its setting or, before the first of them, as
        long as the others.
        """
        means = {name: fmean(times) for name, times in self._seconds.items() if times}
        usual = fmean(means.values())
        seconds = sum(n * means.get(name, usual) for name, n in self._n_left.items())
        return seconds / min(self._n_jobs, max(1, self.total - self.n_done))
