"""The class probabilities that logits imply, as an ONNX graph: see src/posterior.pxd.

log(-φ'/q) comes from the graph of the loss's formula. Its powers are sums of logarithms
(losses/_log_slope.py), so that the numbers of a graph of float32 do not underflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skxent.kernels.arrays import Floats
from skxent.losses._graph import fold
from skxent.losses._log_slope import log_slope
from skxent.losses._rewriting import L, multiply, subtract
from skxent.losses._traced import traced
from skxent.onnx._graph import Graph


def posterior(g: Graph, z: Any, model: Any) -> Any:
    """Return log η up to a constant for each row."""
    loss, class_weight, smoothing = model.trained_loss_
    K = len(model.classes_)
    t = log_tau(g, z, loss)
    if smoothing:
        tau = g("Softmax", t, axis=1)
        x = g("Sub", tau, g.const(smoothing / K))
        known = g("Greater", x, g("Mul", tau, g.const(0.01)))
        # Both branches are evaluated: the logarithm of one that is not taken is of 1.
        log_x = g("Log", g("Where", known, x, g.const(1.0)))
        kept = g("Add", g("LogSoftmax", t, axis=1), g.const(np.log(0.01)))
        t = g("Where", known, log_x, kept)
    if class_weight is not None:
        t = g("Sub", t, g.const(np.log(class_weight)))
    return t


def log_tau(g: Graph, z: Any, loss: Any) -> Any:
    """Return log p - log(-φ'/q) of every class up to a constant for each row."""
    found = traced(loss)
    program = found.program
    x, r = log_slope(program.result)
    if isinstance(x, float) and isinstance(r, float) and not program.shifted:
        return z
    margins = Margins.of_logits(g, z)
    here = margins.shifted(program.theta[0]) if program.shifted else margins
    operations = here.operations(program.theta)
    if program.shifted:
        slope = g("Add", fold(x, operations), g("Sub", here.log_q, margins.log_q))
        t = g("Sub", margins.log_p, slope)
    else:
        t = fold(subtract(multiply(-1.0, L), x), operations)
    if isinstance(r, float):
        return t
    rest = fold(r, operations)
    known = g("And", *(g(a, rest, g.const(b)) for a, b in g.normal_numbers))
    log_rest = g("Log", g("Where", known, rest, g.const(1.0)))
    return g("Where", known, g("Sub", t, log_rest), margins.far(found.tails))


@dataclass(frozen=True)
class Margins:
    """log p and log q of the margins of all classes."""

    g: Graph
    log_p: Any
    log_q: Any

    @staticmethod
    def of_logits(g: Graph, z: Any) -> Margins:
        """Return the margins of logits."""
        log_p = g("LogSoftmax", z, axis=1)
        # One class at most has p > 1/2: there q is the sum of the others.
        p = g("Exp", log_p)
        likely = g("Greater", p, g.const(0.5))
        others = g("Where", likely, g.const(2 * g.lowest), log_p)
        top = g.reduce("Max", others)
        total = g.reduce("Sum", g("Exp", g("Sub", others, top)))
        q = g("Sub", g.const(1.0), g("Where", likely, g.const(0.0), p))
        log_others = g("Add", top, g("Log", total))
        return Margins(g, log_p, g("Where", likely, log_others, g("Log", q)))

    def shifted(self, delta: Floats) -> Margins:
        """Return the margins less those of each class: q/p becomes e^Δ q/p."""
        g = self.g
        p, q = g("Exp", self.log_p), g("Exp", self.log_q)
        total = g("Log", g("Add", p, g("Mul", q, g.const(np.exp(delta)))))
        log_p, log_q = (g("Sub", x, total) for x in (self.log_p, self.log_q))
        return Margins(g, log_p, g("Add", log_q, g.const(delta)))

    def far(self, tails: Floats) -> Any:
        """Return log p less the lines to which log(-φ'/q) tends on either side."""
        g = self.g
        right, right_slope, left, left_slope = tails.T
        ahead = g("Greater", self.log_p, g.const(np.log(0.5)))
        line = g("Add", g("Mul", self.log_q, g.const(right_slope)), g.const(right))
        # Left the logarithms are large, and may cancel.
        rest = g("Mul", self.log_p, g.const(1 - left_slope))
        return g(
            "Where", ahead, g("Sub", self.log_p, line), g("Sub", rest, g.const(left))
        )

    def operations(self, theta: Floats) -> dict[str, Callable[..., Any]]:
        """Return the operations of a formula as functions that add nodes."""
        g, log_q = self.g, self.log_q
        q = g("Exp", log_q)
        ratio = over_q(g, g("Neg", self.log_p), q)
        L = g("Mul", q, ratio)

        def log_power(k: float, l: float) -> Any:
            terms = [g("Mul", x, g.const(c)) for x, c in ((L, -k), (log_q, l)) if c]
            return terms[0] if len(terms) == 1 else g("Add", *terms)

        def power(k: float, l: float) -> Any:
            return g("Exp", log_power(k, l)) if k or l else g.const(1.0)

        def scaled(x: Any, k: float, l: float) -> Any:
            return g("Add", g("Mul", x, g.const(k)), g.const(l))

        return {
            "L": lambda: L,
            "log_q": lambda: log_q,
            "monomial": power,
            "modulated_L": lambda k, l: g("Mul", power(k, l + 1), ratio),
            "complement_p": lambda k: g("Neg", g.expm1(log_power(k, 0.0))),
            "complement_q": lambda k: g("Neg", g.expm1(log_power(0.0, k))),
            "constant": g.const,
            "class_constant": lambda j: g.const(theta[int(j)]),
            "affine": scaled,
            "combine": lambda x, y, k, l: g(
                "Add", g("Mul", x, g.const(k)), g("Mul", y, g.const(l))
            ),
            "multiply": lambda x, y: g("Mul", x, y),
            "divide": lambda x, y: g("Div", x, y),
            "power": lambda x, c: g("Pow", x, g.const(c)),
            "exp": lambda x: g("Exp", x),
            "expm1": g.expm1,
            "log": lambda x: g("Log", x),
            "log1p": g.log1p,
            "maximum": lambda x, y: g("Max", x, y),
            "less": lambda x, y: g("Cast", g("Less", x, y), to=g.onnx_type),
            "select": lambda x, y, c: g("Where", g.is_true(c), x, y),
        }


def over_q(g: Graph, L: Any, q: Any) -> Any:
    """Return L/q, where L is lost to rounding as log(1 - q) / -q."""
    small, half = g("Less", q, g.const(0.5)), g.const(0.5)
    near_one = g.log1p_over(g("Neg", g("Where", small, q, half)))
    return g("Where", small, near_one, g("Div", L, g("Where", small, half, q)))
