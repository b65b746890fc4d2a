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

import numpy as np

from skxent.kernels.checks import ignore_overflow
from skxent.kernels.threads import one_blas_thread
from skxent.losses._loss import Loss
from skxent.optimize.objective import Objective
from skxent.optimize.proximal_newton import proximal_newton
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Columns, Weights
from skxent.optimize.solution import (
    Solution,
    SolverOptions,
    warn_unless_converged,
)
from skxent.optimize.solve import solve
from skxent.optimize.working_set import Minimum, WorkingSet, free_columns

# Penalties between two passes over X.
MAX_AHEAD = 8

# Columns that may join for penalties ahead: so many, or half as many as are in use.
MIN_JOINING = 128

# A predicted gradient of this share of the penalty lets a column join.
NEAR = 0.98


class PenaltyPath:
    """The minima for penalties that fall, each from where the last one ended."""

    def __init__(self, rows: TableRows, loss: Loss, options: SolverOptions) -> None:
        self.rows = rows
        self.options = options
        self.set: WorkingSet = WorkingSet(rows, loss, options)
        self.gradient: Weights = self.set.all_gradients([self.set.sums])[0]
        # The change of the gradient with the penalty, whose largest weight is `at`.
        self.trend: Weights = np.zeros_like(self.gradient)
        self.at: float = np.inf
        self.ahead: int = 1
        self.last: Solution | None = None  # without an L1 norm

    def entry(self, objective: Objective) -> float:
        """Return the multiple of the L1 norm at which a first coefficient enters."""
        self._begin(objective)
        assert objective.l1_weights is not None
        slopes = np.stack([-self.gradient.min(axis=1), self.gradient.max(axis=1)])
        weights = objective.l1_weights[:, : self.rows.n_features]
        share = np.zeros_like(weights)
        np.divide(slopes, weights, out=share, where=~free_columns(objective))
        return float(share.max(initial=0.0))

    def _begin(self, objective: Objective) -> None:
        """Minimise over the unpenalised coefficients, before the first penalty only."""
        free = free_columns(objective).any(axis=0)
        missing = np.setdiff1d(np.flatnonzero(free), self.set.index)
        if np.isinf(self.at) and (len(missing) or self.rows.offset is not None):
            self.set.add(missing.astype(np.intp), self.gradient)
            with one_blas_thread():
                self.set.minimise(objective)
            self.gradient = self.set.all_gradients([self.set.sums])[0]

    def run(self, objectives: Sequence[Objective]) -> Iterator[Solution]:
        """Yield the minimum for each penalty, and warn where it was not found.

        Those with `l1_weights` come first, the largest of them before the others.
        """
        left = list(objectives)
        while left:
            if left[0].l1_weights is None:
                yield self._smooth(left.pop(0))
                continue
            self._begin(left[0])
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
            minima.append(self.set.minimise(objective))
            if not minima[-1].reason:
                break
        found: list[Solution] = []
        gradients = self.set.all_gradients([minimum.sums for minimum in minima])
        reached = objectives[: len(minima)]  # the sweep may end before the last
        for objective, minimum, gradient in zip(
            reached, minima, gradients, strict=True
        ):
            missing = self._above(gradient, objective, 1 + self.options.tol)
            if minimum.reason and not len(missing):
                self._follow(gradient, objective)
                found.append(Solution(self.set.whole(minimum.W), *minimum[2:]))
                continue
            self.ahead = max(1, self.ahead // 2)
            self.gradient = gradient
            self.set.go_back(minimum)
            self.at = strength_of(objective)
            self.set.add(missing, gradient)
            if not minimum.reason:
                found.append(self._by_proximal_newton(objective))
            return found
        self.ahead = min(MAX_AHEAD, 2 * self.ahead)
        return found

    def _let_join(self, objectives: Sequence[Objective]) -> int:
        """Let columns join that may be in use soon; return for how many penalties."""
        room = max(MIN_JOINING, int(self.set.W.any(axis=1).sum()) // 2)
        joining: Columns = np.zeros(0, dtype=np.intp)
        reached = 0
        for count, objective in enumerate(objectives[: self.ahead]):
            predicted = self.gradient + self.trend * (strength_of(objective) - self.at)
            candidates = self._above(predicted, objective, NEAR)
            if count and len(candidates) > room:
                break
            joining, reached = candidates, count + 1
        self.set.add(joining, self.gradient)
        return reached

    def _above(self, gradient: Weights, objective: Objective, share: float) -> Columns:
        """Return which columns outside of the set exceed this share of the penalty."""
        assert objective.l1_weights is not None
        up, down = share * objective.l1_weights[:, : self.rows.n_features, np.newaxis]
        above = ((-gradient > up) | (gradient > down)).any(axis=1)
        d = len(above)
        above[self.set.index[self.set.index < d]] = False
        return np.flatnonzero(above).astype(np.intp)

    def _follow(self, gradient: Weights, objective: Objective) -> None:
        """Go on from the minimum for a penalty, with the gradient of all columns."""
        strength = strength_of(objective)
        if np.isfinite(self.at) and strength != self.at:
            self.trend = (gradient - self.gradient) / (strength - self.at)
        self.gradient, self.at = gradient, strength

    def _by_proximal_newton(self, objective: Objective) -> Solution:
        """Return the minimum that a slower and safer method finds, and go there."""
        start = self.set.whole(self.set.W)
        solution = proximal_newton(objective, start, self.options)
        used = np.flatnonzero(solution.weights[: self.rows.n_features].any(axis=1))
        self.set.add(np.setdiff1d(used, self.set.index), self.gradient)
        self.set.go_to(solution.weights)
        (gradient,) = self.set.all_gradients([self.set.sums])
        self._follow(gradient, objective)
        return solution

    def _smooth(self, objective: Objective) -> Solution:
        """Return the minimum without an L1 norm, from where the last one was."""
        last = self.last
        start = self.set.whole(self.set.W) if last is None else last.weights
        hessian = None if last is None else last.hessian
        objective = replace(objective, cached_hessian=hessian)
        options = replace(self.options, keep_hessian=True)
        self.last = solve(objective, start, options)
        return self.last


def strength_of(objective: Objective) -> float:
    """Return the largest weight of the L1 norm."""
    assert objective.l1_weights is not None
    finite = np.isfinite(objective.l1_weights)
    return float(objective.l1_weights.max(initial=0.0, where=finite))
