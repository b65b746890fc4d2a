"""Class probabilities of focal models, compared with cross-entropy and softmax.

The tables have the log loss, in nats, of held-out rows. The posterior is exact if the
model can represent the minimiser. With three or more classes the logits of the
minimiser of focal loss are not linear even if the true ones are: a linear model has a
larger loss than cross-entropy, but a smaller one with products of columns.
"""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.preprocessing import PolynomialFeatures

from reporting.record import shape
from skxent import FocalLogisticRegression
from skxent.boosting import FocalLGBMClassifier, FocalXGBClassifier
from skxent.metrics import log_loss

THREADS = 1


@pytest.mark.parametrize("n_classes", [2, 5])
def test_linear(record, size, n_classes):
    """Log loss on data from a logistic model, gamma = 2"""
    n = 2_000 if size == "check" else 100_000
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 10))
    z = X @ rng.normal(size=(10, n_classes))
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    half = n // 2
    losses = {}
    products = PolynomialFeatures(2, include_bias=False).fit_transform(X)
    for name, columns, gamma, posterior in (
        ("skxent", X, 2.0, True),
        ("cross-entropy", X, 0.0, True),
        ("plain softmax", X, 2.0, False),
        ("with products of columns", products, 2.0, True),
    ):
        model = FocalLogisticRegression(gamma, posterior=posterior)
        proba = model.fit(columns[:half], y[:half]).predict_proba(columns[half:])
        losses[name] = log_loss(y[half:], proba)
    record(
        f"{shape(n, 10)}, {n_classes} classes",
        losses,
        unit="nats",
        at_least={"cross-entropy": 1 / 1.01},
    )


def rare(n, seed):
    """One positive in a hundred, from a known model, and its probabilities."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 10))
    z = 1.2 * X[:, 0] + X[:, 1] * X[:, 2] + np.sin(2 * X[:, 3]) + 0.7 * abs(X[:, 4])
    p = expit(z - 6.75)
    return X, (rng.uniform(size=n) < p).astype(int), p


TREES = {"n_estimators": 1000, "learning_rate": 0.1, "n_jobs": 1}


def xgboost_models(gamma, X, y, X_stop, y_stop):
    """The built-in objective and focal loss, each stopped early by its own loss."""
    from xgboost import XGBClassifier

    trees = XGBClassifier(max_depth=4, early_stopping_rounds=30, **TREES)
    focal = FocalXGBClassifier(gamma, estimator=trees)
    focal.fit(X, y, eval_set=[(X_stop, y_stop)])
    trees.set_params(eval_metric="logloss")
    return trees.fit(X, y, eval_set=[(X_stop, y_stop)], verbose=False), focal


def lightgbm_models(gamma, X, y, X_stop, y_stop):
    from lightgbm import LGBMClassifier

    trees = LGBMClassifier(
        num_leaves=15, early_stopping_round=30, verbosity=-1, **TREES
    )
    focal = FocalLGBMClassifier(gamma, estimator=trees)
    focal.fit(X, y, eval_set=[(X_stop, y_stop)])
    return trees.fit(X, y, eval_X=X_stop, eval_y=y_stop), focal


MODELS = {"xgboost": xgboost_models, "lightgbm": lightgbm_models}


@pytest.mark.parametrize("gamma", [1.0, 2.0])
@pytest.mark.parametrize("library", MODELS)
def test_boosting(record, size, library, gamma):
    """Log loss of boosted trees where one row in a hundred is positive"""
    pytest.importorskip(library, reason=f"pip install '.[{library}]'")
    n = {"full": 100_000, "quick": 20_000, "check": 2_000}[size]
    X, y, _ = rare(n, 0)
    builtin, focal = MODELS[library](gamma, X, y, *rare(n // 2, 1)[:2])
    X_test, y_test, truth = rare(2 * n, 2)
    losses = {
        "skxent": log_loss(y_test, focal.predict_proba(X_test)),
        "built-in": log_loss(y_test, builtin.predict_proba(X_test)),
        "plain softmax": log_loss(y_test, expit(focal.decision_function(X_test))),
        "truth": log_loss(y_test, truth),
    }
    record(
        f"{library}, {shape(n, 10)}, gamma {gamma:g}",
        losses,
        unit="nats",
        at_least={"built-in": 1 / 1.02},
        floor="truth",
    )
