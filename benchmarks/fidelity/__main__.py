"""Find readings of the paper that reproduce its numbers: run missing trials, write the page.

    python benchmarks/fidelity [HYPOTHESIS ...]

The hypotheses are in hypotheses.toml; without arguments, all of them are run. Trials whose records
are in results/ are not run again. Then the script writes docs/fidelity.md
and figures.md.
"""

import sys

from page import FIGURES, PAGE, figures, page
from readings import STORE, readings, wanted

from lstm97.experiments.runner import run_missing


def main(names):
    """Run the missing trials, then write the page."""
    ids = {setting.id for name in names or readings() for setting in readings()[name].values()}
    chosen = {id: pair for id, pair in wanted().items() if id in ids}
    for record in run_missing(chosen, STORE):
        print(record["id"], record["trial"], record["solved"], record["n_sequences"], flush=True)
    PAGE.write_text(page(), encoding="utf-8")
    FIGURES.write_text(figures(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
