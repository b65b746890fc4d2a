"""Ratios against the peers, printed after the run, from one process and one run."""

from __future__ import annotations

import os
from collections import defaultdict

import pytest

OURS = "skxent"
medians: dict[str, dict[str, float]] = defaultdict(dict)


@pytest.fixture
def measure(benchmark):
    """Time a call of one library on one case."""

    def run(case, library, call):
        benchmark.group = case
        benchmark(call)
        # A --benchmark-disable run has no statistics.
        if benchmark.stats is not None:
            medians[case][library] = benchmark.stats.stats.median

    return run


def pytest_terminal_summary(terminalreporter):
    cases = {case: times for case, times in medians.items() if OURS in times}
    if not cases:
        return
    import skxent

    config = skxent.show_config("dicts")
    terminalreporter.section("how many times faster than the peer (medians)")
    terminalreporter.write_line(
        f"skxent {config['version']} with {config['isa']} kernels, "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}, "
        f"{config['threads']} threads for skxent"
    )
    for case, times in cases.items():
        ours = times.pop(OURS)
        peers = ", ".join(
            f"{seconds / ours:6.1f}x  {library} ({1e3 * seconds:.3g} ms)"
            for library, seconds in times.items()
        )
        terminalreporter.write_line(f"{case:<44} {1e3 * ours:9.4g} ms  {peers}")
