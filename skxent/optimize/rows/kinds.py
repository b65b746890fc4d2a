"""Rows of dense, sparse and wide tables, and which of them suits an X."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from skxent.inputs.tables import logits_per_row
from skxent.inputs.targets import Target
from skxent.kernels import _wide
from skxent.kernels.arrays import Floats
from skxent.kernels.threads import effective_n_threads
from skxent.losses._loss import Loss
from skxent.optimize.rows.base import origin_step
from skxent.optimize.rows.constant import column_ranges
from skxent.optimize.rows.table import (
    MAX_SEGMENT_SUMS,
    MAX_SEGMENTS,
    SEGMENT_ROWS,
    Layout,
    TableRows,
)
from skxent.optimize.smooth import Columns, Weights


class DenseRows(TableRows):
    """Rows of an array, centred at the origin if there is an intercept.

    Columns that are constant but for rounding count as zero.
    """

    @property
    def entries_per_row(self) -> int:
        return self.n_features

    @cached_property
    def layout(self) -> Layout:
        n, d, m = self.n_samples, self.n_features, self.n_outputs
        sums = (d + 2) * m
        segments = min(MAX_SEGMENTS, n // SEGMENT_ROWS, MAX_SEGMENT_SUMS // sums)
        # A number of X takes about an eighth of the time of a logit.
        return Layout(self.X, max(1, segments), m, n * (d // 8 + m))

    def restricted(self, columns: Columns) -> TableRows:
        return self.part(
            X=self.X.take(columns, axis=1),
            origin=self.origin[columns],
            constant=self.constant[columns],
        )

    def read(self, block: slice) -> Any:
        if not self.fit_intercept:
            return self.X[block]
        rows = self.X[block] - self.origin
        if self._constant_index is not None:
            rows[:, self._constant_index] = 0
        return rows

    def as_columns(self) -> Any:
        X, ones = self.read(slice(None)), np.ones((self.n_samples, 1))
        return sp.csc_array(
            np.hstack([X, ones] if self.fit_intercept else [X]), dtype=np.float64
        )

    def diagonal_and_columns(
        self, loss: Loss, W: Weights
    ) -> tuple[Weights, Weights | None]:
        diagonal = np.zeros(self.shape)
        for block, h in self._curved(loss, W):
            h = h.astype(np.float64)
            diagonal[: self.n_features] += block.X.T.astype(np.float64) ** 2 @ h
            diagonal[self.n_features :] += h.sum(axis=0)
        diagonal /= self.scaled_weight_sum
        return diagonal, None

    def weighted_gram(self, X: Any, weights: Floats) -> Weights:
        d = self.n_features
        gram = np.empty((self.shape[0], self.shape[0]))
        # A product with its own transpose takes BLAS half the time.
        root = np.sqrt(weights)
        scaled = X.astype(np.float64, copy=False) * root[:, np.newaxis]
        gram[:d, :d] = scaled.T @ scaled
        if self.fit_intercept:
            gram[d, :d] = gram[:d, d] = root @ scaled
            gram[d, d] = weights.sum()
        return gram


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


# Sums of X W that are formed apart.
PARTS = 4

# W of fewer numbers than this fits a cache.
MAX_CACHED_WEIGHTS = 1 << 18


class WideRows(SparseRows):
    """Rows of a CSR matrix of which there is a second copy, by columns.

    Sums over rows are made of all logits, which are kept in any case.
    """

    @property
    def kind_of_part(self) -> type[TableRows]:
        return SparseRows

    @cached_property
    def _entries(self) -> tuple[Any, Any, Any]:
        return entries(self._by_columns)

    def value_gradient(
        self, loss: Loss, W: Weights, cache_logits: bool = False
    ) -> tuple[float, Weights, Floats | None]:
        z, value = self._all_logits(W), np.zeros(self.n_samples)
        slope = np.empty(z.shape)
        self.evaluate(loss, z, self.target, value=value, gradient=slope)
        total = float(value.sum()) / self.scaled_weight_sum
        return total, self._summed(slope), z if cache_logits else None

    def hessian_product(
        self, loss: Loss, W: Weights, V: Weights, logits: Floats | None = None
    ) -> Weights:
        z = self._all_logits(W) if logits is None else logits
        product = np.empty(z.shape)
        self.evaluate(loss, z, self.target, x=self._all_logits(V), product=product)
        return self._summed(product)

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


def table_rows(
    X: Any,
    target: Target,
    *,
    fit_intercept: bool,
    n_threads: int | None = None,
    origin: Floats | None = None,
    max_cached: int = MAX_CACHED_WEIGHTS,
) -> TableRows:
    """Return the rows of a table in memory.

    X : array or CSR array. origin : where to centre its columns, by default near the
    means of dense ones. max_cached : how many weights fit a cache.
    """
    n, d = X.shape
    weight_sum = scaled = target.total_weight()
    # Weights of any size are brought to that of 1 for the sake of float32.
    scale, unit = 1.0, weight_sum / n or weight_sum  # which may be subnormal
    if not 1e-3 < unit < 1e3 or target.sample_weight is not None:
        given = target.sample_weight
        given = np.ones(n) if given is None else given
        target, scale = replace(target, sample_weight=given / unit), unit
        scaled = target.total_weight()
    kind: type[TableRows] = DenseRows
    if sp.issparse(X):
        n_outputs = logits_per_row(target.n_classes)
        wide = pays_by_columns(X, n_outputs, max_cached)
        kind = WideRows if wide else SparseRows
    constant = np.zeros(d, dtype=bool)
    if origin is None:
        origin = np.zeros(d, dtype=X.dtype)
        if fit_intercept and kind is DenseRows:
            origin = X[:: origin_step(n)].mean(axis=0)
            constant = column_ranges(X, target.sample_weight).constant
    weights = weight_sum, scale, scaled
    return kind(X, target, fit_intercept, n_threads, origin, constant, *weights)
