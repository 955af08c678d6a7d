"""
Read digits row by row: a comparison of classifiers
===================================================

The net sees one row of pixels per step and names the digit after the last row, so it has to
remember the rows before. The other classifiers see all 64 pixels at once, and support vectors make
fewer errors.
"""

# %%
# 1. Load 1797 images with 8 rows of 8 pixels, as a table.
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.svm import SVC

from lstm97 import LSTMClassifier

X, y = load_digits(return_X_y=True)
X = X / 16
print(X.shape)

# %%
# 2. One net learns as in the paper, by the truncated gradient of the squared error. The other
# learns by the full gradient of the log loss, which the paper does not have. `n_channels=8` makes 8
# steps of each row of the table.
paper = LSTMClassifier.as_published(
    n_blocks=16, max_iter=30, tol=None, n_channels=8, random_state=0
)
full = clone(paper).set_params(gradient="full", loss="log_loss", output_activation="softmax")

# %%
# 3. The training part of each fold chooses the learning rate of the nets. The other classifiers
# have the default settings of scikit-learn.
methods = {
    "LSTM, the paper's learning": GridSearchCV(paper, {"learning_rate": [0.2, 0.5]}, cv=2),
    "LSTM, full gradient, log loss": GridSearchCV(full, {"learning_rate": [0.05, 0.1]}, cv=2),
    "logistic regression": LogisticRegression(max_iter=1000),
    "random forest": RandomForestClassifier(random_state=0),
    "support vectors": SVC(),
}

# %%
# 4. The same folds for all.
folds = StratifiedKFold(5, shuffle=True, random_state=0)
scores = {name: cross_val_score(m, X, y, cv=folds, n_jobs=2) for name, m in methods.items()}
for name, score in scores.items():
    print(f"{name:30} {score.mean():.3f} +- {score.std():.3f}")
