"""Sequences of unequal lengths side by side, without padding."""

import numpy as np


class Packing:
    """Order of the steps of a batch, by time, with the longest sequences first.

    Parameters
    ----------
    starts, lengths : ndarray of int of shape (n_sequences,)

    Attributes
    ----------
    active : ndarray of int of shape (longest,)
        Number of sequences that run at each step.
    sequence, time : ndarray of int of shape (n_rows,)
        The sequence of a row, and the step in it.
    step : ndarray of int of shape (n_rows,)
        The place of a row in the flat steps.
    """

    def __init__(self, starts, lengths):
        order = np.argsort(-lengths, kind="stable")
        times = np.arange(lengths[order[0]], dtype=np.intp)
        self.lengths = lengths
        self.active = np.searchsorted(-lengths[order], -times)
        first = np.cumsum(self.active) - self.active
        self.time = np.repeat(times, self.active)
        self.sequence = order[np.arange(len(self.time)) - first[self.time]]
        self.step = starts[self.sequence] + self.time

    def last(self):
        """Return the rows of last steps."""
        return np.flatnonzero(self.time == self.lengths[self.sequence] - 1)

    def due(self, y):
        """Return the rows that have a target, and the targets' rows in y.values."""
        rows = np.arange(len(self.time)) if y.every else self.last()
        places = y.first[self.sequence[rows]]
        if y.every:
            places = places + self.time[rows]
        kept = ~np.isnan(y.values[places]).all(axis=1)
        return rows[kept], places[kept]
