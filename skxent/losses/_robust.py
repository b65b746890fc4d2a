"""Losses that mislabelled rows cannot dominate: bounded, or linear in p far out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skxent.kernels.checks import Integers, Interval
from skxent.losses._loss import Loss
from skxent.losses._parameters import LARGEST, parameter


@dataclass(frozen=True)
class AlphaLoss(Loss):
    r"""The α-loss, a family with exponential loss, cross-entropy and 1 - p.

    .. math:: \varphi(m) = \frac{\alpha}{\alpha - 1} \left(1 - p^{1 - 1/\alpha}\right)

    α = 1/2 is the exponential of the margin, :math:`e^{-m}`; α = 1 is cross-entropy;
    α -> ∞ is 1 - p. For α > 1 it is `GeneralizedCrossEntropy` with q = 1 - 1/α:
    bounded, so that mislabelled rows cannot dominate. For α < 1 errors cost more than
    in cross-entropy, which helps rare classes. Convex for α <= 1, proper for α = 1
    alone.

    Parameters
    ----------
    alpha : float in [0.5, 1e6], default=2.0
        The larger, the less rows with a small probability of their class count.

    See Also
    --------
    GeneralizedCrossEntropy : The same for α > 1, with q = 1 - 1/α.

    References
    ----------
    Sypherd, Diaz, Cava, Dasarathy, Kairouz, Sankar (2019). A Tunable Loss Function for
    Robust Classification: Calibration, Landscape, and Generalization. arXiv 1906.02314.

    Examples
    --------
    >>> from skxent.losses import AlphaLoss
    >>> AlphaLoss(alpha=2.0).loss([1, 1], [0.0, -80.0]).round(4)
    array([0.5858, 2.    ])
    >>> AlphaLoss(alpha=0.5).loss([1, 1], [0.0, -3.0]).round(4)
    array([ 1.    , 20.0855])
    """

    alpha: float = parameter(2.0, Interval(0.5, LARGEST, "both"), by_class=False)

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        c = 1 - 1 / self.alpha
        return -np.expm1(-c * L) / c if c else L


@dataclass(frozen=True)
class TaylorCrossEntropy(Loss):
    r"""The first terms of the Taylor series of cross-entropy in 1 - p.

    .. math:: \varphi(m) = \sum_{j=1}^{t} (1 - p)^j / j

    t = 1 is 1 - p, t -> ∞ is cross-entropy. Bounded by 1 + 1/2 + ... + 1/t, so that
    mislabelled rows cannot dominate. Not convex and not proper. For t = 1 the minimiser
    does not determine the class probabilities: `posterior` is 1/K, and estimators warn.

    Parameters
    ----------
    order : int in [1, 50], default=6
        The number of terms t. The posterior of two classes is between 1 / (1 + t) and
        t / (1 + t): of classes more certain than that the minimiser is at infinity.

    See Also
    --------
    GeneralizedCrossEntropy : Another family between cross-entropy and 1 - p.
    Poly1 : Cross-entropy whose first term alone is changed.

    References
    ----------
    Feng, Shu, Lin, Lv, Li, An (2020). Can Cross Entropy Loss Be Robust to Label Noise?
    Proceedings of IJCAI 2020, 2206-2212.

    Examples
    --------
    >>> from skxent.losses import TaylorCrossEntropy
    >>> TaylorCrossEntropy(order=2).loss([1, 1], [0.0, -80.0]).round(4)
    array([0.625, 1.5  ])
    """

    order: int = parameter(6, Integers(1, 50), by_class=False)

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return sum(q**j / j for j in range(1, int(self.order) + 1))


@dataclass(frozen=True)
class JensenShannon(Loss):
    r"""Jensen-Shannon divergence between label and probabilities, scaled.

    .. math:: \varphi(m) = q + \frac{s \log s + a p (-\log p)}{a \log a}, \quad
        a = 1 - \pi, \quad s = 1 - a q

    That is :math:`[\pi\, KL(e_y \| M) + a\, KL(p \| M)] / (-a \log a)` with
    :math:`M = \pi e_y + a p`. It lies between cross-entropy (π -> 0) and 1 - p
    (π -> 1), and is bounded, so that mislabelled rows cannot dominate. Not convex and
    not proper.

    The divergence of a hard label depends on the probability of its class alone. For
    soft labels this class takes the mean of the divergences from the hard labels, as
    all losses do, which is not the divergence from the soft label.

    Parameters
    ----------
    weight : float in [0.01, 0.99], default=0.5
        The weight π of the label. Rounding errors grow as 1/π where π is small.

    See Also
    --------
    GeneralizedCrossEntropy : Another family between cross-entropy and 1 - p.
    SymmetricCrossEntropy : Cross-entropy plus its reverse.

    References
    ----------
    Englesson, Azizpour (2021). Generalized Jensen-Shannon Divergence Loss for Learning
    with Noisy Labels. arXiv 2105.04522.

    Examples
    --------
    >>> from skxent.losses import JensenShannon
    >>> JensenShannon(weight=0.5).loss([1, 1], [0.0, -80.0]).round(4)
    array([0.6226, 2.    ])
    """

    weight: float = parameter(0.5, Interval(0.01, 0.99, "both"))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        a = 1 - self.weight
        s_log_s = (1 - a * q) * np.log1p(-a * q)
        return q + (s_log_s + a * p * L) / (a * np.log(a))


@dataclass(frozen=True)
class PartiallyHuberized(Loss):
    r"""Cross-entropy that is linear in p for small p.

    .. math:: \varphi(m) = \begin{cases} -\log p & p > 1/\tau \\
        \log\tau + 1 - \tau p & p \le 1/\tau \end{cases}

    Bounded by log τ + 1, so that mislabelled rows cannot dominate. Not convex and not
    proper; φ'' jumps at p = 1/τ. `posterior` is 1/K where p <= 1/τ for all classes. For
    τ = 1 that is everywhere, and estimators warn.

    Parameters
    ----------
    tau : float in [1, 1e6], default=10.0
        1 over the probability at which the linear part begins. The posterior of two
        classes is between 1 / (1 + τ) and τ / (1 + τ): of classes more certain than
        that the minimiser is at infinity.

    See Also
    --------
    GeneralizedCrossEntropy : Smooth, and bounded as well.

    References
    ----------
    Menon, Rawat, Reddi, Kumar (2020). Can Gradient Clipping Mitigate Label Noise?
    International Conference on Learning Representations.

    Examples
    --------
    >>> from skxent.losses import PartiallyHuberized
    >>> PartiallyHuberized(tau=10.0).loss([1, 1], [0.0, -80.0]).round(4)
    array([0.6931, 3.3026])
    """

    tau: float = parameter(10.0, Interval(1.0, LARGEST, "both"))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return np.where(self.tau * p > 1, L, 1 - self.tau * p + np.log(self.tau))
