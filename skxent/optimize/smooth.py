"""What Newton's method and its relatives ask of a function, and what a pass tells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skxent.kernels.arrays import Floats

Weights = NDArray[np.float64]
Columns = NDArray[np.intp]

TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class Point:
    """Weights, with what one pass over the rows told of the function there.

    logits : those of all rows, which spare Hessian products at W a part of their work;
    None where they were not kept.
    """

    W: Weights
    value: float
    gradient: Weights
    logits: Floats | None = None


class SmoothFunction(Protocol):
    """What Newton's method needs of a function; `passes` is for its printed lines."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype of the data, whose rounding error the values have."""

    @property
    def passes(self) -> int:
        """Return how many passes over the rows there were."""

    def at(self, W: Weights) -> Point:
        """Evaluate the function and its gradient in one pass."""

    def may_be_unbounded(self, value: float) -> bool:
        """Return True if the function, now of this value, may have no minimum."""


# Rows that make a start for a few parameters: from their minimum two or three passes
# over all rows do the rest.
START_ROWS = 5000


def start_rows(n_samples: int) -> slice | None:
    """Return which rows make a start, spread over all; None where there are few."""
    stride = n_samples // START_ROWS
    return slice(None, None, stride) if stride > 1 else None


def rounding_error(dtype: Any, value: float) -> float:
    """Return the size of a difference of values that rounding may feign."""
    return _noise(np.dtype(dtype)) * max(abs(value), TINY)


@cache
def _noise(dtype: np.dtype[Any]) -> float:
    return 8 * float(np.finfo(dtype).eps)
