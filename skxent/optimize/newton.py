"""Newton's method with backtracking, and the line search of all Newton-like methods."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skxent.optimize.inverse import check_curvature
from skxent.optimize.smooth import Point, SmoothFunction, Weights, rounding_error
from skxent.optimize.solution import (
    CONVERGED,
    MAX_ITER,
    ROUNDING,
    SEPARABLE,
    STALLED,
    Solution,
    SolverOptions,
)

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


# A change of the value by at most this many rounding errors may be noise.
NEAR_ROUNDING = 10

# From the point and the last decrement to a step; is the curvature along it known?
Step = Callable[[Point, float], tuple[Weights, bool]]

# Below this decrement a whole step is free precision: the error it leaves is O(δ²).
WHOLE_STEP = 1e-2


def newton(
    function: SmoothFunction, start: Weights, find_step: Step, options: SolverOptions
) -> Solution:
    """Minimise a function until the Newton decrement δ = √(gᵀH⁻¹g) is at most tol."""
    point = function.at(start)
    decrement = previous = np.inf
    for iteration in range(1, options.max_iter + 1):
        step, curved = find_step(point, decrement)
        slope = float(np.vdot(point.gradient, step))
        if not np.isfinite(slope):  # where the rows have next to no curvature
            check_curvature(point.gradient, "gradient")
            return Solution(point.W, point.value, iteration, np.inf, STALLED)
        decrement = float(np.sqrt(max(-slope, 0.0)))
        if options.verbose:
            print(
                f"Iteration {iteration:3d}: objective {point.value:.12g}, "
                f"decrement {decrement:.3g}, passes {function.passes}"
            )
        floor = rounding_error(function.dtype, point.value)
        end = point.W + step
        if decrement <= options.tol and curved:
            if function.may_be_unbounded(point.value) and is_unbounded_along(
                function.at, point, step, floor, decrement, previous
            ):
                return Solution(point.W, point.value, iteration, decrement, SEPARABLE)
            W, value = _last_step(function, point, end, decrement, previous)
            return Solution(W, value, iteration, decrement, CONVERGED)
        if decrement**2 <= floor and decrement > 0.5 * previous:
            return Solution(point.W, point.value, iteration, decrement, ROUNDING)
        # Rounding hides whether such a short step lowers the value, but δ still falls.
        trusted = decrement**2 <= NEAR_ROUNDING * floor and 2 * decrement <= previous
        previous = decrement
        if trusted:
            point = function.at(end)
        else:
            taken = backtrack(function.at, point, end, slope, floor)
            if taken is None:
                return Solution(point.W, point.value, iteration, decrement, STALLED)
            point = lengthened(function, point, step, slope, *taken)
        if options.callback is not None:
            options.callback(point.W)
    return Solution(point.W, point.value, options.max_iter, decrement, MAX_ITER)


def _last_step(
    function: SmoothFunction,
    point: Point,
    end: Weights,
    decrement: float,
    previous: float,
) -> tuple[Weights, float]:
    """Return where the last step leads, if it is known to lead down, and the value."""
    # Not where δ has not begun to fall like δ², as where nearly all is separated.
    if decrement <= WHOLE_STEP:
        if 2 * decrement <= previous < np.inf:
            return end, point.value - 0.5 * decrement**2
        value = function.at(end).value
        if value <= point.value:
            return end, value
    return point.W, point.value


def lengthened(
    function: SmoothFunction,
    start: Point,
    step: Weights,
    slope: float,
    length: float,
    point: Point,
) -> Point:
    """Return the best point beyond a whole step, while it still pays to go on.

    A quadratic falls by half of what its slope says. Where nearly all of that came true
    the curvature is not there, as on plateaus of focal loss.
    """
    while length >= 1 and point.value - start.value < 0.9 * length * slope:
        further = function.at(start.W + 2 * length * step)
        if further.value >= point.value:
            break
        length, point = 2 * length, further
    return point
