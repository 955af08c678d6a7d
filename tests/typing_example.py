"""A user's script, with types, which test_types.py checks with mypy."""

import numpy as np

from lstm97 import (
    BPTTClassifier,
    CarouselDisplay,
    CascadeCorrelationRegressor,
    LSTMClassifier,
    LSTMRegressor,
    SequenceChunkerClassifier,
    Sequences,
    StepwiseTransformer,
    Stream,
    diagnose,
    gradient_report,
    load,
    save,
)
from lstm97.river import RiverRegressor
from lstm97.tasks import make_adding

X, y = make_adding(100, T=20, rng=0)
model = LSTMRegressor(3, block_size=1, input_gate_bias=[-1, -2, -3], random_state=0).fit(X, y)
predictions: np.ndarray = model.predict(X[:10])
score: float = model.score(X, y, sample_weight=np.ones(100))
biases = [
    LSTMClassifier(input_gate_bias=bias) for bias in ("auto", "random", -1, None, np.zeros(2))
]
last: float = model.loss_curve_[-1]
batched = LSTMRegressor(batch_size=10, early_stopping=True, random_state=0).fit(X, y)
same: bool = batched.n_iter_ == len(batched.validation_scores_)
state: list[str] = list(batched.solver_state_)
assert model.stop_reason_ != "diverged"
assert model.target_steps_ == "last"
output: np.ndarray = model.topology_.views(model.weights_)["output"]
sizes = (model.n_blocks, model.topology_.n_cells, model.n_features_in_, model.n_outputs_)
gates = model.trace(X)[0].input_gate
assert gates is None or gates.shape[1] == 3

parts = [np.zeros((3, 2)), np.ones((5, 2))]
nested = [[[0.0, 1.0]], [[1.0, 0.0], [0.5, 0.5]]]
classifier = LSTMClassifier(class_weight={"up": 2.0, "down": 1.0}, gradient="full")
probabilities: np.ndarray = classifier.fit(parts, ["up", "down"]).predict_proba(parts)
labels: np.ndarray = classifier.classes_[probabilities.argmax(axis=1)]
classifier.partial_fit(nested, [["up"], ["down", None]], classes=["up", "down"])
BPTTClassifier(5, class_weight="balanced").fit(np.zeros((4, 3, 2)), [0, 1, 0, 1]).score(X, y)
chunker = SequenceChunkerClassifier(predict_state="hidden").fit(X, y)
two: int = chunker.topology_.n_weights + chunker.chunker_topology_.n_weights
cascade = CascadeCorrelationRegressor(max_hidden=2).fit(X, y)
done: bool = cascade.training_state_.is_finished and cascade.topology_.n_hidden == 2

stream: Stream = model.stream()
error = abs(stream.step([0.5, 1.0]) - 1.0)
loss: float = stream.learn(1.0, sample_weight=0.5)
stream.restore(stream.snapshot()).reset()
RiverRegressor(stream, features=["a", "b"]).learn_one({"a": 0.5, "b": 1.0}, 0.25)

longest: int = max(len(part) for part in Sequences.from_list(parts))
scaled = StepwiseTransformer(object()).fit(parts).transform(parts)
for finding in diagnose(model, X):
    print(finding.block, finding.message)
print(gradient_report(model, X, y).total.cosine)
CarouselDisplay.from_estimator(model, X, sequence=1).plot()
save(model, "model.npz")
again = load("model.npz").predict(X)
