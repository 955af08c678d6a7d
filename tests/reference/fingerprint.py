"""Hashes of trained weights: the same for every build, on every machine.

Run as a script, this file prints them, to compare builds.
"""

import hashlib
import json
from dataclasses import replace
from functools import partial

import numpy as np

from lstm97.estimators import CascadeCorrelationRegressor, LSTMClassifier, LSTMRegressor
from lstm97.learning.batch import BatchLearner
from lstm97.learning.chunker import ChunkerLearner
from lstm97.learning.network import NetworkLearner
from lstm97.learning.solvers import Adam, GradientDescent
from lstm97.learning.topology import Topology
from lstm97.tasks import TASKS
from reference.cases import random_problem

NETS = {
    "paper": {},
    "sequence": {"n_blocks": 3, "block_size": 3, "n_hidden": 2},
    "sparse": {"n_inputs": 40, "recurrence": "cells", "shortcut": True},
    "softmax": {"output_activation": "softmax", "loss": "log_loss", "n_outputs": 5},
    "log loss": {"loss": "log_loss", "input_gate": False, "cell_activation": "logistic"},
    "identity": {"state_activation": "identity", "output_gate": False, "recurrence": "none"},
    "full": {"n_blocks": 3, "block_size": 2, "n_hidden": 3},
    "recurrent": {"n_blocks": 0, "n_hidden": 5, "recurrent_outputs": True, "output_bias": False},
    "wide": {"n_blocks": 10, "block_size": 5, "n_hidden": 10},
    "one cell": {"n_blocks": 1, "block_size": 1},
    # Those above keep their data, because the seed is the place in this table.
    "cells": {"recurrence": "cells"},
    "none": {"recurrence": "none", "n_blocks": 3, "block_size": 3, "n_hidden": 2},
    "forget": {"forget_gate": True},
    "forget 2000": {
        "forget_gate": True, "n_blocks": 4, "recurrence": "cells", "cell_bias": False,
        "shortcut": True,
    },
    "forget wide": {"forget_gate": True, "n_blocks": 20, "block_size": 1, "n_hidden": 3},
    "forget sequence": {"forget_gate": True, "n_blocks": 3, "n_hidden": 2},
    "forget full": {"forget_gate": True, "n_blocks": 3, "block_size": 3},
    "adam": {"forget_gate": True, "n_blocks": 3, "block_size": 3, "cell_bias": False},
    "adam sparse": {"n_inputs": 40, "n_hidden": 2, "shortcut": True},
    "adam sequence": {"n_blocks": 3, "block_size": 1, "output_bias": False},
}  # fmt: skip
# Forms of the gradient; all others go forward in time.
FORMS = {
    "sequence": "truncated-backward",
    "sparse": "truncated-backward",
    "full": "full-backward",
    "forget sequence": "truncated-backward",
    "forget full": "full-backward",
    "adam sequence": "truncated-backward",
    "recurrent": "full-forward",
}

GRADIENTS = ("truncated", "full")

# Nets that may get forget gates which stay open, and change nothing: no gates are fed back.
WITHOUT_FORGET_GATES = ("sparse", "identity", "cells", "none")


def fingerprints():
    """Train each net a little; return the first half of the SHA-256 of its weights."""
    others = {"adding": _adding, "chunker": _chunker, "cascade": _cascade}
    others |= {f"batches, {gradient}": partial(_batches, gradient) for gradient in GRADIENTS}
    others["defaults, classes"] = partial(_defaults, LSTMClassifier)
    others["defaults, numbers"] = partial(_defaults, LSTMRegressor)
    hashes = {name: _digest(train()) for name, train in others.items()}
    for name in NETS:
        hashes[name] = _digest(_trained(name, *_problem(name)))
    return hashes


def _defaults(Estimator):
    """Fit by the default settings, then learn a stream; return weights and statistics."""
    rng = np.random.default_rng(0)
    X = [rng.normal(500.0, 3.0, (rng.integers(3, 20), 2)) for _ in range(40)]
    y = np.array([x[0, 0] + x[-1, 1] for x in X])
    labels = Estimator is LSTMClassifier
    model = Estimator(max_iter=3, random_state=0).fit(X, y > 1000.0 if labels else y)
    fresh = Estimator(random_state=0).stream(2, **({"classes": [False, True]} if labels else {}))
    for stream in (model.stream(), fresh):
        stream.learn_many(X[0], X[0][:, 0] > 500.0 if labels else X[0][:, 0])
    nets = [model, stream.to_estimator(), fresh.to_estimator()]
    parts = [[net.weights_, net.x_scaling_.mean, net.x_scaling_.scale] for net in nets]
    return np.concatenate([part for each in parts for part in each])


def open_fingerprint(name):
    """Train a net with forget gates that stay open; return the hash of all other weights."""
    plain, weights, X, y = _problem(name)
    topology = replace(plain, forget_gate=True)
    weights = plain.grown_weights(weights, topology, np.zeros(topology.n_weights))
    # The logistic function of 40 is 1, and its slope 0, to the last bit.
    topology.views(weights)["forget_gate"][-1] = 40.0
    views = topology.views(_trained(name, topology, weights, X, y))
    return _digest(np.concatenate([views[group].ravel() for group in plain.slices]))


def _problem(name):
    """Draw a net's first weights, sequences and targets."""
    rng = np.random.default_rng(list(NETS).index(name))
    topology = Topology(**{"n_inputs": 3, "n_outputs": 2, **NETS[name]})
    is_sparse = "sparse" in name
    return topology, *random_problem(
        rng, topology, n_sequences=40, longest=12, is_sparse=is_sparse, every=True
    )


def _trained(name, topology, weights, X, y):
    """Return a net's weights after one epoch."""
    form = FORMS.get(name, "truncated-forward")
    update = "sequence" if form in ("truncated-backward", "full-backward") else "step"
    state = Adam(0.1).start(topology.n_weights) if name.startswith("adam") else None
    learner = NetworkLearner(topology, weights, 0.1, form, update, state=state)
    learner.learn(X, y)
    return learner.weights


def _adding():
    rng = np.random.default_rng(97)
    topology = Topology(n_inputs=2, n_outputs=1, output_activation="linear")
    weights = topology.initial_weights(rng, 0.1, {"input_gate": [-3.0, -6.0]})
    learner = NetworkLearner(topology, weights, 0.5, "truncated-forward", "step")
    learner.learn(*TASKS["adding"](T=50).draw(100, rng))
    return learner.weights


def _chunker():
    rng = np.random.default_rng(92)
    sizes = {"n_inputs": 3, "n_blocks": 0, "n_hidden": 4, "shortcut": True}
    chunker = Topology(n_outputs=2 + 3, **sizes)
    automatizer = Topology(n_outputs=2 + 3 + 4 + 5, **sizes)
    task = Topology(n_inputs=3, n_outputs=2)
    _, X, y = random_problem(rng, task, n_sequences=40, longest=12, every=True)
    weights = rng.uniform(-0.8, 0.8, automatizer.n_weights + chunker.n_weights)
    learner = ChunkerLearner(automatizer, chunker, 2, weights, 0.1, 0.5)
    learner.learn(X, y)
    return learner.weights


def _cascade():
    rng = np.random.default_rng(91)
    _, X, y = random_problem(rng, Topology(n_inputs=3, n_outputs=2), n_sequences=40, every=True)
    model = CascadeCorrelationRegressor.as_published(max_hidden=3, patience=3, random_state=0)
    model._build(3, 2)
    model._initialize(rng)
    learner = model._make_learner()
    for _ in range(60):
        learner.learn(X, y)
    return learner.weights


def _batches(gradient):
    rng = np.random.default_rng(90)
    topology = Topology(n_inputs=3, n_outputs=2, n_blocks=3, n_hidden=2, forget_gate=True)
    weights, X, y = random_problem(rng, topology, n_sequences=90, longest=40)
    solver = GradientDescent(0.1, 0.9)
    learner = BatchLearner(topology, weights, 37, solver, gradient, "float64")
    learner.learn(X, y)
    return learner.weights


def _digest(weights):
    return hashlib.sha256(weights.astype("<f8").tobytes()).hexdigest()[:32]


if __name__ == "__main__":
    print(json.dumps(fingerprints(), indent=1))
