"""The choice of the common shift of all outputs, which the loss leaves undetermined.

Adding the same number to a coefficient in all outputs shifts all logits of a row alike,
which does not change the loss. If the penalty does not determine the shift either, it
is chosen by a fixed rule. Otherwise solutions for other rows, weights or solvers would
differ by a shift, and so would decision_function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]


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
