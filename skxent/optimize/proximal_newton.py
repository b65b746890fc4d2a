"""Penalties that are not smooth: proximal Newton on a growing set of columns.

    F(W) = f(W) + g(W),  f the objective, g what is not smooth: λ Σ_jk |W_jk|, say

Columns outside the working set have W_j = 0 and, for an L1 penalty, |∂f/∂W_j| <= λ, or
are the next to join. On the set, f is replaced by its quadratic model, and the model
with g minimised by coordinate descent, which keeps exact zeros. As in `solve.py` the
decrement δ judges convergence: δ²/2 is the drop of F (nats) that the model promises.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skxent.losses._shipped import SURROGATE
from skxent.optimize.columns_model import model_of
from skxent.optimize.newton import backtrack, is_unbounded_along
from skxent.optimize.objective import Objective
from skxent.optimize.smooth import Columns, Point, Weights, rounding_error
from skxent.optimize.solution import (
    CONVERGED,
    MAX_ITER,
    ROUNDING,
    SEPARABLE,
    STALLED,
    Solution,
    SolverOptions,
)

# The first working set; below this many columns it is all of them.
FIRST_COLUMNS = 128

# How accurately a model is minimised, far from the end and near: the change of the last
# sweep to that of the first. And the same for what is left of the last one, where the
# whole Hessian makes it cheap.
FAR_ACCURACY, NEAR_ACCURACY, LAST_ACCURACY = 0.1, 1e-3, 1e-2

# A step along a Newton direction that is shorter is given up for a damped one.
SHORTEST_UNDAMPED = 0.1

# The least and the largest damping, and the factor between two.
MIN_DAMPING, MAX_DAMPING, DAMPING_FACTOR = 1e-3, 10, 10

# The tolerance of the cross-entropy fit whose solution is the start for a loss that is
# not convex.
PROXIMAL_START_TOL = 1e-2

# Fits whose Hessian takes at most this many operations, a fraction of a millisecond, go
# on to a smaller tolerance for a few iterations. With few rows and a large C, `tol`
# leaves too few digits of a prediction for a comparison of weighted rows
# with repeated ones.
SMALL_OPERATIONS, FINISH_TOL, FINISH_ITER = 5e5, 1e-8, 20


def proximal_newton(
    objective: Objective, start: Weights, options: SolverOptions
) -> Solution:
    """Minimise F by proximal Newton.

    A loss that is not convex starts from the cross-entropy fit if `start` is zero.
    Small fits become more accurate than tol.
    """
    path, start = ProximalNewton(options), objective.feasible(start)
    if not objective.loss.convex and not start.any() and options.max_iter > 1:
        easier = replace(objective, loss=SURROGATE)
        tol = max(options.tol, PROXIMAL_START_TOL)
        start = path.run(easier, start, tol, options.max_iter - 1).weights
    found = path.run(objective, start, options.tol, options.max_iter)
    last = min(options.max_iter, path.n_iter + FINISH_ITER)
    exact = found.decrement <= FINISH_TOL or path.n_iter >= last
    if found.reason != CONVERGED or exact or not is_small(objective):
        return found
    finish = path.run(objective, found.weights, FINISH_TOL, last)
    return replace(finish, reason=CONVERGED)


def is_small(objective: Objective) -> bool:
    """Return True if a Newton step takes no longer than what else a fit does."""
    size, m = objective.shape
    operations = objective.rows.n_samples * size**2 * m * (m + 1) / 2
    return operations <= SMALL_OPERATIONS


def working_set(objective: Objective, point: Point, room: int) -> tuple[Columns, int]:
    """Return the working set, and the number of candidate columns that are left out.

    It has all columns with nonzero weights, or without an L1 penalty, and those
    candidates whose weights a proximal step of length one changes most. A candidate is
    a zero column that the step makes nonzero.
    """
    d = objective.rows.n_features
    if d <= FIRST_COLUMNS:
        return np.arange(d), 0
    used = point.W[:d].any(axis=1) | objective.smooth_columns
    excess = np.abs(objective.proximal_step(point)[:d]).max(axis=1)
    excess[used] = 0
    candidates = np.flatnonzero(excess > 0)
    count = min(len(candidates), max(room - int(used.sum()), room // 2))
    chosen = candidates
    if count < len(candidates):
        chosen = candidates[np.argpartition(-excess[candidates], count)[:count]]
    columns = np.sort(np.concatenate([np.flatnonzero(used), chosen]))
    return columns.astype(np.intp), len(candidates) - count


class ProximalNewton:
    """Newton steps on working sets; n_iter counts on from run to run."""

    def __init__(self, options: SolverOptions) -> None:
        self.options = options
        self.n_iter: int = 0
        self.decrement: float = np.inf

    def run(
        self, objective: Objective, W: Weights, tol: float, max_iter: int
    ) -> Solution:
        """Minimise F until the decrement is at most tol."""
        rows = objective.rows
        d = rows.n_features
        if rows.fit_intercept and not W.any():
            W = W.copy()
            W[d:] = rows.best_intercepts(objective.loss)
        # A sweep over sparse columns costs no more than a gradient: all may join.
        room = d if rows.sparse else FIRST_COLUMNS
        while True:
            point = objective.composite_at(W)
            columns, left = working_set(objective, point, room)
            whole = len(columns) == d
            index = np.append(columns, np.arange(d, len(W)))
            part = objective if whole else objective.restricted(columns)
            start = Point(W[index], point.value, point.gradient[index])
            begin = self.n_iter
            solution = self.descend(part, start, tol, max_iter)
            W = np.zeros_like(W)
            W[index] = solution.weights
            if self.options.callback is not None:
                self.options.callback(W)
            first = self.n_iter == begin + 1
            done = solution.decrement <= tol and (whole or (first and not left))
            reason = solution.reason or (CONVERGED if done else "")
            if reason:
                return replace(solution, weights=W, n_iter=self.n_iter, reason=reason)
            room = d if left and first else max(room, 2 * len(columns))

    def descend(
        self, objective: Objective, point: Point, tol: float, max_iter: int
    ) -> Solution:
        """Make Newton steps until the decrement is a tenth of the first, or tol.

        The reason is empty if nothing prevents further steps.
        """
        at = objective.composite_at
        model = model_of(objective, self.options.max_hessian)
        tolerance, previous, damping = tol, np.inf, 0.0
        while True:
            self.n_iter += 1
            model.expand(point.W, damping)
            before = self.decrement
            accuracy = min(FAR_ACCURACY, max(NEAR_ACCURACY, before))
            end, slope = model.minimise(point.W, point.gradient, accuracy)
            step = end - point.W
            descent = float(np.vdot(point.gradient, step))
            descent += objective.nonsmooth_value(end)
            descent -= objective.nonsmooth_value(point.W)
            promised = -descent - 0.5 * float(np.vdot(slope - point.gradient, step))
            decrement = self.decrement = float(np.sqrt(max(2 * promised, 0.0)))
            self._print(objective, point)
            W, value = point.W, point.value
            floor = rounding_error(objective.dtype, value)
            if damping and decrement <= tol:
                damping = 0.0
                continue
            if decrement <= tol:
                if objective.may_be_unbounded(value) and is_unbounded_along(
                    lambda W: at(objective.feasible(W)),
                    *(point, step, floor, decrement, before),
                ):
                    return Solution(W, value, 0, decrement, SEPARABLE)
                # So near, a whole step is free precision, if it minimises the model.
                if model.cheap_sweeps:
                    end, _ = model.minimise(end, slope, LAST_ACCURACY)
                if 2 * decrement > before and at(end).value > value:
                    end, promised = W, 0.0
                return Solution(end, value - promised, 0, decrement, "")
            if decrement**2 <= floor and decrement > 0.5 * previous:
                return Solution(W, value, 0, decrement, ROUNDING)
            if self.n_iter >= max_iter:
                return Solution(W, value, 0, decrement, MAX_ITER)
            tolerance = max(tolerance, 0.1 * decrement)
            previous = decrement
            taken = backtrack(at, point, end, descent, floor, SHORTEST_UNDAMPED)
            if taken is None:
                # Rows that are saturated on the wrong side have a slope, no curvature.
                damping = max(MIN_DAMPING, DAMPING_FACTOR * damping)
                if damping <= MAX_DAMPING:
                    continue
                return Solution(W, value, 0, decrement, STALLED)
            length, point = taken
            if length == 1:
                damping = damping / DAMPING_FACTOR if damping > MIN_DAMPING else 0.0
            if decrement <= tolerance:
                return Solution(point.W, point.value, 0, decrement, "")

    def _print(self, objective: Objective, point: Point) -> None:
        if self.options.verbose:
            d = objective.rows.n_features
            print(
                f"Iteration {self.n_iter:3d}: objective {point.value:.12g}, "
                f"decrement {self.decrement:.3g}, columns {d}, "
                f"in use {np.count_nonzero(point.W[:d].any(axis=1))}"
            )
