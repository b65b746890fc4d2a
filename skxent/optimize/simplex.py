"""Minimise a smooth function of weights that are not negative and sum to one."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.optimize import nnls

from skxent.kernels.threads import one_blas_thread
from skxent.optimize.convergence import CONVERGED, MAX_ITER, STALLED, Solution

Vector = NDArray[np.float64]

# Directions of less curvature, relative to the most, may be rounding.
FLAT = 1e-12


class SimplexObjective(Protocol):
    def value_gradient(self, w: Vector) -> tuple[float, Vector]: ...
    def hessian(self, w: Vector) -> Vector: ...


def minimise_on_simplex(
    objective: SimplexObjective, w: Vector, tol: float = 1e-6, max_iter: int = 100
) -> Solution:
    """Newton's method, every step to the minimum on the simplex of the local model.

    Judged by the decrement √(-gᵀd) of the step d, as the linear models are; the last
    step leaves its square.
    """
    # The order in which BLAS sums over the rows depends on its threads.
    with one_blas_thread():
        return _minimise_on_simplex(objective, w, tol, max_iter)


def _minimise_on_simplex(
    objective: SimplexObjective, w: Vector, tol: float, max_iter: int
) -> Solution:
    value, gradient = objective.value_gradient(w)
    noise = 8 * float(np.finfo(np.float64).eps)
    decrement = np.inf
    for iteration in range(1, max_iter + 1):
        target = model_minimum(objective.hessian(w), gradient, w)
        step = target - w
        slope = float(gradient @ step)
        decrement = float(np.sqrt(max(-slope, 0.0)))
        if decrement <= tol:
            value -= 0.5 * decrement**2
            return Solution(target, value, iteration, decrement, True, CONVERGED)
        length = 1.0
        while True:
            candidate = w + length * step
            new_value, new_gradient = objective.value_gradient(candidate)
            if new_value <= value + 1e-4 * length * slope + noise * abs(value):
                break
            length *= 0.5
            if length < 1e-10:
                return Solution(w, value, iteration, decrement, False, STALLED)
        w, value, gradient = candidate, new_value, new_gradient
    return Solution(w, value, max_iter, decrement, False, MAX_ITER)


def model_minimum(H: Vector, gradient: Vector, w: Vector) -> Vector:
    """The x on the simplex that minimises gᵀ(x - w) + ½ (x - w)ᵀH(x - w), exactly.

    With H = RᵀR that is the least ‖R (x - w) + R⁻ᵀg‖, and with E = R - (Rw - R⁻ᵀg) 1ᵀ,
    for 1ᵀx = 1, the least ‖Ex‖. The least ‖Eu‖² + (1ᵀu - 1)² over u >= 0 alone has
    u = s x with that x, for the best s leaves ‖Ex‖² / (1 + ‖Ex‖²).
    """
    values, vectors = eigh(H)
    # Of a negative curvature (a loss that is not convex) the size is taken.
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
