"""
Who says the vowels?
====================

Nine men say two Japanese vowels, and the net tells the speaker. Each utterance is a sequence of 7
to 29 steps with 12 coefficients of the sound's spectrum (Kudo, Toyama and Shimbo 1999). Support
vectors on stretched utterances do as well as five nets, and better than one.
"""

# %%
# 1. The data, with their own split: 270 utterances for training, 370 for the test. aeon gives
# arrays with channels before time.
from aeon.datasets import load_japanese_vowels
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from usual import usual_classifiers

from lstm97 import LSTMClassifier, Sequences, StepwiseTransformer

X, y = load_japanese_vowels(split="train")
X = Sequences.from_channels_first(X)
print(X)

# %%
# 2. Settings by cross-validation on the training part.
lstm = LSTMClassifier.as_published(max_iter=50, tol=None, random_state=0)
net = Pipeline([("scale", StepwiseTransformer(StandardScaler())), ("lstm", lstm)])
grid = {
    "lstm__n_blocks": [8, 16],
    "lstm__learning_rate": [0.2, 0.5],
    "lstm__input_gate_bias": ["random", -1],
}
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
search = GridSearchCV(net, grid, cv=folds, n_jobs=2).fit(X, y)
best = search.best_estimator_
print(search.best_params_)

# %%
# 3. Nets that begin with other weights make other mistakes: five of them vote.
nets = [(f"net {i}", clone(best).set_params(lstm__random_state=i)) for i in range(5)]
vote = VotingClassifier(nets, voting="soft")

# %%
# 4. The same folds for usual classifiers.
methods = {"LSTM": best, "LSTM, vote of five nets": vote, **usual_classifiers(n_steps=20)}
scores = {name: cross_val_score(m, X, y, cv=folds, n_jobs=2) for name, m in methods.items()}

# %%
# 5. The test set, which had no part in any choice.
X_test, y_test = load_japanese_vowels(split="test")
X_test = Sequences.from_channels_first(X_test)
tests = {name: model.fit(X, y).score(X_test, y_test) for name, model in methods.items()}
for name, score in scores.items():
    print(f"{name:28} {score.mean():.3f} +- {score.std():.3f}  test {tests[name]:.3f}")
