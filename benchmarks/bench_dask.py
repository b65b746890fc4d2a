"""What dask adds to a fit and moves in a pass, and a fit to a table larger than memory.

    pytest benchmarks/bench_dask.py                     5e6 x 20 in 50 partitions
    pytest benchmarks/bench_dask.py -k mapped --gb 8    a memory-mapped table of 8 GB

Run without OMP_NUM_THREADS, so that the fit in memory has the cores of the workers.
"""

import os
import subprocess
import sys
import time
from statistics import median

import numpy as np
import pytest

from skxent import FocalLogisticRegression

da = pytest.importorskip("dask.array", reason="pip install 'skxent[dask]'")
distributed = pytest.importorskip("distributed", reason="pip install 'skxent[dask]'")

PARTITIONS, COLUMNS = 50, 20


def rows_of(seed, n):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, COLUMNS))
    return X, (X @ np.linspace(-1, 1, COLUMNS) > rng.logistic(size=n)).astype(np.intp)


def bytes_of_scheduler(client):
    """What the scheduler has sent and got so far."""

    def count(dask_scheduler):
        total = 0
        for comm in dask_scheduler.stream_comms.values():
            total += comm.comm.bytes_written if hasattr(comm.comm, "bytes_written") else 0
        return total

    return client.run_on_scheduler(count)


def test_overhead(report, quick):
    """The same cores: two threads in memory, two workers of one thread each."""
    from skxent.dask import FocalLogisticRegression as DaskFocal

    n = 1000 if quick else 100_000
    blocks = [rows_of(seed, n) for seed in range(PARTITIONS)]
    X = np.concatenate([X for X, _ in blocks])
    y = np.concatenate([y for _, y in blocks])
    del blocks
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster):
        delayed = [dask_rows(seed, n) for seed in range(PARTITIONS)]
        dX = da.concatenate(
            [da.from_delayed(X, (n, COLUMNS), np.float64) for X, _ in delayed]
        ).persist()
        dy = da.concatenate(
            [da.from_delayed(y, (n,), np.intp) for _, y in delayed]
        ).persist()
        distributed.wait([dX, dy])
        here, there = FocalLogisticRegression(n_jobs=2), DaskFocal()
        times = {"memory": [], "dask": []}
        for _ in range(1 if quick else 7):
            for name, fit in (
                ("memory", lambda: here.fit(X, y)),
                ("dask", lambda: there.fit(dX, dy)),
            ):
                begin = time.perf_counter()
                fit()
                times[name].append(time.perf_counter() - begin)
        assert np.abs(here.coef_ - there.coef_).max() < 1e-8
        del dX, dy, delayed
    memory, dask = median(times["memory"]), median(times["dask"])
    if not quick:
        report(
            f"fit {n * PARTITIONS:.0e} x {COLUMNS} in {PARTITIONS} partitions: "
            f"{dask:.2f} s, {dask / memory:.2f}x the {memory:.2f} s in memory, "
            f"{there.n_iter_[0]} iterations"
        )
