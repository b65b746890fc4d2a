"""Ratios against the peers: calls in turn, in one process, and their medians."""

from __future__ import annotations

import os
import time
from statistics import median

import pytest

OURS = "skxent"
lines: list[str] = []


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="call once, measure nothing")
    parser.addoption("--gb", type=float, default=1.0, help="size of tables on disk")


@pytest.fixture
def compare(request):
    """Time calls in turn, so that what else the machine does meets all alike.

    Each is called twice and timed once, with its own data in the caches.
    """

    def run(case, calls, seconds=2.0, rounds=9):
        for call in calls.values():
            call()
        if request.config.getoption("--quick"):
            return
        times = {name: [] for name in calls}
        start = time.perf_counter()
        while len(times[OURS]) < rounds or time.perf_counter() - start < seconds:
            for name, call in calls.items():
                call()
                before = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - before)
        medians = {name: median(values) for name, values in times.items()}
        ours = medians.pop(OURS)
        peers = ", ".join(
            f"{value / ours:.3g}x {name} ({1e3 * value:.3g} ms)"
            for name, value in medians.items()
        )
        lines.append(f"{case:<34} {1e3 * ours:8.4g} ms  {peers}")

    return run


@pytest.fixture
def quick(request):
    """Is nothing measured?"""
    return request.config.getoption("--quick")


@pytest.fixture
def report():
    """Add a line to the table."""
    return lines.append


def pytest_terminal_summary(terminalreporter):
    if not lines:
        return
    import skxent

    config = skxent.show_config("dicts")
    terminalreporter.section("skxent's time, and how many times that the others took")
    terminalreporter.write_line(
        f"skxent {config['version']}, {config['isa']} kernels, "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}; medians"
    )
    for line in lines:
        terminalreporter.write_line(line)
