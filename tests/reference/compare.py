"""Helpers for comparisons with a twin: targets per step and central differences."""

import numpy as np


def targets_of(y, i, length):
    """Return targets and weights of sequence i as the twin takes them: one entry per step."""
    rows = [y.first[i] + t if y.every else y.first[i] for t in range(length)]
    due = [y.every or t == length - 1 for t in range(length)]
    due = [d and not np.isnan(y.values[row]).all() for d, row in zip(due, rows, strict=True)]
    return [y.values[r].tolist() if d else None for r, d in zip(rows, due, strict=True)], [
        float(y.weight[r]) for r in rows
    ]


def numeric_gradient(loss, weights, step=1e-5):
    """Return the descent direction of a loss by central differences."""
    numeric = np.empty_like(weights)
    for m in range(len(weights)):
        values = []
        for sign in (1.0, -1.0):
            moved = weights.copy()
            moved[m] += sign * step
            values.append(loss(moved))
        numeric[m] = (values[1] - values[0]) / (2.0 * step)
    return numeric


def worst_relative(a, b, floor):
    return float((np.abs(a - b) / np.maximum(np.abs(b), floor)).max())
