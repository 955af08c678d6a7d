"""Nets as C: the bits of streams in double, those of a twin in float, and clean C."""

import ctypes
import re
import shutil
import stat
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from reference.single import SingleNet
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lstm97
from lstm97 import LSTMClassifier, LSTMRegressor, StepwiseTransformer
from lstm97.export import to_c
from lstm97.export.net import net_of

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
needs_compiler = pytest.mark.skipif(CC is None, reason="there is no C compiler")

# Runs a net along many steps; a net is copied at each of them.
DRIVER = """
#include "{name}.h"
void run_{name}(int n, const {real} *x, const {kind} *targets, const unsigned char *is_due,
                const unsigned char *begins, {real} *y, {real} *losses, {real} *weights) {{
    static {name}_net one, other;
    int t, i;
    {name}_init(&one);
    for (t = 0; t < n; t++, x += {upper}_INPUTS, y += {upper}_OUTPUTS) {{
        if (begins[t]) {name}_reset(&one);
        {name}_step(&one, x, y);
        other = one;
        if (is_due[t]) losses[t] = {learn};
        one = other;
    }}
    for (i = 0; i < {n_weights}; i++) weights[i] = one.{weights}[i];
}}
"""


def choice(rng, *values):
    return values[rng.integers(len(values))]


def random_model(seed, rng):
    """Return a fitted model, or a pipeline with one, of random parameters, and its kind."""
    kind = ("classes", "labels", "numbers")[seed % 3]
    n_inputs = int(rng.integers(1, 5))
    adam = rng.random() < 0.5
    bias = ["random", None, -1.5]
    parameters = {
        "n_blocks": int(rng.integers(1, 5)),
        "block_size": int(rng.integers(1, 4)),
        "n_hidden": int(choice(rng, 0, 0, 1, 2)),
        "recurrence": choice(rng, "all", "cells", "none"),
        "cell_bias": bool(rng.integers(2)),
        "output_bias": bool(rng.integers(2)),
        "shortcut": bool(rng.integers(2)),
        "cell_activation": choice(rng, "g", "h", "logistic"),
        "state_activation": choice(rng, "h", "h", "identity"),
        "init_scale": choice(rng, 0.3, 1.0),
        "solver": "adam" if adam else "sgd",
        "learning_rate": choice(rng, 0.003, 0.01) if adam else choice(rng, 0.03, 0.1),
        "standardize": bool(rng.integers(2)),
    }
    for gate in ("input_gate", "forget_gate", "output_gate"):
        if rng.random() < 0.75:
            parameters |= {gate: True, f"{gate}_bias": choice(rng, *bias)}
        else:
            parameters |= {gate: False, f"{gate}_bias": getattr(LSTMRegressor, f"{gate}_bias")}
    X = rng.normal(3.0, 2.0, size=(150, n_inputs))
    if kind == "classes":
        labels = np.array([f"c{i}" for i in range(choice(rng, 2, 3, 8, 11, 300))])
        y = labels[np.arange(150) % len(labels)]
        classes = {"classes": labels}
        parameters["loss"] = choice(rng, "log_loss", "squared_error")
        parameters["output_activation"] = choice(rng, "logistic", "softmax")
        if rng.integers(2):
            parameters["class_weight"] = {labels[0]: 0.25, labels[1]: 2.0}
    elif kind == "labels":
        y = rng.integers(2, size=(150, choice(rng, 2, 3)))
        classes = {"classes": range(y.shape[1])}
        parameters["loss"] = choice(rng, "log_loss", "squared_error")
    else:
        y, classes = rng.uniform(size=(150, choice(rng, 1, 2, 3))), {}
        parameters["output_activation"] = choice(rng, "linear", "logistic")
    cls = LSTMRegressor if kind == "numbers" else LSTMClassifier
    model = cls(**parameters, random_state=seed)
    scalers = []
    if rng.integers(2):
        scalers = [StandardScaler(with_mean=bool(rng.integers(2))) for _ in range(2)]
        scalers = [StepwiseTransformer(make_pipeline(*scalers)).fit([X])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        seen = scalers[0].transform([X]) if scalers else [X]
        model.partial_fit(seen, [y], **classes)
    return (make_pipeline(*scalers, model) if scalers else model), kind


class Case:
    """A random net as C, and what it shall do.

    Steps: features, targets as rows of numbers or indices of classes, whether each step has a
    target, and where sequences begin.
    """

    def __init__(self, seed, n_steps):
        rng = np.random.default_rng(seed)
        self.name, self.seed = f"net{seed}", seed
        self.estimator, self.kind = random_model(seed, rng)
        self.net = net_of(self.estimator)
        self.model, n = self.net.estimator, self.net.topology
        self.X = rng.normal(3.0, 2.0, size=(n_steps, n.n_inputs))
        self.is_due = (rng.random(n_steps) < 0.5).astype(np.uint8)
        self.begins = (rng.random(n_steps) < 0.02).astype(np.uint8)
        self.begins[0] = 1
        if self.kind == "classes":
            self.targets = rng.integers(n.n_outputs, size=n_steps).astype(np.intc)
        elif self.kind == "labels":
            self.targets = rng.integers(2, size=(n_steps, n.n_outputs)).astype(float)
        else:
            self.targets = rng.uniform(size=(n_steps, n.n_outputs))
        if self.kind == "numbers":
            self.targets[rng.random(self.targets.shape) < 0.1] = np.nan
            self.is_due &= ~np.isnan(self.targets).all(axis=1)

    def write(self, folder, learn, dtype):
        """Write the net and its driver; return the names of the C files."""
        to_c(self.estimator, folder, name=self.name, learn=learn, dtype=dtype)
        real = "double" if dtype == "float64" else "float"
        upper, is_label = self.name.upper(), self.kind == "classes"
        target = f"targets[t]" if is_label else f"targets + t * {upper}_OUTPUTS"
        text = DRIVER.format(
            name=self.name, upper=upper, real=real, kind="int" if is_label else real,
            learn=f"{self.name}_learn(&other, {target})" if learn else "targets == 0",
            n_weights=f"{upper}_WEIGHTS" if learn else f"{upper}_CELLS",
            weights="weights" if learn else "s",
        )  # fmt: skip
        (folder / f"{self.name}_driver.c").write_text(text)
        return [f"{self.name}.c", f"{self.name}_driver.c"]

    def run(self, library, dtype):
        """Return outputs, losses and weights of the C."""
        n, n_steps = self.net.topology, len(self.X)
        X = self.X.astype(dtype)
        targets = self.targets if self.kind == "classes" else self.targets.astype(dtype)
        y, losses = np.empty((n_steps, n.n_outputs), dtype), np.full(n_steps, np.nan, dtype)
        weights = np.zeros(n.n_weights, dtype)
        arrays = [X, targets, self.is_due, self.begins, y, losses, weights]
        run = getattr(library, f"run_{self.name}")
        run(n_steps, *(each.ctypes.data_as(ctypes.c_void_p) for each in arrays))
        return y, losses, weights

    def streamed(self, learn):
        """Return the same of the stream."""
        X, stream = self.X, self.model.stream()
        if self.model is not self.estimator and hasattr(self.estimator, "steps"):
            X = self.estimator[:-1].transform([X])[0]
        labels = None if self.kind != "classes" else self.model.classes_[self.targets]
        outputs, losses = np.empty((len(X), self.net.topology.n_outputs)), np.full(len(X), np.nan)
        for t, x in enumerate(X):
            if self.begins[t]:
                stream.reset()
            outputs[t] = stream.step(x)
            if learn and self.is_due[t]:
                losses[t] = stream.learn(self.targets[t] if labels is None else labels[t])
        return outputs, losses, stream.snapshot().weights

    def twin(self):
        stream = self.model.stream()
        weights = None
        if self.kind == "classes":
            weights = self.model._weigh(np.eye(len(self.model.classes_)), None)
        return SingleNet(
            self.net, stream._learning_rate, stream.snapshot().solver_state, weights
        )

    def twinned(self):
        """Return the same of the twin in single precision."""
        twin = self.twin()
        outputs, losses = [], np.full(len(self.X), np.nan, np.float32)
        for t, x in enumerate(self.X):
            if self.begins[t]:
                twin.reset()
            outputs.append(twin.step(x))
            if self.is_due[t]:
                losses[t] = twin.learn(self.targets[t])
        return np.array(outputs), losses, twin.weights()


def compiled(folder, sources, *flags, cc=CC):
    """Return a shared library of C files."""
    library = folder / "nets.so"
    flags = flags or (*STRICT, "-O1")
    command = [cc, *flags, "-shared", "-fPIC", *sources, "-lm", "-o", library.name]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(library))


def libraries(folder, cases, *flags, dtype="float64", learn=True, cc=CC):
    """Return a library of all cases."""
    folder.mkdir(exist_ok=True)
    sources = [file for case in cases for file in case.write(folder, learn, dtype)]
    return compiled(folder, sources, *flags, cc=cc)


def assert_same(case, found, wanted):
    for name, a, b in zip(("outputs", "losses", "weights"), found, wanted, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=f"{name} of seed {case.seed}")


LONG = pytest.param(200, 10_000, 1_000, marks=pytest.mark.long)


@needs_compiler
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("n_nets", "n_steps", "n_single"), [(12, 500, 40), LONG])
def test_nets_have_the_bits_of_streams_and_of_a_twin_in_single_precision(
    n_nets, n_steps, n_single, tmp_path
):
    seeds = np.arange(n_nets)
    for first in range(0, n_nets, 12):
        folder = tmp_path / str(first)
        folder.mkdir()
        cases = [Case(seed, n_steps) for seed in seeds[first : first + 12]]
        library = libraries(folder / "double", cases)
        for case in cases:
            assert_same(case, case.run(library, np.float64), case.streamed(learn=True))
        library = libraries(folder / "predicts", cases, learn=False)
        single = libraries(folder / "single", cases, learn=False, dtype="float32")
        for case in cases:
            outputs, _, _ = case.run(library, np.float64)
            wanted, _, _ = case.streamed(learn=False)
            np.testing.assert_array_equal(outputs, wanted)
            near, _, _ = case.run(single, np.float32)
            scale = np.maximum(1.0, np.abs(wanted))
            assert np.max(np.abs(near - wanted) / scale) < 1e-4, case.seed
        cases = [Case(seed, n_single) for seed in seeds[first : first + 12]]
        library = libraries(folder / "twin", cases, dtype="float32")
        for case in cases:
            assert_same(case, case.run(library, np.float32), case.twinned())
