"""Run the examples on real data, and put their scores into docs/data.md.

    python docs/examples/tables.py [NAME ...]

Without names, the script runs all of them. It keeps scores in docs/examples/scores, with a line of
JSON per method, and it
makes the parts of docs/data.md between `<!-- made by: ... -->` and `<!-- end -->` from these.
"""

import json
import re
import runpy
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lstm97._versions import versions

HERE = Path(__file__).parent
PAGE = HERE.parent / "data.md"
PART = re.compile(
    r"(<!-- made by: python docs/examples/(\w+)\.py -->\n).*?(?=<!-- end -->)", re.DOTALL
)


def examples():
    """Return the names of the examples, in the page's order."""
    return [name for _, name in PART.findall(PAGE.read_text(encoding="utf-8"))]


def record(name):
    """Return where an example's scores are kept."""
    return HERE / "scores" / f"{name}.jsonl"


def run(name):
    """Run an example and keep its scores."""
    made = runpy.run_path(str(HERE / f"{name}.py"))
    lines = [{**versions(), "aeon": version("aeon")}]
    for method, folds in made["scores"].items():
        lines.append({"method": method, "folds": folds.tolist()})
        if "tests" in made:
            lines[-1]["test"] = made["tests"][method]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    record(name).write_text(text, encoding="utf-8")


def read(name):
    """Return the versions that an example ran with, and the line of each method."""
    origin, *methods = map(json.loads, record(name).read_text(encoding="utf-8").splitlines())
    return origin, methods


def part(name):
    """Return an example's table, in Markdown."""
    origin, methods = read(name)
    headings = ["", "mean over folds", "spread"] + ["test"] * ("test" in methods[0])
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1)]
    for line in methods:
        scores = [np.mean(line["folds"]), np.std(line["folds"])]
        scores += [line["test"]] if "test" in line else []
        lines.append([line["method"], *(f"{score:.3f}" for score in scores)])
    rows = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    used = ", ".join(f"{name} {number}" for name, number in origin.items())
    return f"{rows}\nThese numbers were computed with {used}.\n"


def page():
    """Return docs/data.md with its tables made anew."""
    text = PAGE.read_text(encoding="utf-8")
    return PART.sub(lambda match: match[1] + part(match[2]), text)


def main():
    """Run what is asked for, and write the page."""
    for name in sys.argv[1:] or examples():
        print(f"== {name}")
        run(name)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
