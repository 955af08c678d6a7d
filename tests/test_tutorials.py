"""The tutorials: the files and commands of their pages are written and run in a copy."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A fenced block. If it names a language, the line before it names its file.
BLOCK = re.compile(r"(?:`([\w./]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def copy(tmp_path):
    """A copy of the package and of its tests, in which the commands run."""
    for name in ("lstm97", "tests"):
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
    (tmp_path / "docs").mkdir()
    for name in ("pyproject.toml", "docs/api.rst"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(command, folder):
    """Run a line of a page; the programs are modules of this Python."""
    program, *rest = command.split(maxsplit=1)
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "120"}
    done = subprocess.run(
        f'"{sys.executable}" -m {program} {" ".join(rest)}',
        shell=True, cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def follow(page, folder):
    """Follow a page; return the output of each of its commands."""
    printed = {}
    for name, language, text in BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if language == "diff":
            (folder / "a.diff").write_text(text, encoding="utf-8")
            subprocess.run(["git", "apply", "a.diff"], cwd=folder, check=True)
        elif language:
            path = folder / name
            before = path.read_text(encoding="utf-8") + "\n" if path.exists() else ""
            path.write_text(before + text, encoding="utf-8")
        else:
            printed |= {line: run(line, folder) for line in text.splitlines()}
    return printed


def figure(table, name):
    """Return a figure of what `lstm97 run` prints."""
    (value,) = re.findall(rf"{name} +│ +(\S+)", table)
    return value


def test_add_a_task(copy):
    printed = follow("add_a_task.md", copy)
    assert len(printed) == 3
    assert figure(printed["lstm97 run recall --trials 2"], "solved") == "100%"
    assert figure(printed["lstm97 run recall --trials 1 --method elman"], "solved") == "0%"


def test_add_a_baseline(copy):
    printed = follow("add_a_baseline.md", copy)
    assert len(printed) == 3
    checks = printed['pytest tests/test_estimators.py -k "scikit and Leaky"']
    assert int(re.search(r"(\d+) passed", checks)[1]) > 100
    run_ = printed["lstm97 run noise-free-lag --trials 2 --method leaky"]
    assert figure(run_, "solved") == "100%"
