"""Traces, under the name that users import it by."""

from lstm97.learning.traces import Trace

__all__ = ["Trace"]
