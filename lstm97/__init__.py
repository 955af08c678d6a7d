"""The LSTM of 1997, with its truncated online gradient, as scikit-learn estimators."""

from lstm97._kernels import search_path as _search_path

__path__ = _search_path(__path__)  # must come before the first import of a kernel

from lstm97._versions import show_versions
from lstm97.data.frames import from_frame, to_rows
from lstm97.data.sequences import Sequences
from lstm97.estimators import (
    BPTTClassifier,
    BPTTRegressor,
    CascadeCorrelationClassifier,
    CascadeCorrelationRegressor,
    ElmanClassifier,
    ElmanRegressor,
    LSTMClassifier,
    LSTMRegressor,
    RTRLClassifier,
    RTRLRegressor,
    SequenceChunkerClassifier,
    SequenceChunkerRegressor,
)
from lstm97.inspection.diagnosis import DiagnosisWarning, diagnose
from lstm97.inspection.displays import CarouselDisplay, TrainingCurveDisplay
from lstm97.inspection.gradients import gradient_report
from lstm97.learning.streams import Stream
from lstm97.persistence import load, save
from lstm97.preprocessing import StepwiseTransformer

__version__ = "0.1.0.dev0"

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
    "from_frame",
    "gradient_report",
    "load",
    "save",
    "show_versions",
    "to_rows",
]
