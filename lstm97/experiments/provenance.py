"""Provenance of records: versions, platform, and the commit of the checkout if there is one."""

import platform
import subprocess
from functools import cache
from pathlib import Path

from lstm97._versions import versions


@cache
def provenance():
    """Return the facts that, besides setting and seed, are needed to repeat a trial.

    Returns
    -------
    fields : dict
        "versions", "platform" and "commit". The commit is None outside of a git checkout, and ends
        in "+" if files have been changed since.
    """
    return {
        "versions": versions(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "commit": _commit(Path(__file__).parents[2]),
    }


def _commit(root):
    """Return the commit of a checkout, with a "+" if the package was changed; None without git."""
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", "lstm97", "setup.py")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed else "")


def _git(root, *arguments):
    """Run a git command in a folder, and return its output."""
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
