"""Data as they come: few passes, no warning, and the minimum, in any units.

Some units leave next to no penalty on columns that separate the classes: all of them
times 1e6, or some of digits'. The minimum is then far away, and Newton's method halves
the objective a step: those are not here. On digits conjugate gradients take somewhat
more passes, each of them short, and a fifth of the time.
"""

from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import log_softmax
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from problems import objective_of
from skxent.inputs.targets import make_target
from skxent.losses import CrossEntropy, Focal
from skxent.optimize.precondition import candidates
from skxent.optimize.solution import SolverOptions
from skxent.optimize.solve import solve

LOADS = {"breast_cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}
CASES = [
    *((name, unit) for name in LOADS for unit in ("1", "1e-6")),
    ("breast_cancer", "mixed"),
    ("wine", "mixed"),
]


def data(name, unit):
    X, y = LOADS[name](return_X_y=True)
    rng = np.random.default_rng(0)
    powers = (
        rng.integers(-6, 7, X.shape[1]) if unit == "mixed" else np.log10(float(unit))
    )
    return np.ascontiguousarray(X * 10.0**powers), y


def decrement(X, y, W, penalty):
    """√(gᵀH⁻¹g) of the mean cross-entropy with penalty, by its definition."""
    n, (size, m), K = len(X), W.shape, y.max() + 1
    X = np.column_stack([X, np.ones(n)])
    z = X @ W
    if m == 1:
        z = np.column_stack([np.zeros(n), z])
    p, Y = np.exp(log_softmax(z, axis=1)), np.eye(K)[y]
    k = slice(K - m, None)
    keep = penalty * np.append(np.ones(size - 1), 0.0)
    g = X.T @ (p - Y)[:, k] / n + keep[:, np.newaxis] * W
    M = (p[:, :, np.newaxis] * np.eye(K) - p[:, :, np.newaxis] * p[:, np.newaxis])[
        :, k, k
    ]
    H = np.zeros((m, size, m, size))
    for i in range(m):
        for j in range(m):
            H[i, :, j] = X.T @ (M[:, i, j, np.newaxis] * X) / n
        H[i, :, i] += np.diag(keep)
    g, H = g.T.ravel(), H.reshape(m * size, m * size)
    scale = 1 / np.sqrt(np.diagonal(H))
    H, g = H * scale * scale[:, np.newaxis], g * scale
    return np.sqrt(g @ np.linalg.lstsq(H, g, rcond=1e-13)[0])


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=repr)
@pytest.mark.parametrize(
    ("name", "unit", "solver", "most"),
    [(*case, "newton-cholesky", 60) for case in CASES]
    + [(*case, "auto", 60) for case in CASES if case[0] != "digits"]
    + [("digits", unit, "auto", 150) for unit in ("1", "1e-6")],
)
def test_few_passes_in_any_unit(name, unit, solver, most, loss):
    X, y = data(name, unit)
    objective = objective_of(
        X, make_target(y, len(y), y.max() + 1), loss, C=1.0, fit_intercept=True
    )
    found = solve(objective, np.zeros(objective.shape), solver=solver)
    assert found.converged
    assert objective.passes <= most
    if loss == CrossEntropy():
        W = objective.rows.with_origin(found.weights)
        gap = 0.5 * decrement(X, y, W, 1 / len(y)) ** 2
    else:
        best = solve(objective, found.weights, SolverOptions(tol=1e-9))
        gap = objective.value_gradient(found.weights)[0] - best.value
    assert gap <= 1e-8


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_columns_that_depend_on_each_other_cost_few_passes(n_classes, solver):
    """Their Gram matrix is formed where it is needed, and not where it is not."""
    rng = np.random.default_rng(0)
    n, d = 8000, 250
    rough = np.diag(np.logspace(-2, 0, d)) @ rng.normal(size=(d, d))
    for mixing, formed in ((np.eye(d), 0), (rough, 1)):
        X = rng.normal(size=(n, d)) @ mixing
        X /= X.std(axis=0)
        z = X @ rng.normal(size=(d, n_classes)) / np.sqrt(d)
        y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
        target = make_target(y, n, n_classes)
        objective = objective_of(X, target, CrossEntropy(), C=1.0, fit_intercept=True)
        found = candidates(objective, np.zeros(objective.shape))
        assert len(found) == (2 if n_classes == 2 else 3) - formed
        passes = objective.passes
        found = solve(objective, np.zeros(objective.shape), solver=solver)
        assert found.converged
        assert objective.passes - passes <= 40


@pytest.mark.parametrize(("n_classes", "most"), [(2, 65), (4, 200)])
def test_words_cost_few_passes(n_classes, most):
    """Rare and common columns, none at its mean: as they are it takes a half more."""
    rng = np.random.default_rng(0)
    n, d = 4000, 8000
    rows = np.repeat(np.arange(n), 60)
    columns = np.minimum(20 * rng.pareto(0.7, size=len(rows)), d - 1).astype(int)
    X = sp.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, d))
    z = X @ rng.normal(size=(d, n_classes)) / 2
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    target = make_target(y, n, n_classes)
    objective = objective_of(X, target, CrossEntropy(), C=1.0, fit_intercept=True)
    assert solve(objective, np.zeros(objective.shape), solver="newton-cg").converged
    assert objective.passes <= most


def clicks(n, d, n_classes=2, seed=0):
    """Hashed columns of a power law, one class rare, most columns empty."""
    rng = np.random.default_rng(seed)
    rank = (1 - rng.uniform(size=30 * n) * (1 - (16 * n) ** -0.1)) ** -10
    place = rng.permutation(d)[np.minimum(rank, d).astype(int) - 1]
    X = sp.csr_array((np.ones(30 * n), place, np.arange(0, 30 * n + 1, 30)), (n, d))
    X.sum_duplicates()
    z = X @ rng.normal(scale=0.2, size=(d, n_classes))
    z[:, 1:] -= 4 + z[:, 1:].mean(axis=0) - z[:, :1].mean()
    return X, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


@cache
def fit_to_clicks(n_classes):
    """An objective and its least value."""
    X, y = clicks(20_000, 1 << 17, n_classes)
    assert 0.005 < np.mean(y == 1) < 0.05
    target = make_target(y, len(y), n_classes)
    objective = objective_of(X, target, CrossEntropy(), C=1.0, fit_intercept=True)
    best = solve(objective, np.zeros(objective.shape), SolverOptions(tol=1e-7))
    return objective, best.value


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton-cg"])
@pytest.mark.parametrize(("n_classes", "most"), [(2, 60), (3, 110)])
def test_clicks_cost_few_passes(n_classes, most, solver):
    """Its curvature is far from that of equal classes, where a fit used to start."""
    objective, best = fit_to_clicks(n_classes)
    before = objective.passes
    found = solve(objective, np.zeros(objective.shape), solver=solver)
    assert found.converged
    assert objective.passes - before <= most
    assert found.value - best <= 1e-8


def test_empty_columns_are_left_out_and_come_back():
    X, y = clicks(20_000, 1 << 20)
    target = make_target(y, len(y), 2)
    objective = objective_of(X, target, CrossEntropy(), C=1.0, fit_intercept=True)
    assert len(objective.rows.columns_in_use()) < X.shape[1] // 2
    seen = []
    options = SolverOptions(tol=1e-6, callback=seen.append)
    found = solve(objective, np.zeros(objective.shape), options)
    used = np.unique(X.indices)
    part = objective_of(X[:, used], target, CrossEntropy(), C=1.0, fit_intercept=True)
    assert part.rows.columns_in_use() is None
    alone = solve(part, np.zeros(part.shape), options)
    for W in (found.weights, *seen[:2]):
        assert W.shape == objective.shape
        assert np.count_nonzero(W) == np.count_nonzero(W[np.append(used, -1)])
    assert abs(found.value / alone.value - 1) <= 1e-10
    assert np.linalg.norm(objective.at(found.weights).gradient) <= 1e-6


def test_outputs_that_curve_in_rows_of_their_own_get_preconditioners_of_their_own():
    X, y = data("digits", "1")
    X = X * 10.0 ** np.random.default_rng(0).uniform(-6, 6, X.shape[1])
    target = make_target(y, len(y), 10)
    objective = objective_of(X, target, CrossEntropy(), C=1.0, fit_intercept=True)
    found = solve(objective, np.zeros(objective.shape))
    assert found.converged
    assert objective.passes <= 400  # one for all outputs takes many times that
