"""How long a fit would take on a cluster that is not at hand: see docs/scaling.md.

    python -P benchmarks/simulate_scaling.py              # docs/tables/scaling.md
    python -P benchmarks/simulate_scaling.py --measure    # the figures of your machine

The latency of a task and the number of passes are those of the newest benchmark report.

A pass is simulated task by task: the client submits one task a group of rows; the
scheduler handles them one after the other; each worker takes its rows' time, spread as
measured; sums are added eight at a time, up a tree, and travel at the speed of the
network. Needs dask only to measure.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from reporting.record import load, newest

TABLE = Path(__file__).parents[1] / "docs" / "tables" / "scaling.md"

FAN = 8


@dataclass(frozen=True)
class Figures:
    """Measured with --measure on the two-core machine of the benchmark report."""

    seconds_per_number: float = 0.93e-9  # CPU time of a pass, one thread
    spread: float = 0.08  # of the logarithm of a task's time
    latency: float = 0.0127  # of a task, from the client and back
    seconds_per_task: float = 1.4e-3  # what one more task costs the scheduler
    bytes_per_task: float = 5e3  # of messages, besides coefficients and sums
    bandwidth: float = 1.25e9  # bytes a second of a 10 Gbit network: assumed
    memory_bandwidth: float = 20e9  # bytes a second of a worker: assumed


@dataclass(frozen=True)
class Fit:
    """The problem that is fitted, and the cluster."""

    rows: float = 1e10
    columns: int = 100
    itemsize: int = 8
    threads: int = 8  # of a worker
    passes: int = 12

    @property
    def sum_bytes(self) -> int:
        """The gradient, or the coefficients, of two classes."""
        return 8 * (self.columns + 1)


def seconds_of_a_pass(
    workers: int, fit: Fit, figures: Figures, rng: np.random.Generator
) -> dict[str, float]:
    """One pass with one task a worker, whose kernel uses all of its threads."""
    numbers = fit.rows * fit.columns / workers
    compute = max(
        numbers * figures.seconds_per_number / fit.threads,
        numbers * fit.itemsize / figures.memory_bandwidth,
    )
    # The client's link carries the coefficients once; workers pass them on.
    sent = fit.sum_bytes * np.log2(workers + 1) / figures.bandwidth
    begins = figures.latency / 2 + sent
    begins = begins + figures.seconds_per_task * np.arange(1, workers + 1)
    ends = begins + compute * np.exp(figures.spread * rng.normal(size=workers))
    done, tasks = ends, workers
    hop = figures.latency / 2 + FAN * fit.sum_bytes / figures.bandwidth
    while len(done) > FAN:
        groups = [done[i : i + FAN].max() for i in range(0, len(done), FAN)]
        done = np.array(groups) + hop
        tasks += len(done)
    total = done.max() + figures.latency / 2
    return {
        "seconds": total,
        "compute": compute,
        "straggling": ends.max() - begins[np.argmax(ends)] - compute,
        "scheduler_bytes": tasks * (figures.bytes_per_task + fit.sum_bytes),
    }


def reported() -> tuple[float, int]:
    """Return the latency and the passes of a focal fit in the newest report."""
    records = load(newest()).records
    (latency,) = (
        record.figures["skxent"]
        for record in records
        if record.benchmark == "dask" and record.case == "2 workers"
    )
    (passes,) = (
        record.values["passes"]
        for record in records
        if record.benchmark == "mapped" and record.case == "1e7 x 100, array"
        if "passes" in record.values
    )
    return latency, int(passes)


def inputs(fit: Fit, figures: Figures) -> list[str]:
    """Return the table of what the simulation starts from."""
    rows = [
        (
            "a number of X in a pass, one thread, float64",
            f"{figures.seconds_per_number * 1e9:.2g} ns",
            "`--measure`",
        ),
        ("spread of the times of equal tasks", f"{figures.spread:.0%}", "`--measure`"),
        (
            "a task from the client to a worker and back",
            f"{figures.latency * 1e3:.3g} ms",
            "`bench_dask.py`",
        ),
        (
            "client and scheduler, for one more task",
            f"{figures.seconds_per_task * 1e3:.2g} ms",
            "`--measure`",
        ),
        (
            "messages of one task",
            f"{figures.bytes_per_task / 1e3:.2g} kB",
            "assumed, near `bench_dask.py`",
        ),
        ("passes of a focal fit", f"{fit.passes}", "`bench_mapped.py`, 1e7 x 100"),
        ("network", f"{figures.bandwidth / 1e9:.3g} GB/s", "assumed"),
        ("memory of a worker", f"{figures.memory_bandwidth / 1e9:.3g} GB/s", "assumed"),
    ]
    lines = ["| figure | value | from |", "|---|---:|---|"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def table(fit: Fit, figures: Figures) -> list[str]:
    """Return the simulated times, a row for each number of workers."""
    rng = np.random.default_rng(0)
    lines = [
        "| workers | GB a worker | s a pass | of it compute | MB a pass | s a fit |"
    ]
    lines.append("|---:|---:|---:|---:|---:|---:|")
    for workers in (10, 30, 100, 300, 1000, 3000, 10_000):
        passes = [seconds_of_a_pass(workers, fit, figures, rng) for _ in range(50)]
        mean = {key: np.mean([one[key] for one in passes]) for key in passes[0]}
        share = mean["compute"] / mean["seconds"]
        size = fit.rows * fit.columns * fit.itemsize / workers / 1e9
        lines.append(
            f"| {workers} | {size:.3g} | {mean['seconds']:.3g} | {share:.0%} "
            f"| {mean['scheduler_bytes'] / 1e6:.2g} "
            f"| {mean['seconds'] * fit.passes:.3g} |"
        )
    return lines


def page() -> str:
    """Return both tables, as docs/scaling.md includes them."""
    latency, passes = reported()
    fit, figures = Fit(passes=passes), Figures(latency=latency)
    times = table(fit, figures)
    heading = f"Simulated, workers of {fit.threads} threads with a task each:"
    return "\n".join([*inputs(fit, figures), "", heading, "", *times, ""])


def measure() -> dict[str, float]:
    """The figures of this machine."""
    import dask.array as da
    from distributed import Client, LocalCluster

    from skxent.dask import CrossEntropyClassifier
    from skxent.inputs.targets import make_target
    from skxent.linear_model._data import LinearData
    from skxent.losses import CrossEntropy
    from skxent.optimize.rows import table_rows

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200_000, 100))
    y = (X[:, 0] > rng.normal(size=len(X))).astype(np.intp)
    target = make_target(y, len(X), 2)
    in_memory = table_rows(X, target, fit_intercept=True, n_threads=1)
    W, times = np.zeros(in_memory.shape), []
    for _ in range(30):
        begin = time.process_time()
        in_memory.value_gradient(CrossEntropy(), W)
        times.append(time.process_time() - begin)
    found = {
        "seconds_per_number": float(np.median(times)) / X.size,
        "spread": float(np.std(np.log(times))),
    }
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**settings) as cluster, Client(cluster):
        rows = da.from_array(X[:2560, :20], chunks=(1280, 20))
        model = CrossEntropyClassifier()
        labels = da.from_array(y[:2560], chunks=1280)
        spread, *_ = model._objective(LinearData(rows, labels))
        kept = spread.rows.parts
        W, seconds, processor = np.zeros(spread.shape), {}, {}
        for tasks in (2, 256):
            groups = kept.groups * (tasks // len(kept.groups))
            again = replace(spread.rows, parts=replace(kept, groups=groups))
            took, busy = [], time.process_time()
            for _ in range(15):
                begin = time.perf_counter()
                again.value_gradient(CrossEntropy(), W)
                took.append(time.perf_counter() - begin)
            seconds[tasks] = float(np.median(took))
            # Client and scheduler are in this process, the workers in their own.
            processor[tasks] = (time.process_time() - busy) / 15
    found["latency"] = seconds[2]
    found["seconds_per_task"] = (processor[256] - processor[2]) / 254
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(), indent=2))
    else:
        TABLE.write_text(page(), encoding="utf-8")
