"""dask arrays, data frames and delayed values as lists of delayed blocks of rows."""

from __future__ import annotations

from typing import Any

import dask.array as da
from dask import delayed
from dask.base import is_dask_collection
from dask.delayed import Delayed


def is_delayed_list(data: Any) -> bool:
    return isinstance(data, list | tuple) and any(isinstance(b, Delayed) for b in data)


def is_dask(data: Any) -> bool:
    """Are the rows dask's, rather than in memory?"""
    return is_dask_collection(data) or is_delayed_list(data)


def is_frame(data: Any) -> bool:
    return hasattr(data, "map_partitions") and hasattr(data, "divisions")


def row_blocks(name: str, data: Any) -> list[Delayed]:
    """Blocks of whole rows, one for each partition."""
    if isinstance(data, da.Array) and data.ndim in (1, 2):
        if data.ndim == 2 and data.numblocks[1] > 1:
            data = data.rechunk({1: -1})
        return data.to_delayed().ravel().tolist()
    if is_frame(data):
        return list(data.to_delayed())
    if is_delayed_list(data):
        return [delayed(block) for block in data]
    raise ValueError(
        f"{name} must be a dask array, a dask DataFrame or Series, or a list of "
        f"delayed blocks of rows, got {type(data).__name__}."
    )


def aligned(**data: Any) -> list[tuple[Delayed | None, ...]]:
    """Blocks of all, row for row, the first deciding where they end; None stays None.

    Raises
    ------
    ValueError
        If there are not as many rows or blocks in each.
    """
    (name, first), *others = data.items()
    blocks = [row_blocks(name, first)]
    for other, values in others:
        if values is None:
            blocks.append([None] * len(blocks[0]))
            continue
        if isinstance(first, da.Array) and isinstance(values, da.Array):
            values = rechunked(name, first, other, values)
        found = row_blocks(other, values)
        if len(found) != len(blocks[0]):
            raise ValueError(
                f"{other} must have {len(blocks[0])} blocks of rows as {name} has, "
                f"got {len(found)}."
            )
        blocks.append(found)
    return list(zip(*blocks, strict=True))


def rechunked(name: str, first: da.Array, other: str, values: da.Array) -> da.Array:
    """Values in the blocks of the first, where both know their rows."""
    n, m = first.shape[0], values.shape[0]
    if n != n or m != m:  # unknown: the blocks will tell
        return values
    if n != m:
        raise ValueError(f"{other} must have {n} rows as {name} has, got {m}.")
    return values.rechunk({0: first.chunks[0]})
