"""The fits of a grid on one fold, each of which starts where its neighbours end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.optimize.linear import LinearObjective
from skxent.optimize.problem import Weights
from skxent.optimize.solve import solve

Point = tuple[float, float, float]  # l1_ratio, the varied parameter, C

# Extrapolate with weights of such a sum of sizes: it amplifies errors as much.
MOST_AMPLIFIED = 15.0


class Path:
    """The fits on one fold, each of which starts where its neighbours end.

    For each l1_ratio and value of the varied parameter there is one objective, of which
    C changes the penalty alone.
    """

    def __init__(self, model: Any, train: tuple[Any, Any, Any]) -> None:
        self.model = model
        self.X, self.y, self.weights = train
        model.n_features_in_ = self.X.shape[1]
        self.at: tuple[float, ...] = ()  # the l1_ratio and the value of `objective`
        self.rows: dict[float, list[Weights]] = {}  # of each value at this l1_ratio

    def fit(self, point: Point) -> int:
        """Fit the model, whose parameters are of this point; return the iterations."""
        model = self.model
        if point[:2] != self.at:
            self._begin_row(point)
        self.objective.penalty = self.unit / model.C
        start = self.surface.start(self.row)
        self.row.append(start)  # where the next one starts if this one fails
        solution = solve(
            self.objective,
            start,
            l1=model.l1_ratio / (model.C * self.objective.given_weight),
            solver=model.solver,
            tol=float(model.tol),
            max_iter=int(model.max_iter),
            verbose=int(model.verbose),
        )
        self.row[-1] = solution.weights
        model._keep(self.objective, solution.weights)
        return int(solution.n_iter)

    def _begin_row(self, point: Point) -> None:
        model, C = self.model, point[2]
        target = model._target(self.X, self.y, self.weights)
        model.C = 1.0
        self.objective = LinearObjective(self.X, target, **model._settings())
        self.objective.on_path = True
        self.unit, model.C = self.objective.penalty, C
        if point[:1] != self.at[:1]:
            self.rows = {}
        self.at, value = point[:2], point[1]
        self.surface = Surface(self.rows, value, self.objective.shape)
        self.row = self.rows[value] = []


class Surface:
    """Where the fits at a new value of the varied parameter are expected to end.

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
            if np.abs(share).sum() <= MOST_AMPLIFIED:
                paths = zip(*(rows[v] for v in known), strict=True)
                self.expected = [np.tensordot(share, path, 1) for path in paths]
                return

    def start(self, row: list[Weights]) -> Weights:
        """For the fit after those of `row`."""
        i = len(row)
        if not self.expected:
            return row[-1] if row else self.zero
        if not row:
            return self.expected[0]
        return row[-1] + self.expected[i] - self.expected[i - 1]


def extrapolation(known: NDArray[np.float64], x: float) -> NDArray[np.float64]:
    """Lagrange's weights of the values at `known` in the polynomial's value at x."""
    others = known[:, np.newaxis] != known
    ratio = np.ones_like(others, dtype=np.float64)
    gap = known[:, np.newaxis] - known
    np.divide(x - known, gap, out=ratio, where=others)
    return ratio.prod(axis=1)
