"""Random nets and random data, with unequal lengths and some missing targets."""

import numpy as np
from scipy import sparse

from lstm97._core import Network
from lstm97._kernels.data import Data
from lstm97.data.sequences import Sequences
from lstm97.data.targets import Targets
from lstm97.learning.loop import Training
from lstm97.learning.topology import Topology


def random_topology(rng, **fixed):
    """Draw a net; every switch of the paper's networks may be on or off."""

    def pick(*options):
        return options[rng.integers(len(options))]

    output, loss = pick(
        ("logistic", "squared_error"),
        ("logistic", "log_loss"),
        ("linear", "squared_error"),
        ("softmax", "squared_error"),
        ("softmax", "log_loss"),
    )
    choices = {
        "n_inputs": pick(2, 3, 5),
        "n_outputs": pick(2, 3, 7),
        "n_blocks": pick(1, 2, 3),
        "block_size": pick(1, 2, 3),
        "n_hidden": pick(0, 2),
        "recurrence": pick("all", "cells", "none"),
        "input_gate": pick(True, True, False),
        "output_gate": pick(True, True, False),
        "input_gate_bias": pick(True, False),
        "output_gate_bias": pick(True, False),
        "cell_bias": pick(True, False),
        "output_bias": pick(True, False),
        "shortcut": pick(True, False),
        "cell_activation": pick("g", "h", "logistic"),
        "state_activation": pick("h", "h", "identity"),
        "output_activation": output,
        "loss": loss,
    }
    # A generator of its own: all other draws, also later ones, are those of nets without this gate.
    rng = np.random.Generator(rng.bit_generator.jumped())
    choices |= {"forget_gate": pick(True, False), "forget_gate_bias": pick(True, False)}
    return Topology(**{**choices, **fixed})


def random_problem(rng, topology, n_sequences=3, longest=9, is_sparse=False, every=None):
    """Draw weights, sequences and targets with weights of their own."""
    weights = rng.uniform(-0.8, 0.8, topology.n_weights)
    lengths = rng.integers(1, longest, n_sequences, endpoint=True)
    flat = rng.uniform(-1.0, 1.0, (lengths.sum(), topology.n_inputs))
    if is_sparse:
        flat = sparse.csr_array(flat * (rng.random(flat.shape) < 0.3))
    X = Sequences.from_lengths(flat, lengths)
    every = bool(rng.integers(2)) if every is None else every
    n_rows = lengths.sum() if every else n_sequences
    values = rng.uniform(0.0, 1.0, (n_rows, topology.n_outputs))
    if topology.output_activation == "softmax" and rng.random() < 0.5:
        values = np.eye(topology.n_outputs)[rng.integers(topology.n_outputs, size=n_rows)]
    elif every:
        values[rng.random(values.shape) < 0.2] = np.nan
    if every:
        values[rng.random(n_rows) < 0.3] = np.nan
    weight = rng.uniform(0.5, 2.0, n_rows)
    y = Targets.at_steps(values, lengths, weight) if every else Targets.at_last(values, weight)
    return weights, X, y


def kernel_pass(topology, weights, X, y, network=None, **options):
    """Call the kernel; return the results per sequence and the gradient."""
    network = Network(topology) if network is None else network
    results = np.full((len(X), 3), np.nan)
    gradient = np.zeros(topology.n_weights)
    options = {"learning_rate": 0.0, **options}
    n_done = network.learn(weights, Data(X, y), results=results, gradient=gradient, **options)
    assert n_done == len(X)
    return results, gradient


def kernel_run(topology, weights, X, network=None):
    """Return the kernel's outputs at every step."""
    network = Network(topology) if network is None else network
    return network.run(weights, Data(X), every=True)


def train(learner, chunks, rule):
    """Train until the rule stops it or the chunks run out; return the training."""
    training = Training(learner, rule)
    for X, y in chunks:
        if not training.learn(X, y):
            break
    return training
