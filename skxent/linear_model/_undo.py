"""Fits that fail leave no trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def undone_on_failure(estimator: Any) -> Iterator[None]:
    """A fit that fails or is interrupted leaves the last one as it was."""
    before, done = dict(estimator.__dict__), False
    try:
        yield
        done = True
    finally:
        if not done:
            estimator.__dict__.clear()
            estimator.__dict__.update(before)
