"""The core of all metrics: rows, sums over them, which add, and a last step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.categories import encode_coded
from skxent.inputs.columns import align, classes_of_columns, named_classes
from skxent.inputs.labels import (
    as_labels,
    check_targets,
    encode_labels,
    is_soft,
    mask_ignored,
    refuse_missing,
)
from skxent.inputs.tables import logits_from
from skxent.inputs.targets import Target, make_target
from skxent.inputs.weights import (
    Sums,
    check_sample_weight,
    class_weights,
    scale_exponent,
)
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.metrics._options import Options

Value = TypeVar("Value")
# A metric: from a block of rows to their losses.
OfBlock = Callable[["ScoredRows", Options], Value]


@dataclass(frozen=True)
class ScoredRows:
    """Labels, predictions and weights of rows in memory: a single block of rows.

    A subclass whose rows are in several blocks calls the function for each block.
    """

    y_true: Any
    y_proba: Any
    sample_weight: Any = None

    def sum(self, function: OfBlock[Value], options: Options) -> Value:
        """Return the sum of ``function(block, options)`` over the blocks of rows."""
        return function(self, options)

    def each(self, function: OfBlock[Floats], options: Options) -> Any:
        """Return ``function(block, options)``, one number a row, for all rows."""
        return function(self, options)


def rows_of(y_true: Any, y_proba: Any, options: Options) -> ScoredRows:
    """Return the arguments of a metric as rows.

    Rows may also be passed as y_proba, which then hold y_true and the weights, too.
    """
    if isinstance(y_proba, ScoredRows):
        return y_proba
    return ScoredRows(y_true, y_proba, options.sample_weight)


def by_name(rows: ScoredRows, options: Options) -> tuple[Any, Any]:
    """Return y_true and y_proba with their columns in the order of the classes."""
    y_true, y_proba = align(
        rows.y_true,
        rows.y_proba,
        labels=options.labels,
        ignore_index=options.ignore_index,
    )
    return y_true, y_proba


def read(rows: ScoredRows, options: Options) -> tuple[Floats, Target, NDArray[Any]]:
    """Return the logits (n, K), or log-odds (n,), targets and classes of a block."""
    y_true, y_proba = by_name(rows, options)
    raw = logits_from(y_proba, options.from_logits)
    return raw, *prepare_target(y_true, raw, rows.sample_weight, options)


def prepare_target(
    y_true: ArrayLike,
    table: Floats,
    sample_weight: Any,
    options: Options,
    name: str = "y_proba",
    *,
    rows_checked: bool = True,
) -> tuple[Target, NDArray[Any]]:
    """Return checked targets for the rows of a table (n, K), or (n,), and the classes.

    Codes are places in `labels`, in the order that these have. With rows_checked=False
    rows of soft labels may be any numbers, which the caller checks.
    """
    n_classes = 2 if table.ndim == 1 else table.shape[1]
    ignored = options.ignore_index
    weights = check_sample_weight(sample_weight, len(table))
    coded = None
    if ignored is None and not isinstance(y_true, np.ndarray):
        coded = encode_coded(y_true)
    if coded is not None:
        y = coded.codes
    elif ignored is None:
        y = as_labels(y_true, "y_true")
    else:
        y, kept = mask_ignored(y_true, ignored, "y_true")
        if not kept.any():
            raise ValueError(
                f"y_true must have labels other than ignore_index, got only {ignored}."
            )
        if len(y) != len(table):
            raise ValueError(f"y_true must have {len(table)} rows, got {len(y)}.")
        y = as_labels(y, "y_true")
        weights = np.where(kept, 1.0 if weights is None else weights, 0.0)
    classes = classes_of_columns(options.labels, n_classes, ignored)
    if is_soft(y):
        classes, codes = np.arange(n_classes) if classes is None else classes, y
    else:
        if y.dtype.kind == "f":
            refuse_missing(int(np.isnan(y).sum()), "y_true")
        if y.dtype.kind not in "iubUS":
            _check_labels(y)
        classes, codes = encode_labels(y, classes, "y_true", coded)
    if len(classes) != n_classes:
        raise ValueError(
            f"{name} must have a column for each of {len(classes)} labels, got "
            f"{n_classes} columns. If y_true lacks labels, pass all of them as labels."
        )
    target = make_target(
        codes,
        len(table),
        n_classes,
        sample_weight=weights,
        class_weight=class_weights(
            options.class_weight,
            classes,
            codes=codes,
            sample_weight=weights,
            ignored=ignored,
        ),
        label_smoothing=options.label_smoothing,
        dtype=table.dtype if rows_checked else np.float64,
        name="y_true",
        rows_checked=rows_checked or isinstance(options.class_weight, str),
    )
    return target, classes


def _check_labels(y: NDArray[Any]) -> None:
    try:
        check_targets(y)
    except ValueError as error:
        if "continuous" not in str(error):
            raise
        raise ValueError(
            "y_true must be labels, got continuous numbers. Pass y_true first, then "
            "y_proba."
        ) from error


def weighted_rows(raw: Floats, target: Target) -> tuple[Floats, Target]:
    """Return both in float64, with class weights in the weights of the rows."""
    target = target.with_row_weights()
    if target.soft is not None:
        target = replace(target, soft=target.soft.astype(np.float64, copy=False))
    return raw.astype(np.float64, copy=False), target


def column_labels(rows: ScoredRows, labels: ArrayLike | None) -> Any:
    """Return the label of each column of predictions."""
    if labels is not None:
        return np.asarray(labels)
    if not is_soft(rows.y_true):
        return encode_labels(rows.y_true)[0]
    named = named_classes(rows.y_true, rows.y_proba)
    return np.arange(np.shape(rows.y_true)[1]) if named is None else named


class RowLosses(NamedTuple):
    """The weighted loss of every row, and a function that sums the weights.

    With a reduction `value` may be the sum of the losses.
    """

    value: Floats
    total_weight: Callable[[], float]
    exponent: int = 0


Metric = Callable[[ScoredRows, Options], RowLosses]


def reduce_rows(metric: Metric, y_true: Any, y_proba: Any, options: Options) -> Any:
    """Return the losses of all rows, their sum or their mean."""
    rows = rows_of(y_true, y_proba, options)
    if options.reduction == "none":
        return rows.each(partial(values_of, metric), options)
    sums = rows.sum(partial(sums_of, metric), options)
    return sums.loss if options.reduction == "sum" else sums.mean()


def values_of(metric: Metric, rows: ScoredRows, options: Options) -> Floats:
    """Return the losses of the rows of a block, in the caller's unit."""
    return in_base(metric(rows, options).value, options.base)


def sums_of(metric: Metric, rows: ScoredRows, options: Options) -> Sums:
    """Return the sums over the rows of a block, in the caller's unit."""
    value, total_weight, exponent = metric(rows, options)
    loss = total(in_base(value, options.base))
    if options.reduction == "sum":
        return Sums(loss)
    return Sums(loss, total_weight(), exponent=exponent)


def in_base(value: Floats, base: float | None) -> Floats:
    """Return losses in nats, which may be overwritten, in the unit of a base."""
    if base is not None:
        value /= np.log(base)
    return value


def total(value: Floats) -> float:
    """Return the sum of an array of any dtype, summed in float64."""
    return float(value.sum(dtype=np.float64))


def moderated(target: Target, reduction: str = "mean") -> tuple[Target, int]:
    """Return the target with weights near one, over 2**exponent, and the exponent.

    Class weights are moderated as well; they are the same in all blocks of rows. With
    another reduction than the mean the target stays as it is.
    """
    if reduction != "mean":
        return target, 0
    new = target.moderate()
    if new.sample_weight is target.sample_weight:
        return new, 0
    return new, scale_exponent(target.sample_weight)


def loss_of_rows(loss: Loss, target: Target, raw: Floats) -> Floats:
    """Return the weighted loss of every row, in nats."""
    value: Floats = np.empty(len(raw), dtype=raw.dtype)
    z = raw[:, np.newaxis] if raw.ndim == 1 else raw
    loss.evaluate(z, target, value=value)
    return value


def mean_loss(loss: Loss, target: Target, raw: Floats) -> float:
    """Return the weighted mean of the losses of rows in memory."""
    target = target.moderate()
    return mean_of(loss_of_rows(loss, target, raw), target.total_weight())


def mean_of(value: Floats, total_weight: float) -> float:
    """Return the sum of weighted losses over the sum of their weights."""
    return Sums(total(value), total_weight).mean()
