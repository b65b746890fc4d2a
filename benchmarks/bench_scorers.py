"""Scorers: a search of 200 fits scored by log loss, and the memory of log_loss.

One thread. The floor is the time of the predictions.
"""

import tracemalloc

import numpy as np
import pytest
import sklearn.metrics
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from reporting.record import shape
from skxent.metrics import log_loss
from skxent.scorers import neg_log_loss_scorer

THREADS = 1
SEARCHES = {
    "GaussianNB": (GaussianNB(), "var_smoothing", np.logspace(-12, -3, 40)),
    "LogisticRegression": (
        make_pipeline(StandardScaler(), LogisticRegression()),
        "logisticregression__C",
        np.logspace(-3, 2, 40),
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_scoring_a_search(compare, leave_out, name):
    """Scoring the 200 fits of a search"""
    if name != "GaussianNB":
        leave_out("one model tells enough")
    model, parameter, values = SEARCHES[name]
    X, y = load_breast_cancer(return_X_y=True)
    fits = [
        (clone(model).set_params(**{parameter: value}).fit(X[train], y[train]), test)
        for value in values
        for train, test in StratifiedKFold(5).split(X, y)
    ]
    tests = [(fitted, X[test], y[test]) for fitted, test in fits]
    theirs = sklearn.metrics.get_scorer("neg_log_loss")
    for each in tests:
        assert np.isclose(neg_log_loss_scorer(*each), theirs(*each), rtol=1e-6)
    compare(
        f"{name}, breast_cancer",
        {
            "skxent": lambda: [neg_log_loss_scorer(*each) for each in tests],
            "scikit-learn": lambda: [theirs(*each) for each in tests],
            "predict_proba": lambda: [m.predict_proba(part) for m, part, _ in tests],
        },
        floor="predict_proba",
        at_least={"scikit-learn": 10.0},
    )


def test_memory(record, size):
    """Peak memory of log_loss beyond its arguments"""
    n = 1_000_000 if size == "full" else 100_000
    rng = np.random.default_rng(0)
    proba, y = rng.dirichlet(np.ones(10), n), rng.integers(0, 10, n)
    peaks = {}
    for name, metric in (
        ("skxent", log_loss),
        ("scikit-learn", sklearn.metrics.log_loss),
    ):
        tracemalloc.start()
        metric(y, proba)
        peaks[name] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    record(shape(n, 10), peaks, unit="MB", limit=10.0)
