"""Fits of the study: nets of lstm97 by a setting given as a dict, torch's LSTM, usual classifiers.

The schedules that the study compares go beyond the estimators' parameters, so the loop over batches
stands here, around the estimators' own learners.
"""

import math
from dataclasses import replace

import numpy as np

from lstm97 import LSTMClassifier, LSTMRegressor, Sequences
from lstm97.learning.solvers import Adam

# How `fit` learns; everything else in a setting is a parameter of the estimator.
SCHEDULE = {
    "updates": 1000,  # at least so many,
    "passes": 3,  # and at least so many times every sequence
    "rate": 0.02,
    "last": 0.1,  # the last rate, as a fraction of the first
    "fall": "line",
    "average": 0.0,  # the last part of the fit over which weights are averaged
    "clip": None,  # largest norm of a gradient
    "decay": 0.0,  # of weights, times the rate
    "piece": None,  # longest piece of a sequence with a target at each step
    "warm": 0.0,  # the first part of the fit, in which the rate rises
    "beta2": None,
    "online": False,
    "most": None,  # the most updates
    "noise": 0.0,  # deviation of the noise added to the inputs, drawn for each pass
    "smooth": 0.0,  # the part of each label that is spread evenly over all classes
}


def standardised(train, *others):
    """Return sequences with each channel of mean 0 and deviation 1 over the steps of the first."""
    flat = np.concatenate(train.to_list())
    mean, deviation = flat.mean(axis=0), flat.std(axis=0)
    deviation[deviation == 0.0] = 1.0
    return [
        Sequences.from_lengths((np.concatenate(X.to_list()) - mean) / deviation, X.lengths)
        for X in (train, *others)
    ]


def rate_at(done, setting):
    """Return the learning rate after a fraction of the fit."""
    first, last = setting["rate"], setting["rate"] * setting["last"]
    if done < setting["warm"]:
        return first * done / setting["warm"]
    if setting["fall"] == "line":
        return first + (last - first) * done
    if setting["fall"] == "cosine":
        return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
    if setting["fall"] == "late":  # constant, then a line over the second half
        return first + (last - first) * max(0.0, 2 * done - 1)
    if setting["fall"] == "power":
        return first * setting["last"] ** done
    return first


def cut(X, y, piece):
    """Cut sequences with a target at each step into pieces of about equal length."""
    if piece is None or np.ndim(y[0]) == 0:
        return X, y
    parts = [
        (part, tags)
        for x, t in zip(X, y, strict=True)
        for part, tags in zip(
            np.array_split(x, math.ceil(len(x) / piece)),
            np.array_split(np.asarray(t), math.ceil(len(x) / piece)),
            strict=True,
        )
    ]
    return Sequences.from_list([p for p, _ in parts]), [t for _, t in parts]


def fit_net(setting, X, y, seed, is_regression):
    """Fit a net of lstm97 to standardised sequences; return its `predict`."""
    parameters = {k: v for k, v in setting.items() if k not in SCHEDULE}
    setting = SCHEDULE | {k: v for k, v in setting.items() if k in SCHEDULE}
    if is_regression:
        parameters = {k: v for k, v in parameters.items() if k not in {"loss", "output_activation"}}
        centre, spread = np.mean(y), np.std(y)
        y = (y - centre) / spread
    kind = LSTMRegressor if is_regression else LSTMClassifier
    batch = parameters["batch_size"]
    if setting["online"]:
        parameters["batch_size"], batch = None, 1
    model = kind(**parameters, standardize=False, random_state=seed)
    X, y = cut(X, y, setting["piece"])
    sequences, targets = model._prepare(X, y, None, False)
    if setting["smooth"]:
        values = targets.values
        spread_out = setting["smooth"] / values.shape[1]
        targets = replace(targets, values=values * (1 - setting["smooth"]) + spread_out)
    rng = model._generator()
    model._initialize(rng)
    learner = model._make_learner(rng)
    n_updates = max(setting["updates"], setting["passes"] * math.ceil(len(X) / batch))
    if setting["most"]:
        n_updates = min(n_updates, setting["most"])
    (run_online if setting["online"] else run_batches)(
        learner, sequences, targets, rng, n_updates, batch, setting
    )
    model._keep(learner)
    model.n_iter_ = 1
    if is_regression:
        return lambda X: model.predict(X) * spread + centre
    return model.predict


def run_batches(learner, X, y, rng, n_updates, batch, setting):
    """Change the weights once per batch."""
    move = Mover(learner, setting)
    recent, done = [], 0
    while done < n_updates:
        order = rng.permutation(len(X))
        X_now = noisy(X, setting["noise"], rng)[order]
        y_now = y[order]
        for start in range(0, min(len(X), (n_updates - done) * batch), batch):
            part = slice(start, start + batch)
            results, gradient = learner._gradient(X_now[part], y_now[part])
            if not np.isfinite(results).all():
                return
            move(gradient / len(results), rate_at(done / n_updates, setting))
            done += 1
            if done > n_updates * (1 - setting["average"]):
                recent.append(learner.weights)
    if recent:
        learner.weights = np.mean(recent, axis=0)


def noisy(X, deviation, rng):
    """Return sequences with normal noise on the inputs."""
    if not deviation:
        return X
    return Sequences.from_lengths(X.flat + deviation * rng.normal(size=X.flat.shape), X.lengths)


class Mover:
    """Adam, with the options that the package's own lacks."""

    def __init__(self, learner, setting):
        self.learner, self.setting = learner, setting
        self.mean = self.square = 0.0
        self.n = 0

    def __call__(self, gradient, rate):
        setting, learner = self.setting, self.learner
        if setting["clip"]:
            gradient = gradient * min(1.0, setting["clip"] / (np.linalg.norm(gradient) + 1e-12))
        if setting["decay"]:
            learner.weights = learner.weights * (1 - rate * setting["decay"])
        if setting["beta2"] is None:
            learner.solver = Adam(rate)
            learner._move(gradient)
            return
        beta = setting["beta2"]
        self.n += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = beta * self.square + (1 - beta) * gradient**2
        mean, square = self.mean / (1 - 0.9**self.n), self.square / (1 - beta**self.n)
        learner.weights = learner.weights + rate * mean / (np.sqrt(square) + 1e-8)


def run_online(learner, X, y, rng, n_updates, batch, setting):
    """Change the weights at each step that has a target, or after each sequence."""
    done = 0
    per = max(1, min(len(X), n_updates // 100))
    while done < n_updates:
        order = rng.permutation(len(X))
        for start in range(0, len(X), per):
            part = order[start : start + per]
            learner.learning_rate = rate_at(done / n_updates, setting)
            learner.learn(X[part], y[part])
            if not learner.is_finite():
                return
            done += len(part)
            if done >= n_updates:
                break


def fit_torch(X, y, seed, is_regression, units=32, rate=0.01, batch=16, epochs=60):
    """Fit torch's LSTM by the usual recipe; return its `predict`."""
    import torch
    from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    every = np.ndim(y[0]) > 0
    flat = np.concatenate(y) if every else np.asarray(y)
    if is_regression:
        centre, spread = flat.mean(), flat.std()
        values = torch.tensor((flat - centre) / spread, dtype=torch.float32)[:, None]
        n_outputs, loss_of = 1, torch.nn.functional.mse_loss
    else:
        classes, codes = np.unique(flat, return_inverse=True)
        values, n_outputs = torch.tensor(codes), len(classes)
        loss_of = torch.nn.functional.cross_entropy
    rows = [torch.tensor(x, dtype=torch.float32) for x in X]
    values = torch.split(values, X.lengths.tolist() if every else 1)
    lstm = torch.nn.LSTM(X.n_features, units, batch_first=True)
    linear = torch.nn.Linear(units, n_outputs)
    weights = [*lstm.parameters(), *linear.parameters()]

    def outputs(rows):
        """Return one row of outputs per target."""
        packed = pack_sequence(rows, enforce_sorted=False)
        hidden, lengths = pad_packed_sequence(lstm(packed)[0], batch_first=True)
        if every:
            return linear(hidden[torch.arange(hidden.shape[1])[None] < lengths[:, None]])
        return linear(hidden[torch.arange(len(rows)), lengths - 1])

    adam = torch.optim.Adam(weights, lr=rate)
    for _ in range(epochs):
        for part in torch.randperm(len(rows)).split(batch):
            loss = loss_of(outputs([rows[i] for i in part]), torch.cat([values[i] for i in part]))
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()

    @torch.no_grad()
    def predict(X):
        found = [outputs([torch.tensor(x, dtype=torch.float32)]) for x in X]
        if is_regression:
            return np.concatenate([each[:, 0] * spread + centre for each in found])
        found = [classes[each.argmax(1).numpy()] for each in found]
        return found if every else np.concatenate(found)

    return predict


def fit_usual(name, X, y):
    """Fit a usual classifier of time series, see docs/examples/usual.py; return its `predict`."""
    from usual import usual_classifiers

    X = X.to_list()
    longest = max(9, *map(len, X))  # MiniRocket needs 9 steps
    model = usual_classifiers(longest)[name].fit(X, y)
    return lambda X: model.predict(X.to_list())
