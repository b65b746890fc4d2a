"""Some columns of a table, read by columns: what a path of L1 penalties works on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.optimize.inverse import positive_parts
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Columns, Weights


class Sums(NamedTuple):
    """The mean loss at some weights, its gradient, and its slope in every logit."""

    value: float
    gradient: Weights
    slope: Floats


class WorkingColumns:
    """Columns of X in float64, centred as in `rows`; more join along a path.

    index : (p,), which rows of W these columns have, in the order in which they joined.
    The intercept, of index d, is the first.
    """

    def __init__(self, rows: TableRows) -> None:
        self.rows = rows
        self.index: Columns = np.zeros(0, dtype=np.intp)
        self._room: Weights = np.empty((rows.n_samples, 0), order="F")
        self.X: Any = sp.csc_array(self._room) if rows.sparse else self._room
        if rows.fit_intercept:
            self.add(np.array([rows.n_features], dtype=np.intp))

    def add(self, columns: Columns) -> None:
        """Let more columns join."""
        new = self.rows.columns(columns)
        p = len(self.index)
        self.index = np.append(self.index, columns)
        if self.rows.sparse:
            self.X = sp.csc_array(sp.hstack([self.X, new], format="csc"))
            return
        if len(self.index) > self._room.shape[1]:
            width = min(self.rows.shape[0], max(64, 2 * len(self.index)))
            room = np.empty((self.rows.n_samples, width), order="F")
            room[:, :p] = self.X
            self._room = room
        self._room[:, p : len(self.index)] = new
        self.X = self._room[:, : len(self.index)]

    def _logits(self, W: Weights) -> Floats:
        offset = 0.0 if self.rows.offset is None else self.rows.offset
        return np.ascontiguousarray(self.X @ W + offset, dtype=self.rows.dtype)

    def sums(self, loss: Loss, W: Weights) -> Sums:
        """Return the mean loss and its derivatives at weights of these columns."""
        rows = self.rows
        z = self._logits(W)
        value, slope = np.zeros(len(z), z.dtype), np.empty_like(z)
        rows.evaluate(loss, z, rows.target, value=value, gradient=slope)
        gradient = self.X.T @ slope.astype(np.float64, copy=False)
        scale = rows.scaled_weight_sum
        total = float(value.sum(dtype=np.float64))
        return Sums(total / scale, gradient / scale, slope)

    def row_hessians(self, loss: Loss, W: Weights) -> Weights:
        """Return the Hessians of the rows in their logits, (n, m m), positive parts."""
        found = self.rows.row_hessians(loss, self._logits(W), self.rows.target)
        H: Weights = found.astype(np.float64)
        return H if loss.convex else positive_parts(H)

    def extend_hessian(self, H: Weights, M: Weights) -> Weights:
        """Return Σ_i M_i ⊗ x_i x_iᵀ, (m, p, m, p), from that of the first columns."""
        m, old = H.shape[:2]
        p = len(self.index)
        result = np.empty((m, p, m, p))
        result[:, :old, :, :old] = H
        new = self.X[:, old:]
        for j in range(m):
            for k in range(m):
                sums = self._weighted_products(new, M[:, j * m + k])
                sums /= self.rows.scaled_weight_sum
                result[j, old:, k] = sums
                result[k, :, j, old:] = sums.T
        return result

    def _weighted_products(self, new: Any, weight: Floats) -> Weights:
        """Return newᵀ diag(weight) X."""
        if self.rows.sparse:
            scaled = sp.csc_array(new.multiply(weight[:, np.newaxis]))
            return np.asarray((scaled.T @ self.X).toarray())
        p = len(self.index)
        sums = np.zeros((new.shape[1], p))
        if new.shape[1] == p and weight.min(initial=0.0) >= 0:
            # A product with its own transpose takes BLAS half the time.
            root = np.sqrt(weight)[:, np.newaxis]
            for part in row_blocks(len(weight), p):
                scaled = new[part] * root[part]
                sums += scaled.T @ scaled
            return sums
        for part in row_blocks(len(weight), p):
            sums += (new[part] * weight[part, np.newaxis]).T @ self.X[part]
        return sums


def row_blocks(n: int, columns: int) -> Iterator[slice]:
    """Yield blocks of rows for products by BLAS.

    They fit a cache, unless so few rows would take less time than adding up the sums.
    """
    rows = max(256, 2 * columns, (1 << 17) // max(columns, 1))
    yield from (slice(start, start + rows) for start in range(0, n, rows))
