"""The columns of X on which a path of L1 penalties seeks its minima."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxent.losses._loss import Loss
from skxent.optimize.kept_models import KeptColumns, KeptHessian
from skxent.optimize.newton import backtrack, is_unbounded_along
from skxent.optimize.objective import Objective
from skxent.optimize.penalty import SEPARATED
from skxent.optimize.proximal_newton import FAR_ACCURACY, NEAR_ACCURACY
from skxent.optimize.rows.columns import Sums, WorkingColumns
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Columns, Point, Weights, rounding_error
from skxent.optimize.solution import CONVERGED, ROUNDING, SolverOptions

# The Hessian is computed again after a step that leaves this share of the decrement.
SLOW = 0.5

# With more coefficients, or if a step must be shorter, a slower but safer method
# takes over.
MAX_KEPT, SHORTEST = 20_000, 0.1

# With more coefficients, coordinate descent reads sparse columns, not their Hessian.
MAX_SPARSE_KEPT = 300


class Minimum(NamedTuple):
    """The minimum on the working set; an empty reason if it was not found."""

    W: Weights
    sums: Sums
    value: float
    n_iter: int
    decrement: float
    reason: str


class WorkingSet:
    """Columns whose weights may differ from zero, and these weights."""

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

    @property
    def index(self) -> Columns:
        """Return which rows of all weights are those of the set."""
        return self.columns.index

    def add(self, columns: Columns, gradient: Weights) -> None:
        """Add columns, whose weights are zero; gradient (d, m): that of all columns."""
        if len(columns):
            self.columns.add(columns)
            zeros = np.zeros((len(columns), self.W.shape[1]))
            self.W = np.append(self.W, zeros, axis=0)
            joined = np.append(self.sums.gradient, gradient[columns], axis=0)
            self.sums = self.sums._replace(gradient=joined)

    def go_to(self, W: Weights) -> None:
        """Set the weights to those of all columns, which are zero elsewhere."""
        self.W = W[self.index]
        self.sums = self.columns.sums(self.loss, self.W)

    def go_back(self, minimum: Minimum) -> None:
        """Return to a minimum since which no column was added."""
        self.W, self.sums = minimum.W, minimum.sums

    def whole(self, W: Weights) -> Weights:
        """Return weights of all columns, from those of the first of the set."""
        result = np.zeros(self.rows.shape)
        result[self.index[: len(W)]] = W
        return result

    def all_gradients(self, every: Sequence[Sums]) -> list[Weights]:
        """Return gradients of all columns, each (d, m), computed in one pass."""
        d, m = self.rows.n_features, self.rows.n_outputs
        if len(self.index) == self.rows.shape[0]:
            order = np.argsort(self.index)[:d]
            return [sums.gradient[order] for sums in every]
        slopes = np.hstack([sums.slope for sums in every])
        together = self.rows.column_sums(slopes)
        return [together[:, k : k + m] for k in range(0, len(every) * m, m)]

    def minimise(self, objective: Objective) -> Minimum:
        """Return the minimum on the set, and go there."""
        part = objective.restricted_penalty(self.index)

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
        if point.value < SEPARATED or self.W.size > MAX_KEPT:
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
            before = self.sums
            if decrement <= self.options.tol:
                reason = CONVERGED
                if part.may_be_unbounded(point.value) and is_unbounded_along(
                    lambda W: at(part.prox(W, 0.0)),
                    *(point, step, floor, decrement, previous),
                ):
                    reason = ""
                self.sums = before
                return found(reason)
            if not fresh and decrement > SLOW * previous:
                model.forget()
                previous = np.inf
                continue
            if decrement**2 <= floor and decrement > 0.5 * previous:
                return found(ROUNDING)
            previous = decrement
            taken = backtrack(at, point, end, descent, floor, SHORTEST)
            if taken is None:
                self.sums = before
                if fresh:
                    break
                model.forget()
                continue
            _, point = taken
        return found("")


def free_columns(objective: Objective) -> NDArray[np.bool_]:
    """Return (2, d): whether columns have no L1 penalty below and above zero."""
    assert objective.l1_weights is not None
    return np.asarray(objective.l1_weights[:, : objective.rows.n_features] == 0)
