"""Workers for this package, through its estimators or its kernels."""

from measure import Worker

from lstm97 import LSTMRegressor
from lstm97._kernels.team import TeamNetwork
from lstm97.experiments.settings import load_settings

N_TOGETHER = 16


def adding_net():
    """Return the net and the rates of Experiment 4."""
    return load_settings()["exp4-100"].make_estimator().set_params(random_state=0)


def on_line(model, X, y, **first):
    """Train by `partial_fit`, as users do; the time includes its checks of X and y."""
    model.partial_fit(X, y, **first)
    return Worker(lambda: model.partial_fit(X, y), len(X))


def kernel(model, X, y, **first):
    """Train without the checks."""
    learner, X, y = learner_of(model, X, y, **first)
    return Worker(lambda: learner.learn(X, y), len(X))


def learner_of(model, X, y, **first):
    """Return a learner on the model's initial weights, and checked sequences and targets."""
    model.partial_fit(X[:1], y[:1], **first)
    X, y = model._check(X, y, reset=False)
    model._initialize(model._generator())
    return model._make_learner(), X, y


def batch_net(n_cells, gradient):
    """Return a net of many cells that learns from batches of 64 in single precision."""
    return LSTMRegressor.as_published(
        n_cells, 1, recurrence="cells", gradient=gradient, batch_size=64, dtype="float32",
        solver="sgd", momentum=0.0, learning_rate=1e-3, random_state=0,
    )  # fmt: skip


def small_batch_net(n_cells, gradient):
    """Return a net that learns from batches of 16 by Adam, in double precision."""
    return LSTMRegressor.as_published(
        n_cells, 1, recurrence="cells", gradient=gradient, batch_size=16, solver="adam",
        learning_rate=1e-3, random_state=0,
    )  # fmt: skip


def predict(model, X, y):
    """Predict after a little training."""
    model.partial_fit(X[:64], y[:64])
    model.predict(X)
    return Worker(lambda: model.predict(X), len(X))


def lockstep(X, y):
    """Train 16 nets of Experiment 4 at a time; an item is one sequence of one of them."""
    learner, X, y = learner_of(adding_net(), X, y)
    jobs = [(learner.weights.copy(), X, y) for _ in range(N_TOGETHER)]
    team = TeamNetwork(learner.topology)
    return Worker(lambda: team.learn(jobs, learner.learning_rate), N_TOGETHER * len(X))
