"""log_loss beside sklearn.metrics.log_loss; the floor is the sum of the table."""

import numpy as np
import pytest
import sklearn.metrics

from skxent.metrics import log_loss

SHAPES = [(1_000, 2), (100_000, 2), (1_000_000, 2), (1_000_000, 10), (100_000, 100)]
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
def test_log_loss(compare, table, n, n_classes, labels):
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
    compare(f"log_loss {n:.0e}x{n_classes} {labels}", calls)
