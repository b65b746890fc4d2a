"""Formulas as they are printed: φ is called with LaTeX in place of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from skxent.losses._expression import FUNCTIONS, refuse
from skxent.losses._parameters import is_of_classes

GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|"
    "sigma|tau|upsilon|phi|chi|psi|omega"
)
# The precedence of the outermost operation of a text.
LOGIC, COMPARISON, SUM, PRODUCT, POWER, ATOM = range(6)


@dataclass(frozen=True, eq=False)
class Written(NDArrayOperatorsMixin):
    """A value of a formula as LaTeX.

    A value of parameters alone keeps its number, on which a formula may branch.
    """

    text: str
    rank: int = ATOM
    value: Any = None
    names: frozenset[str] = frozenset()
    negated: Written | None = None  # minus the value, if that is the simpler text

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any
    ) -> Any:
        parts = [written(x) for x in inputs]
        value = None
        if all(x.value is not None for x in parts):
            value = ufunc(*(x.value for x in parts))
        if isinstance(value, np.bool_ | bool):
            return bool(value)
        return combined(ufunc.__name__, parts, value)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, keywords: Any
    ) -> Any:
        if function is np.clip:
            return self.clip(*args[1:], **keywords)
        return combined(function.__name__, [written(x) for x in args], None)

    def clip(self, min: Any = None, max: Any = None) -> Any:
        """Return the value between min and max."""
        x: Any = self
        x = x if min is None else np.maximum(x, min)
        return x if max is None else np.minimum(x, max)

    def number(self) -> Any:
        """Return the number of parameters."""
        if self.value is None:
            raise TypeError(
                "phi must treat p, q, L and its parameters alike for all rows."
            )
        return self.value

    def __bool__(self) -> bool:
        return bool(self.number())

    def __float__(self) -> float:
        return float(self.number())

    def __int__(self) -> int:
        return int(self.number())

    def within(self, rank: int) -> str:
        """Return the text, in brackets if it binds less tightly."""
        return self.text if self.rank >= rank else rf"\left({self.text}\right)"


def written(value: Any) -> Written:
    """Return a number as LaTeX."""
    if isinstance(value, Written):
        return value
    if not isinstance(value, Real | np.bool_):
        refuse(f"a {type(value).__name__}")
    text = f"{float(value):.6g}"
    if "e" in text:
        factor, exponent = text.split("e")
        text = f"10^{{{int(exponent)}}}"
        text = text if factor == "1" else rf"{factor} \cdot {text}"
    return Written(text, SUM if text.startswith("-") else ATOM, float(value))


def combined(name: str, parts: list[Written], value: Any) -> Written:
    """Return the text of a function of texts."""
    writer = WRITERS.get(name)
    if writer is None:
        if name not in FUNCTIONS:
            refuse(f"np.{name}")
        texts = ", ".join(x.text for x in parts)
        text, rank, *negated = rf"\{name} \left({texts}\right)", PRODUCT
    else:
        text, rank, *negated = writer(*parts)
    names = frozenset().union(*(x.names for x in parts))
    return Written(text, rank, value, names, *negated)


def add(a: Written, b: Written) -> tuple[Any, ...]:
    if b.text.startswith("-"):
        return f"{a.text} - {b.text[1:]}", SUM
    return (b.text, b.rank) if a.text == "0" else (f"{a.text} + {b.text}", SUM)


def subtract(a: Written, b: Written) -> tuple[Any, ...]:
    return (
        f"{a.text} - {b.within(PRODUCT)}",
        SUM,
        Written(f"{b.text} - {a.within(PRODUCT)}", SUM),
    )


def negate(a: Written) -> tuple[Any, ...]:
    if a.negated is not None:
        return a.negated.text, a.negated.rank
    return f"-{a.within(PRODUCT)}", SUM, a


def multiply(a: Written, b: Written) -> tuple[Any, ...]:
    if "-1" in (a.text, b.text):
        return negate(b if a.text == "-1" else a)
    if "1" in (a.text, b.text):
        return (b.text, b.rank) if a.text == "1" else (a.text, a.rank)
    minus = a.text.startswith("-") and a.negated is not None
    left, right = a.text if minus else a.within(PRODUCT), b.within(PRODUCT)
    dot = r"\cdot " if right[0].isdigit() or left.startswith(r"\log ") else ""
    return f"{left} {dot}{right}", SUM if minus else PRODUCT


def divide(a: Written, b: Written) -> tuple[Any, ...]:
    if b.text == "1":
        return a.text, a.rank
    return rf"\frac{{{a.text}}}{{{b.text}}}", PRODUCT


def power(a: Written, b: Written) -> tuple[Any, ...]:
    if b.text == "1":
        return a.text, a.rank
    if b.text == "0.5":
        return rf"\sqrt{{{a.text}}}", ATOM
    return f"{a.within(ATOM)}^{{{b.text}}}", POWER


def expm1(a: Written) -> tuple[Any, ...]:
    return f"e^{{{a.text}}} - 1", SUM, Written(f"1 - e^{{{a.text}}}", SUM)


def logarithm(a: Written) -> tuple[Any, ...]:
    return rf"\log {a.within(POWER)}", PRODUCT


def select(c: Written, a: Written, b: Written) -> tuple[Any, ...]:
    if c.rank > COMPARISON:
        c = Written(rf"{c.text} \ne 0")
    cases = rf"{a.text} & {c.text} \\ {b.text} & \text{{otherwise}}"
    return rf"\begin{{cases}} {cases} \end{{cases}}", SUM


def infix(symbol: str, rank: int) -> Callable[[Written, Written], tuple[Any, ...]]:
    return lambda a, b: (f"{a.within(rank)} {symbol} {b.within(rank)}", rank)


WRITERS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "power": power,
    "float_power": power,
    "negative": negate,
    "positive": lambda a: (a.text, a.rank),
    "reciprocal": lambda a: divide(written(1), a),
    "square": lambda a: power(a, written(2)),
    "sqrt": lambda a: power(a, written(0.5)),
    "exp": lambda a: (f"e^{{{a.text}}}", POWER),
    "exp2": lambda a: (f"2^{{{a.text}}}", POWER),
    "expm1": expm1,
    "log": logarithm,
    "log2": lambda a: (rf"\log_2 {a.within(POWER)}", PRODUCT),
    "log10": lambda a: (rf"\log_{{10}} {a.within(POWER)}", PRODUCT),
    "log1p": lambda a: logarithm(Written(*add(written(1), a))),
    "maximum": lambda a, b: (rf"\max({a.text}, {b.text})", POWER),
    "minimum": lambda a, b: (rf"\min({a.text}, {b.text})", POWER),
    "absolute": lambda a: (rf"\left\lvert {a.text} \right\rvert", ATOM),
    "less": infix("<", COMPARISON),
    "less_equal": infix(r"\le", COMPARISON),
    "greater": infix(">", COMPARISON),
    "greater_equal": infix(r"\ge", COMPARISON),
    "bitwise_and": infix(r"\land", LOGIC),
    "bitwise_or": infix(r"\lor", LOGIC),
    "where": select,
}
WRITERS |= {
    "fmax": WRITERS["maximum"],
    "fmin": WRITERS["minimum"],
    "fabs": WRITERS["absolute"],
    "logical_and": WRITERS["bitwise_and"],
    "logical_or": WRITERS["bitwise_or"],
}
P, Q, L = (Written(x, names=frozenset((x,))) for x in "pqL")


def symbol(name: str) -> str:
    """Return the LaTeX of a parameter's name."""
    head, _, rest = name.partition("_")
    if name in ("p", "q", "L", "m"):
        return r"\theta"  # These letters are taken.
    if GREEK.fullmatch(head):
        head = f"\\{head}"
    elif len(head) > 1 or not head:
        escaped = name.replace("_", r"\_")
        return rf"\mathrm{{{escaped}}}"
    return rf"{head}_{{\mathrm{{{rest}}}}}" if rest else head


def formula(loss: Any) -> tuple[str, dict[str, str]]:
    """Return φ as LaTeX, and what its letters stand for: the values of parameters."""
    legend = {"q": "1 - p", "L": r"-\log p"}

    def name(key: str, value: Any) -> Any:
        text = symbol(key)
        if is_of_classes(value):
            text += "_c"
            numbers = value.values() if hasattr(value, "values") else value
            legend[text] = rf"({', '.join(written(x).text for x in numbers)})"
            return Written(text, names=frozenset((text,)))
        if not isinstance(value, Real) or isinstance(value, bool):
            return value
        legend[text] = written(value).text
        return Written(text, value=value, names=frozenset((text,)))

    try:
        found = written(loss.with_symbols(name).phi(P, Q, L))
    except (TypeError, ValueError):  # It wants numbers, as math.exp does.
        found = written(loss.map_by_class(name).phi(P, Q, L))
    return found.text, {x: legend[x] for x in legend if x in found.names}


def latex(loss: Any) -> str:
    """Return φ as LaTeX, with what its letters stand for."""
    text, legend = formula(loss)
    shift = r"m - \Delta_c" if np.any(loss.margin_shift) else "m"
    parts = [rf"\varphi({shift}) = {text}"]
    parts += [f"{x} = {value}" for x, value in legend.items()]
    return r",\quad ".join(parts)
