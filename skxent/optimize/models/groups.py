"""Block coordinate descent, for any penalty that has a proximal map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skxent.optimize.models.base import sweep_tolerance
from skxent.optimize.models.matrix import WholeHessian
from skxent.optimize.objective import Objective
from skxent.optimize.penalties import Penalty
from skxent.optimize.smooth import Columns, Weights

# Sweeps over all groups for one model.
MAX_SWEEPS = 500


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
