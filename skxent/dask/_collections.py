"""Dask arrays, data frames and delayed values as blocks of the same rows."""

from __future__ import annotations

from typing import Any

import dask
import dask.array as da
import numpy as np
from dask import delayed
from dask.base import is_dask_collection
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph

from skxent.inputs.blocks import n_rows
from skxent.inputs.columns import class_order, column_names


def is_delayed_list(data: Any) -> bool:
    """Return True for a list or tuple with delayed values."""
    return isinstance(data, list | tuple) and any(isinstance(b, Delayed) for b in data)


def is_dask(data: Any) -> bool:
    """Return True if the rows are dask's, and not in memory."""
    return is_dask_collection(data) or is_delayed_list(data)


def is_frame(data: Any) -> bool:
    """Return True for a dask DataFrame or Series."""
    return hasattr(data, "map_partitions") and hasattr(data, "divisions")


def by_name(data: Any, classes: Any, name: str | None) -> Any:
    """Return a frame of dask with its columns in the order of the classes.

    Blocks that are cut anew lose the names, so this comes first.
    """
    names = column_names(data) if is_frame(data) and classes is not None else None
    order = class_order(names, classes, name)
    if names is None or order is None:
        return data
    return data[[names[place] for place in order]]


def as_rows(name: str, data: Any) -> Any:
    """Return a dask array, a frame or a list of delayed blocks, all of whole rows."""
    if isinstance(data, da.Array) and data.ndim in (1, 2):
        if data.ndim == 2 and data.numblocks[1] > 1:
            return data.rechunk({1: -1})
        return data
    if is_frame(data):
        return data
    if is_delayed_list(data):
        return [delayed(block) for block in data]
    raise ValueError(
        f"{name} must be a dask array, a dask DataFrame or Series, or a list of "
        f"delayed blocks of rows, of at most two dimensions, got {type(data).__name__}."
    )


def n_blocks(rows: Any) -> int:
    """Return the number of blocks of what `as_rows` returned."""
    if isinstance(rows, da.Array):
        return int(rows.numblocks[0])
    return len(delayed_blocks(rows))


def n_reads(rows: Any) -> int:
    """Return the number of tasks that read or make the rows.

    Dask may read several small files in one task, more of them for fewer columns.
    """
    _, graph = merged(delayed_blocks(rows))
    return sum(not dask.core.get_dependencies(graph, key) for key in graph)


def aligned(**data: Any) -> dict[str, Any]:
    """Return the columns of data with the blocks of the first; others may be None."""
    rows = {
        name: as_rows(name, values)
        for place, (name, values) in enumerate(data.items())
        if values is not None or not place
    }
    (name, first), *others = rows.items()
    if is_one_source(list(rows.values())):
        return rows
    lengths = None
    for other, values in others:
        known = isinstance(first, da.Array) and isinstance(values, da.Array)
        given = isinstance(first, list) or isinstance(values, list)
        same = n_blocks(values) == n_blocks(first)
        if known and not np.isnan(first.shape[0] + values.shape[0]):
            rows[other] = rechunked(name, first.chunks[0], other, values)
        elif same and (given or n_reads(values) == n_reads(first)):
            continue  # each block is checked for its rows
        elif given:
            raise ValueError(
                f"{other} must have {n_blocks(first)} blocks of rows as {name} has, "
                f"got {n_blocks(values)}."
            )
        else:
            # Dask may read each column of a data set in other partitions.
            if lengths is None:
                lengths = lengths_of(first)
            rows[other] = rechunked(name, lengths, other, with_known_lengths(values))
    return rows


def rechunked(name: str, chunks: Any, other: str, values: da.Array) -> da.Array:
    """Return values in these blocks of rows."""
    n, m = sum(chunks), values.shape[0]
    if n != m:
        raise ValueError(f"{other} must have {n} rows as {name} has, got {m}.")
    return values.rechunk({0: tuple(chunks)})


def lengths_of(rows: Any) -> tuple[int, ...]:
    """Compute the number of rows of each block."""
    if isinstance(rows, da.Array) and not np.isnan(rows.shape[0]):
        return tuple(rows.chunks[0])
    count = delayed(n_rows, pure=False)
    return tuple(dask.compute(*map(count, delayed_blocks(rows))))


def with_known_lengths(rows: Any) -> da.Array:
    """Return an array, or a frame as one, whose blocks have known numbers of rows."""
    lengths = lengths_of(rows)
    dtypes = getattr(rows, "dtypes", None) if rows.ndim == 2 else None
    dtype = rows.dtype if dtypes is None else np.result_type(*dtypes)
    as_array = delayed(np.asarray, pure=False)
    keys, graph = merged(list(map(as_array, delayed_blocks(rows))))
    rest = tuple(rows.shape[1:])
    return array_of(keys, graph, lengths, rest, dtype, "rows")


def is_one_source(rows: list[Any]) -> bool:
    """Return True if all are frames of one collection, which dask reads only once."""
    if not all(map(is_frame, rows)):
        return False
    if len({frame.npartitions for frame in rows}) > 1:
        return False
    if not all(hasattr(frame, "expr") for frame in rows):
        return True  # Partitions of dask's older data frames never change.
    sources = {
        frozenset(node._name for node in frame.expr.walk() if not node.dependencies())
        for frame in rows
    }
    return len(sources) == 1


def graph_of_frame(frame: Any) -> tuple[list[Any], dict[Any, Any]]:
    """Return the keys of its partitions, and the graph that dask has optimized.

    Small files are not read together. With dask's default they would be, and how many
    depends on the columns, so X and y would have different partitions.
    """
    if not hasattr(frame, "optimize"):
        return graph_of(dask.optimize(frame)[0])
    nodes = {type(node).__name__ for node in frame.optimize(fuse=False).expr.walk()}
    fused = any(name.startswith("Fused") and name.endswith("IO") for name in nodes)
    # Partitions by size are right only if dask also decides how to read.
    if fused and "RepartitionSize" not in nodes:
        return graph_of(frame.simplify().expr.lower_completely())
    return graph_of(frame.optimize())


def delayed_blocks(rows: Any) -> list[Delayed]:
    """Return the rows of `as_rows` as a list of delayed blocks."""
    if isinstance(rows, da.Array):
        return rows.to_delayed().ravel().tolist()
    if is_frame(rows):
        keys, graph = graph_of_frame(rows)
        return [Delayed(key, graph) for key in keys]
    return list(rows)


def graph_of(collection: Any) -> tuple[list[Any], dict[Any, Any]]:
    """Return the keys of a collection of one key a block, and its graph."""
    keys = list(dask.core.flatten(collection.__dask_keys__()))
    return keys, dict(collection.__dask_graph__())


def merged(blocks: list[Delayed]) -> tuple[list[Any], dict[Any, Any]]:
    """Return the keys of delayed values and their common graph."""
    layers: dict[int, Any] = {}  # Blocks of one collection share their layers.
    for block in blocks:
        graph = block.__dask_graph__()
        for layer in getattr(graph, "layers", {None: graph}).values():
            layers[id(layer)] = layer
    tasks: dict[Any, Any] = {}
    for layer in layers.values():
        tasks.update(layer)
    return [block.key for block in blocks], tasks


def array_of(
    keys: list[Any],
    graph: dict[Any, Any],
    lengths: Any,
    rest: tuple[int, ...],
    dtype: Any,
    prefix: str,
) -> da.Array:
    """Return the array whose blocks, of shape (length, *rest), are these keys."""
    name = f"{prefix}-{dask.base.tokenize(keys)}"
    zeros = (0,) * len(rest)
    alias = {(name, i, *zeros): (identity, key) for i, key in enumerate(keys)}
    layers = HighLevelGraph.from_collections(name, {**graph, **alias}, ())
    chunks = (tuple(lengths), *((size,) for size in rest))
    meta = np.empty((0,) * len(chunks), dtype=dtype)
    return da.Array(layers, name, chunks, dtype=dtype, meta=meta)


def identity(value: Any) -> Any:
    """Return the value."""
    return value
