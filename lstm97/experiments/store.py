"""The store: one append-only file per setting, one line per finished trial."""

import json
import os
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# What tables and plots are made of: a KeyError, where a record lacks one of these.
REQUIRED = itemgetter(
    "id", "solved", "reason", "n_sequences", "milestones", "n_wrong", "n_test", "test_error",
    "curve", "seconds",
)  # fmt: skip


class StoreError(RuntimeError):
    """A store could not be read or written; what was stored before is not damaged.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> from lstm97.experiments.settings import load_settings
    >>> from lstm97.experiments.store import Store, StoreError
    >>> with NamedTemporaryFile() as file:
    ...     try:
    ...         Store(file.name).read(load_settings()["exp4-100"])
    ...     except StoreError as error:
    ...         print(str(error).removeprefix(file.name))
     is no folder
    """


class Store:
    """Records of trials in a folder, one file of JSON lines per setting.

    A line is written at once and flushed to the disk before the trial counts as done. A line that
    was cut off, by a kill or a full disk, is not a record: it is passed over when reading and
    removed before the next one is written. Several processes may write to a store: a trial has one
    record, the first.

    Parameters
    ----------
    folder : path-like
        Made when there is something to write.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from lstm97.experiments.settings import load_matrix
    >>> from lstm97.experiments.store import Store
    >>> from lstm97.experiments.trial import run_trial
    >>> setting = load_matrix()["noise-free-lag"]["lstm"]
    >>> record = run_trial(setting, trial=0, seed=0)
    >>> with TemporaryDirectory() as folder:
    ...     store = Store(folder)
    ...     stored = store.append(setting, record)
    ...     store.read(setting) == [record]
    True
    """

    def __init__(self, folder):
        self.folder = Path(folder)

    def path(self, setting):
        """Return the file of a setting.

        Parameters
        ----------
        setting : Setting
            Whose id names it.

        Returns
        -------
        path : pathlib.Path
            There may be no file yet.
        """
        return self.folder / f"{setting.id}.jsonl"

    def read(self, setting, seed=None):
        """Return the records that were made with a setting as it is now.

        Parameters
        ----------
        setting : Setting
            Records that were made with another one of the same id are passed over.
        seed : int, default=None
            None: of all seeds.

        Returns
        -------
        records : list of dict
            In the order of seeds and trials, none twice.

        Raises
        ------
        StoreError
            If the file cannot be read, or a line of it is no record or lacks a field.
        """
        found, path, digest = {}, self.path(setting), setting.digest
        for number, line in enumerate(self._whole(path).split(b"\n")[:-1], start=1):
            try:
                record = json.loads(line)
                if record["setting"] == digest and seed in (None, record["seed"]):
                    REQUIRED(record)
                    found.setdefault((record["seed"], record["trial"]), record)
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(f"line {number} of {path} is no record: {error!r}") from error
        return [found[key] for key in sorted(found)]

    def find(self, setting, trial, seed):
        """Return the record of one trial; raise what `read` raises.

        Parameters
        ----------
        setting : Setting
            As for `read`.
        trial : int
            Its number.
        seed : int
            That of the trial.

        Returns
        -------
        record : dict or None
            None: the store does not have it.
        """
        records = (r for r in self.read(setting, seed) if r["trial"] == trial)
        return next(records, None)

    def prepare(self, settings):
        """Make the folder, and raise a StoreError if the files of settings could not be written.

        Parameters
        ----------
        settings : iterable of Setting
            Those that are to be run.
        """
        try:
            make_folder(self.folder)
            for path in map(self.path, settings):
                if path.exists():
                    path.open("ab").close()
        except OSError as error:
            raise StoreError(f"{self.folder} cannot hold records: {error}") from error

    def append(self, setting, record):
        """Write one record, if its trial has none, or raise a StoreError and leave the file alone.

        Parameters
        ----------
        setting : Setting
            What the trial was of.
        record : dict
            As `run_trial` returns it; more fields may be added.

        Returns
        -------
        record : dict
            The one that the store has: another, if another process was faster.
        """
        path = self.path(setting)
        line = json.dumps(record).encode() + b"\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Without a buffer: nothing is left that closing the file would try to write again.
            with path.open("ab", buffering=0) as file, _alone(file):
                stored = self.find(setting, record["trial"], record["seed"])
                if stored is not None:
                    return stored
                whole = len(self._whole(path))
                file.truncate(whole)
                try:
                    _write(file, line)
                except OSError:
                    file.truncate(whole)
                    raise
        except OSError as error:
            raise StoreError(
                f"trial {record['trial']} of {record['id']} could not be stored in {path}: "
                f"{error.strerror}. Earlier records are intact; run again to repeat this trial"
            ) from error
        return record

    def _whole(self, path):
        """Return what the lines that end have, as bytes; the last one may have been cut off."""
        try:
            if self.folder.exists() and not self.folder.is_dir():
                raise StoreError(f"{self.folder} is no folder")
            content = path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise StoreError(f"{path} could not be read: {error.strerror}") from error
        return content[: content.rfind(b"\n") + 1]


def make_folder(folder):
    """Make a folder if needed, and raise an OSError if no file can be made in it."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder):
        pass


@contextmanager
def _alone(file):
    """Keep other processes that write to the same store waiting, where the system can."""
    if fcntl is None:
        yield
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _write(file, line):
    """Write all of a line, which may take several calls, and wait for the disk."""
    while line:
        line = line[file.write(line) :]
    os.fsync(file.fileno())
