"""Run the command line by ``python -m lstm97``."""

import sys

from lstm97.experiments.cli import main

if __name__ == "__main__":
    sys.exit(main())
