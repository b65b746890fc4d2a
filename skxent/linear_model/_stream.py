"""Learning from a stream: the past as a quadratic, the new batch as it is.

    W_t = argmin ½ (W - W_{t-1})ᵀ A_{t-1} (W - W_{t-1}) + Σ_i w_i ℓ_i(W)
    A_t = A_{t-1} + H_t(W_t),    A_0 = I / C without intercepts,    W_0 = 0

Each batch's loss is replaced by its second-order expansion where it was fitted, which
is what a Laplace approximation of the posterior does (Opper 1998).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import eigh

from skxent.inputs.targets import (
    Target,
)
from skxent.kernels.arrays import Floats
from skxent.optimize.linear import LinearObjective
from skxent.optimize.problem import Weights
from skxent.optimize.shift import zero_sum

# Of more coefficients only the diagonal of the curvature is kept.
WHOLE = 2000


@dataclass(frozen=True)
class Past:
    """What is kept of the batches so far, in the coordinates of the last one.

    centre: (D, m); curvature: (m D, m D) output by output, or (D, m), its diagonal;
    origin: (d,), where the columns of the last batch were centred.
    """

    centre: Weights
    curvature: Weights
    origin: Floats

    @property
    def whole(self) -> bool:
        return self.curvature.shape != self.centre.shape

    def moved_to(self, origin: Floats) -> Past:
        """The same quadratic in coordinates centred at another origin.

        b_old = b_new - δᵀw: the centre's intercepts gain δᵀw, and A becomes MᵀAM. A
        diagonal, which is no exact curvature to begin with, stays as it is.
        """
        shift = (origin - self.origin).astype(np.float64)
        size, m = self.centre.shape
        d = len(shift)
        if size == d or not shift.any():
            return self
        centre, curvature = self.centre.copy(), self.curvature
        centre[d] += shift @ centre[:d]
        if self.whole:
            curvature = curvature.reshape(m, size, m, size).copy()
            curvature[:, :, :, :d] -= curvature[:, :, :, d:] * shift
            curvature[:, :d] -= curvature[:, d:] * shift[:, np.newaxis, np.newaxis]
            curvature = curvature.reshape(m * size, m * size)
        return Past(centre, curvature, origin)


class StreamObjective(LinearObjective):
    """A batch's loss plus the quadratic that stands for the batches before."""

    def __init__(
        self, past: Past | None, X: Any, target: Target, *, C: float, **settings: Any
    ) -> None:
        super().__init__(X, target, C=np.inf, **settings)
        self.mass = target.total_weight()
        past = self._penalty(C) if past is None else past.moved_to(self.origin)
        self.past: Past = past
        self.scaled = past.curvature / self.mass

    def _penalty(self, C: float) -> Past:
        size, m = self.shape
        diagonal = np.zeros((size, m))
        diagonal[: self.n_features] = 1 / C
        whole = size * m <= WHOLE
        curvature = np.diag(diagonal.T.ravel()) if whole else diagonal
        return Past(np.zeros(self.shape), curvature, self.origin)

    def may_lack_minimum(self, value: float = np.inf) -> bool:
        return False  # the past holds it

    @property
    def shift_invariant(self) -> bool:
        # Outputs have diagonals of their own.
        return super().shift_invariant and self.past.whole

    def best_shift(self, features: Weights, l1_ratio: float = 0.0) -> Weights:
        # The past draws them to its own centre.
        centre = self.past.centre[: self.n_features]
        return zero_sum(features) + centre.mean(axis=1, keepdims=True)

    def recentre(self, W: Weights) -> None:
        """Let the quadratic be lowest at W, weights for X itself."""
        self.past = replace(self.past, centre=self.without_origin(W))

    def following(self, W: Weights) -> Past:
        """What to keep, now that the batch has been fitted: W is the minimum."""
        if not self.past.whole:
            batch = self.row_diagonal_and_columns(W)[0]
        else:
            batch = self.row_hessian(W)
            if not self.loss.convex:
                # What curves downwards would one day leave no minimum.
                values, vectors = eigh(batch)
                batch = (vectors * np.maximum(values, 0)) @ vectors.T
        return Past(W, self.past.curvature + self.mass * batch, self.origin)

    def penalty_value_gradient(self, W: Weights) -> tuple[float, Weights]:
        moved = W - self.past.centre
        pull = self.penalty_product(moved)
        return 0.5 * float(np.vdot(moved, pull)), pull

    def penalty_product(self, V: Weights) -> Weights:
        if not self.past.whole:
            return self.scaled * V
        return (self.scaled @ V.T.ravel()).reshape(V.shape[::-1]).T

    def penalty_diagonal(self) -> Weights:
        if not self.past.whole:
            return self.scaled.copy()
        return np.diagonal(self.scaled).reshape(self.shape[::-1]).T.copy()

    def add_penalty_hessian(self, H: Weights) -> None:
        if self.past.whole:
            H += self.scaled
        else:
            super().add_penalty_hessian(H)

    def add_penalty_by_output(self, grams: Weights) -> None:
        if not self.past.whole:
            super().add_penalty_by_output(grams)
            return
        size, m = self.shape
        blocks = np.einsum("kikj->kij", self.scaled.reshape(m, size, m, size))
        grams += blocks if len(grams) == m else blocks.mean(axis=0)
