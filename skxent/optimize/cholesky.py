"""Newton's method with the whole Hessian, factorised: best for few coefficients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skxent.optimize.inverse import WholeInverse
from skxent.optimize.newton import newton
from skxent.optimize.objective import Objective
from skxent.optimize.smooth import Point, Weights
from skxent.optimize.solution import Solution, SolverOptions

# The last Hessian is used again if its step left at most this share of the decrement.
MAX_DECREMENT_RATIO = 0.15


class CholeskyStep:
    """-H⁻¹g with the whole Hessian.

    If the last step left at most a seventh of the decrement, its Hessian is used again:
    it was within about a third of the current Hessian, and so is the step. A Hessian
    from the previous fit on a path is used for the first step, and then checked in the
    same way.

    hessian : the last Hessian of the rows, without the penalty, if it is to be kept.
    """

    def __init__(self, objective: Objective, keep: bool) -> None:
        self.objective = objective
        self.keep = keep
        self.hessian = objective.cached_hessian
        self.inverse: WholeInverse | None = None

    def __call__(self, point: Point, decrement: float) -> tuple[Weights, bool]:
        """Return a step, and whether the curvature along it is known to be positive."""
        gradient = point.gradient
        if self.inverse is None:
            if self.hessian is not None:
                self.inverse = self._inverse(self.hessian.copy())
                if self.inverse.positive:
                    return -self.inverse(gradient), False
        elif self.inverse.positive:
            step = -self.inverse(gradient)
            if -np.vdot(gradient, step) <= (MAX_DECREMENT_RATIO * decrement) ** 2:
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
    solution = newton(objective, start, step, options)
    return replace(solution, hessian=step.hessian) if options.keep_hessian else solution
