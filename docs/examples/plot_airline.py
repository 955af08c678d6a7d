"""
Forecast the next month
=======================

How many passengers will fly next month? The data are the monthly numbers of 1949 to 1960, the
classic example of Box and Jenkins. We compare a net with two simple forecasts: the number of twelve
months ago plus the growth of the last year, and ridge regression on the last thirteen months.
"""

# %%
# The task
# --------
#
# The numbers grow by a factor, so the net predicts the change of the logarithm from month to month.
# Each training sequence has the changes of 24 months, and the target is the change of the month
# after them. We train on the first nine years and forecast each month of the last three.
import matplotlib.pyplot as plt
import numpy as np
from aeon.datasets import load_airline
from sklearn.linear_model import Ridge

from lstm97 import LSTMRegressor

passengers = np.asarray(load_airline(), dtype=float).ravel()
change = np.diff(np.log(passengers))
X = np.lib.stride_tricks.sliding_window_view(change, 24)[:-1]
y = change[24:]
train = len(y) - 36
print(f"{train} sequences to learn from, 36 months to forecast")

# %%
# Three forecasts
# ---------------
#
# ``n_channels=1`` tells the net that a row of ``X`` is a sequence of single numbers. Each forecast
# of a month uses the true numbers of all months before.
lstm = LSTMRegressor(n_channels=1, max_iter=300, random_state=0).fit(X[:train], y[:train])
ridge = Ridge(alpha=0.01).fit(X[:train, -13:], y[:train])
forecasts = {
    "LSTM": lstm.predict(X[train:]),
    "ridge regression": ridge.predict(X[train:, -13:]),
    "as a year ago": X[train:, -12],
}
before, true = passengers[-37:-1], passengers[-36:]
for name, predicted in forecasts.items():
    error = np.abs(before * np.exp(predicted) / true - 1).mean()
    print(f"{name:16} is wrong by {error:.1%} on average")

# %%
# The three years
# ---------------
figure, (curves, errors) = plt.subplots(
    2, 1, sharex=True, figsize=(9, 5.5), layout="constrained", height_ratios=[2, 1]
)
months = 1958 + np.arange(36) / 12
curves.plot(months, true, "o-", color="black", label="true")
for (name, predicted), color in zip(forecasts.items(), ["#0072B2", "#E69F00", "0.6"], strict=True):
    curves.plot(months, before * np.exp(predicted), color=color, label=name)
    errors.plot(months, 100 * (before * np.exp(predicted) / true - 1), color=color)
curves.set_ylabel("passengers, in thousands")
curves.legend(frameon=False)
errors.axhline(0, color="black", linewidth=0.8)
errors.set(ylabel="error, in %", xlabel="year", xticks=[1958, 1959, 1960, 1961])
for axes in (curves, errors):
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The net makes slightly larger errors than ridge regression here. With 83 short sequences, a linear
# model with the right lags is hard to beat, so compare a net with one before you use it.
