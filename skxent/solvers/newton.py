"""Newton's method, with two ways to a step: factorise the Hessian, or iterate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skxent._threads import one_blas_thread
from skxent.objectives.problem import Problem, Weights
from skxent.solvers.inverse import Inverse

# Wider than this, the preconditioner is a diagonal: a Gram matrix would not pay.
WIDE = 2000

# A Hessian serves again where a step with it left so much of the decrement.
FADED = 0.03

# Of so many coefficients the whole Hessian can be formed where conjugate gradients are
# slow: an iteration takes about 8 / (size (m + 1)) of its time.
FEW_COEFFICIENTS = 1000

SEPARABLE = (
    "the objective falls on as the coefficients grow, as where X separates the "
    "classes: no minimum exists, or with a weak penalty one far away"
)

Linear = Callable[[Weights], Weights]
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

    def __init__(self, weights: Weights, n_iter: int) -> None:
        super().__init__()
        self.weights, self.n_iter = weights, n_iter


@dataclass(frozen=True)
class Solution:
    """Where a solver stopped, and why."""

    weights: Weights
    value: float
    n_iter: int
    decrement: float
    converged: bool
    reason: str


def newton_cholesky(
    objective: Problem,
    start: Weights,
    tol: float,
    max_iter: int,
    verbose: int = 0,
    listener: Listener | None = None,
) -> Solution:
    step = CholeskyStep(objective)
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
            # So near, a whole step is free precision: the error it leaves is O(δ²).
            if decrement <= 1e-2:
                W = W + step
                value -= 0.5 * decrement**2
            return Solution(W, value, iteration, decrement, True, "converged")
        if decrement**2 <= floor and decrement > 0.5 * previous:
            reason = "the objective's rounding error was reached"
            return Solution(W, value, iteration, decrement, True, reason)
        previous = decrement
        length = 1.0
        while True:
            candidate = W + length * step
            new_value, new_gradient = objective.value_gradient(candidate)
            if new_value <= value + 1e-4 * length * slope + floor:
                break
            length *= 0.5
            if length < 1e-10:
                reason = "no step along the Newton direction lowered the objective"
                return Solution(W, value, iteration, decrement, False, reason)
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
    reason = "max_iter was reached"
    return Solution(W, value, max_iter, decrement, False, reason)


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

    The preconditioner is the Hessian of a sample averaged over the outputs, or its
    diagonal where X is wide; formed anew for every step, for near the minimum of well
    separated classes most rows have no curvature left. Steps that would take as long as
    with the whole Hessian, where that is not too large, are left to it from then on.
    """

    def __init__(self, objective: Problem, tol: float) -> None:
        self.objective = objective
        self.tol = tol
        # Rows of W that no penalty holds: along a common shift H is singular there.
        free = slice(objective.n_features if objective.penalty else 0, None)
        self.free = free if objective.n_outputs > 1 else slice(0, 0)
        self.inverse: Linear
        self.whole: CholeskyStep | None = None
        size, m = objective.shape
        self.patience = 2 * size * m
        if size * m <= FEW_COEFFICIENTS:
            self.patience = 20 + size * (m + 1) // 8

    def precondition(self, G: Weights) -> Weights:
        return self._centre(self.inverse(self._centre(G.copy())))

    def _average_inverse(self, W: Weights) -> Linear:
        sample = self.objective.sample()
        if self.objective.n_features <= WIDE:
            return Inverse(sample.curvature(W))
        diagonal = sample.curvature_diagonal(W)[:, np.newaxis]
        diagonal[diagonal == 0] = 1.0
        return lambda G: G / diagonal

    def _centre(self, G: Weights) -> Weights:
        G[self.free] -= G[self.free].mean(axis=1, keepdims=True)
        return G

    def __call__(
        self, W: Weights, gradient: Weights, decrement: float
    ) -> tuple[Weights, bool]:
        if self.whole is not None:
            return self.whole(W, gradient, decrement)
        self.inverse = self._average_inverse(W)
        step = np.zeros_like(W)
        residual = -gradient
        z = self.precondition(residual)
        direction = z
        rz = first = float(np.vdot(residual, z))
        # Loose far away; near the end as tight as the decrement, so that Newton's
        # quadratic convergence is kept, but no tighter than tol needs: a decrement of
        # a third of it will be left.
        near = min(decrement, np.sqrt(first))
        forcing = near if near < 1e-3 else min(0.25, np.sqrt(near))
        enough = max(forcing**2 * first, min(0.03**2 * first, (0.3 * self.tol) ** 2))
        for iteration in range(self.patience):
            if rz <= enough:
                return step, True
            product = self.objective.hessian_product(W, direction)
            curvature = float(np.vdot(direction, product))
            if curvature <= 0:
                return (direction if iteration == 0 else step), False
            length = rz / curvature
            step = step + length * direction
            residual = residual - length * product
            z = self.precondition(residual)
            rz, previous = float(np.vdot(residual, z)), rz
            direction = z + (rz / previous) * direction
        if W.size > FEW_COEFFICIENTS:
            return step, True
        self.whole = CholeskyStep(self.objective)
        return self.whole(W, gradient, decrement)
