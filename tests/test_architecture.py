"""Folders are floors: a file imports from its own folder and from lower floors only."""

import ast
import re
from pathlib import Path

import lstm97

ROOT = Path(lstm97.__file__).parent

# From the bottom. A name is a folder, or a module beside the folders.
FLOORS = [
    ["_kernels", "_core"],
    ["_versions", "data"],
    ["tasks"],
    ["learning"],
    ["estimators"],
    ["inspection"],
    ["diagnosis", "metrics", "persistence", "preprocessing", "river", "streams", "traces"],
    ["experiments", "export"],
    ["__init__", "__main__"],
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}


def imported(path):
    """Yield the modules that a Python file imports, or that a Cython file imports or cimports."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from re.findall(r"^(?:from|cimport|import) (\S+)", text, flags=re.MULTILINE)
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            whole = node.module == "lstm97"
            yield from (f"lstm97.{a.name}" for a in node.names) if whole else [node.module or ""]
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room(path):
    """Return the folder of a file, or its module if it is beside the folders."""
    return path.relative_to(ROOT).parts[0].split(".")[0]


def files():
    return [p for p in ROOT.rglob("*") if p.suffix in (".py", ".pyx", ".pxd")]


def test_every_file_has_a_floor():
    assert {room(path) for path in files()} == set(FLOOR)


def test_imports_come_from_lower_floors():
    seen = 0
    for path in files():
        for module in imported(path):
            if module.split(".")[0] != "lstm97":
                continue
            above, below = room(path), ([*module.split("."), "__init__"])[1]
            seen += 1
            is_kernel = FLOOR[above] == FLOOR[below] == 0
            assert above == below or is_kernel or FLOOR[below] < FLOOR[above], (
                f"{path} imports {module}"
            )
    assert seen > 100
