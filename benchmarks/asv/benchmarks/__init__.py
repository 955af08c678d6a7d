"""Benchmarks for airspeed velocity, which compares the speed of commits.

    cd benchmarks/asv
    asv run --python=same --quick      run each once, with the installed package
    asv continuous HEAD~1 HEAD         compare this commit with the one before

`benchmarks/speed/compare` compares this package with other software.
"""
