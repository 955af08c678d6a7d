"""Trained weights to the last bit: as recorded, and the same for other builds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reference.fingerprint import fingerprints

TESTS = Path(__file__).parent
GOLDEN = json.loads((TESTS / "golden.json").read_text(encoding="utf-8"))

BUILDS = {
    "one lane": {"CFLAGS": "-DLANES=1"},
    "two lanes": {"CFLAGS": "-DLANES=2"},
    "eight lanes": {"CFLAGS": "-DLANES=8"},
    "bounds checked": {"LSTM97_DEBUG": "1"},
}


def test_trained_weights_are_the_recorded_ones():
    assert fingerprints() == GOLDEN


@pytest.mark.parametrize("name", BUILDS)
def test_other_builds_give_the_same_bits(name, tmp_path):
    def python(*arguments, **options):
        return subprocess.run(
            [sys.executable, *arguments], check=True, capture_output=True, text=True, **options
        )

    folders = ["--build-base", str(tmp_path / "base"), "--build-lib", str(tmp_path / "lib")]
    environment = {**os.environ, **BUILDS[name]}
    python("setup.py", "-q", "build", *folders, cwd=TESTS.parent, env=environment)
    path = os.pathsep.join([str(tmp_path / "lib"), str(TESTS)])
    script = str(TESTS / "reference" / "fingerprint.py")
    output = python(script, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}).stdout
    assert json.loads(output) == GOLDEN
