"""`Store`, a folder of records: an append-only file per setting, with a line per trial."""

import json
import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NUMBER = (int, float)
# Fields that tables and plots need, with their types.
FIELDS = {
    "id": (str,), "seed": (int,), "trial": (int,), "solved": (bool,), "reason": (str,),
    "n_sequences": (int,), "milestones": (dict,), "n_wrong": (int,), "n_test": (int,),
    "test_error": (*NUMBER, type(None)), "curve": (list,), "seconds": NUMBER,
}  # fmt: skip
# Fields that some records lack.
OPTIONAL = {
    "n_right": NUMBER,  # of streams
    "versions": (dict,), "platform": (str, type(None)), "commit": (str, type(None)),
}  # fmt: skip


class StoreError(RuntimeError):
    """Error that is raised if a store cannot be read or written; stored records stay intact.

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
     is not a folder
    """


class Store:
    """Folder with records of trials, in one file of JSON lines per setting.

    A line is written as soon as its trial ends, and flushed to the disk before the trial counts as
    done. A line that was cut off, by a kill or a full disk, is ignored when the file is read, and
    removed before the next line is written. Several processes may write to a store; only the first
    record of a trial is kept.

    Parameters
    ----------
    folder : path-like
        Folder, created when the first record is written.

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
            Setting whose id is the name of the file.

        Returns
        -------
        path : pathlib.Path
            Path of the file, which need not exist yet.
        """
        return self.folder / f"{setting.id}.jsonl"

    def read(self, setting, seed=None):
        """Return the records that were made with a setting as it is now.

        Parameters
        ----------
        setting : Setting
            Setting of the records. Records of another setting with the same id are ignored.
        seed : int, default=None
            Seed of the records. None means all seeds.

        Returns
        -------
        records : list of dict
            One record per trial, in the order of seeds and trials.

        Raises
        ------
        StoreError
            If the file cannot be read, or a line is not a record or lacks a field.
        """
        found, path, digest = {}, self.path(setting), setting.digest
        for number, line in enumerate(self._complete_lines(path).split(b"\n")[:-1], start=1):
            try:
                record = json.loads(line)
                if record["setting"] == digest and seed in (None, record["seed"]):
                    _check(record)
                    found.setdefault((record["seed"], record["trial"]), record)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise StoreError(
                    f"line {number} of {path} is not a record: {error!r}; delete the line, and its "
                    "trial will run again"
                ) from error
        return [found[key] for key in sorted(found)]

    def find(self, setting, trial, seed):
        """Return the record of one trial.

        Parameters
        ----------
        setting : Setting
            As for `read`.
        trial : int
            Number of the trial.
        seed : int
            Seed of the trial.

        Returns
        -------
        record : dict or None
            None if the store does not have the record.

        Raises
        ------
        StoreError
            As for `read`.
        """
        records = (r for r in self.read(setting, seed) if r["trial"] == trial)
        return next(records, None)

    def prepare(self, settings):
        """Make the folder, and check that the files of settings can be written.

        Parameters
        ----------
        settings : iterable of Setting
            Settings that will be run.

        Raises
        ------
        StoreError
            If a record could not be written.
        """
        try:
            make_folder(self.folder)
            for path in map(self.path, settings):
                if path.exists():
                    path.open("ab").close()
        except OSError as error:
            raise StoreError(f"{self.folder} cannot hold records: {error}") from error

    def append(self, setting, record):
        """Write one record, unless the store already has one of its trial.

        Parameters
        ----------
        setting : Setting
            Setting of the trial.
        record : dict
            Record as `run_trial` returns it, perhaps with additional fields.

        Returns
        -------
        record : dict
            The record that is in the store: an earlier one if there is one.

        Raises
        ------
        StoreError
            If the record could not be written. The file is then unchanged.
        """
        path = self.path(setting)
        line = json.dumps(record).encode() + b"\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Unbuffered, so that closing the file after an error does not write the rest.
            with path.open("ab", buffering=0) as file, _locked(file):
                stored = self.find(setting, record["trial"], record["seed"])
                if stored is not None:
                    return stored
                length = len(self._complete_lines(path))
                file.truncate(length)
                try:
                    _write(file, line)
                except OSError:
                    file.truncate(length)
                    raise
        except OSError as error:
            raise StoreError(
                f"trial {record['trial']} of {record['id']} could not be stored in {path}: "
                f"{error.strerror}. Earlier records are intact; run the command again to repeat "
                "this trial"
            ) from error
        return record

    def _complete_lines(self, path):
        """Return the content of a file without a last line that has been cut off."""
        try:
            if self.folder.exists() and not self.folder.is_dir():
                raise StoreError(f"{self.folder} is not a folder")
            content = path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise StoreError(f"{path} could not be read: {error.strerror}") from error
        return content[: content.rfind(b"\n") + 1]


def _check(record):
    """Raise a KeyError or TypeError if a record lacks a field, or one has another type."""
    for name, types in FIELDS.items():
        _check_types([record[name]], name, types)
    _check_types(record["curve"], "curve", (*NUMBER, type(None)))
    _check_types(record["milestones"].values(), "milestones", (int,))
    for name in OPTIONAL.keys() & record.keys():
        _check_types([record[name]], name, OPTIONAL[name])


def _check_types(values, name, types):
    """Raise a TypeError that names the field if a value has another type."""
    for value in values:
        if type(value) not in types:
            raise TypeError(f"{name!r} holds {value!r}")


def make_folder(folder):
    """Create a folder if needed, and raise an OSError if no file can be created in it."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder):
        pass


@contextmanager
def _locked(file):
    """Make other processes that write to the same file wait, except on Windows."""
    if fcntl is None:
        yield
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _write(file, line):
    """Write a line, which may take several calls, and flush it to the disk."""
    while line:
        line = line[file.write(line) :]
    os.fsync(file.fileno())
