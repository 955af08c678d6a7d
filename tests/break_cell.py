"""Break the formulas of the memory cell one by one: every kernel must then differ from its twin.

    python tests/break_cell.py

For each formula of lstm97/_kernels/cell.h, a copy of the package is built with one line changed,
and tests/test_cell.py is run on it. All tests of every kernel must fail, and the unchanged copy
must pass them all. In the end the carousel is changed into one that forgets: then every gradient
must still be the slope of its loss, which shows that no kernel has a carousel of its own. A build
takes about half a minute on two cores.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from reference import builds

TESTS = Path(__file__).resolve().parent
CELL = Path("lstm97", "_kernels", "cell.h")
# The groups of tests, by what their names contain.
GROUPS = {
    "single": "learned_weights.*single",
    "team": "learned_weights.*team",
    "stream": "learned_weights.*stream",
    "float64": "gradients_of_batches.*float64",
    "float32": "gradients_of_batches.*float32",
}
SLOPES = {"slopes": "slopes_of_the_loss"}
# A carousel that leaves a half: the formula, and what says that it leaves everything.
FORGETTING = [
    ("return x;", "return HALF * x;"),
    ("CAROUSEL_IS_ONE(kinds) 1", "CAROUSEL_IS_ONE(kinds) 0"),
]
# By formula: a piece of its text, and what replaces it.
BROKEN = {
    "carousel": ("return x;", "return HALF * x;"),
    "next_state": ("cell->g, CELL(carousel)", "-cell->g, CELL(carousel)"),
    "squashed_state": ("SQUASH(cell->s, -UNIT, UNIT)", "SQUASH(HALF * cell->s, -UNIT, UNIT)"),
    "cell_output": ("OUTPUT_GATE) * h;", "OUTPUT_GATE) * h * HALF;"),
    "cell_push": ("(cell->g - low);", "(cell->g - low) * HALF;"),
    "gate_push": ("cell->g * y * (UNIT - y);", "cell->g * (UNIT - y);"),
    "logistic_slope": ("{ return y * (UNIT - y); }", "{ return UNIT - y; }"),
    "state_slope": ("HALF * (UNIT - h) * (UNIT + h)", "HALF * (UNIT - h)"),
    "output_slope": (
        "opening)(gates, OUTPUT_GATE) * CELL(state_slope)",
        "opening)(gates, INPUT_GATE) * CELL(state_slope)",
    ),
}


def outcomes(source, groups):
    """Build a copy; return the failed and the passed tests of each group."""
    environment = builds.compile_in(source)
    test = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", str(TESTS / "test_cell.py")]
    # Not in the source's own folder: Python would import from there.
    done = subprocess.run(test, cwd=source / "lib", env=environment, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]

    def count(word, name):
        return sum(bool(re.match(f"{word}.*{name}", line)) for line in lines)

    return {group: (count("FAILED", name), count("PASSED", name)) for group, name in groups.items()}


def show(title, counts):
    """Print a row of the table: failed tests of all tests."""
    cells = (f"{failed} of {failed + passed}" for failed, passed in counts.values())
    print(f"{title:16}", *(f"{cell:>10}" for cell in cells), flush=True)


def main():
    """Break each formula; return whether every kernel noticed."""
    print(f"{'failed tests':16}", *(f"{group:>10}" for group in GROUPS | SLOPES))
    with tempfile.TemporaryDirectory() as name:
        source = builds.copy_source(Path(name) / "source")
        text = (source / CELL).read_text(encoding="utf-8")
        counts = outcomes(source, GROUPS | SLOPES)
        show("unchanged", counts)
        good = all(failed == 0 < passed for failed, passed in counts.values())
        for formula, (right, wrong) in BROKEN.items():
            if text.count(right) != 1:
                raise SystemExit(f"{formula}: {right!r} is not in {CELL} once")
            (source / CELL).write_text(text.replace(right, wrong), encoding="utf-8")
            counts = outcomes(source, GROUPS)
            show(formula, counts)
            good &= all(passed == 0 < failed for failed, passed in counts.values())
        for right, wrong in FORGETTING:
            text = text.replace(right, wrong)
        (source / CELL).write_text(text, encoding="utf-8")
        counts = outcomes(source, SLOPES)
        show("forgetting", counts)
        good &= all(failed == 0 < passed for failed, passed in counts.values())
    print("every kernel noticed" if good else "NOT every kernel noticed")
    return good


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
