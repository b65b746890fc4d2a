"""Stores of blocks of rows, and sums over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Protocol

import numpy as np


class BlockStore(Protocol):
    """A place that keeps blocks: functions are sent to it, and small results return."""

    def map(self, function: Callable[..., Any], *args: Any) -> BlockStore:
        """Keep function(blocks, *args) in place of the blocks."""

    def sum(self, function: Callable[..., Any], *args: Any) -> Any:
        """Sum function(blocks, *args), arrays or tuples of them, over all places."""


@dataclass(frozen=True, eq=False, repr=False)
class LocalBlocks:
    """Blocks in this process, or read by it.

    recheck : called if a sum has NaN; it raises an error that names the block, if the
        cause is in the data. To check the data in every pass would take longer.
    """

    blocks: Iterable[Any]
    recheck: Callable[[], Any] | None = None

    def map(self, function: Callable[..., Any], *args: Any) -> LocalBlocks:
        """Keep function(blocks, *args) in place of the blocks."""
        return replace(self, blocks=function(self.blocks, *args))

    def sum(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return function(blocks, *args)."""
        total = function(self.blocks, *args)
        if self.recheck is not None and has_nan(total):
            self.recheck()
        return total


def has_nan(total: Any) -> bool:
    """Return True if a number, an array or a tuple of them has NaN."""
    if isinstance(total, tuple):
        return any(map(has_nan, total))
    return isinstance(total, float | np.ndarray) and bool(np.isnan(total).any())


def add(values: Iterable[Any]) -> Any:
    """Sum numbers, arrays or lists, or tuples of them; None counts as nothing."""

    def plus(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return b if a is None else a
        if isinstance(a, tuple):
            return tuple(map(plus, a, b))
        return a + b

    return reduce(plus, values, None)
