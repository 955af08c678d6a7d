"""Versions: of the package, of what it stands on, and of how its kernels were compiled."""

import platform
from importlib.metadata import version

from lstm97._kernels import vectors

PACKAGES = ("lstm97", "numpy", "scipy", "scikit-learn", "joblib")


def versions():
    """Return the versions of Python and of the packages that results depend on, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def show_versions():
    """Print what a bug report needs: versions, the kernels' instruction set, thread pools.

    See Also
    --------
    sklearn.show_versions : The same for scikit-learn.

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
    _show("Kernels", vectors.BUILD.items())
    _show("Thread pools", _thread_pools())


def _show(title, lines):
    print(title)
    for name, value in lines:
        print(f"  {name}: {value}")


def _thread_pools():
    from threadpoolctl import threadpool_info  # scikit-learn needs it, too

    for pool in threadpool_info():
        fields = [pool["version"], f"{pool['num_threads']} threads"]
        yield pool["prefix"], ", ".join(filter(None, fields))
