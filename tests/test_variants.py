"""Kernels for several instruction sets in one package: the choice, and equal results."""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lstm97
from lstm97 import _kernels
from lstm97._core import KERNELS
from reference import builds

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))
NAMES = ["baseline", "x86-64-v3", "x86-64-v4"]
CHOSEN = (
    "import json, lstm97._kernels as v, lstm97._kernels.vectors as m; "
    "print(json.dumps([v.NAME, m.BUILD]))"
)


@pytest.fixture
def package(tmp_path):
    """Build for any x86-64 processor and for those with AVX2: a folder, and how to import it."""
    if platform.machine() not in ("x86_64", "AMD64") or sys.platform == "win32":
        pytest.skip("variants are for x86-64, compiled by GCC or Clang")
    switches = {"LSTM97_ARCH": "x86-64", "LSTM97_VARIANTS": "x86-64-v3"}
    try:
        environment = builds.build(tmp_path, **switches)
    except subprocess.CalledProcessError as error:
        if "invalid cpu feature string" in error.stderr or "not valid" in error.stderr:
            pytest.skip("the compiler is older than GCC 12 or Clang 18")
        raise
    script = "import lstm97._kernels.cpu as c; print(*c.SUPPORTED)"
    supported = builds.python("-c", script, cwd=tmp_path, env=environment)
    if "x86-64-v3" not in supported:
        pytest.skip("this processor has no AVX2")
    return tmp_path, environment


def chosen(package, **switches):
    """Return the name of the variant, and how the imported kernels were compiled."""
    folder, environment = package
    return json.loads(builds.python("-c", CHOSEN, cwd=folder, env={**environment, **switches}))


def test_a_package_with_variants(package):
    """This is a single test, because each worker of pytest-xdist would build the package again."""
    name, build = chosen(package)
    assert name == build["instruction set"] == "x86-64-v3"
    assert build["doubles per vector"] == 4
    name, build = chosen(package, LSTM97_VARIANT="baseline")
    assert (name, build["instruction set"]) == ("baseline", "x86-64")
    assert build["doubles per vector"] == 2
    check_that_an_unsupported_variant_is_refused(package)
    folder, environment = package
    for name in ("baseline", "x86-64-v3"):
        environment = {**environment, "LSTM97_VARIANT": name}
        assert builds.fingerprints(environment, folder) == GOLDEN, name


def check_that_an_unsupported_variant_is_refused(package):
    with pytest.raises(subprocess.CalledProcessError) as error:
        chosen(package, LSTM97_VARIANT="x86-64-v4")
    message = error.value.stderr.splitlines()[-1]
    assert message.startswith("ImportError: LSTM97_VARIANT is 'x86-64-v4'")
    assert message.endswith("choose one of baseline, x86-64-v3")


def test_arithmetic_that_does_not_round_to_doubles_is_refused(tmp_path):
    """Registers of the x87 hold more bits."""
    compiler = shutil.which("gcc")
    if not compiler or platform.machine() != "x86_64":
        pytest.skip("needs GCC for x86-64")
    header = Path(lstm97.__file__).parent / "_kernels" / "vectors.h"
    command = [compiler, "-E", "-x", "c", header, "-o", tmp_path / "expanded"]
    subprocess.run(command, check=True)
    refused = subprocess.run([*command, "-mfpmath=387"], capture_output=True, text=True)
    assert refused.returncode
    assert "must round to doubles" in refused.stderr


def test_choice():
    assert _kernels.choose(NAMES) == "x86-64-v4"
    assert _kernels.choose(NAMES, "") == "x86-64-v4"
    assert _kernels.choose(NAMES, "baseline") == "baseline"
    with pytest.raises(ImportError, match="does not contain"):
        _kernels.choose(NAMES[:2], "x86-64-v4")


def test_versions_are_shown(capsys):
    lstm97.show_versions()
    shown = capsys.readouterr().out
    assert ("nets of few units" in shown) == (len(KERNELS) > 1)
    for part in ["python", "lstm97", "numpy", "narwhals", "instruction set", "doubles per vector"]:
        assert part in shown
