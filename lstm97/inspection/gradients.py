"""`gradient_report`, which compares the truncated gradient of a fitted net with the full one."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from lstm97._core import Network
from lstm97._kernels.data import Data
from lstm97.data.sequences import Sequences, SequencesLike
from lstm97.data.targets import Targets, TargetsLike
from lstm97.estimators.base import BaseSequenceEstimator
from lstm97.inspection.wrapped import unwrap
from lstm97.learning.topology import Topology


class Agreement(NamedTuple):
    """Agreement of a truncated gradient with the full one, or of several pairs of them.

    Attributes
    ----------
    cosine : float or ndarray
        Cosine of the angle between the two gradients. NaN where one of them is zero.
    norm_ratio : float or ndarray
        Norm of the truncated gradient, divided by that of the full one. NaN where both are zero.
    full_norm : float or ndarray
        Norm of the full gradient. Its decrease with the lag shows how the error decays on its way
        back.

    Examples
    --------
    >>> from lstm97 import LSTMRegressor, gradient_report
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(10, T=20, rng=0)
    >>> model = LSTMRegressor.as_published(max_iter=1, tol=None, random_state=0).fit(X, y)
    >>> cosine, norm_ratio, full_norm = gradient_report(model, X, y).by_lag
    >>> bool(abs(norm_ratio[0] - 1) < 1e-9)  # nothing is truncated at lag 0
    True
    """

    cosine: np.ndarray
    norm_ratio: np.ndarray
    full_norm: np.ndarray


@dataclass(frozen=True, eq=False)
class GradientReport:
    """Result of `gradient_report`, which prints as a table.

    Attributes
    ----------
    groups : tuple of str
        Groups of weights, as in `topology_.slices`.
    lags : ndarray of shape (n_lags,)
        All lags from 0 to the longest.
    total : Agreement
        Agreement over all weights and lags.
    by_group : Agreement
        Agreement for each group: arrays of shape (n_groups,).
    by_lag : Agreement
        Agreement for each lag: arrays of shape (n_lags,).
    by_group_and_lag : Agreement
        Agreement for each group and lag: arrays of shape (n_groups, n_lags).

    Examples
    --------
    >>> from lstm97 import LSTMRegressor, gradient_report
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(10, T=20, rng=0)
    >>> model = LSTMRegressor.as_published(max_iter=1, tol=None, random_state=0).fit(X, y)
    >>> report = gradient_report(model, X, y)
    >>> report.groups
    ('input_gate', 'output_gate', 'cell', 'output')
    >>> report.by_lag.cosine.shape == report.lags.shape
    True
    """

    groups: tuple[str, ...]
    lags: np.ndarray
    total: Agreement
    by_group: Agreement
    by_lag: Agreement
    by_group_and_lag: Agreement

    def __str__(self) -> str:
        """Return a table of the total, all groups, and the lags 0, 1, 2, 4, ... and the last."""
        lags = [lag for lag in self.lags if lag & (lag - 1) == 0 or lag == self.lags[-1]]
        names = ["all", *self.groups, *(f"lag {lag}" for lag in lags)]
        columns = [
            np.concatenate([[total], by_group, by_lag[lags]])
            for total, by_group, by_lag in zip(self.total, self.by_group, self.by_lag, strict=True)
        ]
        lines = [f"{'':12}{'cosine':>10}{'norm ratio':>12}{'full norm':>12}"]
        for name, cosine, ratio, norm in zip(names, *columns, strict=True):
            lines.append(f"{name:12}{cosine:10.3f}{ratio:12.3f}{norm:12.2e}")
        return "\n".join(lines)


def gradient_report(estimator: Any, X: SequencesLike, y: TargetsLike) -> GradientReport:
    """Compare the truncated gradient of a fitted net with the full one, by group and by lag.

    The truncated gradient, by which the LSTM of 1997 learns, leaves out the error that would reach
    a weight through the net inputs of later steps. The full gradient, from back-propagation
    through time, leaves out nothing. Both are gradients of the loss over X and y at the current
    weights, whichever of them the estimator uses to learn.

    Both are sums over targets, and over the steps up to each target at which a weight was used.
    The lag is the number of steps between that use and the target. At lag 0 the two gradients are
    equal, and weights to the outputs have no other lag.

    Parameters
    ----------
    estimator : LSTMClassifier, LSTMRegressor, or an Elman, BPTT or RTRL estimator
        Fitted estimator, or a fitted pipeline or search that ends with one; it is not changed.
    X : array-like
        Sequences, in any form that the estimator's `fit` takes.
    y : array-like
        Targets, as for the estimator's `fit`.

    Returns
    -------
    report : GradientReport
        Cosines and ratios of norms, which `print` shows in a table.

    Notes
    -----
    The gradients of all targets and sequences are added up before they are compared. For the
    gradient of a single sequence, pass that sequence alone. The agreement over all lags may be far
    better than the agreement at many single lags that contribute little; `full_norm` shows the
    contribution of each lag.

    The net runs through a sequence once per target, so with targets at every step the time grows
    with the square of the length. Memory grows with the longest lag times the number of weights.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997:
    Appendix A.1 describes the truncation.

    Examples
    --------
    >>> from lstm97 import LSTMRegressor, gradient_report
    >>> from lstm97.tasks import make_adding
    >>> X, y = make_adding(1000, T=20, rng=0)
    >>> model = LSTMRegressor.as_published(
    ...     input_gate_bias=[-3, -6], learning_rate=0.5, max_iter=10, tol=None, random_state=0
    ... ).fit(X, y)
    >>> report = gradient_report(model, X[:100], y[:100])
    >>> print(report)
                    cosine  norm ratio   full norm
    all              1.000       0.996    2.14e+00
    input_gate       1.000       0.979    2.75e-01
    output_gate      0.947       0.937    3.97e-02
    cell             1.000       0.977    8.78e-01
    output           1.000       1.000    1.93e+00
    lag 0            1.000       1.000    1.93e+00
    lag 1            0.992       0.992    1.28e-02
    lag 2            0.998       0.997    1.17e-02
    lag 4            0.998       0.996    1.15e-02
    lag 8            0.999       0.993    1.27e-02
    lag 16           1.000       0.968    1.14e-01
    lag 21           0.097       0.094    1.79e-03
    >>> report.by_group_and_lag.cosine.shape
    (4, 22)
    """
    estimator, X = unwrap(estimator, X)
    if isinstance(estimator, BaseSequenceEstimator):
        estimator = copy.copy(estimator)  # another thread may fit the original meanwhile
    learner = _learner_of(estimator)
    sequences, targets = estimator._check(X, y, reset=False)
    sequences, targets = estimator._read(sequences, targets)
    sequences = sequences.as_read()
    net, weights = learner.topology, learner.weights
    truncated = _gradient_by_lag(net, weights, sequences, targets, "truncated-backward")
    full = _gradient_by_lag(net, weights, sequences, targets, "full-backward")
    slices = net.slices.items()
    # The group of the outputs has no weights if the outputs are recurrent units.
    places = {name: slice(part.start, part.stop) for name, part in slices if part.stop > part.start}
    by_group = [_compare(truncated[:, place], full[:, place]) for place in places.values()]
    everything = _compare(truncated, full)
    # The first row is the sum over all lags.
    table = Agreement(*(np.stack(field) for field in zip(everything, *by_group, strict=True)))
    return GradientReport(
        groups=tuple(places),
        lags=np.arange(len(full) - 1),
        total=Agreement(*(field[0, 0] for field in table)),
        by_group=Agreement(*(field[1:, 0] for field in table)),
        by_lag=Agreement(*(field[0, 1:] for field in table)),
        by_group_and_lag=Agreement(*(field[1:, 1:] for field in table)),
    )


def _learner_of(estimator: Any) -> Any:
    """Return the estimator's learner; refuse estimators whose learner is not a single net."""
    if isinstance(estimator, BaseSequenceEstimator):
        check_is_fitted(estimator)
        learner = estimator._make_learner()
        if learner.is_one_net:
            return learner
    raise TypeError(
        "gradient_report is for estimators that train one net by gradient descent: LSTM, Elman, "
        f"BPTT and RTRL, not for {type(estimator).__name__}"
    )


def _targets(X: Sequences, y: Targets) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield the sequence, the step and the values of every target."""
    for i, (first, length) in enumerate(zip(y.first, X.lengths, strict=True)):
        for step in range(length) if y.every else [length - 1]:
            values = y.values[first + step if y.every else first]
            if not np.isnan(values).all():
                yield i, step, values


@np.errstate(all="ignore")  # an overflow raises a ValueError at the end
def _gradient_by_lag(
    topology: Topology, weights: np.ndarray, X: Sequences, y: Targets, form: str
) -> np.ndarray:
    """Return the whole gradient in the first row, and the part of each lag in the rows after it."""
    network = Network(topology)
    targets = list(_targets(X, y))
    longest = 1 + max(step for _, step, _ in targets)
    table = np.zeros((1 + longest, topology.n_weights))
    for i, step, values in targets:
        # One target at a time, so that the step at which an error arrives gives its lag.
        gradient = _learn_target(network, weights, X[[i]], step, values, form)
        x = X[i][: step + 1]
        x = x.toarray() if sparse.issparse(x) else x
        previous, delta = network.unrolled(step + 1)
        _add_by_lag(topology, x, previous, delta, table[1 : step + 2])
        outputs = topology.slices["output"].start
        table[1, outputs:] += gradient[outputs:]
    table[0] = table[1:].sum(axis=0)
    if not np.isfinite(table).all():
        raise ValueError("a gradient is not finite: X, y or weights_ hold values that overflow")
    return table


def _learn_target(
    network: Network, weights: np.ndarray, X: Sequences, step: int, values: np.ndarray, form: str
) -> np.ndarray:
    """Return the gradient of one target, at a step of the only sequence, at fixed weights."""
    gradient = np.empty_like(weights)
    until = Sequences._trusted(X.flat, X.starts, np.array([step + 1]))
    data = Data(until, Targets.at_last(values[None]))
    network.learn(weights, data, 0.0, np.empty((1, 3)), form, gradient=gradient)
    return gradient


def _add_by_lag(
    topology: Topology, x: np.ndarray, previous: np.ndarray, delta: np.ndarray, table: np.ndarray
) -> None:
    """Add the products of sources and errors at each step; the table's first row is lag 0."""
    fed_back = previous[:, topology.first_feedback :][:, : topology.n_feedback]
    sources = np.hstack([x, fed_back, np.ones((len(x), 1))])
    for group in topology.hidden_groups:
        part = topology.slices[group.name]
        # The last source is the bias, which some groups do not have.
        z = sources[:, : part.shape[0], None]
        products = z * delta[:, None, group.first : group.first + group.n_units]
        table[:, part.start : part.stop] += products[::-1].reshape(len(x), -1)


@np.errstate(all="ignore")
def _compare(truncated: np.ndarray, full: np.ndarray) -> Agreement:
    """Compare each row of two tables of gradients."""
    direction, truncated_norm = _directions(truncated)
    full_direction, full_norm = _directions(full)
    cosine = (direction * full_direction).sum(axis=-1)
    return Agreement(np.clip(cosine, -1.0, 1.0), truncated_norm / full_norm, full_norm)


def _directions(gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows scaled to norm one, or NaN for rows of zeros, and their original norms."""
    # Divide by the largest entry first: after many steps an error may be so small that its square
    # is zero.
    largest = np.abs(gradients).max(axis=-1, keepdims=True)
    scaled = gradients / largest
    length = np.linalg.norm(scaled, axis=-1, keepdims=True)
    norm = np.where(largest > 0.0, largest * length, 0.0)
    return scaled / length, norm[:, 0]
