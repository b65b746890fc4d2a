"""Newton steps, found in two ways: factorise the Hessian, or iterate."""

from __future__ import annotations

import numpy as np

from skxent.optimize.inverse import FLAT, WholeInverse
from skxent.optimize.precondition import Linear, Rung, ladder
from skxent.optimize.problem import Problem, Weights

# A Hessian serves again where a step with it left so much of the decrement.
FADED = 0.15

# Iterations of a step that are few, whatever a better preconditioner would save.
FEW_ITERATIONS = 4

# A preconditioner that took this part of what another costs is given up for it: that
# will serve the steps to come, too.
PART = 0.5


class CholeskyStep:
    """-H⁻¹g with the whole Hessian.

    Where the last step left a seventh of the decrement, the last Hessian serves again:
    it was then within a third or so of today's, and so is the step. One kept from a
    neighbour on a path gets a first step, to see whether it does as well.
    """

    def __init__(self, objective: Problem) -> None:
        self.objective = objective
        self.inverse: WholeInverse | None = None

    def __call__(
        self, W: Weights, gradient: Weights, decrement: float
    ) -> tuple[Weights, bool]:
        if self.inverse is None:
            kept = self.objective.kept_hessian()
            if kept is not None:
                self.inverse = WholeInverse.of(self.objective, kept)
                if self.inverse.positive:
                    return -self.inverse(gradient), False
        elif self.inverse.positive:
            step = -self.inverse(gradient)
            if -np.vdot(gradient, step) <= (FADED * decrement) ** 2:
                return step, True
        self.inverse = WholeInverse.of(self.objective, self.objective.hessian(W))
        return -self.inverse(gradient), self.inverse.positive


class CGStep:
    """-H⁻¹g by conjugate gradients, truncated while the decrement is large.

    Where the iterations with a preconditioner have taken their part of the time that
    the next better one costs, that takes its place; or it is formed anew.
    """

    spent: float

    def __init__(self, objective: Problem, tol: float) -> None:
        self.objective = objective
        objective.products_follow = True
        self.tol = tol
        self.rungs: list[Rung] = []
        self.inverse: Linear | None = None
        self.spent = 0.0  # of Hessian products, since the rung or its inverse is new

    def __call__(
        self, W: Weights, gradient: Weights, decrement: float
    ) -> tuple[Weights, bool]:
        if not self.rungs:
            self.rungs = ladder(self.objective, W)
        patience = 2 * W.size
        if len(self.rungs) > 1:
            if self.spent > PART * self.rungs[1].cost:
                self._climb()
                return self(W, gradient, decrement)
            patience = min(patience, FEW_ITERATIONS + int(self.rungs[1].cost))
        rung = self.rungs[0]
        if self.inverse is None or not rung.lasts or self.spent > PART * rung.cost:
            self.inverse = rung.at(W)
            self.spent = 0.0 if rung.lasts else self.spent + rung.cost
        passes = self.objective.passes
        step, state = self._iterate(W, gradient, decrement, self.inverse, patience)
        self.spent += self.objective.passes - passes
        if state == "slow" and len(self.rungs) > 1:
            self._climb()
            return self(W, gradient, decrement)
        return step, state != "concave"

    def _climb(self) -> None:
        del self.rungs[0]
        self.inverse, self.spent = None, 0.0

    def _iterate(
        self,
        W: Weights,
        gradient: Weights,
        decrement: float,
        precondition: Linear,
        patience: int,
    ) -> tuple[Weights, str]:
        """The step, and whether it is "exact" enough, still "slow", or "concave"."""
        step = np.zeros_like(W)
        residual = -gradient
        z = precondition(residual)
        direction = z
        rz = first = size = float(np.vdot(residual, z))
        flat = FLAT[np.dtype(self.objective.dtype)]
        # Loose far away; near the end as tight as the decrement, so that Newton's
        # quadratic convergence is kept, but no tighter than tol needs: a decrement of
        # a third of it will be left.
        near = min(decrement, np.sqrt(first))
        forcing = near if near < 1e-3 else min(0.25, np.sqrt(near))
        enough = max(forcing**2 * first, min(0.1**2 * first, (0.3 * self.tol) ** 2))
        # Nor any tighter than the gradient is exact.
        rounding = W.size * float(np.finfo(self.objective.dtype).eps) ** 2
        enough = max(enough, min(rounding, (0.3 * self.tol) ** 2))
        for iteration in range(patience):
            if rz <= enough:
                return step, "exact"
            product = self.objective.hessian_product(W, direction)
            curvature = float(np.vdot(direction, product))
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
        return step, "exact" if rz <= enough else "slow"
