"""Speed of this package from commit to commit, for airspeed velocity.

    cd benchmarks/asv
    asv run --python=same --quick      each once, with the package that is installed
    asv continuous HEAD~1 HEAD         this commit beside the one before

How fast other software is, `benchmarks/speed/compare` measures.
"""
