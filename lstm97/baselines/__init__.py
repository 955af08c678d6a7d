"""The methods that the paper compares LSTM with, as estimators of the same kind."""

from lstm97.baselines.cascade import CascadeCorrelationClassifier, CascadeCorrelationRegressor
from lstm97.baselines.chunker import SequenceChunkerClassifier, SequenceChunkerRegressor
from lstm97.baselines.recurrent import (
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
    "RTRLClassifier",
    "RTRLRegressor",
    "SequenceChunkerClassifier",
    "SequenceChunkerRegressor",
]
