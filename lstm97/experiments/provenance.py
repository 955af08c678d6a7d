"""Where a record comes from: versions, platform, and the state of the checkout, if there is one."""

import platform
import subprocess
from functools import cache
from pathlib import Path

from lstm97._versions import versions


@cache
def provenance():
    """Return what a record needs beside its setting and seed to be made again.

    Returns
    -------
    fields : dict
        "versions", "platform" and "commit"; the last is None outside of a git checkout, and ends
        in "+" where files were changed.
    """
    return {
        "versions": versions(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "commit": _commit(Path(__file__).parents[2]),
    }


def _commit(root):
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", "lstm97", "setup.py")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed else "")


def _git(root, *arguments):
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
