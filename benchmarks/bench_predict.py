"""predict_proba of linear models, compared with LogisticRegression's.

One thread, 40 columns; the CSR matrices have 1000, and 20 entries in a row.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from reporting.record import shape
from skxent import CrossEntropyClassifier

THREADS = 1
TABLES = {
    "float64": lambda X: X,
    "float32": lambda X: X.astype(np.float32),
    "int8": lambda X: (10 * X).astype(np.int8),
    "DataFrame": lambda X: pd.DataFrame(X, columns=[f"c{j}" for j in range(40)]),
    "CSR": lambda X: sp.random(
        len(X), 1000, density=0.02, format="csr", random_state=0
    ),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("n_classes", [2, 5, 20])
def test_predict_proba(compare, size, kind, n_classes):
    """predict_proba"""
    n = 200_000 if size == "full" else 20_000
    rng = np.random.default_rng(0)
    X = TABLES[kind](rng.normal(size=(n, 40)))
    y = np.arange(1000) % n_classes
    part = X[:1000]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = CrossEntropyClassifier(max_iter=2).fit(part, y)
        theirs = LogisticRegression(max_iter=2).fit(part, y)
    asked = 1.5 if kind == "CSR" else 2.0 if n_classes == 2 else 3.0
    compare(
        f"{shape(n, X.shape[1])}, {kind}, {n_classes} classes",
        {
            "skxent": lambda: ours.predict_proba(X),
            "LogisticRegression": lambda: theirs.predict_proba(X),
        },
        at_least={"LogisticRegression": asked},
    )


def test_single_rows(compare):
    """predict_proba of one row"""
    X = np.random.default_rng(0).normal(size=(1000, 40))
    y = np.arange(1000) % 2
    ours, theirs = CrossEntropyClassifier().fit(X, y), LogisticRegression().fit(X, y)
    row = X[:1]
    compare(
        "1 x 40, 2 classes",
        {
            "skxent": lambda: [ours.predict_proba(row) for _ in range(100)],
            "LogisticRegression": lambda: [
                theirs.predict_proba(row) for _ in range(100)
            ],
        },
        at_least={"LogisticRegression": 1.0},
    )
