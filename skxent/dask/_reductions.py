"""Sums of metrics over dask's blocks: what a block says, and how it is put together.

A block's function is called with its y, p and w as arrays, and `summed`: whether its
answer is sums, a tuple (Σ of losses, Σ of weights, ...), or the loss of every row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from skxent import metrics
from skxent.dask._each_block import each_block, each_row
from skxent.inputs.labels import encode_labels, mask_ignored
from skxent.inputs.tables import (
    check_classes,
    check_logits,
    classes_of_columns,
    logits_of,
)
from skxent.inputs.weights import (
    balanced_class_weight,
    by_label,
    check_sum,
    without_ignored,
)
from skxent.kernels.checks import check_option
from skxent.losses._shipped import Loss
from skxent.metrics._calibration_error import assign, bin_sums, outcomes
from skxent.metrics._evaluate import check_base, loss_of_rows, prepare_target
from skxent.metrics._options import Reduction
from skxent.optimize.rows.blocks import add

Sums = tuple[Any, ...]


def named(data: tuple[Any, Any, Any]) -> dict[str, Any]:
    y_true, y_proba, sample_weight = data
    return {"y_proba": y_proba, "y_true": y_true, "sample_weight": sample_weight}


def sums_of(
    function: Callable[..., Any], arguments: tuple[Any, ...], data: tuple[Any, Any, Any]
) -> Sums:
    """Σ over the blocks of what the function says of each."""
    total = each_block(of_block, (function, True, arguments), **named(data)).sum()
    if total is None:
        raise ValueError("y_proba must have at least one row, got none.")
    return total


def reduced(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    data: tuple[Any, Any, Any],
    reduction: Reduction,
    base: float | None = None,
) -> Any:
    check_option("reduction", reduction, get_args(Reduction))
    check_base(base)
    unit = 1.0 if base is None else np.log(base)
    if reduction == "none":
        return every_row(function, arguments, data) / unit
    total, weight, *_ = sums_of(function, arguments, data)
    if reduction == "sum":
        return float(total / unit)
    check_sum(weight)
    return float(total / unit / weight)


def every_row(
    function: Callable[..., Any], arguments: tuple[Any, ...], data: tuple[Any, Any, Any]
) -> da.Array:
    """What the function says of every row."""
    y_proba = data[1]
    single = isinstance(y_proba, da.Array) and y_proba.dtype == np.float32
    dtype = np.dtype(np.float32 if single else np.float64)
    return each_row(of_block, (function, False, arguments), (), dtype, **named(data))


def of_block(
    index: int,
    rows: dict[str, Any],
    function: Callable[..., Any],
    summed: bool,
    arguments: tuple[Any, ...],
) -> Any:
    """The function of a block as arrays, or what there is to say of no rows."""
    arrays = {name: np.asarray(values) for name, values in rows.items()}
    y, p, w = map(arrays.get, ("y_true", "y_proba", "sample_weight"))
    assert p is not None
    if not len(p):
        return None if summed else np.empty(0)
    return function(y, p, w, summed, *arguments)


def loss_sums(
    y: Any,
    p: NDArray[Any],
    w: Any,
    summed: bool,
    loss: Loss,
    known: tuple[Any, Any],
    from_logits: bool,
    settings: dict[str, Any],
) -> Any:
    raw = check_logits(p) if from_logits else logits_of(p)
    ignored = settings["ignore_index"]
    heard = slice(None) if ignored is None else mask_ignored(y, ignored, "y_true")[1]
    labels, class_weight = known
    n_classes = 2 if raw.ndim == 1 else raw.shape[1]
    value = np.zeros(len(raw), dtype=raw.dtype)
    if len(value[heard]):
        target = prepare_target(
            y[heard],
            raw[heard],
            labels=classes_of_columns(labels, n_classes, ignored),
            class_weight=without_ignored(by_label(class_weight), ignored),
            sample_weight=None if w is None else w[heard],
            label_smoothing=settings["label_smoothing"],
        )
        value[heard] = loss_of_rows(loss, target, raw[heard])
        if summed:
            mass = target.mass()
            return float(value.sum(dtype=np.float64)), float(mass.sum()), mass
    return None if summed else value


def bin_sums_of(
    y: Any,
    p: NDArray[Any],
    w: Any,
    summed: bool,
    known: tuple[Any, Any],
    n_bins: int,
    settings: dict[str, Any],
) -> NDArray[np.float64] | None:
    """Of a calibration error, Σ in every bin of each column: (m, 5, n_bins)."""
    labels, class_weight = known
    ignored = settings["ignore_index"]
    heard = (
        np.ones(len(p), dtype=bool)
        if ignored is None
        else mask_ignored(y, ignored, "y_true")[1]
    )
    if w is not None:
        heard &= w != 0
    if not heard.any():
        return None
    confidence, event, weight = outcomes(
        y[heard],
        p[heard],
        labels=labels,
        class_weight=class_weight,
        sample_weight=None if w is None else w[heard],
        **settings,
    )
    sums = [
        bin_sums(n_bins, assign(c, weight, n_bins, "uniform")[1], c, e, weight)
        for c, e in zip(confidence.T, event.T, strict=True)
    ]
    return np.array(sums)


def log_loss_sums(
    y: Any, p: NDArray[Any], w: Any, summed: bool, known: tuple[Any, Any]
) -> Sums:
    total = metrics.log_loss(
        y, p, normalize=False, sample_weight=w, labels=known[0].tolist()
    )
    return total, float(len(p) if w is None else np.sum(w))


def of_rows_alone(
    metric: Callable[..., Any],
    data: tuple[Any, Any, Any],
    reduction: Reduction = "mean",
    base: float | None = None,
    **keywords: Any,
) -> Any:
    """A metric of rows that need nothing of each other."""
    return reduced(metric_sums, (metric, keywords), data, reduction, base)


def metric_sums(
    y: Any,
    p: NDArray[Any],
    w: Any,
    summed: bool,
    metric: Callable[..., Any],
    keywords: dict[str, Any],
) -> Any:
    of_rows = metric if y is None else lambda *args, **kw: metric(y, *args, **kw)
    value = of_rows(p, sample_weight=w, reduction="none", **keywords)
    if not summed:
        return value
    weight = float(len(p) if w is None else np.sum(w))
    if metric is metrics.multilabel_log_loss:
        # Its mean is over columns, too, by their weight.
        columns = keywords.get("class_weight")
        weight *= 1.0 if columns is None else float(np.mean(columns))
    return float(value.sum(dtype=np.float64)), weight


def known_labels(
    data: tuple[Any, Any, Any], labels: Any, class_weight: Any, ignored: Any
) -> Any:
    """Labels and class weights; a delayed value where all blocks must tell."""
    if isinstance(class_weight, str):
        check_option("class_weight", class_weight, ("balanced",))
    elif labels is not None:
        return check_classes("labels", labels), class_weight
    y_true, _, sample_weight = data
    rows = {"y_true": y_true, "sample_weight": sample_weight}
    found = each_block(labels_of, (ignored,), **rows)
    return found.together(merged_labels, labels, class_weight)


def labels_of(
    index: int, rows: dict[str, Any], ignored: Any
) -> tuple[NDArray[Any] | None, NDArray[np.float64]] | None:
    """The labels of a block and the weight of each; None for soft labels."""
    y, w = np.asarray(rows["y_true"]), rows.get("sample_weight")
    w = np.ones(len(y)) if w is None else np.asarray(w)
    if y.ndim == 2 and y.shape[1] > 1:
        return (None, w @ y) if len(y) else None
    y = y.ravel()
    if ignored is not None:
        heard = mask_ignored(y, ignored, "y_true")[1]
        w, y = w[heard], y[heard]
    if not len(y):
        return None
    labels, codes = encode_labels(y)
    return labels, np.bincount(codes, w, len(labels)).astype(np.float64)


def merged_labels(found: list[Any], labels: Any, class_weight: Any) -> tuple[Any, Any]:
    """What `known_labels` tells, from what all blocks have told."""
    found = [block for block in found if block is not None]
    if not found:
        raise ValueError("y_true must have rows with a label, got none.")
    if found[0][0] is None:
        mass = add(mass for _, mass in found)
        labels = np.arange(len(mass)) if labels is None else np.asarray(labels)
    else:
        if labels is None:
            labels = np.unique(np.concatenate([block for block, _ in found]))
        labels = np.asarray(labels)
        mass = np.zeros(len(labels))
        for of_block, weight in found:
            mass[encode_labels(of_block, labels, "y_true")[1]] += weight
    if isinstance(class_weight, str):
        codes = np.arange(len(labels))
        class_weight = balanced_class_weight(codes, len(labels), mass)
    return labels, class_weight
