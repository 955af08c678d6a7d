"""The compiled kernels that `lstm97._core` uses, and the choice of their variant.

The kernels are beside the Python files, compiled for the instruction set that LSTM97_ARCH names.
A wheel may also contain variants for newer processors, each in a folder of `lstm97/_variants`:
"x86-64-v3" with AVX2, "x86-64-v4" with AVX-512. The folder of the best variant that the processor
supports is searched first, both for `lstm97._core` and for the modules of this package. All
variants give the same results.

The environment variable LSTM97_VARIANT overrides the choice: a folder's name, or "baseline".
"""

import os
from pathlib import Path

VARIANTS = Path(__file__).parents[1] / "_variants"
BASELINE = "baseline"


def available():
    """Return the names of the variants that are here and run on this processor, slowest first."""
    if not VARIANTS.is_dir():
        return [BASELINE]
    from lstm97._kernels import cpu  # compiled only if there are variants

    return [BASELINE, *(name for name in cpu.SUPPORTED if (VARIANTS / name).is_dir())]


def choose(names, wanted=None):
    """Return the wanted name, or the last of the names if none is wanted."""
    if wanted and wanted not in names:
        raise ImportError(
            f"LSTM97_VARIANT is {wanted!r}, which this build of lstm97 does not contain or this "
            f"processor does not support; choose one of {', '.join(names)}"
        )
    return wanted or names[-1]


def search_path(package, *folder):
    """Return the path of a package, with the folder of the chosen variant first.

    Parameters
    ----------
    package : list of str
        The package's own ``__path__``.
    *folder : str
        The package's folder within that of the variant.
    """
    if NAME == BASELINE:
        return package
    return [str(VARIANTS.joinpath(NAME, *folder)), *package]


NAME = choose(available(), os.environ.get("LSTM97_VARIANT"))
__path__ = search_path(__path__, "_kernels")
