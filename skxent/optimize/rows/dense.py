"""Rows of dense tables, and the choice of the rows for an X."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from skxent.inputs.targets import Target
from skxent.kernels.arrays import Floats
from skxent.kernels.cached import cached_property
from skxent.kernels.checks import ignore_overflow
from skxent.kernels.dispatch import kernels
from skxent.kernels.threads import effective_n_threads, mapped
from skxent.losses._loss import Loss
from skxent.losses._shipped import SURROGATE
from skxent.optimize.rows.base import (
    MAX_CACHED_WEIGHTS,
    MAX_SEGMENT_SUMS,
    MAX_SEGMENTS,
    SEGMENT_ROWS,
    Layout,
    origin_step,
)
from skxent.optimize.rows.constant import column_ranges
from skxent.optimize.rows.sparse import SparseRows, WideRows, pays_by_columns
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Columns, Weights

# Columns of X that one product reads, whatever the number of threads.
BLOCK_COLUMNS = 512

# Numbers of a cache line.
LINE_NUMBERS = 8

# Products of X' with more columns take BLAS less time than our kernels, and X with
# fewer columns has no room for a vector.
MAX_SKINNY, MIN_COLUMNS = 16, 16


class DenseRows(TableRows):
    """Rows of an array, centred at the origin if there is an intercept.

    Columns that are constant but for rounding count as zero.
    """

    @property
    def entries_per_row(self) -> int:
        """Return the number of columns."""
        return self.n_features

    @cached_property
    def layout(self) -> Layout:
        """Return X itself, and a number of segments that depends on its shape alone."""
        n, d, m = self.n_samples, self.n_features, self.n_outputs
        sums = (d + 2) * m
        segments = min(MAX_SEGMENTS, n // SEGMENT_ROWS, MAX_SEGMENT_SUMS // sums)
        # A number of X takes about an eighth of the time of a logit.
        return Layout(self.X, max(1, segments), m, n * (d // 8 + m))

    def restricted(self, columns: Columns) -> TableRows:
        """Return the rows with a copy of some columns."""
        return self.part(
            X=self.X.take(columns, axis=1),
            origin=self.origin[columns],
            constant=self.constant[columns],
        )

    def read(self, block: slice) -> Any:
        """Return rows; with an intercept a centred copy, zero in constant columns."""
        if not self.fit_intercept:
            return self.X[block]
        rows = self.X[block] - self.origin
        if self._constant_index is not None:
            rows[:, self._constant_index] = 0
        return rows

    def columns(self, index: Columns) -> Any:
        """Return a copy of columns in Fortran order, centred."""
        X, d = self.X, self.n_features
        result = np.ones((self.n_samples, len(index)), order="F")
        places = np.flatnonzero(index < d)
        columns = index[places]
        shift = self.origin[columns] * self.fit_intercept
        if X.flags.f_contiguous or LINE_NUMBERS * len(columns) <= d:
            # Columns that share no cache line are read one by one.
            for place, column, origin in zip(places, columns, shift, strict=True):
                result[:, place] = X[:, column] - origin
        else:
            result[:, places] = X[:, columns] - shift
        result[:, places[self.constant[columns]]] = 0
        return result

    def column_sums(self, slopes: Floats) -> Weights:
        """Multiply by X as it lies in memory, and correct the sums for the origin."""
        self.counter.add_one()
        sums = self._products(np.ascontiguousarray(slopes))
        if self.fit_intercept:
            sums -= np.outer(self.origin, slopes.sum(axis=0, dtype=np.float64))
        sums[self.constant] = 0
        return sums / self.scaled_weight_sum

    def _products(self, slopes: Floats) -> Weights:
        """Return X' slopes (d, s), for small s without BLAS, which would pack X."""
        X, d, s = self.X, self.n_features, slopes.shape[1]
        n_threads = effective_n_threads(self.n_threads, self.n_samples * d // 8)
        if 0 < s <= MAX_SKINNY and X.flags.f_contiguous:
            # The logits of a linear model whose rows are the columns of X.
            sums = np.empty((d, s))
            W = np.append(slopes.astype(np.float64), np.zeros((1, s)), axis=0)
            kernels.linear_predictions(
                SURROGATE.spec, X.T, W, sums, form="logit", n_threads=n_threads
            )
            return sums
        if 0 < s <= MAX_SKINNY and X.flags.c_contiguous and d >= MIN_COLUMNS:
            sums = np.zeros((s, d))
            kernels.column_sums(X, slopes, sums, n_threads)
            return sums.T
        slopes_t = np.ascontiguousarray(slopes.T)

        def block(start: int) -> Weights:
            return slopes_t @ X[:, start : start + BLOCK_COLUMNS]

        blocks = mapped(block, range(0, d, BLOCK_COLUMNS), n_threads)
        products = np.concatenate([np.empty((s, 0)), *blocks], axis=1)
        return products.astype(np.float64, copy=False).T

    def diagonal_and_border(self, loss: Loss, W: Weights) -> Weights:
        """Add up squares of the entries, block by block."""
        sums, d = np.zeros((2, *self.shape)), self.n_features
        for block, h in self._curved(loss, W):
            h = h.astype(np.float64, copy=False)
            X = block.X.astype(np.float64, copy=False)
            sums[0, :d] += (X * X).T @ h
            sums[1, :d] += X.T @ h
            sums[:, d:] += h.sum(axis=0)
        sums /= self.scaled_weight_sum
        return sums

    def weighted_gram(self, X: Any, weights: Floats) -> Weights:
        """Multiply rows that are scaled by the roots of their weights."""
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


@ignore_overflow
def table_rows(
    X: Any,
    target: Target,
    *,
    fit_intercept: bool,
    n_threads: int | None = None,
    origin: Floats | None = None,
    offset: Floats | None = None,
    max_cached: int = MAX_CACHED_WEIGHTS,
) -> TableRows:
    """Return the rows of a table in memory.

    X : array or CSR array. origin : where to centre its columns, by default near the
    means of dense ones. offset : (n, m), of the dtype of X. max_cached : how many
    weights fit a cache.
    """
    n, d = X.shape
    weight_sum = scaled = target.mean_weight()
    # Weights of any size are brought to that of 1 for the sake of float32.
    scale, unit = 1.0, weight_sum / n or weight_sum  # which may be subnormal
    if not 1e-3 < unit < 1e3 or target.sample_weight is not None:
        given = target.sample_weight
        given = np.ones(n) if given is None else given
        target, scale = replace(target, sample_weight=given / unit), unit
        scaled = target.mean_weight()
    kind: type[TableRows] = DenseRows
    if sp.issparse(X):
        wide = pays_by_columns(X, target.n_outputs, max_cached)
        kind = WideRows if wide else SparseRows
    constant = np.zeros(d, dtype=bool)
    if origin is None:
        origin = np.zeros(d, dtype=X.dtype)
        if fit_intercept and kind is DenseRows:
            origin = X[:: origin_step(n)].mean(0, np.float64).astype(X.dtype)
            constant = column_ranges(X, target.sample_weight).constant
    centred, weights = (origin, constant), (weight_sum, scale, scaled)
    return kind(X, target, fit_intercept, n_threads, *centred, *weights, offset)
