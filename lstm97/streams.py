"""Streams, under the name that users import it by."""

from lstm97.learning.streams import Snapshot, Stream

__all__ = ["Snapshot", "Stream"]
