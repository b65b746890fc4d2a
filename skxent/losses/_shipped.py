"""The losses that are shipped, and their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

from skxent.kernels.cached import cached_by_identity
from skxent.kernels.checks import Interval
from skxent.losses._compared import InverseFocal, SquaredError, SquaredHinge
from skxent.losses._loss import Loss
from skxent.losses._parameters import LARGEST, SMALLEST, parameter
from skxent.losses._robust import (
    AlphaLoss,
    JensenShannon,
    PartiallyHuberized,
    TaylorCrossEntropy,
)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    r"""Cross-entropy (log loss): −log of the probability of the true class, in nats.

    .. math:: \varphi(m) = -\log p = \log(1 + e^{-m})

    Convex and proper. With label smoothing or soft labels it is the cross-entropy
    against the soft target.

    See Also
    --------
    Focal : Rows that are predicted well count less.
    Poly1 : Rows that are predicted badly count more.
    skxent.metrics.cross_entropy : The mean over rows, as a metric.

    Examples
    --------
    >>> from skxent.losses import CrossEntropy
    >>> CrossEntropy().loss([1, 0], [0.0, 80.0]).round(4)
    array([ 0.6931, 80.    ])
    """

    convex: ClassVar[bool] = True
    proper: ClassVar[bool] = True
    has_posterior: ClassVar[bool] = True
    spec: ClassVar[tuple[str]] = ("cross_entropy",)

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return L


@dataclass(frozen=True)
class Focal(Loss):
    r"""Focal loss: cross-entropy with less weight on rows that are predicted well.

    .. math:: \varphi(m) = q^\gamma (-\log p), \quad q = 1 - p

    Not convex for gamma > 0, and not proper: softmax of its minimiser is
    under-confident, for many classes at low confidence over-confident. `posterior`
    gives the class probabilities of the minimiser of a model that can represent them;
    as a metric the loss may prefer the worse of two forecasts.

    Parameters
    ----------
    gamma : float in [0, 1e6], default=2.0
        The focusing parameter. 0 is cross-entropy. As every parameter of a loss it may
        differ between classes: K numbers, or a dict of label to number.

    See Also
    --------
    InverseFocal : The opposite: rows that are predicted well count more.
    AsymmetricLoss : Focal loss that differs between yes and no.
    skxent.FocalLogisticRegression : A linear model with this loss.
    skxent.metrics.focal_loss : The mean over rows, as a metric.

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

    gamma: Any = parameter(2.0, Interval(0.0, LARGEST, "both"))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return q**self.gamma * L


@dataclass(frozen=True)
class GeneralizedCrossEntropy(Loss):
    r"""Generalized cross-entropy, L_q: between cross-entropy and mean absolute error.

    .. math:: \varphi(m) = (1 - p^\theta) / \theta

    with θ the parameter `q`. Bounded, so that mislabelled rows cannot dominate. q -> 0
    is cross-entropy, q = 1 is 1 - p. Not convex and not proper: softmax of its
    minimiser is over-confident.

    `posterior`, and with it `predict_proba`, holds for the minimiser over all functions
    of X. A model that cannot express the true logits gives up the rows that it cannot
    fit, and the larger q, the less its posterior is a probability: it can be worse than
    1/K for every class (the user guide on wrong labels has an example). At q = 1 the
    minimiser does not determine the class probabilities: `posterior` is 1/K, and
    estimators warn. Compare its log loss on held-out rows with that of cross-entropy
    before you use it.

    Parameters
    ----------
    q : float in [1e-6, 1], default=0.7
        The larger, the less rows with a small probability of their class count.

    See Also
    --------
    AlphaLoss : The same family, continued beyond cross-entropy.
    SymmetricCrossEntropy : Unbounded, and convex for small beta.
    TaylorCrossEntropy : Another family between cross-entropy and 1 - p.
    skxent.metrics.rank_label_issues : Find the rows that are mislabelled.

    References
    ----------
    Zhang, Sabuncu (2018). Generalized Cross Entropy Loss for Training Deep Neural
    Networks with Noisy Labels. arXiv 1805.07836.

    Examples
    --------
    >>> from skxent.losses import GeneralizedCrossEntropy
    >>> GeneralizedCrossEntropy(q=0.5).loss([1, 1], [0.0, -80.0]).round(4)
    array([0.5858, 2.    ])
    """

    q: float = parameter(0.7, Interval(SMALLEST, 1.0, "both"))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return (1 - p**self.q) / self.q


@dataclass(frozen=True)
class SymmetricCrossEntropy(Loss):
    r"""Cross-entropy plus reverse cross-entropy, in which log 0 is a constant.

    .. math:: \varphi(m) = \alpha (-\log p) + \beta |A| (1 - p), \quad A = \log 0

    Convex if alpha >= beta \|A\|, and proper for beta = 0 alone: softmax of its
    minimiser is over-confident.

    Parameters
    ----------
    alpha : float in [1e-6, 1e6], default=1.0
        The weight of cross-entropy.
    beta : float in [0, 1e6], default=1.0
        The weight of reverse cross-entropy.
    log_zero : float in [-1e6, 0), default=-4.0
        The number A that stands for log 0.

    See Also
    --------
    GeneralizedCrossEntropy : Bounded, so that mislabelled rows cannot dominate.

    References
    ----------
    Wang, Ma, Chen, Luo, Yi, Bailey (2019). Symmetric Cross Entropy for Robust Learning
    with Noisy Labels. arXiv 1908.06112.

    Examples
    --------
    >>> from skxent.losses import SymmetricCrossEntropy
    >>> SymmetricCrossEntropy().loss([1], [0.0]).round(4)
    array([2.6931])
    """

    alpha: float = parameter(1.0, Interval(SMALLEST, LARGEST, "both"))
    beta: float = parameter(1.0, Interval(0.0, LARGEST, "both"))
    log_zero: float = parameter(-4.0, Interval(-LARGEST, 0.0, "left"))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return self.alpha * L + self.beta * abs(self.log_zero) * q


@dataclass(frozen=True)
class Poly1(Loss):
    r"""Cross-entropy with another first coefficient of its expansion in 1 - p.

    .. math:: \varphi(m) = -\log p + \epsilon_1 (1 - p)

    Convex for epsilon <= 1, and proper for epsilon = 0 alone: softmax of its minimiser
    is over-confident above, under-confident below.

    Parameters
    ----------
    epsilon : float in [-1, 1e6], default=1.0
        0 is cross-entropy.

    See Also
    --------
    Focal : It changes all terms of the expansion.
    TaylorCrossEntropy : The first terms of the expansion alone.

    References
    ----------
    Leng et al. (2022). PolyLoss: A Polynomial Expansion Perspective of Classification
    Loss Functions. arXiv 2204.12511.

    Examples
    --------
    >>> from skxent.losses import Poly1
    >>> Poly1(epsilon=2.0).loss([1], [0.0]).round(4)
    array([1.6931])
    """

    epsilon: float = parameter(1.0, Interval(-1.0, LARGEST, "both"))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return L + self.epsilon * q


LOSSES: dict[str, type[Loss]] = {
    cls.name: cls
    for cls in (
        CrossEntropy,
        Focal,
        GeneralizedCrossEntropy,
        SymmetricCrossEntropy,
        Poly1,
        AlphaLoss,
        TaylorCrossEntropy,
        JensenShannon,
        PartiallyHuberized,
        InverseFocal,
        SquaredError,
        SquaredHinge,
    )
}

# Convex: where solvers begin with losses that are not.
SURROGATE = CrossEntropy()


@cached_by_identity
def by_default(kind: type[Loss]) -> Loss:
    """Return the loss of a class with default parameters, one object for all calls."""
    return kind()


def as_loss(loss: str | Loss) -> Loss:
    """Return a loss, or the one of that name in LOSSES with its default parameters."""
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str) and loss in LOSSES:
        return by_default(LOSSES[loss])
    hint = ""
    if isinstance(loss, type) and issubclass(loss, Loss):
        hint = f" Write {loss.__name__}()."
    elif isinstance(loss, str):
        # Names of classes tell which loss is meant, too: "Focal", "CrossEntropyLoss".
        names = {cls.__name__.lower(): name for name, cls in LOSSES.items()}
        names |= {name: name for name in LOSSES}
        near = get_close_matches(loss.lower().removesuffix("loss"), names, 1)
        hint = f" Did you mean {names[near[0]]!r}?" if near else ""
        if not near and re.search(r"\b[pqL]\b", loss):
            hint = f" A formula is written FormulaLoss({loss!r})."
    elif callable(loss):
        hint = " Write a function as a FormulaLoss or a subclass of Loss."
    allowed = ", ".join(map(repr, LOSSES))
    raise ValueError(f"loss must be one of {allowed}, got {loss!r}.{hint}")
