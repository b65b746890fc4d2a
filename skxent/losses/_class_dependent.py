"""Losses whose formula differs between the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.weights import by_label
from skxent.kernels.checks import POSITIVE, Interval
from skxent.losses._loss import Loss
from skxent.losses._parameters import LARGEST, checked_parameter, parameter

# The margins of LDAM: their exponentials keep digits next to 1 in float32.
LARGEST_MARGIN = Interval(0.0, 10.0, "both")
GAMMA = Interval(0.0, LARGEST, "both")


@dataclass(frozen=True)
class ShiftedFocal(Loss):
    """Focal loss of q - clip, zero where q is smaller: what ASL has for a class."""

    gamma: float = parameter(0.0, GAMMA)
    clip: float = parameter(0.0, Interval(0.0, 1.0))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        if self.clip == 0:
            return q**self.gamma * L
        shifted = np.maximum(q - self.clip, 0)
        return shifted**self.gamma * -np.log1p(-shifted)


@dataclass(frozen=True)
class AsymmetricLoss(Loss):
    r"""Asymmetric loss (ASL): focal loss with other parameters for 1 than for 0.

    .. math:: \varphi_1(m) = q^{\gamma_+} (-\log p), \quad
        \varphi_0(m) = s^{\gamma_-} (-\log(1 - s)), \quad s = \max(q - c, 0)

    for two classes, and for each column of `multilabel` targets: 1 is yes, 0 is no, and
    q = 1 - p is the probability of the other class. A no that is given a probability
    of yes below `clip`, c, has no loss at all, which leaves out easy rows and wrong
    labels. Not convex and not proper, except without focusing and clip.

    `posterior` undoes the loss as for all losses. A predicted probability of yes below
    `clip` means that yes is impossible, for nothing holds such a prediction up: take
    the softmax (``posterior=False``) as a score where that is too strong.

    Parameters
    ----------
    gamma_pos : float in [0, 1e6], default=1.0
        How much less a yes counts that is already predicted well: γ₊.
    gamma_neg : float in [0, 1e6], default=4.0
        How much less a no counts that is already predicted well: γ₋.
    clip : float in [0, 1), default=0.05
        The probability c of yes up to which a no has no loss.

    Raises
    ------
    ValueError
        If a parameter is outside its domain, or there are more than two classes.

    See Also
    --------
    Focal : With ``gamma={label: number}`` it differs between any number of classes.

    References
    ----------
    Ridnik, Ben-Baruch, Zamir, Noy, Friedman, Protter, Zelnik-Manor (2021). Asymmetric
    Loss For Multi-Label Classification. arXiv 2009.14119.

    Examples
    --------
    >>> from skxent.losses import AsymmetricLoss
    >>> loss = AsymmetricLoss(gamma_pos=0.0, gamma_neg=4.0, clip=0.05)
    >>> loss.loss([1, 0, 0], [0.0, 0.0, -4.0]).round(4)
    array([0.6931, 0.0245, 0.    ])
    >>> loss.loss([[1, 0]], [[0.0, 0.0]], multilabel=True).round(4)
    array([0.7177])
    """

    gamma_pos: float = parameter(1.0, GAMMA, by_class=False)
    gamma_neg: float = parameter(4.0, GAMMA, by_class=False)
    clip: float = parameter(0.05, Interval(0.0, 1.0), by_class=False)
    # Not a parameter, but a number for each class as parameters may have.
    is_yes: tuple[float, ...] = field(default=(0.0, 1.0), init=False, repr=False)

    def for_classes(self, classes: Sequence[Any] | NDArray[Any]) -> Any:
        if len(classes) != 2:
            raise ValueError(
                "AsymmetricLoss must be used with two classes, or with multilabel "
                f"targets, got {len(classes)} classes."
            )
        return self

    def of_class(self, code: int) -> Any:
        if code == 1:
            return ShiftedFocal(self.gamma_pos)
        return ShiftedFocal(self.gamma_neg, self.clip)

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        no, yes = (self.of_class(code).phi(p, q, L) for code in (0, 1))
        return np.where(self.is_yes, yes, no)


@dataclass(frozen=True)
class LDAM(Loss):
    r"""Cross-entropy with a margin for each class (LDAM), larger for rare classes.

    .. math:: \varphi_c(m) = -\log \sigma(m - \Delta_c)
        = -\log p + \log(1 + (e^{\Delta_c} - 1) q)

    A row has the loss of a logit that is smaller by Δ of its class. Convex, and not
    proper: softmax of its minimiser over-estimates classes of large margin, which
    `posterior` undoes. Logits are not scaled, as the authors do with those of networks
    that are cosines.

    Parameters
    ----------
    margin : float in [0, 10], array-like of shape (K,) or dict of label to float
        Δ of each class. 0 is cross-entropy. Default 0.5.

    See Also
    --------
    LDAM.from_counts : Margins from how often each class occurs.

    References
    ----------
    Cao, Wei, Gaidon, Arechiga, Ma (2019). Learning Imbalanced Datasets with
    Label-Distribution-Aware Margin Loss. arXiv 1906.07413.

    Examples
    --------
    >>> from skxent.losses import LDAM
    >>> LDAM(margin=[0.0, 0.5]).loss([0, 1], [0.0, 0.5]).round(4)
    array([0.6931, 0.6931])
    """

    margin: Any = parameter(0.5, LARGEST_MARGIN)

    @classmethod
    def from_counts(
        cls, counts: ArrayLike | Mapping[Any, float], max_margin: float = 0.5
    ) -> Self:
        r"""Return the loss whose margins are :math:`\Delta_c \propto n_c^{-1/4}`.

        Parameters
        ----------
        counts : array-like of shape (K,), or dict or Series of label to count
            How often each class occurs, for example ``y.value_counts()``.
        max_margin : float in [0, 10], default=0.5
            The margin of the rarest class.

        Returns
        -------
        LDAM
            The loss with a margin for each class; by label if counts are.

        Raises
        ------
        ValueError
            If a count is not positive, or max_margin is outside its domain.

        Examples
        --------
        >>> from skxent.losses import LDAM
        >>> LDAM.from_counts({"ok": 1600, "fraud": 100})
        LDAM(margin={'ok': 0.25, 'fraud': 0.5})
        """
        LARGEST_MARGIN.check("max_margin", max_margin)
        given = by_label(counts, "counts")
        labels = list(given) if isinstance(given, Mapping) else None
        numbers = list(given.values()) if labels is not None else given
        n = checked_parameter("counts", numbers, POSITIVE)
        if not isinstance(n, tuple):
            raise ValueError(f"counts must be a number for each class, got {counts!r}.")
        margins = max_margin * (np.array(n) / min(n)) ** -0.25
        return cls(
            margins if labels is None else dict(zip(labels, margins, strict=True))
        )

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return L + np.log1p(np.expm1(self.margin) * q)
