"""Settings of the experiments, read from settings.toml."""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources

from lstm97 import estimators
from lstm97.estimators.published import from_published
from lstm97.experiments.exam import Exam, Recent
from lstm97.experiments.guessing import GuessingClassifier, GuessingRegressor
from lstm97.experiments.streams import StreamRegressor
from lstm97.tasks import TASKS

ESTIMATORS = estimators.ESTIMATORS | {
    "GuessingClassifier": GuessingClassifier,
    "GuessingRegressor": GuessingRegressor,
    "StreamRegressor": StreamRegressor,
}
# The table of experiments that are not in the paper of 1997.
BEYOND = "Beyond 1997"


@dataclass(frozen=True)
class Setting:
    """One reading of one row of the paper's tables; settings.toml explains the fields.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from lstm97.experiments.settings import load_settings
    >>> setting = load_settings()["exp4-100"]
    >>> setting.table, setting.title, setting.published_mean
    (7, 'Adding, T=100', 74000)
    >>> smaller = replace(setting, limit=1000)
    >>> smaller.digest == setting.digest  # its trials are different ones
    False
    """

    id: str
    row: str
    title: str
    table: int | str
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
    training_set: int = 0

    def make_task(self):
        """Return the task.

        Returns
        -------
        task : Task
            Source of the sequences of a trial.
        """
        parameters = dict(self.task)
        return TASKS[parameters.pop("name")](**parameters)

    def make_estimator(self):
        """Return the estimator that has the net and the learning rule.

        Returns
        -------
        estimator : object
            Not fitted.
        """
        parameters = from_published(self.estimator, self.network)
        return ESTIMATORS[self.estimator].as_published(**parameters)

    def make_stop_rule(self, task, learner, rng):
        """Return the rule that ends training.

        Rules judge the most recent training sequences, or test the learner on new ones. A learner
        with a fixed training set is always tested on new sequences, because it may have memorized
        its set. Their number is that of the recent sequences that the rule would judge.

        Parameters
        ----------
        task : Task
            Source of the sequences of an exam.
        learner : Learner
            Learner to examine.
        rng : numpy.random.Generator
            Random numbers of the exams.

        Returns
        -------
        rule : StopRule
            Rule for one trial.
        """
        parameters = dict(self.stop)
        if parameters.pop("rule") == "exam":
            return Exam(task, learner, rng, **parameters)
        rule = Recent(**parameters)
        if not self.training_set:
            return rule
        stage = {"max_wrong": rule.max_wrong}
        if rule.mean_error is not None:
            stage["mean_error"] = rule.mean_error
        return Exam(task, learner, rng, self.training_set, {"all": stage}, n=rule.window)

    @property
    def is_stream(self):
        """Whether a training sequence is a stream, which ends at the first wrong answer."""
        return self.stop["rule"] == "streams"

    @property
    def has_aim(self):
        """Tell whether the results should come close to the paper's, as those of LSTM should."""
        return self.method == "lstm" and self.table != BEYOND

    @property
    def heading(self):
        """Name of the table."""
        return self.table if self.table == BEYOND else f"Table {self.table}"

    @property
    def published_mean(self):
        """Training sequences to success in the paper; None if all of its trials failed."""
        return self.paper.get("n_sequences")

    @property
    def published_count(self):
        """`published_mean` in words; empty if the paper has no numbers."""
        if not self.paper:
            return ""
        beyond = self.paper.get("beyond")
        return f">{beyond:,}" if self.published_mean is None else f"{self.published_mean:,}"

    @property
    def published_rate(self):
        """Fraction of the paper's trials that succeeded; None if it says "some fraction"."""
        rate = self.paper.get("success", 1.0)
        return None if isinstance(rate, str) else rate

    @property
    def published_success(self):
        """`published_rate` in words."""
        if "success" not in self.paper:
            return "all"
        rate = self.published_rate
        return self.paper["success"] if rate is None else f"{100 * rate:.0f}%"

    @property
    def published_trials(self):
        """Number of trials behind the paper's numbers; None if it quotes other work."""
        return None if self.paper.get("quoted") else self.paper.get("trials", self.trials)

    def by(self, method):
        """Return this setting for a method, with the net of that method.

        Parameters
        ----------
        method : str
            A key of `load_methods`.

        Returns
        -------
        Setting
            Its id ends with "@" and the method's name.

        Raises
        ------
        ValueError
            If the setting has streams, and the method is another one.
        """
        name = f"{self.id}@{method}"
        if method == self.method:
            return replace(self, id=name)
        if self.is_stream:
            raise ValueError(
                f"{self.id} has streams: they are for the method {self.method!r} alone"
            )
        changes = load_methods()[method]
        kind = "Classifier" if self.estimator.endswith("Classifier") else "Regressor"
        network = self._lstm().network
        keeps = changes.get("keeps", network)
        kept = {key: value for key, value in network.items() if key in keeps}
        return replace(
            self,
            id=name,
            method=method,
            estimator=changes["estimator"] + kind,
            network=kept | changes["network"],
            weights=0,
            training_set=changes.get("training_set", 0),
            limit=self.limit * changes.get("patience", 1),
            departures=[f"{method} instead of {self.method}"],
        )

    def _lstm(self):
        """Return a setting of LSTM for the same task."""
        if self.method == "lstm":
            return self
        settings = load_settings().values()
        own = (s for s in settings if s.method == "lstm" and s.task["name"] == self.task["name"])
        return next(own)

    @property
    def digest(self):
        """Hash of all fields that affect a trial; a record is valid for one digest."""
        parts = {k: v for k, v in asdict(self).items() if k not in NOT_DECISIVE}
        if not self.training_set:  # older records were made before this field existed
            del parts["training_set"]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


# Fields that a setting merges with those of the setting that `like` names.
MERGEABLE = {"task", "network", "stop"}
# Tasks of the matrix are smaller than the paper's, or are not in the paper.
NO_FIGURES = {"table": 0, "weights": 0, "paper": {}}
NOT_DECISIVE = {"id", "row", "title", "table", "trials", "weights", "departures", "paper"}


def load_settings():
    """Return all settings in the order of the paper's tables.

    Returns
    -------
    settings : dict of str to Setting
        Settings by id.

    Examples
    --------
    >>> from lstm97.experiments.settings import load_settings
    >>> settings = load_settings()
    >>> [name for name in settings if name.startswith("exp3b-1000")]
    ['exp3b-1000-1', 'exp3b-1000-1-long', 'exp3b-1000-1-three']
    >>> settings["exp6a"].make_estimator().input_gate_bias
    [-2, -4]
    """
    tables = _read("settings.toml")
    defaults = tables.pop("defaults")
    return {name: _setting(name, tables, defaults) for name in tables}


def load_matrix():
    """Return the settings of the matrix of methods and tasks, a row of methods for each task.

    Returns
    -------
    settings : dict of str to dict of str to Setting
        Settings by task and by method.

    Examples
    --------
    >>> from lstm97.experiments.settings import load_matrix
    >>> row = load_matrix()["adding"]
    >>> row["elman"].id
    'adding@elman'
    """
    tables = _read("settings.toml")
    defaults = tables.pop("defaults")
    names = _read("matrix.toml")
    settings = {
        name: replace(_setting(name, tables | names, defaults | NO_FIGURES), **NO_FIGURES)
        for name in names
    }
    return {
        name: {method: setting.by(method) for method in load_methods()}
        for name, setting in settings.items()
    }


@cache
def load_methods():
    """Return how each method is applied to tasks for which the paper does not describe it.

    Returns
    -------
    methods : dict of str to dict
        Changes to a setting by name of the method; methods.toml explains them.

    Examples
    --------
    >>> from lstm97.experiments.settings import load_methods
    >>> load_methods()["elman"]["network"]
    {'n_hidden': 8}
    """
    return _read("methods.toml")


def _read(name):
    return tomllib.loads((resources.files(__package__) / name).read_text(encoding="utf-8"))


def _setting(name, tables, defaults):
    """Make one setting from the defaults, the settings named by `like`, and its own fields."""
    chain, at = [], name
    while at is not None:
        chain.insert(0, tables[at])
        at = tables[at].get("like")
    fields = {}
    for part in [defaults, *chain]:
        fields = _merged(fields, part)
    return Setting(**{**fields, "id": name, "row": tables[name].get("row", name)})


def _merged(fields, part):
    """Return the fields, replaced by those of a part; mergeable tables keep other keys."""
    merged = {**fields, **{k: v for k, v in part.items() if k not in ("like", "row")}}
    for key in MERGEABLE & fields.keys() & part.keys():
        merged[key] = {**fields[key], **part[key]}
    return merged
