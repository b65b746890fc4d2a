"""Blocks kept on dask's workers, and sums of a function over them.

A pass is one task for each thread of each worker, not one for each partition, and a
tree of additions. If a worker has no memory for its rows, a pass reads them from their
source. If it cannot, a pass is more tasks, each of rows that dask can spill to disk
separately. The scheduler recomputes the blocks of a worker that is lost.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any
from uuid import uuid4

from dask.base import get_scheduler
from dask.sizeof import sizeof

from skxent.dask._each_block import Blocks
from skxent.dask._groups import (
    ClusterLimits,
    compute,
    compute_groups,
    group_by_worker,
    groups_of_small,
    inputs_on_workers,
    present,
)
from skxent.dask._own_tasks import with_own_tasks
from skxent.dask._sources import Source, each_if_room
from skxent.dask._waiting import wait_for
from skxent.optimize.rows.stores import BlockStore, LocalBlocks, add


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
        small = inputs is None and groups_of_small(client, keys, blocks.nbytes, limits)
        if inputs is not None:
            # A task holds its inputs and blocks at once, and dask can spill neither.
            half = replace(limits, resident=limits.resident / 2)
            groups, too_large = group_by_worker(client, keys, inputs, half)
            if not too_large:
                futures = compute_groups(client, graph, groups)
                return cls(client, futures, False, limits)
        elif not small:
            graph = each_if_room(keys, graph, limits.resident, limits.recipe)
        if small:
            futures = compute_groups(client, graph, small)
        else:
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
