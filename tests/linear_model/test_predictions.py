"""Predictions of any table in one pass over its blocks."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax

from skxent import CrossEntropyClassifier, FocalLogisticRegression

RNG = np.random.default_rng(0)
KINDS = {
    "C": lambda X: X,
    "F": np.asfortranarray,
    "reversed": lambda X: X[::-1].copy()[::-1],
    "reversed F": lambda X: np.asfortranarray(X[::-1])[::-1],
    "rows apart": lambda X: np.repeat(X, 2, axis=0)[::2],
    "columns apart": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "float32": lambda X: X.astype(np.float32),
    "float32 F": lambda X: np.asfortranarray(X.astype(np.float32)),
    "float16": lambda X: X.astype(np.float16),
    "big-endian": lambda X: X.astype(">f8"),
    "int8": lambda X: (3 * X).astype(np.int8),
    "int8 F": lambda X: np.asfortranarray((3 * X).astype(np.int8)),
    "uint8": lambda X: np.abs(3 * X).astype(np.uint8),
    "int16": lambda X: (3 * X).astype(np.int16),
    "int64": lambda X: (3 * X).astype(np.int64),
    "bool": lambda X: X > 0,
    "DataFrame": lambda X: pd.DataFrame(
        X, columns=[f"c{j}" for j in range(X.shape[1])]
    ),
    "CSR": sp.csr_array,
    "CSR float32": lambda X: sp.csr_array(X.astype(np.float32)),
    "CSC": sp.csc_array,
    "list": lambda X: X.tolist(),
}


def model_of(n_classes, d, make=CrossEntropyClassifier, **parameters):
    X = RNG.normal(size=(60, d))
    y = np.arange(60) % n_classes
    model = make(**parameters).fit(X, y)
    model.coef_ = RNG.normal(size=model.coef_.shape) / 3
    model.intercept_ = RNG.normal(size=model.intercept_.shape)
    return model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3, 20])
@pytest.mark.parametrize("d", [1, 3, 9, 40, 600])
def test_predictions_of_any_table(kind, n_classes, d):
    model = model_of(n_classes, d)
    for n in (1, 33, 700):
        X = RNG.normal(size=(n, d))
        X[np.abs(X) < 0.3] = 0
        given = KINDS[kind](X)
        if kind == "DataFrame":
            model.feature_names_in_ = np.array(given.columns, dtype=object)
        numbers = given.toarray() if sp.issparse(given) else np.asarray(given)
        z = numbers.astype(np.float64) @ model.coef_.T + model.intercept_
        found = model.decision_function(given)
        assert found.dtype == np.float64
        assert_allclose(found, z[:, 0] if n_classes == 2 else z, atol=1e-11)
        full = np.hstack([np.zeros_like(z), z]) if n_classes == 2 else z
        expected = log_softmax(full, axis=1)
        found = model.predict_log_proba(given)
        assert_allclose(found, expected, rtol=1e-11, atol=1e-11)
        # Values far below the normal numbers are zero.
        found = model.predict_proba(given)
        assert_allclose(found, np.exp(expected), rtol=1e-10, atol=1e-300)
        assert_array_equal(model.predict(given), full.argmax(axis=1))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_posterior_and_float32(n_classes):
    model = model_of(n_classes, 5, FocalLogisticRegression, class_weight="balanced")
    X = RNG.normal(size=(100, 5))
    z = model.decision_function(X)
    trained = model.trained_loss_
    expected = trained.loss.posterior(z, class_weight=trained.class_weight)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    model.coef_ = model.coef_.astype(np.float32)
    model.intercept_ = model.intercept_.astype(np.float32)
    found = model.predict_proba(X.astype(np.float32))
    assert found.dtype == np.float32
    assert_allclose(found, expected, rtol=1e-4)
    assert model.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize("kind", ["C", "F", "float32", "DataFrame", "CSR"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_entries_are_the_errors_of_scikit_learn(kind, bad):
    model = model_of(3, 4)
    model.coef_[:, 2] = 0
    X = RNG.normal(size=(50, 4))
    X[40, 2] = bad
    given = KINDS[kind](X)
    if kind == "DataFrame":
        model.feature_names_in_ = np.array(given.columns, dtype=object)
    for method in (model.predict_proba, model.predict_log_proba, model.predict):
        with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
            method(given)


def test_columns_are_checked():
    model = model_of(3, 4)
    with pytest.raises(ValueError, match="X has 5 features, but CrossEntropy"):
        model.predict_proba(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        model.predict_proba(np.zeros((0, 4)))
    frame = pd.DataFrame(np.zeros((3, 4)), columns=list("abcd"))
    model.feature_names_in_ = np.array(list("abcd"), dtype=object)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict_proba(frame[list("abdc")])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict_proba(np.zeros((3, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict_proba(frame)


def test_a_subclass_may_have_logits_of_its_own():
    class Shifted(CrossEntropyClassifier):
        def decision_function(self, X):
            return super().decision_function(X) + 1

    model = model_of(2, 3, Shifted)
    X = RNG.normal(size=(10, 3))
    odds = np.exp(X @ model.coef_[0] + model.intercept_[0] + 1)
    assert_allclose(model.predict_proba(X)[:, 1], odds / (1 + odds))


def test_predictions_do_not_depend_on_the_threads():
    X = RNG.normal(size=(20_000, 6))
    for n_classes in (2, 7):
        model = model_of(n_classes, 6)
        found = []
        for n_jobs in (1, 3):
            model.n_jobs = n_jobs
            found.append(model.predict_proba(X))
        assert_array_equal(*found)
