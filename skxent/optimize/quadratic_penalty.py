"""The quadratic penalty that stands for the earlier batches of a stream.

    W_t = argmin ½ (W - W_{t-1})ᵀ A_{t-1} (W - W_{t-1}) + Σ_i w_i ℓ_i(W)
    A_t = A_{t-1} + H_t(W_t),    A_0 = I / C without intercepts,    W_0 = 0

The loss of each earlier batch is replaced by its second-order expansion at the weights
fitted to it, as in a Laplace approximation of the posterior (Opper 1998).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from skxent.kernels.arrays import Floats
from skxent.optimize.penalties import zero_sum
from skxent.optimize.penalty import Penalty
from skxent.optimize.rows.constant import is_rounding
from skxent.optimize.smooth import Columns, Weights

# For more coefficients only the diagonal of the curvature is kept.
MAX_COEFFICIENTS = 2000

# Curvature below this share of the largest may leave an objective without a minimum.
NO_CURVATURE = 1e-20


@dataclass(frozen=True, eq=False, repr=False)
class QuadraticPenalty(Penalty):
    """½ (W - center)ᵀ A (W - center), in columns that are centred at an origin.

    center : (D, m); matrix : A, (m D, m D) output by output, or (D, m), its diagonal;
    origin : (d,).
    """

    center: Weights
    matrix: Weights
    origin: Floats

    @classmethod
    def ridge(
        cls,
        shape: tuple[int, int],
        strength: float | Weights,
        origin: Floats,
        max_coefficients: int = MAX_COEFFICIENTS,
    ) -> Self:
        """Return an L2 penalty, with which a stream begins.

        strength : a number, or (d, 1).
        """
        diagonal = np.zeros(shape)
        diagonal[: len(origin)] = strength
        whole = diagonal.size <= max_coefficients
        matrix = np.diag(diagonal.T.ravel()) if whole else diagonal
        return cls(np.zeros(shape), matrix, origin)

    @property
    def whole(self) -> bool:
        """Return True if A is a full matrix, False if only its diagonal is kept."""
        return self.matrix.shape != self.center.shape

    @property
    def shift_invariant(self) -> bool:  # type: ignore[override]  # read-only
        """Return False where outputs have diagonals of their own."""
        return self.whole

    @property
    def curvature(self) -> Weights:
        """Return the diagonal of A."""
        if not self.whole:
            return self.matrix
        return np.diagonal(self.matrix).reshape(self.center.shape[::-1]).T

    def value_gradient(self, W: Weights) -> tuple[float, Weights]:
        """Return half the squared distance from the centre, in the norm of A."""
        moved = W - self.center
        gradient = self.hessian_product(moved)
        return 0.5 * float(np.vdot(moved, gradient)), gradient

    def hessian_product(self, V: Weights) -> Weights:
        """Return A times V."""
        if not self.whole:
            return self.matrix * V
        return (self.matrix @ V.T.ravel()).reshape(V.shape[::-1]).T

    def add_to_hessian(self, H: Weights) -> None:
        """Add A, or its diagonal if that is all there is."""
        if self.whole:
            H += self.matrix
        else:
            super().add_to_hessian(H)

    def add_to_grams(self, grams: Weights) -> None:
        """Add the blocks of A that are of one output each."""
        if not self.whole:
            super().add_to_grams(grams)
            return
        size, m = self.center.shape
        blocks = np.einsum("kikj->kij", self.matrix.reshape(m, size, m, size))
        grams += blocks if len(grams) == m else blocks.mean(axis=0)

    def best_shift(self, features: Weights) -> Weights:
        """Shift rows to the mean over the outputs that the centre has."""
        center = self.center[: len(features)]
        return zero_sum(features) + center.mean(axis=1, keepdims=True)

    def may_be_unbounded(self, value: float) -> bool:
        """Return True if there is a column on which nothing acts, or next to nothing.

        A column without a penalty has no curvature before its first entries, and next
        to none after a batch whose classes it separates.
        """
        least = self.curvature[: len(self.origin)].min(initial=np.inf)
        return bool(least <= NO_CURVATURE * self.curvature.max(initial=0.0))

    def is_least_at(self, W: Weights) -> bool:
        """Return True at the centre, if A is diagonal."""
        return not self.whole and np.array_equal(W, self.center)

    def restricted(self, index: Columns) -> Self:
        """Return the same for some rows of W; of a whole matrix no row stands alone."""
        if self.whole:
            raise NotImplementedError("A whole matrix is not restricted to columns.")
        columns = index[index < len(self.origin)]
        return replace(
            self,
            center=self.center[index],
            matrix=self.matrix[index],
            origin=self.origin[columns],
        )

    def scaled(self, factor: float) -> Self:
        """Return the penalty times a factor."""
        return replace(self, matrix=factor * self.matrix)

    def recenter(self, center: Weights) -> Self:
        """Return the same quadratic around other weights."""
        return replace(self, center=center)

    def updated(self, W: Weights, curvature: Weights) -> Self:
        """Return what to keep after a batch, whose minimum is W.

        curvature : the Hessian of the batch's loss, or its diagonal if A is one.
        """
        return replace(self, center=W, matrix=self.matrix + curvature)

    def shift_origin(self, origin: Floats, constant: NDArray[np.bool_]) -> Self:
        """Return the same quadratic in columns that are centred at another origin.

        b_old = b_new - δᵀw: the center's intercepts gain δᵀw, and A becomes MᵀAM. A
        diagonal, which is no exact curvature to begin with, stays as it is. So do the
        origins of columns that are constant in a batch and were so near before.
        """
        if np.array_equal(origin, self.origin):
            return self
        same = constant & is_rounding(self.origin, origin.astype(self.origin.dtype))
        origin = np.where(same, self.origin, origin)
        shift = (origin - self.origin).astype(np.float64)
        size, m = self.center.shape
        d = len(shift)
        if size == d or not shift.any():
            return self
        center, matrix = self.center.copy(), self.matrix
        center[d] += shift @ center[:d]
        if self.whole:
            matrix = matrix.reshape(m, size, m, size).copy()
            matrix[:, :, :, :d] -= matrix[:, :, :, d:] * shift
            matrix[:, :d] -= matrix[:, d:] * shift[:, np.newaxis, np.newaxis]
            matrix = matrix.reshape(m * size, m * size)
        return replace(self, center=center, matrix=matrix, origin=origin)
