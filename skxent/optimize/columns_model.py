"""A quadratic model of many coefficients: the Hessian row by row, with an L1 norm."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from skxent.kernels._coordinate import sweep_columns
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.losses._shipped import SURROGATE
from skxent.optimize.inverse import check_curvature, positive_parts
from skxent.optimize.models import (
    MAX_ROUNDS,
    SWEEPS,
    GroupsModel,
    MatrixModel,
    Model,
    held_at_zero,
    sweep_tolerance,
)
from skxent.optimize.objective import Objective
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Weights
from skxent.optimize.solution import MAX_HESSIAN

# The Hessian of sparse X is not formed if it takes more operations than this.
MAX_SPARSE_OPERATIONS = 1e8


class ColumnsModel(Model):
    """The Hessian row by row: m x m numbers for each row of X."""

    H: Weights
    slope: Weights
    curvature: Weights
    rows: TableRows
    l1_weights: Weights
    l2_weights: Weights

    def __init__(
        self, rows: TableRows, loss: Loss, l1_weights: Weights, l2_weights: Weights
    ) -> None:
        self.rows = rows
        self.loss = loss
        self.X: Any = sp.csc_array(rows.columns(np.arange(rows.shape[0])))
        self.l1_weights = l1_weights
        self.l2_weights = l2_weights

    def expand(self, W: Weights, damping: float = 0.0) -> None:
        """Compute the Hessian of each row in its logits, and its slope, in one pass."""
        m, loss = W.shape[1], self.loss
        z = np.asarray(self.X @ W, dtype=self.rows.dtype)
        if self.rows.offset is not None:
            z += self.rows.offset
        slope = np.empty_like(z)
        self.H = self._row_hessians(loss, z, gradient=slope)
        self.slope = slope.astype(np.float64) / self.rows.scaled_weight_sum
        if damping:
            self.H += damping * self._row_hessians(SURROGATE, np.zeros_like(z))
        check_curvature(self.H)
        if not loss.convex:
            self.H = positive_parts(self.H)
        curvature = self.X.power(2).T @ self.H[:, :: m + 1]
        self.curvature = curvature + self.l2_weights[:, np.newaxis]
        check_curvature(self.curvature)

    def _row_hessians(
        self, loss: Loss, z: Floats, gradient: Floats | None = None
    ) -> Weights:
        H = self.rows.row_hessians(loss, z, self.rows.target, gradient)
        return H.astype(np.float64) / self.rows.scaled_weight_sum

    def minimise(
        self, W: Weights, gradient: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        """Sweep over the columns of X, then over those in use until little changes."""
        X, l1, l2 = self.X, self.l1_weights, self.l2_weights
        w = np.array(W, order="C")
        held = held_at_zero(gradient, l1[:, :, np.newaxis])
        w[(self.curvature == 0) & held] = 0
        # Indices may be of 64 bits, but the rows of X are not so many.
        start, rows = X.indptr.astype(np.intp), X.indices.astype(np.intc, copy=False)
        model = self.H, self.slope, self.curvature
        arrays = (start, rows, X.data), model, w, (l1, l2)
        everything = np.arange(len(w))
        first = sweep_columns(*arrays, everything, 1, 0.0)
        tolerance = sweep_tolerance(accuracy, first)
        for _ in range(MAX_ROUNDS):
            used = np.flatnonzero(w.any(axis=1) | ~l1.any(axis=0))
            sweep_columns(*arrays, used, SWEEPS, tolerance)
            if sweep_columns(*arrays, everything, 1, tolerance) <= tolerance:
                break
        return w, X.T @ self.slope + l2[:, np.newaxis] * w


def model_of(objective: Objective, max_hessian: int = MAX_HESSIAN) -> Model:
    """Return the model whose minimum with the penalty takes the least time."""
    penalty = objective.penalty
    l1_weights = penalty.l1_weights
    if l1_weights is None:
        return GroupsModel(objective, penalty)
    rows, (size, m) = objective.rows, objective.shape
    # Eigenvalues take longer than sweeps, and so does a large Hessian of sparse X,
    # whose columns are swept as fast as a matrix. But only a Hessian leads to Newton
    # steps; sweeps alone take hundreds of iterations where columns are collinear.
    operations = rows.n_samples * size**2 * m * (m + 1) / 2
    costly = rows.sparse and operations > MAX_SPARSE_OPERATIONS
    limit = max_hessian
    if costly or not objective.loss.convex:
        limit //= 10
    # Rows that are not in memory can only return the whole Hessian.
    if isinstance(rows, TableRows) and size * m > limit:
        l2_weights = penalty.curvature[:, 0].copy()
        return ColumnsModel(rows, objective.loss, l1_weights, l2_weights)
    return MatrixModel(objective, l1_weights)
