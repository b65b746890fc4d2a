"""Objectives of tables in memory, for tests of what minimises them."""

from skxent.optimize.objective import Objective
from skxent.optimize.penalties import elastic_net
from skxent.optimize.quadratic_penalty import MAX_COEFFICIENTS
from skxent.optimize.rows import table_rows
from skxent.optimize.solution import SolverOptions


def objective_of(X, target, loss, *, C=1.0, l1=0.0, fit_intercept=True, **keywords):
    """Return the mean loss plus ½ ‖W‖² / (C Σw) + l1 ‖W‖₁."""
    rows = table_rows(X, target, fit_intercept=fit_intercept, **keywords)
    l2 = 1 / (C * rows.weight_sum)
    ratio = l1 / (l1 + l2) if l1 else 0.0
    return Objective(rows, loss, elastic_net(rows, l1 + l2, ratio))


def limited(estimator_class, max_coefficients=MAX_COEFFICIENTS, **limits):
    """Return a class of estimators whose solver and stream have other limits."""

    class Limited(estimator_class):
        _max_coefficients = max_coefficients
        _solver_options = SolverOptions(**limits)

    return Limited
