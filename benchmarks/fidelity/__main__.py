"""Which reading of the paper gives its figures? Run what is missing, and write the page.

    python benchmarks/fidelity [HYPOTHESIS ...]

Hypotheses are those of hypotheses.toml; all of them, if none is named. A trial that ended is in
results/ and is not run again. Then docs/fidelity.md is written anew.
"""

import sys

from page import PAGE, page
from readings import STORE, readings, wanted

from lstm97.experiments.runner import run_missing


def main(names):
    """Run, then write."""
    ids = {setting.id for name in names or readings() for setting in readings()[name].values()}
    chosen = {id: pair for id, pair in wanted().items() if id in ids}
    for record in run_missing(chosen, STORE):
        print(record["id"], record["trial"], record["solved"], record["n_sequences"], flush=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
