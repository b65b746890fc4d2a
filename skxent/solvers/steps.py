"""Newton steps, found in two ways: factorise the Hessian, or iterate."""

from __future__ import annotations

import numpy as np

from skxent.objectives.problem import Problem, Weights
from skxent.solvers.inverse import Inverse
from skxent.solvers.precondition import Rung, ladder

# A Hessian serves again where a step with it left so much of the decrement.
FADED = 0.03

# Of so many coefficients the whole Hessian can be formed where conjugate gradients are
# slow: an iteration takes about 8 / (size (m + 1)) of its time.
FEW_COEFFICIENTS = 1000

# Iterations of a step that are few, whatever a better preconditioner would save.
FEW_ITERATIONS = 4


class CholeskyStep:
    """-H⁻¹g with the whole Hessian.

    Softmax logits may all shift together; where no penalty holds that direction H is
    singular along it. H gets a ridge there alone, which moves nothing, for g has no
    part in it.

    Where the last step left a thirtieth of the decrement, the last Hessian serves
    again: it was then within a fifteenth or so of today's, and so is the step. One
    kept from a neighbour on a path gets a first step, to see whether it does as well.
    """

    def __init__(self, objective: Problem) -> None:
        self.objective = objective
        self.inverse: Inverse | None = None

    def __call__(
        self, W: Weights, gradient: Weights, decrement: float
    ) -> tuple[Weights, bool]:
        if self.inverse is None:
            kept = self.objective.kept_hessian()
            if kept is not None:
                self.inverse = Inverse(self._without_shift(kept))
                if self.inverse.positive:
                    return self._solve(self.inverse, gradient), False
        elif self.inverse.positive:
            step = self._solve(self.inverse, gradient)
            if -np.vdot(gradient, step) <= (FADED * decrement) ** 2:
                return step, True
        self.inverse = Inverse(self._without_shift(self.objective.hessian(W)))
        return self._solve(self.inverse, gradient), self.inverse.positive

    @staticmethod
    def _solve(inverse: Inverse, gradient: Weights) -> Weights:
        size, m = gradient.shape
        return -inverse(gradient.T.reshape(-1, 1)).reshape(m, size).T

    def _without_shift(self, H: Weights) -> Weights:
        size, m = self.objective.shape
        if m > 1:
            per_output = H.reshape(m, size, m, size)
            shared = np.einsum("kiki->i", per_output) / m**2
            for i in range(size):
                per_output[:, i, :, i] += shared[i]
        return H


class CGStep:
    """-H⁻¹g by conjugate gradients, truncated while the decrement is large.

    A step that takes more iterations than the next better preconditioner takes time is
    begun again with that one, which the steps after it keep to. Beyond the best of them
    is the whole Hessian, where that is not too large.
    """

    def __init__(self, objective: Problem, tol: float) -> None:
        self.objective = objective
        objective.products_follow = True
        self.tol = tol
        self.rungs: list[Rung] = []
        self.whole: CholeskyStep | None = None
        size, m = objective.shape
        self.patience = 2 * size * m
        if size * m <= FEW_COEFFICIENTS:
            self.patience = 20 + size * (m + 1) // 8

    def __call__(
        self, W: Weights, gradient: Weights, decrement: float
    ) -> tuple[Weights, bool]:
        if self.whole is not None:
            return self.whole(W, gradient, decrement)
        if not self.rungs:
            self.rungs = ladder(self.objective, W)
        patience = self.patience
        if len(self.rungs) > 1:
            patience = min(patience, FEW_ITERATIONS + int(self.rungs[1].cost))
        step, state = self._iterate(W, gradient, decrement, patience)
        if state != "slow" or (len(self.rungs) == 1 and W.size > FEW_COEFFICIENTS):
            return step, state != "concave"
        if len(self.rungs) > 1:
            del self.rungs[0]
        else:
            self.whole = CholeskyStep(self.objective)
        return self(W, gradient, decrement)

    def _iterate(
        self, W: Weights, gradient: Weights, decrement: float, patience: int
    ) -> tuple[Weights, str]:
        """The step, and whether it is "exact" enough, still "slow", or "concave"."""
        precondition = self.rungs[0].at(W)
        step = np.zeros_like(W)
        residual = -gradient
        z = precondition(residual)
        direction = z
        rz = first = float(np.vdot(residual, z))
        # Loose far away; near the end as tight as the decrement, so that Newton's
        # quadratic convergence is kept, but no tighter than tol needs: a decrement of
        # a third of it will be left.
        near = min(decrement, np.sqrt(first))
        forcing = near if near < 1e-3 else min(0.25, np.sqrt(near))
        enough = max(forcing**2 * first, min(0.1**2 * first, (0.3 * self.tol) ** 2))
        for iteration in range(patience):
            if rz <= enough:
                return step, "exact"
            product = self.objective.hessian_product(W, direction)
            curvature = float(np.vdot(direction, product))
            if curvature <= 0:
                return (direction if iteration == 0 else step), "concave"
            length = rz / curvature
            step += length * direction
            residual -= length * product
            z = precondition(residual)
            rz, previous = float(np.vdot(residual, z)), rz
            direction *= rz / previous
            direction += z
        return step, "exact" if rz <= enough else "slow"
