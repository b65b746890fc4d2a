"""Fits that succeed as a whole or leave no trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def restore_on_failure(estimator: Any) -> Iterator[None]:
    """Leave the last fit as it was if this one fails or is interrupted."""
    before, done = dict(estimator.__dict__), False
    try:
        yield
        done = True
    finally:
        if not done:
            estimator.__dict__ = before


@contextmanager
def new_fit(estimator: Any) -> Iterator[None]:
    """Begin without what the last fit has set, and restore it on failure.

    Else attributes that only some fits set, as best_score_ or feature_names_in_, would
    outlive the fit that they tell of.
    """
    with restore_on_failure(estimator):
        for name in [name for name in vars(estimator) if is_fitted_attribute(name)]:
            delattr(estimator, name)
        yield


def is_fitted_attribute(name: str) -> bool:
    """Is it one that fit sets, by scikit-learn's convention?"""
    return name.endswith("_") and not name.startswith("_")
