"""`save` and `load`: a fitted estimator as one .npz file, which plain NumPy can read."""

import io
import json
import math
import os
import secrets
import stat
import zipfile
from collections.abc import Callable
from copy import copy
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lstm97.estimators import ESTIMATORS
from lstm97.estimators.base import BaseSequenceEstimator
from lstm97.estimators.fitted import CASCADES, CHUNKERS, check_states, set_fitted
from lstm97.estimators.published import from_published, from_second
from lstm97.learning.cascade import Candidates, TrainingState
from lstm97.learning.cascade_topology import CascadeTopology
from lstm97.learning.checks import check_finite, is_of_type, require
from lstm97.learning.quickprop import Move, Progress
from lstm97.learning.scaling import Scaling
from lstm97.learning.streams import Stream
from lstm97.learning.topology import Topology, consecutive

# Increase this number when the meaning of files changes. docs/persistence.md describes the format;
# files of the first version hold parameters in their published form.
SCHEMA = 3

# Dataclasses that a file may hold. Each checks its own values.
PARTS = {
    each.__name__: each
    for each in (Topology, CascadeTopology, TrainingState, Candidates, Move, Progress, Scaling)
}
# Fields of these dataclasses that older files lack; they take their defaults.
LATER_FIELDS = {"forget_gate", "forget_gate_bias"}


def save(estimator: BaseSequenceEstimator, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator to a file that needs neither pickle nor lstm97 to be read.

    The file is a NumPy archive, .npz; docs/persistence.md describes its contents. `save` writes a
    temporary file in the same folder and renames it when it is complete, so a save that fails
    leaves an older file unchanged. The new file has the permissions of the older one. If the path
    is a symbolic link, the file that it points to is written.

    Parameters
    ----------
    estimator : estimator of lstm97
        Fitted estimator. Private attributes are not saved.
    path : path-like
        Used as it is: no ending is added.

    Raises
    ------
    TypeError
        If the class of the estimator is not one of lstm97's own; a derived class is not.
    ValueError
        If the estimator is not fitted, if a weight is not finite, or if a parameter holds anything
        except numbers, strings, booleans, None, arrays of these, lists and dicts; a `RandomState`,
        for example, cannot be saved.
    OSError
        If the file cannot be written, or the path is a directory, a pipe or a device.

    See Also
    --------
    load : Load the file again.

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
        raise TypeError(
            f"save takes the estimators of lstm97, got {kind.__name__}{_way(estimator)}"
        )
    check_is_fitted(estimator)
    arrays = _entries(copy(estimator))  # a copy: another thread may fit the estimator meanwhile
    _restore(dict(arrays))  # raises an error if `load` would
    write_whole(path, lambda file: np.savez(file, **arrays))


def load(path: str | os.PathLike[str]) -> Any:
    """Load an estimator from a file written by `save`, without running code from the file.

    Parameters
    ----------
    path : path-like
        Path of the file.

    Returns
    -------
    estimator : estimator of lstm97
        Its predictions and its further learning are exactly those of the saved estimator.
        Parameters that an older file does not have take their defaults.

    Raises
    ------
    ValueError
        If the file is damaged, if `save` did not write it, or if the version of its format is not
        known.
    OSError
        If the file cannot be read.

    See Also
    --------
    save : Write such a file.

    Examples
    --------
    Other files are refused:

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
    except Exception as error:  # damaged bytes make zipfile and zlib raise many kinds of errors
        kind = "" if isinstance(error, ValueError | zipfile.BadZipFile) else type(error).__name__
        why = ": ".join(filter(None, [kind, str(error)]))
        raise ValueError(f"{path} cannot be loaded: {why}") from error


def _way(thing: Any) -> str:
    """Return how to save something else, as words at the end of a message."""
    if isinstance(thing, Stream):
        return ": save what it has learned, stream.to_estimator(), or pickle the stream"
    if hasattr(thing, "best_estimator_"):
        return ": save its best_estimator_, or use skops.io or joblib"
    if hasattr(thing, "named_steps"):
        return ": use skops.io or joblib for a whole pipeline"
    return ": skops.io and pickle save other objects"


# ---- files ---------------------------------------------------------------------------------------


def write_whole(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Write the whole file, by a function that writes to an open file, or nothing."""
    path = Path(os.path.realpath(path))  # renaming would replace a link by a file
    mode = _mode(path)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")

    def opened(name: str, flags: int) -> int:
        return os.open(name, flags, 0o666 if mode is None else mode)

    try:
        with open(beside, "xb", opener=opened) as file:
            if mode is not None:
                os.chmod(beside, mode)  # the umask may have removed some permissions
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _mode(path: Path) -> int | None:
    """Return the permissions of a file, or None if there is none; refuse what is not a file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise OSError(f"{path} is not a regular file; it is neither replaced nor filled")
    return stat.S_IMODE(mode)


def _read(data: bytes) -> dict[str, Any]:
    """Return the arrays of an .npz file by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        for entry in entries:
            require(entry.compress_type == zipfile.ZIP_STORED, f"{entry.filename} is compressed")
        # Without compression, a small file cannot fill the memory.
        size = sum(entry.file_size for entry in entries)
        require(size <= len(data), f"its entries are larger than the file, {size} bytes")
        # np.load does not read to the end of an entry, where the checksum is compared.
        members = {entry.filename: archive.read(entry) for entry in entries}
    return {name.removesuffix(".npy"): _array(name, member) for name, member in members.items()}


def _array(name: str, member: bytes) -> np.ndarray:
    """Return the array of an entry; refuse one whose header promises more than the entry holds."""
    file = io.BytesIO(member)
    is_first = np.lib.format.read_magic(file) == (1, 0)
    read = np.lib.format.read_array_header_1_0 if is_first else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    # Items without size would cost time and memory, however many there are, but no bytes.
    require(dtype.itemsize > 0, f"{name} has items of no size")
    size = math.prod(shape) * dtype.itemsize
    found = len(member) - file.tell()
    require(
        dtype.hasobject or size == found,
        f"{name} needs {size} bytes by its header, but has {found}",
    )
    array = np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)
    # A machine with the other order of bytes may have written it.
    return array.astype(array.dtype.newbyteorder("="), copy=False)


# ---- estimators ----------------------------------------------------------------------------------


def _entries(model: Any) -> dict[str, Any]:
    """Return all arrays of a file, including the header."""
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
    check_finite("weights_", weights, (max(part.stop for part in slices.values()),))
    for name, part in slices.items():
        arrays[name] = weights[part.start : part.stop].reshape(part.shape)
    return {"header": np.array(json.dumps(header).encode()), **arrays}


def _restore(arrays: dict[str, Any]) -> Any:
    """Build the estimator that the arrays of a file describe, and remove them from the dict."""
    header = _take_header(arrays)
    parameters = _unpack_all(header["parameters"], arrays)
    kind = ESTIMATORS[header["class"]]
    if header["schema"] == 1:
        parameters = from_published(header["class"], parameters)
    if header["schema"] == 2:
        parameters = from_second(header["class"], parameters)
    model = kind.as_published().set_params(**parameters)
    model._validate_params()
    set_fitted(model, _unpack_all(header["fitted"], arrays))
    _take_weights(model, arrays)
    check_states(model)
    require(not arrays, f"it has unknown entries: {', '.join(arrays)}")
    model._make_learner()  # it checks the nets
    return model


def _take_header(arrays: dict[str, Any]) -> dict[str, Any]:
    """Remove and return the header; refuse other formats and unknown versions of this one."""
    require("header" in arrays, "it has no header; it was not written by `save`")
    header = json.loads(arrays.pop("header").item())
    is_ours = isinstance(header, dict) and header.get("format") == "lstm97"
    require(is_ours, "its header was not written by `save`")
    schema = header.get("schema")
    require(
        is_of_type(schema, int) and 1 <= schema <= SCHEMA,
        f"lstm97 {header.get('version')} wrote it in version {schema!r} of the format; this is "
        f"lstm97 {version('lstm97')}, which reads versions up to {SCHEMA}",
    )
    for name, kind in {"class": str, "parameters": dict, "fitted": dict}.items():
        require(isinstance(header.get(name), kind), f"its header has no {name!r}")
    require(header["class"] in ESTIMATORS, f"lstm97 has no estimator {header['class']!r}")
    return header


def _is_saved(name: str) -> bool:
    return name.isidentifier() and name.endswith("_") and not name.startswith("_")


def _shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Return the shape of each group of weights by name, in the order of `weights_`."""
    nets = {"weights_": model.topology_}
    if isinstance(model, CHUNKERS):
        nets["chunker_weights_"] = model.chunker_topology_
    return {
        f"{name}.{group}": part.shape
        for name, net in nets.items()
        for group, part in net.slices.items()
    }


def _take_weights(model: Any, arrays: dict[str, Any]) -> None:
    """Join the groups of weights into `weights_`."""
    if isinstance(model, CASCADES):  # first, since a wrong n_hidden may make far too many groups
        require(model.topology_.n_hidden < len(arrays), "weights of hidden units are missing")
    parts = []
    for name, shape in _shapes(model).items():
        require(name in arrays, f"{name} is missing")
        parts.append(arrays.pop(name))
        check_finite(name, parts[-1], shape)
    model.weights_ = np.concatenate([part.ravel() for part in parts])


# ---- values --------------------------------------------------------------------------------------


def _pack_all(values: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: _pack(name, value, arrays) for name, value in values.items()}


def _pack(name: str, value: Any, arrays: dict[str, Any]) -> Any:
    """Return a value in a form that JSON can hold, and put its arrays into `arrays`.

    Every object in this JSON has one key, which names the kind of value.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufSUmM":
        require(name not in arrays, f"{name} cannot be saved: two values have this name")
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
    """Return the value that `_pack` converted, and remove its arrays from `arrays`."""
    if isinstance(value, list):
        return [_unpack(f"{name}.{i}", each, arrays) for i, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    require(len(value) == 1, f"{name} must have one key, which names its kind")
    [(kind, content)] = value.items()
    if kind == "array":
        require(content == name and name in arrays, f"{name} is missing")
        return arrays.pop(name)
    if kind == "dict":
        return {_unpack(name, k, arrays): _unpack(f"{name}.{k}", v, arrays) for k, v in content}
    if kind == "objects":
        return np.array(_unpack(name, content, arrays), dtype=object)
    require(kind in PARTS, f"{name} is of an unknown kind, {kind!r}")
    names = [field.name for field in fields(PARTS[kind])]
    is_whole = {*names} - LATER_FIELDS <= content.keys() <= {*names}
    require(is_whole, f"{name} must have the fields {', '.join(names)}")
    values = {part: _unpack(f"{name}.{part}", each, arrays) for part, each in content.items()}
    try:
        return PARTS[kind](**values)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
