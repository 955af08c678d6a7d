"""Experiment 3: the first elements of a noisy sequence determine its class."""

import numpy as np

from lstm97.data.checks import brief
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.tasks.base import Task, check_integer, draw_lengths, generator

# Variances of the Gaussian noise on inputs and on targets.
INPUT_NOISE = 0.2
TARGET_NOISE = 0.1


class TwoClasses(Task):
    """Sequences of a few elements near 1 or -1, by class, and then noise.

    Paper, Section 5.3. The target, at the end, depends on the class. Lengths are uniform from T to
    T + T // 10.

    Parameters
    ----------
    T : int
        Shortest length.
    N : int
        Number of elements that depend on the class, from 1 to T.
    noisy_inputs : bool
        Whether these elements are noisy, too, as in Task 3b.
    noisy_targets : bool
        Whether targets are 0.2 and 0.8 instead of 1 and 0, and noisy in training, as in Task 3c.
    """

    n_inputs = 1
    n_outputs = 1

    def __init__(
        self, T: int = 100, N: int = 3, noisy_inputs: bool = False, noisy_targets: bool = False
    ) -> None:
        check_integer("T", T, 1)
        check_integer("N", N, 1)
        if N > T:
            raise ValueError(f"N must be at most T={T}, got {N}")
        for name, value in (("noisy_inputs", noisy_inputs), ("noisy_targets", noisy_targets)):
            if not isinstance(value, bool | np.bool_):
                raise TypeError(f"{name} must be True or False, got {brief(value)}")
        self.T = T
        self.N = N
        self.noisy_inputs = noisy_inputs
        self.noisy_targets = noisy_targets
        self.targets = np.array([0.2, 0.8] if noisy_targets else [1.0, 0.0])
        self.tolerance = 0.1 if noisy_targets else 0.2

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw sequences, see `Task.draw`."""
        X, y = self.draw_test(n, rng)
        if self.noisy_targets:
            y.values[:] += rng.normal(0.0, np.sqrt(TARGET_NOISE), (n, 1))
        return X, y

    def draw_test(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw sequences with targets that are not noisy."""
        lengths, starts, n_steps = draw_lengths(n, self.T, self.T + self.T // 10, rng)
        is_second = rng.integers(2, size=n)
        flat = rng.standard_normal((n_steps, 1))
        flat *= np.sqrt(INPUT_NOISE)
        telling = starts[:, None] + np.arange(self.N)
        if not self.noisy_inputs:
            flat[telling] = 0.0
        flat[telling, 0] += 1.0 - 2.0 * is_second[:, None]
        X = Sequences._trusted(flat, starts, lengths)
        return X, Targets.at_last(self.targets[is_second, None])


def make_two_classes(
    n_sequences: int,
    T: int = 100,
    N: int = 3,
    *,
    noisy_inputs: bool = False,
    noisy_targets: bool = False,
    rng: int | np.random.Generator | None = None,
) -> tuple[Sequences, np.ndarray]:
    """Draw sequences of the two-sequence problem (paper, Section 5.3).

    Parameters
    ----------
    n_sequences : int
        Number of sequences.
    T : int, default=100
        Shortest length. Lengths are uniform from T to T + T // 10.
    N : int, default=3
        Number of elements, at the beginning, that tell the class; from 1 to T.
    noisy_inputs : bool, default=False
        Whether noise of variance 0.2 is added to these elements, too, as in Task 3b.
    noisy_targets : bool, default=False
        Whether targets are 0.2 and 0.8 with noise of variance 0.1, instead of 1 and 0, as in
        Task 3c.
    rng : int, numpy.random.Generator or None, default=None
        Source of the random numbers, or its seed. None means different ones each time.

    Returns
    -------
    X : Sequences
        One feature per step: N times 1 in the first class or N times -1 in the second, then
        Gaussian noise of variance 0.2.
    y : ndarray of shape (n_sequences,)
        Training targets: 1 for the first class and 0 for the second, or noisy ones.

    Examples
    --------
    >>> from lstm97.tasks import make_two_classes
    >>> X, y = make_two_classes(4, rng=1)
    >>> [x[0, 0].item() for x in X]
    [1.0, 1.0, -1.0, -1.0]
    >>> y
    array([1., 1., 0., 0.])
    """
    task = TwoClasses(T, N, noisy_inputs, noisy_targets)
    X, y = task.draw(n_sequences, generator(rng))
    return X, y.values[:, 0]
