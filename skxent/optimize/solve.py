"""Minimise an objective by the solver that suits its size.

    newton-cholesky   factorise the whole Hessian: best while d K is small
    lbfgs             L-BFGS, scaled by a diagonal, or by the Gram matrix of a sample if
                      columns are correlated. A fit of a large table starts at the
                      minimum of a sample. Needs the fewest passes over X.
    newton-cg         preconditioned conjugate gradients: any size, any shape
    proximal Newton   where the penalty is not smooth

All judge convergence by the Newton decrement δ = √(gᵀH⁻¹g), or an estimate of it. δ²/2
is the drop in the mean loss (nats) that is left, so it does not depend on how the
columns of X are scaled, and none needs scaled data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from skxent.kernels.checks import ignore_overflow
from skxent.kernels.threads import one_blas_thread
from skxent.losses._shipped import SURROGATE
from skxent.optimize.cg import newton_cg
from skxent.optimize.cholesky import newton_cholesky
from skxent.optimize.independent import minimise_outputs
from skxent.optimize.lbfgs import lbfgs
from skxent.optimize.objective import Objective
from skxent.optimize.outputs import of_output, one_output, unsolved
from skxent.optimize.proximal_newton import proximal_newton
from skxent.optimize.rows.base import MAX_CACHED_WEIGHTS
from skxent.optimize.sample_start import sample_steps
from skxent.optimize.smooth import Weights
from skxent.optimize.solution import (
    CONVERGED,
    MAX_ITER,
    SEPARABLE,
    SMOOTH_START_TOL,
    STALLED,
    STOPPED,
    Solution,
    SolverOptions,
    Stopped,
    warn_unless_converged,
)

Method = Callable[[Objective, Weights, SolverOptions], Solution]
METHODS: dict[str, Method] = {
    "newton-cholesky": newton_cholesky,
    "newton-cg": newton_cg,
    "lbfgs": lbfgs,
}
SOLVERS = tuple(METHODS)

# With this many rows per coefficient or fewer, losses that are not convex have
# plateaus, on which L-BFGS may stop (benchmarks/bench_linear.py). If outputs have
# different penalties, as in a stream, L-BFGS misjudges the decrement.
FEW_ROWS = 6

# If columns of sparse X have fewer entries and W fits a cache, a pass takes less time
# than the vector operations of L-BFGS.
FEW_ENTRIES = 16

# Factors of few_operations: for a Hessian that several fits use, and where the other
# solver is Newton-CG.
KEPT_HESSIAN_FACTOR, HARD_FACTOR = 50, 5


def choose_solver(objective: Objective, options: SolverOptions) -> str:
    """Return the solver for the size of the problem.

    For a convex loss with a penalty, L-BFGS was the fastest at any number of rows per
    coefficient, except for small problems without a sample to start from, and for
    columns with very few entries (benchmarks/choice_of_solver.py).
    """
    size, m = objective.shape
    n, coefficients = objective.rows.n_samples, size * m
    operations = n * size**2 * m * (m + 1) / 2 + coefficients**3 / 3
    hard = (
        objective.uneven or not objective.loss.convex
    ) and n <= FEW_ROWS * coefficients
    hard |= objective.may_be_unbounded()
    factor = HARD_FACTOR if hard else 1
    if options.keep_hessian:
        factor = KEPT_HESSIAN_FACTOR
    elif sample_steps(objective) and not hard:
        factor = 0
    if operations <= factor * options.few_operations:
        return "newton-cholesky"
    empty = objective.rows.entries_per_column <= FEW_ENTRIES
    hard |= empty and coefficients <= MAX_CACHED_WEIGHTS
    return "newton-cg" if hard else "lbfgs"


def run(
    method: Method, objective: Objective, start: Weights, options: SolverOptions
) -> Solution:
    """Run a method while BLAS has one thread; a small Hessian needs no limit for that.

    The other methods multiply matrices by vectors, which BLAS does in threads earlier.
    """
    whole = method in (newton_cholesky, proximal_newton)
    with one_blas_thread(objective.operations if whole else None):
        return method(objective, start, options)


@ignore_overflow  # an overflow is reported where its result is used
def solve(
    objective: Objective,
    start: Weights,
    options: SolverOptions = SolverOptions(),
    solver: str = "auto",
) -> Solution:
    """Minimise the objective and warn if the solver did not converge.

    If `start` is zero, the intercepts start at the best constant, and a loss that is
    not convex starts from the cross-entropy fit. With a penalty that is not smooth,
    proximal Newton is the only solver.
    """
    of_kind = _each_output if objective.rows.independent else _of_any_penalty
    try:
        solver, solution = of_kind(objective, start, options, solver)
    except Stopped as stop:
        value = objective.at(stop.weights).value
        return Solution(stop.weights, value, stop.n_iter, np.nan, STOPPED)
    warn_unless_converged(solver, solution, options.tol, "lower C")
    return solution


def _each_output(
    objective: Objective, start: Weights, options: SolverOptions, solver: str
) -> tuple[str, Solution]:
    """Minimise independent outputs: together, and one by one what that leaves undone.

    Return the name of the solver, with the last label for which it did not converge.
    """
    found, callback = unsolved(objective, start), options.callback
    size, n = objective.shape[0], objective.rows.n_samples
    hard = not objective.loss.convex and n <= FEW_ROWS * size
    together = objective.smooth and solver == "auto" and not hard
    if together:
        with one_blas_thread(objective.operations):
            found = minimise_outputs(objective, start, options)
        solver = "lbfgs"
    W, values, decrement, n_iter, done = found
    reason, name = CONVERGED, solver
    for k in range(len(done)):
        left = options.max_iter - int(n_iter[k])
        if done[k] and not (left and objective.may_be_unbounded(values[k])):
            continue
        if not left:
            reason, name = MAX_ITER, f"{solver} of label {k}"
            continue
        tol = options.tol * float(np.sqrt(objective.rows.output_shares[k]))
        limits = replace(options, tol=tol, max_iter=left, keep_hessian=False)
        if callback is not None:
            limits = replace(limits, callback=of_output(callback, W, k))
        part = one_output(objective, k)
        used, solution = _of_any_penalty(
            part, W[:, [k]], limits, "auto" if together else solver
        )
        W[:, [k]] = solution.weights
        values[k], decrement[k] = solution.value, solution.decrement
        n_iter[k] += solution.n_iter
        if not solution.converged:
            reason, name = solution.reason, f"{used} of label {k}"
    sums = float(values.sum()), int(n_iter.max()), float(decrement.max())
    return name, Solution(W, *sums, reason)


def _of_any_penalty(
    objective: Objective, start: Weights, options: SolverOptions, solver: str
) -> tuple[str, Solution]:
    """Minimise by proximal Newton if the penalty is not smooth."""
    if not objective.smooth:
        return "proximal Newton", run(proximal_newton, objective, start, options)
    if start.any():
        start = objective.at_best_shift(start)
    used, solution = _in_use(objective, start, options, solver)
    left = options.max_iter - solution.n_iter
    if solution.reason != STALLED or not start.any() or left <= 0:
        return used, solution
    # Rows that the last fit saturates have no curvature, so no step leads away.
    cold = np.zeros_like(start)
    used, anew = _in_use(objective, cold, replace(options, max_iter=left), solver)
    best = min(anew, solution, key=lambda found: (not found.converged, found.value))
    return used, replace(best, n_iter=anew.n_iter + solution.n_iter)


def _in_use(
    objective: Objective, start: Weights, options: SolverOptions, solver: str
) -> tuple[str, Solution]:
    """Leave out columns of X that are empty, if they start where the penalty is least.

    They stay there.

    Return the name of the last solver that ran, and its solution.
    """
    at_rest = objective.penalty.is_least_at(start)
    columns = objective.rows.columns_in_use() if at_rest else None
    if columns is None:
        return _solve(objective, start, options, solver)
    index, callback = objective.rows_of(columns), options.callback

    def widened(W: Weights) -> Weights:
        whole = start.copy()
        whole[index] = W
        return whole

    if callback is not None:
        options = replace(options, callback=lambda W: callback(widened(W)))
    part = objective.renumbered(columns)
    solver, solution = _solve(part, start[index], options, solver)
    return solver, replace(solution, weights=widened(solution.weights))


def _solve(
    objective: Objective, start: Weights, options: SolverOptions, solver: str
) -> tuple[str, Solution]:
    """Run one solver, or several in turn."""
    max_iter = patience = options.max_iter
    auto = solver == "auto"
    if auto:
        solver = choose_solver(objective, options)
        patience = options.patience if solver == "lbfgs" else max_iter
    method, before, cold = METHODS[solver], 0, not start.any()
    if cold:
        start = objective.best_constant()
    if not objective.loss.convex and cold and max_iter > 1:
        # At least one iteration is left for the loss itself.
        easier = replace(objective, loss=SURROGATE)
        tol, limit = max(options.tol, SMOOTH_START_TOL), min(patience, max_iter - 1)
        limits = replace(options, tol=tol, max_iter=limit)
        first = run(method, easier, easier.best_constant(), limits)
        objective = replace(objective, cached_hessian=first.hessian)
        start, before = first.weights, first.n_iter
        if patience < max_iter and not first.converged:
            solver, method, patience = "newton-cg", newton_cg, max_iter
    left = max_iter - before
    limits = options
    if min(patience, left) < max_iter:
        limits = replace(options, max_iter=min(patience, left))
    solution = run(method, objective, start, limits)
    going = not solution.converged and solution.reason != SEPARABLE
    # Only Newton's methods detect that no minimum exists.
    if auto and method is lbfgs:
        going |= objective.may_be_unbounded(solution.value)
    if going and solution.n_iter < left:
        solver, before = "newton-cg", before + solution.n_iter
        start = objective.at_best_shift(solution.weights)
        options = replace(options, max_iter=left - solution.n_iter)
        solution = run(newton_cg, objective, start, options)
    return solver, replace(
        solution,
        weights=objective.at_best_shift(solution.weights),
        n_iter=before + solution.n_iter,
    )
