"""Other builds of the package, each in a copy, because two of them may run at a time."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent


def python(*arguments, **options):
    """Run Python and return its output; CalledProcessError has its errors."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, **options
    ).stdout.strip()


def copy_source(folder):
    """Copy everything that a build needs into a folder; return the folder."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    shutil.copytree(ROOT / "lstm97", folder / "lstm97", ignore=unwanted)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def compile_in(source, **switches):
    """Build the source in a folder; return the environment to import the package from there."""
    environment = {**os.environ, **switches}
    if sys.platform == "linux":
        environment["CC"] = str(quick_compiler(source))
    places = ["--build-base", source / "base", "--build-lib", source / "lib"]
    python("setup.py", "-q", "build", "-j2", *places, cwd=source, env=environment)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(source / "lib"), str(TESTS)])}


def quick_compiler(folder):
    """Write a compiler that does not optimise, which takes a third of the time.

    Results do not depend on optimisation; golden.json would show a difference.
    """
    script = folder / "cc"
    compiler = os.environ.get("CC", "cc")
    script.write_text(f'#!/bin/sh\nexec {compiler} "$@" -O0\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def build(folder, **switches):
    """Build the package in a folder; return the environment to import it from there."""
    return compile_in(copy_source(folder / "source"), **switches)


def fingerprints(environment, cwd):
    """Train with the package that the environment leads to."""
    script = TESTS / "reference" / "fingerprint.py"
    return json.loads(python(script, cwd=cwd, env=environment))
