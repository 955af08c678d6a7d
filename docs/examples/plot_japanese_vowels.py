"""
How soon does a net know the speaker?
=====================================

Nine men say two Japanese vowels, and the net tells the speaker: real recordings, 7 to 29 steps of
twelve coefficients of the sound's spectrum (Kudo, Toyama and Shimbo 1999). It learns from one
answer at the end of each utterance, but has outputs at every step, so one can watch it make up
its mind.
"""

# %%
# The data come with aeon, as arrays with channels before time. The settings are those that the
# grid search on the page of real data found on the training part.
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
# Left: how many are right, if the net is asked when it has heard a part of each utterance. Right:
# whom it takes for whom at the end.
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
matrix.set(xlabel="speaker, says the net", ylabel="speaker")
plt.show()

# %%
# Gates and cells along the longest of the utterances. A row is a feature, a block, a cell or a
# speaker.
CarouselDisplay.from_estimator(model[1], scaled, sequence=int(np.argmax(X_test.lengths)))
plt.show()

# %%
# Unlike those of the adding problem, most of these gates stay open: the net gathers evidence all
# along, and its states grow with every step. After one step it is right more often than not,
# although it was never asked there.
