"""
Digits, read row by row
=======================

The net sees one row of pixels per step and says after the last which digit it was: it has to
remember the rows before. The classifiers beside it see all 64 pixels at once, and support vectors
make fewer errors.
"""

# %%
# 1. The images: 1797 of them, 8 rows of 8 pixels, in a table.
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
# 2. Two ways to learn: the paper's, by the truncated gradient of the squared error, and by the full
# gradient of the log loss, which the paper does not have. `n_channels=8` makes 8 steps of a row of
# the table.
paper = LSTMClassifier.as_published(
    n_blocks=16, max_iter=30, tol=None, n_channels=8, random_state=0
)
full = clone(paper).set_params(gradient="full", loss="log_loss", output_activation="softmax")

# %%
# 3. Within each fold, its training part decides on the learning rate of the nets. The others have
# scikit-learn's defaults.
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
