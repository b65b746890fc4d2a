"""L-BFGS from an approximate inverse of the Hessian, such as that of a sample.

A step is -Hg, where H is that inverse, corrected by the last steps and by how they
changed the gradient (Nocedal and Wright 2006, Numerical Optimization, algorithm 7.4).
"""

from __future__ import annotations

import numpy as np

from skxent.optimize.inverse import check_curvature
from skxent.optimize.newton import backtrack, lengthened
from skxent.optimize.objective import Objective
from skxent.optimize.precondition import (
    MAX_GRAM_COLUMNS,
    Diagonal,
    Linear,
    diagonal_if_sufficient,
    gram_cost,
    mean_by_output,
    output_curvature,
)
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

# Pairs of curvature that are kept, and the least curvature along a step, in that of the
# model, that makes a pair.
HISTORY = 10
MIN_CURVATURE = 1e-4

# Iterations after which a scale was not enough. A diagonal takes 6 to 23 on round data
# (tests/optimize/test_unscaled.py).
MAX_STEPS = 25

# After so many steps the scale hides about this share of the decrement.
SLOW_FACTOR = 2.0

# A Gram matrix that takes more passes than this is formed only after as many steps.
DEAR_GRAM = 20.0

# Where a step may gain no more than this many rounding errors of the values, they do
# not tell which of its points are lower.
ROUNDING_FLOORS = 16

# If the last two steps left at most this share of the decrement each, so will the next,
# give or take a factor of two.
STEADY = 0.25


class Scale:
    """About the inverse of the Hessian at W: of its diagonal, or of a Gram matrix."""

    def __init__(
        self, objective: Objective, W: Weights, diagonal: Diagonal | None
    ) -> None:
        sample = objective.subsample
        self.objective, self.sample = objective, sample
        self.diagonal: bool = diagonal is not None
        self.curvature: Weights = output_curvature(sample, W)
        self.inverse: Linear = (
            mean_by_output(sample, W)
            if diagonal is None
            else diagonal.inverse(objective)
        )

    def growth(self, W: Weights) -> float:
        """Return how many times larger the inverse may be at W, in an output."""
        return float((self.curvature / output_curvature(self.sample, W)).max())

    @property
    def max_steps(self) -> float:
        """Return the number of steps after which another scale is worth its cost."""
        if not self.diagonal or not is_narrow(self.objective):
            return np.inf
        return max(MAX_STEPS, gram_cost(self.objective))


def is_narrow(objective: Objective) -> bool:
    """Return True if a Gram matrix has room."""
    return objective.rows.n_features <= MAX_GRAM_COLUMNS


def first_scale(objective: Objective, W: Weights) -> Scale:
    """Return the diagonal, or a Gram matrix if that is worth it."""
    dear = not is_narrow(objective) or gram_cost(objective) > DEAR_GRAM
    if dear:
        return Scale(objective, W, Diagonal(objective, W))
    return Scale(objective, W, diagonal_if_sufficient(objective, W))


class QuasiNewton:
    """The inverse Hessian of L-BFGS, and its products with the last gradient."""

    def __init__(self, inverse: Linear, gradient: Weights) -> None:
        self.inverse = inverse
        self.scaled: Weights = inverse(gradient)
        self.factor: float = 1.0  # of the inverse, by the curvature of the last step
        self.pairs: list[tuple[Weights, Weights, Weights, float]] = []

    def step(self, gradient: Weights) -> Weights:
        """Return the step from where the gradient was learned last."""
        G, Z, shares = gradient.copy(), self.scaled.copy(), []
        for moved, change, scaled, reciprocal in reversed(self.pairs):
            share = reciprocal * float(np.vdot(moved, G))
            G -= share * change
            Z -= share * scaled
            shares.append(share)
        Z *= self.factor
        for pair, share in zip(self.pairs, reversed(shares), strict=True):
            moved, change, _, reciprocal = pair
            Z += (share - reciprocal * float(np.vdot(change, Z))) * moved
        return -Z

    def squared_decrement(self, gradient: Weights) -> float:
        """Return the squared decrement by the inverse that steps begin with."""
        return self.factor * float(np.vdot(gradient, self.scaled))

    def learn(self, start: Point, end: Point, expected: float) -> None:
        """Add a step, along which so much curvature was expected."""
        before, self.scaled = self.scaled, self.inverse(end.gradient)
        moved, change = end.W - start.W, end.gradient - start.gradient
        scaled = self.scaled - before
        product, norm = float(np.vdot(moved, change)), float(np.vdot(change, scaled))
        if product > MIN_CURVATURE * expected and norm > 0:
            pair = moved, change, scaled, 1 / product
            self.pairs = [*self.pairs[1 - HISTORY :], pair]
            self.factor = product / norm


def lbfgs(objective: Objective, start: Weights, options: SolverOptions) -> Solution:
    """Minimise by L-BFGS; many rows start from the minimum of a sample."""
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
    """L-BFGS from `start`, which is near the end if the inverse there is known."""

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
        self.known: bool = self.scale is None  # is the inverse one at the point?
        self._begin(inverse)

    def _begin(self, inverse: Linear) -> None:
        self.model: QuasiNewton = QuasiNewton(inverse, self.point.gradient)
        self.steps: int = 0
        self.growth: float = 1.0
        self.decrements: list[float] = [np.inf, np.inf]

    def run(self) -> Solution:
        """Descend until the decrement is at most tol."""
        objective, options = self.objective, self.options
        for n_iter in range(1, options.max_iter + 1):
            step, slope, decrement, left = self._step(n_iter)
            if not np.isfinite(slope):
                check_curvature(self.point.gradient, "gradient")
                return self._solution(STALLED, n_iter, np.inf)
            if left <= options.tol and not self.known:
                self._look_again()
                step, slope, decrement, left = self._step(n_iter)
            if options.verbose:
                print(
                    f"Iteration {n_iter:3d}: objective {self.point.value:.12g}, "
                    f"decrement {decrement:.3g}, passes {objective.passes}"
                )
            W, value = self.point.W, self.point.value
            if left <= options.tol:
                # So near, a whole step is free precision.
                value -= 0.5 * decrement**2
                return Solution(W + step, value, n_iter, left, CONVERGED)
            floor = rounding_error(objective.dtype, value)
            taken = backtrack(objective.at, self.point, W + step, slope, floor)
            if decrement**2 <= ROUNDING_FLOORS * floor:
                slow = decrement > 0.5 * self.decrements[-1]
                if taken is None or (slow and taken[1].value >= value):
                    return self._solution(ROUNDING, n_iter, decrement)
            elif taken is None:
                return self._solution(STALLED, n_iter, decrement)
            length, point = taken
            point = lengthened(objective, self.point, step, slope, length, point)
            self.model.learn(self.point, point, -slope * length**2)
            self.point = point
            self.decrements = [self.decrements[-1], decrement]
            self.steps += 1
            if options.callback is not None:
                options.callback(point.W)
            if self.scale is not None and self.steps >= self.scale.max_steps:
                self._renew(None)
        return self._solution(MAX_ITER, options.max_iter, decrement)

    def _step(self, n_iter: int) -> tuple[Weights, float, float, float]:
        """Return a step, its slope, the decrement, and what the step leaves of it."""
        gradient = self.point.gradient
        step = self.model.step(gradient)
        slope = float(np.vdot(gradient, step))
        squared = self.growth * self.model.squared_decrement(gradient)
        decrement = left = float(np.sqrt(max(-slope, squared, 0.0)))
        earlier, last = self.decrements
        if last < np.inf and (earlier < np.inf or self.scale is None):
            share = max(decrement / last, last / earlier)
            if share <= STEADY:
                left = min(left, 2 * share * decrement)
        if n_iter > MAX_STEPS:
            left *= SLOW_FACTOR
        return step, slope, decrement, left

    def _look_again(self) -> None:
        """Take account of what the curvature has become since the scale was made."""
        assert self.scale is not None
        if self.steps <= MAX_STEPS:
            self.growth = max(1.0, self.scale.growth(self.point.W))
        elif self.scale.diagonal:
            self._renew(Diagonal(self.objective, self.point.W))
        else:
            self._renew(None)
        self.known = True

    def _renew(self, diagonal: Diagonal | None) -> None:
        self.scale = Scale(self.objective, self.point.W, diagonal)
        self._begin(self.scale.inverse)
        self.known = False

    def _solution(self, reason: str, n_iter: int, decrement: float) -> Solution:
        return Solution(self.point.W, self.point.value, n_iter, decrement, reason)
