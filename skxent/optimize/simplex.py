"""Minimise a smooth function of weights that are not negative and sum to one."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from skxent.optimize.inverse import eigh
from skxent.optimize.newton import backtrack
from skxent.optimize.smooth import Point, rounding_error
from skxent.optimize.solution import (
    CONVERGED,
    MAX_ITER,
    STALLED,
    Solution,
    SolverOptions,
)

Vector = NDArray[np.float64]

# Directions of less curvature, relative to the most, may be rounding.
FLAT = 1e-12

OPTIONS = SolverOptions(tol=1e-6)


class SimplexFunction(ABC):
    """A function of float64 weights with its derivatives, to be minimised."""

    @abstractmethod
    def at(self, w: Vector) -> Point:
        """Evaluate the function and its gradient."""

    @abstractmethod
    def hessian(self, w: Vector) -> Vector:
        """Return the whole Hessian."""


def minimise_on_simplex(function: SimplexFunction, start: Vector) -> Solution:
    """Minimise by Newton's method, each step to the local model's minimum there.

    Judged by the decrement √(-gᵀd) of the step d, as the linear models are; the last
    step leaves its square.
    """
    point, decrement = function.at(start), np.inf
    for iteration in range(1, OPTIONS.max_iter + 1):
        w, value = point.W, point.value
        end = model_minimum(function.hessian(w), point.gradient, w)
        slope = float(point.gradient @ (end - w))
        decrement = float(np.sqrt(max(-slope, 0.0)))
        if decrement <= OPTIONS.tol:
            value -= 0.5 * decrement**2
            return Solution(end, value, iteration, decrement, CONVERGED)
        floor = rounding_error(np.float64, value)
        taken = backtrack(function.at, point, end, slope, floor)
        if taken is None:
            return Solution(w, value, iteration, decrement, STALLED)
        _, point = taken
    return Solution(point.W, point.value, OPTIONS.max_iter, decrement, MAX_ITER)


def model_minimum(H: Vector, gradient: Vector, w: Vector) -> Vector:
    """Return the x on the simplex that minimises gᵀ(x - w) + ½ (x - w)ᵀH(x - w).

    With H = RᵀR that is the least ‖R (x - w) + R⁻ᵀg‖, and with E = R - (Rw - R⁻ᵀg) 1ᵀ,
    for 1ᵀx = 1, the least ‖Ex‖. The least ‖Eu‖² + (1ᵀu - 1)² over u >= 0 alone has
    u = s x with that x, for the best s leaves ‖Ex‖² / (1 + ‖Ex‖²).
    """
    values, vectors = eigh(H)
    # A negative curvature (of a loss that is not convex) counts by its size.
    size = np.sqrt(np.maximum(np.abs(values), FLAT * np.abs(values).max()))
    if not size.all():
        return w
    # Along the simplex a multiple of 1 is no slope.
    steepness = (vectors.T @ (gradient - gradient @ w)) / size
    R = size[:, np.newaxis] * vectors.T
    E = R - (R @ w - steepness)[:, np.newaxis]
    right = np.r_[np.zeros(len(w)), 1.0]
    # ‖Ew‖, so that both terms count; beside columns that dwarf it nnls gives up, at 0.
    for scale in (np.linalg.norm(steepness), np.linalg.norm(E, axis=0).max()):
        if scale > 0:
            system = np.vstack([E / scale, np.ones(len(w))])
            u: Vector = nnls(system, right, maxiter=30 * len(w))[0]
            if u.any():
                return u / u.sum()
    return w
