"""L1 and elastic net: conditions of a minimum, exact zeros, the peers' objective."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale
from sklearn.svm import l1_min_c

from problems import limited, objective_of
from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent.inputs.targets import make_target
from skxent.losses import LOSSES, CrossEntropy
from skxent.optimize import columns_model, models
from skxent.optimize.columns_model import ColumnsModel
from skxent.optimize.models import MatrixModel
from skxent.optimize.proximal_newton import FIRST_COLUMNS, working_set
from skxent.optimize.solution import MAX_HESSIAN, SolverOptions
from skxent.optimize.solve import SOLVERS, solve

n_classes_of = pytest.mark.parametrize("n_classes", [2, 3])
formats = pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])


def data(n_classes, d=30, n=200, dtype=np.float64):
    X, y = make_classification(
        n_samples=n,
        n_features=d,
        n_informative=5,
        n_redundant=3,
        n_classes=n_classes,
        flip_y=0.2,
        random_state=0,
    )
    X[np.abs(X) < 0.7] = 0
    return X.astype(dtype), y


def peer(solver, l1_ratio, **settings):
    """LogisticRegression, which asked for `penalty` before scikit-learn 1.8."""
    if LogisticRegression().penalty != "deprecated":
        settings["penalty"] = "elasticnet" if solver == "saga" else "l1"
        l1_ratio = l1_ratio if solver == "saga" else None
    return LogisticRegression(solver=solver, l1_ratio=l1_ratio, **settings)


def assert_minimum(model, X, y, loss, atol, w=None):
    """The subgradient of C Σ w ℓ + ρ ‖W‖₁ + (1 - ρ)/2 ‖W‖² holds zero."""
    z = np.asarray(X @ model.coef_.T) + model.intercept_
    raw = z[:, 0] if z.shape[1] == 1 else z
    slope = loss.gradient(y, raw, sample_weight=w).reshape(z.shape) * model.C
    rho, coef = model.l1_ratio, model.coef_
    gradient = np.asarray(X.T @ slope).T + (1 - rho) * coef
    zero = coef == 0
    assert (np.abs(gradient[zero]) <= rho + atol).all()
    assert_allclose(gradient[~zero], -rho * np.sign(coef[~zero]), atol=atol)
    if model.fit_intercept:
        assert_allclose(slope.sum(axis=0), 0, atol=atol)


@pytest.mark.parametrize("loss", [cls() for cls in LOSSES.values()], ids=repr)
@n_classes_of
@formats
@pytest.mark.parametrize(
    ("d", "settings"),
    [(2 * FIRST_COLUMNS, {}), (30, {"l1_ratio": 0.3, "fit_intercept": False})],
)
def test_conditions_of_a_minimum(loss, n_classes, convert, d, settings):
    X, y = data(n_classes, d)
    X = convert(X)
    w = np.random.default_rng(0).uniform(0.1, 2, len(y))
    model = CrossEntropyClassifier(loss, l1_ratio=1.0, C=0.1, tol=1e-8)
    model.set_params(**settings).fit(X, y, sample_weight=w)
    assert_minimum(model, X, y, loss, 1e-5, w)
    assert 0 < np.count_nonzero(model.coef_) < model.coef_.size


@n_classes_of
@pytest.mark.parametrize("rho", [0.2, 1.0])
@pytest.mark.parametrize("C", [0.02, 1.0])
@formats
def test_saga_finds_the_same(n_classes, rho, C, convert):
    X, y = data(n_classes)
    X = convert(X)
    ours = FocalLogisticRegression(0.0, C=C, l1_ratio=rho, tol=1e-8).fit(X, y)
    theirs = peer("saga", rho, C=C, tol=1e-6, max_iter=20_000, random_state=0).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, atol=5e-3)
    best, found = (
        C * log_loss(y, model.predict_proba(X), normalize=False)
        + rho * np.abs(model.coef_).sum()
        + (1 - rho) / 2 * (model.coef_**2).sum()
        for model in (ours, theirs)
    )
    assert -1e-9 * best < found - best < 1e-4 * best  # saga is slow to end


def test_liblinear_finds_the_same():
    X, y = data(2, 300)
    ours = CrossEntropyClassifier(l1_ratio=1.0, C=0.5, fit_intercept=False, tol=1e-8)
    theirs = peer("liblinear", 1.0, C=0.5, fit_intercept=False, tol=1e-8).fit(X, y)
    assert_allclose(ours.fit(X, y).coef_, theirs.coef_, atol=1e-4)


@formats
def test_nothing_is_used_below_the_least_C(convert):
    X, y = data(2, 2 * FIRST_COLUMNS)
    X = convert(X)
    least = l1_min_c(X, y, loss="log", fit_intercept=False)
    model = CrossEntropyClassifier(l1_ratio=1.0, fit_intercept=False)
    assert not model.set_params(C=least * 0.999).fit(X, y).coef_.any()
    assert np.count_nonzero(model.set_params(C=least * 1.01).fit(X, y).coef_) == 1
    # With an intercept the rows' slopes are those of the class frequencies.
    least = 1 / np.abs(X.T @ (y - y.mean())).max()
    model = CrossEntropyClassifier(l1_ratio=1.0, tol=1e-8)
    assert not model.set_params(C=least * 0.999).fit(X, y).coef_.any()
    assert_allclose(model.intercept_, np.log(y.mean() / (1 - y.mean())), atol=1e-6)
    assert model.set_params(C=least * 1.01).fit(X, y).coef_.any()


@n_classes_of
@pytest.mark.parametrize("max_hessian", [MAX_HESSIAN, 0])
def test_a_model_at_its_minimum_is_not_swept_on(n_classes, max_hessian, monkeypatch):
    """The change of the first sweep is rounding error, and of all others as well."""
    sweeps = []
    for module, name in ((models, "sweep_matrix"), (columns_model, "sweep_columns")):
        swept = getattr(module, name)

        def counted(*args, swept=swept):
            sweeps.append(args)
            return swept(*args)

        monkeypatch.setattr(module, name, counted)
    X, y = data(n_classes)
    limit = limited(CrossEntropyClassifier, max_hessian=max_hessian)
    model = limit(l1_ratio=1.0, C=1e-4, tol=1e-6).fit(X, y)
    assert not model.coef_.any()
    assert len(sweeps) <= 6


@n_classes_of
@pytest.mark.parametrize("loss", [cls() for cls in LOSSES.values()], ids=repr)
def test_both_models_have_the_same_minimum(n_classes, loss):
    X, y = data(n_classes)
    target = make_target(y, len(y), n_classes, label_smoothing=0.1)
    objective = objective_of(X, target, loss, C=1.0, fit_intercept=True)
    W = np.random.default_rng(0).normal(size=objective.shape) * 0.1
    _, gradient = objective.value_gradient(W)
    l1 = np.full((2, len(W)), 0.01)
    l1[:, -1] = 0
    # Small weights: where the Hessian is positive both safeguards leave it alone.
    ends = []
    l2 = objective.penalty.curvature[:, 0].copy()
    columns = ColumnsModel(objective.rows, loss, l1, l2)
    for model in (MatrixModel(objective, l1), columns):
        model.expand(W)
        end, slope = model.minimise(W, gradient, 1e-10)
        unused = end == 0
        assert (
            np.abs(slope[unused])
            <= np.broadcast_to(l1[0][:, np.newaxis], W.shape)[unused] + 1e-9
        ).all()
        ends.append(end)
    if loss.convex:
        # The gradients agree to 1e-10, and the model of a hinge is nearly flat.
        assert_allclose(ends[0][:-1], ends[1][:-1], atol=2e-4)


@n_classes_of
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_a_large_set_goes_through_the_columns(n_classes, gamma):
    X, y = data(n_classes)
    settings = {"C": 0.3, "l1_ratio": 0.9, "tol": 1e-9}
    expected = FocalLogisticRegression(gamma, **settings).fit(X, y)
    kind = limited(FocalLogisticRegression, max_hessian=10)
    found = kind(gamma, **settings).fit(X, y)
    assert_allclose(found.coef_, expected.coef_, atol=1e-6)


@n_classes_of
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_sparse_is_dense(n_classes, gamma):
    X, y = data(n_classes, FIRST_COLUMNS + 20)
    model = FocalLogisticRegression(gamma, C=0.3, l1_ratio=1.0, tol=1e-9)
    dense, sparse = clone(model).fit(X, y), clone(model).fit(sp.csr_array(X), y)
    assert_allclose(dense.coef_, sparse.coef_, atol=1e-6)
    assert_array_equal(dense.coef_ == 0, sparse.coef_ == 0)
    long = sp.csr_array(X)
    long.indices, long.indptr = long.indices.astype("i8"), long.indptr.astype("i8")
    assert_allclose(clone(model).fit(long, y).coef_, sparse.coef_, atol=1e-8)
    fortran = clone(model).fit(np.asfortranarray(X), y)
    assert_array_equal(fortran.coef_, dense.coef_)


@formats
def test_float32(convert):
    X, y = data(3, 2 * FIRST_COLUMNS, dtype=np.float32)
    model = CrossEntropyClassifier(C=0.3, l1_ratio=1.0)
    single, double = clone(model).fit(convert(X), y), model.fit(X.astype(float), y)
    assert single.coef_.dtype == np.float32
    assert_allclose(single.coef_, double.coef_, atol=2e-3)


def test_weights_are_repeats_and_soft_labels_weights():
    X, y = data(3)
    w = np.random.default_rng(0).integers(0, 4, len(y))
    model = CrossEntropyClassifier(C=0.3, l1_ratio=0.8, tol=1e-9)
    weighted = clone(model).fit(X, y, sample_weight=w)
    repeated = clone(model).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    soft = clone(model).fit(X, np.eye(3)[y], sample_weight=w)
    assert_allclose(soft.coef_, weighted.coef_, atol=1e-7)
    balanced = clone(model).set_params(class_weight={1: 3.0}).fit(X, y)
    by_row = clone(model).fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0))
    assert_allclose(balanced.coef_, by_row.coef_, atol=1e-7)


def test_columns_of_any_scale_and_origin():
    """A column of small numbers is penalised more, and the fit knows which they are."""
    X, y = load_breast_cancer(return_X_y=True)
    model = CrossEntropyClassifier(l1_ratio=1.0, tol=1e-7).fit(X, y)
    assert model.n_iter_[0] <= 30
    assert_minimum(model, X, y, CrossEntropy(), 0.05)
    far = clone(model).fit(X + 1e5, y)
    assert_allclose(far.coef_, model.coef_, atol=1e-4)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_collinear_columns(load, convert):
    """Twice the same column: the minimum is not unique, its value is."""
    X, y = load(return_X_y=True)
    X = scale(X)
    both = convert(np.hstack([X, X]))
    model = CrossEntropyClassifier(l1_ratio=1.0, tol=1e-8)
    one, two = clone(model).fit(convert(X), y), clone(model).fit(both, y)
    halves = two.coef_.reshape(len(two.coef_), 2, -1).sum(axis=1)
    assert_allclose(halves, one.coef_, atol=1e-5)


def test_warm_start_and_the_ends_of_the_range():
    X, y = data(3)
    model = CrossEntropyClassifier(l1_ratio=1.0, C=0.3, warm_start=True).fit(X, y)
    assert model.n_iter_[0] > 1
    assert model.fit(X, y).n_iter_[0] == 1
    ridge = CrossEntropyClassifier(tol=1e-9).fit(X, y)
    nearly = CrossEntropyClassifier(l1_ratio=1e-9, tol=1e-9).fit(X, y)
    assert_allclose(nearly.coef_, ridge.coef_, atol=1e-6)
    free = [CrossEntropyClassifier(C=np.inf, l1_ratio=r).fit(X, y) for r in (0, 1)]
    assert_array_equal(free[0].coef_, free[1].coef_)


def test_a_solver_without_zeros_is_refused():
    X, y = data(2)
    with pytest.raises(
        ValueError, match=r"^solver must be 'auto' if l1_ratio > 0, got 'newton-cg'\.$"
    ):
        CrossEntropyClassifier(l1_ratio=0.5, solver="newton-cg").fit(X, y)


def test_stopping_early_warns_and_verbose_prints(capsys):
    X, y = data(3)
    model = CrossEntropyClassifier(l1_ratio=1.0, max_iter=2, verbose=1)
    with pytest.warns(ConvergenceWarning, match="converge in 2 iterations: the New"):
        model.fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) == model.n_iter_[0] == 2


def test_the_working_set_stays_small():
    X, y = data(2, 1000)
    target = make_target(y, len(y), 2)
    objective = objective_of(X, target, CrossEntropy(), C=np.inf, l1=0.01)
    point = objective.at(np.zeros(objective.shape))
    columns, left = working_set(objective, point, FIRST_COLUMNS)
    gradient = point.gradient
    wanting = np.abs(gradient[:1000, 0]) > 0.01
    assert len(columns) == FIRST_COLUMNS and left == wanting.sum() - FIRST_COLUMNS
    least = np.abs(gradient[columns, 0]).min()
    assert (np.abs(gradient[:1000, 0]) > least).sum() < FIRST_COLUMNS


def separable(kind, n_classes):
    rng = np.random.default_rng(0)
    y = np.arange(90) % n_classes
    X = rng.normal(size=(90, 3))
    if kind == "wide":
        X, y = rng.normal(size=(30, 40)), y[:30]
    elif kind == "apart":
        X[np.arange(90), y] += 12
    elif kind == "one category":  # only one class has it: its coefficient diverges
        X[:, 0] = (y == 0) & (rng.uniform(size=90) < 0.3)
    return X, y


@pytest.mark.parametrize("kind", ["apart", "one category", "wide"])
@n_classes_of
@pytest.mark.parametrize(
    "settings",
    [
        {"solver": s, "C": C}
        for s in sorted({"auto", *SOLVERS} - {"lbfgs"})
        for C in (np.inf, 1e12)
    ]
    + [{"l1_ratio": 1.0, "C": 1e12}],
    ids=str,
)
def test_separable_classes_are_told(kind, n_classes, settings):
    if kind == "one category":
        settings = settings | {"C": np.inf}
    X, y = separable(kind, n_classes)
    model = CrossEntropyClassifier(**settings)
    with pytest.warns(ConvergenceWarning, match="the coefficients keep growing"):
        model.fit(X, y)
    assert np.isfinite(model.coef_).all() and model.score(X, y) > 1 / n_classes


@pytest.mark.parametrize(
    "load", [load_iris, load_wine, load_breast_cancer, load_digits]
)
@pytest.mark.parametrize("prepare", [np.asarray, scale])
def test_a_penalty_raises_no_alarm(load, prepare):
    X, y = load(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CrossEntropyClassifier().fit(prepare(X), y)
        if load is not load_digits:
            CrossEntropyClassifier(l1_ratio=1.0).fit(prepare(X), y)
            FocalLogisticRegression(C=100.0).fit(prepare(X), y)


@n_classes_of
@pytest.mark.parametrize("max_hessian", [MAX_HESSIAN, 0])
def test_from_where_rows_are_saturated_on_the_wrong_side(n_classes, max_hessian):
    X, y = data(n_classes)
    target = make_target(y, len(y), n_classes)

    def found(start):
        objective = objective_of(X, target, CrossEntropy(), l1=0.01)
        options = SolverOptions(tol=1e-8, max_hessian=max_hessian)
        return solve(objective, start, options)

    m = 1 if n_classes == 2 else n_classes
    expected = found(np.zeros((X.shape[1] + 1, m)))
    far = found(-100 * expected.weights)
    assert far.converged
    assert_allclose(far.value, expected.value, rtol=1e-10)
