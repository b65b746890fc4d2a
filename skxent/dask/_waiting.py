"""Wait for tasks, and warn about a worker that dask has paused, perhaps for ever."""

from __future__ import annotations

from typing import Any
from warnings import warn

from dask.utils import format_bytes

# Workers are looked at every so many seconds. One is reported if it is stuck so often
# in succession: busy workers are paused for fractions of a second.
SECONDS, TIMES = 10.0, 3


def wait_for(client: Any, futures: list[Any], seconds: float = SECONDS) -> None:
    """Wait until all futures are finished or failed; warn of workers that are stuck."""
    from distributed import TimeoutError, wait

    stuck: dict[str, int] = {}
    while True:
        try:
            wait(futures, timeout=seconds)
            return
        except TimeoutError:
            workers = client.scheduler_info(n_workers=-1)["workers"]
        stuck = {at: stuck.get(at, 0) + 1 for at in workers if is_stuck(workers[at])}
        for at, times in stuck.items():
            if times == TIMES:
                used = format_bytes(workers[at]["metrics"]["memory"])
                limit = format_bytes(workers[at]["memory_limit"])
                warn(
                    f"Dask has paused worker {at} for {times * seconds:g} s: its "
                    f"process uses {used} of its limit of {limit} and runs no task, so "
                    "this call may never end. Use smaller partitions, or workers with "
                    "more memory.",
                    RuntimeWarning,
                    stacklevel=2,
                )


def is_stuck(worker: dict[str, Any]) -> bool:
    """Return True if a worker is paused and executes nothing."""
    counts = worker["metrics"].get("task_counts", {})
    return worker["status"] == "paused" and not counts.get("executing")
