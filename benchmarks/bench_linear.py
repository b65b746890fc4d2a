"""Fits to the same relative suboptimality, 1e-8, beside scikit-learn's best solvers.

Each solver gets the largest tolerance that reaches it.
X.sum() is a pass over X at the speed of memory.
"""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from skxent import CrossEntropyClassifier
from skxent.losses import CrossEntropy
from skxent.objective import LinearObjective
from skxent.targets import make_target

SHAPES = {
    "1e5x50, 2 classes": (100_000, 50, 2),
    "1e6x30, 2 classes": (1_000_000, 30, 2),
    "1e5x50, 10 classes": (100_000, 50, 10),
    "2e4x500, 5 classes": (20_000, 500, 5),
    "5e5x30, 7 classes": (500_000, 30, 7),
    "2e4x1e5 sparse, 2 classes": (20_000, 100_000, 2),
    "2e4x1e5 sparse, 20 classes": (20_000, 100_000, 20),
}
SOLVERS = ["lbfgs", "newton-cg", "newton-cholesky"]


def data(n, d, n_classes):
    """Classes drawn from a logistic model."""
    rng = np.random.default_rng(0)
    if d > 1000:
        X = sp.random_array((n, d), density=1e-3, format="csr", rng=rng)
        W = 3 * rng.normal(size=(d, n_classes))
    else:
        X = rng.normal(size=(n, d))
        W = 2 * rng.normal(size=(d, n_classes)) / np.sqrt(d)
    z = X @ W
    return X, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def problem(X, y):
    target = make_target(y, X.shape[0], int(y.max()) + 1)
    return LinearObjective(X, target, CrossEntropy(), C=1.0, fit_intercept=True)


def value(model, objective):
    W = np.vstack([model.coef_.T, model.intercept_])
    return objective.value_gradient(objective.without_origin(W))[0]


def largest_tol(model, X, y, objective, best):
    """The model with the largest tolerance whose fit is as good as asked, or None."""
    for tol in 10.0 ** -np.arange(2, 10):
        model.set_params(tol=tol).fit(X, y)
        if value(model, objective) - best <= 1e-8 * best:
            return model
    return None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SHAPES)
def test_fit(compare, request, name):
    n, d, n_classes = SHAPES[name]
    if request.config.getoption("--quick"):
        n, d = n // 100, d // 10
    X, y = data(n, d, n_classes)
    objective = problem(X, y)
    exact = CrossEntropyClassifier(solver="newton-cg", tol=1e-7).fit(X, y)
    best = value(exact, objective)
    models = {"skxent": largest_tol(CrossEntropyClassifier(), X, y, objective, best)}
    for solver in SOLVERS:
        if solver == "newton-cholesky" and d * n_classes > 500:
            continue
        model = LogisticRegression(solver=solver, max_iter=1000)
        models[solver] = largest_tol(model, X, y, objective, best)
    calls = {
        solver: lambda model=model: model.fit(X, y)
        for solver, model in models.items()
        if model is not None
    }
    calls["X.sum()"] = X.sum
    compare(f"{name}, {models['skxent'].n_iter_[0]} its", calls, seconds=1, rounds=3)


@pytest.mark.parametrize(
    "load", [load_iris, load_wine, load_breast_cancer, load_digits]
)
def test_default_fits_of_small_tables(compare, load):
    X, y = load(return_X_y=True)

    def theirs():
        with warnings.catch_warnings():  # it does not converge on these
            warnings.simplefilter("ignore", ConvergenceWarning)
            LogisticRegression().fit(X, y)

    compare(
        f"{load.__name__}, defaults",
        {"skxent": lambda: CrossEntropyClassifier().fit(X, y), "scikit-learn": theirs},
    )
