"""Rows of a sparse table."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from skxent.kernels import _wide
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.optimize.rows.table import (
    MAX_SEGMENT_SUMS,
    MAX_SEGMENTS,
    SEGMENT_ROWS,
    Layout,
    TableRows,
)
from skxent.optimize.smooth import Columns, Weights

# Outputs of sparse X are padded to a multiple of this (SPARSE_LANES of src/linear.pxd).
SPARSE_LANES = 4


def entries(X: Any) -> tuple[Any, Any, Any]:
    """Return what the kernels take of a compressed matrix."""
    index = np.result_type(X.indices, X.indptr)
    return (
        X.data,
        X.indices.astype(index, copy=False),
        X.indptr.astype(index, copy=False),
    )


class SparseRows(TableRows):
    """Rows of a CSR matrix, as they are: they cannot be centred."""

    sparse = True

    @cached_property
    def entries_per_row(self) -> int:
        return int(self.X.nnz // self.n_samples)

    @cached_property
    def layout(self) -> Layout:
        n, d, m = self.n_samples, self.n_features, self.n_outputs
        each = self.entries_per_row
        width = m if m == 1 else -(-m // SPARSE_LANES) * SPARSE_LANES
        sums = (d + 2) * m
        segments = min(MAX_SEGMENTS, n // SEGMENT_ROWS, MAX_SEGMENT_SUMS // sums)
        # The sums of a segment should take less than its rows; threads as many.
        segments = min(segments, max(2, n * each // (8 * max(d, 1))) // 2 * 2)
        return Layout(entries(self.X), max(1, segments), width, n * (each // 8 + m))

    def gram_cost(self) -> float:
        return float(2 * self.X.nnz / self.n_samples / self.n_outputs)

    @cached_property
    def _by_columns(self) -> Any:
        return self.X.tocsc()

    def restricted(self, columns: Columns) -> TableRows:
        return self.part(
            X=self._by_columns[:, columns].tocsr(),
            origin=self.origin[columns],
            constant=self.constant[columns],
        )

    def read(self, block: slice) -> Any:
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

    def as_columns(self) -> Any:
        ones = np.ones((self.n_samples, 1))
        X = sp.hstack([self.X, ones]) if self.fit_intercept else self.X
        return sp.csc_array(X, dtype=np.float64)

    def diagonal_and_columns(
        self, loss: Loss, W: Weights
    ) -> tuple[Weights, Weights | None]:
        h_sums = np.zeros((1, self.n_outputs))
        # Over the entries of each column w, w x, and h x² of each output's h.
        sums = np.zeros((self.n_features, 2 + self.n_outputs))
        for block, h in self._curved(loss, W):
            h_sums += h.sum(axis=0, dtype=np.float64)
            weight = block.target.sample_weight
            _wide.add_column_sums(*entries(block.X), weight, h, sums)
        columns, squares = np.hsplit(sums, [2])
        count, total = columns.T
        weight = self.target.sample_weight
        mean = total / (self.n_samples if weight is None else weight.sum())
        count *= max(self.weight_scale, 1.0)
        diagonal = np.vstack([squares, h_sums][: 1 + self.fit_intercept])
        diagonal /= self.scaled_weight_sum
        return diagonal, np.column_stack([mean, count])

    def weighted_gram(self, X: Any, weights: Floats) -> Weights:
        d = self.n_features
        gram = np.empty((self.shape[0], self.shape[0]))
        scaled = X.astype(np.float64, copy=False).multiply(weights[:, np.newaxis])
        scaled = scaled.tocsr()
        gram[:d, :d] = (X.T @ scaled).toarray()
        if self.fit_intercept:
            gram[d, :d] = gram[:d, d] = np.asarray(scaled.sum(axis=0)).ravel()
            gram[d, d] = weights.sum()
        return gram
