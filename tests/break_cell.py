"""Break the formulas of the memory cell one by one: every kernel must then differ from its twin.

    python tests/break_cell.py

For each formula of lstm97/_kernels/cell.h, a copy of the package is built with one line changed,
and tests/test_cell.py is run on it. All tests of every kernel must find results that differ from
those of the twin; an error of any other kind does not count. An unchanged copy must pass them all,
and one in which a formula is written in another way. In the end the carousel is changed into one
that keeps only half of what it kept, with and without forget gates: every gradient must then still
be the slope of its loss, which shows that no kernel has a carousel of its own. All that takes about
five minutes on two cores.
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
# A carousel that keeps one half of what it kept: the formula, the forget gate's part of the
# derivatives, and the macro that says that everything is kept.
FORGETTING = [
    ("gates->y[FORGET_GATE] * x : x;", "HALF * gates->y[FORGET_GATE] * x : HALF * x;"),
    ("? cell->before : cell->g) * y", "? HALF * cell->before : cell->g) * y"),
    ("CAROUSEL_IS_ONE(kinds) (!HAS_GATE(kinds, FORGET_GATE))", "CAROUSEL_IS_ONE(kinds) 0"),
]
# The same formula in another form: no test may fail merely because a kernel was rebuilt.
REWRITTEN = ("{ return y * (UNIT - y); }", "{ return (UNIT - y) * y; }")
# By formula: a piece of its text, and what replaces it.
BROKEN = {
    "carousel": ("y[FORGET_GATE] * x : x;", "y[FORGET_GATE] * x * HALF : x;"),
    "next_state": ("cell->g, CELL(carousel)", "-cell->g, CELL(carousel)"),
    "squashed_state": ("SQUASH(cell->s, -UNIT, UNIT)", "SQUASH(HALF * cell->s, -UNIT, UNIT)"),
    "cell_output": ("OUTPUT_GATE) * h;", "OUTPUT_GATE) * h * HALF;"),
    "cell_push": ("(cell->g - low);", "(cell->g - low) * HALF;"),
    "gate_push": (": cell->g) * y * (UNIT - y);", ": cell->g) * (UNIT - y);"),
    "gate_push of s": ("cell->before : cell->g) * y", "cell->g : cell->g) * y"),
    "logistic_slope": ("{ return y * (UNIT - y); }", "{ return UNIT - y; }"),
    "state_slope": ("HALF * (UNIT - h) * (UNIT + h)", "HALF * (UNIT - h)"),
    "output_slope": (
        "opening)(gates, OUTPUT_GATE) * CELL(state_slope)",
        "opening)(gates, INPUT_GATE) * CELL(state_slope)",
    ),
}


def outcomes(source, groups):
    """Build a copy; return what each group's tests found."""
    # Wide lines, because pytest would otherwise cut the names of errors.
    environment = builds.compile_in(source) | {"COLUMNS": "300"}
    test = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", str(TESTS / "test_cell.py")]
    # Not in the source's own folder: Python would import from there.
    done = subprocess.run(test, cwd=source / "lib", env=environment, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]

    def outcome(line):
        if line.startswith("PASSED"):
            return "equal"
        return "different" if " - AssertionError" in line else "error"

    return {
        group: [outcome(line) for line in lines if re.search(name, line)]
        for group, name in groups.items()
    }


def check(source, title, groups, changes=(), broken=False):
    """Test a copy with changes; print a row of the table; return whether it is as expected."""
    text = (source / CELL).read_text(encoding="utf-8")
    changed = text
    for right, wrong in changes:
        if changed.count(right) != 1:
            raise SystemExit(f"{title}: {right!r} is not in {CELL} once")
        changed = changed.replace(right, wrong)
    (source / CELL).write_text(changed, encoding="utf-8")
    found = outcomes(source, groups)
    (source / CELL).write_text(text, encoding="utf-8")
    cells = (
        f"{found[group].count('different')} of {len(found[group])}" if group in found else "-"
        for group in GROUPS | SLOPES
    )
    print(f"{title:16}", *(f"{cell:>10}" for cell in cells), flush=True)
    return all(set(tests) == {"different" if broken else "equal"} for tests in found.values())


def main():
    """Break each formula; return whether every kernel noticed."""
    print(f"{'differing tests':16}", *(f"{group:>10}" for group in GROUPS | SLOPES))
    with tempfile.TemporaryDirectory() as name:
        source = builds.copy_source(Path(name) / "source")
        good = [
            check(source, "unchanged", GROUPS | SLOPES),
            check(source, "rewritten", GROUPS | SLOPES, [REWRITTEN]),
            *(check(source, name, GROUPS, [change], True) for name, change in BROKEN.items()),
            check(source, "forgetting", SLOPES, FORGETTING),
        ]
    print("every kernel noticed" if all(good) else "NOT every kernel noticed")
    return all(good)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
