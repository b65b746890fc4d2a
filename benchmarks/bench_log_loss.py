"""log_loss compared with sklearn.metrics.log_loss.

One thread, from probabilities and labels. The floor is the sum of the table.
"""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics

from reporting.record import shape
from skxent.metrics import log_loss

THREADS = 1
SHAPES = [(1_000, 2), (100_000, 2), (1_000_000, 2), (1_000_000, 10), (100_000, 100)]
ASKED = {  # times faster than scikit-learn
    ("1e3 x 2", "integers"): 150.0,
    ("1e5 x 2", "integers"): 40.0,
    ("1e6 x 2", "integers"): 40.0,
    ("1e6 x 10", "integers"): 30.0,
    ("1e5 x 100", "integers"): 25.0,
    ("1e6 x 2", "strings"): 10.0,
}
OF_THE_SUM = ["1e6 x 10", "1e5 x 100"]  # at most twice as long as the sum
LABELS = {"integers": lambda codes: codes, "strings": lambda codes: codes.astype("U")}


@pytest.fixture(scope="module")
def table():
    """Random tables, each made once."""
    made = {}

    def make(n, n_classes):
        if (n, n_classes) not in made:
            made.clear()
            rng = np.random.default_rng(0)
            proba = rng.dirichlet(np.ones(n_classes), n)
            made[n, n_classes] = proba, rng.integers(0, n_classes, n)
        return made[n, n_classes]

    return make


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize(("n", "n_classes"), SHAPES)
def test_log_loss(compare, table, size, n, n_classes, labels):
    """log_loss, from the table and labels to the number"""
    if size != "full":
        n = max(1000, n // 10)
    proba, codes = table(n, n_classes)
    y = LABELS[labels](codes)
    if np.unique(y).shape[0] != n_classes:
        pytest.fail("the random labels lack a class")
    calls = {
        "skxent": lambda: log_loss(y, proba),
        "scikit-learn": lambda: sklearn.metrics.log_loss(y, proba),
        "p.sum()": proba.sum,
    }
    assert np.isclose(calls["skxent"](), calls["scikit-learn"](), rtol=1e-9)
    case = shape(n, n_classes)
    at_least = {"scikit-learn": ASKED[case, labels]} if (case, labels) in ASKED else {}
    if case in OF_THE_SUM and labels == "integers":
        at_least["p.sum()"] = 0.5
    compare(f"{case}, {labels}", calls, floor="p.sum()", at_least=at_least)


def polars_series(names, kind):
    polars = pytest.importorskip("polars", reason="pip install polars")
    dtype = {"Enum": lambda: polars.Enum(sorted(set(names)))}.get(kind)
    return polars.Series(names.tolist(), dtype=dtype() if dtype else polars.String)


NAMES = np.array(["ham", "spam", "eggs"])
CONTAINERS = {  # labels, the table, and how many times faster than scikit-learn
    "DataFrame": (lambda y: y, pd.DataFrame, 40.0),
    "pandas category": (
        lambda y: pd.Series(NAMES[y], dtype="category"),
        lambda p: p,
        100.0,
    ),
    "polars strings": (lambda y: polars_series(NAMES[y], "String"), lambda p: p, 40.0),
    "polars Enum": (lambda y: polars_series(NAMES[y], "Enum"), lambda p: p, 40.0),
    "numpy strings": (lambda y: NAMES[y], lambda p: p, 40.0),
    "bool": (lambda y: y == 1, lambda p: p, 40.0),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers(compare, table, size, container):
    """log_loss of labels and probabilities in other containers"""
    n_classes = 2 if container == "bool" else 3
    n = 200_000 if size == "full" else 20_000
    proba, codes = table(n, n_classes)
    labels, tabled, asked = CONTAINERS[container]
    y, p = labels(codes), tabled(proba)
    calls = {
        "skxent": lambda: log_loss(y, p),
        "scikit-learn": lambda: sklearn.metrics.log_loss(y, p),
    }
    assert np.isclose(calls["skxent"](), calls["scikit-learn"](), rtol=1e-12)
    case = f"{shape(n, n_classes)}, {container}"
    compare(case, calls, at_least={"scikit-learn": asked})
