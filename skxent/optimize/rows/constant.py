"""Columns that say no more than the intercept: those that are constant, or nearly so.

Centred, such a column is zero or rounding. Without a penalty rounding would be fitted
with coefficients of 1e16 and more, so that the passes take it for zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.kernels.arrays import Floats

# Values that differ by less, relative to the largest, differ by rounding.
ROUNDING = 2.0  # eps

# Rows that are looked at first; they rule out nearly all columns. Numbers of a block.
FIRST, BLOCK = 64, 1 << 17


@dataclass(frozen=True)
class Ranges:
    """The least and the largest value of columns; infinite if they vary."""

    low: Floats
    high: Floats

    @property
    def constant(self) -> NDArray[np.bool_]:
        size = np.maximum(np.abs(self.low), np.abs(self.high))
        spread = ROUNDING * np.finfo(self.low.dtype).eps * size
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(self.high - self.low <= spread) & np.isfinite(size)

    def __add__(self, other: Ranges) -> Ranges:
        """Of the rows of both."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Ranges(low, high)


def column_ranges(X: Any, weight: NDArray[np.float64] | None) -> Ranges:
    """The ranges of the columns of dense X that are constant where weight is positive.

    A column is read until it is seen to vary.
    """
    n, d = X.shape
    found = Ranges(np.full(d, -np.inf, X.dtype), np.full(d, np.inf, X.dtype))
    columns = np.arange(d)
    seen: Ranges | None = None
    start, rows = 0, FIRST
    while start < n and len(columns):
        block = X[start : start + rows]
        if len(columns) < d:
            block = block[:, columns]
        if weight is not None:
            block = block[weight[start : start + rows] > 0]
        start += rows
        rows = max(FIRST, min(4 * rows, BLOCK // len(columns)))
        if not len(block):
            continue
        here = Ranges(block.min(axis=0), block.max(axis=0))
        seen = here if seen is None else seen + here
        kept = seen.constant
        columns, seen = columns[kept], Ranges(seen.low[kept], seen.high[kept])
    if seen is not None:
        found.low[columns], found.high[columns] = seen.low, seen.high
    return found
