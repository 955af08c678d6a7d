"""
Recognize activities: a comparison of classifiers
=================================================

Students with a smart watch stand, walk, run or play badminton. There are 80 recordings of ten
seconds, or 100 steps, with three channels of acceleration and three of turning (BasicMotions of the
UEA archive). The initial bias of the input gates decides whether the net is worse than all others
or makes no error.
"""

# %%
# 1. Load all 80 recordings for cross-validation.
from aeon.datasets import load_basic_motions
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from usual import usual_classifiers

from lstm97 import LSTMClassifier, Sequences, StepwiseTransformer

X, y = load_basic_motions()
X = Sequences.from_channels_first(X)
print(X)


# %%
# 2. In the first net, the biases of the input gates are random like all other weights. In the
# others, the gates begin more and more closed.
def net(bias):
    lstm = LSTMClassifier.as_published(
        n_blocks=8, input_gate_bias=bias, learning_rate=0.5, max_iter=30, tol=None, random_state=0
    )
    return make_pipeline(StepwiseTransformer(StandardScaler()), lstm)


methods = {
    "LSTM, biases drawn": net("random"),
    **{f"LSTM, input gates' bias {bias}": net(bias) for bias in range(-1, -8, -1)},
    **usual_classifiers(n_steps=100),
}

# %%
# 3. The same folds for all.
folds = StratifiedKFold(5, shuffle=True, random_state=0)
scores = {name: cross_val_score(m, X, y, cv=folds, n_jobs=2) for name, m in methods.items()}
for name, score in scores.items():
    print(f"{name:28} {score.mean():.3f} +- {score.std():.3f}")
