"""Searches compared with GridSearchCV and LogisticRegressionCV.

GridSearchCV searches over the plain estimator, with ten values of C, five of gamma and
five folds, and finds the same best parameters. LogisticRegressionCV searches over ten
values of C, with cross-entropy only. One thread.
"""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_wine, make_classification
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import GridSearchCV

from skxent import FocalLogisticRegression, FocalLogisticRegressionCV
from skxent.scorers import neg_log_loss_scorer

THREADS = 1
CS = np.logspace(-3, 2, 10).tolist()
GAMMAS = [0.0, 0.5, 1.0, 2.0, 5.0]


def made(n, d, n_classes):
    return make_classification(
        n,
        d,
        n_informative=8,
        n_classes=n_classes,
        flip_y=0.1,
        random_state=0,
    )


def counts(n=4000, d=10_000, n_classes=4):
    """Word counts: frequencies fall as 1 / rank, 60 words a row, topics by class."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n)
    topics = rng.gamma(0.3, size=(n_classes, d)) / np.arange(1, d + 1)
    topics /= topics.sum(axis=1, keepdims=True)
    rows = [rng.multinomial(60, topics[label]) for label in y]
    return sp.csr_array(np.array(rows, dtype=float)), y


def one_hot(n=20_000, columns=8, levels=30):
    """Categories as indicator columns, two classes."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, levels, (n, columns)) + levels * np.arange(columns)
    effects = rng.normal(scale=0.5, size=levels * columns)
    y = effects[codes].sum(axis=1) > rng.logistic(size=n)
    indptr = np.arange(n + 1) * columns
    ones = np.ones(n * columns)
    return sp.csr_array((ones, codes.ravel(), indptr)), y.astype(int)


DATA = {
    "breast_cancer": lambda: load_breast_cancer(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "2e4x30, 2 classes": lambda: made(20_000, 30, 2),
    "5e3x20, 3 classes": lambda: made(5000, 20, 3),
}


@pytest.mark.parametrize("name", DATA)
def test_grid(compare, size, name):
    """A grid of ten C and five gamma in five folds"""
    if size != "full" and name != "wine":
        pytest.skip("the quick run has two minutes, and one search tells enough")
    X, y = DATA[name]()
    ours = FocalLogisticRegressionCV(Cs=CS, gammas=GAMMAS)
    grid = {"C": CS, "gamma": GAMMAS, "l1_ratio": [0.0]}
    theirs = GridSearchCV(FocalLogisticRegression(), grid, scoring=neg_log_loss_scorer)
    assert ours.fit(X, y).best_params_ == theirs.fit(X, y).best_params_
    compare(
        name,
        {"skxent": lambda: ours.fit(X, y), "GridSearchCV": lambda: theirs.fit(X, y)},
        rounds=3,
        at_least={"GridSearchCV": 5.0},
    )


SPARSE = {"word counts, 4e3x1e4, 4 classes": counts, "one-hot, 2e4x240": one_hot}


@pytest.mark.parametrize("name", [*DATA, *SPARSE])
def test_cross_entropy_alone(compare, size, name):
    """Ten values of C in five folds, cross-entropy alone"""
    if size != "full" and name != "wine":
        pytest.skip("the quick run has two minutes, and one search tells enough")
    X, y = {**DATA, **SPARSE}[name]()
    solver = "newton-cg" if name in SPARSE else "newton-cholesky"
    ours = FocalLogisticRegressionCV(Cs=CS, gammas=[0.0])
    theirs = LogisticRegressionCV(
        Cs=CS,
        cv=5,
        scoring="neg_log_loss",
        solver=solver,
        max_iter=1000,
        l1_ratios=(0,),
        use_legacy_attributes=False,
    )
    compare(
        name,
        {
            "skxent": lambda: ours.fit(X, y),
            "LogisticRegressionCV": lambda: theirs.fit(X, y),
        },
        rounds=3,
    )
