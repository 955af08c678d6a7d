"""`to_c`, which writes a net as C."""

import os
import re
import secrets
import textwrap
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lstm97.data.checks import brief
from lstm97.export.net import Net, net_of
from lstm97.learning.topology import CELL_RANGES, GATES, STATE_GATES

# Words of cell.h, and what they are in C code for one number at a time.
WORDS = {"real": "double", "UNIT": "1.0", "HALF": "0.5", "FUSED": "fma", "SQUASH": "squash"}
# The parts of adam.h that move one weight.
ADAM = ("DECAY_MEAN", "settled", "AdamStep", "next_step", "move_one")
# What is different in float: types, functions, and the number by which moments are rounded.
IN_FLOAT = {
    r"\bdouble\b": "float",
    r"\bfma\(": "fmaf(",
    r"\bsqrt\(": "sqrtf(",
    r"0x1p-960": "0x1p-93",
    r"2\^-1013": "2^-117",
    r"(?<![\w.])(0x[\da-f.]+p[+-]?\d+|\d+\.\d+(e[+-]?\d+)?|\d+e[+-]?\d+)(?![\w.])": r"\1f",
}
# NumPy adds more numbers than this in two halves.
PAIRWISE = 128


def to_c(
    estimator: Any,
    folder: str | os.PathLike[str],
    *,
    name: str = "lstm",
    learn: bool = False,
    dtype: Literal["float64", "float32"] = "float64",
) -> None:
    """Write a fitted net as a header and a source file in C99.

    The C code allocates no memory and calls no library functions except ``fma`` and, with Adam,
    ``sqrt``, or their forms for floats. A net is a struct, ``NAME_net``, of constant size;
    assigning one to another copies the net. ``NAME_init`` sets it to the weights of the estimator,
    ``NAME_step`` takes a step of a sequence and predicts, ``NAME_reset`` begins another sequence
    and, with `learn`, ``NAME_learn`` learns the target of the last step. With ``dtype="float64"``,
    the results are the same, bit for bit, as those of the estimator's stream.

    Parameters
    ----------
    estimator : LSTMClassifier, LSTMRegressor or Pipeline
        Fitted. The other steps of a pipeline must be ``StepwiseTransformer(StandardScaler())``;
        they become a part of the C code, like the estimator's own scaling of inputs and targets.
    folder : path-like
        Folder for ``name.h`` and ``name.c``. Older files of these names are replaced.
    name : str, default="lstm"
        Beginning of the names of files, functions and constants: a name of C that does not begin
        with an underscore. Nets can be in one program if their names differ in more than case.
    learn : bool, default=False
        Whether the net can learn, as a stream of the estimator can. Then the struct holds the
        weights and all that learning carries; otherwise the weights are constants.
    dtype : {"float64", "float32"}, default="float64"
        Type of all numbers in C: double or float.

    Raises
    ------
    TypeError
        If it is another estimator, or the pipeline has another step.
    ValueError
        If the estimator is not fitted; if its scaling still changes with the steps, because
        `partial_fit` has seen too few; if the net has no memory cells; if `learn` is set and the
        estimator cannot learn along a stream; if a number does not fit into a float; or if `name`
        or `dtype` is not valid.
    OSError
        If the files cannot be written. Older files are then unchanged.

    See Also
    --------
    lstm97.Stream : The same in Python.

    Notes
    -----
    Sequences are dense. Outputs are those of `predict_proba` for a classifier, and of `predict` for
    a regressor, at each step. The C code does not check whether features are finite. Floats lose
    digits of features whose mean is much larger than their standard deviation: subtract it first.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstm97 import LSTMRegressor
    >>> from lstm97.export import to_c
    >>> X = np.random.default_rng(0).normal(size=(20, 5, 2))
    >>> model = LSTMRegressor(4, max_iter=3, random_state=0).fit(X, X[:, 0, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_c(model, folder, name="first", dtype="float32")
    ...     header = (Path(folder) / "first.h").read_text()
    >>> "void first_step(first_net *net, const float *x, float *y);" in header
    True
    """
    if not (isinstance(name, str) and re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name)):
        raise ValueError(f"name={brief(name)} must be a name of C that begins with a letter")
    if not isinstance(learn, bool):
        raise ValueError(f"learn={brief(learn)} must be True or False")
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype={brief(dtype)} must be 'float64' or 'float32'")
    net = net_of(estimator)
    if not net.is_fixed:
        raise ValueError(
            "the estimator's scaling still changes with the steps, which C cannot do: call fit, or "
            "partial_fit with more steps, or set standardize"
        )
    if not net.topology.n_blocks:
        raise ValueError("the net has no memory cells yet: nets with initial_blocks=0 must grow")
    header, source = _Writer(net, name, learn, np.dtype(dtype)).texts()
    _write(Path(folder), {f"{name}.h": header, f"{name}.c": source})


class _Writer:
    """Fills the templates with a net."""

    def __init__(self, net: Net, name: str, learn: bool, dtype: np.dtype[Any]) -> None:
        self.net, self.name, self.dtype = net, name, dtype
        self.stream = net.estimator.stream() if learn else None
        if self.stream and self.stream._refusal:
            raise ValueError(f"learn=True: {self.stream._refusal}")
        state = self.stream.snapshot().solver_state if self.stream else None
        self.state = state
        self.tables = self._tables()
        self.flags = self._flags()

    def texts(self) -> tuple[str, str]:
        """Return header and source."""
        fields = self._fields()
        header, source = (self._filled(f"template.{ending}", fields) for ending in "hc")
        return header, source

    def _flags(self) -> set[str]:
        """Return the names of all that the net has."""
        n = self.net.topology
        learns = self.stream is not None
        flags = {
            "LEARNS": learns,
            "DOUBLE": self.dtype == np.float64,
            n.output_activation.upper(): True,
            n.loss.upper(): True,
            "CLASSES": self.net.classes is not None,
            "PAIRS": self.net.classes is not None and n.n_outputs >= 8,
            "SCALED_INPUTS": "X_MEAN" in self.tables,
            "SCALED_TARGETS": "Y_MEAN" in self.tables,
            "CLASS_WEIGHTS": "CLASS_WEIGHTS" in self.tables,
            "MOMENTS": "MEAN" in self.tables,
            "ADAM": self.state is not None,
            "EXP": n.output_activation == "softmax" or (learns and n.loss == "log_loss"),
            "LOG": learns and n.loss == "log_loss",
            "STATE_GATES": any(getattr(n, gate) for gate in STATE_GATES),
            "OUTPUT_GATE": n.output_gate,
            "HIDDEN": n.n_hidden > 0,
            "DELTAS": n.output_gate or n.n_hidden > 0,
            "FED_BACK": n.n_feedback > 0,
            "SHORTCUT": n.shortcut,
            "OUTPUT_BIAS": n.output_bias,
        }
        return {flag for flag, is_set in flags.items() if is_set}

    def _tables(self) -> dict[str, str]:
        """Return the definitions of constant arrays, without that of the weights."""
        net, arrays = self.net, {}
        if net.inputs:
            arrays["X_MEAN"] = np.array([each.mean for each in net.inputs])
            arrays["X_SCALE"] = np.array([each.scale for each in net.inputs])
        if net.targets:
            arrays["Y_MEAN"], arrays["Y_SCALE"] = net.targets
        if self.state and self.state["mean"].any() | self.state["square"].any():
            arrays["MEAN"], arrays["SQUARE"] = self.state["mean"], self.state["square"]
        if self.stream and net.classes is not None:
            weights = net.estimator._weigh(np.eye(len(net.classes)), None)
            if weights is not None:
                arrays["CLASS_WEIGHTS"] = weights
        return {key: self._table(key, values) for key, values in arrays.items()}

    def _table(self, key: str, values: np.ndarray) -> str:
        sizes = "".join(f"[{size}]" for size in values.shape)
        if values.ndim == 1:
            inner = self._numbers(key, values)
        else:
            inner = ",\n".join(f"    {{\n{self._numbers(key, row)}\n    }}" for row in values)
        return f"static const double {key}{sizes} = {{\n{inner}\n}};"

    def _numbers(self, key: str, values: np.ndarray) -> str:
        """Return numbers as lines of C."""
        words = [f"{self._number(key, value)}," for value in values.ravel()]
        return "\n".join("    " + " ".join(words[i : i + 4]) for i in range(0, len(words), 4))

    def _number(self, key: str, value: float) -> str:
        """Return a number as a literal of C that has its bits."""
        with np.errstate(over="ignore", under="ignore"):
            number = float(self.dtype.type(value))
        if not np.isfinite(number) or (number == 0.0 and "SCALE" in key):
            raise ValueError(f"{value!r}, a number of {key.lower()}, does not fit into a float")
        return re.sub(r"\.?0+p", "p", number.hex())

    def _fields(self) -> dict[str, str]:
        """Return the texts that stand between two @ in the templates, by name."""
        net, n = self.net, self.net.topology
        low, high = CELL_RANGES[n.cell_activation]
        has = {gate: getattr(n, gate) for gate in GATES}
        fields = {
            "ABOUT": f"A net of {n.n_cells} memory cells, from {type(net.estimator).__name__}.",
            "KEPT": ", and keeps what was learned" if self.stream else "",
            "SIZES": self._sizes(),
            "CONSTANTS": self._constants(),
            "GROUPS": "\n".join(self._groups(low, high)),
            "WEIGHTS": self._numbers("weights", net.weights),
            "TABLES": "\n".join(self.tables.values()),
            "KINDS": " | ".join(f"1 << {g.upper()}" for g in GATES if has[g]) or "0",
            "FIRST_GATE": ", ".join(str(first or 0) for first in n.first_gates),
            "G_LOW": str(low),
            "G_HIGH": str(high),
            "G_SLOPE": str(1.0 / (high - low)),
            "PAIRS": _sum_of("output", n.n_outputs),
            "ADAM": "\n\n".join(_paragraph(_source("adam.h"), part) for part in ADAM),
        }
        if self.stream:
            fields["RATE"] = self._number("learning_rate", self.stream._learning_rate)
        if self.state:
            for i, power in enumerate(self.state["powers"]):
                fields[f"POWER_{i}"] = self._number("solver_state_", power)
        return fields

    def _labels(self) -> str:
        """Return lines of a comment that say what the outputs are."""
        what = "probabilities of labels" if self.net.is_classifier else "numbers"
        if self.net.classes is not None:
            what = f"probabilities of the classes {', '.join(map(_plain, self.net.classes))}"
        return textwrap.fill(f"Outputs are {what}.", 97, subsequent_indent=" * ")

    def _sizes(self) -> str:
        n = self.net.topology
        sizes = {
            "INPUTS": n.n_inputs,
            "OUTPUTS": n.n_outputs,
            "BLOCKS": n.n_blocks,
            "CELLS": n.n_cells,
            "UNITS": n.n_units,
            "WEIGHTS": n.n_weights,
        }
        if self.stream:
            sizes["SOURCES"] = n.n_inputs + n.n_feedback + 1
            sizes["TRACES"] = 1 + sum(getattr(n, gate) for gate in STATE_GATES)
        return "\n".join(f"#define LSTM_{size} {value}" for size, value in sizes.items())

    def _constants(self) -> str:
        n = self.net.topology
        constants = {
            "GATES": n.n_gates,
            "SOURCES": n.n_inputs + n.n_feedback,
            "FIRST_FED_BACK": n.first_feedback,
            "FED_BACK": n.n_feedback,
            "OUTPUT_WEIGHTS": n.slices["output"].start,
            "OUTPUT_SOURCES": n.slices["output"].shape[0],
            "LINEAR_STATE": int(n.state_activation == "identity"),
            "SCALINGS": len(self.net.inputs),
        }
        return ",\n".join(f"    {name} = {value}" for name, value in constants.items())

    def _groups(self, low: float, high: float) -> Iterator[str]:
        """Yield the rows of the table of groups."""
        n = self.net.topology
        traces = ["cell", *(gate for gate in STATE_GATES if getattr(n, gate))]
        for group in n.hidden_groups:
            numbers = [group.first, group.n_units, n.n_inputs + n.n_feedback + group.bias]
            if self.stream:
                numbers.append(traces.index(group.name) if group.name in traces else -1)
                numbers.append(1 if group.name == "cell" else n.block_size)
            bounds = (low, high) if group.name == "cell" else (0.0, 1.0)
            yield f"    {{{', '.join(map(str, [*numbers, *bounds]))}}}, /* {group.name} */"

    def _filled(self, template: str, fields: dict[str, str]) -> str:
        """Return a template with all that the net has, in the type of its numbers."""
        text = files("lstm97.export").joinpath(template).read_text(encoding="utf-8")
        text = "\n".join(_chosen(text.splitlines(), self.flags)) + "\n"
        text = re.sub("@CELL (.*)@", lambda match: _cell(match[1].split()), text)
        text = re.sub(r"@(\w+)@", lambda match: fields.get(match[1], match[0]), text)
        if self.dtype == np.float32:
            for pattern, word in IN_FLOAT.items():
                text = re.sub(pattern, word, text)
        text = self._named(text)
        return text.replace("@LABELS@", self._labels())

    def _named(self, text: str) -> str:
        """Return a template in which the net has its name; refuse names that stand for more."""
        prefix, words = (
            re.compile(r"\blstm_|\blstm(?=\.h\b)|\bLSTM_"),
            re.compile(r"\b[A-Za-z_]\w*"),
        )

        def prefixed(match: re.Match[str]) -> str:
            if match[0] == "LSTM_":
                return f"{self.name.upper()}_"
            return match[0].replace("lstm", self.name)

        inner = {word for word in words.findall(text) if not prefix.match(word)}
        ours = {prefix.sub(prefixed, word) for word in words.findall(text) if prefix.match(word)}
        if inner & ours:
            raise ValueError(
                f"name={self.name!r} makes the name {min(inner & ours)}, which the C code uses "
                "already"
            )
        return prefix.sub(prefixed, text)


def _chosen(lines: list[str], flags: set[str]) -> Iterator[str]:
    """Yield the lines between `#when` and `#end` whose flags are all set; `!` means not set."""
    chosen: list[bool] = []
    for line in lines:
        word, *names = line.split() or [""]
        if word == "#when":
            chosen.append(all((name.strip("!") in flags) != ("!" in name) for name in names))
        elif word == "#otherwise":
            chosen[-1] = not chosen[-1]
        elif word == "#end":
            chosen.pop()
        elif all(chosen):
            yield line


def _source(header: str) -> str:
    """Return the text of a header of the kernels."""
    return files("lstm97._kernels").joinpath(header).read_text(encoding="utf-8")


def _cell(parts: list[str]) -> str:
    """Return definitions of cell.h for one number at a time."""
    text = re.sub(r"CELL\((\w+)\)", r"\1", _source("cell.h"))
    for word, plain in WORDS.items():
        text = re.sub(rf"\b{word}\b", plain, text)
    return "\n\n".join(_paragraph(text, part) for part in parts)


def _paragraph(text: str, part: str) -> str:
    """Return the paragraph of C that defines something, with its comment."""
    begins = rf"^static inline \w+ {part}\(|^#define {part}\b|^\}} {part};|^{part} \{{"
    found = [each for each in text.split("\n\n") if re.search(begins, each, re.MULTILINE)]
    return found[0].strip("\n")


def _sum_of(array: str, n: int, start: int = 0) -> str:
    """Return the sum of an array in NumPy's order, as an expression of C."""
    if n <= PAIRWISE:
        return f"sum_of({array} + {start}, {n})"
    half = n // 2 - n // 2 % 8
    return f"({_sum_of(array, half, start)} + {_sum_of(array, n - half, start + half)})"


def _plain(label: Any) -> str:
    """Return a label without characters that could end a comment."""
    return re.sub(r"[^\w .+-]", "_", str(label), flags=re.ASCII)


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write all files or none."""
    if not folder.is_dir():
        raise NotADirectoryError(f"folder={brief(str(folder))} is not a folder")
    ending = f".{secrets.token_hex(8)}.tmp"
    try:
        for name, text in texts.items():
            if (folder / name).is_dir():
                raise IsADirectoryError(f"{folder / name} is a folder")
            (folder / f"{name}{ending}").write_text(text, encoding="utf-8")
        for name in texts:
            (folder / f"{name}{ending}").replace(folder / name)
    finally:
        for name in texts:
            (folder / f"{name}{ending}").unlink(missing_ok=True)
