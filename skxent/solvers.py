"""From an objective to its minimiser: Newton's method, with two ways to a step.

    newton-cholesky   factorise the whole Hessian: best while d K is small
    newton-cg         preconditioned conjugate gradients: any size

Both judge convergence by the Newton decrement δ = √(gᵀH⁻¹g). δ²/2 is the drop in the
mean loss (nats) that the next step promises, so it does not depend on how the columns
of X are scaled, and none needs scaled data.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh
from sklearn.exceptions import ConvergenceWarning

from skxent.losses import CrossEntropy
from skxent.objective import LinearObjective, Weights

SOLVERS = ("newton-cholesky", "newton-cg")

# Wider than this, the preconditioner is a diagonal: a Gram matrix would not pay.
WIDE = 2000

# A Newton-CG step costs about this many passes over X.
CG_PASSES = 25

# Of a matrix with unit diagonal, pivots and eigenvalues below this may be rounding.
LOST = 1e-13

SEPARABLE = (
    "the objective falls on as the coefficients grow, as where X separates the "
    "classes: no minimum exists, or with a weak penalty one far away"
)

# Nats: a penalised objective below this means classes that X separates.
SEPARATED = 1e-6

Linear = Callable[[Weights], Weights]
Step = Callable[[Weights, Weights, float], tuple[Weights, bool]]


@dataclass(frozen=True)
class Solution:
    """Where a solver stopped, and why."""

    weights: Weights
    value: float
    n_iter: int
    decrement: float
    converged: bool
    reason: str


def choose_solver(objective: LinearObjective) -> str:
    """The method that needs fewer operations a step."""
    size, m = objective.shape
    n = objective.target.n_samples
    factorising = n * size**2 * m * (m + 1) / 2 + (size * m) ** 3 / 3
    iterating = CG_PASSES * 4 * n * size * m
    small = size * m <= 64
    return "newton-cholesky" if small or factorising < iterating else "newton-cg"


def solve(
    objective: LinearObjective,
    start: Weights,
    *,
    solver: str = "auto",
    tol: float = 1e-4,
    max_iter: int = 100,
    verbose: int = 0,
) -> Solution:
    """Minimise; a loss that is not convex from zero by way of cross-entropy."""
    if solver == "auto":
        solver = choose_solver(objective)
    step = CholeskyStep(objective) if solver == "newton-cholesky" else CGStep(objective)
    before = 0
    if not objective.loss.convex and not start.any() and max_iter > 1:
        # One iteration at least is for the loss itself.
        loss, objective.loss = objective.loss, CrossEntropy()
        first = newton(objective, start, step, max(tol, 1e-2), max_iter - 1, verbose)
        objective.loss = loss
        start, before = first.weights, first.n_iter
    found = newton(objective, start, step, tol, max_iter - before, verbose)
    found = replace(found, n_iter=before + found.n_iter)
    check_converged(solver, found, tol)
    return found


def check_converged(solver: str, found: Solution, tol: float) -> None:
    """Warn, in words for the user of an estimator, of a solver that gave up."""
    if found.converged:
        return
    advice = (
        "Lower C."
        if found.reason == SEPARABLE
        else "Increase max_iter, or lower C: "
        "classes that X separates have no minimum without a penalty."
    )
    warnings.warn(
        f"{solver} did not converge: {found.reason} ({found.n_iter}). "
        f"The decrement is {found.decrement:.2g}, tol is {tol:g}. {advice}",
        ConvergenceWarning,
        stacklevel=4,
    )


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
    objective: LinearObjective,
    start: Weights,
    find_step: Step,
    tol: float,
    max_iter: int,
    verbose: int = 0,
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
            # So near, a whole step is free precision: the error it leaves is O(δ²).
            unheld = objective.penalty == 0 or value < SEPARATED
            if unheld and no_minimum_near(
                lambda W: objective.value_gradient(W)[0],
                W,
                step,
                value,
                floor,
                decrement,
                previous,
            ):
                return Solution(W, value, iteration, decrement, False, SEPARABLE)
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
        W, value, gradient = candidate, new_value, new_gradient
    reason = "max_iter was reached"
    return Solution(W, value, max_iter, decrement, False, reason)


class Inverse:
    """The inverse of a symmetric matrix, scaled to a unit diagonal first.

    By Cholesky; where that breaks down by eigenvalues: those that may be rounding are
    raised to LOST, so that steps along collinear columns stay small, and of negative
    ones (focal loss) the size is taken, so that a Newton step descends. `positive`
    tells of them.
    """

    def __init__(self, matrix: Weights) -> None:
        if not np.isfinite(matrix).all():
            raise ValueError(
                "X, C and sample_weight must be of a size whose products are finite, "
                "got an infinite or undefined Hessian."
            )
        scale = np.sqrt(np.abs(np.diagonal(matrix)))
        scale[scale == 0] = 1.0
        self.scale = scale[:, np.newaxis]
        matrix = matrix / self.scale / scale
        self.positive = True
        self.factor = None
        try:
            factor = cho_factor(matrix, lower=True)
            if np.diagonal(factor[0]).min() ** 2 < LOST:
                raise LinAlgError
            self.factor = factor
        except LinAlgError:
            values, self.vectors = eigh(matrix)
            self.positive = bool(values[0] > -1e-8 * values[-1])
            size = np.abs(values)
            self.reciprocal = 1 / np.maximum(size, LOST * size.max())

    def __call__(self, G: Weights) -> Weights:
        """Inverse times the columns of G."""
        G = G / self.scale
        if self.factor is not None:
            return cho_solve(self.factor, G) / self.scale
        projected = self.reciprocal[:, np.newaxis] * (self.vectors.T @ G)
        return (self.vectors @ projected) / self.scale


class CholeskyStep:
    """-H⁻¹g with the whole Hessian.

    Softmax logits may all shift together; where no penalty holds that direction H is
    singular along it. H gets a ridge there alone, which moves nothing, for g has no
    part in it.
    """

    def __init__(self, objective: LinearObjective) -> None:
        self.objective = objective

    def __call__(
        self, W: Weights, gradient: Weights, decrement: float
    ) -> tuple[Weights, bool]:
        size, m = W.shape
        H = self.objective.hessian(W)
        if m > 1:
            per_output = H.reshape(m, size, m, size)
            shared = np.einsum("kiki->i", per_output) / m**2
            for i in range(size):
                per_output[:, i, :, i] += shared[i]
        inverse = Inverse(H)
        step = inverse(gradient.T.reshape(-1, 1)).reshape(m, size).T
        return -step, inverse.positive


class CGStep:
    """-H⁻¹g by conjugate gradients, truncated while the decrement is large.

    The preconditioner is the Hessian averaged over the outputs, or its diagonal where X
    is wide; formed anew for every step, for near the minimum of well separated classes
    most rows have no curvature left.
    """

    def __init__(self, objective: LinearObjective) -> None:
        self.objective = objective
        # Rows of W that no penalty holds: along a common shift H is singular there.
        free = slice(objective.n_features if objective.penalty else 0, None)
        self.free = free if objective.n_outputs > 1 else slice(0, 0)
        self.inverse: Linear

    def precondition(self, G: Weights) -> Weights:
        return self._centre(self.inverse(self._centre(G.copy())))

    def _centre(self, G: Weights) -> Weights:
        G[self.free] -= G[self.free].mean(axis=1, keepdims=True)
        return G

    def __call__(
        self, W: Weights, gradient: Weights, decrement: float
    ) -> tuple[Weights, bool]:
        if self.objective.n_features <= WIDE:
            self.inverse = Inverse(self.objective.curvature(W))
        else:
            diagonal = self.objective.curvature_diagonal(W)[:, np.newaxis]
            diagonal[diagonal == 0] = 1.0
            self.inverse = lambda G: G / diagonal
        step = np.zeros_like(W)
        residual = -gradient
        z = self.precondition(residual)
        direction = z
        rz = first = float(np.vdot(residual, z))
        # Loose far away; near the end as tight as the decrement, so that Newton's
        # quadratic convergence is kept and the last step leaves O(δ²).
        near = min(decrement, np.sqrt(first))
        forcing = near if near < 1e-3 else min(0.25, np.sqrt(near))
        for iteration in range(2 * W.size):
            if rz <= forcing**2 * first:
                break
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
        return step, True
