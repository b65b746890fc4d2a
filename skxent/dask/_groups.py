"""Groups of blocks, each computed by one task.

One task for a group costs far less than one for each small partition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from dask._task_spec import List, Task, TaskRef

from skxent.dask._waiting import wait_for


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
    small_bytes : blocks of at most so many bytes are computed in groups
    groups_per_thread : so many groups, since dask spreads few tasks unevenly
    """

    resident: float = 0.5
    spilled: float = 1 / 64
    broadcast_bytes: int = 1 << 17
    sums_per_task: int = 8
    recipe: float = 0.25
    small_bytes: int = 1 << 20
    groups_per_thread: int = 4


def present(blocks: Iterable[Any]) -> list[Any]:
    """Return the blocks that have rows, of blocks or lists of such blocks."""
    lists = (block if isinstance(block, list) else [block] for block in blocks)
    return [block for some in lists for block in some if block is not None]


@dataclass(frozen=True, eq=False)
class Group:
    """The tasks of some blocks, called with the names and values of their inputs."""

    tasks: list[Any]

    def __dask_tokenize__(self) -> str:
        """Return a name of its own: dask would read all data in the tasks for one."""
        return uuid4().hex

    def __call__(self, names: list[Any], inputs: list[Any]) -> list[Any]:
        """Return the blocks that have rows."""
        given = dict(zip(names, inputs, strict=True))
        return present(task(given) for task in self.tasks)


def runs(items: Sequence[Any], sizes: Sequence[int], limit: float) -> list[list[Any]]:
    """Return consecutive items in runs of about this size, or of one larger item."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    end = 0.0
    for item, size in zip(items, sizes, strict=True):
        # The middle of an item decides to which run it belongs.
        found[int((end + size / 2) / limit) if limit else 0].append(item)
        end += size
    return list(found.values())


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
    tasks = {}
    for place, group in enumerate(groups):
        members = [graph[key] for key in group]
        names = list(set().union(*(task.dependencies for task in members)))
        key = (name, place)
        tasks[key] = Task(key, Group(members), names, List(*map(TaskRef, names)))
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


def groups_of_small(
    client: Any, keys: list[Any], nbytes: float, limits: ClusterLimits
) -> list[list[Any]]:
    """Return groups of keys whose blocks have at most so many bytes.

    Return no groups if there are few blocks, or large ones, or no room for them.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    count = limits.groups_per_thread * sum(facts["nthreads"] for facts in workers)
    size = -(-len(keys) // max(1, count))
    if size < limits.groups_per_thread or nbytes > limits.small_bytes:
        return []
    # A group holds its inputs and its blocks at once.
    needed = 2 * limits.groups_per_thread * size * nbytes
    for facts in workers:
        memory = facts.get("memory_limit")
        if memory and needed * facts["nthreads"] > limits.resident * memory:
            return []
    return [keys[start : start + size] for start in range(0, len(keys), size)]
