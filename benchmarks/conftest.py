"""Ratios against the peers: calls in turn, in one process, and their medians."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from reporting.record import OURS, Record

SIZES = {  # least rounds, most rounds, and the seconds in between
    "full": (3, 9, 2.0),
    "quick": (2, 5, 0.15),
}
ASKED = ("at_least", "at_most", "limit")
records: list[Record] = []


def pytest_addoption(parser):
    parser.addoption(
        "--size",
        choices=["full", "quick", "check"],
        default="full",
        help="as promised | small tables, few rounds | call once and measure nothing",
    )
    parser.addoption("--gb", type=float, help="size of the tables on disk")
    parser.addoption("--records", type=Path, help="write what is found to this file")


def pytest_configure(config):
    """Refuse to time in several processes at once."""
    timed = config.getoption("--size") != "check"
    if timed and config.getoption("numprocesses", None) and not config.option.help:
        raise pytest.UsageError(
            "Benchmarks must be timed in one process. Pass -n 0, or --size=check."
        )


@pytest.fixture
def size(request):
    """How much is measured: "full", "quick", or in a "check" nothing at all."""
    return request.config.getoption("--size")


@pytest.fixture
def leave_out(size):
    """Leave a case out of the quick run, which has two minutes for all of them."""

    def unless_full(reason):
        if size == "quick":
            pytest.skip(f"not in the quick run: {reason}")

    return unless_full


@pytest.fixture
def record(request, size):
    """Add what a case has found to the report."""

    def add(case, figures, *, table=None, **facts):
        if size == "check":
            return
        if size == "quick":  # of smaller tables, nothing was asked
            facts = {k: v for k, v in facts.items() if k not in ASKED}
        found = Record(
            benchmark=request.module.__name__.rpartition("bench_")[2],
            table=table or request.function.__doc__,
            case=case,
            threads=int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())),
            figures={name: float(value) for name, value in figures.items()},
            **facts,
        )
        records.append(found)
        if path := request.config.getoption("--records"):
            path.write_text(json.dumps([asdict(each) for each in records]))

    return add


@pytest.fixture
def compare(record, size):
    """Time calls in turn, so that what else the machine does meets all alike.

    What is short is called twice and timed once, with its own data in the caches; what
    takes a peer more than ten seconds is called once.
    """

    def run(case, calls, *, rounds=None, **facts):
        first = {name: seconds(call) for name, call in calls.items()}
        if size == "check":
            return
        least, most, enough = SIZES[size]
        least = min(least, rounds or least)
        most = rounds or most
        times = {
            name: [took] for name, took in first.items() if took > 10 and name != OURS
        }
        turns = {name: call for name, call in calls.items() if name not in times}
        times |= {name: [] for name in turns}
        start = time.perf_counter()
        while (done := len(times[OURS])) < least or (
            time.perf_counter() - start < (enough if done >= most else 5 * enough)
        ):
            for name, call in turns.items():
                if first[name] < 0.3:
                    call()
                times[name].append(seconds(call))
        noise = {name: error_of_median(times[name]) for name in calls}
        medians = {name: np.median(times[name]) for name in calls}
        record(case, medians, noise=noise, **facts)

    return run


def seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def error_of_median(times):
    """Its standard error, relative, from the quartiles as if times were normal."""
    low, middle, high = np.quantile(times, [0.25, 0.5, 0.75])
    return 1.2533 * (high - low) / 1.349 / np.sqrt(len(times)) / middle


def pytest_terminal_summary(terminalreporter):
    if not records:
        return
    import skxent

    config = skxent.show_config("dicts")
    terminalreporter.section("skxent's figure, and how many times that the others'")
    terminalreporter.write_line(
        f"skxent {config['version']}, {config['isa']} kernels, "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}; medians"
    )
    for each in records:
        terminalreporter.write_line(line(each))


def line(found):
    parts = [f"{name} {found.figures[name]:.4g} {found.unit}" for name in found.figures]
    if OURS in found.figures:
        parts[1:] = [f"{found.ratio(n):.3g}x {n}" for n in found.figures if n != OURS]
    parts += [f"{name}: {note}" for name, note in found.notes.items()]
    parts += [f"{value:.4g} {name}" for name, value in found.values.items()]
    missed = [name for name, *_, kept in found.verdicts() if not kept]
    if missed:
        parts.append(f"LESS THAN ASKED: {', '.join(missed)}")
    return f"{found.case:<28} {', '.join(parts)}"
