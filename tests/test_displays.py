"""Displays: plots show the values of the net, and its training curve."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from lstm97 import (
    CarouselDisplay,
    ElmanRegressor,
    LSTMClassifier,
    LSTMRegressor,
    TrainingCurveDisplay,
)
from lstm97.learning.topology import GATES

FAST = {"init_scale": 0.8, "max_iter": 3, "tol": None, "random_state": 0}
PANELS = ["inputs", "input gates", "output gates", "cell states", "outputs"]
ALL_PANELS = [*PANELS[:2], "forget gates", *PANELS[2:]]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def data(n_features=2):
    rng = np.random.default_rng(0)
    X = [rng.uniform(-1.0, 1.0, (length, n_features)) for length in (4, 7, 1, 5)]
    return X, np.array([x[0, 0] for x in X])


def titles(display):
    return [axes.get_ylabel() for axes in display.axes_]


def drawn(axes):
    """Return the values of the lines, (n_steps, n_lines)."""
    return np.column_stack([line.get_ydata() for line in axes.lines])


def shown(axes):
    """Return the values of the image, (n_steps, n_rows)."""
    (image,) = axes.images
    return np.asarray(image.get_array()).T


# ---- one sequence --------------------------------------------------------------------------------


@pytest.mark.parametrize("forget_gate", [False, True])
@pytest.mark.parametrize("shape", [(3, 2), (4, 2), (8, 1), (2, 4)])
@pytest.mark.parametrize("i", [1, -1])
def test_lines_are_the_trace(i, shape, forget_gate):
    X, y = data()
    model = LSTMRegressor.as_published(*shape, forget_gate=forget_gate, **FAST)
    model.fit(X, np.column_stack([y, -y]))
    display = CarouselDisplay.from_estimator(model, X, sequence=i)
    trace = model.trace(X)[i]
    states = trace.cell_state.reshape(len(X[i]), -1)
    gates = [trace.input_gate, *[trace.forget_gate] * forget_gate, trace.output_gate]
    expected = [X[i], *gates, states, trace.output]
    assert titles(display) == (ALL_PANELS if forget_gate else PANELS)
    for axes, values in zip(display.axes_, expected, strict=True):
        assert np.array_equal(drawn(axes), values)
        assert all((line.get_xdata() == np.arange(len(X[i]))).all() for line in axes.lines)
    assert display.axes_[-1].get_xlabel() == "step"
    assert {axes.figure for axes in display.axes_} == {display.figure_}
    assert display.axes_[0].get_shared_x_axes().joined(display.axes_[0], display.axes_[-1])


def test_a_colour_is_a_block_and_a_style_is_a_cell():
    X, y = data()
    model = LSTMRegressor.as_published(3, 2, forget_gate=True, **FAST).fit(X, y)
    display = CarouselDisplay.from_estimator(model, X)
    inputs, gates, forget, others, states, outputs = (
        [(to_hex(line.get_color()), line.get_linestyle()) for line in axes.lines]
        for axes in display.axes_
    )
    colors = [color for color, _ in gates]
    assert len(set(colors)) == 3
    assert others == forget == gates
    assert [color for color, _ in states] == np.repeat(colors, 2).tolist()
    assert len(set(states)) == 6
    assert len(set(inputs)) == 2
    assert not set(colors) & {color for color, _ in inputs + outputs}
    names = [text.get_text() for text in display.axes_[4].get_legend().get_texts()]
    assert names[:3] == ["block 0, cell 0", "block 0, cell 1", "block 1, cell 0"]
    assert display.axes_[5].get_legend() is None  # one output
    assert all(axes.get_ylim() == (-0.05, 1.05) for axes in display.axes_[1:4])


@pytest.mark.parametrize("missing", GATES)
def test_missing_gates_have_no_panel(missing):
    X, y = data()
    gates = {gate: gate != missing for gate in GATES}
    display = CarouselDisplay.from_estimator(
        LSTMRegressor.as_published(**FAST, **gates).fit(X, y), X
    )
    title = missing.replace("_", " ") + "s"
    assert titles(display) == [each for each in ALL_PANELS if each != title]


def test_a_net_without_cells_yet():
    X, y = data()
    model = LSTMRegressor.as_published(initial_blocks=0, shortcut=True, **FAST).fit(X, y)
    assert titles(CarouselDisplay.from_estimator(model, X)) == ["inputs", "outputs"]


@pytest.mark.parametrize("shape", [(9, 1), (3, 3), (1, 5), (5, 2)])
def test_too_many_lines_become_an_image(shape):
    X, _ = data(n_features=20)
    X = [sparse.csr_array(np.maximum(x, 0.0)) for x in X]
    labels = [np.array(list("abcdefg"))[: x.shape[0]] for x in X]
    model = LSTMClassifier.as_published(*shape, forget_gate=True, **FAST).fit(X, labels)
    display = CarouselDisplay.from_estimator(model, X, sequence=1)
    trace = model.trace(X)[1]
    inputs, *gates, states, outputs = display.axes_
    assert np.array_equal(shown(inputs), X[1].toarray())
    assert np.array_equal(shown(outputs), trace.output)
    assert np.array_equal(shown(states), trace.cell_state.reshape(7, -1))
    assert [text.get_text() for text in outputs.get_yticklabels()] == [
        f"class {c}" for c in "abcdefg"
    ]
    # Zero is white: a scale of two colours where there are signs.
    low, high = states.images[0].get_clim()
    assert -low == high == np.abs(trace.cell_state).max()
    assert inputs.images[0].get_clim() == (0.0, X[1].max())
    openings = (trace.input_gate, trace.forget_gate, trace.output_gate)
    for axes, values in zip(gates, openings, strict=True):
        if shape[0] < 9:
            assert np.array_equal(drawn(axes), values)
        else:
            assert np.array_equal(shown(axes), values)
            assert axes.images[0].get_clim() == (0.0, 1.0)
    display.figure_.canvas.draw()


@pytest.mark.parametrize("n_classes", [2, 6])  # lines with a legend, and an image
def test_names_of_classes_are_drawn_literally(n_classes):
    X, _ = data()
    labels = [r"$\frac{", "a_{$b$", "$x$", "$", r"\$", "^"][:n_classes]
    y = [np.resize(labels[i:] + labels[:i], len(x)) for i, x in enumerate(X)]
    model = LSTMClassifier.as_published(**FAST).fit(X, y)
    display = CarouselDisplay.from_estimator(model, X, sequence=1)
    display.figure_.canvas.draw()  # a broken formula raises here
    axes = display.axes_[-1]
    texts = axes.get_legend().get_texts() if n_classes == 2 else axes.get_yticklabels()
    assert [text.get_text() for text in texts] == [f"class {label}" for label in sorted(labels)]
    assert not any(text.get_parse_math() for text in texts)


def test_axes_may_be_given():
    X, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    figure, axes = plt.subplots(5, 2)
    display = CarouselDisplay.from_estimator(model, X, ax=axes[:, 1])
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes[:, 1])
    assert len(plt.get_fignums()) == 1
    message = "ax holds 4 axes, but the display has 5 panels: inputs, input gates"
    with pytest.raises(ValueError, match=message):
        display.plot(axes[:4, 0])


def test_input_that_cannot_be_shown_is_refused():
    X, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    for i in (4, -5):
        with pytest.raises(ValueError, match=f"sequence={i}, but X has 4 sequences"):
            CarouselDisplay.from_estimator(model, X, sequence=i)
    with pytest.raises(TypeError):
        CarouselDisplay.from_estimator(model, X, sequence=0.5)
    with pytest.raises(TypeError, match="not for ElmanRegressor"):
        CarouselDisplay.from_estimator(
            ElmanRegressor.as_published(**{**FAST, "max_iter": 1}).fit(X, y), X
        )
    with pytest.raises(NotFittedError):
        CarouselDisplay.from_estimator(LSTMRegressor.as_published(), X)


# ---- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("Estimator", [LSTMRegressor, ElmanRegressor])
def test_the_loss_of_each_epoch(Estimator):
    model = Estimator.as_published(**FAST).fit(*data())
    display = TrainingCurveDisplay.from_estimator(model)
    (axes,), (line,) = display.axes_, display.axes_[0].lines
    assert line.get_ydata().tolist() == model.loss_curve_
    assert line.get_xdata().tolist() == [1, 2, 3]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")


def test_validation_scores_have_a_panel():
    model = LSTMRegressor.as_published(**FAST).fit(*data())
    model.validation_scores_ = [-0.5, 0.25, 0.125]
    display = TrainingCurveDisplay.from_estimator(model)
    assert titles(display) == ["loss", "validation score"]
    assert drawn(display.axes_[1])[:, 0].tolist() == [-0.5, 0.25, 0.125]
    assert display.axes_[1].get_yscale() == "linear"
    figure, axes = plt.subplots(2)
    assert TrainingCurveDisplay.from_estimator(model, ax=axes).figure_ is figure
    with pytest.raises(ValueError, match="ax holds 1 axes, but the display has 2 panels"):
        display.plot(axes[0])


@pytest.mark.parametrize(
    ("losses", "scale"),
    [([5.0, 0.5], "log"), ([5.0, 0.6], "linear"), ([5.0, 0.0], "linear"), ([5.0], "linear")],
)
def test_losses_that_fall_far_have_a_logarithmic_scale(losses, scale):
    display = TrainingCurveDisplay(losses=losses).plot(plt.figure().add_subplot())
    assert display.axes_[0].get_yscale() == scale


def test_no_curve_is_refused():
    X, y = data()
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(LSTMRegressor.as_published())
    with pytest.raises(TypeError, match="LinearRegression has no loss_curve_"):
        TrainingCurveDisplay.from_estimator(LinearRegression().fit(y[:, None], y))
    with pytest.raises(TypeError, match="list is not an estimator"):
        TrainingCurveDisplay.from_estimator(X)
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    model.loss_curve_ = []
    with pytest.raises(ValueError, match="diverged in its first epoch"):
        TrainingCurveDisplay.from_estimator(model)


def test_without_matplotlib(monkeypatch):
    X, y = data()
    model = LSTMRegressor.as_published(**FAST).fit(X, y)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="CarouselDisplay needs matplotlib: pip install mat"):
        CarouselDisplay.from_estimator(model, X)
    with pytest.raises(ImportError, match="TrainingCurveDisplay needs matplotlib"):
        TrainingCurveDisplay.from_estimator(model)
