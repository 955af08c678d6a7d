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
from lstm97.diagnosis import DiagnosisWarning, diagnose
from lstm97.displays import CarouselDisplay, TrainingCurveDisplay
from lstm97.inspection import gradient_report
from lstm97.lstm import LSTMClassifier, LSTMRegressor
from lstm97.persistence import load, save
from lstm97.preprocessing import StepwiseTransformer
from lstm97.sequences import Sequences
from lstm97.streams import Stream

__version__ = _version("lstm97")

__all__ = [
    "BPTTClassifier",
    "BPTTRegressor",
    "CarouselDisplay",
    "CascadeCorrelationClassifier",
    "CascadeCorrelationRegressor",
    "DiagnosisWarning",
    "ElmanClassifier",
    "ElmanRegressor",
    "LSTMClassifier",
    "LSTMRegressor",
    "RTRLClassifier",
    "RTRLRegressor",
    "SequenceChunkerClassifier",
    "SequenceChunkerRegressor",
    "Sequences",
    "StepwiseTransformer",
    "Stream",
    "TrainingCurveDisplay",
    "__version__",
    "diagnose",
    "gradient_report",
    "load",
    "save",
    "show_versions",
]
