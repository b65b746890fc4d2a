"""How far probabilities may be off: by what float32 or six printed digits do to them.

Numbers pass through files, GPUs and boosters on their way here. What they lost there is
accepted wherever exact numbers are, whatever dtype they have now.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Eight units of float32 beside one. What lies so far beyond an end is put to the end.
BEYOND = 1e-6


def sum_tolerance(n_classes: int) -> float:
    """How far the sum of a row may be from one; half a unit of the sixth digit each."""
    return max(float(np.sqrt(np.finfo(np.float32).eps)), 5e-7 * n_classes)


def within(
    values: NDArray[Any], low: float = 0.0, high: float = 1.0
) -> NDArray[Any] | None:
    """The values, clipped where rounding took them out of [low, high].

    None if a value is NaN or further out.
    """
    if not values.size:
        return values
    least, most = values.min(), values.max()
    if least >= low and most <= high:
        return values
    if least >= low - BEYOND and most <= high + BEYOND:
        return np.clip(values, low, high)
    return None
