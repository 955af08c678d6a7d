"""Settings of the study: a base, and what is changed in it.

A setting's name says all: ``"A batch_size=4 rate=0.01"`` is A with these two changes, and
``"torch units=64"`` torch's recipe with more units.
"""

from ast import literal_eval

A = {
    "loss": "log_loss",
    "output_activation": "softmax",
    "n_blocks": 32,
    "block_size": 1,
    "recurrence": "cells",
    "cell_activation": "h",
    "input_gate_bias": (0, -5),
    "output_gate_bias": 0.0,
    "init_scale": 0.5,
    "gradient": "full",
    "batch_size": 8,
}
# The best of the study: one sequence per update, and two remedies against learning by heart.
BEST = A | {
    "batch_size": 1,
    "updates": 2000,
    "passes": 8,
    "rate": 0.01,
    "noise": 0.2,
    "smooth": 0.1,
}
# The defaults of the package, and the defaults with other parameters, by the estimators' own `fit`.
BASES = {"A": A, "best": BEST, "default": {}, "torch": {}}
# Classifiers of other packages, for sets with a class per sequence, by their names in usual.py.
USUAL = {
    "MiniRocket": "MiniRocket",
    "DTW": "1-NN, dynamic time warping",
    "SVC": "support vectors",
}
BASES |= {name: {} for name in USUAL}


def setting_of(name):
    """Return the base of a setting and the setting itself, a dict."""
    base, *changes = name.split()
    changed = {}
    for change in changes:
        key, value = change.split("=")
        try:
            changed[key] = literal_eval(value)
        except ValueError:
            changed[key] = value
    return base, BASES[base] | changed
