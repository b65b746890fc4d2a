"""Metrics of tables of probabilities in one pass, without an array of their size.

Input that needs a warning, an error or a conversion is left to the metrics themselves:
every function here returns None for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.float_tables import FloatTable, float_table
from skxent.inputs.labels import as_array
from skxent.inputs.rounding import sum_tolerance
from skxent.inputs.targets import Target
from skxent.inputs.weights import check_sample_weight, class_weights
from skxent.kernels.arrays import Floats
from skxent.kernels.dispatch import kernels
from skxent.kernels.threads import effective_n_threads
from skxent.losses._compiled import spec_for
from skxent.losses._loss import Loss
from skxent.metrics._options import Options
from skxent.metrics._rows import (
    RowLosses,
    ScoredRows,
    by_name,
    moderated,
    prepare_target,
)

# Bins whose edges are all compared with each row; for more, sorting is faster.
MAX_BINS = 64

CROSS_ENTROPY = ("cross_entropy",)

# Numbers that the kernels read as they are.
INDICATORS = {np.dtype(kind).str for kind in ("f8", "f4", "i8", "i1", "u1", "?")}

# Squares of weights of this size, or of shares of them, are normal numbers.
LEAST_WEIGHT = 1e-120


class Scored(NamedTuple):
    """A table of probabilities and the targets of its rows, both for the kernels."""

    table: FloatTable
    target: Target
    classes: Any = None
    exponent: int = 0

    def score(self, what: str, spec: Any = CROSS_ENTROPY, **arrays: Any) -> Any:
        """Return the sum of the scores and of the weights, None for invalid rows."""
        n_threads = effective_n_threads(None, len(self.table.array) * self.table.width)
        arrays["columns"] = self.table.columns
        total, weight, drift, outside = kernels.score(
            what, spec, self.target, self.table.array, arrays, n_threads
        )
        # Near the tolerance the metric decides whether to warn.
        if outside or not drift < 0.5 * sum_tolerance(max(self.table.width, 2)):
            return None
        return total, weight

    def losses(
        self, what: str, options: Options, spec: Any = CROSS_ENTROPY, **arrays: Any
    ) -> RowLosses | None:
        """Return the scores of the rows, or for a reduction their sum."""
        if options.reduction == "none":
            arrays["value"] = np.empty(len(self.table.array))
        sums = self.score(what, spec, **arrays)
        if sums is None:
            return None
        total, weight = sums
        value = arrays.get("value", np.float64(total))
        return RowLosses(value, lambda: weight, self.exponent)

    def loss(self, loss: Loss, options: Options) -> RowLosses | None:
        """Return the loss, which is one for these classes."""
        return self.losses("loss", options, spec_for(loss, self.target.n_classes))


def labelled(rows: ScoredRows, options: Options) -> Scored | None:
    """Return probabilities and targets of labels or soft labels.

    For a mean, which is the default of the options, weights are near one.
    """
    if options.from_logits:
        return None
    y_true, y_proba = by_name(rows, options)
    table = float_table(y_proba)
    if table is None or table.columns is not None:
        return None
    array = table.array[:, 0] if table.width == 1 else table.array
    try:
        target, classes = prepare_target(
            y_true, array, rows.sample_weight, options, rows_checked=False
        )
        target, exponent = moderated(target, options.reduction)
        target.check_range(array.dtype)
    except ValueError:
        return None
    return Scored(table, target, classes, exponent)


def losses(loss: Loss, rows: ScoredRows, options: Options) -> RowLosses | None:
    """Return the loss of rows of probabilities."""
    scored = labelled(rows, options)
    if scored is None:
        return None
    found = scored.loss(loss.for_classes(scored.classes), options)
    if found is not None and options.reduction == "none":
        dtype = scored.table.array.dtype
        return found._replace(value=found.value.astype(dtype, copy=False))
    return found


def information(
    y_proba: Any, rows: ScoredRows, options: Options, soft: Any = None
) -> RowLosses | None:
    """Return the entropy of probabilities, or their divergence from soft labels."""
    table = None if options.from_logits else float_table(y_proba)
    if table is None:
        return None
    n, n_classes = len(table.array), max(table.width, 2)
    if soft is not None and (
        type(soft) is not np.ndarray
        or soft.shape != (n, n_classes)
        or soft.dtype != np.float64
        or not soft.flags.aligned
    ):
        return None
    try:
        weights = check_sample_weight(rows.sample_weight, n)
    except ValueError:
        return None
    target = Target(None, soft, np.ones(n_classes), weights)
    target, exponent = moderated(target, options.reduction)
    what = "entropy" if soft is None else "divergence"
    return Scored(table, target, exponent=exponent).losses(what, options)


def indicators(
    y_true: Any, y_proba: Any, columns: Any, rows: ScoredRows, options: Options
) -> RowLosses | None:
    """Return the log loss of independent indicators; columns are names or None."""
    table = None if options.from_logits else float_table(y_proba)
    if table is None or np.ma.isMaskedArray(y_true):
        return None
    y = as_array(y_true, "y_true")
    if y.dtype.str not in INDICATORS:
        return None
    n, K = len(table.array), table.width
    if y.shape != (n, K):
        return None
    try:
        weights = check_sample_weight(rows.sample_weight, n)
        of_columns = class_weights(options.class_weight, columns or range(K))
        of_columns = np.ones(K) if of_columns is None else of_columns
        target = Target(None, None, of_columns, weights, options.label_smoothing)
        target, exponent = moderated(target, options.reduction)
        target.check_range(table.array.dtype)
    except ValueError:
        return None
    scored = Scored(table, target, exponent=exponent)
    found = scored.losses("indicators", options, indicators=y)
    if found is None:
        return None
    # The weights of all columns together are those that a mean divides by.
    if options.reduction == "mean":
        total = found.total_weight() * float(target.class_weight.sum())
        return found._replace(total_weight=lambda: total)
    value = found.value / K
    if options.reduction == "none":
        value = value.astype(table.array.dtype, copy=False)
    return found._replace(value=value)


def bin_sums(
    rows: ScoredRows, options: Options, edges: NDArray[Any], classwise: bool
) -> tuple[Floats, int] | None:
    """Return Σ w, Σ w c, Σ w y, Σ w y² and Σ w² of bins, (m, bins, 5).

    Weights are over 2**exponent, which is returned as well.

    edges : those between the bins, as `np.searchsorted` reads them.
    """
    scored = labelled(rows, options) if len(edges) < MAX_BINS else None
    if scored is None:
        return None
    target = scored.target
    for weights in (target.sample_weight, target.class_weight):
        if weights is not None and (
            weights.min(where=weights > 0, initial=np.inf) < LEAST_WEIGHT
        ):
            return None
    edges = edges.astype(scored.table.array.dtype).astype(np.float64)
    curves = target.n_classes if classwise else 1
    bins = len(edges) + 1
    sums = np.zeros((curves * bins, 5))
    if scored.score("calibration", edges=edges, sums=sums) is None:
        return None
    return sums.reshape(curves, bins, 5), scored.exponent
