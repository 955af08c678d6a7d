"""How long `import lstm97` takes beyond `import sklearn`, in fresh processes."""

import subprocess
import sys

SCRIPT = """
import time, sklearn
began = time.perf_counter()
import lstm97
print(time.perf_counter() - began)
"""
N_PROCESSES = 5


def import_times():
    """Return the seconds of each process; one before them fills the disk's cache."""
    command = [sys.executable, "-c", SCRIPT]
    runs = [
        subprocess.run(command, check=True, capture_output=True) for _ in range(N_PROCESSES + 1)
    ]
    return [float(run.stdout) for run in runs[1:]]
