"""Speed beside other libraries, in one process and on one thread, workers taking turns.

    python benchmarks/speed/compare                  all, about eight minutes
    python benchmarks/speed/compare --quick          fewer rounds and sizes, about 1.5 minutes
    python benchmarks/speed/compare --only reber     some workloads; nothing is written
    python benchmarks/speed/compare --records        what the records of trials say, and no more

Writes benchmarks/results/speed.json; ``python benchmarks/speed/compare/page.py`` makes the
figures of docs/performance.md of it. torch, jax, numba and a C compiler are no dependencies of
lstm97: what is not there is left out. threadpoolctl comes with scikit-learn.
"""

import os

# Before anything is imported that starts threads.
for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

from run import main  # noqa: E402

main(__doc__)
