"""Fits to many rows start from the minima of samples."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from problems import objective_of
from skxent import CrossEntropyClassifier
from skxent.blocks import ArrayBlocks
from skxent.inputs.targets import make_target
from skxent.losses import CrossEntropy
from skxent.optimize.sample_start import sample_steps
from skxent.optimize.solution import SolverOptions
from skxent.optimize.solve import solve


def data(n_classes, n=40_000, d=8):
    rng = np.random.default_rng(n_classes)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 1
    z = X @ rng.normal(size=(d, n_classes)) / d
    return X, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def problem(X, y, w=None, C=1.0, fit_intercept=True):
    target = make_target(y, len(y), int(y.max()) + 1, sample_weight=w)
    return objective_of(X, target, CrossEntropy(), C=C, fit_intercept=fit_intercept)


def minimum(objective):
    start = np.zeros(objective.shape)
    return solve(objective, start, SolverOptions(tol=1e-8), "newton-cg").value


@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("n_classes", "most"), [(2, 6), (4, 9)])
def test_few_passes_over_all_rows(n_classes, most, fit_intercept, convert):
    X, y = data(n_classes)
    objective = problem(convert(X), y, fit_intercept=fit_intercept)
    assert sample_steps(objective) == [7]
    found = solve(objective, np.zeros(objective.shape))
    assert found.converged
    assert objective.passes <= most
    value = objective.at(found.weights).value
    assert value - minimum(objective) <= 5e-9
    assert_allclose(found.value, value, rtol=0, atol=1e-8)


def test_samples_have_rows_enough():
    assert sample_steps(problem(*data(2, n=250_000, d=2))) == [49, 7]
    assert sample_steps(problem(*data(2, n=12_000))) == []
    assert sample_steps(problem(*data(2, n=30_000, d=100))) == [4]
    assert sample_steps(problem(*data(2, n=20_000, d=100))) == []


@pytest.mark.parametrize("C", [1.0, 1e6])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", ["separable", "weightless", "one class", "sorted"])
def test_samples_that_mislead_do_no_harm(kind, n_classes, C):
    X, y = data(n_classes)
    w = np.random.default_rng(0).uniform(0, 2, len(y))
    sample = slice(None, None, 7)
    if kind == "separable":
        y[sample] = np.digitize(X[sample, 0], [1, 1.5][: n_classes - 1])
        X[sample] *= 100
    elif kind == "weightless":
        w[sample] = 0
    elif kind == "one class":
        y[sample] = 0
    else:
        order = np.lexsort((X[:, 0], y))
        X, y = X[order], y[order]
    objective = problem(X, y, w, C)
    found = solve(objective, np.zeros(objective.shape))
    assert found.converged
    assert objective.at(found.weights).value - minimum(objective) <= 1e-8


@pytest.mark.parametrize("size", [1e3, 1e4, 1e5])
@pytest.mark.parametrize("thresholds", [[0], [-1, 1]], ids=["two", "three"])
@pytest.mark.parametrize("columns", [slice(None), slice(1, 2)], ids=["row", "entry"])
def test_a_row_of_unusual_size(size, thresholds, columns):
    """It has most of the curvature of its sample, until its logits saturate."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 12))
    y = np.digitize(2 * X[:, 0] + rng.logistic(size=len(X)), thresholds)
    X[7, columns] = size
    objective = problem(X, y)
    found = solve(objective, np.zeros(objective.shape))
    assert found.converged
    assert objective.at(found.weights).value - minimum(objective) <= 3e-5


def test_blocks_have_the_same_samples():
    X, y = data(3)
    model = CrossEntropyClassifier().fit(X, y)
    blocks = CrossEntropyClassifier().fit(ArrayBlocks(X, y, block_rows=3001))
    assert_allclose(blocks.coef_, model.coef_, rtol=0, atol=1e-9)
    assert blocks.n_iter_ == model.n_iter_
