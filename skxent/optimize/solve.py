"""From an objective to its minimiser, by the solver that suits its size.

    newton-cholesky   factorise the whole Hessian: best while d K is small
    lbfgs             scaled by a diagonal, or by the Gram matrix of a sample where
                      columns depend on each other: the fewest passes over X
    newton-cg         preconditioned conjugate gradients: any size, any shape

All judge convergence by the Newton decrement δ = √(gᵀH⁻¹g), or an estimate of it. δ²/2
is the drop in the mean loss (nats) that is left, so it does not depend on how the
columns of X are scaled, and none needs scaled data.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skxent.losses._shipped import CrossEntropy
from skxent.optimize.convergence import (
    SEPARABLE,
    STOPPED,
    Solution,
    warn_unless_converged,
)
from skxent.optimize.l1 import proximal_newton
from skxent.optimize.lbfgs import lbfgs
from skxent.optimize.newton import Listener, Stopped, newton_cg, newton_cholesky
from skxent.optimize.problem import Problem, Weights

METHODS = {
    "newton-cholesky": newton_cholesky,
    "newton-cg": newton_cg,
    "lbfgs": lbfgs,
}
SOLVERS = tuple(METHODS)

# Newton-Cholesky pays while a step takes so few operations that calls cost more.
FEW_OPERATIONS = 3e6

# With so few rows a coefficient classes are nearly separable, and L-BFGS is slow. From
# 4 on it was the faster: 20000 x 500, 5 classes, in half the time.
# Losses that are not convex have plateaus there, which L-BFGS may end on.
FEW_ROWS, FEW_ROWS_NOT_CONVEX = 3, 6

# Iterations that L-BFGS gets before "auto" goes on with Newton-CG. It took 8 to 22 on
# data that are not nearly separable.
PATIENCE = 30

# The decrement at which cross-entropy has led a loss that is not convex near enough.
# From nearer focal loss ends in the same place, and losses with many minima in another,
# as often lower as higher.
START = 0.2


def choose_solver(objective: Problem) -> str:
    """The solver for the size of the problem."""
    size, m = objective.shape
    n, coefficients = objective.n_samples, size * m
    operations = n * size**2 * m * (m + 1) / 2 + coefficients**3 / 3
    # On a path a Hessian serves several fits.
    if operations <= FEW_OPERATIONS * (10 if objective.on_path else 1):
        return "newton-cholesky"
    # Only Newton's methods tell of a minimum that does not exist.
    few_rows = FEW_ROWS if objective.loss.convex else FEW_ROWS_NOT_CONVEX
    few = n <= few_rows * coefficients
    return "newton-cg" if few or objective.may_lack_minimum() else "lbfgs"


def at_best_shift(objective: Problem, W: Weights) -> Weights:
    """Return W with the shift of all outputs to which the penalty draws it.

    Newton's steps do not go along such a shift, and L-BFGS may have left it.
    """
    if not objective.shift_invariant or not W.any():
        return W
    d = objective.n_features
    return np.vstack([objective.best_shift(W[:d]), W[d:]])


def solve(
    objective: Problem,
    start: Weights,
    *,
    l1: float = 0.0,
    solver: str = "auto",
    tol: float = 1e-4,
    max_iter: int = 100,
    verbose: int = 0,
    listener: Listener | None = None,
) -> Solution:
    """Minimise f + l1 Σ|W_jk|; what is not convex from zero by way of cross-entropy.

    With l1 the proximal Newton method is the only solver.
    """
    loss = objective.loss
    try:
        if l1 > 0:
            solver = "proximal Newton"
            found = proximal_newton(
                objective, start, l1, tol, max_iter, verbose, listener
            )
        else:
            solver, found = _solve(
                objective,
                at_best_shift(objective, start),
                solver,
                tol,
                max_iter,
                verbose,
                listener,
            )
            found = replace(found, weights=at_best_shift(objective, found.weights))
    except Stopped as stop:
        value, _ = objective.value_gradient(stop.weights)
        return Solution(stop.weights, value, stop.n_iter, np.nan, False, STOPPED)
    finally:
        objective.loss = loss
    warn_unless_converged(solver, found, tol, "lower C")
    return found


def _solve(
    objective: Problem,
    start: Weights,
    solver: str,
    tol: float,
    max_iter: int,
    verbose: int,
    listener: Listener | None,
) -> tuple[str, Solution]:
    """The solver that came to the end, and how."""
    patience = max_iter
    if solver == "auto":
        solver = choose_solver(objective)
        patience = PATIENCE if solver == "lbfgs" else max_iter
    method = METHODS[solver]
    before = 0
    if not objective.loss.convex and not start.any() and max_iter > 1:
        # One iteration at least is for the loss itself.
        loss, objective.loss = objective.loss, CrossEntropy()
        most = min(patience, max_iter - 1)
        first = method(objective, start, max(tol, START), most, verbose, listener)
        objective.loss = loss
        start, before = first.weights, first.n_iter
        if patience < max_iter and not first.converged:
            solver, method, patience = "newton-cg", newton_cg, max_iter
    left = max_iter - before
    found = method(objective, start, tol, min(patience, left), verbose, listener)
    going = not found.converged and found.reason != SEPARABLE
    if going and found.n_iter < left:
        solver, before = "newton-cg", before + found.n_iter
        start = at_best_shift(objective, found.weights)
        found = newton_cg(objective, start, tol, left - found.n_iter, verbose, listener)
    return solver, replace(found, n_iter=before + found.n_iter)
