"""Diagnosis, under the name that users import it by."""

from lstm97.inspection.diagnosis import DiagnosisWarning, Finding, diagnose

__all__ = ["DiagnosisWarning", "Finding", "diagnose"]
