"""The fits on one fold, each of which starts where its neighbours end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.linear_model._data import LinearData
from skxent.linear_model._training import (
    EncodedTarget,
    encode_target,
    fitted_attributes,
    objective_of,
    options_of,
    table_of,
)
from skxent.optimize.objective import Objective
from skxent.optimize.path import PenaltyPath
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Weights
from skxent.optimize.solution import Solution
from skxent.optimize.solve import choose_solver, solve

GridPoint = tuple[float, float, float]  # l1_ratio, the varied parameter, C

# Extrapolate with weights of such a sum of sizes: it amplifies errors as much.
MAX_AMPLIFIED = 15.0


class Path:
    """The fits on one fold, each of which starts where its neighbours end.

    For each l1_ratio and value of the varied parameter C changes the penalty alone.
    `tol` replaces a smaller tolerance of a model in fits by L-BFGS and Newton-CG.
    """

    rows: TableRows
    encoded: EncodedTarget
    warm_start: WarmStart

    def __init__(
        self, train: LinearData, points: Sequence[GridPoint], tol: float | None = None
    ) -> None:
        self.train = train
        self.points = points
        self.tol = tol or 0.0
        self.sparse: Iterator[Solution] | None = None  # with an L1 penalty
        self.at: tuple[float, ...] = ()  # the l1_ratio and the value of `rows`
        self.row: list[Weights] = []  # the solutions there
        self.hessian: Weights | None = None  # of the rows, at the last of them
        self.known: dict[float, list[Weights]] = {}  # of each value at this l1_ratio

    def fit(self, point: GridPoint, model: Any) -> tuple[int, float]:
        """Fit the model of a point; return its iterations and Newton decrement."""
        if point[:2] != self.at:
            self._begin_row(model, point)
        objective = objective_of(model, self.rows, self.encoded.trained)
        if self.sparse is None:
            solution = self._solve(objective, model)
        else:
            at, self.at = self.at, ()  # a path that fails begins anew
            solution = next(self.sparse)
            self.at = at
        attributes = fitted_attributes(objective, solution.weights)
        model.__dict__.update(self.encoded.attributes | attributes)
        return int(solution.n_iter), float(solution.decrement)

    def _solve(self, objective: Objective, model: Any) -> Solution:
        """Return the minimum of a smooth objective."""
        start = self.warm_start.weights(self.row)
        self.row.append(start)  # where the next one starts if this one fails
        options = replace(options_of(model), keep_hessian=True)
        solver = model.solver
        if solver == "auto":
            solver = choose_solver(objective, options)
        # Newton-Cholesky converges quadratically: a larger tol would save little.
        if solver != "newton-cholesky":
            options = replace(options, tol=max(options.tol, self.tol))
        objective = replace(objective, cached_hessian=self.hessian)
        solution = solve(objective, start, options, model.solver)
        self.row[-1] = solution.weights
        if solution.hessian is not None:
            self.hessian = solution.hessian
        return solution

    def _begin_row(self, model: Any, point: GridPoint) -> None:
        self.encoded = encode_target(model, self.train)
        self.rows = table_of(model, self.train, self.encoded)
        self.hessian = None
        if point[:1] != self.at[:1]:
            self.known = {}
        self.at, value = point[:2], point[1]
        self.warm_start = WarmStart(self.known, value, self.rows.shape)
        self.row = self.known[value] = []
        by_path = point[0] > 0 and not self.rows.independent
        self.sparse = self._sparse(model, point) if by_path else None

    def _sparse(self, model: Any, point: GridPoint) -> Iterator[Solution]:
        """Return the minima from this point on, where there is an L1 penalty."""
        trained = self.encoded.trained
        left = [other for other in self.points if other[:2] == self.at]
        models = [replace(model, C=C) for *_, C in left if point[2] <= C]
        objectives = [objective_of(m, self.rows, trained) for m in models]
        path = PenaltyPath(self.rows, trained.loss, options_of(model))
        return path.run(objectives)


class WarmStart:
    """Predicted solutions at a new value of the varied parameter.

    At each C the polynomial in log(1 + value) through the fits at the last three
    values; the path along C keeps the distance to it that it has so far.
    """

    def __init__(
        self, rows: dict[float, list[Weights]], value: float, shape: tuple[int, int]
    ) -> None:
        self.expected: list[Weights] = []
        self.zero = np.zeros(shape)
        for order in range(min(3, len(rows)), 0, -1):
            known = list(rows)[-order:]
            share = extrapolation(np.log1p(known), np.log1p(value))
            # Values close to each other tell nothing of one far away.
            if np.abs(share).sum() <= MAX_AMPLIFIED:
                paths = zip(*(rows[v] for v in known), strict=True)
                self.expected = [np.tensordot(share, path, 1) for path in paths]
                return

    def weights(self, row: list[Weights]) -> Weights:
        """Return where the fit after those of `row` starts."""
        i = len(row)
        if not self.expected:
            return row[-1] if row else self.zero
        if not row:
            return self.expected[0]
        return row[-1] + self.expected[i] - self.expected[i - 1]


def extrapolation(known: NDArray[np.float64], x: float) -> NDArray[np.float64]:
    """Return the weights of values at `known` in their polynomial's value at x."""
    others = known[:, np.newaxis] != known
    ratio = np.ones_like(others, dtype=np.float64)
    gap = known[:, np.newaxis] - known
    np.divide(x - known, gap, out=ratio, where=others)
    return ratio.prod(axis=1)
