"""Floors: a file imports from lower floors only."""

import ast
from pathlib import Path

import lstm97

ROOT = Path(lstm97.__file__).parent

# From the bottom; a folder stands for its files. What shares a floor does not import each other.
FLOORS = [
    ["_math", "_core", "_forward", "_gradient"],
    ["_topology", "sequences", "targets", "stopping"],
    ["_learners", "_training"],
    ["base", "lstm", "tasks"],
    ["experiments"],
    ["__init__", "__main__"],
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
# Within a floor: targets stand beside the sequences they belong to, an estimator has a base.
SAME_FLOOR = {("targets", "sequences"), ("lstm", "base")}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room(name):
    return name.split(".")[0]


def test_every_file_has_a_floor():
    files = {room(str(path.relative_to(ROOT)).replace("/", ".")) for path in ROOT.rglob("*.py")}
    assert files == set(FLOOR) - {"_math", "_core", "_forward", "_gradient"}


def test_imports_go_down():
    seen = 0
    for path in ROOT.rglob("*.py"):
        above = room(str(path.relative_to(ROOT)).replace("/", "."))
        for module in imported(path):
            if not module.startswith("lstm97."):
                continue
            below = room(module.removeprefix("lstm97."))
            seen += 1
            allowed = above == below or (above, below) in SAME_FLOOR
            assert allowed or FLOOR[below] < FLOOR[above], f"{path}: imports {module}"
    assert seen > 20
