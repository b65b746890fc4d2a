"""Parameters that hold a number for each column of X, by its name or its position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.weights import by_label
from skxent.kernels.checks import Integers, Interval, as_reals

ByColumn = NDArray[np.float64]


class Columns(NamedTuple):
    """The number of columns of X, and their names if they have any."""

    n_features: int
    names: Sequence[Any]


NON_NEGATIVE, SIGNS = Interval(0.0), Integers(-1, 1)


def by_column(
    name: str, given: Any, allowed: Interval, default: float, columns: Columns
) -> ByColumn:
    """Return numbers (d,) in the order of the columns.

    given : array (d,), or dict or Series of column to number. A column is its name or
        its position; one that is missing has the default.
    """
    d, names = columns
    table = by_label(given, name)
    if isinstance(table, Mapping):
        numbers = np.full(d, default)
        place_of = {column: place for place, column in enumerate(names)}
        seen: dict[int, Any] = {}
        for column, value in table.items():
            place = position(column, place_of, d)
            if place is None:
                known = f"{list(names)} or their positions " if place_of else ""
                raise ValueError(
                    f"{name} must have columns of X as keys, {known}0..{d - 1}, "
                    f"got {column!r}."
                )
            if place in seen:
                raise ValueError(
                    f"{name} must have each column once, got {seen[place]!r} and "
                    f"{column!r}."
                )
            seen[place] = column
            numbers[place] = as_number(name, value, allowed)
        return numbers
    numbers = as_reals(name, given)
    if numbers.shape != (d,):
        raise ValueError(
            f"{name} must be of shape ({d},), a number for each column of X, or a dict "
            f"of column to number, got shape {numbers.shape}."
        )
    for value in numbers.tolist():
        as_number(name, value, allowed)
    return numbers


def position(column: Any, place_of: Mapping[Any, int], d: int) -> int | None:
    """Return the place of a column among d, or None if there is none like it."""
    try:
        place = place_of.get(column)
    except TypeError:  # a key that cannot be hashed is in no dict
        return None
    if place is not None:
        return place
    counts = isinstance(column, Integral) and not isinstance(column, bool)
    return int(column) if counts and 0 <= column < d else None


def as_number(name: str, value: Any, allowed: Interval) -> float:
    if value not in allowed:
        raise ValueError(f"{name} must hold {allowed} for each column, got {value!r}.")
    return float(value)


def columns_of(model: Any, n_features: int) -> Columns:
    return Columns(n_features, getattr(model, "feature_names_in_", ()))


def penalty_factor_of(model: Any, n_features: int) -> ByColumn | None:
    """Return the checked parameter `penalty_factor` of a model, None for ones."""
    name, given = "penalty_factor", model.penalty_factor
    if given is None:
        return None
    return by_column(name, given, NON_NEGATIVE, 1.0, columns_of(model, n_features))


def has_signs(model: Any) -> bool:
    """Whether the parameter `monotonic_cst` of a model, unchecked, has a sign."""
    given = by_label(model.monotonic_cst)
    if given is None:
        return False
    values = list(given.values()) if isinstance(given, Mapping) else given
    return bool((np.asarray(values, dtype=object) != 0).any())


def signs_of(model: Any, n_features: int, n_outputs: int) -> ByColumn | None:
    """Return the checked parameter `monotonic_cst` of a model, None for zeros."""
    name, given = "monotonic_cst", model.monotonic_cst
    if given is None:
        return None
    signs = by_column(name, given, SIGNS, 0.0, columns_of(model, n_features))
    if not signs.any():
        return None
    if n_outputs > 1:
        raise ValueError(
            "monotonic_cst must be None for more than two classes, which have a "
            f"coefficient each for a column, got signs for {n_outputs} classes."
        )
    return signs
