"""Operations on the values of a formula, each written so that nothing cancels.

    1 - p = q    1 - q = p    log p = -L    exp(-c L) = p^c    1 - p^c one operation
    p^k q^l and p^k q^l L one operation, whatever products, powers or roots wrote them

A value is a float or a node of a graph.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from skxent.losses._graph import Node, Number, node

Scaled: TypeAlias = tuple[float, Node, float]


def monomial(k: float, l: float) -> Number:
    """Return p^k q^l."""
    return node("monomial", constants=(k, l)) if k or l else 1.0


def modulated_L(k: float, l: float) -> Node:
    """Return p^k q^l L."""
    return node("modulated_L", constants=(k, l)) if k or l else L


P = node("monomial", constants=(1.0, 0.0))
Q = node("monomial", constants=(0.0, 1.0))
L = node("L")
LOG_Q = node("log_q")


def split(x: Node) -> Scaled:
    """Return k, y and l of x = k y + l."""
    if x.operation == "affine":
        k, l = x.constants
        return k, x.inputs[0], l
    return 1.0, x, 0.0


def exponents(x: Number) -> tuple[float, float] | None:
    """Return k and l of x = p^k q^l."""
    if isinstance(x, Node) and x.operation == "monomial":
        k, l = x.constants
        return k, l
    return None


def complement(x: Node) -> Node | None:
    """Return 1 - x where it has a form of its own."""
    if x is P:
        return Q
    if x is Q:
        return P
    if x.operation == "complement_p":
        return node("monomial", constants=(x.constants[0], 0.0))
    if x.operation == "complement_q":
        return node("monomial", constants=(0.0, x.constants[0]))
    k, l = exponents(x) or (0.0, 0.0)
    if k and l == 0:
        return node("complement_p", constants=(k,))
    if l and k == 0:
        return node("complement_q", constants=(l,))
    return None


def affine(k: float, x: Number, l: float) -> Number:
    """Return k x + l."""
    if not isinstance(x, Node):
        return k * x + l
    inner, y, shift = split(x)
    k, l = k * inner, k * shift + l
    if k == 0:
        return l
    if l == -k:
        if y.operation == "exp":
            return affine(k, expm1(y.inputs[0]), 0.0)
        if (other := complement(y)) is not None:
            return affine(-k, other, 0.0)
    if l == k and exponents(y) in ((-1.0, 1.0), (1.0, -1.0)):
        # 1 + q/p = 1/p, and 1 + p/q = 1/q
        return multiply(k, monomial(*(min(c, 0.0) for c in y.constants)))
    return y if (k, l) == (1.0, 0.0) else node("affine", y, constants=(k, l))


def add(a: Number, b: Number) -> Number:
    """Return a + b."""
    if not isinstance(b, Node):
        return affine(1.0, a, b)
    if not isinstance(a, Node):
        return affine(1.0, b, a)
    (k, x, shift), (l, y, more) = split(a), split(b)
    shift += more
    if x is y:
        return affine(k + l, x, shift)
    if k == l and {x, y} == {P, Q}:
        return k + shift
    # p^a q^b - p^(a+c) q^b = p^a q^b (1 - p^c), and the same with p and q exchanged
    one, two = exponents(x), exponents(y)
    if one and two and k == -l:
        for i in (0, 1):
            if one[i] == two[i]:
                sign, low, high = (k, one, two) if one < two else (l, two, one)
                powers = [0.0, 0.0]
                powers[1 - i] = high[1 - i] - low[1 - i]
                rest = affine(-1.0, monomial(*powers), 1.0)
                return affine(sign, multiply(monomial(*low), rest), shift)
    return affine(1.0, node("combine", x, y, constants=(k, l)), shift)


def subtract(a: Number, b: Number) -> Number:
    """Return a - b."""
    return add(a, multiply(-1.0, b))


def multiply(a: Number, b: Number) -> Number:
    """Return a b."""
    if not isinstance(a, Node):
        return affine(a, b, 0.0)
    if not isinstance(b, Node):
        return affine(b, a, 0.0)
    (k, x, shift), (l, y, more) = split(a), split(b)
    # A factor goes to the outside, unless a number is added to it.
    k, x = (1.0, a) if shift else (k, x)
    l, y = (1.0, b) if more else (l, y)
    one, two = exponents(x), exponents(y)
    if one and two:
        return affine(k * l, monomial(one[0] + two[0], one[1] + two[1]), 0.0)
    for powers, other in ((one, y), (two, x)):
        if powers and (other is L or other.operation == "modulated_L"):
            a, b = other.constants or (0.0, 0.0)
            return affine(k * l, modulated_L(powers[0] + a, powers[1] + b), 0.0)
    return affine(k * l, node("multiply", x, y), 0.0)


def product(a: Number, b: Number) -> Number:
    """Return a b as a formula writes it: (1 - p) (1 + p) is 1 - p²."""
    if isinstance(a, Node) and isinstance(b, Node):
        for (k, x, shift), (l, y, more) in ((split(a), split(b)), (split(b), split(a))):
            if shift == 0 and l == more and complement(y) is x:
                return multiply(k * l, subtract(1.0, power(y, 2.0)))
    return multiply(a, b)


def divide(a: Number, b: Number) -> Number:
    """Return a / b."""
    if not isinstance(b, Node):
        if b == 0:
            raise ZeroDivisionError("phi must not divide by zero.")
        return affine(1 / b, a, 0.0)
    l, y, shift = split(b)
    two = None if shift else exponents(y)
    if two and (not isinstance(a, Node) or exponents(split(a)[1])):
        return multiply(multiply(1 / l, a), monomial(-two[0], -two[1]))
    return node("divide", a, b)


def power(a: Number, c: Number) -> Number:
    """Return a^c."""
    if isinstance(c, Node):
        return exp(multiply(c, log(a)))
    if not isinstance(a, Node):
        return a**c
    if c in (0.0, 1.0):
        return a if c else 1.0
    k, x, shift = split(a)
    if shift == 0 and k > 0 and k != 1:
        return multiply(k**c, power(x, c))
    if (one := exponents(a)) is not None:
        return monomial(c * one[0], c * one[1])
    if a.operation == "exp":
        return exp(multiply(c, a.inputs[0]))
    if c in (2.0, 3.0, 4.0):
        return multiply(power(a, c // 2), power(a, c - c // 2))
    if c < 0:
        return divide(1.0, power(a, -c))
    return node("power", a, constants=(c,))


def logarithms(x: Node) -> tuple[float, float, float] | None:
    """Return k, l and c of x = k log p + l log q + c."""
    k, y, shift = split(x)
    if y is L:
        return -k, 0.0, shift
    if y is LOG_Q:
        return 0.0, k, shift
    if y.operation == "combine" and set(y.inputs) == {L, LOG_Q}:
        of_L, of_q = y.constants if y.inputs[0] is L else y.constants[::-1]
        return -k * of_L, k * of_q, shift
    return None


def exp(x: Number) -> Number:
    """Return e^x."""
    if not isinstance(x, Node):
        return float(np.exp(x))
    if (found := logarithms(x)) is not None:
        return multiply(math.exp(found[2]), monomial(*found[:2]))
    return x.inputs[0] if x.operation == "log" else node("exp", x)


def expm1(x: Number) -> Number:
    """Return e^x - 1."""
    if not isinstance(x, Node):
        return float(np.expm1(x))
    found = logarithms(x)
    if found is not None and found[2] == 0:
        return add(exp(x), -1.0)
    return node("expm1", x)


def log(x: Number) -> Number:
    """Return log x."""
    if not isinstance(x, Node):
        return float(np.log(x))
    k, y, shift = split(x)
    if shift == 0 and k > 0 and k != 1:
        return add(log(y), math.log(k))
    if shift > 0:
        return add(node("log1p", affine(k / shift, y, 0.0)), math.log(shift))
    if (one := exponents(x)) is not None:
        return add(multiply(-one[0], L), multiply(one[1], LOG_Q))
    if shift == 0 and y.operation == "maximum":
        # The logarithm of a clipped p is a clipped -L, which keeps its digits.
        a, b = (multiply(k, value_of(part)) for part in y.inputs)
        if all(isinstance(part, Node) or part > 0 for part in (a, b)):
            return (maximum if k > 0 else minimum)(log(a), log(b))
    return x.inputs[0] if x.operation == "exp" else node("log", x)


def value_of(x: Node) -> Number:
    """Return the float of a constant, or the node."""
    return x.constants[0] if x.operation == "constant" else x


def log1p(x: Number) -> Number:
    """Return log(1 + x)."""
    return log(add(x, 1.0))


def maximum(a: Number, b: Number) -> Number:
    """Return the larger of a and b."""
    if not isinstance(a, Node) and not isinstance(b, Node):
        return max(a, b)
    return a if a is b else node("maximum", a, b)


def minimum(a: Number, b: Number) -> Number:
    """Return the smaller of a and b."""
    return multiply(-1.0, maximum(multiply(-1.0, a), multiply(-1.0, b)))


def absolute(x: Number) -> Number:
    """Return |x|."""
    return maximum(x, multiply(-1.0, x))
