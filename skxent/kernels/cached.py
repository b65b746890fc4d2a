"""Caches: properties that take no lock, and functions of an object by its identity.

Before Python 3.12 a cached_property of functools holds a lock of the class while it
computes: other threads would wait, and a process forked meanwhile would hang.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from skxent.kernels.checks import Function

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property
else:

    class cached_property:
        """A property whose first value becomes an attribute of the instance."""

        def __init__(self, function: Any) -> None:
            self.function = function
            self.__doc__ = function.__doc__

        def __set_name__(self, owner: Any, name: str) -> None:
            self.name = name

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            if instance is None:
                return self
            value = vars(instance)[self.name] = self.function(instance)
            return value


@dataclass(frozen=True, eq=False)
class ByIdentity:
    """A key for one object, since equal losses may read different globals."""

    it: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByIdentity) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


def cached_by_identity(function: Function) -> Function:
    """Cache a function by the identity of its first argument and by the others."""

    @lru_cache(maxsize=4096)
    def of_key(key: ByIdentity, *more: Any) -> Any:
        return function(key.it, *more)

    return cast(Function, lambda it, *more: of_key(ByIdentity(it), *more))


__all__ = ["cached_by_identity", "cached_property"]
