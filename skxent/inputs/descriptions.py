"""Docstrings that are composed: what several objects share is described once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from inspect import cleandoc, signature
from textwrap import indent
from typing import Any, TypeVar

Documented = TypeVar("Documented")

HEADING = re.compile(r"^([A-Z][\w ]*)\n---+\n", re.MULTILINE)
# An entry of a section: its line, and the indented ones that follow.
ENTRY = re.compile(r"^(\*\*\w+(?: : |$)|\w+(?:, \w+)* : ).*(?:\n+ +.*)*", re.MULTILINE)
PLACE = re.compile(r"^( *)(\{\w+\})$", re.MULTILINE)


def entries(text: str) -> dict[str, str]:
    """Return the entries of a section by the names that they describe."""
    return {
        name: found[0]
        for found in ENTRY.finditer(text)
        for name in found[1].strip("* :").split(", ")
    }


def fill(text: str, known: dict[str, str]) -> str:
    """Replace each line ``{name}`` whose name is known by the text, indented alike."""
    known = {f"{{{name}}}": value for name, value in known.items()}
    return PLACE.sub(lambda line: indent(known.get(line[2], line[2]), line[1]), text)


def in_order(text: str, names: Iterable[str]) -> str:
    """Return a docstring whose parameters are in the order of the names."""
    first, *others = HEADING.split(text)
    place = {name: k for k, name in enumerate(names)}
    for title, body in zip(others[::2], others[1::2], strict=True):
        if title == "Parameters":
            known = entries(body)
            listed = sorted(known, key=lambda name: place.get(name, len(place)))
            waiting = [line[0] for line in PLACE.finditer(body)]
            lines = dict.fromkeys([*(known[name] for name in listed), *waiting])
            body = "\n".join(lines) + "\n\n"
        first += f"{title}\n{'-' * len(title)}\n{body}"
    return first.rstrip()


def sections(value: Any) -> dict[str, str]:
    """Return the sections of the docstring of an object by their titles."""
    first, *others = HEADING.split(cleandoc(value.__doc__ or ""))
    return {"": first, **dict(zip(others[::2], others[1::2], strict=True))}


def documented(*sources: Any) -> Callable[[Documented], Documented]:
    """Complete the docstring of a class or function by what others describe.

    The line ``{parameters}`` stands for the parameters of the signature that the
    docstring does not describe itself: each is described as in the base classes or in
    `sources`, the first that has it. ``{attributes}`` stands for the attributes that
    the base classes describe. Parameters are put into the order of the signature.
    """

    def complete(value: Any) -> Any:
        if value.__doc__ is None:  # python -OO
            return value
        bases = [sections(base) for base in getattr(value, "__mro__", (value,))]
        known = bases + [sections(source) for source in sources]
        names = signature(value).parameters
        filled = {
            "parameters": missing("Parameters", known, names),
            "attributes": missing("Attributes", bases),
        }
        value.__doc__ = in_order(fill(cleandoc(value.__doc__), filled), names)
        return value

    return complete


def missing(
    title: str, known: list[dict[str, str]], names: Iterable[str] | None = None
) -> str:
    """Return the entries, by default all, that the first docstring lacks."""
    own, *others = (entries(each.get(title, "")) for each in known)
    found: dict[str, str] = {}
    for each in others:
        found |= {name: each[name] for name in each if name not in found}
    wanted = found if names is None else names
    lines = [found[name] for name in wanted if name in found and name not in own]
    return "\n".join(dict.fromkeys(lines))
