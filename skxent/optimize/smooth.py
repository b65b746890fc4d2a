"""The protocol of functions that the smooth solvers minimise, and their values."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from skxent.kernels.arrays import Floats

Weights = NDArray[np.float64]
Columns = NDArray[np.intp]

TINY = float(np.finfo(np.float64).tiny)


class Point(NamedTuple):
    """Weights, with the value and gradient of the function that one pass has computed.

    logits : the logits of all rows, which make Hessian products at W cheaper; None if
    they were not kept.
    """

    W: Weights
    value: float
    gradient: Weights
    logits: Floats | None = None


class SmoothFunction(Protocol):
    """A function for Newton's method, which prints `passes` with verbose=1."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype of the data, which determines the rounding error."""

    @property
    def passes(self) -> int:
        """Return how many passes over the rows there were."""

    def at(self, W: Weights) -> Point:
        """Evaluate the function and its gradient in one pass."""

    def may_be_unbounded(self, value: float) -> bool:
        """Return True if the function, now of this value, may have no minimum."""


# The size of the sample whose minimum is the start for a few parameters. From there two
# or three passes over all rows are enough.
START_ROWS = 5000


def start_rows(n_samples: int) -> slice | None:
    """Return evenly spaced rows from which to compute a start; None for few rows."""
    stride = n_samples // START_ROWS
    return slice(None, None, stride) if stride > 1 else None


def rounding_error(dtype: Any, value: float) -> float:
    """Return the largest difference of values that may be rounding error alone."""
    return _noise(np.dtype(dtype)) * max(abs(value), TINY)


@cache
def _noise(dtype: np.dtype[Any]) -> float:
    return 8 * float(np.finfo(dtype).eps)
