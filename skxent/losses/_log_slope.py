"""log(-φ'/q), which the posterior divides by, as a graph in which nothing underflows.

φ' of a row far from the boundary is a power of p or q that underflows, while its
logarithm is a moderate number. Powers are therefore taken out of sums and products:

    -φ'/q = e^x r    log(-φ'/q) = x + log r
    φ = q^γ L:  -φ'/q = q^γ (q + γ p L) / q    x = γ log q    r = 1 + γ p L/q
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from skxent.losses._conditions import select
from skxent.losses._derivative import differentiate
from skxent.losses._graph import Node, Number, in_order, node
from skxent.losses._rewriting import (
    LOG_Q,
    L,
    P,
    Q,
    add,
    divide,
    exp,
    maximum,
    modulated_L,
    multiply,
    power,
    split,
)

Powers: TypeAlias = dict[Node, float]  # {y: c} for the product of all e^(c y)
Factored: TypeAlias = tuple[Powers, Number]


def log_slope(result: Number) -> tuple[Number, Number]:
    """Return x and r of log(-φ'/q) = x + log r, given the graph of φ.

    r is positive; it may still underflow for margins far out, where log(-φ'/q) is the
    line of `Traced.tails`.
    """
    powers, rest = factor(divide(multiply(-1.0, differentiate(result)), Q))
    return total(powers), rest


def factor(result: Number) -> Factored:
    """Return a graph as a product of powers and what is left."""
    if not isinstance(result, Node):
        return {}, result
    parts: dict[Node, Factored] = {}
    for x in in_order(result):
        rule = RULES.get(x.operation)
        inputs = (parts[y] for y in x.inputs)
        parts[x] = ({}, x) if rule is None else rule(x, *inputs)
    return parts[result]


def total(powers: Powers) -> Number:
    """Return the logarithm of a product of powers."""
    x: Number = 0.0
    for y, c in powers.items():
        x = add(x, multiply(c, y))
    return x


def merged(a: Powers, b: Powers, sign: float = 1.0) -> Powers:
    """Return the powers of a product, or for sign -1 of a quotient."""
    return {y: a.get(y, 0.0) + sign * b.get(y, 0.0) for y in {**a, **b}}


def shared_powers(a: Factored, b: Factored) -> tuple[Powers, Powers, Powers]:
    """Return the powers that two terms share, and those that each has beside them."""
    if a[1] == 0.0 or b[1] == 0.0:
        shared = a[0] if b[1] == 0.0 else b[0]
        return shared, {}, {}
    pairs = {y: (a[0].get(y, 0.0), b[0].get(y, 0.0)) for y in {**a[0], **b[0]}}
    shared = {y: c for y, (c, d) in pairs.items() if c == d}
    # L is -log p: these are the lowest powers of p and q.
    shared |= {y: f(pairs[y]) for y, f in ((L, max), (LOG_Q, min)) if y in pairs}
    return shared, merged(a[0], shared, -1.0), merged(b[0], shared, -1.0)


def common(a: Factored, b: Factored) -> tuple[Powers, Number, Number]:
    """Return the powers that two terms share, and what each has left."""
    shared, more_a, more_b = shared_powers(a, b)
    left = multiply(exp(total(more_a)), a[1])
    return shared, left, multiply(exp(total(more_b)), b[1])


def of_sum(k: float, a: Factored, l: float, b: Factored) -> Factored:
    """Factor k a + l b."""
    shared, left, right = common(a, b)
    rest = add(multiply(k, left), multiply(l, right))
    if isinstance(rest, Node) and rest.operation == "affine":
        (x,), (k, l) = rest.inputs, rest.constants
        if x in (P, Q) and k * l < 0 < l * (k + l):
            # l - |k| p = l q + (l - |k|) p, whose terms have one sign
            other = Q if x is P else P
            rest = node("combine", other, x, constants=(l, k + l))
    return shared, rest


def of_affine(x: Node, a: Factored) -> Factored:
    k, l = x.constants
    return of_sum(k, a, l, ({}, 1.0)) if l else (a[0], multiply(k, a[1]))


def of_select(x: Node, a: Factored, b: Factored, _: Factored) -> Factored:
    condition = x.inputs[2]
    shared, more_a, more_b = shared_powers(a, b)
    # A choice between two powers is a choice between their logarithms.
    chosen = select(condition, total(more_a), total(more_b))
    powers = {chosen: 1.0} if isinstance(chosen, Node) else {}
    return merged(shared, powers), select(condition, a[1], b[1])


def of_maximum(x: Node, a: Factored, b: Factored) -> Factored:
    shared, left, right = common(a, b)
    return shared, maximum(left, right)


def of_exp(x: Node, _: Factored) -> Factored:
    k, y, shift = split(x.inputs[0])
    return {y: k}, exp(shift)


def of_power(x: Node, a: Factored) -> Factored:
    (c,) = x.constants
    return {y: c * k for y, k in a[0].items()}, power(a[1], c)


# L = q (L/q), which is 1 far to the right
L_OVER_Q = modulated_L(0.0, -1.0)

RULES: dict[str, Callable[..., Factored]] = {
    "L": lambda x: ({LOG_Q: 1.0}, L_OVER_Q),
    "monomial": lambda x: ({L: -x.constants[0], LOG_Q: x.constants[1]}, 1.0),
    "modulated_L": lambda x: (
        {L: -x.constants[0], LOG_Q: x.constants[1] + 1.0},
        L_OVER_Q,
    ),
    "constant": lambda x: ({}, x.constants[0]),
    "affine": of_affine,
    "combine": lambda x, a, b: of_sum(x.constants[0], a, x.constants[1], b),
    "multiply": lambda x, a, b: (merged(a[0], b[0]), multiply(a[1], b[1])),
    "divide": lambda x, a, b: (merged(a[0], b[0], -1.0), divide(a[1], b[1])),
    "power": of_power,
    "exp": of_exp,
    "maximum": of_maximum,
    "select": of_select,
}
