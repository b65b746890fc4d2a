"""Losses of other methods and of studies, to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skxent.kernels.checks import Interval
from skxent.losses._loss import Loss
from skxent.losses._parameters import parameter


@dataclass(frozen=True)
class InverseFocal(Loss):
    r"""Cross-entropy with more weight on rows that are predicted well.

    .. math:: \varphi(m) = (1 + p)^\gamma (-\log p)

    The opposite of `Focal`: softmax of its minimiser is over-confident. Not convex in
    general, and proper for gamma = 0 alone. For gamma above 1 the posterior may have
    the classes in another order than the logits: the loss is then not consistent.

    Parameters
    ----------
    gamma : float in [0, 3.5], default=1.0
        0 is cross-entropy. Beyond 3.59 the loss would grow with p.

    See Also
    --------
    Focal : The opposite: rows that are predicted well count less.

    References
    ----------
    Wang, Feng, Zhang (2021). Rethinking Calibration of Deep Neural Networks: Do Not Be
    Afraid of Overconfidence. Advances in Neural Information Processing Systems 34.

    Examples
    --------
    >>> from skxent.losses import InverseFocal
    >>> InverseFocal(gamma=2.0).loss([1, 1], [0.0, 2.0]).round(4)
    array([1.5596, 0.449 ])
    """

    gamma: float = parameter(1.0, Interval(0.0, 3.5, "both"))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return (1 + p) ** self.gamma * L


@dataclass(frozen=True)
class SquaredError(Loss):
    r"""Squared error of the probabilities of two classes: the Brier score.

    .. math:: \varphi(m) = 2 (1 - p)^2

    For two classes it is the sum of the squared errors of both probabilities. Bounded,
    not convex. `posterior` is then the softmax: for two classes the loss is proper.

    For more classes the Brier score depends on all probabilities, and not on that of
    the true class alone. This loss then charges twice the square of the missing
    probability: use it to compare with other bounded losses, and note that softmax of
    its minimiser is not the class probabilities (`posterior` is). As the
    metric use :func:`sklearn.metrics.brier_score_loss`.

    See Also
    --------
    CrossEntropy : Proper for any number of classes.
    sklearn.metrics.brier_score_loss : The Brier score as a metric.

    Examples
    --------
    >>> from skxent.losses import SquaredError
    >>> SquaredError().loss([1, 0], [0.0, 80.0])
    array([0.5, 2. ])
    """

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return 2 * q**2


@dataclass(frozen=True)
class SquaredHinge(Loss):
    r"""Squared hinge of the margin: the loss of a support vector machine.

    .. math:: \varphi(m) = \max(0, 1 - m)^2

    For two classes and labels ±1 it is the squared hinge loss of
    `sklearn.svm.LinearSVC`; for more classes the margin is the log-odds of the class
    against all others. Convex. Rows with a margin above 1 have no gradient, so that the
    model is a function of the others alone.

    Not proper. `posterior` is, for two classes, :math:`(1 + z) / 2` for z in [-1, 1],
    and 1 for a class with a margin above 1: do not use it as a probability without
    calibration.

    See Also
    --------
    CrossEntropy : It has class probabilities.
    sklearn.svm.LinearSVC : A linear model with this loss.

    Examples
    --------
    >>> from skxent.losses import SquaredHinge
    >>> SquaredHinge().loss([1, 1, 0], [0.0, 2.0, 2.0]).round(4)
    array([1., 0., 9.])
    """

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        # The margin is log p - log q.
        return np.maximum(0, 1 + L + np.log(q)) ** 2
