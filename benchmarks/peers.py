"""Logistic regression of other libraries, with tol, coef_ and intercept_ as ours.

Each with the settings that suit it, for the objective Σ ℓ + ½‖w‖², C = 1. glum and
skglm take two classes only; skglm's L-BFGS has no intercept.
"""

from importlib.util import find_spec

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

MISSING = "not installed"


class Peer:
    """Set a tolerance, fit."""

    fit_intercept = True

    def __init__(self, solver, tol=1e-4):
        self.solver, self.tol = solver, tol

    def set_params(self, tol):
        self.tol = tol
        return self


class Glum(Peer):
    def fit(self, X, y):
        from glum import GeneralizedLinearRegressor

        model = GeneralizedLinearRegressor(
            alpha=1 / X.shape[0],
            family="binomial",
            solver=self.solver,
            gradient_tol=self.tol,
            max_iter=1000,
        ).fit(X, y.astype(X.dtype))
        self.coef_ = model.coef_[np.newaxis]
        self.intercept_ = np.atleast_1d(model.intercept_)
        return self


class Skglm(Peer):
    fit_intercept = False

    def fit(self, X, y):
        from skglm.datafits import Logistic
        from skglm.penalties import L2
        from skglm.solvers import LBFGS

        X = sp.csc_matrix(X) if sp.issparse(X) else X
        sign = np.where(y == 1, 1, -1).astype(X.dtype)
        solver = LBFGS(max_iter=1000, tol=self.tol)
        coef, *_ = solver.solve(X, sign, Logistic(), L2(1 / X.shape[0]))
        self.coef_ = coef[np.newaxis]
        return self


def linear_peers(X, n_classes):
    """Of each library the solvers that can be best, or why there are none."""
    dense = not sp.issparse(X)
    solvers = ["lbfgs", "newton-cg"]
    if X.shape[1] * n_classes < 500:  # from there on it takes a minute
        solvers.append("newton-cholesky")
    found = {
        "scikit-learn": [LogisticRegression(solver=s, max_iter=1000) for s in solvers]
    }
    if find_spec("sklearnex"):
        from sklearnex.linear_model import LogisticRegression as Intelex

        found["intelex"] = [Intelex(max_iter=1000)]
    else:
        found["intelex"] = MISSING
    if n_classes > 2:
        return found
    if not find_spec("glum"):
        found["glum"] = MISSING
    elif dense:
        found["glum"] = [Glum("irls-ls"), Glum("lbfgs")]
    else:
        found["glum"] = "> 60 s"  # also with a tenth of the columns
    if not find_spec("skglm"):
        found["skglm"] = MISSING
    elif X.dtype == np.float64:
        found["skglm"] = [Skglm("lbfgs")]
    else:
        found["skglm"] = "float64 only"
    return found


def l1_peers(C, n_samples):
    """Estimators with an L1 penalty, no intercept, as functions of tol, or why not."""
    settings = {"C": C, "fit_intercept": False}

    def scikit_learn(solver):
        return lambda tol: LogisticRegression(
            l1_ratio=1.0, max_iter=3000, solver=solver, tol=tol, **settings
        )

    found = {"liblinear": scikit_learn("liblinear"), "saga": scikit_learn("saga")}
    found |= {"celer": MISSING, "skglm": MISSING}
    if find_spec("celer"):
        from celer import LogisticRegression as Celer

        found["celer"] = lambda tol: Celer(max_iter=200, tol=tol, **settings)
    if find_spec("skglm"):
        from skglm import SparseLogisticRegression

        found["skglm"] = lambda tol: SparseLogisticRegression(
            alpha=1 / (C * n_samples), fit_intercept=False, max_iter=200, tol=tol
        )
    return found
