"""The line search that all Newton-like methods share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skxent.optimize.smooth import Point, Weights

# The part of the promised descent that a step must achieve (Armijo's condition).
SUFFICIENT = 1e-4

# A step that is shorter than this lowers nothing that rounding would show.
SHORTEST = 1e-10


def backtrack(
    at: Callable[[Weights], Point],
    start: Point,
    end: Weights,
    slope: float,
    floor: float,
    shortest: float = SHORTEST,
) -> tuple[float, Point] | None:
    """Halve the step to `end` until the function falls enough.

    end : where a whole step ends, exactly: it may hold zeros.
    slope : the derivative along the step at its start, negative.
    floor : the rounding error of the values.
    shortest : give up before a step of this length, and return None.

    Otherwise return the length and the point.
    """
    length, candidate = 1.0, end
    while True:
        point = at(candidate)
        if point.value <= start.value + SUFFICIENT * length * slope + floor:
            return length, point
        length *= 0.5
        if length < shortest:
            return None
        candidate = start.W + length * (end - start.W)


def is_unbounded_along(
    at: Callable[[Weights], Point],
    start: Point,
    step: Weights,
    floor: float,
    decrement: float,
    previous: float,
) -> bool:
    """Return True if the function keeps falling where its quadratic model turns.

    Where X separates (some) classes it falls like e^-t, and so does δ²: a Newton step
    always promises more. A minimum instead draws δ in quadratically, and three steps
    towards it end above it, as f - 3δ² + (3δ)² / 2 > f - δ² / 2 does. The pass that
    tells is spared where δ fell so fast; `previous` is inf where nothing is known.
    """
    if np.isfinite(previous) and decrement < 0.1 * previous:
        return False
    there = at(start.W + 3 * step).value
    return there < start.value - 0.5 * decrement**2 - floor
