"""Sums over rows, of every kind of rows, against their definition by whole matrices."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from problems import objective_of
from skxent.inputs.targets import make_target
from skxent.losses import LOSSES, CrossEntropy, Focal
from skxent.optimize.rows import table_rows
from skxent.optimize.rows.blocks import RowsPart, block_rows
from skxent.optimize.rows.dense import DenseRows
from skxent.optimize.rows.sparse import SparseRows, WideRows
from skxent.optimize.rows.stores import LocalBlocks

N, D = 40, 90
KINDS = ["dense", "sparse", "wide", "blocks", "sparse blocks"]
kinds = pytest.mark.parametrize("kind", KINDS)
classes = pytest.mark.parametrize("n_classes", [3, 5])
LOSS = Focal(1.5)


def data(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D)) + 1
    X[rng.random(X.shape) < 0.85] = 0
    X[:, 7] = 3.0
    y = rng.integers(0, n_classes, N)
    y[:n_classes] = np.arange(n_classes)
    return X, y, rng.uniform(0.2, 30, N)


def rows_of(kind, X, y, w, n_classes):
    target = make_target(y, N, n_classes, sample_weight=w)
    matrix = X if kind in ("dense", "blocks") else sp.csr_array(X)
    if "blocks" not in kind:
        max_cached = 0 if kind == "wide" else 1 << 18
        return table_rows(matrix, target, fit_intercept=True, max_cached=max_cached)
    parts = []
    for first, end in ((0, 11), (11, 12), (12, N)):
        rows = slice(first, end)
        part = table_rows(
            matrix[rows], target.rows(rows), fit_intercept=True, origin=np.zeros(D)
        )
        parts.append(RowsPart(part, ((first, end - first),)))
    return block_rows(
        LocalBlocks(parts),
        target,
        n_samples=N,
        n_features=D,
        dtype=X.dtype,
        fit_intercept=True,
        centred=kind == "blocks",
        has_offset=False,
    )


class Definition:
    """The same sums from the loss's own methods, row by row, at weights W."""

    def __init__(self, rows, X, y, w, W):
        X = X - rows.origin
        X[:, rows.constant] = 0
        self.X = np.column_stack([X, np.ones(N)])
        self.W, self.total = W, w.sum()
        self.value, self.slope = LOSS.loss_gradient(y, self.X @ W, sample_weight=w)
        self.M = LOSS.hessian(y, self.X @ W, sample_weight=w)

    def hessian(self):
        H = np.einsum("na,nkl,nb->kalb", self.X, self.M, self.X) / self.total
        return H.reshape(self.W.size, -1)

    def grams(self):
        h = np.maximum(np.einsum("nkk->kn", self.M), 0) / self.total
        return np.array([(self.X.T * each) @ self.X for each in h])


def setting(kind, n_classes):
    X, y, w = data(n_classes)
    rows = rows_of(kind, X, y, w, n_classes)
    rng = np.random.default_rng(1)
    W, V = rng.normal(size=(2, *rows.shape)) / 5
    return rows, Definition(rows, X, y, w, W), W, V


def close(found, expected):
    assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * np.abs(expected).max())


def test_each_kind_is_what_it_is_called():
    X, y, w = data(3)
    expected = {"dense": DenseRows, "sparse": SparseRows, "wide": WideRows}
    for kind, cls in expected.items():
        rows = rows_of(kind, X, y, w, 3)
        assert type(rows) is cls
        assert rows.sparse is (kind != "dense")
    assert rows_of("dense", X, y, w, 3).constant.sum() == 1
    assert not rows_of("sparse", X, y, w, 3).origin.any()


@kinds
@classes
def test_value_gradient_and_product(kind, n_classes):
    rows, definition, W, V = setting(kind, n_classes)
    value, gradient, _ = rows.value_gradient(LOSS, W)
    close(value, definition.value.sum() / definition.total)
    close(gradient, definition.X.T @ definition.slope / definition.total)
    expected = (definition.hessian() @ V.T.ravel()).reshape(V.T.shape).T
    close(rows.hessian_product(LOSS, W, V), expected)
    *_, logits = rows.value_gradient(LOSS, W, cache_logits=True)
    close(rows.hessian_product(LOSS, W, V, logits), expected)
    assert rows.passes == 4


@kinds
@classes
def test_matrices(kind, n_classes):
    rows, definition, W, _ = setting(kind, n_classes)
    close(rows.hessian(LOSS, W), definition.hessian())
    grams = definition.grams()
    close(rows.grams_by_output(LOSS, W), grams)
    close(rows.gram(LOSS, W), grams.mean(axis=0))
    close(rows.diagonal(LOSS, W), np.einsum("kii->ik", grams))
    border = rows.diagonal_and_border(LOSS, W)[1]
    close(border, grams[:, -1].T)
    close(rows.output_curvature(LOSS, W), grams[:, -1, -1])


def test_the_products_of_a_block_are_made_one_by_one():
    """All of them at once would be as large as the sums again."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 150)), rng.integers(0, 20, 300)
    target = make_target(y, 300, 20)
    rows = table_rows(X, target, fit_intercept=True, n_threads=1)
    W = np.zeros(rows.shape)
    for make in (rows.grams_by_output, rows.hessian):
        tracemalloc.start()
        made = make(CrossEntropy(), W).nbytes
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1.5 * made


@pytest.mark.parametrize("n", [30, 5000])
@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_hessians_of_few_and_of_many_rows(n, n_classes):
    """A small block has its outer products kept, a large table is read in blocks."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 9)), rng.integers(0, n_classes, n)
    objective = objective_of(X, make_target(y, n, n_classes), LOSS)
    W = rng.normal(size=objective.shape) / 5
    for _ in range(2):
        H, point = objective.hessian(W), objective.at(W)
        assert_allclose(H, H.T, atol=1e-15)
        for column in rng.integers(0, W.size, 4):
            V = np.zeros(W.size)
            V[column] = 1
            product = objective.hessian_product(point, V.reshape(W.T.shape).T)
            close(H[column], product.T.ravel())


@kinds
def test_some_columns_alone(kind):
    X, y, w = data(3)
    rows = rows_of(kind, X, y, w, 3)
    columns = np.array([3, 7, 50, 51])
    part = rows.restricted(columns)
    W = np.zeros(rows.shape)
    few = np.random.default_rng(0).normal(size=part.shape)
    index = np.append(columns, D)
    W[index] = few
    value, gradient, _ = rows.value_gradient(LOSS, W)
    found, slope, _ = part.value_gradient(LOSS, few)
    close(found, value)
    close(slope, gradient[index])
    assert part.passes == 1 and rows.passes == 1


@pytest.mark.parametrize("s", [1, 3, 20])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_column_sums_of_every_layout(dtype, fit_intercept, s):
    X, y, w = data(3)
    X, target = X.astype(dtype), make_target(y, N, 3, sample_weight=w, dtype=dtype)
    slopes = np.random.default_rng(1).normal(size=(N, s)).astype(dtype)
    spread = np.zeros((N, 2 * D), dtype)
    spread[:, ::2] = X
    narrow = np.asfortranarray(X[:, 3:9])
    for same in (X, np.asfortranarray(X), spread[:, ::2], narrow, narrow.copy()):
        rows = table_rows(same, target, fit_intercept=fit_intercept)
        centred = same.astype(np.float64) - (rows.origin if fit_intercept else 0)
        centred[:, rows.constant] = 0
        exact = centred.T @ slopes / rows.scaled_weight_sum
        tolerance = 20 * np.finfo(dtype).eps * np.abs(exact).max()
        assert_allclose(rows.column_sums(slopes), exact, rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", ["dense", "blocks"])
def test_weights_move_with_the_origin(kind):
    X, y, w = data(3)
    rows = rows_of(kind, X, y, w, 3)
    W = np.random.default_rng(0).normal(size=rows.shape)
    for_X = rows.with_origin(W)
    centred = X - rows.origin
    close(X @ for_X[:-1] + for_X[-1], centred @ W[:-1] + W[-1])
    close(rows.without_origin(for_X), W)


def test_rows_and_objectives_are_frozen():
    X, y, w = data(3)
    rows = rows_of("dense", X, y, w, 3)
    objective = objective_of(X, rows.target, CrossEntropy())
    for value, name in ((rows, "origin"), (objective, "loss"), (objective, "penalty")):
        with pytest.raises(AttributeError, match="cannot assign"):
            setattr(value, name, None)
    other = replace(objective, loss=LOSS)
    assert other.rows is objective.rows and objective.loss == CrossEntropy()


def test_a_point_keeps_its_logits_only_if_asked():
    X, y, w = data(3)
    objective = objective_of(X, make_target(y, N, 3, sample_weight=w), LOSS)
    W, V = np.random.default_rng(0).normal(size=(2, *objective.shape))
    assert objective.at(W).logits is None
    caching = replace(objective, cache_logits=True)
    first, second = caching.at(W), caching.at(V)
    assert first.logits.shape == (N, 3)
    # Calls for another point in between change nothing.
    product = objective.hessian_product(objective.at(W), V)
    assert_array_equal(caching.hessian_product(first, V), product)
    assert not np.array_equal(caching.hessian_product(second, V), product)


@pytest.mark.parametrize("loss", [cls() for cls in LOSSES.values()], ids=repr)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_objective_derivatives(loss, n_classes):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 8)), rng.integers(0, n_classes, 50)
    target = make_target(
        y, len(y), n_classes, sample_weight=rng.uniform(size=50), label_smoothing=0.1
    )
    for matrix in (X, sp.csr_array(X)):
        objective = objective_of(matrix, target, loss, C=0.7, fit_intercept=True)
        W, V = rng.normal(size=(2, *objective.shape))
        step = 1e-5
        above, slope_above = objective.value_gradient(W + step * V)
        below, slope_below = objective.value_gradient(W - step * V)
        _, gradient = objective.value_gradient(W)
        assert_allclose((above - below) / (2 * step), np.vdot(gradient, V), rtol=1e-6)
        product = objective.hessian_product(objective.at(W), V)
        assert_allclose((slope_above - slope_below) / (2 * step), product, atol=1e-7)
        whole = objective.hessian(W)
        assert_allclose(whole, whole.T)
        assert_allclose(whole @ V.T.ravel(), product.T.ravel(), rtol=1e-9, atol=1e-12)
        by_output, mean = objective.grams_by_output(W), objective.gram(W)
        assert_allclose(by_output.mean(axis=0), mean, rtol=1e-12, atol=1e-14)
        diagonals = np.diagonal(by_output, axis1=1, axis2=2)
        found = objective.rows.diagonal(loss, W) + objective.penalty.curvature
        assert_allclose(found, diagonals.T)
        if loss.convex:
            m, size = len(by_output), len(mean)
            blocks = np.einsum("kikj->kij", whole.reshape(m, size, m, size))
            assert_allclose(by_output, blocks, rtol=1e-9, atol=1e-12)
        if n_classes == 2 and loss.convex:
            assert_allclose(mean, whole, rtol=1e-9, atol=1e-12)
