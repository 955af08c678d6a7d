"""Public import path of `diagnose`, `Finding` and `DiagnosisWarning`."""

from lstm97.inspection.diagnosis import DiagnosisWarning, Finding, diagnose

__all__ = ["DiagnosisWarning", "Finding", "diagnose"]
