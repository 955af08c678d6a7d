"""The bits of trained weights: as recorded, and the same for other builds.

Two lanes: see test_variants.py.
"""

import json
from pathlib import Path

import pytest

from reference import builds
from reference.fingerprint import WITHOUT_FORGET_GATES, fingerprints, open_fingerprint

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))
WIDTHS = Path(__file__).parent / "test_widths.py"

BUILDS = {
    "one lane": {"CFLAGS": "-DLANES=1", "LSTM97_ARCH": ""},
    "eight lanes": {"CFLAGS": "-DLANES=8"},
    "bounds checked": {"LSTM97_DEBUG": "1"},
}


def test_trained_weights_are_the_recorded_ones():
    assert fingerprints() == GOLDEN


@pytest.mark.parametrize("name", WITHOUT_FORGET_GATES)
def test_forget_gates_that_stay_open_change_no_bit(name):
    """The recorded hash is that of the net without forget gates."""
    assert open_fingerprint(name) == GOLDEN[name]


@pytest.mark.parametrize("name", BUILDS)
def test_other_builds_give_the_same_bits(name, tmp_path):
    environment = builds.build(tmp_path, **BUILDS[name])
    assert builds.fingerprints(environment, tmp_path) == GOLDEN
    if name == "one lane":
        script = "import lstm97._kernels.vectors as v; print(v.BUILD['instruction set'])"
        shown = builds.python("-c", script, cwd=tmp_path, env=environment)
        assert shown == "the compiler's default"
    if name == "eight lanes":  # it has kernels for four as well
        shown = builds.python("-m", "pytest", WIDTHS, cwd=tmp_path, env=environment)
        assert "passed" in shown
        assert "skipped" not in shown
