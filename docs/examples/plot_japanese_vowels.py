"""
Recognize a speaker
===================

Nine men say two Japanese vowels, and the net names the speaker. The recordings have 7 to 29 steps
of twelve coefficients of the sound's spectrum (Kudo, Toyama and Shimbo 1999). The net learns from
one answer at the end of each utterance, but it has outputs at every step. So we can see how soon it
knows the speaker.
"""

# %%
# The data come with aeon, as arrays with channels before time. We use the settings that the grid
# search on the page of real data found on the training set.
import matplotlib.pyplot as plt
import numpy as np
from aeon.datasets import load_japanese_vowels
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lstm97 import CarouselDisplay, LSTMClassifier, Sequences, StepwiseTransformer

X, y = load_japanese_vowels(split="train")
X_test, y_test = load_japanese_vowels(split="test")
X, X_test = Sequences.from_channels_first(X), Sequences.from_channels_first(X_test)
lstm = LSTMClassifier.as_published(
    n_blocks=16, learning_rate=0.2, input_gate_bias=-1, max_iter=50, tol=None, random_state=0
)
model = make_pipeline(StepwiseTransformer(StandardScaler()), lstm).fit(X, y)
print(f"{model.score(X_test, y_test):.1%} of {len(X_test)} new utterances")

# %%
# The left panel shows the fraction of right answers after a part of each utterance. The right panel
# shows which speakers the net confuses at the end.
scaled = model[0].transform(X_test)
traces = model[1].trace(scaled)
parts = np.linspace(0, 1, 21)
right = [
    np.mean([
        model.classes_[trace.output[round(part * (len(trace.output) - 1))].argmax()] == speaker
        for trace, speaker in zip(traces, y_test, strict=True)
    ])
    for part in parts
]  # fmt: skip

figure, (curve, matrix) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
curve.plot(100 * parts, 100 * np.array(right), ".-", color="#0072B2")
most = 100 * np.unique(y_test, return_counts=True)[1].max() / len(y_test)
curve.axhline(most, color="0.5", linestyle=":")
curve.text(100, most + 2, "always the most frequent speaker", ha="right", color="0.3")
curve.set(xlabel="part of the utterance heard, in %", ylabel="right, in %", ylim=(0, 102))
curve.grid(alpha=0.3)
curve.spines[["top", "right"]].set_visible(False)
display = ConfusionMatrixDisplay.from_estimator(
    model, X_test, y_test, cmap="Blues", colorbar=False, ax=matrix, im_kw={"vmax": 60}
)
for text in display.text_.flat:
    text.set_visible(text.get_text() != "0")
matrix.set(xlabel="predicted speaker", ylabel="speaker")
plt.show()

# %%
# The next figure shows gates and cells for the longest utterance. Each row is a feature, a block, a
# cell or a speaker.
CarouselDisplay.from_estimator(model[1], scaled, sequence=int(np.argmax(X_test.lengths)))
plt.show()

# %%
# Most of these gates stay open, unlike in the adding problem. The net collects evidence at every
# step, and its states grow. After one step, more than half of its answers are right, although it
# never had to answer there in training.
