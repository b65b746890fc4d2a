"""Newton's method, with two ways to a step: factorise the Hessian, or iterate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from skxent.kernels.threads import one_blas_thread
from skxent.optimize.convergence import (
    CONVERGED,
    MAX_ITER,
    ROUNDING,
    SEPARABLE,
    STALLED,
    Solution,
)
from skxent.optimize.problem import Problem, Weights
from skxent.optimize.steps import CGStep, CholeskyStep

Step = Callable[[Weights, Weights, float], tuple[Weights, bool]]
Listener = Callable[[Weights], None]  # hears of every iteration, may raise Stopped


class Objective(Protocol):
    """What Newton's method needs of a function; `passes` is for its printed lines."""

    dtype: np.dtype[Any]
    passes: int

    def value_gradient(self, W: Weights) -> tuple[float, Weights]: ...

    def may_lack_minimum(self, value: float) -> bool: ...


class Stopped(Exception):
    """A listener asks to stop at these weights, after so many iterations."""

    weights: Weights
    n_iter: int

    def __init__(self, weights: Weights, n_iter: int) -> None:
        super().__init__()
        self.weights, self.n_iter = weights, n_iter


def newton_cholesky(
    objective: Problem,
    start: Weights,
    tol: float,
    max_iter: int,
    verbose: int = 0,
    listener: Listener | None = None,
) -> Solution:
    step = CholeskyStep(objective)
    with one_blas_thread(start.size):
        return newton(objective, start, step, tol, max_iter, verbose, listener)


def newton_cg(
    objective: Problem,
    start: Weights,
    tol: float,
    max_iter: int,
    verbose: int = 0,
    listener: Listener | None = None,
) -> Solution:
    step = CGStep(objective, tol)
    with one_blas_thread():
        return newton(objective, start, step, tol, max_iter, verbose, listener)


def no_minimum_near(
    value_at: Callable[[Weights], float],
    W: Weights,
    step: Weights,
    value: float,
    floor: float,
    decrement: float,
    previous: float,
) -> bool:
    """Does the objective fall on beyond where its quadratic model says it ends?

    Where X separates (some) classes it falls like e^-t, and so does δ²: a Newton step
    always promises more. A minimum instead draws δ in quadratically, and three steps
    towards it end above it, as f - 3δ² + (3δ)² / 2 > f - δ² / 2 does. The pass that
    tells is spared where δ fell so fast; `previous` is inf where nothing is known,
    `floor` the rounding error of the objective.
    """
    if previous < np.inf and decrement < 0.1 * previous:
        return False
    return value_at(W + 3 * step) < value - 0.5 * decrement**2 - floor


def newton(
    objective: Objective,
    start: Weights,
    find_step: Step,
    tol: float,
    max_iter: int,
    verbose: int = 0,
    listener: Listener | None = None,
) -> Solution:
    """Newton's method with backtracking."""
    W = start
    value, gradient = objective.value_gradient(W)
    noise = 8 * float(np.finfo(objective.dtype).eps)
    decrement = previous = np.inf
    for iteration in range(1, max_iter + 1):
        step, curved = find_step(W, gradient, decrement)
        slope = float(np.vdot(gradient, step))
        decrement = np.sqrt(max(-slope, 0.0))
        if verbose:
            print(
                f"Iteration {iteration:3d}: objective {value:.12g}, "
                f"decrement {decrement:.3g}, passes {objective.passes}"
            )
        floor = noise * max(abs(value), np.finfo(float).tiny)
        if decrement <= tol and curved:
            if objective.may_lack_minimum(value) and no_minimum_near(
                lambda W: objective.value_gradient(W)[0],
                W,
                step,
                value,
                floor,
                decrement,
                previous,
            ):
                return Solution(W, value, iteration, decrement, False, SEPARABLE)
            # So near, a whole step is free precision: the error it leaves is O(δ²). Not
            # where δ has not begun to fall like that, as where nearly all is separated.
            if decrement <= 1e-2:
                end, promised = W + step, value - 0.5 * decrement**2
                if 2 * decrement <= previous < np.inf:
                    W, value = end, promised
                elif (there := objective.value_gradient(end)[0]) <= value:
                    W, value = end, there
            return Solution(W, value, iteration, decrement, True, CONVERGED)
        if decrement**2 <= floor and decrement > 0.5 * previous:
            return Solution(W, value, iteration, decrement, True, ROUNDING)
        previous = decrement
        length = 1.0
        while True:
            candidate = W + length * step
            new_value, new_gradient = objective.value_gradient(candidate)
            if new_value <= value + 1e-4 * length * slope + floor:
                break
            length *= 0.5
            if length < 1e-10:
                return Solution(W, value, iteration, decrement, False, STALLED)
        # A quadratic falls by half of what its slope says. Where nearly all of that
        # came true the curvature is not there, as on plateaus of focal loss.
        while length >= 1 and new_value - value < 0.9 * length * slope:
            further = W + 2 * length * step
            lower, gradient_there = objective.value_gradient(further)
            if lower >= new_value:
                break
            length *= 2
            candidate, new_value, new_gradient = further, lower, gradient_there
        W, value, gradient = candidate, new_value, new_gradient
        if listener is not None:
            listener(W)
    return Solution(W, value, max_iter, decrement, False, MAX_ITER)
