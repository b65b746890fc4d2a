"""Libraries that only parts of the package need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def say_if_missing(name: str, message: str) -> Iterator[None]:
    """Raise an ImportError with the message if this library, and no other, is missing.

    What is missing inside an installed library is another fault, with another remedy.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(message, name=name) from error
