"""Break the formulas of the memory cell one by one: every kernel must then differ from its twin.

    python tests/break_cell.py

For each formula of lstm97/_kernels/cell.h, a copy of the package is built with one line changed and
tests/test_cell.py is run on it. All tests of every kernel that uses the formula must fail, and the
unchanged copy must pass them all. A build takes about half a minute on two cores.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CELL = Path("lstm97", "_kernels", "cell.h")
# The groups of tests, by what their names contain.
GROUPS = {
    "single": "learned_weights.*single",
    "team": "learned_weights.*team",
    "stream": "learned_weights.*stream",
    "float64": "gradients_of_batches.*float64",
    "float32": "gradients_of_batches.*float32",
}
# What is changed in which formula.
BROKEN = {
    "carousel": ("return x;", "return HALF * x;"),
    "next_state": ("cell->g, CELL(carousel)", "-cell->g, CELL(carousel)"),
    "squashed_state": ("SQUASH(cell->s, -UNIT, UNIT)", "SQUASH(HALF * cell->s, -UNIT, UNIT)"),
    "cell_output": ("OUTPUT_GATE) * h;", "OUTPUT_GATE) * h * HALF;"),
    "cell_push": ("(cell->g - low);", "cell->g;"),
    "gate_push": ("cell->g * y * (UNIT - y);", "cell->g * (UNIT - y);"),
    "logistic_slope": ("{ return y * (UNIT - y); }", "{ return UNIT - y; }"),
    "state_slope": ("HALF * (UNIT - h) * (UNIT + h)", "HALF * (UNIT - h)"),
    "output_slope": (
        "opening)(gates, OUTPUT_GATE) * CELL(state_slope)",
        "opening)(gates, INPUT_GATE) * CELL(state_slope)",
    ),
}


def outcomes(folder):
    """Build the package in a folder; return the failed and the passed tests of each group."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "-j2"]
    subprocess.run(build, cwd=folder, env=environment, check=True, capture_output=True)
    test = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", "tests/test_cell.py"]
    done = subprocess.run(test, cwd=folder, env=environment, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    return {
        group: [sum(bool(re.match(f"{word}.*{name}", line)) for line in lines)
                for word in ("FAILED", "PASSED")]
        for group, name in GROUPS.items()
    }  # fmt: skip


def copy_to(folder):
    """Copy what git knows of the working tree."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if name.startswith(
            ("lstm97/", "tests/", "setup.py", "pyproject.toml", "README", "LICENSE")
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def show(title, counts):
    """Print a row of the table: failed tests of all tests."""
    cells = (f"{failed} of {failed + passed}" for failed, passed in counts.values())
    print(f"{title:16}", *(f"{cell:>10}" for cell in cells), flush=True)


def main():
    """Break each formula; return whether every kernel noticed."""
    print(f"{'failed tests':16}", *(f"{group:>10}" for group in GROUPS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_to(folder)
        text = (folder / CELL).read_text(encoding="utf-8")
        counts = outcomes(folder)
        show("unchanged", counts)
        good = all(failed == 0 < passed for failed, passed in counts.values())
        for formula, (right, wrong) in BROKEN.items():
            if text.count(right) != 1:
                raise SystemExit(f"{formula}: {right!r} is not in {CELL} once")
            (folder / CELL).write_text(text.replace(right, wrong), encoding="utf-8")
            counts = outcomes(folder)
            show(formula, counts)
            good &= all(passed == 0 < failed for failed, passed in counts.values())
    print("every kernel noticed" if good else "NOT every kernel noticed")
    return good


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
