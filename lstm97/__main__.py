"""``python -m lstm97``: the command line."""

import sys

from lstm97.experiments.cli import main

if __name__ == "__main__":
    sys.exit(main())
