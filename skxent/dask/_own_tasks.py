"""Graphs with as few tasks as possible, whose keys no other graph has.

A task costs the scheduler and a worker about a millisecond, far more than the rows of a
small partition do. Tasks that only one block needs are therefore fused with the task of
that block.

The scheduler identifies a task by its key. Dask fuses tasks depending on the collection
that is computed, so the same key may have different dependencies in two graphs that are
computed at the same time, as by fits in two tasks of one cluster. The scheduler warns
that this may cause a deadlock. Here only the keys of persisted data are shared.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import uuid4

from dask._task_spec import DataNode, Task, convert_legacy_graph
from dask.utils import key_split


def with_own_tasks(
    keys: list[Any], graph: dict[Any, Any]
) -> tuple[list[Any], dict[Any, Any]]:
    """Return keys and a graph of the same values, with one task per key if possible.

    The new graph has no entries for persisted data.
    """
    graph = convert_legacy_graph(graph)
    if any(getattr(node, "block_fusion", False) for node in graph.values()):
        # The scheduler knows the tasks of a shuffle between workers by their names.
        return keys, graph
    users: defaultdict[Any, set[Any]] = defaultdict(set)
    for name, node in graph.items():
        for dep in node.dependencies:
            users[dep].add(name)
    wanted = set(keys)
    fused: dict[Any, Any] = dict(graph)
    for key in keys:
        members = {key: graph[key]}
        pending = list(graph[key].dependencies)
        while pending:
            dep = pending.pop()
            if dep in members or dep in wanted or dep not in graph:
                continue
            if not users[dep] <= members.keys():
                continue
            members[dep] = fused.pop(dep)
            if len(graph[dep].dependencies) == 1:  # Several may run in parallel.
                pending.extend(graph[dep].dependencies)
        fused[key] = Task.fuse(*members.values(), key=key)
    token = uuid4().hex
    names = {
        key: renamed(key, token)
        for key, node in fused.items()
        if not isinstance(node, DataNode)
    }
    own = (node.substitute(names, names.get(key)) for key, node in fused.items())
    return [names.get(key, key) for key in keys], {node.key: node for node in own}


def renamed(key: Any, token: str) -> Any:
    """Return the key in a task group that has the token in its name.

    Dask puts strings that differ in a token only into one group. If the group of what
    all blocks depend on grew from graph to graph, the scheduler would no longer take
    the blocks for roots, and would place all of them where that dependency is.
    """
    group, *place = key if isinstance(key, tuple) else (key_split(key), key)
    return (f"{group}-{token}", *place)
