"""Print a table of the raw scores: means over seeds, with seconds per fit in brackets."""

import argparse
import statistics
from pathlib import Path

from study import GROUPS, SCORES, recorded


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", nargs="+")
    parser.add_argument("--sets", nargs="+", default=["chosen"])
    parser.add_argument("--scores", type=Path, default=SCORES)
    options = parser.parse_args(arguments)
    sets = [name for group in options.sets for name in GROUPS.get(group, [group])]
    cells = {}
    for (setting, name, _), line in recorded(options.scores).items():
        cells.setdefault(setting, {}).setdefault(name, []).append(line)
    print("|  |", " | ".join(sets), "| mean | fits |")
    print("| --- |", " | ".join("---:" for _ in sets), "| ---: | ---: |")
    for setting in options.settings or cells:
        row, means = [], []
        for name in sets:
            lines = cells[setting].get(name, [])
            if lines:
                means.append(statistics.mean(line["score"] for line in lines))
                seconds = statistics.median(line["seconds"] for line in lines)
                row.append(f"{means[-1]:.3f} ({seconds:.1f})")
            else:
                row.append("")
        n = min((len(lines) for lines in cells[setting].values()), default=0)
        mean = f"{statistics.mean(means):.3f}" if len(means) == len(sets) else ""
        print(f"| {setting} |", " | ".join(row), f"| {mean} | {n} |")


if __name__ == "__main__":
    main()
