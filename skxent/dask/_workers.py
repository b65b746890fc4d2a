"""Blocks kept on dask's workers, and sums of what is done there.

A pass is one task for each thread of each worker, not one for each partition, and a
tree that adds what they answer. What a lost worker kept is made anew by the scheduler.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any
from uuid import uuid4

import dask
import numpy as np
from dask.base import get_scheduler
from dask.delayed import Delayed
from dask.sizeof import sizeof

from skxent.objectives.blocks import Here, Store, add

# So many answers are added by one task, or by the client.
FAN = 8

# Bytes of arguments above which they are sent once and passed on among the workers.
LARGE = 1 << 17


def current_client() -> Any:
    """The distributed client that dask would use now; None for a local scheduler."""
    client = getattr(get_scheduler(), "__self__", None)
    return client if hasattr(client, "who_has") else None


def stored(blocks: Sequence[Delayed]) -> Store:
    """The blocks computed, and kept where they are; what is None is left out."""
    client = current_client()
    if client is None:
        return Here(present(dask.compute(*blocks)))
    return Workers.of(client, blocks)


def present(blocks: Iterable[Any]) -> list[Any]:
    return [block for block in blocks if block is not None]


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
    """Lists of blocks, each a future on a worker of a distributed cluster."""

    def __init__(self, client: Any, groups: list[Any]) -> None:
        self.client, self.groups = client, groups

    @classmethod
    def of(cls, client: Any, blocks: Sequence[Delayed]) -> Workers:
        """Blocks computed where dask likes, and grouped by where they then are."""
        futures = client.compute(list(blocks))
        import_module("distributed").wait(futures)
        for future in futures:
            if future.status == "error":
                future.result()  # raises what the block raised
        threads = client.nthreads()
        at: defaultdict[str, list[Any]] = defaultdict(list)
        where = client.who_has(futures)
        for future in futures:
            at[min(where.get(future.key) or [""])].append(future)
        groups: list[list[Any]] = []
        for address, held in sorted(at.items()):
            count = min(len(held), threads.get(address, 1))
            ends = np.linspace(0, len(held), count + 1).round().astype(int).tolist()
            groups.extend(held[begin:end] for begin, end in pairwise(ends))
        return cls(client, mapped(client, present, groups))

    def map(self, function: Callable[..., Any], *args: Any) -> Workers:
        return Workers(self.client, self._submit(function, args))

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
