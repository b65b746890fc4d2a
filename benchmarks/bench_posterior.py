"""Class probabilities of focal models, beside cross-entropy's and the plain softmax.

Log loss, in nats, of rows that no model has seen: what the posterior saves.
"""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.model_selection import train_test_split

from reporting.record import shape
from skxent import FocalLogisticRegression
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
    for name, gamma, posterior in (
        ("skxent", 2.0, True),
        ("cross-entropy", 0.0, True),
        ("plain softmax", 2.0, False),
    ):
        model = FocalLogisticRegression(gamma, posterior=posterior)
        proba = model.fit(X[:half], y[:half]).predict_proba(X[half:])
        losses[name] = log_loss(y[half:], proba)
    record(
        f"{shape(n, 10)}, {n_classes} classes",
        losses,
        unit="nats",
        at_least={"cross-entropy": 1 / 1.01},
    )


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_boosting(record, size, library):
    """Log loss of boosted trees on one positive in a hundred, gamma = 2"""
    pytest.importorskip(library, reason=f"pip install 'skxent[{library}]'")
    n = {"full": 100_000, "quick": 20_000, "check": 2_000}[size]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 10))
    score = X[:, 0] + X[:, 1] * X[:, 2] + np.abs(X[:, 3])
    y = (rng.uniform(size=n) < expit(2 * score - 10.4)).astype(int)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y)
    settings = {"n_estimators": 100, "max_depth": 4, "learning_rate": 0.1, "n_jobs": 1}
    if library == "xgboost":
        from xgboost import XGBClassifier as Builtin

        from skxent.boosting import FocalXGBClassifier as Ours
    else:
        from lightgbm import LGBMClassifier as Builtin

        from skxent.boosting import FocalLGBMClassifier as Ours

        settings["verbosity"] = -1
    builtin = Builtin(**settings)
    focal = Ours(2.0, estimator=builtin)
    focal.fit(X, y)
    margin = focal.decision_function(X_test)
    losses = {
        "skxent": log_loss(y_test, focal.predict_proba(X_test)),
        "built-in": log_loss(y_test, builtin.fit(X, y).predict_proba(X_test)),
        "plain softmax": log_loss(y_test, expit(margin)),
    }
    record(
        f"{library}, {shape(n, 10)}, {y.mean():.1%} positive",
        losses,
        unit="nats",
        at_least={"built-in": 1 / 1.02},
    )
