"""Total time of the paper's experiments from records, and the kernels' share in a trial."""

import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from lstm97.experiments.settings import load_settings
from lstm97.experiments.store import Store
from lstm97.experiments.trial import run_trial
from lstm97.learning.network import NetworkLearner

RESULTS = Path(__file__).parents[2] / "results"
N_CORES = 2
# Settings, each with a limit of sequences at which a trial takes some seconds.
TRIALS = {"exp4-100": 40_000, "exp1-lstm-3x2-0.5": 20_000, "exp2c-1000-1000": 1000}


def full_run():
    """Return numbers of records, stored and wanted, and their hours, for LSTM in full runs."""
    store, seconds, n_records, n_wanted = Store(RESULTS), 0.0, 0, 0
    for setting in load_settings().values():
        if setting.has_aim:
            records = store.read(setting)[: setting.trials]
            seconds += sum(record["seconds"] for record in records)
            n_records += len(records)
            n_wanted += setting.trials
    hours = seconds / 3600 / N_CORES
    return {"n_records": n_records, "n_wanted": n_wanted, "n_cores": N_CORES, "hours": hours}


def kernel_share(name, limit):
    """Return the share of a trial's time that kernel calls take."""
    spent = []

    def timed(method):
        def call(*args, **kwargs):
            began = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                spent.append(time.perf_counter() - began)

        return call

    setting = replace(load_settings()[name], limit=limit)
    calls = {
        method: timed(getattr(NetworkLearner, method)) for method in ("_learn_some", "_run_some")
    }
    with patch.multiple(NetworkLearner, **calls):
        began = time.perf_counter()
        run_trial(setting, 0, seed=0)
        return sum(spent) / (time.perf_counter() - began)


def kernel_shares():
    """Return the share for a few settings."""
    return {name: kernel_share(name, limit) for name, limit in TRIALS.items()}
