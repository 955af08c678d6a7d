"""Write the README's table of reproduced rows from the records in benchmarks/results.

    python benchmarks/reproduce.py

A record comes from ``lstm97 run ID --trials N --json``, one line per trial.
"""

import json
from pathlib import Path

import numpy as np

from lstm97.experiments.settings import load_settings

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- reproduced:", "<!-- end -->"


def table():
    """Return the rows of all experiments that have records, as Markdown."""
    lines = [
        "| experiment | solved | sequences, ours | paper | wrong, ours | paper |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for setting in load_settings().values():
        path = ROOT / "benchmarks" / "results" / f"{setting.id}.jsonl"
        if path.exists():
            records = path.read_text(encoding="utf-8").splitlines()
            lines.append(row(setting, [json.loads(record) for record in records]))
    return "\n".join(lines) + "\n"


def row(setting, records):
    """Return the row of one experiment."""
    solved = [record for record in records if record["solved"]]
    sequences = np.mean([record["n_sequences"] for record in solved])
    wrong = np.mean([record["n_wrong"] for record in solved])
    return (
        f"| {setting.title} (`{setting.id}`) | {len(solved)} of {len(records)} "
        f"| {sequences:,.0f} | {setting.paper['n_sequences']:,} "
        f"| {wrong:.1f} | {setting.paper['n_wrong']} |"
    )


def main():
    """Write the table between the README's marks."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    begin = text.index("\n", text.index(BEGIN)) + 1
    end = text.index(END)
    path.write_text(text[:begin] + table() + text[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
