"""Rows of sparse tables: in CSR form, and with a copy by columns for wide ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from skxent.kernels import _wide
from skxent.kernels.arrays import Floats
from skxent.kernels.cached import cached_property
from skxent.kernels.threads import effective_n_threads
from skxent.losses._loss import Loss
from skxent.optimize.rows.base import (
    MAX_CACHED_WEIGHTS,
    MAX_SEGMENT_SUMS,
    MAX_SEGMENTS,
    SEGMENT_ROWS,
    Layout,
)
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Columns, Weights

# Outputs of sparse X are padded to a multiple of this (SPARSE_LANES of src/linear.pxd).
SPARSE_LANES = 4


def entries(X: Any) -> tuple[Any, Any, Any]:
    """Return the arrays of a compressed matrix as the kernels take them."""
    index = np.result_type(X.indices, X.indptr)
    return (
        X.data,
        X.indices.astype(index, copy=False),
        X.indptr.astype(index, copy=False),
    )


# Vectors of the size of W that a solver holds: conjugate gradients with their step.
SOLVER_VECTORS = 8


class SparseRows(TableRows):
    """Rows of a CSR matrix, as they are: they cannot be centred."""

    sparse = True

    @cached_property
    def entries_per_row(self) -> int:
        """Return the mean number of stored entries of a row."""
        return int(self.X.nnz // self.n_samples)

    @property
    def entries_per_column(self) -> float:
        """Return the mean number of stored entries of a column."""
        return float(self.X.nnz / max(self.n_features, 1))

    @cached_property
    def layout(self) -> Layout:
        """Return the CSR arrays, and sums padded to the lanes of the kernels."""
        n, d, m = self.n_samples, self.n_features, self.n_outputs
        each = self.entries_per_row
        width = m if m == 1 else -(-m // SPARSE_LANES) * SPARSE_LANES
        sums = (d + 2) * m
        segments = min(MAX_SEGMENTS, n // SEGMENT_ROWS, MAX_SEGMENT_SUMS // sums)
        # The sums of a segment should take less than its rows; threads as many.
        segments = min(segments, max(2, n * each // (8 * max(d, 1))) // 2 * 2)
        return Layout(entries(self.X), max(1, segments), width, n * (each // 8 + m))

    def columns_in_use(self) -> Columns | None:
        """Return the columns with entries, the fullest first.

        W then has no unused entries, and those in use most share a cache: hashed
        columns are read in half the time. None if W fits a cache and most of it may be
        in use, or if the copy of the indices would take more memory than all vectors of
        a solver get shorter.
        """
        d, m, nnz = self.n_features, self.n_outputs, self.X.nnz
        fits = d * m <= MAX_CACHED_WEIGHTS and 2 * nnz > d
        if fits or nnz >= 2 * SOLVER_VECTORS * m * d:
            return None
        count = np.bincount(self.X.indices[:nnz], minlength=d)
        used = np.flatnonzero(count)
        if nnz >= 2 * SOLVER_VECTORS * m * (d - len(used)):
            return None
        return used[np.argsort(-count[used], kind="stable")]

    def renumbered(self, columns: Columns) -> TableRows:
        """Return the same rows with these columns, in their order, the others empty."""
        X = self.X
        place = np.zeros(self.n_features, X.indices.dtype)
        place[columns] = np.arange(len(columns))
        X = sp.csr_array(
            (X.data, place[X.indices], X.indptr), shape=(self.n_samples, len(columns))
        )
        return self.part(
            X=X,
            origin=self.origin[columns],
            constant=self.constant[columns],
            counter=self.counter,
        )

    def gram_cost(self) -> float:
        """Return twice the entries of a row: pairs of these are multiplied."""
        return float(2 * self.X.nnz / self.n_samples / self.n_outputs)

    @cached_property
    def _by_columns(self) -> Any:
        return self.X.tocsc()

    def restricted(self, columns: Columns) -> TableRows:
        """Return the rows with some columns, taken from the matrix by columns."""
        return self.part(
            X=self._by_columns[:, columns].tocsr(),
            origin=self.origin[columns],
            constant=self.constant[columns],
        )

    def read(self, block: slice) -> Any:
        """Return rows that share the entries of X."""
        # A view: slicing a sparse matrix would copy it.
        start, stop = self.X.indptr[block.start], self.X.indptr[block.stop]
        return sp.csr_array(
            (
                self.X.data[start:stop],
                self.X.indices[start:stop],
                self.X.indptr[block.start : block.stop + 1] - start,
            ),
            shape=(block.stop - block.start, self.n_features),
        )

    def columns(self, index: Columns) -> Any:
        """Return columns of the matrix by columns, which is made once."""
        real = index < self.n_features
        X = self._by_columns[:, index[real]]
        if not real.all():
            # The intercept is the first or the last.
            ones = np.ones((self.n_samples, 1))
            X = sp.hstack([X, ones] if real[0] else [ones, X], format="csc")
        return sp.csc_array(X, dtype=np.float64)

    def column_sums(self, slopes: Floats) -> Weights:
        """Multiply by the transpose of the matrix by columns."""
        self.counter.add_one()
        sums = np.asarray(self._by_columns.T @ slopes, dtype=np.float64)
        return sums / self.scaled_weight_sum

    def diagonal_and_border(self, loss: Loss, W: Weights) -> Weights:
        """Add up squares of the stored entries, block by block."""
        (size, m), d = self.shape, self.n_features
        sums = np.zeros((size, 2 * m))
        for block, h in self._curved(loss, W):
            curvature: Weights = np.ascontiguousarray(h, dtype=np.float64)
            data, column, first = entries(block.X)
            data = data.astype(np.float64, copy=False)
            _wide.add_column_sums(data, column, first, curvature, sums[:d])
            sums[d:] += np.tile(curvature.sum(axis=0), 2)
        sums /= self.scaled_weight_sum
        return sums.reshape(size, 2, m).swapaxes(0, 1)

    def weighted_gram(self, X: Any, weights: Floats) -> Weights:
        """Multiply the transposed rows by the weighted ones, both sparse."""
        d = self.n_features
        gram = np.empty((self.shape[0], self.shape[0]))
        scaled = X.astype(np.float64, copy=False).multiply(weights[:, np.newaxis])
        scaled = scaled.tocsr()
        gram[:d, :d] = (X.T @ scaled).toarray()
        if self.fit_intercept:
            gram[d, :d] = gram[:d, d] = np.asarray(scaled.sum(axis=0)).ravel()
            gram[d, d] = weights.sum()
        return gram


# Sums of X W that are formed apart.
PARTS = 4


class WideRows(SparseRows):
    """Rows of a CSR matrix of which there is a second copy, by columns.

    Sums over rows are made of all logits, which are kept in any case.
    """

    @property
    def kind_of_part(self) -> type[TableRows]:
        """Return SparseRows: a part has fewer columns, and need not be wide."""
        return SparseRows

    def columns_in_use(self) -> Columns | None:
        """Return the columns with entries if they are at most half of all."""
        # If most may be in use, the copy by columns is better.
        few = 2 * self.X.nnz <= self.n_features
        return super().columns_in_use() if few else None

    @cached_property
    def _entries(self) -> tuple[Any, Any, Any]:
        return entries(self._by_columns)

    def values_gradient(
        self, loss: Loss, W: Weights, cache_logits: bool = False
    ) -> tuple[Weights, Weights, Floats | None]:
        """Compute all logits first: they are fewer than the columns."""
        z = self._with_offset(self._all_logits(W))
        slope, losses = np.empty(z.shape), np.zeros(z.shape)
        each = {"values": losses} if self.independent else {"value": losses[:, 0]}
        self.evaluate(loss, z, self.target, gradient=slope, **each)
        values = losses.sum(axis=0) / self.scaled_weight_sum
        return values, self._summed(slope), z if cache_logits else None

    def hessian_product(
        self, loss: Loss, W: Weights, V: Weights, logits: Floats | None = None
    ) -> Weights:
        """Use the logits of all rows, known or computed."""
        z = self._with_offset(self._all_logits(W)) if logits is None else logits
        product = np.empty(z.shape)
        self.evaluate(loss, z, self.target, x=self._all_logits(V), product=product)
        return self._summed(product)

    def _with_offset(self, z: Weights) -> Weights:
        return z if self.offset is None else z + self.offset

    def _all_logits(self, W: Weights) -> Weights:
        features = padded(W[: self.n_features])
        parts = np.empty((PARTS, self.n_samples, features.shape[1]))
        n_threads = effective_n_threads(self.n_threads, W.size)
        _wide.matmul(*self._entries, features, parts, n_threads)
        z = np.ascontiguousarray(parts.sum(axis=0)[:, : W.shape[1]])
        z += W[self.n_features :] if self.fit_intercept else 0.0
        return z

    def _summed(self, slope: Weights) -> Weights:
        self.counter.add_one()
        (size, m), d = self.shape, self.n_features
        whole = padded(slope)
        sums = np.empty((size, whole.shape[1]))
        n_threads = effective_n_threads(self.n_threads, sums.size)
        _wide.matmul_transposed(*self._entries, whole, sums[:d], n_threads)
        sums[d:] = whole.sum(axis=0)
        sums /= self.scaled_weight_sum
        return sums[:, :m]


def padded(A: Weights) -> Weights:
    """Return A with columns of zeros, if their number is no multiple of 4."""
    missing = -A.shape[1] % 4
    return np.ascontiguousarray(np.pad(A, [(0, 0), (0, missing)]) if missing else A)


def pays_by_columns(
    X: Any, n_outputs: int, max_cached: int = MAX_CACHED_WEIGHTS
) -> bool:
    """Return True if CSR X is wide, and its copy no larger than arrays of weights."""
    if n_outputs == 1 or X.dtype != np.float64:
        return False
    n, d = X.shape
    weights = d * n_outputs
    return bool(d >= 2 * n and weights > max_cached and X.nnz <= 4 * weights)
