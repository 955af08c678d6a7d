"""`to_torch` and `from_torch`: nets of memory cells as PyTorch modules, and back."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lstm97.data.checks import brief, naming
from lstm97.estimators.lstm import LSTMClassifier, LSTMRegressor
from lstm97.export.layer import layer_of
from lstm97.export.net import net_of
from lstm97.learning.checks import require
from lstm97.learning.topology import GATES

# The order of rows in torch's LSTM.
ROWS = ("input_gate", "forget_gate", "cell", "output_gate")


def to_torch(estimator: Any) -> Any:
    """Return a fitted net as a PyTorch module, with its scalings and its output activation.

    Parameters
    ----------
    estimator : LSTMClassifier, LSTMRegressor or Pipeline
        Fitted. The steps of a pipeline before the estimator must be
        ``StepwiseTransformer(StandardScaler())``.

    Returns
    -------
    module : torch.nn.Module
        In float64; its outputs are the predictions up to rounding. Calling it takes

        x : tensor of shape (n_steps, n_sequences, n_features)
            Sequences, padded at their ends to the same length.
        lengths : tensor of int of shape (n_sequences,), default=None
            Their numbers of steps, at least 1. None means that all have n_steps.
        state : tuple of two tensors of shape (1, n_sequences, n_units), default=None
            Where the sequences continue from. None means that they begin.

        and returns three values:

        last : tensor of shape (n_sequences, n_outputs)
            Predictions at the last step of each sequence: numbers, in the units of the targets, or
            probabilities, in the order of the estimator's `classes_`.
        every : tensor of shape (n_steps, n_sequences, n_outputs)
            Predictions at every step. Those after the end of a sequence mean nothing.
        state : tuple of two tensors of shape (1, n_sequences, n_units)
            The state of the net at the end of each sequence.

    Raises
    ------
    TypeError
        If the estimator is of another kind.
    ValueError
        If it is not fitted, or has no hidden layer yet.
    ImportError
        If torch is not installed.

    See Also
    --------
    from_torch : The way back.

    Notes
    -----
    The module has a linear layer `readout` and a layer `lstm`. With ``cell_activation="g"`` and
    ``state_activation="h"`` this is a `torch.nn.LSTM`; with other functions, which that does not
    have, it is a layer of the same interface, which is slower.

    torch can train the module. Weights that are one in the net are then several: those of a gate of
    a block with several cells, for each of them.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from lstm97 import LSTMRegressor
    >>> from lstm97.export import to_torch
    >>> X = np.random.default_rng(0).normal(size=(20, 5, 2))
    >>> model = LSTMRegressor(4, max_iter=3, random_state=0).fit(X, X[:, 0, 0])
    >>> last, every, state = to_torch(model)(torch.tensor(X.transpose(1, 0, 2)))
    >>> bool(np.allclose(last[:, 0].detach(), model.predict(X)))
    True
    """
    _torch("to_torch")
    from lstm97.export.module import SequenceNet

    net = net_of(estimator)
    return SequenceNet(net, layer_of(net.topology, net.weights))


def from_torch(
    lstm: Any,
    linear: Any,
    *,
    classes: Iterable[Any] | None = None,
    target_steps: Literal["last", "every"] = "last",
) -> Any:
    """Return an estimator with the net of a `torch.nn.LSTM` and a `torch.nn.Linear`.

    Parameters
    ----------
    lstm : torch.nn.LSTM
        With one layer and one direction, and without projection.
    linear : torch.nn.Linear
        It reads the outputs of `lstm`.
    classes : array-like of shape (n_classes,), default=None
        Labels of the outputs of `linear`, in any order: the estimator is a classifier, with the
        softmax of these outputs as probabilities. None means a regressor.
    target_steps : {"last", "every"}, default="last"
        Whether the estimator predicts at the last step of each sequence or at every step.

    Returns
    -------
    estimator : LSTMClassifier or LSTMRegressor
        Fitted, with forget gates. It does not standardize its inputs and targets. It can learn
        further, with `partial_fit`, with a stream, or with `fit` after
        ``set_params(warm_start=True)``.

    Raises
    ------
    TypeError
        If `lstm` or `linear` is something else.
    ValueError
        If they have another form, do not match, or hold numbers that are not finite.
    ImportError
        If torch is not installed.

    See Also
    --------
    to_torch : The way there.

    Examples
    --------
    >>> import torch
    >>> from lstm97.export import from_torch
    >>> lstm, linear = torch.nn.LSTM(2, 5), torch.nn.Linear(5, 3)
    >>> model = from_torch(lstm, linear, classes=["a", "b", "c"])
    >>> model.predict_proba([[[0.5, 1.0], [0.0, -1.0]]]).shape
    (1, 3)
    """
    torch = _torch("from_torch")
    for name, part, kind in (("lstm", lstm, torch.nn.LSTM), ("linear", linear, torch.nn.Linear)):
        if type(part) is not kind:  # a derived class may compute something else
            raise TypeError(
                f"{name} must be a torch.nn.{kind.__name__}, got {brief(part)}; to_torch makes one "
                "of a net with cell_activation='g' and state_activation='h'"
            )
    for name, only in {"num_layers": 1, "bidirectional": False, "proj_size": 0}.items():
        found = getattr(lstm, name)
        require(found == only, f"lstm must have {name}={only}, but it has {found}")
    require(
        linear.in_features == lstm.hidden_size,
        f"linear reads {linear.in_features} numbers, but lstm has {lstm.hidden_size} outputs",
    )
    require(
        target_steps in ("last", "every"),
        f"target_steps={brief(target_steps)} must be 'last' or 'every'",
    )
    with naming("classes"):
        labels: Any = None if classes is None else list(classes)
    model = _untrained(lstm, linear, labels)
    model.target_steps_ = target_steps
    views = model.topology_.views(model.weights_)
    weights = [_array(lstm.weight_ih_l0), _array(lstm.weight_hh_l0)]
    if lstm.bias:
        weights.append((_array(lstm.bias_ih_l0) + _array(lstm.bias_hh_l0))[:, None])
    for name, rows in zip(ROWS, np.split(np.hstack(weights), len(ROWS)), strict=True):
        # The squashing function g is 2 tanh(x/2), and the state twice that of torch.
        views[name][:] = rows.T * (2.0 if name == "cell" else 1.0)
    readout = [_array(linear.weight)]
    if linear.bias is not None:
        readout.append(_array(linear.bias)[:, None])
    # Classes are in ascending order in an estimator.
    order = slice(None) if labels is None else [labels.index(each) for each in model.classes_]
    views["output"][:] = np.hstack(readout)[order].T
    require(np.isfinite(model.weights_).all(), "lstm or linear holds a number that is not finite")
    return model.set_params(random_state=None)


def _untrained(lstm: Any, linear: Any, classes: list[Any] | None) -> Any:
    """Return an estimator with a net of the same form."""
    biases = {} if lstm.bias else dict.fromkeys(f"{gate}_bias" for gate in GATES)
    kind: Any = LSTMRegressor if classes is None else LSTMClassifier
    model = kind(
        lstm.hidden_size,
        forget_gate=True,
        cell_activation="g",
        cell_bias=lstm.bias,
        output_bias=linear.bias is not None,
        standardize=False,
        random_state=0,  # another state than the global one, which stays as it is
        **biases,
    )
    if classes is None:
        n_outputs = None if linear.out_features == 1 else linear.out_features
        return model.stream(lstm.input_size, n_outputs).to_estimator()
    model = model.stream(lstm.input_size, classes).to_estimator()
    n_outputs, n_classes = linear.out_features, len(model.classes_)
    require(
        n_outputs == n_classes == len(classes),
        f"linear must have one output for each class: it has {n_outputs}, and classes holds "
        f"{n_classes} different labels",
    )
    return model


def _array(tensor: Any) -> NDArray[np.float64]:
    """Return the numbers of a tensor in float64."""
    return tensor.detach().cpu().double().numpy()


def _torch(caller: str) -> Any:
    """Return the module torch."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(f"{caller} needs torch: pip install torch") from error
    return torch
