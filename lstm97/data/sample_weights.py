"""Checks of `sample_weight` and `class_weight`, which say how much each target counts."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from lstm97.data.checks import as_numbers, brief, naming, refuse_masked, repeated
from lstm97.data.containers import as_array, stated_ndim, unpack
from lstm97.data.targets import flatten_steps, has_steps, place

# Products and sums of weights up to this are finite.
LARGEST = 1e100


def row_weights(sample_weight, lengths, every, of="X", may_be_zero=False):
    """Check sample weights, and return one for each row of the targets.

    Parameters
    ----------
    sample_weight : array-like or None
        One number per sequence or, with targets per step, one array of numbers per sequence. The
        arrays are nested as targets per step are, or form a 2-D array if all sequences have the
        same length.
    lengths : ndarray of int of shape (n_sequences,)
        Number of steps of each sequence.
    every : bool
        Whether the targets have one row per step.
    of : str, default="X"
        Name, in error messages, of what has these lengths.
    may_be_zero : bool, default=False
        Whether all weights may be zero.

    Returns
    -------
    weight : ndarray of shape (n_rows,) or None
        None if `sample_weight` is None.
    """
    if sample_weight is None:
        return None
    refuse_masked(sample_weight, "sample_weight")
    with naming("sample_weight"):
        sample_weight = unpack(sample_weight)
    if has_steps(sample_weight) or stated_ndim(sample_weight) == 2:
        return _step_weights(sample_weight, lengths, every, of, may_be_zero)
    weight = as_numbers(sample_weight, "sample_weight")
    if weight.ndim != 1:
        raise ValueError(
            f"sample_weight must hold one number per sequence, but it is {weight.ndim}-D"
        )
    if len(weight) != len(lengths):
        raise ValueError(
            f"sample_weight has {len(weight)} numbers, but {of} has {len(lengths)} sequences"
        )
    _check(weight, may_be_zero=may_be_zero)
    return repeated(weight, lengths) if every else weight


def _step_weights(sample_weight, lengths, every, of, may_be_zero):
    """Check weights per step, and join those of all sequences."""
    if not every:
        raise ValueError(
            "sample_weight holds weights per step, but the targets are for the last step"
        )
    if not has_steps(sample_weight):
        with naming("sample_weight"):
            sample_weight = list(as_array(sample_weight))
    flat = flatten_steps(sample_weight, lengths, "sample_weight", of)
    weight = as_numbers(flat, "sample_weight")
    if weight.ndim == 2 and weight.shape[1] == 1:
        weight = weight[:, 0]
    if weight.ndim != 1:
        raise ValueError(
            f"sample_weight must hold one number per step, but it holds {weight.shape[1]}"
        )
    _check(weight, lengths, may_be_zero)
    return weight


def _check(weight, lengths=None, may_be_zero=False):
    """Refuse weights that are negative, too large, not finite, or all zero if they may not be."""
    bad = ~((weight >= 0.0) & (weight <= LARGEST))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"sample_weight contains {weight[row]} {place(row, lengths)}; weights must be finite, "
            f"not negative, and at most {LARGEST:g}"
        )
    if not (may_be_zero or weight.any()):
        raise ValueError("sample_weight is zero for all targets: there is nothing to learn")


def class_weights(class_weight, classes, codes, weight):
    """Return how much each class counts.

    Parameters
    ----------
    class_weight : dict or "balanced"
        Weights by label; missing labels have weight 1. "balanced" gives all classes that occur the
        same total weight.
    classes : ndarray of shape (n_classes,)
        Labels.
    codes : ndarray of int of shape (n_rows,)
        Index of the class of each row.
    weight : ndarray of shape (n_rows,)
        How much each row counts before the classes are weighted.

    Returns
    -------
    weights : ndarray of shape (n_classes,)
    """
    if class_weight == "balanced":
        total = np.bincount(codes, weight, minlength=len(classes))
        share = weight.sum() / max(1, np.count_nonzero(total))
        return np.divide(share, total, out=np.zeros(len(classes)), where=total > 0.0)
    labels = set(classes.tolist())
    unknown = [label for label in class_weight if label not in labels]
    if unknown and not labels <= class_weight.keys():
        names = brief(classes.tolist())
        raise ValueError(f"class_weight has {unknown[0]!r}, but the classes are {names}")
    with naming("class_weight"):
        weights = compute_class_weight(class_weight, classes=classes, y=classes[codes])
    if not ((weights >= 0.0) & (weights <= LARGEST)).all():
        raise ValueError(
            f"class_weight={class_weight}: weights must be finite, not negative, and at most "
            f"{LARGEST:g}"
        )
    return weights
