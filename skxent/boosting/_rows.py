"""The rows that a booster is trained on, with codes and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from skxent.base.estimator import TrainingData
from skxent.boosting._pools import take_rows
from skxent.inputs.columns import by_code
from skxent.inputs.labels import (
    as_array,
    check_several,
    check_targets,
    encode_labels,
    is_soft,
)
from skxent.inputs.soft_labels import check_soft_labels
from skxent.inputs.weights import check_sample_weight, check_some_weight


def training_rows(
    X: Any, y: Any, sample_weight: Any
) -> tuple[NDArray[Any], TrainingData]:
    """Return the classes and the checked rows that have a weight."""
    soft = is_soft(y)
    y = as_array(by_code(y), "y") if soft else y
    weights = check_sample_weight(sample_weight, len(y))
    if soft:
        X, y, weights = _row_for_each_class(X, y, weights)
    else:
        check_targets(y)
    if weights is not None and not weights.all():
        # Rows without weight would still move the borders of the bins.
        kept = np.flatnonzero(weights)
        check_some_weight(len(kept))
        X, y, weights = take_rows(X, kept), y[kept], weights[kept]
    info = np.finfo(np.float32)
    if weights is not None and not info.tiny <= weights.max() <= info.max:
        raise ValueError(
            f"sample_weight must have its largest number in [{info.tiny:.3g}, "
            f"{info.max:.3g}], as boosters keep float32, got {weights.max():.3g}."
        )
    classes, codes = encode_labels(y)
    check_several(classes)
    return classes, TrainingData(X, codes, weights)


def _row_for_each_class(X: Any, y: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Return a row for each class of each row of soft labels, weighted by the label.

    The sums of gradients and Hessians are those of the soft labels, in any library.
    """
    table = check_soft_labels(y, y.shape[1], np.float64, "y")
    if weights is not None:
        table = table * weights[:, np.newaxis]
    without = np.flatnonzero(table.sum(axis=0) == 0)
    if len(without):
        raise ValueError(
            "y must have positive soft labels of every class, got a column of zeros "
            f"for class {without[0]}."
        )
    rows, codes = np.nonzero(table)
    return _safe_indexing(X, rows), codes, table[rows, codes]
