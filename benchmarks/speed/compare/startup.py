"""Measure how much longer `import lstm97` takes than `import sklearn`, in fresh processes."""

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
    """Return the seconds of each process, after a first one that fills the disk cache."""
    # -P: a checkout in this folder may not be built in place.
    command = [sys.executable, "-P", "-c", SCRIPT]
    runs = [
        subprocess.run(command, check=True, capture_output=True) for _ in range(N_PROCESSES + 1)
    ]
    return [float(run.stdout) for run in runs[1:]]
