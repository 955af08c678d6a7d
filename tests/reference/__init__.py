"""Slow twins of the kernels, random nets and data to compare them on, fingerprints."""
