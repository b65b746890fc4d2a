"""The gradient of the documented objective is zero at the coefficients, within tol.

Judged by the Newton decrement, by which `tol` is defined, with the true Hessian.
"""

import warnings
from importlib import import_module

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from scipy.special import softmax
from sklearn.base import clone
from stationarity import Stream, decrement, slope, targets

from oracle import phi
from problems import limited
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifierCV,
)
from skxent.blocks import ArrayBlocks
from skxent.inputs.targets import make_target
from skxent.losses import LOSSES, CrossEntropy, Focal, TaylorCrossEntropy
from skxent.optimize.rows import table_rows
from skxent.optimize.rows.sparse import WideRows
from skxent.optimize.solve import SOLVERS

LOSS_OBJECTS = [cls() for cls in LOSSES.values()]
all_losses = pytest.mark.parametrize("loss", LOSS_OBJECTS, ids=repr)
convex_losses = pytest.mark.parametrize(
    "loss", [loss for loss in LOSS_OBJECTS if loss.convex], ids=repr
)
all_classes = pytest.mark.parametrize("n_classes", [2, 4])
few_classes = pytest.mark.parametrize("n_classes", [2, 3])
formats = pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])


def data(n_classes, n=240, d=4, seed=0):
    """Classes that overlap, columns in different units and away from zero."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    z = X @ rng.normal(size=(d, n_classes)) + rng.gumbel(size=(n, n_classes))
    y = z.argmax(axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X * 10.0 ** rng.integers(-1, 2, d) + 2, y, rng.uniform(0.2, 2, n)


@pytest.mark.parametrize("loss", LOSS_OBJECTS, ids=repr)
def test_the_slope_is_that_of_the_definition(loss):
    for m in (-3.0, 0.0, 2.5):
        assert slope(loss, m) == pytest.approx(float(phi(loss, m)[1]), rel=1e-12)


@all_losses
@all_classes
@formats
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"C": 30.0, "fit_intercept": False, "tol": 1e-6},
        {"C": 0.1, "class_weight": {0: 3.0, 1: 0.5}, "label_smoothing": 0.1},
        {"C": 0.3, "l1_ratio": 1.0},
        {"C": 3.0, "l1_ratio": 0.4, "tol": 1e-6},
    ],
    ids=str,
)
def test_fit(loss, n_classes, convert, settings):
    X, y, w = data(n_classes)
    model = CrossEntropyClassifier(loss, **settings).fit(convert(X), y, w)
    weighted = targets(y, n_classes, w, model.class_weight, model.label_smoothing)
    found = decrement(model, X, weighted, loss, model.C, model.l1_ratio)
    # The solver's Hessian has max(φ'', -p φ') for φ'', so that its decrement is the
    # smaller one: most so for a Taylor expansion, whose φ'' is far below zero.
    assert found <= (2 if isinstance(loss, TaylorCrossEntropy) else 1) * model.tol


@convex_losses
@all_classes
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_solver(loss, n_classes, solver, C, dtype):
    X, y, w = data(n_classes)
    X = X.astype(dtype)
    model = CrossEntropyClassifier(loss, solver=solver, C=C, tol=1e-5).fit(X, y, w)
    exact = 1e-5 if dtype is np.float64 else 1e-3
    assert decrement(model, X, targets(y, n_classes, w), loss, C) <= 3 * exact


@all_losses
@few_classes
def test_soft_labels(loss, n_classes):
    X, y, w = data(n_classes)
    soft = np.random.default_rng(1).dirichlet(np.ones(n_classes), len(y))
    model = CrossEntropyClassifier(loss, class_weight={0: 2.0}).fit(X, soft, w)
    expected = targets(soft, n_classes, w, model.class_weight)
    assert decrement(model, X, expected, loss, 1.0) <= model.tol


FACTOR = np.array([0.0, 2.0, 0.5, 0.0])
ratios = pytest.mark.parametrize("ratio", [0.0, 1.0, 0.5])


@all_losses
@few_classes
@formats
@ratios
def test_penalty_factors(loss, n_classes, convert, ratio):
    X, y, w = data(n_classes)
    model = CrossEntropyClassifier(
        loss, C=0.1, l1_ratio=ratio, penalty_factor={1: 2.0, 0: 0, 3: 0.0, 2: 0.5}
    ).fit(convert(X), y, w)
    t = targets(y, n_classes, w)
    found = decrement(model, X, t, loss, model.C, ratio, FACTOR)
    assert found <= (2 if isinstance(loss, TaylorCrossEntropy) else 1) * model.tol
    if n_classes > 2:
        np.testing.assert_allclose(model.coef_[:, [0, 3]].sum(axis=0), 0, atol=1e-12)


@few_classes
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n", [20, 240])
def test_every_solver_with_penalty_factors(n_classes, solver, n):
    X, y, w = data(n_classes, n)
    X = np.hstack([X, np.random.default_rng(0).normal(size=(n, 30))])
    factor = np.append(FACTOR, np.linspace(0.1, 3, 30))
    model = CrossEntropyClassifier(solver=solver, penalty_factor=factor, tol=1e-6)
    t = targets(y, n_classes, w)
    found = decrement(model.fit(X, y, w), X, t, CrossEntropy(), 1.0, 0.0, factor)
    assert found <= 3e-6


@few_classes
@ratios
def test_penalty_factors_of_blocks_dask_and_searches(n_classes, ratio):
    da = pytest.importorskip("dask.array", reason="pip install '.[dask]'")
    skd, dask = import_module("skxent.dask"), import_module("dask")
    X, y, w = data(n_classes)
    t, settings = targets(y, n_classes, w), {"penalty_factor": FACTOR}
    one = {"l1_ratio": ratio, **settings}
    blocks = CrossEntropyClassifier(**one).fit(ArrayBlocks(X, y, w, block_rows=100))
    search = FocalLogisticRegressionCV(
        Cs=[1.0], gammas=[0.0], l1_ratios=[ratio], cv=2, **settings
    ).fit(X, y, w)
    parts = [da.from_array(a, chunks=(100, *a.shape[1:])) for a in (X, y, w)]
    with dask.config.set(scheduler="synchronous"):
        cluster = skd.CrossEntropyClassifier(**one).fit(*parts)
    for model in (blocks, search, cluster):
        assert decrement(model, X, t, CrossEntropy(), 1.0, ratio, FACTOR) <= 1e-4


def offsets(n_classes, n, seed=0):
    m = 1 if n_classes == 2 else n_classes
    return 2 * np.random.default_rng(seed).normal(size=(n, m))


@all_losses
@few_classes
@formats
@ratios
def test_offsets(loss, n_classes, convert, ratio):
    X, y, w = data(n_classes)
    offset = offsets(n_classes, len(y))
    model = CrossEntropyClassifier(loss, C=0.1, l1_ratio=ratio)
    model.fit(convert(X), y, w, offset)
    t = targets(y, n_classes, w)
    found = decrement(model, X, t, loss, model.C, ratio, offset=offset)
    assert found <= (2 if isinstance(loss, TaylorCrossEntropy) else 1) * model.tol


@few_classes
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("n", "d"), [(240, 4), (40, 30), (9000, 4)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@formats
def test_every_solver_with_an_offset(n_classes, solver, n, d, dtype, convert):
    """Also the sample of the rows by which solvers scale, and many rows."""
    X, y, w = data(n_classes, n, d)
    X, offset = X.astype(dtype), offsets(n_classes, n)
    model = CrossEntropyClassifier("focal", solver=solver, tol=1e-5, max_iter=999)
    model.fit(convert(X), y, w, offset)
    t = targets(y, n_classes, w)
    exact = 1e-5 if dtype is np.float64 else 1e-3
    found = decrement(model, X, t, Focal(), 1.0, offset=offset)
    assert found <= 3 * exact


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_wide_rows_with_an_offset(ratio):
    """The gradient alone: the Hessian is too large."""
    rng = np.random.default_rng(0)
    X = sp.random(60, 6000, 0.01, format="csr", random_state=rng)
    y, offset = rng.integers(0, 3, 60), offsets(3, 60)
    rows = {"fit_intercept": True, "max_cached": 100}
    assert type(table_rows(X, make_target(y, 60, 3), **rows)) is WideRows
    model = limited(CrossEntropyClassifier, max_hessian=10)(l1_ratio=ratio, tol=1e-8)
    model.fit(X, y, offset=offset)
    residual = softmax(model.decision_function(X, offset), axis=1) - np.eye(3)[y]
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-6)
    gradient, W = X.T @ residual, model.coef_.T
    if ratio:
        used = W != 0
        np.testing.assert_allclose(gradient[used], -np.sign(W[used]), atol=1e-6)
        assert np.abs(gradient).max() <= 1 + 1e-6
    else:
        np.testing.assert_allclose(gradient, -W, atol=1e-6)


@few_classes
@ratios
def test_offsets_of_blocks_dask_and_searches(n_classes, ratio):
    da = pytest.importorskip("dask.array", reason="pip install '.[dask]'")
    skd, dask = import_module("skxent.dask"), import_module("dask")
    X, y, w = data(n_classes)
    offset, t = offsets(n_classes, len(y)), targets(y, n_classes, w)
    model = CrossEntropyClassifier(l1_ratio=ratio)
    blocks = clone(model).fit(ArrayBlocks(X, y, w, offset, block_rows=100))
    search = FocalLogisticRegressionCV(Cs=[1.0], gammas=[0.0], l1_ratios=[ratio], cv=2)
    search.fit(X, y, w, offset)
    parts = [da.from_array(a, chunks=(100, *a.shape[1:])) for a in (X, y, w, offset)]
    with dask.config.set(scheduler="synchronous"):
        cluster = skd.CrossEntropyClassifier(l1_ratio=ratio).fit(*parts)
    for fitted in (blocks, search, cluster):
        found = decrement(fitted, X, t, CrossEntropy(), 1.0, ratio, offset=offset)
        assert found <= 1e-4


@few_classes
@formats
@pytest.mark.parametrize("diagonal", [False, True])
def test_offsets_of_a_stream(n_classes, convert, diagonal):
    X, y, w = data(n_classes)
    kind = limited(CrossEntropyClassifier, max_coefficients=0 if diagonal else 2000)
    model, offset = kind(tol=1e-6), offsets(n_classes, len(y))
    shape = (offset.shape[1], X.shape[1] + 1)
    expected = Stream(shape, 1.0, diagonal, convert is np.asarray)
    for rows in np.array_split(np.arange(len(y)), 3):
        batch, at, weight = convert(X[rows]), offset[rows], w[rows]
        model.partial_fit(batch, y[rows], np.arange(n_classes), weight, at)
        t = targets(y[rows], n_classes, weight)
        assert expected.learn(model, batch, t, CrossEntropy(), at) <= 3e-6


@all_losses
@few_classes
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_blocks(loss, n_classes, l1_ratio):
    X, y, w = data(n_classes)
    model = CrossEntropyClassifier(loss, l1_ratio=l1_ratio)
    model.fit(ArrayBlocks(X, y, w, block_rows=100))
    assert decrement(model, X, targets(y, n_classes, w), loss, 1.0, l1_ratio) <= 1e-4


@few_classes
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_dask(n_classes, l1_ratio):
    da = pytest.importorskip("dask.array", reason="pip install '.[dask]'")
    skd, dask = import_module("skxent.dask"), import_module("dask")
    X, y, w = data(n_classes)
    parts = [da.from_array(a, chunks=(100, *a.shape[1:])) for a in (X, y, w)]
    model = skd.FocalLogisticRegression(1.0, l1_ratio=l1_ratio)
    with dask.config.set(scheduler="synchronous"):
        model.fit(*parts)
    expected = targets(y, n_classes, w)
    assert decrement(model, X, expected, Focal(1.0), 1.0, l1_ratio) <= 1e-4


@few_classes
@pytest.mark.parametrize("ratio", [0.0, 1.0, 0.5])
def test_refits_of_searches(n_classes, ratio):
    X, y, w = data(n_classes)
    search = FocalLogisticRegressionCV(
        Cs=[0.1, 1.0], gammas=[0.0, 1.0], l1_ratios=[ratio], cv=2
    ).fit(X, y, w)
    expected = targets(y, n_classes, w)
    loss = Focal(search.gamma_)
    assert decrement(search, X, expected, loss, search.C_, ratio) <= 1e-4
    search = SmoothedSoftmaxClassifierCV(
        Cs=[0.1, 1.0], label_smoothings=[0.1], l1_ratios=[ratio], cv=2
    ).fit(X, y)
    expected = targets(y, n_classes, smoothing=0.1)
    assert decrement(search, X, expected, CrossEntropy(), search.C_, ratio) <= 1e-4


@all_classes
@pytest.mark.parametrize("ratio", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("solver", SOLVERS)
def test_warm_starts(n_classes, ratio, solver):
    """From the minimum of other rows, another C and another penalty."""
    X, y, w = data(n_classes)
    other, y_other, _ = data(n_classes, seed=1)
    model = CrossEntropyClassifier(C=10.0, l1_ratio=0.9, warm_start=True)
    model.fit(other, y_other).set_params(C=1.0, l1_ratio=ratio, max_iter=1000)
    model.set_params(solver="auto" if ratio else solver)
    for weight in (w, None):
        model.fit(X, y, weight)
        expected = targets(y, n_classes, weight)
        assert decrement(model, X, expected, CrossEntropy(), 1.0, ratio) <= 2e-4


def assert_follows(model, X, y, n_classes, n_batches, loss, convert, diagonal, w=None):
    shape = (1 if n_classes == 2 else n_classes, X.shape[1] + 1)
    factor = 1.0 if model.penalty_factor is None else model.penalty_factor
    expected = Stream(shape, model.C, diagonal, convert is np.asarray, factor)
    for rows in np.array_split(np.arange(len(y)), n_batches):
        weight = None if w is None else w[rows]
        batch = convert(X[rows])
        model.partial_fit(batch, y[rows], np.arange(n_classes), weight)
        t = targets(y[rows], n_classes, weight, model.class_weight)
        assert expected.learn(model, batch, t, loss) <= 3 * model.tol


@convex_losses
@all_classes
@formats
@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize(
    ("n_batches", "settings"),
    [
        (1, {}),
        (4, {"tol": 1e-6, "class_weight": {0: 2.0}}),
        (4, {"C": np.inf}),
        (4, {"C": 0.1, "penalty_factor": FACTOR}),
    ],
    ids=str,
)
def test_partial_fit(loss, n_classes, convert, diagonal, n_batches, settings):
    X, y, w = data(n_classes)
    kind = limited(CrossEntropyClassifier, max_coefficients=0 if diagonal else 2000)
    model = kind(loss, **settings)
    assert_follows(model, X, y, n_classes, n_batches, loss, convert, diagonal, w)


@pytest.mark.parametrize(
    ("n_classes", "d", "n_batches", "tol", "convert"),
    [
        (2, 5, 40, 1e-6, np.asarray),
        (5, 20, 40, 1e-3, sp.csr_array),
        (3, 200, 4, 1e-4, np.asarray),
        (3, 200, 4, 1e-4, sp.csr_array),
        (5, 90, 4, 1e-6, sp.csr_array),
    ],
)
def test_streams_of_many_columns_and_batches(n_classes, d, n_batches, tol, convert):
    X, y, _ = data(n_classes, n=1200, d=d)
    if convert is sp.csr_array:
        X = np.where(np.random.default_rng(0).uniform(size=X.shape) < 0.9, 0, X)
    diagonal = (d + 1) * (1 if n_classes == 2 else n_classes) > 400
    model = limited(CrossEntropyClassifier, max_coefficients=400)(tol=tol)
    loss = CrossEntropy()
    assert_follows(model, X, y, n_classes, n_batches, loss, convert, diagonal)


@few_classes
@pytest.mark.parametrize("solver", ["newton-cholesky", "newton-cg"])
def test_newton_goes_on_where_a_value_is_rounding(n_classes, solver):
    """Below √eps no value tells whether a step leads down; the decrement does."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(3000, 4))
        logits = X @ rng.normal(size=(4, n_classes))
        y = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
        model = FocalLogisticRegression(solver=solver, tol=1e-11).fit(X, y)
        assert decrement(model, X, targets(y, n_classes), Focal(2.0), 1.0) <= 1e-10


def test_what_lbfgs_hands_to_newtons_method_is_shifted_to_its_best():
    """Newton's steps do not go along a shift that all outputs share; L-BFGS does."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 60))
    z = X @ rng.normal(scale=0.26, size=(60, 3))
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    model = CrossEntropyClassifier(tol=1e-6)
    assert_follows(model, X, y, 3, 4, CrossEntropy(), np.asarray, False)


@few_classes
@pytest.mark.parametrize("gamma", [0.0, 1.0])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_partial_fit_after_fit_draws_to_its_coefficients(n_classes, gamma, ratio):
    X, y, _ = data(n_classes)
    model = FocalLogisticRegression(gamma, C=0.01, l1_ratio=ratio).fit(X, y)
    before = np.column_stack([model.coef_, model.intercept_])
    model.set_params(l1_ratio=0.0)
    expected = Stream(before.shape, model.C, False, True)
    expected.W = before
    model.partial_fit(X[:100], y[:100])
    t = targets(y[:100], n_classes)
    assert expected.learn(model, X[:100], t, Focal(gamma)) <= 3 * model.tol


def seven_classes(seed):
    """Skewed columns in units of their own, with many zeros; one class of five rows."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(7), (70, 76, 17, 13, 9, 24, 5))
    spread, at = rng.uniform(0.3, 2, (7, 9))[y], 0.7 * rng.normal(size=(7, 9))[y]
    X = spread * rng.normal(size=(len(y), 9)) + at
    rare = (rng.uniform(size=(7, 4)) < 0.6)[y] & (rng.uniform(size=(len(y), 4)) < 0.9)
    X[:, 5:] = np.where(rare, 0, np.abs(X[:, 5:]))
    return X * 10.0 ** rng.uniform(-2, 1, 9), y


@formats
@pytest.mark.parametrize(("l1_ratio", "C"), [(0.5, 1e3), (0.5, 1e5), (0.99, 1e3)])
def test_a_weak_elastic_net_of_many_classes_has_no_tail(convert, l1_ratio, C):
    model = CrossEntropyClassifier(C=C, l1_ratio=l1_ratio, tol=1e-6)
    for seed in (1, 3):
        X, y = seven_classes(seed)
        fitted = clone(model).fit(convert(X), y)
        assert fitted.n_iter_[0] <= 50
        t = targets(y, 7)
        assert decrement(fitted, X, t, CrossEntropy(), C, l1_ratio) <= 1e-5


@pytest.mark.parametrize("n_classes", [3, 4])
@pytest.mark.parametrize(
    "settings",
    [
        {"C": 0.1, "l1_ratio": 1.0},
        {"C": 1.0, "l1_ratio": 0.5},
        {"C": 150.0, "solver": "lbfgs"},
        {"C": np.inf, "solver": "lbfgs"},
        {"C": np.inf, "solver": "newton-cg"},
        {"C": 1.0, "max_iter": 2},
    ],
    ids=str,
)
def test_what_all_classes_share_is_always_the_same(n_classes, settings):
    """Intercepts sum to zero, and with an L2 penalty coefficients do; so do repeats."""
    X, y, _ = data(n_classes)
    w = np.random.default_rng(0).integers(0, 4, len(y))
    model = CrossEntropyClassifier(**{"tol": 1e-8, "max_iter": 1000} | settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if "max_iter" in settings else "error")
        weighted = clone(model).fit(X, y, w)
        repeated = clone(model).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
        blocks = clone(model).fit(ArrayBlocks(X, y, w, block_rows=100))
        warm = clone(model).set_params(warm_start=True).fit(X, y).fit(X, y, w)
        batch = clone(model).set_params(l1_ratio=0.0, max_iter=100)
        batch.partial_fit(X, y, np.arange(n_classes), w)
    for fitted in (weighted, repeated, blocks, warm, batch):
        size = np.abs(fitted.intercept_).max() + np.abs(fitted.coef_).max()
        assert abs(fitted.intercept_.sum()) <= 1e-12 * size
        if not fitted.l1_ratio:
            assert np.abs(fitted.coef_.sum(axis=0)).max() <= 1e-12 * size
    if "max_iter" not in settings:
        logits = weighted.decision_function(X)
        for fitted in (repeated, blocks, warm):
            np.testing.assert_allclose(fitted.decision_function(X), logits, atol=1e-4)


@pytest.mark.parametrize("solver", ["auto", "newton-cholesky", "newton-cg"])
@few_classes
def test_a_warm_start_may_saturate_the_rows(n_classes, solver):
    """Where no row has curvature left, a step of Newton's method leads nowhere."""
    X, y = data(n_classes)[:2]
    model = CrossEntropyClassifier(
        C=10.0, warm_start=True, solver=solver, tol=1e-6, max_iter=300
    ).fit(X, y)
    expected = model.coef_
    model.coef_ = 1e4 * np.roll(model.coef_, 1, axis=1)
    assert_allclose(model.fit(X, y).coef_, expected, atol=1e-4)
