"""Quadratic models of an objective, which proximal Newton minimises with the penalty.

MatrixModel    the whole Hessian, for few coefficients, and an L1 norm
GroupsModel    the whole Hessian, and any penalty that has a proximal map
ColumnsModel   the Hessian row by row, for many coefficients and an L1 norm
               (columns_model.py)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from skxent.kernels._coordinate import sweep_matrix
from skxent.losses._shipped import SURROGATE
from skxent.optimize.inverse import check_curvature, eigh
from skxent.optimize.objective import Objective
from skxent.optimize.penalty import Penalty
from skxent.optimize.smooth import Columns, Weights

# The number of sweeps of coordinate descent between two checks of all coordinates, or
# with the whole Hessian between two Newton steps, which take as long as some 25 sweeps;
# and the number of such rounds for one model.
SWEEPS, MATRIX_SWEEPS, MAX_ROUNDS = 10, 30, 50

# Newton steps of a round at most, and sweeps over groups of coefficients for one model.
MAX_STEPS, MAX_SWEEPS = 20, 500

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
        """Compute the whole Hessian, whose negative eigenvalues change their sign."""
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

    l1_weights: Weights

    def __init__(self, objective: Objective, l1_weights: Weights) -> None:
        super().__init__(objective)
        self.l1_weights = l1_weights

    def minimise(
        self, W: Weights, gradient: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        """Sweep over single coefficients, and take Newton steps in between."""
        w, slope = W.T.flatten(), gradient.T.flatten()
        l1 = np.tile(self.l1_weights, (1, W.shape[1]))
        w[(np.diagonal(self.H) == 0) & held_at_zero(slope, l1)] = 0  # not swept
        first = sweep_matrix(self.H, slope, w, l1, 1, 0.0)
        tolerance = sweep_tolerance(accuracy, first)
        for _ in range(MAX_ROUNDS):
            last = sweep_matrix(self.H, slope, w, l1, MATRIX_SWEEPS, tolerance)
            if last <= tolerance:
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
        used = np.flatnonzero((w != 0) | ~l1.any(axis=0))
        start, sign, l1 = w[used], np.sign(w[used]), l1[:, used]
        weight = weight_of(start, l1)
        H = self.H[np.ix_(used, used)]
        pull = slope[used] + weight * sign
        try:
            # The ridge holds directions along which H and the slope have no part.
            ridge = np.diag(1e-10 * np.diagonal(H))
            step = -cho_solve(cho_factor(H + ridge), pull)
        except LinAlgError:
            return False
        end = start + step
        lost = (np.sign(end) != sign) & l1.any(axis=0)
        if lost.any():
            curvature = float(step @ H @ step)
            along, gain = least_along(start, step, slope[used], curvature, l1)
            end[lost] = 0.0
            cut = end - start
            if pull @ cut + 0.5 * cut @ H @ cut >= gain:
                end = along
        w[used] = end
        slope += (end - start) @ self.H[used]
        return bool(lost.any() and (end != start).any())


def held_at_zero(slope: Weights, l1: Weights) -> NDArray[np.bool_]:
    """Return where a weight of zero is least: the slope is within (-above, below)."""
    above, below = l1
    return (-above < slope) & (slope < below)


def weight_of(w: Weights, l1: Weights) -> Weights:
    """Return the L1 weight on the side of zero where each coordinate is; 0 at zero."""
    above, below = l1
    return np.where(w > 0, above, np.where(w < 0, below, 0.0))


def least_along(
    w: Weights, step: Weights, slope: Weights, curvature: float, l1: Weights
) -> tuple[Weights, float]:
    """Minimise slopeᵀ(x - w) + ½ (x - w)ᵀH(x - w) + the L1 norm, from w to w + step.

    The norm is Σ above max(x, 0) + below max(-x, 0), with l1 = (above, below): (2, p).
    Return x, and how much less that is. Along the step the function is a convex
    parabola whose slope jumps up by (above + below) |step| where a coordinate changes
    its sign. If one of the two is infinite, x stays at zero.
    """
    jump, weight = l1[0] + l1[1], weight_of(w, l1)
    crossing = np.flatnonzero((w * step < 0) & (jump > 0))
    at = -w[crossing] / step[crossing]
    order = np.argsort(at)
    crossing, at = crossing[order], at[order]
    jumps = jump[crossing] * np.abs(step[crossing])
    bend = np.append(0.0, np.cumsum(jumps))
    first = float(slope @ step + (weight * step) @ np.sign(w))
    after = first + curvature * at + bend[1:]
    k = int(np.argmax(after >= 0)) if (after >= 0).any() else len(at)
    inside = -(first + bend[k]) / curvature if curvature > 0 else np.inf
    t = min(inside, at[k] if k < len(at) else 1.0, 1.0)
    x = w + t * step
    if k < len(at) and t == at[k]:
        x[crossing[k]] = 0.0
    x[np.isinf(weight_of(x, l1))] = 0.0  # rounding
    gain = t * (slope @ step) + 0.5 * t**2 * curvature
    size, other = np.abs(x), weight_of(x, l1) - weight
    gain += weight @ (size - np.abs(w)) + other[x != 0] @ size[x != 0]
    return x, float(gain)


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
        """Take a proximal step for each group of rows in turn."""
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
