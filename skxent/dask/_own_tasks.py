"""A graph of its own for each computation, of as few tasks as can be.

A task costs the scheduler and a worker about a millisecond, far more than a small
partition does, so what only one block needs is done in the task of that block.

The scheduler knows a task by its key. dask fuses tasks in ways that depend on the
collection computed, and so the same key comes with other dependencies in two graphs
that are computed at once, as in fits in two tasks of one cluster. The scheduler warns
that this may end in a deadlock. Here no key is shared but those of persisted data.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

from dask._task_spec import DataNode, Task, convert_legacy_graph


def with_own_tasks(
    keys: list[Any], graph: dict[Any, Any]
) -> tuple[list[Any], dict[Any, Any]]:
    """Return keys and a graph of the same values, one task a key where possible.

    The new graph has no entry for data that a cluster holds already.
    """
    graph = convert_legacy_graph(graph)
    uses = Counter(dep for node in graph.values() for dep in node.dependencies)
    wanted = set(keys)
    fused: dict[Any, Any] = dict(graph)
    for key in keys:
        chain = [graph[key]]
        for first in graph[key].dependencies:
            dep = first
            while dep in graph and uses[dep] == 1 and dep not in wanted:
                chain.append(fused.pop(dep))
                if len(chain[-1].dependencies) != 1:
                    break  # more are left to be computed in parallel
                (dep,) = chain[-1].dependencies
        fused[key] = Task.fuse(*chain, key=key)
    token = uuid4().hex
    names = {
        key: renamed(key, token)
        for key, node in fused.items()
        if not isinstance(node, DataNode)
    }
    own = (node.substitute(names, names.get(key)) for key, node in fused.items())
    return [names.get(key, key) for key in keys], {node.key: node for node in own}


def renamed(key: Any, token: str) -> Any:
    if isinstance(key, tuple):
        return (f"{key[0]}-{token}", *key[1:])
    return f"{key}-{token}"
