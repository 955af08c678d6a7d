"""`to_c`, which writes a net as C."""

from typing import Any


def to_c(estimator: Any, folder: Any) -> None:
    """Write a fitted net as C."""
    raise NotImplementedError
