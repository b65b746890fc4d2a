"""Quadratic models of an objective, and which one suits its size and penalty."""

from __future__ import annotations

from skxent.optimize.models.base import Model
from skxent.optimize.models.columns import ColumnsModel
from skxent.optimize.models.groups import GroupsModel
from skxent.optimize.models.matrix import MatrixModel
from skxent.optimize.objective import Objective
from skxent.optimize.rows.table import TableRows
from skxent.optimize.solution import MAX_HESSIAN

# The Hessian of sparse X is not formed if it takes more operations than this.
MAX_SPARSE_OPERATIONS = 1e8


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
