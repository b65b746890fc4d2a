"""Comparisons in formulas, and choices by them; a condition is a number, 0 or 1."""

from __future__ import annotations

from skxent.losses._graph import Node, Number, node
from skxent.losses._rewriting import maximum, multiply, split, subtract, value_of


def less(a: Number, b: Number) -> Number:
    """Return 1 where a < b, else 0."""
    if not isinstance(a, Node) and not isinstance(b, Node):
        return float(a < b)
    return node("less", a, b)


def less_equal(a: Number, b: Number) -> Number:
    """Return 1 where a <= b, else 0."""
    return subtract(1.0, less(b, a))


def conjunction(a: Number, b: Number) -> Number:
    """Return whether both comparisons hold."""
    return multiply(as_condition(a), as_condition(b))


def disjunction(a: Number, b: Number) -> Number:
    """Return whether one of two comparisons holds."""
    return maximum(as_condition(a), as_condition(b))


def negation(x: Number) -> Number:
    """Return whether a comparison does not hold."""
    return subtract(1.0, as_condition(x))


def as_condition(x: Number) -> Number:
    """Return x, if it is made of comparisons alone."""
    if not is_condition(x):
        what = "of p, q or L" if isinstance(x, Node) else f"{x:g}"
        raise ValueError(
            "phi must join comparisons with & and |, such as (p < 0.5) & (L < 2), got "
            f"a number {what}."
        )
    return x


def is_condition(x: Number) -> bool:
    """Return whether x can only be 0 or 1."""
    if isinstance(x, Node):
        x = value_of(x)
    if not isinstance(x, Node):
        return x in (0.0, 1.0)
    k, y, shift = split(x)
    if (k, shift) == (1.0, 0.0) and y.operation in ("multiply", "maximum"):
        return all(map(is_condition, y.inputs))
    return (k, shift) in ((1.0, 0.0), (-1.0, 1.0)) and (
        y.operation == "less" or (y is not x and is_condition(y))
    )


def select(condition: Number, a: Number, b: Number) -> Number:
    """Return a where the condition is not 0, else b."""
    if not isinstance(condition, Node) or a == b:
        return a if condition else b
    return node("select", a, b, condition)
