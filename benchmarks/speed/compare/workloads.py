"""The workloads: competitors for each, and goals for the ratios of their times."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import NamedTuple

import numpy as np
import ours
from goals import Goal

from lstm97 import LSTMRegressor, Sequences
from lstm97.experiments.settings import load_settings
from lstm97.tasks import make_adding, make_embedded_reber, make_long_lag


class Workload(NamedTuple):
    """One comparison.

    Attributes
    ----------
    title : str
    makers : dict of str to callable
        Functions that make the Worker of each competitor, by its name.
    goals : list of Goal
    """

    title: str
    makers: dict[str, Callable]
    goals: list[Goal]


def other(library, function, *args):
    """Return a function that makes a worker, and imports its library only when it is called."""
    return lambda: getattr(import_module(f"with_{library}"), function)(*args)


def adding(T, n, n_others, goals):
    """Experiment 4 on line."""
    X, y = make_adding(n, T=T, rng=0)
    model = ours.adding_net()
    goals = [
        *goals,
        Goal("lstm97 kernel", "limit", 1.15, at_most=True),
        Goal("lstm97", "limit", 1.25, at_most=True),
    ]
    makers = {
        "lstm97": partial(ours.on_line, ours.adding_net(), X, y),
        "lstm97 kernel": partial(ours.kernel, ours.adding_net(), X, y),
        "torch": other("torch", "on_line", X, y, n_others, model.n_blocks * model.block_size),
        "JAX": other("jax", "on_line", X, y, n_others, model.n_blocks * model.block_size),
        "Numba": other("numba", "on_line", ours.adding_net(), X, y),
        "limit": other("limit", "on_line", ours.adding_net(), X, y),
    }
    return Workload(f"Experiment 4 (adding), T={T}, 4 cells, on line", makers, goals)


def adding_100():
    goals = [Goal("torch", "lstm97", 110), Goal("JAX", "lstm97", 30)]
    return adding(100, 1000, 20, goals)


def adding_1000():
    goals = [Goal("torch", "lstm97", 30), Goal("JAX", "lstm97", 7)]
    return adding(1000, 100, 3, goals)


def long_lag():
    X, y = make_long_lag(200, q=1000, p=1000, rng=0)
    model = load_settings()["exp2c-1000-1000"].make_estimator().set_params(random_state=0)
    rows = np.eye(2)[y]
    makers = {
        "lstm97": partial(ours.on_line, model, X, y, classes=[0, 1]),
        "torch": other("torch", "on_line", X, rows, 3, model.n_blocks * model.block_size),
    }
    title = "Experiment 2c (long lag), q=p=1000, 2 cells, one-hot input, on line"
    return Workload(title, makers, [Goal("torch", "lstm97", 100)])


def reber():
    X, y = make_embedded_reber(1000, rng=0)
    model = load_settings()["exp1-lstm-3x2-0.5"].make_estimator().set_params(random_state=0)
    symbols = {"classes": range(X.n_features)}
    rows = [np.eye(X.n_features)[part] for part in y]
    makers = {
        "lstm97": partial(ours.on_line, model, X, y, **symbols),
        "lstm97 kernel": partial(ours.kernel, model, X, y, **symbols),
        "torch": other("torch", "every_step", X, rows, 50, model.n_blocks * model.block_size),
    }
    title = "Experiment 1 (embedded Reber grammar), 6 cells, a target at every step, on line"
    return Workload(title, makers, [Goal("torch", "lstm97", 100)])


def features(n, n_steps, n_features):
    """Draw random sequences of one length, and random targets."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, n_steps, n_features)).astype(np.float32)
    return x, rng.random(n)


def batches(n_cells, truncated, full):
    """Batches of 64 sequences with 16 features, T=100; bounds of both gradients."""
    x, y = features(64, 100, 16)
    X = Sequences.from_padded(x, pad=None)
    makers = {
        f"lstm97 {gradient}": partial(ours.on_line, ours.batch_net(n_cells, gradient), X, y)
        for gradient in ("truncated", "full")
    }
    makers["torch"] = other("torch", "batches", x, y, 64, n_cells)
    goals = [Goal("torch", "lstm97 truncated", truncated), Goal("torch", "lstm97 full", full)]
    return Workload(f"Batches of 64, T=100, 16 features, {n_cells} cells", makers, goals)


def small_batches(n_steps, n_features):
    """Batches of 16 sequences, 16 cells, Adam, double precision."""
    x, y = features(160, n_steps, n_features)
    X = Sequences.from_padded(x, pad=None)
    makers = {
        f"lstm97 {gradient}": partial(ours.on_line, ours.small_batch_net(16, gradient), X, y)
        for gradient in ("truncated", "full")
    }
    makers["torch"] = other("torch", "adam_batches", x, y, 16, 16)
    goals = [Goal("torch", f"lstm97 {gradient}", 1) for gradient in ("truncated", "full")]
    title = f"Batches of 16, Adam, double precision, T={n_steps}, 16 cells, features: {n_features}"
    return Workload(title, makers, goals)


def predict(n, model, n_cells, bound):
    """Outputs for sequences with 2 features, T=100."""
    x, y = features(n, 100, 2)
    X = Sequences.from_padded(x, pad=None)
    makers = {
        "lstm97": partial(ours.predict, model, X, y),
        "torch": other("torch", "predict", x, 256, n_cells),
    }
    title = f"Prediction, T=100, {n:,} sequences, {n_cells} cells; torch in batches of 256"
    return Workload(title, makers, [Goal("torch", "lstm97", bound)])


def lockstep():
    X, y = make_adding(1000, rng=0)
    makers = {
        "one trial": partial(ours.kernel, ours.adding_net(), X, y),
        "16 in lockstep": partial(ours.lockstep, X, y),
    }
    title = "Experiment 4, T=100: 16 trials in the lanes of one core's vectors"
    return Workload(title, makers, [Goal("one trial", "16 in lockstep", 2)])


WORKLOADS = {
    "adding-100": adding_100,
    "adding-1000": adding_1000,
    "long-lag": long_lag,
    "reber": reber,
    "batch-128": lambda: batches(128, 2, 1),
    "batch-512": lambda: batches(512, 1, 1),
    "batch-16-24-1": lambda: small_batches(24, 1),
    "batch-16-24-12": lambda: small_batches(24, 12),
    "batch-16-100-1": lambda: small_batches(100, 1),
    "batch-16-100-12": lambda: small_batches(100, 12),
    "predict-4": lambda: predict(10_000, LSTMRegressor.as_published(random_state=0), 4, 5),
    "predict-16": lambda: predict(4_096, ours.small_batch_net(16, "truncated"), 16, 1),
    "predict-128": lambda: predict(2_048, ours.batch_net(128, "truncated"), 128, 1),
    "lockstep": lockstep,
}
