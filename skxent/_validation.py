"""Errors of one form: `<argument> must be <allowed>, got <value>.`"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any


@dataclass(frozen=True)
class Interval:
    """A range of numbers an argument may take, `closed` at left, right, both, neither."""

    low: float
    high: float = math.inf
    closed: str = "left"

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, Real) or isinstance(value, bool) or value != value:
            return False
        above = self.low <= value if self.closed in ("left", "both") else self.low < value
        below = (
            value <= self.high if self.closed in ("right", "both") else value < self.high
        )
        return above and below

    def __str__(self) -> str:
        left = "[" if self.closed in ("left", "both") else "("
        right = "]" if self.closed in ("right", "both") else ")"
        return f"a number in {left}{self.low:g}, {self.high:g}{right}"

    def check(self, name: str, value: Any) -> None:
        if value not in self:
            raise ValueError(f"{name} must be {self}, got {value!r}.")


FRACTION = Interval(0.0, 1.0)  # [0, 1): label smoothing
POSITIVE = Interval(0.0, closed="neither")


def check_option(name: str, value: Any, options: Iterable[str]) -> None:
    options = list(options)
    if value not in options:
        allowed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")


def check_bool(name: str, value: Any) -> None:
    # numpy's bool is one too: parameter grids hold it
    if not hasattr(value, "__bool__") or value not in (True, False):
        raise ValueError(f"{name} must be True or False, got {value!r}.")
