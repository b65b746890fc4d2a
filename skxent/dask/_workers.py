"""Blocks kept on dask's workers, and sums of a function over them.

A pass is one task for each thread of each worker, not one for each partition, and a
tree of additions. If a worker has no memory for its rows, a pass reads them from their
source. If it cannot, a pass is more tasks, each of rows that dask can spill to disk
separately. The scheduler recomputes the blocks of a worker that is lost.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any
from uuid import uuid4

from dask._task_spec import List, Task
from dask.base import get_scheduler
from dask.sizeof import sizeof

from skxent.dask._each_block import Blocks
from skxent.dask._own_tasks import with_own_tasks
from skxent.dask._sources import Source, each_if_room
from skxent.dask._waiting import wait_for
from skxent.optimize.rows.stores import BlockStore, LocalBlocks, add


@dataclass(frozen=True)
class ClusterLimits:
    """When work on a cluster is split.

    resident : share of a worker's memory up to which its rows stay in memory; dask
        begins to spill at 0.6
    spilled : share on which each thread works at a time, if there are more rows
    broadcast_bytes : arguments of more bytes are sent to one worker and passed on
    sums_per_task : one task, or the client, adds up to so many sums
    recipe : a block is read in every pass only if the task that reads it has at most
        this share of its bytes
    """

    resident: float = 0.5
    spilled: float = 1 / 64
    broadcast_bytes: int = 1 << 17
    sums_per_task: int = 8
    recipe: float = 0.25


def current_client() -> Any:
    """Return the distributed client that dask uses now, or None if it uses none."""
    client = getattr(get_scheduler(), "__self__", None)
    return client if hasattr(client, "who_has") else None


def stored(blocks: Blocks, limits: ClusterLimits) -> BlockStore:
    """Compute the blocks and keep them where they are, without those that are None."""
    client = current_client()
    if client is None:
        return LocalBlocks(blocks.apply_to_all(present).compute())
    return Workers.of(client, blocks, limits)


@contextmanager
def outside_of_task() -> Iterator[None]:
    """Let the tasks of a fit use the thread of the task that it may run in.

    Otherwise the tasks would wait for that thread, and the fit for the tasks.
    """
    worker = sys.modules.get("distributed.worker")
    if worker is None or not hasattr(worker.thread_state, "start_time"):
        yield
        return
    from distributed import worker_client

    with worker_client():
        yield


def present(blocks: Iterable[Any]) -> list[Any]:
    """Return the blocks that have rows."""
    return [block for block in blocks if block is not None]


def runs(items: Sequence[Any], sizes: Sequence[int], limit: float) -> list[list[Any]]:
    """Return consecutive items in runs of about this size, or of one larger item."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    end = 0.0
    for item, size in zip(items, sizes, strict=True):
        # The middle of an item decides to which run it belongs.
        found[int((end + size / 2) / limit) if limit else 0].append(item)
        end += size
    return list(found.values())


class Spillable(list[Any]):
    """Rows that dask may spill to disk, which report twice their size.

    While dask reads rows back from the disk they are in memory twice. With their true
    size, workers of little memory would exceed it and be restarted.
    """


def size_of_spillable(rows: Spillable) -> int:
    """Return the bytes that the rows need while dask reads them back."""
    return 2 * sum(map(sizeof, rows))


sizeof.register(Spillable, size_of_spillable)


def spillable(blocks: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return function(blocks, *arguments), as rows that dask may spill if it keeps any.

    What is not a list reads its rows in every pass.
    """
    rows = function(blocks, *arguments)
    return Spillable(rows) if isinstance(rows, list) else rows


def pack(*arguments: Any) -> Any:
    """Return the arguments as one value."""
    return arguments


def call(function: Callable[..., Any], blocks: Any, arguments: Any) -> Any:
    """Return function(blocks, *arguments)."""
    return function(blocks, *arguments)


def submit_each(
    client: Any, function: Callable[..., Any], *columns: Sequence[Any], name: str = ""
) -> list[Any]:
    """Return futures of the function of each row of the columns.

    Each call is a task group of its own. If a group grew from pass to pass, dask would
    take its tasks for the roots of a graph and place them without regard to where the
    rows are: whole tables travelled between the workers from the third pass on.
    """
    group = f"{name or function.__name__}-{uuid4().hex}"
    keys = [(group, place) for place in range(len(columns[0]))]
    futures: list[Any] = client.map(function, *columns, key=keys, pure=False)
    return futures


def compute(client: Any, graph: dict[Any, Any], keys: list[Any]) -> list[Any]:
    """Return the finished futures of these keys; raise the first error of a block."""
    futures: list[Any] = client.get(graph, keys, sync=False)
    wait_for(client, futures)
    for future in futures:
        if future.status == "error":
            future.result()
    return futures


def compute_groups(
    client: Any, graph: dict[Any, Any], groups: list[list[Any]]
) -> list[Any]:
    """Return a future for each group of keys: the list of its blocks."""
    name = f"blocks-{uuid4().hex}"
    tasks = {
        (name, place): Task((name, place), present, List(*map(graph.get, group)))
        for place, group in enumerate(groups)
    }
    grouped_keys = {key for group in groups for key in group}
    others = {key: graph[key] for key in graph.keys() - grouped_keys}
    return compute(client, {**others, **tasks}, list(tasks))


def inputs_on_workers(
    client: Any, graph: dict[Any, Any], keys: list[Any]
) -> list[list[Any]] | None:
    """Return, for each key, the futures of the persisted data that its task needs.

    Return None if a task needs no such data, or if some of it could not be computed.
    """
    from distributed import Future, wait

    needed = [graph[key].dependencies - graph.keys() for key in keys]
    if not all(needed):
        return None
    futures = {key: Future(key, client) for key in set().union(*needed)}
    wait([future for future in futures.values() if future.status == "pending"])
    if any(future.status != "finished" for future in futures.values()):
        return None
    return [[futures[key] for key in of_task] for of_task in needed]


def group_by_worker(
    client: Any, items: Sequence[Any], inputs: list[list[Any]], limits: ClusterLimits
) -> tuple[list[list[Any]], bool]:
    """Return a group of items for each thread of the worker that holds their inputs.

    If the inputs need more than the resident share of a worker's memory, its groups are
    smaller and the second value is True.
    """
    every = [future for futures in inputs for future in futures]
    where = client.who_has(every)
    sizes = client.nbytes([future.key for future in every], summary=False)
    workers = client.scheduler_info(n_workers=-1)["workers"]
    at: defaultdict[str, list[tuple[Any, int]]] = defaultdict(list)
    for item, futures in zip(items, inputs, strict=True):
        largest = max(futures, key=lambda future: sizes.get(future.key, 0))
        size = sum(sizes.get(future.key, 0) for future in futures)
        at[min(where.get(largest.key) or [""])].append((item, size))
    groups: list[list[Any]] = []
    spills = False
    for address, held in sorted(at.items(), key=lambda pair: pair[0]):
        facts = workers.get(address, {})
        threads, memory = facts.get("nthreads", 1), facts.get("memory_limit")
        members, weights = zip(*held, strict=True)
        limit = sum(weights) / threads
        if memory and sum(weights) > limits.resident * memory:
            limit, spills = limits.spilled * memory / threads, True
        groups.extend(runs(members, weights, limit))
    return groups, spills


@dataclass(frozen=True)
class Workers:
    """Lists of blocks, each a future on a worker of a distributed cluster.

    spills : does a worker lack room for its rows?
    """

    client: Any
    groups: list[Any]
    spills: bool
    limits: ClusterLimits

    @classmethod
    def of(cls, client: Any, blocks: Blocks, limits: ClusterLimits) -> Workers:
        """Compute the blocks, and group them by the worker that then holds them."""
        keys, graph = with_own_tasks(blocks.keys, blocks.graph)
        inputs = inputs_on_workers(client, graph, keys)
        if inputs is not None:
            # One task for a group costs far less than one for each small partition. It
            # holds its inputs and its blocks at once, and dask can spill neither.
            half = replace(limits, resident=limits.resident / 2)
            groups, too_large = group_by_worker(client, keys, inputs, half)
            if not too_large:
                futures = compute_groups(client, graph, groups)
                return cls(client, futures, False, limits)
        else:
            graph = each_if_room(keys, graph, limits.resident, limits.recipe)
        futures = compute(client, graph, keys)
        sources = [future for future in futures if future.type is Source]
        kept = [future for future in futures if future.type is not Source]
        alone = [[future] for future in kept]
        groups, spills = group_by_worker(client, kept, alone, limits)
        # Sources are small and can be read anywhere: every thread gets its share.
        threads = sum(client.nthreads().values())
        shares = [sources[thread::threads] for thread in range(threads)]
        if spills:
            groups += shares
        else:
            pairs: Any = zip_longest(groups, shares, fillvalue=[])
            groups = [[*group, *share] for group, share in pairs]
        groups = list(filter(None, groups))
        return cls(client, groups, spills, limits).map(present)

    def map(self, function: Callable[..., Any], *args: Any) -> Workers:
        """Keep function(blocks, *args) in place of each list of blocks."""
        if self.spills:
            function, args = spillable, (function, *args)
        return replace(self, groups=self._submit(function, args))

    def sum(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return Σ of function(blocks, *args) over all lists of blocks."""
        sums = self._submit(function, args)
        most = self.limits.sums_per_task
        while len(sums) > most:
            some = [sums[i : i + most] for i in range(0, len(sums), most)]
            sums = submit_each(self.client, add, some)
        wait_for(self.client, sums)
        return add(self.client.gather(sums))

    def _submit(self, function: Callable[..., Any], args: tuple[Any, ...]) -> list[Any]:
        packed, n = args, len(self.groups)
        if sizeof(args) > self.limits.broadcast_bytes:
            packed = self.client.submit(pack, *args, pure=False)
        columns = [function] * n, self.groups, [packed] * n
        return submit_each(self.client, call, *columns, name=function.__name__)
