"""Validate the docstrings of all public objects with numpydoc.

    python -P tests/helpers/docstrings.py       # the counts of errors by code
    python -P tests/helpers/docstrings.py -v    # and the objects that have them

Public objects are the classes and functions in `__all__` of the modules that
`docs/api.md` lists, and the methods and properties of these classes that the package
defines. Those of scikit-learn are left out, and so are the methods that scikit-learn
generates for metadata routing: `set_fit_request` and its like.

There are codes besides those of numpydoc: GL20, a place ``{name}`` that was not filled
in; AT01, an attribute without a type; AT07, one without a description; AT02, one with a
trailing underscore that the class annotates or defines, but does not list; SA05, a name
in See Also that does not exist.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator, validate

from skxent.inputs.descriptions import PLACE

API = Path(__file__).parents[2] / "docs" / "api.md"
# Judged for methods and properties as well.
EVERYWHERE = re.findall(
    r"\w+",
    """
    GL01 GL03 GL05 GL06 GL07 GL08 GL10 SS01 SS02 SS03 SS04 SS05 SS06
    PR01 PR02 PR03 PR04 PR05 PR06 PR07 PR08 PR09 PR10 RT01 RT02 RT03 RT04 RT05 YD01
    GL20 SA02 SA03 SA04 SA05 AT01 AT02 AT07
    """,
)
# Judged for classes and functions.
TOP_LEVEL = ["SA01", "EX01"]


class Public(NamedTuple):
    """A public object, with the name that it is imported by."""

    name: str
    value: Any
    is_top_level: bool


def modules() -> list[str]:
    """Return the names of the public modules."""
    listed = re.findall(r"^ +(skxent[\w.]*)$", API.read_text(encoding="utf-8"), re.M)
    return ["skxent.linear_model", *listed]


def public_objects() -> Iterator[Public]:
    """Yield every public class, function, method and property once."""
    seen: dict[int, Any] = {}
    for module in modules():
        home = importlib.import_module(module)
        for name in home.__all__:
            value = getattr(home, name)
            if not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            for found in (
                Public(f"{module}.{name}", value, True),
                *members(f"{module}.{name}", value),
            ):
                if id(found.value) not in seen:
                    seen[id(found.value)] = found.value
                    yield found


def members(name: str, cls: Any) -> Iterator[Public]:
    """Yield the methods and properties that the package defines for a class."""
    if not inspect.isclass(cls):
        return
    for member in sorted(name for name in dir(cls) if not name.startswith("_")):
        owners = (c for c in cls.__mro__ if member in vars(c))
        owner = next(owners, None)
        if owner is None or not owner.__module__.startswith("skxent"):
            continue
        if re.fullmatch(r"set_\w+_request", member):
            continue
        value = vars(owner)[member]
        if not isinstance(value, property):
            value = getattr(cls, member)  # also of descriptors
            value = getattr(value, "__func__", value)
        # The docstring of an overridden method also describes a method that has none.
        inherits = not value.__doc__ and inspect.getdoc(getattr(cls, member))
        if inherits:
            continue
        if inspect.isfunction(value) or isinstance(value, property):
            yield Public(f"{name}.{member}", value, False)


class Docstring(Validator):
    """The docstring of a public object; no comment in the source exempts it."""

    source_file_def_line = None

    @property
    def signature_parameters(self) -> tuple[str, ...]:
        # A protocol is not called, whatever its signature is.
        is_protocol = getattr(self.obj, "_is_protocol", False)
        return () if is_protocol else super().signature_parameters

    def __init__(self, obj_name: Public) -> None:
        config = {"show_class_members": False}  # only what the docstring lists
        super().__init__(get_doc_object(obj_name.value, config=config))


def errors(public: Public) -> Iterator[tuple[str, str]]:
    """Yield the codes and messages of what the docstring of an object lacks."""
    judged = {*EVERYWHERE, *(TOP_LEVEL if public.is_top_level else ())}
    doc = Docstring(public)
    for code, message in validate(public, Docstring)["errors"]:
        if code in judged:
            yield code, message
    for place in PLACE.finditer(doc.raw_doc):
        yield "GL20", f"{place[0]!r} was not filled in"
    listed: set[str] = set()
    for names, kind, text in doc.doc["Attributes"]:
        listed |= set(names.split(", "))
        if not kind:
            yield "AT01", f"Attribute {names!r} has no type"
        if not text:
            yield "AT07", f"Attribute {names!r} has no description"
    for name in fitted_attributes(public.value) - listed:
        yield "AT02", f"Attribute {name!r} is not listed"
    module = inspect.getmodule(getattr(public.value, "fget", public.value))
    for entry in doc.see_also:
        if not exists(entry, public, module):
            yield "SA05", f"{entry!r} does not exist"


def fitted_attributes(cls: Any) -> set[str]:
    """Return the attributes of a class that end with an underscore."""
    owners = [c for c in getattr(cls, "__mro__", ()) if "skxent" in c.__module__]
    names = {name for c in owners for name in {**vars(c), **inspect.get_annotations(c)}}
    return {name for name in names if name[-1] == "_" and name[0] != "_"}


def exists(entry: str, public: Public, module: Any) -> bool:
    """Return True if an object of that name exists: beside this one, or anywhere."""
    home = public.name.rpartition(".")[0]
    for name in (entry, f"{home}.{entry}", f"{module.__name__}.{entry}"):
        try:
            Validator._load_obj(name)
        except (ImportError, AttributeError):
            continue
        return True
    return False


def found() -> dict[str, list[str]]:
    """Return for each code the objects with an error of it."""
    codes = defaultdict(list)
    for public in public_objects():
        for code, message in errors(public):
            codes[code].append(f"{public.name}: {message}")
    return dict(sorted(codes.items()))


def main() -> None:
    """Print the counts."""
    print(f"{sum(1 for _ in public_objects())} public objects")
    for code, lines in found().items():
        objects = {line.partition(":")[0] for line in lines}
        print(f"{code} {len(objects):4} objects, {len(lines):4} errors")
        for line in lines if "-v" in sys.argv else ():
            print(f"    {line}")


if __name__ == "__main__":
    main()
