"""Print a table of the raw scores: means over seeds, with seconds per fit in brackets.

    python benchmarks/defaults/table.py --settings default torch --sets chosen
    python benchmarks/defaults/table.py --page docs/settings.md

The second form writes the tables of a page between its marks, which name settings and a group of
sets. Sets without a fit are left empty.
"""

import argparse
import re
import statistics
from pathlib import Path

from study import GROUPS, SCORES, recorded

MARKED = re.compile(
    r"(<!-- made from scores: ([^\n>]+) on ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL
)


def table(settings, groups, scores):
    """Return a table, a line for each setting."""
    sets = [name for group in groups for name in GROUPS.get(group, [group])]
    cells = {}
    for (setting, name, _), line in recorded(scores).items():
        cells.setdefault(setting, {}).setdefault(name, []).append(line)
    lines_out = [
        " ".join(["|  |", " | ".join(sets), "| mean | fits |"]),
        " ".join(["| --- |", " | ".join("---:" for _ in sets), "| ---: | ---: |"]),
    ]
    for setting in settings or cells:
        row, means = [], []
        for name in sets:
            lines = cells.get(setting, {}).get(name, [])
            if lines:
                means.append(statistics.mean(line["score"] for line in lines))
                seconds = statistics.median(line["seconds"] for line in lines)
                row.append(f"{means[-1]:.3f} ({seconds:.1f})")
            else:
                row.append("")
        counts = [len(cells.get(setting, {}).get(name, [])) for name in sets]
        n = min((count for count in counts if count), default=0)
        mean = f"{statistics.mean(means):.3f}" if len(means) == len(sets) else ""
        lines_out.append(" ".join([f"| {setting} |", " | ".join(row), f"| {mean} | {n} |"]))
    return "\n".join(lines_out) + "\n"


def page_with_tables(text, scores=SCORES):
    """Return the text of a page with its tables made again."""
    return MARKED.sub(lambda m: m[1] + table(m[2].split(", "), [m[3]], scores) + m[4], text)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+")
    parser.add_argument("--sets", nargs="+", default=["chosen"])
    parser.add_argument("--scores", type=Path, default=SCORES)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args(arguments)
    if options.page:
        text = options.page.read_text(encoding="utf-8")
        options.page.write_text(page_with_tables(text, options.scores), encoding="utf-8")
    else:
        print(table(options.settings, options.sets, options.scores), end="")


if __name__ == "__main__":
    main()
