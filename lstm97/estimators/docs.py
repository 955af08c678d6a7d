"""`document`, which completes the docstring of a public estimator from those of its bases."""

import re
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from inspect import cleandoc
from operator import attrgetter
from typing import Any, TypeVar

SECTIONS = ("Parameters", "Attributes", "See Also", "Notes", "References", "Examples")
TITLE = re.compile(rf"^({'|'.join(SECTIONS)})\n-+\n", re.MULTILINE)
ITEM = re.compile(r"^(?=\S)", re.MULTILINE)

T = TypeVar("T", bound=type)


def document(example: str = "") -> Callable[[T], T]:
    """Return a decorator that completes a class's docstring with the sections of its bases.

    Each class describes the parameters and fitted attributes that it adds. The completed docstring
    has all of them: parameters in the order of the signature, with their defaults. Paragraphs after
    the first one, notes and references of the bases follow those of the class itself. If several
    classes describe the same parameter or attribute, the first one in the method resolution order
    is used.

    Parameters
    ----------
    example : str
        Section "Examples" for a class without one; ``{name}`` is replaced by the class's name.
    """

    def decorate(cls: T) -> T:
        if sys.flags.optimize < 2:  # python -OO removes docstrings
            cls.__doc__ = _docstring(cls, example)
        return cls

    return decorate


def _docstring(cls: type, example: str) -> str:
    ours = [base for base in cls.__mro__[:-1] if not base.__module__.startswith("sklearn.")]
    documented = [_sections(base) for base in ours]
    texts = {
        title: [sections[title] for sections in documented if title in sections]
        for title in SECTIONS
    }
    summary, *about = documented[0][""].split("\n\n", 1)
    about += [text.split("\n\n", 1)[1] for base in documented[1:] if "\n\n" in (text := base[""])]
    merged = {title: "\n\n".join(parts) for title, parts in texts.items()}
    merged["Parameters"] = _parameters(cls, _items(texts["Parameters"]))
    merged["Attributes"] = "\n".join(_items(texts["Attributes"]).values())
    merged["Examples"] = merged["Examples"] or cleandoc(example.format(name=cls.__name__))
    parts = [f"{title}\n{'-' * len(title)}\n{text}" for title, text in merged.items() if text]
    return "\n\n".join([summary, *about, *parts]) + "\n"


@cache
def _sections(cls: type) -> dict[str, str]:
    """Return the sections of a class's docstring by title; the text before them has no title."""
    first, *rest = TITLE.split(cleandoc(cls.__doc__ or ""))
    sections = {"": first, **dict(zip(rest[::2], rest[1::2], strict=True))}
    return {title: text.strip() for title, text in sections.items()}


def _items(texts: list[str]) -> dict[str, str]:
    """Return the entries of lists of parameters or attributes by name; the first one counts."""
    items: dict[str, str] = {}
    for item in (item for text in texts for item in ITEM.split(text) if item):
        items.setdefault(item.split(" : ")[0], item.rstrip())
    return items


def _parameters(cls: type, items: dict[str, str]) -> str:
    """Return the entries of all parameters of the constructor, with their defaults."""
    entries = []
    for field in sorted(fields(cls), key=attrgetter("kw_only")):  # as in the signature
        if field.name not in items:
            raise TypeError(f"{cls.__name__} has no text for its parameter {field.name}")
        head, text = items[field.name].split("\n", 1)
        entries.append(f"{head}, default={_default(field.default)}\n{text}")
    return "\n".join(entries)


def _default(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
