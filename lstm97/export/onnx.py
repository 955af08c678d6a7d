"""`to_onnx`, which writes a net as an ONNX graph."""

import json
import os
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm97.export.layer import Layer, layer_of
from lstm97.export.net import Net, net_of
from lstm97.learning.checks import require
from lstm97.persistence import write_whole

# The first version of ONNX with this opset is 1.17, whose format is IR 10.
OPSET, IR = 22, 10
# The order of rows in ONNX's LSTM.
ROWS = ("input_gate", "output_gate", "forget_gate", "cell")


def to_onnx(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted net as an ONNX graph, with its scalings and its output activation.

    The graph consists of operators of opset 22, with one LSTM operator, and computes in float32.
    Every net of an LSTM estimator can be written.

    Parameters
    ----------
    estimator : LSTMClassifier, LSTMRegressor or Pipeline
        Fitted. The steps of a pipeline before the estimator must be
        ``StepwiseTransformer(StandardScaler())``.
    path : path-like
        Path of the file, used as it is. It is written whole or not at all, as by `save`.

    Raises
    ------
    TypeError
        If the estimator is of another kind.
    ValueError
        If the estimator is not fitted, if it has no hidden layer yet, or if one of its numbers is
        beyond the range of float32.
    OSError
        If the file cannot be written.
    ImportError
        If onnx is not installed.

    See Also
    --------
    lstm97.save : Save an estimator so that it can go on learning.

    Notes
    -----
    Inputs of the graph, in which time comes first:

    X : float of shape (n_steps, n_sequences, n_features)
        Sequences, padded at their ends to the same length.
    sequence_lens : int32 of shape (n_sequences,)
        Their numbers of steps, at least 1.
    initial_h, initial_c : float of shape (1, n_sequences, n_units), optional
        Where the sequences continue from, see below. Zeros, if they are missing, begin sequences.

    Outputs of the graph:

    last : float of shape (n_sequences, n_outputs)
        Predictions at the last step of each sequence: numbers, in the units of the targets, or
        probabilities, in the order of the estimator's `classes_`.
    every : float of shape (n_steps, n_sequences, n_outputs)
        Predictions at every step. Those after the end of a sequence mean nothing.
    final_h, final_c : float of shape (1, n_sequences, n_units)
        The state of the net at the end of each sequence. Along a stream, pass them on as
        `initial_h` and `initial_c`.

    The metadata of a classifier's graph have its `classes_` as a list in JSON, by the name
    "classes".

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import onnx
    >>> from lstm97 import LSTMRegressor
    >>> from lstm97.export import to_onnx
    >>> X = np.random.default_rng(0).normal(size=(20, 5, 2))
    >>> model = LSTMRegressor(4, max_iter=3, random_state=0).fit(X, X[:, 0, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.onnx"
    ...     to_onnx(model, path)
    ...     graph = onnx.load(path).graph
    >>> [each.name for each in graph.output]
    ['last', 'every', 'final_h', 'final_c']
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError("to_onnx needs onnx: pip install onnx") from error
    net = net_of(estimator)
    layer = layer_of(net.topology, net.weights)
    model = onnx.parser.parse_model(_text(net, layer))
    for name, values in _constants(net, layer).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    if net.classes is not None:
        classes = json.dumps(net.classes.tolist(), default=str)
        onnx.helper.set_model_props(model, {"classes": classes})
    onnx.checker.check_model(model, full_check=True)
    write_whole(path, lambda file: file.write(model.SerializeToString()))


def _text(net: Net, layer: Layer) -> str:
    """Return the model in ONNX's textual form, without its constants."""
    size, n_outputs = layer.n_units, net.topology.n_outputs
    return f"""
        <
            ir_version: {IR}, opset_import: ["" : {OPSET}],
            producer_name: "lstm97", producer_version: "{version("lstm97")}"
        >
        net (
            float[n_steps, n_sequences, {net.topology.n_inputs}] X,
            int32[n_sequences] sequence_lens,
            float[1, n_states, {size}] initial_h,
            float[1, n_states, {size}] initial_c
        ) => (
            float[n_sequences, {n_outputs}] last,
            float[n_steps, n_sequences, {n_outputs}] every,
            float[1, n_sequences, {size}] final_h,
            float[1, n_sequences, {size}] final_c
        ) {{
            {_standardized(net)}
            n_sequences = Shape (sequence_lens)
            state_shape = Concat <axis = 0> (one, n_sequences, n_units)
            h = Expand (initial_h, state_shape)
            c = Expand (initial_c, state_shape)
            directions, final_h, final_c = LSTM <
                hidden_size = {size}, {_activations(layer)}
            > (x, W, R, B, sequence_lens, h, c)
            units = Squeeze (directions, one)
            {_sources(layer)}
            products = MatMul (sources, readout)
            sums = Add (products, bias)
            {_outputs(net)}
            lengths = Cast <to = 7> (sequence_lens)
            last_steps = Sub (lengths, one)
            places = Unsqueeze (last_steps, one)
            by_sequence = Transpose <perm = [1, 0, 2]> (every)
            last = GatherND <batch_dims = 1> (by_sequence, places)
        }}
    """


def _standardized(net: Net) -> str:
    """Return the nodes that standardize the inputs."""
    if not net.inputs:
        return "x = Identity (X)"
    return "near = Sub (X, x_mean)  centred = Sub (near, x_rest)  x = Div (centred, x_scale)"


def _activations(layer: Layer) -> str:
    """Return the attributes of the LSTM that name its functions f, g and h."""
    g = "Sigmoid" if layer.cell_is_logistic else "Tanh"
    if layer.state_is_linear:
        h, alpha, beta = "Affine", layer.state_slope, 0.0
    else:
        h, alpha, beta = "ScaledTanh", 1.0, layer.state_slope
    if h == "ScaledTanh" and beta == 1.0:
        return f'activations = ["Sigmoid", "{g}", "Tanh"]'
    return (
        f'activations = ["Sigmoid", "{g}", "{h}"], activation_alpha = [{alpha}], '
        f"activation_beta = [{beta}]"
    )


def _sources(layer: Layer) -> str:
    """Return the node that joins what the outputs see."""
    if layer.has_shortcut:
        return "sources = Concat <axis = -1> (x, units)"
    return "sources = Identity (units)"


def _outputs(net: Net) -> str:
    """Return the nodes from the net inputs of the outputs to the predictions."""
    kind = net.topology.output_activation
    if kind == "softmax":
        return "every = Softmax <axis = -1> (sums)"
    if kind == "logistic" and net.classes is not None:
        # Logistic outputs divided by their sum, from their logarithms: these cannot be zero.
        return """
            turned = Neg (sums)
            surprise = Softplus (turned)
            logarithms = Neg (surprise)
            every = Softmax <axis = -1> (logarithms)
        """
    if kind == "logistic":
        return "every = Sigmoid (sums)"
    if net.targets is None:
        return "every = Identity (sums)"
    return "scaled = Mul (sums, y_scale)  every = Add (scaled, y_mean)"


def _constants(net: Net, layer: Layer) -> dict[str, NDArray[Any]]:
    """Return the constants of the graph by name."""
    inputs, recurrent, biases = layer.stacked(*ROWS)
    numbers = {
        "W": inputs[None],
        "R": recurrent[None],
        "B": np.concatenate([biases, np.zeros_like(biases)])[None],
        "readout": layer.readout.T,
        "bias": layer.bias,
        # The operator Expand makes one state per sequence of these.
        "initial_h": np.zeros((1, 1, layer.n_units)),
        "initial_c": np.zeros((1, 1, layer.n_units)),
    }
    if net.inputs:
        numbers["x_mean"], numbers["x_scale"] = net.folded
    if net.targets is not None:
        numbers["y_mean"], numbers["y_scale"] = net.targets
    with np.errstate(over="ignore"):
        constants = {name: values.astype(np.float32) for name, values in numbers.items()}
    if net.inputs:  # what float32 cannot hold of a mean that is large beside the scale
        constants["x_rest"] = (numbers["x_mean"] - constants["x_mean"]).astype(np.float32)
    for name, values in constants.items():
        fits = np.isfinite(values).all() and ("scale" not in name or values.all())
        require(fits, f"{name} holds a number beyond the range of float32")
    return constants | {"one": np.array([1]), "n_units": np.array([layer.n_units])}
