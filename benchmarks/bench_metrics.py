"""Metrics of probabilities, compared with log_loss of the same table.

One thread. `log_loss` reads the table once and takes one logarithm a row.
"""

import tracemalloc

import numpy as np
import pytest

from reporting.record import shape
from skxent import metrics

THREADS = 1
CALLS = {  # and how many times as long as log_loss a call may take
    "cross_entropy": (lambda y, t, p: metrics.cross_entropy(y, p), 3),
    "cross_entropy, soft": (lambda y, t, p: metrics.cross_entropy(t, p), 5),
    "focal_loss": (lambda y, t, p: metrics.focal_loss(y, p), 3),
    "smoothed_log_loss": (lambda y, t, p: metrics.smoothed_log_loss(y, p), 3),
    "entropy": (lambda y, t, p: metrics.entropy(p), 3),
    "kl_divergence": (lambda y, t, p: metrics.kl_divergence(t, p), 5),
    "calibration error": (
        lambda y, t, p: metrics.expected_calibration_error(y, p),
        5,
    ),
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    p, soft = (rng.dirichlet(np.ones(3), 200_000) for _ in range(2))
    return rng.integers(0, 3, len(p)), soft, p


@pytest.mark.parametrize("name", CALLS)
def test_time(compare, data, name, size):
    """Metrics of probabilities, 3 classes"""
    y, soft, p = (a if size == "full" else a[:20_000] for a in data)
    call, times = CALLS[name]
    compare(
        f"{name}, {shape(*p.shape)}",
        {
            "skxent": lambda: call(y, soft, p),
            "log_loss": lambda: metrics.log_loss(y, p),
        },
        at_least={"log_loss": 1 / times},
    )


@pytest.mark.parametrize("name", CALLS)
def test_memory(record, data, name):
    """Peak memory of metrics beyond their arguments"""
    tracemalloc.start()
    CALLS[name][0](*data)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    record(f"{name}, {shape(*data[2].shape)}", {"skxent": peak}, unit="MB", limit=1.0)
