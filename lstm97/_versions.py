"""Versions of the package and its dependencies, and how the kernels were compiled."""

import platform
from importlib.metadata import version

import lstm97._kernels.vectors as vectors
from lstm97._core import KERNELS

PACKAGES = ("lstm97", "numpy", "scipy", "scikit-learn", "joblib", "narwhals")


def versions():
    """Return the versions of Python and of the packages that results depend on, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def show_versions():
    """Print the information that a bug report needs.

    These are versions, the instruction set of the kernels, and thread pools.

    See Also
    --------
    sklearn.show_versions : Print the same for scikit-learn.

    Examples
    --------
    >>> import lstm97
    >>> lstm97.show_versions()  # doctest: +ELLIPSIS
    System
      platform: ...
      python: ...
    Packages
      lstm97: ...
      numpy: ...
    """
    python, *packages = versions().items()
    _show("System", [("platform", platform.platform()), python])
    _show("Packages", packages)
    _show("Kernels", [*vectors.BUILD.items(), *_widths()])
    _show("Thread pools", _thread_pools())


def _show(title, lines):
    """Print a title and, below it, names and values."""
    print(title)
    for name, value in lines:
        print(f"  {name}: {value}")


def _widths():
    """Yield what `lanes_for` chooses, if it has a choice."""
    if len(KERNELS) > 1:
        few = min(KERNELS)
        yield (
            "nets of few units",
            f"{few} doubles, for at most {few} cells and {few} hidden units, and without a "
            f"forget gate {few} gates",
        )


def _thread_pools():
    """Yield the name of each thread pool with its version and number of threads."""
    from threadpoolctl import threadpool_info  # imported here, because `import lstm97` is fast

    for pool in threadpool_info():
        fields = [pool["version"], f"{pool['num_threads']} threads"]
        yield pool["prefix"], ", ".join(filter(None, fields))
