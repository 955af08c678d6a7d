"""Floors: a file imports from lower floors only."""

import ast
import re
from pathlib import Path

import lstm97

ROOT = Path(lstm97.__file__).parent

# From the bottom; a folder stands for its files. What shares a floor does not import each other.
FLOORS = [
    ["_math", "_cpu", "_layer"],
    [
        "_core",
        "_forward",
        "_gradient",
        "_rtrl",
        "_sequence",
        "_chunker",
        "_cascade",
        "_batch",
        "_lockstep",
        "_stream",
    ],
    ["_arrays", "_docstrings", "_variant", "_versions"],
    ["_topology", "_cascade_topology", "sequences", "targets", "weights", "stopping"],
    ["_learners", "_training", "_fit", "_callbacks", "traces"],
    ["_input", "_fitting", "streams"],
    ["base", "mixins", "lstm", "baselines", "inspection", "preprocessing", "river", "tasks"],
    ["diagnosis", "displays", "persistence"],
    ["experiments"],
    ["__init__", "__main__"],
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
KERNELS = 1  # they are parts of one another
# Within another floor: what belongs together; an estimator has a base.
SAME_FLOOR = {
    ("targets", "sequences"),
    ("weights", "targets"),
    ("_fit", "_training"),
    ("_cascade_topology", "_topology"),
    ("lstm", "base"),
    ("lstm", "mixins"),
    ("baselines", "base"),
    ("baselines", "mixins"),
    ("inspection", "base"),
    *(("persistence", below) for below in ("base", "mixins", "lstm", "baselines")),
}


def imported(path):
    """Yield the modules that a Python file imports, or that a Cython file cimports."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from re.findall(r"^from (\S+) cimport", text, flags=re.MULTILINE)
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            whole = node.module == "lstm97"
            yield from (f"lstm97.{a.name}" for a in node.names) if whole else [node.module or ""]
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room(path):
    return path.relative_to(ROOT).parts[0].split(".")[0]


def files():
    return [p for p in ROOT.rglob("*") if p.suffix in (".py", ".pyx", ".pxd")]


def test_every_file_has_a_floor():
    assert {room(path) for path in files()} == set(FLOOR)


def test_imports_go_down():
    seen = 0
    for path in files():
        above = room(path)
        for module in imported(path):
            if not module.startswith("lstm97."):
                continue
            below = module.split(".")[1]
            seen += 1
            allowed = above == below or (above, below) in SAME_FLOOR
            allowed = allowed or FLOOR[above] == FLOOR[below] == KERNELS
            assert allowed or FLOOR[below] < FLOOR[above], f"{path}: imports {module}"
    assert seen > 60
