"""Public import path of `Stream` and `Snapshot`."""

from lstm97.learning.streams import Snapshot, Stream

__all__ = ["Snapshot", "Stream"]
