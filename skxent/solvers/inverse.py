"""The inverse of a curvature matrix, however near to singular, and its root."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotrs

from skxent.objectives.problem import Weights

# Of a matrix with unit diagonal, pivots and eigenvalues below this may be rounding.
LOST = 1e-13


class Inverse:
    """The inverse of a symmetric matrix, scaled to a unit diagonal first.

    By Cholesky; where that breaks down by eigenvalues: those that may be rounding are
    raised to LOST, so that steps along collinear columns stay small, and of negative
    ones (focal loss) the size is taken, so that a Newton step descends. `positive`
    tells of them.
    """

    scale: Weights
    positive: bool
    factor: Weights | None
    vectors: Weights
    reciprocal: Weights

    def __init__(self, matrix: Weights) -> None:
        if not np.isfinite(matrix).all():
            raise ValueError(
                "X, C and sample_weight must be of a size whose products are finite, "
                "got an infinite or undefined Hessian."
            )
        scale = np.sqrt(np.abs(np.diagonal(matrix)))
        scale[scale == 0] = 1.0
        self.scale = scale[:, np.newaxis]
        matrix = matrix / self.scale / scale
        self.positive = True
        self.factor = None
        # Called as they are: scipy's wrappers take longer than a small matrix.
        factor, failed = dpotrf(matrix, lower=True)
        if not failed and np.diagonal(factor).min() ** 2 >= LOST:
            self.factor = factor
        else:
            values, self.vectors = eigh(matrix)
            self.positive = bool(values[0] > -1e-8 * values[-1])
            size = np.abs(values)
            self.reciprocal = 1 / np.maximum(size, LOST * size.max())

    def root(self, U: Weights) -> Weights:
        """R U, where R Rᵀ is the inverse."""
        if self.factor is not None:
            solved = solve_triangular(self.factor, U, lower=True, trans="T")
            return np.asarray(solved) / self.scale
        return self.vectors @ (np.sqrt(self.reciprocal)[:, np.newaxis] * U) / self.scale

    def root_transposed(self, G: Weights) -> Weights:
        """Rᵀ G: the gradient in U of a function whose gradient in R U is G."""
        G = G / self.scale
        if self.factor is not None:
            return np.asarray(solve_triangular(self.factor, G, lower=True))
        return np.sqrt(self.reciprocal)[:, np.newaxis] * (self.vectors.T @ G)

    def __call__(self, G: Weights) -> Weights:
        """Inverse times the columns of G."""
        G = np.asarray_chkfinite(G / self.scale)
        if self.factor is not None:
            return dpotrs(self.factor, G, lower=True)[0] / self.scale
        projected = self.reciprocal[:, np.newaxis] * (self.vectors.T @ G)
        return (self.vectors @ projected) / self.scale


class WholeInverse:
    """The inverse of a Hessian of all outputs, on weights of shape (D, m).

    Softmax logits may all shift together; where no penalty holds that direction H is
    singular along it. H gets a ridge there alone, which moves nothing, for gradients
    have no part in it.
    """

    shape: tuple[int, int]
    inverse: Inverse
    positive: bool

    def __init__(self, H: Weights, shape: tuple[int, int]) -> None:
        size, m = self.shape = shape
        if m > 1:
            per_output = H.reshape(m, size, m, size)
            shared = np.einsum("kiki->i", per_output) / m**2
            between_outputs = np.einsum("kili->kli", per_output)  # for one column
            between_outputs += shared
        self.inverse = Inverse(H)
        self.positive = self.inverse.positive

    def __call__(self, G: Weights) -> Weights:
        size, m = self.shape
        return self.inverse(G.T.reshape(-1, 1)).reshape(m, size).T
