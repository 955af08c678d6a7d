"""
Recognize a person by a gesture: a comparison of classifiers
============================================================

Ten people pick something up ten times each, with an accelerometer in the hand. One channel with 29
to 361 steps has to identify the person (PickupGestureWiimoteZ of the UCR archive). MiniRocket is
better than LSTM here, and the difference depends on the initial bias of the input gates.
"""

# %%
# 1. Load all 100 sequences for cross-validation.
from aeon.datasets import load_pickup_gesture_wiimoteZ
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from usual import usual_classifiers

from lstm97 import LSTMClassifier, Sequences, StepwiseTransformer

X, y = load_pickup_gesture_wiimoteZ()
X = Sequences.from_channels_first(X)
print(X)


# %%
# 2. Without a forget gate, a cell sums its input over hundreds of steps. A negative bias makes the
# input gates begin nearly closed.
def net(bias):
    lstm = LSTMClassifier.as_published(
        n_blocks=8, input_gate_bias=bias, learning_rate=0.5, max_iter=100, tol=None, random_state=0
    )
    return make_pipeline(StepwiseTransformer(StandardScaler()), lstm)


# %%
# 3. We do not choose a bias: nets with five biases vote.
biases = [-2, -3, -4, -5, -6]
vote = VotingClassifier([(f"net {bias}", net(bias)) for bias in biases], voting="soft")
methods = {
    "LSTM, biases drawn": net("random"),
    **{f"LSTM, input gates' bias {bias}": net(bias) for bias in biases},
    "LSTM, vote of these five": vote,
    **usual_classifiers(n_steps=50),
}

# %%
# 4. The same folds for all.
folds = StratifiedKFold(5, shuffle=True, random_state=0)
scores = {name: cross_val_score(m, X, y, cv=folds, n_jobs=2) for name, m in methods.items()}
for name, score in scores.items():
    print(f"{name:28} {score.mean():.3f} +- {score.std():.3f}")
