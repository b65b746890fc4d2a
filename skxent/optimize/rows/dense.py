"""Rows of a dense table."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

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
