"""The losses: frozen dataclasses over the compiled formulas.

A loss knows its parameters and two facts that solvers read (`convex`, `proper`). Its
metric, scorer, estimator, tests and benchmarks are functions of it; `LOSSES` lists all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from skxent._loss import Loss, parameter
from skxent._validation import Interval

__all__ = ["LOSSES", "CrossEntropy", "Focal", "Loss"]


@dataclass(frozen=True)
class CrossEntropy(Loss):
    r"""Cross-entropy, also log loss: the surprise at the true class, in nats.

    .. math:: \varphi(m) = -\log p = \log(1 + e^{-m})

    Convex and proper. With label smoothing or soft labels it is the cross-entropy
    against the soft target.

    Examples
    --------
    >>> from skxent.losses import CrossEntropy
    >>> CrossEntropy().loss([1, 0], [0.0, 80.0]).round(4)
    array([ 0.6931, 80.    ])
    """

    formula: ClassVar[str] = "cross_entropy"
    convex: ClassVar[bool] = True
    proper: ClassVar[bool] = True

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return L


@dataclass(frozen=True)
class Focal(Loss):
    r"""Focal loss: cross-entropy that pays less for what is already right.

    .. math:: \varphi(m) = q^\gamma (-\log p), \quad q = 1 - p

    Not convex for gamma > 0, and not proper: softmax of its minimiser is
    under-confident. `posterior` gives the class probabilities.

    Parameters
    ----------
    gamma : float in [0, inf), default=2.0
        The focusing parameter. 0 is cross-entropy.

    References
    ----------
    Lin, Goyal, Girshick, He, Dollár (2017). Focal Loss for Dense Object Detection.
    arXiv 1708.02002.

    Examples
    --------
    >>> from skxent.losses import Focal
    >>> Focal(gamma=2.0).loss([1, 1], [0.0, 2.0]).round(4)
    array([0.1733, 0.0018])
    """

    formula: ClassVar[str] = "focal"
    gamma: float = parameter(2.0, Interval(0.0, closed="left"))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return q**self.gamma * L

    @property
    def convex(self) -> bool:
        return self.gamma == 0

    @property
    def proper(self) -> bool:
        return self.gamma == 0


LOSSES: dict[str, type[Loss]] = {cls.formula: cls for cls in (CrossEntropy, Focal)}
