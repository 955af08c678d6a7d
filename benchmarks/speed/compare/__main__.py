"""Compare the speed with other libraries, in one process and on one thread, in turns.

    python benchmarks/speed/compare                  everything, in about eight minutes
    python benchmarks/speed/compare --quick          fewer rounds and sizes, in about 1.5 minutes
    python benchmarks/speed/compare --only reber     some workloads, without writing the results
    python benchmarks/speed/compare --records        only the numbers from the records of trials

The script writes benchmarks/results/speed.json, from which
``python benchmarks/speed/compare/page.py`` makes the numbers of docs/performance.md. torch, jax,
numba and a C compiler are optional: a competitor that is not installed is left out.
"""

import os

# This must come before any import that starts threads.
for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

from run import main  # noqa: E402

main(__doc__)
