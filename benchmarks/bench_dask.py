"""Dask: the overhead of a fit, and the bytes that a pass sends through the scheduler.

Two workers with one thread each. The floor is the fit in memory on two threads.
benchmarks/simulate_scaling.py starts from the latency and the bytes of a pass.
"""

import time
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from reporting.record import shape
from skxent import CrossEntropyClassifier, FocalLogisticRegression

da = pytest.importorskip("dask.array", reason="pip install '.[dask]'")
distributed = pytest.importorskip("distributed", reason="pip install '.[dask]'")

THREADS = 2
PARTITIONS, COLUMNS = 50, 20


def rows(n):
    """Dask arrays, made on the workers."""
    X = da.random.default_rng(0).normal(
        size=(PARTITIONS * n, COLUMNS), chunks=(n, COLUMNS)
    )
    noise = da.random.default_rng(1).logistic(size=PARTITIONS * n, chunks=n)
    return X, (X @ np.linspace(-1, 1, COLUMNS) > noise).astype(np.intp)


def loopback_bytes():
    """The bytes through the loopback device so far, of other processes as well."""
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[0])


@pytest.fixture(scope="module")
def cluster():
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster):
        yield


@pytest.mark.parametrize("kind", [CrossEntropyClassifier, FocalLogisticRegression])
def test_a_fit(cluster, compare, size, kind):
    """A fit on two workers, compared with the fit in memory on two threads"""
    import skxent.dask

    n = {"full": 100_000, "quick": 10_000, "check": 1000}[size]
    lazy = da.compute(*rows(n)) if size == "check" else None
    data = [column.persist() for column in rows(n)]
    distributed.wait(data)
    X, y = lazy or da.compute(*data)
    here, there = kind(n_jobs=2), getattr(skxent.dask, kind.__name__)()
    np.testing.assert_allclose(there.fit(*data).coef_, here.fit(X, y).coef_, atol=1e-8)
    compare(
        f"{shape(*X.shape)} in {PARTITIONS} partitions, {kind.__name__}",
        {"skxent": lambda: there.fit(*data), "in memory": lambda: here.fit(X, y)},
        rounds=3,
        floor="in memory",
        at_least={"in memory": 1 / 1.5},
    )


@pytest.mark.skipif(
    not Path("/proc/net/dev").exists(), reason="no /proc to count the bytes"
)
def test_a_pass(cluster, record, size):
    """A pass over very few rows: the overhead alone"""
    from skxent.dask import CrossEntropyClassifier
    from skxent.linear_model._data import LinearData

    model = CrossEntropyClassifier()
    objective, *_ = model._objective(LinearData(*rows(20)))
    W = np.zeros(objective.shape)
    objective.value_gradient(W)
    before, times = loopback_bytes(), []
    for _ in range({"full": 100, "quick": 30, "check": 1}[size]):
        begin = time.perf_counter()
        objective.value_gradient(W)
        times.append(time.perf_counter() - begin)
    moved = (loopback_bytes() - before) / len(times)
    record(
        "2 workers",
        {"skxent": median(times)},
        values={"kB through the scheduler": moved / 1e3},
    )
