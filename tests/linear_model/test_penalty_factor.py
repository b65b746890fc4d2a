"""penalty_factor: the columns that an L1 or L2 penalty counts more, less or not."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
)
from skxent.blocks import ArrayBlocks

FACTOR = np.array([0.0, 3.0, 0.2, 0.0, 1.0])
EXACT = {"tol": 1e-10, "max_iter": 1000}


def data(n_classes=2, n=150, d=5):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    z = X[:, :5] @ rng.normal(size=(5, n_classes)) + rng.gumbel(size=(n, n_classes))
    return X, z.argmax(axis=1)


def objective(X, y, W, C, factor):
    """C Σ ℓ + Σ ψ_j ‖W_j‖² / 2, the last column of W (m, d + 1) the intercepts."""
    z = X @ W[:, :-1].T + W[:, -1]
    z = np.hstack([np.zeros_like(z), z]) if len(W) == 1 else z
    loss = logsumexp(z, axis=1) - z[np.arange(len(y)), y]
    return C * loss.sum() + (factor * W[:, :-1] ** 2).sum() / 2


def weights(model):
    return np.column_stack([model.coef_, model.intercept_])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_the_minimum_is_that_of_a_general_solver(n_classes, convert):
    X, y = data(n_classes)
    model = CrossEntropyClassifier(C=0.5, penalty_factor=FACTOR, **EXACT)
    model.fit(convert(X), y)
    shape = weights(model).shape

    def value(w):
        return objective(X, y, w.reshape(shape), 0.5, FACTOR)

    found = value(weights(model).ravel())
    other = minimize(value, np.zeros(shape).ravel(), tol=1e-12).fun
    assert found <= other * (1 + 1e-10)


def test_a_factor_is_the_scale_of_a_column():
    """√ψ_j w_j is the coefficient of x_j / √ψ_j; and ψ_j w_j, of x_j / ψ_j for L1."""
    X, y = data(3)
    factor = np.array([0.5, 3.0, 0.2, 7.0, 1.0])
    for ratio, size in ((0.0, np.sqrt(factor)), (1.0, factor)):
        model = CrossEntropyClassifier(C=0.3, l1_ratio=ratio, **EXACT)
        expected = clone(model).fit(X / size, y)
        model.set_params(penalty_factor=factor).fit(X, y)
        assert_allclose(model.coef_ * size, expected.coef_, atol=1e-7)
        assert_array_equal(model.coef_ == 0, expected.coef_ == 0)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_without_a_penalty_nothing_holds_a_column_back(ratio, n_classes):
    """A strong penalty leaves the fit to the columns without one."""
    X, y = data(n_classes)
    model = CrossEntropyClassifier(
        C=1e-9, l1_ratio=ratio, penalty_factor=[0, 1, 1, 0, 1], **EXACT
    ).fit(X, y)
    alone = CrossEntropyClassifier(C=np.inf, **EXACT).fit(X[:, [0, 3]], y)
    assert_allclose(model.coef_[:, [0, 3]], alone.coef_, rtol=1e-5, atol=1e-6)
    assert_allclose(model.coef_[:, [1, 2, 4]], 0, atol=1e-5)


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_many_columns_without_a_penalty(ratio):
    """More than the first working set of the proximal Newton method."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 200))
    y = (X[:, 0] + X[:, 160] + rng.logistic(size=2000) > 0).astype(int)
    factor = np.repeat([0.0, 1.0], [150, 50])
    model = CrossEntropyClassifier(
        C=1e-9, l1_ratio=ratio, penalty_factor=factor, **EXACT
    ).fit(X, y)
    alone = CrossEntropyClassifier(C=np.inf, **EXACT).fit(X[:, :150], y)
    assert_allclose(model.coef_[:, :150], alone.coef_, atol=1e-5)


FORMS = {
    "list": [0, 3.0, 0.2, 0, 1],
    "names": {"a": 0, "d": 0.0, "b": np.float32(3), "c": 0.2},
    "positions": {0: 0, np.int64(3): 0, 1: 3, 2: 0.2},
    "both": {"a": 0, 3: 0, "b": 3.0, 2: 0.2},
    "series": pd.Series({"a": 0.0, "b": 3.0, "c": 0.2, "d": 0.0}),
    "array": FACTOR.astype(np.float32).astype(np.float64),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "model",
    [
        CrossEntropyClassifier("focal"),
        FocalLogisticRegression(l1_ratio=1.0),
        SmoothedSoftmaxClassifier(),
        FocalLogisticRegressionCV(Cs=[0.1, 1.0], gammas=[0.0], cv=2, n_jobs=2),
    ],
    ids=repr,
)
def test_forms(form, model):
    X, y = data()
    model = clone(model).set_params(tol=1e-10)
    table = pd.DataFrame(X, columns=list("abcde"))
    expected = clone(model).set_params(penalty_factor=FACTOR).fit(X, y).coef_
    model.set_params(penalty_factor=FORMS[form]).fit(table, y)
    assert_allclose(model.coef_, expected, atol=1e-6)


def test_names_in_blocks_and_streams():
    X, y = data()
    table, factor = pd.DataFrame(X, columns=list("abcde")), FORMS["names"]
    expected = CrossEntropyClassifier(penalty_factor=FACTOR, tol=1e-10).fit(X, y).coef_
    model = CrossEntropyClassifier(penalty_factor=factor, tol=1e-10)
    blocks = clone(model).fit(ArrayBlocks(table, y, block_rows=70))
    assert_allclose(blocks.coef_, expected, atol=1e-7)
    stream = clone(model).partial_fit(table, y, classes=[0, 1])
    assert_allclose(stream.coef_, expected, atol=1e-7)


BAD = [
    ([1, 2], r"must be of shape \(5,\).*got shape \(2,\)"),
    (np.ones((5, 1)), r"must be of shape \(5,\).*got shape \(5, 1\)"),
    (2.0, r"must be of shape \(5,\)"),
    ([1, 1, -1, 1, 1], r"must hold a number in \[0, inf\) for each column, got -1.0"),
    ([1, 1, np.nan, 1, 1], r"got nan"),
    ([1, 1, np.inf, 1, 1], r"got inf"),
    ({"a": "much"}, r"got 'much'"),
    ({"a": True}, r"got True"),
    ({"z": 1}, r"\['a', 'b', 'c', 'd', 'e'\] or their positions 0..4, got 'z'"),
    ({5: 1}, r"got 5"),
    ({-1: 1}, r"got -1"),
    ({True: 1}, r"got True"),
    ({"a": 1, 0: 1}, r"must have each column once, got 'a' and 0"),
    (pd.Series([1.0, 2.0], index=["a", "a"]), r"each label once"),
    ("abc", r"must be real numbers"),
    (np.ma.masked_less([1, 1, 0, 1, 1], 1), r"no masked entries"),
]


@pytest.mark.parametrize(("factor", "message"), BAD)
@pytest.mark.parametrize(
    "model", [CrossEntropyClassifier(), FocalLogisticRegressionCV(cv=2)], ids=repr
)
def test_bad_factors(factor, message, model):
    X, y = data()
    table = pd.DataFrame(X, columns=list("abcde"))
    model = clone(model).set_params(penalty_factor=factor)
    with pytest.raises(ValueError, match=f"penalty_factor .*{message}"):
        model.fit(table, y)
    if isinstance(model, CrossEntropyClassifier):
        with pytest.raises(ValueError, match=f"penalty_factor .*{message}"):
            model.partial_fit(table, y, classes=[0, 1])


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_classes_that_a_column_without_a_penalty_separates(ratio, fit_intercept):
    X, y = data()
    X[:, 0] = 2 * y - 1
    model = CrossEntropyClassifier(
        penalty_factor={0: 0}, l1_ratio=ratio, fit_intercept=fit_intercept
    )
    with pytest.warns(ConvergenceWarning, match="separable"):
        model.fit(X, y)


def test_lasso_with_controls():
    """Columns that stay in the model at any C, as confounders should."""
    X, y = load_breast_cancer(return_X_y=True)
    model = CrossEntropyClassifier(C=1e-3, l1_ratio=1.0, penalty_factor={0: 0, 1: 0})
    assert_array_equal(np.flatnonzero(model.fit(scale(X), y).coef_[0]), [0, 1])


def test_glum_has_the_same_coefficients():
    glum = pytest.importorskip("glum", reason="pip install glum")
    X, y = load_wine(return_X_y=True)
    X, y = scale(X), (y == 1).astype(float)
    n, d = X.shape
    factor = np.linspace(0.1, 2, d)
    for ratio in (0.0, 0.3, 1.0):
        peer = glum.GeneralizedLinearRegressor(
            family="binomial", alpha=1 / n, l1_ratio=ratio, P1=factor, P2=factor
        ).set_params(gradient_tol=1e-10, max_iter=1000)
        if ratio == 0:
            peer.set_params(P1="identity")
        model = CrossEntropyClassifier(l1_ratio=ratio, penalty_factor=factor, **EXACT)
        expected = peer.fit(X, y).coef_
        assert_allclose(model.fit(X, y).coef_[0], expected, atol=1e-6)
