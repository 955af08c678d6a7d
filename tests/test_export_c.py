"""Nets as C: the bits of streams in double, those of a twin in float, and clean C."""

import copy
import re
import shutil
import subprocess
import warnings
from doctest import DocTestParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lstm97 import (
    CascadeCorrelationRegressor,
    LSTMClassifier,
    LSTMRegressor,
    RTRLRegressor,
    SequenceChunkerRegressor,
    StepwiseTransformer,
)
from lstm97.export import to_c
from lstm97.export.net import net_of
from lstm97.tasks import make_adding
from reference.single import SingleNet

COMPILERS = [each for each in ("gcc", "clang", "cc") if shutil.which(each)][:2]
STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")
SANITIZED = ("-std=c99", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FAST = ("-std=gnu99", "-O3", "-march=native")
needs_compiler = pytest.mark.skipif(not COMPILERS, reason="there is no C compiler")

# Reads steps from stdin, runs a net along them, and writes its outputs, losses and weights. The net
# is copied at each step.
DRIVER = """
#include "{name}.h"
#include <stdio.h>
#include <stdlib.h>
#define READ(a) if (fread(a, sizeof a, 1, stdin) != 1) exit(1)
#define WRITE(a) if (fwrite(a, sizeof a, 1, stdout) != 1) exit(1)
enum {{ STEPS = {n_steps} }};
static {real} x[STEPS][{upper}_INPUTS], y[STEPS][{upper}_OUTPUTS], losses[STEPS];
static {kind} targets[STEPS]{width};
static unsigned char is_due[STEPS], begins[STEPS];
void run_{name}(void);
void run_{name}(void) {{
    static {name}_net one, other;
    int t;
    READ(x);
    READ(targets);
    READ(is_due);
    READ(begins);
    {name}_init(&one);
    for (t = 0; t < STEPS; t++) {{
        if (begins[t]) {name}_reset(&one);
        {name}_step(&one, x[t], y[t]);
        other = one;
        if (is_due[t]) losses[t] = {learn};
        one = other;
    }}
    WRITE(y);
    WRITE(losses);
    WRITE(one.{weights});
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
        "init_scale": choice(rng, 0.3, 0.7),
        "solver": "adam" if adam else "sgd",
        "learning_rate": choice(rng, 0.003, 0.01) if adam else choice(rng, 0.03, 0.1),
        "standardize": bool(rng.integers(2)),
    }
    for gate in ("input_gate", "forget_gate", "output_gate"):
        if rng.random() < 0.75:
            parameters |= {gate: True, f"{gate}_bias": choice(rng, *bias)}
        else:
            parameters |= {gate: False, f"{gate}_bias": getattr(LSTMRegressor, f"{gate}_bias")}
    X = rng.normal(1.0, 1.0, size=(150, n_inputs))
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

    def __init__(self, seed, n_steps, regressor=None):
        rng = np.random.default_rng(seed)
        self.name, self.seed = f"net{seed}", seed
        self.estimator, self.kind = regressor, "numbers"
        if regressor is None:
            self.estimator, self.kind = random_model(seed, rng)
        self.net = net_of(self.estimator)
        self.model, n = self.net.estimator, self.net.topology
        self.X = rng.normal(1.0, 1.0, size=(n_steps, n.n_inputs))
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
        real, is_label = "double" if dtype == "float64" else "float", self.kind == "classes"
        upper = self.name.upper()
        text = DRIVER.format(
            name=self.name, upper=upper, real=real, n_steps=len(self.X),
            kind="int" if is_label else real, width="" if is_label else f"[{upper}_OUTPUTS]",
            learn=f"{self.name}_learn(&other, targets[t])" if learn else "0",
            weights="weights" if learn else "s",
        )  # fmt: skip
        (folder / f"{self.name}_driver.c").write_text(text)
        return [f"{self.name}.c", f"{self.name}_driver.c"]

    def inputs(self, dtype):
        """Return what the driver reads."""
        targets = self.targets if self.kind == "classes" else self.targets.astype(dtype)
        arrays = self.X.astype(dtype), targets, self.is_due, self.begins
        return b"".join(each.tobytes() for each in arrays)

    def outputs(self, data, learn, dtype):
        """Return outputs, losses and weights, or states, of what was written, and the rest."""
        n, n_steps, parts = self.net.topology, len(self.X), []
        for size in (n_steps * n.n_outputs, n_steps, n.n_weights if learn else n.n_cells):
            parts.append(np.frombuffer(data, dtype, size))
            data = data[parts[-1].nbytes :]
        parts[0] = parts[0].reshape(n_steps, n.n_outputs)
        return parts, data

    def streamed(self, learn, X=None, raw=False):
        """Return the same of the stream; or outputs as they are, before they are divided."""
        X, model = self.X if X is None else X, self.model
        if raw:
            model = copy.copy(model)
            model.target_ndim_ = 2  # as for several labels
        stream = model.stream()
        if self.model is not self.estimator and hasattr(self.estimator, "steps"):
            X = self.estimator[:-1].transform([X])[0]
        labels = None if self.kind != "classes" else self.model.classes_[self.targets]
        outputs, losses = np.empty((len(X), self.net.topology.n_outputs)), np.zeros(len(X))
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
        return SingleNet(self.net, stream._learning_rate, stream.snapshot().solver_state, weights)

    def twinned(self):
        """Return the same of the twin in single precision."""
        twin = self.twin()
        outputs, losses = [], np.zeros(len(self.X), np.float32)
        with np.errstate(over="ignore"):  # a net that diverges
            for t, x in enumerate(self.X):
                if self.begins[t]:
                    twin.reset()
                outputs.append(twin.step(x))
                if self.is_due[t]:
                    losses[t] = twin.learn(self.targets[t])
        return np.array(outputs), losses, twin.weights()


def run(folder, cases, *flags, learn=True, dtype="float64", cc=COMPILERS[:1], emulator=()):
    """Compile nets, run them, and return outputs, losses and weights of each."""
    folder.mkdir()
    sources = [file for case in cases for file in case.write(folder, learn, dtype)]
    calls = "\n".join(f"void run_{case.name}(void); run_{case.name}();" for case in cases)
    (folder / "main.c").write_text(f"int main(void) {{ {calls} return 0; }}\n")
    command = [*cc, *flags, "main.c", *sources, "-lm", "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    data = b"".join(case.inputs(dtype) for case in cases)
    done = subprocess.run([*emulator, folder / "main"], input=data, stdout=-1, check=True)
    results, data = [], done.stdout
    for case in cases:
        result, data = case.outputs(data, learn, dtype)
        results.append(result)
    return results


def largest_error(found, wanted):
    """Return the largest error, relative to the larger of 1 and the number."""
    return np.max(np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted)))


def assert_same(cases, found, wanted):
    for case, result, right in zip(cases, found, wanted, strict=True):
        for name, a, b in zip(("outputs", "losses", "weights"), result, right, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"{name} of seed {case.seed}")


def assert_both_types(folder, *flags, **machine):
    cases = [Case(6, 100)]
    found = run(folder / "double", cases, *flags, **machine)
    assert_same(cases, found, [case.streamed(learn=True) for case in cases])
    cases = [Case(5, 30)]
    found = run(folder / "float", cases, *flags, dtype="float32", **machine)
    assert_same(cases, found, [case.twinned() for case in cases])


@needs_compiler
@pytest.mark.filterwarnings("ignore:learning diverged")
@pytest.mark.parametrize(
    ("seeds", "n_steps"),
    [
        ((0, 3, 5, 6, 8), 200),
        *(
            pytest.param(range(i, i + 20), 10_000, marks=pytest.mark.long)
            for i in range(0, 200, 20)
        ),
    ],
)
def test_nets_have_the_bits_of_streams(seeds, n_steps, tmp_path):
    cases = [Case(seed, n_steps) for seed in seeds]
    wanted = [case.streamed(learn=True) for case in cases]
    assert_same(cases, run(tmp_path / "learn", cases, *STRICT), wanted)
    # Without learning, in both types.
    doubles = run(tmp_path / "double", cases, *STRICT, learn=False)
    floats = run(tmp_path / "float", cases, *STRICT, learn=False, dtype="float32")
    n_chaotic = 0
    for case, (double, *_), (single, *_) in zip(cases, doubles, floats, strict=True):
        wanted, *_ = case.streamed(learn=False)
        np.testing.assert_array_equal(double, wanted, err_msg=f"seed {case.seed}")
        # Some nets amplify any rounding, such as that of the inputs alone.
        rounded, *_ = case.streamed(learn=False, X=case.X.astype(np.float32))
        is_chaotic = largest_error(rounded, wanted) > 1e-5
        n_chaotic += is_chaotic
        # Where all logistic outputs are as small as this, a float cannot hold their proportions.
        raw, *_ = case.streamed(learn=False, raw=True)
        seen = raw.max(axis=1) > 1e-30 if case.kind == "classes" else slice(None)
        assert is_chaotic or largest_error(single[seen], wanted[seen]) < 1e-4, f"seed {case.seed}"
    assert n_chaotic <= len(cases) / 10


@needs_compiler
@pytest.mark.parametrize(
    ("seeds", "n_steps"),
    [
        ((1, 2, 5, 6, 10), 30),
        *(pytest.param(range(i, i + 20), 1000, marks=pytest.mark.long) for i in range(0, 200, 20)),
    ],
)
def test_nets_in_float_have_the_bits_of_a_twin(seeds, n_steps, tmp_path):
    cases = [Case(seed, n_steps) for seed in seeds]
    found = run(tmp_path / "float", cases, *STRICT, dtype="float32")
    assert_same(cases, found, [case.twinned() for case in cases])


@needs_compiler
@pytest.mark.parametrize(
    ("cc", "flags"),
    [
        *((cc, FAST) for cc in COMPILERS[:1]),
        *((cc, SANITIZED) for cc in COMPILERS[1:]),
        *(pytest.param(cc, each, marks=pytest.mark.long)
          for cc in COMPILERS for each in (FAST, SANITIZED, ("-std=c99", "-Os"))),
    ],
)  # fmt: skip
def test_other_compilers_and_flags_give_the_same_bits(cc, flags, tmp_path):
    assert_both_types(tmp_path, *flags, *STRICT[1:], cc=[cc])


@pytest.mark.skipif(
    not (shutil.which("qemu-arm-static") and shutil.which("arm-linux-gnueabihf-gcc")),
    reason="there is no ARM compiler, or no emulator",
)
def test_arm_gives_the_same_bits(tmp_path):
    arm = {"cc": ["arm-linux-gnueabihf-gcc", "-static"], "emulator": ["qemu-arm-static"]}
    assert_both_types(tmp_path, *STRICT, "-Os", **arm)


@needs_compiler
@pytest.mark.filterwarnings("ignore:learning diverged")
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_an_update_that_would_overflow_changes_nothing(solver, tmp_path):
    model = LSTMRegressor(2, shortcut=True, standardize=False, solver=solver, random_state=0)
    model.partial_fit([np.ones((5, 2))], [np.ones((5, 2))])
    model.learning_rate = 1e200 if solver == "sgd" else 0.1
    case = Case(0, 40, model)
    case.X[::5], case.targets[::5], case.is_due[:] = 1e100, 1e120, 0
    case.is_due[::5] = 1
    wanted = case.streamed(learn=True)
    assert np.isinf(wanted[1]).sum() == 8
    assert_same([case], run(tmp_path / "c", [case], *STRICT), [wanted])


@needs_compiler
def test_learning_without_a_step_or_a_target_changes_nothing(tmp_path):
    numbers, labels = Case(2, 3), Case(3, 3)
    for case in (numbers, labels):
        to_c(case.estimator, tmp_path, name=case.name, learn=True)
    (tmp_path / "main.c").write_text("""
#include "net2.h"
#include "net3.h"
#include <math.h>
#include <string.h>
int main(void) {
    static net2_net numbers, before;
    static net3_net labels;
    static double x[9], y[400], none[NET2_OUTPUTS], one[NET2_OUTPUTS];
    int k;
    for (k = 0; k < NET2_OUTPUTS; k++) none[k] = NAN;
    net2_init(&numbers);
    net3_init(&labels);
    before = numbers;
    if (!isnan(net2_learn(&numbers, one)) || !isnan(net3_learn(&labels, 0))) return 1;
    if (memcmp(&numbers, &before, sizeof before)) return 2;
    net2_step(&numbers, x, y);
    net3_step(&labels, x, y);
    if (!isnan(net2_learn(&numbers, none))) return 3;
    if (!isnan(net3_learn(&labels, -1)) || !isnan(net3_learn(&labels, NET3_OUTPUTS))) return 4;
    if (isnan(net2_learn(&numbers, one)) || isnan(net3_learn(&labels, 0))) return 5;
    if (!isnan(net2_learn(&numbers, one)) || !isnan(net3_learn(&labels, 0))) return 6;
    return 0;
}
""")
    command = [COMPILERS[0], *STRICT, "main.c", "net2.c", "net3.c", "-lm", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "main"], check=True)


PAGE = Path(__file__).parents[1] / "docs" / "elsewhere.md"
COMMANDS = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@needs_compiler
@pytest.mark.parametrize("commands", COMMANDS)
def test_the_example_of_the_page_prints_what_it_says(commands, tmp_path):
    blocks = re.findall(r"```(python|c)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    python = next(text for kind, text in blocks if kind == "python" and "to_c(" in text)
    program = next(text for kind, text in blocks if kind == "c")
    names = {}
    exec("\n".join(each.source for each in DocTestParser().get_examples(python)), names)
    folder = Path(names["folder"])
    (folder / "main.c").write_text(program)
    for command, output in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", commands, re.MULTILINE):
        words = command.split()
        if not (words[0] == "./wave" or shutil.which(words[0])):
            pytest.skip(f"there is no {words[0]}")
        done = subprocess.run(words, cwd=folder, check=True, stdout=-1, text=True)
        assert done.stdout == output
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def model():
    X = np.random.default_rng(0).normal(size=(30, 6, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LSTMRegressor(2, max_iter=2, random_state=0).fit(X, X[:, 0, 0])


@needs_compiler
def test_the_net_of_the_adding_problem_is_small(tmp_path):
    """At -Os: less than 1 KiB of memory, and less than 8 KiB of code and constants."""
    X, y = make_adding(20, T=20, rng=0)
    adding = LSTMRegressor.as_published(max_iter=1, tol=None, random_state=0).fit(X, y)
    assert adding.topology_.n_cells == 4
    to_c(adding, tmp_path, name="adding", learn=True, dtype="float32")
    text = '#include "adding.h"\nchar fits[sizeof(adding_net) < 1024 ? 1 : -1];\n'
    (tmp_path / "size.c").write_text(text)
    command = [COMPILERS[0], *STRICT, "-Os", "-c", "adding.c", "size.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    size = subprocess.run(["size", "adding.o"], cwd=tmp_path, check=True, stdout=-1, text=True)
    code, data, bss, *_ = map(int, size.stdout.splitlines()[1].split()[:3])
    assert code < 8192
    assert data == bss == 0


def test_what_cannot_be_exported_is_refused(model, tmp_path):
    X = [np.random.default_rng(0).normal(size=(10, 2))] * 2
    y = [each[:, 0] for each in X]
    running = LSTMRegressor(2, random_state=0).partial_fit(X[:1], y[:1])
    with pytest.raises(NotFittedError):
        to_c(LSTMRegressor(), tmp_path)
    with pytest.raises(NotFittedError):
        to_c(make_pipeline(StepwiseTransformer(StandardScaler()), model), tmp_path)
    for other in (CascadeCorrelationRegressor(), SequenceChunkerRegressor(), RTRLRegressor(), None):
        with pytest.raises(TypeError, match="only an LSTMClassifier or LSTMRegressor"):
            to_c(other, tmp_path)
    with pytest.raises(TypeError, match="must be StepwiseTransformer"):
        to_c(make_pipeline(StandardScaler().fit(X[0]), model), tmp_path)
    with pytest.raises(TypeError, match="must hold StandardScaler"):
        to_c(make_pipeline(StepwiseTransformer(PCA()).fit(X), model), tmp_path)
    both = make_pipeline(StandardScaler(), PCA(1))
    with pytest.raises(TypeError, match=r"must hold StandardScaler.*PCA"):
        to_c(make_pipeline(StepwiseTransformer(both).fit(X), model), tmp_path)
    search = GridSearchCV(LSTMRegressor(1), {"max_iter": [1]}, cv=2).fit([*X, *X], [1, 2, 3, 4])
    with pytest.raises(TypeError, match="not GridSearchCV; of a fitted search"):
        to_c(search, tmp_path)
    with pytest.raises(ValueError, match="scaling still changes"):
        to_c(running, tmp_path)
    whole = copy.copy(model).set_params(update="sequence", batch_size=None)
    with pytest.raises(ValueError, match="learn=True: LSTMRegressor cannot learn along a stream"):
        to_c(whole, tmp_path, learn=True)
    growing = LSTMRegressor(2, initial_blocks=0, n_hidden=1, standardize=False)
    with pytest.raises(ValueError, match="no memory cells yet"):
        to_c(growing.partial_fit(X, y), tmp_path)
    for name in ("", "_a", "1a", "a-b", "a\n", 3):
        with pytest.raises(ValueError, match="name="):
            to_c(model, tmp_path, name=name)
    with pytest.raises(ValueError, match="dtype="):
        to_c(model, tmp_path, dtype="float16")
    large = copy.copy(model)
    large.weights_ = np.full_like(model.weights_, 1e300)
    with pytest.raises(ValueError, match=r"1e\+300.* of weights, does not fit into a float"):
        to_c(large, tmp_path, dtype="float32")
    large.weights_ = np.full_like(model.weights_, np.inf)
    with pytest.raises(ValueError, match="weights_ are not finite"):
        to_c(large, tmp_path)
    assert not list(tmp_path.iterdir())


def test_files_that_cannot_be_written_leave_older_ones(model, tmp_path):
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        to_c(model, tmp_path / "nowhere")
    (tmp_path / "lstm.c").mkdir()
    (tmp_path / "lstm.h").write_text("old")
    with pytest.raises(IsADirectoryError, match=r"lstm\.c is a folder"):
        to_c(model, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"lstm.c", "lstm.h"}
    assert (tmp_path / "lstm.h").read_text() == "old"


def test_labels_cannot_end_the_comment_that_lists_them(tmp_path):
    labels = ["*/ int x;", "/*", "é\n"]
    X = np.random.default_rng(0).normal(size=(3, 4, 1))
    model = LSTMClassifier(2, standardize=False, random_state=0)
    to_c(model.partial_fit(X, labels, classes=sorted(labels)), tmp_path)
    header = (tmp_path / "lstm.h").read_text(encoding="ascii")
    assert "Outputs are probabilities of the classes __ int x_, __, __." in header


@pytest.mark.parametrize("name", ["next", "output"])
def test_names_that_the_c_uses_already_are_refused(name, tmp_path):
    X = np.random.default_rng(0).normal(size=(10, 4, 1))
    model = LSTMRegressor(2, max_iter=1, random_state=0).fit(X, X[:, 0, 0])
    with pytest.raises(ValueError, match=f"name='{name}' makes the name .*, which the C code uses"):
        to_c(model, tmp_path, name=name, learn=True)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="learn='yes' must be True or False"):
        to_c(model, tmp_path, learn="yes")


def test_a_name_that_begins_with_the_templates_name(tmp_path):
    X = np.random.default_rng(0).normal(size=(10, 4, 1))
    model = LSTMRegressor(2, max_iter=1, random_state=0).fit(X, X[:, 0, 0])
    to_c(model, tmp_path, name="LSTM_a")
    assert '#include "LSTM_a.h"' in (tmp_path / "LSTM_a.c").read_text()
