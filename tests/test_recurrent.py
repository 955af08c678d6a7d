"""The full gradient of nets with and without cells, against twins and central differences."""

import math

import numpy as np
import pytest

from lstm97 import RTRLClassifier
from lstm97.learning.topology import Topology
from reference import full, recurrent
from reference.cases import kernel_pass, kernel_run, random_problem, random_topology
from reference.compare import numeric_gradient, targets_of, worst_relative
from reference.lstm import Twin

SEEDS = range(40)


def random_net(rng):
    """Draw a net without cells: with a layer of outputs, or fully connected."""
    n_hidden = int(rng.integers(2, 5))
    if rng.random() < 0.5:
        return random_topology(rng, n_blocks=0, n_hidden=n_hidden)
    return Topology(
        n_inputs=3, n_outputs=2, n_blocks=0, n_hidden=n_hidden, recurrent_outputs=True,
        output_bias=False, cell_bias=bool(rng.integers(2)),
        loss=("squared_error", "log_loss")[rng.integers(2)],
    )  # fmt: skip


def problem(seed, draw=random_net, **options):
    rng = np.random.default_rng(seed)
    topology = draw(rng)
    return topology, *random_problem(rng, topology, **options)


def as_lists(topology, weights):
    return {name: view.tolist() for name, view in topology.views(weights).items()}


def twin_sum(rule, topology, weights, X, y):
    """Sum losses and gradients of a twin's rule over sequences and, by their weights, targets."""
    losses, flat = np.zeros(len(X)), np.zeros(topology.n_weights)
    for i, x in enumerate(X):
        targets, weight = targets_of(y, i, len(x))
        for t, target in enumerate(targets):
            if target is None:
                continue
            alone = [target if step == t else None for step in range(len(x))]
            loss, gradient = rule(
                topology, as_lists(topology, weights), x.tolist(), alone, weight[t]
            )
            losses[i] += loss
            for name, view in topology.views(flat).items():
                view += np.array(gradient[name]).reshape(view.shape)
    return losses, flat


def truncated_gradient(spec, weights, x, targets, weight):
    return Twin(spec, weights).gradient(x, targets, weight)


RULES = {
    "truncated-forward": recurrent.elman_gradient,
    "truncated-backward": recurrent.elman_gradient,
    "full-backward": recurrent.bptt_gradient,
    "full-forward": recurrent.rtrl_gradient,
}


@pytest.mark.parametrize("form", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_equal_the_twins(seed, form):
    topology, weights, X, y = problem(seed)
    loss, expected = twin_sum(RULES[form], topology, weights, X, y)
    results, gradient = kernel_pass(topology, weights, X, y, form=form)
    assert worst_relative(results[:, 0], loss, 1e-3) < 1e-12
    assert worst_relative(gradient, expected, 1e-3) < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_equal_the_twins(seed):
    topology, weights, X, _ = problem(seed)
    lists = as_lists(topology, weights)
    expected = np.concatenate([recurrent.run(topology, lists, x.tolist()) for x in X])
    assert worst_relative(kernel_run(topology, weights, X), expected, 1e-3) < 1e-12


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_real_time_learning_and_bptt_have_one_gradient(seed, is_sparse, every):
    topology, weights, X, y = problem(
        seed, n_sequences=4, longest=30, is_sparse=is_sparse, every=every
    )
    bptt_results, bptt = kernel_pass(topology, weights, X, y, form="full-backward")
    results, rtrl = kernel_pass(topology, weights, X, y, form="full-forward")
    assert np.array_equal(results, bptt_results, equal_nan=True)
    assert worst_relative(rtrl, bptt, 1e-3) < 1e-12


@pytest.mark.parametrize("form", ["full-backward", "full-forward"])
@pytest.mark.parametrize("seed", SEEDS)
def test_full_gradients_equal_central_differences(seed, form):
    topology, weights, X, y = problem(seed, n_sequences=2, longest=6)
    numeric = numeric_gradient(
        lambda w: kernel_pass(topology, w, X, y, form="none")[0][:, 0].sum(), weights
    )
    _, gradient = kernel_pass(topology, weights, X, y, form=form)
    assert worst_relative(gradient, numeric, 1e-2) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_full_gradient_of_lstm_equals_the_twins(seed):
    topology, weights, X, y = problem(seed, random_topology, longest=7)
    loss, expected = twin_sum(full.full_gradient, topology, weights, X, y)
    results, gradient = kernel_pass(topology, weights, X, y, form="full-backward")
    assert worst_relative(results[:, 0], loss, 1e-3) < 1e-12
    assert worst_relative(gradient, expected, 1e-3) < 1e-12


@pytest.mark.parametrize("forget_gate", [False, True])
@pytest.mark.parametrize("form", ["truncated-backward", "full-backward"])
def test_gradient_of_a_net_with_many_units_equals_the_twins(form, forget_gate):
    """Use so many units that rows of weights are processed in another order."""
    rng = np.random.default_rng(0)
    sizes = {"n_blocks": 12, "block_size": 3, "n_hidden": 70, "n_outputs": 70}
    topology = random_topology(rng, **sizes, forget_gate=forget_gate)
    weights, X, y = random_problem(rng, topology, n_sequences=2, longest=4, every=False)
    weights *= 0.2
    rule = full.full_gradient if form == "full-backward" else truncated_gradient
    loss, expected = twin_sum(rule, topology, weights, X, y)
    results, gradient = kernel_pass(topology, weights, X, y, form=form)
    assert worst_relative(results[:, 0], loss, 1e-3) < 1e-12
    assert worst_relative(gradient, expected, 1e-3) < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_full_gradient_of_lstm_equals_central_differences(seed):
    topology, weights, X, y = problem(seed, random_topology, n_sequences=2, longest=6)
    numeric = numeric_gradient(
        lambda w: kernel_pass(topology, w, X, y, form="none")[0][:, 0].sum(), weights
    )
    _, gradient = kernel_pass(topology, weights, X, y, form="full-backward")
    assert worst_relative(gradient, numeric, 1e-2) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_sparse_input_equals_dense_input(seed):
    topology, weights, X, y = problem(seed, is_sparse=True)
    dense = type(X)(X.flat.toarray(), X.starts, X.lengths)
    for form in ("full-backward", "full-forward"):
        results, gradient = kernel_pass(topology, weights, X, y, form=form)
        dense_results, dense_gradient = kernel_pass(topology, weights, dense, y, form=form)
        assert np.array_equal(results, dense_results, equal_nan=True)
        assert (gradient == dense_gradient).all()


@pytest.mark.parametrize("form", ["truncated-forward", "full-forward"])
@pytest.mark.parametrize("seed", SEEDS)
def test_updates_within_a_sequence_equal_the_twins(seed, form):
    topology, weights, X, y = problem(seed, is_sparse=seed % 2 == 0)
    y.weight[:] = 1.5
    train = {"truncated-forward": recurrent.elman_train, "full-forward": recurrent.rtrl_train}[form]
    expected, losses = as_lists(topology, weights), []
    for i, x in enumerate(X):
        dense = x.toarray() if hasattr(x, "toarray") else x
        targets = targets_of(y, i, x.shape[0])[0]
        loss, expected = train(topology, expected, dense.tolist(), targets, 0.3, 1.5)
        losses.append(loss)
    learned = weights.copy()
    results, _ = kernel_pass(topology, learned, X, y, learning_rate=0.3, per_step=True, form=form)
    flat = np.concatenate([np.ravel(expected[name]) for name in topology.slices])
    assert worst_relative(results[:, 0], np.array(losses), 1e-3) < 1e-12
    assert worst_relative(learned, flat, 1e-3) < 1e-12


@pytest.mark.parametrize("draw", [random_net, random_topology])
@pytest.mark.parametrize("seed", SEEDS)
def test_losses_alone_are_those_of_training(seed, draw):
    topology, weights, X, y = problem(seed, draw)
    alone, gradient = kernel_pass(topology, weights, X, y, form="none")
    assert np.array_equal(alone, kernel_pass(topology, weights, X, y)[0], equal_nan=True)
    assert (gradient == 0.0).all()


def test_real_time_learning_is_refused_for_cells():
    topology, weights, X, y = problem(0, random_topology)
    with pytest.raises(ValueError, match="without memory cells"):
        kernel_pass(topology, weights, X, y, form="full-forward")


def test_weights_of_the_papers_nets():
    # Table 1: n (7 + n) weights without biases, for 3 and 12 units beside the 7 visible ones.
    for n_hidden, n_weights in ((3, 170), (12, 494)):
        model = RTRLClassifier.as_published(n_hidden, hidden_bias=False, recurrent_outputs=True)
        model._build(7, 7)
        assert model.topology_.n_weights == n_weights
    # Table 2: (p + 2)^2.
    for p, n_weights in ((4, 36), (10, 144), (100, 10404)):
        model = RTRLClassifier.as_published(1, hidden_bias=False, output_bias=False, shortcut=True)
        model._build(p + 1, p + 1)
        assert model.topology_.n_weights == n_weights


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_blocks": 1}, "cannot be combined with blocks"),
        ({"shortcut": True}, "blocks, shortcut or output_bias"),
        ({"n_hidden": 1}, "cannot hold 2 outputs"),
        ({"output_activation": "linear"}, "needs output_activation='logistic'"),
    ],
)
def test_recurrent_outputs_refuse_other_options(options, message):
    fields = {"n_blocks": 0, "n_hidden": 4, "output_bias": False, **options}
    with pytest.raises(ValueError, match=message):
        Topology(n_inputs=2, n_outputs=2, recurrent_outputs=True, **fields)


def test_the_full_gradient_sees_what_the_truncated_one_does_not():
    # The last target depends on the first input by the recurrence of conventional units alone.
    topology, weights, X, y = problem(1, longest=12, every=False)
    full_gradient = kernel_pass(topology, weights, X, y, form="full-backward")[1]
    truncated = kernel_pass(topology, weights, X, y)[1]
    assert not math.isclose(np.abs(full_gradient - truncated).max(), 0.0, abs_tol=1e-6)
