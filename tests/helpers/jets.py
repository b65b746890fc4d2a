"""Formulas that are written with numpy, evaluated and differentiated in mpmath.

A `Jet` is a function of the margin at one point: its value and two derivatives, by the
rules of calculus, in the order in which the formula is written. Nothing is rewritten:
what cancels is computed with as many digits as it takes.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Jet(NDArrayOperatorsMixin):
    """f, f' and f'' of the margin.

    f : list of three numbers
    size : list of three numbers
        How much the errors of all steps may come to, in units of the rounding error of
        one: a running error analysis of the formula as it is written.
    decided : number
        The least distance, in the same units, from a point at which a comparison in the
        formula turns, relative to what is compared.
    """

    def __init__(self, f, size=None, decided=mp.inf):
        self.f = [mp.mpf(x) for x in f]
        self.size = list(map(abs, self.f)) if size is None else size
        self.decided = decided

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        assert method == "__call__" and not keywords
        return FUNCTIONS[ufunc.__name__](*map(jet, inputs))

    def __array_function__(self, function, types, args, keywords):
        if function is np.clip:
            x, low, high = args
            return smaller(larger(jet(x), jet(low)), jet(high))
        assert function is np.where
        return select(*map(jet, args))


def jet(x):
    return x if isinstance(x, Jet) else Jet([mp.mpf(float(x)), 0, 0])


def inputs(m):
    """p, q and L at the margin m."""
    p, q, L = 1 / (1 + mp.exp(-m)), 1 / (1 + mp.exp(m)), mp.log1p(mp.exp(-m))
    pq = p * q
    return Jet([p, pq, pq * (q - p)]), Jet([q, -pq, pq * (p - q)]), Jet([L, -q, pq])


def add(a, b):
    return Jet(
        [x + y for x, y in zip(a.f, b.f, strict=True)],
        [x + y for x, y in zip(a.size, b.size, strict=True)],
        min(a.decided, b.decided),
    )


def leibniz(a, b):
    return [
        a[0] * b[0],
        a[1] * b[0] + a[0] * b[1],
        a[2] * b[0] + 2 * a[1] * b[1] + a[0] * b[2],
    ]


def multiply(a, b):
    values = [list(map(abs, x.f)) for x in (a, b)]
    one, two = leibniz(a.size, values[1]), leibniz(values[0], b.size)
    size = [x + y for x, y in zip(one, two, strict=True)]
    return Jet(leibniz(a.f, b.f), size, min(a.decided, b.decided))


def chain(a, g):
    """g(a), given the derivatives of g of order 0 to 3 there."""
    f, size = a.f, a.size
    if any(isinstance(x, mp.mpc) for x in g):
        g = [mp.nan] * 4
    b, h = abs(f[1]), list(map(abs, g))
    return Jet(
        [g[0], g[1] * f[1], g[2] * f[1] ** 2 + g[1] * f[2]],
        [
            h[0] + h[1] * size[0],
            h[2] * size[0] * b + h[1] * size[1],
            h[3] * size[0] * b**2
            + 2 * h[2] * b * size[1]
            + h[2] * size[0] * abs(f[2])
            + h[1] * size[2],
        ],
        a.decided,
    )


def power(a, b):
    if b.f[1] or b.f[2] or b.size[1]:
        return exp(multiply(b, log(a)))
    c, x, g, factor = b.f[0], a.f[0], [], mp.mpf(1)
    for n in range(4):
        # 0 times a negative power of 0 is 0: the derivative of a constant.
        g.append(factor * x ** (c - n) if factor else mp.mpf(0))
        factor *= c - n
    return chain(a, g)


def exp(a):
    return chain(a, [mp.exp(a.f[0])] * 4)


def log(a, shift=0):
    x = a.f[0] + shift
    value = mp.nan
    if x > 0:
        value = mp.log1p(a.f[0]) if shift else mp.log(x)
    return chain(a, [value, 1 / x, -1 / x**2, 2 / x**3] if x else [mp.nan] * 4)


def expm1(a):
    return add(exp(a), jet(-1.0))


def negative(a):
    return Jet([-x for x in a.f], a.size, a.decided)


def decision(a, b):
    gap, size = abs(a.f[0] - b.f[0]), a.size[0] + b.size[0]
    return min(a.decided, b.decided, gap / size if size else mp.inf)


def truth(value, a, b):
    return Jet([int(value), 0, 0], [0, 0, 0], decision(a, b))


def select(condition, a, b):
    chosen = a if condition.f[0] else b
    return Jet(chosen.f, chosen.size, min(chosen.decided, condition.decided))


def larger(a, b):
    return select(truth(a.f[0] >= b.f[0], a, b), a, b)


def smaller(a, b):
    return select(truth(a.f[0] <= b.f[0], a, b), a, b)


FUNCTIONS = {
    "add": add,
    "subtract": lambda a, b: add(a, negative(b)),
    "multiply": multiply,
    "divide": lambda a, b: multiply(a, power(b, jet(-1.0))),
    "power": power,
    "negative": negative,
    "positive": lambda a: a,
    "square": lambda a: multiply(a, a),
    "sqrt": lambda a: power(a, jet(0.5)),
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": lambda a: log(a, 1),
    "maximum": larger,
    "minimum": smaller,
    "absolute": lambda a: larger(a, negative(a)),
    "less": lambda a, b: truth(a.f[0] < b.f[0], a, b),
    "less_equal": lambda a, b: truth(a.f[0] <= b.f[0], a, b),
    "greater": lambda a, b: truth(a.f[0] > b.f[0], a, b),
    "greater_equal": lambda a, b: truth(a.f[0] >= b.f[0], a, b),
    "bitwise_and": lambda a, b: select(a, b, a),
    "bitwise_or": lambda a, b: select(a, a, b),
    "invert": lambda a: Jet([1 - a.f[0], 0, 0], a.size, a.decided),
}
