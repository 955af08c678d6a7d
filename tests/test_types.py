"""Types as users see them: strict mypy accepts correct scripts and refuses wrong ones."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lstm97

pytest.importorskip("mypy", reason="mypy is not installed")

HERE = Path(__file__).parent
WRONG = [
    "model.fit(X)",
    'LSTMClassifier(recurrence="some")',
    'LSTMClassifier(n_blocks="2")',
    "predictions.no_such_method()",
    'stream.learn(1.0, sample_weight="1")',
    "wrong: int = model.predict(X)",
    "make_adding(100, 20, 0)",
    "Sequences.from_list(parts, pad=0)",
    "model.stream().steps(1.0)",
    'LSTMRegressor(input_gate_bias="randomm")',
    "wrong: str = model.n_iter_",
    "model.loss_curve_['last']",
    'model.stop_reason_ == "stopped"',
    "model.topology_.n_unit",
    'model.topology_.views("weights_")',
]
# scikit-learn has no types, so its base classes, and ours, accept any attribute and parameter. With
# these types, they do not.
SKLEARN_BASE = """
from typing import Any, Self
class BaseEstimator:
    def get_params(self, deep: bool = ...) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...
class ClassifierMixin: ...
class RegressorMixin: ...
class TransformerMixin: ...
"""
WRONG_WITH_BASES = [
    "LSTMRegressor(n_block=2)",
    'LSTMRegressor(class_weight="balanced")',
    "model.weigths_",
    "model.loss_curve",
    "model.classes_",
    "model.n_block",
    "model.fitt(X, y)",
    "classifier.n_outputs_",
    "classifier.chunker_topology_",
    "chunker.solver_state_",
    "cascade.validation_scores_",
    "BPTTClassifier().training_state_",
]
ESTIMATORS = [
    getattr(lstm97, name) for name in lstm97.__all__ if name.endswith(("Classifier", "Regressor"))
]


def complaints(script, *paths):
    """Return the lines of a script for which mypy reports errors, and its whole output."""
    path = os.pathsep.join(map(str, [HERE.parent, *paths]))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=",
         "--cache-dir", script.parent / "cache", script],
        capture_output=True, text=True, env={**os.environ, "MYPYPATH": path},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    lines = re.findall(rf"{script.name}:(\d+): error", done.stdout)
    return sorted({int(line) for line in lines}), done.stdout


def check(folder, wrong, *paths):
    """Compare the errors of mypy with the wrong lines, which follow the right ones."""
    right = (HERE / "typing_example.py").read_text(encoding="utf-8")
    script = folder / "script.py"
    script.write_text("\n".join([right, *wrong, ""]), encoding="utf-8")
    first = right.count("\n") + 2
    lines, said = complaints(script, *paths)
    assert lines == list(range(first, first + len(wrong))), said


def test_types_of_a_script(tmp_path):
    check(tmp_path, WRONG)
    package = tmp_path / "stubs" / "sklearn"  # the same folder, hence the same cache
    package.mkdir(parents=True)
    (package / "__init__.pyi").touch()
    (package / "base.pyi").write_text(SKLEARN_BASE, encoding="utf-8")
    check(tmp_path, WRONG + WRONG_WITH_BASES, package.parent)


def declared(cls):
    """Return the names that a class annotates: in its body, or where a method assigns to self."""
    module = ast.parse(Path(inspect.getfile(cls)).read_text(encoding="utf-8"))
    (found,) = (
        node for node in module.body if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    )
    targets = [node.target for node in ast.walk(found) if isinstance(node, ast.AnnAssign)]
    body = {part.target.id for part in found.body if isinstance(part, ast.AnnAssign)}
    return body | {target.attr for target in targets if isinstance(target, ast.Attribute)}


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_annotations_are_those_of_what_is_documented(cls):
    documented = re.findall(r"^(\w+_) : ", inspect.getdoc(cls), re.MULTILINE)
    ours = [base for base in cls.__mro__ if base.__module__.startswith("lstm97.")]
    names = set().union(*map(declared, ours))
    public = {name for name in names if not name.startswith("_")}
    assert public == {*documented, *inspect.signature(cls).parameters}
