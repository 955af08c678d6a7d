"""Experiment 1: predict the next symbols of strings from the embedded Reber grammar."""

from typing import Any

import numpy as np

from lstm97.data.checks import one_hot
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.tasks.base import Judgement, Task, check_count, check_integer, generator

ALPHABET = "BTPSXVE"

# The inner grammar: the symbols that may follow in each state, and the states they lead to. The
# string ends after the last state.
INNER = [
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
]


# The same as lists: the symbols of each state with the states they lead to.
BRANCHES = [[*state.items()] for state in INNER]


def draw_string(rng: np.random.Generator) -> str:
    """Draw B, then T or P, a string of the inner grammar, the same T or P again, and E."""
    outer = "TP"[rng.integers(2)]
    inner, state = "", 0
    while state < len(INNER):
        branches = BRANCHES[state]
        # Where there is one way on, NumPy would draw no number either.
        symbol, state = branches[rng.integers(len(branches)) if len(branches) > 1 else 0]
        inner += symbol
    return f"B{outer}{inner}{outer}E"


def legal(string: str) -> list[str]:
    """Return the symbols that may follow each symbol of a string, except the last."""
    followers, state = ["TP"], 0
    for symbol in string[2:-2]:
        followers.append("".join(INNER[state]))
        state = INNER[state][symbol]
    return [*followers, string[1], "E"]


class EmbeddedReber(Task):
    """A training set and a test set of strings; training draws from its set at random.

    Paper, Section 5.1. A string may occur twice in a set, but no test string is a training string.
    There is no tolerance: the outputs of all legal symbols must exceed those of all others.

    Parameters
    ----------
    n_train, n_test : int
        Number of strings in each set.
    """

    n_inputs = n_outputs = len(ALPHABET)

    def __init__(self, n_train: int = 256, n_test: int = 256) -> None:
        check_integer("n_train", n_train, 1)
        check_integer("n_test", n_test, 1)
        self.n_train = n_train
        self.n_test = n_test
        self._sets: Any = None

    def prepare(self, rng: np.random.Generator) -> None:
        """Draw both sets."""
        train = [draw_string(rng) for _ in range(self.n_train)]
        known = set(train)
        test: list[str] = []
        while len(test) < self.n_test:
            string = draw_string(rng)
            if string not in known:
                test.append(string)
        X, y = _next_symbols(train)
        rows = one_hot(np.concatenate(y), len(ALPHABET)).toarray()
        self._sets = (X, Targets.at_steps(rows, X.lengths)), _all_legal(train + test)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Draw strings from the training set, see `Task.draw`."""
        check_count(n)
        X, y = self._prepared()[0]
        chosen = rng.integers(len(X), size=n)
        return X[chosen], y[chosen]

    def draw_set(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Return the whole training set; `n` and `rng` are not used."""
        return self._prepared()[0]

    def draw_test(self, n: int, rng: np.random.Generator) -> tuple[Sequences, Targets]:
        """Return both sets, training strings first; `n` and `rng` are not used.

        The target is 1 for every symbol that may follow, and 0 for the others.
        """
        return self._prepared()[1]

    def judge(self, learner: Any, X: Sequences, y: Targets) -> Judgement:
        """Judge strings: at every step, each legal symbol must beat all that are not legal.

        See `Task.judge`. The targets must be those of `draw_test`.
        """
        outputs = learner.run(X, every=True)
        starts = np.cumsum(X.lengths) - X.lengths
        targets = y.values[y.rows(X.lengths)]
        is_legal = targets == 1.0
        least = np.where(is_legal, outputs, np.inf).min(axis=1)
        most = np.where(is_legal, -np.inf, outputs).max(axis=1)
        # Not "least <= most": a NaN is wrong.
        wrong = np.logical_or.reduceat(~(least > most), starts)
        errors = np.abs(outputs - targets).mean(axis=1)
        return Judgement(wrong, np.add.reduceat(errors, starts) / X.lengths)

    def _prepared(self) -> tuple[tuple[Sequences, Targets], tuple[Sequences, Targets]]:
        """Return the training sequences and the test sequences that `prepare` has drawn."""
        if self._sets is None:
            raise RuntimeError("EmbeddedReber has no strings yet: call prepare first")
        return self._sets


def _next_symbols(strings: list[str]) -> tuple[Sequences, list[np.ndarray]]:
    """Return the symbols of each string except the last, and the symbols that follow them."""
    symbols = [np.array([*map(ALPHABET.index, string)]) for string in strings]
    lengths = np.array([len(part) - 1 for part in symbols], dtype=np.int64)
    steps = one_hot(np.concatenate([part[:-1] for part in symbols]), len(ALPHABET))
    X = Sequences._trusted(steps, np.cumsum(lengths) - lengths, lengths)
    return X, [part[1:] for part in symbols]


def _all_legal(strings: list[str]) -> tuple[Sequences, Targets]:
    """Return inputs for the strings, and targets of 1 for all symbols that may follow."""
    X, _ = _next_symbols(strings)
    steps = [followers for string in strings for followers in legal(string)]
    rows = {followers: [symbol in followers for symbol in ALPHABET] for followers in set(steps)}
    return X, Targets.at_steps([rows[followers] for followers in steps], X.lengths)


def make_embedded_reber(
    n_sequences: int, *, rng: int | np.random.Generator | None = None
) -> tuple[Sequences, list[np.ndarray]]:
    """Draw strings of the embedded Reber grammar (paper, Section 5.1).

    Parameters
    ----------
    n_sequences : int
        Number of strings.
    rng : int, numpy.random.Generator or None, default=None
        Source of the random numbers, or its seed. None means different ones each time.

    Returns
    -------
    X : Sequences
        One-hot rows of the symbols B, T, P, S, X, V, E; the last E of a string is left out.
    y : list of ndarray of int
        Index of the next symbol in this alphabet, for each step.

    Examples
    --------
    >>> from lstm97.tasks import make_embedded_reber
    >>> X, y = make_embedded_reber(2, rng=1)
    >>> ["B" + "".join("BTPSXVE"[symbol] for symbol in string) for string in y]
    ['BTBPVVETE', 'BTBTXSETE']
    """
    check_count(n_sequences)
    rng = generator(rng)
    return _next_symbols([draw_string(rng) for _ in range(n_sequences)])
