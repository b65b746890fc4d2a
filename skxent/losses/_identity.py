"""A cache of what is known of one object, and not of those that equal it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from skxent.kernels.checks import Function


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
