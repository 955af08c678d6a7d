"""`save` and `load`: a fitted estimator as one .npz file, which plain NumPy can read."""

import io
import json
import os
import secrets
import zipfile
from copy import copy
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lstm97.estimators import (
    ESTIMATORS,
    CascadeCorrelationClassifier,
    CascadeCorrelationRegressor,
    SequenceChunkerClassifier,
    SequenceChunkerRegressor,
)
from lstm97.estimators.base import BaseSequenceEstimator
from lstm97.estimators.coding import SequenceClassifierMixin, SequenceRegressorMixin
from lstm97.learning.cascade import Candidates, TrainingState
from lstm97.learning.cascade_topology import CascadeTopology
from lstm97.learning.quickprop import Move, Progress
from lstm97.learning.topology import CELL_RANGES, Topology, consecutive

# To be raised whenever a file means something else than before; docs/persistence.md has the format.
SCHEMA = 1

CASCADES = (CascadeCorrelationClassifier, CascadeCorrelationRegressor)
CHUNKERS = (SequenceChunkerClassifier, SequenceChunkerRegressor)
PARTS = {
    each.__name__: each
    for each in (Topology, CascadeTopology, TrainingState, Candidates, Move, Progress)
}
CHOICES = {
    "recurrence": ("all", "cells", "none"),
    "cell_activation": tuple(CELL_RANGES),
    "state_activation": ("h", "identity"),
    "output_activation": ("logistic", "linear", "softmax"),
    "loss": ("squared_error", "log_loss"),
}
# Fitted attributes that must be there, and of which type, by what an estimator is ...
ATTRIBUTES: dict[Any, dict[str, Any]] = {
    BaseSequenceEstimator: {
        "topology_": Topology,
        "target_steps_": str,
        "x_is_table_": bool,
        "n_features_in_": int,
        "n_step_features_in_": int,
        "n_iter_": int,
        "loss_curve_": list,
        "stop_reason_": str,
    },
    SequenceClassifierMixin: {"classes_": np.ndarray},
    SequenceRegressorMixin: {"n_outputs_": int, "target_ndim_": int},
    CASCADES: {"topology_": CascadeTopology, "training_state_": TrainingState},
    CHUNKERS: {"chunker_topology_": Topology},
}
# ... and those that may be there.
OPTIONAL = {
    "feature_names_in_": np.ndarray,
    "validation_seed_": int,
    "validation_scores_": list,
    "best_validation_score_": float,
    "solver_state_": dict,
}


def save(estimator: BaseSequenceEstimator, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator in a file that needs no pickle, and no lstm97 to read it.

    The file is a NumPy archive, .npz; docs/persistence.md describes what stands in it. It is
    written beside the path and takes its place when it is complete: a save that fails leaves an
    older file as it was.

    Parameters
    ----------
    estimator : estimator of lstm97
        Fitted. What stands in its private attributes is not saved.
    path : path-like
        Taken as it is: no ending is added.

    Raises
    ------
    TypeError
        It is no estimator of lstm97; a class derived from one is none.
    ValueError
        It is not fitted, a weight is not finite, or a parameter is something other than numbers,
        strings, booleans, None, arrays of these, lists and dicts: a `RandomState` for instance.
    OSError
        The file could not be written.

    See Also
    --------
    load : The way back.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstm97 import LSTMRegressor, load, save
    >>> X = np.random.default_rng(0).normal(size=(20, 5, 2))
    >>> model = LSTMRegressor(max_iter=3, tol=None, random_state=0).fit(X, X[:, 0, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, Path(folder) / "model.npz")
    ...     same = load(Path(folder) / "model.npz")
    >>> bool((same.predict(X) == model.predict(X)).all())
    True
    """
    kind = type(estimator)
    if ESTIMATORS.get(kind.__name__) is not kind:
        raise TypeError(f"save is for the estimators of lstm97, not for {kind.__name__}")
    check_is_fitted(estimator)
    arrays = _entries(copy(estimator))  # a copy: another thread may fit it
    _restore(dict(arrays))  # what could not be loaded is not saved
    _write(Path(path), arrays)


def load(path: str | os.PathLike[str]) -> Any:
    """Load an estimator that `save` saved; no code of the file is run.

    Parameters
    ----------
    path : path-like
        Of the file.

    Returns
    -------
    estimator : estimator of lstm97
        It predicts, and goes on learning by `partial_fit`, with the same bits as the one that was
        saved. A parameter that the file lacks, being older than the parameter, has its default.

    Raises
    ------
    ValueError
        The file is damaged, is none of `save`, or is of another version of the format.
    OSError
        The file could not be read.

    See Also
    --------
    save : The way there.

    Examples
    --------
    What is no file of `save` is refused:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstm97 import load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.npz"
    ...     _ = path.write_bytes(b"something else")
    ...     load(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: ...model.npz cannot be loaded: File is not a zip file
    """
    data = Path(path).read_bytes()
    try:
        return _restore(_read(data))
    except Exception as error:  # zipfile and zlib raise many kinds, where bytes are damaged
        kind = "" if isinstance(error, ValueError | zipfile.BadZipFile) else type(error).__name__
        why = ": ".join(filter(None, [kind, str(error)]))
        raise ValueError(f"{path} cannot be loaded: {why}") from error


# ---- files ---------------------------------------------------------------------------------------


def _write(path: Path, arrays: dict[str, Any]) -> None:
    """Write a file that is complete or not there."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with beside.open("xb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _read(data: bytes) -> dict[str, Any]:
    """Return the arrays of an .npz file by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        for entry in entries:
            _need(entry.compress_type == zipfile.ZIP_STORED, f"{entry.filename} is compressed")
        # Not compressed, they take no more memory than the file does.
        size = sum(entry.file_size for entry in entries)
        _need(size <= len(data), f"its entries are larger than the file, {size} bytes")
        # Whole, unlike np.load: only at the end of an entry its checksum is compared.
        members = {entry.filename: archive.read(entry) for entry in entries}
    return {
        name.removesuffix(".npy"): np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)
        for name, member in members.items()
    }


# ---- estimators ----------------------------------------------------------------------------------


def _entries(model: Any) -> dict[str, Any]:
    """Return all arrays of a file, the header among them."""
    arrays: dict[str, Any] = {}
    fitted = {name: value for name, value in vars(model).items() if _is_saved(name)}
    weights = fitted.pop("weights_")
    header = {
        "format": "lstm97",
        "schema": SCHEMA,
        "version": version("lstm97"),
        "class": type(model).__name__,
        "parameters": _pack_all(model.get_params(deep=False), arrays),
        "fitted": _pack_all(fitted, arrays),
    }
    slices = consecutive(_shapes(model))
    _check_numbers("weights_", weights, (max(part.stop for part in slices.values()),))
    for name, part in slices.items():
        arrays[name] = weights[part.start : part.stop].reshape(part.shape)
    return {"header": np.array(json.dumps(header).encode()), **arrays}


def _restore(arrays: dict[str, Any]) -> Any:
    """Return the estimator that the arrays of a file describe; they are taken out."""
    header = _header(arrays)
    model = ESTIMATORS[header["class"]]()
    model.set_params(**_unpack_all(header["parameters"], arrays))
    model._validate_params()
    fitted = _unpack_all(header["fitted"], arrays)
    _check_attributes(model, fitted)
    vars(model).update(fitted)
    _check_values(model)
    _take_weights(model, arrays)
    _check_states(model)
    _need(not arrays, f"it has entries that mean nothing: {', '.join(arrays)}")
    model._make_learner()  # which has checks of its own
    return model


def _header(arrays: dict[str, Any]) -> dict[str, Any]:
    """Take out the header, and refuse what is no file of this version of the format."""
    _need("header" in arrays, "it has no header, and was not made by lstm97.save")
    header = json.loads(arrays.pop("header").item())
    is_ours = isinstance(header, dict) and header.get("format") == "lstm97"
    _need(is_ours, "its header is not that of lstm97.save")
    schema = header.get("schema")
    _need(
        _is(schema, int) and schema == SCHEMA,
        f"it was made by lstm97 {header.get('version')}, in version {schema!r} of "
        f"the format; this is lstm97 {version('lstm97')}, which reads version {SCHEMA}",
    )
    for name, kind in {"class": str, "parameters": dict, "fitted": dict}.items():
        _need(isinstance(header.get(name), kind), f"its header has no {name!r}")
    _need(header["class"] in ESTIMATORS, f"{header['class']!r} is no estimator of lstm97")
    return header


def _is_saved(name: str) -> bool:
    return name.isidentifier() and name.endswith("_") and not name.startswith("_")


def _shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Return the shape of each group of weights, by name, in the order of `weights_`."""
    nets = {"weights_": model.topology_}
    if isinstance(model, CHUNKERS):
        nets["chunker_weights_"] = model.chunker_topology_
    return {
        f"{name}.{group}": part.shape
        for name, net in nets.items()
        for group, part in net.slices.items()
    }


# ---- values --------------------------------------------------------------------------------------


def _pack_all(values: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: _pack(name, value, arrays) for name, value in values.items()}


def _pack(name: str, value: Any, arrays: dict[str, Any]) -> Any:
    """Return what JSON can hold of a value; arrays go into `arrays`.

    All that is an object in JSON has one key, which says what it stands for.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufSUmM":
        _need(name not in arrays, f"{name} cannot be saved: there are two of this name")
        arrays[name] = value
        return {"array": name}
    if isinstance(value, np.ndarray) and value.dtype.kind == "O" and value.ndim == 1:
        return {"objects": _pack(name, value.tolist(), arrays)}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [_pack(f"{name}.{i}", each, arrays) for i, each in enumerate(value)]
    if isinstance(value, dict):
        keys = [_pack(name, key, arrays) for key in value]
        items = [_pack(f"{name}.{key}", each, arrays) for key, each in value.items()]
        return {"dict": [*zip(keys, items, strict=True)]}
    if type(value) in PARTS.values():
        parts = {f.name: getattr(value, f.name) for f in fields(value)}
        packed = {part: _pack(f"{name}.{part}", each, arrays) for part, each in parts.items()}
        return {type(value).__name__: packed}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{name} cannot be saved: it holds {value!r}")


def _unpack_all(values: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: _unpack(name, value, arrays) for name, value in values.items()}


def _unpack(name: str, value: Any, arrays: dict[str, Any]) -> Any:
    """Return the value of which `_pack` made this; arrays are taken out of `arrays`."""
    if isinstance(value, list):
        return [_unpack(f"{name}.{i}", each, arrays) for i, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    _need(len(value) == 1, f"{name} is unclear")
    [(kind, content)] = value.items()
    if kind == "array":
        _need(content == name and name in arrays, f"{name} is missing")
        return arrays.pop(name)
    if kind == "dict":
        return {_unpack(name, k, arrays): _unpack(f"{name}.{k}", v, arrays) for k, v in content}
    if kind == "objects":
        return np.array(_unpack(name, content, arrays), dtype=object)
    _need(kind in PARTS, f"{name} is of an unknown kind, {kind!r}")
    return _part(name, PARTS[kind], content, arrays)


def _part(name: str, kind: Any, content: Any, arrays: dict[str, Any]) -> Any:
    """Return a part of an estimator, made of what has the right names and types."""
    types: dict[str, Any] = {field.name: field.type for field in fields(kind)}
    _need(content.keys() == types.keys(), f"{name} has other fields than a {kind.__name__}")
    values = {part: _unpack(f"{name}.{part}", each, arrays) for part, each in content.items()}
    for part, value in values.items():
        _need(_is(value, types[part]), f"{name}.{part} is a {type(value).__name__}")
        _need(value in CHOICES.get(part, [value]), f"{name}.{part} is {value!r}")
    return kind(**values)


# ---- checks --------------------------------------------------------------------------------------


def _need(condition: object, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _is(value: Any, kind: type) -> bool:
    """Tell whether a value is of a type, of which Python's True is no number."""
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))


def _check_attributes(model: Any, fitted: dict[str, Any]) -> None:
    """Refuse fitted attributes that are missing, unknown, or of another type."""
    types: dict[str, Any] = {}
    for kinds, attributes in ATTRIBUTES.items():
        types |= attributes if isinstance(model, kinds) else {}
    for name in types:
        _need(name in fitted, f"{name} is missing")
    types |= OPTIONAL
    for name, value in fitted.items():
        _need(name in types, f"{name!r} is the name of no fitted attribute")
        _need(_is(value, types[name]), f"{name} is no {types[name].__name__}")


def _check_values(model: Any) -> None:
    """Refuse fitted attributes that do not go together."""
    _need(model.target_steps_ in ("last", "every"), f"target_steps_ is {model.target_steps_!r}")
    _need(model.n_iter_ >= 0, f"n_iter_ is {model.n_iter_}")
    for name in ("loss_curve_", "validation_scores_"):
        curve = getattr(model, name, [])
        _need(all(isinstance(each, float) for each in curve), f"{name} is no list of numbers")
    _need(np.isfinite(model.loss_curve_).all(), "loss_curve_ holds a number that is not finite")
    _check_inputs(model)
    _check_outputs(model)


def _check_inputs(model: Any) -> None:
    n, n_columns = model.topology_.n_inputs, model.n_features_in_
    _need(model.n_step_features_in_ == n > 0, f"n_step_features_in_ is not the net's, {n}")
    _need(
        n_columns > 0 and n_columns % n == 0, f"n_features_in_ is {n_columns}, no multiple of {n}"
    )
    _need(getattr(model, "validation_seed_", 0) >= 0, "validation_seed_ is negative")
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        is_right = names.shape == (n_columns,) and all(isinstance(each, str) for each in names)
        _need(is_right, f"feature_names_in_ is no array of {n_columns} names")


def _check_outputs(model: Any) -> None:
    if isinstance(model, SequenceClassifierMixin):
        labels = model.classes_
        in_order = labels.ndim == 1 and np.array_equal(np.unique(labels), labels)
        _need(in_order, "classes_ is no array of different labels in their order")
        n_outputs = len(labels)
    else:
        n_outputs = model.n_outputs_
        _need(model.target_ndim_ in (1, 2), f"target_ndim_ is {model.target_ndim_}")
        _need(n_outputs == 1 or model.target_ndim_ == 2, f"{n_outputs} outputs need two axes")
    if isinstance(model, CHUNKERS):
        same = model.topology_.n_inputs == model.chunker_topology_.n_inputs
        _need(same, "the two nets differ in their inputs")
        model._n_targets = n_outputs
    else:
        found = model.topology_.n_outputs
        _need(found == n_outputs, f"topology_ has {found} outputs, {n_outputs} expected")
    other = "softmax" if isinstance(model, SequenceClassifierMixin) else "linear"
    for name in ("topology_", "chunker_topology_"):
        found = getattr(model, name, model.topology_).output_activation
        _need(found in ("logistic", other), f"{name}.output_activation is {found!r}")


def _take_weights(model: Any, arrays: dict[str, Any]) -> None:
    """Put the groups of weights together."""
    if isinstance(model, CASCADES):  # before its groups are listed
        _need(model.topology_.n_hidden < len(arrays), "weights of hidden units are missing")
    parts = []
    for name, shape in _shapes(model).items():
        _need(name in arrays, f"{name} is missing")
        parts.append(arrays.pop(name))
        _check_numbers(name, parts[-1], shape)
    model.weights_ = np.concatenate([part.ravel() for part in parts])


def _check_states(model: Any) -> None:
    """Refuse what learning could not go on from."""
    if hasattr(model, "solver_state_"):
        for name, value in model.solver_state_.items():
            if name == "n_updates":
                _need(_is(value, int) and value >= 0, f"n_updates is {value!r}")
            else:
                _check_numbers(f"solver_state_.{name}", value, model.weights_.shape)
    if isinstance(model, CASCADES):
        _check_training_state(model.training_state_, model.topology_)


def _check_training_state(state: Any, topology: Any) -> None:
    _need(0 <= state.seed < 2**63, f"the seed is {state.seed}")
    _check_move("training_state_.last", state.last, topology.slices["output"].shape)
    pool = state.candidates
    if pool is not None:
        name = "training_state_.candidates"
        n_units = pool.covariance.shape[-1] if pool.covariance.ndim else 0
        shape = (topology.n_candidate_sources, n_units)
        _check_numbers(f"{name}.covariance", pool.covariance, (topology.n_outputs, n_units))
        _check_numbers(f"{name}.weights", pool.weights, shape)
        _check_move(f"{name}.last", pool.last, shape)


def _check_move(name: str, move: Any, shape: tuple[int, ...]) -> None:
    _check_numbers(f"{name}.step", move.step, shape)
    _check_numbers(f"{name}.gradient", move.gradient, shape)


def _check_numbers(name: str, array: Any, shape: tuple[int, ...]) -> None:
    _need(isinstance(array, np.ndarray), f"{name} is no array")
    _need(array.dtype == np.float64, f"{name} has dtype {array.dtype}, float64 expected")
    _need(array.shape == shape, f"{name} has shape {array.shape}, {shape} expected")
    _need(np.isfinite(array).all(), f"{name} holds a number that is not finite")
