"""The pass of a linear model over X, against its definition with whole matrices."""

import itertools
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from oracle import DTYPES, LOSS_INSTANCES
from problems import objective_of
from skxent.inputs.targets import make_target
from skxent.kernels._wide import rows_of_columns
from skxent.kernels.dispatch import available, kernels
from skxent.losses import CrossEntropy, Focal
from skxent.optimize.rows.sparse import WideRows

TOLERANCE = {np.float64: 1e-12, np.float32: 2e-5}
SHAPES = [(1, 1, 2), (33, 1, 2), (700, 50, 2), (257, 9, 3), (90, 130, 5), (65, 4, 30)]


def problem(n, d, n_classes, dtype=np.float64, kind="hard"):
    rng = np.random.default_rng(n + d)
    X = (rng.normal(size=(n, d)) + 3).astype(dtype)
    y = rng.integers(0, n_classes, n)
    if kind == "soft":
        y = rng.dirichlet(np.ones(n_classes), n)
    settings = {
        "weighted": {"sample_weight": rng.uniform(0, 2, n) * (rng.random(n) < 0.9)},
        "class weights": {"class_weight": rng.uniform(0.5, 2, n_classes)},
        "smoothed": {"label_smoothing": 0.2},
    }.get(kind, {})
    m = 1 if n_classes == 2 else n_classes
    W, V = rng.normal(size=(2, d + 1, m)) / np.sqrt(d)
    return X, y, settings, W, V


def sums(X, y, settings, W, V, loss, *, n_threads=1, **keywords):
    """Objective, gradient and Hessian times V by the kernel, without a penalty."""
    n_classes = 2 if W.shape[1] == 1 else W.shape[1]
    target = make_target(y, X.shape[0], n_classes, dtype=X.dtype, **settings)
    objective = objective_of(X, target, loss, C=np.inf, n_threads=n_threads, **keywords)
    value, gradient = objective.value_gradient(W)
    return objective, value, gradient, objective.hessian_product(objective.at(W), V)


def definition(objective, X, y, settings, W, V, loss):
    """The same in float64, row by row of the loss's own methods."""
    ones = np.ones((len(X), 1)) if len(W) > X.shape[1] else np.empty((len(X), 0))
    X = np.hstack([X.astype(np.float64) - objective.rows.origin, ones])
    binary = W.shape[1] == 1
    z, v = (X @ U[:, 0] if binary else X @ U for U in (W, V))
    value, slope = loss.loss_gradient(y, z, **settings)
    product = loss.hessian_product(y, z, v, **settings)
    m = W.shape[1]
    total = make_target(y, len(X), max(m, 2), **settings).total_weight()
    return (
        value.sum() / total,
        X.T @ slope.reshape(-1, m) / total,
        X.T @ product.reshape(-1, m) / total,
    )


def check(X, *rest, **keywords):
    objective, *ours = sums(X, *rest, **keywords)
    for mine, exact in zip(ours, definition(objective, X, *rest), strict=True):
        scale = np.abs(exact).max()
        tolerance = TOLERANCE[X.dtype.type]
        assert_allclose(mine, exact, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_of_every_shape(shape, dtype):
    check(*problem(*shape, dtype), CrossEntropy())


@pytest.mark.parametrize("kind", ["weighted", "class weights", "smoothed", "soft"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_sums_of_every_target(n_classes, kind):
    check(*problem(300, 7, n_classes, kind=kind), Focal(1.5))


@pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
def test_sums_of_every_loss(loss):
    check(*problem(200, 6, 4), loss)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [2, 4, 5])
def test_sums_of_sparse_rows(n_classes, dtype, index):
    X, *rest = problem(9001, 40, n_classes, dtype, kind="weighted")
    X[np.random.default_rng(0).random(X.shape) < 0.8] = 0
    X[100:300] = 0
    entries = sp.csr_array(X)
    entries.indices = entries.indices.astype(index)
    entries.indptr = entries.indptr.astype(index)
    objective, *ours = sums(entries, *rest, Focal(2.0), n_threads=3)
    exact = definition(objective, X, *rest, Focal(2.0))
    for mine, theirs in zip(ours, exact, strict=True):
        tolerance = TOLERANCE[dtype]
        scale = np.abs(theirs).max()
        assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * scale)
    _, *alone = sums(entries, *rest, Focal(2.0), n_threads=1)
    for mine, same in zip(ours, alone, strict=True):
        assert_array_equal(mine, same)


def test_products_at_other_weights():
    X, y, settings, W, V = problem(300, 7, 3)
    for matrix in (X, sp.csr_array(X)):
        objective, *_ = sums(matrix, y, settings, W, V, CrossEntropy())
        expected = [sums(matrix, y, settings, U, V, CrossEntropy())[3] for U in (V, W)]
        caching = replace(objective, cache_logits=True)
        points = [caching.at(V), caching.at(W)]
        for _ in range(2):
            for point, product in zip(points, expected, strict=True):
                assert point.logits.shape == (300, 3)
                assert_array_equal(caching.hessian_product(point, V), product)


def test_sums_without_intercept():
    X, y, settings, W, V = problem(200, 6, 4)
    check(X, y, settings, W[:-1], V[:-1], CrossEntropy(), fit_intercept=False)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_sums_of_no_columns(n_classes, convert):
    """The working set of an L1 penalty may be empty, beside the intercept."""
    X, y, settings, W, V = problem(60, 4, n_classes, kind="weighted")
    few = W[-1:], V[-1:]
    objective, *ours = sums(convert(X[:, :0]), y, settings, *few, CrossEntropy())
    exact = definition(objective, X[:, :0], y, settings, *few, CrossEntropy())
    for mine, theirs in zip(ours, exact, strict=True):
        assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_every_layout(n_classes):
    X, *rest = problem(9001, 5, n_classes, kind="weighted")
    _, *expected = sums(X, *rest, Focal(2.0))
    frozen = X.copy()
    frozen.flags.writeable = False
    layouts = [np.asfortranarray(X), np.repeat(X, 2, 0)[::2], X[::-1].copy()[::-1]]
    for X2 in [*layouts, np.repeat(X, 2, 1)[:, ::2], frozen]:
        _, *same = sums(X2, *rest, Focal(2.0))
        for mine, theirs in zip(same, expected, strict=True):
            assert_allclose(mine, theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_threads_change_no_bit(n_classes, dtype):
    X, *rest = problem(9001, 5, n_classes, dtype, kind="weighted")
    _, *expected = sums(X, *rest, Focal(2.0))
    for n_threads in (2, 3):
        _, *same = sums(X, *rest, Focal(2.0), n_threads=n_threads)
        for mine, theirs in zip(same, expected, strict=True):
            assert_array_equal(mine, theirs)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_whole_hessian_is_that_of_products(n_classes):
    X, y, settings, W, _ = problem(150, 4, n_classes, kind="class weights")
    objective, *_ = sums(X, y, settings, W, W, Focal(1.0))
    for each in (objective, sparse_twin(objective)):
        H = each.hessian(W)
        for column in range(W.size):
            V = np.zeros(W.size)
            V[column] = 1
            product = each.hessian_product(each.at(W), V.reshape(W.T.shape).T)
            assert_allclose(H[:, column], product.T.ravel(), atol=1e-12)


def sparse_twin(objective):
    rows = objective.rows
    return objective_of(sp.csr_array(rows.X), rows.target, objective.loss, C=np.inf)


def test_a_sample_has_the_curvature_of_all():
    X, y, settings, W, _ = problem(50_000, 3, 3)
    objective, *_ = sums(X, y, settings, W, W, CrossEntropy())
    part = objective.subsample
    assert 4096 <= part.rows.X.shape[0] < 8192
    assert_allclose(part.gram(W), objective.gram(W), rtol=0.1, atol=0.01)
    assert_allclose(part.output_curvature(W), objective.output_curvature(W), rtol=0.05)


@pytest.mark.parametrize("n_classes", [3, 4])
def test_wide_sparse_rows_go_by_columns(n_classes):
    X, *rest = problem(60, 300, n_classes, kind="weighted")
    X[np.random.default_rng(0).random(X.shape) < 0.9] = 0
    X[:, 40:60] = 0
    _, *by_rows = sums(sp.csr_array(X), *rest, Focal(2.0))
    for n_threads in (1, 3):
        objective, *ours = sums(
            sp.csr_array(X), *rest, Focal(2.0), n_threads=n_threads, max_cached=0
        )
        assert isinstance(objective.rows, WideRows)
        exact = definition(objective, X, *rest, Focal(2.0))
        for mine, other, theirs in zip(ours, by_rows, exact, strict=True):
            assert_allclose(mine, theirs, rtol=1e-12, atol=1e-13)
            assert_allclose(mine, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", available())
@pytest.mark.parametrize("dtype", DTYPES)
def test_column_sums_of_every_shape(name, dtype):
    module = import_module(f"skxent.kernels._kernels_{name}")
    rng = np.random.default_rng(0)
    for n, d, s in itertools.product((1, 9, 530), (16, 19, 4101), (1, 2, 3, 5, 10)):
        X = rng.normal(size=(n, d)).astype(dtype) + 1
        R = rng.normal(size=(n, s)).astype(dtype)
        exact = R.astype(np.float64).T @ X.astype(np.float64)
        alone, threaded = np.zeros((2, s, d))
        module.column_sums(X, R, alone)
        scale = np.abs(exact).max()
        assert_allclose(alone, exact, rtol=0, atol=TOLERANCE[dtype] * scale)
        module.column_sums(X, R, threaded, 3)
        assert_array_equal(threaded, alone)


def test_column_sums_of_arrays_that_do_not_fit():
    X, R, out = np.ones((5, 40)), np.ones((5, 2)), np.zeros((2, 40))
    for wrong in [
        (X[:, ::2], R, out[:, :20].copy()),
        (np.asfortranarray(X), R, out),
        (X, R[:4], out),
        (X, np.asfortranarray(R), out),
        (X, R, np.zeros((3, 40))),
        (X[:, :1].copy(), R, np.zeros((2, 1))),
        (X.astype(np.float32), R, out),
    ]:
        with pytest.raises(ValueError, match="must"):
            kernels.column_sums(*wrong)


@pytest.mark.parametrize("dtype", DTYPES)
def test_copies_of_columns(dtype):
    rng = np.random.default_rng(0)
    for n, d in [(1, 2), (31, 3), (32, 64), (70, 65), (2100, 9), (1024, 130)]:
        X = np.asfortranarray(rng.normal(size=(n, d)).astype(dtype))
        X.flags.writeable = False
        for n_threads in (1, 3):
            copy, finite = rows_of(X, n_threads)
            assert finite
            assert_array_equal(copy, X)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_copies_of_columns_say_whether_they_are_finite(bad, dtype):
    X = np.zeros((2070, 67), dtype, order="F")
    X[:, ::2] = np.finfo(dtype).max
    assert rows_of(X)[1]
    for place in [(0, 0), (2069, 66), (2047, 63), (1030, 64)]:
        wrong = X.copy(order="F")
        wrong[place] = bad
        copy, finite = rows_of(wrong)
        assert not finite
        assert_array_equal(copy, wrong)


def rows_of(X, n_threads=1):
    copy = np.full(X.shape, 7, X.dtype)
    given, out = (table.reshape(-1).view(np.uint8) for table in (X.T, copy))
    doubles = X.itemsize == 8
    return copy, rows_of_columns(given, out, X.shape[1], doubles, n_threads)


def test_copies_of_tables_that_do_not_fit():
    given, out = np.zeros((2, 960), np.uint8)
    assert rows_of_columns(given, out, 5, True)
    for wrong in [(given, out[:952], 5), (given[:952], out, 5), (given, out, 7)]:
        with pytest.raises(ValueError, match="must be of a shape"):
            rows_of_columns(*wrong, True)
    with pytest.raises(ValueError, match="must be of a shape"):
        rows_of_columns(given, out, 0, True)
