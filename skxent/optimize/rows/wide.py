"""Rows of a sparse table that is wide, kept a second time by its columns.

Logits of X with more columns than rows are fewer than its weights. By rows, each entry
of X meets a row of W somewhere in memory, and with many classes these do not fit a
cache; by columns it meets a row of logits, and W is read in order.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from skxent.kernels import _wide
from skxent.kernels.arrays import Floats
from skxent.kernels.threads import effective_n_threads
from skxent.losses._loss import Loss
from skxent.optimize.rows.sparse import SparseRows, entries
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Weights

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
