"""Blocks kept on dask's workers, and sums of what is done there.

A pass is one task for each thread of each worker, not one for each partition, and a
tree that adds what they answer. Where a worker has no memory for its rows a pass is
more tasks, each of rows that dask can spill to disk apart from the others. What a lost
worker kept is made anew by the scheduler.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from dask.base import get_scheduler
from dask.sizeof import sizeof

from skxent.dask._each_block import Blocks
from skxent.dask._own_tasks import with_own_tasks
from skxent.optimize.blocks import Here, Store, add

# So many answers are added by one task, or by the client.
FAN = 8

# Bytes of arguments above which they are sent once and passed on among the workers.
LARGE = 1 << 17

# Share of a worker's memory up to which its rows stay in memory: dask begins to spill
# at 0.6. Beyond, each of its threads works on this share of it at a time.
RESIDENT = 0.5
SPILLED = 1 / 64


def current_client() -> Any:
    """The distributed client that dask would use now; None for a local scheduler."""
    client = getattr(get_scheduler(), "__self__", None)
    return client if hasattr(client, "who_has") else None


def stored(blocks: Blocks) -> Store:
    """The blocks computed, and kept where they are; what is None is left out."""
    client = current_client()
    if client is None:
        return Here(blocks.together(present).compute())
    return Workers.of(client, blocks)


@contextmanager
def outside_of_task() -> Iterator[None]:
    """Give the thread of the task that this may be in to the tasks of the fit.

    Otherwise they would wait for the task, and the task for them.
    """
    worker = sys.modules.get("distributed.worker")
    if worker is None or not hasattr(worker.thread_state, "start_time"):
        yield
        return
    from distributed import worker_client

    with worker_client():
        yield


def present(blocks: Iterable[Any]) -> list[Any]:
    return [block for block in blocks if block is not None]


def runs(items: Sequence[Any], sizes: Sequence[int], most: float) -> list[list[Any]]:
    """Return the items in runs that have about this size, or are of one item."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    end = 0.0
    for item, size in zip(items, sizes, strict=True):
        # An item belongs to where its middle lies.
        found[int((end + size / 2) / most) if most else 0].append(item)
        end += size
    return list(found.values())


class Spillable(list[Any]):
    """Rows for which there is no room: they count twice.

    While dask reads rows back from the disk they are in memory twice. If they counted
    once, workers of little memory would exceed it and be restarted.
    """


def size_of_spillable(rows: Spillable) -> int:
    return 2 * sum(map(sizeof, rows))


sizeof.register(Spillable, size_of_spillable)


def spillable(blocks: Any, function: Callable[..., Any], *arguments: Any) -> Spillable:
    return Spillable(function(blocks, *arguments))


def unchanged(*arguments: Any) -> Any:
    return arguments


def applied(function: Callable[..., Any], blocks: Any, arguments: Any) -> Any:
    return function(blocks, *arguments)


def mapped(
    client: Any, function: Callable[..., Any], *columns: Sequence[Any], name: str = ""
) -> list[Any]:
    """Futures of the function of each place in the columns.

    Each call is a task group of its own. In one that grows from pass to pass dask comes
    to see the roots of a graph, which it places without regard to where the rows are:
    whole tables travelled between the workers from the third pass on.
    """
    group = f"{name or function.__name__}-{uuid4().hex}"
    keys = [(group, place) for place in range(len(columns[0]))]
    futures: list[Any] = client.map(function, *columns, key=keys, pure=False)
    return futures


class Workers:
    """Lists of blocks, each a future on a worker of a distributed cluster.

    spills : is there a worker without room for its rows?
    """

    def __init__(self, client: Any, groups: list[Any], spills: bool) -> None:
        self.client, self.groups, self.spills = client, groups, spills

    @classmethod
    def of(cls, client: Any, blocks: Blocks) -> Workers:
        """Blocks computed where dask likes, and grouped by where they then are."""
        from distributed import wait

        keys, graph = with_own_tasks(blocks.keys, blocks.graph)
        futures = client.get(graph, keys, sync=False)
        wait(futures)
        for future in futures:
            if future.status == "error":
                future.result()  # raises what the block raised
        keys = [future.key for future in futures]
        where, sizes = client.who_has(futures), client.nbytes(keys, summary=False)
        workers = client.scheduler_info(n_workers=-1)["workers"]
        at: defaultdict[str, list[Any]] = defaultdict(list)
        for future in futures:
            at[min(where.get(future.key) or [""])].append(future)
        groups: list[list[Any]] = []
        spills = False
        for address, held in sorted(at.items()):
            about = workers.get(address, {})
            threads, memory = about.get("nthreads", 1), about.get("memory_limit")
            weights = [sizes.get(future.key, 0) for future in held]
            most = sum(weights) / threads
            if memory and sum(weights) > RESIDENT * memory:
                most, spills = SPILLED * memory / threads, True
            groups.extend(runs(held, weights, most))
        return cls(client, groups, spills).map(present)

    def map(self, function: Callable[..., Any], *args: Any) -> Workers:
        if self.spills:
            function, args = spillable, (function, *args)
        return Workers(self.client, self._submit(function, args), self.spills)

    def sum(self, function: Callable[..., Any], *args: Any) -> Any:
        answers = self._submit(function, args)
        while len(answers) > FAN:
            some = [answers[i : i + FAN] for i in range(0, len(answers), FAN)]
            answers = mapped(self.client, add, some)
        return add(self.client.gather(answers))

    def _submit(self, function: Callable[..., Any], args: tuple[Any, ...]) -> list[Any]:
        message, n = args, len(self.groups)
        if sizeof(args) > LARGE:
            message = self.client.submit(unchanged, *args, pure=False)
        tasks = [function] * n, self.groups, [message] * n
        return mapped(self.client, applied, *tasks, name=function.__name__)
