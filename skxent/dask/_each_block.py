"""Call a function for each block of rows: one task a block, as far as dask allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any
from uuid import uuid4

import dask
import dask.array as da
import numpy as np
from dask import delayed
from dask.base import tokenize
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
from skxent.optimize.rows.stores import add

# One task adds this many values.
VALUES_PER_SUM = 32


@dataclass(frozen=True)
class OnBlock:
    """A function of (index, rows by name, *arguments) whose errors name the block.

    All columns of a block must have the same number of rows.
    """

    function: Callable[..., Any]
    names: tuple[str, ...]
    arguments: tuple[Any, ...]

    def __call__(self, index: int, rows: tuple[Any, ...]) -> Any:
        given = dict(zip(self.names, rows, strict=True))
        with prefix_errors("partition", index):
            check_rows(**given)
            return self.function(index, given, *self.arguments)


def on_block(token: str, *fields: Any) -> Delayed:
    """Return ``OnBlock(*fields)``, delayed, in a task group of its own: see renamed."""
    key = (f"{OnBlock.__name__}-{token}", 0)
    return delayed(OnBlock)(*fields, dask_key_name=key)


def of_arrays(work: OnBlock, index: tuple[int], *rows: Any) -> Any:
    # dask passes a block of columns in a list, since there could be several.
    return work(index[0], tuple(r[0] if isinstance(r, list) else r for r in rows))


def of_partitions(*rows_and_work: Any, partition_info: Any = None) -> Any:
    *rows, work = rows_and_work
    return work(partition_info["number"] if partition_info else 0, tuple(rows))


def of_values(work: OnBlock, index: int, *rows: Any) -> Any:
    return work(index, rows)


@dataclass(frozen=True)
class Blocks:
    """One value for each block of rows, as keys of a graph.

    nbytes : of the rows of the largest block, or infinite if its shape is not known
    """

    keys: list[Any]
    graph: dict[Any, Any]
    nbytes: float = np.inf

    def apply_to_all(self, function: Callable[..., Any], *arguments: Any) -> Delayed:
        """Return ``function(list of all values, *arguments)``, delayed."""
        name = f"values-{uuid4().hex}"
        values = Delayed(name, {**self.graph, name: (list, list(self.keys))})
        return delayed(function, pure=False)(values, *arguments)

    def sum(self) -> Any:
        """Compute the sum of the values, in a tree of sums."""
        keys, graph = with_own_tasks(self.keys, self.graph)
        name = f"add-{uuid4().hex}"
        level = 0
        while level == 0 or len(keys) > 1:
            starts = range(0, len(keys), VALUES_PER_SUM)
            parts = [keys[start : start + VALUES_PER_SUM] for start in starts]
            keys = [(name, level, place) for place in range(len(parts))]
            graph |= {key: (add, part) for key, part in zip(keys, parts, strict=True)}
            level += 1
        return Delayed(keys[0], graph).compute()


def each_block(
    function: Callable[..., Any], arguments: tuple[Any, ...], **data: Any
) -> Blocks:
    """Return ``function(index, rows, *arguments)`` for all blocks of these rows.

    rows : dict of the rows of a block by the names in `data`
    arguments : may be delayed
    """
    rows = aligned(**data)
    work = on_block(uuid4().hex, function, tuple(rows), arguments)
    given = list(rows.values())
    if all(isinstance(values, da.Array) for values in given):
        objects = blockwise(work, given, (), object, function.__name__)
        return Blocks(*graph_of(dask.optimize(objects)[0]), largest_block(given))
    if is_one_source(given):
        return of_one_frame(work, given)
    return of_lists(work, given, function.__name__)


def largest_block(arrays: list[da.Array]) -> float:
    """Return the bytes of the largest block, or infinity if a size is not known."""
    row = sum(array.dtype.itemsize * prod(array.shape[1:]) for array in arrays)
    nbytes = float(max(arrays[0].chunks[0]) * row)
    return nbytes if nbytes >= 0 else np.inf


def each_row(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    rest: tuple[int, ...],
    dtype: Any,
    **data: Any,
) -> da.Array:
    """Return a dask array of the rows of ``function(index, rows, *arguments)``."""
    rows = aligned(**data)
    name = function.__name__
    work = on_block(
        tokenize(function, *rows, arguments), function, tuple(rows), arguments
    )
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
    """Return a dask array with a block (rows, *rest) for each block of rows."""
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
    """Call the function for the partitions of frames that dask reads together."""
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
    """Call the function for blocks of rows of several kinds or sources."""
    columns = list(map(delayed_blocks, given))
    _, graph = merged([work, *(block for column in columns for block in column)])
    name = f"{name}-{uuid4().hex}"
    tasks = {
        (name, i): (of_values, work.key, i, *(block.key for block in blocks))
        for i, blocks in enumerate(zip(*columns, strict=True))
    }
    return Blocks(list(tasks), graph | tasks)
