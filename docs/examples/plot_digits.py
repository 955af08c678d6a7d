"""
Read digits row by row
======================

scikit-learn's digits are images of 8 by 8 pixels. Here a net reads one row of pixels at a time
and names the digit after the last row. Its outputs exist at every step, so we can also see when it
makes up its mind.
"""

# %%
# The data and the net
# --------------------
#
# ``n_channels=8`` tells the net that each row of ``X`` holds eight steps of eight pixels. All other
# settings are the defaults.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from lstm97 import LSTMClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = LSTMClassifier(n_channels=8, random_state=0).fit(X_train, y_train)
print(f"{model.score(X_test, y_test):.1%} of {len(X_test)} new digits")

# %%
# What the net believes after each row
# ------------------------------------
#
# Each column is a digit of the test set. The upper half shows the image, and the lower half shows
# the probability of every class after each row of pixels.
traces = model.trace(X_test)
chosen = [np.flatnonzero(y_test == digit)[0] for digit in range(10)]
figure, panels = plt.subplots(2, 10, figsize=(10, 3.4), layout="constrained", sharey="row")
for digit, i in enumerate(chosen):
    panels[0, digit].imshow(X_test[i].reshape(8, 8), cmap="gray_r")
    panels[1, digit].imshow(traces[i].output, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    panels[0, digit].set(xticks=[], yticks=[])
    panels[1, digit].set(xticks=[0, 3, 6, 9], yticks=[0, 7])
panels[1, 0].set_yticks([0, 7], ["row 1", "row 8"])
figure.supxlabel("class")
plt.show()

# %%
# How soon it is right
# --------------------
#
# Left: the fraction of right answers after each row, although the net had to answer only after the
# last row in training. Right: the mistakes after the last row.
answers = np.array([model.classes_[trace.output.argmax(axis=1)] for trace in traces])
right = (answers == y_test[:, np.newaxis]).mean(axis=0)
figure, (curve, matrix) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
curve.plot(np.arange(1, 9), 100 * right, "o-", color="#0072B2")
curve.axhline(10, color="0.5", linestyle=":")
curve.text(8, 12, "chance", ha="right", color="0.3")
curve.set(xlabel="rows of pixels read", ylabel="right answers, in %", ylim=(0, 102))
curve.grid(alpha=0.3)
curve.spines[["top", "right"]].set_visible(False)
ConfusionMatrixDisplay.from_predictions(
    y_test, model.predict(X_test), cmap="Blues", colorbar=False, ax=matrix, im_kw={"vmax": 20}
)
matrix.set(xlabel="predicted digit", ylabel="true digit")
plt.show()
