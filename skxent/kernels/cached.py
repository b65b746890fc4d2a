"""What is computed once: properties without a lock, and functions of one object.

Before Python 3.12 the properties of functools hold a lock of the class while they
compute. One thread would wait for the other, and a process that is forked meanwhile for
ever.
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
class Same:
    """An object as a key: equal losses may differ in what their formulas read."""

    it: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


def cached_by_identity(function: Function) -> Function:
    """Cache a function of one object, and of what else it is given."""

    @lru_cache(maxsize=4096)
    def of_key(key: Same, *more: Any) -> Any:
        return function(key.it, *more)

    return cast(Function, lambda it, *more: of_key(Same(it), *more))


__all__ = ["cached_by_identity", "cached_property"]
