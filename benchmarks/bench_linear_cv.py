"""A 10 x 5 grid with 5 folds, beside GridSearchCV over the plain estimator.

Ten values of C and five of gamma, the same best parameters; one thread.
"""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine, make_classification
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
