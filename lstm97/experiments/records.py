"""Parts of records that trials on sets and trials on streams share."""

import numpy as np

# Number of points of the learning curve in a record.
CURVE_POINTS = 40


def origin(setting, trial, seed):
    """Return the fields that name the trial of a record."""
    return {
        "id": setting.id,
        "method": setting.method,
        "trial": trial,
        "seed": seed,
        "setting": setting.digest,
    }


def curve(values):
    """Reduce the numbers of all chunks to a few, each the mean over several chunks."""
    parts = np.array_split(values, min(CURVE_POINTS, max(1, len(values))))
    return [number(float(f"{part.mean():.4g}")) for part in parts if len(part)]


def number(x):
    """Return a float, or None for NaN and infinity, which JSON cannot hold."""
    return float(x) if np.isfinite(x) else None
