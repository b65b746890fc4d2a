"""The core of all metrics: sums over rows, which add, and a last step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skxent.inputs.targets import Target
from skxent.inputs.weights import check_sum, common_exponent, scale_exponent
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.metrics._options import Options
from skxent.metrics._rows import Rows, rows_of


@dataclass(frozen=True)
class Sums:
    """Sums over rows of a weighted loss and of the weights, both over 2**exponent.

    The exponent keeps sums of very large or very small weights within the range of
    float64. `weight` is a number, or that of each class (K,); `n_weighted` counts the
    rows of positive weight, where a metric needs that.
    """

    loss: float
    weight: Any = 0.0
    n_weighted: int = 0
    exponent: int = 0

    def __add__(self, other: Sums) -> Sums:
        exponent = common_exponent((self, other))
        a, b = self.over(exponent), other.over(exponent)
        rows = self.n_weighted + other.n_weighted
        return Sums(a.loss + b.loss, a.weight + b.weight, rows, exponent)

    def over(self, exponent: int) -> Sums:
        """Return the same sums with another exponent."""
        if exponent == self.exponent:
            return self
        bits = self.exponent - exponent
        loss, weight = float(np.ldexp(self.loss, bits)), np.ldexp(self.weight, bits)
        return replace(self, loss=loss, weight=weight, exponent=exponent)

    def mean(self) -> float:
        """Return the loss over the weight."""
        check_sum(self.weight)
        return float(self.loss / self.weight)


class RowLosses(NamedTuple):
    """The weighted loss of every row, and a function that sums the weights."""

    value: Floats
    total_weight: Callable[[], float]
    exponent: int = 0


Metric = Callable[[Rows, Options], RowLosses]


def reduce_rows(metric: Metric, y_true: Any, y_proba: Any, options: Options) -> Any:
    """Return the losses of all rows, their sum or their mean."""
    rows = rows_of(y_true, y_proba, options)
    if options.reduction == "none":
        return rows.each(partial(values_of, metric), options)
    sums = rows.sum(partial(sums_of, metric), options)
    return sums.loss if options.reduction == "sum" else sums.mean()


def values_of(metric: Metric, rows: Rows, options: Options) -> Floats:
    """Return the losses of the rows of a block, in the caller's unit."""
    return in_base(metric(rows, options).value, options.base)


def sums_of(metric: Metric, rows: Rows, options: Options) -> Sums:
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
