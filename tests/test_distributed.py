"""The same sweep on a Dask cluster over TCP: the same records, bit for bit."""

import json
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import joblib
import pytest

from lstm97.experiments.runner import run_missing
from lstm97.experiments.store import Store
from test_store import EASY, without_times

distributed = pytest.importorskip("distributed")

# Sockets of the client are closed by its own threads, some after the test.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@contextmanager
def process(*arguments):
    """Run a Dask command; end it afterwards."""
    with subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        try:
            yield
        finally:
            running.terminate()


def wait_for(path):
    for _ in range(600):
        if path.exists() and path.read_text():
            return json.loads(path.read_text())["address"]
        time.sleep(0.1)
    raise TimeoutError("the scheduler did not start")


@pytest.fixture
def address(tmp_path):
    """Address of a scheduler with two workers of one thread each."""
    contact = tmp_path / "scheduler.json"
    scheduler = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
    worker = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(tmp_path)]
    with ExitStack() as stack:
        stack.enter_context(process("dask_scheduler", *scheduler, "--scheduler-file", str(contact)))
        address = wait_for(contact)
        for _ in range(2):
            stack.enter_context(process("dask_worker", address, *worker))
        yield address


def test_records_of_a_cluster_are_those_of_one_process(address, tmp_path):
    assert address.startswith("tcp://")
    stores = {name: Store(tmp_path / name) for name in ("alone", "loky", "threads", "cluster")}
    expected = without_times(run_missing({EASY.id: (EASY, 12)}, stores["alone"], n_jobs=1))
    list(run_missing({EASY.id: (EASY, 12)}, stores["loky"], n_jobs=2))
    with joblib.parallel_config(backend="threading"):
        list(run_missing({EASY.id: (EASY, 12)}, stores["threads"], n_jobs=2))
    with distributed.Client(address, timeout="60s") as client:
        client.wait_for_workers(2, timeout=60)
        with joblib.parallel_config(backend="dask"):
            list(run_missing({EASY.id: (EASY, 12)}, stores["cluster"], n_jobs=2))
        assert len(client.scheduler_info()["workers"]) == 2
    for store in stores.values():
        assert without_times(store.read(EASY)) == expected
