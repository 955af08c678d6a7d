"""Usual classifiers of time series, with scikit-learn's and aeon's defaults, for comparison."""

import numpy as np
from aeon.classification.convolution_based import MiniRocketClassifier
from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC


def channels_first(X):
    """Return one array per sequence, channels before time, as aeon has it."""
    return [x.T for x in X]


def stretched(X, n_steps):
    """Stretch all sequences to one length: an array of sequences, channels, steps."""
    new = np.linspace(0, 1, n_steps)
    return np.array([[np.interp(new, np.linspace(0, 1, len(x)), c) for c in x.T] for x in X])


def table(X, n_steps):
    """Return stretched sequences, one per row."""
    return stretched(X, n_steps).reshape(len(X), -1)


def usual_classifiers(n_steps):
    """Return classifiers of `Sequences`; those that need one length stretch them to n_steps."""
    length = {"n_steps": n_steps}
    rows = FunctionTransformer(table, kw_args=length)
    curves = FunctionTransformer(stretched, kw_args=length)
    unequal = FunctionTransformer(channels_first)
    return {
        "support vectors": make_pipeline(rows, StandardScaler(), SVC()),
        "random forest": make_pipeline(rows, RandomForestClassifier(random_state=0)),
        "1-NN, dynamic time warping": make_pipeline(unequal, KNeighborsTimeSeriesClassifier()),
        "MiniRocket": make_pipeline(curves, MiniRocketClassifier(random_state=0)),
    }
