"""Penalties: what is added to the mean loss, as values that know nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from skxent.kernels.arrays import Floats
from skxent.kernels.cached import cached_property
from skxent.optimize.penalty import Penalty
from skxent.optimize.rows.base import Rows
from skxent.optimize.smooth import Columns, Weights


@dataclass(frozen=True, eq=False, repr=False)
class L2(Penalty):
    """½ Σ strength W². strength: (D, 1), zero for the intercepts."""

    strength: Weights
    free_columns: bool = field(default=False, kw_only=True)
    shift_invariant = True

    @property
    def curvature(self) -> Weights:
        return self.strength

    def best_shift(self, features: Weights) -> Weights:
        """Shift rows to sum to zero, where their L2 norm is least."""
        return zero_sum(features)

    def is_least_at(self, W: Weights) -> bool:
        """Return True at zero."""
        return not W.any()

    def restricted(self, index: Columns) -> Self:
        return replace(self, strength=self.strength[index])


@dataclass(frozen=True, eq=False, repr=False)
class L1(Penalty):
    """Σ threshold |W|. threshold: (D,), zero for the intercepts."""

    threshold: Weights
    free_columns: bool = field(default=False, kw_only=True)
    smooth = False
    shift_invariant = True

    @cached_property
    def curvature(self) -> Weights:
        return np.zeros((len(self.threshold), 1))

    @property
    def l1_weights(self) -> Weights:
        return np.stack([self.threshold, self.threshold])

    def nonsmooth_value(self, W: Weights) -> float:
        return float(self.threshold @ np.abs(W).sum(axis=1))

    def prox(self, V: Weights, step: float) -> Weights:
        """Shrink V towards zero by the thresholds."""
        shrunk = np.abs(V) - step * self.threshold[:, np.newaxis]
        return np.copysign(np.maximum(shrunk, 0.0), V)

    def best_shift(self, features: Weights) -> Weights:
        """Shift rows to the most zeros, or to sum to zero without a penalty."""
        return self._or_zero_sum(sparsest(features))

    def _or_zero_sum(self, features: Weights) -> Weights:
        """Shift rows without a penalty, whose shift is free, to sum to zero."""
        free = self.threshold[: len(features)] == 0
        if not free.any():
            return features
        return np.where(free[:, np.newaxis], zero_sum(features), features)

    def restricted(self, index: Columns) -> Self:
        return replace(self, threshold=self.threshold[index])


@dataclass(frozen=True, eq=False, repr=False)
class ElasticNet(L1):
    """Σ threshold |W| + ½ Σ strength W². strength: (D, 1), zero for the intercepts."""

    strength: Weights

    @property
    def curvature(self) -> Weights:
        return self.strength

    def best_shift(self, features: Weights) -> Weights:
        """Shift rows without a penalty alone: that of the others is unique."""
        # The one that is best is where the solver has come to.
        return self._or_zero_sum(features)

    def restricted(self, index: Columns) -> Self:
        return replace(
            self, threshold=self.threshold[index], strength=self.strength[index]
        )


@dataclass(frozen=True, eq=False, repr=False)
class SignedElasticNet(ElasticNet):
    """An elastic net of weights that are not above zero, not below it, or free.

    sign : (D,), -1, 1 or 0. A weight of the other sign costs infinitely much.
    """

    sign: Weights

    @property
    def l1_weights(self) -> Weights:
        """Return thresholds, infinite on the side of zero that a sign forbids."""
        costs = super().l1_weights
        costs[0, self.sign < 0] = costs[1, self.sign > 0] = np.inf
        return costs

    def _forbidden(self, W: Weights) -> NDArray[np.bool_]:
        return self.sign[:, np.newaxis] * W < 0

    def nonsmooth_value(self, W: Weights) -> float:
        """Return infinity where a sign is violated."""
        return np.inf if self._forbidden(W).any() else super().nonsmooth_value(W)

    def prox(self, V: Weights, step: float) -> Weights:
        """Shrink V towards zero, and set to zero what a sign forbids."""
        W = super().prox(V, step)
        W[self._forbidden(W)] = 0.0
        return W

    def restricted(self, index: Columns) -> Self:
        return replace(super().restricted(index), sign=self.sign[index])


def elastic_net(
    rows: Rows,
    strength: float,
    l1_ratio: float = 0.0,
    factor: Floats | None = None,
    sign: Floats | None = None,
) -> Penalty:
    """Return strength Σ_j factor_j (l1_ratio ‖W_j‖₁ + (1 - l1_ratio) ½ ‖W_j‖²).

    The sum is over the columns of X, without intercepts. factor, sign : (d,), by
    default ones, and zeros: see SignedElasticNet.
    """
    d = rows.n_features
    each = np.zeros((rows.shape[0], 1))
    each[:d] = strength if factor is None else strength * factor[:, np.newaxis]
    free = not each[:d].all()
    l1, l2 = l1_ratio * each[:, 0], (1 - l1_ratio) * each
    if sign is not None:
        signs: Weights = np.zeros(len(each))
        signs[:d] = sign
        return SignedElasticNet(l1, l2, signs, free_columns=free)
    if not strength or not l1_ratio:
        return L2(each, free_columns=free)
    if l1_ratio == 1:
        return L1(l1, free_columns=free)
    return ElasticNet(l1, l2, free_columns=free)


# Adding the same number to a coefficient in all outputs shifts all logits of a row
# alike, which does not change the loss. If the penalty does not determine the shift
# either, it is chosen by a fixed rule. Otherwise solutions for other rows, weights or
# solvers would differ by a shift, and so would decision_function.


def zero_sum(W: Weights) -> Weights:
    """Return W with rows shifted to sum to zero, which minimises their L2 norm.

    The rule for intercepts, which have no penalty, is the same.
    """
    return W - W.sum(axis=1, keepdims=True) / W.shape[1]


def sparsest(W: Weights) -> Weights:
    """Return W with rows shifted to have the most zeros, at the same L1 norm.

    Subtracting any median of a row minimises its L1 norm. With an even number of
    outputs both middle values are medians. If both leave the same number of zeros, the
    one that leaves the smaller absolute sum is subtracted.
    """
    m = W.shape[1]
    if m % 2:
        return W
    middle = np.sort(W, axis=1)[:, m // 2 - 1 : m // 2 + 1]
    free = (middle[:, 0] <= 0) & (middle[:, 1] >= 0) & middle.any(axis=1)
    if not free.any():
        return W
    W, ends = W.copy(), middle[free]
    shifted = W[free][:, np.newaxis] - ends[:, :, np.newaxis]  # (rows, 2, m)
    zeros = np.count_nonzero(shifted == 0, axis=2)
    sums = np.abs(shifted.sum(axis=2))
    second = (zeros[:, 1] > zeros[:, 0]) | (
        (zeros[:, 1] == zeros[:, 0]) & (sums[:, 1] < sums[:, 0])
    )
    W[free] = shifted[np.arange(len(ends)), second.astype(int)]
    return W
