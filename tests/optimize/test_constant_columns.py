"""Without a penalty, columns that tell nothing change nothing: constants, combinations.

Centred at a rounded mean a constant is a second intercept of 1e-17, and the centred sum
of one-hot columns is rounding: neither may be fitted.
"""

from importlib import import_module

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import clone

from problems import limited, objective_of
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
)
from skxent.blocks import ArrayBlocks
from skxent.inputs.targets import make_target
from skxent.losses import CrossEntropy
from skxent.optimize.rows.constant import column_ranges
from skxent.optimize.solution import SolverOptions
from skxent.optimize.solve import SOLVERS, solve

dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32])
few_classes = pytest.mark.parametrize("n_classes", [2, 3])
all_solvers = pytest.mark.parametrize("solver", SOLVERS)


def data(n_classes=2, n=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    z = X @ rng.normal(size=(4, n_classes)) + rng.gumbel(size=(n, n_classes))
    return X, z.argmax(axis=1)


def nearly(value, n):
    """A constant but for the last digit, as of sums in different orders."""
    return np.where(np.arange(n) % 3, value, np.nextafter(value, 0))


def with_constants(X, dtype=np.float64, seed=0):
    """Constants, and what is constant but for rounding: a few ulp, sums of shares."""
    n, rng = len(X), np.random.default_rng(seed)
    X = X.astype(dtype)
    columns = [0.1, 1 / 3, -7e5, 3e-8, 0.0]
    constants = [np.full(n, value, dtype) for value in columns]
    constants.append(nearly(dtype(0.3), n))
    for ulps in (1, 2, 4, 16):
        value = dtype(rng.uniform(0.5, 5))
        constants.append(value + rng.integers(-ulps, ulps + 1, n) * np.spacing(value))
    constants.append(softmax(rng.normal(size=(n, 6)).astype(dtype), axis=1).sum(axis=1))
    return np.column_stack([X, *constants]).astype(dtype)


def proba(model, X, y):
    return model.fit(X, y).predict_proba(X)


def exact(dtype):
    return 1e-6 if dtype is np.float64 else 1e-3


@dtypes
@few_classes
@all_solvers
@pytest.mark.parametrize("C", [np.inf, 1e30])
def test_constants_change_nothing(dtype, n_classes, solver, C):
    tol = 1e-7 if dtype is np.float64 else 1e-5
    model = CrossEntropyClassifier(C=C, solver=solver, tol=tol)
    for seed in range(30):
        X, y = data(n_classes, seed=seed)
        expected = proba(clone(model), X.astype(dtype), y)
        found = proba(model, with_constants(X, dtype, seed), y)
        assert_allclose(found, expected, atol=exact(dtype))
        assert not model.coef_[:, 4:].any()
        assert np.abs(model.coef_).max() < 20


@few_classes
def test_what_a_column_tells_of_a_constant_counts_from_a_thousand_eps_on(n_classes):
    """Where the spread is much more than rounding it is fitted, as of any column."""
    for dtype, atol in ((np.float64, 1e-2), (np.float32, 1e-2)):
        X, y = data(n_classes)
        steps = np.round(X[:, 0] * 1000)
        column = (1 + steps * np.finfo(dtype).eps).astype(dtype)
        model = CrossEntropyClassifier(C=np.inf)
        expected = proba(clone(model), X.astype(dtype), y)
        found = proba(model, np.column_stack([column, X[:, 1:].astype(dtype)]), y)
        assert_allclose(found, expected, atol=atol)


def test_penalised_constants_change_nothing():
    X, y = data(3)
    for kind in (CrossEntropyClassifier, FocalLogisticRegression):
        model = kind(tol=1e-6)
        expected = proba(clone(model), X, y)
        assert_allclose(proba(model, with_constants(X), y), expected, atol=1e-6)
        assert not model.coef_[:, 4:].any()


def combined(kind, X):
    """X, and X with a column more that the others tell already."""
    if kind == "duplicate":
        return X, np.column_stack([X, X[:, 0]])
    if kind == "combination":
        return X, np.column_stack([X, X @ [0.3, -0.2, 0.5, 0.1] + 0.7])
    category = np.eye(3)[np.random.default_rng(0).integers(0, 3, len(X))]
    return np.hstack([X, category[:, :2]]), np.hstack([X, category])


@dtypes
@few_classes
@all_solvers
@pytest.mark.parametrize("kind", ["duplicate", "combination", "one-hot"])
def test_combinations_change_nothing(dtype, n_classes, solver, kind):
    tol = 1e-7 if dtype is np.float64 else 1e-5
    model = CrossEntropyClassifier(C=np.inf, solver=solver, tol=tol)
    for seed in range(3):
        X, y = data(n_classes, seed=seed)
        X, more = combined(kind, X)
        expected = proba(clone(model), X.astype(dtype), y)
        found = proba(model, more.astype(dtype), y)
        assert_allclose(found, expected, atol=exact(dtype))
        assert np.abs(model.coef_).max() < 20


def far_away(dtype, X):
    """Combinations that are told to few digits, as they are far from zero."""
    if dtype is np.float64:
        return [1e12 / 3 + X[:, 0], 1e11 / 7 + X @ [0.3, -0.2, 0.5, 0.1]]
    return [1e4 + X[:, 0] / 3 + X[:, 1] / 7, 1e5 / 7 - X[:, 2]]


@dtypes
@few_classes
@all_solvers
def test_combinations_up_to_rounding_change_nothing(dtype, n_classes, solver):
    """Nor do shares that sum to one, or what is far from zero and known already."""
    tol = 1e-7 if dtype is np.float64 else 1e-5
    model = CrossEntropyClassifier(C=np.inf, solver=solver, tol=tol)
    for seed in range(10):
        X, y = data(n_classes, seed=seed)
        logits = np.random.default_rng(seed).normal(size=(len(X), 3))
        shares = softmax(logits.astype(dtype), axis=1)
        X = X.astype(dtype)
        X64 = X.astype(np.float64)
        for fewer, columns in (
            (X, far_away(dtype, X64)),
            (X, far_away(dtype, X64)[:1]),
            (np.column_stack([X, shares[:, :2]]), [shares[:, 2]]),
        ):
            more = np.column_stack([fewer, *columns]).astype(dtype)
            expected = proba(clone(model), fewer, y)
            assert_allclose(proba(model, more, y), expected, atol=exact(dtype))
            assert np.abs(model.coef_).max() < 20


def test_blocks_and_batches_have_combinations_up_to_rounding():
    X, y = data(3)
    more = np.column_stack([X, *far_away(np.float64, X)])
    model = CrossEntropyClassifier(C=np.inf, tol=1e-7)
    expected = proba(clone(model), X, y)
    blocks = clone(model).fit(ArrayBlocks(more, y, block_rows=100))
    assert_allclose(blocks.predict_proba(more), expected, atol=1e-6)
    whole, stream = clone(model), clone(model)
    for rows in (slice(0, 200), slice(200, 400)):
        whole.partial_fit(X[rows], y[rows], [0, 1, 2])
        stream.partial_fit(more[rows], y[rows], [0, 1, 2])
        assert np.abs(stream.coef_).max() < 20
        found, same = stream.predict_proba(more), whole.predict_proba(X)
        assert_allclose(found, same, atol=1e-4)


@all_solvers
def test_columns_far_away_that_differ_by_more_than_rounding_are_kept(solver):
    """A start and an end, the difference of which is what tells."""
    X, y = data()
    start = 1e9 + X[:, 0]
    more = np.column_stack([X[:, 1:], start, start + 1e-3 * (X[:, 1] - X[:, 0])])
    more = more[:, 2:]
    model = CrossEntropyClassifier(C=np.inf, solver=solver, tol=1e-7)
    exact_columns = np.column_stack([X[:, 3], X[:, 0], X[:, 1] - X[:, 0]])
    expected = proba(clone(model), exact_columns, y)
    assert_allclose(proba(model, more, y), expected, atol=1e-2)


@dtypes
@few_classes
@all_solvers
def test_sparse_constants_are_intercepts(dtype, n_classes, solver):
    """Sparse X is not centred, so that a column of ones is a second intercept."""
    X, y = data(n_classes)
    X[np.abs(X) < 0.5] = 0
    X = X.astype(dtype)
    tol = 1e-7 if dtype is np.float64 else 1e-5
    model = CrossEntropyClassifier(C=np.inf, solver=solver, tol=tol)
    more = sp.csr_array(np.column_stack([X, np.full((len(X), 2), [1, 0.1], dtype)]))
    expected = proba(clone(model), sp.csr_array(X), y)
    assert_allclose(proba(model, more, y), expected, atol=exact(dtype))
    assert np.abs(model.coef_).max() < 20


def test_a_fold_a_block_and_a_batch_may_have_constants():
    X, y = data(3)
    X[:200, 1] = 0.1  # in the first half only; the next in one block only
    X[40:200, 2] = 0.7
    model = CrossEntropyClassifier(C=np.inf, tol=1e-8)
    expected = clone(model).fit(X, y)
    blocks = clone(model).fit(ArrayBlocks(X, y, block_rows=100))
    assert_allclose(blocks.coef_, expected.coef_, atol=1e-8)
    more = with_constants(X)
    blocks = clone(model).fit(ArrayBlocks(more, y, block_rows=100))
    assert_allclose(blocks.predict_proba(more), expected.predict_proba(X), atol=1e-6)
    assert not blocks.coef_[:, 4:].any()
    cv = [(np.arange(200), np.arange(200, 400)), (np.arange(200, 400), np.arange(200))]
    searches = [
        FocalLogisticRegressionCV(Cs=[np.inf], gammas=[0.0], cv=cv).fit(A, y)
        for A in (X, more)
    ]
    assert_allclose(searches[0].scores_, searches[1].scores_, atol=1e-6)
    streams = [clone(model), clone(model)]
    for rows in (slice(0, 200), slice(200, 400)):
        for stream, A in zip(streams, (X, more), strict=True):
            stream.partial_fit(A[rows], y[rows], [0, 1, 2])
        whole, with_more = (stream.coef_[:, :4] for stream in streams)
        assert_allclose(with_more, whole, atol=1e-6)
        assert not streams[1].coef_[:, 4:].any()


def test_partitions_may_have_constants():
    da = pytest.importorskip("dask.array", reason="pip install '.[dask]'")
    skd, dask = import_module("skxent.dask"), import_module("dask")
    X, y = data()
    X[:200, 1] = 0.1
    more = with_constants(X)
    model = skd.CrossEntropyClassifier(C=np.inf, tol=1e-8)
    with dask.config.set(scheduler="synchronous"):
        model.fit(da.from_array(more, chunks=(100, -1)), da.from_array(y, chunks=100))
    expected = CrossEntropyClassifier(C=np.inf, tol=1e-8).fit(X, y)
    assert_allclose(model.coef_[:, :4], expected.coef_, atol=1e-8)
    assert not model.coef_[:, 4:].any()


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("max_hessian", [3000, 0])
def test_a_column_that_became_constant_loses_its_coefficient(convert, max_hessian):
    X, y = data()
    kind = limited(CrossEntropyClassifier, max_hessian=max_hessian)
    model = kind(l1_ratio=1.0, warm_start=True).fit(convert(X), y)
    assert model.coef_.all()
    X[:, 1] = 0
    model.fit(convert(X), y)
    expected = clone(model).fit(convert(X[:, [0, 2, 3]]), y)
    assert_allclose(model.coef_[:, [0, 2, 3]], expected.coef_, atol=1e-4)
    assert model.coef_[0, 1] == 0


def test_rows_without_weight_do_not_make_a_column_vary():
    X, y = data()
    more = np.column_stack([X, np.full(len(X), 0.1)])
    more[::7, 4] = 5.0
    w = np.ones(len(y))
    w[::7] = 0
    kept = w > 0
    model = CrossEntropyClassifier(C=np.inf, tol=1e-8)
    weighted = clone(model).fit(more, y, w)
    assert_allclose(weighted.coef_, clone(model).fit(more[kept], y[kept]).coef_)


@pytest.mark.parametrize("C", [1.0, np.inf])
def test_small_spreads_far_from_zero_are_kept(C):
    """They are what float64 tells, and float32 for spreads that it has."""
    X, y = data()
    model = CrossEntropyClassifier(C=C, tol=1e-6)
    for dtype, size, atol in ((np.float64, 1e8, 1e-4), (np.float32, 1e3, 1e-2)):
        unit = 1e-2 if dtype is np.float64 else 1.0
        moved = (X * unit + size).astype(dtype)
        centred = moved.astype(np.float64) - size
        expected = proba(clone(model), centred, y)
        assert_allclose(proba(clone(model), moved, y), expected, atol=atol)


def test_rare_indicators_and_nearly_equal_columns_are_kept():
    X, y = data(n=2000)
    rare = np.zeros(2000)
    rare[[1500, 1501, 1700]] = 1
    twin = X[:, 0] + 1e-6 * np.random.default_rng(1).normal(size=2000)
    target = make_target(y, 2000, 2)
    A = np.column_stack([X, rare, twin])
    objective = objective_of(A, target, CrossEntropy(), C=np.inf, fit_intercept=True)
    assert not objective.rows.constant.any()
    found = solve(objective, np.zeros(objective.shape), SolverOptions(tol=1e-8))
    _, gradient = objective.value_gradient(found.weights)
    scale = np.sqrt(np.diagonal(objective.hessian(found.weights)))
    assert np.abs(gradient[:, 0] / scale).max() < 1e-9


@dtypes
def test_ranges_of_constant_columns(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 6)).astype(dtype)
    X[:, 1] = 0.1
    X[:, 2] = nearly(dtype(0.3), 3000)
    X[:, 3] = 5
    X[2999, 3] += 100 * X[2999, 3] * np.finfo(dtype).eps
    X[:, 4] = np.finfo(dtype).max
    X[::2, 5] = -np.finfo(dtype).max
    ranges = column_ranges(X, None)
    assert_array_equal(ranges.constant, [0, 1, 1, 0, 1, 0])
    halves = column_ranges(X[:1500], None) + column_ranges(X[1500:], None)
    assert_array_equal(halves.constant, ranges.constant)
    weight = np.ones(3000)
    weight[2999] = 0
    assert_array_equal(column_ranges(X, weight).constant, [0, 1, 1, 1, 1, 0])
    assert not column_ranges(X, np.zeros(3000)).constant.any()


@dtypes
@few_classes
@all_solvers
def test_zeros_and_copies_beside_columns_far_from_zero(dtype, n_classes, solver):
    """A zero column is no combination of others up to rounding, and a copy is exact."""
    X, y = data(n_classes)
    X = (X + np.array([10, -3, 0, 100])).astype(dtype)
    constant = np.full((len(X), 2), [0.1, 0], dtype)
    model = CrossEntropyClassifier(C=np.inf, solver=solver, tol=1e-6, max_iter=500)
    expected = model.fit(X, y).predict_proba(X)
    tolerance = 1e-5 if dtype == np.float64 else 1e-3
    for more in (constant, X[:, 2:3], -X[:, :1], np.hstack([constant, X[:, 2:]])):
        wide = np.hstack([X, more])
        assert_allclose(
            model.fit(wide, y).predict_proba(wide), expected, atol=tolerance
        )
