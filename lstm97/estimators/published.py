"""The published parameters: the defaults of `as_published`, and those of settings and older files.

Settings, and files of the first schema, have values in a published form. Today's names are the
same, but a parameter that has no effect in some configurations is None there, and setting it where
it has no effect is an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

Parameters = Mapping[str, Any]

# Published defaults that differ from today's, by parameter; estimators take those that they have.
_ALL: Parameters = {"standardize": False, "loss": "squared_error"}
_LSTM_DEFAULTS: Parameters = {
    "n_blocks": 2,
    "block_size": 2,
    "recurrence": "all",
    "input_gate_bias": "random",
    "output_gate_bias": "random",
    "cell_activation": "g",
    "init_scale": 0.1,
    "learning_rate": 0.1,
    "learning_rate_schedule": "constant",
    "gradient": "truncated",
    "batch_size": None,
    "solver": "sgd",
    "max_iter": 200,
    "tol": 1e-4,
}


def published_defaults(kind: type) -> dict[str, Any]:
    """Return the published defaults of a class of estimators that differ from today's.

    Parameters
    ----------
    kind : type
        Class of the estimator.

    Returns
    -------
    parameters : dict

    Examples
    --------
    >>> from lstm97 import ElmanClassifier
    >>> from lstm97.estimators.published import published_defaults
    >>> published_defaults(ElmanClassifier)
    {'standardize': False, 'loss': 'squared_error', 'output_activation': 'logistic'}
    """
    names = {*map(attrgetter("name"), fields(kind))}
    published = dict(_ALL)
    if "n_blocks" in names:
        published |= _LSTM_DEFAULTS
    if "class_weight" in names:
        published["output_activation"] = "logistic"
    return {name: value for name, value in published.items() if name in names}


# Defaults of the published form, for the parameters that the conditions below use.
_DEFAULTS: Parameters = {
    "batch_size": 1,
    "dtype": "float64",
    "early_stopping": False,
    "gradient": "truncated",
    "growth_patience": 1000,
    "initial_blocks": None,
    "input_gate": True,
    "momentum": 0.0,
    "n_iter_no_change": 10,
    "output_bias": True,
    "output_gate": True,
    "recurrent_outputs": False,
    "solver": "sgd",
    "tol": 1e-4,
    "update": "step",
    "validation_fraction": 0.1,
}


def _has_batches(old: Parameters) -> bool:
    """Tell whether a net learned by batches: any of four parameters led to them."""
    names = ("batch_size", "solver", "momentum", "dtype")
    return any(old[name] != _DEFAULTS[name] for name in names)


# The conditions under which parameters had an effect, by kind of estimator.
Conditions = dict[str, Callable[[Parameters], bool]]
_FITTING: Conditions = {
    "validation_fraction": lambda old: old["early_stopping"],
    "n_iter_no_change": lambda old: old["tol"] is not None,
}
_LSTM: Conditions = {
    **_FITTING,
    "growth_patience": lambda old: old["initial_blocks"] is not None,
    "input_gate_bias": lambda old: old["input_gate"] or old["input_gate_bias"] is None,
    "output_gate_bias": lambda old: old["output_gate"] or old["output_gate_bias"] is None,
    "update": lambda old: old["gradient"] == "truncated" and not _has_batches(old),
    "batch_size": _has_batches,
    "momentum": lambda old: old["solver"] == "sgd",
    "dtype": _has_batches,
}
_RECURRENT: Conditions = {
    **_FITTING,
    "output_bias": lambda old: not old["recurrent_outputs"],
    "shortcut": lambda old: not old["recurrent_outputs"],
}
_CONDITIONS: dict[str, Conditions] = {
    "LSTM": _LSTM,
    **dict.fromkeys(["Elman", "BPTT", "RTRL", "Guessing"], _RECURRENT),
    "SequenceChunker": _FITTING,
}
# Values that mean "not set", where they are not None.
_NOT_SET: Parameters = {
    "input_gate_bias": "random",
    "output_gate_bias": "random",
    "shortcut": False,
}


def from_published(name: str, parameters: Parameters) -> dict[str, Any]:
    """Translate parameters of the published form into today's.

    Values without an effect, and defaults that are None today, become "not set". The string "none"
    for gates without a bias becomes None, which TOML cannot express.

    Parameters
    ----------
    name : str
        The estimator's class.
    parameters : dict
        All of its parameters in the published form, or those that differ from their defaults.

    Returns
    -------
    parameters : dict
        The parameters of the class today. Unknown names are kept, so that the class refuses them.

    Examples
    --------
    >>> from lstm97.estimators.published import from_published
    >>> from_published("LSTMClassifier", {"momentum": 0.5, "solver": "sgd", "update": "step"})
    {'momentum': 0.5, 'solver': 'sgd', 'update': None, 'batch_size': 1}
    """
    kind = name.removesuffix("Classifier").removesuffix("Regressor")
    today = {key: _without_text(key, value) for key, value in parameters.items()}
    old = {**_DEFAULTS, **today}
    conditions = _CONDITIONS.get(kind, {})
    for key in conditions.keys() & today.keys():
        if not conditions[key](old):
            today[key] = _NOT_SET.get(key)
        elif key in _DEFAULTS and old[key] == _DEFAULTS[key]:
            today[key] = None
    if kind == "LSTM" and _has_batches(old):
        today["batch_size"] = old["batch_size"]  # None would be online learning
    return from_second(name, today)


def from_second(name: str, parameters: Parameters) -> dict[str, Any]:
    """Translate parameters of files of the second schema into today's.

    Parameters
    ----------
    name : str
        The estimator's class.
    parameters : dict

    Returns
    -------
    parameters : dict

    Examples
    --------
    >>> from lstm97.estimators.published import from_second
    >>> from_second("LSTMClassifier", {"solver": None, "output_activation": "auto"})
    {'solver': 'sgd', 'output_activation': 'logistic'}
    """
    today = dict(parameters)
    if today.get("solver", "") is None:
        today["solver"] = "sgd"
    if name.endswith("Classifier") and today.get("output_activation") == "auto":
        today["output_activation"] = "logistic"
    return today


def _without_text(key: str, value: Any) -> Any:
    """Return None for a gate's bias that is the string "none"."""
    is_text = key.endswith("_gate_bias") and isinstance(value, str) and value == "none"
    return None if is_text else value
