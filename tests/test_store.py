"""The store: finished trials are never lost, and trials that were cut off are repeated."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from lstm97._kernels.team import N_NETS
from lstm97.experiments.runner import run_missing
from lstm97.experiments.settings import load_settings
from lstm97.experiments.store import Store, StoreError
from lstm97.experiments.trial import run_trial

EASY = replace(
    load_settings()["exp4-100"],
    task={"name": "adding", "T": 20},
    stop={"rule": "recent", "tolerance": 0.3, "window": 200},
    limit=2000,
    n_test=50,
)
HARD = replace(EASY, id="hard", limit=3000)
# Some hundredths of a second.
LONG = replace(
    EASY,
    id="long",
    task={"name": "adding", "T": 100},
    stop={"rule": "recent", "tolerance": 1e-9},
    limit=5000,
)


FIELDS = {
    "solved": True,
    "reason": "solved",
    "n_sequences": 300,
    "milestones": {},
    "n_wrong": 3,
    "n_test": 50,
    "test_error": 0.125,
    "curve": [0.5, 0.25],
    "seconds": 1.5,
}


def record(trial, seed=0, setting=EASY, **fields):
    own = {"id": setting.id, "setting": setting.digest, "seed": seed, "trial": trial}
    return own | FIELDS | fields


def without_times(records):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


def test_appended_records_are_read(tmp_path):
    store = Store(tmp_path / "new" / "folder")
    assert store.read(EASY) == []
    for trial, seed in [(3, 0), (1, 1), (1, 0)]:
        store.append(EASY, record(trial, seed))
    assert store.read(EASY) == [record(1), record(3), record(1, 1)]
    assert store.read(EASY, seed=1) == [record(1, 1)]


def test_records_of_another_setting_are_not_taken(tmp_path):
    store, other = Store(tmp_path), replace(EASY, limit=3000)
    store.append(EASY, record(0))
    assert store.read(other) == []
    assert replace(EASY, title="another", departures=["x"]).digest == EASY.digest
    store.append(other, record(0, setting=other))
    assert len(store.read(EASY)) == len(store.read(other)) == 1


def test_a_repeated_record_counts_once(tmp_path):
    store = Store(tmp_path)
    lines = [json.dumps(record(0, n=n)) + "\n" for n in (1, 2)]
    store.path(EASY).write_text("".join(lines))
    assert store.read(EASY) == [record(0, n=1)]


def test_a_trial_is_stored_once(tmp_path):
    store, other = Store(tmp_path), replace(EASY, limit=3000)
    first = record(0, n=1)
    assert store.append(EASY, first) is first
    before = store.path(EASY).read_bytes()
    assert store.append(EASY, record(0, n=2)) == first
    assert store.path(EASY).read_bytes() == before
    for another in (record(1), record(0, seed=1)):
        assert store.append(EASY, another) is another
    assert store.append(other, record(0, setting=other)) == record(0, setting=other)
    assert len(store.path(EASY).read_text().splitlines()) == 4


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_line_that_was_cut_off_is_removed(tmp_path, cut):
    store = Store(tmp_path)
    for trial in range(3):
        store.append(EASY, record(trial))
    path = store.path(EASY)
    path.write_bytes(path.read_bytes()[:-cut])
    assert store.read(EASY) == [record(0), record(1)]
    store.append(EASY, record(2))
    assert store.read(EASY) == [record(0), record(1), record(2)]
    assert [json.loads(line) for line in path.read_text().splitlines()] == store.read(EASY)


def test_a_full_disk_damages_nothing(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.append(EASY, record(0))
    before = store.path(EASY).read_bytes()

    def half(file, line):
        file.write(line[:20])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("lstm97.experiments.store._write", half)
    with pytest.raises(StoreError, match=r"trial 1 of exp4-100 .* No space left on device"):
        store.append(EASY, record(1))
    assert store.path(EASY).read_bytes() == before


FULL = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from test_store import EASY, record
from lstm97.experiments.store import Store, StoreError
store = Store(sys.argv[2])
size = store.path(EASY).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, size + 30))
try:
    store.append(EASY, record(1))
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
def test_a_write_that_ends_half_way_damages_nothing(tmp_path):
    store = Store(tmp_path)
    store.append(EASY, record(0))
    before = store.path(EASY).read_bytes()
    command = [sys.executable, "-c", FULL, str(Path(__file__).parent), str(tmp_path)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "trial 1 of exp4-100 could not be stored" in out
    assert store.path(EASY).read_bytes() == before


def test_only_missing_trials_are_run(tmp_path):
    store = Store(tmp_path)
    first = list(run_missing({EASY.id: (EASY, 2)}, store, n_jobs=1))
    again = list(run_missing({EASY.id: (EASY, 4)}, store, n_jobs=1))
    assert again[:2] == first
    assert [r["trial"] for r in again] == [0, 1, 2, 3]
    assert store.read(EASY) == again
    assert {"versions", "platform", "commit", "curve"} <= again[0].keys()
    assert list(run_missing({EASY.id: (EASY, 3)}, store, n_jobs=1)) == again[:3]


@pytest.mark.parametrize("n_sweeps", [2, 3])
def test_sweeps_on_one_store_share_the_work(tmp_path, monkeypatch, n_sweeps):
    """All start at once, with four trials at a time each; a few trials may be run twice."""
    ran, start = [], threading.Barrier(n_sweeps)

    def run(pairs, seed, n_jobs):
        while batch := list(islice(pairs, 4)):
            for setting, trial in batch:
                time.sleep(random.uniform(0.001, 0.003))
                ran.append(trial)
                yield record(trial, seed, setting)

    def sweep(_):
        start.wait()
        return list(run_missing(wanted, Store(tmp_path), seed=3))

    monkeypatch.setattr("lstm97.experiments.runner.run_trials", run)
    wanted, n = {EASY.id: (EASY, 100), HARD.id: (HARD, 100)}, 200
    with ThreadPoolExecutor(n_sweeps) as threads:
        results = list(threads.map(sweep, range(n_sweeps)))
    assert n <= len(ran) < 1.5 * n
    expected = Counter((name, trial) for name in wanted for trial in range(100))
    for records in results:
        assert Counter((record["id"], record["trial"]) for record in records) == expected
    for setting, _ in wanted.values():
        assert len(Store(tmp_path).path(setting).read_text().splitlines()) == 100


# A line on stdin asks for a sweep, the next one for its end. It runs in a fork, which has imported
# all. The line has the number of trials, and of threads; one thread runs a team. So a kill hits
# trials, and not the start of processes.
SWEEPS = """
import os, sys
sys.path.insert(0, sys.argv[1])
import joblib
from test_store import LONG
from lstm97.experiments.provenance import provenance
from lstm97.experiments.runner import run_missing
from lstm97.experiments.store import Store
provenance()
while line := sys.stdin.readline():
    n_trials, n_jobs = map(int, line.split())
    child = os.fork()
    if child == 0:
        with joblib.parallel_config(backend="threading"):
            list(run_missing({LONG.id: (LONG, n_trials)}, Store(sys.argv[2]), n_jobs=n_jobs))
        os._exit(0)
    print(child, flush=True)
    sys.stdin.readline()
    os.waitpid(child, 0)
"""


def whole_lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill_after_growth(process, line, path, delay):
    """Start a sweep, kill it some time after it stored a record; return how many there are then."""
    before = whole_lines(path)
    print(line, file=process.stdin, flush=True)
    child = int(process.stdout.readline())
    deadline = time.monotonic() + 60
    while whole_lines(path) == before:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    print(file=process.stdin, flush=True)
    return whole_lines(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process")
@pytest.mark.parametrize("n_kills", [6, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_sweep_that_is_killed_at_any_moment_ends_with_all_records(tmp_path, n_kills, n_jobs):
    # All trials of a team end at the same time here, because none is solved.
    n_trials = 40 if n_jobs > 1 else (n_kills + 2) * N_NETS
    rng, wanted = random.Random(0), {LONG.id: (LONG, n_trials)}
    undisturbed = list(run_missing(wanted, Store(tmp_path / "undisturbed"), n_jobs=1))
    store = Store(tmp_path / "killed")
    longest = max(record["seconds"] for record in undisturbed)
    command = [sys.executable, "-c", SWEEPS, str(Path(__file__).parent), str(store.folder)]
    counts = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        while len(counts) < n_kills and max(counts, default=0) < n_trials:
            line, delay = f"{n_trials} {n_jobs}", rng.uniform(0, longest / 2)
            counts.append(kill_after_growth(p, line, store.path(LONG), delay))
    assert sum(0 < count < n_trials for count in counts) >= 0.75 * n_kills
    list(run_missing(wanted, store, n_jobs=1))
    assert whole_lines(store.path(LONG)) == n_trials
    assert without_times(store.read(LONG)) == without_times(undisturbed)


@pytest.mark.parametrize("line", [b"garbage", b"", b"{}", b"[]", b"null", b"\xff\xfe", b"\0\0"])
def test_a_line_that_is_not_a_record_is_named(tmp_path, line):
    store = Store(tmp_path)
    store.append(EASY, record(0))
    store.path(EASY).write_bytes(store.path(EASY).read_bytes() + line + b"\n")
    with pytest.raises(StoreError, match=r"line 2 of .*exp4-100.jsonl is not a record"):
        store.read(EASY)


@pytest.mark.parametrize("name", ["id", "setting", "seed", "trial", *FIELDS])
def test_a_field_that_a_record_lacks_is_named(tmp_path, name):
    store = Store(tmp_path)
    lines = [record(0), record(1), record(2)]
    del lines[1][name]
    store.path(EASY).write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(
        StoreError, match=rf"line 2 of .*exp4-100.jsonl is not a record: .*'{name}'"
    ):
        store.read(EASY)


def test_a_record_of_a_trial_has_all_fields():
    assert run_trial(EASY, 0, 0).keys() == record(0).keys() | {"method"}


def test_records_of_another_setting_may_lack_fields(tmp_path):
    """Such records are ignored."""
    store, other = Store(tmp_path), replace(EASY, limit=3000)
    bare = {name: record(0, setting=other)[name] for name in ("id", "setting", "seed", "trial")}
    store.path(EASY).write_text(json.dumps(bare) + "\n" + json.dumps(record(1)) + "\n")
    assert store.read(EASY) == [record(1)]


@pytest.mark.parametrize("before", [b"\r", b" \r ", b""])
@pytest.mark.parametrize("after", [b"\r", b"\x0b\x0c\x1c\xc2\x85"])
def test_a_line_ends_with_a_line_feed_alone(tmp_path, before, after):
    """Other characters that end lines elsewhere do not end a record."""
    store = Store(tmp_path)
    line = json.dumps(record(0)).encode()
    whole = line[:1] + before + line[1:] + b"\r\n" + line + b"\n"
    store.path(EASY).write_bytes(whole + line[:9] + after)
    store.append(EASY, record(2))
    assert store.path(EASY).read_bytes() == whole + json.dumps(record(2)).encode() + b"\n"
    assert store.read(EASY)[0] == record(0)


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.path(EASY).mkdir()
    with pytest.raises(StoreError, match=r"exp4-100.jsonl could not be read: "):
        store.read(EASY)

    def refused(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(StoreError, match=r"exp4-100.jsonl could not be read: Permission denied"):
        store.read(EASY)


def test_a_store_is_a_folder(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(StoreError, match="is not a folder"):
        list(run_missing({EASY.id: (EASY, 1)}, Store(path), n_jobs=1))


def test_two_writers_lose_nothing(tmp_path):
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from test_store import EASY, record
from lstm97.experiments.store import Store
for trial in range(150):
    Store(sys.argv[2]).append(EASY, record(trial, seed=int(sys.argv[3])))
"""
    command = [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path)]
    writers = [subprocess.Popen([*command, seed]) for seed in "01"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert len(Store(tmp_path).read(EASY)) == 300
