"""What a task is to the experiments: sizes of the net's ends, and sequences drawn on line."""

from abc import ABC, abstractmethod

import numpy as np


class Task(ABC):
    """A source of training and test sequences.

    Attributes
    ----------
    n_inputs, n_outputs : int
    """

    n_inputs: int
    n_outputs: int

    @abstractmethod
    def draw(self, n, rng):
        """Draw sequences.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator

        Returns
        -------
        X : Sequences
        y : Targets
        """


def draw_lengths(n, shortest, longest, rng):
    """Draw lengths uniformly; return them, the first step of each sequence, and their sum."""
    lengths = rng.integers(shortest, longest, n, endpoint=True)
    ends = np.cumsum(lengths)
    return lengths, ends - lengths, int(ends[-1])
