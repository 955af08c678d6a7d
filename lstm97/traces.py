"""Public import path of `Trace`."""

from lstm97.learning.traces import Trace

__all__ = ["Trace"]
