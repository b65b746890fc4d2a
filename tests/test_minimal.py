"""The essentials of an installed package in one file, for packagers: seconds.

It needs pytest and what skxent itself needs, no other file and no network:

    pytest --noconftest -p no:cacheprovider test_minimal.py
"""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skxent
from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent.boosting import hist_gradient_boosting_loss
from skxent.calibration import TemperatureScaling, posterior
from skxent.losses import CrossEntropy, Focal, FormulaLoss
from skxent.metrics import expected_calibration_error, log_loss
from skxent.scorers import neg_log_loss_scorer

RNG = np.random.default_rng(0)
Z, Y = 4 * RNG.normal(size=(200, 5)), RNG.integers(0, 5, 200)
X, TUMOUR = load_breast_cancer(return_X_y=True)


def test_the_build():
    config = skxent.show_config("dicts")
    assert config["version"] == skxent.__version__
    assert config["isa"] in config["available_isas"]
    assert config["threads"] >= 1


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_cross_entropy_and_its_gradient_are_the_definition(dtype, rtol):
    z = Z.astype(dtype)
    logp = log_softmax(z.astype(float), axis=1)
    loss, gradient = CrossEntropy().loss_gradient(Y, z)
    assert loss.dtype == gradient.dtype == dtype
    assert_allclose(loss, -logp[np.arange(200), Y], rtol=rtol, atol=rtol)
    assert_allclose(gradient, np.exp(logp) - np.eye(5)[Y], atol=rtol)


def test_focal_loss_and_its_gradient_are_the_definition():
    def value(z):
        p = softmax(z, axis=1)[np.arange(200), Y]
        return (1 - p) ** 2 * -np.log(p)

    loss, gradient = Focal(2.0).loss_gradient(Y, Z)
    assert_allclose(loss, value(Z), rtol=1e-9)
    for k, step in enumerate(1e-6 * np.eye(5)):
        difference = (value(Z + step) - value(Z - step)) / 2e-6
        assert_allclose(gradient[:, k], difference, atol=1e-7)


def test_a_formula_is_the_shipped_loss():
    formula = FormulaLoss("q**gamma * L", gamma=2.0)
    assert_allclose(formula.gradient(Y, Z), Focal(2.0).gradient(Y, Z), rtol=1e-10)


def test_a_certain_and_wrong_prediction_is_not_clipped():
    assert Focal(2.0).loss([0], [[-500.0, 0.0]]) == pytest.approx(500.0)


def test_threads_do_not_change_a_bit():
    z, y = np.tile(Z, (500, 1)), np.tile(Y, 500)
    one, two = (Focal(1.5).gradient(y, z, n_threads=n) for n in (1, 2))
    assert_array_equal(one, two)


@pytest.mark.parametrize("y", [Y, Y.astype(str), np.array(list("abcde"))[Y]])
def test_log_loss_is_that_of_scikit_learn(y):
    proba = softmax(Z, axis=1)
    assert log_loss(y, proba) == pytest.approx(sklearn_log_loss(y, proba))


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris])
def test_the_linear_model_is_that_of_scikit_learn(load):
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    theirs = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000).fit(X, y)
    ours = CrossEntropyClassifier(C=0.5, tol=1e-8).fit(X, y)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_class_weights_are_taken_out_of_the_probabilities():
    p = softmax(Z[:, :2], axis=1)
    weighted = p * [1.0, 9.0]
    weighted /= weighted.sum(axis=1, keepdims=True)
    found = posterior("cross_entropy", weighted, class_weight=[1.0, 9.0])
    assert_allclose(found, p, rtol=1e-10)


def test_a_search_over_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), FocalLogisticRegression())
    grid = {"focallogisticregression__gamma": [0.0, 2.0]}
    found = GridSearchCV(pipeline, grid, scoring=neg_log_loss_scorer, cv=3)
    assert found.fit(X, TUMOUR).best_score_ > -0.15


def test_calibration():
    model = TemperatureScaling(LogisticRegression(max_iter=5000), cv=3)
    proba = model.fit(X[::2] / X.max(axis=0), TUMOUR[::2]).predict_proba(
        X[1::2] / X.max(axis=0)
    )
    assert 0 <= expected_calibration_error(TUMOUR[1::2], proba) < 0.1


def test_boosting():
    loss = hist_gradient_boosting_loss(Focal(1.0))
    trees = HistGradientBoostingClassifier(loss=loss, max_iter=20).fit(X, TUMOUR)
    assert trees.score(X, TUMOUR) > 0.95


def test_a_pickle():
    model = CrossEntropyClassifier(FormulaLoss("q**2 * L")).fit(X, TUMOUR)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="gamma must be a number in"):
        Focal(-1.0)
    with pytest.raises(ValueError, match="NaN"):
        CrossEntropyClassifier().fit(np.where(X > 100, np.nan, X), TUMOUR)
