"""The Hessian row by row, for many coefficients: coordinate descent through X."""

from __future__ import annotations

import numpy as np

from skxent.kernels._coordinate import sweep_columns
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.losses._shipped import CrossEntropy
from skxent.optimize.inverse import check_curvature
from skxent.optimize.models.base import MAX_ROUNDS, SWEEPS, Model, sweep_tolerance
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Weights


class ColumnsModel(Model):
    """The Hessian row by row: m x m numbers for each row of X."""

    slope: Weights
    curvature: Weights

    rows: TableRows
    loss: Loss
    l1_weights: Weights
    l2_weights: Weights

    def __init__(
        self, rows: TableRows, loss: Loss, l1_weights: Weights, l2_weights: Weights
    ) -> None:
        self.rows, self.loss, self.X = rows, loss, rows.as_columns()
        self.l1_weights, self.l2_weights = l1_weights, l2_weights

    def expand(self, W: Weights, damping: float = 0.0) -> None:
        m, loss = W.shape[1], self.loss
        z = np.asarray(self.X @ W, dtype=self.rows.dtype)
        slope = np.empty_like(z)
        self.H = self._row_hessians(loss, z, gradient=slope)
        self.slope = slope.astype(np.float64) / self.rows.scaled_weight_sum
        if damping:
            self.H += damping * self._row_hessians(CrossEntropy(), np.zeros_like(z))
        check_curvature(self.H)
        if not loss.convex:
            values, vectors = np.linalg.eigh(self.H.reshape(-1, m, m))
            vectors_t = vectors.swapaxes(1, 2)
            positive = np.maximum(values, 0)[:, np.newaxis]
            self.H = ((vectors * positive) @ vectors_t).reshape(-1, m * m)
        self.curvature = self.X.power(2).T @ self.H[:, :: m + 1]
        self.curvature += self.l2_weights[:, np.newaxis]
        check_curvature(self.curvature)

    def _row_hessians(
        self, loss: Loss, z: Floats, gradient: Floats | None = None
    ) -> Weights:
        H = self.rows.row_hessians(loss, z, self.rows.target, gradient)
        return H.astype(np.float64) / self.rows.scaled_weight_sum

    def minimise(
        self, W: Weights, gradient: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        X, l1, l2 = self.X, self.l1_weights, self.l2_weights
        w = np.array(W, order="C")
        w[(self.curvature == 0) & (np.abs(gradient) < l1[:, np.newaxis])] = 0
        # Indices may be of 64 bits, but the rows of X are not so many.
        start, rows = X.indptr.astype(np.intp), X.indices.astype(np.intc, copy=False)
        arrays = (
            (start, rows, X.data),
            (self.H, self.slope, self.curvature),
            w,
            (l1, l2),
        )
        everything = np.arange(len(w))
        first = sweep_columns(*arrays, everything, 1, 0.0)
        tolerance = sweep_tolerance(accuracy, first)
        for _ in range(MAX_ROUNDS):
            used = np.flatnonzero(w.any(axis=1) | (l1 == 0))
            sweep_columns(*arrays, used, SWEEPS, tolerance)
            if sweep_columns(*arrays, everything, 1, tolerance) <= tolerance:
                break
        return w, X.T @ self.slope + l2[:, np.newaxis] * w
