"""The package, built again in other ways."""

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def python(*arguments, **options):
    """Run Python, return what it prints; CalledProcessError has what it complains of."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, **options
    ).stdout.strip()


def build(folder, **switches):
    """Build the package into a folder, return the environment to import it from there."""
    places = ["--build-base", folder / "base", "--build-lib", folder / "lib"]
    environment = {**os.environ, **switches}
    python("setup.py", "-q", "build", "-j2", *places, cwd=TESTS.parent, env=environment)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "lib"), str(TESTS)])}


def fingerprints(environment, cwd):
    """Train with the package that the environment leads to."""
    script = TESTS / "reference" / "fingerprint.py"
    return json.loads(python(script, cwd=cwd, env=environment))
