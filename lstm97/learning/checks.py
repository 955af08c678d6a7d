"""Checks that the dataclasses of nets and of training states make of their own values."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from lstm97.data.checks import brief


def require(condition: object, message: str) -> None:
    """Raise a ValueError unless a condition holds."""
    if not condition:
        raise ValueError(message)


def check_fields(part: Any, choices: Mapping[str, tuple[str, ...]] | None = None) -> None:
    """Refuse values that are not of their field's type, or not among a field's choices.

    NumPy's booleans and numbers become Python's, because sizes in small integers would overflow.
    """
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, np.generic):
            value = value.item()
            object.__setattr__(part, field.name, value)
        if not is_of_type(value, field.type):
            kind = getattr(field.type, "__name__", field.type)
            raise ValueError(f"{field.name} must be of type {kind}, got {brief(value)}")
        allowed = (choices or {}).get(field.name)
        if allowed and value not in allowed:
            raise ValueError(f"{field.name} must be one of {allowed}, got {brief(value)}")


def is_of_type(value: object, kind: Any) -> bool:
    """Tell whether a value is of a type; a bool is not an int here."""
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def check_at_least(part: Any, **least: int) -> None:
    """Refuse numbers that are too small."""
    for name, number in least.items():
        value = getattr(part, name)
        require(value >= number, f"{name} must be at least {number}, got {value}")


def check_finite(name: str, array: Any, shape: tuple[int, ...]) -> None:
    """Refuse everything except an array of finite float64 numbers of a given shape."""
    # No f-string before it is needed: streams check arrays at each step.
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} must be an array, got {brief(array)}")
    if array.dtype != np.float64:
        raise ValueError(f"{name} has dtype {array.dtype}, expected float64")
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds a number that is not finite")
