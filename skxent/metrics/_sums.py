"""The core of all metrics: sums over rows, which add, and a last step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skxent.inputs.targets import Target
from skxent.inputs.weights import Sums, scale_exponent
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.metrics._options import Options
from skxent.metrics._rows import ScoredRows, rows_of


class RowLosses(NamedTuple):
    """The weighted loss of every row, and a function that sums the weights."""

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


def moderated(target: Target) -> tuple[Target, int]:
    """Return the target with weights near one, over 2**exponent, and the exponent.

    Class weights are moderated as well; they are the same in all blocks of rows.
    """
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
