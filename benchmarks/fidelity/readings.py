"""Make settings of the package from the readings of the paper in hypotheses.toml."""

import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

from lstm97.data.sequences import Sequences
from lstm97.estimators.lstm import LSTMClassifier
from lstm97.experiments.settings import Setting, load_settings
from lstm97.experiments.store import Store
from lstm97.tasks.base import check_count
from lstm97.tasks.long_lag import RandomMiddle, TwoSequences
from lstm97.tasks.reber import EmbeddedReber

FOLDER = Path(__file__).parent
STORE = Store(FOLDER / "results")
MERGED = ("network", "task", "stop")


class JudgedAtEnd(TwoSequences):
    """Task 2a with targets at every step, judged at the last step only."""

    def draw_test(self, n, rng):
        return TwoSequences(self.p, at_end=True).draw_test(n, rng)


class InTurn(TwoSequences):
    """Task 2a with its two sequences in turn instead of at random."""

    def draw(self, n, rng):
        check_count(n)
        X, y = self.draw_test(2, rng)
        turns = np.arange(n) % 2
        return X[turns], y[turns]


class StartMarked(EmbeddedReber):
    """Task 1 with an additional input that is 1 at the first step of each sequence."""

    n_inputs = EmbeddedReber.n_inputs + 1

    def prepare(self, rng):
        super().prepare(rng)
        self._sets = tuple((marked(X), y) for X, y in self._sets)


def marked(X):
    """Add the input that is 1 at the first step of each sequence."""
    mark = np.zeros((X.n_steps, 1))
    mark[X.starts] = 1.0
    return Sequences(sparse.hstack([X.flat, mark], format="csr"), X.starts, X.lengths)


TASKS = {
    "embedded reber, start marked": StartMarked,
    "noise-free lag, judged at its end": JudgedAtEnd,
    "noise-free lag, end only": partial(TwoSequences, at_end=True),
    "random lag, end only": partial(RandomMiddle, at_end=True),
    "both in turn": InTurn,
}


class ShiftedGates(LSTMClassifier):
    """Mixin that adds `offset` to the initial weights of input gates."""

    offset = 0.0

    def _draw(self, topology, rng):
        weights = super()._draw(topology, rng)
        if topology.n_blocks:
            topology.views(weights)["input_gate"][:] += self.offset
        return weights


class Reading(Setting):
    """Setting that may have one of the tasks, or of the initial weights, of this module."""

    def make_estimator(self):
        if "gate_offset" not in self.network:
            return super().make_estimator()
        rest = {name: value for name, value in self.network.items() if name != "gate_offset"}
        usual = replace(self, network=rest).make_estimator()
        estimator = ShiftedGates(**usual.get_params())
        estimator.offset = self.network["gate_offset"]
        return estimator

    def make_task(self):
        parameters = dict(self.task)
        own = TASKS.get(parameters.pop("name"))
        return own(**parameters) if own else super().make_task()


def load():
    """Return probes and hypotheses by name, as the file holds them."""
    tables = tomllib.loads((FOLDER / "hypotheses.toml").read_text(encoding="utf-8"))
    return tables["probes"], tables["hypotheses"]


def changes():
    """Return the changes that each hypothesis makes to each of its probes."""
    probes, hypotheses = load()
    return {
        name: {
            probe: hypothesis[key]
            for probe, fields in probes.items()
            for key in (probe, fields["group"])
            if key in hypothesis
        }
        for name, hypothesis in hypotheses.items()
    }


def readings():
    """Return the settings of each hypothesis, by the id of their probe."""
    probes, _ = load()
    rows = load_settings()
    return {
        name: {
            probe: reading(rows[probe], probes[probe], name, changed)
            for probe, changed in parts.items()
        }
        for name, parts in changes().items()
    }


def reading(row, probe, name, changed):
    """Return the setting of a row under a hypothesis."""
    fields = {key: getattr(row, key) for key in row.__dataclass_fields__}
    for part in (probe, changed):
        for key in MERGED:
            fields[key] = fields[key] | part.get(key, {})
    fields["network"]["learning_rate"] *= changed.get("rate", 1.0)
    fields["training_set"] = changed.get("training_set", 0)
    # The field `trials` of a setting is the number of trials in the paper.
    return Reading(**fields | {"id": f"{row.id}@{name}", "limit": probe["limit"]})


def wanted():
    """Return all settings with their numbers of trials, as `run_missing` takes them."""
    probes, _ = load()
    counts = changes()
    return {
        setting.id: (setting, counts[name][probe].get("trials", probes[probe]["trials"]))
        for name, settings in readings().items()
        for probe, setting in settings.items()
    }
