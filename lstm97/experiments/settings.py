"""Settings: one frozen record per row of the paper's tables, read from settings.toml."""

import tomllib
from dataclasses import dataclass, field
from importlib import resources

from lstm97.lstm import LSTMClassifier, LSTMRegressor
from lstm97.stopping import Recent
from lstm97.tasks import TASKS

ESTIMATORS = {cls.__name__: cls for cls in (LSTMClassifier, LSTMRegressor)}


@dataclass(frozen=True)
class Setting:
    """One row of a table of the paper; the fields are explained in settings.toml."""

    id: str
    title: str
    table: int
    method: str
    estimator: str
    task: dict
    network: dict
    stop: dict
    limit: int
    tolerance: float
    n_test: int
    departures: list
    paper: dict = field(default_factory=dict)

    def make_task(self):
        """Return the task."""
        parameters = dict(self.task)
        return TASKS[parameters.pop("name")](**parameters)

    def make_estimator(self):
        """Return the estimator that describes net and learning rule, not fitted."""
        return ESTIMATORS[self.estimator](**self.network)

    def make_stop_rule(self):
        """Return the rule that ends training."""
        return Recent(**self.stop)


def load_settings():
    """Return all settings by their ids, in the order of the paper's tables.

    Returns
    -------
    settings : dict of str to Setting
    """
    text = (resources.files(__package__) / "settings.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    defaults = tables.pop("defaults")
    return {name: Setting(id=name, **{**defaults, **table}) for name, table in tables.items()}
