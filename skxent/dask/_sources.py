"""Blocks that a worker keeps in memory, or reads again in every pass.

If rows exceed the memory of a worker, dask would write them to disk, and write them
again whenever a pass has read them, when most of the memory is in use already. A block
that is read from its source again needs memory only while it is used.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dask._task_spec import DataNode, List, Task, TaskRef
from dask.sizeof import sizeof

from skxent.linear_model._blocks import CheckedBlock, Summary, summary
from skxent.linear_model._plan import Plan, parts_of
from skxent.optimize.rows.blocks import RowsPart


@dataclass(frozen=True)
class Source:
    """A block that is read in every pass.

    recipe : the pickled task that computes the block, and the task's inputs
    summary : the properties of the block when it was first read
    """

    recipe: bytes
    summary: Summary

    def read(self, plan: Plan) -> list[RowsPart]:
        """Compute the block, and return the part of the rows that is made of it."""
        from distributed.protocol.pickle import loads

        task, inputs = loads(self.recipe)
        block: CheckedBlock | None = task(inputs)
        if block is None:
            what = f"no rows in {plan.noun} {self.summary.index}"
            raise ValueError(plan.changed(what))
        return parts_of([block], plan)


@dataclass(frozen=True)
class Parts:
    """The parts of some rows: those in memory, and those that are read from sources."""

    kept: list[RowsPart]
    sources: list[Source]
    plan: Plan

    def __iter__(self) -> Iterator[RowsPart]:
        yield from self.kept
        for source in self.sources:
            # No name holds a block or its part while the next block is read.
            yield from source.read(self.plan)
        release_memory()

    def __sizeof__(self) -> int:
        """Return the bytes in memory."""
        return sizeof(self.kept) + sizeof([source.recipe for source in self.sources])


def each_if_room(
    keys: list[Any], graph: dict[Any, Any], room: float, recipe: float
) -> dict[Any, Any]:
    """Return the graph with each key's block if there is room, or else its `Source`."""
    tasks = {
        key: Task(
            key,
            block_or_source,
            DataNode(None, graph[key]),
            list(graph[key].dependencies),
            List(*map(TaskRef, graph[key].dependencies)),
            room,
            recipe,
        )
        for key in keys
    }
    return graph | tasks


def block_or_source(
    task: Task, names: list[Any], inputs: list[Any], room: float, recipe: float
) -> CheckedBlock | Source | None:
    """Return the block of a task if its worker has room for it, or else its source.

    room : share of its memory limit that a worker may use to keep blocks
    recipe : a source is used only if it has at most this share of the block's bytes;
        otherwise it contains the data itself
    """
    from distributed import get_worker
    from distributed.protocol.pickle import dumps

    given = dict(zip(names, inputs, strict=True))
    block: CheckedBlock | None = task(given)
    # Arrow still has the memory in which it has read: the next block needs it, too.
    if block is None or used_share(get_worker()) <= room:
        return block
    release_memory()
    most = recipe * sizeof(block)
    if sizeof(inputs) > most:
        return block
    pickled = dumps((task, given))
    return block if len(pickled) > most else Source(pickled, summary(block))


def used_share(worker: Any) -> float:
    """Return how much memory a worker uses or has spilled, over its limit."""
    spilled = getattr(worker.data, "spilled_total", (0, 0))[0]
    limit = worker.memory_manager.memory_limit or math.inf
    used: float = (worker.monitor.get_process_memory() + spilled) / limit
    return used


def release_memory() -> None:
    """Return memory that Arrow has freed to the operating system.

    Arrow keeps several times the size of a partition. It counts as memory of the
    process, for which dask may pause a worker for ever.
    """
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()


def block_summaries(blocks: Iterable[CheckedBlock | Source]) -> list[Summary]:
    """Return the summary of each block."""
    return [b.summary if isinstance(b, Source) else summary(b) for b in blocks]


def planned_parts(
    blocks: Iterable[CheckedBlock | Source], plan: Plan
) -> list[RowsPart] | Parts:
    """Return the parts that are made of the blocks with a positive weight."""
    kept: list[CheckedBlock] = []
    sources: list[Source] = []
    for block in blocks:
        if not isinstance(block, Source):
            kept.append(block)
        elif block.summary.index in plan.weighted_blocks:
            sources.append(block)
    parts = parts_of(kept, plan)
    return Parts(parts, sources, plan) if sources else parts
