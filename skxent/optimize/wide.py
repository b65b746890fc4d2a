"""Sparse X with more columns than rows, kept a second time by its columns.

Logits of such X are fewer than its weights. By rows, each entry of X meets a row of W
somewhere in memory, and with many classes these do not fit a cache; by columns it meets
a row of logits, and W is read in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxent.kernels import _wide
from skxent.kernels.arrays import Floats
from skxent.kernels.threads import effective_n_threads

Doubles = NDArray[np.float64]

# Sums of X W that are formed apart; W smaller than this many numbers fits a cache.
PARTS = 4
CACHED = 1 << 18


def pays_by_columns(X: Any, n_outputs: int) -> bool:
    """Is X so wide, and its copy no larger than some arrays of weights?"""
    if not sp.issparse(X) or n_outputs == 1 or X.dtype != np.float64:
        return False
    n, d = X.shape
    weights = d * n_outputs
    return bool(d >= 2 * n and weights > CACHED and X.nnz <= 4 * weights)


def entries(X: Any) -> tuple[Any, Any, Any]:
    """What the kernels take of a compressed matrix."""
    index = np.result_type(X.indices, X.indptr)
    return (
        X.data,
        X.indices.astype(index, copy=False),
        X.indptr.astype(index, copy=False),
    )


def column_sums(
    blocks: Iterable[tuple[Any, Doubles | None, Floats]], shape: tuple[int, int]
) -> Doubles:
    """Over the entries of each column Σ w, Σ w x, and Σ h x² of each h of the rows.

    blocks: rows of a CSR matrix, their weights w or None, and their h; shape: (d, 2 +
    how many h).
    """
    out = np.zeros(shape)
    for X, weight, h in blocks:
        _wide.add_column_sums(*entries(X), weight, h, out)
    return out


class WideMatrix:
    """X W and X' R."""

    n_samples: int
    entries: tuple[Any, Any, Any]

    def __init__(self, X: sp.csr_array) -> None:
        self.n_samples = X.shape[0]
        self.entries = entries(X.tocsc())

    def times(self, W: Doubles, n_threads: int | None) -> Doubles:
        """(n, m)"""
        whole = padded(W)
        parts = np.empty((PARTS, self.n_samples, whole.shape[1]))
        _wide.matmul(
            *self.entries, whole, parts, effective_n_threads(n_threads, W.size)
        )
        return np.ascontiguousarray(parts.sum(axis=0)[:, : W.shape[1]])

    def transposed_times(self, R: Doubles, n_threads: int | None) -> Doubles:
        """(d, m)"""
        whole = padded(R)
        out = np.empty((len(self.entries[2]) - 1, whole.shape[1]))
        n_threads = effective_n_threads(n_threads, out.size)
        _wide.matmul_transposed(*self.entries, whole, out, n_threads)
        return out[:, : R.shape[1]]


def padded(A: Doubles) -> Doubles:
    """A with columns of zeros, if their number is no multiple of 4."""
    missing = -A.shape[1] % 4
    return np.ascontiguousarray(np.pad(A, [(0, 0), (0, missing)]) if missing else A)
