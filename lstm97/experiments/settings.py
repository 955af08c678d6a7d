"""Settings: one frozen record per reading of a row of the paper's tables, from settings.toml."""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from importlib import resources

from lstm97.experiments.exam import Exam
from lstm97.lstm import LSTMClassifier, LSTMRegressor
from lstm97.stopping import Recent
from lstm97.tasks import TASKS

ESTIMATORS = {cls.__name__: cls for cls in (LSTMClassifier, LSTMRegressor)}


@dataclass(frozen=True)
class Setting:
    """One reading of one row; the fields are explained in settings.toml."""

    id: str
    row: str
    title: str
    table: int
    method: str
    estimator: str
    task: dict
    network: dict
    stop: dict
    limit: int
    n_test: int
    trials: int
    weights: int
    departures: list
    paper: dict

    def make_task(self):
        """Return the task."""
        parameters = dict(self.task)
        return TASKS[parameters.pop("name")](**parameters)

    def make_estimator(self):
        """Return the estimator that describes net and learning rule, not fitted."""
        parameters = {
            name: None if name.endswith("_gate_bias") and value == "none" else value
            for name, value in self.network.items()
        }
        return ESTIMATORS[self.estimator](**parameters)

    def make_stop_rule(self, task, learner, rng):
        """Return the rule that ends training; an exam is taken by the learner."""
        parameters = dict(self.stop)
        if parameters.pop("rule") == "recent":
            return Recent(**parameters)
        return Exam(task, learner, rng, **parameters)

    @property
    def digest(self):
        """Hash of all that decides what a trial does: a record is good for one digest."""
        parts = {k: v for k, v in asdict(self).items() if k not in NOT_DECISIVE}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


MERGEABLE = {"task", "network", "stop"}
NOT_DECISIVE = {"id", "row", "title", "table", "trials", "weights", "departures", "paper"}


def load_settings():
    """Return all settings by their ids, in the order of the paper's tables.

    Returns
    -------
    settings : dict of str to Setting
    """
    text = (resources.files(__package__) / "settings.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    defaults = tables.pop("defaults")
    return {name: _setting(name, tables, defaults) for name in tables}


def _setting(name, tables, defaults):
    """Make one setting: the defaults, what it is like, its own fields."""
    chain, at = [], name
    while at is not None:
        chain.insert(0, tables[at])
        at = tables[at].get("like")
    fields = {}
    for part in [defaults, *chain]:
        fields = _merged(fields, part)
    return Setting(**{**fields, "id": name, "row": tables[name].get("row", name)})


def _merged(fields, part):
    """Return fields with those of part; of a mergeable table, only what part names."""
    merged = {**fields, **{k: v for k, v in part.items() if k not in ("like", "row")}}
    for key in MERGEABLE & fields.keys() & part.keys():
        merged[key] = {**fields[key], **part[key]}
    return merged
