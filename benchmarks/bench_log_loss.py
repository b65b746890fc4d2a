"""log_loss compared with sklearn.metrics.log_loss.

One thread, from probabilities and labels. The floor is the sum of the table.
"""

import numpy as np
import pytest
import sklearn.metrics

from reporting.record import shape
from skxent.metrics import log_loss

THREADS = 1
SHAPES = [(1_000, 2), (100_000, 2), (1_000_000, 2), (1_000_000, 10), (100_000, 100)]
ASKED = {  # times faster than scikit-learn
    ("1e3 x 2", "integers"): 60.0,
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
