"""The operations of a formula on p, q and L: a graph that is rewritten as it grows.

A formula is called with expressions instead of numbers. What would cancel is written in
another way at once: 1 - p becomes q, log p becomes -L, and 1 - p^c an operation of its
own. Powers and products of p and q are one operation, p^k q^l, whose derivatives are
exact. All operations have a number in `OPERATIONS` of _program.py.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from skxent.losses import _conditions as conditions
from skxent.losses import _rewriting as rewriting
from skxent.losses._graph import Node, Number

ALLOWED = (
    "+ - * / **, comparisons with & and |, and np.exp, expm1, log, log1p, sqrt, "
    "square, where, maximum, minimum, clip and abs"
)


class Expression(NDArrayOperatorsMixin):
    """A value of a formula that is being traced."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any
    ) -> Expression:
        function = FUNCTIONS.get(ufunc.__name__)
        if function is None or method != "__call__" or keywords:
            refuse(f"np.{ufunc.__name__}" + (f".{method}" * (method != "__call__")))
        return expression(function(*map(operand, inputs)))

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, keywords: Any
    ) -> Expression:
        if function is np.where and len(args) == 3 and not keywords:
            return expression(conditions.select(*map(operand, args)))
        if function is np.clip:
            return self.clip(*args[1:], **keywords)
        refuse(f"np.{getattr(function, '__name__', function)}")

    def clip(self, min: Any = None, max: Any = None) -> Expression:
        """Return the value between min and max."""
        x: Number = self.node
        if min is not None:
            x = rewriting.maximum(x, operand(min))
        if max is not None:
            x = rewriting.minimum(x, operand(max))
        return expression(x)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "phi must not branch on p, q or L (if, and, or, max, min): they are of all "
            "rows at once. Use np.where, &, |, np.maximum or np.minimum. A branch on a "
            "parameter is fine."
        )

    def __float__(self) -> NoReturn:
        raise TypeError(
            "phi must use numpy's functions, which also take arrays: np.exp for "
            "math.exp, np.log for math.log."
        )

    __int__ = __index__ = __complex__ = __float__

    def __len__(self, *index: Any) -> NoReturn:
        raise TypeError("phi must treat p, q and L as numbers, got an index or a loop.")

    __getitem__ = __iter__ = __len__

    def __repr__(self) -> str:
        return f"Expression({self.node.operation})"


def refuse(what: str) -> NoReturn:
    """Raise an error that says which functions a formula may use."""
    raise TypeError(f"phi must be made of {ALLOWED}, got {what}.")


def operand(value: Any) -> Number:
    """Return the node of an expression, or a float."""
    if isinstance(value, Expression):
        return value.node
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, numbers.Real | np.bool_):
        value = float(value)
        if math.isnan(value):
            raise ValueError("phi must be made of numbers, got a constant that is NaN.")
        return value
    if isinstance(value, numbers.Complex):
        raise ValueError(f"phi must be made of real numbers, got {value}.")
    refuse(f"a {type(value).__name__}")


def expression(value: Number) -> Any:
    """Return an expression for a node, or a float as it is."""
    return Expression(value) if isinstance(value, Node) else value


FUNCTIONS: dict[str, Callable[..., Number]] = {
    "add": rewriting.add,
    "subtract": rewriting.subtract,
    "multiply": rewriting.product,
    "divide": rewriting.divide,
    "power": rewriting.power,
    "float_power": rewriting.power,
    "negative": partial(rewriting.multiply, -1.0),
    "positive": lambda x: x,
    "reciprocal": partial(rewriting.divide, 1.0),
    "square": lambda x: rewriting.power(x, 2.0),
    "sqrt": lambda x: rewriting.power(x, 0.5),
    "exp": rewriting.exp,
    "exp2": lambda x: rewriting.exp(rewriting.multiply(math.log(2), x)),
    "expm1": rewriting.expm1,
    "log": rewriting.log,
    "log2": lambda x: rewriting.multiply(1 / math.log(2), rewriting.log(x)),
    "log10": lambda x: rewriting.multiply(1 / math.log(10), rewriting.log(x)),
    "log1p": rewriting.log1p,
    "maximum": rewriting.maximum,
    "fmax": rewriting.maximum,
    "minimum": rewriting.minimum,
    "fmin": rewriting.minimum,
    "absolute": rewriting.absolute,
    "fabs": rewriting.absolute,
    "less": conditions.less,
    "less_equal": conditions.less_equal,
    "greater": lambda a, b: conditions.less(b, a),
    "greater_equal": lambda a, b: conditions.less_equal(b, a),
    "logical_and": conditions.conjunction,
    "bitwise_and": conditions.conjunction,
    "logical_or": conditions.disjunction,
    "bitwise_or": conditions.disjunction,
    "logical_not": conditions.negation,
    "invert": conditions.negation,
}
