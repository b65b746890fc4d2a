"""monotonic_cst: the sign of a coefficient, for two classes."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from problems import limited
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
)
from skxent.blocks import ArrayBlocks
from skxent.losses import Focal

EXACT = {"tol": 1e-9, "max_iter": 1000}
SIGNS = np.array([1, -1, 1, -1, 0, 0, 1, -1])
ratios = pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
formats = pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])


def data(n=300, d=8, seed=0):
    """Half of the columns would have the other sign."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ (np.eye(d) + 0.3) * 10.0 ** rng.integers(-1, 2, d)
    z = X / X.std(axis=0) @ rng.normal(size=d)
    return X, (z + rng.logistic(size=n) > 0).astype(int)


def slope(loss_gamma, z, y):
    """Derivatives of the focal loss in the logits, from the definition."""
    s = 2 * y - 1
    p, q = expit(s * z), expit(-s * z)
    g = loss_gamma
    focal = -(q**g) * (q - g * p * np.log(p))  # d/dm of q^g (-log p)
    return s * focal


def residual(model, X, y, gamma=0.0, offset=0.0):
    """The largest violation of the conditions of a minimum, of mean loss + penalty."""
    X, w, n = np.asarray(X.todense() if sp.issparse(X) else X), model.coef_[0], len(y)
    factor = 1.0 if model.penalty_factor is None else np.asarray(model.penalty_factor)
    each = factor / (model.C * n) * np.ones_like(w)
    r = slope(gamma, X @ w + model.intercept_[0] + offset, y) / n
    gradient = X.T @ r + (1 - model.l1_ratio) * each * w
    l1, signs = model.l1_ratio * each, np.asarray(model.monotonic_cst)
    assert (signs * w >= 0).all()
    used = w != 0
    found = [abs(r.sum()), *np.abs(gradient + l1 * np.sign(w))[used]]
    # At zero no allowed direction may lead down.
    up, down = gradient + l1, -gradient + l1
    found += [*-up[~used & (signs >= 0)], *-down[~used & (signs <= 0)]]
    return max(found)


@ratios
@formats
@pytest.mark.parametrize("gamma", [0.0, 1.0])
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_conditions_of_the_minimum(ratio, convert, gamma, C):
    X, y = data()
    model = FocalLogisticRegression(
        gamma, C=C, l1_ratio=ratio, monotonic_cst=SIGNS, **EXACT
    ).fit(convert(X), y)
    assert residual(model, X, y, gamma) <= 1e-8
    free = clone(model).set_params(monotonic_cst=None).fit(X, y).coef_[0]
    assert (SIGNS * free < 0).any()
    assert (model.coef_[0] == 0).any()  # exactly


@ratios
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_minimum_is_that_of_a_bounded_solver(ratio, fit_intercept):
    X, y = data()
    X = scale(X)
    model = CrossEntropyClassifier(
        C=0.3, l1_ratio=ratio, monotonic_cst=np.abs(SIGNS) * SIGNS, **EXACT
    ).set_params(fit_intercept=fit_intercept)
    model.fit(X, y)
    d = X.shape[1]

    def value(u):
        """The positive and the negative part of w, and the intercept."""
        w, b = u[:d] - u[d : 2 * d], u[-1] * fit_intercept
        z = (2 * y - 1) * (X @ w + b)
        r = -(2 * y - 1) * expit(-z)
        g = 0.3 * X.T @ r + (1 - ratio) * w
        total = 0.3 * np.logaddexp(0, -z).sum() + (1 - ratio) / 2 * w @ w
        slopes = np.concatenate(
            [g + ratio, -g + ratio, [0.3 * r.sum() * fit_intercept]]
        )
        return total + ratio * u[:-1].sum(), slopes

    bounds = [(0, 0 if s < 0 else None) for s in SIGNS]
    bounds += [(0, 0 if s > 0 else None) for s in SIGNS] + [(None, None)]
    options = {"maxiter": 10_000, "maxfun": 100_000, "ftol": 0, "gtol": 1e-11}
    other = minimize(
        value, np.zeros(2 * d + 1), jac=True, bounds=bounds, options=options
    ).fun
    w = model.coef_[0]
    u = np.concatenate([np.maximum(w, 0), np.maximum(-w, 0), model.intercept_])
    assert_allclose(value(u)[0], other, rtol=1e-10)


@ratios
def test_with_the_offset_factors_and_many_columns(ratio):
    """Also more than the first working set; and the model that goes through columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 200))
    offset = rng.normal(size=400)
    y = (X[:, :20].sum(axis=1) / 3 + offset + rng.logistic(size=400) > 0).astype(int)
    signs, factor = rng.integers(-1, 2, 200), rng.integers(1, 4, 200) * 0.5
    settings = {"monotonic_cst": signs, "penalty_factor": factor, "l1_ratio": ratio}
    for kind in (
        CrossEntropyClassifier,
        limited(CrossEntropyClassifier, max_hessian=10),
    ):
        model = kind(C=0.1, **settings, **EXACT).fit(X, y, offset=offset)
        assert residual(model, X, y, offset=offset) <= 1e-8


def test_right_signs_change_nothing():
    X, y = data()
    free = CrossEntropyClassifier(l1_ratio=1.0, C=0.1, **EXACT).fit(X, y)
    same = clone(free).set_params(monotonic_cst=np.sign(free.coef_[0])).fit(X, y)
    assert_allclose(same.coef_, free.coef_, rtol=1e-6, atol=1e-12)
    zeros = CrossEntropyClassifier("focal").fit(X, y)
    none = clone(zeros).set_params(monotonic_cst=np.zeros(8)).fit(X, y)
    assert_array_equal(none.coef_, zeros.coef_)


FORMS = {
    "list": [1, -1, 0, 0],
    "floats": np.array([1.0, -1.0, 0.0, 0.0]),
    "names": {"a": 1, "b": -1},
    "positions": {0: 1, np.int64(1): np.int8(-1)},
    "series": pd.Series({"b": -1, "a": 1}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "model",
    [
        FocalLogisticRegression(),
        SmoothedSoftmaxClassifier(l1_ratio=0.5),
        FocalLogisticRegressionCV(Cs=[0.1, 1.0], gammas=[0.0, 1.0], cv=2),
    ],
    ids=repr,
)
def test_forms(form, model):
    X, y = data()
    X = X[:, :4]
    table = pd.DataFrame(X, columns=list("abcd"))
    model = clone(model).set_params(tol=1e-9)
    expected = clone(model).set_params(monotonic_cst=[1, -1, 0, 0]).fit(X, y)
    model.set_params(monotonic_cst=FORMS[form]).fit(table, y)
    assert_allclose(model.coef_, expected.coef_, atol=1e-8)
    assert (np.array([1, -1]) * model.coef_[0, :2] >= 0).all()


def test_blocks_and_dask():
    da = pytest.importorskip("dask.array", reason="pip install '.[dask]'")
    import skxent.dask as skd

    X, y = data()
    settings = {"monotonic_cst": SIGNS, "C": 0.1, **EXACT}
    blocks = CrossEntropyClassifier(**settings).fit(ArrayBlocks(X, y, block_rows=90))
    parts = [da.from_array(a, chunks=(100, *a.shape[1:])) for a in (X, y)]
    cluster = skd.CrossEntropyClassifier(**settings).fit(*parts)
    for model in (blocks, cluster):
        assert residual(model, X, y) <= 1e-8


def test_a_warm_start_of_other_signs():
    X, y = data()
    model = CrossEntropyClassifier(C=10.0, warm_start=True, **EXACT).fit(X, y)
    model.set_params(monotonic_cst=-np.sign(model.coef_[0])).fit(X, y)
    assert residual(model, X, y) <= 1e-8


def test_separable_classes_are_told():
    X, y = data()
    X[:, 0] = 2 * y - 1
    model = CrossEntropyClassifier(C=np.inf, monotonic_cst={0: 1, 1: -1, 2: 1})
    with pytest.warns(ConvergenceWarning, match="separable"):
        model.fit(X, y)
    model.set_params(monotonic_cst=dict.fromkeys(range(8), -1)).fit(X, y)
    assert model.coef_[0, 0] == 0


BAD = [
    ([1, -1], r"must be of shape \(8,\)"),
    ([2, 0, 0, 0, 0, 0, 0, 0], r"must hold an integer in \[-1, 1\].*got 2.0"),
    ([0.5] + [0] * 7, r"got 0.5"),
    ({"z": 1}, r"got 'z'"),
    ({0: "up"}, r"got 'up'"),
    ({0: np.nan}, r"got nan"),
]


@pytest.mark.parametrize(("signs", "message"), BAD)
@pytest.mark.parametrize(
    "model", [CrossEntropyClassifier(), FocalLogisticRegressionCV(cv=2)], ids=repr
)
def test_bad_signs(signs, message, model):
    X, y = data()
    with pytest.raises(ValueError, match=f"monotonic_cst .*{message}"):
        clone(model).set_params(monotonic_cst=signs).fit(X, y)


@pytest.mark.parametrize(
    "model", [CrossEntropyClassifier(), FocalLogisticRegressionCV(cv=2)], ids=repr
)
def test_more_than_two_classes(model):
    X, _ = data()
    y = np.arange(len(X)) % 3
    model = clone(model).set_params(monotonic_cst=SIGNS)
    with pytest.raises(ValueError, match="monotonic_cst must be None for more than tw"):
        model.fit(X, y)


def test_what_cannot_have_signs():
    X, y = data()
    model = CrossEntropyClassifier(monotonic_cst=SIGNS)
    with pytest.raises(AttributeError, match="monotonic_cst must be None for partial"):
        model.partial_fit(X, y, [0, 1])
    assert not hasattr(model, "partial_fit")
    for solver in ("lbfgs", "newton-cg", "newton-cholesky"):
        with pytest.raises(ValueError, match=f"solver must be 'auto'.*'{solver}'"):
            model.set_params(solver=solver).fit(X, y)


def test_a_scorecard():
    """Every coefficient of a risk score raises the risk, and the zeros are exact."""
    X, y = load_breast_cancer(return_X_y=True)
    X, risk = scale(X), 1 - y  # malignant
    free = CrossEntropyClassifier(C=0.1).fit(X, risk)
    card = CrossEntropyClassifier(C=0.1, monotonic_cst=np.ones(30)).fit(X, risk)
    assert (free.coef_ < 0).any()
    assert card.coef_.min() == 0
    assert card.score(X, risk) > 0.97
    rows = card.predict_proba(X + 0.1 * np.eye(30)[card.coef_[0].argmax()])[:, 1]
    assert (rows >= card.predict_proba(X)[:, 1]).all()


@ratios
def test_a_loss_that_is_not_convex_has_a_minimum_within_the_signs(ratio):
    X, y = data()
    model = CrossEntropyClassifier(
        Focal(2.0), C=1.0, l1_ratio=ratio, monotonic_cst=SIGNS, **EXACT
    ).fit(X, y)
    assert residual(model, X, y, gamma=2.0) <= 1e-8
