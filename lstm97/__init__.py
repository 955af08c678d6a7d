"""The LSTM of 1997, with its truncated on-line gradient, as scikit-learn estimators."""

from importlib.metadata import version as _version

from lstm97._variant import path as __path__  # noqa: F401 (first: it chooses the kernels)
from lstm97._versions import show_versions
from lstm97.baselines import (
    BPTTClassifier,
    BPTTRegressor,
    CascadeCorrelationClassifier,
    CascadeCorrelationRegressor,
    ElmanClassifier,
    ElmanRegressor,
    RTRLClassifier,
    RTRLRegressor,
    SequenceChunkerClassifier,
    SequenceChunkerRegressor,
)
from lstm97.inspection import gradient_report
from lstm97.lstm import LSTMClassifier, LSTMRegressor
from lstm97.persistence import load, save
from lstm97.sequences import Sequences

__version__ = _version("lstm97")

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
    "Sequences",
    "__version__",
    "gradient_report",
    "load",
    "save",
    "show_versions",
]
