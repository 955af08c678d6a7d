"""Where the compiled kernels are imported from.

They stand beside the Python files, for the instruction set that LSTM97_ARCH named when they were
compiled. A wheel may carry them again for newer processors, each time in a folder of `_variants`:
"x86-64-v3" has AVX2, "x86-64-v4" AVX-512. The folder of the best that the processor supports goes
first on the package's path, and `lstm97._core` is found there. The results are the same.

The environment variable LSTM97_VARIANT overrides the choice: a folder's name, or "baseline".
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).parent
VARIANTS = PACKAGE / "_variants"
BASELINE = "baseline"


def available():
    """Return the names of what is here and runs on this processor, from the slowest."""
    if not VARIANTS.is_dir():
        return [BASELINE]
    from lstm97 import _cpu  # compiled only if there are variants

    return [BASELINE, *(name for name in _cpu.SUPPORTED if (VARIANTS / name).is_dir())]


def choose(names, wish=None):
    """Return the last of the names, or the one that is wished for."""
    if wish and wish not in names:
        raise ImportError(
            f"LSTM97_VARIANT is {wish!r}: not in this build of lstm97, or not supported by this"
            f" processor; there is {', '.join(names)}"
        )
    return wish or names[-1]


NAME = choose(available(), os.environ.get("LSTM97_VARIANT"))
path = [str(PACKAGE)] if NAME == BASELINE else [str(VARIANTS / NAME), str(PACKAGE)]
