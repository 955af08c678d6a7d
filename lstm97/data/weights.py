"""What each target counts: `sample_weight`, per sequence or per step, and `class_weight`."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from lstm97.data.checks import as_numbers, naming, refuse_masked
from lstm97.data.targets import flatten_steps, has_steps, place

LARGEST = 1e100  # products and sums of such weights are finite


def row_weights(sample_weight, lengths, every):
    """Check sample weights and give each row of the targets its own.

    Parameters
    ----------
    sample_weight : array-like or None
        One number per sequence or, with targets per step, one array of numbers per sequence: nested
        as targets per step are, or a 2-D array, where sequences have the same length.
    lengths : ndarray of int of shape (n_sequences,)
        Steps of each sequence.
    every : bool
        Targets, and their rows, are per step.

    Returns
    -------
    weight : ndarray of shape (n_rows,) or None
    """
    if sample_weight is None:
        return None
    refuse_masked(sample_weight, "sample_weight")
    if has_steps(sample_weight) or getattr(sample_weight, "ndim", 1) == 2:
        with naming("sample_weight"):
            return _step_weights(sample_weight, lengths, every)
    weight = as_numbers(sample_weight, "sample_weight")
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must hold one number per sequence, it is {weight.ndim}-D")
    if len(weight) != len(lengths):
        raise ValueError(f"sample_weight has {len(weight)} numbers, X has {len(lengths)} sequences")
    _check(weight)
    return np.repeat(weight, lengths) if every else weight


def _step_weights(sample_weight, lengths, every):
    if not every:
        raise ValueError(
            "sample_weight holds weights per step, but the targets are for the last step"
        )
    if not has_steps(sample_weight):
        sample_weight = list(np.asarray(sample_weight))
    weight = as_numbers(flatten_steps(sample_weight, lengths, "sample_weight"), "sample_weight")
    if weight.ndim == 2 and weight.shape[1] == 1:
        weight = weight[:, 0]
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must hold one number per step, not {weight.shape[1]}")
    _check(weight, lengths)
    return weight


def _check(weight, lengths=None):
    """Refuse what is no weight."""
    bad = ~((weight >= 0.0) & (weight <= LARGEST))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"sample_weight contains {weight[row]} {place(row, lengths)}; weights are finite, not "
            f"negative, at most {LARGEST:g}"
        )
    if not weight.any():
        raise ValueError("sample_weight is zero throughout: there is nothing to learn")


def class_weights(class_weight, classes, codes, weight):
    """Return what each class counts.

    Parameters
    ----------
    class_weight : dict or "balanced"
        From labels to numbers, those left out count 1; or such numbers that all classes that occur
        count the same in total.
    classes : ndarray of shape (n_classes,)
    codes : ndarray of int of shape (n_rows,)
        Which class each row has.
    weight : ndarray of shape (n_rows,)
        What each row counts without this.

    Returns
    -------
    weights : ndarray of shape (n_classes,)
    """
    if class_weight == "balanced":
        total = np.bincount(codes, weight, minlength=len(classes))
        share = weight.sum() / max(1, np.count_nonzero(total))
        return np.divide(share, total, out=np.zeros(len(classes)), where=total > 0.0)
    with naming("class_weight"):
        weights = compute_class_weight(class_weight, classes=classes, y=classes[codes])
    if not ((weights >= 0.0) & (weights <= LARGEST)).all():
        raise ValueError(
            f"class_weight={class_weight}: weights are finite, not negative, at most {LARGEST:g}"
        )
    return weights
