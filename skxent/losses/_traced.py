"""A loss as the kernels run it: its formula is traced, checked and measured, once."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from inspect import signature
from typing import Any

import numpy as np

from skxent.inputs.targets import make_target
from skxent.kernels.arrays import Floats
from skxent.kernels.cached import cached_by_identity, cached_property
from skxent.kernels.dispatch import kernels
from skxent.losses._expression import Expression, operand
from skxent.losses._graph import Node, node
from skxent.losses._program import Program, compile_graph
from skxent.losses._rewriting import L, P, Q

# Margins at which a formula is checked: close together where it bends, then far.
NEAR = np.linspace(-30, 30, 241)
L_NEAR = np.logaddexp(0, -NEAR)
FAR = np.concatenate([np.linspace(-700, -31, 60), NEAR, np.linspace(31, 700, 60)])
IN_FLOAT32 = FAR[np.abs(FAR) <= 80].astype(np.float32)
NEGLIGIBLE = 1e-9  # of what is compared with it
UNDERFLOWS = 1e-250  # φ' below it may have lost digits
OUT_OF_REACH = 1e4  # log(-φ'/q) on a side where φ is constant


@dataclass(frozen=True, eq=False)
class Traced:
    """A formula that has been traced and checked, and its properties: see `Loss`.

    curve : φ of the first class.
    tails : (classes, 4), for each class log(-φ'/q) where φ' underflows: a + b log q for
        margins far to the right, a - b L far to the left.
    """

    program: Program
    curve: Curve
    tails: Floats
    convex: bool
    proper: bool
    has_posterior: bool

    @cached_property
    def spec(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The loss as the kernels take it."""
        return self.program.spec(self.tails)


def trace(loss: Any) -> Program:
    """Return the program of a loss."""
    table: list[Any] = []

    def constant(name: str, values: Any) -> Any:
        table.append(values)
        return Expression(node("class_constant", constants=(len(table) - 1.0,)))

    shift = loss.margin_shift
    if shifted := bool(np.any(shift)):
        if not isinstance(shift, tuple):
            raise ValueError(
                f"margin_shift must be a tuple, a number for each class, got {shift!r}."
            )
        table.append(shift)
    symbolic = loss.map_by_class(constant)
    try:
        signature(symbolic.phi).bind("p", "q", "L")
    except TypeError:
        raise TypeError(
            f"phi must be a method phi(self, p, q, L), got {signature(symbolic.phi)}."
        ) from None
    try:
        # Infinite constants are noticed when the program is evaluated.
        with np.errstate(all="ignore"):
            result = operand(symbolic.phi(Expression(P), Expression(Q), Expression(L)))
    except (ArithmeticError, RecursionError) as error:
        given = ", ".join(f"{k}={v!r}" for k, v in loss.parameters().items())
        raise ValueError(
            f"phi must be numbers that a float holds, of few steps, got {error}"
            f"{given and f' for {given}'}."
        ) from error
    if not isinstance(result, Node):
        raise ValueError(f"phi must depend on p, q or L, got {result}.")
    if not table:
        return compile_graph(result, np.empty((0, 1)))
    if len({len(values) for values in table}) > 1:
        raise ValueError(
            "parameters must be numbers for the same classes, got "
            f"{', '.join(map(str, table))}."
        )
    return compile_graph(result, np.array(table), shifted)


# The losses of this module read only their fields, so equal ones share a trace. Equal
# losses of a user may differ in the globals that they read.
SHIPPED = "skxent.losses._shipped"


@dataclass(frozen=True)
class Key:
    """A key of a cache, which also carries the object that it stands for."""

    of: tuple[Any, ...]
    it: Any = field(compare=False)


@cached_by_identity
def traced(loss: Any) -> Traced:
    """Return the trace of a loss, made once for equal losses of this package."""
    kind, numbers = type(loss), [getattr(loss, item.name) for item in fields(loss)]
    plain = all(isinstance(number, (int, float)) for number in numbers)
    shared = plain and kind.__module__ == SHIPPED
    return traced_once(Key((kind, *numbers), loss)) if shared else newly_traced(loss)


@lru_cache(maxsize=4096)
def traced_once(key: Key) -> Traced:
    return newly_traced(key.it)


def newly_traced(loss: Any) -> Traced:
    """Trace a loss; the properties of its program are shared with equal programs."""
    program = trace(loss)
    theta = program.theta
    found = checked(Key((program.code, theta.shape, theta.tobytes()), program))
    if len(theta) == 0:
        check_called(loss, found.curve)
    return found


@lru_cache(maxsize=4096)
def checked(key: Key) -> Traced:
    """Return a program with its properties."""
    program: Program = key.it
    classes = [column_of(program, c) for c in range(max(1, program.theta.shape[1]))]
    curves = [Curve.of(one) for one in classes]
    for curve in curves:
        curve.check()
    slopes = [curve.log_slope[np.abs(curve.m) <= NEAR[-1]] for curve in curves]
    flat = np.isneginf(slopes).any()
    return Traced(
        program,
        curves[0],
        np.array([curve.tails() for curve in curves]),
        convex=all(curve.is_convex() for curve in curves),
        # One constant for all classes: else the likeliest one has no say alone.
        proper=not flat and bool(np.ptp(slopes) <= NEGLIGIBLE),
        has_posterior=all(curve.has_posterior() for curve in curves),
    )


def column_of(program: Program, c: int) -> Program:
    """Return the program for one class."""
    theta = program.theta[:, [c, c]] if len(program.theta) else program.theta
    return replace(program, theta=np.ascontiguousarray(theta))


@dataclass(frozen=True, eq=False)
class Curve:
    """φ, φ', φ'' and log(-φ'/q), -inf where φ is constant, of a class at margins m."""

    m: Floats
    f: Floats
    f1: Floats
    f2: Floats
    log_slope: Floats

    @staticmethod
    def of(program: Program) -> Curve:
        """Evaluate a program at `FAR` margins, and check that float32 can, too."""
        evaluate(program, IN_FLOAT32)
        f, f1, f2 = evaluate(program, FAR)
        if program.slope:
            of_slope = replace(program, code=program.slope, slope=b"")
            s = evaluate(of_slope, FAR, finite=False)[0]
        else:
            with np.errstate(divide="ignore"):
                s = np.log(np.where(-f1 > UNDERFLOWS, -f1, 0)) + np.logaddexp(0, FAR)
        s[~np.isfinite(s)] = -np.inf
        return Curve(FAR, f, f1, f2, s)

    def check(self) -> None:
        """Raise a ValueError unless φ falls to zero."""
        rising = self.f1 > NEGLIGIBLE * np.abs(self.f1).max()
        rising[1:] |= np.diff(self.f) > NEGLIGIBLE * np.abs(self.f[:-1])
        if rising.any():
            raise ValueError(
                f"phi must not grow with p, got growth at {where(self.m, rising)}: a "
                "loss that rewards wrong predictions has no minimum."
            )
        if not (self.f1 < 0).any():
            raise ValueError("phi must decrease with p somewhere, got a constant.")
        if abs(self.f[-1]) > NEGLIGIBLE * np.abs(self.f[np.abs(self.m) < 1]).max():
            raise ValueError(
                f"phi must vanish at p = 1, got {self.f[-1]:g} at log q = "
                f"{-self.m[-1]:g}. Subtract that constant, or take a larger power of q."
            )

    def is_convex(self) -> bool:
        """Whether the loss of logits is convex: φ' <= 0 is known, φ'' >= 0 is tested.

        Relative to p q, the curvature of cross-entropy, near the true margin. Where φ
        has kinks, φ' must not fall, either.
        """
        near = np.abs(self.m) <= NEAR[-1]
        f1, f2 = self.f1[near], self.f2[near]
        scale = np.exp(-np.abs(self.m[near])) * np.abs(f1).max()
        falls = np.diff(f1) < NEGLIGIBLE * f1[:-1]
        return bool((f2 >= -NEGLIGIBLE * scale).all() and not falls.any())

    def has_posterior(self) -> bool:
        """Whether φ' of all classes, which balance at a minimum, give probabilities.

        They do not where p q / φ' is the same for all logits, nor where φ is constant
        for small p: a class there may have any probability.
        """
        near = np.abs(self.m) <= NEAR[-1]
        slope = self.log_slope[near]
        flat = np.isneginf(slope) & (np.abs(NEAR + 5) <= 5)
        return not flat.any() and bool(np.ptp(slope + L_NEAR) > NEGLIGIBLE)

    def tails(self) -> list[float]:
        """Return a and b of log(-φ'/q) far to the right, then far to the left."""
        return [*self._tail(1), *self._tail(-1)]

    def _tail(self, side: int) -> tuple[float, float]:
        """Fit the line through two points, the last at which φ' has all digits."""
        s = self.log_slope
        good = np.flatnonzero(np.isfinite(s) & (side * self.m > 0))
        far = good[np.abs(self.m[good]) > NEAR[-1]]
        if len(far) < 2:
            return (-OUT_OF_REACH if side > 0 else OUT_OF_REACH), 0.0
        # x is log q to the right, and log p to the left.
        x = -np.logaddexp(0, side * self.m)
        last = far[-1] if side > 0 else far[0]
        other = far[np.abs(np.abs(self.m[far]) - abs(self.m[last]) / 2).argmin()]
        if other == last:
            other = far[0] if side > 0 else far[-1]
        b = float((s[last] - s[other]) / (x[last] - x[other]))
        # Exponents are mostly short numbers, and an error of b grows with the margin.
        b = round(b, 9) if abs(b - round(b, 9)) < 1e-12 else b
        return float(s[last] - b * x[last]), b


def evaluate(
    program: Program, margins: Floats, finite: bool = True
) -> tuple[Floats, Floats, Floats]:
    """Return φ, φ' and φ'' at these margins, where they must be `finite`."""
    n, dtype = len(margins), margins.dtype
    f, f1, f2 = np.empty(n, dtype), np.empty((n, 1), dtype), np.empty((n, 1), dtype)
    target = make_target(np.ones(n, dtype=np.intp), n, 2, dtype=dtype)
    arrays = {"value": f, "gradient": f1, "hessian": f2}
    spec = program.spec(np.zeros((max(1, program.theta.shape[1]), 4)))
    kernels.evaluate(spec, target, margins[:, np.newaxis], arrays)
    # The kernels keep derivatives that overflow finite, below these.
    least = 1e35 if dtype == np.float32 else 1e305
    slopes = np.abs([f1[:, 0], f2[:, 0]])
    bad = ~(np.isfinite(f) & (slopes < 0.99 * least).all(axis=0))
    if finite and bad.any():
        raise ValueError(
            f"phi and its derivatives must be finite in {dtype} for every p in (0, 1), "
            f"got infinity or NaN at {where(margins, bad)}."
        )
    return f, f1[:, 0], f2[:, 0]


def where(margins: Floats, bad: Any) -> str:
    """Return which of the bad margins is nearest to 0, by its p."""
    m = margins[bad][np.abs(margins[bad]).argmin()]
    return f"p = {1 / (1 + np.exp(-float(m))):.3g}"


def check_called(loss: Any, curve: Curve) -> None:
    """Raise a ValueError unless phi of numbers gives the results of its program."""
    near = np.abs(curve.m) <= 20
    m = curve.m[near]
    p, q, L = 1 / (1 + np.exp(-m)), 1 / (1 + np.exp(m)), np.logaddexp(0, -m)
    with np.errstate(all="ignore"):
        called = np.broadcast_to(loss.phi(p, q, L), m.shape)
    wrong = ~(np.abs(called - curve.f[near]) <= 1e-6 * (1 + np.abs(curve.f[near])))
    if wrong.any():
        raise ValueError(
            "phi must give the same value whenever it is called, got "
            f"another at {where(m, wrong)}."
        )
