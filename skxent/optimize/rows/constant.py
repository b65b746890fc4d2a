"""Columns that are constant to rounding error, and so duplicate the intercept.

Centred, such a column is zero or rounding error. Without a penalty the rounding error
would get coefficients of 1e16 and more, so the passes treat the column as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.kernels.arrays import Floats

# Values that differ by no more than this many eps, relative to the largest, may differ
# by rounding alone. If a column has a spread of s eps, rounding of the logits
# coef * x + intercept loses about 1 / s of its information: if the classes depended on
# that column alone, probabilities were off by up to 0.3 at 4 eps, 0.08 at 16, 0.02 at
# 64 and 0.001 at 1024, in float32 and float64 alike.
MAX_ROUNDING_EPS = 64.0

# Rows that are looked at first; they rule out nearly all columns.
FIRST_ROWS = 64

# Numbers that are looked at together: about a megabyte.
MAX_ENTRIES = 1 << 17


def is_rounding(low: Floats, high: Floats) -> NDArray[np.bool_]:
    """Return where two values of the same dtype may differ by rounding alone."""
    size = np.maximum(np.abs(low), np.abs(high))
    with np.errstate(over="ignore", invalid="ignore"):
        spread = MAX_ROUNDING_EPS * np.finfo(low.dtype).eps * size
        return np.asarray(np.abs(high - low) <= spread)


@dataclass(frozen=True, eq=False, repr=False)
class Ranges:
    """The least and the largest value of columns; infinite if they vary."""

    low: Floats
    high: Floats

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Return which columns are constant but for rounding."""
        size = np.maximum(np.abs(self.low), np.abs(self.high))
        return is_rounding(self.low, self.high) & np.isfinite(size)

    def __add__(self, other: Ranges) -> Ranges:
        """Return the ranges of the rows of both."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Ranges(low, high)


def column_ranges(X: Any, weight: NDArray[np.float64] | None) -> Ranges:
    """Return the ranges of the columns of dense X that are constant.

    Rows without weight do not count. A column is read until it is seen to vary.
    """
    n, d = X.shape
    result = Ranges(np.full(d, -np.inf, X.dtype), np.full(d, np.inf, X.dtype))
    columns: Any = slice(None)  # those that are not yet seen to vary
    seen: Ranges | None = None
    start, rows = 0, FIRST_ROWS
    while start < n:
        block = X[start : start + rows, columns]
        if weight is not None:
            block = block[weight[start : start + rows] > 0]
        start += rows
        if not len(block):
            continue
        here = Ranges(block.min(axis=0), block.max(axis=0))
        seen = here if seen is None else seen + here
        constant = seen.constant
        if not constant.any():
            return result
        columns = np.arange(d)[columns][constant]
        seen = Ranges(seen.low[constant], seen.high[constant])
        rows = max(FIRST_ROWS, min(4 * rows, MAX_ENTRIES // len(columns)))
    if seen is not None:
        result.low[columns], result.high[columns] = seen.low, seen.high
    return result
