"""Metrics of probabilities, compared with log_loss of the same table.

One thread. `log_loss` reads the table once and takes one logarithm a row.
"""

import tracemalloc

import numpy as np
import pytest

from reporting.record import shape
from skxent import explain, metrics

THREADS = 1
CALLS = {  # and how many times as long as log_loss a call may take
    "cross_entropy": (lambda y, t, p: metrics.cross_entropy(y, p), 3),
    "cross_entropy, soft": (lambda y, t, p: metrics.cross_entropy(t, p), 5),
    "focal_loss": (lambda y, t, p: metrics.focal_loss(y, p), 3),
    "focal_loss, soft": (lambda y, t, p: metrics.focal_loss(t, p), 5),
    "smoothed_log_loss": (lambda y, t, p: metrics.smoothed_log_loss(y, p), 3),
    "entropy": (lambda y, t, p: metrics.entropy(p), 3),
    "kl_divergence": (lambda y, t, p: metrics.kl_divergence(t, p), 5),
    "calibration error": (
        lambda y, t, p: metrics.expected_calibration_error(y, p),
        5,
    ),
    "classwise calibration error": (
        lambda y, t, p: metrics.expected_calibration_error(y, p, classwise=True),
        5,
    ),
    "d2_loss_score": (lambda y, t, p: metrics.d2_loss_score("cross_entropy", y, p), 5),
    "soft_fbeta_loss": (lambda y, t, p: metrics.soft_fbeta_loss(y, p), 5),
    "tversky_loss": (lambda y, t, p: metrics.tversky_loss(y, p), 5),
    "unified_focal_loss": (lambda y, t, p: metrics.unified_focal_loss(y, p), 5),
}
SHAPES = [(200_000, 3), (1_000_000, 10)]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda s: shape(*s))
def data(request):
    n, n_classes = request.param
    n = n if request.config.getoption("--size") == "full" else n // 10
    rng = np.random.default_rng(0)
    p, soft = (rng.dirichlet(np.ones(n_classes), n) for _ in range(2))
    return rng.integers(0, n_classes, n), soft, p


@pytest.mark.parametrize("name", CALLS)
def test_time(compare, data, name):
    """Metrics of probabilities, 3 and 10 classes"""
    call, times = CALLS[name]
    compare(
        f"{name}, {shape(*data[2].shape)}",
        {
            "skxent": lambda: call(*data),
            "log_loss": lambda: metrics.log_loss(data[0], data[2]),
        },
        at_least={"log_loss": 1 / times},
    )


@pytest.mark.parametrize("answers", ["bool", "float64", "soft"])
def test_multilabel(compare, data, answers):
    """Multilabel log loss"""
    y = data[1] if answers == "soft" else (data[1] > 0.2).astype(answers)
    p, room = data[2], np.empty_like(data[2])
    compare(
        f"{shape(*p.shape)}, {answers}",
        {
            "skxent": lambda: metrics.multilabel_log_loss(y, p),
            "log_loss": lambda: metrics.log_loss(data[0], p),
            "np.log": lambda: np.log(p, out=room),
        },
        at_least={"log_loss": 0.2},
    )


@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("name", ["decompose_loss", "explain"])
def test_sources_of_the_loss(compare, size, name, n_classes):
    """Where a loss comes from: recalibrated by order, or by a scale of each class"""
    n = 1_000_000 if size == "full" else 100_000
    rng = np.random.default_rng(0)
    p, y = rng.dirichlet(np.ones(n_classes), n), rng.integers(0, n_classes, n)
    call = explain if name == "explain" else metrics.decompose_loss
    room = np.empty_like(p)
    compare(
        f"{name}, {shape(n, n_classes)}",
        {
            "skxent": lambda: call(y, p),
            "log_loss": lambda: metrics.log_loss(y, p),
            # The least that a recalibration needs: an order, or a softmax of all rows.
            "np.argsort": lambda: np.argsort(p[:, 1], kind="stable"),
            "np.exp and np.log alone": lambda: np.exp(np.log(p, out=room), out=room),
        },
        at_least={"log_loss": 0.2},
        rounds=5,
    )


def test_rank_label_issues(compare, data):
    """rank_label_issues, and the stable order of its numbers"""
    y, p = data[0], data[2]
    confidence = p[np.arange(len(p)), y]
    compare(
        shape(*p.shape),
        {
            "skxent": lambda: metrics.rank_label_issues(y, p),
            "log_loss": lambda: metrics.log_loss(y, p),
            "np.argsort": lambda: np.argsort(confidence, kind="stable"),
        },
        at_least={"np.argsort": 1.0, "log_loss": 0.2},
    )


@pytest.mark.parametrize("name", CALLS)
def test_memory(record, data, name):
    """Peak memory of metrics beyond their arguments"""
    tracemalloc.start()
    CALLS[name][0](*data)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    record(f"{name}, {shape(*data[2].shape)}", {"skxent": peak}, unit="MB", limit=1.0)
