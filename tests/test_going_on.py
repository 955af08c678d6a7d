"""Training that stops and continues: early stopping, warm starts, Ctrl-C, callbacks."""

import warnings

import joblib
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split

import lstm97
from lstm97 import CascadeCorrelationClassifier, LSTMClassifier, LSTMRegressor, RTRLRegressor
from lstm97.learning.loop import EarlyStopping, Stop

ESTIMATORS = [getattr(lstm97, name) for name in lstm97.__all__]
ESTIMATORS = [each for each in ESTIMATORS if hasattr(each, "predict")]
ignores_the_limit = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def data(Estimator, every, n=40, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(rng.integers(2, 6), 2)) for _ in range(n)]
    y = [np.cumsum(x[:, 0]) / 3 for x in X]
    if "Classifier" in Estimator.__name__:
        y = [np.where(part > 0, "up", "down") for part in y]
    return X, y if every else np.array([part[-1] for part in y])


def make(Estimator, **parameters):
    if "Cascade" not in Estimator.__name__:
        patience = {} if parameters.get("tol", 1) is None else {"n_iter_no_change": 50}
        parameters = {"learning_rate": 0.05, **patience, **parameters}
    return Estimator.as_published(random_state=3, **parameters)


def fitted(estimator):
    """Hash of all fitted attributes."""
    return joblib.hash({k: v for k, v in vars(estimator).items() if k.endswith("_")})


# Options with more state that must be carried over.
STATES = [(Estimator, {}) for Estimator in ESTIMATORS] + [
    (LSTMClassifier, {"early_stopping": True, "validation_fraction": 0.2}),
    (LSTMRegressor, {"early_stopping": True, "batch_size": 8, "solver": "adam"}),
    (LSTMRegressor, {"batch_size": 8, "momentum": 0.5}),
    (LSTMClassifier, {"early_stopping": True, "solver": "adam", "learning_rate": 0.01}),
    (LSTMRegressor, {"solver": "adam", "update": "sequence", "learning_rate": 0.01}),
    (
        LSTMRegressor,
        {"initial_blocks": 1, "n_blocks": 3, "growth_patience": 80, "learning_rate": 1e-6},
    ),
    (
        LSTMClassifier,
        {
            "initial_blocks": 1, "n_blocks": 3, "growth_patience": 80, "learning_rate": 1e-6,
            "forget_gate": True, "forget_gate_bias": [0.5, 1.0, 2.0], "solver": "adam",
        },
    ),
    (RTRLRegressor, {"early_stopping": True, "tol": None}),
]  # fmt: skip


@ignores_the_limit
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize(("Estimator", "options"), STATES)
def test_two_fits_equal_one_long_fit(Estimator, options, every):
    X, y = data(Estimator, every)
    whole = make(Estimator, max_iter=9, **options).fit(X, y)
    parts = make(Estimator, max_iter=4, warm_start=True, **options).fit(X, y)
    assert fitted(parts) != fitted(whole)
    parts.set_params(max_iter=5).fit(X, y)
    assert fitted(parts) == fitted(whole)
    assert parts.n_iter_ == 9
    if "initial_blocks" in options:
        assert parts.topology_.n_blocks == 3


@ignores_the_limit
@pytest.mark.parametrize("at", [1, 4])
@pytest.mark.parametrize(("Estimator", "options"), STATES)
def test_an_interrupted_fit_continues_exactly(Estimator, options, at, monkeypatch):
    X, y = data(Estimator, every=True)
    whole = make(Estimator, max_iter=7, **options).fit(X, y)
    model = make(Estimator, max_iter=7, warm_start=True, **options)
    with monkeypatch.context() as patch:
        interrupt_learning(patch, model, X, y, at)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (at, "interrupted")
    assert len(model.predict(X)) == len(X)
    assert fitted(model.fit(X, y)) == fitted(whole)


def interrupt_learning(patch, model, X, y, at):
    """Interrupt the learner in the middle of epoch number `at`, counted from 0."""
    learner = type(model)(random_state=0, max_iter=1).fit(X, y)._make_learner()
    if "batch_size" in vars(model):
        learner = model.__sklearn_clone__().set_params(max_iter=1).fit(X, y)._make_learner()
    kind, learn, calls = type(learner), type(learner).learn, []

    def learn_until(self, X, y, *args):
        calls.append(None)
        if len(calls) > at:
            learn(self, X[: len(X) // 2], y[: len(X) // 2], *args)
            raise KeyboardInterrupt
        return learn(self, X, y, *args)

    patch.setattr(kind, "learn", learn_until)


@ignores_the_limit
def test_without_warm_start_an_interrupted_fit_leaves_no_trace(monkeypatch):
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, max_iter=3).fit(X, y)
    before = joblib.hash(model)
    interrupt_learning(monkeypatch, model, X, y, 2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert joblib.hash(model) == before


@ignores_the_limit
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_interrupt_before_the_first_epoch_leaves_no_trace(Estimator, monkeypatch):
    X, y = data(Estimator, every=False)
    model = make(Estimator, max_iter=2, warm_start=True)
    before = joblib.hash(model)
    interrupt_learning(monkeypatch, model, X, y, 0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert joblib.hash(model) == before


@ignores_the_limit
def test_without_warm_start_a_fit_begins_anew():
    X, y = data(LSTMClassifier, every=False)
    model = make(LSTMClassifier, max_iter=3).fit(X, y)
    once = fitted(model)
    assert fitted(model.fit(X, y)) == once


@ignores_the_limit
@pytest.mark.parametrize(
    "change", [{"learning_rate": 0.2}, {"batch_size": 5}, {"early_stopping": True}]
)
def test_a_warm_start_with_other_parameters_continues_from_the_weights(change):
    X, y = data(LSTMRegressor, every=True)
    model = make(LSTMRegressor, max_iter=3, warm_start=True).fit(X, y)
    start, n = model.loss_curve_[-1], len(model.loss_curve_)
    model.set_params(**change).fit(X, y)
    assert model.n_iter_ == 6
    assert model.loss_curve_[n] < 1.5 * start


@ignores_the_limit
def test_after_convergence_a_warm_start_waits_again():
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, tol=1e9, n_iter_no_change=2, warm_start=True)
    with pytest.warns(ConvergenceWarning, match="nothing was learned"):
        model.fit(X, y)
    assert (model.stop_reason_, model.n_iter_) == ("stagnated", 3)
    assert model.fit(X, y).n_iter_ == 6


@ignores_the_limit
def test_a_warm_start_refuses_other_data_and_changes_nothing():
    X, y = data(LSTMClassifier, every=False)
    model = make(LSTMClassifier, max_iter=2, warm_start=True).fit(X, y)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match="features per step"):
        model.fit([x[:, :1] for x in X], y)
    with pytest.raises(ValueError, match="not in classes"):
        model.fit(X, np.where(y == "up", "up", "sideways"))
    assert joblib.hash(model) == before


# ---- early stopping ------------------------------------------------------------------------------


@ignores_the_limit
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
def test_the_best_weights_are_kept(Estimator, every):
    X, y = data(Estimator, every, n=60)
    model = make(Estimator, early_stopping=True, validation_fraction=0.25, max_iter=15)
    model.fit(X, y)
    assert len(model.validation_scores_) == model.n_iter_ == len(model.loss_curve_)
    assert model.best_validation_score_ == max(model.validation_scores_)
    kept, held_out = split_of(model, Estimator, y)
    assert (len(kept), len(held_out)) == (45, 15)
    score = model.score([X[i] for i in held_out], [y[i] for i in held_out])
    assert np.isclose(score, model.best_validation_score_)
    # The weights are those of a fit on the other sequences that ended there.
    best = int(np.argmax(model.validation_scores_)) + 1
    stopped = make(Estimator, early_stopping=True, validation_fraction=0.25, max_iter=best)
    np.testing.assert_array_equal(stopped.fit(X, y).weights_, model.weights_)


def split_of(model, Estimator, y):
    strata = y if Estimator is LSTMClassifier and isinstance(y, np.ndarray) else None
    return train_test_split(
        np.arange(len(y)), test_size=model.validation_fraction or 0.1,
        random_state=model.validation_seed_, stratify=strata,
    )  # fmt: skip


# ---- ends other than convergence -----------------------------------------------------------------


def test_an_epoch_that_ended_early_is_divergence():
    """Its last loss is worse than those before, which the rule would take for stagnation."""
    rng = np.random.default_rng(5)
    X = [rng.normal(size=(rng.integers(3, 9), 2)) for _ in range(30)]
    y = [float(x.sum()) for x in X]
    seen = set()
    for rate in np.linspace(2.3, 2.8, 26):
        model = LSTMRegressor.as_published(learning_rate=rate, random_state=0)
        with pytest.warns(ConvergenceWarning, match=r"diverged|it rose"):
            model.fit(X, y)
        seen.add(model.stop_reason_)
        if model.stop_reason_ == "stagnated":
            assert model.loss_curve_[-1] > model.loss_curve_[0]
            assert np.isfinite(model.loss_curve_).all()
    assert "diverged" in seen


def test_a_loss_that_rose_is_reported():
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, learning_rate=3.0, n_iter_no_change=2)
    with pytest.warns(ConvergenceWarning, match=r"it rose from .* to "):
        model.fit(X, 100 * y)
    assert model.loss_curve_[-1] > model.loss_curve_[0]


def test_a_score_that_is_not_finite_is_divergence():
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, early_stopping=True, n_iter_no_change=1, learning_rate=1e3)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, y)
    assert model.stop_reason_ == "diverged"


@ignores_the_limit
@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
def test_held_out_sequences_that_cannot_be_scored_are_refused(Estimator):
    X, y = data(Estimator, every=False)
    model = make(Estimator, early_stopping=True, max_iter=3).fit(X, y)
    before, weight = joblib.hash(model), np.ones(40)
    weight[split_of(model, Estimator, y)[1]] = 0.0
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 holds out 4 of 40 .* 0 targets"):
        model.fit(X, y, sample_weight=weight)
    assert joblib.hash(model) == before
    _, every = data(Estimator, every=True)
    none = [np.full(len(part), None if Estimator is LSTMClassifier else np.nan) for part in every]
    model.fit(X, every)
    targets = [
        nothing if i in split_of(model, Estimator, every)[1] else part
        for i, (part, nothing) in enumerate(zip(every, none, strict=True))
    ]
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 holds out .* 0 targets of"):
        model.fit(X, targets)


def test_one_held_out_target_is_too_few_for_a_regressor():
    X, y = data(LSTMRegressor, every=False, n=8)
    with pytest.raises(ValueError, match="holds out 1 of 8 sequences, which have 1 targets of"):
        make(LSTMRegressor, early_stopping=True).fit(X, y)


# ---- warm starts that are not exact ones ---------------------------------------------------------


@ignores_the_limit
@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
def test_held_out_sequences_stay_held_out(Estimator):
    X, y = data(Estimator, every=False)
    model = make(Estimator, early_stopping=True, max_iter=3, warm_start=True)
    model.set_params(random_state=None).fit(X, y)
    seed = model.validation_seed_
    model.set_params(learning_rate=0.01).fit(X, y)
    assert model.validation_seed_ == seed
    _, held_out = split_of(model, Estimator, y)
    assert len(held_out) == 4
    model.set_params(warm_start=False).fit(X, y)
    assert model.validation_seed_ != seed


@ignores_the_limit
@pytest.mark.parametrize("change", [
    {"output_activation": "logistic"}, {"recurrence": "none"},
    {"shortcut": True}, {"cell_activation": "h"},
])  # fmt: skip
def test_a_warm_start_refuses_a_net_of_another_kind(change):
    X, y = data(LSTMClassifier, every=False)
    model = make(LSTMClassifier, output_activation="softmax", loss="log_loss", max_iter=2)
    model.set_params(warm_start=True).fit(X, y).set_params(**change)
    before = joblib.hash(model)
    for learn in (model.fit, model.partial_fit):
        with pytest.raises(
            ValueError, match=r"describe a net with .*=.*, but the fitted net has .* warm_start"
        ):
            learn(X, y)
    assert joblib.hash(model) == before
    model.set_params(warm_start=False).fit(X, y)


@ignores_the_limit
def test_a_warm_start_ignores_size_and_initial_weights():
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, max_iter=2, warm_start=True).fit(X, y)
    model.set_params(n_blocks=5, block_size=3, init_scale=9.0).fit(X, y)
    assert (model.topology_.n_blocks, model.topology_.block_size) == (2, 2)
    assert model.n_iter_ == 4


@ignores_the_limit
def test_max_iter_may_be_lower_than_the_number_of_epochs_left(monkeypatch):
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, max_iter=9, warm_start=True)
    with monkeypatch.context() as patch:
        interrupt_learning(patch, model, X, y, 3)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
    assert model.set_params(max_iter=2).fit(X, y).n_iter_ == 3 + 2


@ignores_the_limit
def test_scores_belong_to_the_losses_of_their_epochs():
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, max_iter=3, warm_start=True).fit(X, y)
    model.set_params(early_stopping=True, max_iter=2).fit(X, y).partial_fit(X, y)
    assert np.isnan(model.validation_scores_).tolist() == [True] * 3 + [False] * 2
    model.fit(X, y)
    assert (
        np.isnan(model.validation_scores_).tolist()
        == [True] * 3 + [False] * 2 + [True] + [False] * 2
    )
    assert len(model.loss_curve_) == 8


@ignores_the_limit
def test_attributes_of_another_net_or_solver_are_removed():
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, early_stopping=True, batch_size=8, solver="adam", max_iter=2)
    model.fit(X, y)
    assert model.solver_state_["mean"].any()
    assert model.best_validation_score_ == max(model.validation_scores_)
    model.set_params(batch_size=None, solver="sgd").partial_fit(X, y)
    assert not hasattr(model, "solver_state_")
    assert not hasattr(model, "best_validation_score_")


# ---- early stopping, again -----------------------------------------------------------------------


def test_it_ends_when_the_score_stops_rising():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(5, 2)) for _ in range(60)]
    y = rng.integers(2, size=60)  # nothing to be learned
    model = LSTMClassifier.as_published(early_stopping=True, n_iter_no_change=4, random_state=0)
    with pytest.warns(ConvergenceWarning, match="nothing was learned"):
        model.fit(X, y)
    assert model.stop_reason_ == "stagnated"
    scores = np.array(model.validation_scores_)
    assert len(scores) > 4
    assert scores[-4:].max() < scores[:-4].max() + 1e-4


def test_the_rule_for_scores():
    scores = iter([0.5, 0.6, 0.3, 0.6, 0.605, np.nan])
    rule = EarlyStopping(lambda: next(scores), lambda: "a copy", tol=0.1, patience=3)
    results = type("Results", (), {"loss": np.zeros(7)})
    looks = [rule.look(results) for _ in range(5)]
    assert looks == [None, None, None, None, Stop(7, "converged")]
    assert (rule.best_score, rule.best) == (0.605, "a copy")
    assert len(rule.scores) == 5
    assert rule.look(results) == Stop(7, "diverged")


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2, 40)])
@ignores_the_limit
def test_validation_scores_are_weighted(weight):
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, early_stopping=True, max_iter=3).fit(X, y, sample_weight=weight)
    _, held_out = split_of(model, LSTMRegressor, y)
    part = None if weight is None else weight[held_out]
    score = model.score([X[i] for i in held_out], y[held_out], sample_weight=part)
    assert np.isclose(score, model.best_validation_score_, rtol=1e-12)


@ignores_the_limit
def test_divergence_gives_back_the_best_weights():
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, early_stopping=True, learning_rate=50.0, max_iter=20).fit(X, y)
    assert model.stop_reason_ == "diverged"
    assert np.isfinite(model.weights_).all()
    assert np.isfinite(model.predict(X)).all()


def test_too_few_sequences_to_hold_some_out():
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, early_stopping=True)
    with pytest.raises(ValueError, match="train set will be empty"):
        model.fit(X[:1], y[:1])
    assert not hasattr(model, "weights_")


def test_verbose_prints_the_score(capsys):
    X, y = data(LSTMClassifier, every=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        make(LSTMClassifier, early_stopping=True, max_iter=2, verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0].split(":")[0] for line in lines] == [
        "Iteration 1",
        "Validation score",
        "Iteration 2",
        "Validation score",
    ]


# ---- callbacks -----------------------------------------------------------------------------------


class Recorder:
    """A callback that records its calls and may ask for the end of the fit."""

    def __init__(self, last=None):
        self.calls, self.last = [], last

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
        self.calls.append(("begin", context.task_name, context.task_id))
        self.data = X, y, metadata

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.calls.append(("end", context.task_name, context.task_id))
        self.fitted = fitted_estimator
        return context.task_name == "epoch" and context.task_id == self.last


@ignores_the_limit
@pytest.mark.parametrize("Estimator", [LSTMRegressor, CascadeCorrelationClassifier])
def test_callbacks_see_every_epoch(Estimator):
    pytest.importorskip("sklearn.callback")
    X, y = data(Estimator, every=False)
    recorder = Recorder()
    weight = np.ones(len(X))
    model = make(Estimator, max_iter=2).set_callbacks(recorder).fit(X, y, sample_weight=weight)
    assert recorder.calls == [
        "setup",
        ("begin", "fit", 0),
        ("begin", "epoch", 0),
        ("end", "epoch", 0),
        ("begin", "epoch", 1),
        ("end", "epoch", 1),
        ("end", "fit", 0),
        "teardown",
    ]
    assert recorder.data[0] is X
    assert recorder.data[1] is y
    assert recorder.data[2]["sample_weight"] is weight
    np.testing.assert_array_equal(recorder.fitted.predict(X), model.predict(X))


@ignores_the_limit
def test_a_callback_ends_the_fit_and_the_next_fit_continues():
    pytest.importorskip("sklearn.callback")
    X, y = data(LSTMRegressor, every=False)
    model = make(LSTMRegressor, max_iter=6, warm_start=True).set_callbacks(Recorder(last=3))
    model.fit(X, y)
    assert (model.stop_reason_, model.n_iter_) == ("callback", 4)
    model.set_callbacks().set_params(max_iter=2).fit(X, y)
    assert fitted(model) == fitted(make(LSTMRegressor, max_iter=6).fit(X, y))


@ignores_the_limit
def test_callbacks_are_also_torn_down_after_an_error():
    pytest.importorskip("sklearn.callback")
    X, y = data(LSTMRegressor, every=False)
    recorder = Recorder()

    def fail(*_, **__):
        raise RuntimeError("from a callback")

    recorder.on_fit_task_end = fail
    model = make(LSTMRegressor, max_iter=2).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="from a callback"):
        model.fit(X, y)
    assert recorder.calls[-1] == "teardown"
    assert not hasattr(model, "weights_")


@ignores_the_limit
def test_scikit_learns_own_callbacks(capsys):
    callback = pytest.importorskip("sklearn.callback")
    X, y = data(LSTMClassifier, every=False)
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = make(LSTMClassifier, max_iter=3).set_callbacks(monitor, callback.ProgressBar())
    model.fit(X, y)
    scores = [row["accuracy"] for row in monitor.get_logs().data if "accuracy" in row]
    assert len(scores) >= 3
    assert scores[-1] == model.score(X, y)
    search = GridSearchCV(make(LSTMClassifier, max_iter=2), {"learning_rate": [0.1, 0.2]}, cv=2)
    search.estimator.set_callbacks(Recorder())
    assert search.fit(X, y).best_score_ >= 0.0
