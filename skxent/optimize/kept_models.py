"""Quadratic models that a path uses again while its working set grows.

The Hessian is extended by the columns that join. It is made anew where steps with the
old one converge slowly: that decides the path.
"""

from __future__ import annotations

import numpy as np

from skxent.losses._loss import Loss
from skxent.optimize.columns_model import ColumnsModel
from skxent.optimize.inverse import check_curvature
from skxent.optimize.models import MatrixModel
from skxent.optimize.penalty import Penalty
from skxent.optimize.rows.columns import WorkingColumns
from skxent.optimize.smooth import Weights


class KeptHessian(MatrixModel):
    """The Hessian at an earlier point, of columns that become more."""

    def __init__(self, columns: WorkingColumns, loss: Loss) -> None:
        self.columns = columns
        self.loss = loss
        self.forget()

    def forget(self) -> None:
        """Make the Hessian anew at the next point."""
        m = self.columns.rows.n_outputs
        self.of_rows: Weights | None = None
        self.kept: Weights = np.empty((m, 0, m, 0))

    def expand_with(self, W: Weights, penalty: Penalty) -> bool:
        """Add the penalty's part; return True if the rows' part is of W itself."""
        fresh = self.of_rows is None
        if self.of_rows is None:
            self.of_rows = self.columns.row_hessians(self.loss, W)
            check_curvature(self.of_rows)
        if self.kept.shape[1] < len(W):
            self.kept = self.columns.extend_hessian(self.kept, self.of_rows)
            check_curvature(self.kept)
        size = self.kept.shape[0] * self.kept.shape[1]
        self.H = self.kept.reshape(size, size)
        if penalty.curvature.any():
            self.H = self.H.copy()
            penalty.add_to_hessian(self.H)
        assert penalty.l1_weights is not None
        self.l1_weights = penalty.l1_weights
        return fresh


class KeptColumns(ColumnsModel):
    """The Hessian row by row at the last point, of columns that become more."""

    def __init__(self, columns: WorkingColumns, loss: Loss) -> None:
        self.columns = columns
        self.rows = columns.rows
        self.loss = loss

    def forget(self) -> None:
        """Do nothing: no Hessian is kept."""

    def expand_with(self, W: Weights, penalty: Penalty) -> bool:
        """Expand at W."""
        assert penalty.l1_weights is not None
        self.X = self.columns.X
        self.l1_weights = penalty.l1_weights
        self.l2_weights = penalty.curvature[:, 0].copy()
        self.expand(W)
        return True
