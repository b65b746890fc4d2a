"""Derivatives of formulas in the margin, as graphs of the same operations.

    p' = p q    q' = -p q    L' = -q    (log q)' = -p
    (p^k q^l)' = p^k q^l (k q - l p)    (p^k q^l L)' = p^k q^l ((k q - l p) L - q)

The graph is built with the functions of _rewriting.py, so that nothing cancels. At a
kink the derivative is the one that the kernels take (src/interpreter.h).
"""

from __future__ import annotations

from collections.abc import Callable

from skxent.losses._conditions import less, select
from skxent.losses._graph import Node, Number, in_order
from skxent.losses._rewriting import (
    L,
    P,
    Q,
    add,
    divide,
    exp,
    monomial,
    multiply,
    power,
    subtract,
)


def differentiate(result: Number) -> Number:
    """Return the derivative of a graph in the margin."""
    if not isinstance(result, Node):
        return 0.0
    slopes: dict[Node, Number] = {}
    for x in in_order(result):
        slopes[x] = RULES[x.operation](x, *(slopes[y] for y in x.inputs))
    return slopes[result]


def of_monomial(x: Node) -> Number:
    k, l = x.constants
    return multiply(x, bend(k, l))


def of_modulated_L(x: Node) -> Number:
    k, l = x.constants
    return multiply(monomial(k, l), subtract(multiply(bend(k, l), L), Q))


def bend(k: float, l: float) -> Number:
    """Return k q - l p, the derivative of the logarithm of p^k q^l."""
    return add(multiply(k, Q), multiply(-l, P))


def of_combine(x: Node, da: Number, db: Number) -> Number:
    k, l = x.constants
    return add(multiply(k, da), multiply(l, db))


def of_multiply(x: Node, da: Number, db: Number) -> Number:
    a, b = x.inputs
    return add(multiply(da, b), multiply(a, db))


def of_divide(x: Node, da: Number, db: Number) -> Number:
    return divide(subtract(da, multiply(x, db)), x.inputs[1])


def of_power(x: Node, da: Number) -> Number:
    (a,), (c,) = x.inputs, x.constants
    if c >= 1:
        return multiply(multiply(c, power(a, c - 1)), da)
    # The root's slope at 0 is 0, not infinite.
    return divide(multiply(multiply(c, x), da), select(less(0.0, a), a, 1.0))


def of_maximum(x: Node, da: Number, db: Number) -> Number:
    return select(less(*x.inputs), db, da)


# For each operation, a function of the node and of the derivatives of its inputs.
RULES: dict[str, Callable[..., Number]] = {
    "L": lambda x: multiply(-1.0, Q),
    "log_q": lambda x: multiply(-1.0, P),
    "monomial": of_monomial,
    "modulated_L": of_modulated_L,
    "complement_p": lambda x: multiply(-x.constants[0], monomial(x.constants[0], 1.0)),
    "complement_q": lambda x: multiply(x.constants[0], monomial(1.0, x.constants[0])),
    "constant": lambda x: 0.0,
    "class_constant": lambda x: 0.0,
    "affine": lambda x, da: multiply(x.constants[0], da),
    "combine": of_combine,
    "multiply": of_multiply,
    "divide": of_divide,
    "power": of_power,
    "exp": lambda x, da: multiply(x, da),
    "expm1": lambda x, da: multiply(exp(x.inputs[0]), da),
    "log": lambda x, da: divide(da, x.inputs[0]),
    "log1p": lambda x, da: divide(da, add(x.inputs[0], 1.0)),
    "maximum": of_maximum,
    "less": lambda x, da, db: 0.0,
    "select": lambda x, da, db, _: select(x.inputs[2], da, db),
}
