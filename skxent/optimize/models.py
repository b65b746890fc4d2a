"""Quadratic models of an objective, which proximal Newton minimises with the penalty.

MatrixModel    the whole Hessian, for few coefficients, and an L1 norm
GroupsModel    the whole Hessian, and any penalty that has a proximal map
ColumnsModel   the Hessian row by row, for many coefficients and an L1 norm
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from skxent.kernels._coordinate import sweep_columns, sweep_matrix
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.losses._shipped import SURROGATE
from skxent.optimize.inverse import check_curvature
from skxent.optimize.objective import Objective
from skxent.optimize.penalties import Penalty
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Columns, Weights
from skxent.optimize.solution import MAX_HESSIAN

# The number of sweeps of coordinate descent between two checks of all coordinates, and
# the number of such rounds for one model.
SWEEPS, MAX_ROUNDS = 10, 50

# Newton steps of a round at most, and sweeps over groups of coefficients for one model.
MAX_STEPS, MAX_SWEEPS = 20, 500

# The Hessian of sparse X is not formed if it takes more operations than this.
MAX_SPARSE_OPERATIONS = 1e8

# A sweep that changes the model by no more than this, in nats, changes only rounding
# errors of the weights.
MIN_CHANGE = float(8 * np.finfo(np.float64).eps) ** 2


def sweep_tolerance(accuracy: float, first: float) -> float:
    """Return the change of a sweep at which sweeps end, from that of the first."""
    return max(accuracy**2 * first, MIN_CHANGE)


class Model(ABC):
    """A quadratic model of the smooth part, minimised with the nonsmooth penalty."""

    # True: the cost of a sweep is negligible compared with that of the model.
    cheap_sweeps = False

    @abstractmethod
    def expand(self, W: Weights, damping: float = 0.0) -> None:
        """Expand at W, with damping times the Hessian of cross-entropy at zero added.

        No row is saturated at zero, so damping limits how far logits can change.
        """

    @abstractmethod
    def minimise(
        self, W: Weights, gradient: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        """Return the minimiser and the model's gradient there.

        W, gradient : where to begin, and the model's gradient there.
        accuracy : how much the last sweep changes, relative to the first.
        """


class WholeHessian(Model):
    """A model with the whole Hessian: sweeps cost nothing beside it."""

    H: Weights
    cheap_sweeps = True

    def __init__(self, objective: Objective) -> None:
        self.objective = objective

    def expand(self, W: Weights, damping: float = 0.0) -> None:
        objective = self.objective
        self.H = objective.hessian(W)
        if damping:
            flat = replace(objective, loss=SURROGATE)
            self.H += damping * flat.hessian(np.zeros_like(W))
        check_curvature(self.H)
        if objective.loss.convex:
            return
        try:
            cho_factor(self.H)
        except LinAlgError:
            values, vectors = eigh(self.H)
            self.H = (vectors * np.abs(values)) @ vectors.T


class MatrixModel(WholeHessian):
    """The whole Hessian, and coordinate descent with an L1 norm."""

    def __init__(self, objective: Objective, l1_weights: Weights) -> None:
        super().__init__(objective)
        self.l1_weights = l1_weights

    def minimise(
        self, W: Weights, gradient: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        w, slope = W.T.flatten(), gradient.T.flatten()
        l1 = np.tile(self.l1_weights, W.shape[1])
        w[(np.diagonal(self.H) == 0) & (np.abs(slope) < l1)] = 0  # not swept
        first = sweep_matrix(self.H, slope, w, l1, 1, 0.0)
        tolerance = sweep_tolerance(accuracy, first)
        for _ in range(MAX_ROUNDS):
            if sweep_matrix(self.H, slope, w, l1, SWEEPS, tolerance) <= tolerance:
                break
            for _ in range(MAX_STEPS):
                if not self._newton(w, slope, l1):
                    break
        shape = W.shape[::-1]
        return w.reshape(shape).T, slope.reshape(shape).T

    def _newton(self, w: Weights, slope: Weights, l1: Weights) -> bool:
        """Step to the minimum over the coordinates in use if they kept their signs.

        Those that would not are set to zero; or the step ends where the model is least
        along it, if that is lower. Return True if there is more to gain with the signs
        that are then.
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
    """Minimise slopeᵀ(x - w) + ½ (x - w)ᵀH(x - w) + Σ l1 |x| from w to w + step.

    Return x, and how much less that is. Along the step the function is a convex
    parabola whose slope jumps up by 2 l1 |step| where a coordinate changes its sign.
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


class GroupsModel(WholeHessian):
    """The whole Hessian, with a proximal step for each group of coefficients in turn.

    The step has the length that the curvature within the group allows, so that columns
    need not have the same scale.
    """

    def __init__(self, objective: Objective, penalty: Penalty) -> None:
        super().__init__(objective)
        self.part_of: Callable[[Columns], Penalty] = penalty.restricted
        self.groups: list[Columns] = penalty.groups()

    def minimise(
        self, W: Weights, gradient: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        size, m = W.shape
        W, slope = W.copy(), gradient.copy()
        H = self.H.reshape(m, size, m, size)
        groups = []
        for index in self.groups:
            columns = H[:, :, :, index]
            block = columns[:, index].reshape(m * len(index), -1)
            largest = max(np.linalg.eigvalsh(block)[-1], np.finfo(float).tiny)
            part = self.part_of(index)
            groups.append((index, part, columns.reshape(m * size, -1), largest))
        first = None
        for _ in range(MAX_SWEEPS):
            change = 0.0
            for index, part, columns, largest in groups:
                end = part.prox(W[index] - slope[index] / largest, 1 / largest)
                step = end - W[index]
                W[index] = end
                slope += (columns @ step.T.ravel()).reshape(m, size).T
                change = max(change, largest * float(np.vdot(step, step)))
            first = change if first is None else first
            if change <= sweep_tolerance(accuracy, first):
                break
        return W, slope


class ColumnsModel(Model):
    """The Hessian row by row: m x m numbers for each row of X."""

    H: Weights
    slope: Weights
    curvature: Weights

    def __init__(
        self, rows: TableRows, loss: Loss, l1_weights: Weights, l2_weights: Weights
    ) -> None:
        self.rows = rows
        self.loss = loss
        self.X: Any = rows.as_columns()
        self.l1_weights = l1_weights
        self.l2_weights = l2_weights

    def expand(self, W: Weights, damping: float = 0.0) -> None:
        m, loss = W.shape[1], self.loss
        z = np.asarray(self.X @ W, dtype=self.rows.dtype)
        slope = np.empty_like(z)
        self.H = self._row_hessians(loss, z, gradient=slope)
        self.slope = slope.astype(np.float64) / self.rows.scaled_weight_sum
        if damping:
            self.H += damping * self._row_hessians(SURROGATE, np.zeros_like(z))
        check_curvature(self.H)
        if not loss.convex:
            values, vectors = np.linalg.eigh(self.H.reshape(-1, m, m))
            vectors_t = vectors.swapaxes(1, 2)
            positive = np.maximum(values, 0)[:, np.newaxis]
            self.H = ((vectors * positive) @ vectors_t).reshape(-1, m * m)
        curvature = self.X.power(2).T @ self.H[:, :: m + 1]
        self.curvature = curvature + self.l2_weights[:, np.newaxis]
        check_curvature(self.curvature)

    def _row_hessians(
        self, loss: Loss, z: Floats, gradient: Floats | None = None
    ) -> Weights:
        H = self.rows.row_hessians(loss, z, self.rows.target, gradient)
        return H.astype(np.float64) / self.rows.scaled_weight_sum

    def minimise(
        self, W: Weights, gradient: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        X, l1, l2 = self.X, self.l1_weights, self.l2_weights
        w = np.array(W, order="C")
        w[(self.curvature == 0) & (np.abs(gradient) < l1[:, np.newaxis])] = 0
        # Indices may be of 64 bits, but the rows of X are not so many.
        start, rows = X.indptr.astype(np.intp), X.indices.astype(np.intc, copy=False)
        model = self.H, self.slope, self.curvature
        arrays = (start, rows, X.data), model, w, (l1, l2)
        everything = np.arange(len(w))
        first = sweep_columns(*arrays, everything, 1, 0.0)
        tolerance = sweep_tolerance(accuracy, first)
        for _ in range(MAX_ROUNDS):
            used = np.flatnonzero(w.any(axis=1) | (l1 == 0))
            sweep_columns(*arrays, used, SWEEPS, tolerance)
            if sweep_columns(*arrays, everything, 1, tolerance) <= tolerance:
                break
        return w, X.T @ self.slope + l2[:, np.newaxis] * w


def model_of(objective: Objective, max_hessian: int = MAX_HESSIAN) -> Model:
    """Return the model whose minimum with the penalty takes the least time."""
    penalty = objective.penalty
    l1_weights = penalty.l1_weights
    if l1_weights is None:
        return GroupsModel(objective, penalty)
    rows, (size, m) = objective.rows, objective.shape
    # Eigenvalues take longer than sweeps, and so does a large Hessian of sparse X,
    # whose columns are swept as fast as a matrix. But only a Hessian leads to Newton
    # steps; sweeps alone take hundreds of iterations where columns are collinear.
    operations = rows.n_samples * size**2 * m * (m + 1) / 2
    costly = rows.sparse and operations > MAX_SPARSE_OPERATIONS
    limit = max_hessian
    if costly or not objective.loss.convex:
        limit //= 10
    # Where the rows are elsewhere, the whole Hessian is what can come from there.
    if isinstance(rows, TableRows) and size * m > limit:
        l2_weights = penalty.curvature[:, 0].copy()
        return ColumnsModel(rows, objective.loss, l1_weights, l2_weights)
    return MatrixModel(objective, l1_weights)
