"""The quadratic model of an objective, and its minimiser with an L1 norm.

Two forms of the Hessian: the whole of it, for few coefficients, or row by row.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.sparse as sp
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from skxent._coordinate import sweep_columns, sweep_matrix
from skxent.losses import CrossEntropy, Loss
from skxent.objectives.linear import LinearObjective
from skxent.objectives.problem import Problem, Weights
from skxent.targets import Floats

# A larger Hessian is not formed: coordinate descent goes through X instead.
WHOLE = 3000

# Sweeps between two attempts at a Newton step, and such rounds for one model.
SWEEPS, ROUNDS = 10, 50


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
        first = last = sweep_matrix(self.H, slope, w, l1, 1, 0.0)
        for _ in range(ROUNDS):
            enough = accuracy**2 * first
            last = sweep_matrix(self.H, slope, w, l1, SWEEPS, enough)
            if last <= enough:
                break
            self._newton(w, slope, l1)
        shape = W.shape[::-1]
        return w.reshape(shape).T, slope.reshape(shape).T

    def _newton(self, w: Weights, slope: Weights, l1: Weights) -> None:
        """Towards the minimum over the coordinates in use if they kept their signs.

        Those that would not are set to zero. Where that is not a descent, as along
        collinear columns, the step ends where the first of them is zero.
        """
        used = np.flatnonzero((w != 0) | (l1 == 0))
        sign = np.sign(w[used])
        H = self.H[np.ix_(used, used)]
        pull = slope[used] + l1[used] * sign
        try:
            # The ridge holds directions along which H and the slope have no part.
            ridge = np.diag(1e-10 * np.diagonal(H))
            end = w[used] - cho_solve(cho_factor(H + ridge), pull)
        except LinAlgError:
            return
        step = end - w[used]
        lost = (np.sign(end) != sign) & (l1[used] > 0)
        end[lost] = 0.0
        projected = end - w[used]
        if pull @ projected + 0.5 * projected @ H @ projected < 0:
            step = projected
        elif not lost.any():  # at the minimum already, but for rounding
            return
        else:
            reach = np.full(len(used), np.inf)
            reach[lost] = -w[used][lost] / step[lost]
            first = np.argmin(reach)
            end = w[used] + reach[first] * step
            end[first] = 0.0
            step = end - w[used]
        w[used] = end
        slope += step @ self.H[used]


class ColumnsModel:
    """The Hessian row by row: m x m numbers for each row of X."""

    l2: Weights
    slope: Weights
    curvature: Weights

    def __init__(self, objective: LinearObjective) -> None:
        self.objective = objective
        X = objective.X
        if not sp.issparse(X):
            X = sp.csc_array(X - objective.origin)
        if objective.fit_intercept:
            X = sp.hstack([X, np.ones((X.shape[0], 1))])
        self.X = sp.csc_array(X, dtype=np.float64)
        self.l2 = np.zeros(objective.shape[0])
        self.l2[: objective.n_features] = objective.penalty

    def expand(self, W: Weights, damping: float = 0.0) -> None:
        m, loss = self.objective.n_outputs, self.objective.loss
        z = np.asarray(self.X @ W, dtype=self.objective.dtype)
        slope = np.empty_like(z)
        self.H = self._row_hessians(loss, z, gradient=slope)
        self.slope = slope.astype(np.float64) / self.objective.total_weight
        if damping:
            self.H += damping * self._row_hessians(CrossEntropy(), np.zeros_like(z))
        if not loss.convex:
            values, vectors = np.linalg.eigh(self.H.reshape(-1, m, m))
            vectors_t = vectors.swapaxes(1, 2)
            positive = np.maximum(values, 0)[:, np.newaxis]
            self.H = ((vectors * positive) @ vectors_t).reshape(-1, m * m)
        self.curvature = self.X.power(2).T @ self.H[:, :: m + 1]
        self.curvature += self.l2[:, np.newaxis]

    def _row_hessians(
        self, loss: Loss, z: Floats, gradient: Floats | None = None
    ) -> Weights:
        objective, m = self.objective, self.objective.n_outputs
        H = np.empty((len(z), m * m), dtype=z.dtype)
        loss.evaluate(
            z,
            objective.target,
            objective.binary,
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
        X = self.X
        # Indices may be of 64 bits, but the rows of X are not so many.
        start, rows = X.indptr.astype(np.intp), X.indices.astype(np.intc, copy=False)
        arrays = start, rows, X.data, self.H, self.slope, w, self.curvature
        every = np.arange(len(w))
        enough = accuracy**2 * sweep_columns(*arrays, l1, self.l2, every, 1, 0.0)
        for _ in range(ROUNDS):
            used = np.flatnonzero(w.any(axis=1) | (l1 == 0))
            sweep_columns(*arrays, l1, self.l2, used, SWEEPS, enough)
            if sweep_columns(*arrays, l1, self.l2, every, 1, enough) <= enough:
                break
        return w, X.T @ self.slope + self.l2[:, np.newaxis] * w


def model_of(objective: Problem) -> Model:
    size, m = objective.shape
    # Sparse columns are swept as fast as a matrix; eigenvalues take longer than both.
    costly = sp.issparse(objective.X) or not objective.loss.convex
    limit = WHOLE // 10 if costly else WHOLE
    # Where the rows are elsewhere, the whole Hessian is what can come from there.
    if isinstance(objective, LinearObjective) and size * m > limit:
        return ColumnsModel(objective)
    return MatrixModel(objective)
