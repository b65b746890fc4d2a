"""The quadratic model of an objective, and its minimiser with an L1 norm.

Two forms of the Hessian: the whole of it, for few coefficients, or row by row.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.sparse as sp
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from skxent.kernels._coordinate import sweep_columns, sweep_matrix
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import ignore_overflow
from skxent.losses._shipped import CrossEntropy, Loss
from skxent.optimize.inverse import check_curvature
from skxent.optimize.linear import LinearObjective
from skxent.optimize.problem import Problem, Weights

# A larger Hessian is not formed: coordinate descent goes through X instead.
WHOLE = 3000

# Of sparse X, one that takes more operations than this is not.
MANY_OPERATIONS = 1e8

# Sweeps between two rounds of Newton steps, how many steps a round has at most, and
# such rounds for one model.
SWEEPS, STEPS, ROUNDS = 10, 20, 50


class Model(Protocol):
    """The quadratic model of an objective."""

    def expand(self, W: Weights, damping: float = 0.0) -> None:
        """Expand at W, the Hessian and damping times that of cross-entropy at zero.

        There no row is saturated, so damping bounds a step by what rows may change.
        """

    def minimise(
        self, W: Weights, gradient: Weights, l1: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        """The minimiser with the L1 norm, and the model's gradient there."""


class MatrixModel:
    """The whole Hessian: sweeps cost nothing beside it."""

    H: Weights

    def __init__(self, objective: Problem) -> None:
        self.objective = objective

    def expand(self, W: Weights, damping: float = 0.0) -> None:
        objective = self.objective
        self.H = objective.hessian(W)
        if damping:
            loss, objective.loss = objective.loss, CrossEntropy()
            self.H += damping * objective.hessian(np.zeros_like(W))
            objective.loss = loss
        check_curvature(self.H)
        if objective.loss.convex:
            return
        try:
            cho_factor(self.H)
        except LinAlgError:
            values, vectors = eigh(self.H)
            self.H = (vectors * np.abs(values)) @ vectors.T

    def minimise(
        self, W: Weights, gradient: Weights, l1: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        w, slope = W.T.flatten(), gradient.T.flatten()
        l1 = np.tile(l1, W.shape[1])
        w[(np.diagonal(self.H) == 0) & (np.abs(slope) < l1)] = 0  # not swept
        first = last = sweep_matrix(self.H, slope, w, l1, 1, 0.0)
        for _ in range(ROUNDS):
            enough = accuracy**2 * first
            last = sweep_matrix(self.H, slope, w, l1, SWEEPS, enough)
            if last <= enough:
                break
            for _ in range(STEPS):
                if not self._newton(w, slope, l1):
                    break
        shape = W.shape[::-1]
        return w.reshape(shape).T, slope.reshape(shape).T

    def _newton(self, w: Weights, slope: Weights, l1: Weights) -> bool:
        """Towards the minimum over the coordinates in use if they kept their signs.

        Those that would not are set to zero; or the step ends where the model is least
        along it, if that is lower. Is there more to gain with the signs that are then?
        """
        used = np.flatnonzero((w != 0) | (l1 == 0))
        start, sign, weight = w[used], np.sign(w[used]), l1[used]
        H = self.H[np.ix_(used, used)]
        pull = slope[used] + weight * sign
        try:
            # The ridge holds directions along which H and the slope have no part.
            ridge = np.diag(1e-10 * np.diagonal(H))
            step = -cho_solve(cho_factor(H + ridge), pull)
        except LinAlgError:
            return False
        end = start + step
        lost = (np.sign(end) != sign) & (weight > 0)
        if lost.any():
            curvature = float(step @ H @ step)
            along, gain = least_along(start, step, slope[used], curvature, weight)
            end[lost] = 0.0
            cut = end - start
            if pull @ cut + 0.5 * cut @ H @ cut >= gain:
                end = along
        w[used] = end
        slope += (end - start) @ self.H[used]
        return bool(lost.any() and (end != start).any())


def least_along(
    w: Weights, step: Weights, slope: Weights, curvature: float, l1: Weights
) -> tuple[Weights, float]:
    """Where slopeᵀ(x - w) + ½ (x - w)ᵀH(x - w) + Σ l1 |x| is least from w to w + step.

    And how much less that is. Along the step the function is a convex parabola whose
    slope jumps up by 2 l1 |step| where a coordinate changes its sign.
    """
    crossing = np.flatnonzero((w * step < 0) & (l1 > 0))
    at = -w[crossing] / step[crossing]
    order = np.argsort(at)
    crossing, at = crossing[order], at[order]
    jumps = 2 * l1[crossing] * np.abs(step[crossing])
    bend = np.append(0.0, np.cumsum(jumps))
    first = float(slope @ step + (l1 * step) @ np.sign(w))
    after = first + curvature * at + bend[1:]
    k = int(np.argmax(after >= 0)) if (after >= 0).any() else len(at)
    inside = -(first + bend[k]) / curvature if curvature > 0 else np.inf
    t = min(inside, at[k] if k < len(at) else 1.0, 1.0)
    x = w + t * step
    if k < len(at) and t == at[k]:
        x[crossing[k]] = 0.0
    gain = t * (slope @ step) + 0.5 * t**2 * curvature
    return x, float(gain + l1 @ (np.abs(x) - np.abs(w)))


class ColumnsModel:
    """The Hessian row by row: m x m numbers for each row of X."""

    l2: Weights
    slope: Weights
    curvature: Weights

    def __init__(self, objective: LinearObjective) -> None:
        self.objective = objective
        X = objective.X
        if not sp.issparse(X):
            X = sp.csc_array(objective.rows(slice(None)))
        if objective.fit_intercept:
            X = sp.hstack([X, np.ones((X.shape[0], 1))])
        self.X = sp.csc_array(X, dtype=np.float64)
        self.l2 = np.zeros(objective.shape[0])
        self.l2[: objective.n_features] = objective.penalty

    @ignore_overflow
    def expand(self, W: Weights, damping: float = 0.0) -> None:
        m, loss = self.objective.n_outputs, self.objective.loss
        z = np.asarray(self.X @ W, dtype=self.objective.dtype)
        slope = np.empty_like(z)
        self.H = self._row_hessians(loss, z, gradient=slope)
        self.slope = slope.astype(np.float64) / self.objective.total_weight
        if damping:
            self.H += damping * self._row_hessians(CrossEntropy(), np.zeros_like(z))
        check_curvature(self.H)
        if not loss.convex:
            values, vectors = np.linalg.eigh(self.H.reshape(-1, m, m))
            vectors_t = vectors.swapaxes(1, 2)
            positive = np.maximum(values, 0)[:, np.newaxis]
            self.H = ((vectors * positive) @ vectors_t).reshape(-1, m * m)
        self.curvature = self.X.power(2).T @ self.H[:, :: m + 1]
        self.curvature += self.l2[:, np.newaxis]
        check_curvature(self.curvature)

    def _row_hessians(
        self, loss: Loss, z: Floats, gradient: Floats | None = None
    ) -> Weights:
        objective, m = self.objective, self.objective.n_outputs
        H = np.empty((len(z), m * m), dtype=z.dtype)
        loss.evaluate(
            z,
            objective.target,
            gradient=gradient,
            hessian=H if m == 1 else None,
            matrix=H if m > 1 else None,
            n_threads=objective.n_threads,
        )
        return H.astype(np.float64) / objective.total_weight

    def minimise(
        self, W: Weights, gradient: Weights, l1: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        w = np.array(W, order="C")
        w[(self.curvature == 0) & (np.abs(gradient) < l1[:, np.newaxis])] = 0
        X = self.X
        # Indices may be of 64 bits, but the rows of X are not so many.
        start, rows = X.indptr.astype(np.intp), X.indices.astype(np.intc, copy=False)
        arrays = (start, rows, X.data), (self.H, self.slope, self.curvature), w
        every = np.arange(len(w))
        enough = accuracy**2 * sweep_columns(*arrays, (l1, self.l2), every, 1, 0.0)
        for _ in range(ROUNDS):
            used = np.flatnonzero(w.any(axis=1) | (l1 == 0))
            sweep_columns(*arrays, (l1, self.l2), used, SWEEPS, enough)
            if sweep_columns(*arrays, (l1, self.l2), every, 1, enough) <= enough:
                break
        return w, X.T @ self.slope + self.l2[:, np.newaxis] * w


def model_of(objective: Problem) -> Model:
    size, m = objective.shape
    # Eigenvalues take longer than sweeps, and so does a large Hessian of sparse X,
    # whose columns are swept as fast as a matrix. But only a Hessian leads to Newton
    # steps; sweeps alone take hundreds of iterations where columns are collinear.
    operations = objective.n_samples * size**2 * m * (m + 1) / 2
    costly = sp.issparse(objective.X) and operations > MANY_OPERATIONS
    limit = WHOLE // 10 if costly or not objective.loss.convex else WHOLE
    # Where the rows are elsewhere, the whole Hessian is what can come from there.
    if isinstance(objective, LinearObjective) and size * m > limit:
        return ColumnsModel(objective)
    return MatrixModel(objective)
