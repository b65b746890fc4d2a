"""Newton's method with steps by conjugate gradients: any size, any shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skxent.optimize.inverse import FLAT
from skxent.optimize.newton import newton
from skxent.optimize.objective import Objective
from skxent.optimize.precondition import Linear, Preconditioner, candidates
from skxent.optimize.smooth import Point, Weights
from skxent.optimize.solution import Solution, SolverOptions

# Iterations of a step that are few, whatever a better preconditioner would save.
FEW_ITERATIONS = 4

# A preconditioner that took this share of what another costs is given up for it: that
# will serve the steps to come, too.
SPENT_SHARE = 0.5


class CGStep:
    """-H⁻¹g by conjugate gradients, truncated while the decrement is large.

    Where the iterations with a preconditioner have taken their share of the time that
    the next better one costs, that takes its place; or it is formed anew.
    """

    def __init__(self, objective: Objective, tol: float) -> None:
        self.objective = objective
        self.tol = tol
        self.candidates: list[Preconditioner] = []
        self.inverse: Linear | None = None
        self.spent: float = 0.0  # of Hessian products, since the inverse is new

    def __call__(self, point: Point, decrement: float) -> tuple[Weights, bool]:
        """Return a step, and True unless the curvature along it is negative."""
        if not self.candidates:
            self.candidates = candidates(self.objective, point.W)
        max_products = 2 * point.W.size
        if len(self.candidates) > 1:
            next_cost = self.candidates[1].cost
            if self.spent > SPENT_SHARE * next_cost:
                self._take_next()
                return self(point, decrement)
            max_products = min(max_products, FEW_ITERATIONS + int(next_cost))
        best = self.candidates[0]
        if (
            self.inverse is None
            or not best.lasts
            or self.spent > SPENT_SHARE * best.cost
        ):
            self.inverse = best.at(point.W)
            self.spent = 0.0 if best.lasts else self.spent + best.cost
        passes = self.objective.passes
        step, state = self._iterate(point, decrement, self.inverse, max_products)
        self.spent += self.objective.passes - passes
        if state == "slow" and len(self.candidates) > 1:
            self._take_next()
            return self(point, decrement)
        return step, state != "concave"

    def _take_next(self) -> None:
        del self.candidates[0]
        self.inverse, self.spent = None, 0.0

    def _iterate(
        self, point: Point, decrement: float, precondition: Linear, max_products: int
    ) -> tuple[Weights, str]:
        """Return the step, and if it is "exact" enough, still "slow", or "concave"."""
        step = np.zeros_like(point.W)
        residual = -point.gradient
        z = precondition(residual)
        direction = z
        rz = size = float(np.vdot(residual, z))
        if not np.isfinite(rz):
            return z, "concave"
        flat = FLAT[np.dtype(self.objective.dtype)]
        tolerance = self._tolerance(decrement, rz, step.size)
        for iteration in range(max_products):
            if rz <= tolerance:
                return step, "exact"
            product = self.objective.hessian_product(point, direction)
            curvature = float(np.vdot(direction, product))
            if not np.isfinite(curvature):
                return (direction if iteration == 0 else step), "concave"
            if curvature <= flat * size:  # or what is left of the residual is rounding
                state = "concave" if curvature < -flat * size else "exact"
                return (direction if iteration == 0 else step), state
            length = rz / curvature
            step += length * direction
            residual -= length * product
            z = precondition(residual)
            rz, previous = float(np.vdot(residual, z)), rz
            direction *= rz / previous
            direction += z
            size = rz + (rz / previous) ** 2 * size  # by the preconditioner's matrix
        return step, "exact" if rz <= tolerance else "slow"

    def _tolerance(self, decrement: float, first: float, size: int) -> float:
        """Return the squared residual at which to stop; `first` is its first value."""
        # The tolerance is loose far from the minimum. Near it the tolerance shrinks
        # with the decrement, which keeps Newton's quadratic convergence, but not below
        # what tol needs, which is a remaining decrement of a third of tol.
        left = min(decrement, float(np.sqrt(first)))
        forcing = left if left < 1e-3 else min(0.25, float(np.sqrt(left)))
        needed = (0.3 * self.tol) ** 2
        tolerance = max(forcing**2 * first, min(0.1**2 * first, needed))
        # A residual below the rounding error of the gradient cannot be reached.
        rounding = size * float(np.finfo(self.objective.dtype).eps) ** 2
        return max(tolerance, min(rounding, needed))


def newton_cg(objective: Objective, start: Weights, options: SolverOptions) -> Solution:
    """Minimise by Newton's method, without a Hessian."""
    objective = replace(objective, cache_logits=True)
    return newton(objective, start, CGStep(objective, options.tol), options)
