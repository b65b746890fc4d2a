"""Independent outputs: values, minima and ends of each, against problems of its own."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from problems import objective_of
from skxent.inputs.targets import make_target
from skxent.losses import LOSSES, CrossEntropy, Focal
from skxent.optimize.outputs import one_output, some_outputs
from skxent.optimize.solution import SolverOptions, Stopped
from skxent.optimize.solve import solve

TIGHT = SolverOptions(tol=1e-9, max_iter=1000)


def data(n=200, d=6, m=4, dtype=np.float64):
    """Columns that depend on each other; labels of different shares."""
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 1).astype(dtype)
    z = X @ rng.normal(size=(d, m)) / d + rng.logistic(size=(n, m)) - np.arange(m) / 2
    Y = (z > 0).astype(dtype)
    Y[:2] = [[0], [1]]
    return X, Y, rng.uniform(0.2, 3, n)


def target_of(Y, w=None, *, weights=None, eps=0.0):
    target = make_target(
        Y,
        *Y.shape,
        multilabel=True,
        sample_weight=w,
        dtype=Y.dtype,
        label_smoothing=eps,
    )
    return target if weights is None else replace(target, class_weight=weights)


def single(X, y, w, loss, weights=None, **keywords):
    """The minimum of one output, from scratch."""
    target = make_target(
        y.astype(int), len(y), 2, sample_weight=w, class_weight=weights, dtype=X.dtype
    )
    objective = objective_of(X, target, loss, **keywords)
    found = solve(objective, np.zeros(objective.shape), TIGHT)
    return objective.rows.with_origin(found.weights)[:, 0]


def minimum(X, target, loss, options=TIGHT, **keywords):
    objective = objective_of(X, target, loss, **keywords)
    found = solve(objective, np.zeros(objective.shape), options)
    return objective.rows.with_origin(found.weights), found


@pytest.mark.parametrize("kind", ["dense", "sparse", "wide"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("eps", [0.0, 0.2])
def test_values_and_gradients_are_those_of_each_output(kind, dtype, eps):
    X, Y, w = data(dtype=dtype)
    weights = np.random.default_rng(1).uniform(0.5, 2, (4, 2))
    matrix = X if kind == "dense" else sp.csr_array(X)
    target = target_of(Y, w, weights=weights, eps=eps)
    offset = np.random.default_rng(2).normal(size=Y.shape).astype(dtype)
    limit = {"max_cached": 0} if kind == "wide" else {}
    objective = objective_of(matrix, target, Focal(2.0), offset=offset, **limit)
    W = np.random.default_rng(3).normal(size=objective.shape) / 3
    values, gradient = objective.values_gradient(W)
    rtol = 1e-4 if dtype == np.float32 else 1e-10
    for k in range(4):
        part = one_output(objective, k)
        value, slope = part.value_gradient(W[:, [k]])
        assert_allclose(values[k], value, rtol=rtol)
        assert_allclose(gradient[:, [k]], slope, rtol=rtol, atol=rtol / 10)
    some = some_outputs(objective, np.array([3, 1]))
    assert_allclose(some.values_gradient(W[:, [3, 1]])[0], values[[3, 1]], rtol=rtol)
    total, whole = objective.value_gradient(W)
    assert_allclose(total, values.sum(), rtol=rtol)
    assert_array_equal(whole, gradient)


CONVEX = [name for name, loss in LOSSES.items() if loss().convex]


@pytest.mark.parametrize("name", CONVEX)
@pytest.mark.parametrize("n", [60, 200, 30_000])
def test_minima_are_those_of_each_output(name, n):
    """30,000 rows start from a sample."""
    X, Y, w = data(n)
    loss = LOSSES[name]()
    W, found = minimum(X, target_of(Y, w), loss, C=2.0)
    assert found.converged
    for k in range(4):
        assert_allclose(W[:, k], single(X, Y[:, k], w, loss, C=2.0), atol=1e-6)


@pytest.mark.parametrize("l1", [0.0, 0.02])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("solver", ["auto", "newton-cg", "lbfgs", "newton-cholesky"])
def test_penalties_and_solvers(l1, convert, solver):
    X, Y, w = data()
    X[np.abs(X) < 0.7] = 0
    objective = objective_of(convert(X), target_of(Y, w), Focal(1.0), C=1.0, l1=l1)
    found = solve(objective, np.zeros(objective.shape), TIGHT, solver)
    assert found.converged
    W = objective.rows.with_origin(found.weights)
    for k in range(4):
        expected = single(convert(X), Y[:, k], w, Focal(1.0), C=1.0, l1=l1)
        assert_allclose(W[:, k], expected, atol=1e-6)
        assert_array_equal(W[:, k] == 0, expected == 0)


def test_wide_sparse_rows_have_a_diagonal():
    rng = np.random.default_rng(0)
    X = sp.csr_array(sp.random(300, 3000, density=0.01, random_state=0, format="csr"))
    Y = (X[:, :40] @ rng.normal(size=(40, 3)) * 5 + rng.logistic(size=(300, 3))) > 0
    W, found = minimum(X, target_of(Y.astype(float)), CrossEntropy(), C=1.0)
    assert found.converged
    for k in range(3):
        assert_allclose(W[:, k], single(X, Y[:, k], None, CrossEntropy()), atol=1e-6)


def test_labels_of_weights_of_their_own_are_as_exact():
    X, Y, _ = data()
    weights = np.array([[1.0, 1.0], [1e-3, 2e-3], [1.0, 30.0], [1e3, 1e3]])
    options = replace(TIGHT, tol=1e-5)
    W, _ = minimum(X, target_of(Y, weights=weights), CrossEntropy(), options, C=10.0)
    for k in range(4):
        expected = single(X, Y[:, k], None, CrossEntropy(), weights[k], C=10.0)
        assert_allclose(W[:, k], expected, atol=1e-3)


def test_separable_labels_are_warned_of():
    X, Y, _ = data()
    Y[:, 2] = X[:, 0] > 1
    with pytest.warns(UserWarning, match=r"of label 2 did not converge .* separable"):
        _, found = minimum(X, target_of(Y), CrossEntropy(), C=np.inf)
    assert not found.converged


def test_max_iter_holds_for_each_label():
    X, Y, _ = data(2000, d=12)
    seen = []
    options = SolverOptions(tol=1e-12, max_iter=2, callback=seen.append)
    with pytest.warns(UserWarning, match="did not converge in 2 iterations"):
        _, found = minimum(X, target_of(Y), CrossEntropy(), options)
    assert found.n_iter == len(seen) == 2


@pytest.mark.parametrize("l1", [0.0, 0.01])
def test_callbacks_get_all_outputs_and_may_stop(l1):
    X, Y, _ = data()

    def stop(W):
        assert W.shape == (7, 4)
        raise Stopped(W, 1)

    options = replace(TIGHT, callback=stop)
    W, found = minimum(X, target_of(Y), CrossEntropy(), options, l1=l1)
    assert found.n_iter == 1
    assert np.isfinite(W).all()


def test_passes_do_not_grow_with_the_number_of_labels():
    X, Y, _ = data(20_000, d=8)
    passes = []
    for m in (1, 4):
        objective = objective_of(X, target_of(Y[:, :m]), CrossEntropy())
        solve(objective, np.zeros(objective.shape), SolverOptions())
        passes.append(objective.passes)
    assert max(passes) <= 8
    assert passes[1] <= passes[0] + 3
