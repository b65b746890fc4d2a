"""A function of each block of rows: one task a block, as far as dask allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import dask
import dask.array as da
import numpy as np
from dask import delayed
from dask.delayed import Delayed
from dask.layers import ArrayBlockIdDep

from skxent.dask._collections import (
    aligned,
    array_of,
    delayed_blocks,
    graph_of,
    graph_of_frame,
    is_one_source,
    merged,
)
from skxent.dask._own_tasks import with_own_tasks
from skxent.linear_model._blocks import check_rows, prefix_errors
from skxent.optimize.rows.blocks import add

# So many values are added by one task.
FAN = 32


@dataclass(frozen=True)
class OnBlock:
    """A function of (index, rows by name, *arguments); errors tell which block it is.

    Rows of some blocks may differ in number: nothing is broadcast or left out.
    """

    function: Callable[..., Any]
    names: tuple[str, ...]
    arguments: tuple[Any, ...]

    def __call__(self, index: int, rows: tuple[Any, ...]) -> Any:
        given = dict(zip(self.names, rows, strict=True))
        with prefix_errors("partition", index):
            check_rows(**given)
            return self.function(index, given, *self.arguments)


def of_arrays(work: OnBlock, index: tuple[int], *rows: Any) -> Any:
    # A block of columns stands in a list, as there could be several.
    return work(index[0], tuple(r[0] if isinstance(r, list) else r for r in rows))


def of_partitions(*rows_and_work: Any, partition_info: Any = None) -> Any:
    *rows, work = rows_and_work
    return work(partition_info["number"] if partition_info else 0, tuple(rows))


def of_values(work: OnBlock, index: int, *rows: Any) -> Any:
    return work(index, rows)


@dataclass(frozen=True)
class Blocks:
    """A value for each block of rows: keys of a graph."""

    keys: list[Any]
    graph: dict[Any, Any]

    def together(self, function: Callable[..., Any], *arguments: Any) -> Delayed:
        """Return function(list of all values, *arguments), delayed."""
        name = f"values-{uuid4().hex}"
        values = Delayed(name, {**self.graph, name: (list, list(self.keys))})
        return delayed(function, pure=False)(values, *arguments)

    def sum(self) -> Any:
        """Compute Σ of the values, up a tree."""
        keys, graph = with_own_tasks(self.keys, self.graph)
        name = f"add-{uuid4().hex}"
        level = 0
        while level == 0 or len(keys) > 1:
            parts = [keys[i : i + FAN] for i in range(0, len(keys), FAN)]
            keys = [(name, level, place) for place in range(len(parts))]
            graph |= {key: (add, part) for key, part in zip(keys, parts, strict=True)}
            level += 1
        return Delayed(keys[0], graph).compute()


def each_block(
    function: Callable[..., Any], arguments: tuple[Any, ...], **data: Any
) -> Blocks:
    """Return function(index, rows, *arguments) for all blocks of these rows.

    rows: a dict of those of the block. Arguments may be delayed.
    """
    rows = aligned(**data)
    work = delayed(OnBlock, pure=False)(function, tuple(rows), arguments)
    given = list(rows.values())
    if all(isinstance(values, da.Array) for values in given):
        objects = blockwise(work, given, (), object, function.__name__)
        return Blocks(*graph_of(dask.optimize(objects)[0]))
    if is_one_source(given):
        return of_one_frame(work, given)
    return of_lists(work, given, function.__name__)


def each_row(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    rest: tuple[int, ...],
    dtype: Any,
    **data: Any,
) -> da.Array:
    """Return a dask array of the rows of function(index, rows, *arguments)."""
    rows = aligned(**data)
    name = function.__name__
    work = delayed(OnBlock, pure=True)(function, tuple(rows), arguments)
    given = list(rows.values())
    if all(isinstance(values, da.Array) for values in given):
        return blockwise(work, given, rest, dtype, name)
    if is_one_source(given):
        blocks = of_one_frame(work, given)
    else:
        blocks = of_lists(work, given, name)
    lengths: Any = [np.nan] * len(blocks.keys)
    if isinstance(given[0], da.Array):
        lengths = given[0].chunks[0]
    return array_of(blocks.keys, blocks.graph, lengths, rest, dtype, name)


def blockwise(
    work: Delayed, arrays: list[da.Array], rest: tuple[int, ...], dtype: Any, name: str
) -> da.Array:
    """Return an array of a block (rows, *rest) for each block of rows."""
    index = ArrayBlockIdDep((arrays[0].chunks[0],))
    pairs: list[Any] = [work, None, index, "i"]
    for place, array in enumerate(arrays):
        pairs += [array, ("i", f"column {place}")[: array.ndim]]
    return da.blockwise(
        of_arrays,
        ("i", "rest")[: 1 + len(rest)],
        *pairs,
        token=name,
        dtype=dtype,
        meta=np.empty((0,) * (1 + len(rest)), dtype=dtype),
        new_axes={"rest": rest[0]} if rest else {},
        concatenate=False,
        align_arrays=False,
    )


def of_one_frame(work: Delayed, frames: list[Any]) -> Blocks:
    """Work on frames that dask reads together."""
    first, *others = frames
    values = first.map_partitions(
        of_partitions,
        *others,
        work,
        meta=("rows", object),
        enforce_metadata=False,
        align_dataframes=False,
    )
    return Blocks(*graph_of_frame(values))


def of_lists(work: Delayed, given: list[Any], name: str) -> Blocks:
    """Work on rows of several kinds or sources, block by block."""
    columns = list(map(delayed_blocks, given))
    _, graph = merged([work, *(block for column in columns for block in column)])
    name = f"{name}-{uuid4().hex}"
    tasks = {
        (name, i): (of_values, work.key, i, *(block.key for block in blocks))
        for i, blocks in enumerate(zip(*columns, strict=True))
    }
    return Blocks(list(tasks), graph | tasks)
