"""Types as users see them: mypy takes what is right, strictly, and refuses what is wrong."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="mypy is not installed")

HERE = Path(__file__).parent
WRONG = [
    "model.fit(X)",
    "LSTMRegressor(n_block=2)",
    'LSTMRegressor(class_weight="balanced")',
    'LSTMClassifier(recurrence="some")',
    'LSTMClassifier(n_blocks="2")',
    "predictions.no_such_method()",
    'stream.learn(1.0, sample_weight="1")',
    "wrong: int = model.predict(X)",
    "make_adding(100, 20, 0)",
    "Sequences.from_list(parts, pad=0)",
    "model.stream().steps(1.0)",
]


def complaints(script):
    """Return the lines of a script that mypy complains of, and all that it says."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=",
         "--cache-dir", script.parent / "cache", script],
        capture_output=True, text=True, env={**os.environ, "MYPYPATH": str(HERE.parent)},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    lines = re.findall(rf"{script.name}:(\d+): error", done.stdout)
    return sorted({int(line) for line in lines}), done.stdout


def test_types_of_a_script(tmp_path):
    right = (HERE / "typing_example.py").read_text(encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text("\n".join([right, *WRONG, ""]), encoding="utf-8")
    first = right.count("\n") + 2
    lines, said = complaints(script)
    assert lines == list(range(first, first + len(WRONG))), said
