"""Rows: dense, sparse, wide, or in blocks elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from skxent.inputs.tables import logits_per_row
from skxent.inputs.targets import Target
from skxent.kernels.arrays import Floats
from skxent.optimize.rows.base import origin_step
from skxent.optimize.rows.constant import column_ranges
from skxent.optimize.rows.dense import DenseRows
from skxent.optimize.rows.sparse import SparseRows
from skxent.optimize.rows.table import TableRows
from skxent.optimize.rows.wide import MAX_CACHED_WEIGHTS, WideRows, pays_by_columns


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
