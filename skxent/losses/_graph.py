"""A formula as a graph of operations, and the way in which its readers go through it.

A value is a float or a node. Equal nodes are one object (hash-consing), so a common
subexpression is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakValueDictionary


@dataclass(frozen=True, eq=False)
class Node:
    """An operation, the nodes that it reads, and its constants."""

    operation: str
    inputs: tuple[Node, ...] = ()
    constants: tuple[float, ...] = ()


Number: TypeAlias = float | Node

_known: WeakValueDictionary[tuple[object, ...], Node] = WeakValueDictionary()


def node(operation: str, *inputs: Number, constants: tuple[float, ...] = ()) -> Node:
    """Return the one node of an operation; floats among its inputs become nodes."""
    nodes = tuple(map(as_node, inputs))
    key = (operation, *map(id, nodes), *constants)
    made = Node(operation, nodes, constants)
    return _known.setdefault(key, made)


def as_node(x: Number) -> Node:
    """Return a value as a node."""
    return x if isinstance(x, Node) else node("constant", constants=(x,))


def in_order(result: Node) -> list[Node]:
    """Return all nodes of a graph, each after those that it reads."""
    found: dict[Node, None] = {}
    waiting = [(result, False)]
    while waiting:
        node, ready = waiting.pop()
        if node in found:
            continue
        if ready:
            found[node] = None
        else:
            waiting.append((node, True))
            waiting.extend((x, False) for x in reversed(node.inputs))
    return list(found)


def fold(result: Number, operations: Mapping[str, Callable[..., Any]]) -> Any:
    """Evaluate a graph with a function for each of its operations.

    The functions take the values of the inputs, and then the constants:
    ``affine(x, k, l)``, ``monomial(k, l)``, ``select(a, b, condition)``.
    """
    values: dict[Node, Any] = {}
    result = as_node(result)
    for x in in_order(result):
        inputs = (values[y] for y in x.inputs)
        values[x] = operations[x.operation](*inputs, *x.constants)
    return values[result]
