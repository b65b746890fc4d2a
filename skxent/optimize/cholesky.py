"""Newton's method with the whole Hessian, factorised: best for few coefficients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skxent.kernels.threads import one_blas_thread
from skxent.optimize.inverse import WholeInverse
from skxent.optimize.newton import newton
from skxent.optimize.objective import Objective
from skxent.optimize.smooth import Point, Weights
from skxent.optimize.solution import Solution, SolverOptions

# A Hessian serves again where a step with it left so much of the decrement.
FADED = 0.15


class CholeskyStep:
    """-H⁻¹g with the whole Hessian.

    Where the last step left a seventh of the decrement, the last Hessian serves again:
    it was then within a third or so of today's, and so is the step. One of a neighbour
    on a path gets a first step, to see whether it does as well.

    hessian : the last one of the rows, without the penalty, if it is to be kept.
    """

    objective: Objective
    keep: bool

    def __init__(self, objective: Objective, keep: bool) -> None:
        self.objective, self.keep = objective, keep
        self.hessian = objective.cached_hessian
        self.inverse: WholeInverse | None = None

    def __call__(self, point: Point, decrement: float) -> tuple[Weights, bool]:
        gradient = point.gradient
        if self.inverse is None:
            if self.hessian is not None:
                self.inverse = self._inverse(self.hessian.copy())
                if self.inverse.positive:
                    return -self.inverse(gradient), False
        elif self.inverse.positive:
            step = -self.inverse(gradient)
            if -np.vdot(gradient, step) <= (FADED * decrement) ** 2:
                return step, True
        objective = self.objective
        H = objective.rows.hessian(objective.loss, point.W)
        if self.keep:
            self.hessian = H.copy()
        self.inverse = self._inverse(H)
        return -self.inverse(gradient), self.inverse.positive

    def _inverse(self, H: Weights) -> WholeInverse:
        objective = self.objective
        return WholeInverse(
            objective.with_penalty(H),
            objective.shape,
            objective.shift_invariant,
            *objective.precision,
        )


def newton_cholesky(
    objective: Objective, start: Weights, options: SolverOptions
) -> Solution:
    """Minimise by Newton's method; return the rows' last Hessian if that is asked."""
    step = CholeskyStep(objective, options.keep_hessian)
    with one_blas_thread(objective.operations):
        solution = newton(objective, start, step, options)
    return replace(solution, hessian=step.hessian) if options.keep_hessian else solution
