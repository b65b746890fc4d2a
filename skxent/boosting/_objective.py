"""Objectives and metrics in no library's form: derivatives and a mean loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from skxent.boosting._loss import BoosterLoss
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_option

HESSIANS = ("clip", "exact", "psd")


class MetricKeywords(TypedDict, total=False):
    class_weight: Any
    label_smoothing: float
    soft_labels: ArrayLike | None
    n_threads: int | None


class ObjectiveKeywords(MetricKeywords, total=False):
    hessian: str


# XGBoost's own floor for the Hessian of its classification objectives.
FLOOR = 1e-16


@dataclass(frozen=True, eq=False)
class BoosterObjective(BoosterLoss):
    """The objective of a booster; a subclass for each library calls `derivatives`.

    Parameters
    ----------
    hessian : {"clip", "exact", "psd"}, default="clip"
        Treatment of negative second derivatives, which losses that are not convex have
        and from which boosters make no split or a step uphill. "clip": max(h, 1e-16).
        "psd": put max(φ'', -p φ') in place of φ'' in the whole Hessian, which then has
        no negative eigenvalue: -p φ' is the curvature of a cross-entropy with the same
        gradient. "exact": none.
    even : bool, default=False
        Round the derivatives to 22 bits before they are weighted. The libraries keep
        float32 and sum in float64. With two bits to spare a row of weight 3 adds
        exactly what three rows do.

    See :class:`BoosterLoss` for the other parameters.
    """

    hessian: str = "clip"
    even: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        check_option("hessian", self.hessian, HESSIANS)
        super().__post_init__()

    def factor(self, n_classes: int) -> float:
        """Return the library's factor of the Hessian for more than two classes."""
        return 1.0

    def derivatives(
        self, y: Any, raw_prediction: Floats, sample_weight: Any
    ) -> tuple[Floats, Floats]:
        """Return the gradient and the diagonal of the Hessian.

        Both have the shape and the order of the raw prediction, and its dtype unless
        they are even.
        """
        weight = None if self.even else sample_weight
        z, target = self._prepare(y, raw_prediction, weight)
        gradient, hessian = np.empty_like(z), np.empty_like(z)
        factor = 1.0 if z.shape[1] == 1 else self.factor(z.shape[1])
        self.loss.evaluate(
            z,
            target,
            gradient=gradient,
            hessian=hessian,
            psd=self.hessian == "psd",
            floor=-np.inf if self.hessian == "exact" else FLOOR / factor,
            n_threads=self.n_threads,
        )
        if factor != 1:
            hessian *= factor
        if np.ndim(raw_prediction) == 1:
            gradient, hessian = gradient[:, 0], hessian[:, 0]
        if not self.even:
            return gradient, hessian
        return weighted_evenly(gradient, sample_weight), weighted_evenly(
            hessian, sample_weight
        )


def weighted_evenly(derivative: Floats, sample_weight: Any) -> Floats:
    """Return the derivative of each row, rounded to 22 bits and then weighted."""
    values = derivative.astype(np.float32, copy=False)
    bits = values.view(np.int32)
    bits += 2
    bits &= -4
    if sample_weight is not None:
        values *= np.reshape(sample_weight, (-1,) + (1,) * (values.ndim - 1))
    return values


@dataclass(frozen=True, eq=False)
class BoosterMetric(BoosterLoss):
    """The metric of a booster: the mean loss, to be minimised."""

    @property
    def __name__(self) -> str:
        """The name by which XGBoost calls the metric."""
        return self.loss.name
