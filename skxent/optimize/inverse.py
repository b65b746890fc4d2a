"""The inverse of a curvature matrix that may be singular."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
import scipy.linalg
from scipy.linalg import LinAlgError
from scipy.linalg.lapack import dpotrf, dpotrs

from skxent.kernels.arrays import Floats
from skxent.optimize.rows.constant import MAX_ROUNDING_EPS
from skxent.optimize.smooth import Weights

# After scaling to a unit diagonal, a curvature below FLAT is rounding error: of the
# sums in float64, or of X itself, whose float32 entries are exact to 6e-8 of their size
# (and less exact relative to their spread if the mean of the column is far from zero).
# A curvature below DOUBTFUL times FLAT may be rounding error.
FLAT: dict[np.dtype[Any], float] = {
    np.dtype(np.float64): 1e-14,
    np.dtype(np.float32): 1.5e-11,
}
DOUBTFUL = 10.0

# The curvature that a flat direction gets. The rows do not determine this direction,
# so its gradient is rounding error, which a step must not magnify. A direction that is
# flat in a sample of the rows may be slightly curved in the others, so a small step
# along it is allowed.
FLAT_CURVATURE = 0.1


# The curvature, in units of the diagonal, of directions that may exist only through
# rounding error. It is so large that a step does not move along them, and that their
# gradient hardly counts in the decrement.
HOLDING_CURVATURE = 1e8


# The root of a curvature that has few digits, if any: that of no row to speak of.
NO_SCALE = 1e-146


def rounding_of(dtype: Any, origin: Floats) -> Weights | None:
    """Return the variance that rounding may give to columns far from zero: (D,).

    It is that of a column with a spread of MAX_ROUNDING_EPS eps, or None if there are
    no columns far from zero.
    """
    spread = MAX_ROUNDING_EPS * np.finfo(dtype).eps * origin.astype(np.float64)
    return np.append(spread**2 / 12, 0.0) if spread.any() else None


def hold_rounding(H: Weights, rounding: Weights | None, dtype: Any) -> None:
    """Raise, in place, the curvature of combinations that vary no more than rounding.

    Such combinations arise if a column far from zero is a linear function of other
    columns except for its last digits. All outputs get the same directions, so a common
    shift of all outputs stays free.
    """
    if rounding is None:
        return
    size, diagonal = len(rounding), np.diagonal(H)[: len(rounding)]
    if (rounding * diagonal[-1] < 1e-2 * FLAT[np.dtype(dtype)] * diagonal).all():
        return  # the first output is enough for this check
    by_output = H.reshape(len(H) // size, size, -1, size)
    gram = np.einsum("kikj->ij", by_output)
    scale = np.sqrt(np.abs(np.diagonal(gram)))
    # A column that is zero in all rows, as of a constant, has no part in combinations.
    empty = scale <= NO_SCALE
    gram[empty, empty] = scale[empty] = 1.0
    rounding = rounding * (scale[-1] / scale) ** 2
    most = rounding.max()
    if most < FLAT[np.dtype(dtype)]:
        return
    gram /= np.outer(scale, scale)
    factor, failed = dpotrf(gram, lower=True)
    if not failed and np.diagonal(factor).min() ** 2 >= most:
        return
    check_curvature(gram)
    values, vectors = eigh(gram)
    vectors = vectors[:, values < rounding @ vectors**2]
    if not vectors.size:
        return
    # Combinations of columns near zero are flat, too, but not by rounding.
    noise, turn = eigh((vectors.T * rounding) @ vectors)
    kept = noise > 1e-2 * FLAT[np.dtype(dtype)]
    noisy = rounding[:, np.newaxis] * (vectors @ turn[:, kept])
    held = scale[:, np.newaxis] * noisy / noise[kept]
    for k, row in enumerate(by_output):
        row[:, k] += HOLDING_CURVATURE / len(by_output) * held @ held.T


def check_curvature(values: Weights, name: str = "Hessian") -> None:
    """Raise a ValueError if derivatives are infinite or NaN after an overflow."""
    if not np.isfinite(values).all():
        raise ValueError(
            "X, C and sample_weight must be of a size whose products are finite, "
            f"got an infinite or undefined {name}."
        )


def eigh(matrix: Weights) -> tuple[Weights, Weights]:
    """Return eigenvalues and eigenvectors of a symmetric matrix.

    LAPACK's fastest method fails, rarely, where many eigenvalues are equal.
    """
    try:
        values, vectors = scipy.linalg.eigh(matrix)
    except LinAlgError:
        values, vectors = scipy.linalg.eigh(matrix, driver="ev")
    return values, vectors


def without_negative_curvature(H: Weights) -> Weights:
    """Return a symmetric matrix with its negative eigenvalues set to zero."""
    values, vectors = eigh(H)
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)


def positive_parts(H: Weights) -> Weights:
    """Return the positive part of many matrices, each a row (m m) of H."""
    m = isqrt(H.shape[1])
    values, vectors = np.linalg.eigh(H.reshape(-1, m, m))
    positive = np.maximum(values, 0)[:, np.newaxis]
    return ((vectors * positive) @ vectors.swapaxes(1, 2)).reshape(-1, m * m)


class Inverse:
    """The inverse of a symmetric matrix, scaled to a unit diagonal first.

    The matrix is factorised by Cholesky, and by eigenvalues if that breaks down. Flat
    eigenvalues are replaced by FLAT_CURVATURE, and those that may be rounding error are
    raised, so that steps along collinear columns stay small. Negative eigenvalues
    (focal loss) are replaced by their absolute values, so that a Newton step descends;
    `positive` is False if any are beyond rounding error. `dtype` is that of X, and
    `rounding` is the result of `rounding_of` for its columns. `matrix` is overwritten.
    """

    def __init__(
        self, matrix: Weights, dtype: Any = np.float64, rounding: Weights | None = None
    ) -> None:
        check_curvature(matrix)
        hold_rounding(matrix, rounding, dtype)
        flat = FLAT[np.dtype(dtype)]
        doubtful = DOUBTFUL * flat
        scale = np.sqrt(np.abs(np.diagonal(matrix)))
        empty = scale <= NO_SCALE
        scale[empty] = 1.0
        self.scale: Weights = scale[:, np.newaxis]
        matrix = matrix / self.scale / scale
        # These columns are zero in all rows, or in all rows of a sample.
        matrix[empty, empty] = 2 * doubtful
        self.positive: bool = True
        self.factor: Weights | None = None
        # LAPACK is called directly: for small matrices scipy's wrappers cost more.
        factor, failed = dpotrf(matrix, lower=True)
        if not failed and np.diagonal(factor).min() ** 2 >= doubtful:
            self.factor = factor
        else:
            values, vectors = eigh(matrix)
            self.vectors: Weights = vectors
            self.positive = bool(values[0] > -1e-8 * values[-1])
            size = np.abs(values)
            raised = np.maximum(size, doubtful * size.max())
            self.reciprocal: Weights = 1 / np.where(
                size < flat * size.max(), FLAT_CURVATURE, raised
            )

    def __call__(self, G: Weights) -> Weights:
        """Return the inverse times the columns of G."""
        G = G / self.scale
        if self.factor is not None:
            return dpotrs(self.factor, G, lower=True)[0] / self.scale
        projected = self.reciprocal[:, np.newaxis] * (self.vectors.T @ G)
        return (self.vectors @ projected) / self.scale


class WholeInverse:
    """The inverse of a Hessian of all outputs, on weights of shape (D, m).

    `invariant`: a common shift of all outputs changes nothing, and H is singular along
    it. H, which is overwritten, gets a ridge along that shift alone, which changes no
    step, because gradients have no component along it.
    """

    def __init__(
        self,
        H: Weights,
        shape: tuple[int, int],
        invariant: bool,
        dtype: Any = np.float64,
        rounding: Weights | None = None,
    ) -> None:
        size, m = shape
        self.shape = shape
        hold_rounding(H, rounding, dtype)
        if invariant:
            per_output = H.reshape(m, size, m, size)
            shared = np.einsum("kiki->i", per_output) / m**2
            between_outputs = np.einsum("kili->kli", per_output)  # for one column
            between_outputs += shared
        self.inverse: Inverse = Inverse(H, dtype)
        self.positive: bool = self.inverse.positive

    def __call__(self, G: Weights) -> Weights:
        """Return H⁻¹G, where G has a column for each output."""
        size, m = self.shape
        return self.inverse(G.T.reshape(-1, 1)).reshape(m, size).T
