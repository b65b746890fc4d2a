"""The tolerance for rounded probabilities: float32, six printed digits, or float16.

Numbers pass through files, GPUs and boosters before they get here. Values that were
rounded there are accepted wherever exact ones are, whatever their dtype is now.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Values at most so far outside of an interval are clipped to it: 8 eps of float32.
RANGE_TOLERANCE = 1e-6


def sum_tolerance(n_classes: int, given: Any = None) -> float:
    """Return how far the sum of a row may be from one.

    Each class may be off by half a unit of the sixth digit. Numbers that are `given` in
    float16 are rounded further.
    """
    eps = np.finfo(np.float16 if is_half(given) else np.float32).eps
    return max(float(np.sqrt(eps)), 5e-7 * n_classes)


def is_half(given: Any) -> bool:
    """Return True for the dtype float16."""
    return given is not None and given == np.float16


def within(
    values: NDArray[Any], low: float = 0.0, high: float = 1.0
) -> NDArray[Any] | None:
    """Return the values, clipped where rounding took them out of [low, high].

    Return None if a value is NaN or further out than rounding explains.
    """
    if not values.size:
        return values
    smallest, largest = values.min(), values.max()
    if smallest >= low and largest <= high:
        return values
    if smallest >= low - RANGE_TOLERANCE and largest <= high + RANGE_TOLERANCE:
        return np.clip(values, low, high)
    return None
