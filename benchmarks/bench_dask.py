"""What dask adds to a fit, and what a pass moves through the scheduler.

    pytest benchmarks/bench_dask.py

5e6 x 20 in 50 partitions on two workers of one thread, beside the fit in memory on two
threads. Latency and bytes are for benchmarks/simulate_scaling.py.
"""

import time
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from skxent import CrossEntropyClassifier, FocalLogisticRegression

da = pytest.importorskip("dask.array", reason="pip install 'skxent[dask]'")
distributed = pytest.importorskip("distributed", reason="pip install 'skxent[dask]'")

PARTITIONS, COLUMNS = 50, 20


def rows(n):
    """Dask arrays, made on the workers."""
    X = da.random.default_rng(0).normal(
        size=(PARTITIONS * n, COLUMNS), chunks=(n, COLUMNS)
    )
    noise = da.random.default_rng(1).logistic(size=PARTITIONS * n, chunks=n)
    return X, (X @ np.linspace(-1, 1, COLUMNS) > noise).astype(np.intp)


def loopback_bytes():
    """What has gone through the loopback device so far; other processes' as well."""
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[0])


def seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


@pytest.fixture(scope="module")
def cluster():
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster):
        yield


@pytest.mark.parametrize("kind", [CrossEntropyClassifier, FocalLogisticRegression])
def test_a_fit(cluster, report, quick, kind):
    import skxent.dask

    n = 1000 if quick else 100_000
    lazy = da.compute(*rows(n)) if quick else None
    data = [column.persist() for column in rows(n)]
    distributed.wait(data)
    X, y = lazy or da.compute(*data)
    here, there = kind(n_jobs=2), getattr(skxent.dask, kind.__name__)()
    memory, dask = [], []
    for _ in range(1 if quick else 9):
        memory.append(seconds(lambda: here.fit(X, y)))
        dask.append(seconds(lambda: there.fit(*data)))
    np.testing.assert_allclose(there.coef_, here.coef_, atol=1e-8)
    if not quick:
        ratio = median(b / a for a, b in zip(memory, dask, strict=True))
        report(
            f"{kind.__name__} {PARTITIONS * n:.0e} x {COLUMNS} in {PARTITIONS} "
            f"partitions: {median(dask):.2f} s, {ratio:.2f}x the {median(memory):.2f} "
            f"s in memory (quickest {min(dask) / min(memory):.2f}x)"
        )


@pytest.mark.skipif(
    not Path("/proc/net/dev").exists(), reason="no /proc to count the bytes"
)
def test_a_pass(cluster, report, quick):
    """Latency and bytes of a pass over so few rows that nothing else takes time."""
    from skxent.dask import CrossEntropyClassifier

    model = CrossEntropyClassifier()
    objective, *_ = model._objective(*rows(20), None)
    W = np.zeros(objective.shape)
    objective.value_gradient(W)
    repeats = 1 if quick else 100
    before = loopback_bytes()
    time_of_a_pass = median(
        seconds(lambda: objective.value_gradient(W)) for _ in range(repeats)
    )
    moved = (loopback_bytes() - before) / repeats
    if not quick:
        report(
            f"a pass over next to nothing: {1e3 * time_of_a_pass:.1f} ms, "
            f"{moved / 1e3:.1f} kB through the scheduler for 2 workers"
        )
