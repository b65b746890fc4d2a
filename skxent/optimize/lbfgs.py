"""L-BFGS from an approximate inverse of the Hessian, such as that of a sample."""

from __future__ import annotations

import numpy as np

from skxent.optimize.inverse import check_curvature
from skxent.optimize.newton import backtrack, lengthened
from skxent.optimize.objective import Objective
from skxent.optimize.precondition import (
    MAX_GRAM_ENTRIES,
    Diagonal,
    Linear,
    diagonal_if_sufficient,
    each_output,
    gram_cost,
    mean_by_output,
    output_curvature,
)
from skxent.optimize.quasi_newton import QuasiNewton
from skxent.optimize.sample_start import SAMPLE_ITER, from_samples
from skxent.optimize.smooth import Point, Weights, rounding_error
from skxent.optimize.solution import (
    CONVERGED,
    MAX_ITER,
    ROUNDING,
    STALLED,
    Solution,
    SolverOptions,
)

# The number of iterations after which a scale is too coarse. A diagonal takes 6 to 23
# on columns that are nearly independent (tests/optimize/test_unscaled.py).
MAX_STEPS = 25

# After MAX_STEPS iterations the decrement is underestimated by about this factor.
SLOW_FACTOR = 2.0

# The first scale is a Gram matrix only if it costs at most this many Hessian products.
DEAR_GRAM = 20.0

# After MIN_STEPS the scale is replaced if the predicted number of further steps exceeds
# FEW_STEPS plus STEPS_PER_PRODUCT for each Hessian product that the new scale costs.
MIN_STEPS, FEW_STEPS, STEPS_PER_PRODUCT = 12, 6, 2.0

# Below ROUNDING_FLOORS rounding errors, values do not show which point is lower. The
# solver then stops when MAX_IDLE steps have not halved the decrement.
ROUNDING_FLOORS, MAX_IDLE = 16, 5


class Scale:
    """An approximate inverse of the Hessian at W: `diagonal`, or Gram matrices."""

    def __init__(
        self,
        objective: Objective,
        W: Weights,
        diagonal: Diagonal | None = None,
        each: bool = False,
    ) -> None:
        sample = objective.subsample
        self.sample: Objective = sample
        self.curvature: Weights = output_curvature(sample, W)
        if diagonal is not None:
            self.inverse: Linear = diagonal.inverse(objective)
        elif each:
            self.inverse = each_output(sample, W)
        else:
            self.inverse = mean_by_output(sample, W, self.curvature)

    def growth(self, W: Weights) -> float:
        """Return the largest factor by which the inverse of an output grows up to W."""
        return float((self.curvature / output_curvature(self.sample, W)).max())


def first_scale(objective: Objective, W: Weights) -> Scale:
    """Return the diagonal, or a Gram matrix if that is worth it."""
    if gram_cost(objective) > DEAR_GRAM:
        diagonal: Diagonal | None = Diagonal(objective, W)
    else:
        diagonal = diagonal_if_sufficient(objective, W)
    return Scale(objective, W, diagonal)


def next_scale(objective: Objective, W: Weights, most: float) -> Scale | None:
    """Return a scale of Gram matrices, or None if it costs more than `most` products.

    One matrix for each output if these fit in memory, else their mean.
    """
    (size, m), cost = objective.shape, gram_cost(objective)
    each = m > 1 and m * size**2 <= MAX_GRAM_ENTRIES
    if cost == np.inf or cost * (m if each else 1) > most:
        return None
    return Scale(objective, W, each=each)


def lbfgs(objective: Objective, start: Weights, options: SolverOptions) -> Solution:
    """Minimise by L-BFGS, with many rows from the minimum of a sample."""
    inverse: Linear | None = None
    if not start[: objective.rows.n_features].any():

        def minimise(
            part: Objective, W: Weights, tol: float, inverse: Linear | None
        ) -> Weights:
            limits = SolverOptions(tol, min(SAMPLE_ITER, options.max_iter))
            return Descent(part, W, limits, inverse).run().weights

        start, inverse = from_samples(objective, start, options.tol, minimise)
    return Descent(objective, start, options, inverse).run()


class Descent:
    """The state of L-BFGS; `inverse` is given if it is that of a sample at `start`."""

    def __init__(
        self,
        objective: Objective,
        start: Weights,
        options: SolverOptions,
        inverse: Linear | None,
    ) -> None:
        self.objective, self.options = objective, options
        self.scale: Scale | None = None
        self.point: Point = objective.at(start)
        if inverse is None:
            self.scale = first_scale(objective, start)
            inverse = self.scale.inverse
        # Whether the inverse allows for the curvature at the point.
        self.current: bool = self.scale is None
        self._begin(inverse)

    def _begin(self, inverse: Linear) -> None:
        self.model: QuasiNewton = QuasiNewton(inverse, self.point.gradient)
        self.steps: int = 0
        self.growth: float = 0.0
        self.first: float = np.inf
        self.last: float = np.inf

    def run(self) -> Solution:
        """Descend until the decrement is at most tol."""
        objective, options = self.objective, self.options
        record, idle = np.inf, 0
        for n_iter in range(1, options.max_iter + 1):
            step, slope, decrement, safe = self._step()
            if not np.isfinite(slope):
                check_curvature(self.point.gradient, "gradient")
                return self._solution(STALLED, n_iter, np.inf)
            if safe <= options.tol and not self.current:
                self._renew()
                step, slope, decrement, safe = self._step()
            if options.verbose:
                print(
                    f"Iteration {n_iter:3d}: objective {self.point.value:.12g}, "
                    f"decrement {decrement:.3g}, passes {objective.passes}"
                )
            W, value = self.point.W, self.point.value
            if safe <= options.tol:
                # This close to the minimum a whole step needs no check.
                value -= 0.5 * decrement**2
                return Solution(W + step, value, n_iter, safe, CONVERGED)
            floor = rounding_error(objective.dtype, value)
            taken = backtrack(objective.at, self.point, W + step, slope, floor)
            if decrement**2 <= ROUNDING_FLOORS * floor:
                if decrement <= 0.5 * record:
                    record, idle = decrement, 0
                idle += 1
                if taken is None or idle > MAX_IDLE:
                    return self._solution(ROUNDING, n_iter, decrement)
            elif taken is None:
                return self._solution(STALLED, n_iter, decrement)
            length, point = taken
            point = lengthened(objective, self.point, step, slope, length, point)
            self.model.learn(self.point, point, -slope * length**2)
            self.point = point
            self.last = decrement
            if not self.steps:
                self.first = decrement
            self.steps += 1
            if options.callback is not None:
                options.callback(point.W)
            if self.steps >= MIN_STEPS and self.scale is not None:
                most = (self._steps_left() - FEW_STEPS) / STEPS_PER_PRODUCT
                scale = next_scale(objective, point.W, most)
                if scale is not None:
                    self._use(scale)
        return self._solution(MAX_ITER, options.max_iter, decrement)

    def _step(self) -> tuple[Weights, float, float, float]:
        """Return a step, its slope, the decrement, and a safe estimate of it.

        What the step leaves is not extrapolated: the inverse is too small where few
        rows had most of the curvature, and saturate as their logits move.
        """
        gradient = self.point.gradient
        step = self.model.step(gradient)
        slope = float(np.vdot(gradient, step))
        squared = self.model.squared_decrement(gradient, self.growth)
        decrement = float(np.sqrt(max(-slope, squared, 0.0)))
        safe = decrement * (SLOW_FACTOR if self.steps > MAX_STEPS else 1.0)
        return step, slope, decrement, safe

    def _steps_left(self) -> float:
        """Predict how many steps are left, from the mean rate of those so far."""
        rate = np.log(self.first / self.last) / self.steps
        left = np.log(self.last / self.options.tol)
        return float(left / rate) if rate > 0 else np.inf

    def _renew(self) -> None:
        """Allow for the change of the curvature since the scale was made."""
        assert self.scale is not None
        self.current = True
        objective, W = self.objective, self.point.W
        if self.steps <= MAX_STEPS:
            self.growth = self.scale.growth(W)
        else:
            scale = next_scale(objective, W, DEAR_GRAM)
            if scale is None:
                scale = Scale(objective, W, Diagonal(objective, W))
            self._use(scale)

    def _use(self, scale: Scale) -> None:
        self.scale = scale
        self._begin(scale.inverse)

    def _solution(self, reason: str, n_iter: int, decrement: float) -> Solution:
        return Solution(self.point.W, self.point.value, n_iter, decrement, reason)
