"""Inspection of fitted nets: gradients, diagnosis and displays."""

from lstm97.inspection.diagnosis import Finding, diagnose
from lstm97.inspection.gradients import Agreement, GradientReport, gradient_report

__all__ = ["Agreement", "Finding", "GradientReport", "diagnose", "gradient_report"]
