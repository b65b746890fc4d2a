"""The inverse Hessian of L-BFGS, in the compact form of Byrd et al. (1994).

    Hg = γ H₀g + Sᵀa - γ Zᵀw,   w = R⁻¹Sg,   a = R⁻ᵀ((D + γ YZᵀ)w - γ Zg)

Rows of S, Y and Z are the last steps, the changes of the gradient, and their products
with H₀, an approximate inverse. R is the upper triangle of SYᵀ, and D its diagonal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg.lapack import dtrtrs

from skxent.optimize.precondition import Linear
from skxent.optimize.smooth import Point, Weights

# The number of steps that are kept. A step is kept only if its curvature is at least
# MIN_CURVATURE times the curvature that the model predicts along it.
HISTORY = 10
MIN_CURVATURE = 1e-4


class QuasiNewton:
    """The inverse Hessian, and its product with the last gradient."""

    def __init__(self, inverse: Linear, gradient: Weights) -> None:
        self.inverse = inverse
        self.scaled: Weights = inverse(gradient)
        self.factor: float = 1.0  # γ, by the curvature of the last step
        self.pairs: Weights = np.empty((2, HISTORY, gradient.size))  # S and Z
        self.order: list[int] = []  # where they are, the oldest first
        self.R: Weights = np.zeros((0, 0))
        self.YZ: Weights = np.zeros((0, 0))

    def _products(self, vector: Weights) -> Weights:
        return (self.pairs[:, : len(self.order)] @ vector.ravel())[:, self.order]

    def step(self, gradient: Weights) -> Weights:
        """Return the step from the point of the last gradient."""
        result = self.factor * self.scaled
        if not self.order:
            return -result
        along, scaled = self._products(gradient)
        w = dtrtrs(self.R, along)[0]
        right = np.diagonal(self.R) * w + self.factor * (self.YZ @ w - scaled)
        shares = np.empty((2, len(self.order)))
        shares[0, self.order] = dtrtrs(self.R, right, trans=1)[0]
        shares[1, self.order] = -self.factor * w
        for share, pairs in zip(shares, self.pairs, strict=True):
            result += (share @ pairs[: len(share)]).reshape(result.shape)
        return -result

    def squared_decrement(self, gradient: Weights, growth: float) -> float:
        """Return the squared decrement by H₀ alone.

        H₀ has since grown by about the factor of the last step, or by `growth`.
        """
        return max(self.factor, growth) * float(np.vdot(gradient, self.scaled))

    def learn(self, start: Point, end: Point, expected: float) -> None:
        """Add a step along which the model had the curvature `expected`."""
        before, self.scaled = self.scaled, self.inverse(end.gradient)
        moved, change = end.W - start.W, end.gradient - start.gradient
        scaled = self.scaled - before
        product, norm = float(np.vdot(moved, change)), float(np.vdot(change, scaled))
        if not (product > MIN_CURVATURE * expected and norm > 0):
            return
        self.factor = product / norm
        full = len(self.order) == HISTORY
        along, across = self._products(change)[:, full:]
        self.R = bordered(self.R[full:, full:], along, 0.0, product)
        self.YZ = bordered(self.YZ[full:, full:], across, across, norm)
        slot = self.order.pop(0) if full else len(self.order)
        self.order.append(slot)
        self.pairs[:, slot] = moved.ravel(), scaled.ravel()


def bordered(A: Weights, column: Weights, row: Any, corner: float) -> Weights:
    """Return the matrix with one row and one column more."""
    p = len(A)
    result = np.empty((p + 1, p + 1))
    result[:p, :p], result[:p, p], result[p, :p], result[p, p] = A, column, row, corner
    return result
