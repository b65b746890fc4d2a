"""L-BFGS in coordinates in which the curvature is near one."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from skxent.optimize.inverse import Inverse
from skxent.optimize.objective import Objective
from skxent.optimize.precondition import (
    MAX_GRAM_COLUMNS,
    Diagonal,
    diagonal_if_sufficient,
)
from skxent.optimize.smooth import Point, Weights, rounding_error
from skxent.optimize.solution import (
    CONVERGED,
    MAX_ITER,
    ROUNDING,
    Solution,
    SolverOptions,
)

# Iterations after which a diagonal was not enough. On round data it takes 6 to 23
# (tests/optimize/test_unscaled.py).
MAX_DIAGONAL_STEPS = 25

# The line search compares values, so that it fails somewhat above their rounding error.
ROUNDING_FLOORS = 16


class Scale:
    """W = root U, where the objective's curvature in U is about one.

    One Gram matrix for all outputs, weighted by the curvature of the rows of a sample,
    and one number for each output; or the diagonal of the Hessian, which is of no use
    where columns depend on each other, but takes no time.
    """

    def __init__(
        self, objective: Objective, W: Weights, diagonal: Diagonal | None
    ) -> None:
        self.sample: Objective = objective.subsample
        self.curvature: Weights = self._curvature(W)
        self.share: Weights = np.sqrt(self.curvature / self.curvature.mean())
        self.shift_invariant: bool = objective.shift_invariant
        self.inverse: Inverse | None = None
        if diagonal is None:
            self.inverse = Inverse(self.sample.gram(W), *objective.precision)
        else:
            self.diagonal = diagonal
            self.root: Weights = np.sqrt(diagonal.scale)

    def _curvature(self, W: Weights) -> Weights:
        curvature = self.sample.output_curvature(W)
        return np.maximum(curvature, max(1e-3 * curvature.mean(), 1e-300))

    def weights(self, U: Weights) -> Weights:
        """Return W."""
        if self.inverse is None:
            return self._unshifted(self.diagonal.uncentred(U / self.root))
        return self._unshifted(self.inverse.root(U) / self.share)

    def gradient(self, G: Weights) -> Weights:
        """Return the gradient in U, from that in W."""
        G = self._unshifted(G)
        if self.inverse is None:
            return self.diagonal.centred(G) / self.root
        return self.inverse.root_transposed(G / self.share)

    def _unshifted(self, W: Weights) -> Weights:
        # A shift of all outputs, which steps of different scales would lead along, has
        # no curvature but the penalty's: many iterations would take it back.
        return W - W.mean(axis=1, keepdims=True) if self.shift_invariant else W

    def decrement(self, point: Point) -> float:
        """Return the norm of the gradient in U, with the curvature at the point."""
        now = self.curvature / self._curvature(point.W)
        norm = np.linalg.norm(self.gradient(point.gradient))
        return float(norm * np.sqrt(max(now.max(), 1.0)))


def lbfgs(objective: Objective, start: Weights, options: SolverOptions) -> Solution:
    """Minimise by L-BFGS; the scale is renewed if the curvature has left it."""
    W, n_iter, max_iter = start, 0, options.max_iter
    diagonal = diagonal_if_sufficient(objective, W)
    narrow = objective.rows.n_features <= MAX_GRAM_COLUMNS
    limit = max_iter if diagonal is None else min(max_iter, MAX_DIAGONAL_STEPS)
    previous = np.inf
    scale = Scale(objective, W, diagonal)
    while True:
        point, steps = _follow(objective, scale, W, limit - n_iter, options)
        W, value = point.W, point.value
        n_iter += max(steps, 1)
        decrement = scale.decrement(point)
        if steps > MAX_DIAGONAL_STEPS or decrement > options.tol:
            # The curvature has left the scale: another tells how near the end is.
            if diagonal is not None:
                diagonal = None if narrow else Diagonal(objective, W)
            scale = Scale(objective, W, diagonal)
            decrement = scale.decrement(point)
        if decrement <= options.tol:
            return Solution(W, value, n_iter, decrement, CONVERGED)
        floor = rounding_error(objective.dtype, value)
        if decrement**2 <= ROUNDING_FLOORS * floor and decrement > 0.5 * previous:
            return Solution(W, value, n_iter, decrement, ROUNDING)
        if n_iter >= max_iter:
            return Solution(W, value, n_iter, decrement, MAX_ITER)
        previous, limit = decrement, max_iter


def _follow(
    objective: Objective,
    scale: Scale,
    origin: Weights,
    max_iter: int,
    options: SolverOptions,
) -> tuple[Point, int]:
    """Return the best point of scipy's L-BFGS from `origin`, in steps of one scale."""
    best: Point | None = None

    def weights(u: Weights) -> Weights:
        return origin + scale.weights(u.reshape(origin.shape))

    def evaluate(u: Weights) -> tuple[float, Weights]:
        nonlocal best
        point = objective.at(weights(u))
        if best is None or point.value < best.value:
            best = point
        return point.value, scale.gradient(point.gradient).ravel()

    def report(u: Weights) -> None:
        if options.callback is not None:
            options.callback(weights(u))

    rows = objective.rows
    in_use = origin.size - np.count_nonzero(rows.constant) * rows.n_outputs
    settings: dict[str, Any] = {
        "maxiter": max_iter,
        "maxfun": 4 * max_iter,
        # scipy tests the largest entry: the norm is at most that times root p
        "gtol": options.tol / np.sqrt(in_use),
        "ftol": 0.0,
    }
    start = np.zeros(origin.size)
    result = minimize(
        evaluate,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=None if options.callback is None else report,
        options=settings,
    )
    assert best is not None
    if options.verbose:
        print(
            f"L-BFGS: {result.nit} iterations, objective {best.value:.12g}, "
            f"passes {objective.passes}"
        )
    return best, int(result.nit)
