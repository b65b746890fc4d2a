"""What all outputs share: a loss does not see it, so it is chosen, always the same.

A shift of a coefficient in all outputs moves all logits of a row alike. Where the
penalty has no choice either, solutions from other rows, weights or solvers would
differ, and with them decision_function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]


def zero_sum(W: Weights) -> Weights:
    """Return W with rows that sum to zero: the least L2 norm; so are intercepts."""
    return W - W.sum(axis=1, keepdims=True) / W.shape[1]


def sparsest(W: Weights) -> Weights:
    """Return W, its rows shifted at no cost in their L1 norm to have the most zeros.

    Any median is the best shift. With an even number of outputs both of those in the
    middle are medians, and the one is zero if the other is not; of two shifts with as
    many zeros the one with the least sum is taken.
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
