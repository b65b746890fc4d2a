"""Paths: the minima for a sequence of L1 penalties that fall.

    F_k(W) = f(W) + penalty_k(W),  k = 1, 2, ...

All of X is read once for several penalties together. Between two such passes the minima
are sought on a working set: the columns whose gradients, extrapolated along the path,
may reach the smallest of these penalties. The pass finds the gradients of all columns
at all of these minima (the KKT conditions), and the path goes on from the first minimum
that another column should have joined. Columns do not leave the set (Larsson and Wallin
2022, arXiv 2104.13026, screen by such predictions).

Minimising the quadratic model from the last minimum with the next penalty is a step
along the path, to first order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skxent.kernels.checks import ignore_overflow
from skxent.kernels.threads import one_blas_thread
from skxent.losses._loss import Loss
from skxent.optimize.kept_models import KeptColumns, KeptHessian
from skxent.optimize.newton import backtrack
from skxent.optimize.objective import Objective
from skxent.optimize.proximal_newton import (
    FAR_ACCURACY,
    NEAR_ACCURACY,
    proximal_newton,
)
from skxent.optimize.rows.columns import Sums, WorkingColumns
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Columns, Point, Weights, rounding_error
from skxent.optimize.solution import (
    CONVERGED,
    ROUNDING,
    Solution,
    SolverOptions,
    warn_unless_converged,
)
from skxent.optimize.solve import solve

# Penalties between two passes over X.
MAX_AHEAD = 8

# Columns that may join for penalties ahead: so many, or half as many as are in use.
MIN_JOINING = 128

# A predicted gradient of this share of the penalty lets a column join.
NEAR = 0.98

# The Hessian is made anew where a step leaves this much of the decrement.
SLOW = 0.5

# Coefficients of a working set, and the shortest step that is not given up for a slower
# but safer method.
MAX_KEPT, SHORTEST = 20_000, 0.1

# Beyond so many coefficients sparse columns are swept themselves, not their Hessian.
MAX_SPARSE_KEPT = 300


class Minimum(NamedTuple):
    """The minimum on the working set; an empty reason if it was not found."""

    W: Weights
    sums: Sums
    value: float
    n_iter: int
    decrement: float
    reason: str


class PenaltyPath:
    """The minima for penalties that fall, each from where the last one ended."""

    def __init__(self, rows: TableRows, loss: Loss, options: SolverOptions) -> None:
        self.rows = rows
        self.loss = loss
        self.options = options
        self.columns: WorkingColumns = WorkingColumns(rows)
        self.models: tuple[KeptHessian, KeptColumns] = (
            KeptHessian(self.columns, loss),
            KeptColumns(self.columns, loss),
        )
        constant = np.array(rows.best_intercepts(loss)[np.newaxis], dtype=np.float64)
        self.W: Weights = constant[: int(rows.fit_intercept)]
        self.sums: Sums = self.columns.sums(loss, self.W)
        self.gradient: Weights = self._all_gradients([self.sums])[0]
        # How the gradient changes with the penalty, whose largest weight is `at`.
        self.trend: Weights = np.zeros_like(self.gradient)
        self.at: float = np.inf
        self.ahead: int = 1
        self.last: Solution | None = None  # without an L1 norm

    @property
    def first_strength(self) -> float:
        """Return the weight of the L1 norm at which the first coefficient enters."""
        return float(np.abs(self.gradient).max(initial=0.0))

    def run(self, objectives: Sequence[Objective]) -> Iterator[Solution]:
        """Yield the minimum for each penalty, and warn where it was not found.

        Those with `l1_weights` come first, the largest of them before the others.
        """
        left = list(objectives)
        while left:
            if left[0].l1_weights is None:
                yield self._smooth(left.pop(0))
                continue
            with one_blas_thread():
                found = self._advance(left)
            left = left[len(found) :]
            for solution in found:
                if self.options.verbose:
                    print(
                        f"Objective {solution.value:.12g}, decrement "
                        f"{solution.decrement:.3g}, iterations {solution.n_iter}, "
                        f"in use {np.count_nonzero(solution.weights.any(axis=1))}"
                    )
                warn_unless_converged(
                    "proximal Newton", solution, self.options.tol, "lower C"
                )
                yield solution

    @ignore_overflow
    def _advance(self, objectives: Sequence[Objective]) -> list[Solution]:
        """Return the minima for the first of these penalties, if none is missing."""
        minima: list[Minimum] = []
        smooth = [objective.l1_weights is None for objective in objectives]
        count = smooth.index(True) if True in smooth else len(smooth)
        for objective in objectives[: self._let_join(objectives[:count])]:
            minima.append(self._minimise(objective))
            if not minima[-1].reason:
                break
        found: list[Solution] = []
        gradients = self._all_gradients([minimum.sums for minimum in minima])
        reached = objectives[: len(minima)]  # the sweep may end before the last
        for objective, minimum, gradient in zip(
            reached, minima, gradients, strict=True
        ):
            missing = self._above(gradient, objective, 1 + self.options.tol)
            if minimum.reason and not len(missing):
                self._follow(gradient, objective)
                found.append(Solution(self._whole(minimum.W), *minimum[2:]))
                continue
            self.ahead = max(1, self.ahead // 2)
            self.W, self.sums, self.gradient = minimum.W, minimum.sums, gradient
            self.at = strength_of(objective)
            self._add(missing)
            if not minimum.reason:
                found.append(self._by_proximal_newton(objective))
            return found
        self.ahead = min(MAX_AHEAD, 2 * self.ahead)
        return found

    def _let_join(self, objectives: Sequence[Objective]) -> int:
        """Let columns join that may be in use soon; return for how many penalties."""
        room = max(MIN_JOINING, int(self.W.any(axis=1).sum()) // 2)
        joining: Columns = np.zeros(0, dtype=np.intp)
        reached = 0
        for count, objective in enumerate(objectives[: self.ahead]):
            predicted = self.gradient + self.trend * (strength_of(objective) - self.at)
            candidates = self._above(predicted, objective, NEAR)
            if count and len(candidates) > room:
                break
            joining, reached = candidates, count + 1
        self._add(joining)
        return reached

    def _above(self, gradient: Weights, objective: Objective, share: float) -> Columns:
        """Return which columns outside of the set exceed this share of the penalty."""
        assert objective.l1_weights is not None
        up, down = share * objective.l1_weights[:, : self.rows.n_features, np.newaxis]
        above = ((-gradient > up) | (gradient > down)).any(axis=1)
        d = len(above)
        above[self.columns.index[self.columns.index < d]] = False
        return np.flatnonzero(above).astype(np.intp)

    def _add(self, columns: Columns) -> None:
        if len(columns):
            self.columns.add(columns)
            self.W = np.append(
                self.W, np.zeros((len(columns), self.W.shape[1])), axis=0
            )
            gradient = np.append(self.sums.gradient, self.gradient[columns], axis=0)
            self.sums = self.sums._replace(gradient=gradient)

    def _follow(self, gradient: Weights, objective: Objective) -> None:
        """Go on from the minimum for a penalty, with the gradient of all columns."""
        strength = strength_of(objective)
        if np.isfinite(self.at) and strength != self.at:
            self.trend = (gradient - self.gradient) / (strength - self.at)
        self.gradient, self.at = gradient, strength

    def _all_gradients(self, every: Sequence[Sums]) -> list[Weights]:
        """Return the gradients of all columns, (d, m), of which one pass finds many."""
        d, m = self.rows.n_features, self.rows.n_outputs
        if len(self.columns.index) == self.rows.shape[0]:
            order = np.argsort(self.columns.index)[:d]
            return [sums.gradient[order] for sums in every]
        slopes = np.hstack([sums.slope for sums in every])
        together = self.rows.column_sums(slopes)
        return [together[:, k : k + m] for k in range(0, len(every) * m, m)]

    def _minimise(self, objective: Objective) -> Minimum:
        """Return the minimum on the working set, and go there."""
        part = objective.restricted_penalty(self.columns.index)

        def point_of(W: Weights, sums: Sums) -> Point:
            value, pull = part.value_gradient(W)
            value += sums.value + part.nonsmooth_value(W)
            return Point(W, value, sums.gradient + pull)

        def at(W: Weights) -> Point:
            self.sums = self.columns.sums(self.loss, W)
            return point_of(W, self.sums)

        def found(reason: str) -> Minimum:
            self.W = point.W
            value = point.value
            return Minimum(point.W, self.sums, value, n_iter, decrement, reason)

        point, previous = point_of(self.W, self.sums), np.inf
        by_columns = self.rows.sparse and self.W.size > MAX_SPARSE_KEPT
        model = self.models[by_columns]
        n_iter, decrement = 0, np.inf
        if part.may_be_unbounded(point.value) or self.W.size > MAX_KEPT:
            return found("")
        while n_iter < self.options.max_iter:
            n_iter += 1
            accuracy = min(FAR_ACCURACY, max(NEAR_ACCURACY, previous))
            fresh = model.expand_with(point.W, part)
            end, slope = model.minimise(point.W, point.gradient, accuracy)
            step = end - point.W
            descent = float(np.vdot(point.gradient, step))
            descent += part.nonsmooth_value(end) - part.nonsmooth_value(point.W)
            promised = -descent - 0.5 * float(np.vdot(slope - point.gradient, step))
            decrement = float(np.sqrt(max(2 * promised, 0.0)))
            floor = rounding_error(self.rows.dtype, point.value)
            if decrement <= self.options.tol:
                return found(CONVERGED)
            if not fresh and decrement > SLOW * previous:
                model.forget()
                previous = np.inf
                continue
            if decrement**2 <= floor and decrement > 0.5 * previous:
                return found(ROUNDING)
            previous, before = decrement, self.sums
            taken = backtrack(at, point, end, descent, floor, SHORTEST)
            if taken is None:
                self.sums = before
                if fresh:
                    break
                model.forget()
                continue
            _, point = taken
        return found("")

    def _by_proximal_newton(self, objective: Objective) -> Solution:
        """Return the minimum that a slower and safer method finds, and go there."""
        solution = proximal_newton(objective, self._whole(self.W), self.options)
        used = np.flatnonzero(solution.weights[: self.rows.n_features].any(axis=1))
        self._add(np.setdiff1d(used, self.columns.index))
        self.W = solution.weights[self.columns.index]
        self.sums = self.columns.sums(self.loss, self.W)
        (gradient,) = self._all_gradients([self.sums])
        self._follow(gradient, objective)
        return solution

    def _smooth(self, objective: Objective) -> Solution:
        """Return the minimum without an L1 norm, from where the last one was."""
        last = self.last
        start = self._whole(self.W) if last is None else last.weights
        hessian = None if last is None else last.hessian
        objective = replace(objective, cached_hessian=hessian)
        options = replace(self.options, keep_hessian=True)
        self.last = solve(objective, start, options)
        return self.last

    def _whole(self, W: Weights) -> Weights:
        """Return weights of all columns, from those of the first of the set."""
        result = np.zeros(self.rows.shape)
        result[self.columns.index[: len(W)]] = W
        return result


def strength_of(objective: Objective) -> float:
    """Return the largest weight of the L1 norm."""
    assert objective.l1_weights is not None
    finite = np.isfinite(objective.l1_weights)
    return float(objective.l1_weights.max(initial=0.0, where=finite))
