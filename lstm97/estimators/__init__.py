"""The estimators: the LSTM, and the five methods that the paper compares it with."""

from lstm97.estimators.cascade import CascadeCorrelationClassifier, CascadeCorrelationRegressor
from lstm97.estimators.chunker import SequenceChunkerClassifier, SequenceChunkerRegressor
from lstm97.estimators.lstm import LSTMClassifier, LSTMRegressor
from lstm97.estimators.recurrent import (
    BPTTClassifier,
    BPTTRegressor,
    ElmanClassifier,
    ElmanRegressor,
    RTRLClassifier,
    RTRLRegressor,
)

__all__ = [
    "BPTTClassifier",
    "BPTTRegressor",
    "CascadeCorrelationClassifier",
    "CascadeCorrelationRegressor",
    "ElmanClassifier",
    "ElmanRegressor",
    "LSTMClassifier",
    "LSTMRegressor",
    "RTRLClassifier",
    "RTRLRegressor",
    "SequenceChunkerClassifier",
    "SequenceChunkerRegressor",
]

# Estimators by name. Settings and saved files can refer only to these.
ESTIMATORS = {name: globals()[name] for name in __all__}
